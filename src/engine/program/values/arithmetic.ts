/**
 * Arithmetic that compiled expressions call: whole numbers, doubles, decimals, JSON values, and moving moments. NULL
 * in, NULL out; dividing by zero gives NULL. Results with too many digits are a SqlError.
 */
import { addDuration, type Duration } from '../../../functions/support/datemath.ts'
import { Decimal, hasTooManyDigits, MAX_DECIMAL_DIGITS } from '../../../lib/decimal.ts'
import { integer as narrowed } from '../../../lib/whole-number.ts'
import { SqlError } from '../../../sql/error.ts'
import type { TimeUnit, Value } from '../../../types.ts'

/** Not a limit: the largest integer that a number holds exactly. */
const MAX = Number.MAX_SAFE_INTEGER

/**
 * A bigint as a run-time integer: number inside ±(2^53-1). A SqlError when it has more digits than are computed with.
 */
export function integer(n: bigint): number | bigint {
  const narrow = narrowed(n)
  if (typeof narrow === 'bigint' && hasTooManyDigits(narrow)) throw tooManyDigits()
  return narrow
}

function tooManyDigits(): SqlError {
  return new SqlError(
    'VALUE',
    `The result of a computation has more digits than function.max.decimal.digits (default ${MAX_DECIMAL_DIGITS}).`,
  )
}

function bounded(result: Decimal): Decimal {
  if (result.scale > MAX_DECIMAL_DIGITS || hasTooManyDigits(result.unscaled)) throw tooManyDigits()
  return result
}

type Int = number | bigint | null

/** Exact; a bigint beyond ±(2^53-1), as in all that follows. SqlError: too many digits. */
export function addInt(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const r = a + b
    if (r <= MAX && r >= -MAX) return r
  }
  return a === null || b === null ? null : integer(BigInt(a) + BigInt(b))
}

/** Exact, as `addInt`. */
export function subtractInt(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const r = a - b
    if (r <= MAX && r >= -MAX) return r
  }
  return a === null || b === null ? null : integer(BigInt(a) - BigInt(b))
}

/** Exact, as `addInt`. */
export function multiplyInt(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const r = a * b
    if (r <= MAX && r >= -MAX) return r === 0 ? 0 : r
  }
  return a === null || b === null ? null : integer(BigInt(a) * BigInt(b))
}
function isZero(n: number | bigint): boolean {
  return n === 0 || n === 0n
}

/** Towards zero; NULL when dividing by zero. */
export function divideInt(a: Int, b: Int): Int {
  if (a === null || b === null || isZero(b)) return null
  if (typeof a === 'number' && typeof b === 'number') return Math.trunc(a / b) || 0
  return integer(BigInt(a) / BigInt(b))
}
/** The sign of the dividend, as in Java; NULL when dividing by zero. */
export function remainderInt(a: Int, b: Int): Int {
  if (a === null || b === null || isZero(b)) return null
  if (typeof a === 'number' && typeof b === 'number') return a % b || 0
  return integer(BigInt(a) % BigInt(b))
}

/** Exact, as `addInt`; 0 for 0, never -0. */
export function negateInt(a: Int): Int {
  return a === null ? null : typeof a === 'number' ? -a || 0 : integer(-a)
}

/** NULL when dividing by zero. */
export function divideDouble(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b
}

/** The sign of the dividend; NULL when dividing by zero. */
export function remainderDouble(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a % b
}

/** Digits after the point that a division of decimals keeps at least. */
const DIVISION_DIGITS = 18

/**
 * `op`: one of `+ - * / %`. A quotient has 18 digits after the point at least; NULL when dividing by zero. SqlError:
 * too many digits.
 */
export function decimalArithmetic(op: string, a: Decimal | null, b: Decimal | null): Decimal | null {
  if (a === null || b === null) return null
  switch (op) {
    case '+':
      return bounded(a.add(b))
    case '-':
      return bounded(a.subtract(b))
    case '*':
      return bounded(a.multiply(b))
    case '/':
      return b.isZero ? null : bounded(a.divide(b, DIVISION_DIGITS).normalize())
    default:
      return b.isZero ? null : bounded(a.remainder(b))
  }
}

/** Arithmetic on JSON values: integers stay exact, a fraction makes it a double; what is not a number makes it NULL. */
export function dynamicArithmetic(op: string, a: Value, b: Value): Value {
  if (a instanceof Decimal || b instanceof Decimal) {
    const x = asDecimal(a)
    const y = asDecimal(b)
    return x === undefined || y === undefined ? null : decimalArithmetic(op, x, y)
  }
  if ((typeof a !== 'number' && typeof a !== 'bigint') || (typeof b !== 'number' && typeof b !== 'bigint')) return null
  const whole = isWhole(a) && isWhole(b)
  switch (op) {
    case '+':
      return whole ? addInt(a, b) : Number(a) + Number(b)
    case '-':
      return whole ? subtractInt(a, b) : Number(a) - Number(b)
    case '*':
      return whole ? multiplyInt(a, b) : Number(a) * Number(b)
    case '/':
      return whole ? divideInt(a, b) : divideDouble(Number(a), Number(b))
    default:
      return whole ? remainderInt(a, b) : remainderDouble(Number(a), Number(b))
  }
}

/**
 * A whole number and no double, as far as the value tells: whole numbers beyond 53 bits are bigints. Whether a smaller
 * one was written as a double only its mark tells.
 */
export function isWhole(n: number | bigint): boolean {
  return typeof n === 'bigint' || Number.isSafeInteger(n)
}

/** Of a number of any kind; NULL for anything else. */
export function dynamicNegate(a: Value): Value {
  return typeof a === 'number'
    ? a === 0
      ? 0
      : -a
    : typeof a === 'bigint'
      ? integer(-a)
      : a instanceof Decimal
        ? a.negate()
        : null
}

/** A number of any kind as a decimal; undefined for what is no finite number. */
export function asDecimal(v: Value): Decimal | undefined {
  if (v instanceof Decimal) return v
  if (typeof v === 'number') return Decimal.fromNumber(v)
  return typeof v === 'bigint' ? new Decimal(v, 0) : undefined
}

const PER_MS: Readonly<Record<TimeUnit, bigint>> = { millis: 1n, micros: 1000n, nanos: 1_000_000n }

/** A timestamp moved by a calendar duration; what is finer than a millisecond is kept. */
export function shiftTimestamp(
  value: number | bigint | null,
  unit: TimeUnit,
  duration: Duration,
  sign: 1 | -1,
): number | bigint | null {
  if (value === null) return null
  if (unit === 'millis') return addDuration(Number(value), duration, sign)
  const per = PER_MS[unit]
  const v = BigInt(value)
  const rest = ((v % per) + per) % per
  return integer(BigInt(addDuration(Number((v - rest) / per), duration, sign)) * per + rest)
}

/** A timestamp moved by a number of milliseconds. */
export function shiftMillis(
  value: number | bigint | null,
  unit: TimeUnit,
  ms: number | bigint | null,
  sign: 1 | -1,
): number | bigint | null {
  if (value === null || ms === null) return null
  return integer(BigInt(value) + BigInt(ms) * PER_MS[unit] * BigInt(sign))
}

const DAY_MS = 86_400_000n

/** A time of day moved by a number of milliseconds, within the day: 23:00 + "2h" is 01:00. */
export function shiftTime(
  value: number | bigint | null,
  unit: TimeUnit,
  ms: number | bigint | null,
  sign: 1 | -1,
): number | bigint | null {
  const moved = shiftMillis(value, unit, ms, sign)
  if (moved === null) return null
  const day = DAY_MS * PER_MS[unit]
  const within = BigInt(moved) % day
  return integer(within < 0n ? within + day : within)
}
