/** The join behind EXISTS and IN: every left row goes on once, with true, false or NULL behind it. Of the right side only what can answer that is held. */
import type { Value } from '../../types.ts'
import { canonical } from '../runtime.ts'
import type { KeyOf } from './join-table.ts'
import { type MemoryBudget, roomForKey } from './memory.ts'
import { nothingHeld, type Operator, type Row } from './operator.ts'

export interface MarkJoinParts {
  readonly leftKey: KeyOf
  readonly rightKey: KeyOf
  /** Over the left row followed by the right one. */
  readonly residual: ((row: Row) => boolean) | undefined
  /** The two sides of IN; undefined for EXISTS. */
  readonly value: { readonly left: (row: Row) => Value; readonly right: (row: Row) => Value } | undefined
}

/** The right rows of one key. Rows are held only where a residual has to look at them. */
interface Partners {
  readonly values: Set<string>
  readonly rows: Row[]
  hasNull: boolean
}

export class MarkJoinOperator {
  readonly #parts: MarkJoinParts
  readonly #budget: MemoryBudget
  readonly #next: Operator
  readonly #table = new Map<string | number, Partners>()

  constructor(parts: MarkJoinParts, budget: MemoryBudget, next: Operator) {
    this.#parts = parts
    this.#budget = budget
    this.#next = next
  }

  /** Takes the right side, first. */
  get right(): Operator {
    const next = this.#next
    return {
      push: (row) => this.#hold(row),
      finish: nothingHeld,
      get done() {
        return next.done
      },
      full: false,
    }
  }

  /** Takes the left side. */
  get left(): Operator {
    const next = this.#next
    const table = this.#table
    return {
      push: (row) => next.push([...row, this.#mark(row)]),
      *finish() {
        table.clear()
        yield* next.finish()
      },
      get done() {
        return next.done
      },
      get full() {
        return next.full
      },
    }
  }

  #hold(row: Row): void {
    const key = this.#parts.rightKey(row)
    if (key === null) return
    let partners = this.#table.get(key)
    if (partners === undefined) {
      partners = { values: new Set(), rows: [], hasNull: false }
      this.#budget.take(key)
      roomForKey(this.#table, 'A subquery')
      this.#table.set(key, partners)
    }
    if (this.#parts.residual !== undefined) {
      this.#budget.takeRow(row)
      partners.rows.push(row)
      return
    }
    const value = this.#parts.value?.right(row)
    if (value === undefined) return
    if (value === null) partners.hasNull = true
    else this.#holdValue(partners, canonical(value))
  }

  #holdValue(partners: Partners, value: string): void {
    if (partners.values.has(value)) return
    this.#budget.take(value)
    roomForKey(partners.values, 'A subquery')
    partners.values.add(value)
  }

  #mark(left: Row): boolean | null {
    const key = this.#parts.leftKey(left)
    const partners = key === null ? undefined : this.#table.get(key)
    if (partners === undefined) return false
    if (this.#parts.residual !== undefined) return this.#look(left, partners.rows, this.#parts.residual)
    if (this.#parts.value === undefined) return true
    const value = this.#parts.value.left(left)
    if (value === null) return null
    if (partners.values.has(canonical(value))) return true
    return partners.hasNull ? null : false
  }

  #look(left: Row, rows: readonly Row[], residual: (row: Row) => boolean): boolean | null {
    const { value } = this.#parts
    const wanted = value?.left(left)
    let answer: boolean | null = false
    for (const row of rows) {
      if (!residual([...left, ...row])) continue
      if (value === undefined) return true
      const found = value.right(row)
      if (found === null || wanted === null || wanted === undefined) answer = null
      else if (canonical(found) === canonical(wanted)) return true
    }
    return answer
  }
}
