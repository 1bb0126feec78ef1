/** The small operators over rows: filter, project, limit, unnest, and the set operations. */
import { jsonItems, type ReadValue } from '../../formats/json/text.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Value } from '../../types.ts'
import { canonical } from '../program/values/canonical.ts'
import { asWholeDouble, isWholeDouble, plain } from '../program/values/whole-double.ts'
import { RowBacklog } from './backlog.ts'
import { KeyColumn, operatorLimits } from './keys/group-index.ts'
import type { MemoryBudget } from './memory.ts'
import type { Operator, Row } from './operator.ts'
import { doublePages } from './pages.ts'

/** Rows pass one by one: nothing is held, and the operator is done or full when the next one is. */
abstract class PassingOperator implements Operator {
  protected readonly next: Operator
  constructor(next: Operator) {
    this.next = next
  }
  abstract push(row: Row): void
  get done(): boolean {
    return this.next.done
  }
  get full(): boolean {
    return this.next.full
  }
  finish(): Generator<void> {
    return this.next.finish()
  }
}

/** Passes the rows for which `test` is true. */
export class FilterOperator extends PassingOperator {
  readonly #test: (row: Row) => boolean
  constructor(test: (row: Row) => boolean, next: Operator) {
    super(next)
    this.#test = test
  }
  push(row: Row): void {
    if (this.#test(row)) this.next.push(row)
  }
}

/** Passes what `project` makes of each row. */
export class ProjectOperator extends PassingOperator {
  readonly #project: (row: Row) => Row
  constructor(project: (row: Row) => Row, next: Operator) {
    super(next)
    this.#project = project
  }
  push(row: Row): void {
    this.next.push(this.#project(row))
  }
}

/** A row with its items, and the one to go on with. */
interface Unnesting {
  readonly row: Row
  readonly items: readonly Value[]
  readonly at: number
}

/** One row for each item of an array (or JSON array); none for anything else. */
export class UnnestOperator implements Operator {
  readonly #array: (row: Row) => Value
  readonly #oneIsList: boolean
  readonly #next: Operator
  /** Rows with many items that have not all been emitted. */
  readonly backlog: RowBacklog<Unnesting>
  readonly #read: ReadValue | undefined
  /**
   * `oneIsList`: a value that is no array, and not NULL, is one item. `read`: how items of a JSON text become values.
   */
  constructor(array: (row: Row) => Value, oneIsList: boolean, next: Operator, read?: ReadValue) {
    this.#read = read
    this.#array = array
    this.#oneIsList = oneIsList
    this.#next = next
    this.backlog = new RowBacklog((rest) => this.#emit(rest), next)
  }
  get done(): boolean {
    return this.#next.done
  }
  get full(): boolean {
    return this.backlog.waiting || this.#next.full
  }
  push(row: Row): void {
    const array = this.#array(row)
    const items = Array.isArray(array) ? array : array instanceof JsonText ? jsonItems(array, this.#read) : undefined
    if (items !== undefined) this.backlog.take({ row, items, at: 0 })
    else if (this.#oneIsList && array !== null) this.#next.push([...row, array])
  }
  #emit({ row, items, at: from }: Unnesting): Unnesting | undefined {
    for (let at = from; at < items.length; at++) {
      if (this.#next.done) return undefined
      if (at !== from && this.backlog.spent()) return { row, items, at }
      this.#next.push([...row, items[at]])
    }
    return undefined
  }
  *finish(): Generator<void> {
    yield* this.backlog.all()
    yield* this.#next.finish()
  }
}

/** How many rows to pass over and to let through; shared with a generated program that emits rows itself. */
export class LimitState {
  skip: number
  left: number
  /** The server's cap, not the user's LIMIT: one more row is read, to know whether there are more. */
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
  /** Whether the next row passes. */
  take(): boolean {
    if (this.skip > 0) this.skip--
    else if (this.left > 0) {
      this.left--
      return true
    } else this.cut = true
    return false
  }
}

/** Passes the rows that a `LimitState` lets through. */
export class LimitOperator extends PassingOperator {
  readonly #state: LimitState
  constructor(state: LimitState, next: Operator) {
    super(next)
    this.#state = state
  }
  override get done(): boolean {
    return this.#state.done || this.next.done
  }
  push(row: Row): void {
    if (this.#state.take()) this.next.push(row)
  }
}

/**
 * UNION, EXCEPT and INTERSECT. The right side comes first and is held (for UNION only what was seen is); rows are equal
 * when their values are, and those that were compared have no zero with a sign, like keys.
 */
export class SetOperator {
  readonly #op: 'union' | 'except' | 'intersect'
  readonly #all: boolean
  readonly #budget: MemoryBudget
  readonly #next: Operator
  /** The rows of the right side, and how many of each there are. */
  readonly #held: KeyColumn
  readonly #counts = doublePages(1)
  /** The rows that went out, or for UNION were met. */
  readonly #seen: KeyColumn
  #open: number

  /** `sides`: how many there are. */
  constructor(op: 'union' | 'except' | 'intersect', all: boolean, sides: number, budget: MemoryBudget, next: Operator) {
    this.#open = sides
    this.#op = op
    this.#held = new KeyColumn(operatorLimits(op.toUpperCase()))
    this.#seen = new KeyColumn(operatorLimits(op.toUpperCase()))
    this.#all = all
    this.#budget = budget
    this.#next = next
  }

  side(which: 'left' | 'right'): Operator {
    const owner = this
    return {
      push: (row) =>
        owner.#op === 'union' ? owner.#union(row) : which === 'right' ? owner.#hold(row) : owner.#compare(row),
      *finish() {
        owner.#open--
        if (owner.#open === 0) yield* owner.#next.finish()
      },
      get done() {
        return owner.#next.done
      },
      get full() {
        return owner.#next.full
      },
    }
  }

  #union(row: Row): void {
    if (this.#all) this.#next.push(row)
    else if (this.#first(row)) this.#next.push(withoutZeroSigns(row))
  }

  #hold(row: Row): void {
    const key = rowKey(row)
    const known = this.#held.size
    const id = this.#held.findText(key)
    if (id === known) this.#budget.take(key)
    this.#counts.grow(id + 1)
    this.#counts.page(id)[this.#counts.at(id)]++
  }

  #compare(row: Row): void {
    this.#held.freeze()
    const id = this.#held.findText(rowKey(row))
    const counts = this.#counts.page(Math.max(0, id))
    const at = this.#counts.at(Math.max(0, id))
    const count = id < 0 ? 0 : counts[at]
    if (this.#op === 'except') {
      if (count === 0) {
        if (this.#all || this.#first(row)) this.#next.push(withoutZeroSigns(row))
      } else if (this.#all) counts[at] = count - 1
    } else if (count > 0) {
      counts[at] = this.#all ? count - 1 : 0
      this.#next.push(withoutZeroSigns(row))
    }
  }

  #first(row: Row): boolean {
    const key = rowKey(row)
    const known = this.#seen.size
    if (this.#seen.findText(key) !== known) return false
    this.#budget.take(key)
    return true
  }
}

function withoutZeroSigns(row: Row): Row {
  const hasSign = (v: Value): boolean => Object.is(plain(v), -0)
  return row.some(hasSign) ? row.map((v) => (hasSign(v) ? (isWholeDouble(v) ? asWholeDouble(0) : 0) : v)) : row
}

function rowKey(row: Row): string {
  let key = ''
  for (const v of row) {
    const c = canonical(v)
    key += `${c.length}:${c}`
  }
  return key
}
