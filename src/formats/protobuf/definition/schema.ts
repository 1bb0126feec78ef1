/** What a Protobuf schema is once it is linked: messages, fields, enums; and the types of SQL that they are read as. */
import type { DataType, Field } from '../../../types.ts'

/** The scalar types of Protobuf. */
export type ProtoScalar =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'

export interface ProtoEnum {
  readonly kind: 'enum'
  readonly name: string
  /** Name by number; of several names of one number the first. */
  readonly names: ReadonlyMap<number, string>
  readonly numbers: ReadonlyMap<string, number>
  /** The first value of the declaration: the default. */
  readonly first: number
}

/** A message with its fields. */
export interface ProtoMessage {
  readonly kind: 'message'
  /** Full name, without a dot in front. */
  readonly name: string
  /** In the order of the declaration. */
  readonly fields: ProtoField[]
  /** One of the messages that stand for a value of another type: a timestamp, a wrapped number, a JSON value. */
  readonly meaning?: Meaning
  /**
   * As the type of a field whose values stand between two tags (a group, DELIMITED) instead of behind a length: the
   * number of that field.
   */
  readonly group?: number
}

export type ProtoLeaf = { readonly kind: 'scalar'; readonly scalar: ProtoScalar } | ProtoEnum
/** The type of a field. */
export type ProtoType = ProtoLeaf | ProtoMessage

/** What a message of a well-known name means. */
export type Meaning =
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'duration' }
  | { readonly kind: 'wrapper'; readonly scalar: ProtoScalar }
  | { readonly kind: 'json'; readonly shape: 'struct' | 'value' | 'list' }
  /** A message of any type, with the type's name: `find` gives the message of a full name. */
  | { readonly kind: 'any'; readonly find: (name: string) => ProtoMessage | undefined }
  | { readonly kind: 'decimal' }
  | { readonly kind: 'date' }
  | { readonly kind: 'time' }

/** Fields of which a message has one at most: the one that came last. All its members share this object. */
export interface ProtoOneof {
  readonly fields: readonly ProtoField[]
}

/** A field of a message. */
export interface ProtoField {
  readonly name: string
  readonly number: number
  readonly type: ProtoType
  /**
   * `one`: at most one value; `list`: repeated; `map`: repeated entries of a key and a value (`type` is the value's).
   */
  readonly shape: 'one' | 'list' | 'map'
  /** The type of a map's keys. */
  readonly key?: ProtoScalar
  /** Whether writers put the numbers of a list into one block. Readers take both. */
  readonly packed: boolean
  /**
   * `implicit`: an absent value is the default; `explicit`: it is NULL (or the declared default); `required`: the
   * record is bad. Of shape `one` only.
   */
  readonly presence: 'implicit' | 'explicit' | 'required'
  /** The oneof that it is a member of. */
  readonly oneof?: ProtoOneof
  /**
   * What an absent value reads as; undefined: NULL. Strings for string and enum (its name), base64 for bytes, digits
   * for 64-bit integers are not used: bigint or number.
   */
  readonly fallback?: string | number | bigint | boolean | Uint8Array
}

/** The messages of a .proto file. */
export interface ProtoSchema {
  /** The messages of the file itself (not of its imports) at the top level, in order. */
  readonly messages: readonly ProtoMessage[]
  /**
   * The message that a list of indexes leads to: the first at top level, each further one inside of the message before.
   */
  byIndexes(indexes: readonly number[]): ProtoMessage | undefined
  /** A message of the file by its full name, or its name without the package. */
  byName(name: string): ProtoMessage | undefined
  /** The list of indexes of a message of the file. */
  indexesOf(message: ProtoMessage): readonly number[] | undefined
}

/** The type of the values of a scalar. Unsigned 64-bit integers are long too: they keep all digits. */
export function scalarType(scalar: ProtoScalar): DataType {
  switch (scalar) {
    case 'double':
      return { kind: 'double' }
    case 'float':
      return { kind: 'float' }
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return { kind: 'int' }
    case 'bool':
      return { kind: 'boolean' }
    case 'string':
      return { kind: 'string' }
    case 'bytes':
      return { kind: 'bytes' }
    default:
      return { kind: 'long' }
  }
}

/** The type of a message's values. A recursive message gives a cyclic graph: a walk needs a guard. */
export function protobufType(message: ProtoMessage): DataType {
  const types = new Types()
  const type = types.of(message)
  types.fill()
  return type
}

/** Types of messages under way; their fields are filled in later, because chains of messages may be long. */
class Types {
  readonly #known = new Map<ProtoMessage, DataType>()
  readonly #waiting: (() => void)[] = []

  of(type: ProtoType): DataType {
    if (type.kind === 'scalar') return scalarType(type.scalar)
    if (type.kind === 'enum') return { kind: 'string' }
    if (type.meaning !== undefined) return meaningType(type.meaning)
    const made = this.#known.get(type)
    if (made !== undefined) return made
    const fields: Field[] = []
    const struct: DataType = { kind: 'struct', name: type.name, fields }
    this.#known.set(type, struct)
    this.#waiting.push(() => {
      for (const field of type.fields) {
        const nullable = field.shape === 'one' && field.fallback === undefined && field.presence !== 'required'
        fields.push({ name: field.name, type: this.#shaped(field), nullable })
      }
    })
    return struct
  }

  #shaped(field: ProtoField): DataType {
    const type = this.of(field.type)
    return field.shape === 'list'
      ? { kind: 'array', element: type }
      : field.shape === 'map'
        ? { kind: 'map', value: type }
        : type
  }

  fill(): void {
    for (let fill = this.#waiting.pop(); fill !== undefined; fill = this.#waiting.pop()) fill()
  }
}

/** The type of a message that stands for another value. */
export function meaningType(meaning: Meaning): DataType {
  switch (meaning.kind) {
    case 'timestamp':
      return { kind: 'timestamp', unit: 'nanos' }
    case 'duration':
      return { kind: 'string' }
    case 'wrapper':
      return scalarType(meaning.scalar)
    case 'json':
    case 'any':
      return { kind: 'json' }
    case 'decimal':
      return { kind: 'decimal' }
    case 'date':
      return { kind: 'date' }
    case 'time':
      return { kind: 'time', unit: 'nanos' }
  }
}
