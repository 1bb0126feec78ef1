/** A query tab: editor, the row of what can be done, the panels, the line that says how it stands. */
import type { EditorView } from '@codemirror/view'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { Editor } from '../editor/editor.tsx'
import { errorSentence, errorSpan } from '../run/error-place.ts'
import type { Run } from '../run/run.ts'
import { isActive, type RunState } from '../run/run-state.ts'
import { runIn, runOf } from '../run/runs.ts'
import { ExportStrip } from '../export/export-strip.tsx'
import { StatusLine } from '../run/status-line.tsx'
import { addCommand, keysText } from '../commands/commands.ts'
import { isMac, openDialog } from '../shell/shell-commands.ts'
import { changedTab, studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import type { ViewProps } from '../registry.ts'
import { textToRun } from '../editor/statement.ts'
import { Examples } from './examples.tsx'
import { Panels } from './panels.tsx'

export default function QueryView({ tab }: ViewProps) {
  const run = runOf(tab.id)
  const state = useStore(run.state, (s) => s)
  const editor = useRef<EditorView | undefined>(undefined)
  const start = (): void => {
    const text = editor.current?.state.doc.toString() ?? tab.sql
    const { from, to } = editor.current?.state.selection.main ?? { from: 0, to: 0 }
    const sql = textToRun(text, { from, to })
    if (sql.trim() !== '') runIn(tab.id, sql)
  }
  useCommands(run, start, editor)
  useAnnouncements(state)
  const span = useMemo(() => wrongSpan(state, tab.sql), [state.error, tab.sql])
  return (
    <div class="query">
      <Editor
        text={tab.sql}
        error={span}
        hold={(view) => {
          editor.current = view
        }}
        change={(sql) => studio.set((s) => changedTab(s, tab.id, { sql }))}
      />
      <RunBar state={state} run={run} start={start} />
      {state.phase === 'idle' ? (
        <Examples
          choose={(sql) => {
            studio.set((s) => changedTab(s, tab.id, { sql }))
            runIn(tab.id, sql)
          }}
        />
      ) : (
        <Panels tab={tab} run={run} />
      )}
      <ExportStrip />
      <StatusLine run={run} />
    </div>
  )
}

function useCommands(run: Run, start: () => void, editor: { readonly current: EditorView | undefined }): void {
  const latest = useRef(start)
  latest.current = start
  useEffect(() => {
    const removals = [
      addCommand({ id: 'run', title: 'Run the statement', keys: 'Mod+Enter', run: () => latest.current() }),
      addCommand({
        id: 'cancel',
        title: 'Cancel the query',
        keys: 'Mod+.',
        when: () => isActive(run.state.get()),
        run: () => run.cancel(),
      }),
      addCommand({
        id: 'continue',
        title: 'Continue where it stopped',
        when: () => run.state.get().resume !== undefined,
        run: () => void run.goOn(),
      }),
      addCommand({
        id: 'export',
        title: 'Export the whole result …',
        keys: 'Mod+Shift+E',
        run: () => openDialog('export'),
      }),
      addCommand({ id: 'editor', title: 'Go to the editor', keys: 'Escape', run: () => editor.current?.focus() }),
    ]
    return () => removals.forEach((remove) => remove())
  }, [run])
}

/** The place in the editor, where what was sent is what stands there. */
function wrongSpan({ error, sql }: RunState, text: string): { from: number; to: number } | undefined {
  if (error?.place === undefined) return undefined
  const within = errorSpan(sql, error.place)
  const at = text.indexOf(sql)
  return within === undefined || at < 0 ? undefined : { from: within.from + at, to: within.to + at }
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

function RunBar({ state, run, start }: { readonly state: RunState; readonly run: Run; start(): void }) {
  return (
    <div class="run-bar" role="toolbar" aria-label="Query">
      {isActive(state) ? (
        <button type="button" class="primary" onClick={() => run.cancel()}>
          ■ Cancel <kbd>{keysText('Mod+.', isMac)}</kbd>
        </button>
      ) : (
        <button type="button" class="primary" onClick={start}>
          ▶ Run <kbd>{keysText('Mod+Enter', isMac)}</kbd>
        </button>
      )}
      <button type="button" onClick={() => openDialog('export')}>
        Export
      </button>
      <span class="space" />
    </div>
  )
}
