/** A LIMIT straight above a scan tells the reader how little is wanted, so that it asks for little. */
import type { Rule } from './rule.ts'
import { rewrite } from '../rewrite.ts'

/** The scan knows how many records are wanted. */
export const limitIntoScan: Rule = {
  name: 'limit-into-scan',
  apply: (plan) =>
    rewrite(plan, (node) => {
      if (node.kind !== 'limit' || node.implied || node.each !== undefined || node.input.kind !== 'scan') return node
      return { ...node, input: { ...node.input, limit: Math.min(node.skip + node.count, Number.MAX_SAFE_INTEGER) } }
    }),
}
