/**
 * Colours words by what the lexer says they are, in the lines that are seen. What stands before a change is not read
 * again, and nothing behind the last line that is seen.
 */
import { RangeSetBuilder } from '@codemirror/state'
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import { scanToken, type Token } from '../../sql/lex.ts'

const CLASSES: Readonly<Record<string, Decoration>> = Object.fromEntries(
  ['keyword', 'function', 'quoted', 'string', 'number', 'comment', 'operator', 'error'].map((kind) => [
    kind,
    Decoration.mark({ class: `sql-${kind}` }),
  ]),
)

/** Not a limit: longer texts stay plain, so that typing stays quick. */
const MOST = 200_000

/** The tokens of a text as far as they were wanted. */
class Tokens {
  #text = ''
  #found: Token[] = []

  /** Another text, the same up to a position. */
  changed(text: string, from: number): void {
    this.#text = text
    // The token at the change may go on into it.
    let keep = this.#found.length
    while (keep > 0 && this.#found[keep - 1].end >= from) keep--
    this.#found.length = keep
  }

  /** Tokens from the beginning to a position, and one behind it. */
  upTo(position: number): readonly Token[] {
    for (;;) {
      const last = this.#found.at(-1)
      if (last !== undefined && last.start > position) return this.#found
      const next = scanToken(this.#text, last?.end ?? 0)
      if (next.kind === 'end') return this.#found
      this.#found.push(next)
    }
  }
}

function decorations({ state, visibleRanges }: EditorView, tokens: Tokens): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  if (state.doc.length > MOST) return builder.finish()
  const found = tokens.upTo(visibleRanges.at(-1)?.to ?? 0)
  for (const { from, to } of visibleRanges)
    for (let i = firstAt(found, from); i < found.length && found[i].start < to; i++) {
      const { kind, start, end } = found[i]
      const mark = CLASSES[kind === 'identifier' && found[i + 1]?.text === '(' ? 'function' : kind]
      if (mark !== undefined && end > start) builder.add(start, end, mark)
    }
  return builder.finish()
}

/** The first token that ends behind a position. */
function firstAt(tokens: readonly Token[], position: number): number {
  let [low, high] = [0, tokens.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (tokens[middle].end <= position) low = middle + 1
    else high = middle
  }
  return low
}

export const coloured = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    readonly #tokens = new Tokens()
    constructor(view: EditorView) {
      this.#tokens.changed(view.state.doc.toString(), 0)
      this.decorations = decorations(view, this.#tokens)
    }
    update(update: ViewUpdate): void {
      if (update.docChanged) {
        let from = update.state.doc.length
        update.changes.iterChangedRanges((fromA) => {
          from = Math.min(from, fromA)
        })
        this.#tokens.changed(update.state.doc.toString(), from)
      }
      if (update.docChanged || update.viewportChanged) this.decorations = decorations(update.view, this.#tokens)
    }
  },
  { decorations: (plugin) => plugin.decorations },
)
