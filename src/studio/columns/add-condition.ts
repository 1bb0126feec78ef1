/** Writes a condition into the WHERE of a statement, and leaves everything else of the text as it stands. Pure. */
import { SqlError } from '../../sql/error.ts'
import { parseScript } from '../../sql/parse.ts'

/** The new text, or why there is none. */
export type Edited = { readonly sql: string } | { readonly refused: string }

export function withCondition(sql: string, condition: string): Edited {
  let selects: ReturnType<typeof parseScript>
  try {
    selects = parseScript(sql).filter(({ kind }) => kind === 'selectStatement')
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
