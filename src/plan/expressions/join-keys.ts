/**
 * Which terms of a condition are equations between the two sides of a join, and so can be looked up in a hash table.
 */
import type { BoundExpr, Join } from '../plan.ts'
import { visit } from './children.ts'

type JoinKey = Join['keys'][number]

/** The terms `a.x = b.y` with one side from each input, and the others. */
export function joinKeys(
  terms: readonly BoundExpr[],
  left: ReadonlySet<number>,
  right: ReadonlySet<number>,
): { readonly keys: readonly JoinKey[]; readonly rest: readonly BoundExpr[] } {
  const keys: JoinKey[] = []
  const rest: BoundExpr[] = []
  for (const term of terms) {
    const key = joinKey(term, left, right)
    if (key === undefined) rest.push(term)
    else keys.push(key)
  }
  return { keys, rest }
}

function joinKey(term: BoundExpr, left: ReadonlySet<number>, right: ReadonlySet<number>): JoinKey | undefined {
  if (term.kind !== 'compare' || term.op !== '=') return undefined
  const side = (e: BoundExpr): 'left' | 'right' | undefined => {
    const used = new Set<number>()
    visit(e, (x) => 'source' in x && used.add(x.source))
    if (used.size === 0) return undefined
    if ([...used].every((s) => left.has(s))) return 'left'
    return [...used].every((s) => right.has(s)) ? 'right' : undefined
  }
  const [a, b] = [side(term.left), side(term.right)]
  if (a === 'left' && b === 'right') return { left: term.left, right: term.right, by: term.by }
  return a === 'right' && b === 'left' ? { left: term.right, right: term.left, by: term.by } : undefined
}
