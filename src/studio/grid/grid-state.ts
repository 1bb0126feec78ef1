/**
 * What one does with the rows of a run: sorting, filters, columns, cursor, the open record. Plain data with pure
 * transitions, one store for each run, so that it is there again when one comes back to the panel.
 */
import { createStore, type Store } from '../observable.ts'
import type { Arranged, Arrangement, Sort } from '../rows/arrange.ts'
import type { Column } from '../rows/columns.ts'
import type { Filter } from '../rows/filters.ts'
import type { Run } from '../run/run.ts'
import { type ColumnChoices, NO_CHOICES } from './column-choices.ts'
import type { Cursor } from './cursor.ts'

export interface GridState {
  readonly columns: ColumnChoices
  readonly sorts: readonly Sort[]
  readonly filters: readonly Filter[]
  /** What the worker arranged last, and from what. */
  readonly arranged: (Arranged & { readonly key: string }) | undefined
  /** Whether another arrangement is on its way. */
  readonly isArranging: boolean
  readonly cursor: Cursor
  readonly anchor: Cursor
  /** The number in the result of the row whose record is shown. */
  readonly open: number | undefined
  /** The record that others are compared with. */
  readonly compared: { readonly title: string; readonly json: string } | undefined
}

export const GRID: GridState = {
  columns: NO_CHOICES,
  sorts: [],
  filters: [],
  arranged: undefined,
  isArranging: false,
  cursor: { row: 0, column: 0 },
  anchor: { row: 0, column: 0 },
  open: undefined,
  compared: undefined,
}

const stores = new WeakMap<Run, Store<GridState>>()

/** The store of a run. */
export function gridOf(run: Run): Store<GridState> {
  let store = stores.get(run)
  if (store === undefined) {
    store = createStore(GRID)
    stores.set(run, store)
  }
  return store
}

/** Another result is there: columns, sorting and filters stay, what pointed at rows does not. */
export function withNewResult(state: GridState): GridState {
  const { columns, sorts, filters } = state
  return { ...GRID, columns, sorts, filters }
}

/** Up, down, not at all. `adds`: beside the columns that are sorted by already. */
export function sortedBy(state: GridState, path: string, adds: boolean): GridState {
  const before = state.sorts.find((sort) => sort.path === path)
  const rest = adds ? state.sorts.filter((sort) => sort.path !== path) : []
  if (before?.descending === true) return { ...state, sorts: rest }
  const now = { path, descending: before !== undefined }
  return { ...state, sorts: adds ? replacedOrAdded(state.sorts, now) : [now] }
}

function replacedOrAdded(sorts: readonly Sort[], now: Sort): readonly Sort[] {
  const at = sorts.findIndex(({ path }) => path === now.path)
  return at < 0 ? [...sorts, now] : sorts.with(at, now)
}

/** Sorts in one direction, or (undefined) takes the order of arrival again. */
export function withSort(state: GridState, path: string, descending: boolean | undefined): GridState {
  return { ...state, sorts: descending === undefined ? [] : [{ path, descending }] }
}

/** One condition a column; undefined takes it away. */
export function withFilter(state: GridState, path: string, filter: Filter | undefined): GridState {
  const rest = state.filters.filter((other) => other.path !== path)
  return {
    ...state,
    filters: filter === undefined ? rest : [...rest, filter],
    cursor: GRID.cursor,
    anchor: GRID.anchor,
  }
}

/** What counts for the columns that are there: of another result, a condition stays and waits. */
export function arrangementFor({ sorts, filters }: GridState, columns: readonly Column[]): Arrangement | undefined {
  const paths = new Set(columns.map(({ path }) => path))
  const now = {
    sorts: sorts.filter(({ path }) => paths.has(path)),
    filters: filters.filter(({ path }) => paths.has(path)),
  }
  return now.sorts.length + now.filters.length === 0 ? undefined : now
}

/** Whether rows that came since the last arrangement make another one necessary. */
export function isArrangementDue(
  arranged: GridState['arranged'],
  key: string,
  { rows, ended, sorts }: { readonly rows: number; readonly ended: boolean; readonly sorts: boolean },
): boolean {
  if (arranged === undefined || arranged.key !== key) return true
  if (arranged.of === rows) return false
  // A whole sort for each few rows would be all that the worker does.
  return ended || !sorts || rows > arranged.of * 1.25
}
