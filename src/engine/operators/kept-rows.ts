/**
 * The rows of a share: read once, kept, and read again as often as the plan needs them, with numbers for the
 * distinct values of the columns that the parts of a plan use.
 */
import { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Value } from '../../types.ts'
import { isWholeDouble, plain } from '../program/values/whole-double.ts'
import { KeyColumn, operatorLimits } from './keys/group-index.ts'
import { HeldRows } from './held-rows.ts'
import type { MemoryBudget } from './memory.ts'
import { nothingHeld, type Operator, type Row } from './operator.ts'

/** The different values of one set, by number. */
interface Different {
  readonly valuesOf: (row: Row) => Row
  readonly keys: KeyColumn
  readonly values: HeldRows
}

/**
 * The rows of one share: taken once, then given as often as they are asked for. Their memory counts as that of joins.
 */
export class KeptRows {
  readonly #budget: MemoryBudget
  readonly #rows: HeldRows
  readonly #sets: readonly Different[]

  /** `width`: of the rows; `sets`: what computes the values of each set, and how many these are. */
  constructor(
    width: number,
    sets: readonly { readonly valuesOf: (row: Row) => Row; readonly width: number }[],
    budget: MemoryBudget,
  ) {
    this.#budget = budget
    this.#rows = new HeldRows(width + sets.length)
    this.#sets = sets.map((set) => ({
      valuesOf: set.valuesOf,
      keys: new KeyColumn(operatorLimits('A subquery')),
      values: new HeldRows(set.width),
    }))
  }

  /** Takes the rows. `next`: where the rows of the body go in the end. */
  taking(next: Operator): Operator {
    return {
      push: (row) => this.#keep(row),
      finish: nothingHeld,
      get done() {
        return next.done
      },
      full: false,
    }
  }

  #keep(row: Row): void {
    const kept = [...row]
    for (const set of this.#sets) kept.push(this.#number(set, set.valuesOf(row)))
    this.#budget.takeRow(kept)
    this.#rows.add(kept)
  }

  #number({ keys, values }: Different, of: Row): number {
    const known = keys.size
    const number = keys.findText(of.map(exact).map(lengthened).join(''))
    if (number === known) {
      this.#budget.takeRow(of)
      values.add(of)
    }
    return number
  }

  /** Every row, followed by its numbers. */
  *rows(): Generator<Row> {
    for (let r = 0; r < this.#rows.size; r++) yield this.#rows.row(r)
  }

  /** The different values of a set, behind their number. */
  *different(set: number): Generator<Row> {
    const { values } = this.#sets[set]
    for (let r = 0; r < values.size; r++) yield [r, ...values.row(r)]
  }
}

function lengthened(text: string): string {
  return `${text.length}:${text}`
}

/**
 * A text that is the same for values which no expression can distinguish. Values that are equal but are written
 * differently, as the decimals 1 and 1.0, have two.
 */
function exact(v: Value): string {
  if (v === null) return 'z'
  if (isWholeDouble(v)) return `w${exact(plain(v))}`
  if (typeof v === 'string') return `s${v}`
  if (typeof v === 'number') return Object.is(v, -0) ? 'n-0' : `n${v}`
  if (typeof v === 'bigint') return `i${v}`
  if (typeof v === 'boolean') return v ? 't' : 'f'
  if (v instanceof Decimal) return `d${v}`
  if (v instanceof JsonText) return `j${v.text}`
  if (v instanceof Uint8Array) return `b${Buffer.from(v).toString('base64')}`
  if (Array.isArray(v)) return `a${v.map(exact).map(lengthened).join('')}`
  return `m${[...v].map(([name, value]) => lengthened(name) + lengthened(exact(value))).join('')}`
}
