/** What a node of a plan reads from: its inputs, and the scans at the bottom. */
import type { Plan, Scan } from './plan.ts'

/** The inputs of a node, in the order in which they are read. */
export function inputs(plan: Plan): readonly Plan[] {
  if (plan.kind === 'join') return [plan.right, plan.left]
  if (plan.kind === 'share') return [plan.input, plan.body]
  if (plan.kind === 'setOperation') return plan.op === 'union' ? plan.sides : plan.sides.toReversed()
  return 'input' in plan ? [plan.input] : []
}

/** Every scan of a plan, in the order in which they are read. */
export function scansOf(plan: Plan): Scan[] {
  return plan.kind === 'scan' ? [plan] : inputs(plan).flatMap(scansOf)
}
