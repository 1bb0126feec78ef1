/**
 * .proto text → messages as readers and writers need them, and the SQL type of a message. The text is parsed by protobufjs (its parser only: nothing of its
 * code generation runs); imports come from the schema's references in the registry or from the files that are bundled here. Data is read by generated code (`decoder.ts`).
 */
import protobuf from 'protobufjs'
import type { DataType, Field } from '../../types.ts'
import { bundledFile } from './well-known.ts'

/** Characters of one .proto file. */
export const PROTOBUF_LIMIT_TEXT = 4 << 20
/** Messages and enums in a schema and everything it imports. */
export const PROTOBUF_LIMIT_TYPES = 10_000
/** Fields in all messages together. */
export const PROTOBUF_LIMIT_FIELDS = 100_000

/** The text is not a usable Protobuf schema; the message says why. */
export class ProtobufSchemaError extends Error {}

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

export interface ProtoMessage {
  readonly kind: 'message'
  /** Full name, without a dot in front. */
  readonly name: string
  /** In the order of the declaration. */
  readonly fields: ProtoField[]
  /** One of the messages that stand for a value of another type: a timestamp, a wrapped number, a JSON value. */
  readonly meaning?: Meaning
}

export type ProtoLeaf = { readonly kind: 'scalar'; readonly scalar: ProtoScalar } | ProtoEnum
export type ProtoType = ProtoLeaf | ProtoMessage

/** What a message of a well-known name means. */
export type Meaning =
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'duration' }
  | { readonly kind: 'wrapper'; readonly scalar: ProtoScalar }
  | { readonly kind: 'json'; readonly shape: 'struct' | 'value' | 'list' }
  | { readonly kind: 'decimal' }
  | { readonly kind: 'date' }
  | { readonly kind: 'time' }

export interface ProtoField {
  readonly name: string
  readonly number: number
  readonly type: ProtoType
  /** `one`: at most one value; `list`: repeated; `map`: repeated entries of a key and a value (`type` is the value's). */
  readonly shape: 'one' | 'list' | 'map'
  /** The type of a map's keys. */
  readonly key?: ProtoScalar
  /** Whether writers put the numbers of a list into one block. Readers take both. */
  readonly packed: boolean
  /** `implicit`: an absent value is the default; `explicit`: it is NULL (or the declared default); `required`: the record is bad. Of shape `one` only. */
  readonly presence: 'implicit' | 'explicit' | 'required'
  /** Numbers of the other fields of the same oneof. */
  readonly siblings: readonly number[]
  /** What an absent value reads as; undefined: NULL. Strings for string and enum (its name), base64 for bytes, digits for 64-bit integers are not used: bigint or number. */
  readonly fallback?: string | number | bigint | boolean | Uint8Array
  readonly doc?: string
}

export interface ProtoSchema {
  /** The messages of the file itself (not of its imports) at the top level, in order. */
  readonly messages: readonly ProtoMessage[]
  /** The message that a list of indexes leads to: the first at top level, each further one inside of the message before. */
  byIndexes(indexes: readonly number[]): ProtoMessage | undefined
  /** A message of the file by its full name, or its name without the package. */
  byName(name: string): ProtoMessage | undefined
  /** The list of indexes of a message of the file. */
  indexesOf(message: ProtoMessage): readonly number[] | undefined
}

/** A file that the schema imports, as the registry gives it. */
export interface ProtoImport {
  /** The name in the import statement. */
  readonly name: string
  readonly text: string
}

const MAIN = '(schema)'

/** Parses schema text as a registry gives it. `imports` in any order. Throws ProtobufSchemaError. */
export function parseProtobufSchema(text: string, imports: readonly ProtoImport[] = []): ProtoSchema {
  const root = new protobuf.Root()
  const missing: string[] = []
  try {
    const given = new Map(imports.map((file) => [file.name, file.text]))
    const wanted = parseFile(text, MAIN, root)
    const done = new Set<string>()
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
      if (done.has(name)) continue
      done.add(name)
      const own = given.get(name)
      if (own !== undefined) wanted.push(...parseFile(own, name, root))
      else {
        const bundled = bundledFile(name)
        if (bundled === undefined) missing.push(name)
        else if (typeof bundled === 'string') wanted.push(...parseFile(bundled, name, root))
        else root.addJSON(bundled)
      }
    }
    root.resolveAll()
  } catch (error) {
    if (error instanceof ProtobufSchemaError) throw error
    const note = missing.length === 0 ? '' : ` (the file ${missing.join(', ')}, which it imports, is not among its references)`
    throw new ProtobufSchemaError(`the Protobuf schema cannot be used: ${error instanceof Error ? error.message : String(error)}${note}`)
  }
  return new Linker(root).schema()
}

/** Adds a file to the root; the names that it imports. */
function parseFile(text: string, name: string, root: protobuf.Root): string[] {
  if (text.length > PROTOBUF_LIMIT_TEXT)
    throw new ProtobufSchemaError(`the Protobuf file ${name} has ${text.length} characters, the limit is ${PROTOBUF_LIMIT_TEXT}`)
  const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null }
  parser.filename = name
  try {
    const parsed = parser(text, root, { keepCase: true })
    return [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])]
  } finally {
    parser.filename = null
  }
}

const SCALARS: ReadonlySet<string> = new Set<ProtoScalar>([
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'bool',
  'string',
  'bytes',
])

const WRAPPERS: Readonly<Record<string, ProtoScalar>> = {
  DoubleValue: 'double',
  FloatValue: 'float',
  Int64Value: 'int64',
  UInt64Value: 'uint64',
  Int32Value: 'int32',
  UInt32Value: 'uint32',
  BoolValue: 'bool',
  StringValue: 'string',
  BytesValue: 'bytes',
}

function meaningOf(name: string): Meaning | undefined {
  switch (name) {
    case 'google.protobuf.Timestamp':
      return { kind: 'timestamp' }
    case 'google.protobuf.Duration':
      return { kind: 'duration' }
    case 'google.protobuf.Struct':
      return { kind: 'json', shape: 'struct' }
    case 'google.protobuf.Value':
      return { kind: 'json', shape: 'value' }
    case 'google.protobuf.ListValue':
      return { kind: 'json', shape: 'list' }
    case 'confluent.type.Decimal':
      return { kind: 'decimal' }
    case 'google.type.Date':
      return { kind: 'date' }
    case 'google.type.TimeOfDay':
      return { kind: 'time' }
    default:
  }
  const wrapper = name.startsWith('google.protobuf.') ? name.slice(16) : ''
  return Object.hasOwn(WRAPPERS, wrapper) ? { kind: 'wrapper', scalar: WRAPPERS[wrapper] } : undefined
}

/** Makes our messages of the parser's. */
class Linker {
  readonly #root: protobuf.Root
  readonly #messages = new Map<protobuf.Type, ProtoMessage>()
  readonly #enums = new Map<protobuf.Enum, ProtoEnum>()
  #fields = 0
  constructor(root: protobuf.Root) {
    this.#root = root
  }

  schema(): ProtoSchema {
    const tops: protobuf.Type[] = []
    const search = (namespace: protobuf.NamespaceBase): void => {
      for (const item of namespace.nestedArray) {
        if (item instanceof protobuf.Type) {
          if (item.filename === MAIN) tops.push(item)
        } else if (item instanceof protobuf.Namespace) search(item)
      }
    }
    search(this.#root)
    const messages = tops.map((type) => this.#message(type))
    const byPath = new Map<string, ProtoMessage>()
    const byName = new Map<string, ProtoMessage>()
    const paths = new Map<ProtoMessage, readonly number[]>()
    const note = (type: protobuf.Type, path: readonly number[], short: string): void => {
      const message = this.#message(type)
      byPath.set(path.join(), message)
      byName.set(message.name, message)
      if (!byName.has(short)) byName.set(short, message)
      paths.set(message, path)
      insideOf(type).forEach((inner, i) => note(inner, [...path, i], `${short}.${inner.name}`))
    }
    tops.forEach((type, i) => note(type, [i], type.name))
    return {
      messages,
      byIndexes: (indexes) => byPath.get(indexes.join()),
      byName: (name) => byName.get(name),
      indexesOf: (message) => paths.get(message),
    }
  }

  #message(type: protobuf.Type): ProtoMessage {
    const known = this.#messages.get(type)
    if (known !== undefined) return known
    const name = type.fullName.replace(/^\./, '')
    const fields: ProtoField[] = []
    const meaning = meaningOf(name)
    const message: ProtoMessage = meaning === undefined ? { kind: 'message', name, fields } : { kind: 'message', name, fields, meaning }
    this.#messages.set(type, message)
    if (this.#messages.size + this.#enums.size > PROTOBUF_LIMIT_TYPES)
      throw new ProtobufSchemaError(`the Protobuf schema has more types than the limit of ${PROTOBUF_LIMIT_TYPES}`)
    // Groups are stepped over, and so are extensions: unknown fields.
    for (const field of type.fieldsArray) {
      const { resolvedType } = field
      const group = field.delimited || (resolvedType instanceof protobuf.Type && isGroup(resolvedType))
      if (!group && (field.declaringField ?? undefined) === undefined) fields.push(this.#field(field, type))
    }
    return message
  }

  #field(field: protobuf.Field, parent: protobuf.Type): ProtoField {
    if (++this.#fields > PROTOBUF_LIMIT_FIELDS) throw new ProtobufSchemaError(`the Protobuf schema has more fields than the limit of ${PROTOBUF_LIMIT_FIELDS}`)
    const type = this.#type(field)
    const shape = field instanceof protobuf.MapField ? 'map' : field.repeated ? 'list' : 'one'
    const presence = shape !== 'one' || type.kind === 'message' ? 'explicit' : field.required ? 'required' : field.hasPresence ? 'explicit' : 'implicit'
    const siblings = (field.partOf?.fieldsArray ?? []).filter((other) => other !== field).map((other) => other.id)
    const made: { -readonly [K in keyof ProtoField]: ProtoField[K] } = {
      name: field.name,
      number: field.id,
      type,
      shape,
      packed: shape === 'list' && field.packed && isPackable(type),
      presence: field.required && shape === 'one' ? 'required' : presence,
      siblings,
    }
    if (field instanceof protobuf.MapField) made.key = field.keyType as ProtoScalar
    const declared = (field.options as Record<string, unknown> | undefined)?.['default']
    const fallback = type.kind === 'message' || shape !== 'one' ? undefined : fallbackOf(type, field, presence === 'implicit' || declared !== undefined)
    if (fallback !== undefined) made.fallback = fallback
    if (typeof field.comment === 'string' && field.comment !== '') made.doc = field.comment
    if (parent.fieldsById[field.id] !== field) throw new ProtobufSchemaError(`the Protobuf message ${parent.name} uses the number ${field.id} twice`)
    return made
  }

  #type(field: protobuf.Field): ProtoType {
    const resolved = field.resolvedType
    if (resolved instanceof protobuf.Type) return this.#message(resolved)
    if (resolved instanceof protobuf.Enum) return this.#enum(resolved)
    if (!SCALARS.has(field.type)) throw new ProtobufSchemaError(`the Protobuf field ${field.name} has the unknown type ${field.type}`)
    return { kind: 'scalar', scalar: field.type as ProtoScalar }
  }

  #enum(type: protobuf.Enum): ProtoEnum {
    const known = this.#enums.get(type)
    if (known !== undefined) return known
    const names = new Map<number, string>()
    const numbers = new Map<string, number>()
    for (const [name, number] of Object.entries(type.values)) {
      if (!names.has(number)) names.set(number, name)
      numbers.set(name, number)
    }
    const [first = 0] = numbers.values()
    const made: ProtoEnum = { kind: 'enum', name: type.fullName.replace(/^\./, ''), names, numbers, first }
    this.#enums.set(type, made)
    return made
  }
}

/** Whether values of the type can stand in a block: numbers of all kinds. */
function isPackable(type: ProtoType): boolean {
  return type.kind === 'enum' || (type.kind === 'scalar' && type.scalar !== 'string' && type.scalar !== 'bytes')
}

/** Messages declared inside of a message, as the registry's clients count them: without groups and map entries. */
function insideOf(type: protobuf.Type): protobuf.Type[] {
  return type.nestedArray.filter((item): item is protobuf.Type => item instanceof protobuf.Type && !isGroup(item))
}

function isGroup(type: protobuf.Type): boolean {
  return (type as { group?: boolean }).group === true
}

/** The value of an absent field: the declared default, or the type's own where `has` says that there is one. */
function fallbackOf(type: ProtoLeaf, field: protobuf.Field, has: boolean): ProtoField['fallback'] {
  if (!has) return undefined
  const given = field.typeDefault as unknown
  if (type.kind === 'enum') return type.names.get(Number(given ?? type.first)) ?? String(given)
  switch (type.scalar) {
    case 'string':
      return String(given ?? '')
    case 'bytes':
      return given instanceof Uint8Array ? new Uint8Array(given) : new Uint8Array(0)
    case 'bool':
      return given === true
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64': {
      const value = BigInt(String(given ?? 0))
      return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
    }
    default:
      return Number(given ?? 0)
  }
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

/** The type of a message's values. A recursive message gives a cyclic graph: whoever walks it needs a guard. */
export function protobufType(message: ProtoMessage): DataType {
  return typeOf(message, new Map())
}

/** The type of a field's values. */
export function fieldType(field: ProtoField): DataType {
  return shaped(field, new Map())
}

function shaped(field: ProtoField, known: Map<ProtoMessage, DataType>): DataType {
  const type = typeOf(field.type, known)
  return field.shape === 'list' ? { kind: 'array', element: type } : field.shape === 'map' ? { kind: 'map', value: type } : type
}

function typeOf(type: ProtoType, known: Map<ProtoMessage, DataType>): DataType {
  if (type.kind === 'scalar') return scalarType(type.scalar)
  if (type.kind === 'enum') return { kind: 'string' }
  if (type.meaning !== undefined) return meaningType(type.meaning)
  const made = known.get(type)
  if (made !== undefined) return made
  const fields: Field[] = []
  const struct: DataType = { kind: 'struct', name: type.name, fields }
  known.set(type, struct)
  for (const field of type.fields) {
    const nullable = field.shape === 'one' && field.fallback === undefined && field.presence !== 'required'
    const shape = { name: field.name, type: shaped(field, known), nullable }
    fields.push(field.doc === undefined ? shape : { ...shape, doc: field.doc })
  }
  return struct
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
      return { kind: 'json' }
    case 'decimal':
      return { kind: 'decimal' }
    case 'date':
      return { kind: 'date' }
    case 'time':
      return { kind: 'time', unit: 'nanos' }
  }
}
