/** Computes what does not depend on a record, and simplifies AND, OR and NOT over constants. */
import type { BoundExpr } from '../plan.ts'
import { isConstant, mapChildren } from '../expressions/children.ts'
import type { OptimizeContext, Rule } from './rule.ts'
import { mapExpressions, rewrite } from '../rewrite.ts'

/** Constants are computed. Never switched off: later steps need their values. */
export const foldConstants: Rule = {
  name: 'fold-constants',
  always: true,
  apply: (plan, context) => rewrite(plan, (node) => mapExpressions(node, (e) => fold(e, context))),
}

function fold(expr: BoundExpr, context: OptimizeContext): BoundExpr {
  if (expr.kind === 'constant') return expr
  if (isConstant(expr)) return { ...context.evaluate(expr), span: expr.span }
  const folded = mapChildren(expr, (child) => fold(child, context))
  return folded.kind === 'and' || folded.kind === 'or' ? simplify(folded) : folded
}

/** TRUE leaves an AND, FALSE ends it; the other way round for OR. NULL stays: it is neither. */
function simplify(expr: Extract<BoundExpr, { kind: 'and' | 'or' }>): BoundExpr {
  const neutral = expr.kind === 'and'
  const operands = expr.operands
    .flatMap((o) => (o.kind === expr.kind && o.together === undefined ? o.operands : [o]))
    .filter((o) => !(o.kind === 'constant' && o.value === neutral))
  const decided = operands.find((o) => o.kind === 'constant' && o.value === !neutral)
  if (decided !== undefined) return decided
  if (operands.length === 0) return { kind: 'constant', value: neutral, type: expr.type, span: expr.span }
  // A lone json operand stays wrapped: AND is what checks it to be a boolean.
  return operands.length === 1 && operands[0].type.kind === 'boolean' ? operands[0] : { ...expr, operands }
}
