/** What the editor knows beyond text. Knowledge of SQL is loaded behind the first drawing: it weighs. */
import { Compartment, type Extension } from '@codemirror/state'
import type { EditorView } from '@codemirror/view'

const sql = new Compartment()

/** Extensions of every editor, as it begins. */
export function editorExtensions(): readonly Extension[] {
  return [sql.of([])]
}

/** Loads what knows SQL into an editor. Without it one can type and run all the same. */
export async function addLanguage(view: EditorView): Promise<void> {
  const { language } = await import('./language.ts')
  if (view.dom.isConnected) view.dispatch({ effects: sql.reconfigure(language()) })
}
