/** The small operators over rows: filter and limit. */
import type { Operator, Row } from './operator.ts'

export class FilterOperator implements Operator {
  readonly #test: (row: Row) => boolean
  readonly #next: Operator
  constructor(test: (row: Row) => boolean, next: Operator) {
    this.#test = test
    this.#next = next
  }
  get done(): boolean {
    return this.#next.done
  }
  push(row: Row): void {
    if (this.#test(row)) this.#next.push(row)
  }
  finish(): void {
    this.#next.finish()
  }
}

/** How many rows to pass over and to let through; shared with a generated program that emits rows itself. */
export class LimitState {
  skip: number
  left: number
  /** The server's cap, not the user's LIMIT: one more row is looked for, so that it can be said that there are more. */
  readonly implied: boolean
  /** A row arrived after the last that may pass: the result was cut short. */
  cut = false
  constructor(plan: { readonly skip: number; readonly count: number; readonly implied: boolean }) {
    this.skip = plan.skip
    this.left = plan.count
    this.implied = plan.implied
  }
  /** Nothing further can change the result. */
  get done(): boolean {
    return this.cut || (this.left === 0 && !this.implied)
  }
}

export class LimitOperator implements Operator {
  readonly #state: LimitState
  readonly #next: Operator
  constructor(state: LimitState, next: Operator) {
    this.#state = state
    this.#next = next
  }
  get done(): boolean {
    return this.#state.done || this.#next.done
  }
  push(row: Row): void {
    const s = this.#state
    if (s.skip > 0) s.skip--
    else if (s.left > 0) {
      s.left--
      this.#next.push(row)
    } else s.cut = true
  }
  finish(): void {
    this.#next.finish()
  }
}
