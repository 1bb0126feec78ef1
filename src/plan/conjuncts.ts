/** The terms of a condition that must all be true. */
import type { BoundExpr } from './plan.ts'

export function conjuncts(expr: BoundExpr): BoundExpr[] {
  return expr.kind === 'and' && expr.together === undefined ? expr.operands.flatMap(conjuncts) : [expr]
}
