/**
 * `SELECT count(*) FROM t` with nothing to check per record: the batch headers carry the counts, no record is decoded
 * or decompressed.
 */
import type { Rule } from './rule.ts'
import { rewrite } from '../rewrite.ts'

/** Counts without looking at records. */
export const countFromHeaders: Rule = {
  name: 'count-from-headers',
  apply: (plan) =>
    rewrite(plan, (node) => {
      if (
        node.kind !== 'aggregate' ||
        node.input.kind !== 'scan' ||
        node.keys.length > 0 ||
        node.aggregates.length === 0
      )
        return node
      const counts = node.aggregates.every((a) => a.name === 'count' && a.arg === undefined && a.filter === undefined)
      return counts ? { ...node, input: { ...node.input, headersOnly: true } } : node
    }),
}
