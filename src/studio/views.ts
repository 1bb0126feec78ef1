/**
 * What the page is made of: the views that a tab can show, the panels below a query, the dialogs. A new one is a folder
 * of its own and a line here; it is loaded when it is shown first.
 */
import type { Registry } from './registry.ts'

export const ALL: Registry = {
  views: [
    { id: 'query', title: 'Query', load: () => import('./query/query-view.tsx') },
    { id: 'topic', title: 'Topic', load: () => import('./topic/topic-view.tsx') },
    { id: 'queries', title: 'Running queries', load: () => import('./queries/queries-view.tsx') },
  ],
  panels: [{ id: 'rows', title: 'Rows', load: () => import('./grid/grid.tsx') }],
  dialogs: [
    { id: 'palette', title: 'Go to', load: () => import('./commands/palette.tsx') },
    { id: 'keys', title: 'Keys', load: () => import('./commands/keys.tsx') },
    { id: 'connect', title: 'Connect', load: () => import('./connect/connect.tsx') },
  ],
}
