/**
 * Time and timers behind one small interface, so that tests can hold the clock in their hand. Works in Node and in browsers.
 * It does not format or parse dates.
 */

export interface Timer {
  /** Safe to call twice, and after the timer went off. */
  cancel(): void
}

export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Milliseconds since some fixed moment; never goes back. */
  monotonic(): number
  /** Calls `run` once after `delayMs`. A waiting timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer
  /** Calls `run` every `periodMs` until cancelled. Does not keep the process alive. */
  every(periodMs: number, run: () => void): Timer
}

/** In Node a timer can be told not to keep the process alive; in browsers it is a number. */
function release(handle: unknown): void {
  if (typeof handle === 'object' && handle !== null && 'unref' in handle && typeof handle.unref === 'function') handle.unref()
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs)
    release(handle)
    return { cancel: () => clearTimeout(handle) }
  },
  every(periodMs, run) {
    const handle = setInterval(run, periodMs)
    release(handle)
    return { cancel: () => clearInterval(handle) }
  },
}

/** Resolves after `delayMs`; rejects with the signal's reason when that comes first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    const stop = () => {
      timer.cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', stop, { once: true })
  })
}
