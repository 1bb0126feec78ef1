/** The run of each tab, and how its worker is started. */
import { gridOf, withNewResult } from '../grid/grid-state.ts'
import { createStore, type Store } from '../observable.ts'
import { lookAfter, whenEnded } from '../session/ended.ts'
import { serverUrl } from '../session/server.ts'
import { changedTab, studio, withTab } from '../store.ts'
import { type Ceiling, MAX_RESULT_BYTES, MAX_RESULT_ROWS } from '../rows/result.ts'
import { isAggregation } from './continuation.ts'
import { Run, type RunOptions, type RunWorker } from './run.ts'

const runs = new Map<number, Run>()

/** What the user allows a result to grow to. */
export const ceiling: Store<Ceiling> = createStore({ rows: MAX_RESULT_ROWS, bytes: MAX_RESULT_BYTES })

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string }
}

let policy: { createScriptURL(url: string): string } | undefined

/** The address of the worker, which the document names; no other one is trusted. */
function workerUrl(): string {
  const url = new URL(document.getElementById('studio-entry')?.dataset.worker ?? '', location.href).href
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  policy ??= trustedTypes?.createPolicy('sluice-worker', {
    createScriptURL(given) {
      if (given !== url) throw new TypeError('not the worker of this page')
      return given
    },
  })
  return policy === undefined ? url : policy.createScriptURL(url)
}

/** The run of a tab; made when it is asked for first. */
export function runOf(tab: number): Run {
  let run = runs.get(tab)
  if (run === undefined) {
    run = new Run(() => new Worker(workerUrl(), { type: 'module', name: `run ${tab}` }) as unknown as RunWorker)
    runs.set(tab, run)
    whenEnded(run.state, lookAfter)
  }
  return run
}

/** Runs a text in a tab, in the environment that is chosen; nothing while none is. */
export function runIn(tab: number, sql: string, options: RunOptions = {}): void {
  if (studio.get().missing !== undefined) return
  studio.set((state) => changedTab(state, tab, { hasRun: true, ...withoutRow(tab) }))
  const context = { url: serverUrl(), environment: studio.get().environment, ceiling: ceiling.get() }
  runOf(tab).start(sql, context, { live: isAggregation(sql), ...options })
}

/** What pointed at rows of before goes, the record of a row with it; one that a link named stays. */
function withoutRow(tab: number): { readonly record?: undefined } {
  const grid = gridOf(runOf(tab))
  const isOpen = grid.get().open !== undefined
  grid.set(withNewResult)
  return isOpen ? { record: undefined } : {}
}

/** Runs a text in a tab of its own. Where no further one can be opened, the page says so and nothing is run. */
export function runInNewTab(sql: string): void {
  const tab = studio.get().nextTab
  studio.set((state) => withTab(state, { sql }))
  if (studio.get().active === tab) runIn(tab, sql)
}

// Whoever closes a tab, its run ends with it.
studio.subscribe(() => {
  const { tabs } = studio.get()
  for (const id of [...runs.keys()]) if (!tabs.some((tab) => tab.id === id)) closeRun(id)
})

function closeRun(tab: number): void {
  runs.get(tab)?.close()
  runs.delete(tab)
}

/** Ends all of them. */
export function closeRuns(): void {
  for (const tab of [...runs.keys()]) closeRun(tab)
}
