/** The text by which groups, sets and joins find equal values. */
import { Decimal } from '../../../lib/decimal.ts'
import { skipSpace, skipValue } from '../../../lib/text/json-walk.ts'
import { JsonText } from '../../../lib/json-text.ts'
import type { Value } from '../../../types.ts'
import { LARGE } from './json-parts.ts'
import { isWholeDouble, plain } from './whole-double.ts'

/** Of what is large, as long as it lives: one value that is compared with many others is looked through once. */
const known = new WeakMap<object, string>()

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
      if (Number.isSafeInteger(v)) return `n${v === 0 ? 0 : v}`
      return Number.isInteger(v) && Math.abs(v) < EXPONENT_FROM ? `n${BigInt(v)}` : `n${v}`
    case 'bigint':
      return ofDigits(v.toString())
    case 'boolean':
      return v ? 't' : 'f'
  }
  if (isWholeDouble(v)) return canonical(plain(v))
  if (v instanceof Decimal) return ofDigits(v.normalize().toString())
  if (v instanceof Uint8Array) return `b${Buffer.from(v).toString('base64')}`
  if (v instanceof JsonText && v.text.length <= LARGE) return canonicalJson(v)
  const before = known.get(v)
  if (before !== undefined) return before
  const text = v instanceof JsonText ? canonicalJson(v) : canonicalParts(v)
  if (v instanceof JsonText || text.length > LARGE) known.set(v, text)
  return text
}

/** Doubles are written with an exponent from here on, and below 1e-6. */
const EXPONENT_FROM = 1e21

/** The longest whole double, with its sign. */
const DOUBLE_DIGITS = 310

/**
 * Of a number in digits without an exponent: as a double of that value is written, where there can be one. Written out,
 * an array of `1e300` would have fifty times the length of its JSON.
 */
function ofDigits(digits: string): string {
  const small = /^(-?)0\.(0{6,})(\d)(\d*)$/.exec(digits)
  if (small !== null) {
    const [, sign, zeros = '', first, rest] = small
    return `n${sign}${first}${rest === '' ? '' : `.${rest}`}e-${zeros.length + 1}`
  }
  if (digits.length < 22 || digits.length > DOUBLE_DIGITS || digits.includes('.')) return `n${digits}`
  const double = Number(digits)
  return Math.abs(double) >= EXPONENT_FROM && BigInt(double).toString() === digits ? `n${double}` : `n${digits}`
}

function canonicalParts(v: readonly Value[] | ReadonlyMap<string, Value>): string {
  return v instanceof Map
    ? members([...v].map(([k, i]) => [k, canonical(i)]))
    : `[${(v as readonly Value[]).map((i) => lengthened(canonical(i))).join('')}]`
}

function lengthened(s: string): string {
  return `${s.length}:${s}`
}

/**
 * As arrays and structures: white space, the order of members and the way a number is written do not count. JSON.parse
 * would take some keys with an escape for others that it has met before (nodejs/node#63785).
 */
function canonicalJson({ text }: JsonText): string {
  return canonicalAt(text, 0, { at: 0 })
}

/** Of the value at `start`; its end is left in `end.at`. */
function canonicalAt(text: string, start: number, end: { at: number }): string {
  const from = skipSpace(text, start)
  const first = text[from]
  if (first !== '{' && first !== '[') {
    end.at = skipValue(text, from)
    return canonicalScalar(text.slice(from, end.at))
  }
  const found: [key: string, value: string][] = []
  let next = skipSpace(text, from + 1)
  while (text[next] !== '}' && text[next] !== ']') {
    let key = ''
    if (first === '{') {
      const behind = skipValue(text, next)
      key = JSON.parse(text.slice(next, behind)) as string
      next = skipSpace(text, behind) + 1
    }
    found.push([key, canonicalAt(text, next, end)])
    next = skipSpace(text, end.at)
    if (text[next] === ',') next = skipSpace(text, next + 1)
  }
  end.at = next + 1
  return first === '{' ? members(found) : `[${found.map(([, item]) => lengthened(item)).join('')}]`
}

/** Of a whole number that is too long for a number JSON has one way to write it: no bigint is made of it. */
function canonicalScalar(json: string): string {
  const isLong = /^-?\d+$/.test(json) && !Number.isSafeInteger(Number(json))
  return isLong ? ofDigits(json) : canonical(JSON.parse(json) as Value)
}

function members(entries: readonly (readonly [string, string])[]): string {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${sorted.map(([k, text]) => lengthened(`s${k}`) + lengthened(text)).join('')}}`
}
