/**
 * When a scan ends before everything was read, and the SENTINEL that says so to the client: `max.size`,
 * `max.query.time` and `max.idle.time`, with a condition that reads on; and records that vanished before they could be
 * read. It never stops anything itself: the driver asks between batches.
 */
import type { SentinelReason } from '../../../protocol/frames.ts'
import type { StatisticsSource } from '../../statistics.ts'
import type { ScanContext } from '../scan-context.ts'
import { lostReason } from './lost.ts'
import type { SizeLimit } from './size-limit.ts'
import { mergeRanges, type Unread } from './unread.ts'

/** The thresholds of one scan. Times are milliseconds of `Clock.monotonic`. */
export class Thresholds {
  readonly #context: Pick<ScanContext, 'settings' | 'sourceId' | 'deadline'>
  readonly #source: StatisticsSource
  readonly #size: SizeLimit
  readonly #unread: Unread
  /** By partition, up to where lost records have been told of. */
  readonly #toldLost = new Map<number, number>()

  constructor(
    context: Pick<ScanContext, 'settings' | 'sourceId' | 'deadline'>,
    source: StatisticsSource,
    size: SizeLimit,
    unread: Unread,
  ) {
    this.#context = context
    this.#source = source
    this.#size = size
    this.#unread = unread
  }

  /**
   * At the end of a batch, or of the part of it that is read: the reason to stop, if bytes or time are used up while
   * something is unread.
   */
  reached(now: number): SentinelReason | undefined {
    if (this.#size.isReached() && this.#unread.any) return this.#outOfSize()
    if (this.isLate(now) && this.#unread.any)
      return this.#reason({ type: 'COMPLETIONTIMEOUT', timeout: this.#context.settings['max.query.time'] })
    return undefined
  }

  /**
   * The next records have no room, and are no part of the batch at hand: the reason to stop, if they are still there.
   */
  noRoom(): SentinelReason | undefined {
    return this.#unread.any ? this.#outOfSize() : undefined
  }

  /** A reason that another thread gave for its share, with what all of them have not read. */
  again(reason: SentinelReason): SentinelReason {
    return this.#reason({ type: reason.type, amount: reason.amount, timeout: reason.timeout })
  }

  /** Is the time of the query over? */
  isLate(now: number): boolean {
    return now >= this.#context.deadline
  }

  /** While the next batch is waited for, and nothing came since `idleSince`: the reason to stop. */
  reachedWaiting(now: number, idleSince: number): SentinelReason | undefined {
    if (this.isLate(now)) return this.reached(now)
    const timeout = this.#context.settings['max.idle.time']
    return now - idleSince >= timeout ? this.#reason({ type: 'IDLETIMEOUT', timeout }) : undefined
  }

  /** The longest wait, in milliseconds, before `reachedWaiting` has something to say. */
  waitMs(now: number, idleSince: number): number {
    return Math.min(idleSince + this.#context.settings['max.idle.time'] - now, this.#context.deadline - now)
  }

  /**
   * Records that were deleted while the scan was on its way to them, as far as they were not told of before; undefined:
   * none.
   */
  lost(): SentinelReason | undefined {
    const told = (partition: number): number => this.#toldLost.get(partition) ?? 0
    const ranges = mergeRanges(this.#source.progress.flatMap((p) => (p.lost === 0 ? [] : p.lostRanges)))
      .map((r) => ({ ...r, start: Math.max(r.start, told(r.partition)) }))
      .filter((r) => r.start < r.end)
    if (ranges.length === 0) return undefined
    for (const r of ranges) this.#toldLost.set(r.partition, r.end)
    return lostReason(ranges, { source: this.#source.table, sourceId: this.#context.sourceId })
  }

  #outOfSize(): SentinelReason {
    return this.#reason({ type: 'SCANNEDSIZE', amount: this.#size.limitBytes })
  }

  #reason(reason: { type: SentinelReason['type']; amount?: number; timeout?: number }): SentinelReason {
    const resume = this.#unread.condition()
    const from = { source: this.#source.table, sourceId: this.#context.sourceId }
    return { ...reason, ...from, ...(resume === undefined ? {} : { resume }) }
  }
}
