/**
 * Avro schema text → a tree of nodes of our own. It reads schemas; data is read by generated code (`decoder.ts`). Names are taken leniently (producers exist that break Avro's rule for them);
 * everything else that is not a schema is an `AvroSchemaError`. A logical type that does not fit its carrier is
 * ignored, as Avro's specification says.
 */
import { parseJson } from '../../lib/text/lossless-json.ts'
import type { TimeUnit } from '../../types.ts'

/**
 * Limit `avro.schema.characters` (characters): text of one schema. Beyond it: the schema cannot be used; the message
 * says so.
 */
export const AVRO_SCHEMA_LIMIT_BYTES = 4 << 20
/**
 * Limit `avro.schema.names` (types): named types of one schema. Beyond it: the schema cannot be used; the message says
 * so.
 */
export const AVRO_SCHEMA_LIMIT_NAMES = 10_000
/**
 * Limit `avro.schema.depth` (levels): nesting of types in one schema. Beyond it: the schema cannot be used; the message
 * says so.
 */
export const AVRO_SCHEMA_LIMIT_DEPTH = 64
/**
 * Limit `avro.schema.nodes` (types): types of all kinds in one schema text. Beyond it: the schema cannot be used; the
 * message says so.
 */
export const AVRO_SCHEMA_LIMIT_NODES = 100_000

/** The text is not a usable Avro schema; the message says why and where. */
export class AvroSchemaError extends Error {}

export type Logical =
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'date' }
  | { readonly kind: 'duration' }
  | { readonly kind: 'time'; readonly unit: TimeUnit }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly local: boolean }

export type PrimitiveKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'
export interface PrimitiveNode {
  readonly kind: PrimitiveKind
  readonly logical?: Logical
}
/** A record with its full name. */
export interface RecordNode {
  readonly kind: 'record'
  readonly name: string
  readonly fields: AvroField[]
  readonly aliases?: readonly string[]
}
/** A field of a record. */
export interface AvroField {
  readonly name: string
  readonly node: AvroNode
  readonly doc?: string
  /** The default as the schema's JSON says it; there only when there is one. */
  readonly fallback?: { readonly json: unknown }
  readonly aliases?: readonly string[]
}
/** An enum with its full name. */
export interface EnumNode {
  readonly kind: 'enum'
  readonly name: string
  readonly symbols: readonly string[]
  readonly aliases?: readonly string[]
  /** What readers take for symbols that they do not know. */
  readonly fallback?: string
}
export interface FixedNode {
  readonly kind: 'fixed'
  readonly name: string
  readonly size: number
  readonly logical?: Logical
}
export interface ArrayNode {
  readonly kind: 'array'
  readonly items: AvroNode
}
export interface MapNode {
  readonly kind: 'map'
  readonly values: AvroNode
}
export interface UnionNode {
  readonly kind: 'union'
  readonly branches: readonly AvroNode[]
}
/**
 * A field that the writer did not have: its value stands in `bytes` of `store` and not in the record (`resolve.ts`).
 */
export interface DefaultNode {
  readonly kind: 'default'
  readonly node: AvroNode
  readonly from: number
  readonly to: number
  readonly store: { bytes: Buffer; view: DataView }
}
/** The types that a schema names and may refer to again. */
export type NamedNode = RecordNode | EnumNode | FixedNode
/** A type of a schema. */
export type AvroNode = PrimitiveNode | NamedNode | ArrayNode | MapNode | UnionNode | DefaultNode

/**
 * A parsed schema. `names` holds every named type that it defines, by its full name, to be given to schemas that refer to
 * it.
 */
export interface AvroSchema {
  readonly node: AvroNode
  readonly names: ReadonlyMap<string, NamedNode>
}

/** Named types of other schemas, by full name. */
export type AvroReferences = ReadonlyMap<string, NamedNode>

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])

/** Parses schema text as a registry gives it: JSON, or a bare type name. */
export function parseAvroSchema(text: string, references: AvroReferences = new Map()): AvroSchema {
  if (text.length > AVRO_SCHEMA_LIMIT_BYTES)
    throw new AvroSchemaError(`the Avro schema has ${text.length} characters, the limit is ${AVRO_SCHEMA_LIMIT_BYTES}`)
  let json: unknown
  try {
    // Defaults of longs keep all their digits.
    json = parseJson(text)
  } catch (cause) {
    if (!/^\s*[A-Za-z_][\w.]*\s*$/.test(text))
      throw new AvroSchemaError(`the Avro schema is not JSON: ${(cause as Error).message}`)
    json = text.trim()
  }
  const parser = new SchemaParser(references)
  return { node: parser.parse(json, '', 0), names: parser.names }
}

/** The named types of schemas that others refer to; `texts` in dependency order. Throws AvroSchemaError. */
export function parseAvroReferences(texts: readonly string[]): AvroReferences {
  const names = new Map<string, NamedNode>()
  for (const text of texts) for (const [name, node] of parseAvroSchema(text, names).names) names.set(name, node)
  return names
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

class SchemaParser {
  readonly names = new Map<string, NamedNode>()
  /** What other schemas call the types: asked last, as Avro's own library does not take them for names at all. */
  readonly #aliases = new Map<string, NamedNode>()
  readonly #references: AvroReferences
  #nodes = 0
  constructor(references: AvroReferences) {
    this.#references = references
  }

  parse(json: unknown, namespace: string, depth: number): AvroNode {
    if (depth > AVRO_SCHEMA_LIMIT_DEPTH) throw tooDeep()
    if (++this.#nodes > AVRO_SCHEMA_LIMIT_NODES)
      throw new AvroSchemaError(`the Avro schema has more types than the limit of ${AVRO_SCHEMA_LIMIT_NODES}`)
    if (typeof json === 'string') return this.#named(json, namespace, depth)
    if (Array.isArray(json)) return this.#union(json, namespace, depth)
    if (!isObject(json)) throw new AvroSchemaError(`not an Avro type: ${describe(json)}`)
    const type = json.type
    switch (type) {
      case 'record':
      case 'error':
        return this.#record(json, namespace, depth)
      case 'enum':
        return this.#enum(json, namespace)
      case 'fixed':
        return this.#fixed(json, namespace)
      case 'array':
        return { kind: 'array', items: this.parse(json.items, namespace, depth + 1) }
      case 'map':
        return { kind: 'map', values: this.parse(json.values, namespace, depth + 1) }
      default:
    }
    if (typeof type === 'string' && PRIMITIVES.has(type)) return primitive(type as PrimitiveKind, json)
    // {"type": {…}} and {"type": "some.Name"} stand for the type inside.
    if (type === undefined) throw new AvroSchemaError(`an Avro type without "type": ${describe(json)}`)
    return this.parse(type, namespace, depth + 1)
  }

  #named(name: string, namespace: string, depth: number): AvroNode {
    if (PRIMITIVES.has(name)) return { kind: name as PrimitiveKind }
    const full = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
    const node =
      this.names.get(full) ??
      this.#references.get(full) ??
      this.names.get(name) ??
      this.#references.get(name) ??
      this.#aliases.get(full)
    if (node === undefined)
      throw new AvroSchemaError(`the Avro schema uses the type ${describe(full)}, which it does not define`)
    if (depth + heightOf(node) > AVRO_SCHEMA_LIMIT_DEPTH) throw tooDeep()
    return node
  }

  #union(json: readonly unknown[], namespace: string, depth: number): UnionNode {
    const branches = json.map((branch) => this.parse(branch, namespace, depth + 1))
    if (branches.some((branch) => branch.kind === 'union')) throw new AvroSchemaError('an Avro union holds a union')
    return { kind: 'union', branches }
  }

  /** Full name and the namespace of what is inside. */
  #name(json: Record<string, unknown>, namespace: string): { full: string; inner: string } {
    const name = json.name
    if (typeof name !== 'string' || name === '')
      throw new AvroSchemaError(`an Avro ${describe(json.type)} without a name`)
    const dot = name.lastIndexOf('.')
    if (dot >= 0) return { full: name, inner: name.slice(0, dot) }
    const inner = typeof json.namespace === 'string' ? json.namespace : namespace
    return { full: inner === '' ? name : `${inner}.${name}`, inner }
  }

  #define(node: NamedNode, json: Record<string, unknown>, inner: string): void {
    if (this.names.has(node.name)) throw new AvroSchemaError(`the Avro schema defines ${describe(node.name)} twice`)
    this.names.set(node.name, node)
    for (const full of aliasesOf(json, inner).aliases ?? []) {
      if (!this.#aliases.has(full)) this.#aliases.set(full, node)
    }
    if (this.names.size + this.#aliases.size > AVRO_SCHEMA_LIMIT_NAMES)
      throw new AvroSchemaError(`the Avro schema has more named types than the limit of ${AVRO_SCHEMA_LIMIT_NAMES}`)
  }

  #record(json: Record<string, unknown>, namespace: string, depth: number): RecordNode {
    const { full, inner } = this.#name(json, namespace)
    const node: RecordNode = { kind: 'record', name: full, fields: [], ...aliasesOf(json, inner) }
    this.#define(node, json, inner)
    if (!Array.isArray(json.fields)) throw new AvroSchemaError(`the Avro record ${describe(full)} has no "fields"`)
    const seen = new Set<string>()
    for (const field of json.fields as unknown[]) {
      if (!isObject(field) || typeof field.name !== 'string')
        throw new AvroSchemaError(`the Avro record ${describe(full)} has a field without a name`)
      if (seen.has(field.name))
        throw new AvroSchemaError(`the Avro record ${describe(full)} has two fields ${describe(field.name)}`)
      seen.add(field.name)
      const { type } = field
      if (type === undefined)
        throw new AvroSchemaError(`the Avro field ${describe(`${full}.${field.name}`)} has no type`)
      const child = this.parse(type, inner, depth + 1)
      node.fields.push({
        name: field.name,
        node: child,
        ...(typeof field.doc === 'string' ? { doc: field.doc } : {}),
        ...('default' in field ? { fallback: { json: field.default } } : {}),
        ...aliasesOf(field, ''),
      })
    }
    heights.set(node, 1 + node.fields.reduce((most, field) => Math.max(most, heightOf(field.node)), 0))
    return node
  }

  #enum(json: Record<string, unknown>, namespace: string): EnumNode {
    const { full, inner } = this.#name(json, namespace)
    const symbols = json.symbols
    if (!Array.isArray(symbols) || !symbols.every((symbol) => typeof symbol === 'string'))
      throw new AvroSchemaError(`the Avro enum ${describe(full)} has no "symbols"`)
    const fallback =
      typeof json.default === 'string' && symbols.includes(json.default) ? { fallback: json.default } : {}
    const node: EnumNode = {
      kind: 'enum',
      name: full,
      symbols: symbols as string[],
      ...aliasesOf(json, inner),
      ...fallback,
    }
    this.#define(node, json, inner)
    return node
  }

  #fixed(json: Record<string, unknown>, namespace: string): FixedNode {
    const { full, inner } = this.#name(json, namespace)
    const size = json.size
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > 1 << 30)
      throw new AvroSchemaError(`the Avro fixed ${describe(full)} has no usable "size"`)
    const logical = fixedLogical(json, size)
    const node: FixedNode =
      logical === undefined ? { kind: 'fixed', name: full, size } : { kind: 'fixed', name: full, size, logical }
    this.#define(node, json, inner)
    return node
  }
}

/** The aliases of a type or field, if it has some: full names in the namespace, if there is one. */
function aliasesOf(json: Record<string, unknown>, namespace: string): { aliases?: readonly string[] } {
  const given = Array.isArray(json.aliases) ? json.aliases.filter((alias) => typeof alias === 'string') : []
  return given.length === 0
    ? {}
    : { aliases: given.map((alias) => (alias.includes('.') || namespace === '' ? alias : `${namespace}.${alias}`)) }
}

/** Levels below each record that is complete; a record that is still open (a recursive use) counts none. */
const heights = new WeakMap<AvroNode, number>()

function heightOf(node: AvroNode): number {
  switch (node.kind) {
    case 'record':
      return heights.get(node) ?? 0
    case 'array':
      return 1 + heightOf(node.items)
    case 'map':
      return 1 + heightOf(node.values)
    case 'union':
      return 1 + Math.max(0, ...node.branches.map(heightOf))
    default:
      return 0
  }
}

function tooDeep(): AvroSchemaError {
  return new AvroSchemaError(`the Avro schema is nested deeper than the limit of ${AVRO_SCHEMA_LIMIT_DEPTH} levels`)
}

function describe(json: unknown): string {
  const text =
    JSON.stringify(json, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function decimalLogical(json: Record<string, unknown>): Logical | undefined {
  const { precision, scale = 0 } = json
  if (
    typeof precision !== 'number' ||
    typeof scale !== 'number' ||
    !Number.isInteger(precision) ||
    !Number.isInteger(scale)
  )
    return undefined
  return precision > 0 && scale >= 0 && scale <= precision && precision <= 1000
    ? { kind: 'decimal', precision, scale }
    : undefined
}

function fixedLogical(json: Record<string, unknown>, size: number): Logical | undefined {
  if (json.logicalType === 'decimal') return decimalLogical(json)
  if (json.logicalType === 'uuid' && size === 16) return { kind: 'uuid' }
  return json.logicalType === 'duration' && size === 12 ? { kind: 'duration' } : undefined
}

const LOGICAL: Readonly<Record<string, { readonly on: PrimitiveKind; readonly logical: Logical }>> = {
  uuid: { on: 'string', logical: { kind: 'uuid' } },
  date: { on: 'int', logical: { kind: 'date' } },
  'time-millis': { on: 'int', logical: { kind: 'time', unit: 'millis' } },
  'time-micros': { on: 'long', logical: { kind: 'time', unit: 'micros' } },
  'timestamp-millis': { on: 'long', logical: { kind: 'timestamp', unit: 'millis', local: false } },
  'timestamp-micros': { on: 'long', logical: { kind: 'timestamp', unit: 'micros', local: false } },
  'timestamp-nanos': { on: 'long', logical: { kind: 'timestamp', unit: 'nanos', local: false } },
  'local-timestamp-millis': { on: 'long', logical: { kind: 'timestamp', unit: 'millis', local: true } },
  'local-timestamp-micros': { on: 'long', logical: { kind: 'timestamp', unit: 'micros', local: true } },
  'local-timestamp-nanos': { on: 'long', logical: { kind: 'timestamp', unit: 'nanos', local: true } },
}

function primitive(kind: PrimitiveKind, json: Record<string, unknown>): PrimitiveNode {
  const name = json.logicalType
  if (typeof name !== 'string') return { kind }
  if (name === 'decimal' && kind === 'bytes') {
    const logical = decimalLogical(json)
    return logical === undefined ? { kind } : { kind, logical }
  }
  const known = Object.hasOwn(LOGICAL, name) ? LOGICAL[name] : undefined
  return known !== undefined && known.on === kind ? { kind, logical: known.logical } : { kind }
}

/** For `[null, T]` and `[T]` the T; undefined for a union of unlike branches. */
export function soleBranch(node: UnionNode): AvroNode | undefined {
  const others = node.branches.filter((branch) => branch.kind !== 'null')
  return others.length === 1
    ? others[0]
    : others.length === 0 && node.branches.length > 0
      ? node.branches[0]
      : undefined
}

/** Whether null is one of the values of the node. */
export function isNullable(node: AvroNode): boolean {
  if (node.kind === 'default') return isNullable(node.node)
  return node.kind === 'null' || (node.kind === 'union' && node.branches.some((branch) => branch.kind === 'null'))
}
