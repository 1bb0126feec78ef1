/** Conditions as the terms that must all be true, and back. */
import { BOOLEAN } from '../../types.ts'
import type { BoundExpr } from '../plan.ts'

/** The terms of a condition; one whose terms have to stay together is a term itself. */
export function conjuncts(expr: BoundExpr): BoundExpr[] {
  return expr.kind === 'and' && expr.together === undefined ? expr.operands.flatMap(conjuncts) : [expr]
}

/** The condition that all of these are true; of at least one. */
export function allOf(terms: readonly BoundExpr[]): BoundExpr {
  return terms.length === 1 ? terms[0] : { kind: 'and', operands: terms, type: BOOLEAN }
}
