/** Hash join: the right side is held in a table, the left side is looked up row by row. NULL keys meet nothing; outer joins fill a missing side with NULLs. */
import type { JoinType } from '../../plan/plan.ts'
import type { Span } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { Stretches } from './backlog.ts'
import { type MemoryBudget, roomForKey } from './memory.ts'
import { nothingHeld, type Operator, pushAll, type Row } from './operator.ts'

/** A key that is equal for rows that meet; null for a row that meets nothing. */
export type KeyOf = (row: Row) => string | number | null

/** The right rows of one key, in the order in which they came: a chain, as most keys have one row. */
class Held {
  readonly row: Row
  matched = false
  next: Held | undefined = undefined
  /** Of the first of the chain. */
  last: Held = this
  constructor(row: Row) {
    this.row = row
  }
}

/** A left row, and the partner to go on with. */
interface Meeting {
  readonly left: Row
  readonly partner: Held | undefined
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
  readonly joined: (left: Row, right: Row) => Row
  readonly leftWidth: number
  readonly rightWidth: number
}

export class JoinOperator {
  readonly #parts: JoinParts
  readonly #budget: MemoryBudget
  readonly #next: Operator
  readonly #table = new Map<string | number, Held>()
  /** Right rows that meet nothing: only right and full joins still show them. */
  readonly #lonely: Row[] = []
  readonly #noLeft: Row
  readonly #noRight: Row
  /** Left rows with many partners, whose rows are not out yet. */
  readonly backlog: Stretches<Meeting>

  constructor(parts: JoinParts, budget: MemoryBudget, next: Operator) {
    this.#parts = parts
    this.#budget = budget
    this.#next = next
    this.backlog = new Stretches((meeting) => this.#meet(meeting), next)
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
    return this.#table.size === 0 && (this.#parts.type === 'inner' || this.#parts.type === 'right')
  }

  hold(row: Row): void {
    const key = this.#parts.rightKey(row)
    if (key === null) {
      if (this.#keepsRight) {
        this.#budget.takeRow(row)
        this.#lonely.push(row)
      }
      return
    }
    this.#budget.takeRow(row)
    const first = this.#table.get(key)
    if (first === undefined) {
      roomForKey(this.#table, 'A join')
      this.#table.set(key, new Held(row))
      return
    }
    const held = new Held(row)
    first.last.next = held
    first.last = held
  }

  probe(left: Row): void {
    const key = this.#parts.leftKey(left)
    this.backlog.take({ left, partner: key === null ? undefined : this.#table.get(key), met: false })
  }

  /** Gives back what is left when it is time to stop. */
  #meet({ left, partner: first, met: before }: Meeting): Meeting | undefined {
    const { residual, type, joined } = this.#parts
    let met = before
    for (let partner = first; partner !== undefined; partner = partner.next) {
      if (this.#next.done) return undefined
      if (partner !== first && this.backlog.spent()) return { left, partner, met }
      const row = joined(left, partner.row)
      if (residual !== undefined && !residual(row)) continue
      if (type === 'single' && met) {
        this.#second()
        return undefined
      }
      met = true
      partner.matched = true
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
    if (this.#keepsRight) yield* pushAll(this.#unmatched(), this.#next)
    this.#table.clear()
    yield* this.#next.finish()
  }

  *#unmatched(): Generator<Row> {
    for (const first of this.#table.values())
      for (let held: Held | undefined = first; held !== undefined; held = held.next) if (!held.matched) yield [...this.#noLeft, ...held.row]
    for (const row of this.#lonely) yield [...this.#noLeft, ...row]
  }
}

function rightSide(join: JoinOperator): Operator {
  return {
    push: (row) => join.hold(row),
    finish: nothingHeld,
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
