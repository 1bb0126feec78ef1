/**
 * IS [NOT] TRUE, FALSE, UNKNOWN, and IS [NOT] DISTINCT FROM: conditions that are never NULL. And what is left of them
 * where only TRUE counts.
 */
import type { IsDistinct, IsTruth } from '../../../sql/ast.ts'
import { BOOLEAN } from '../../../types.ts'
import type { BoundExpr } from '../../plan.ts'

/**
 * The operand is computed once: a volatile one differs at each evaluation. NOT makes NULL of what is no truth value in
 * JSON, as every other condition does.
 */
export function truth(operand: BoundExpr, { truth, negated, span }: IsTruth): BoundExpr {
  const not: BoundExpr = { kind: 'not', operand, type: BOOLEAN, span }
  if (truth === 'unknown') return { kind: 'isNull', operand: not, negated, type: BOOLEAN, span }
  const constant = (value: boolean): BoundExpr => ({ kind: 'constant', value, type: BOOLEAN })
  const whens = [{ when: truth === 'true' ? operand : not, then: constant(!negated) }]
  return { kind: 'case', whens, otherwise: constant(negated), type: BOOLEAN, span }
}

/** `equal`: the two compared by `=`, which is NULL where one of them is. */
export function distinctFrom(
  left: BoundExpr,
  right: BoundExpr,
  equal: BoundExpr,
  { negated, span }: IsDistinct,
): BoundExpr {
  const constant = (value: boolean): BoundExpr => ({ kind: 'constant', value, type: BOOLEAN })
  const isNull = (operand: BoundExpr, not: boolean): BoundExpr => ({
    kind: 'isNull',
    operand,
    negated: not,
    type: BOOLEAN,
    span,
  })
  const whens = [
    { when: isNull(left, false), then: isNull(right, !negated) },
    { when: equal, then: constant(negated) },
  ]
  return { kind: 'case', whens, otherwise: constant(!negated), type: BOOLEAN, span }
}

/**
 * A condition as a filter uses it, where NULL counts as FALSE: `x IS TRUE` becomes x and can be pushed down or joined
 * by.
 */
export function asFilter(e: BoundExpr): BoundExpr {
  if (e.kind === 'and' || e.kind === 'or') return { ...e, operands: e.operands.map(asFilter) }
  if (e.kind !== 'case' || e.whens.length !== 1) return e
  const [{ when, then }] = e.whens
  return is(then, true) && is(e.otherwise, false) ? asFilter(when) : e
}

function is(e: BoundExpr, value: boolean): boolean {
  return e.kind === 'constant' && e.value === value
}
