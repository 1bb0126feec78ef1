/** A topic as the REST clients read it: sizes of partitions, formats, schemas, settings. Reads only. */
import { systemClock } from '../../../lib/clock.ts'
import type { TopicConfig } from '../../../kafka/answers.ts'
import type { TableFacet, TableSummary } from '../../../plan/catalog.ts'
import { groupsJson, TOPIC_GROUP } from '../consumers/consumers.ts'
import type { Schema } from '../openapi.ts'
import { type Call, RestError } from '../route.ts'
import { rateOf, sizesOf } from './topic-sizes.ts'

/** JSON Schema of the sizes of one partition. */
export const PARTITION: Schema = {
  type: 'object',
  required: ['partition', 'messages', 'begin', 'end'],
  properties: {
    partition: { type: 'integer' },
    messages: { type: 'integer' },
    begin: { type: 'integer' },
    end: { type: 'integer' },
  },
}
/** JSON Schema of a topic. */
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
        required: ['configuration', 'name', 'value', 'isDefault', 'originalValue'],
        properties: {
          configuration: { type: 'string' },
          name: { type: 'string' },
          value: { type: 'string' },
          isDefault: { type: 'boolean' },
          originalValue: { type: 'string' },
        },
      },
    },
    consumers: { type: 'array', items: TOPIC_GROUP },
    messagesPerPartition: { type: 'array', items: PARTITION },
    isMarkedForDeletion: { type: 'boolean' },
    isCompacted: { type: 'boolean' },
  },
}

/** One topic, as `TOPIC` describes it. Rejects with 404 when it is not there. */
export async function topicJson(call: Call, summary: TableSummary): Promise<object> {
  const table = await call.view.catalog.table(summary.name)
  if (table === undefined) throw new RestError(404, `There is no topic ${JSON.stringify(summary.name)}.`)
  const [config, sizes] = await Promise.all([
    settingsOf(call, table.topic),
    sizesOf(call, table.topic, table.partitions),
  ])
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
    config: config.map(({ name, value, isDefault }) => ({
      configuration: name,
      value,
      name,
      isDefault,
      originalValue: value,
    })),
    consumers: await groupsJson(call, (topic) => topic === table.topic, 'members'),
    isMarkedForDeletion: false,
    isCompacted: table.compacted,
  }
}

/** Those that were set for the topic itself first. Where they may not be read, that is said in place of them. */
async function settingsOf(call: Call, topic: string): Promise<TopicConfig['entries']> {
  const config = await call.environment.cluster?.topicConfig(topic)
  if (config?.refused !== undefined) return [{ name: 'configuration', value: config.refused.message, isDefault: true }]
  return [...(config?.entries ?? [])].sort((a, b) => Number(a.isDefault) - Number(b.isDefault))
}

/** The text of the schema that a key or value is written with; null where there is none. */
export function schemaOf(facet: TableFacet): string | null {
  return facet.writer?.text ?? null
}
