/** The plan as rows of a tree, and what a key does in it. Pure. */
import type { PlanNode } from '../price/explain.ts'

/** A step with its place: `path` is its number among the inputs of each step above it. */
export interface TreeRow {
  readonly node: PlanNode
  readonly path: string
  readonly level: number
  readonly position: number
  readonly siblings: number
}

/** From the top, each step before what it reads. */
export function treeRows(root: PlanNode): readonly TreeRow[] {
  const rows: TreeRow[] = []
  const walk = (node: PlanNode, path: string, level: number, position: number, siblings: number): void => {
    rows.push({ node, path, level, position, siblings })
    node.inputs.forEach((input, i) => walk(input, `${path}.${i}`, level + 1, i + 1, node.inputs.length))
  }
  walk(root, '0', 1, 1, 1)
  return rows
}

/** The step that a key leads to; undefined for keys that mean nothing. */
export function moved(rows: readonly TreeRow[], path: string, key: string): string | undefined {
  const at = Math.max(
    0,
    rows.findIndex((row) => row.path === path),
  )
  switch (key) {
    case 'ArrowDown':
      return rows[Math.min(at + 1, rows.length - 1)]?.path
    case 'ArrowUp':
      return rows[Math.max(at - 1, 0)]?.path
    case 'ArrowRight':
      return rows[at]?.node.inputs.length === 0 ? path : `${path}.0`
    case 'ArrowLeft':
      return path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : path
    case 'Home':
      return rows[0]?.path
    case 'End':
      return rows.at(-1)?.path
    default:
      return undefined
  }
}

/** What a step does, apart from its first word: `Scan`, `orders paths=value.id`. */
export function stepText({ kind, text }: PlanNode): { readonly head: string; readonly rest: string } {
  const two = /^(Inner join|Left join|Right join|Full join|Cross join|Union all|Latest of each key|Kept rows)/.exec(
    text,
  )
  const head = two?.[0] ?? kind
  return { head, rest: text.slice(head.length).trim() }
}
