/** The menu of a column: a filter, sorting, and what can be done with the column, by mouse and by keys. */
import type { Store } from '../../observable.ts'
import { filterOf, filterText } from '../../rows/filters.ts'
import { movedTo, pinnedOrNot, resized, shownOrHidden } from '../column-choices.ts'
import { type GridState, withFilter, withSort } from '../grid-state.ts'
import type { Placed } from '../layout.ts'

interface MenuProps {
  readonly store: Store<GridState>
  readonly column: Placed
  readonly columns: readonly Placed[]
  /** Pixels from the left edge of the grid. */
  readonly left: number
  close(): void
}

/** What can be done with a column, by mouse and by keys. */
export function ColumnMenu({ store, column, columns, left, close }: MenuProps) {
  const { path } = column
  const filter = store.get().filters.find((other) => other.path === path)
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.preventDefault()
      return close()
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
      {actions(store, column, columns).map(([title, act]) => (
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

/** Title and deed. */
function actions(
  store: Store<GridState>,
  column: Placed,
  columns: readonly Placed[],
): readonly (readonly [string, () => void])[] {
  const { path } = column
  const shown = columns.map((other) => other.path)
  const columnsBy = (change: (s: GridState['columns']) => GridState['columns']) => () =>
    store.set((s) => ({ ...s, columns: change(s.columns) }))
  return [
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
}
