/**
 * Why a scan that has records at hand does not go on to the next: the reader of the frames is behind, rows wait in
 * operators above it, or others on the event loop are to get their turn.
 */
import { systemClock, within } from '../../lib/clock.ts'
import type { FrameWriter } from '../frame-writer.ts'
import { type Backlog, releaseAll } from '../operators/backlog.ts'
import { Turns } from '../turns.ts'
import type { StatsFrames } from './stats-frames.ts'

/** The pauses of one scan. Each rejects with the signal's reason once that is aborted. */
export class Pauses {
  readonly #writer: FrameWriter
  readonly #signal: AbortSignal
  readonly #backlogs: readonly Backlog[]
  readonly #stats: StatsFrames
  readonly #turns = new Turns()
  #drainMs = 0

  constructor(
    context: { readonly writer: FrameWriter; readonly signal: AbortSignal },
    backlogs: readonly Backlog[],
    stats: StatsFrames,
  ) {
    this.#writer = context.writer
    this.#signal = context.signal
    this.#backlogs = backlogs
    this.#stats = stats
  }

  /**
   * Milliseconds spent in `untilDrained` so far. A slow reader is not a silent topic: this time does not count for
   * `max.idle.time`.
   */
  get drainMs(): number {
    return this.#drainMs
  }

  /** Is the reader of the frames behind? */
  get drainDue(): boolean {
    return this.#writer.drained() !== undefined
  }

  /** Waits until the reader of the frames keeps up, and gives others their turn in any case. */
  async untilDrained(): Promise<void> {
    const since = systemClock.monotonic()
    const drained = this.#writer.drained()
    if (drained !== undefined) await this.#turns.after(within(drained, { signal: this.#signal }))
    else await this.#turns.yield()
    this.#drainMs += systemClock.monotonic() - since
    this.#signal.throwIfAborted()
  }

  /** Waits until the frames are sent and no row waits in an operator: the next record may come. */
  async untilReleased(): Promise<void> {
    await this.untilDrained()
    for (const _ of releaseAll(this.#backlogs)) {
      this.#stats.sendDue(systemClock.monotonic())
      await (this.drainDue ? this.untilDrained() : this.turnDue())
    }
  }

  /** The turn of others, to be awaited; undefined while it is not their time yet. */
  turnDue(): Promise<void> | undefined {
    const turn = this.#turns.due()
    return turn === undefined ? undefined : this.#give(turn)
  }

  async #give(turn: Promise<void>): Promise<void> {
    await turn
    this.#signal.throwIfAborted()
  }
}
