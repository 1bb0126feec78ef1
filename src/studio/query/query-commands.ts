/** The commands of a query tab: for the palette, for keys, and for the list of keys. */
import { toggleComment } from '@codemirror/commands'
import type { EditorView } from '@codemirror/view'
import { useEffect, useRef } from 'preact/hooks'
import { copyText, sayNotCopied } from '../clipboard.ts'
import { addCommand, type Command } from '../commands/commands.ts'
import type { Run } from '../run/run.ts'
import { isActive } from '../run/run-state.ts'
import { isWhole, MAX_URL } from '../route.ts'
import { openDialog } from '../shell/shell-commands.ts'
import { routeOf, studio } from '../store.ts'

interface Does {
  start(): void
  startAll(): void
  follow(): void
  explain(): void
}

export function useQueryCommands(run: Run, does: Does, editor: { readonly current: EditorView | undefined }): void {
  const latest = useRef(does)
  latest.current = does
  useEffect(() => {
    const inEditor = (act: (view: EditorView) => void): void => {
      if (editor.current !== undefined) act(editor.current)
    }
    const all: readonly Command[] = [
      { id: 'run', title: 'Run the statement', keys: 'Mod+Enter', run: () => latest.current.start() },
      { id: 'run.all', title: 'Run all statements', keys: 'Mod+Shift+Enter', run: () => latest.current.startAll() },
      { id: 'follow', title: 'Follow: go on with what comes', keys: 'Alt+F', run: () => latest.current.follow() },
      {
        id: 'pause',
        title: 'Pause or resume what is followed',
        keys: 'Alt+P',
        when: () => isActive(run.state.get()) && run.state.get().follow,
        run: () => (run.state.get().paused === undefined ? run.pause() : run.resume()),
      },
      { id: 'export', title: 'Export the whole result …', keys: 'Mod+Shift+E', run: () => openDialog('export') },
      { id: 'explain', title: 'Explain the statement', keys: 'Alt+E', run: () => latest.current.explain() },
      {
        id: 'cancel',
        title: 'Cancel the query',
        keys: 'Mod+.',
        when: () => isActive(run.state.get()),
        run: () => run.cancel(),
      },
      {
        id: 'continue',
        title: 'Continue where it stopped',
        when: () => run.state.get().resume !== undefined,
        run: () => void run.goOn(),
      },
      {
        id: 'format',
        title: 'Format the text',
        keys: 'Mod+Shift+F',
        run: () => inEditor((view) => void import('../editor/language.ts').then(({ layOut }) => layOut(view))),
      },
      {
        id: 'comment',
        title: 'Comment or uncomment the line',
        keys: 'Mod+/',
        run: () => inEditor((view) => void toggleComment(view)),
      },
      { id: 'history', title: 'Show the history', keys: 'Alt+H', run: () => openDialog('history') },
      { id: 'saved', title: 'Save the query, or open a saved one', keys: 'Mod+S', run: () => openDialog('saved') },
      {
        id: 'link',
        title: 'Copy a link to this query',
        run: () => void copyLink(),
      },
      { id: 'editor', title: 'Go to the editor', keys: 'Escape', run: () => editor.current?.focus() },
    ]
    const removals = all.map(addCommand)
    return () => removals.forEach((remove) => remove())
  }, [run])
}

/** Of the place that is shown; a statement too long for an address would be missing in it. */
async function copyLink(): Promise<void> {
  const route = routeOf(studio.get())
  if (route !== undefined && !isWhole(route))
    sayNotCopied(
      `the statement is too long for a link: an address holds ${MAX_URL.toLocaleString('en')} characters (studio.url.characters). Save the query instead.`,
    )
  else await copyText(location.href, 'The link is copied.')
}
