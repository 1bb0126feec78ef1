/**
 * .proto text → messages as readers and writers need them. Imports come from the schema's references in the registry or
 * from the files that are bundled (`well-known.ts`); types are looked up by name here. Data is read by generated code
 * (`decoder.ts`).
 */
import { integer } from '../../../lib/whole-number.ts'
import {
  type EnumDecl,
  type FieldDecl,
  type FileDecl,
  type MessageDecl,
  type Options,
  PROTOBUF_LIMIT_TEXT,
  ProtobufSchemaError,
  parseProto,
} from './parse.ts'
import { bundledFile } from './well-known.ts'
import type {
  Meaning,
  ProtoEnum,
  ProtoField,
  ProtoLeaf,
  ProtoMessage,
  ProtoOneof,
  ProtoScalar,
  ProtoSchema,
  ProtoType,
} from './schema.ts'

/**
 * Limit `protobuf.schema.types` (types): messages and enums of a schema and all that it imports. Beyond it: the schema
 * cannot be used; the message says so.
 */
export const PROTOBUF_LIMIT_TYPES = 10_000
/**
 * Limit `protobuf.schema.fields` (fields): fields in all messages of a schema together. Beyond it: the schema cannot be
 * used; the message says so.
 */
export const PROTOBUF_LIMIT_FIELDS = 100_000
/**
 * Limit `protobuf.schema.files` (files): files that a schema imports, directly or not. Beyond it: the schema cannot be
 * used; the message says so.
 */
const LIMIT_FILES = 1000

/**
 * Limit `protobuf.schema.name` (characters): full name of a message or enum. Beyond it: the schema cannot be used; the
 * message says so.
 */
const LIMIT_NAME = 4096

/** A file that the schema imports, as the registry gives it. */
export interface ProtoImport {
  /** The name in the import statement. */
  readonly name: string
  readonly text: string
}

/** Parses schema text as a registry gives it. `imports` in any order. Throws ProtobufSchemaError. */
export function parseProtobufSchema(text: string, imports: readonly ProtoImport[] = []): ProtoSchema {
  const given = new Map(imports.map((file) => [file.name, file.text]))
  const main = parseProto(text, '')
  let characters = text.length
  const files = [main]
  const missing: string[] = []
  const seen = new Set<string>()
  for (let i = 0; i < files.length; i++) {
    for (const name of files[i].imports) {
      if (seen.has(name)) continue
      seen.add(name)
      if (seen.size > LIMIT_FILES)
        throw new ProtobufSchemaError(`the Protobuf schema imports more files than the limit of ${LIMIT_FILES}`)
      const own = given.get(name) ?? bundledFile(name)
      characters += own?.length ?? 0
      if (characters > 4 * PROTOBUF_LIMIT_TEXT)
        throw new ProtobufSchemaError(
          `the Protobuf schema and what it imports have more characters than the limit of ${4 * PROTOBUF_LIMIT_TEXT}`,
        )
      if (own === undefined) missing.push(name)
      else files.push(parseProto(own, name))
    }
  }
  return new Linker(files, missing).schema(main)
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

function meaningOf(name: string, find: (name: string) => ProtoMessage | undefined): Meaning | undefined {
  switch (name) {
    case 'google.protobuf.Any':
      return { kind: 'any', find }
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

/** A declared type, where it stands. */
type Known =
  | { readonly kind: 'message'; readonly decl: MessageDecl; readonly file: FileDecl; readonly name: string }
  | { readonly kind: 'enum'; readonly decl: EnumDecl; readonly name: string }

/** A package or a declared type, with what is declared inside of it. */
interface Place {
  readonly outer: Place | undefined
  readonly inside: Map<string, Place>
  known?: Known
}

/** Makes messages of declarations. */
class Linker {
  readonly #root: Place = { outer: undefined, inside: new Map() }
  readonly #known = new Map<string, Known>()
  readonly #places = new Map<string, Place>()
  readonly #messages = new Map<MessageDecl, ProtoMessage>()
  readonly #enums = new Map<EnumDecl, ProtoEnum>()
  readonly #groups = new Map<ProtoMessage, Map<number, ProtoMessage>>()
  readonly #missing: readonly string[]
  /** Messages whose fields are still to be linked: not done in place, because chains of messages may be long. */
  readonly #waiting: (() => void)[] = []
  #fields = 0
  constructor(files: readonly FileDecl[], missing: readonly string[]) {
    this.#missing = missing
    for (const file of files) this.#declare(file, file, file.package)
    if (this.#known.size > PROTOBUF_LIMIT_TYPES)
      throw this.#error(`has more types than the limit of ${PROTOBUF_LIMIT_TYPES}`)
  }

  #error(what: string): ProtobufSchemaError {
    const note =
      this.#missing.length === 0
        ? ''
        : ` (${this.#missing.slice(0, 10).join(', ').slice(0, 500)}, which it imports, is not among its references)`
    return new ProtobufSchemaError(`the Protobuf schema ${what}${note}`)
  }

  #declare(
    file: FileDecl,
    inside: { readonly messages: readonly MessageDecl[]; readonly enums: readonly EnumDecl[] },
    scope: string,
  ): void {
    for (const decl of inside.enums) this.#add({ kind: 'enum', decl, name: within(scope, decl.name) })
    for (const decl of inside.messages) {
      const name = within(scope, decl.name)
      this.#add({ kind: 'message', decl, file, name })
      this.#declare(file, decl, name)
    }
  }

  #add(known: Known): void {
    if (known.name.length > LIMIT_NAME)
      throw this.#error(
        `declares a name of more characters than the limit of ${LIMIT_NAME}: "${known.name.slice(0, 60)}…"`,
      )
    if (this.#known.has(known.name)) throw this.#error(`declares "${known.name}" twice`)
    this.#known.set(known.name, known)
    let place = this.#root
    for (const part of known.name.split('.')) {
      let next = place.inside.get(part)
      if (next === undefined) place.inside.set(part, (next = { outer: place, inside: new Map() }))
      place = next
    }
    place.known = known
    this.#places.set(known.name, place)
  }

  schema(main: FileDecl): ProtoSchema {
    const messages = main.messages.map((decl) =>
      this.#message(this.#known.get(within(main.package, decl.name)) as Known & { kind: 'message' }),
    )
    const byPath = new Map<string, ProtoMessage>()
    const byName = new Map<string, ProtoMessage>()
    const paths = new Map<ProtoMessage, readonly number[]>()
    const note = (decl: MessageDecl, path: readonly number[], short: string): void => {
      const message = this.#message(this.#known.get(within(main.package, short)) as Known & { kind: 'message' })
      byPath.set(path.join(), message)
      byName.set(message.name, message)
      if (!byName.has(short)) byName.set(short, message)
      paths.set(message, path)
      // Without groups and map entries, as the registry's clients count them.
      decl.messages
        .filter((inner) => inner.group !== true)
        .forEach((inner, i) => note(inner, [...path, i], `${short}.${inner.name}`))
    }
    main.messages.forEach((decl, i) => note(decl, [i], decl.name))
    this.#link()
    return {
      messages,
      byIndexes: (indexes) => byPath.get(indexes.join()),
      byName: (name) => byName.get(name),
      indexesOf: (message) => paths.get(message),
    }
  }

  #link(): void {
    for (let fill = this.#waiting.pop(); fill !== undefined; fill = this.#waiting.pop()) fill()
  }

  /**
   * Of all files, for messages that name their type in the record. Undefined also where such a type cannot be linked.
   */
  #byFullName(name: string): ProtoMessage | undefined {
    const known = this.#known.get(name)
    if (known?.kind !== 'message') return undefined
    try {
      const message = this.#message(known)
      this.#link()
      return message
    } catch (error) {
      if (error instanceof ProtobufSchemaError) return undefined
      throw error
    }
  }

  #message({ decl, file, name }: Known & { kind: 'message' }): ProtoMessage {
    const known = this.#messages.get(decl)
    if (known !== undefined) return known
    const fields: ProtoField[] = []
    const meaning = meaningOf(name, (wanted) => this.#byFullName(wanted))
    const message: ProtoMessage =
      meaning === undefined ? { kind: 'message', name, fields } : { kind: 'message', name, fields, meaning }
    this.#messages.set(decl, message)
    this.#waiting.push(() => this.#fill(fields, decl, file, name))
    return message
  }

  #fill(fields: ProtoField[], decl: MessageDecl, file: FileDecl, name: string): void {
    const [numbers, names] = [new Set<number>(), new Set<string>()]
    for (const field of decl.fields) {
      if (numbers.has(field.number)) throw this.#error(`uses the number ${field.number} twice in ${name}`)
      if (names.has(field.name)) throw this.#error(`has two fields "${field.name}" in ${name}`)
      numbers.add(field.number)
      names.add(field.name)
    }
    const oneofs = new Map<number, { fields: ProtoField[] }>()
    for (const each of decl.fields) {
      const oneof = each.oneof === undefined ? undefined : (oneofs.get(each.oneof) ?? { fields: [] })
      const field = this.#field(each, decl.levels, file, name, oneof)
      fields.push(field)
      if (each.oneof === undefined || oneof === undefined) continue
      oneof.fields.push(field)
      oneofs.set(each.oneof, oneof)
    }
  }

  #field(
    field: FieldDecl,
    levels: readonly Options[],
    file: FileDecl,
    scope: string,
    oneof: ProtoOneof | undefined,
  ): ProtoField {
    if (++this.#fields > PROTOBUF_LIMIT_FIELDS)
      throw this.#error(`has more fields than the limit of ${PROTOBUF_LIMIT_FIELDS}`)
    const declaredType = this.#type(field.type, scope)
    const type =
      declaredType.kind === 'message' && isDelimited(field, levels, file)
        ? this.#between(declaredType, field.number)
        : declaredType
    const shape = field.key !== undefined ? 'map' : field.label === 'repeated' ? 'list' : 'one'
    const presence = shape === 'one' ? presenceOf(field, levels, file, type) : 'explicit'
    const made: { -readonly [K in keyof ProtoField]: ProtoField[K] } = {
      name: field.name,
      number: field.number,
      type,
      shape,
      packed: shape === 'list' && isPackable(type) && isPacked(field, levels, file),
      presence,
    }
    if (oneof !== undefined) made.oneof = oneof
    if (field.key !== undefined) {
      if (!SCALARS.has(field.key) || field.key === 'double' || field.key === 'float' || field.key === 'bytes')
        throw this.#error(`has a map with keys of type ${field.key} in ${scope}`)
      made.key = field.key as ProtoScalar
    }
    const declared = field.options.get('default')
    const fallback =
      type.kind === 'message' || shape !== 'one' || (declared === undefined && presence !== 'implicit')
        ? undefined
        : fallbackOf(type, declared)
    if (fallback !== undefined) made.fallback = fallback
    return made
  }

  /** The message as the type of values between the tags of a field. */
  #between(message: ProtoMessage, number: number): ProtoMessage {
    const known = this.#groups.get(message) ?? new Map<number, ProtoMessage>()
    this.#groups.set(message, known)
    const made = known.get(number) ?? { ...message, group: number }
    known.set(number, made)
    return made
  }

  /** The type that a name means in a scope: the innermost one that has it. */
  #type(name: string, scope: string): ProtoType {
    if (SCALARS.has(name)) return { kind: 'scalar', scalar: name as ProtoScalar }
    const parts = (name.startsWith('.') ? name.slice(1) : name).split('.')
    let known: Known | undefined
    // Without making the full name in each scope: names may be long, and scopes many.
    for (
      let at = name.startsWith('.') ? this.#root : this.#places.get(scope);
      at !== undefined && known === undefined;
      at = at.outer
    ) {
      let place: Place | undefined = at
      for (let i = 0; i < parts.length && place !== undefined; i++) place = place.inside.get(parts[i])
      known = place?.known
    }
    if (known === undefined)
      throw this.#error(`uses the type "${name.slice(0, 200)}" in ${scope}, which it does not know`)
    return known.kind === 'enum' ? this.#enum(known) : this.#message(known)
  }

  #enum({ decl, name }: Known & { kind: 'enum' }): ProtoEnum {
    const known = this.#enums.get(decl)
    if (known !== undefined) return known
    const names = new Map<number, string>()
    const numbers = new Map<string, number>()
    for (const [value, number] of decl.values) {
      if (!names.has(number)) names.set(number, value)
      numbers.set(value, number)
    }
    const made: ProtoEnum = { kind: 'enum', name, names, numbers, first: decl.values[0]?.[1] ?? 0 }
    this.#enums.set(decl, made)
    return made
  }
}

function within(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`
}

/** What a feature of editions is for a field: its own word, or that of the innermost declaration around it. */
function featureOf(name: string, field: FieldDecl, levels: readonly Options[], file: FileDecl): string | undefined {
  const key = `features.${name}`
  const own = field.options.get(key) ?? field.oneofOptions?.get(key)
  return own ?? levels.find((options) => options.has(key))?.get(key) ?? file.options.get(key)
}

function presenceOf(
  field: FieldDecl,
  levels: readonly Options[],
  file: FileDecl,
  type: ProtoType,
): ProtoField['presence'] {
  if (field.label === 'required') return 'required'
  if (file.syntax === 'editions') {
    const feature = featureOf('field_presence', field, levels, file)
    if (feature === 'LEGACY_REQUIRED') return 'required'
    return feature === 'IMPLICIT' && type.kind !== 'message' && field.oneof === undefined ? 'implicit' : 'explicit'
  }
  return file.syntax === 'proto2' || field.label === 'optional' || field.oneof !== undefined || type.kind === 'message'
    ? 'explicit'
    : 'implicit'
}

function isPacked(field: FieldDecl, levels: readonly Options[], file: FileDecl): boolean {
  const option = field.options.get('packed')
  if (option !== undefined) return option === 'true'
  const feature = featureOf('repeated_field_encoding', field, levels, file)
  return file.syntax === 'editions' ? feature !== 'EXPANDED' : file.syntax === 'proto3'
}

/** Whether values of a message type stand between two tags. Entries of maps never do. */
function isDelimited(field: FieldDecl, levels: readonly Options[], file: FileDecl): boolean {
  if (field.key !== undefined) return false
  const feature = featureOf('message_encoding', field, levels, file)
  return field.group === true || (file.syntax === 'editions' && feature === 'DELIMITED')
}

/** Whether values of the type can stand in a block: numbers of all kinds. */
function isPackable(type: ProtoType): boolean {
  return type.kind === 'enum' || (type.kind === 'scalar' && type.scalar !== 'string' && type.scalar !== 'bytes')
}

/** The value of an absent field: what is declared, else the type's own default. */
function fallbackOf(type: ProtoLeaf, declared: string | undefined): ProtoField['fallback'] {
  if (type.kind === 'enum') return declared ?? type.names.get(type.first) ?? String(type.first)
  switch (type.scalar) {
    case 'string':
      return declared ?? ''
    case 'bytes':
      return new Uint8Array(Buffer.from(declared ?? '', 'latin1'))
    case 'bool':
      return declared === 'true'
    case 'double':
    case 'float': {
      const number =
        declared === undefined
          ? 0
          : /^-?inf$/.test(declared)
            ? Number(declared.replace('inf', 'Infinity'))
            : Number(declared.replace(/f$/, ''))
      return type.scalar === 'float' ? Math.fround(number) : number
    }
    default: {
      const value = /^-?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(declared ?? '') ? wholeNumber(declared as string) : 0n
      return integer(value)
    }
  }
}

/** Decimal, hexadecimal, or octal with a zero in front. */
function wholeNumber(text: string): bigint {
  const digits = text.replace('-', '')
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits)
  return text.startsWith('-') ? -value : value
}
