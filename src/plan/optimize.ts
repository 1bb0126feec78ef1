/** The optimizer: a list of small plan → plan functions, each in its own file, each of which can be switched off. Rows never change, only what is read and done for them. */
import { withBadRecords } from './lower/bad-records.ts'
import { lower } from './lower/lower.ts'
import { orderJoins } from './order-joins.ts'
import type { Output } from './plan.ts'
import { backwardScan } from './rules/backward-scan.ts'
import { countFromHeaders } from './rules/count-from-headers.ts'
import { filtersIntoJoins } from './rules/filters-into-joins.ts'
import { foldConstants } from './rules/fold-constants.ts'
import { keyPartition } from './rules/key-partition.ts'
import { limitIntoScan } from './rules/limit-into-scan.ts'
import { pushPositions } from './rules/push-positions.ts'
import type { OptimizeContext, Rule } from './rules/rule.ts'
import { unorderedScan } from './rules/unordered-scan.ts'

/**
 * In order: constants first, so that positions compared with `NOW() - "2h"` are seen; filters down the joins, so that they reach their scan; positions before the
 * rules that need a scan without a filter.
 */
export const RULES: readonly Rule[] = [
  foldConstants,
  filtersIntoJoins,
  pushPositions,
  keyPartition,
  countFromHeaders,
  unorderedScan,
  limitIntoScan,
  backwardScan,
]

/** Without optimization only constants are folded: a plan needs them in their final form. */
export function optimize(output: Output, context: OptimizeContext, enabled = true): Output {
  let plan = orderJoins(output)
  for (const rule of enabled ? RULES : [foldConstants]) plan = rule.apply(plan, context)
  if (plan.kind !== 'output') throw new Error('a rule lost the output')
  return withBadRecords(lower(plan))
}
