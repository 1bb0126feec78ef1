/**
 * CAST: type names of the dialect, and the conversion of values. Fractions are cut off towards zero (9.99 → 9); text
 * must say a value of the type as a whole; what does not fit is a ValueError, never NULL and never a wrapped number.
 * NULL stays NULL.
 */
import { Decimal, MAX_DECIMAL_DIGITS } from '../../lib/decimal.ts'
import { jsonElements } from '../../lib/json-read.ts'
import { JsonText } from '../../lib/json-text.ts'
import { integer } from '../../lib/whole-number.ts'
import type { DataType, TimeUnit, Value } from '../../types.ts'
import { BOOLEAN, BYTES, DATE, DOUBLE, FLOAT, INT, LONG, STRING, TIMESTAMP, typeName, UUID } from '../../types.ts'
import { parseMoment, parseTimeText } from './datemath.ts'
import { describe } from '../define.ts'
import { isNumeric, toDecimal, toDouble, toLong, toUnits } from './numbers.ts'
import { ValueError } from '../function.ts'
import { dynamicValue, plainText } from './value-text.ts'

const NAMES: Readonly<Record<string, DataType>> = {
  int: INT,
  integer: INT,
  long: LONG,
  bigint: LONG,
  float: FLOAT,
  double: DOUBLE,
  string: STRING,
  text: STRING,
  boolean: BOOLEAN,
  bytes: BYTES,
  date: DATE,
  time: { kind: 'time', unit: 'millis' },
  timestamp: TIMESTAMP,
  uuid: UUID,
}

/** Names that CAST and CREATE TABLE know, for suggestions. */
export const TYPE_NAMES: readonly string[] = [...Object.keys(NAMES), 'decimal']

/**
 * The type of a name of the dialect, in any case: `decimal` takes a precision and a scale. undefined when there is no
 * such type.
 */
export function castType(name: string, precision?: number, scale?: number): DataType | undefined {
  const lower = name.toLowerCase()
  if (lower === 'decimal')
    return precision === undefined ? { kind: 'decimal' } : { kind: 'decimal', precision, scale: scale ?? 0 }
  return Object.hasOwn(NAMES, lower) ? NAMES[lower] : undefined
}

/** What is wrong with the numbers of a type `decimal(precision, scale)`, as a sentence; undefined when nothing is. */
export function decimalProblem(precision: number | undefined, scale: number | undefined): string | undefined {
  const largest = Math.max(precision ?? 1, scale ?? 0)
  if (largest > MAX_DECIMAL_DIGITS)
    return `A decimal has at most ${MAX_DECIMAL_DIGITS} digits (function.max.decimal.digits), not ${largest}.`
  return precision === 0 ? 'A decimal has at least one digit.' : undefined
}

/**
 * The value as another type. Throws a ValueError that says what does not fit. `implicit`: nobody asked for the type, so
 * that moments which meet in a finer unit may have more than 64 bits, as sums of longs may.
 */
export function castValue(value: Value, from: DataType, to: DataType, implicit = false): Value {
  if (value === null) return null
  switch (to.kind) {
    case 'json':
      return dynamicValue(value, from)
    case 'int':
      return toInteger(value, from, to, -(2n ** 31n), 2n ** 31n - 1n)
    case 'long':
      return toInteger(value, from, to, -(2n ** 63n), 2n ** 63n - 1n)
    case 'float':
    case 'double':
      return toFloating(value, from, to)
    case 'decimal':
      return toDecimalType(value, from, to)
    case 'string':
      return plainText(value, from)
    case 'boolean':
      return toBoolean(value, from, to)
    case 'bytes':
      return typeof value === 'string'
        ? new TextEncoder().encode(value)
        : value instanceof Uint8Array
          ? value
          : refuse(value, from, to)
    case 'uuid':
      return toUuid(value, from, to)
    case 'date':
    case 'time':
    case 'timestamp':
      return toTemporal(value, from, to, implicit)
    default:
      return toStructure(value, from, to, implicit)
  }
}

function refuse(value: Value, from: DataType, to: DataType): never {
  const shown = typeof value === 'object' || isTemporal(from) ? `a value of type ${typeName(from)}` : describe(value)
  throw new ValueError(`CAST: ${shown} is no ${typeName(to)}`)
}

function isTemporal(type: DataType): boolean {
  return type.kind === 'date' || type.kind === 'time' || type.kind === 'timestamp'
}

const INTEGER_TEXT = /^[+-]?\d{1,40}$/

function toInteger(value: Value, from: DataType, to: DataType, low: bigint, high: bigint): number | bigint {
  const whole = wholeOf(value)
  if (whole === undefined) return refuse(value, from, to)
  if (typeof whole === 'number' && whole >= Number(low) && whole <= Number(high) && Number.isSafeInteger(whole))
    return whole + 0
  const exact = BigInt(whole)
  if (exact < low || exact > high)
    throw new ValueError(`CAST: ${describe(value)} does not fit ${to.kind === 'int' ? 'an int' : 'a long'}`)
  return toLong(exact, 'CAST')
}

/** The value without its fraction; undefined when it is no number. */
function wholeOf(value: Value): number | bigint | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.trunc(value) : undefined
  if (typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Decimal) return value.truncate()
  if (typeof value === 'string' && INTEGER_TEXT.test(value.trim())) return BigInt(value.trim().replace('+', ''))
  return undefined
}

// No two parts of the expression match the same digits, so it cannot backtrack over a long text.
const NUMBER_TEXT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?$/

/** NaN and the infinities, as they are printed, and as other databases do. */
const NOT_FINITE: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  '+infinity': Number.POSITIVE_INFINITY,
  '-infinity': Number.NEGATIVE_INFINITY,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
}

function toFloating(value: Value, from: DataType, to: DataType): number {
  let number: number
  if (isNumeric(value)) number = toDouble(value)
  else if (typeof value === 'boolean') number = value ? 1 : 0
  else if (typeof value === 'string' && NUMBER_TEXT.test(value.trim())) number = Number(value)
  else if (typeof value === 'string' && Object.hasOwn(NOT_FINITE, value.trim().toLowerCase()))
    return NOT_FINITE[value.trim().toLowerCase()]
  else return refuse(value, from, to)
  const result = to.kind === 'float' ? Math.fround(number) : number
  const wasFinite = typeof value !== 'number' || Number.isFinite(value)
  if (!Number.isFinite(result) && wasFinite) throw new ValueError(`CAST: ${describe(value)} does not fit a ${to.kind}`)
  return result
}

function toDecimalType(value: Value, from: DataType, to: DataType & { readonly kind: 'decimal' }): Decimal {
  let decimal: Decimal | undefined
  if (isNumeric(value)) decimal = toDecimal(value, 'CAST')
  else if (typeof value === 'boolean') decimal = Decimal.fromInteger(value ? 1 : 0)
  else if (typeof value === 'string' && value.length <= MAX_DECIMAL_DIGITS && NUMBER_TEXT.test(value.trim()))
    decimal = Decimal.parse(value)
  if (decimal === undefined) return refuse(value, from, to)
  if (to.precision === undefined) return decimal
  const rounded = decimal.round(to.scale ?? 0)
  const digits = (rounded.unscaled < 0n ? -rounded.unscaled : rounded.unscaled).toString().length
  if (digits > to.precision) throw new ValueError(`CAST: ${describe(value)} does not fit ${typeName(to)}`)
  return rounded
}

function toBoolean(value: Value, from: DataType, to: DataType): boolean {
  if (typeof value === 'boolean') return value
  if (isNumeric(value) && !isTemporal(from)) return toDouble(value) !== 0
  const text = typeof value === 'string' ? value.trim().toLowerCase() : ''
  return text === 'true' || text === 'false' ? text === 'true' : refuse(value, from, to)
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function toUuid(value: Value, from: DataType, to: DataType): string {
  const text = typeof value === 'string' ? value.trim().toLowerCase() : ''
  return UUID_TEXT.test(text) ? text : refuse(value, from, to)
}

// ---------------------------------------------------------------------------------------------- dates and times

const NANOS: Readonly<Record<TimeUnit, bigint>> = { millis: 1_000_000n, micros: 1_000n, nanos: 1n }
const DAY_NANOS = 86_400_000_000_000n
/** Not a limit: what 64-bit milliseconds reach. The first of these days has not all of its moments. */
const MAX_DAYS = 106_751_991_167n

function toTemporal(
  value: Value,
  from: DataType,
  to: DataType & { readonly kind: 'date' | 'time' | 'timestamp' },
  implicit: boolean,
): number | bigint | Decimal {
  if (to.kind !== 'date' && to.between === true && !isTemporal(from)) return toBetween(value, from, to)
  if (from.kind === to.kind && (to.kind === 'date' || (from as { unit?: TimeUnit }).unit === to.unit))
    return value as number | bigint
  const nanos = nanosOf(value, from, to)
  if (nanos === undefined) return refuse(value, from, to)
  if (to.kind === 'date') {
    const days = floorDivide(nanos, DAY_NANOS)
    if (days > MAX_DAYS || days < -MAX_DAYS - 1n) throw new ValueError(`CAST: ${describe(value)} does not fit a date`)
    return Number(days)
  }
  const count = floorDivide(
    to.kind === 'time' ? nanos - floorDivide(nanos, DAY_NANOS) * DAY_NANOS : nanos,
    NANOS[to.unit],
  )
  return implicit ? integer(count) : toUnits(count, to.unit, 'CAST')
}

/**
 * As `toTemporal`, but a fraction of a unit is not lost: the result then lies between the two units, so that it is
 * equal to no moment and in the right place among them. JSON that is no text is no time of day: it has no place among
 * them, as NaN has none.
 */
function toBetween(
  value: Value,
  from: DataType,
  to: DataType & { readonly kind: 'time' | 'timestamp' },
): number | bigint | Decimal {
  if (to.kind === 'time' && typeof value !== 'string') return Number.NaN
  if (typeof value === 'number' && !Number.isFinite(value)) return value
  const fraction =
    typeof value === 'number'
      ? value - Math.floor(value)
      : value instanceof Decimal
        ? value.remainder(Decimal.fromInteger(1)).toNumber()
        : 0
  const base = value instanceof Decimal ? floorDivide(value.unscaled, 10n ** BigInt(value.scale)) : value
  const nanos = nanosOf(base, from, to)
  if (nanos === undefined) return refuse(value, from, to)
  const part = (fraction < 0 ? fraction + 1 : fraction) * 1e6
  const exact = nanos + BigInt(Math.floor(part))
  const unit = NANOS[to.unit]
  const whole = floorDivide(to.kind === 'time' ? exact - floorDivide(exact, DAY_NANOS) * DAY_NANOS : exact, unit)
  if (exact % unit === 0n && Number.isInteger(part)) return integer(whole)
  return whole < 2n ** 52n && whole > -(2n ** 52n) ? Number(whole) + 0.5 : new Decimal(whole * 10n + 5n, 1)
}

/** Nanoseconds since the epoch (of a time: since midnight); numbers are days for a date, else milliseconds. */
function nanosOf(value: Value, from: DataType, to: DataType): bigint | undefined {
  if (typeof value === 'string') return textNanos(value, to)
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined
  const units = typeof value === 'number' ? BigInt(Math.floor(value)) : value
  if (from.kind === 'date') return to.kind === 'time' ? undefined : units * DAY_NANOS
  if (from.kind === 'time') return to.kind === 'time' ? units * NANOS[from.unit] : undefined
  if (from.kind === 'timestamp') return units * NANOS[from.unit]
  return units * (to.kind === 'date' ? DAY_NANOS : NANOS.millis)
}

function textNanos(text: string, to: DataType): bigint | undefined {
  const time = to.kind === 'time' ? parseTimeText(text) : undefined
  if (time !== undefined) return BigInt(time)
  const moment = parseMoment(text)
  return moment === undefined
    ? undefined
    : BigInt(moment.days) * DAY_NANOS + BigInt(moment.second) * 1_000_000_000n + BigInt(moment.nanos)
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b < 0n ? quotient - 1n : quotient
}

// ---------------------------------------------------------------------------------------------- structures

/** Field by field, item by item. The names of fields are those of the value: types of structures differ in their parts only. */
function toStructure(value: Value, from: DataType, to: DataType, implicit: boolean): Value {
  if (to.kind === 'array') {
    const items = Array.isArray(value)
      ? value
      : value instanceof JsonText && value.isArray
        ? jsonElements(value)
        : refuse(value, from, to)
    const element: DataType = from.kind === 'array' ? from.element : { kind: 'json' }
    return items.map((item) => castValue(item, element, to.element, implicit))
  }
  if (value instanceof Map && from.kind === 'map' && to.kind === 'map')
    return new Map([...value].map(([key, item]) => [key, castValue(item, from.value, to.value, implicit)]))
  if (value instanceof Map && from.kind === 'struct' && to.kind === 'struct')
    return new Map(
      [...value].map(([name, item], i) => [name, castField(item, from.fields[i]?.type, to.fields[i]?.type, implicit)]),
    )
  return from.kind === to.kind ? value : refuse(value, from, to)
}

function castField(value: Value, from: DataType | undefined, to: DataType | undefined, implicit: boolean): Value {
  return from === undefined || to === undefined ? value : castValue(value, from, to, implicit)
}
