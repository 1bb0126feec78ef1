/** Results of an aggregation under way (`live`): the groups that changed, every so often. */
import { systemClock } from '../../lib/clock.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Pauses } from './pauses.ts'

/** Time between two updates, in milliseconds. */
const LIVE_MS = 500

/** The live results of one scan. */
export class LiveResults {
  readonly #snapshot: Pipeline['snapshot']
  readonly #pauses: Pauses
  readonly #follows: boolean
  /** Records have come since the last update. */
  #news = false
  #nextAt = systemClock.monotonic() + LIVE_MS

  /** `snapshot`: sends the changed groups; undefined: the query has no live results. */
  constructor(snapshot: Pipeline['snapshot'], pauses: Pauses, follows: boolean) {
    this.#follows = follows
    // Somebody looks at what comes now: the first of it is shown at once.
    if (follows) this.#nextAt = systemClock.monotonic()
    this.#snapshot = snapshot
    this.#pauses = pauses
  }

  /** Whether the query has live results. */
  get isWanted(): boolean {
    return this.#snapshot !== undefined
  }

  /** Records have come. */
  touch(): void {
    this.#news = true
  }

  /** Milliseconds until `send` is due; Infinity: there is nothing to send. */
  waitMs(now: number): number {
    // What other threads have found is not told here; a scan that follows has none.
    const news = this.#news || !this.#follows
    return this.#snapshot !== undefined && news ? this.#nextAt - now : Number.POSITIVE_INFINITY
  }

  /** Is it time for `send`? `now`: milliseconds of `Clock.monotonic`. */
  isDue(now: number): boolean {
    return this.waitMs(now) <= 0
  }

  /** Sends the changed groups, no faster than the client reads the frames. */
  async send(): Promise<void> {
    if (this.#snapshot === undefined) return
    this.#news = false
    for (const _ of this.#snapshot()) await this.#pauses.untilDrained()
    this.#nextAt = systemClock.monotonic() + LIVE_MS
  }
}
