/**
 * The right side of a join: rows by key. Keys are numbered by `group-index`; the rows of one key are a chain, in the
 * order in which they came. As long as every key has one row, a row has the number of its key.
 */
import { KeyColumn, operatorLimits } from '../keys/group-index.ts'
import { HeldRows } from '../held-rows.ts'
import type { Row } from '../operator.ts'
import { SparseIntegers } from '../pages.ts'

/** A key that is equal for rows that meet; null for a row that meets nothing. */
export type KeyOf = (row: Row) => string | number | null

/** The number of a key; -1 when it is not among frozen ones. */
export function findKey(keys: KeyColumn, key: string | number): number {
  return typeof key === 'string' ? keys.findText(key) : keys.findNumber(key)
}

export class JoinTable {
  readonly rows: HeldRows
  readonly #keys = new KeyColumn(operatorLimits('A join'))
  /**
   * By key the first and the last row, by row the next one of its key; each plus one. 0: the first is the row with the
   * number of the key, the last is the first, there is no next.
   */
  readonly #first = new SparseIntegers()
  readonly #last = new SparseIntegers()
  readonly #next = new SparseIntegers()
  #chained = false

  constructor(width: number) {
    this.rows = new HeldRows(width)
  }

  hold(key: string | number, row: Row): void {
    const known = this.#keys.size
    const id = findKey(this.#keys, key)
    const r = this.rows.add(row)
    if (id === known) {
      if (id !== r) this.#first.set(id, r + 1)
      return
    }
    this.#chained = true
    const end = this.#last.get(id)
    this.#next.set(end === 0 ? this.#firstOf(id) : end - 1, r + 1)
    this.#last.set(id, r + 1)
  }

  /** No more rows come. */
  freeze(): void {
    this.#keys.freeze()
  }

  #firstOf(id: number): number {
    const first = this.#first.get(id)
    return first === 0 ? id : first - 1
  }

  /** The first row of a key, or -1. */
  find(key: string | number): number {
    const id = findKey(this.#keys, key)
    return this.#chained && id >= 0 ? this.#firstOf(id) : id
  }

  /** The next row of the same key, or -1. */
  next(row: number): number {
    return this.#chained ? this.#next.get(row) - 1 : -1
  }

  /** All rows, key by key in the order in which the keys came. */
  *inOrder(): Generator<number> {
    for (let id = 0; id < this.#keys.size; id++) for (let r = this.#firstOf(id); r >= 0; r = this.next(r)) yield r
  }
}
