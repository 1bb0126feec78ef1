/**
 * `_key = literal`: only one partition can hold the key if every producer used Java's default partitioner and the topic
 * never got further partitions. Nothing in Kafka proves that (librdkafka's default is another one), so it is done only
 * where the statement vouches for it (`optimize.kafka.partition`); the filter stays. A sample of keys that all lie
 * where that partitioner puts them is evidence and no proof: the record that does not is the one outside of the sample.
 * So it never happens by itself.
 */
import { partitionOfKey } from '../../lib/murmur2.ts'
import { conjuncts } from '../expressions/conjuncts.ts'
import type { Rule } from './rule.ts'
import type { BoundExpr, Plan, Scan } from '../plan.ts'
import { printBound } from '../explain/print-bound.ts'
import { rewrite } from '../rewrite.ts'

/** Only the partition of the key is read, where the statement allows it. */
export const keyPartition: Rule = {
  name: 'key-partition',
  apply: (plan, context) => (context.keyPartitions ? rewrite(plan, prune) : plan),
}

function prune(node: Plan): Plan {
  if (node.kind !== 'filter' || node.input.kind !== 'scan') return node
  const scan = node.input
  for (const c of conjuncts(node.predicate)) {
    const bytes = keyBytes(c, scan)
    if (bytes === undefined) continue
    const index = partitionOfKey(bytes, scan.table.partitions.length)
    const literal = c.kind !== 'compare' ? undefined : c.right.kind === 'constant' ? c.right : c.left
    const text = literal?.kind === 'constant' ? String(literal.value) : ''
    return {
      ...node,
      input: { ...scan, keyPartition: { partition: scan.table.partitions[index], text, condition: printBound(c) } },
    }
  }
  return node
}

/** The key as a producer serializes it, for formats with one way to write a value. */
function keyBytes(c: BoundExpr, scan: Scan): Uint8Array | undefined {
  if (c.kind !== 'compare' || c.op !== '=') return undefined
  const [path, literal] = c.left.kind === 'path' ? [c.left, c.right] : [c.right, c.left]
  if (path.kind !== 'path' || path.path.facet !== 'key' || path.path.steps.length > 0 || literal.kind !== 'constant')
    return undefined
  const value = literal.value
  switch (scan.table.key.format) {
    case 'STRING':
      return typeof value === 'string' ? new TextEncoder().encode(value) : undefined
    case 'INT': {
      if (typeof value !== 'number' || (value | 0) !== value) return undefined
      const bytes = new Uint8Array(4)
      new DataView(bytes.buffer).setInt32(0, value)
      return bytes
    }
    case 'LONG': {
      if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return undefined
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setBigInt64(0, BigInt(value as number))
      return bytes
    }
    default:
      return undefined
  }
}
