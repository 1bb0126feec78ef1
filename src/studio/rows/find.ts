/** Looks for a text in the cells of the rows that were received. */
import { placesOf, rowAt } from './arrange.ts'
import type { Result } from './result.ts'
import { inSlices } from './slices.ts'

/** `columns` in the order in which they stand. `from` itself is looked at last. */
export interface FindInput {
  readonly text: string
  readonly columns: readonly number[]
  readonly from: { readonly row: number; readonly column: number }
  readonly backwards: boolean
  readonly arranged: boolean
}

/** A cell: its place among the rows to be seen, and which of the asked columns. */
export interface Found {
  readonly row: number
  readonly column: number
}

/** The next cell with the text, upper or lower case, around the end; undefined when no cell has it. */
export async function find(result: Result, input: FindInput): Promise<Found | undefined> {
  const needle = input.text.toLowerCase()
  const count = placesOf(result, input.arranged)
  if (needle === '' || count === 0) return undefined
  // What JSON writes with a backslash has to be looked for in the cells.
  const isPlain = !/["\\/\u0000-\u001f]/.test(needle)
  let found: Found | undefined
  const step = input.backwards ? -1 : 1
  await inSlices(
    0,
    count + 1,
    (i) => {
      if (found !== undefined) return
      const place = (((input.from.row + step * i) % count) + count) % count
      const row = rowAt(result, place, input.arranged)
      if (isPlain && !result.text(row).toLowerCase().includes(needle)) return
      const cells = result.cells(row, input.columns, Number.MAX_SAFE_INTEGER)
      const hits = cells.flatMap((cell, column) => (cell?.text.toLowerCase().includes(needle) === true ? [column] : []))
      // The row that one stands in is looked at in two halves: behind the cursor first, before it at the end.
      const isRest = (column: number): boolean => (column - input.from.column) * step > 0
      const right = i === 0 ? hits.filter(isRest) : i === count ? hits.filter((column) => !isRest(column)) : hits
      const column = input.backwards ? right.at(-1) : right[0]
      if (column !== undefined) found = { row: place, column }
    },
    () => found === undefined,
  )
  return found
}
