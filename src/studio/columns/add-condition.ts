/** Writes a condition into the WHERE of a statement, and leaves everything else of the text as it stands. Pure. */
import { withPlaceholders } from '../../sql/edit/parameters.ts'
import { SqlError } from '../../sql/error.ts'
import { parseScript } from '../../sql/parse.ts'
import { statementSpans } from '../editor/statement.ts'
import { started } from '../query/start.ts'

/** The new text, or why there is none. */
export type Edited = { readonly sql: string } | { readonly refused: string }

export function withCondition(sql: string, condition: string): Edited {
  let selects: ReturnType<typeof parseScript>
  try {
    selects = parseScript(withPlaceholders(sql)).filter(({ kind }) => kind === 'selectStatement')
  } catch (cause) {
    if (cause instanceof SqlError) return { refused: cause.message }
    throw cause
  }
  const [only] = selects
  if (selects.length !== 1 || only.kind !== 'selectStatement' || only.query.body.kind !== 'select')
    return { refused: 'Only one SELECT can be given a condition; write it by hand.' }
  const { body } = only.query
  if (body.where !== undefined) {
    const { start, end } = body.where.span
    const before = sql.slice(start, end)
    return { sql: `${sql.slice(0, start)}(${before}) AND ${condition}${sql.slice(end)}` }
  }
  if (body.from === undefined) return { refused: 'A SELECT without FROM has no rows to choose from.' }
  const { end } = body.from.span
  return { sql: `${sql.slice(0, end)} WHERE ${condition}${sql.slice(end)}` }
}

/**
 * The same within a text: the statement that was run (`asked`, with the values of its parameters in place) is found in
 * it and changed where it stands. undefined where it stands there no more.
 */
export function withConditionIn(
  text: string,
  values: Readonly<Record<string, string>>,
  asked: string,
  condition: string,
): Edited | undefined {
  const run = (from: number, to: number, all: boolean): boolean =>
    started(text, { from, to }, values, all).sql === asked
  const within = (from: number, to: number): Edited => {
    const edited = withCondition(text.slice(from, to), condition)
    return 'refused' in edited ? edited : { sql: text.slice(0, from) + edited.sql + text.slice(to) }
  }
  const spans = statementSpans(text)
  const own = spans.find(({ from }) => run(from, from, false)) ?? spans.find(({ from, to }) => run(from, to, false))
  if (own !== undefined) return within(own.from, own.to)
  return run(0, 0, true) ? within(0, text.length) : undefined
}
