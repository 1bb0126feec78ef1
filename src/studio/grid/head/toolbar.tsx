/** The line above the rows: search, filters, what is seen of what was received, columns, times, copying. */
import { useRef, useState } from 'preact/hooks'
import type { Store } from '../../observable.ts'
import type { Column } from '../../rows/columns.ts'
import type { CopyFormat } from '../../rows/copy.ts'
import { filterText } from '../../rows/filters.ts'
import { Menu, MenuItem } from '../../shell/menu.tsx'
import { useStore } from '../../use-store.ts'
import { allShown, shownOrHidden } from '../column-choices.ts'
import { type GridState, withFilter, withSort } from '../grid-state.ts'
import { timeStyle, type TimeStyle } from '../timestamps.ts'

interface Props {
  readonly store: Store<GridState>
  readonly columns: readonly Column[]
  readonly rows: number
  /** How many cells would be copied. */
  readonly cells: number
  copy(format: CopyFormat, wholeRow?: boolean): void
  /** False when nothing was found. */
  find(text: string, backwards: boolean): Promise<boolean>
  focusGrid(): void
}

export function Toolbar({ store, columns, rows, cells, copy, find, focusGrid }: Props) {
  const sorts = useStore(store, (state) => state.sorts)
  const filters = useStore(store, (state) => state.filters)
  const arranged = useStore(store, (state) => state.arranged)
  const isArranging = useStore(store, (state) => state.isArranging)
  const isArranged = sorts.length + filters.length > 0
  const what = cells > 1 ? `${cells.toLocaleString('en')} cells` : 'cell'
  return (
    <div class="grid-bar" role="toolbar" aria-label="Rows">
      <Find find={find} focusGrid={focusGrid} />
      {filters.map((filter) => (
        <button
          key={filter.path}
          type="button"
          class="chip"
          aria-label={`Remove the filter on ${filter.path}`}
          onClick={() => store.set((s) => withFilter(s, filter.path, undefined))}
        >
          {filter.path} {filterText(filter)} ✕
        </button>
      ))}
      {sorts.length > 0 && (
        <button type="button" class="chip" onClick={() => store.set((s) => withSort(s, '', undefined))}>
          sorted by {sorts.map(({ path, descending }) => `${path} ${descending ? '↓' : '↑'}`).join(', ')} ✕
        </button>
      )}
      {isArranged && (
        <span class="soft" role="status">
          {arranged === undefined || isArranging
            ? 'arranging …'
            : `${arranged.rows.toLocaleString('en')} of the ${arranged.of.toLocaleString('en')} rows received${
                arranged.of < rows ? ' first' : ''
              }`}
        </span>
      )}
      <span class="space" />
      <Menu label="Columns of the grid" button={<>Columns ▾</>}>
        <ColumnList store={store} columns={columns} />
      </Menu>
      <Times />
      <Menu label="Copy" button={<>Copy ▾</>}>
        <MenuItem onChoose={() => copy('text')}>Copy the {what}</MenuItem>
        <MenuItem onChoose={() => copy('tsv', true)}>Copy the row as TSV</MenuItem>
        <MenuItem onChoose={() => copy('tsv')}>Copy the {what} as TSV</MenuItem>
        <MenuItem onChoose={() => copy('json')}>Copy the {what} as JSON</MenuItem>
        <MenuItem onChoose={() => copy('json', true)}>Copy the row as JSON</MenuItem>
        <MenuItem onChoose={() => copy('sql')}>Copy the {what} as SQL condition</MenuItem>
      </Menu>
    </div>
  )
}

function Find({ find, focusGrid }: Pick<Props, 'find' | 'focusGrid'>) {
  const [isMissing, miss] = useState(false)
  const ref = useRef<HTMLInputElement>(null)
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.preventDefault()
      focusGrid()
    }
    if (event.key !== 'Enter') return
    event.preventDefault()
    const text = ref.current?.value ?? ''
    if (text !== '') void find(text, event.shiftKey).then((found) => miss(!found))
  }
  return (
    <>
      <input
        ref={ref}
        id="grid-find"
        type="search"
        aria-label="Find in the rows received"
        aria-invalid={isMissing}
        placeholder="Find in rows (Ctrl+F)"
        onInput={() => miss(false)}
        onKeyDown={press}
      />
      {isMissing && (
        <span class="soft" role="status">
          not found
        </span>
      )}
    </>
  )
}

/** Not a limit: a longer list is searched by the names in the head. */
const LISTED = 300

function ColumnList({ store, columns }: Pick<Props, 'store' | 'columns'>) {
  const { hidden } = useStore(store, (state) => state.columns)
  return (
    <>
      {hidden.size > 0 && (
        <MenuItem onChoose={() => store.set((s) => ({ ...s, columns: allShown(s.columns) }))}>Show all</MenuItem>
      )}
      {columns.slice(0, LISTED).map(({ path }) => (
        <MenuItem key={path} onChoose={() => store.set((s) => ({ ...s, columns: shownOrHidden(s.columns, path) }))}>
          {hidden.has(path) ? '☐' : '☑'} {path}
        </MenuItem>
      ))}
    </>
  )
}

function Times() {
  const style = useStore(timeStyle, (now) => now)
  return (
    <select
      aria-label="Times are shown in"
      value={style}
      onChange={(event) => timeStyle.set(() => event.currentTarget.value as TimeStyle)}
    >
      <option value="utc">UTC</option>
      <option value="local">Local time</option>
      <option value="raw">Raw times</option>
    </select>
  )
}
