/** A topic as the REST clients read it: sizes of partitions, formats, schemas, settings. Reads only. */
import { systemClock } from '../../lib/clock.ts'
import type { OffsetRange } from '../../kafka/log.ts'
import type { Table, TableFacet, TableSummary } from '../../plan/catalog.ts'
import { type Call, RestError, type Schema } from './route.ts'

const OFFSET_TIMEOUT_MS = 10_000

export const PARTITION: Schema = {
  type: 'object',
  required: ['partition', 'messages', 'begin', 'end'],
  properties: { partition: { type: 'integer' }, messages: { type: 'integer' }, begin: { type: 'integer' }, end: { type: 'integer' } },
}
export const TOPIC: Schema = {
  type: 'object',
  required: [
    'topicName',
    'keyType',
    'valueType',
    'partitions',
    'replication',
    'isControlTopic',
    'totalMessages',
    'messagesPerPartition',
    'isMarkedForDeletion',
  ],
  properties: {
    topicName: { type: 'string' },
    keyType: { type: 'string' },
    valueType: { type: 'string' },
    keySchema: { type: ['string', 'null'] },
    valueSchema: { type: ['string', 'null'] },
    partitions: { type: 'integer' },
    replication: { type: 'integer' },
    isControlTopic: { type: 'boolean' },
    totalMessages: { type: 'integer' },
    messagesPerSecond: { type: 'integer' },
    timestamp: { type: 'integer' },
    config: { type: 'array', items: { type: 'object' } },
    consumers: { type: 'array', items: { type: 'object' } },
    messagesPerPartition: { type: 'array', items: PARTITION },
    isMarkedForDeletion: { type: 'boolean' },
  },
}

export interface Sizes {
  readonly totalMessages: number
  readonly messagesPerPartition: readonly { readonly partition: number; readonly messages: number; readonly begin: number; readonly end: number }[]
}

/** The table of a topic that may be seen, or 404. */
export async function tableOf(call: Call, topic: string): Promise<Table> {
  const table = await call.view.catalog.table(topic)
  if (table === undefined) throw new RestError(404, `There is no topic ${JSON.stringify(topic)}.`)
  return table
}

/** Offsets counted as messages: compaction and transactions make the real number smaller. */
export async function sizesOf(call: Call, topic: string, partitions: readonly number[]): Promise<Sizes> {
  const bounds = await call.view.log.bounds(topic, partitions, { isolation: 'read_uncommitted', timeoutMs: OFFSET_TIMEOUT_MS, signal: call.signal })
  return {
    totalMessages: bounds.reduce((sum, b) => sum + b.end - b.start, 0),
    messagesPerPartition: [...bounds].sort((a, b) => a.partition - b.partition).map(size),
  }
}

function size({ partition, start, end }: OffsetRange): Sizes['messagesPerPartition'][number] {
  return { partition, messages: end - start, begin: start, end }
}

export async function topicJson(call: Call, summary: TableSummary): Promise<object> {
  const [table, config] = await Promise.all([call.view.catalog.table(summary.name), call.view.catalog.configuration(summary.name)])
  if (table === undefined) throw new RestError(404, `There is no topic ${JSON.stringify(summary.name)}.`)
  const sizes = await sizesOf(call, table.topic, table.partitions)
  return {
    topicName: summary.name,
    keyType: table.key.format,
    valueType: table.value.format,
    keySchema: schemaOf(table.key),
    valueSchema: schemaOf(table.value),
    partitions: table.partitions.length,
    replication: summary.replicas,
    isControlTopic: summary.type === 'SYSTEM',
    ...sizes,
    messagesPerSecond: 0,
    timestamp: systemClock.now(),
    config: config.map(({ name, value }) => ({ configuration: name, value, name })),
    consumers: [],
    isMarkedForDeletion: false,
    isCompacted: table.compacted,
  }
}

export function schemaOf(facet: TableFacet): string | null {
  return facet.writer?.text ?? null
}

/** Runs over items a few at a time, in order of the answers' places. */
export async function inTurns<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const one = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i])
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, one))
  return results
}
