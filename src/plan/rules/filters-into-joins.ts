/**
 * A condition on one side of a join is checked before the join, where the join's type allows it, one on a derived table
 * inside of it: fewer rows are held and it can reach the scan.
 */
import { allOf, conjuncts } from '../expressions/conjuncts.ts'
import type { Rule } from './rule.ts'
import type { BoundExpr, Join, Plan, Share } from '../plan.ts'
import { mapChildren, visit } from '../expressions/children.ts'
import { sourcesOf } from '../lower/lower.ts'
import { rewrite } from '../rewrite.ts'
import { isVolatile } from '../expressions/volatile.ts'

/** Conditions go below joins, derived tables and shares. */
export const filtersIntoJoins: Rule = { name: 'filters-into-joins', apply: (plan) => rewrite(plan, push) }

function push(node: Plan): Plan {
  if (node.kind !== 'filter') return node
  if (node.input.kind === 'unnest') {
    const [below, above] = divide(conjuncts(node.predicate), new Set(sourcesOf(node.input.input)))
    if (below.length === 0) return node
    return filtered(
      { ...node.input, input: push({ kind: 'filter', input: node.input.input, predicate: allOf(below) }) },
      above,
    )
  }
  if (node.input.kind === 'latest') {
    const terms = conjuncts(node.predicate)
    const below = terms.filter(ofKey)
    if (below.length === 0) return node
    const rest = terms.filter((t) => !below.includes(t))
    return filtered(
      { ...node.input, input: { kind: 'filter', input: node.input.input, predicate: allOf(below) } },
      rest,
    )
  }
  if (node.input.kind === 'project' && node.input.source !== undefined)
    return intoRelation(conjuncts(node.predicate), node.input, node.input.source)
  if (node.input.kind === 'share') return intoShare(conjuncts(node.predicate), node.input)
  return node.input.kind === 'join' ? intoJoin(conjuncts(node.predicate), node.input) : node
}

/** The same for every record of a key: it can be checked before the latest one is known. */
function ofKey(term: BoundExpr): boolean {
  let only = true
  visit(term, (e) => {
    const key =
      e.kind === 'path' && (e.path.facet === 'key' || (e.path.facet === 'meta' && e.path.steps[0] === 'partition'))
    if (('source' in e && !key) || e.kind === 'slot') only = false
  })
  return only && !isVolatile(term)
}

type Project = Extract<Plan, { kind: 'project' }>

/** Below a derived table, a view or a set of topics the columns are what they are computed from. */
function intoRelation(terms: readonly BoundExpr[], relation: Project, source: number): Plan {
  const placed = (e: BoundExpr): BoundExpr =>
    e.kind === 'column' && e.source === source ? relation.columns[e.index].expr : mapChildren(e, placed)
  // A volatile column has been computed once for its row: its condition stays above.
  const inside = terms.filter((t) => speaksOnlyOf(t, source) && !isVolatile(placed(t)))
  const rest = terms.filter((t) => !inside.includes(t))
  const { input } = relation
  const whole = filtered(relation, terms)
  if (inside.length === 0) return whole
  if (
    input.kind === 'setOperation' &&
    input.op === 'union' &&
    // Equal rows may differ in what a condition looks at, as 1.0 and 1.00 do as texts.
    input.all &&
    input.sides.every((s) => s.kind === 'project' && !s.columns.some((c) => isVolatile(c.expr)))
  ) {
    const side = (s: Plan): Plan => {
      if (s.kind !== 'project') return s
      const slots = (e: BoundExpr): BoundExpr => (e.kind === 'slot' ? s.columns[e.index].expr : mapChildren(e, slots))
      return { ...s, input: below(s.input, inside.map(placed).map(slots)) }
    }
    return filtered({ ...relation, input: { ...input, sides: input.sides.map(side) } }, rest)
  }
  if (!PASSABLE.has(input.kind)) return whole
  return filtered({ ...relation, input: below(input, inside.map(placed)) }, rest)
}

/** What a filter may be moved below a projection of; not LIMIT, whose rows it would change, and not groups. */
const PASSABLE: ReadonlySet<Plan['kind']> = new Set(['scan', 'filter', 'join', 'unnest', 'latest', 'project'])

function speaksOnlyOf(term: BoundExpr, source: number): boolean {
  const [inside] = divide([term], new Set([source]))
  return inside.length === 1
}

function intoJoin(all: readonly BoundExpr[], join: Join): Plan {
  const [left, rest] =
    join.type !== 'right' && join.type !== 'full' ? divide(all, new Set(sourcesOf(join.left))) : [[], all]
  const [right, above] =
    join.type === 'inner' || join.type === 'right' ? divide(rest, new Set(sourcesOf(join.right))) : [[], rest]
  return filtered({ ...join, left: below(join.left, left), right: below(join.right, right) }, above)
}

/**
 * Each row of the input is one of the body at most, so what refers to the input alone can be checked before its rows
 * are kept.
 */
function intoShare(terms: readonly BoundExpr[], share: Share): Plan {
  const [inside, rest] = divide(terms, new Set(sourcesOf(share.input)))
  return filtered({ ...share, input: below(share.input, inside) }, rest)
}

function below(plan: Plan, terms: readonly BoundExpr[]): Plan {
  if (terms.length === 0) return plan
  // Two filters on top of each other are one: a filter on a scan is read together with it.
  return plan.kind === 'filter'
    ? below(plan.input, [...conjuncts(plan.predicate), ...terms])
    : push({ kind: 'filter', input: plan, predicate: allOf(terms) })
}

function filtered(plan: Plan, terms: readonly BoundExpr[]): Plan {
  return terms.length === 0 ? plan : { kind: 'filter', input: plan, predicate: allOf(terms) }
}

/** Terms that refer only to these sources, and the others. */
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
    return only && some && !isVolatile(t)
  })
  return [inside, terms.filter((t) => !inside.includes(t))]
}
