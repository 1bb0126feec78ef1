/**
 * One error class for what the user wrote, and the one renderer of its text (ERROR frames, CLI, web page).
 * It knows the statement text and a span; it does not know Kafka, topics or the socket.
 */
import { UserError } from '../lib/user-error.ts'
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
  EXISTS: 'Something of that name exists already.',
  WRITE: 'Kafka or the schema registry did not take all of what was to be written.',
  FORBIDDEN: 'The account may not do this.',
} as const
/** One of the codes. */
export type SqlErrorCode = keyof typeof SQL_ERROR_CODES

/** What is wrong with a statement: a code, the message, where it stands (`span`, UTF-16 offsets), and the remedy. */
export class SqlError extends UserError {
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
export function position(
  text: string,
  offset: number,
): { line: number; column: number; lineStart: number; lineEnd: number } {
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

/** What takes two cells of a terminal: East Asian wide characters and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
/**
 * What would move the caret or break the line: control and format characters, lone surrogates, line and paragraph
 * separators.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u

/** How many cells of a terminal some characters take. */
export function cells(points: readonly string[]): number {
  let width = 0
  for (const c of points) width += WIDE.test(c) ? 2 : /\p{M}/u.test(c) ? 0 : 1
  return width
}

/** The code points of a source line as they are shown below an error. */
export function shownPoints(line: string): string[] {
  return [...line].map((c) => (UNPRINTABLE.test(c) ? ' ' : c))
}

/**
 * The message, then the line with a caret under the span:
 *
 *     Unknown column "amoun" in payments. Did you mean "amount"?
 *     1 | SELECT amoun FROM payments
 *       |        ^^^^^
 *
 * Of a span over several lines the first is shown, of a long line the piece around the span; tabs and other control
 * characters are shown as spaces.
 */
export function renderSqlError(error: SqlError, text: string): string {
  const head = error.hint === undefined ? error.message : `${error.message} ${error.hint}`
  if (error.span === undefined) return head
  const { start, end } = error.span
  const { line, column, lineStart, lineEnd } = position(text, start)
  const marked = [...text.slice(start, Math.min(end, Math.max(lineEnd, start)))].length
  const from = column - 1 + marked > EXCERPT ? Math.max(0, column - 1 - EXCERPT / 2) : 0
  const shown = shownPoints(text.slice(lineStart, lineEnd)).slice(from, from + EXCERPT)
  const left = column - 1 - from
  const gutter = String(line)
  const carets = '^'.repeat(Math.max(1, cells(shown.slice(left, left + marked))))
  return `${head}\n${gutter} | ${shown.join('')}\n${' '.repeat(gutter.length)} | ${' '.repeat(cells(shown.slice(0, left)))}${carets}`
}
