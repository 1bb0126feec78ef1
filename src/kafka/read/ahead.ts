/**
 * Decompresses the next gzip and zstd batches of an answer on zlib's threads while the current one is being worked on.
 * Looks at headers only; whether a batch is sound and wanted in the end is decided by the scan.
 */
import type { Decompressor, Plain } from '../codecs/compression.ts'
import type { Frame } from '../wire/frame-pool.ts'
import { BatchHeader } from './record-batch.ts'

/** Batches under way besides the current one. */
const BATCHES_AHEAD = 3
/** What becomes larger than this waits for its turn: several of them would be held at a time. */
const AHEAD_MAX_BYTES = 16 * 1024 * 1024
/** For less than this a trip to another thread is not worth while. */
const WORTH_WHILE_BYTES = 24 * 1024

export class Ahead {
  readonly #decompressor: Decompressor
  readonly #header = new BatchHeader()
  #planned: { readonly at: number; readonly plain: Promise<Plain>; again(): Promise<Plain> }[] = []
  #next = 0

  constructor(decompressor: Decompressor) {
    this.#decompressor = decompressor
  }

  /** Another frame, or another part of it: what was planned is dropped. */
  forget(): void {
    this.#planned = []
    this.#next = 0
  }

  /** The batch at `at`, if it was begun. */
  take(at: number): Promise<Plain> | undefined {
    while (this.#planned.length > 0 && this.#planned[0].at < at) this.#planned.shift()
    const planned = this.#planned[0]?.at === at ? this.#planned.shift() : undefined
    return planned?.plain.catch(() => planned.again())
  }

  /** Begins with batches from `at` on, up to `end`, as far as `wanted` says so. */
  plan(frame: Frame, at: number, end: number, wanted: (header: BatchHeader) => boolean): void {
    const header = this.#header
    let next = Math.max(at, this.#next)
    while (this.#planned.length < BATCHES_AHEAD && header.open(frame.view, next, end)) {
      const { codec } = header
      if ((codec === 1 || codec === 4) && header.size >= WORTH_WHILE_BYTES && header.magic === 2 && wanted(header)) {
        const bytes = frame.buffer.subarray(header.from, header.to)
        const plain = this.#decompressor.apart(codec, bytes, AHEAD_MAX_BYTES)
        // A batch that is passed over is never waited for; its failure is nobody's.
        plain.catch(() => undefined)
        this.#planned.push({ at: next, plain, again: () => this.#decompressor.apart(codec, bytes) })
      }
      next += header.size
    }
    this.#next = next
  }
}
