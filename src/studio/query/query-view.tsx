/**
 * A query tab: editor, the row of what can be done and what it will read, parameters, the panels, the line that says how
 * it stands.
 */
import type { EditorView } from '@codemirror/view'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { systemClock, type Timer } from '../../lib/clock.ts'
import { Editor } from '../editor/editor.tsx'
import { followRun } from '../history/history-store.ts'
import { ParameterBar } from '../parameters/parameter-bar.tsx'
import { Controls } from '../price/controls.tsx'
import { type Controls as ControlState, controlsAt, type Edit } from '../price/edits.ts'
import { ASKED_FROM_BYTES, likelyBytes } from '../price/explain.ts'
import { PriceLine } from '../price/price-line.tsx'
import { pricingOf } from '../price/price-store.ts'
import { ExportStrip } from '../export/export-strip.tsx'
import { FollowButtons } from '../follow/follow-buttons.tsx'
import { errorSentence } from '../run/error-place.ts'
import type { RunState } from '../run/run-state.ts'
import { runIn, runOf } from '../run/runs.ts'
import { StatusLine } from '../run/status-line.tsx'
import { changedTab, studio, type Tab } from '../store.ts'
import { useStore } from '../use-store.ts'
import type { ViewProps } from '../registry.ts'
import { EmptyResult } from './empty-notice.tsx'
import { Examples } from './examples.tsx'
import { Panels } from './panels.tsx'
import { useQueryCommands } from './query-commands.ts'
import { Question, RunBar } from './run-bar.tsx'
import { type Started, started, wrongSpan } from './start.ts'

/** How long a run waits for its price, to ask before it reads much. */
const PRICE_WAIT_MS = 300
/** How long nobody types before the controls are read from the text. */
const CONTROLS_MS = 120

export default function QueryView({ tab }: ViewProps) {
  const run = runOf(tab.id)
  followRun(run)
  const state = useStore(run.state, (s) => s)
  const editor = useRef<EditorView | undefined>(undefined)
  const caret = useRef(0)
  const { question, ask, begin, last } = useStart(tab, editor)
  const controls = useControls(tab, caret)
  const pricing = pricingOf(tab.id)
  const { explain, edit, open } = actionsOf(tab, controls, editor, caret, () => void begin(false))
  useQueryCommands(
    run,
    {
      start: () => void begin(false),
      startAll: () => void begin(true),
      follow: () => void begin(false, true),
      explain,
    },
    editor,
  )
  useAnnouncements(state)
  const span = useMemo(() => wrongSpan(state, tab.sql, last.current), [state.error, tab.sql])
  return (
    <div class="query">
      <Editor
        tab={tab.id}
        text={tab.sql}
        error={span}
        hold={(view) => {
          editor.current = view
        }}
        change={(sql) => studio.set((s) => changedTab(s, tab.id, { sql }))}
        moved={(at) => {
          caret.current = at
          controls.look()
          pricing.changed(editor.current?.state.doc.toString() ?? tab.sql, at, tab.parameters)
        }}
      />
      <RunBar state={state} start={() => void begin(false)} cancel={() => run.cancel()} explain={explain}>
        <FollowButtons state={state} run={run} follow={() => void begin(false, true)} />
        {controls.state !== undefined && (
          <Controls
            controls={controls.state}
            read={() => ({ text: editor.current?.state.doc.toString() ?? tab.sql, caret: caret.current })}
            change={edit}
          />
        )}
      </RunBar>
      {question !== undefined && <Question bytes={question.bytes} yes={question.yes} no={() => ask(undefined)} />}
      <PriceLine pricing={pricing} />
      <ParameterBar
        text={tab.sql}
        values={tab.parameters}
        change={(parameters) => studio.set((s) => changedTab(s, tab.id, { parameters }))}
      />
      {state.phase === 'idle' && tab.panel !== 'plan' && tab.record === undefined ? (
        <Examples choose={(sql) => open(tab.sql, [{ from: 0, to: tab.sql.length, insert: sql }])} />
      ) : (
        <>
          <EmptyResult state={state} text={tab.sql} caret={caret.current} values={tab.parameters} choose={open} />
          <Panels tab={tab} run={run} />
        </>
      )}
      <ExportStrip />
      <StatusLine run={run} />
    </div>
  )
}

/** What the controls, the examples and the plan do to the text. */
function actionsOf(
  tab: Tab,
  controls: ReturnType<typeof useControls>,
  editor: { readonly current: EditorView | undefined },
  caret: { readonly current: number },
  start: () => void,
) {
  return {
    explain(): void {
      pricingOf(tab.id).ask(tab.sql, caret.current, tab.parameters, true)
      studio.set((s) => changedTab(s, tab.id, { panel: 'plan' }))
    },
    edit(edits: readonly Edit[]): void {
      editor.current?.dispatch({ changes: edits.map(({ from, to, insert }) => ({ from, to, insert })) })
      controls.lookNow(editor.current?.state.doc.toString() ?? tab.sql)
    },
    /** Changes the text that was shown, and runs the statement in which that was, as Run does. */
    open(text: string, edits: readonly Edit[]): void {
      const view = editor.current
      const [first] = edits
      if (view === undefined || first === undefined || view.state.doc.toString() !== text) return
      view.dispatch({
        changes: edits.map(({ from, to, insert }) => ({ from, to, insert })),
        selection: { anchor: first.from },
      })
      start()
    },
  }
}

interface Asked {
  readonly bytes: number
  yes(): void
}

/** How a run begins: values for all parameters, then the question before much is read. */
function useStart(tab: Tab, editor: { readonly current: EditorView | undefined }) {
  const [question, ask] = useState<Asked | undefined>(undefined)
  const last = useRef<Started | undefined>(undefined)
  const begun = useRef(0)
  const pricing = pricingOf(tab.id)
  useEffect(() => ask(undefined), [tab.sql])
  const begin = async (all: boolean, follow = false): Promise<void> => {
    const own = ++begun.current
    const before = runOf(tab.id).state.get().run
    const text = editor.current?.state.doc.toString() ?? tab.sql
    const { from, to, head } = editor.current?.state.selection.main ?? { from: 0, to: 0, head: 0 }
    const next = started(text, { from, to }, tab.parameters, all)
    if (next.sql.trim() === '') return
    if (next.missing.length > 0) return wantValue(next.missing[0])
    const go = (): void => {
      ask(undefined)
      last.current = next
      if (tab.panel === 'plan') studio.set((s) => changedTab(s, tab.id, { panel: undefined }))
      runIn(tab.id, next.sql, { follow })
    }
    if (follow || all || from !== to || pricing.allowed.has(next.sql)) return go()
    const explained = await pricing.before(text, head, tab.parameters, PRICE_WAIT_MS)
    // What was begun while it waited for its price is what is wanted now.
    if (own !== begun.current || before !== runOf(tab.id).state.get().run) return
    const bytes = explained === undefined ? undefined : likelyBytes(explained)
    if (bytes === undefined || bytes <= ASKED_FROM_BYTES) return go()
    const yes = (): void => {
      pricing.allowed.add(next.sql)
      go()
    }
    ask({ bytes, yes })
  }
  return { question, ask, begin, last }
}

function wantValue(name: string): void {
  studio.set((s) => ({ ...s, announcement: `The parameter ${name} needs a value.` }))
  document.querySelector<HTMLInputElement>(`input[aria-label="Value of ${CSS.escape(name)}"]`)?.focus()
}

/** The controls of the statement under the caret, read when nobody types. */
function useControls(tab: Tab, caret: { readonly current: number }) {
  const [state, set] = useState<ControlState | undefined>(() => controlsAt(tab.sql, 0))
  const timer = useRef<Timer | undefined>(undefined)
  const text = useRef(tab.sql)
  text.current = tab.sql
  const look = (): void => {
    timer.current?.cancel()
    timer.current = systemClock.after(CONTROLS_MS, () => set(controlsAt(text.current, caret.current)))
  }
  const pricing = pricingOf(tab.id)
  useEffect(() => {
    look()
    pricing.changed(tab.sql, caret.current, tab.parameters)
    return () => timer.current?.cancel()
  }, [tab.id, tab.sql, tab.parameters])
  return { state, look, lookNow: (now: string) => set(controlsAt(now, caret.current)) }
}

function useAnnouncements({ phase, rows, error, why }: RunState): void {
  useEffect(() => {
    const count = `${rows.toLocaleString('en')} rows`
    const texts: Partial<Record<RunState['phase'], string>> = {
      running: 'Running',
      complete: `${count}, complete`,
      limited: `${count}, incomplete: ${why}`,
      cancelled: `${count}, cancelled`,
      failed: `Error: ${errorSentence(error?.message ?? '')}`,
      lost: `${count}, the connection was lost`,
    }
    const announcement = texts[phase]
    if (announcement !== undefined) studio.set((s) => ({ ...s, announcement }))
  }, [phase])
}
