/**
 * `max.size`: how many bytes were read, and how many records of the batch at hand there is still room for. Bytes count
 * as they are stored; those of a compressed batch are taken to lie evenly in it. What happens when there is no room
 * left is the business of `thresholds`.
 */
import type { PartitionProgress, RecordBatch } from '../../../kafka/log.ts'
import { offsetDelta, recordEnd, recordsWithin } from '../../program/record-runtime.ts'

/** Counts the bytes of one scan. */
export class SizeLimit {
  readonly limitBytes: number
  readonly #source: { readonly progress: readonly PartitionProgress[] }
  /** Read before the batch at hand. */
  #beforeBytes = 0
  /** Of batches that are read again, and count then. */
  #againBytes = 0

  /** `source`: its progress grows whenever the scan begins to read further ranges. */
  constructor(limitBytes: number, source: { readonly progress: readonly PartitionProgress[] }) {
    this.limitBytes = limitBytes
    this.#source = source
  }

  /** Between two batches: what was read belongs to the past. True when the limit is reached. */
  isReached(): boolean {
    this.#beforeBytes = this.#readBytes()
    return this.#beforeBytes >= this.limitBytes
  }

  /** The batch at hand will be read again: it does not count now. */
  batchIsReadAgain(): void {
    this.#againBytes += this.#readBytes() - this.#beforeBytes
  }

  /**
   * How many records of the batch at hand, from its first on, there is room for: all, in nearly every batch. Of the
   * first batch it is one at least that is wanted, so that whoever reads on comes to an end. Records before the wanted
   * range, where another query stopped, do not count.
   */
  recordsOf(batch: RecordBatch): number {
    const readBytes = this.#readBytes()
    if (readBytes <= this.limitBytes) return batch.count
    const first = firstWanted(batch)
    const bytes = (batch.to - batch.from) * this.#shareOf(readBytes)
    const room = recordsWithin(batch.buffer, first.at, batch.to, batch.count - first.index, bytes)
    return Math.min(batch.count, first.index + Math.max(this.#atLeast(), room))
  }

  /** As `recordsOf`, of records that are not looked at: they are taken to be of one size. */
  recordsByHeader(batch: RecordBatch): number {
    const readBytes = this.#readBytes()
    if (readBytes <= this.limitBytes) return batch.count
    return Math.max(this.#atLeast(), Math.floor(batch.count * this.#shareOf(readBytes)))
  }

  #readBytes(): number {
    let bytes = -this.#againBytes
    for (const p of this.#source.progress) bytes += p.bytesRead
    return bytes
  }

  /** The part of the batch at hand that there is room for: 0 to 1. */
  #shareOf(readBytes: number): number {
    return Math.max(0, this.limitBytes - this.#beforeBytes) / Math.max(1, readBytes - this.#beforeBytes)
  }

  #atLeast(): number {
    return this.#beforeBytes === 0 ? 1 : 0
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
