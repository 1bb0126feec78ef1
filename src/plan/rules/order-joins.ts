/**
 * Sources that only commas or CROSS JOIN put together (`FROM a, b, c WHERE a.x = b.x AND …`): equations of WHERE become
 * the keys of their joins, and each source comes where a key connects it with what is joined already. A cross product
 * is left only between sources that nothing connects. The right side of a join is held: the largest source flows, the
 * smallest of those that a key connects comes next. Rows are the same; only which pairs are looked at changes.
 */
import { BOOLEAN } from '../../types.ts'
import { allOf, conjuncts } from '../expressions/conjuncts.ts'
import { estimatedRows } from '../estimate.ts'
import { joinKeys } from '../expressions/join-keys.ts'
import { sourcesOf } from '../lower/lower.ts'
import type { BoundExpr, Join, Plan, Scan } from '../plan.ts'
import { inputs, scansOf } from '../inputs.ts'
import { visit } from '../expressions/children.ts'
import { rewrite } from '../rewrite.ts'
import { isVolatile } from '../expressions/volatile.ts'
import type { Rule } from './rule.ts'

type Filter = Extract<Plan, { kind: 'filter' }>

/** Equations of WHERE become join keys, and sources are joined in an order that uses them. */
export const orderJoins: Rule = {
  name: 'order-joins',
  always: true,
  apply: (plan) => rewrite(plan, (node) => (node.kind === 'filter' && hasProduct(node.input) ? ordered(node) : node)),
}

/**
 * The scans whose number of records decides in which order `orderJoins` puts sources: none where there is nothing to
 * choose.
 */
export function scansInOrder(plan: Plan): Scan[] {
  if (plan.kind === 'filter' && hasProduct(plan.input)) {
    const scans = scansOf(plan)
    return scans.length > 1 ? scans : []
  }
  return inputs(plan).flatMap(scansInOrder)
}

/** A join whose sides may stand in any order. */
function isFree(plan: Plan): plan is Join {
  return plan.kind === 'join' && plan.type === 'inner' && plan.mark === undefined && plan.first !== true
}

function hasProduct(plan: Plan): boolean {
  return (
    isFree(plan) &&
    ((plan.keys.length === 0 && plan.residual === undefined) || hasProduct(plan.left) || hasProduct(plan.right))
  )
}

function ordered({ input, predicate }: Filter): Plan {
  const sources: Plan[] = []
  const terms: BoundExpr[] = [...conjuncts(predicate)]
  const gather = (plan: Plan): void => {
    if (!isFree(plan)) {
      sources.push(plan)
      return
    }
    gather(plan.left)
    gather(plan.right)
    for (const { left, right, by } of plan.keys)
      terms.push({ kind: 'compare', op: '=', by, left, right, type: BOOLEAN })
    if (plan.residual !== undefined) terms.push(...conjuncts(plan.residual))
  }
  gather(input)
  const kept = terms.filter((term) => isVolatile(term))
  let open = terms.filter((term) => !isVolatile(term))
  const joined = (left: Plan, right: Plan): Plan => {
    const { keys, rest } = joinKeys(open, new Set(sourcesOf(left)), new Set(sourcesOf(right)))
    open = [...rest]
    return { kind: 'join', type: 'inner', left, right, keys }
  }
  const ties = tiesOf(open, sources)
  const sizes = sources.map(estimatedRows)
  const waiting = new Set([...sources.keys()].sort((a, b) => compared(sizes[a], sizes[b]) || a - b))
  const parts: Plan[] = []
  while (waiting.size > 0) {
    const first = firstOf(waiting, sizes, ties)
    waiting.delete(first)
    const inside = new Set([first])
    let part = sources[first]
    for (let next = nextOf(waiting, inside, ties); next !== undefined; next = nextOf(waiting, inside, ties)) {
      part = joined(part, sources[next])
      waiting.delete(next)
      inside.add(next)
    }
    parts.push(part)
  }
  const whole = parts.reduce(joined)
  const rest = [...open, ...kept]
  if (rest.length === 0) return whole
  return { kind: 'filter', input: whole, predicate: allOf(rest) }
}

/** Not by their difference: two unknown sizes have none. */
function compared(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}

/** For each source what equations ask of the others: the sources on their other side. */
function tiesOf(
  terms: readonly BoundExpr[],
  sources: readonly Plan[],
): ReadonlyMap<number, readonly ReadonlySet<number>[]> {
  const places = new Map(sources.flatMap((plan, at) => sourcesOf(plan).map((source) => [source, at] as const)))
  const ties = new Map<number, ReadonlySet<number>[]>()
  for (const term of terms) {
    if (term.kind !== 'compare' || term.op !== '=') continue
    const [left, right] = [placesOf(term.left, places), placesOf(term.right, places)]
    for (const [own, other] of [
      [left, right],
      [right, left],
    ]) {
      if (own.size !== 1 || other.size === 0) continue
      const [at] = own
      const known = ties.get(at)
      if (known === undefined) ties.set(at, [other])
      else known.push(other)
    }
  }
  return ties
}

/** Where the sources of an expression stand; of one from outside (a name of an enclosing query) nothing. */
function placesOf(expr: BoundExpr, places: ReadonlyMap<number, number>): ReadonlySet<number> {
  const found = new Set<number>()
  visit(expr, (e) => {
    if ('source' in e) found.add(places.get(e.source) ?? -1)
  })
  return found.has(-1) ? new Set() : found
}

/**
 * The largest of those that wait: whatever comes behind it is held. One that an equation ties to several others at once
 * can only be looked up behind these.
 */
function firstOf(
  waiting: ReadonlySet<number>,
  sizes: readonly number[],
  ties: ReadonlyMap<number, readonly ReadonlySet<number>[]>,
): number {
  const free = [...waiting].filter((at) => ties.get(at)?.some((others) => others.size > 1) !== true)
  return (free.length > 0 ? free : [...waiting]).reduce((best, at) =>
    sizes[at] > sizes[best] || (sizes[at] === sizes[best] && at < best) ? at : best,
  )
}

/** The first of the sources that wait which a key connects with those inside. */
function nextOf(
  waiting: ReadonlySet<number>,
  inside: ReadonlySet<number>,
  ties: ReadonlyMap<number, readonly ReadonlySet<number>[]>,
): number | undefined {
  for (const at of waiting)
    if (ties.get(at)?.some((others) => [...others].every((other) => inside.has(other))) === true) return at
  return undefined
}
