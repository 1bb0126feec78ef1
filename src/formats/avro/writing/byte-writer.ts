/** Bytes of Avro's primitive types, growing as needed. */

const FIRST_BYTES = 256

export class ByteWriter {
  /** Parts of defaults that were written, which a schema may multiply. */
  parts = 0
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #at = 0

  /** Where the next `n` bytes go. The buffer may be another one afterwards. */
  #room(n: number): number {
    const at = this.#at
    if (at + n > this.#buffer.length) {
      const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, at + n))
      this.#buffer.copy(bigger, 0, 0, at)
      this.#buffer = bigger
    }
    this.#at = at + n
    return at
  }
  get size(): number {
    return this.#at
  }
  byte(value: number): void {
    const at = this.#room(1)
    this.#buffer[at] = value
  }
  /** int and long are one encoding: zigzag, seven bits a byte. */
  long(value: bigint): void {
    let n = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    while (n > 127n) {
      this.byte(Number(n & 127n) | 128)
      n >>= 7n
    }
    this.byte(Number(n))
  }
  float(value: number): void {
    const at = this.#room(4)
    this.#buffer.writeFloatLE(value, at)
  }
  double(value: number): void {
    const at = this.#room(8)
    this.#buffer.writeDoubleLE(value, at)
  }
  /** Length and UTF-8. */
  text(value: string): void {
    const size = Buffer.byteLength(value)
    this.long(BigInt(size))
    const at = this.#room(size)
    this.#buffer.write(value, at)
  }
  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#buffer.set(bytes, at)
  }
  /** What was written, in memory of its own. */
  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#at))
  }
}
