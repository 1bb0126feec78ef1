/** Computes what does not depend on a record, and simplifies AND, OR and NOT over constants. */
import { SqlError } from '../../sql/error.ts'
import type { BoundExpr } from '../plan.ts'
import { isConstant, mapChildren } from '../expressions/children.ts'
import type { OptimizeContext, Rule } from './rule.ts'
import { mapExpressions, rewrite } from '../rewrite.ts'

/** Constants are computed. Never switched off: later steps need their values. */
export const foldConstants: Rule = {
  name: 'fold-constants',
  always: true,
  apply: (plan, context) => rewrite(plan, (node) => mapExpressions(node, (e) => fold(e, context, false))),
}

/** `perhaps`: it is computed for some rows only, or for none. What cannot be computed is then an error of these rows. */
function fold(expr: BoundExpr, context: OptimizeContext, perhaps: boolean): BoundExpr {
  if (expr.kind === 'constant') return expr
  if (isConstant(expr)) {
    try {
      return { ...context.evaluate(expr), span: expr.span }
    } catch (cause) {
      if (perhaps && cause instanceof SqlError && cause.code === 'VALUE') return expr
      throw cause
    }
  }
  const always = alwaysComputed(expr)
  const folded = mapChildren(expr, (child) =>
    fold(child, context, perhaps || (always !== undefined && child !== always)),
  )
  return folded.kind === 'and' || folded.kind === 'or' ? simplify(folded) : folded
}

/** Of an expression that leaves the rest out where this one decides; undefined: all of it is computed. */
function alwaysComputed(expr: BoundExpr): BoundExpr | undefined {
  if (expr.kind === 'or') return expr.operands[0]
  if (expr.kind === 'case') return expr.whens[0]?.when
  return expr.kind === 'function' && expr.fn.firstGiven === true ? expr.args[0] : undefined
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
