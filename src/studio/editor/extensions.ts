/** What the editor knows beyond text: language support is listed here. */
import type { Extension } from '@codemirror/state'

/** Extensions of every editor. */
export function editorExtensions(): readonly Extension[] {
  return []
}
