/**
 * What is wrong with a text, and how it is mended: errors of form from the parser here, errors of meaning from the
 * server, both in the same sentences; the names that a hint offers as changes of the text. Pure.
 */
import { substituted, withPlaceholders } from '../../sql/edit/parameters.ts'
import { type Mark, syntaxLints } from '../../sql/editor-help.ts'
import { bareNameEnd, isBareWord } from '../../sql/lex.ts'

/** A change that mends an error. Positions in UTF-16 units. */
export interface Fix {
  readonly label: string
  readonly from: number
  readonly to: number
  readonly insert: string
}

export interface Lint {
  readonly from: number
  readonly to: number
  /** The server's sentence with its hint. */
  readonly message: string
  readonly fixes: readonly Fix[]
}

/** Errors of form. A parameter counts as a value. */
export function formLints(text: string): readonly Lint[] {
  return syntaxLints(withPlaceholders(text)).map((mark) => lintOf(mark, text))
}

/** What the server is asked, and how its marks come back to the text. */
export function questionOf(
  text: string,
  parameters: Readonly<Record<string, string>>,
): { readonly sql: string; lints(marks: readonly Mark[]): readonly Lint[] } {
  const { sql, back } = substituted(text, parameters)
  return {
    sql,
    lints: (marks) => marks.map((mark) => lintOf({ ...mark, start: back(mark.start), end: back(mark.end) }, text)),
  }
}

function lintOf({ start, end, text: message }: Mark, text: string): Lint {
  // Where nothing stands, the character before it is marked.
  const from = start < end ? start : Math.max(0, start - 1)
  const to = Math.min(text.length, Math.max(end, from + 1))
  return { from, to, message, fixes: fixesOf(message, { from: start, to: end }, text) }
}

/** The changes that a sentence offers. */
export function fixesOf(message: string, { from, to }: { from: number; to: number }, text: string): readonly Fix[] {
  const written = text.slice(from, to)
  const names = [...(/Did you mean (.+)\?/.exec(message)?.[1] ?? '').matchAll(/"([^"]+)"/g)].map(([, name]) => name)
  const meant = names.map((name) => ({ label: `Use ${name}`, from, to, insert: inserted(name, written, message) }))
  const use = /(?:^|\s)Use "([^"\s]+)"\./.exec(message)?.[1] ?? /(?:^|\s)Use (AND|NOT)\b/.exec(message)?.[1]
  const between = /back-ticks[^`]*(`[^`]+`)/.exec(message)?.[1]
  const said = use ?? between
  return said === undefined || written === '' ? meant : [...meant, { label: `Use ${said}`, from, to, insert: said }]
}

/** A name as it has to be written where the wrong one stands; what stood before its last dot stays. */
function inserted(name: string, written: string, message: string): string {
  if (/^Expected /.test(message) || /\bfunction\b/.test(message)) return name
  if (/\b(table|topic)\b/i.test(message.split('.')[0])) return tableText(name)
  const dot = written.lastIndexOf('.')
  const kept = dot >= 0 && !name.includes('.') ? written.slice(0, dot + 1) : ''
  return kept + fieldText(name)
}

/** A table as it is written: plain, or between back-ticks. */
export function tableText(name: string): string {
  return bareNameEnd(name, 0) === name.length ? name : ticked(name)
}

/** A path as it is written, each step plain or between back-ticks. */
export function fieldText(path: string): string {
  return path
    .split('.')
    .map((step) => (isBareWord(step) ? step : ticked(step)))
    .join('.')
}

function ticked(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
