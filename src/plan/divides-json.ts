/** Whether it matters in a plan if a whole number of JSON was written as a double: only division tells the two apart. */
import { type Plan, visit } from './plan.ts'
import { mapExpressions, rewrite } from './rewrite.ts'

export function dividesJson(plan: Plan): boolean {
  let found = false
  rewrite(plan, (node) =>
    mapExpressions(node, (expr) => {
      visit(expr, (e) => {
        found ||= e.kind === 'arithmetic' && e.op === '/' && e.by === 'dynamic'
      })
      return expr
    }),
  )
  return found
}
