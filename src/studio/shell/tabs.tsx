/** The strip of tabs. Arrows move along it, Delete closes, the focus is on the shown one only. */
import { studio, type Tab, withTab } from '../store.ts'
import { useStore } from '../use-store.ts'
import { registered } from '../registry.ts'
import { closeTab } from './shell-commands.ts'

/** What a tab is called: its subject, or the beginning of what it asks. */
export function tabTitle({ view, subject, sql, id }: Tab): string {
  if (subject !== undefined) return subject
  const source = /\b(?:from|describe|into)\s+`?([\w.*-]+)/i.exec(sql)?.[1]
  const title = registered().views.find((v) => v.id === view)?.title ?? view
  return source ?? (view === 'query' ? `${title} ${id}` : title)
}

function show(id: number): void {
  studio.set((state) => ({ ...state, active: id }))
  requestAnimationFrame(() => document.getElementById(`tab-${id}`)?.focus())
}

export function Tabs() {
  const tabs = useStore(studio, (state) => state.tabs)
  const active = useStore(studio, (state) => state.active)
  const press = (event: KeyboardEvent): void => {
    const at = tabs.findIndex(({ id }) => id === active)
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by !== 0) show(tabs[(at + by + tabs.length) % tabs.length].id)
    else if (event.key === 'Delete') closeTab(active)
    else return
    event.preventDefault()
  }
  return (
    <div class="tabs">
      <div class="tab-list" role="tablist" aria-label="Open tabs" onKeyDown={press}>
        {tabs.map((tab) => (
          <div key={tab.id} class={tab.id === active ? 'tab active' : 'tab'} role="presentation">
            <button
              type="button"
              id={`tab-${tab.id}`}
              role="tab"
              aria-selected={tab.id === active}
              aria-controls="view"
              aria-keyshortcuts="Delete"
              tabIndex={tab.id === active ? 0 : -1}
              title={tab.sql.slice(0, 300)}
              onClick={() => show(tab.id)}
            >
              {tabTitle(tab)}
            </button>
            <button
              type="button"
              class="close"
              tabIndex={-1}
              aria-hidden="true"
              title={`Close ${tabTitle(tab)} (Delete)`}
              onClick={() => closeTab(tab.id)}
            >
              ✕
            </button>
          </div>
        ))}
      </div>
      <button
        type="button"
        class="quiet"
        aria-label="New query"
        onClick={() => studio.set((state) => withTab(state, {}))}
      >
        +
      </button>
    </div>
  )
}
