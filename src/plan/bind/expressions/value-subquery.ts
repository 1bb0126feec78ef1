/** Queries inside expressions: those that were bound beforehand take their place in an expression. */
import { ONLY_FIELD } from '../../../functions/library/json.ts'
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { JSON_TYPE } from '../../../types.ts'
import { freeReferences } from '../../lower/correlation.ts'
import type { BoundExpr, Output, Subquery } from '../../plan.ts'
import type { ExpressionContext } from './expression-context.ts'

export function subquery(query: ast.Query, c: ExpressionContext): Pick<Subquery, 'plan' | 'outer'> {
  const plan = c.subqueries.get(query)
  if (plan === undefined) throw new SqlError('UNSUPPORTED', 'A subquery cannot stand here.', query.span)
  return { plan, outer: freeReferences(plan).map((ref) => ({ ref, value: ref })) }
}

/**
 * A subquery that stands for a value, and its column. "*" over JSON, whose columns are not known before the records are
 * read, is the one field that each of them has.
 */
export function valueSubquery(
  query: ast.Query,
  c: ExpressionContext,
  span: ast.Span,
): { readonly inner: ReturnType<typeof subquery>; readonly column: BoundExpr } {
  const inner = subquery(query, c)
  const { shape } = inner.plan
  const columns = shape.kind === 'columns' ? shape.columns : []
  if (columns.length !== 1)
    throw new SqlError(
      'TYPE',
      `A subquery that stands for a value has one column, and this one has ${columns.length}.`,
      span,
    )
  const { expr, spread } = columns[0]
  if (spread !== true) return { inner, column: expr }
  const onlyField = (record: BoundExpr): BoundExpr => ({
    kind: 'function',
    fn: ONLY_FIELD,
    name: '"*"',
    args: [record],
    type: JSON_TYPE,
    span: query.span,
  })
  const { input } = inner.plan
  // Of a correlated subquery only what it projects becomes part of the join.
  const plan: Output =
    input.kind === 'project' && input.columns.length === 1
      ? {
          ...inner.plan,
          input: { ...input, columns: [{ ...input.columns[0], expr: onlyField(input.columns[0].expr) }] },
          shape: { kind: 'columns', columns: [{ path: ['_value'], expr }] },
        }
      : { ...inner.plan, shape: { kind: 'columns', columns: [{ path: ['_value'], expr: onlyField(expr) }] } }
  return { inner: { ...inner, plan }, column: expr }
}
