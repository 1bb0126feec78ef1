/** LATEST: of each key of a partition the last row, in the order of these rows; a tombstone takes its key away. Records without a key are left out: nothing can replace them. */
import { canonical } from '../runtime.ts'
import { type MemoryBudget, roomForKey } from './memory.ts'
import { type Operator, pushAll, type Row } from './operator.ts'

/** Where a row has its key, its partition, and whether its record has a value. */
export interface LatestSlots {
  readonly key: number
  readonly partition: number
  readonly alive: number
}

export class LatestOperator implements Operator {
  readonly #slots: LatestSlots
  readonly #budget: MemoryBudget
  readonly #next: Operator
  readonly #rows = new Map<string, Row>()
  readonly full = false

  constructor(slots: LatestSlots, budget: MemoryBudget, next: Operator) {
    this.#slots = slots
    this.#budget = budget
    this.#next = next
  }
  get done(): boolean {
    return this.#next.done
  }
  push(row: Row): void {
    const key = row[this.#slots.key]
    if (key === null) return
    const place = `${String(row[this.#slots.partition])} ${canonical(key)}`
    const old = this.#rows.get(place)
    if (old !== undefined) {
      this.#budget.giveRow(old)
      this.#rows.delete(place)
    }
    if (row[this.#slots.alive] !== true) return
    this.#budget.takeRow(row)
    roomForKey(this.#rows, 'LATEST')
    this.#rows.set(place, row)
  }
  *finish(): Generator<void> {
    yield* pushAll(this.#rows.values(), this.#next)
    this.#rows.clear()
    yield* this.#next.finish()
  }
}
