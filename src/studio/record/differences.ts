/** What is different in two records, leaf by leaf. Values are compared as they are written. Pure. */
import { leavesOf } from './json-tree.ts'

export type Mark = 'same' | 'changed' | 'left' | 'right'

/** `left`: it is in the first one alone. Values are JSON text; undefined where there is none. */
export interface Difference {
  readonly path: string
  readonly left: string | undefined
  readonly right: string | undefined
  readonly mark: Mark
}

/** Limit `studio.compared.leaves` (values): of each of two records that are compared. Beyond it: the rest is not compared, and said. */
export const MAX_LEAVES = 5000

/** In the order of the first one; what is only in the second behind it. `rest`: whether a record was too large. */
export function differences(
  left: string,
  right: string,
): { readonly all: readonly Difference[]; readonly rest: boolean } {
  const [a, b] = [leavesOf(left, MAX_LEAVES), leavesOf(right, MAX_LEAVES)]
  const others = new Map(b.leaves.map(({ path, json }) => [path, json]))
  const all: Difference[] = a.leaves.map(({ path, json }) => {
    const other = others.get(path)
    others.delete(path)
    return { path, left: json, right: other, mark: other === undefined ? 'left' : other === json ? 'same' : 'changed' }
  })
  for (const [path, json] of others) all.push({ path, left: undefined, right: json, mark: 'right' })
  return { all, rest: a.rest || b.rest }
}
