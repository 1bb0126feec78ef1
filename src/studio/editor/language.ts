/**
 * What makes the editor know SQL: errors as one types with the changes that mend them, completion, layout, comments.
 * Loaded when the editor is there already; what decides (errors, offers, layout) is plain and stands beside.
 */
import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  type Completion,
  type CompletionContext,
  completionKeymap,
  type CompletionResult,
  snippet,
} from '@codemirror/autocomplete'
import { toggleComment } from '@codemirror/commands'
import { type Diagnostic, forEachDiagnostic, lintKeymap, linter } from '@codemirror/lint'
import { EditorState, type Extension, Prec } from '@codemirror/state'
import { type EditorView, keymap } from '@codemirror/view'
import { formatted } from '../../sql/edit/format.ts'
import type { Mark } from '../../sql/editor-help.ts'
import { behind, rest } from '../session/server.ts'
import { topicsStore } from '../explorer/topics-store.ts'
import { activeTab, studio } from '../store.ts'
import { type Offer, offersAt, tablesAround, wantsHeaders } from './complete.ts'
import { known, learn } from './known.ts'
import { type Fix, formLints, type Lint, questionOf } from './lints.ts'
import { snippets } from './snippets.ts'

/** How long nobody types before the form is looked at, and before the server is asked what it means. */
const LINT_MS = 250
/** Not a limit: longer texts are looked at by the server alone, when they are run. */
const MOST = 100_000

export function language(): Extension {
  return [
    linter(errors, { delay: LINT_MS }),
    autocompletion({
      override: [complete],
      icons: false,
      activateOnTypingDelay: 60,
      interactionDelay: 0,
      maxRenderedOptions: 60,
    }),
    closeBrackets(),
    EditorState.languageData.of(() => [
      {
        commentTokens: { line: '--', block: { open: '/*', close: '*/' } },
        closeBrackets: { brackets: ['(', '[', "'", '`'] },
      },
    ]),
    Prec.highest(
      keymap.of(
        ['Mod-Enter', 'Mod-Shift-Enter'].map((key) => ({
          key,
          // What is offered goes away, and the run goes on.
          run: (view: EditorView) => closeCompletion(view) && false,
        })),
      ),
    ),
    Prec.high(
      keymap.of([
        { key: 'Tab', run: acceptCompletion },
        { key: 'Mod-/', run: toggleComment },
        { key: 'Mod-Shift-f', run: layOut },
        { key: 'Mod-Shift-F', run: layOut },
        { key: 'Alt-Enter', run: applyFix },
        ...closeBracketsKeymap,
        ...completionKeymap,
        ...lintKeymap,
      ]),
    ),
  ]
}

/** Lays the text out; the caret stays at its token. What cannot be parsed is left alone, and it is said. */
export function layOut(view: EditorView): boolean {
  const text = view.state.doc.toString()
  const result = formatted(text)
  if (result === undefined) {
    studio.set((s) => ({ ...s, announcement: 'The text cannot be formatted: mend its errors first.' }))
    return true
  }
  const next = text.endsWith('\n') ? result : result.trimEnd()
  if (next === text) return true
  const solid = (s: string): number => s.replaceAll(/\s/g, '').length
  const passed = solid(text.slice(0, view.state.selection.main.head))
  let at = 0
  for (let count = 0; at < next.length && count < passed; at++) if (!/\s/.test(next[at])) count++
  view.dispatch({
    changes: { from: 0, to: text.length, insert: next },
    selection: { anchor: at },
    scrollIntoView: true,
  })
  studio.set((s) => ({ ...s, announcement: 'Formatted.' }))
  return true
}

async function errors(view: EditorView): Promise<readonly Diagnostic[]> {
  const text = view.state.doc.toString()
  if (text.trim() === '' || text.length > MOST) return []
  const form = formLints(text)
  return (form.length > 0 ? form : await meaning(text)).map(diagnostic)
}

async function meaning(text: string): Promise<readonly Lint[]> {
  const { environment } = studio.get()
  if (environment === undefined) return []
  const { sql, lints } = questionOf(text, activeTab(studio.get())?.parameters ?? {})
  try {
    const path = behind(environment, 'api/v1/sql/presentation')
    const body = JSON.stringify({ sql, caret: 0, lintsOnly: true })
    return lints((await rest<{ lints: readonly Mark[] }>(path, { method: 'POST', body })).lints)
  } catch {
    // What cannot be asked is said when it is run.
    return []
  }
}

function diagnostic({ from, to, message, fixes }: Lint): Diagnostic {
  return {
    from,
    to,
    severity: 'error',
    message,
    actions: fixes.map((fix, i) => ({
      name: i === 0 ? `${fix.label} (Alt+Enter)` : fix.label,
      apply: (view: EditorView) => applied(view, fix),
    })),
  }
}

function applied(view: EditorView, { from, to, insert }: Fix): void {
  view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: 'input.fix' })
  view.focus()
}

/** The first change of the error at the caret; where there is none, of the first error of the text that has one. */
function applyFix(view: EditorView): boolean {
  const at = view.state.selection.main.head
  let best: Diagnostic | undefined
  forEachDiagnostic(view.state, (found, from, to) => {
    if ((found.actions?.length ?? 0) === 0) return
    if (best === undefined || (from <= at && at <= to)) best = found
  })
  const action = best?.actions?.[0]
  if (best === undefined || action === undefined) return false
  action.apply(view, best.from, best.to)
  return true
}

async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  const text = context.state.doc.toString()
  if (text.length > MOST) return null
  const { pos, explicit } = context
  const before = context.state.sliceDoc(Math.max(0, pos - 1), pos)
  // Without being asked, something is offered while a word is typed, behind a dot, and behind a quote.
  if (!explicit && !/[\w.`'":]/.test(before)) return null
  const wantsMore = wantsHeaders(text, pos)
  await learn(tablesAround(text, pos), wantsMore)
  if (context.aborted) return null
  const now = known()
  const found = offersAt(text, pos, now)
  const starters = statementStarters(text, pos)
  if (found === undefined && starters.length === 0) return null
  const from = found?.from ?? pos
  const options = [...starters, ...(found?.offers ?? []).map(optionOf)]
  // Behind a quote only values are offered: one that ends a text is followed by nothing in a hurry.
  if (!explicit && /['"]/.test(before) && found?.offers[0]?.kind !== 'value') return null
  if (!explicit && from === pos && !/[.'":]/.test(before)) return null
  // What was cut is looked for again with the next key.
  return { from, options, ...(found?.cut === true ? {} : { validFor: /^[\w`'-]*$/ }) }
}

const BOOST: Readonly<Record<Offer['kind'], number>> = {
  value: 40,
  header: 30,
  field: 20,
  topic: 10,
  setting: 10,
  keyword: 0,
  function: -10,
}

function optionOf({ label, insert, kind, detail, about }: Offer): Completion {
  return {
    label,
    apply: insert,
    type: kind,
    boost: BOOST[kind],
    ...(detail === undefined ? {} : { detail }),
    ...(about === undefined ? {} : { info: about }),
  }
}

/** Where the caret goes, as snippets of the editor write it. */
const FIELD = '$'.concat('{}')

/** Whole statements, where one begins. */
function statementStarters(text: string, pos: number): Completion[] {
  const head = text.slice(text.lastIndexOf(';', pos - 1) + 1, pos)
  if (!/^\s*\w*$/.test(head)) return []
  const { topics } = topicsStore.get()
  const best = topics.find(({ details }) => (details?.records ?? 0) > 0) ?? topics[0]
  const other = topics.find(({ name }) => name !== best?.name)
  return topics.length === 0
    ? []
    : snippets(best, other).map(({ label, about, sql }) => ({
        label,
        type: 'snippet',
        info: about,
        detail: 'snippet',
        boost: -20,
        apply: snippet(sql.replaceAll('{', '\\{').replace('|', FIELD)),
      }))
}
