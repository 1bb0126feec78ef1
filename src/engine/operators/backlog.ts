/**
 * Operators that make many rows of one (joins, UNNEST) emit them in chunks: without this, one record could keep the
 * event loop busy for seconds and fill the memory with frames that nobody reads yet. It decides when to stop and keeps
 * what is left; the operator decides what a row becomes.
 */
import { systemClock } from '../../lib/clock.ts'
import type { Operator } from './operator.ts'

/** Rows made beyond the first of each row, before others get a turn. */
const ALLOWANCE = 1024
/** After so many of them it is looked how long they took: where each takes long, they are the last ones. */
const ROWS_A_LOOK = 32
const LOOK_MS = 8

/** What the driver of a pipeline sees of it. */
export interface Backlog {
  /** Rows wait to be emitted, or the event loop is due for others. */
  readonly waiting: boolean
  /** Emits one chunk. */
  step(): void
}

/** `Item`: an input row whose output rows have not all been emitted. */
export class RowBacklog<Item> implements Backlog {
  readonly #emit: (item: Item) => Item | undefined
  readonly #next: Operator
  readonly #queue: Item[] = []
  #left = ALLOWANCE
  /** Of the last look at the clock; what went by without a row counts, and only makes a chunk shorter. */
  #lookedAt = 0

  /** `emit` pushes the rows of an item into `next` until `spent`, and returns what is left of the item. */
  constructor(emit: (item: Item) => Item | undefined, next: Operator) {
    this.#emit = emit
    this.#next = next
  }

  get waiting(): boolean {
    return this.#queue.length > 0 || this.#left <= 0
  }

  /** Counts one row (or one look at a partner); true when it is time to stop. */
  spent(): boolean {
    if (--this.#left % ROWS_A_LOOK === 0) this.#look()
    return this.#left <= 0 || this.#next.full
  }

  #look(): void {
    const now = systemClock.monotonic()
    if (now - this.#lookedAt > LOOK_MS) this.#left = 0
    this.#lookedAt = now
  }

  /** Emits the rows of an item as far as allowed; behind those that wait already. */
  take(item: Item): void {
    const rest = this.#queue.length > 0 ? item : this.#emit(item)
    if (rest !== undefined) this.#queue.push(rest)
  }

  step(): void {
    this.#left = ALLOWANCE
    this.#lookedAt = systemClock.monotonic()
    while (this.#queue.length > 0 && this.#left > 0 && !this.#next.full) {
      const rest = this.#emit(this.#queue[0])
      if (rest === undefined) this.#queue.shift()
      else this.#queue[0] = rest
    }
  }

  /** Everything that waits, a chunk at a time. */
  *all(): Generator<void> {
    while (this.#queue.length > 0) {
      this.step()
      yield
    }
  }
}

/**
 * Emits everything that waits in a pipeline; the operators nearest to the output are first in the list. At each
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
