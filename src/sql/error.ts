/**
 * One error class for what the user wrote, and the one renderer of its text (ERROR frames, CLI, web page).
 * It knows the statement text and a span; it does not know Kafka, topics or the socket.
 */
import type { Span } from './ast.ts'

/** Stable codes; `docs/errors.md` lists exactly these (a test compares). */
export const SQL_ERROR_CODES = {
  SYNTAX: 'The text is not a statement of the dialect.',
  LIMIT: 'The text is larger or deeper than a named limit allows.',
  UNKNOWN_TABLE: 'No table, view or synonym has that name, or it may not be seen.',
  UNKNOWN_COLUMN: 'The table has no such field.',
  AMBIGUOUS_COLUMN: 'Several sources have a field of that name.',
  UNKNOWN_FUNCTION: 'No function has that name.',
  ARGUMENTS: 'A function was called with arguments that it does not take.',
  TYPE: 'An operator or a cast cannot work on these types.',
  GROUPING: 'A column is neither grouped nor inside an aggregate, or an aggregate stands where none may.',
  SETTING: 'A SET names an unknown setting, or a value that the setting does not take.',
  UNSUPPORTED: 'The statement is understood and not offered here.',
  VALUE: 'A value cannot be converted or computed (division by zero, overflow, bad cast).',
  MEMORY_LIMIT: 'The query needs more groups, rows or bytes than a named limit allows.',
  FORBIDDEN: 'The account may not do this.',
} as const
export type SqlErrorCode = keyof typeof SQL_ERROR_CODES

export class SqlError extends Error {
  readonly code: SqlErrorCode
  readonly span: Span | undefined
  /** The remedy, a sentence of its own: `Did you mean "amount"?`. */
  readonly hint: string | undefined
  constructor(code: SqlErrorCode, message: string, span?: Span, hint?: string) {
    super(message)
    this.name = 'SqlError'
    this.code = code
    this.span = span
    this.hint = hint
  }
}

/** 1-based line and column (in code points) of a UTF-16 offset. */
export function position(text: string, offset: number): { line: number; column: number; lineStart: number; lineEnd: number } {
  const at = Math.min(Math.max(offset, 0), text.length)
  let line = 1
  let lineStart = 0
  for (let i = 0; i < at; i++) {
    if (text.charCodeAt(i) === 10) {
      line++
      lineStart = i + 1
    }
  }
  let lineEnd = text.indexOf('\n', lineStart)
  if (lineEnd < 0) lineEnd = text.length
  if (lineEnd > lineStart && text.charCodeAt(lineEnd - 1) === 13) lineEnd--
  return { line, column: [...text.slice(lineStart, at)].length + 1, lineStart, lineEnd }
}

/** The longest piece of a source line that is shown around a caret, in code points. */
const EXCERPT = 120

/**
 * The message, then the line with a caret under the span:
 *
 *     Unknown column "amoun" in payments. Did you mean "amount"?
 *     1 | SELECT amoun FROM payments
 *       |        ^^^^^
 */
export function renderSqlError(error: SqlError, text: string): string {
  const head = error.hint === undefined ? error.message : `${error.message} ${error.hint}`
  if (error.span === undefined) return head
  const { line, column, lineStart, lineEnd } = position(text, error.span.start)
  const points = [...text.slice(lineStart, lineEnd)].map((c) => (c < ' ' ? ' ' : c))
  const width = Math.max(1, Math.min([...text.slice(error.span.start, Math.min(error.span.end, Math.max(lineEnd, error.span.start)))].length, EXCERPT))
  const from = column - 1 + width > EXCERPT ? Math.max(0, column - 1 - EXCERPT / 2) : 0
  const shown = points.slice(from, from + EXCERPT).join('')
  const gutter = String(line)
  const pad = ' '.repeat(gutter.length)
  return `${head}\n${gutter} | ${shown}\n${pad} | ${' '.repeat(column - 1 - from)}${'^'.repeat(width)}`
}
