/**
 * Windows of time that close while a query follows: when it is time to look, and up to which time everything has been
 * read.
 */
import type { PartitionProgress } from '../../../kafka/log.ts'
import { systemClock } from '../../../lib/clock.ts'
import type { Pipeline } from '../../pipeline.ts'
import type { ScanContext } from '../scan-context.ts'
import type { Pauses } from '../pauses.ts'

/** Time between two looks, in milliseconds. */
const LOOK_MS = 50
/**
 * A partition whose broker has said nothing for so long is not known to have been read to its end. More than a fetch
 * waits.
 */
const UNHEARD_MS = 10_000

/** Closes the windows of one scan. */
export class ClosingWindows {
  readonly #windows: Pipeline['windows']
  readonly #source: { readonly progress: readonly PartitionProgress[] }
  readonly #pauses: Pauses
  readonly #context: Pick<ScanContext, 'now' | 'statistics'>
  /** Epoch milliseconds at which each partition was last seen to have been read to its end. */
  readonly #readMs = new Map<number, number>()
  #lookAtMs = 0

  /** `source`: where the scan is. */
  constructor(
    windows: Pipeline['windows'],
    source: { readonly progress: readonly PartitionProgress[] },
    pauses: Pauses,
    context: Pick<ScanContext, 'now' | 'statistics'>,
  ) {
    this.#windows = windows
    this.#source = source
    this.#pauses = pauses
    this.#context = context
  }

  /** Milliseconds until `close` is due; Infinity: no window is open. */
  waitMs(): number {
    if (this.#windows === undefined) return Number.POSITIVE_INFINITY
    return Math.max(LOOK_MS, this.#windows.nextMs - this.#context.now())
  }

  /** Is it time for `close`? `now`: milliseconds of `Clock.monotonic`. */
  isDue(now: number): boolean {
    if (this.#windows === undefined || now < this.#lookAtMs) return false
    this.#lookAtMs = now + LOOK_MS
    return true
  }

  /** Sends the groups of the windows that have closed, no faster than the client reads the frames. */
  async close(): Promise<void> {
    if (this.#windows === undefined) return
    const readMs = this.#everythingReadMs()
    this.#context.statistics.late = this.#windows.late
    if (this.#windows.nextMs > readMs) return
    for (const _ of this.#windows.close(readMs)) await this.#pauses.untilDrained()
  }

  /** Whatever was in the topic at this time (epoch milliseconds) has been read. */
  #everythingReadMs(): number {
    const now = this.#context.now()
    const heardSinceMs = systemClock.monotonic() - UNHEARD_MS
    let all = now
    for (const { partition, position, end, complete, heardMs = Number.POSITIVE_INFINITY } of this.#source.progress) {
      if (complete || (position >= end && heardMs >= heardSinceMs)) this.#readMs.set(partition, now)
      else all = Math.min(all, this.#readMs.get(partition) ?? Number.NEGATIVE_INFINITY)
    }
    return all
  }
}
