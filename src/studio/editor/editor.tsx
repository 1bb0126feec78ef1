/**
 * The editor: CodeMirror with the words coloured by the lexer of the server. Language support (completion, errors,
 * formatting) is added as extensions by `editorExtensions`.
 */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching } from '@codemirror/language'
import { Prec, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from '@codemirror/view'
import { useEffect, useRef } from 'preact/hooks'
import { runCommand } from '../commands/commands.ts'
import { coloured } from './colour.ts'
import { errorMark, setErrorMark } from './error-mark.ts'
import { addLanguage, editorExtensions } from './extensions.ts'
import { keepState, stateOf } from './kept-states.ts'
import { plainInput } from './plain-input.ts'

interface Props {
  /** The tab whose text it is: its editor is as it was left. */
  readonly tab: number
  readonly text: string
  /** The span of an error, which is marked until the text changes. */
  readonly error: { readonly from: number; readonly to: number } | undefined
  /** The editor, for those that insert into it or ask for the selection. */
  hold(view: EditorView | undefined): void
  change(text: string): void
  /** The caret stands elsewhere, or the text has changed. */
  moved(caret: number): void
}

/** Of the answer that brought the document: styles of the editor bear it. */
function nonce(): string {
  return document.getElementById('studio-entry')?.nonce ?? ''
}

const KEYS = keymap.of([
  { key: 'Mod-Enter', run: () => runCommand('run') },
  { key: 'Mod-Shift-Enter', run: () => runCommand('run.all') },
  { key: 'Mod-.', run: () => runCommand('cancel') },
  { key: 'Mod-s', run: () => runCommand('saved') },
  {
    key: 'Escape',
    run: (view) => {
      view.contentDOM.blur()
      return true
    },
  },
])

export function Editor({ tab, text, error, hold, change, moved }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const editor = useRef<EditorView | undefined>(undefined)
  const changed = useRef(change)
  changed.current = change
  // Texts of this editor that have not come back yet as the text to show: the drawing lags behind the keys.
  const own = useRef<string[]>([])
  const went = useRef(moved)
  went.current = moved
  useEffect(() => {
    if (place.current === null) return
    const extensions: Extension[] = [
      EditorView.cspNonce.of(nonce()),
      Prec.highest(KEYS),
      lineNumbers(),
      history(),
      drawSelection(),
      bracketMatching(),
      highlightActiveLine(),
      EditorView.lineWrapping,
      placeholder('SELECT * FROM …'),
      EditorView.contentAttributes.of({ 'aria-label': 'SQL', spellcheck: 'false' }),
      coloured,
      errorMark,
      plainInput,
      ...editorExtensions(),
      keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) {
          const now = update.state.doc.toString()
          own.current.push(now)
          changed.current(now)
        }
        if (update.docChanged || update.selectionSet) went.current(update.state.selection.main.head)
      }),
    ]
    const view = new EditorView({ state: stateOf(tab, text, extensions), parent: place.current })
    editor.current = view
    hold(view)
    went.current(view.state.selection.main.head)
    // Without it one can type and run all the same.
    addLanguage(view).catch(() => undefined)
    return () => {
      hold(undefined)
      keepState(tab, view.state)
      view.destroy()
    }
  }, [])
  useEffect(() => {
    const view = editor.current
    const known = own.current.lastIndexOf(text)
    own.current.splice(0, known + 1)
    if (known >= 0) return
    // What comes from elsewhere (Back, a link, a saved query) replaces what stands there.
    if (view !== undefined && view.state.doc.toString() !== text)
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } })
    own.current.length = 0
  }, [text])
  useEffect(() => {
    editor.current?.dispatch({ effects: setErrorMark.of(error) })
  }, [error?.from, error?.to])
  return <div class="editor" ref={place} />
}
