/** A condition on one side of a join is checked before the join, where the join's type allows it: fewer rows are held and it can reach the scan. */
import { conjuncts } from '../conjuncts.ts'
import type { Rule } from '../optimize.ts'
import { type BoundExpr, type Join, type Plan, visit } from '../plan.ts'
import { sourcesOf } from '../lower.ts'
import { rewrite } from '../rewrite.ts'

export const filtersIntoJoins: Rule = { name: 'filters-into-joins', apply: (plan) => rewrite(plan, push) }

function push(node: Plan): Plan {
  if (node.kind !== 'filter') return node
  if (node.input.kind === 'unnest') {
    const [below, above] = divide(conjuncts(node.predicate), new Set(sourcesOf(node.input.input)))
    if (below.length === 0) return node
    return filtered({ ...node.input, input: push({ kind: 'filter', input: node.input.input, predicate: and(below) }) }, above)
  }
  return node.input.kind === 'join' ? intoJoin(conjuncts(node.predicate), node.input) : node
}

function intoJoin(all: readonly BoundExpr[], join: Join): Plan {
  const [left, rest] = join.type !== 'right' && join.type !== 'full' ? divide(all, new Set(sourcesOf(join.left))) : [[], all]
  const [right, above] = join.type === 'inner' || join.type === 'right' ? divide(rest, new Set(sourcesOf(join.right))) : [[], rest]
  return filtered({ ...join, left: below(join.left, left), right: below(join.right, right) }, above)
}

function below(plan: Plan, terms: readonly BoundExpr[]): Plan {
  if (terms.length === 0) return plan
  // Two filters on top of each other are one: a filter on a scan is read together with it.
  return plan.kind === 'filter' ? below(plan.input, [...conjuncts(plan.predicate), ...terms]) : push({ kind: 'filter', input: plan, predicate: and(terms) })
}

function filtered(plan: Plan, terms: readonly BoundExpr[]): Plan {
  return terms.length === 0 ? plan : { kind: 'filter', input: plan, predicate: and(terms) }
}

/** Terms that speak only of these sources, and the others. */
function divide(terms: readonly BoundExpr[], sources: ReadonlySet<number>): [BoundExpr[], BoundExpr[]] {
  const inside = terms.filter((t) => {
    let only = true
    let some = false
    visit(t, (e) => {
      if ('source' in e) {
        some = true
        if (!sources.has(e.source)) only = false
      } else if (e.kind === 'slot') only = false
    })
    return only && some
  })
  return [inside, terms.filter((t) => !inside.includes(t))]
}

function and(operands: readonly BoundExpr[]): BoundExpr {
  return operands.length === 1 ? operands[0] : { kind: 'and', operands, type: { kind: 'boolean' } }
}
