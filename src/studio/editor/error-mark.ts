/** Marks the place that the server's error points at, until the text changes. */
import { StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView } from '@codemirror/view'

/** undefined takes the mark away. */
export const setErrorMark = StateEffect.define<{ readonly from: number; readonly to: number } | undefined>()

const MARK = Decoration.mark({ class: 'sql-wrong' })

export const errorMark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    let next = transaction.docChanged ? Decoration.none : marks
    for (const effect of transaction.effects)
      if (effect.is(setErrorMark)) {
        const { from, to } = effect.value ?? { from: 0, to: 0 }
        const end = Math.min(to, transaction.state.doc.length)
        next = from < end ? Decoration.set([MARK.range(from, end)]) : Decoration.none
      }
    return next
  },
  provide: (field) => EditorView.decorations.from(field),
})
