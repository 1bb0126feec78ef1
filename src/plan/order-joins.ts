/**
 * Sources that only commas or CROSS JOIN put together (`FROM a, b, c WHERE a.x = b.x AND …`): equations of WHERE become the keys of their joins, and each source comes where a key connects it with
 * what is joined already. A cross product is left only between sources that nothing connects. Rows are the same; only which pairs are looked at changes.
 */
import { BOOLEAN } from '../types.ts'
import { conjuncts } from './conjuncts.ts'
import { joinKeys } from './join-keys.ts'
import { sourcesOf } from './lower.ts'
import type { BoundExpr, Join, Plan } from './plan.ts'
import { rewrite } from './rewrite.ts'
import { isVolatile } from './volatile.ts'

type Filter = Extract<Plan, { kind: 'filter' }>

export function orderJoins(plan: Plan): Plan {
  return rewrite(plan, (node) => (node.kind === 'filter' && hasProduct(node.input) ? ordered(node) : node))
}

/** A join whose sides may stand in any order. */
function isFree(plan: Plan): plan is Join {
  return plan.kind === 'join' && plan.type === 'inner' && plan.mark === undefined && plan.first !== true
}

function hasProduct(plan: Plan): boolean {
  return isFree(plan) && ((plan.keys.length === 0 && plan.residual === undefined) || hasProduct(plan.left) || hasProduct(plan.right))
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
    for (const { left, right, by } of plan.keys) terms.push({ kind: 'compare', op: '=', by, left, right, type: BOOLEAN })
    if (plan.residual !== undefined) terms.push(...conjuncts(plan.residual))
  }
  gather(input)
  let open = terms.filter((term) => !isVolatile(term))
  const kept = terms.filter((term) => isVolatile(term))
  const joined = (left: Plan, right: Plan): Plan => {
    const { keys, rest } = joinKeys(open, new Set(sourcesOf(left)), new Set(sourcesOf(right)))
    open = [...rest]
    return { kind: 'join', type: 'inner', left, right, keys }
  }
  const connected = (left: Plan, right: Plan): boolean => joinKeys(open, new Set(sourcesOf(left)), new Set(sourcesOf(right))).keys.length > 0
  const parts: Plan[] = []
  while (sources.length > 0) {
    let part = sources.shift() as Plan
    for (let at = 0; at < sources.length; ) {
      if (connected(part, sources[at])) {
        part = joined(part, sources.splice(at, 1)[0])
        at = 0
      } else at++
    }
    parts.push(part)
  }
  const whole = parts.reduce(joined)
  const rest = [...open, ...kept]
  if (rest.length === 0) return whole
  return { kind: 'filter', input: whole, predicate: rest.length === 1 ? rest[0] : { kind: 'and', operands: rest, type: BOOLEAN } }
}
