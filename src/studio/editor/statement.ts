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
  if (selection.from !== selection.to) return text.slice(selection.from, selection.to)
  const spans = statementSpans(text)
  if (spans.length < 2) return text
  const at = spans.findIndex(({ to }) => selection.from <= to + 1)
  const chosen = spans[at < 0 ? spans.length - 1 : at]
  const before = spans.filter(({ from, to }) => to <= chosen.from && /^(set|use)\b/i.test(text.slice(from, to)))
  return [...before, chosen].map(({ from, to }) => text.slice(from, to)).join(';\n')
}
