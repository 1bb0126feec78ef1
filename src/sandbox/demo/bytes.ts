/**
 * Bytes of a key or a value, written again and again into the same memory: a million demo records must not leave a
 * million objects behind. Avro's binary encoding value by value, in the order of a schema that the caller knows, and
 * text digit by digit. Source: the Avro specification, "Binary Encoding".
 */

/** The first `length` bytes of a buffer. */
export interface Piece {
  readonly buffer: Buffer
  readonly length: number
}

/** All bytes of a buffer. */
export function pieceOf(buffer: Buffer): Piece {
  return { buffer, length: buffer.length }
}

const ZERO = 48
const TWO_20 = 1_048_576
/** Copied faster one by one. */
const FEW_BYTES = 24
const TWO_28 = 268_435_456
const TEN_8 = 100_000_000

export class Bytes implements Piece {
  #buffer: Buffer
  #at = 0

  constructor(sizeBytes = 4096) {
    this.#buffer = Buffer.allocUnsafe(sizeBytes)
  }

  get buffer(): Buffer {
    return this.#buffer
  }

  get length(): number {
    return this.#at
  }

  /** Starts again with nothing. */
  clear(): this {
    this.#at = 0
    return this
  }

  /** Begins a value with the registry's framing: a zero byte and the schema's id. */
  begin(schemaId: number): this {
    this.#buffer[0] = 0
    this.#buffer.writeInt32BE(schemaId, 1)
    this.#at = 5
    return this
  }

  /** A copy of what was written. */
  copy(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#at))
  }

  /** Leaves out the last bytes. */
  cut(bytes: number): this {
    this.#at -= bytes
    return this
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(bigger, 0, 0, this.#at)
    this.#buffer = bigger
  }

  /** An int, a long within 2^52, a union's branch, an enum's symbol, or a block's count. */
  long(value: number): this {
    this.#room(10)
    const n = value >= 0 ? value * 2 : -value * 2 - 1
    if (n < TWO_28) return this.#varint(n)
    // Integer arithmetic on the low 28 bits: the remainder of a large double is slow.
    const high = Math.floor(n / TWO_28)
    const low = n - high * TWO_28
    for (let shift = 0; shift < 28; shift += 7) this.#buffer[this.#at++] = ((low >>> shift) & 127) | 128
    return this.#varint(high)
  }

  #varint(value: number): this {
    let n = value | 0
    while (n > 127) {
      this.#buffer[this.#at++] = (n & 127) | 128
      n >>>= 7
    }
    this.#buffer[this.#at++] = n
    return this
  }

  /** A long of `ms` million and `rest` (below a million): nanoseconds, beyond what a number can hold. */
  nanoseconds(ms: number, rest: number): this {
    this.#room(10)
    // Zigzag doubles it. Cut at bit 20, both halves fit into numbers.
    const low = (ms % TWO_20) * 2_000_000 + rest * 2
    const bits = low % TWO_20
    const high = Math.floor(ms / TWO_20) * 2_000_000 + Math.floor(low / TWO_20)
    this.#buffer[this.#at++] = (bits & 127) | 128
    this.#buffer[this.#at++] = ((bits >>> 7) & 127) | 128
    let n = high * 64 + (bits >>> 14)
    while (n > 127) {
      this.#buffer[this.#at++] = (n % 128) + 128
      n = Math.floor(n / 128)
    }
    this.#buffer[this.#at++] = n
    return this
  }

  boolean(value: boolean): this {
    this.#room(1)
    this.#buffer[this.#at++] = value ? 1 : 0
    return this
  }

  float(value: number): this {
    this.#room(4)
    this.#at = this.#buffer.writeFloatLE(value, this.#at)
    return this
  }

  double(value: number): this {
    this.#room(8)
    this.#at = this.#buffer.writeDoubleLE(value, this.#at)
    return this
  }

  string(value: string): this {
    this.long(Buffer.byteLength(value))
    this.#room(value.length * 3)
    this.#at += this.#buffer.write(value, this.#at)
    return this
  }

  prefixed(value: Uint8Array): this {
    return this.long(value.length).fixed(value)
  }

  fixed(value: Uint8Array): this {
    this.#room(value.length)
    if (value.length <= FEW_BYTES) for (let i = 0; i < value.length; i++) this.#buffer[this.#at + i] = value[i]
    else this.#buffer.set(value, this.#at)
    this.#at += value.length
    return this
  }

  /** A whole number below 10^16 in decimal digits, with leading zeros up to `width`. */
  digits(value: number, width = 1): this {
    if (value < TEN_8) return this.#digits(value, width)
    // Integer arithmetic on halves: the remainder of a large double is slow.
    const high = Math.floor(value / TEN_8)
    return this.#digits(high, Math.max(1, width - 8)).#digits(value - high * TEN_8, 8)
  }

  #digits(value: number, width: number): this {
    let count = width
    for (let limit = 10 ** width; value >= limit; limit *= 10) count++
    this.#room(count)
    let rest = value | 0
    for (let i = this.#at + count - 1; i >= this.#at; i--) {
      const tenth = (rest / 10) | 0
      this.#buffer[i] = ZERO + (rest - tenth * 10)
      rest = tenth
    }
    this.#at += count
    return this
  }

  /** Eight hexadecimal digits of an unsigned 32-bit number. */
  hex8(value: number): this {
    this.#room(8)
    for (let shift = 28; shift >= 0; shift -= 4) {
      const digit = (value >>> shift) & 15
      this.#buffer[this.#at++] = digit < 10 ? ZERO + digit : 87 + digit
    }
    return this
  }

  byte(value: number): this {
    this.#room(1)
    this.#buffer[this.#at++] = value
    return this
  }

  /**
   * Begins an Avro string or byte field of less than 64 bytes; `close` takes what this gives and puts the length there.
   */
  open(): number {
    this.#room(1)
    return this.#at++
  }

  close(opened: number): this {
    this.#buffer[opened] = (this.#at - opened - 1) * 2
    return this
  }

  /** A decimal given as its unscaled value: the shortest two's complement, big-endian, as bytes. */
  decimal(unscaled: bigint): this {
    let length = 1
    while (BigInt.asIntN(length * 8, unscaled) !== unscaled) length++
    const bytes = Buffer.alloc(length)
    let rest = unscaled
    for (let i = length - 1; i >= 0; i--) {
      bytes[i] = Number(rest & 0xffn)
      rest >>= 8n
    }
    return this.prefixed(bytes)
  }
}
