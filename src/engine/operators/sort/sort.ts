/**
 * ORDER BY. Rows come as [payload…, keys…]; they are sorted in small runs as they arrive and merged at the end, so that
 * no single step is long. With a limit only the first rows are kept. Equal rows keep the order in which they came.
 */
import { totalOrder } from '../../program/values/order.ts'
import type { MemoryBudget } from '../memory.ts'
import { type Operator, pushAll, type Row } from '../operator.ts'

/** One key of ORDER BY; values are compared by `totalOrder`. */
export interface SortKey {
  /** Where the key stands in the row. */
  readonly slot: number
  readonly descending: boolean
  readonly nullsFirst: boolean
}

type Compare = (a: Row, b: Row) => number

const RUN = 2048

/**
 * ORDER BY, stable. With a limit of up to `RUN` rows no more than twice that many are held, without one all of them.
 */
export class SortOperator implements Operator {
  readonly #compare: Compare
  readonly keys: readonly SortKey[]
  readonly limit: number
  readonly #budget: MemoryBudget
  readonly #next: Operator
  #run: Row[] = []
  #runs: Row[][] = []

  /** `limit`: rows wanted at most (Infinity for all). */
  constructor(keys: readonly SortKey[], limit: number, budget: MemoryBudget, next: Operator) {
    this.#compare = comparator(keys)
    this.keys = keys
    this.limit = limit
    this.#budget = budget
    this.#next = next
  }
  get done(): boolean {
    return this.limit === 0 || this.#next.done
  }
  readonly full = false

  push(row: Row): void {
    this.#budget.takeRow(row)
    this.#run.push(row)
    if (this.#run.length >= Math.max(RUN, Math.min(this.limit, RUN) * 2)) this.#close()
  }

  #close(): void {
    this.#run.sort(this.#compare)
    if (this.limit <= RUN) {
      // The best so far stay in the run, in front of those to come.
      for (const row of this.#run.splice(this.limit)) this.#budget.giveRow(row)
      return
    }
    this.#runs.push(this.#run)
    this.#run = []
  }

  *finish(): Generator<void> {
    this.#run.sort(this.#compare)
    this.#runs.push(this.#run)
    this.#run = []
    yield* pushAll(merged(this.#runs, this.#compare, this.limit), this.#next)
    this.#runs = []
    yield* this.#next.finish()
  }
}

/** Merges sorted runs with a heap of their heads; among equals the earlier run comes first. */
function* merged(runs: readonly Row[][], compare: Compare, limit: number): Generator<Row> {
  const heads = runs.map((rows, run) => ({ rows, run, at: 0 })).filter((h) => h.rows.length > 0)
  const before = (a: (typeof heads)[number], b: (typeof heads)[number]): boolean => {
    const c = compare(a.rows[a.at], b.rows[b.at])
    return c < 0 || (c === 0 && a.run < b.run)
  }
  const sink = (i: number): void => {
    for (;;) {
      const left = 2 * i + 1
      const right = left + 1
      let best = i
      if (left < heads.length && before(heads[left], heads[best])) best = left
      if (right < heads.length && before(heads[right], heads[best])) best = right
      if (best === i) return
      const swap = heads[i]
      heads[i] = heads[best]
      heads[best] = swap
      i = best
    }
  }
  for (let i = heads.length >> 1; i >= 0; i--) sink(i)
  for (let n = 0; n < limit && heads.length > 0; n++) {
    const head = heads[0]
    yield head.rows[head.at++]
    if (head.at === head.rows.length) {
      const last = heads.pop() as (typeof heads)[number]
      if (heads.length > 0) heads[0] = last
    }
    sink(0)
  }
}

export function comparator(keys: readonly SortKey[]): Compare {
  return (a, b) => {
    for (const { slot, descending, nullsFirst } of keys) {
      const x = a[slot]
      const y = b[slot]
      if (x === null || y === null) {
        if (x === y) continue
        return (x === null) === nullsFirst ? -1 : 1
      }
      const c = totalOrder(x, y)
      if (c !== 0) return descending ? -c : c
    }
    return 0
  }
}
