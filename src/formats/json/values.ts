/**
 * Values out of JSON bytes that the generated reader does not make in place: rare numbers, strings with escapes, texts
 * of objects and arrays.
 */
import { skipValue } from '../../lib/text/json-walk.ts'
import { JsonText } from '../../lib/json-text.ts'
import { integer } from '../../lib/whole-number.ts'
import type { Value } from '../../types.ts'
import { type RawBuffer, scratch, stringAt } from '../reading/reader-runtime.ts'
import { plainEnd, repeats, skipNumber, skipString, skipText, skipWord, unusual } from './scan.ts'
import { firstKeys } from './text.ts'

/** 10^0 … 10^22: the powers that a double holds exactly. */
export const POWERS: Float64Array = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)

/**
 * Limit `json.number.characters` (characters): a number that becomes a value. Beyond it: the number counts as damage;
 * its text can be had at any length.
 */
export const JSON_LIMIT_NUMBER_CHARACTERS = 1000

/**
 * The number at `p`: integers exact (bigint beyond ±(2^53-1)), what has a point or an exponent as the nearest double.
 * Its end is left in `scratch.at`, -1 for damage. A number beyond the range of doubles (`1e999`) is no value that SQL
 * has: undefined, which the caller treats as damage.
 */
export function numberAt(b: RawBuffer, p: number, to: number): number | bigint | undefined {
  const end = skipNumber(b, p, to)
  scratch.at = end
  if (end < 0 || end - p > JSON_LIMIT_NUMBER_CHARACTERS) return undefined
  const text = b.latin1Slice(p, end)
  const number = Number(text)
  if (/[.eE]/.test(text)) return Number.isFinite(number) ? number : undefined
  return Number.isSafeInteger(number) ? number : integer(BigInt(text))
}

/** Digits [from, to), among them a point that is skipped, as one integer; at most fifteen. */
export function digitsAt(b: RawBuffer, from: number, to: number): number {
  let m = 0
  for (let p = from; p < to; p++) if (b[p] !== 46) m = m * 10 + b[p] - 48
  return m
}

/** The string whose escaped bytes are [from, to); they are known to be valid. */
export function unescapedAt(b: RawBuffer, from: number, to: number): string {
  return JSON.parse(`"${b.utf8Slice(from, to)}"`) as string
}

/** The place of an escaped key among the wanted names, or -1. */
export function keyIndex(b: RawBuffer, from: number, to: number, names: readonly string[]): number {
  return names.indexOf(unescapedAt(b, from, to))
}

/** The checked text of the value at `p`, repeated keys left out; its end is left in `scratch.at`, -1 for damage. */
export function textAt(b: RawBuffer, view: DataView, p: number, to: number, depth: number): string {
  repeats.found = false
  const end = skipText(b, view, p, to, depth)
  scratch.at = end
  if (end < 0) return ''
  const text = b.utf8Slice(p, end)
  return repeats.found ? firstKeys(text) : text
}

/**
 * The object or array at `p` as a value; its end is left in `scratch.at`, -1 for damage, to which belongs a number that
 * could be no value by itself.
 */
export function containerAt(b: RawBuffer, view: DataView, p: number, to: number, depth: number): JsonText {
  unusual.found = false
  const text = textAt(b, view, p, to, depth)
  if (unusual.found && numberWithoutValue(text) !== undefined) scratch.at = -1
  return new JsonText(text)
}

/**
 * The first number of a JSON text that is beyond the doubles or longer than values are (of whole numbers only the
 * length counts), and where it stands; undefined when there is none. By hand: a pattern for strings keeps a mark for
 * each of their characters, and ends in an error at some millions.
 */
export function numberWithoutValue(json: string): { readonly number: string; readonly at: number } | undefined {
  for (let at = 0; at < json.length; ) {
    const code = json.charCodeAt(at)
    if (code === 34) at = skipValue(json, at)
    else if (!isDigit(code) && (code !== 45 || !isDigit(json.charCodeAt(at + 1)))) at++
    else {
      const end = numberEnd(json, at)
      const number = json.slice(at, end)
      if (number.length > JSON_LIMIT_NUMBER_CHARACTERS || (/[.eE]/.test(number) && !Number.isFinite(Number(number))))
        return { number, at }
      at = end
    }
  }
  return undefined
}

/** The position behind a number, which is known to begin at `at`. */
function numberEnd(json: string, at: number): number {
  let end = at + 1
  for (let code = json.charCodeAt(end); isDigit(code) || NUMBER_MARKS.has(code); code = json.charCodeAt(end)) end++
  return end
}

/** What stands in numbers beside digits: `.eE+-`. */
const NUMBER_MARKS: ReadonlySet<number> = new Set([46, 69, 101, 43, 45])

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** `textAt`, as a value that a null makes null. */
export function textOrNullAt(b: RawBuffer, view: DataView, p: number, to: number, depth: number): string | null {
  const text = textAt(b, view, p, to, depth)
  return b[p] === 110 ? null : text
}

/**
 * Any value at `p`, for readers with too many members for code in place. Its end is left in
 * `scratch.at`, -1 for damage. With `ranged`, a string without escapes is null here and its range is left in
 * `scratch.from` and `scratch.to`; `from` is -2 for one with escapes and -1 for what is no string.
 */
export function valueAt(b: RawBuffer, view: DataView, p: number, to: number, depth: number, ranged: boolean): Value {
  scratch.from = -1
  scratch.to = -1
  const c = p < to ? b[p] : 0
  if (c === 34) return stringValueAt(b, view, p, to, ranged)
  if (c === 123 || c === 91) return containerAt(b, view, p, to, depth)
  if (c <= 57) {
    const value = numberAt(b, p, to)
    if (value === undefined) scratch.at = -1
    return value ?? null
  }
  scratch.at = skipWord(b, p, to)
  return c === 110 ? null : c === 116
}

function stringValueAt(b: RawBuffer, view: DataView, p: number, to: number, ranged: boolean): string | null {
  const quote = plainEnd(b, view, p + 1, to)
  if (quote < to && b[quote] === 34) {
    scratch.at = quote + 1
    if (!ranged) return stringAt(b, p + 1, quote)
    scratch.from = p + 1
    scratch.to = quote
    return null
  }
  const end = skipString(b, view, quote, to)
  scratch.at = end
  if (end < 0) return null
  scratch.from = -2
  return unescapedAt(b, p + 1, end - 1)
}
