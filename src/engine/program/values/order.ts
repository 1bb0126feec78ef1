/**
 * Order of values whose types are known only per record, and the total order of all values (ORDER BY, MIN, MAX).
 */
import { Decimal } from '../../../lib/decimal.ts'
import { JsonText } from '../../../lib/json-text.ts'
import type { Value } from '../../../types.ts'
import { asDecimal } from './arithmetic.ts'
import { Items, type Fields, fieldsOf } from './json-parts.ts'
import { isWholeDouble, plain } from './whole-double.ts'

/**
 * Where a number stands among decimals: a fraction where its shortest text says, a whole number where it is, to the
 * last digit, as among other whole numbers.
 */
function placeOf(v: Value): Decimal | undefined {
  return typeof v === 'number' && Number.isInteger(v) ? Decimal.fromInteger(v) : asDecimal(v)
}

/**
 * Order of two values of unknown type as operators see it: negative, 0, positive; NaN when they have no order (unlike
 * kinds, NULL, NaN, a structure). Numbers of every kind compare by value, exactly.
 */
export function order(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  const an = typeof a === 'number' || typeof a === 'bigint'
  const bn = typeof b === 'number' || typeof b === 'bigint'
  if (an && bn) return a < b ? -1 : a > b ? 1 : Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : 0
  if ((an || a instanceof Decimal) && (bn || b instanceof Decimal)) {
    const x = placeOf(a)
    const y = placeOf(b)
    // What is no decimal is NaN or infinite; the other one is finite then.
    if (x === undefined) return a === Number.POSITIVE_INFINITY ? 1 : a === Number.NEGATIVE_INFINITY ? -1 : Number.NaN
    if (y === undefined) return b === Number.POSITIVE_INFINITY ? -1 : b === Number.NEGATIVE_INFINITY ? 1 : Number.NaN
    return x.compare(y)
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  return Number.NaN
}

/**
 * One order of all values but NULL, for ORDER BY, MIN, MAX and everything that sorts: booleans, then numbers of every
 * kind by value with NaN behind all of them, then texts, then bytes, then arrays item by item, then structures member
 * by member in the order of their names. Total: which record comes first changes nothing.
 */
export function totalOrder(a: Value, b: Value): number {
  const o = order(a, b)
  if (!Number.isNaN(o)) return o
  if (isWholeDouble(a) || isWholeDouble(b)) return totalOrder(plain(a), plain(b))
  const kinds = rank(a) - rank(b)
  if (kinds !== 0) return kinds
  const kind = rank(a)
  if (kind === NUMBERS) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return kind === ARRAYS ? arrayOrder(new Items(a), new Items(b)) : structureOrder(fieldsOf(a), fieldsOf(b))
}

/** Within arrays and structures NULL, which has no place in the order of values, comes last. */
function partOrder(a: Value, b: Value): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  return totalOrder(a, b)
}

/**
 * The first items that differ decide; of two that go alike as far as the shorter one goes, the shorter one is first.
 */
function arrayOrder(a: Items, b: Items): number {
  for (;;) {
    const [x, y] = [a.next(), b.next()]
    if (x === undefined || y === undefined) return Number(x !== undefined) - Number(y !== undefined)
    const o = partOrder(x, y)
    if (o !== 0) return o
  }
}

/** As arrays of members: first the name counts, then the value. */
function structureOrder(a: Fields, b: Fields): number {
  const shorter = Math.min(a.count, b.count)
  for (let i = 0; i < shorter; i++) {
    const [x, y] = [a.name(i), b.name(i)]
    const o = x === y ? partOrder(a.value(i), b.value(i)) : x < y ? -1 : 1
    if (o !== 0) return o
  }
  return a.count - b.count
}

/** Of MIN and MAX: as `totalOrder`, and −0.0 below 0.0, so that one of the two is always the answer. */
export function extremeOrder(a: Value, b: Value): number {
  const o = totalOrder(a, b)
  return o === 0 && a === 0 && b === 0 ? Number(Object.is(b, -0)) - Number(Object.is(a, -0)) : o
}

const NUMBERS = 1
const ARRAYS = 4

function rank(v: Value): number {
  switch (typeof v) {
    case 'boolean':
      return 0
    case 'number':
    case 'bigint':
      return NUMBERS
    case 'string':
      return 2
    default:
      if (v instanceof Decimal) return NUMBERS
      return v instanceof Uint8Array ? 3 : Array.isArray(v) || (v instanceof JsonText && v.isArray) ? ARRAYS : 5
  }
}
