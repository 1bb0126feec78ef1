/** A topic as the REST clients read it: sizes of partitions, formats, schemas, settings. Reads only. */
import { systemClock } from '../../lib/clock.ts'
import type { TableFacet, TableSummary } from '../../plan/catalog.ts'
import { GROUP, groupsJson } from './consumers.ts'
import { type Call, RestError, type Schema } from './route.ts'
import { rateOf, sizesOf } from './topic-sizes.ts'

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
    config: {
      type: 'array',
      items: {
        type: 'object',
        required: ['configuration', 'name', 'value'],
        properties: { configuration: { type: 'string' }, name: { type: 'string' }, value: { type: 'string' } },
      },
    },
    consumers: { type: 'array', items: GROUP },
    messagesPerPartition: { type: 'array', items: PARTITION },
    isMarkedForDeletion: { type: 'boolean' },
    isCompacted: { type: 'boolean' },
  },
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
    messagesPerSecond: await rateOf(call, table.topic, table.partitions, sizes),
    timestamp: systemClock.now(),
    config: config.map(({ name, value }) => ({ configuration: name, value, name })),
    consumers: await groupsJson(call, (topic) => topic === table.topic),
    isMarkedForDeletion: false,
    isCompacted: table.compacted,
  }
}

export function schemaOf(facet: TableFacet): string | null {
  return facet.writer?.text ?? null
}
