/**
 * What generated readers call: varints beyond the inlined sizes, strings out of bytes, and a text writer over one
 * shared scratch buffer. Everything here takes the buffer and positions as arguments, never throws on hostile bytes,
 * and reports damage by a return value (-1 or undefined). The scratch buffer is shared by all readers of a thread: a
 * reader runs to its end without interruption, so no two use it at once.
 */
import { Decimal } from '../../lib/decimal.ts'
import { writeAsciiText } from '../text/number-writer.ts'

/** Buffer with the slice methods that Node has but does not type; they skip the argument checks of `toString`. */
export interface RawBuffer extends Buffer {
  latin1Slice(from: number, to: number): string
  utf8Slice(from: number, to: number): string
}

/** Limit `formats.text.bytes` (bytes): JSON text that a reader writes for one value. Beyond it: the record is bad. */
export const TEXT_LIMIT_BYTES = 16 << 20
/** Limit `formats.decimal.bytes` (bytes): unscaled value of a decimal. Beyond it: the record is bad. */
export const DECIMAL_LIMIT_BYTES = 256
const SCRATCH_KEEP_BYTES = 1 << 20

/** Where text is written before it becomes a string. */
export interface Scratch {
  bytes: RawBuffer
  view: DataView
  /** Second result of generated functions: the position behind what they read, or -1 for damage. */
  at: number
  /** Array items and records without any bytes that the current facet has shown so far. */
  empty: number
  /** Bytes of defaults that the record has been given so far. */
  defaults: number
  /** The range of a string that a function of the JSON reader found. */
  from: number
  to: number
}

function newScratch(size: number): { bytes: RawBuffer; view: DataView } {
  const bytes = Buffer.allocUnsafeSlow(size) as RawBuffer
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }
}

/** The one scratch buffer of the thread. */
export const scratch: Scratch = { ...newScratch(1 << 14), at: 0, empty: 0, defaults: 0, from: -1, to: -1 }

/** Makes room for `size` bytes in all, keeping what is written; false when that is over the limit. */
export function grow(size: number): boolean {
  if (size <= scratch.bytes.length) return true
  if (size > TEXT_LIMIT_BYTES) return false
  const next = newScratch(Math.min(TEXT_LIMIT_BYTES, Math.max(size, scratch.bytes.length * 2)))
  next.bytes.set(scratch.bytes)
  scratch.bytes = next.bytes
  scratch.view = next.view
  return true
}

/** Runs a reader inside of another one, which goes on with its own text afterwards. */
export function withOwnScratch<T>(read: () => T): T {
  const { bytes, view } = scratch
  Object.assign(scratch, newScratch(1 << 12))
  try {
    return read()
  } finally {
    Object.assign(scratch, { bytes, view })
  }
}

/** The first `length` bytes of the scratch buffer as a string; starts the next text. */
export function takeText(length: number): string {
  const { bytes } = scratch
  const text = bytes.utf8Slice(0, length)
  // A rare huge text must not hold its memory for ever.
  if (bytes.length > SCRATCH_KEEP_BYTES) Object.assign(scratch, newScratch(1 << 14))
  return text
}

/**
 * A zigzag varint of up to ten bytes at p: a number, a bigint beyond ±(2^53-1), or undefined when it is longer than ten
 * bytes or than 64 bits.
 */
export function longAt(b: Uint8Array, p: number): number | bigint | undefined {
  let low = 0
  let middle = 0
  let high = 0
  let c = 128
  for (let shift = 0; shift < 28 && c > 127; shift += 7) {
    c = b[p++]
    low |= (c & 127) << shift
  }
  for (let shift = 0; shift < 28 && c > 127; shift += 7) {
    c = b[p++]
    middle |= (c & 127) << shift
  }
  if (c > 127) {
    c = b[p++]
    high = c & 127
    if (c > 127) {
      c = b[p++]
      if (!(c <= 1)) return undefined
      high |= c << 7
    }
  }
  const negative = (low & 1) === 1
  if (high === 0 && middle < 67108864) {
    const value = (low >>> 1) + middle * 134217728
    if (!negative) return value
    if (value !== 9007199254740991) return -value - 1
  }
  const value = BigInt(low >>> 1) | (BigInt(middle) << 27n) | (BigInt(high) << 55n)
  return negative ? -value - 1n : value
}

const fromCharCode = String.fromCharCode
const SHORT_BYTES = 16

/**
 * The bytes [from, to) as a string: UTF-8, where what is not valid becomes U+FFFD. Short ASCII is made here, three
 * times as fast as by a call into the runtime; for anything longer that call is fastest, whatever the bytes are.
 */
export function stringAt(b: RawBuffer, from: number, to: number): string {
  if (to - from > SHORT_BYTES) return b.utf8Slice(from, to)
  let wide = 0
  for (let i = from; i < to; i++) wide |= b[i]
  return wide > 127 ? b.utf8Slice(from, to) : shortString(b, from, to - from)
}

/** ASCII of up to SHORT_BYTES bytes, each length with a call of its own. */
// biome-ignore format: one length a line
function shortString(b: RawBuffer, p: number, length: number): string {
  switch (length) {
    case 0: return ''
    case 1: return fromCharCode(b[p])
    case 2: return fromCharCode(b[p], b[p + 1])
    case 3: return fromCharCode(b[p], b[p + 1], b[p + 2])
    case 4: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3])
    case 5: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4])
    case 6: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5])
    case 7: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6])
    case 8: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7])
    case 9: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7], b[p + 8])
    case 10: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7],
      b[p + 8], b[p + 9])
    case 11: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7],
      b[p + 8], b[p + 9], b[p + 10])
    case 12: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7],
      b[p + 8], b[p + 9], b[p + 10], b[p + 11])
    case 13: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7],
      b[p + 8], b[p + 9], b[p + 10], b[p + 11], b[p + 12])
    case 14: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7],
      b[p + 8], b[p + 9], b[p + 10], b[p + 11], b[p + 12], b[p + 13])
    case 15: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7],
      b[p + 8], b[p + 9], b[p + 10], b[p + 11], b[p + 12], b[p + 13], b[p + 14])
    case 16: return fromCharCode(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7],
      b[p + 8], b[p + 9], b[p + 10], b[p + 11], b[p + 12], b[p + 13], b[p + 14], b[p + 15])
    default: return b.latin1Slice(p, p + length)
  }
}

/** A copy of the bytes [from, to). */
export function bytesAt(b: Uint8Array, from: number, to: number): Uint8Array {
  const copy = new Uint8Array(to - from)
  copy.set(b.subarray(from, to))
  return copy
}

/**
 * A big-endian two's-complement integer of any length as a decimal; undefined when it is over `DECIMAL_LIMIT_BYTES`.
 */
export function decimalAt(b: RawBuffer, from: number, to: number, scale: number): Decimal | undefined {
  const size = to - from
  if (size > DECIMAL_LIMIT_BYTES) return undefined
  if (size === 0) return new Decimal(0n, scale)
  if (size <= 6) return new Decimal(BigInt(b.readIntBE(from, size)), scale)
  const unsigned = BigInt(`0x${b.toString('hex', from, to)}`)
  return new Decimal(b[from] > 127 ? unsigned - (1n << BigInt(size * 8)) : unsigned, scale)
}

/** Sixteen bytes as `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`. */
export function uuidAt(b: RawBuffer, from: number): string {
  const hex = b.toString('hex', from, from + 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Avro's duration (months, days, milliseconds, little-endian) as an ISO-8601 period, for example `P1M3DT2.5S`. */
export function durationAt(b: RawBuffer, from: number): string {
  const months = b.readUInt32LE(from)
  const days = b.readUInt32LE(from + 4)
  const millis = b.readUInt32LE(from + 8)
  const text = `${months === 0 ? '' : `${months}M`}${days === 0 ? '' : `${days}D`}${millis === 0 ? '' : `T${millis / 1000}S`}`
  return text === '' ? 'PT0S' : `P${text}`
}

// ---- The writer. `w` is the position in scratch.bytes to write at; the new position is returned. Numbers: see
// number-writer.ts. ----

const HEX = Buffer.from('0123456789abcdef')
/** The letter after the backslash for the five control characters that have one, else 0. */
const SHORT_ESCAPE = new Uint8Array(93)
for (const [code, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
  [34, '"'],
  [92, '\\'],
] as const)
  SHORT_ESCAPE[code] = letter.charCodeAt(0)

/**
 * The UTF-8 bytes [from, to) as a JSON string. Makes room for itself and for `rest` bytes more; -1 when the text is
 * over the limit.
 */
export function writeString(b: Uint8Array, view: DataView, from: number, to: number, w: number, rest: number): number {
  if (w + (to - from) * 6 + rest + 2 > scratch.bytes.length && !grow(w + (to - from) * 6 + rest + 2)) return -1
  const o = scratch.bytes
  o[w++] = 34
  let p = from
  if (to - from >= 8) {
    // Four bytes at a time as long as none of them is a quote, a backslash or a control character (the test is
    // explained at `plainEnd` in json/scan.ts).
    const out = scratch.view
    for (; p <= to - 4; p += 4) {
      const x = view.getInt32(p, true)
      if ((((x ^ 0x02020202) - 0x21212121) | ((x ^ 0x5c5c5c5c) - 0x01010101)) & ~x & 0x80808080) break
      out.setInt32(w, x, true)
      w += 4
    }
  }
  for (; p < to; p++) {
    const c = b[p]
    if (c < 32 || c === 34 || c === 92) w = writeEscape(o, w, c)
    else o[w++] = c
  }
  o[w] = 34
  return w + 1
}

function writeEscape(o: Uint8Array, w: number, c: number): number {
  o[w] = 92
  if (SHORT_ESCAPE[c] !== 0) {
    o[w + 1] = SHORT_ESCAPE[c]
    return w + 2
  }
  o[w + 1] = 117
  o[w + 2] = 48
  o[w + 3] = 48
  o[w + 4] = HEX[c >> 4]
  o[w + 5] = HEX[c & 15]
  return w + 6
}

/** Bytes of ready JSON text, as they are. Makes room like `writeString`. */
export function writeReady(ready: Uint8Array, w: number, rest: number): number {
  if (w + ready.length + rest > scratch.bytes.length && !grow(w + ready.length + rest)) return -1
  scratch.bytes.set(ready, w)
  return w + ready.length
}

/** ASCII text that needs no escapes, as it is. Makes room like `writeString`. */
export function writeAscii(text: string, w: number, rest: number): number {
  if (w + text.length + rest > scratch.bytes.length && !grow(w + text.length + rest)) return -1
  return writeAsciiText(scratch.bytes, w, text)
}

/** The bytes [from, to) as a base64 JSON string. Makes room like `writeString`. */
export function writeBase64(b: RawBuffer, from: number, to: number, w: number, rest: number): number {
  if ((to - from) * 2 > TEXT_LIMIT_BYTES) return -1
  return writeAscii(`"${b.toString('base64', from, to)}"`, w, rest)
}

/** Whether b holds `bytes` at `from`. */
export function bytesEqual(b: Uint8Array, from: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (b[from + i] !== bytes[i]) return false
  return true
}

/** A big-endian 64-bit integer: a number, or a bigint beyond ±(2^53-1). */
export function longBigEndianAt(view: DataView, p: number): number | bigint {
  const high = view.getInt32(p)
  const value = high * 4294967296 + view.getUint32(p + 4)
  return high >= -2097152 && high < 2097152 && value !== -9007199254740992 ? value : view.getBigInt64(p)
}
