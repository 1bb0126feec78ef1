/**
 * Writes Avro's binary encoding by a schema: exact 64-bit integers, decimals of any precision, all logical types,
 * unions by value, defaults of the schema for fields that are left out. Values are of the type that `avroType` gives to
 * the schema; a union of unlike branches (the json kind) takes the first branch that holds the value exactly. Source:
 * Avro specification 1.12, "Binary encoding".
 */
import { Decimal } from '../../../lib/decimal.ts'
import { JsonText } from '../../../lib/json-text.ts'
import { didYouMean } from '../../../lib/suggest.ts'
import type { Value } from '../../../types.ts'
import { EncodeError, type FacetEncoder } from '../../encoder.ts'
import {
  type AvroField,
  type AvroNode,
  type AvroReferences,
  type FixedNode,
  isNullable,
  type Logical,
  parseAvroSchema,
  type PrimitiveNode,
  type RecordNode,
  type UnionNode,
} from '../schema.ts'
import { avroType } from '../types.ts'
import {
  elements,
  floating,
  holds,
  INT_MAX,
  INT_MIN,
  isInteger,
  LONG_MAX,
  LONG_MIN,
  members,
  type Way,
} from './branches.ts'
import { ByteWriter } from './byte-writer.ts'

type Path = (string | number)[]

/**
 * Limit `avro.max.depth` (levels): nesting of a value that INSERT writes as Avro, as on reading. Beyond it: an error.
 */
const MAX_DEPTH = 64
/**
 * Limit `avro.max.default.parts` (parts): parts of all defaults that one value takes from its schema. Beyond it: an
 * error.
 */
const MAX_DEFAULT_PARTS = 100_000

/** Throws an AvroSchemaError for a text that is no schema. */
export function avroEncoder(schemaText: string, references?: AvroReferences): FacetEncoder {
  const schema = parseAvroSchema(schemaText, references)
  const type = avroType(schema)
  return {
    type,
    encode(value) {
      const out = new ByteWriter()
      write(out, schema.node, value, [])
      return out.bytes()
    },
  }
}

function write(out: ByteWriter, node: AvroNode, value: Value, path: Path): void {
  if (path.length > MAX_DEPTH) throw new EncodeError(`is nested deeper than ${MAX_DEPTH} levels (avro.max.depth)`, path)
  switch (node.kind) {
    case 'record':
      return writeRecord(out, node, value, path)
    case 'array':
      return writeArray(out, node.items, value, path)
    case 'map':
      return writeMap(out, node.values, value, path)
    case 'union':
      return writeUnion(out, node, value, path)
    case 'default':
      return write(out, node.node, value, path)
    case 'enum': {
      const index = typeof value === 'string' ? node.symbols.indexOf(value) : -1
      if (index < 0) throw refuse(value, `one of ${node.symbols.slice(0, 20).join(', ')}`, path)
      return out.long(BigInt(index))
    }
    case 'fixed':
      return writeFixed(out, node, value, path)
    default:
      return writePrimitive(out, node, value, path)
  }
}

function refuse(value: Value, wanted: string, path: Path): EncodeError {
  if (value === null) return new EncodeError(`is required (${wanted}) and has no value`, path)
  return new EncodeError(`takes ${wanted}, not ${shown(value)}`, path)
}

function shown(value: Value): string {
  if (value instanceof Uint8Array) return 'bytes'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Map) return 'a structure'
  const text = typeof value === 'string' ? `'${value}'` : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

// ---------------------------------------------------------------------------------------------- structures

function writeRecord(out: ByteWriter, node: RecordNode, value: Value, path: Path): void {
  const fields = members(value)
  if (fields === undefined) throw refuse(value, 'a structure', path)
  for (const name of fields.keys()) {
    if (!node.fields.some((f) => f.name === name)) {
      const hint = didYouMean(
        name,
        node.fields.map((f) => f.name),
      )
      throw new EncodeError(`is not a field of ${node.name}.${hint === undefined ? '' : ` ${hint}`}`, [...path, name])
    }
  }
  for (const field of node.fields) {
    const given = fields.get(field.name)
    path.push(field.name)
    if (given !== undefined) write(out, field.node, given, path)
    else writeMissing(out, field, path)
    path.pop()
  }
}

/** A field that was left out: the schema's default, or NULL where that is allowed. */
function writeMissing(out: ByteWriter, field: AvroField, path: Path): void {
  if (field.fallback !== undefined) writeDefault(out, field.node, field.fallback.json, path)
  else if (isNullable(field.node)) write(out, field.node, null, path)
  else throw refuse(null, wording(field.node), path)
}

function writeArray(out: ByteWriter, node: AvroNode, value: Value, path: Path): void {
  const items = elements(value)
  if (items === undefined) throw refuse(value, 'an array', path)
  if (items.length > 0) out.long(BigInt(items.length))
  items.forEach((item, i) => {
    path.push(i)
    write(out, node, item, path)
    path.pop()
  })
  out.long(0n)
}

function writeMap(out: ByteWriter, node: AvroNode, value: Value, path: Path): void {
  const entries = members(value)
  if (entries === undefined) throw refuse(value, 'a structure', path)
  if (entries.size > 0) out.long(BigInt(entries.size))
  for (const [name, item] of entries) {
    out.text(name)
    path.push(name)
    write(out, node, item, path)
    path.pop()
  }
  out.long(0n)
}

function writeUnion(out: ByteWriter, node: UnionNode, value: Value, path: Path): void {
  const { branches } = node
  const others = branches.filter((b) => b.kind !== 'null')
  const first = (way: Way): number =>
    branches.findIndex((b) =>
      value === null ? b.kind === 'null' : b.kind !== 'null' && (others.length === 1 || holds(b, value, way)),
    )
  const asItIs = first('as it is')
  const index = asItIs < 0 && value !== null ? first('widened') : asItIs
  if (index < 0) return writeOneOf(out, node, value, path)
  out.long(BigInt(index))
  write(out, branches[index], value, path)
}

function writeOneOf(out: ByteWriter, node: UnionNode, value: Value, path: Path): void {
  const given = members(value)
  const best = given && (oneOf(node, given, 'as it is') ?? oneOf(node, given, 'widened'))
  if (best === undefined) throw refuse(value, wording(node), path)
  out.long(BigInt(best.index))
  writeRecord(out, node.branches[best.index] as RecordNode, best.own, path)
}

/**
 * Records of several types are read as one structure with the fields of all: NULL in those of the others. Such a
 * structure is of the type that has the fields which are not NULL, and no further ones if there is one like that.
 */
function oneOf(node: UnionNode, given: ReadonlyMap<string, Value>, way: Way) {
  const known = [...given].filter(([, member]) => member !== null).length
  let best: { readonly index: number; readonly own: Map<string, Value>; readonly isWhole: boolean } | undefined
  for (const [index, branch] of node.branches.entries()) {
    if (branch.kind !== 'record' || best?.isWhole === true) continue
    const own = new Map(
      [...given].filter(([name, member]) => member !== null || branch.fields.some((f) => f.name === name)),
    )
    if (!holds(branch, own, way)) continue
    const isWhole = branch.fields.length === known && branch.fields.every((f) => (own.get(f.name) ?? null) !== null)
    if (best === undefined || isWhole) best = { index, own, isWhole }
  }
  return best
}

function kindOf(node: AvroNode): string {
  if (node.kind === 'record' || node.kind === 'enum') return node.name
  return 'logical' in node && node.logical !== undefined ? node.logical.kind : node.kind
}

// ---------------------------------------------------------------------------------------------- single values

function writePrimitive(out: ByteWriter, node: PrimitiveNode, value: Value, path: Path): void {
  switch (node.kind) {
    case 'null':
      if (value !== null) throw refuse(value, 'NULL only', path)
      return
    case 'boolean':
      if (typeof value !== 'boolean') throw refuse(value, 'true or false', path)
      return out.byte(value ? 1 : 0)
    case 'int':
    case 'long': {
      const isInt = node.kind === 'int'
      if (!isInteger(value, isInt ? INT_MIN : LONG_MIN, isInt ? INT_MAX : LONG_MAX))
        throw refuse(value, wording(node), path)
      return out.long(BigInt(value as number | bigint))
    }
    case 'float':
    case 'double': {
      const number = floating(value, node.kind)
      if (number === undefined) throw refuse(value, `a ${node.kind}`, path)
      return node.kind === 'float' ? out.float(number) : out.double(number)
    }
    case 'string':
      if (value instanceof JsonText || typeof value !== 'string') throw refuse(value, wording(node), path)
      return out.text(value)
    case 'bytes': {
      const bytes = node.logical === undefined ? plainBytes(value) : decimalBytes(node.logical, value, path)
      if (bytes === undefined) throw refuse(value, 'bytes', path)
      out.long(BigInt(bytes.length))
      return out.raw(bytes)
    }
  }
}

/** What a value of the node is, in words: `an int`, `a decimal`, `a Home`. */
function wording(node: AvroNode): string {
  const word = node.kind === 'union' ? node.branches.map(kindOf).join(' or ') : kindOf(node)
  return `${/^[aeiouAEIOU]/.test(word) ? 'an' : 'a'} ${word}`
}

/** Text stands for its UTF-8 bytes. */
function plainBytes(value: Value): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : typeof value === 'string' ? Buffer.from(value) : undefined
}

function writeFixed(out: ByteWriter, node: FixedNode, value: Value, path: Path): void {
  const { logical, size } = node
  if (logical?.kind === 'decimal') return out.raw(decimalBytes(logical, value, path, size))
  if (logical?.kind === 'uuid') {
    const hex = typeof value === 'string' ? value.replaceAll('-', '') : ''
    if (!/^[0-9a-f]{32}$/i.test(hex)) throw refuse(value, 'a uuid', path)
    return out.raw(Buffer.from(hex, 'hex'))
  }
  if (logical?.kind === 'duration') return writeDuration(out, value, path)
  const bytes = plainBytes(value)
  if (bytes === undefined) throw refuse(value, `${size} bytes`, path)
  if (bytes.length !== size) throw new EncodeError(`takes ${size} bytes, and these are ${bytes.length}`, path)
  out.raw(bytes)
}

/** ISO-8601 `P1Y2M3DT4H5M6.789S`: months, days and milliseconds, each 32 bits little-endian. */
function writeDuration(out: ByteWriter, value: Value, path: Path): void {
  const m =
    typeof value === 'string'
      ? /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/.exec(
          value,
        )
      : null
  if (m === null || value === 'P') throw refuse(value, 'a duration such as P1M2DT3H', path)
  const [years, months, weeks, days, hours, minutes, seconds] = m.slice(1).map((part) => Number(part ?? 0))
  const parts = [years * 12 + months, weeks * 7 + days, Math.round(((hours * 60 + minutes) * 60 + seconds) * 1000)]
  if (parts.some((part) => part > 0xffffffff)) throw refuse(value, 'a shorter duration', path)
  const bytes = Buffer.alloc(12)
  parts.forEach((part, i) => bytes.writeUInt32LE(part, 4 * i))
  out.raw(bytes)
}

/** Two's complement, big-endian, in the fewest bytes or in the given size. */
function decimalBytes(logical: Logical, value: Value, path: Path, size?: number): Uint8Array {
  if (logical.kind !== 'decimal') throw refuse(value, logical.kind, path)
  const decimal =
    value instanceof Decimal
      ? value
      : typeof value === 'bigint' || typeof value === 'number'
        ? Decimal.parse(String(value))
        : typeof value === 'string'
          ? Decimal.parse(value)
          : undefined
  const type = `decimal(${logical.precision},${logical.scale})`
  if (decimal === undefined) throw refuse(value, `a ${type}`, path)
  const scaled = decimal.round(logical.scale)
  if (scaled.compare(decimal) !== 0)
    throw new EncodeError(
      `takes a ${type}, and ${decimal.toString()} has more than ${logical.scale} digits behind the point`,
      path,
    )
  const unscaled = scaled.unscaled * 10n ** BigInt(logical.scale - scaled.scale)
  if ((unscaled < 0n ? -unscaled : unscaled).toString().length > logical.precision)
    throw new EncodeError(`takes a ${type}, and ${decimal.toString()} has more digits`, path)
  const bytes = twosComplement(unscaled)
  if (size === undefined) return bytes
  if (bytes.length > size)
    throw new EncodeError(`takes a ${type} in ${size} bytes, and ${decimal.toString()} needs ${bytes.length}`, path)
  return Buffer.concat([Buffer.alloc(size - bytes.length, unscaled < 0n ? 0xff : 0), bytes])
}

function twosComplement(value: bigint): Buffer {
  let length = 1
  while (value < -(1n << BigInt(8 * length - 1)) || value >= 1n << BigInt(8 * length - 1)) length++
  return Buffer.from(
    BigInt.asUintN(8 * length, value)
      .toString(16)
      .padStart(2 * length, '0'),
    'hex',
  )
}

// ---------------------------------------------------------------------------------------------- defaults

/** Could the default be of that branch of a union? */
function suits(node: AvroNode, json: unknown): boolean {
  switch (node.kind) {
    case 'null':
      return json === null
    case 'boolean':
      return typeof json === 'boolean'
    case 'int':
    case 'long':
      return typeof json === 'bigint' || Number.isInteger(json)
    case 'float':
    case 'double':
      return typeof json === 'bigint' || typeof json === 'number'
    case 'enum':
      return typeof json === 'string' && node.symbols.includes(json)
    case 'array':
      return Array.isArray(json)
    case 'map':
    case 'record':
      return typeof json === 'object' && json !== null && !Array.isArray(json)
    default:
      return typeof json === 'string'
  }
}

/**
 * A default as the schema's JSON has it: of a union it belongs to the first branch that it suits, bytes are code points
 * 0–255, logical values are their carriers.
 */
export function writeDefault(out: ByteWriter, node: AvroNode, json: unknown, path: Path): void {
  // Defaults may have parts whose defaults have parts: without a limit a few lines of schema never end.
  if (path.length > MAX_DEPTH)
    throw new EncodeError(`has a default that is nested deeper than ${MAX_DEPTH} levels (avro.max.depth)`, path)
  if (++out.parts > MAX_DEFAULT_PARTS)
    throw new EncodeError(`has a default of more than ${MAX_DEFAULT_PARTS} parts (avro.max.default.parts)`, path)
  switch (node.kind) {
    case 'union': {
      const index = Math.max(
        0,
        node.branches.findIndex((branch) => suits(branch, json)),
      )
      out.long(BigInt(index))
      return writeDefault(out, node.branches[index], json, path)
    }
    case 'record': {
      const given = new Map(Object.entries(json ?? {}))
      for (const field of node.fields) {
        if (given.has(field.name)) writeDefault(out, field.node, given.get(field.name), [...path, field.name])
        else writeMissing(out, field, [...path, field.name])
      }
      return
    }
    case 'array': {
      const items = Array.isArray(json) ? json : []
      if (items.length > 0) out.long(BigInt(items.length))
      for (const item of items) writeDefault(out, node.items, item, [...path, 0])
      return out.long(0n)
    }
    case 'map': {
      const entries = Object.entries(json ?? {})
      if (entries.length > 0) out.long(BigInt(entries.length))
      for (const [name, item] of entries) {
        out.text(name)
        writeDefault(out, node.values, item, [...path, name])
      }
      return out.long(0n)
    }
    case 'bytes':
    case 'fixed': {
      if (typeof json !== 'string' || (node.kind === 'fixed' && json.length !== node.size))
        throw new EncodeError('has a default that is none', path)
      const bytes = Buffer.from(json, 'latin1')
      if (node.kind === 'bytes') out.long(BigInt(bytes.length))
      return out.raw(bytes)
    }
    case 'enum':
      return write(out, node, String(json), path)
    case 'default':
      return writeDefault(out, node.node, json, path)
    default:
      if (node.kind === 'long' && typeof json === 'number' && !Number.isSafeInteger(json))
        throw new EncodeError('has a default that is not exact', path)
      return write(out, node.kind === 'null' ? node : { kind: node.kind }, json as Value, path)
  }
}
