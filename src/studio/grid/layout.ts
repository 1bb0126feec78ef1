/** Where columns stand: their order, their widths, and which of them lie in what is seen. */
import type { Column } from '../rows/columns.ts'

/** A column as it is drawn. `index`: its position in the columns of the result. */
export interface Placed {
  readonly index: number
  readonly path: string
  readonly numeric: boolean
  readonly left: number
  readonly width: number
}

const CHARACTER = 7.3
const PADDING = 20
const NARROWEST = 56
const WIDEST = 420

/** Values first, then the key, then where the record stood. */
function rank(path: string): number {
  return path.startsWith('_meta') ? 2 : path === '_key' || path.startsWith('_key.') ? 0 : 1
}

/** `chosen`: widths that the user gave, by path. */
export function placed(columns: readonly Column[], chosen: ReadonlyMap<string, number>): readonly Placed[] {
  let left = 0
  return columns
    .map((column, index) => ({ column, index }))
    .sort((a, b) => rank(a.column.path) - rank(b.column.path) || a.index - b.index)
    .map(({ column: { path, numeric, widest }, index }) => {
      const natural = Math.max(path.length, widest) * CHARACTER + PADDING
      const width = chosen.get(path) ?? Math.round(Math.max(NARROWEST, Math.min(WIDEST, natural)))
      const at = { index, path, numeric, left, width }
      left += width
      return at
    })
}

/** Those that can be seen between two edges, with some beyond. */
export function seenColumns(columns: readonly Placed[], left: number, width: number, margin = 200): readonly Placed[] {
  const first = firstEnding(columns, left - margin)
  let last = first
  while (last < columns.length && columns[last].left < left + width + margin) last++
  return columns.slice(first, last)
}

function firstEnding(columns: readonly Placed[], at: number): number {
  let [low, high] = [0, columns.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (columns[middle].left + columns[middle].width < at) low = middle + 1
    else high = middle
  }
  return low
}

/** Width of all columns. */
export function wholeWidth(columns: readonly Placed[]): number {
  const last = columns.at(-1)
  return last === undefined ? 0 : last.left + last.width
}
