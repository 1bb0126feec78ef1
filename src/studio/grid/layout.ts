/** Where columns stand: their order, their widths, and which of them lie in what is seen. */
import type { Column } from '../rows/columns.ts'
import type { ColumnChoices } from './column-choices.ts'

/** A column as it is drawn. `index`: its position in the columns of the result; `at`: its position on the page. */
export interface Placed {
  readonly index: number
  readonly at: number
  readonly path: string
  readonly numeric: boolean
  /** Pixels from the first column; pinned ones stand before the others and do not scroll. */
  readonly left: number
  readonly width: number
  readonly pinned: boolean
}

const CHARACTER = 7.3
const PADDING = 20
const NARROWEST = 56
const WIDEST = 420

/** Values first, then the key, then where the record stood. */
function rank(path: string): number {
  return isOf(path, '_meta') ? 2 : isOf(path, '_key') ? 0 : 1
}

function isOf(path: string, part: string): boolean {
  return path === part || path.startsWith(`${part}.`)
}

/** The width that shows a column's name and its values. */
export function naturalWidth({ path, widest }: Column): number {
  const natural = Math.max(path.length + 4, widest + 1) * CHARACTER + PADDING
  return Math.round(Math.max(NARROWEST, Math.min(WIDEST, natural)))
}

/** Pinned ones first; `pinnedRoom`: pixels that they may take, so that others can be seen beside them. */
export function placed(
  columns: readonly Column[],
  { widths, order, hidden, pinned }: ColumnChoices,
  pinnedRoom = Number.POSITIVE_INFINITY,
): readonly Placed[] {
  const places = new Map(order.map((path, at) => [path, at]))
  const shown = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => !hidden.has(column.path))
    .sort((a, b) => rank(a.column.path) - rank(b.column.path) || a.index - b.index)
  // What was moved stands at the place that it was given; what came later behind it.
  const moved =
    order.length === 0
      ? shown
      : shown.toSorted((a, b) => (places.get(a.column.path) ?? 1e9) - (places.get(b.column.path) ?? 1e9))
  let room = pinnedRoom
  const isPinned = ({ column }: (typeof moved)[number]): boolean => {
    if (!pinned.has(column.path)) return false
    room -= widths.get(column.path) ?? naturalWidth(column)
    return room >= 0
  }
  const first = new Set(moved.filter(isPinned))
  let left = 0
  return [...first, ...moved.filter((column) => !first.has(column))].map((column, at) => {
    const { path, numeric } = column.column
    const width = widths.get(path) ?? naturalWidth(column.column)
    const place = { index: column.index, at, path, numeric, left, width, pinned: first.has(column) }
    left += width
    return place
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
