/**
 * Operators that make many rows of one (joins, UNNEST) let them out in stretches: without this, one record could keep
 * the event loop busy for seconds and fill the memory with frames that nobody reads yet. It decides when to stop and
 * keeps what is left; what a row becomes is the operator's business.
 */
import type { Operator } from './operator.ts'

/** Rows made beyond the first of each row, before others get a turn. */
const ALLOWANCE = 1024

/** What the driver of a pipeline sees of it. */
export interface Backlog {
  /** Rows wait to be let out, or others are to get a turn. */
  readonly waiting: boolean
  /** Lets out one stretch. */
  step(): void
}

/** `Item`: a row whose rows are not out yet. */
export class Stretches<Item> implements Backlog {
  readonly #letOut: (item: Item) => Item | undefined
  readonly #next: Operator
  readonly #queue: Item[] = []
  #left = ALLOWANCE

  /** `letOut` pushes the rows of an item into `next` until `spent`, and gives back what is left of it. */
  constructor(letOut: (item: Item) => Item | undefined, next: Operator) {
    this.#letOut = letOut
    this.#next = next
  }

  get waiting(): boolean {
    return this.#queue.length > 0 || this.#left <= 0
  }

  /** Counts one row (or one look at a partner); true when it is time to stop. */
  spent(): boolean {
    return --this.#left <= 0 || this.#next.full
  }

  /** Lets the rows of an item out as far as allowed; behind those that wait already. */
  take(item: Item): void {
    const rest = this.#queue.length > 0 ? item : this.#letOut(item)
    if (rest !== undefined) this.#queue.push(rest)
  }

  step(): void {
    this.#left = ALLOWANCE
    while (this.#queue.length > 0 && this.#left > 0 && !this.#next.full) {
      const rest = this.#letOut(this.#queue[0])
      if (rest === undefined) this.#queue.shift()
      else this.#queue[0] = rest
    }
  }

  /** Everything that waits, a stretch at a time. */
  *all(): Generator<void> {
    while (this.#queue.length > 0) {
      this.step()
      yield
    }
  }
}

/**
 * Lets everything out that waits in a pipeline; the operators nearest to the output stand first in the list. At each
 * yield the reader of the frames and the event loop get a turn.
 */
export function* releaseAll(backlogs: readonly Backlog[]): Generator<void> {
  for (let at = 0; at < backlogs.length; at++) {
    if (!backlogs[at].waiting) continue
    backlogs[at].step()
    yield
    at = -1
  }
}
