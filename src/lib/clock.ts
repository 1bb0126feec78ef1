/**
 * Time and timers behind one small interface, so that tests can control time. Works in Node and in
 * browsers. It does not format or parse dates.
 */

/** A timer that was set. */
export interface Timer {
  /** Safe to call twice, and after the timer went off. */
  cancel(): void
}

/** The time, and timers. Delays and periods in milliseconds. */
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

/** In Node `unref` lets the process end while the timer waits; in browsers a timer is a number. */
function release(handle: unknown): void {
  if (typeof handle === 'object' && handle !== null && 'unref' in handle && typeof handle.unref === 'function')
    handle.unref()
}

/** The system's clock. */
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

/** The system's clock with timers that keep the process alive: for waits that must finish. */
export const wakefulClock: Clock = {
  ...systemClock,
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
}

/** What `within` gives when the time was over first. */
export const TIMED_OUT: unique symbol = Symbol('timed out')

/** Not a limit: the longest delay that a timer can be set to; longer ones would go off at once. */
const MAX_DELAY_MS = 0x7fffffff

/**
 * Waits for a promise no longer than `signal` allows: rejects with its reason as soon as it is aborted. The promise
 * itself goes on unheard.
 */
export function within<T>(promise: Promise<T>, limits: { readonly signal?: AbortSignal }): Promise<T>
/** Also no longer than `ms` milliseconds, after which it gives TIMED_OUT. */
export function within<T>(
  promise: Promise<T>,
  limits: { readonly signal?: AbortSignal; readonly ms?: number; readonly clock?: Clock },
): Promise<T | typeof TIMED_OUT>
export function within<T>(
  promise: Promise<T>,
  { signal, ms, clock = systemClock }: { readonly signal?: AbortSignal; readonly ms?: number; readonly clock?: Clock },
): Promise<T | typeof TIMED_OUT> {
  if (signal?.aborted === true) {
    promise.catch(() => undefined)
    return Promise.reject(signal.reason)
  }
  return new Promise((resolve, reject) => {
    const first =
      <V>(settle: (value: V) => void) =>
      (value: V): void => {
        timer?.cancel()
        signal?.removeEventListener('abort', stop)
        settle(value)
      }
    const stop = (): void => first(reject)(signal?.reason)
    const timer =
      ms === undefined
        ? undefined
        : clock.after(Math.max(0, Math.min(ms, MAX_DELAY_MS)), () => first(resolve)(TIMED_OUT))
    signal?.addEventListener('abort', stop, { once: true })
    promise.then(first<T>(resolve), first(reject))
  })
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
