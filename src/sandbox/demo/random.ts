/** Seeded random numbers, so that the demo data are the same on every machine (mulberry32). Not for secrets. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]
  }

  /** `digits` lower-case hexadecimal digits, at most 8. */
  hex(digits: number): string {
    return this.below(16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  }

  /** A random (version 4) UUID. */
  uuid(): string {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-${(8 + this.below(4)).toString(16)}${this.hex(3)}-${this.hex(8)}${this.hex(4)}`
  }
}
