/** Aggregates that give the same answer in any order let one partition be read in several places at once. */
import type { Rule } from './rule.ts'
import type { AggregateName } from '../operators.ts'
import type { Plan } from '../plan.ts'
import { rewrite } from '../rewrite.ts'

const ANY_ORDER: ReadonlySet<AggregateName> = new Set([
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'maxk',
  'mink',
  'maxk_unique',
  'mink_unique',
  'approx_count_distinct',
])

/** Scans below such aggregates are marked as free of order. */
export const unorderedScan: Rule = {
  name: 'unordered-scan',
  apply: (plan) =>
    rewrite(plan, (node) =>
      node.kind === 'aggregate' && node.aggregates.every((a) => ANY_ORDER.has(a.name))
        ? { ...node, input: mark(node.input) }
        : node,
    ),
}

function mark(plan: Plan): Plan {
  if (plan.kind === 'scan') return { ...plan, unordered: true }
  return plan.kind === 'filter' ? { ...plan, input: mark(plan.input) } : plan
}
