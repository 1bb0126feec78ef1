/**
 * What a scan has not read yet, wherever that is known: so that a scan which is stopped can say where to read on. It
 * keeps account and reads nothing.
 */
import type { OffsetRange, PartitionProgress, RecordBatch } from '../../../kafka/log.ts'
import { offsetDelta } from '../../program/record-runtime.ts'
import type { Windows } from '../backward.ts'

/**
 * Limit `resume.max.ranges` (ranges): ranges of offsets that the condition of a SENTINEL names. Beyond it: there is none,
 * and the SENTINEL says only that the reading ended.
 */
export const RESUME_RANGES = 1000

/** What is told of a scan, and kept up by it. */
export interface UnreadSource {
  /** Grows whenever the scan begins to read further ranges. */
  progress: readonly PartitionProgress[]
  /** Of the batch that the scan stopped in: what it did not come to. */
  rest: OffsetRange | undefined
}

/** The unread offsets of one scan. */
export class Unread {
  readonly #source: UnreadSource
  /** Batches passed over for now, which are read after all others. */
  readonly #deferred: OffsetRange[] = []
  /** While a scan reads backwards: what no window has covered is unread, too. */
  windows: Windows | undefined
  /** Of a scan that goes on with what comes: its first partition that was not there at the start. */
  firstNew: number | undefined

  constructor(source: UnreadSource) {
    this.#source = source
  }

  /** The scan stops within a batch, before the record that stands at byte `at`. */
  stopAt(batch: RecordBatch, at: number): void {
    this.stopBefore(batch, batch.baseOffset + offsetDelta(batch.buffer, at))
  }

  /** The scan stops within a batch, before the record of this offset. */
  stopBefore(batch: RecordBatch, offset: number): void {
    const rest = {
      partition: batch.partition,
      start: Math.max(offset, batch.rangeStart),
      end: Math.min(batch.lastOffset + 1, batch.rangeEnd),
    }
    if (rest.start < rest.end) this.#source.rest = rest
  }

  /** The wanted offsets of a batch are read later. */
  defer(batch: RecordBatch): void {
    this.#deferred.push({
      partition: batch.partition,
      start: Math.max(batch.rangeStart, batch.baseOffset),
      end: Math.min(batch.rangeEnd, batch.lastOffset + 1),
    })
  }

  /** What was deferred, to be read now. Two lanes may have met a batch from both of its ends, in any order. */
  takeDeferred(): OffsetRange[] {
    return mergeRanges(this.#deferred.splice(0))
  }

  /** What is unread, which is going to be read by others: here nothing is any more. */
  takeAll(): OffsetRange[] {
    const ranges = this.ranges
    this.#deferred.length = 0
    this.#source.rest = undefined
    this.#source.progress = this.#source.progress.map((p) => ({
      partition: p.partition,
      begin: p.begin,
      // Two connections may have read in two places: what lies behind the position was captured, and is wanted, too.
      end: p.end,
      position: p.end,
      unread: [],
      complete: true,
      bytesRead: p.bytesRead,
      lost: p.lost,
      lostRanges: p.lostRanges,
    }))
    return ranges
  }

  /** Is anything unread? A threshold that is met exactly at the end has cut nothing off. */
  get any(): boolean {
    return (
      this.#source.rest !== undefined ||
      this.#deferred.length > 0 ||
      this.#source.progress.some((p) => !p.complete) ||
      (this.windows !== undefined && this.windows.unread().length > 0)
    )
  }

  /** A WHERE condition that reads what is unread; undefined where it would be too long to be of use. */
  condition(): string | undefined {
    const { ranges } = this
    if (ranges.length > RESUME_RANGES) return undefined
    const conditions = ranges.map((r) => {
      const from = `_meta.partition = ${r.partition} AND _meta.offset >= ${r.start}`
      return Number.isFinite(r.end) ? `(${from} AND _meta.offset < ${r.end})` : `(${from})`
    })
    if (this.firstNew !== undefined) {
      const first = this.#source.progress.reduce((most, p) => Math.max(most, p.partition + 1), this.firstNew)
      conditions.push(`(_meta.partition >= ${first} AND _meta.offset >= 0)`)
    }
    return conditions.join(' OR ')
  }

  /** In order of partition and offset. */
  get ranges(): OffsetRange[] {
    return mergeRanges([
      ...this.#deferred,
      ...(this.windows?.unread() ?? []),
      ...this.#source.progress.flatMap((p) => p.unread),
      ...(this.#source.rest === undefined ? [] : [this.#source.rest]),
    ])
  }
}

/** In order of partition and offset; ranges that touch or overlap become one. */
export function mergeRanges(ranges: readonly OffsetRange[]): OffsetRange[] {
  const merged: OffsetRange[] = []
  for (const range of [...ranges].sort((a, b) => a.partition - b.partition || a.start - b.start)) {
    const last = merged.at(-1)
    if (last !== undefined && last.partition === range.partition && last.end >= range.start)
      merged[merged.length - 1] = { ...last, end: Math.max(last.end, range.end) }
    else merged.push(range)
  }
  return merged
}
