/** The editor of each tab while another tab is shown: text, selection, and what can be undone. */
import { historyField } from '@codemirror/commands'
import { EditorState, type Extension } from '@codemirror/state'
import { studio } from '../store.ts'

const FIELDS = { history: historyField }
const kept = new Map<number, unknown>()

// Those of closed tabs go, and all of them after a logout.
studio.subscribe(() => {
  const { tabs } = studio.get()
  for (const id of [...kept.keys()]) if (!tabs.some((tab) => tab.id === id)) kept.delete(id)
})

/** As plain data: extensions belong to the editor that is drawn. */
export function keepState(tab: number, state: EditorState): void {
  if (studio.get().tabs.some(({ id }) => id === tab)) kept.set(tab, state.toJSON(FIELDS))
}

/** As it was when the tab was left; a new one with the text where there is none. */
export function stateOf(tab: number, text: string, extensions: readonly Extension[]): EditorState {
  const before = kept.get(tab)
  return before === undefined
    ? EditorState.create({ doc: text, extensions })
    : EditorState.fromJSON(before, { extensions }, FIELDS)
}
