/**
 * LATEST: of each key of a partition the last row, in the order of these rows; a tombstone takes its key away. Records
 * without a key are left out: nothing can replace them.
 */
import { canonical } from '../../program/values/canonical.ts'
import { KeyColumn, operatorLimits } from '../keys/group-index.ts'
import type { MemoryBudget } from '../memory.ts'
import { type Operator, pushAll, type Row } from '../operator.ts'
import { integerPages, ValuePages } from '../pages.ts'

/** Where a row has its key, its partition, and whether its record has a value. */
export interface LatestSlots {
  readonly key: number
  readonly partition: number
  readonly alive: number
}

/** LATEST over the rows of one topic. Held rows count as memory of joins. */
export class LatestOperator implements Operator {
  readonly #slots: LatestSlots
  readonly #budget: MemoryBudget
  readonly #next: Operator
  readonly #keys = new KeyColumn(operatorLimits('LATEST'))
  /** By key its last row, undefined behind a tombstone. */
  readonly #rows = new ValuePages<Row | undefined>()
  /**
   * By key the keys before and after it in the order of their rows; number 0 is the end on both sides, key k has
   * number k + 1.
   */
  readonly #order = integerPages(2)
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
    const known = this.#keys.size
    const id = this.#keys.findText(place)
    if (id === known) {
      // A key is remembered also when its row is gone.
      this.#budget.take(place)
      this.#rows.push(undefined)
    }
    const old = this.#rows.get(id)
    if (old !== undefined) {
      this.#budget.giveRow(old)
      this.#rows.set(id, undefined)
      this.#unlink(id + 1)
    }
    if (row[this.#slots.alive] !== true) return
    this.#budget.takeRow(row)
    this.#rows.set(id, row)
    this.#append(id + 1)
  }

  #link(before: number, behind: number): void {
    this.#order.page(before)[this.#order.at(before) + 1] = behind
    this.#order.page(behind)[this.#order.at(behind)] = before
  }
  #append(number: number): void {
    this.#order.grow(number + 1)
    this.#link(this.#order.first[0], number)
    this.#link(number, 0)
  }
  #unlink(number: number): void {
    const page = this.#order.page(number)
    const at = this.#order.at(number)
    this.#link(page[at], page[at + 1])
  }

  *finish(): Generator<void> {
    yield* pushAll(this.#inOrder(), this.#next)
    yield* this.#next.finish()
  }
  *#inOrder(): Generator<Row> {
    const order = this.#order
    for (let number = order.first[1]; number !== 0; number = order.page(number)[order.at(number) + 1])
      yield this.#rows.get(number - 1) as Row
  }
}
