/**
 * A count that the headers of batches answer, without looking at a record. Batches that need a look (only some of their
 * records are wanted, or have room) are deferred; the driver reads them afterwards in the usual way.
 */
import { unexpected } from '../../lib/assert.ts'
import type { RecordBatch } from '../../kafka/log.ts'
import type { Sink } from '../program/record-program.ts'
import type { StatisticsSource } from '../statistics.ts'
import type { SizeLimit } from './ending/size-limit.ts'
import type { Unread } from './ending/unread.ts'

/** Counts the batches of one scan. */
export class HeaderCount {
  readonly #sink: Sink
  readonly #source: StatisticsSource
  readonly #size: SizeLimit
  readonly #unread: Unread
  #full = false

  /** `sink`: an aggregation of counts only. */
  constructor(sink: Sink, source: StatisticsSource, size: SizeLimit, unread: Unread) {
    this.#sink = sink
    this.#source = source
    this.#size = size
    this.#unread = unread
  }

  /** `max.size` ends within the last batch, and only its records say where: no further headers are wanted. */
  get full(): boolean {
    return this.#full
  }

  /** Counts the records of a batch, or defers it. */
  add(batch: RecordBatch): void {
    const room = this.#size.recordsByHeader(batch)
    // Where offsets have gaps, or the bytes begin with records that nobody wants, only the records say where to read
    // on.
    this.#full = room < batch.count && (batch.clipped || batch.lastOffset - batch.baseOffset + 1 !== batch.count)
    if (batch.clipped || this.#full) {
      this.#size.batchIsReadAgain()
      this.#unread.defer(batch)
      return
    }
    if (this.#sink.kind !== 'aggregate') unexpected('only a count is answered from headers')
    this.#sink.state.countMany(room)
    this.#source.scanned.set(batch.partition, (this.#source.scanned.get(batch.partition) ?? 0) + room)
    if (room < batch.count) this.#unread.stopBefore(batch, batch.baseOffset + room)
  }
}
