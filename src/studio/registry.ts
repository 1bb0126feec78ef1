/**
 * What a view, a panel and a dialog of the page are, and which there are. The list itself is `views.ts`, which
 * everything is imported by and nothing imports.
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

/** What there is, in order. Filled once, by `views.ts`; what is not there is not offered. */
export interface Registry {
  /** The views of tabs; `title` is what a tab without a subject is called. */
  readonly views: readonly Lazy<ViewProps>[]
  /** The panels of a query, in the order of the strip. The first one is shown where the address names none. */
  readonly panels: readonly Lazy<PanelProps>[]
  /** Dialogs, by what `StudioState.dialog` says. */
  readonly dialogs: readonly Lazy<DialogProps>[]
}

let registry: Registry = { views: [], panels: [], dialogs: [] }

/** Before the first drawing. */
export function setRegistry(all: Registry): void {
  registry = all
}

/** What the page is made of. */
export function registered(): Registry {
  return registry
}

/** Whether a view of that name is there: what has none is not offered. */
export function hasView(id: string): boolean {
  return registry.views.some((view) => view.id === id)
}
