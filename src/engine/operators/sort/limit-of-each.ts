/**
 * LIMIT and OFFSET for each of many groups of rows that come mixed; with an order only the first rows of each group are
 * kept.
 */
import type { Value } from '../../../types.ts'
import { LimitState } from '../row-operators.ts'
import type { MemoryBudget } from '../memory.ts'
import { type Operator, pushAll, type Row } from '../operator.ts'
import { comparator, type SortKey } from './sort.ts'

/**
 * With more rows of a group than this, all rows are sorted instead. Not a limit: a choice between two ways to the same
 * rows.
 */
export const MOST_KEPT = 2048

/** The number of a row's group. */
type GroupOf = (row: Row) => Value

/** Counts the rows of each group as they come. */
export class LimitOfEach implements Operator {
  readonly #group: GroupOf
  readonly #limit: { readonly skip: number; readonly count: number }
  readonly #next: Operator
  readonly #states = new Map<Value, LimitState>()
  constructor(group: GroupOf, limit: { readonly skip: number; readonly count: number }, next: Operator) {
    this.#group = group
    this.#limit = limit
    this.#next = next
  }
  get done(): boolean {
    return this.#limit.count === 0 || this.#next.done
  }
  get full(): boolean {
    return this.#next.full
  }
  push(row: Row): void {
    const group = this.#group(row)
    let state = this.#states.get(group)
    if (state === undefined) this.#states.set(group, (state = new LimitState({ ...this.#limit, implied: false })))
    if (state.take()) this.#next.push(row)
  }
  finish(): Generator<void> {
    return this.#next.finish()
  }
}

/** Emits the first `most` rows of each group in their order, one group after the other. */
export class FirstOfEach implements Operator {
  readonly #group: GroupOf
  readonly #most: number
  readonly #compare: (a: Row, b: Row) => number
  readonly #budget: MemoryBudget
  readonly #next: Operator
  readonly #kept = new Map<Value, Row[]>()
  readonly full = false
  constructor(group: GroupOf, most: number, keys: readonly SortKey[], budget: MemoryBudget, next: Operator) {
    this.#group = group
    this.#most = most
    this.#compare = comparator(keys)
    this.#budget = budget
    this.#next = next
  }
  get done(): boolean {
    return this.#next.done
  }
  push(row: Row): void {
    this.#budget.takeRow(row)
    const group = this.#group(row)
    const kept = this.#kept.get(group)
    if (kept === undefined) this.#kept.set(group, [row])
    else if (kept.push(row) >= 2 * this.#most + 16) this.#cut(kept)
  }

  /** Sorting is stable and later rows stand behind: equal rows keep the order in which they came. */
  #cut(kept: Row[]): void {
    kept.sort(this.#compare)
    for (const row of kept.splice(this.#most)) this.#budget.giveRow(row)
  }

  *#inOrder(): Generator<Row> {
    for (const kept of this.#kept.values()) {
      this.#cut(kept)
      yield* kept
    }
  }
  *finish(): Generator<void> {
    yield* pushAll(this.#inOrder(), this.#next)
    this.#kept.clear()
    yield* this.#next.finish()
  }
}
