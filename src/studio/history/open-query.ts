/** Opens a statement: in the tab that is shown where it is an empty query, else in a new one. */
import { activeTab, changedTab, studio, withTab } from '../store.ts'

export function openQuery(sql: string, parameters: Readonly<Record<string, string>> = {}): void {
  studio.set((state) => {
    const tab = activeTab(state)
    const isEmpty = tab?.view === 'query' && tab.sql.trim() === ''
    return isEmpty ? changedTab(state, tab.id, { sql, parameters }) : withTab(state, { sql, parameters })
  })
}
