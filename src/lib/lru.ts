/**
 * A bounded map that forgets what was not asked for longest. It knows no time and no size in bytes; it counts entries.
 */

export class Lru<K, V> {
  readonly #capacity: number
  readonly #entries = new Map<K, V>()
  readonly #onEvict: ((key: K, value: V) => void) | undefined

  /**
   * `capacity` is the largest number of entries, at least 1. `onEvict` is called for entries that were pushed out (not
   * about `delete`).
   */
  constructor(capacity: number, onEvict?: (key: K, value: V) => void) {
    this.#capacity = Math.max(1, capacity)
    this.#onEvict = onEvict
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value, which becomes the newest entry. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#capacity) return
    for (const [oldest, gone] of this.#entries) {
      this.#entries.delete(oldest)
      this.#onEvict?.(oldest, gone)
      return
    }
  }

  /** All of them, which stay as old as they are. */
  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries()
  }

  delete(key: K): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }
}
