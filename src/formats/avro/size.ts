/** How large encoded values of a schema node are, and how much code reads them: what the generators decide by. */
import type { AvroNode } from './schema.ts'

const FIXED: Readonly<Record<string, number>> = { null: 0, default: 0, boolean: 1, float: 4, double: 8 }

/**
 * Sizes of records: types may be used many times over. A recursive record has no fixed size, so what is found on the
 * way round holds for good.
 */
const fixedSizes = new WeakMap<AvroNode, number | undefined>()
const minimumSizes = new WeakMap<AvroNode, number>()

/** The size in bytes of every value of the node, or undefined when it varies. */
export function fixedSize(node: AvroNode, open: Set<AvroNode> = new Set()): number | undefined {
  if (node.kind === 'fixed') return node.size
  if (node.kind !== 'record') return FIXED[node.kind]
  if (open.has(node)) return undefined
  if (fixedSizes.has(node)) return fixedSizes.get(node)
  open.add(node)
  let sum: number | undefined = 0
  for (const field of node.fields) {
    const size = fixedSize(field.node, open)
    if (size === undefined) {
      sum = undefined
      break
    }
    sum += size
  }
  open.delete(node)
  fixedSizes.set(node, sum)
  return sum
}

/** The fewest bytes that a value of the node can have; a recursion counts nothing. */
export function minimumSize(node: AvroNode, open: Set<AvroNode> = new Set()): number {
  if (node.kind === 'fixed') return node.size
  if (node.kind !== 'record') return FIXED[node.kind] ?? 1
  if (open.has(node)) return 0
  const known = minimumSizes.get(node)
  if (known !== undefined) return known
  open.add(node)
  let sum = 0
  for (const field of node.fields) {
    sum += minimumSize(field.node, open)
    // Callers need to know about one byte only; a wide schema must not be walked for more.
    if (sum > 0) break
  }
  open.delete(node)
  minimumSizes.set(node, sum)
  return sum
}

/**
 * How many nodes the code for a value visits, counted no further than `limit`; a recursive type is beyond every limit.
 */
export function codeSize(node: AvroNode, limit: number, open: Set<AvroNode> = new Set()): number {
  if (open.has(node)) return limit + 1
  const children =
    node.kind === 'record'
      ? node.fields.map((field) => field.node)
      : node.kind === 'union'
        ? node.branches
        : node.kind === 'array'
          ? [node.items]
          : node.kind === 'map'
            ? [node.values]
            : node.kind === 'default'
              ? [node.node]
              : []
  let sum = 1
  open.add(node)
  for (const child of children) {
    sum += codeSize(child, limit - sum, open)
    if (sum > limit) break
  }
  open.delete(node)
  return sum
}

/** Whether the schema has records, or arrays of items, that may have no bytes at all. */
export function hasEmptyParts(node: AvroNode, seen: Set<AvroNode> = new Set()): boolean {
  if (seen.has(node)) return false
  seen.add(node)
  if (node.kind === 'array') return minimumSize(node.items) === 0 || hasEmptyParts(node.items, seen)
  if (node.kind === 'default') return hasEmptyParts(node.node, seen)
  if (node.kind === 'map') return hasEmptyParts(node.values, seen)
  if (node.kind === 'union') return node.branches.some((branch) => hasEmptyParts(branch, seen))
  return (
    node.kind === 'record' && (minimumSize(node) === 0 || node.fields.some((field) => hasEmptyParts(field.node, seen)))
  )
}
