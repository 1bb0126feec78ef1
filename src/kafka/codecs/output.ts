/** Memory that decompressed records go to: grows as needed up to a limit, and is used again for the next batch. */

/** A batch could not be decompressed; the message says why. */
export class CodecError extends Error {}

/** Bytes behind the usable room, so that copies may be done in steps of four. */
export const SLACK = 16

/** Output after which our own decoders yield to the event loop: about 5 ms of work. */
export const SLICE_BYTES = 4 * 1024 * 1024

/** Memory kept between batches; what a larger batch needed is given back. */
const KEEP_BYTES = 16 * 1024 * 1024

export class Output {
  bytes: Buffer = Buffer.alloc(0)
  view: DataView = new DataView(this.bytes.buffer, 0, 0)
  at = 0
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Makes ready for the next batch. What it held before is no longer valid. */
  reset(): void {
    this.at = 0
    if (this.bytes.length > KEEP_BYTES) this.#resize(KEEP_BYTES)
  }

  /** Sees to it that `n` more bytes (and the slack) fit. */
  room(n: number): void {
    const need = this.at + n
    if (need + SLACK <= this.bytes.length) return
    if (need > this.#maxBytes + 4 * 1024 * 1024 || this.at > this.#maxBytes) throw tooLarge(this.#maxBytes)
    this.#resize(Math.max(need + SLACK, Math.min(this.bytes.length * 2, 64 * 1024 * 1024), 1024 * 1024))
  }

  /** At the end of a batch: rooms are asked for in blocks, the limit is exact. */
  check(): void {
    if (this.at > this.#maxBytes) throw tooLarge(this.#maxBytes)
  }

  #resize(size: number): void {
    const bigger = Buffer.allocUnsafeSlow(size)
    this.bytes.copy(bigger, 0, 0, this.at)
    this.bytes = bigger
    this.view = new DataView(bigger.buffer, 0, size)
  }
}

export function tooLarge(maxBytes: number): CodecError {
  return new CodecError(
    `the batch is larger than ${maxBytes} bytes once decompressed (kafka.decompressed.batch.max.bytes)`,
  )
}
