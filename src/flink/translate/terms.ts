/**
 * Values on their way through Flink: how each type of ours is carried by a type of Flink's, so that equal values are
 * equal there, and what comes back can be read exactly.
 *
 * | ours | carried as |
 * |---|---|
 * | boolean | BOOLEAN |
 * | int, long, date, time, timestamp | BIGINT; the result of a computation DECIMAL(n, 0) |
 * | float, double | DOUBLE |
 * | decimal of known precision, at most 38 | DECIMAL(p, s) |
 * | string, uuid | STRING |
 * | bytes | BYTES |
 * | json | STRING: the canonical JSON text of one text, number or boolean; lists and structures end the job |
 *
 * Canonical: equal values have one text. A whole number has its digits, any other number what Java prints of the double,
 * a text what Jackson writes.
 */
import { unexpected } from '../../lib/assert.ts'
import { isWholeDouble, plain } from '../../engine/program/values/whole-double.ts'
import { Decimal } from '../../lib/decimal.ts'
import type { DataType, Value } from '../../types.ts'
import { digits, double, type FlinkSql, sql, text } from './flink-sql.ts'
import { Refusal } from './refusal.ts'

/** A value that Flink has found, and that is not to be had from it exactly. */
export class GivenBack extends Error {}

/** An expression of Flink SQL with the type of ours that its values have. */
export interface Term {
  readonly sql: FlinkSql
  readonly type: DataType
  /** Of whole numbers that were computed: digits at most. */
  readonly digits?: number
  /**
   * Of a JSON value that is a number: whether it is a double, as its text has a point or an exponent. `3.0` is carried as
   * `3`, and divides in another way. Without it, that is not known. What it needs is made when it is asked for.
   */
  readonly mark?: () => FlinkSql
  /**
   * Of a decimal that is one of several with different places (`CASE`, `COALESCE`): how many it has, as which it is shown.
   * The carrier has the most of them. Only what knows of it takes such a value (`translateAny`).
   */
  readonly places?: () => FlinkSql
  /** Of a double: it is never NaN. */
  readonly isNumber?: true
  /** Of a JSON value that was computed: the number of which its text is made (`computed`). */
  readonly number?: FlinkSql
}

/** Not a limit: the most digits that Flink computes with. */
export const MOST_DIGITS = 38

/** Begins the sentence of a job that a value ended: it goes through a failed cast of Flink. */
export const GUARD = 'sluice: '

/** Ends the job with a sentence, and the value that is to blame. The cast of a text that is no number does it. */
export function guard(reason: string, value: FlinkSql, as: FlinkSql): FlinkSql {
  return sql`CAST(CAST(CONCAT(${text(`${GUARD}${reason}: `)}, ${value}) AS INT) AS ${as})`
}

/**
 * A text that was made of bytes. Where bytes are no UTF-8, Java puts other marks in their place than we do: any of them
 * ends the job, also one that was written.
 */
export function decoded(value: FlinkSql): FlinkSql {
  const odd = guard('a text with the mark U+FFFD, as of bytes that are no UTF-8', value, sql`STRING`)
  return sql`CASE WHEN POSITION(${text('\ufffd')} IN ${value}) <> 0 THEN ${odd} ELSE ${value} END`
}

/** Whole numbers are carried alike, whatever they count. */
export function isWhole({ kind }: DataType): boolean {
  return kind === 'int' || kind === 'long' || kind === 'date' || kind === 'time' || kind === 'timestamp'
}

/** Doubles, and floats, which are carried as such. */
export function isFloating({ kind }: DataType): boolean {
  return kind === 'double' || kind === 'float'
}

/** Digits of a whole number that stands in a record. */
export function digitsOf(term: Pick<Term, 'type' | 'digits'>): number {
  return term.digits ?? (term.type.kind === 'int' || term.type.kind === 'date' ? 10 : 19)
}

/** The Flink type of a carrier; for columns that are declared, and for NULL. */
export function carrierOf(type: DataType): FlinkSql {
  if (isWhole(type)) return sql`BIGINT`
  switch (type.kind) {
    case 'boolean':
      return sql`BOOLEAN`
    case 'float':
    case 'double':
      return sql`DOUBLE`
    case 'decimal': {
      const { precision, scale } = decimalOf(type)
      return sql`DECIMAL(${precision}, ${scale})`
    }
    case 'string':
    case 'uuid':
    case 'json':
    case 'null':
      return sql`STRING`
    case 'bytes':
      return sql`BYTES`
    default:
      throw new Refusal(`Values of the type ${type.kind} are not handed over to Flink.`)
  }
}

/** Precision and scale; those that no schema says cannot be handed over. */
export function decimalOf(type: DataType): { precision: number; scale: number } {
  if (type.kind !== 'decimal' || type.precision === undefined)
    throw new Refusal('Decimals of any number of digits are not handed over to Flink, which computes with 38.')
  if (type.precision > MOST_DIGITS)
    throw new Refusal(`Decimals of ${type.precision} digits are not handed over to Flink, which computes with 38.`)
  return { precision: type.precision, scale: type.scale ?? 0 }
}

/** NULL of a type. */
export function nullOf(type: DataType): Term {
  // A decimal of any number of digits: the places of those that it meets count.
  if (type.kind === 'decimal' && type.precision === undefined)
    return { sql: sql`CAST(NULL AS STRING)`, type: { kind: 'null' } }
  return { sql: sql`CAST(NULL AS ${carrierOf(type)})`, type }
}

/** A constant. */
export function constant(value: Value, type: DataType): Term {
  if (value === null) return nullOf(type)
  if (type.kind === 'json') {
    const isDouble = isWholeDouble(value) || (typeof value === 'number' && !Number.isInteger(value))
    return { sql: text(canonicalText(plain(value))), type, mark: () => (isDouble ? sql`TRUE` : sql`FALSE`) }
  }
  if (typeof value === 'boolean') return { sql: value ? sql`TRUE` : sql`FALSE`, type }
  if (typeof value === 'string') return { sql: text(value), type }
  if (value instanceof Decimal) return decimalConstant(value)
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw new Refusal('Lists, structures and bytes cannot be written in Flink SQL.')
  if (isFloating(type)) return { sql: double(Number(value)), type }
  if (typeof value === 'number' && !Number.isInteger(value)) return { sql: double(value), type: { kind: 'double' } }
  const said = BigInt(value).toString()
  const written = said.replace('-', '')
  if (written.length > MOST_DIGITS) throw new Refusal('Numbers of more than 38 digits are not handed over to Flink.')
  // Flink takes numbers of more than 64 bits as texts only.
  return written.length > 18
    ? { sql: sql`CAST(${text(said)} AS DECIMAL(${MOST_DIGITS}, 0))`, type, digits: written.length }
    : { sql: sql`CAST(${digits(said)} AS BIGINT)`, type, digits: written.length }
}

/** With as many places as it was written with. */
function decimalConstant({ unscaled, scale }: Decimal): Term {
  const shift = Math.max(0, -scale)
  const whole = (unscaled < 0n ? -unscaled : unscaled) * 10n ** BigInt(shift)
  const places = Math.max(0, scale)
  const all = whole.toString().padStart(places + 1, '0')
  if (all.length > MOST_DIGITS) throw new Refusal('Numbers of more than 38 digits are not handed over to Flink.')
  const point = all.length - places
  const written = `${unscaled < 0n ? '-' : ''}${all.slice(0, point)}${places === 0 ? '' : `.${all.slice(point)}`}`
  return {
    sql: sql`CAST(${all.length > 18 ? text(written) : digits(written)} AS DECIMAL(${all.length}, ${places}))`,
    type: { kind: 'decimal', precision: all.length, scale: places },
  }
}

/** The canonical text of a value that is no list or structure. */
function canonicalText(value: Value): string {
  switch (typeof value) {
    case 'string':
      return jacksonText(value)
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'number':
      return canonicalNumber(value)
    default:
      if (value instanceof Decimal) {
        const { unscaled, scale } = value.normalize()
        if (scale <= 0) return (unscaled * 10n ** BigInt(-scale)).toString()
        throw new Refusal('A decimal is compared with JSON values, which are doubles in Flink.')
      }
      throw new Refusal('Lists and structures are not compared in Flink.')
  }
}

/** Java does not write all fractions as shortly as they can be. */
function canonicalNumber(value: number): string {
  if (Number.isInteger(value)) return BigInt(value).toString()
  throw new Refusal(`The fraction ${value} stands where a JSON value is wanted.`)
}

/** A JSON text as Jackson writes it: only what must be is escaped. */
export function jacksonText(value: string): string {
  const short: Record<string, string> = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r' }
  const escaped = value.replace(/["\\\u0000-\u001f]/g, (c) =>
    c === '"' || c === '\\'
      ? `\\${c}`
      : (short[c] ?? `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`),
  )
  return `"${escaped}"`
}

/** The value that a carrier says, from the text that Flink makes of it. */
export function readCarrier(said: string, type: DataType): Value {
  if (isWhole(type)) return wholeNumber(said)
  switch (type.kind) {
    case 'boolean':
      return said.toLowerCase() === 'true'
    case 'float':
    case 'double':
      return Number(said)
    case 'decimal':
      return Decimal.parse(said) ?? unexpected('a decimal of Flink')
    case 'string':
    case 'uuid':
      return said
    case 'bytes':
      return Buffer.from(said, 'base64')
    case 'json': {
      // A double that no guard met would be no JSON.
      if (/^(?:[[{!NI]|-I)/.test(said))
        throw new GivenBack(
          `a list, a structure or a number beyond 15 digits would come back as other text: ${said.slice(0, 100)}`,
        )
      const value = JSON.parse(said) as string | boolean | number
      return typeof value !== 'number' || Number.isSafeInteger(value) || /[.eE]/.test(said) ? value : wholeNumber(said)
    }
    default:
      return unexpected(`a carrier of the type ${type.kind}`)
  }
}

function wholeNumber(said: string): number | bigint {
  const number = Number(said)
  return Number.isSafeInteger(number) ? number : BigInt(said)
}

/** A carrier as text, for the way back: numbers in JSON would lose digits on it. Bytes come as base 64. */
export function toText(term: Term): FlinkSql {
  const { kind } = term.type
  return kind === 'string' || kind === 'uuid' || kind === 'json' || kind === 'bytes'
    ? term.sql
    : sql`CAST(${term.sql} AS STRING)`
}
