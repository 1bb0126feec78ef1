/** Fairness: when long work gives the event loop to others. Waiting with a limit is `within` of `lib/clock.ts`. */
import { systemClock } from '../lib/clock.ts'

/** The longest stretch of synchronous work before others get a turn. */
const SLICE_MS = 6

export class Turns {
  #since = systemClock.monotonic()
  /** A promise when it is time to let others run, else undefined. */
  due(): Promise<void> | undefined {
    if (systemClock.monotonic() - this.#since < SLICE_MS) return undefined
    return this.yield()
  }
  async yield(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
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
