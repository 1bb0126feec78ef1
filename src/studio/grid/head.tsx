/** The head of the grid: names, sorting by a click, widths by dragging, and a menu of each column. */
import type { Store } from '../observable.ts'
import type { Column } from '../rows/columns.ts'
import { filterOf, filterText } from '../rows/filters.ts'
import type { Sort } from '../rows/arrange.ts'
import { useStore } from '../use-store.ts'
import { movedTo, pinnedOrNot, resized, shownOrHidden } from './column-choices.ts'
import { type GridState, sortedBy, withFilter, withSort } from './grid-state.ts'
import type { Placed } from './layout.ts'
import { edges } from './row.tsx'

interface HeadProps {
  readonly store: Store<GridState>
  readonly columns: readonly Placed[]
  readonly pinned: readonly Placed[]
  readonly across: readonly Placed[]
  /** Column of the cursor, where it stands in the head; -1 elsewhere. */
  readonly current: number
  openMenu(path: string): void
}

export function Head({ store, columns, pinned, across, current, openMenu }: HeadProps) {
  const sorts = useStore(store, (state) => state.sorts)
  const filters = useStore(store, (state) => state.filters)
  const grab = (event: PointerEvent, { path, width }: Placed): void => {
    event.stopPropagation()
    const from = event.clientX
    follow(event, (x) => store.set((s) => ({ ...s, columns: resized(s.columns, path, width + x - from) })))
  }
  const carry = (event: PointerEvent, column: Placed): void => {
    if (event.button !== 0) return
    const from = event.clientX
    const shown = columns.map(({ path }) => path)
    let isMoving = false
    follow(event, (x) => {
      isMoving ||= Math.abs(x - from) > 12
      if (!isMoving) return
      const middle = column.left + column.width / 2 + x - from
      const to = columns.filter((other) => other !== column && other.left + other.width / 2 < middle).length
      store.set((s) => ({ ...s, columns: movedTo(s.columns, shown, column.path, to) }))
    })
  }
  const cell = (column: Placed) => {
    const sort = sorts.find(({ path }) => path === column.path)
    const isFiltered = filters.some(({ path }) => path === column.path)
    return (
      <span
        key={column.path}
        id={column.at === current ? `cell--1-${column.at}` : undefined}
        class={`head${column.numeric ? ' numeric' : ''}${column.at === current ? ' current' : ''}`}
        role="columnheader"
        aria-colindex={column.at + 2}
        aria-sort={sort === undefined ? 'none' : sort.descending ? 'descending' : 'ascending'}
        title={column.path}
        style={edges(column)}
        onPointerDown={(event) => carry(event, column)}
        onClick={(event) => store.set((s) => sortedBy(s, column.path, event.shiftKey))}
      >
        <span class="name">{column.path}</span>
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
          aria-label={`Column ${column.path}`}
          onPointerDown={(event) => event.stopPropagation()}
          onClick={(event) => {
            event.stopPropagation()
            openMenu(column.path)
          }}
        >
          ⋮
        </button>
        <span
          class="handle"
          aria-hidden="true"
          onPointerDown={(event) => grab(event, column)}
          onClick={(event) => event.stopPropagation()}
          onDblClick={(event) => {
            event.stopPropagation()
            store.set((s) => ({ ...s, columns: resized(s.columns, column.path, undefined) }))
          }}
        />
      </span>
    )
  }
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

function sortMark(sorts: readonly Sort[], sort: Sort): string {
  const sign = sort.descending ? '↓' : '↑'
  return sorts.length === 1 ? sign : `${sign}${sorts.indexOf(sort) + 1}`
}

/** Calls with the place of the pointer until it is let go; a click that ends a move is none. */
function follow(event: PointerEvent, moved: (x: number) => void): void {
  const element = event.currentTarget as HTMLElement
  const from = event.clientX
  let isMove = false
  const drag = (move: PointerEvent): void => {
    if (!isMove && Math.abs(move.clientX - from) > 3) {
      isMove = true
      element.setPointerCapture(event.pointerId)
    }
    if (isMove) moved(move.clientX)
  }
  const end = (): void => {
    removeEventListener('pointermove', drag)
    removeEventListener('pointerup', end)
    removeEventListener('pointercancel', end)
    if (isMove) addEventListener('click', (click) => click.stopPropagation(), { capture: true, once: true })
  }
  addEventListener('pointermove', drag)
  addEventListener('pointerup', end)
  addEventListener('pointercancel', end)
}

interface MenuProps {
  readonly store: Store<GridState>
  readonly column: Placed
  readonly whole: Column
  readonly columns: readonly Placed[]
  /** Pixels from the left edge of the grid. */
  readonly left: number
  close(): void
}

/** What can be done with a column, by mouse and by keys. */
export function ColumnMenu({ store, column, columns, left, close }: MenuProps) {
  const { path } = column
  const filter = store.get().filters.find((other) => other.path === path)
  const shown = columns.map((other) => other.path)
  const columnsBy = (change: (s: GridState['columns']) => GridState['columns']) => () =>
    store.set((s) => ({ ...s, columns: change(s.columns) }))
  const items: readonly [string, () => void][] = [
    ['Sort ascending', () => store.set((s) => withSort(s, path, false))],
    ['Sort descending', () => store.set((s) => withSort(s, path, true))],
    ['Order of arrival', () => store.set((s) => withSort(s, path, undefined))],
    [column.pinned ? 'Unpin' : 'Pin to the left', columnsBy((c) => pinnedOrNot(c, path))],
    ['Move left', columnsBy((c) => movedTo(c, shown, path, column.at - 1))],
    ['Move right', columnsBy((c) => movedTo(c, shown, path, column.at + 1))],
    ['Wider', columnsBy((c) => resized(c, path, column.width + 64))],
    ['Narrower', columnsBy((c) => resized(c, path, column.width - 64))],
    ['Hide', columnsBy((c) => shownOrHidden(c, path))],
  ]
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.preventDefault()
      close()
      return
    }
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('input, button')]
    all[(all.indexOf(document.activeElement as HTMLElement) + by + all.length) % all.length]?.focus()
  }
  return (
    <div
      class="column-menu"
      role="dialog"
      aria-label={`Column ${path}`}
      style={{ left: `${left}px` }}
      onKeyDown={press}
      onFocusOut={(event) => {
        const { relatedTarget, currentTarget } = event
        if (relatedTarget instanceof Node && !(currentTarget as HTMLElement).contains(relatedTarget)) close()
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const typed = String(new FormData(event.currentTarget as HTMLFormElement).get('filter') ?? '')
          store.set((s) => withFilter(s, path, filterOf(path, typed)))
          close()
        }}
      >
        <label>
          Filter what was received
          <input
            name="filter"
            type="text"
            autocomplete="off"
            ref={(element) => element?.focus()}
            defaultValue={filter === undefined ? '' : filterText(filter)}
            placeholder="text, =x, !=x, >5, null, absent"
          />
        </label>
      </form>
      {items.map(([title, act]) => (
        <button
          key={title}
          type="button"
          class="quiet"
          onClick={() => {
            act()
            close()
          }}
        >
          {title}
        </button>
      ))}
    </div>
  )
}
