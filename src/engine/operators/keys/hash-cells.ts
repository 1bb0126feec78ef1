/**
 * Open addressing with linear search, in cells of 32-bit numbers: what is compared and what is found stand side by
 * side, so that a look-up touches one line of the processor's cache. The last number of a cell is what it refers to,
 * never 0; 0 is a free cell. Searching is left to those who know their keys (see `text-index`, `group-index`).
 *
 * A small table is one piece. A large one is cut into segments that grow one at a time: no single key has to wait until
 * millions of cells have moved.
 */

type Ints = Int32Array<ArrayBuffer>

const SEGMENTS = 256
const SEGMENT_SHIFT = 24
const FIRST_SLOTS = 16
/** Cells of the largest table that is one piece. Not a limit: a larger table is made of several pieces. */
const LARGEST_PIECE = 8192
/** Cells of a segment at first. */
const SEGMENT_SLOTS = 64

export class HashCells {
  /** Numbers of a cell. */
  readonly #width: number
  readonly #hashAt: (table: Ints, at: number) => number
  readonly #counts = new Int32Array(SEGMENTS)
  /** The segment of a hash is `(hash >>> 24) & spread`: 0 as long as the table is one piece. */
  spread = 0
  tables: Ints[]
  /**
   * By segment: the slot at which the search for a hash begins is `hash & mask`; the slot's cell starts at slot ×
   * width.
   */
  masks: Int32Array = new Int32Array(SEGMENTS).fill(FIRST_SLOTS - 1)

  /** `hashAt`: the hash of a used cell, asked for when it moves. */
  constructor(width: number, hashAt: (table: Ints, at: number) => number) {
    this.#width = width
    this.#hashAt = hashAt
    this.tables = [new Int32Array(FIRST_SLOTS * width)]
  }

  /** Called after a free cell was filled. Cells may have moved then. */
  added(hash: number): void {
    const s = (hash >>> SEGMENT_SHIFT) & this.spread
    const slots = this.masks[s] + 1
    if (++this.#counts[s] * 8 <= slots * 5) return
    if (this.spread === 0 && slots >= LARGEST_PIECE) this.#split()
    else this.#grow(s, slots * 2)
  }

  #grow(s: number, slots: number): void {
    const old = this.tables[s]
    this.tables[s] = new Int32Array(slots * this.#width)
    this.masks[s] = slots - 1
    this.#move(old)
  }

  #split(): void {
    const [old] = this.tables
    const width = this.#width
    this.#counts.fill(0)
    for (let at = 0; at < old.length; at += width)
      if (old[at + width - 1] !== 0) this.#counts[this.#hashAt(old, at) >>> SEGMENT_SHIFT]++
    this.spread = SEGMENTS - 1
    // A hash may be unlucky: each segment has twice the room that it needs.
    for (let s = 0; s < SEGMENTS; s++) {
      let slots = SEGMENT_SLOTS
      while (slots < this.#counts[s] * 2) slots *= 2
      this.masks[s] = slots - 1
    }
    this.tables = Array.from(this.masks, (mask) => new Int32Array((mask + 1) * width))
    this.#move(old)
  }

  #move(old: Ints): void {
    const width = this.#width
    for (let from = 0; from < old.length; from += width) {
      if (old[from + width - 1] === 0) continue
      const hash = this.#hashAt(old, from)
      const s = (hash >>> SEGMENT_SHIFT) & this.spread
      const table = this.tables[s]
      const mask = this.masks[s]
      let slot = hash & mask
      while (table[slot * width + width - 1] !== 0) slot = (slot + 1) & mask
      for (let i = 0; i < width; i++) table[slot * width + i] = old[from + i]
    }
  }
}

/** Differs from process to process, so that nobody can send keys that all collide. */
export const SEED = Math.floor(Math.random() * 0x100000000) | 0

/**
 * Spreads the bits of a hash over all of its 32: the segment comes from the top, the slot from the bottom. Different
 * numbers stay different.
 */
export function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  return h ^ (h >>> 15)
}

/** The hash of two numbers. */
export function hashPair(a: number, b: number): number {
  return mixed(Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b))
}
