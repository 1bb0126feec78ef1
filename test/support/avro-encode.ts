/**
 * Avro binary from JSON literals, for test worlds: walks the schema as JSON and writes. Unions are given without their
 * branch names; the first branch that fits is taken. Bytes and fixed are strings of code points 0–255, or `0x…`;
 * decimals may be numbers or digit strings. It checks nothing beyond what it needs. Source: Avro specification 1.12,
 * "Binary encoding".
 */
import { WireWriter } from '../../src/kafka/wire/primitives.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import type { ExactJson } from './exact-json.ts'

type Schema = string | Schema[] | { readonly type: Schema; readonly [attribute: string]: unknown }
type Named = Map<string, Exclude<Schema, string | Schema[]>>

/** `references` are the texts of the schemas that `schemaText` names, what is needed first standing first. */
export function encodeAvro(schemaText: string, value: ExactJson, references: readonly string[] = []): Buffer {
  const names: Named = new Map()
  for (const text of references) collect(JSON.parse(text) as Schema, '', names)
  const schema = JSON.parse(schemaText) as Schema
  collect(schema, '', names)
  const out = new WireWriter(256)
  write(schema, value, '', names, out)
  return Buffer.from(out.finish())
}

/** Null, a zero byte and the schema's id in front, as Confluent's serializers write. */
export function framed(id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeInt32BE(id, 1)
  return Buffer.concat([head, payload])
}

function fullName(schema: Exclude<Schema, string | Schema[]>, namespace: string): { name: string; space: string } {
  const name = String(schema['name'])
  const space = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : String(schema['namespace'] ?? namespace)
  return { name: name.includes('.') || space === '' ? name : `${space}.${name}`, space }
}

function collect(schema: Schema, namespace: string, names: Named): void {
  if (typeof schema === 'string') return
  if (Array.isArray(schema)) return schema.forEach((s) => collect(s, namespace, names))
  const type = schema.type
  let space = namespace
  if (type === 'record' || type === 'error' || type === 'enum' || type === 'fixed') {
    const full = fullName(schema, namespace)
    space = full.space
    names.set(full.name, { ...schema, namespace: space })
    for (const field of (schema['fields'] ?? []) as { type: Schema }[]) collect(field.type, space, names)
  } else if (type === 'array') collect(schema['items'] as Schema, space, names)
  else if (type === 'map') collect(schema['values'] as Schema, space, names)
  else if (typeof type !== 'string') collect(type, space, names)
}

const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']

function resolve(schema: Schema, namespace: string, names: Named): Exclude<Schema, string> {
  if (typeof schema === 'string') {
    if (PRIMITIVES.includes(schema)) return { type: schema }
    const found =
      names.get(schema.includes('.') || namespace === '' ? schema : `${namespace}.${schema}`) ?? names.get(schema)
    if (found === undefined) throw new Error(`no Avro type ${schema}`)
    return found
  }
  return Array.isArray(schema) || typeof schema.type === 'string'
    ? schema
    : resolve({ ...schema, ...(resolve(schema.type, namespace, names) as object) } as Schema, namespace, names)
}

function fits(schema: Schema, value: ExactJson, namespace: string, names: Named): boolean {
  const s = resolve(schema, namespace, names)
  if (Array.isArray(s)) return s.some((branch) => fits(branch, value, namespace, names))
  switch (s.type) {
    case 'null':
      return value === null
    case 'boolean':
      return typeof value === 'boolean'
    case 'int':
      return typeof value === 'number' && Number.isInteger(value) && value === (value | 0)
    case 'long':
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
    case 'float':
    case 'double':
      return typeof value === 'number' || value === 'NaN' || value === 'Infinity' || value === '-Infinity'
    case 'bytes':
    case 'fixed':
      return typeof value === 'string' || (s['logicalType'] === 'decimal' && typeof value === 'number')
    case 'string':
      return typeof value === 'string'
    case 'enum':
      return typeof value === 'string' && (s['symbols'] as string[]).includes(value)
    case 'array':
      return Array.isArray(value)
    case 'map':
      return isObject(value)
    default:
      return (
        isObject(value) &&
        (s['fields'] as { name: string }[]).every((f) => Object.hasOwn(value, f.name) || Object.hasOwn(f, 'default')) &&
        Object.keys(value).every((k) => (s['fields'] as { name: string }[]).some((f) => f.name === k))
      )
  }
}

function isObject(value: ExactJson): value is { [name: string]: ExactJson } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function write(schema: Schema, value: ExactJson, namespace: string, names: Named, out: WireWriter): void {
  const s = resolve(schema, namespace, names)
  if (Array.isArray(s)) {
    const branch = s.findIndex((b) => fits(b, value, namespace, names))
    if (branch < 0) throw new Error(`no branch of the union ${JSON.stringify(s)} takes ${text(value)}`)
    out.varlong(branch)
    return write(s[branch], value, namespace, names, out)
  }
  if (!fits(s, value, namespace, names))
    throw new Error(`Avro ${JSON.stringify(s).slice(0, 200)} does not take ${text(value)}`)
  switch (s.type) {
    case 'null':
      return
    case 'boolean':
      return void out.int8(value ? 1 : 0)
    case 'int':
    case 'long':
      return void out.varlong(value as number | bigint)
    case 'float':
      return void out.raw(floatBytes(Number(value)))
    case 'double':
      return void out.raw(doubleBytes(Number(value)))
    case 'bytes':
      return writeBytes(byteValue(s, value), out)
    case 'fixed':
      return void out.raw(byteValue(s, value))
    case 'string':
      return writeBytes(Buffer.from(value as string), out)
    case 'enum':
      return void out.varlong((s['symbols'] as string[]).indexOf(value as string))
    case 'array':
      return writeBlocks(value as ExactJson[], (item) => write(s['items'] as Schema, item, namespace, names, out), out)
    case 'map':
      return writeBlocks(
        Object.entries(value as object) as [string, ExactJson][],
        ([key, item]) => {
          writeBytes(Buffer.from(key), out)
          write(s['values'] as Schema, item, namespace, names, out)
        },
        out,
      )
    default:
      return writeRecord(s, value as { [name: string]: ExactJson }, names, out)
  }
}

function writeRecord(
  s: Exclude<Schema, string | Schema[]>,
  value: { [name: string]: ExactJson },
  names: Named,
  out: WireWriter,
): void {
  const space = fullName(s, '').space
  for (const field of s['fields'] as { name: string; type: Schema; default?: ExactJson }[]) {
    write(
      field.type,
      Object.hasOwn(value, field.name) ? value[field.name] : (field.default as ExactJson),
      space,
      names,
      out,
    )
  }
}

function writeBlocks<T>(items: readonly T[], each: (item: T) => void, out: WireWriter): void {
  if (items.length > 0) {
    out.varlong(items.length)
    items.forEach(each)
  }
  out.varlong(0)
}

function writeBytes(bytes: Uint8Array, out: WireWriter): void {
  out.varlong(bytes.length)
  out.raw(bytes)
}

function byteValue(s: Exclude<Schema, string | Schema[]>, value: ExactJson): Buffer {
  if (s['logicalType'] === 'decimal' && /^-?[\d.]+$/.test(String(value))) {
    const size = s.type === 'fixed' ? Number(s['size']) : undefined
    return twosComplement((Decimal.parse(String(value)) as Decimal).round(Number(s['scale'] ?? 0)).unscaled, size)
  }
  const given = String(value)
  return given.startsWith('0x') ? Buffer.from(given.slice(2), 'hex') : Buffer.from(given, 'latin1')
}

function twosComplement(value: bigint, size?: number): Buffer {
  let bytes = size ?? 1
  while (size === undefined && BigInt.asIntN(bytes * 8, value) !== value) bytes++
  return Buffer.from(
    BigInt.asUintN(bytes * 8, value)
      .toString(16)
      .padStart(bytes * 2, '0'),
    'hex',
  )
}

function floatBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}
function doubleBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}
function text(value: ExactJson): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v))
}
