/** Which references of a plan reach out of it: what makes a subquery a correlated one. */
import { exprKey } from '../expressions/expr-key.ts'
import type { BoundExpr, Plan } from '../plan.ts'
import { inputs } from '../inputs.ts'
import { visit } from '../expressions/children.ts'
import { visitExpressions } from '../rewrite.ts'

/** Every source number that stands for a relation somewhere in the plan. */
export function sourcesWithin(plan: Plan, into: Set<number> = new Set()): Set<number> {
  if ('source' in plan && plan.source !== undefined) into.add(plan.source)
  if (plan.kind === 'join' && plan.mark !== undefined) into.add(plan.mark.source)
  if (plan.kind === 'kept') for (const source of plan.sources) into.add(source)
  for (const input of inputs(plan)) sourcesWithin(input, into)
  return into
}

/** References to relations that the plan does not have, each once. */
export function freeReferences(plan: Plan): BoundExpr[] {
  const own = sourcesWithin(plan)
  const free = new Map<string, BoundExpr>()
  const look = (e: BoundExpr): void =>
    visit(e, (x) => {
      if ('source' in x && !own.has(x.source)) free.set(exprKey(x), x)
    })
  const walk = (node: Plan): void => {
    visitExpressions(node, look)
    for (const input of inputs(node)) walk(input)
  }
  walk(plan)
  return [...free.values()]
}
