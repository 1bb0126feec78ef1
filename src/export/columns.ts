/** The columns of a result as the tree that files of nested columns have. */
import type { ResultColumn } from '../engine/host.ts'
import type { DataType } from '../types.ts'

/** A column of a file: a value of the row, or a structure of columns that the SELECT list makes (`AS a.x`). */
export type ColumnNode =
  | { readonly name: string; readonly column: number; readonly type: DataType; readonly spread: boolean }
  | { readonly name: string; readonly members: readonly ColumnNode[] }

/** Columns that share a first step make one structure, at the place of the first of them. */
export function columnTree(columns: readonly ResultColumn[]): ColumnNode[] {
  return tree(
    columns.map((column, index) => ({ ...column, index })),
    0,
  )
}

function tree(columns: readonly (ResultColumn & { readonly index: number })[], depth: number): ColumnNode[] {
  const groups = new Map<string, (ResultColumn & { readonly index: number })[]>()
  for (const column of columns) {
    // What is spread has no name of its own: it never stands in for another column.
    const key = column.spread ? `\u0000${groups.size}` : column.path[depth]
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [column])
    else group.push(column)
  }
  return [...groups.values()].map((group): ColumnNode => {
    const leaf = group.find(({ path }) => path.length === depth + 1)
    const name = group[0].path[depth]
    return leaf === undefined
      ? { name, members: tree(group, depth + 1) }
      : { name, column: leaf.index, type: leaf.type, spread: leaf.spread }
  })
}

/** Names of which no two are equal: a name that is there already gets `_1`, `_2`, … */
export function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>()
  const next = new Map<string, number>()
  return names.map((name) => {
    let free = name
    let n = next.get(name) ?? 1
    while (taken.has(free)) free = `${name}_${n++}`
    next.set(name, n)
    taken.add(free)
    return free
  })
}
