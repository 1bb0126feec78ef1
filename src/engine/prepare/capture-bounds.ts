/**
 * Asks for the sizes of topics before the order of comma joins is chosen. What was answered stays with the scans, which
 * read by it: each topic is asked once.
 */
import { within } from '../../lib/clock.ts'
import type { Isolation, OffsetRange } from '../../kafka/log.ts'
import { scansInOrder } from '../../plan/rules/order-joins.ts'
import type { Output, Scan } from '../../plan/plan.ts'
import { rewrite } from '../../plan/rewrite.ts'
import type { StatementContext } from '../context.ts'

/**
 * Limit `query.sizes.timeout` (ms): how long a statement waits for the sizes of topics, which decide the order of its
 * joins. Beyond it: the order of FROM is used.
 */
const LONGEST_MS = 2000

/**
 * The plan with the bounds of the topics on those scans whose sizes decide the order of joins. A topic that does not
 * answer in time, or fails, stays without; nothing rejects but the abort of the query.
 */
export async function captureBounds(plan: Output, context: StatementContext): Promise<Output> {
  const scans = new Set(scansInOrder(plan))
  if (scans.size === 0) return plan
  const asked = new Map<string, Promise<readonly OffsetRange[] | undefined>>()
  for (const { table } of scans) if (!asked.has(table.topic)) asked.set(table.topic, boundsOf(table, context))
  const found = new Map<string, readonly OffsetRange[] | undefined>()
  for (const [topic, answer] of asked) found.set(topic, await within(answer, { signal: context.signal }))
  return rewrite(plan, (node) =>
    node.kind === 'scan' && scans.has(node) ? { ...node, captured: { bounds: found.get(node.table.topic) } } : node,
  ) as Output
}

/** undefined: unknown. An error of the topic is reported when it is read. */
async function boundsOf(
  table: Scan['table'],
  { environment, settings, signal }: StatementContext,
): Promise<readonly OffsetRange[] | undefined> {
  const timeoutMs = Math.min(LONGEST_MS, Number(settings['kafka.offset.timeout']))
  try {
    return await environment.log.bounds(table.topic, table.partitions, {
      isolation: settings['isolation.level'] as Isolation,
      timeoutMs,
      signal,
    })
  } catch {
    return undefined
  }
}
