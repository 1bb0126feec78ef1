/**
 * Which account had how much of the processor lately. What was used counts half as much every fifteen seconds; no more
 * accounts are remembered than have used something lately.
 */
import type { Clock } from '../../lib/clock.ts'

const HALF_LIFE_MS = 15_000
/** Less than this, of all accounts, is no reason to put anybody behind. */
const LEAST_MS = 1000
/** An account that had less than this part of an equal share had hardly anything. */
const LIGHT_PART = 1 / 4
/** An account with less than this is forgotten. */
const FORGOTTEN_MS = 1

export class ProcessorShares {
  readonly #clock: Clock
  readonly #sharePercent: number
  readonly #used = new Map<string, number>()
  #atMs: number
  /** Of all accounts since the start, undiminished. */
  totalMs = 0

  constructor(clock: Clock, sharePercent: number) {
    this.#clock = clock
    this.#sharePercent = sharePercent
    this.#atMs = clock.monotonic()
  }

  add(account: string, processorMs: number): void {
    this.#fade()
    this.totalMs += processorMs
    this.#used.set(account, (this.#used.get(account) ?? 0) + processorMs)
  }

  /** Whether the account had more than its share of what all had. */
  isOver(account: string): boolean {
    this.#fade()
    let all = 0
    for (const used of this.#used.values()) all += used
    return all >= LEAST_MS && (this.#used.get(account) ?? 0) * 100 > all * this.#sharePercent
  }

  /** Milliseconds that the account had lately. */
  recentMs(account: string): number {
    this.#fade()
    return this.#used.get(account) ?? 0
  }

  /** Whether the account had hardly anything of what all had. */
  isLight(account: string): boolean {
    this.#fade()
    let all = 0
    for (const used of this.#used.values()) all += used
    return (this.#used.get(account) ?? 0) * Math.max(1, this.#used.size) < all * LIGHT_PART
  }

  #fade(): void {
    const nowMs = this.#clock.monotonic()
    const left = 0.5 ** ((nowMs - this.#atMs) / HALF_LIFE_MS)
    this.#atMs = nowMs
    for (const [account, used] of this.#used) {
      if (used * left < FORGOTTEN_MS) this.#used.delete(account)
      else this.#used.set(account, used * left)
    }
  }
}
