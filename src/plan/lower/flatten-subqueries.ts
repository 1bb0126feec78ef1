/**
 * EXISTS and IN inside of another EXISTS or IN, joined with AND to the rest of its WHERE: whether there is a row in one
 * with a row in the other is whether there is a row in the join of the two. So a subquery that uses names of two levels
 * becomes one of a single level. What counts rows or looks at NULL is left alone.
 */
import { compare } from '../bind/expressions/coerce.ts'
import { conjuncts } from '../expressions/conjuncts.ts'
import { exprKey } from '../expressions/expr-key.ts'
import { joinKeys } from '../expressions/join-keys.ts'
import { freeReferences, sourcesWithin } from './correlation.ts'
import type { BoundExpr, Plan, Subquery } from '../plan.ts'
import { mapChildren } from '../expressions/children.ts'

/** FROM, and the terms of WHERE. */
export interface Filtered {
  readonly from: Plan
  readonly where: readonly BoundExpr[]
}

export function flattened({ from, where }: Filtered): Filtered {
  const todo = [...where]
  const terms: BoundExpr[] = []
  let joined = from
  for (let term = todo.shift(); term !== undefined; term = todo.shift()) {
    const inner = term.kind === 'subquery' && reachesFar(term, joined) ? partsOf(term) : undefined
    if (inner === undefined) terms.push(term)
    else {
      const [left, right] = [sourcesWithin(joined), sourcesWithin(inner.from)]
      const { keys, rest } = joinKeys(inner.where, left, right)
      joined = { kind: 'join', type: 'inner', left: joined, right: inner.from, keys }
      todo.push(...rest)
    }
  }
  return { from: joined, where: terms }
}

/** Does it use a name that FROM does not have, and so one of a query further out? */
function reachesFar(s: Subquery, from: Plan): boolean {
  const own = sourcesWithin(from)
  return s.outer.some((o) => 'source' in o.value && !own.has(o.value.source))
}

/**
 * FROM and WHERE of a plain subquery with the names of the enclosing queries as those are named where it stands;
 * undefined where it is more than that.
 */
function partsOf(s: Subquery): Filtered | undefined {
  if (s.negated || s.mode === 'scalar' || s.plan.input.kind !== 'project') return undefined
  const { columns, input } = s.plan.input
  const outer = new Map(s.outer.map((o) => [exprKey(o.ref), o.value]))
  const place = (e: BoundExpr): BoundExpr =>
    ('source' in e ? outer.get(exprKey(e)) : undefined) ?? mapChildren(e, place)
  const base = input.kind === 'sort' ? input.input : input
  const from = base.kind === 'filter' ? base.input : base
  if (from.kind === 'aggregate' || from.kind === 'limit' || from.kind === 'sort') return undefined
  // In a join the two sides do not see each other.
  if (freeReferences(from).some((e) => outer.has(exprKey(e)))) return undefined
  const where = base.kind === 'filter' ? conjuncts(base.predicate).map(place) : []
  const equal =
    s.operand === undefined ? [] : [compare('=', s.operand, place(columns[0].expr), s.span ?? { start: 0, end: 0 })]
  return { from, where: [...where, ...equal] }
}
