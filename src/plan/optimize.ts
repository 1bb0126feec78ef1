/**
 * The optimizer: a list of small plan → plan functions, each in its own file. Each can be switched off alone, and what
 * it gives is checked. Rows never change, only what is read and done for them.
 */
import { checkRule } from './rules/check-rule.ts'
import type { Output } from './plan.ts'
import { backwardScan } from './rules/backward-scan.ts'
import { countFromHeaders } from './rules/count-from-headers.ts'
import { filtersIntoJoins } from './rules/filters-into-joins.ts'
import { foldConstants } from './rules/fold-constants.ts'
import { keyPartition } from './rules/key-partition.ts'
import { limitIntoScan } from './rules/limit-into-scan.ts'
import { orderJoins } from './rules/order-joins.ts'
import { pushPositions } from './rules/push-positions.ts'
import type { OptimizeContext, Rule } from './rules/rule.ts'
import { unorderedScan } from './rules/unordered-scan.ts'

/**
 * In order: joins first, as all else works on their final sides; then constants, so that positions compared with `NOW()
 * - "2h"` are seen; filters down the joins, so that they reach their scan; positions before the rules that need a scan
 * without a filter.
 */
export const RULES: readonly Rule[] = [
  orderJoins,
  foldConstants,
  filtersIntoJoins,
  pushPositions,
  keyPartition,
  countFromHeaders,
  unorderedScan,
  limitIntoScan,
  backwardScan,
]

/**
 * `off`: names of rules that are left out. Some are never: a plan needs constants in their final form, and a long list
 * of sources would be a product of all of them.
 */
export function optimize(output: Output, context: OptimizeContext, off: ReadonlySet<string> | 'all' = NONE): Output {
  let plan: Output = output
  for (const rule of RULES) {
    if (rule.always !== true && (off === 'all' || off.has(rule.name))) continue
    const next = rule.apply(plan, context)
    plan = checkRule(rule.name, plan, next)
  }
  return plan
}

const NONE: ReadonlySet<string> = new Set()
