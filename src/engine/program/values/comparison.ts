/** Comparison operators, IN and LIKE as compiled expressions call them: true, false, or null for NULL. */
import { likeMatcher } from '../../../functions/support/like.ts'
import { Decimal } from '../../../lib/decimal.ts'
import { JsonText } from '../../../lib/json-text.ts'
import type { Value } from '../../../types.ts'
import { integer } from './arithmetic.ts'
import { canonical } from './canonical.ts'
import { order } from './order.ts'
import { isWholeDouble, plain } from './whole-double.ts'

/**
 * Equality of any two values, NULL left to the caller: unlike kinds are not equal, arrays and structures are compared
 * item by item.
 */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a === null || b === null) return false
  const o = order(a, b)
  if (o === 0) return true
  if (!Number.isNaN(o)) return false
  if (isWholeDouble(a) || isWholeDouble(b)) return equal(plain(a), plain(b))
  if (isComposite(a) && isComposite(b)) return canonical(a) === canonical(b)
  return false
}

function isComposite(v: Value): boolean {
  return Array.isArray(v) || v instanceof Map || v instanceof JsonText
}

/**
 * `true`, `false` or NULL; `=` and `!=` answer for unlike kinds (not equal), the order operators give NULL for them.
 */
export function compareDynamic(op: string, a: Value, b: Value): boolean | null {
  if (a === null || b === null) return null
  if (op === '=') return equal(a, b)
  if (op === '!=') return !equal(a, b)
  const o = order(a, b)
  if (Number.isNaN(o)) return null
  return op === '<' ? o < 0 : op === '<=' ? o <= 0 : op === '>' ? o > 0 : o >= 0
}

/** `op` of two decimals by value: `1.0 = 1.00`. NULL when one is NULL. */
export function compareDecimal(op: string, a: Decimal | null, b: Decimal | null): boolean | null {
  if (a === null || b === null) return null
  const o = a.compare(b)
  switch (op) {
    case '=':
      return o === 0
    case '!=':
      return o !== 0
    case '<':
      return o < 0
    case '<=':
      return o <= 0
    case '>':
      return o > 0
    default:
      return o >= 0
  }
}

/**
 * LIKE with a pattern known only per row; NULL when either is no text. A ValueError when the pattern is not usable or
 * takes too many comparisons.
 */
export function likeDynamic(text: Value, pattern: Value): boolean | null {
  if (typeof text !== 'string' || typeof pattern !== 'string') return null
  return likeMatcher(pattern)(text)
}

/** SQL's IN: NULL when nothing equals and a NULL is among the items. */
export function inList(v: Value, items: readonly Value[]): boolean | null {
  if (v === null) return null
  let sawNull = false
  for (const item of items) {
    if (item === null) sawNull = true
    else if (equal(v, item)) return true
  }
  return sawNull ? null : false
}

/** The items of an IN that are the same for every row: `=` with any of them, found by a hash. */
export class Members {
  /** What JavaScript finds by value. */
  readonly #plain: ReadonlySet<Value>
  readonly #decimals: readonly Decimal[]
  /** Canonical texts of decimals, bytes, arrays and structures. */
  readonly #texts: ReadonlySet<string>
  readonly #sawNull: boolean

  constructor(items: readonly Value[]) {
    this.#plain = membersOf(items.filter((v) => typeof v !== 'object'))
    this.#decimals = items.filter((v) => v instanceof Decimal)
    this.#texts = new Set(items.filter((v) => typeof v === 'object' && v !== null).map(canonical))
    this.#sawNull = items.includes(null)
  }

  /** As `inList`. */
  in(v: Value): boolean | null {
    if (v === null) return null
    return this.#has(v) ? true : this.#sawNull ? null : false
  }

  /**
   * Numbers and decimals of one value have one canonical text, but for doubles beyond the whole numbers that they can
   * count.
   */
  #isDecimal(v: Value): boolean {
    if (typeof v === 'string' || typeof v === 'boolean') return false
    return (
      this.#texts.has(canonical(v)) ||
      (typeof v === 'number' && Math.abs(v) > Number.MAX_SAFE_INTEGER && this.#decimals.some((item) => equal(v, item)))
    )
  }

  #has(v: Value): boolean {
    if (typeof v !== 'object') return this.#plain.has(v) || (this.#decimals.length > 0 && this.#isDecimal(v))
    if (this.#texts.has(canonical(v as Value))) return true
    if (!(v instanceof Decimal) || this.#plain.size === 0) return false
    const whole = v.normalize()
    return whole.scale <= 0
      ? this.#plain.has(integer(whole.unscaled * 10n ** BigInt(-whole.scale)))
      : this.#plain.has(v.toNumber()) && equal(v, v.toNumber())
  }
}

/** Made once for each list, however many programs ask it. */
const membersByItems = new WeakMap<object, Members>()

/** The members of a list; `of` is the list as the plan has it. */
export function membersIn(of: object, items: readonly Value[]): Members {
  const known = membersByItems.get(of)
  if (known !== undefined) return known
  const made = new Members(items)
  membersByItems.set(of, made)
  return made
}

/** A set that finds numbers and bigints by value, as `=` does; NaN equals nothing. */
export function membersOf(items: readonly Value[]): ReadonlySet<Value> {
  const set = new Set<Value>()
  for (const item of items) {
    if (typeof item === 'number' && Number.isNaN(item)) continue
    set.add(item)
    if (typeof item === 'number' && Number.isInteger(item) && Math.abs(item) > Number.MAX_SAFE_INTEGER)
      set.add(BigInt(item))
    else if (typeof item === 'bigint' && BigInt(Number(item)) === item) set.add(Number(item))
  }
  return set
}
