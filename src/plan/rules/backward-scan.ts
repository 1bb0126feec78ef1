/**
 * `ORDER BY _meta.offset DESC LIMIT n` and the same by `_meta.timestamp` straight over one topic: the scan reads
 * backwards from the ends of the partitions. By offset the n newest rows of each partition are enough; by timestamp the
 * n-th best time so far tells which older offsets could still hold a newer record.
 */
import type { Rule } from './rule.ts'
import type { BoundExpr, Plan, Scan } from '../plan.ts'
import { rewrite } from '../rewrite.ts'

/** Newest rows first: the scan reads from the end. */
export const backwardScan: Rule = { name: 'backward-scan', apply: (plan) => rewrite(plan, newestFirst) }

function newestFirst(node: Plan): Plan {
  if (node.kind !== 'limit' || node.each !== undefined || node.input.kind !== 'sort') return node
  const sort = node.input
  const first = sort.by[0]
  const by = first?.descending === true ? position(first.expr) : undefined
  // One row more than the server's cap tells that there are more.
  const rows = node.skip + node.count + (node.implied ? 1 : 0)
  if (by === undefined || !Number.isSafeInteger(rows) || rows === 0) return node
  const turn = (scan: Scan): Scan => ({ ...scan, backward: { by, rows } })
  if (sort.input.kind === 'scan') return { ...node, input: { ...sort, input: turn(sort.input) } }
  if (sort.input.kind !== 'filter' || sort.input.input.kind !== 'scan') return node
  return { ...node, input: { ...sort, input: { ...sort.input, input: turn(sort.input.input) } } }
}

function position(e: BoundExpr): 'offset' | 'timestamp' | undefined {
  if (e.kind !== 'path' || e.path.facet !== 'meta') return undefined
  const field = e.path.steps[0]
  return field === 'offset' || field === 'timestamp' ? field : undefined
}
