/**
 * `max.size`: how many bytes were read, and how many records of the batch at hand there is still room for. Bytes count
 * as they are stored; those of a compressed batch are taken to lie evenly in it. What happens when there is no room
 * left is decided by `thresholds`.
 */
import type { BatchSource, RecordBatch } from '../../../kafka/log.ts'
import { offsetDelta, recordEnd, recordsWithin } from '../../program/record-runtime.ts'

type Read = Pick<BatchSource, 'bytesRead' | 'progress'>

/** Counts the bytes of one scan. */
export class SizeLimit {
  readonly limitBytes: number
  readonly #sources: readonly Read[]
  /** Bytes that all threads have read, where several read the scan: one number in shared memory. */
  #shared: BigInt64Array | undefined
  /** What of its own bytes this thread has added there. */
  #told = 0
  /** Bytes of this thread before the batch at hand. */
  #beforeBytes = 0
  /** Of batches that are read again, and count then. */
  #againBytes = 0

  /**
   * `sources`: what this thread reads; it grows whenever the scan begins to read further ranges. `shared`: of a share
   * of another thread's scan.
   */
  constructor(limitBytes: number, sources: readonly Read[], shared: BigInt64Array | undefined) {
    this.limitBytes = limitBytes
    this.#sources = sources
    this.#shared = shared
  }

  /** From here on other threads read shares of the scan, and their bytes count, too. */
  share(shared: BigInt64Array): void {
    this.#told = 0
    this.#shared = shared
    this.#readByAll()
  }

  /** Between two batches: what was read belongs to the past. True when the limit is reached. */
  isReached(): boolean {
    this.#beforeBytes = this.#readBytes()
    return this.#readByAll() >= this.limitBytes
  }

  /** The batch at hand will be read again: it does not count now. */
  batchIsReadAgain(): void {
    this.#againBytes += this.#readBytes() - this.#beforeBytes
  }

  /**
   * How many records of the batch at hand, from its first on, there is room for: all, in nearly every batch. Of the
   * first batch it is one at least that is wanted, so that a client that reads on comes to an end. Records before the
   * wanted range, where another query stopped, do not count.
   */
  recordsOf(batch: RecordBatch): number {
    const room = this.#room()
    if (room === undefined) return batch.count
    const first = firstWanted(batch)
    const bytes = (batch.to - batch.from) * room.share
    const records = recordsWithin(batch.buffer, first.at, batch.to, batch.count - first.index, bytes)
    return Math.min(batch.count, first.index + Math.max(room.least, records))
  }

  /** As `recordsOf`, of records that are not looked at: they are taken to be of one size. */
  recordsByHeader(batch: RecordBatch): number {
    const room = this.#room()
    return room === undefined ? batch.count : Math.max(room.least, Math.floor(batch.count * room.share))
  }

  /** The part (0 to 1) of the batch at hand that there is room for; undefined: all of it. */
  #room(): { readonly share: number; readonly least: number } | undefined {
    const readBytes = this.#readByAll()
    if (readBytes <= this.limitBytes) return undefined
    const batchBytes = this.#readBytes() - this.#beforeBytes
    const beforeBytes = readBytes - batchBytes
    return {
      share: Math.max(0, this.limitBytes - beforeBytes) / Math.max(1, batchBytes),
      least: beforeBytes === 0 ? 1 : 0,
    }
  }

  /** Bytes of all threads: no two of them have the same room, as each adds its own before it looks. */
  #readByAll(): number {
    const own = this.#readBytes()
    if (this.#shared === undefined) return own
    const news = own - this.#told
    this.#told = own
    return Number(Atomics.add(this.#shared, 0, BigInt(news))) + news
  }

  #readBytes(): number {
    let bytes = -this.#againBytes
    for (const { bytesRead, progress } of this.#sources)
      bytes += bytesRead ?? progress.reduce((sum, p) => sum + p.bytesRead, 0)
    return bytes
  }
}

/** The first record of a batch that is not before the wanted range: its number and its place. */
function firstWanted({ buffer, from, to, count, baseOffset, rangeStart }: RecordBatch): {
  readonly index: number
  readonly at: number
} {
  let at = from
  for (let index = 0; index < count && at < to; index++) {
    if (baseOffset + offsetDelta(buffer, at) >= rangeStart) return { index, at }
    at = recordEnd(buffer, at, to)
  }
  return { index: count, at: to }
}
