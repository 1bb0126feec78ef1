/** Which statement the caret stands in. Pure; the lexer of the server says where statements end. */
import { tokenize } from '../../sql/lex.ts'

/** Positions in UTF-16 units, end exclusive. */
export interface StatementSpan {
  readonly from: number
  readonly to: number
}

/** The statements of a text, without the semicolons between them. */
export function statementSpans(text: string): readonly StatementSpan[] {
  const spans: StatementSpan[] = []
  let from: number | undefined
  let to = 0
  for (const token of tokenize(text)) {
    if (token.text === ';') {
      if (from !== undefined) spans.push({ from, to })
      from = undefined
    } else if (token.kind !== 'comment' && token.end > token.start) {
      from ??= token.start
      to = token.end
    }
  }
  if (from !== undefined) spans.push({ from, to })
  return spans
}

/**
 * What Run sends: the selection where there is one, else the statement under the caret with the SET and USE that stand
 * before it.
 */
export function textToRun(text: string, selection: StatementSpan): string {
  return runPieces(text, selection)
    .map(({ from, to }) => text.slice(from, to))
    .join(SEPARATOR)
}

const SEPARATOR = ';\n'

/** The pieces of the text that `textToRun` puts together. */
export function runPieces(text: string, selection: StatementSpan): readonly StatementSpan[] {
  if (selection.from !== selection.to) return [selection]
  const spans = statementSpans(text)
  if (spans.length < 2) return [{ from: 0, to: text.length }]
  const at = spans.findIndex(({ to }) => selection.from <= to + 1)
  const chosen = spans[at < 0 ? spans.length - 1 : at]
  return [...spans.filter(({ from, to }) => to <= chosen.from && /^(set|use)\b/i.test(text.slice(from, to))), chosen]
}

/** A position of what `textToRun` gave, as one of the text. */
export function placeInText(pieces: readonly StatementSpan[], position: number): number {
  let start = 0
  for (const { from, to } of pieces) {
    const length = to - from
    if (position <= start + length) return from + Math.max(0, position - start)
    start += length + SEPARATOR.length
  }
  return pieces.at(-1)?.to ?? position
}
