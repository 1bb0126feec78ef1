/**
 * Decompresses the next gzip and zstd batches of an answer on zlib's threads while the current one is being worked on.
 * Looks at headers only; whether a batch is sound and wanted in the end is decided by the scan.
 */
import type { Decompressor, Plain } from '../codecs/compression.ts'
import type { Frame } from '../wire/frame-pool.ts'

/** Batches under way besides the current one. */
const BATCHES_AHEAD = 3
/**
 * Limit `kafka.ahead.batch.bytes` (bytes): one batch that is decompressed ahead. Beyond it: it is decompressed when it
 * is needed, and no two of them are held at a time.
 */
const AHEAD_MAX_BYTES = 16 * 1024 * 1024
/** For less than this a trip to another thread does not pay. */
const WORTH_WHILE_BYTES = 24 * 1024

/** Decompression that runs ahead of the delivery. */
export class Ahead {
  readonly #decompressor: Decompressor
  #planned: { readonly batch: number; readonly plain: Promise<Plain>; again(): Promise<Plain> }[] = []
  #next = 0

  constructor(decompressor: Decompressor) {
    this.#decompressor = decompressor
  }

  /** Another frame, or another part of it: what was planned is dropped. */
  forget(): void {
    this.#planned = []
    this.#next = 0
  }

  /** The batch of that number, if it was begun. */
  take(batch: number): Promise<Plain> | undefined {
    while (this.#planned.length > 0 && this.#planned[0].batch < batch) this.#planned.shift()
    const planned = this.#planned[0]?.batch === batch ? this.#planned.shift() : undefined
    return planned?.plain.catch(() => planned.again())
  }

  /** Begins with batches from number `from` on, up to `end` (exclusive), as far as they are `wanted`. */
  plan(frame: Frame, from: number, end: number, wanted: (batch: number) => boolean): void {
    const { batches, buffer } = frame
    let batch = Math.max(from, this.#next)
    for (; this.#planned.length < BATCHES_AHEAD && batch < end; batch++) {
      const codec = batches.codec(batch)
      if ((codec !== 1 && codec !== 4) || batches.magic(batch) !== 2) continue
      if (batches.sizeBytes(batch) < WORTH_WHILE_BYTES || !wanted(batch)) continue
      const bytes = buffer.subarray(batches.recordsStart(batch), batches.end(batch))
      const plain = this.#decompressor.apart(codec, bytes, AHEAD_MAX_BYTES)
      // A batch that is skipped is never awaited: its failure must not count as unhandled.
      frame.readUntil(plain)
      this.#planned.push({ batch, plain, again: () => this.#decompressor.apart(codec, bytes) })
    }
    this.#next = batch
  }
}
