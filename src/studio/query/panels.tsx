/** The strip of panels below a query, and the one that is shown; above them the error, if there is one. */
import { Part } from '../lazy.tsx'
import type { Run } from '../run/run.ts'
import { changedTab, studio, type Tab } from '../store.ts'
import { useStore } from '../use-store.ts'
import { registered } from '../registry.ts'

export function Panels({ tab, run }: { readonly tab: Tab; readonly run: Run }) {
  const all = registered().panels
  const error = useStore(run.state, (state) => state.error)
  const shown = all.find(({ id }) => id === tab.panel) ?? all[0]
  const show = (panel: string): void => studio.set((state) => changedTab(state, tab.id, { panel }))
  const press = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const next = all[(all.indexOf(shown) + by + all.length) % all.length]
    show(next.id)
    requestAnimationFrame(() => document.getElementById(`panel-tab-${next.id}`)?.focus())
  }
  return (
    <div class="panels">
      <h2 class="unseen">Result</h2>
      <div class="panel-tabs" role="tablist" aria-label="Result" onKeyDown={press}>
        {all.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`panel-tab-${id}`}
            aria-selected={id === shown.id}
            aria-controls="panel"
            tabIndex={id === shown.id ? 0 : -1}
            onClick={() => show(id)}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="panel" id="panel" role="tabpanel" aria-labelledby={`panel-tab-${shown.id}`}>
        {error !== undefined && (
          <pre class="error" role="alert">
            {error.message}
          </pre>
        )}
        <Part key={shown.id} of={shown} props={{ tab, run }} />
      </div>
    </div>
  )
}
