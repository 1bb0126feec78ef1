/**
 * About how many rows a plan gives, from nothing but the numbers of records in its topics. Conditions count as if they
 * kept everything: without statistics of values any other figure would be made up.
 */
import { inputs } from './inputs.ts'
import type { Plan } from './plan.ts'

/** Infinity where a topic could not be asked. */
export function estimatedRows(plan: Plan): number {
  switch (plan.kind) {
    case 'scan':
      return plan.captured?.bounds?.reduce((n, b) => n + Math.max(0, b.end - b.start), 0) ?? Number.POSITIVE_INFINITY
    case 'values':
      return plan.rows.length
    case 'limit':
      return plan.each === undefined ? Math.min(plan.count, estimatedRows(plan.input)) : estimatedRows(plan.input)
    case 'aggregate':
      return plan.keys.length === 0 ? 1 : estimatedRows(plan.input)
    case 'join':
      // A key of one side is most often unique.
      return plan.keys.length > 0 || plan.mark !== undefined
        ? Math.max(estimatedRows(plan.left), estimatedRows(plan.right))
        : estimatedRows(plan.left) * estimatedRows(plan.right)
    case 'setOperation':
      return plan.op === 'union'
        ? plan.sides.reduce((n, side) => n + estimatedRows(side), 0)
        : estimatedRows(plan.sides[0])
    case 'share':
      return estimatedRows(plan.body)
    case 'kept':
      // In memory already, so it is the side to hold.
      return 0
    case 'unnest':
    case 'foreign':
      return Number.POSITIVE_INFINITY
    case 'filter':
    case 'project':
    case 'sort':
    case 'latest':
    case 'output':
      return Math.max(...inputs(plan).map(estimatedRows))
  }
}
