/**
 * The types that typed files (Parquet, Arrow) know, for the types of SQL, and scalar values brought to them without
 * losing anything. What has no type there is text: values of unknown shape and what is nested too deeply as JSON,
 * decimals of unknown precision as their digits.
 */
import type { RenderOptions } from '../../formats/format.ts'
import { renderValue } from '../../formats/text/render.ts'
import { Decimal } from '../../lib/decimal.ts'
import { SqlError } from '../../sql/error.ts'
import type { DataType, TimeUnit, Value } from '../../types.ts'
import type { ColumnNode } from '../columns.ts'

/** A type of a file. `text` and `json` are written as text, made of a value of type `of`. */
export type FileType =
  | { readonly kind: 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'uuid' | 'date' }
  | { readonly kind: 'text' | 'json'; readonly of: DataType }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'time'; readonly unit: TimeUnit }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly utc: boolean }
  | { readonly kind: 'list'; readonly item: FileType }
  | { readonly kind: 'map'; readonly value: FileType }
  | { readonly kind: 'struct'; readonly fields: readonly FileField[] }

/** A member of a structure. `source`: its name in the value. */
export interface FileField {
  readonly name: string
  readonly type: FileType
}

/** A type that has no parts. */
export type ScalarType = Exclude<FileType, { readonly kind: 'list' | 'map' | 'struct' }>

/**
 * Limit `export.nesting` (levels): how deeply lists, maps and structures of a Parquet or Arrow file are nested. Beyond
 * it: the value is JSON text.
 */
const MAX_NESTING = 32
/** Limit `export.fields` (fields): fields of a Parquet or Arrow file, those inside of others included. Beyond it: an error. */
const MAX_FIELDS = 20_000
/** Not a limit: decimals of more digits are text, as readers take 128 bits. */
const MAX_PRECISION = 38

/** The types of some columns. Throws a SqlError for too many fields. */
export function fileFields(nodes: readonly ColumnNode[]): FileField[] {
  const count = { fields: 0 }
  const fieldOf = (node: ColumnNode): FileField => {
    one(count)
    return 'members' in node
      ? { name: node.name, type: { kind: 'struct', fields: node.members.map(fieldOf) } }
      : { name: node.name, type: fileType(node.type, 0, count) }
  }
  return nodes.map(fieldOf)
}

function one(count: { fields: number }): void {
  if (++count.fields > MAX_FIELDS)
    throw new SqlError(
      'LIMIT',
      `The result has more than ${MAX_FIELDS.toLocaleString('en')} fields (export.fields).`,
      undefined,
      'Name the columns that the file is to have, or export as NDJSON.',
    )
}

function fileType(type: DataType, depth: number, count: { fields: number }): FileType {
  switch (type.kind) {
    case 'array':
    case 'map':
    case 'struct':
      return depth >= MAX_NESTING ? { kind: 'json', of: type } : nestedType(type, depth, count)
    case 'null':
    case 'string':
      return { kind: 'text', of: type }
    case 'json':
      return { kind: 'json', of: type }
    case 'decimal': {
      const { precision = 0, scale = 0 } = type
      return precision >= 1 && precision <= MAX_PRECISION && scale >= 0 && scale <= precision
        ? { kind: 'decimal', precision, scale }
        : { kind: 'text', of: type }
    }
    case 'time':
      return { kind: 'time', unit: type.unit }
    case 'timestamp':
      return { kind: 'timestamp', unit: type.unit, utc: type.local !== true }
    default:
      return { kind: type.kind }
  }
}

function nestedType(
  type: Extract<DataType, { kind: 'array' | 'map' | 'struct' }>,
  depth: number,
  count: { fields: number },
): FileType {
  if (type.kind === 'array') {
    one(count)
    return { kind: 'list', item: fileType(type.element, depth + 1, count) }
  }
  if (type.kind === 'map') {
    one(count)
    return { kind: 'map', value: fileType(type.value, depth + 1, count) }
  }
  // Files have no structure without fields, nor two fields of one name.
  if (type.fields.length === 0 || new Set(type.fields.map(({ name }) => name)).size < type.fields.length)
    return { kind: 'json', of: type }
  const fields = type.fields.map((field) => {
    one(count)
    return { name: field.name, type: fileType(field.type, depth + 1, count) }
  })
  return { kind: 'struct', fields }
}

const INT64_MIN = -(2n ** 63n)
/** Not a limit: what INT64 holds. */
const INT64_MAX = 2n ** 63n - 1n

/**
 * A scalar as files have it: bigint for `long`, times in micros and nanos, timestamps and decimals (unscaled), bytes for
 * `uuid`, a text for `text` and `json`. Throws a SqlError for what the type cannot hold; `column`: for its text.
 */
export function scalarOf(value: Value, type: ScalarType, column: string, render: RenderOptions): Scalar | null {
  if (value === null) return null
  switch (type.kind) {
    case 'text':
      return typeof value === 'string' ? value : renderValue(value, type.of, render)
    case 'json':
      return renderValue(value, type.of, render)
    case 'long':
    case 'timestamp':
      return int64(value, column)
    case 'time':
      return type.unit === 'millis' ? Number(value) : int64(value, column)
    case 'decimal':
      return unscaled(value, type, column)
    case 'uuid':
      return uuidBytes(String(value), column)
    case 'int':
    case 'date':
      return int32(value, column)
    case 'float':
    case 'double':
      return Number(value)
    default:
      return value as boolean | Uint8Array
  }
}

/** What `scalarOf` gives. */
export type Scalar = string | number | bigint | boolean | Uint8Array

function int32(value: Value, column: string): number {
  const whole = Number(value)
  if (whole !== (whole | 0)) throw unfit(column, String(value), 'a number of 32 bits', 'bigint')
  return whole
}

function int64(value: Value, column: string): bigint {
  const whole = BigInt(value as number | bigint)
  if (whole < INT64_MIN || whole > INT64_MAX)
    throw unfit(column, String(value), 'a whole number of 64 bits with a sign', 'decimal(20,0)')
  return whole
}

function unscaled(value: Value, type: Extract<FileType, { kind: 'decimal' }>, column: string): bigint {
  const decimal = value instanceof Decimal ? value : Decimal.parse(String(value))
  const scaled = decimal?.round(type.scale)
  if (decimal === undefined || scaled === undefined || scaled.compare(decimal) !== 0 || !fits(scaled, type.precision))
    throw unfit(column, String(value), `a decimal(${type.precision},${type.scale})`, 'string')
  return scaled.unscaled
}

function fits({ unscaled }: Decimal, precision: number): boolean {
  const most = 10n ** BigInt(precision)
  return unscaled < most && unscaled > -most
}

function uuidBytes(text: string, column: string): Uint8Array {
  const digits = text.replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/i.test(digits)) throw unfit(column, text, 'a uuid', 'string')
  return Buffer.from(digits, 'hex')
}

/** Characters of a value in a message. */
const SHOWN = 60

function unfit(column: string, value: string, expected: string, instead: string): SqlError {
  return new SqlError(
    'VALUE',
    `A value of the column "${column}" is not ${expected}: ${value.slice(0, SHOWN)}.`,
    undefined,
    `Select CAST(${column} AS ${instead}), or export as CSV or NDJSON.`,
  )
}
