/**
 * Hash join: the right side is held in a table, the left side is looked up row by row. NULL keys meet nothing; outer
 * joins fill a missing side with NULLs.
 */
import type { JoinType } from '../../../plan/plan.ts'
import type { Span } from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { RowBacklog } from '../backlog.ts'
import type { HeldColumn } from '../held-rows.ts'
import { JoinTable, type KeyOf } from './join-table.ts'
import type { MemoryBudget } from '../memory.ts'
import { nothingHeld, type Operator, type Row, CHUNK_ROWS } from '../operator.ts'
import { SparseIntegers } from '../pages.ts'

/** A left row, the next of its partners (-1 for none), and whether one has matched. */
interface Probe {
  readonly left: Row
  readonly partner: number
  readonly met: boolean
}

export interface JoinParts {
  readonly type: JoinType
  /** Of a single join: the first partner is taken, further ones are passed over. */
  readonly first?: boolean
  readonly span?: Span
  readonly leftKey: KeyOf
  readonly rightKey: KeyOf
  readonly residual: ((row: Row) => boolean) | undefined
  /** A left row and a row of the table as one. */
  readonly joined: (left: Row, right: readonly HeldColumn[], row: number) => Row
  readonly leftWidth: number
  readonly rightWidth: number
}

/** Joins two inputs. `right` has to be finished before the first row of `left`; its rows count as memory of joins. */
export class JoinOperator {
  readonly #parts: JoinParts
  readonly #budget: MemoryBudget
  readonly #next: Operator
  #table: JoinTable
  /** By right row: 1 when it met a left one. Asked for by right and full joins. */
  readonly #matched = new SparseIntegers()
  /** Right rows whose key is NULL: only right and full joins still show them. */
  readonly #unmatchable: Row[] = []
  readonly #noLeft: Row
  readonly #noRight: Row
  /** Left rows with many partners whose rows have not all been emitted. */
  readonly backlog: RowBacklog<Probe>

  constructor(parts: JoinParts, budget: MemoryBudget, next: Operator) {
    this.#parts = parts
    this.#budget = budget
    this.#next = next
    this.backlog = new RowBacklog((probe) => this.#emit(probe), next)
    this.#table = new JoinTable(parts.rightWidth)
    this.#noLeft = new Array(parts.leftWidth).fill(null)
    this.#noRight = new Array(parts.rightWidth).fill(null)
  }

  get #keepsRight(): boolean {
    return this.#parts.type === 'right' || this.#parts.type === 'full'
  }

  /** Takes the right side. */
  readonly right: Operator = rightSide(this)
  /** Takes the left side, after the right one is complete. */
  readonly left: Operator = leftSide(this)

  get done(): boolean {
    return this.#next.done
  }
  get full(): boolean {
    return this.backlog.waiting || this.#next.full
  }
  /** No left row can meet anything, and none is shown alone. */
  get needsNoLeft(): boolean {
    return this.#table.rows.size === 0 && (this.#parts.type === 'inner' || this.#parts.type === 'right')
  }

  hold(row: Row): void {
    const key = this.#parts.rightKey(row)
    if (key === null) {
      if (this.#keepsRight) {
        this.#budget.takeRow(row)
        this.#unmatchable.push(row)
      }
      return
    }
    this.#budget.takeRow(row)
    this.#table.hold(key, row)
  }

  /** No more right rows come. */
  freeze(): void {
    this.#table.freeze()
  }

  probe(left: Row): void {
    const key = this.#parts.leftKey(left)
    const partner = key === null ? -1 : this.#table.find(key)
    // Most left rows meet one row at most.
    if (!this.backlog.waiting && (partner < 0 || this.#table.next(partner) < 0)) this.#meetOne(left, partner)
    else this.backlog.take({ left, partner, met: false })
  }

  #meetOne(left: Row, partner: number): void {
    const { residual, type, joined } = this.#parts
    if (partner >= 0) {
      const row = joined(left, this.#table.rows.columns, partner)
      if (residual === undefined || residual(row)) {
        if (this.#keepsRight) this.#matched.set(partner, 1)
        this.#next.push(row)
        return
      }
    }
    if (type === 'left' || type === 'full' || type === 'single') this.#next.push([...left, ...this.#noRight])
  }

  /** Returns what is left when it is time to stop. */
  #emit({ left, partner: first, met: before }: Probe): Probe | undefined {
    const { residual, type, joined } = this.#parts
    const { columns } = this.#table.rows
    let met = before
    for (let partner = first; partner >= 0; partner = this.#table.next(partner)) {
      if (this.#next.done) return undefined
      if (partner !== first && this.backlog.spent()) return { left, partner, met }
      const row = joined(left, columns, partner)
      if (residual !== undefined && !residual(row)) continue
      if (type === 'single' && met) {
        this.#second()
        return undefined
      }
      met = true
      if (this.#keepsRight) this.#matched.set(partner, 1)
      this.#next.push(row)
    }
    if (!met && (type === 'left' || type === 'full' || type === 'single')) this.#next.push([...left, ...this.#noRight])
    return undefined
  }

  /** A second partner where there may be one. */
  #second(): void {
    if (this.#parts.first === true) return
    throw new SqlError(
      'VALUE',
      'A subquery that stands for a value gave more than one row for a row of the outer query.',
      this.#parts.span,
      'Use an aggregate or LIMIT 1 in it, or IN (SELECT …).',
    )
  }

  *finish(): Generator<void> {
    yield* this.backlog.all()
    if (this.#keepsRight) yield* this.#unmatched()
    this.#table = new JoinTable(0)
    yield* this.#next.finish()
  }

  /** Emits the right rows that matched nothing. */
  *#unmatched(): Generator<void> {
    let seen = 0
    for (const r of this.#table.inOrder()) {
      if (this.#next.done) return
      if (this.#matched.get(r) === 0) this.#next.push([...this.#noLeft, ...this.#table.rows.row(r)])
      if (this.#next.full || ++seen % CHUNK_ROWS === 0) yield
    }
    for (const row of this.#unmatchable) {
      if (this.#next.done) return
      this.#next.push([...this.#noLeft, ...row])
      if (this.#next.full || ++seen % CHUNK_ROWS === 0) yield
    }
  }
}

function rightSide(join: JoinOperator): Operator {
  return {
    push: (row) => join.hold(row),
    finish: () => {
      join.freeze()
      return nothingHeld()
    },
    get done() {
      return join.done
    },
    full: false,
  }
}

function leftSide(join: JoinOperator): Operator {
  return {
    push: (row) => join.probe(row),
    finish: () => join.finish(),
    get done() {
      return join.done || join.needsNoLeft
    },
    get full() {
      return join.full
    },
  }
}
