/** ORDER BY: by numbers and names of output columns, and by expressions. */
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import type { BoundExpr, OutputColumn, Plan } from '../../plan.ts'
import { dotted } from '../names/resolve.ts'

export type SortKeys = Extract<Plan, { kind: 'sort' }>['by']

/**
 * ORDER BY items: the number of an output column, the name of one, or an expression. NULLs come last going up and first
 * going down unless said otherwise.
 */
export function bindOrders(
  items: readonly ast.OrderItem[],
  columns: readonly OutputColumn[],
  bind: (e: ast.Expr) => BoundExpr,
): SortKeys {
  return items.map((item) => {
    const nullsFirst = item.nulls === undefined ? item.descending : item.nulls === 'first'
    return { expr: orderExpr(item.expr, columns, bind), descending: item.descending, nullsFirst }
  })
}

function orderExpr(e: ast.Expr, columns: readonly OutputColumn[], bind: (e: ast.Expr) => BoundExpr): BoundExpr {
  if (e.kind === 'number' && /^\d+$/.test(e.text)) {
    const column = columns[Number(e.text) - 1]
    if (column === undefined || column.spread === true)
      throw new SqlError(
        'UNKNOWN_COLUMN',
        `ORDER BY ${e.text} names no column of the SELECT list.`,
        e.span,
        `It has ${columns.length}.`,
      )
    return column.expr
  }
  const named =
    e.kind === 'column' ? columns.find((c) => c.spread !== true && c.path.join('.') === dotted(e.parts)) : undefined
  return named?.expr ?? bind(e)
}
