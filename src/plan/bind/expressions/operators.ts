/** Operators over operands that are bound already. */
import { unexpected } from '../../../lib/assert.ts'
import { findFunction } from '../../../functions/all-functions.ts'
import type * as ast from '../../../sql/ast.ts'
import { STRING } from '../../../types.ts'
import { arithmetic, compare } from './coerce.ts'
import type { BoundExpr } from '../../plan.ts'

export function chain(e: ast.Expr, op: 'and' | 'or'): ast.Expr[] {
  const items: ast.Expr[] = []
  let at: ast.Expr = e
  while (at.kind === 'binary' && at.op === op) {
    items.push(at.right)
    at = at.left
  }
  items.push(at)
  return items.reverse()
}

export function operator(e: ast.Binary, left: BoundExpr, right: BoundExpr): BoundExpr {
  switch (e.op) {
    case '=':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(e.op, left, right, e.span)
    case '||':
      return concat(left, right, e)
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return arithmetic(e.op, left, right, e.span)
    default:
      unexpected(`operator ${e.op}`)
  }
}

function concat(left: BoundExpr, right: BoundExpr, e: ast.Binary): BoundExpr {
  const fn = findFunction('concat')
  if (fn === undefined) unexpected('the registry has no concat')
  // Standard SQL: NULL || x is NULL, unlike CONCAT, which skips NULLs.
  return {
    kind: 'function',
    fn: { ...fn, nullable: false },
    name: '||',
    args: [left, right],
    type: STRING,
    span: e.span,
  }
}
