/**
 * Rows that an operator keeps, by column: a column of numbers takes eight or four bytes a row, and no row is an object
 * of its own. Rows come one by one, stay as they are, and have numbers from 0.
 */
import type { Value } from '../../types.ts'
import type { Row } from './operator.ts'

/** Rows of a page: 2^12. */
export const HELD_BITS = 12
const HELD_ROWS = 1 << HELD_BITS
/** Of a row's number its place in the page. */
export const HELD_MASK = HELD_ROWS - 1

/** Generated code reads row r of a column as `pages[r >>> HELD_BITS][r & HELD_MASK]`. */
export interface HeldColumn {
  readonly pages: (readonly Value[] | Int32Array | Float64Array)[]
}

/** Rows of a fixed width, kept column by column; `add` gives each the next number. */
export class HeldRows {
  readonly columns: readonly HeldColumn[]
  /** The page of each column that is being filled; it is the last of the column's pages. */
  #open: Value[][] = []
  size = 0

  constructor(width: number) {
    this.columns = Array.from({ length: width }, () => ({ pages: [] }))
  }

  /** The number of the row. */
  add(row: Row): number {
    const at = this.size & HELD_MASK
    if (at === 0) this.#turnPage()
    for (let c = 0; c < this.#open.length; c++) this.#open[c].push(row[c])
    return this.size++
  }

  #turnPage(): void {
    this.#open = this.columns.map(({ pages }, c) => {
      if (pages.length > 0) pages[pages.length - 1] = packed(this.#open[c])
      const page: Value[] = []
      pages.push(page)
      return page
    })
  }

  row(r: number): Row {
    return this.columns.map(({ pages }) => pages[r >>> HELD_BITS][r & HELD_MASK])
  }
}

/** A full page in the smallest form that gives back the same values. */
function packed(page: readonly Value[]): readonly Value[] | Int32Array | Float64Array {
  let integers = true
  for (const v of page) {
    if (typeof v !== 'number') return page.slice()
    if (!Object.is(v | 0, v)) integers = false
  }
  return integers ? Int32Array.from(page as readonly number[]) : Float64Array.from(page as readonly number[])
}
