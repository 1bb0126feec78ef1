/**
 * Skips JSON in a byte buffer and checks it (RFC 8259) on the way: what generated JSON readers call for the values
 * that they do not read in place. Positions in, positions out, -1 for damage; nothing is read at or beyond `to` that
 * matters, and nothing throws.
 */
import type { RawBuffer } from '../reading/reader-runtime.ts'

/** Limit `json.depth` (levels): nesting of objects and arrays. Beyond it: the record is bad. */
export const JSON_LIMIT_DEPTH = 512

/** The position of the first quote, backslash or control character at or after `p`, or `to`. */
export function plainEnd(b: Uint8Array, view: DataView, p: number, to: number): number {
  // Four bytes together: the lowest bit of `hit` belongs to the first of the special bytes among them. c ^ 2 is below
  // 33 for control characters and the quote only; c ^ 92 is below 1 for the backslash only; bytes above 127 never
  // count.
  while (p <= to - 4) {
    const x = view.getInt32(p, true)
    const hit = (((x ^ 0x02020202) - 0x21212121) | ((x ^ 0x5c5c5c5c) - 0x01010101)) & ~x & 0x80808080
    if (hit !== 0) return p + (hit & 0x80 ? 0 : hit & 0x8000 ? 1 : hit & 0x800000 ? 2 : 3)
    p += 4
  }
  while (p < to && b[p] > 31 && b[p] !== 34 && b[p] !== 92) p++
  return p
}

/** The position behind the string whose first byte after the quote is at `p`: behind its closing quote. */
export function skipString(b: Uint8Array, view: DataView, p: number, to: number): number {
  for (;;) {
    p = plainEnd(b, view, p, to)
    if (p >= to) return -1
    if (b[p] === 34) return p + 1
    if (b[p] !== 92) return -1
    p = skipEscape(b, p + 1, to)
    if (p < 0) return -1
  }
}

/** The position behind the escape whose backslash stands before `p`. */
function skipEscape(b: Uint8Array, p: number, to: number): number {
  switch (p < to ? b[p] : 0) {
    case 34:
    case 47:
    case 92:
    case 98:
    case 102:
    case 110:
    case 114:
    case 116:
      return p + 1
    case 117:
      for (let i = p + 1; i < p + 5; i++) if (i >= to || !isHex(b[i])) return -1
      return p + 5
    default:
      return -1
  }
}

function isHex(c: number): boolean {
  return (c >= 48 && c <= 57) || ((c | 32) >= 97 && (c | 32) <= 102)
}

/**
 * Set by `skipNumber` at a number that may be beyond the doubles, or too long for a value: three digits of exponent or
 * 200 characters. The caller has to check it.
 */
export const unusual = { found: false }

/** The position behind the number that starts at `p`; may set `unusual.found` (and leaves it alone otherwise). */
export function skipNumber(b: Uint8Array, p: number, to: number): number {
  const start = p
  if (b[p] === 45) p++
  if (p >= to) return -1
  if (b[p] === 48) p++
  else {
    const end = skipDigits(b, p, to)
    if (end === p) return -1
    p = end
  }
  if (p < to && b[p] === 46) {
    const end = skipDigits(b, p + 1, to)
    if (end === p + 1) return -1
    p = end
  }
  if (p < to && (b[p] | 32) === 101) {
    p++
    if (p < to && (b[p] === 43 || b[p] === 45)) p++
    const end = skipDigits(b, p, to)
    if (end === p) return -1
    if (end - p > 2) unusual.found = true
    p = end
  }
  if (p - start > 200) unusual.found = true
  return p
}

function skipDigits(b: Uint8Array, p: number, to: number): number {
  while (p < to && b[p] >= 48 && b[p] <= 57) p++
  return p
}

/** The position of the first byte at or after `p` that is no JSON white space (at most `to`). */
export function skipSpace(b: Uint8Array, p: number, to: number): number {
  while (p < to && b[p] <= 32 && (b[p] === 32 || b[p] === 10 || b[p] === 13 || b[p] === 9)) p++
  return p
}

/** The position behind `true`, `false` or `null`. */
export function skipWord(b: Uint8Array, p: number, to: number): number {
  switch (b[p]) {
    case 116:
      return p + 4 <= to && b[p + 1] === 114 && b[p + 2] === 117 && b[p + 3] === 101 ? p + 4 : -1
    case 102:
      return p + 5 <= to && b[p + 1] === 97 && b[p + 2] === 108 && b[p + 3] === 115 && b[p + 4] === 101 ? p + 5 : -1
    case 110:
      return p + 4 <= to && b[p + 1] === 117 && b[p + 2] === 108 && b[p + 3] === 108 ? p + 4 : -1
    default:
      return -1
  }
}

/** The position behind the value that starts at `p` (no white space before it). */
export function skipValue(b: Uint8Array, view: DataView, p: number, to: number, depth: number): number {
  if (p >= to) return -1
  const c = b[p]
  if (c === 34) return skipString(b, view, p + 1, to)
  if (c === 123) return skipObject(b, view, p, to, depth)
  if (c === 91) return skipArray(b, view, p, to, depth)
  return c === 45 || (c >= 48 && c <= 57) ? skipNumber(b, p, to) : skipWord(b, p, to)
}

function skipObject(b: Uint8Array, view: DataView, p: number, to: number, depth: number): number {
  if (depth >= JSON_LIMIT_DEPTH) return -1
  p = skipSpace(b, p + 1, to)
  if (p < to && b[p] === 125) return p + 1
  while (p < to && b[p] === 34) {
    p = skipString(b, view, p + 1, to)
    if (p < 0) return -1
    p = skipSpace(b, p, to)
    if (p >= to || b[p] !== 58) return -1
    p = skipValue(b, view, skipSpace(b, p + 1, to), to, depth + 1)
    if (p < 0) return -1
    p = skipSpace(b, p, to)
    if (p >= to) return -1
    if (b[p] === 125) return p + 1
    if (b[p] !== 44) return -1
    p = skipSpace(b, p + 1, to)
  }
  return -1
}

function skipArray(b: Uint8Array, view: DataView, p: number, to: number, depth: number): number {
  if (depth >= JSON_LIMIT_DEPTH) return -1
  p = skipSpace(b, p + 1, to)
  if (p < to && b[p] === 93) return p + 1
  while (p < to) {
    p = skipValue(b, view, p, to, depth + 1)
    if (p < 0) return -1
    p = skipSpace(b, p, to)
    if (p >= to) return -1
    if (b[p] === 93) return p + 1
    if (b[p] !== 44) return -1
    p = skipSpace(b, p + 1, to)
  }
  return -1
}

// ---- Text: the same walk, and whether an object repeats a key. ----

/** Keys of one object under way, by nesting depth: slots of (generation, start of the key, its length). */
const SLOT_BITS = 10
const SLOTS = 1 << SLOT_BITS
const tables: Int32Array[] = []
let generation = 0

/**
 * Set by `skipText` when some object of the value repeats a key, or may do so: the text then has to be rewritten.
 */
export const repeats = { found: false }

/** As `skipValue`; sets `repeats.found` (and leaves it alone otherwise). */
export function skipText(b: RawBuffer, view: DataView, p: number, to: number, depth: number): number {
  if (p >= to) return -1
  const c = b[p]
  if (c === 123) return textObject(b, view, p, to, depth)
  if (c === 91) return textArray(b, view, p, to, depth)
  return skipValue(b, view, p, to, depth)
}

function textArray(b: RawBuffer, view: DataView, p: number, to: number, depth: number): number {
  if (depth >= JSON_LIMIT_DEPTH) return -1
  p = skipSpace(b, p + 1, to)
  if (p < to && b[p] === 93) return p + 1
  while (p < to) {
    p = skipText(b, view, p, to, depth + 1)
    if (p < 0) return -1
    p = skipSpace(b, p, to)
    if (p >= to) return -1
    if (b[p] === 93) return p + 1
    if (b[p] !== 44) return -1
    p = skipSpace(b, p + 1, to)
  }
  return -1
}

function textObject(b: RawBuffer, view: DataView, p: number, to: number, depth: number): number {
  if (depth >= JSON_LIMIT_DEPTH) return -1
  p = skipSpace(b, p + 1, to)
  if (p < to && b[p] === 125) return p + 1
  if (generation > 0x7ffffff0) resetTables()
  const own = ++generation
  const table = (tables[depth] ??= new Int32Array(SLOTS * 3))
  let members = 0
  while (p < to && b[p] === 34) {
    const start = p + 1
    p = plainEnd(b, view, start, to)
    // Keys with escapes, and objects of very many members, are compared by the slow path.
    if (p < to && b[p] === 34 && members++ < SLOTS / 2) {
      if (!addKey(b, view, start, p, table, own)) repeats.found = true
      p++
    } else {
      repeats.found = true
      p = skipString(b, view, p, to)
      if (p < 0) return -1
    }
    p = skipSpace(b, p, to)
    if (p >= to || b[p] !== 58) return -1
    p = skipText(b, view, skipSpace(b, p + 1, to), to, depth + 1)
    if (p < 0) return -1
    p = skipSpace(b, p, to)
    if (p >= to) return -1
    if (b[p] === 125) return p + 1
    if (b[p] !== 44) return -1
    p = skipSpace(b, p + 1, to)
  }
  return -1
}

function resetTables(): void {
  for (const table of tables) table?.fill(0)
  generation = 0
}

/** False when the key is in the table already. */
function addKey(b: Uint8Array, view: DataView, from: number, to: number, table: Int32Array, own: number): boolean {
  const length = to - from
  // Both ends and the length tell the keys of one object apart nearly always.
  const ends =
    length >= 4
      ? Math.imul(view.getInt32(from, true), 31) ^ view.getInt32(to - 4, true)
      : length === 0
        ? 0
        : (b[from] << 16) | (b[to - 1] << 8) | b[from + (length >> 1)]
  const hash = Math.imul(ends ^ length, 0x9e3779b1)
  for (let slot = hash >>> (32 - SLOT_BITS); ; slot = (slot + 1) & (SLOTS - 1)) {
    const at = slot * 3
    if (table[at] !== own) {
      table[at] = own
      table[at + 1] = from
      table[at + 2] = to
      return true
    }
    if (table[at + 2] - table[at + 1] === to - from && sameBytes(b, table[at + 1], from, to - from)) return false
  }
}

function sameBytes(b: Uint8Array, x: number, y: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (b[x + i] !== b[y + i]) return false
  return true
}
