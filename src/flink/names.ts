/** The names of fields that a plan looks at. */
import { visit } from '../plan/expressions/children.ts'
import type { BoundExpr, Plan } from '../plan/plan.ts'
import { visitExpressions, visitPlan } from '../plan/rewrite.ts'

/** In paths, and of members of values. */
export function namesOf(plan: Plan): Set<string> {
  const names = new Set<string>()
  const look = (e: BoundExpr): void => {
    if (e.kind === 'member') names.add(e.name)
    if (e.kind === 'path' && e.path.facet !== 'meta')
      for (const step of e.path.steps) if (typeof step === 'string') names.add(step)
  }
  visitPlan(plan, (node) => visitExpressions(node, (e) => visit(e, look)))
  return names
}
