/** Colours words by what the lexer says they are, in the lines that are seen. */
import { RangeSetBuilder } from '@codemirror/state'
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import { highlights } from '../../sql/editor-help.ts'

const CLASSES: Readonly<Record<string, Decoration>> = Object.fromEntries(
  ['keyword', 'function', 'quoted', 'string', 'number', 'comment', 'operator', 'error'].map((kind) => [
    kind,
    Decoration.mark({ class: `sql-${kind}` }),
  ]),
)

/** Not a limit: longer texts stay plain, so that typing stays quick. */
const MOST = 200_000

function decorations({ state, visibleRanges }: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  if (state.doc.length > MOST) return builder.finish()
  for (const { start, end, type } of highlights(state.doc.toString())) {
    const mark = CLASSES[type]
    if (mark !== undefined && end > start && visibleRanges.some(({ from, to }) => start < to && end > from))
      builder.add(start, end, mark)
  }
  return builder.finish()
}

export const coloured = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    constructor(view: EditorView) {
      this.decorations = decorations(view)
    }
    update(update: ViewUpdate): void {
      if (update.docChanged || update.viewportChanged) this.decorations = decorations(update.view)
    }
  },
  { decorations: (plugin) => plugin.decorations },
)
