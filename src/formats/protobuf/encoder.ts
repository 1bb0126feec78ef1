/**
 * Values → Protobuf messages, as INSERT needs them: fields in the order of their numbers, defaults of proto3 left out,
 * lists packed where the schema says so. What a value must be is in `types.ts`; NULL is an absent field. Behind the
 * registry's frame, which the caller writes, stands the list of message indexes, which is written here.
 */
import { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Value } from '../../types.ts'
import { EncodeError, type FacetEncoder } from '../encoder.ts'
import {
  type Meaning,
  type ProtoField,
  type ProtoMessage,
  type ProtoOneof,
  type ProtoScalar,
  type ProtoSchema,
  type ProtoType,
  protobufType,
} from './definition/schema.ts'
import { DURATION_LIMIT_SECONDS } from './meaning.ts'
import { PROTOBUF_LIMIT_DEPTH, wireOf } from './wire.ts'

type Path = readonly (string | number)[]

/** The encoder for one message of the schema (default: its first), with the message indexes in front. */
export function protobufEncoder(
  schema: ProtoSchema,
  message: ProtoMessage | undefined = schema.messages[0],
): FacetEncoder {
  if (message === undefined) throw new EncodeError('The Protobuf schema holds no message.')
  const indexes = schema.indexesOf(message) ?? [0]
  const head = new Output()
  // A single 0 stands for the list [0].
  if (indexes.length === 1 && indexes[0] === 0) head.varint(0n)
  else for (const n of [indexes.length, ...indexes]) head.varint(BigInt(n) * 2n)
  return {
    type: protobufType(message),
    encode: (value) => Buffer.concat([head.bytes(), encodeProtobuf(message, value)]),
  }
}

/**
 * The bytes of a message, without anything in front. `value`: a Map (missing names are NULL), or what the message
 * stands for. Throws an EncodeError.
 */
export function encodeProtobuf(message: ProtoMessage, value: Value): Uint8Array {
  return encodeMessage(message, value, [], 0)
}

class Output {
  #parts: Buffer[] = []
  add(bytes: Uint8Array): void {
    this.#parts.push(Buffer.from(bytes))
  }
  varint(value: bigint): void {
    const out: number[] = []
    let rest = BigInt.asUintN(64, value)
    for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
    out.push(Number(rest))
    this.#parts.push(Buffer.from(out))
  }
  tag(number: number, wire: number): void {
    this.varint((BigInt(number) << 3n) | BigInt(wire))
  }
  block(number: number, bytes: Uint8Array): void {
    this.tag(number, 2)
    this.varint(BigInt(bytes.length))
    this.add(bytes)
  }
  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

function encodeMessage(message: ProtoMessage, value: Value, path: Path, depth: number): Uint8Array {
  if (depth > PROTOBUF_LIMIT_DEPTH)
    throw new EncodeError(`is nested deeper than the limit of ${PROTOBUF_LIMIT_DEPTH} levels`, path)
  if (message.meaning !== undefined) return encodeMeaning(message.meaning, value, path, depth)
  if (!(value instanceof Map)) throw new EncodeError(`is not a ${message.name}, with its fields by name`, path)
  const { ordered, names } = orderOf(message)
  for (const name of value.keys())
    if (!names.has(name)) throw new EncodeError(`is not a field of ${message.name}`, [...path, name])
  const given = (field: ProtoField): Value => value.get(field.name) ?? null
  const out = new Output()
  const members = new Set<ProtoOneof>()
  for (const field of ordered) {
    const own = given(field)
    if (own !== null && field.oneof !== undefined) {
      const rival = members.has(field.oneof)
        ? field.oneof.fields.find((other) => other !== field && given(other) !== null)
        : undefined
      if (rival !== undefined)
        throw new EncodeError(`and "${field.name}" belong to one oneof: only one of them can have a value`, [
          ...path,
          rival.name,
        ])
      members.add(field.oneof)
    }
    encodeField(out, field, own, [...path, field.name], depth)
  }
  return out.bytes()
}

/** The fields of a message in the order of their numbers, and their names: made once for each message. */
interface Order {
  readonly ordered: readonly ProtoField[]
  readonly names: ReadonlySet<string>
}
const orders = new WeakMap<readonly ProtoField[], Order>()

function orderOf({ fields }: ProtoMessage): Order {
  let order = orders.get(fields)
  if (order === undefined) {
    const ordered = [...fields].sort((a, b) => a.number - b.number)
    orders.set(fields, (order = { ordered, names: new Set(fields.map((field) => field.name)) }))
  }
  return order
}

function encodeField(out: Output, field: ProtoField, value: Value, path: Path, depth: number): void {
  if (value === null) {
    if (field.presence === 'required') throw new EncodeError('is required', path)
    return
  }
  if (field.shape === 'map') return encodeMap(out, field, value, path, depth)
  if (field.shape === 'list') return encodeList(out, field, value, path, depth)
  if (field.presence === 'implicit' && isDefault(field, value)) return
  encodeSingle(out, field.number, field.type, value, path, depth)
}

function isDefault(field: ProtoField, value: Value): boolean {
  const { fallback } = field
  if (value instanceof Uint8Array) return value.length === 0
  // A negative zero is written.
  return value === fallback && !Object.is(value, -0)
}

function encodeSingle(out: Output, number: number, type: ProtoType, value: Value, path: Path, depth: number): void {
  if (value === null) throw new EncodeError('cannot be NULL inside of a list or map', path)
  if (type.kind === 'message') {
    const bytes = encodeMessage(type, value, path, depth + 1)
    if (type.group === undefined) return out.block(number, bytes)
    out.tag(number, 3)
    out.add(bytes)
    return out.tag(number, 4)
  }
  const wire = type.kind === 'enum' ? 0 : wireOf(type.scalar)
  out.tag(number, wire)
  encodeLeaf(out, type, value, path)
}

function encodeLeaf(out: Output, type: Exclude<ProtoType, ProtoMessage>, value: Value, path: Path): void {
  if (type.kind === 'scalar') return encodeScalar(out, type.scalar, value, path)
  const number =
    typeof value === 'string'
      ? (type.numbers.get(value) ?? (/^-?\d{1,10}$/.test(value) ? Number(value) : undefined))
      : value
  if (typeof number !== 'number' || !Number.isInteger(number) || number !== (number | 0))
    throw new EncodeError(
      `cannot be ${shown(value)}; it is one of ${[...type.numbers.keys()].slice(0, 20).join(', ')}`,
      path,
    )
  out.varint(BigInt(number))
}

const BOUNDS: Readonly<Partial<Record<ProtoScalar, readonly [bigint, bigint]>>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  sint32: [-(2n ** 31n), 2n ** 31n - 1n],
  sfixed32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  fixed32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sint64: [-(2n ** 63n), 2n ** 63n - 1n],
  sfixed64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  fixed64: [0n, 2n ** 64n - 1n],
}

function encodeScalar(out: Output, scalar: ProtoScalar, value: Value, path: Path): void {
  switch (scalar) {
    case 'string':
    case 'bytes': {
      const bytes =
        typeof value === 'string' && scalar === 'string'
          ? Buffer.from(value)
          : value instanceof Uint8Array && scalar === 'bytes'
            ? value
            : undefined
      if (bytes === undefined) throw wrong(scalar, value, path)
      out.varint(BigInt(bytes.length))
      return out.add(bytes)
    }
    case 'bool':
      if (typeof value !== 'boolean') throw wrong(scalar, value, path)
      return out.varint(value ? 1n : 0n)
    case 'double':
    case 'float': {
      if (typeof value !== 'number' && typeof value !== 'bigint') throw wrong(scalar, value, path)
      const bytes = Buffer.alloc(scalar === 'double' ? 8 : 4)
      if (scalar === 'double') bytes.writeDoubleLE(Number(value))
      else bytes.writeFloatLE(Number(value))
      return out.add(bytes)
    }
    default:
      return encodeInteger(out, scalar, integerOf(scalar, value, path))
  }
}

function integerOf(scalar: ProtoScalar, value: Value, path: Path): bigint {
  const bounds = BOUNDS[scalar]
  if (bounds === undefined || !(typeof value === 'bigint' || Number.isInteger(value))) throw wrong(scalar, value, path)
  const number = BigInt(value as number | bigint)
  if (number < bounds[0] || number > bounds[1])
    throw new EncodeError(`cannot be ${number}, which is out of the range of ${scalar}`, path)
  return number
}

function encodeInteger(out: Output, scalar: ProtoScalar, number: bigint): void {
  const wire = wireOf(scalar)
  if (wire === 0) return out.varint(scalar.startsWith('s') ? (number >= 0n ? number * 2n : -number * 2n - 1n) : number)
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, number))
  out.add(bytes.subarray(0, wire === 1 ? 8 : 4))
}

function encodeList(out: Output, field: ProtoField, value: Value, path: Path, depth: number): void {
  if (!Array.isArray(value)) throw wrong('list', value, path)
  const { type } = field
  if (!field.packed || type.kind === 'message' || value.length === 0) {
    value.forEach((item, i) => encodeSingle(out, field.number, type, item, [...path, i], depth))
    return
  }
  const block = new Output()
  value.forEach((item, i) => {
    if (item === null) throw new EncodeError('cannot be NULL inside of a list or map', [...path, i])
    encodeLeaf(block, type, item, [...path, i])
  })
  out.block(field.number, block.bytes())
}

function encodeMap(out: Output, field: ProtoField, value: Value, path: Path, depth: number): void {
  if (!(value instanceof Map)) throw wrong('map', value, path)
  const key = field.key ?? 'string'
  for (const [name, member] of value) {
    const entry = new Output()
    entry.tag(1, wireOf(key))
    encodeScalar(entry, key, keyValue(key, name, [...path, name]), [...path, name])
    encodeSingle(entry, 2, field.type, member, [...path, name], depth)
    out.block(field.number, entry.bytes())
  }
}

function keyValue(scalar: ProtoScalar, name: string, path: Path): Value {
  if (scalar === 'string') return name
  if (scalar === 'bool' && (name === 'true' || name === 'false')) return name === 'true'
  if (scalar !== 'bool' && /^-?\d{1,20}$/.test(name)) return BigInt(name)
  throw new EncodeError(`is no key of a map<${scalar}, …>`, path)
}

function shown(value: Value): string {
  return typeof value === 'string'
    ? `'${value.slice(0, 60)}'`
    : value === null
      ? 'NULL'
      : typeof value === 'object'
        ? 'that value'
        : String(value)
}

function wrong(what: string, value: Value, path: Path): EncodeError {
  return new EncodeError(`cannot be ${shown(value)}: it is a ${what}`, path)
}

// ---------------------------------------------------------------------------------------------- messages that stand
// for other values

function encodeMeaning(meaning: Meaning, value: Value, path: Path, depth: number): Uint8Array {
  const out = new Output()
  switch (meaning.kind) {
    case 'timestamp':
      // In nanoseconds the years 1 to 9999 are more than an int64.
      if (!(typeof value === 'bigint' || Number.isInteger(value))) throw wrong('timestamp', value, path)
      return secondsAndNanos(BigInt(value as number | bigint), path)
    case 'duration': {
      const parts = typeof value === 'string' ? /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(value) : null
      if (parts === null) throw new EncodeError(`cannot be ${shown(value)}: it is a duration such as '1.5s'`, path)
      const nanos = BigInt(parts[2]) * 1_000_000_000n + BigInt((parts[3] ?? '').padEnd(9, '0'))
      if (nanos > BigInt(DURATION_LIMIT_SECONDS) * 1_000_000_000n)
        throw new EncodeError(
          `cannot be ${shown(value)}: a duration has ${DURATION_LIMIT_SECONDS} seconds at most`,
          path,
        )
      return encodePair(parts[1] === '-' ? -nanos : nanos)
    }
    case 'wrapper':
      if (!(value === 0 || value === '' || value === false) || Object.is(value, -0)) {
        if (value === null) throw wrong(meaning.scalar, value, path)
        out.tag(1, wireOf(meaning.scalar))
        encodeScalar(out, meaning.scalar, value, path)
      }
      return out.bytes()
    case 'json':
      return encodeJson(meaning.shape, value instanceof JsonText ? JSON.parse(value.text) : jsonOf(value), path, depth)
    case 'any':
      return encodeAny(value, path)
    case 'decimal':
      return encodeDecimal(value, path)
    case 'date': {
      const date = new Date(Number(integerOf('int32', value, path)) * 86_400_000)
      return encodeInts([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()])
    }
    case 'time': {
      const nanos = Number(integerOf('int64', value, path))
      const seconds = Math.floor(nanos / 1_000_000_000)
      return encodeInts([
        Math.floor(seconds / 3600),
        Math.floor(seconds / 60) % 60,
        seconds % 60,
        nanos % 1_000_000_000,
      ])
    }
  }
}

/** A message of any type is given as its bytes, in base64. */
function encodeAny(value: Value, path: Path): Uint8Array {
  const json: unknown = value instanceof JsonText ? JSON.parse(value.text) : jsonOf(value)
  const members = new Map(
    typeof json === 'object' && json !== null ? Object.entries(json as Record<string, unknown>) : [],
  )
  // `type_url` is the name of the field in the message itself.
  const [url, base64] = [members.get('@type') ?? members.get('type_url'), members.get('value') ?? '']
  if (
    typeof url !== 'string' ||
    typeof base64 !== 'string' ||
    [...members.keys()].some((name) => name !== '@type' && name !== 'type_url' && name !== 'value')
  )
    throw new EncodeError(
      'must be an object of "@type" and "value", the name of a message and its bytes in base64',
      path,
    )
  const out = new Output()
  out.block(1, Buffer.from(url))
  if (base64 !== '') out.block(2, Buffer.from(base64, 'base64'))
  return out.bytes()
}

function encodeInts(values: readonly number[]): Uint8Array {
  const out = new Output()
  values.forEach((value, i) => {
    if (value === 0) return
    out.tag(i + 1, 0)
    out.varint(BigInt(value))
  })
  return out.bytes()
}

/** Nanoseconds since 1970, seconds rounded down. */
function secondsAndNanos(nanos: bigint, path: Path): Uint8Array {
  const rest = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const seconds = (nanos - rest) / 1_000_000_000n
  if (seconds < -62_135_596_800n || seconds > 253_402_300_799n)
    throw new EncodeError('is outside of the years 1 to 9999', path)
  const out = new Output()
  if (seconds !== 0n) {
    out.tag(1, 0)
    out.varint(seconds)
  }
  if (rest !== 0n) {
    out.tag(2, 0)
    out.varint(rest)
  }
  return out.bytes()
}

/** Seconds and nanoseconds of one sign. */
function encodePair(nanos: bigint): Uint8Array {
  return encodeInts([Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)])
}

function encodeDecimal(value: Value, path: Path): Uint8Array {
  const decimal = value instanceof Decimal ? value : undefined
  if (decimal === undefined) throw wrong('decimal', value, path)
  let bits = 8n
  while (decimal.unscaled < -(1n << (bits - 1n)) || decimal.unscaled >= 1n << (bits - 1n)) bits += 8n
  const hex = BigInt.asUintN(Number(bits), decimal.unscaled)
    .toString(16)
    .padStart(Number(bits) / 4, '0')
  const digits = (decimal.unscaled < 0n ? -decimal.unscaled : decimal.unscaled).toString().length
  const out = new Output()
  out.block(1, Buffer.from(hex, 'hex'))
  out.add(encodeInts([0, Math.max(digits, decimal.scale), decimal.scale]))
  return out.bytes()
}

/** A run-time value as what JSON.parse would give. */
function jsonOf(value: Value): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, member]) => [name, jsonOf(member)]))
  if (Array.isArray(value)) return value.map(jsonOf)
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Decimal) return value.toNumber()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return value instanceof JsonText ? JSON.parse(value.text) : value
}

function encodeJson(shape: 'struct' | 'value' | 'list', json: unknown, path: Path, depth: number): Uint8Array {
  if (depth > PROTOBUF_LIMIT_DEPTH)
    throw new EncodeError(`is nested deeper than the limit of ${PROTOBUF_LIMIT_DEPTH} levels`, path)
  const out = new Output()
  if (shape === 'struct') {
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      throw new EncodeError('must be a JSON object', path)
    for (const [name, member] of Object.entries(json)) {
      const entry = new Output()
      entry.block(1, Buffer.from(name))
      entry.block(2, encodeJson('value', member, [...path, name], depth + 1))
      out.block(1, entry.bytes())
    }
    return out.bytes()
  }
  if (shape === 'list') {
    if (!Array.isArray(json)) throw new EncodeError('must be a JSON array', path)
    json.forEach((item, i) => out.block(1, encodeJson('value', item, [...path, i], depth + 1)))
    return out.bytes()
  }
  switch (typeof json) {
    case 'number':
      out.tag(2, 1)
      encodeScalar(out, 'double', json, path)
      break
    case 'string':
      out.block(3, Buffer.from(json))
      break
    case 'boolean':
      out.tag(4, 0)
      out.varint(json ? 1n : 0n)
      break
    default:
      if (json === null || json === undefined) {
        out.tag(1, 0)
        out.varint(0n)
      } else if (Array.isArray(json)) out.block(6, encodeJson('list', json, path, depth + 1))
      else out.block(5, encodeJson('struct', json, path, depth + 1))
  }
  return out.bytes()
}
