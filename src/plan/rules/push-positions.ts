/**
 * Offset, partition and timestamp conditions go into the scan. Those on offset and partition are exact and leave the
 * filter; a timestamp bound only moves the start, so its filter stays:
 * timestamps set by producers are in no order.
 */
import { allOf, conjuncts } from '../expressions/conjuncts.ts'
import type { Plan } from '../plan.ts'
import type { Rule } from './rule.ts'
import { isExact, MAX_INTERVALS, mentionsPosition } from '../pushdown.ts'
import { rewrite } from '../rewrite.ts'

/** Conditions on positions and times narrow what the scan reads. */
export const pushPositions: Rule = { name: 'push-positions', apply: (plan) => rewrite(plan, push) }

function push(node: Plan): Plan {
  if (node.kind !== 'filter' || node.input.kind !== 'scan') return node
  const all = conjuncts(node.predicate)
  // A long chain of exclusions would make many small ranges: the rest of it is checked record by record.
  const pushed = all.filter((c) => mentionsPosition(c) || c.kind === 'constant').slice(0, MAX_INTERVALS)
  if (pushed.length === 0) return node
  const scan = {
    ...node.input,
    pushed: allOf([...(node.input.pushed === undefined ? [] : [node.input.pushed]), ...pushed]),
  }
  const kept = all.filter((c) => !pushed.includes(c) || !isExact(c))
  return kept.length === 0 ? scan : { kind: 'filter', input: scan, predicate: allOf(kept) }
}
