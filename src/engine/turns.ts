/** Fairness and waiting: gives the event loop its turn, and waits for a promise no longer than something allows. */
import { systemClock, TIMED_OUT, wakefulClock, within as limited } from '../lib/clock.ts'

/** The longest stretch of synchronous work before others get a turn. */
const SLICE_MS = 6

let atTurn: () => void = () => undefined

/** `listener` is called, by whichever query runs, at least once in each of its turns. One listener a thread. */
export function watchTurns(listener: () => void): void {
  atTurn = listener
}

export class Turns {
  #since = systemClock.monotonic()
  /** A promise when it is time to let others run, else undefined. */
  due(): Promise<void> | undefined {
    atTurn()
    if (systemClock.monotonic() - this.#since < SLICE_MS) return undefined
    return this.yield()
  }
  async yield(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    atTurn()
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

export { TIMED_OUT }

/** Rejects with the signal's reason as soon as it is aborted; the promise itself goes on unheard. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return limited(promise, { signal })
}

/** The promise's value, or TIMED_OUT after `ms`. */
export function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof TIMED_OUT> {
  return limited(promise, { ms, clock: wakefulClock })
}
