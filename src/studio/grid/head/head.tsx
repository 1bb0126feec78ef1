/** The head of the grid: names, sorting by a click, widths and places by dragging, and a menu of each column. */
import type { Store } from '../../observable.ts'
import type { Sort } from '../../rows/arrange.ts'
import { movedTo, resized } from '../column-choices.ts'
import { type GridState, sortedBy } from '../grid-state.ts'
import type { Placed } from '../layout.ts'
import { edges } from '../row.tsx'
import type { GridView } from '../use-grid.ts'
import { follow } from './follow-pointer.ts'

interface HeadProps {
  readonly store: Store<GridState>
  readonly grid: Pick<GridView, 'all' | 'pinned' | 'across' | 'state'>
  openMenu(path: string): void
}

export function Head({ store, grid, openMenu }: HeadProps) {
  const { all, pinned, across } = grid
  const { cursor, sorts, filters } = grid.state
  const cell = (column: Placed) => (
    <HeadCell
      key={column.path}
      store={store}
      column={column}
      all={all}
      sorts={sorts}
      isFiltered={filters.some(({ path }) => path === column.path)}
      isCurrent={cursor.row < 0 && cursor.column === column.at}
      openMenu={openMenu}
    />
  )
  return (
    <div class="grid-head" role="row" aria-rowindex={1}>
      <div class="fixed" role="presentation">
        <span class="row-number" role="columnheader">
          <span class="unseen">Number</span>
        </span>
        {pinned.map(cell)}
      </div>
      {across.map(cell)}
    </div>
  )
}

interface CellProps extends Pick<HeadProps, 'store' | 'openMenu'> {
  readonly column: Placed
  readonly all: readonly Placed[]
  readonly sorts: readonly Sort[]
  readonly isFiltered: boolean
  readonly isCurrent: boolean
}

function HeadCell({ store, column, all, sorts, isFiltered, isCurrent, openMenu }: CellProps) {
  const { path } = column
  const sort = sorts.find((other) => other.path === path)
  return (
    <span
      id={isCurrent ? `cell--1-${column.at}` : undefined}
      class={`head${column.numeric ? ' numeric' : ''}${isCurrent ? ' current' : ''}`}
      role="columnheader"
      aria-colindex={column.at + 2}
      aria-sort={sort === undefined ? 'none' : sort.descending ? 'descending' : 'ascending'}
      title={path}
      style={edges(column)}
      onPointerDown={(event) => carry(event, store, column, all)}
      onClick={(event) => store.set((s) => sortedBy(s, path, event.shiftKey))}
    >
      <span class="name">{path}</span>
      {sort !== undefined && <span aria-hidden="true">{sortMark(sorts, sort)}</span>}
      {isFiltered && (
        <span role="img" aria-label="filtered">
          ▽
        </span>
      )}
      <button
        type="button"
        class="more"
        tabIndex={-1}
        aria-label={`Column ${path}`}
        onPointerDown={(event) => event.stopPropagation()}
        onClick={(event) => {
          event.stopPropagation()
          openMenu(path)
        }}
      >
        ⋮
      </button>
      <span
        class="handle"
        aria-hidden="true"
        onPointerDown={(event) => grab(event, store, column)}
        onClick={(event) => event.stopPropagation()}
        onDblClick={(event) => {
          event.stopPropagation()
          store.set((s) => ({ ...s, columns: resized(s.columns, path, undefined) }))
        }}
      />
    </span>
  )
}

/** Another width. */
function grab(event: PointerEvent, store: Store<GridState>, { path, width }: Placed): void {
  event.stopPropagation()
  const from = event.clientX
  follow(event, (x) => store.set((s) => ({ ...s, columns: resized(s.columns, path, width + x - from) })))
}

/** Not a limit: pixels before a press is a move. */
const CARRIED = 12

/** Another place among the columns. */
function carry(event: PointerEvent, store: Store<GridState>, column: Placed, all: readonly Placed[]): void {
  if (event.button !== 0) return
  const from = event.clientX
  const shown = all.map(({ path }) => path)
  let isMoving = false
  follow(event, (x) => {
    isMoving ||= Math.abs(x - from) > CARRIED
    if (!isMoving) return
    const middle = column.left + column.width / 2 + x - from
    const to = all.filter((other) => other !== column && other.left + other.width / 2 < middle).length
    store.set((s) => ({ ...s, columns: movedTo(s.columns, shown, column.path, to) }))
  })
}

function sortMark(sorts: readonly Sort[], sort: Sort): string {
  const sign = sort.descending ? '↓' : '↑'
  return sorts.length === 1 ? sign : `${sign}${sorts.indexOf(sort) + 1}`
}
