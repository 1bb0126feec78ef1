/**
 * What the page is made of: the views that a tab can show, the panels below a query, the dialogs. A new one is a folder
 * of its own and a line here; it is loaded when it is shown first.
 */
import type { ComponentType } from 'preact'
import type { Run } from './run/run.ts'
import type { Tab } from './store.ts'

/** What a view of a tab is given. */
export interface ViewProps {
  readonly tab: Tab
}
/** What a panel of a query is given: the tab, and the run whose rows it shows. */
export interface PanelProps {
  readonly tab: Tab
  readonly run: Run
}
/** What a dialog is given. */
export interface DialogProps {
  close(): void
}

export interface Lazy<P> {
  readonly id: string
  readonly title: string
  load(): Promise<{ readonly default: ComponentType<P> }>
}

/** The views of tabs; `title` is what a tab without a subject is called. */
export const VIEWS: readonly Lazy<ViewProps>[] = [
  { id: 'query', title: 'Query', load: () => import('./query/query-view.tsx') },
]

/** The panels of a query, in the order of the strip. The first one is shown where the address names none. */
export const PANELS: readonly Lazy<PanelProps>[] = [
  { id: 'rows', title: 'Rows', load: () => import('./grid/grid.tsx') },
]

/** Dialogs, by what `StudioState.dialog` says. */
export const DIALOGS: readonly Lazy<DialogProps>[] = [
  { id: 'palette', title: 'Go to', load: () => import('./shell/palette.tsx') },
  { id: 'keys', title: 'Keys', load: () => import('./shell/keys.tsx') },
  { id: 'connect', title: 'Connect', load: () => import('./connect/connect.tsx') },
]

/** Whether a view of that name is there: what has none is not offered. */
export function hasView(id: string): boolean {
  return VIEWS.some((view) => view.id === id)
}
