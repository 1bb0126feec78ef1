/** What a price can be asked for, as plain data: which text, and whether asking is free. */
import type { Statement } from '../../sql/ast.ts'
import { substituted } from '../../sql/edit/parameters.ts'
import { parseScript } from '../../sql/parse.ts'
import { textToRun } from '../editor/statement.ts'
import type { Explained } from './explain.ts'

/** How the price of the statement under the caret stands. */
export type PriceState =
  | { readonly kind: 'none' }
  /** EXPLAIN runs subqueries to know the plan: while one types they are not run. */
  | { readonly kind: 'unasked'; readonly why: string }
  | { readonly kind: 'asking'; readonly sql: string; readonly last: Explained | undefined }
  | { readonly kind: 'known'; readonly sql: string; readonly explained: Explained }
  | { readonly kind: 'failed'; readonly sql: string; readonly message: string }

/** The statement under the caret as EXPLAIN takes it, with the SETs before it. */
export function explainable(
  text: string,
  caret: number,
  values: Readonly<Record<string, string>>,
): { readonly sql: string; readonly isFree: boolean } | undefined {
  const { sql, missing } = substituted(textToRun(text, { from: caret, to: caret }), values)
  if (missing.length > 0 || sql.trim() === '') return undefined
  let statements: readonly Statement[]
  try {
    statements = parseScript(sql)
  } catch {
    return undefined
  }
  const last = statements.at(-1)
  if (last === undefined || statements.slice(0, -1).some(({ kind }) => kind !== 'set' && kind !== 'use'))
    return undefined
  const select = last.kind === 'explain' ? last.statement : last
  if (select.kind !== 'selectStatement') return undefined
  const at = last.span.start
  return {
    sql: last.kind === 'explain' ? sql : `${sql.slice(0, at)}EXPLAIN ${sql.slice(at)}`,
    isFree: !holdsSubquery(select),
  }
}

/** IN (SELECT …), EXISTS and a query as a value; queries in FROM are no such. */
function holdsSubquery(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false
  const { kind, query } = node as { kind?: unknown; query?: unknown }
  if (kind === 'exists' || kind === 'subquery' || (kind === 'in' && query !== undefined)) return true
  return Object.values(node).some(holdsSubquery)
}
