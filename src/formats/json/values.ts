/** Values out of JSON bytes that the generated reader does not make in place: rare numbers, strings with escapes, texts of objects and arrays. */
import { asLong } from '../convert.ts'
import { type RawBuffer, scratch } from '../runtime.ts'
import { repeats, skipNumber, skipText } from './scan.ts'
import { firstKeys } from './text.ts'

/** 10^0 … 10^22: the powers that a double holds exactly. */
export const POWERS: Float64Array = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)

/**
 * The number at `p`: integers exact (bigint beyond ±(2^53-1)), what has a point or an exponent as the nearest double. Its end is left in `scratch.at`, -1 for damage.
 * A number beyond the range of doubles (`1e999`) is no value that SQL has: undefined, which the caller treats as damage.
 */
export function numberAt(b: RawBuffer, p: number, to: number): number | bigint | undefined {
  const end = skipNumber(b, p, to)
  scratch.at = end
  if (end < 0) return undefined
  const text = b.latin1Slice(p, end)
  const number = Number(text)
  if (/[.eE]/.test(text)) return Number.isFinite(number) ? number : undefined
  return Number.isSafeInteger(number) ? number : asLong(BigInt(text))
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

/** `textAt`, as a value that a null makes null. */
export function textOrNullAt(b: RawBuffer, view: DataView, p: number, to: number, depth: number): string | null {
  const text = textAt(b, view, p, to, depth)
  return b[p] === 110 ? null : text
}
