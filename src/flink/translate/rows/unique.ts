/** Whether rows of a plan can be told apart by some of their slots: then a second partner by these cannot come. */
import type { BoundExpr, Join, Plan } from '../../../plan/plan.ts'
import { widthOf } from '../../../plan/lower/lower.ts'

/** Slots that the keys of a join are made of, those that are more than a slot left out. */
export function keySlots({ keys }: Pick<Join, 'keys'>, side: 'left' | 'right'): number[] {
  return keys.flatMap((key) => (key[side].kind === 'slot' ? [key[side].index] : []))
}

/** Has a lowered plan one row at most for each set of values of these slots? */
export function isUnique(plan: Plan, slots: ReadonlySet<number>): boolean {
  switch (plan.kind) {
    case 'project':
      return isUnique(plan.input, new Set([...slots].flatMap((i) => slotBelow(plan.columns[i]?.expr))))
    case 'filter':
    case 'sort':
      return isUnique(plan.input, slots)
    case 'limit':
      return (plan.each === undefined && plan.count <= 1) || isUnique(plan.input, slots)
    case 'aggregate':
      return plan.keys.every((_, i) => slots.has(i))
    case 'kept':
      return plan.set !== undefined && slots.has(0)
    case 'join':
      return isUniqueJoin(plan, slots)
    default:
      return false
  }
}

function slotBelow(e: BoundExpr | undefined): number[] {
  return e?.kind === 'slot' ? [e.index] : []
}

/** Each left row has one partner at most, and is told apart itself; a key says of one side what it says of the other. */
function isUniqueJoin(plan: Join, slots: ReadonlySet<number>): boolean {
  const width = widthOf(plan.left)
  const left = new Set([...slots].filter((i) => i < width))
  if (plan.type === 'inner')
    for (const { left: mine, right: theirs } of plan.keys)
      if (mine.kind === 'slot' && theirs.kind === 'slot' && slots.has(theirs.index + width)) left.add(mine.index)
  if (plan.type === 'mark') return isUnique(plan.left, left)
  if (plan.type === 'right' || plan.type === 'full') return false
  const isAlone = plan.type === 'single' || isUnique(plan.right, new Set(keySlots(plan, 'right')))
  return isAlone && isUnique(plan.left, left)
}
