/**
 * How far a scan has come in one partition, span by span: a partition may be read in several places at once, so one
 * number cannot say it. Plain arithmetic; does no I/O.
 */
import { systemClock } from '../../lib/clock.ts'
import type { OffsetRange, PartitionProgress } from '../log.ts'

/** Offsets [start, end). */
interface Offsets {
  start: number
  end: number
}

/** What all partitions of a scan have read. */
export interface Tally {
  bytes: number
}

/** What has been read, and what has been lost, of the ranges of one partition. */
export class Progress implements PartitionProgress {
  readonly partition: number
  readonly begin: number
  #bytesRead = 0
  readonly #tally: Tally | undefined
  heardMs: number | undefined
  /** What comes counts from the leader of this epoch only: it has what was taken so far. -1: whoever leads. */
  leaderEpoch = -1
  #takenTo = 0
  #takenEpoch = -1
  #end: number
  /** Of an open range: the end of the log, as far as it is known. */
  #seen: number
  /** Ascending, disjoint, none empty. */
  #unread: Offsets[] = []
  readonly #lost: Offsets[] = []

  constructor(range: OffsetRange, tally?: Tally) {
    this.#tally = tally
    this.partition = range.partition
    this.begin = range.start
    this.#end = range.start
    this.#seen = range.start
    this.add(range)
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Further bytes were delivered, as stored. */
  count(bytes: number): void {
    this.#bytesRead += bytes
    if (this.#tally !== undefined) this.#tally.bytes += bytes
  }

  get end(): number {
    return this.#end === Number.POSITIVE_INFINITY ? Math.max(this.#seen, this.position) : this.#end
  }

  get position(): number {
    return this.#unread[0]?.start ?? this.#end
  }

  get unread(): readonly OffsetRange[] {
    return this.#unread.map((span) => ({ partition: this.partition, ...span }))
  }

  get complete(): boolean {
    return this.#unread.length === 0
  }

  get lost(): number {
    return this.#lost.reduce((sum, span) => sum + span.end - span.start, 0)
  }

  get lostRanges(): readonly OffsetRange[] {
    return this.#lost.map((span) => ({ partition: this.partition, ...span }))
  }

  /**
   * The highest offset up to which batches have been taken, in whatever range, and the leader epoch of the last of them.
   * undefined when there is none, or it has no epoch. A log that was cut was cut before this one, or where nobody read.
   */
  get taken(): { readonly offset: number; readonly epoch: number } | undefined {
    return this.#takenEpoch < 0 ? undefined : { offset: this.#takenTo, epoch: this.#takenEpoch }
  }

  /** Batches up to `offset` (exclusive) have come, the last one of that leader epoch; -1 when it has none. */
  take(offset: number, epoch: number): void {
    if (offset <= this.#takenTo) return
    this.#takenTo = offset
    this.#takenEpoch = epoch
  }

  /** A further range, behind those that are there. */
  add({ start, end }: OffsetRange): void {
    if (end <= start) return
    this.#end = Math.max(this.#end, end)
    this.#unread.push({ start, end })
  }

  /** The log is known to reach up to `end` (exclusive). */
  seen(end: number): void {
    this.#seen = Math.max(this.#seen, end)
    this.heardMs = systemClock.monotonic()
  }

  /** [start, end) has been delivered, or holds nothing that is wanted. Parts that were not open are skipped. */
  read(start: number, end: number): void {
    const unread = this.#unread
    // Each place that is read goes on in order, as nearly always: the beginning of one range moves.
    for (let i = 0; i < unread.length && end > unread[i].start; i++) {
      const span = unread[i]
      if (start >= span.end) continue
      if (start > span.start || end >= span.end) return this.#split(start, end)
      span.start = end
      return
    }
  }

  #split(start: number, end: number): void {
    this.#unread = this.#unread.flatMap((span) => {
      if (end <= span.start || start >= span.end) return [span]
      return [
        { start: span.start, end: Math.min(span.end, start) },
        { start: Math.max(span.start, end), end: span.end },
      ].filter((rest) => rest.start < rest.end)
    })
  }

  /** [start, end) vanished before it could be read. */
  lose(start: number, end: number): void {
    this.read(start, end)
    const last = this.#lost.at(-1)
    if (last !== undefined && last.end === start) last.end = end
    else this.#lost.push({ start, end })
  }

  /** Everything has been read. */
  finish(): void {
    this.#unread = []
  }
}
