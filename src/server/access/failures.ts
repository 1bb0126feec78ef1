/**
 * Failed logins: what is remembered of them, by hashes of names and addresses. A caller waits longer with every
 * failure; beyond so many in an hour a name cannot log in any more, but from where it has done so before, which is
 * counted apart. Memory is bounded; what concerns a name that exists is never forgotten for the sake of others.
 */
import type { Clock } from '../../lib/clock.ts'

/**
 * Limit `server.login.failures` (entries): names and addresses of failed logins that are remembered. Beyond it: the
 * oldest ones are forgotten first, but not those of names that exist.
 */
const MAX_FAILURES = 10_000
/** Wrong passwords that cost nothing extra. */
const FREE_FAILURES = 3
/**
 * Limit `server.login.delay` (ms): how long a login waits after many failed ones. Beyond it: it does not wait longer.
 */
const MAX_DELAY_MS = 8000
const FORGET_FAILURES_MS = 15 * 60_000
const HOUR_MS = 3_600_000

interface Failure {
  /** In a row, none of them older than a quarter of an hour before the next. */
  count: number
  atMs: number
  /** In the hour that began at `hourMs`. */
  ofHour: number
  hourMs: number
}

/** Failures by keys, which are hashes: what a caller sends may be long, or a password in the wrong field. */
export class Failures {
  readonly #clock: Clock
  /** Oldest first. */
  readonly #others = new Map<string, Failure>()
  readonly #kept = new Map<string, Failure>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many are remembered, each in about 150 bytes. */
  get size(): number {
    return this.#others.size + this.#kept.size
  }

  /** Whether the last try failed. */
  has(key: string): boolean {
    return (this.#find(key)?.count ?? 0) > 0
  }

  /** How long the next try has to wait. */
  delayMs(key: string): number {
    const failure = this.#find(key)
    if (failure === undefined || this.#clock.monotonic() - failure.atMs > FORGET_FAILURES_MS) return 0
    const over = failure.count - FREE_FAILURES
    return over < 0 ? 0 : Math.min(MAX_DELAY_MS, 250 * 2 ** Math.min(over, 10))
  }

  /** Failures within the hour. */
  ofHour(key: string): number {
    const failure = this.#find(key)
    return failure === undefined || this.#clock.monotonic() - failure.hourMs >= HOUR_MS ? 0 : failure.ofHour
  }

  /** One more. `keep`: whether it is of a name that exists. */
  add(key: string, keep: boolean): void {
    const atMs = this.#clock.monotonic()
    const before = this.#find(key)
    const follows = before !== undefined && atMs - before.atMs <= FORGET_FAILURES_MS
    const sameHour = before !== undefined && atMs - before.hourMs < HOUR_MS
    const failure = {
      count: follows ? before.count + 1 : 1,
      atMs,
      ofHour: sameHour ? before.ofHour + 1 : 1,
      hourMs: sameHour ? before.hourMs : atMs,
    }
    this.#others.delete(key)
    ;(keep ? this.#kept : this.#others).set(key, failure)
    if (this.#others.size > MAX_FAILURES) this.#others.delete(this.#others.keys().next().value as string)
  }

  /** A good login: the next failure is the first one again; those of the hour stay. */
  good(key: string): void {
    const failure = this.#find(key)
    if (failure === undefined) return
    if (this.ofHour(key) > 0) failure.count = 0
    else this.#drop(key)
  }

  #drop(key: string): void {
    this.#others.delete(key)
    this.#kept.delete(key)
  }

  #find(key: string): Failure | undefined {
    return this.#kept.get(key) ?? this.#others.get(key)
  }
}
