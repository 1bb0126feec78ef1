/**
 * What a number is to the functions: `number`, `bigint` or `Decimal`, compared and converted exactly, and never wrapped
 * silently. No SQL function stands here; numeric.ts, cast.ts and others build on it.
 */
import { Decimal } from '../../lib/decimal.ts'
import { integer } from '../../lib/whole-number.ts'
import type { DataType, TimeUnit, Value } from '../../types.ts'
import { DOUBLE, FLOAT, INT, JSON_TYPE, LONG } from '../../types.ts'
import { ValueError } from '../function.ts'

/** A number of any SQL type. */
export type Numeric = number | bigint | Decimal

const LONG_MIN = -(2n ** 63n)
/** Not a limit: a constant of the type long. */
const LONG_MAX = 2n ** 63n - 1n

/** Whether a value is a number of any SQL type. */
export function isNumeric(value: Value): value is Numeric {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal
}

/** The nearest double. */
export function toDouble(value: Numeric): number {
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : value.toNumber()
}

/**
 * Exact; a double counts as the shortest decimal that reads back as it. `what` names the call in the error for NaN and
 * the infinities.
 */
export function toDecimal(value: Numeric, what: string): Decimal {
  if (value instanceof Decimal) return value
  if (typeof value === 'bigint') return Decimal.fromInteger(value)
  const decimal = Decimal.fromNumber(value)
  if (decimal === undefined) throw new ValueError(`${what}: ${value} is not a decimal number`)
  return decimal
}

/** A long as run-time value: number inside ±(2^53-1), bigint outside; a ValueError beyond 64 bits. */
export function toLong(value: bigint, what: string): number | bigint {
  if (value < LONG_MIN || value > LONG_MAX)
    throw new ValueError(`${what}: the result ${shorten(value.toString())} does not fit a long`)
  return integer(value)
}

/** Not a limit: the first nanosecond of the year 10000, which is beyond an int64. */
const NANOS_END = 253_402_300_800n * 1_000_000_000n

/** Whether a moment can have so many units: those of a long, or nanoseconds of the years up to 9999, which are more. */
export function areUnits(value: bigint, unit: TimeUnit): boolean {
  return (value >= LONG_MIN && value <= LONG_MAX) || (unit === 'nanos' && value < NANOS_END && value >= -NANOS_END)
}

/** Units of a moment as run-time value; a ValueError for more than `areUnits` takes. */
export function toUnits(value: bigint, unit: TimeUnit, what: string): number | bigint {
  return areUnits(value, unit) ? integer(value) : toLong(value, what)
}

/** The whole double `value` (already rounded) as a long. */
export function wholeToLong(value: number, what: string): number | bigint {
  if (Number.isSafeInteger(value)) return value + 0 === 0 ? 0 : value
  if (!Number.isFinite(value)) throw new ValueError(`${what}: ${value} has no integer value`)
  return toLong(BigInt(value), what)
}

/** A ValueError when a result of int operands left 32 bits. */
export function checkInt(value: number, what: string): number {
  if (value < -2147483648 || value > 2147483647)
    throw new ValueError(`${what}: the result ${value} does not fit an int; cast the argument to long`)
  return value
}

/** -1, 0 or 1; exact across the kinds. NaN is above everything. */
export function compareNumeric(a: Numeric, b: Numeric): number {
  if (a instanceof Decimal || b instanceof Decimal) {
    const left = a instanceof Decimal ? a : exact(a)
    const right = b instanceof Decimal ? b : exact(b)
    if (left !== undefined && right !== undefined) return left.compare(right)
    return compareNumeric(a instanceof Decimal ? a.toNumber() : a, b instanceof Decimal ? b.toNumber() : b)
  }
  if (a < b) return -1
  if (a > b) return 1
  const leftNaN = Number.isNaN(a)
  return leftNaN === Number.isNaN(b) ? 0 : leftNaN ? 1 : -1
}

function exact(value: number | bigint): Decimal | undefined {
  return typeof value === 'bigint' ? Decimal.fromInteger(value) : Decimal.fromNumber(value)
}

const RANK: Readonly<Record<string, number>> = { int: 1, long: 2, float: 3, double: 4, decimal: 5 }

/** Whether values of the type are numbers; json is not counted. */
export function isNumericType(type: DataType): boolean {
  return RANK[type.kind] !== undefined
}

/** Whether values of the type are whole numbers. */
export function isIntegerType(type: DataType): boolean {
  return type.kind === 'int' || type.kind === 'long'
}

/**
 * The type in which numbers of all these types meet, as for operators: double over decimal over long over int; json
 * when one is dynamic. NULLs do not count.
 */
export function widest(types: readonly DataType[]): DataType {
  if (types.some((t) => t.kind === 'json')) return JSON_TYPE
  let best = 0
  for (const type of types) best = Math.max(best, RANK[type.kind] ?? 0)
  const floating = types.some((t) => t.kind === 'float' || t.kind === 'double')
  if (floating && (best === 5 || types.some((t) => t.kind === 'long'))) return DOUBLE
  return best === 5 ? { kind: 'decimal' } : ([INT, INT, LONG, FLOAT, DOUBLE][best] as DataType)
}

/** A number brought to a wider numeric type (see `widest`). */
export function widen(value: Numeric, to: DataType, what: string): Numeric {
  if (to.kind === 'decimal') return toDecimal(value, what)
  if (to.kind === 'double' || to.kind === 'float') return toDouble(value)
  if (to.kind === 'json' && value instanceof Decimal)
    return value.scale === 0 ? toLong(value.unscaled, what) : value.toNumber()
  return value
}

/** A double for a dynamic (json) result: JSON has no NaN and no infinities. */
export function finite(value: number, what: string): number {
  if (!Number.isFinite(value)) throw new ValueError(`${what}: the result ${value} is not a number that JSON can carry`)
  return value
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 20)}… (${text.length} digits)`
}
