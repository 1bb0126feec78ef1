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
  #nextAt = systemClock.monotonic() + LIVE_MS

  /** `snapshot`: sends the changed groups; undefined: the query has no live results. */
  constructor(snapshot: Pipeline['snapshot'], pauses: Pauses) {
    this.#snapshot = snapshot
    this.#pauses = pauses
  }

  /** Whether the query has live results. */
  get isWanted(): boolean {
    return this.#snapshot !== undefined
  }

  /** Is it time for `send`? `now`: milliseconds of `Clock.monotonic`. */
  isDue(now: number): boolean {
    return this.#snapshot !== undefined && now >= this.#nextAt
  }

  /** Sends the changed groups, no faster than the client reads the frames. */
  async send(): Promise<void> {
    if (this.#snapshot === undefined) return
    for (const _ of this.#snapshot()) await this.#pauses.untilDrained()
    this.#nextAt = systemClock.monotonic() + LIVE_MS
  }
}
