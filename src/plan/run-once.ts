/**
 * WITH queries that hold a volatile function (RANDINT, UUID) are one set of rows, wherever they are named: each use
 * computed for itself would have different values. The binder puts rows that are still to come (`Values.of`) in the
 * place of each use; here the ones that are used once become what they are, a part of the plan, and the others are
 * collected for the engine, which runs them first.
 */
import type { BoundExpr, OnceQuery, Output, Plan } from './plan.ts'
import { mapChildren, visit } from './expressions/children.ts'
import { mapExpressions, rewrite, visitExpressions, visitPlan } from './rewrite.ts'
import { isVolatile } from './expressions/volatile.ts'

/**
 * Calls `look` for every node, also those of queries inside expressions and of the WITH queries themselves; a query
 * that several places name is walked once.
 */
function everyNode(plan: Plan, look: (node: Plan) => void, walked = new Set<number>()): void {
  const within = (e: BoundExpr): void => {
    if (e.kind === 'subquery') everyNode(e.plan, look, walked)
  }
  visitPlan(plan, (node) => {
    look(node)
    visitExpressions(node, (e) => visit(e, within))
    if (node.kind === 'values' && node.of !== undefined && !walked.has(node.of.id)) {
      walked.add(node.of.id)
      everyNode(node.of.plan, look, walked)
    }
  })
}

/** Does a query give different rows each time it is run, even from the same records? */
export function hasVolatile(plan: Plan): boolean {
  let found = false
  everyNode(plan, (node) => {
    found ||= node.kind === 'values' && node.of !== undefined
    visitExpressions(node, (e) => {
      found ||= isVolatile(e)
    })
  })
  return found
}

/** The queries that are to be run before the plan; a query comes behind those that it reads. */
export function onceQueries(plan: Plan, found = new Map<number, OnceQuery>()): ReadonlyMap<number, OnceQuery> {
  everyNode(plan, (node) => {
    if (node.kind !== 'values' || node.of === undefined || found.has(node.of.id)) return
    onceQueries(node.of.plan, found)
    found.set(node.of.id, node.of)
  })
  return found
}

/** What is used in one place only is computed there. */
export function inPlace(output: Output): Output {
  const uses = new Map<number, number>()
  everyNode(output, (node) => {
    if (node.kind === 'values' && node.of !== undefined) uses.set(node.of.id, (uses.get(node.of.id) ?? 0) + 1)
  })
  if (uses.size === 0) return output
  const queries = new Map<number, OnceQuery>()
  const placed = (plan: Plan): Plan =>
    replaced(plan, (of, node) => {
      if (uses.get(of.id) === 1) return placed(of.alone)
      const known = queries.get(of.id) ?? { ...of, plan: placed(of.plan) as Output }
      queries.set(of.id, known)
      return { ...node, of: known }
    })
  return placed(output) as Output
}

/** The plan with other nodes where rows are to come. */
export function replaced(plan: Plan, by: (of: OnceQuery, node: Extract<Plan, { kind: 'values' }>) => Plan): Plan {
  const within = (e: BoundExpr): BoundExpr => {
    const mapped = mapChildren(e, within)
    return mapped.kind === 'subquery' ? { ...mapped, plan: replaced(mapped.plan, by) as Output } : mapped
  }
  return rewrite(plan, (node) =>
    node.kind === 'values' && node.of !== undefined ? by(node.of, node) : mapExpressions(node, within),
  )
}
