/**
 * The join behind EXISTS and IN: every left row passes once, followed by true, false or NULL. Of the right side only
 * what decides that is held.
 */
import type { Value } from '../../../types.ts'
import { canonical } from '../../program/values/canonical.ts'
import { plain } from '../../program/values/whole-double.ts'
import { RowBacklog } from '../backlog.ts'
import { KeyColumn, operatorLimits, PairIndex } from '../keys/group-index.ts'
import { findKey, type KeyOf } from './join-table.ts'
import type { MemoryBudget } from '../memory.ts'
import { nothingHeld, type Operator, type Row } from '../operator.ts'
import { SparseIntegers, ValuePages } from '../pages.ts'

export interface MarkJoinParts {
  readonly leftKey: KeyOf
  readonly rightKey: KeyOf
  /** Over the left row followed by the right one. */
  readonly residual: ((row: Row) => boolean) | undefined
  /** The two sides of IN; undefined for EXISTS. */
  readonly value: { readonly left: (row: Row) => Value; readonly right: (row: Row) => Value } | undefined
}

/** The right side, by the number of its key. */
class Partners {
  readonly keys = new KeyColumn(operatorLimits('A subquery'))
  /** Where a residual has to look at them. */
  readonly rows = new ValuePages<Row[]>()
  /** Of IN: the values, the pairs of key and value, and 1 for a key with a NULL. */
  readonly values = new KeyColumn(operatorLimits('A subquery'))
  readonly pairs = new PairIndex(operatorLimits('A subquery'))
  readonly nulls = new SparseIntegers()

  freeze(): void {
    this.keys.freeze()
    this.values.freeze()
    this.pairs.frozen = true
  }
}

/** A left row, the partners that the residual is tested on, the next one of them, and the answer so far. */
interface Probe {
  readonly left: Row
  readonly partners: readonly Row[]
  readonly at: number
  readonly answer: false | null
}

const NO_PARTNERS: readonly Row[] = []

/**
 * Passes each row of `left` with one more column: whether a row of `right` meets it (true, false or null). `right` has
 * to be finished first.
 */
export class MarkJoinOperator {
  readonly #parts: MarkJoinParts
  readonly #budget: MemoryBudget
  readonly #next: Operator
  #partners = new Partners()
  /** Left rows with many partners that are not answered yet. */
  readonly backlog: RowBacklog<Probe>

  constructor(parts: MarkJoinParts, budget: MemoryBudget, next: Operator) {
    this.#parts = parts
    this.#budget = budget
    this.#next = next
    this.backlog = new RowBacklog((probe) => this.#probe(probe), next)
  }

  /** Takes the right side, first. */
  get right(): Operator {
    const next = this.#next
    return {
      push: (row) => this.#hold(row),
      finish: () => {
        this.#partners.freeze()
        return nothingHeld()
      },
      get done() {
        return next.done
      },
      full: false,
    }
  }

  /** Takes the left side. */
  get left(): Operator {
    const { backlog } = this
    const next = this.#next
    const leave = () => {
      this.#partners = new Partners()
    }
    return {
      push:
        this.#parts.residual === undefined
          ? (row) => next.push([...row, this.#mark(row)])
          : (row) => backlog.take(this.#probeOf(row)),
      *finish() {
        yield* backlog.all()
        leave()
        yield* next.finish()
      },
      get done() {
        return next.done
      },
      get full() {
        return backlog.waiting || next.full
      },
    }
  }

  #hold(row: Row): void {
    const key = this.#parts.rightKey(row)
    if (key === null) return
    const { keys, rows, nulls } = this.#partners
    const known = keys.size
    const id = findKey(keys, key)
    if (id === known) this.#budget.take(key)
    if (this.#parts.residual !== undefined) {
      this.#budget.takeRow(row)
      if (id === known) rows.push([])
      rows.get(id).push(row)
      return
    }
    const value = this.#parts.value?.right(row)
    if (value === undefined) return
    if (value === null) nulls.set(id, 1)
    else if (canBeEqual(value)) this.#holdValue(id, value)
  }

  #holdValue(key: number, value: Value): void {
    const { values, pairs } = this.#partners
    const known = pairs.size
    pairs.find(key, values.findValue(value))
    if (pairs.size > known) this.#budget.take(value)
  }

  #mark(left: Row): boolean | null {
    const { keys, values, pairs, nulls } = this.#partners
    const key = this.#parts.leftKey(left)
    const id = key === null ? -1 : findKey(keys, key)
    if (id < 0) return false
    if (this.#parts.value === undefined) return true
    const value = this.#parts.value.left(left)
    if (value === null) return null
    const found = canBeEqual(value) ? values.findValue(value) : -1
    if (found >= 0 && pairs.find(id, found) >= 0) return true
    return nulls.get(id) === 1 ? null : false
  }

  #probeOf(left: Row): Probe {
    const key = this.#parts.leftKey(left)
    const id = key === null ? -1 : findKey(this.#partners.keys, key)
    return { left, partners: id < 0 ? NO_PARTNERS : this.#partners.rows.get(id), at: 0, answer: false }
  }

  /** Returns what is left when it is time to stop. */
  #probe({ left, partners, at: from, answer: before }: Probe): Probe | undefined {
    const { residual, value } = this.#parts
    const wanted = value?.left(left)
    let answer: boolean | null = before
    for (let at = from; at < partners.length; at++) {
      if (at !== from && this.backlog.spent()) return { left, partners, at, answer: answer === null ? null : false }
      const row = partners[at]
      if (residual?.([...left, ...row]) !== true) continue
      const found = value?.right(row)
      if (
        value === undefined ||
        (notNull(found) && notNull(wanted) && canBeEqual(wanted) && canonical(found) === canonical(wanted))
      ) {
        answer = true
        break
      }
      if (!notNull(found) || !notNull(wanted)) answer = null
    }
    this.#next.push([...left, answer])
    return undefined
  }
}

function notNull(value: Value | undefined): value is NonNullable<Value> {
  return value !== null && value !== undefined
}

/** Not a number is equal to nothing, as with `=`: as a key it would be one value. */
function canBeEqual(value: Value): boolean {
  return !Number.isNaN(plain(value))
}
