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
  panels: [
    { id: 'rows', title: 'Rows', load: () => import('./grid/grid.tsx') },
    { id: 'chart', title: 'Chart', load: () => import('./chart/chart.tsx') },
    { id: 'columns', title: 'Columns', load: () => import('./columns/columns-panel.tsx') },
    { id: 'plan', title: 'Plan', load: () => import('./plan/plan-panel.tsx') },
    { id: 'messages', title: 'Messages', load: () => import('./messages/messages-panel.tsx') },
  ],
  dialogs: [
    { id: 'palette', title: 'Go to', load: () => import('./commands/palette.tsx') },
    { id: 'history', title: 'History', load: () => import('./history/history-dialog.tsx') },
    { id: 'saved', title: 'Saved queries', load: () => import('./history/saved-dialog.tsx') },
    { id: 'keys', title: 'Keys', load: () => import('./commands/keys.tsx') },
    { id: 'export', title: 'Export', load: () => import('./export/export-dialog.tsx') },
    { id: 'connect', title: 'Connect', load: () => import('./connect/connect.tsx') },
  ],
}
