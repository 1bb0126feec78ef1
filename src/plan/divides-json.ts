/**
 * Whether it matters in a plan if a whole number of JSON was written as a double: only division distinguishes the two.
 */
import type { BoundExpr, Plan } from './plan.ts'
import { visit } from './expressions/children.ts'
import { visitExpressions, visitPlan } from './rewrite.ts'

/** Whether the plan divides a number whose type only the record tells. */
export function dividesJson(plan: Plan): boolean {
  let found = false
  const look = (e: BoundExpr): void => {
    found ||= e.kind === 'arithmetic' && e.op === '/' && e.by === 'dynamic'
  }
  visitPlan(plan, (node) => visitExpressions(node, (e) => visit(e, look)))
  return found
}
