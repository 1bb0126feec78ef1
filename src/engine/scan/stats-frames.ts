/** STATS frames while a scan runs: one every so often. */
import { systemClock } from '../../lib/clock.ts'
import type { ScanContext } from './scan-context.ts'

/** The timer of one scan. */
export class StatsFrames {
  readonly #context: Pick<ScanContext, 'statistics' | 'writer' | 'statsMs' | 'sendStats'>
  #nextAt: number

  constructor(context: Pick<ScanContext, 'statistics' | 'writer' | 'statsMs' | 'sendStats'>) {
    this.#context = context
    this.#nextAt = context.statsMs === undefined ? Number.POSITIVE_INFINITY : systemClock.monotonic() + context.statsMs
  }

  /** Milliseconds until one is due; Infinity: none is sent. */
  waitMs(now: number): number {
    return this.#nextAt - now
  }

  /** Sends one if it is due. `now`: milliseconds of `Clock.monotonic`. */
  sendDue(now: number): void {
    if (now < this.#nextAt) return
    const { statistics, writer, statsMs, sendStats } = this.#context
    this.#nextAt = now + (statsMs ?? 0)
    statistics.results = writer.rows
    sendStats()
  }
}
