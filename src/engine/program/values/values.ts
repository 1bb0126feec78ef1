/**
 * What compiled expressions call at run time: comparison and arithmetic of values whose type is known only per record,
 * LIKE, element access. NULL in, NULL out, unless a comment says otherwise. No code is generated here.
 */
import { jsonElement, jsonEntries, jsonItems, jsonMember } from '../../../formats/json/text.ts'
import { addDuration, type Duration } from '../../../functions/support/datemath.ts'
import { likeMatcher } from '../../../functions/support/like.ts'
import { Decimal, hasTooManyDigits, MAX_DECIMAL_DIGITS } from '../../../lib/decimal.ts'
import { JsonText } from '../../../lib/json-text.ts'
import { jsonValue } from '../../../lib/json-read.ts'
import { integer as narrowed } from '../../../lib/whole-number.ts'
import { SqlError } from '../../../sql/error.ts'
import type { TimeUnit, Value } from '../../../types.ts'

/** Not a limit: the largest integer that a number holds exactly. */
const MAX = Number.MAX_SAFE_INTEGER

/**
 * A bigint as a run-time integer: number inside ±(2^53-1). A SqlError when it has more digits than are computed with.
 */
function integer(n: bigint): number | bigint {
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

export function addInt(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const r = a + b
    if (r <= MAX && r >= -MAX) return r
  }
  return a === null || b === null ? null : integer(BigInt(a) + BigInt(b))
}
export function subtractInt(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const r = a - b
    if (r <= MAX && r >= -MAX) return r
  }
  return a === null || b === null ? null : integer(BigInt(a) - BigInt(b))
}
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
export function negateInt(a: Int): Int {
  return a === null ? null : typeof a === 'number' ? -a || 0 : integer(-a)
}

export function divideDouble(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b
}
export function remainderDouble(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a % b
}

/** Digits after the point that a division of decimals keeps at least. */
const DIVISION_DIGITS = 18

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
  const whole = (typeof a === 'bigint' || Number.isInteger(a)) && (typeof b === 'bigint' || Number.isInteger(b))
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
export function dynamicNegate(a: Value): Value {
  return typeof a === 'number'
    ? -a || 0
    : typeof a === 'bigint'
      ? integer(-a)
      : a instanceof Decimal
        ? a.negate()
        : null
}

/**
 * A whole number of JSON that was written as a double (`3.0`, `1e3`): the number alone does not show it, and in
 * arithmetic it makes the difference between `3.0 / 2` and `3 / 2`. It exists only in statements that divide JSON
 * values (`EvaluationContext.doubles`), and there only between a field and an arithmetic operator; every other consumer
 * of a value gets the plain number.
 */
export class WholeDouble {
  readonly n: number
  constructor(n: number) {
    this.n = n
  }
}

/** A field's value with its mark. `text`: the JSON text that it was read from. */
export function marked(v: Value, text: string | null): Value {
  return typeof v === 'number' && text !== null && Number.isInteger(v) && /[.eE]/.test(text) ? asWholeDouble(v) : v
}

/** A part of a JSON text as a value with its mark. */
export function markedJson(text: string, from: number, to: number): Value {
  return marked(jsonValue(text, from, to), text.slice(from, to))
}

/** A value of the type double, on its way to arithmetic with JSON values. */
export function markedDouble(v: Value): Value {
  return typeof v === 'number' && Number.isInteger(v) ? asWholeDouble(v) : v
}

/** Values with marks go where values go; who looks at them knows. */
export function asWholeDouble(n: number): Value {
  return new WholeDouble(n) as unknown as Value
}

/** The value without its mark. */
export function plain(v: Value): Value {
  return (v as unknown) instanceof WholeDouble ? (v as unknown as WholeDouble).n : v
}

export function isWholeDouble(v: Value): boolean {
  return (v as unknown) instanceof WholeDouble
}

/** `dynamicArithmetic` of values with marks: a double on either side makes a double of the result, whole or not. */
export function markedArithmetic(op: string, a: Value, b: Value): Value {
  const x = plain(a)
  const y = plain(b)
  const numbers = (typeof x === 'number' || typeof x === 'bigint') && (typeof y === 'number' || typeof y === 'bigint')
  const double =
    isWholeDouble(a) ||
    isWholeDouble(b) ||
    (typeof x === 'number' && !Number.isInteger(x)) ||
    (typeof y === 'number' && !Number.isInteger(y))
  if (!numbers || !double) return dynamicArithmetic(op, x, y)
  const result = doubleArithmetic(op, Number(x), Number(y))
  return result !== null && Number.isInteger(result) ? asWholeDouble(result) : result
}

/** What the double among its arguments makes of a function's whole result (`ScalarFunction.double`). */
export function markedResult(kind: 'first' | 'any', f: (...args: Value[]) => Value): (...args: Value[]) => Value {
  const isDouble = (v: Value): boolean => isWholeDouble(v) || (typeof v === 'number' && !Number.isInteger(v))
  return (...args) => {
    const result = f(...args.map(plain))
    return (kind === 'first' ? isDouble(args[0]) : args.some(isDouble)) ? markedDouble(result) : result
  }
}

/** As `elementOf`, of what JSON texts hold with the marks. */
export function markedElement(base: Value, index: Value): Value {
  if (!(base instanceof JsonText) || index === null) return elementOf(base, index)
  return typeof index === 'string' ? jsonMember(base, index, markedJson) : jsonElement(base, Number(index), markedJson)
}

/** As `memberOf`, with the marks. */
export function markedMember(base: Value, name: string): Value {
  return base instanceof JsonText ? jsonMember(base, name, markedJson) : memberOf(base, name)
}

export function markedNegate(v: Value): Value {
  return isWholeDouble(v) ? asWholeDouble(-(plain(v) as number)) : dynamicNegate(v)
}

function doubleArithmetic(op: string, a: number, b: number): number | null {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return divideDouble(a, b)
    default:
      return remainderDouble(a, b)
  }
}

function asDecimal(v: Value): Decimal | undefined {
  if (v instanceof Decimal) return v
  if (typeof v === 'number') return Decimal.fromNumber(v)
  return typeof v === 'bigint' ? new Decimal(v, 0) : undefined
}

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
  return kind === ARRAYS ? arrayOrder(itemsOf(a), itemsOf(b)) : structureOrder(membersInOrder(a), membersInOrder(b))
}

/** NULL, which has no place in the order of values, is behind all others within them. */
function partOrder(a: Value, b: Value): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  return totalOrder(a, b)
}

/**
 * The first items that differ decide; of two that go alike as far as the shorter one goes, the shorter one is first.
 */
function arrayOrder(a: readonly Value[], b: readonly Value[]): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const o = partOrder(a[i], b[i])
    if (o !== 0) return o
  }
  return a.length - b.length
}

type Member = readonly [string, Value]

/** As arrays of members: first the name counts, then the value. */
function structureOrder(a: readonly Member[], b: readonly Member[]): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const [x, y] = [a[i], b[i]]
    const o = x[0] === y[0] ? partOrder(x[1], y[1]) : x[0] < y[0] ? -1 : 1
    if (o !== 0) return o
  }
  return a.length - b.length
}

function itemsOf(v: Value): readonly Value[] {
  return Array.isArray(v) ? v : v instanceof JsonText ? (jsonItems(v) ?? []) : []
}

/** The order in which a structure has its members says nothing. */
function membersInOrder(v: Value): readonly Member[] {
  const members = v instanceof Map ? [...v] : v instanceof JsonText ? (jsonEntries(v) ?? []) : []
  return members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
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
 * A text that is the same for equal values and different for different ones: the key of groups, sets and joins. Numbers
 * of every kind meet by value.
 */
export function canonical(v: Value): string {
  if (v === null) return 'z'
  switch (typeof v) {
    case 'string':
      return `s${v}`
    case 'number':
      if (Number.isInteger(v)) return Math.abs(v) > MAX ? `n${BigInt(v)}` : `n${v === 0 ? 0 : v}`
      // As a decimal of that value is written.
      return Math.abs(v) < 1e-6 ? `n${Decimal.fromNumber(v) ?? v}` : `n${v}`
    case 'bigint':
      return `n${v}`
    case 'boolean':
      return v ? 't' : 'f'
  }
  if (isWholeDouble(v)) return canonical(plain(v))
  if (v instanceof Decimal) return `n${v.normalize()}`
  if (v instanceof Uint8Array) return `b${Buffer.from(v).toString('base64')}`
  if (Array.isArray(v)) return `[${v.map((i) => lengthened(canonical(i))).join('')}]`
  if (v instanceof Map) return members([...v].map(([k, i]) => [k, canonical(i)]))
  return canonicalJson(v)
}
function lengthened(s: string): string {
  return `${s.length}:${s}`
}

/** As arrays and structures: white space, the order of members and the way a number is written do not count. */
function canonicalJson(v: JsonText): string {
  return canonicalParsed(JSON.parse(v.text, exactNumber as (key: string, value: unknown) => unknown))
}

/**
 * The digits of a whole number that is too long for a number: JSON has one way to write them, and no bigint is made of
 * what a record may make very long.
 */
class Digits {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

function exactNumber(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return /^-?\d+$/.test(context.source ?? '') ? new Digits(context.source as string) : value
}

function canonicalParsed(v: unknown): string {
  if (v instanceof Digits) return `n${v.text}`
  if (Array.isArray(v)) return `[${v.map((i) => lengthened(canonicalParsed(i))).join('')}]`
  if (typeof v === 'object' && v !== null) return members(Object.entries(v).map(([k, i]) => [k, canonicalParsed(i)]))
  return canonical(v as Value)
}

function members(entries: readonly (readonly [string, string])[]): string {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${sorted.map(([k, text]) => lengthened(`s${k}`) + lengthened(text)).join('')}}`
}

// ---------------------------------------------------------------------------------------------- LIKE

export function likeDynamic(text: Value, pattern: Value): boolean | null {
  if (typeof text !== 'string' || typeof pattern !== 'string') return null
  return likeMatcher(pattern)(text)
}

// ---------------------------------------------------------------------------------------------- IN, elements, dates

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
      (typeof v === 'number' && Math.abs(v) > MAX && this.#decimals.some((item) => equal(v, item)))
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
    if (typeof item === 'number' && Number.isInteger(item) && Math.abs(item) > MAX) set.add(BigInt(item))
    else if (typeof item === 'bigint' && BigInt(Number(item)) === item) set.add(Number(item))
  }
  return set
}

/** Zero-based; out of range is NULL. */
export function elementOf(base: Value, index: Value): Value {
  if (base === null || index === null) return null
  if (base instanceof Map) return base.get(String(index)) ?? null
  if (base instanceof JsonText)
    return typeof index === 'string' ? jsonMember(base, index) : jsonElement(base, Number(index))
  if (!Array.isArray(base)) return null
  const i = Number(index)
  return Number.isInteger(i) && i >= 0 && i < base.length ? base[i] : null
}

/** As `elementOf`, of a type that does not tell one value from a list of one. */
export function itemOf(base: Value, index: Value): Value {
  const isList = Array.isArray(base) || (base instanceof JsonText && base.isArray)
  return isList || typeof index === 'string'
    ? elementOf(base, index)
    : index !== null && Number(index) === 0
      ? base
      : null
}

export function memberOf(base: Value, name: string): Value {
  if (base instanceof Map) return base.get(name) ?? null
  return base instanceof JsonText ? jsonMember(base, name) : null
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
