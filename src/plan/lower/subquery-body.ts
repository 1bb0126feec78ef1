/** The parts of a correlated subquery, and which terms of its WHERE tie it to the enclosing query. */
import { unexpected } from '../../lib/assert.ts'
import { allOf, conjuncts } from '../expressions/conjuncts.ts'
import { freeReferences } from './correlation.ts'
import { exprKey } from '../expressions/expr-key.ts'
import { flattened } from './flatten-subqueries.ts'
import type { Aggregate, BoundExpr, Plan, Sort, Subquery } from '../plan.ts'
import type { CompareBy } from '../operators.ts'
import { mapChildren, visit } from '../expressions/children.ts'
import { expressionsOf } from '../rewrite.ts'

/** A subquery's plan in its parts, from the top down. */
export interface Body {
  readonly columns: readonly { readonly name: string; readonly expr: BoundExpr }[]
  readonly limit: Extract<Plan, { kind: 'limit' }> | undefined
  readonly sort: Sort | undefined
  readonly having: BoundExpr | undefined
  readonly aggregate: Aggregate | undefined
  /** FROM with the terms of WHERE that refer to the subquery alone. */
  readonly from: Plan
  readonly keys: readonly { readonly inner: BoundExpr; readonly outer: BoundExpr; readonly by: CompareBy }[]
  /** Terms that look at a row of both. */
  readonly residual: readonly BoundExpr[]
  /** Terms that refer to the outer row alone: where they are not true, the subquery has no rows. Placed. */
  readonly gate: readonly BoundExpr[]
  /** An expression with what it uses of the outer query as the place where the subquery stands names it. */
  readonly place: (e: BoundExpr) => BoundExpr
}

export function bodyOf(s: Subquery): Body {
  const project = s.plan.input
  if (project.kind !== 'project') unexpected('a subquery that is no relation')
  let at = project.input
  const limit = at.kind === 'limit' ? at : undefined
  if (limit !== undefined) at = limit.input
  const sort = at.kind === 'sort' ? at : undefined
  if (sort !== undefined) at = sort.input
  const having = at.kind === 'filter' && at.input.kind === 'aggregate' ? at.predicate : undefined
  if (having !== undefined && at.kind === 'filter') at = at.input
  const aggregate = at.kind === 'aggregate' ? at : undefined
  if (aggregate !== undefined) at = aggregate.input
  const own = at.kind === 'filter' ? { from: at.input, where: conjuncts(at.predicate) } : { from: at, where: [] }
  const outer = new Map(s.outer.map((o) => [exprKey(o.ref), o.value]))
  // Of an aggregate, and of a value, each row counts: there a row that meets two others must not become two.
  const flat = s.mode === 'scalar' || aggregate !== undefined ? own : flattened(own)
  const place = (e: BoundExpr): BoundExpr =>
    ('source' in e ? outer.get(exprKey(e)) : undefined) ?? mapChildren(e, place)
  const { keys, residual, gate, rest } = ties(flat.where, outer, place)
  const from = rest.length === 0 ? flat.from : filter(flat.from, rest)
  return { columns: project.columns, limit, sort, having, aggregate, from, keys, residual, gate, place }
}

/**
 * Can the outer rows be joined with the subquery as they flow by? Else the subquery has to be answered for each of
 * their values.
 */
export function isTied(s: Subquery, body: Body): boolean {
  const { aggregate, limit, residual, sort } = body
  if (residual.some(correlatedIn) || body.keys.some((k) => correlatedIn(k.outer)) || usesOuterElsewhere(body, s))
    return false
  if (aggregate !== undefined && residual.length > 0) return false
  if (limit !== undefined && (s.mode === 'in' || limit.skip > 0 || limit.count === 0)) return false
  return s.mode !== 'scalar' || aggregate === undefined || aggregate.keys.length === 0 || sort === undefined
}

function correlatedIn(term: BoundExpr): boolean {
  let found = false
  visit(term, (e) => {
    if (e.kind === 'subquery' && e.outer.length > 0) found = true
  })
  return found
}

export function filter(input: Plan, terms: readonly BoundExpr[]): Plan {
  return { kind: 'filter', input, predicate: allOf(terms) }
}

/**
 * Sorts the terms of WHERE: equality between inside and outside, other terms that look at both, those of the outside
 * alone, and the rest.
 */
function ties(
  where: readonly BoundExpr[],
  outer: ReadonlyMap<string, BoundExpr>,
  placed: (e: BoundExpr) => BoundExpr,
): Pick<Body, 'keys' | 'residual' | 'gate'> & { readonly rest: readonly BoundExpr[] } {
  const reach = (e: BoundExpr): { in: boolean; out: boolean } => {
    const r = { in: false, out: false }
    visit(e, (x) => {
      if ('source' in x) r[outer.has(exprKey(x)) ? 'out' : 'in'] = true
    })
    return r
  }
  const keys: { inner: BoundExpr; outer: BoundExpr; by: CompareBy }[] = []
  const residual: BoundExpr[] = []
  const gate: BoundExpr[] = []
  const rest: BoundExpr[] = []
  for (const term of where) {
    const r = reach(term)
    if (!r.out) rest.push(term)
    else if (!r.in) gate.push(placed(term))
    else if (term.kind === 'compare' && term.op === '=') {
      const [a, b] = [reach(term.left), reach(term.right)]
      if (a.in && !a.out && b.out && !b.in) keys.push({ inner: term.left, outer: placed(term.right), by: term.by })
      else if (b.in && !b.out && a.out && !a.in) keys.push({ inner: term.right, outer: placed(term.left), by: term.by })
      else residual.push(placed(term))
    } else residual.push(placed(term))
  }
  return { keys, residual, gate, rest }
}

/** Does it use outer names anywhere but in WHERE, or where the value is computed above the join? */
function usesOuterElsewhere(body: Body, s: Subquery): boolean {
  const outer = new Set(s.outer.map((o) => exprKey(o.ref)))
  const within: BoundExpr[] = []
  const total = body.aggregate !== undefined && body.aggregate.keys.length === 0
  if ((s.mode === 'in' || (s.mode === 'scalar' && body.aggregate !== undefined)) && !total)
    within.push(...body.columns.map((c) => c.expr))
  if (s.mode === 'scalar' && body.sort !== undefined) within.push(...body.sort.by.map((b) => b.expr))
  if (body.having !== undefined && !total) within.push(body.having)
  if (body.aggregate !== undefined) within.push(...expressionsOf(body.aggregate))
  return within.some((e) => uses(e, outer)) || freeReferences(body.from).some((e) => outer.has(exprKey(e)))
}

export function uses(e: BoundExpr, outer: ReadonlySet<string>): boolean {
  let found = false
  visit(e, (x) => {
    if ('source' in x && outer.has(exprKey(x))) found = true
  })
  return found
}
