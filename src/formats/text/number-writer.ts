/**
 * Numbers as decimal digits, written into a byte buffer: integers of 64 bits, doubles and floats. `o` is the buffer,
 * `w` the position to write at; the new position is returned. The caller makes room (32 bytes are enough for any
 * number). It prints what `lib/text/number-text` prints.
 */
import { doubleText, floatText } from '../../lib/text/number-text.ts'

/** An integer of magnitude up to 2^53. */
export function writeInteger(o: Uint8Array, w: number, value: number): number {
  if (value < 0) {
    o[w++] = 45
    value = -value
  }
  if (value < 1_000_000_000) return writeSmall(o, w, value)
  const head = Math.floor(value / 1_000_000_000)
  w = head < 1_000_000_000 ? writeSmall(o, w, head) : writeInteger(o, w, head)
  return writePadded(o, w, value - head * 1_000_000_000, 9)
}

function writeSmall(o: Uint8Array, w: number, value: number): number {
  if (value < 10) {
    o[w] = 48 + value
    return w + 1
  }
  const digits =
    value < 10000
      ? value < 100
        ? 2
        : value < 1000
          ? 3
          : 4
      : value < 1_000_000
        ? value < 100_000
          ? 5
          : 6
        : value < 10_000_000
          ? 7
          : value < 100_000_000
            ? 8
            : 9
  return writePadded(o, w, value, digits)
}

function writePadded(o: Uint8Array, w: number, value: number, digits: number): number {
  let rest = value | 0
  for (let i = w + digits - 1; i >= w; i--) {
    const next = (rest / 10) | 0
    o[i] = 48 + rest - next * 10
    rest = next
  }
  return w + digits
}

/**
 * The zigzag varint at p in decimal digits, without making a bigint; -1 when it is not one. Its loops stand in `longAt`
 * too: a function shared by both, which hands over three numbers, takes half as long again.
 */
export function writeLongAt(o: Uint8Array, w: number, b: Uint8Array, p: number): number {
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
      if (!(c <= 1)) return -1
      high |= c << 7
    }
  }
  // The magnitude as bits 0-31 and 32-63; a negative n stands for -(magnitude + 1).
  let bottom = ((low >>> 1) | (middle << 27)) >>> 0
  let top = ((middle >>> 5) | (high << 23)) >>> 0
  if ((low & 1) === 1) {
    o[w++] = 45
    bottom = (bottom + 1) >>> 0
    if (bottom === 0) top++
  }
  const quotient = Math.floor(top / 1_000_000)
  const part = (top - quotient * 1_000_000) * 4294967296 + bottom
  const partQuotient = Math.floor(part / 1_000_000)
  const head = quotient * 4294967296 + partQuotient
  const tail = part - partQuotient * 1_000_000
  return head === 0 ? writeSmall(o, w, tail) : writePadded(o, writeInteger(o, w, head), tail, 6)
}

/** ASCII text; the caller has made the room. */
export function writeAsciiText(o: Uint8Array, w: number, text: string): number {
  for (let i = 0; i < text.length; i++) o[w + i] = text.charCodeAt(i)
  return w + text.length
}

/** A double as `doubleText` prints it, strings for what JSON has no number for. Needs up to 32 bytes. */
export function writeDouble(o: Uint8Array, w: number, value: number): number {
  const size = value < 0 ? -value : value
  if (size < 1_000_000_000 && size >= 0.000001) {
    const start = value < 0 ? w + 1 : w
    if (value < 0) o[w] = 45
    // At most six digits after the point and fifteen in all: then these digits are the shortest ones that read back.
    const scaled = Math.round(size * 1_000_000)
    if (scaled / 1_000_000 === size) {
      const whole = Math.floor(scaled / 1_000_000)
      return writeFraction(o, writeSmall(o, start, whole), scaled - whole * 1_000_000)
    }
    const end = writeShortest(o, start, size)
    if (end >= 0) return end
  }
  if (Number.isFinite(value)) return writeAsciiText(o, w, doubleText(value))
  return writeAsciiText(o, w, `"${value}"`)
}

/** 10^k and its upper and lower halves of 26 bits (Veltkamp), for k up to 22. */
const POWER = Float64Array.from({ length: 23 }, (_, k) => 10 ** k)
const POWER_HIGH = POWER.map((power) => power * 134217729 - (power * 134217729 - power))
const POWER_LOW = POWER.map((power, k) => power - POWER_HIGH[k])
/** Half a unit in the last place of doubles with the exponent i - 20. */
const HALF_ULP = Float64Array.from({ length: 52 }, (_, i) => 2 ** (i - 20 - 53))
const DOUBLE = new Float64Array(1)
const WORDS = new Int32Array(DOUBLE.buffer)
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const HIGH_WORD = LITTLE_ENDIAN ? 1 : 0
/** More than what the sums below may be off by. */
const SLACK = 1e-6

/**
 * The shortest digits that read back as `x` in [1e-6, 1e9), or -1 where the decision is too close for this method. It
 * scales x to an integer part of 17 digits with an exact product (as an unevaluated sum of two doubles), and looks for
 * the roundest number that is less than half a unit in the last place away.
 */
function writeShortest(o: Uint8Array, w: number, x: number): number {
  let wholeDigits = 1
  let k = 16
  if (x >= 1) while (x >= POWER[wholeDigits]) wholeDigits++
  else {
    wholeDigits = 0
    while (x * POWER[-wholeDigits + 1] < 1) wholeDigits--
  }
  k = 17 - wholeDigits
  DOUBLE[0] = x
  const high = WORDS[HIGH_WORD]
  // A power of two has a nearer neighbour below than above.
  if (WORDS[1 - HIGH_WORD] === 0 && (high & 0xfffff) === 0) return -1
  const half = HALF_ULP[(high >>> 20) - 1023 + 20] * POWER[k]
  const split = x * 134217729
  const xHigh = split - (split - x)
  const xLow = x - xHigh
  const product = x * POWER[k]
  const error = xHigh * POWER_HIGH[k] - product + xHigh * POWER_LOW[k] + xLow * POWER_HIGH[k] + xLow * POWER_LOW[k]
  let q = Math.floor(product / 100_000_000)
  const rest = product - q * 100_000_000 + error
  let digits = Math.round(rest / 100) * 100
  let distance = Math.abs(rest - digits)
  if (distance > half - SLACK) {
    if (distance < half + SLACK) return -1
    digits = Math.round(rest / 10) * 10
    distance = Math.abs(rest - digits)
    if (distance > 5 - SLACK) return -1
    if (distance > half - SLACK) {
      if (distance < half + SLACK) return -1
      digits = Math.round(rest)
      if (Math.abs(rest - digits) > 0.5 - SLACK) return -1
    }
  }
  if (digits >= 100_000_000) {
    digits -= 100_000_000
    q++
  }
  if (digits < 0 || !(q >= 100_000_000 && q < 1_000_000_000)) return -1
  return placePoint(o, w, q, digits, wholeDigits)
}

/**
 * Writes 17 digits (nine in `head`, eight in `tail`) with the point behind `wholeDigits` of them; zero and less: `0.`,
 * then zeros, then the digits.
 */
function placePoint(o: Uint8Array, w: number, head: number, tail: number, wholeDigits: number): number {
  let at = w + 1
  if (wholeDigits <= 0) {
    o[w] = 48
    o[w + 1] = 46
    at = w + 2
    for (let i = wholeDigits; i < 0; i++) o[at++] = 48
  }
  writePadded(o, at, head, 9)
  let end = writePadded(o, at + 9, tail, 8)
  if (wholeDigits > 0) {
    for (let i = w; i < w + wholeDigits; i++) o[i] = o[i + 1]
    o[w + wholeDigits] = 46
    while (o[end - 1] === 48 && end > w + wholeDigits + 2) end--
    return end
  }
  while (o[end - 1] === 48) end--
  return end
}

function writeFraction(o: Uint8Array, w: number, millionths: number): number {
  o[w] = 46
  if (millionths === 0) {
    o[w + 1] = 48
    return w + 2
  }
  let end = writePadded(o, w + 1, millionths, 6)
  while (o[end - 1] === 48) end--
  return end
}

/** A float as `floatText` prints it. */
export function writeFloat(o: Uint8Array, w: number, value: number): number {
  const text = floatText(value)
  return writeAsciiText(o, w, Number.isFinite(value) ? text : `"${text}"`)
}
