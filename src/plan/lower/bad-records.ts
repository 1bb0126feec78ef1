/**
 * Which scans of a plan have to give bad records as rows: those whose `_bad` or `_error` is referenced. Looked at once
 * the plan is in its last form, when columns that nothing above reads are gone; so a topic pays for it only where it is
 * used.
 */
import type { BoundExpr, Output, Plan } from '../plan.ts'
import { visit } from '../expressions/children.ts'
import { rewrite, visitExpressions, visitPlan } from '../rewrite.ts'

const ASKING: ReadonlySet<string | number> = new Set(['_bad', '_error'])

/** Marks these scans. */
export function withBadRecords(output: Output): Output {
  const sources = new Set<number>()
  const look = (e: BoundExpr): void => {
    if (e.kind === 'path' && e.path.facet === 'meta' && ASKING.has(e.path.steps[0])) sources.add(e.source)
  }
  visitPlan(output, (plan) => visitExpressions(plan, (e) => visit(e, look)))
  if (sources.size === 0) return output
  return rewrite(
    output,
    (plan): Plan => (plan.kind === 'scan' && sources.has(plan.source) ? { ...plan, badRecords: true } : plan),
  ) as Output
}
