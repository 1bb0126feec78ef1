/**
 * Typing over a selection: the browser would carry the look of what it replaces into a style attribute, which the policy
 * of the page refuses (and notes on the console). The editor replaces the text itself.
 */
import { EditorView } from '@codemirror/view'

export const plainInput = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main
    const { data } = event
    if (event.inputType !== 'insertText' || data === null || empty || view.composing) return false
    const insert = () =>
      view.state.update(view.state.replaceSelection(data), { userEvent: 'input.type', scrollIntoView: true })
    // Bracket closing and the like come first, as when the browser types.
    const handled = view.state.facet(EditorView.inputHandler).some((handler) => handler(view, from, to, data, insert))
    if (!handled) view.dispatch(insert())
    event.preventDefault()
    return true
  },
})
