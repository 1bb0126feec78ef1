/** What the grid draws, worked out of the run, of what one chose, and of how far it is scrolled. */
import { useMemo, useRef } from 'preact/hooks'
import { useNewest } from '../follow/use-newest.ts'
import type { Run } from '../run/run.ts'
import { useStore } from '../use-store.ts'
import { type Seen, seenRows } from '../virtual/rows.ts'
import { useViewport } from '../virtual/virtual-list.tsx'
import { type Cursor, type Selection, selected } from './cursor.ts'
import { type GridState, gridOf } from './grid-state.ts'
import { placed, type Placed, seenColumns, wholeWidth } from './layout.ts'
import { NUMBER_PIXELS } from './row.tsx'
import { type Cells, useCells } from './use-cells.ts'

/** Pixels of a row, and of the head. */
export const ROW_PIXELS = 28
export const HEAD_PIXELS = 28
/** Not a limit: up to so many columns are asked for at once, so that moving sideways needs no question. */
const ALL_AT_ONCE = 48
/** Pixels that pinned columns leave for the others. */
const LOOSE_PIXELS = 120

/** `rows`: those to be seen; `received`: those that came. */
export interface GridView {
  readonly run: Run
  readonly element: { readonly current: HTMLElement | null }
  readonly view: ReturnType<typeof useViewport>
  readonly state: GridState
  readonly rows: number
  readonly received: number
  readonly all: readonly Placed[]
  readonly pinned: readonly Placed[]
  /** Those that are not pinned and can be seen. */
  readonly across: readonly Placed[]
  readonly seen: Seen
  readonly cells: Cells
  readonly selection: Selection
}

export function useGrid(run: Run, element: { readonly current: HTMLElement | null }): GridView {
  const store = gridOf(run)
  const view = useViewport(element)
  const received = useStore(run.state, (s) => s.rows)
  const replaced = useStore(run.state, (s) => s.replaced)
  const dropped = useStore(run.state, (s) => s.dropped)
  const isNewestFirst = useStore(run.state, (s) => s.newestFirst)
  const state = useStore(store, (s) => s)
  const { cursor, anchor, arranged } = state
  const { all, pinned, across } = useColumns(run, state, view)
  const rows = arranged === undefined ? received : arranged.rows
  const seen = seenRows(rows, ROW_PIXELS, view.top, view.height - HEAD_PIXELS)
  const columns = useMemo(
    () => (all.length <= ALL_AT_ONCE ? all : [...pinned, ...across]).map(({ index }) => index),
    [all, pinned, across],
  )
  // Rows that come further down change nothing of what is seen, unless the newest stand first.
  const reach = isNewestFirst ? received : Math.min(received, seen.last + 64)
  const number = useStore(run.state, (s) => s.run)
  const version = `${number} ${arranged?.key ?? ''} ${arranged?.of ?? ''} ${replaced} ${dropped} ${reach}`
  const wish = { first: seen.first, last: seen.last, columns, arranged: arranged !== undefined, version }
  const cells = useCells(run, wish, replaced > 0)
  // Sorted rows stand where they belong; filtered ones as they came.
  const isOnTop = isNewestFirst && (arranged === undefined || state.sorts.length === 0)
  const came = arranged === undefined ? { of: '', rows: received + dropped } : { of: arranged.key, rows: arranged.rows }
  useNewest(element, isOnTop, came, ROW_PIXELS, (by) =>
    store.set((s) => {
      const down = (at: Cursor): Cursor => (at.row <= 0 ? at : { ...at, row: at.row + by })
      return { ...s, cursor: down(s.cursor), anchor: down(s.anchor) }
    }),
  )
  const selection = selected(cursor, anchor)
  return { run, element, view, state, rows, received, all, pinned, across, seen, cells, selection }
}

function useColumns(
  run: Run,
  { columns: choices }: GridState,
  { left, width }: GridView['view'],
): Pick<GridView, 'all' | 'pinned' | 'across'> {
  const columns = useStore(run.state, (s) => s.columns)
  const room = Math.max(0, width - NUMBER_PIXELS - LOOSE_PIXELS)
  const all = useMemo(() => placed(columns, choices, room), [columns, choices, room])
  const pinned = useMemo(() => all.filter((column) => column.pinned), [all])
  const loose = useMemo(() => all.filter((column) => !column.pinned), [all])
  const across = useSame(seenColumns(loose, left + wholeWidth(pinned), width - NUMBER_PIXELS))
  return { all, pinned, across }
}

/** The same list where it holds the same columns, so that rows need not be drawn again. */
function useSame(columns: readonly Placed[]): readonly Placed[] {
  const before = useRef(columns)
  const isSame = before.current.length === columns.length && columns.every((c, i) => c === before.current[i])
  if (!isSame) before.current = columns
  return before.current
}
