/** Fairness: when long work gives the event loop to others. Waiting with a limit is `within` of `lib/clock.ts`. */
import { systemClock } from '../lib/clock.ts'

/** The longest synchronous work, in milliseconds, before others get a turn. */
const SLICE_MS = 6

let atTurn: (resumed: boolean) => void = () => undefined

/**
 * `listener` is called, by whichever query runs, at least once in each of its turns; `resumed`: others had theirs just
 * before. One listener a thread.
 */
export function watchTurns(listener: (resumed: boolean) => void): void {
  atTurn = listener
}

/** When one piece of work last gave the event loop to others, and when it has to do so again. */
export class Turns {
  #since = systemClock.monotonic()
  /** A promise when it is time to let others run, else undefined. */
  due(): Promise<void> | undefined {
    atTurn(false)
    if (systemClock.monotonic() - this.#since < SLICE_MS) return undefined
    return this.yield()
  }
  async yield(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    atTurn(true)
    this.#since = systemClock.monotonic()
  }
  /**
   * Waits for something and then for the next turn if it is due. What is waited for may come without a turn of the
   * event loop: a socket that takes bytes at once says so at once.
   */
  async after(something: Promise<unknown>): Promise<void> {
    await something
    await this.due()
  }
}
