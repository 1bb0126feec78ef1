/**
 * Topics as datasets, and their metadata (formats and schemas). The list with its filters is `dataset-list.ts`,
 * subjects of the registry `subjects.ts`.
 */
import { systemClock } from '../../../lib/clock.ts'
import { leaves } from '../../../plan/bind/virtual-tables.ts'
import { bytesOnDisk } from '../../../kafka/admin/log-dirs.ts'
import type { Table, TableSummary } from '../../../plan/catalog.ts'
import { type DataType, typeName } from '../../../types.ts'
import { countsOf } from '../consumers/consumers.ts'
import { CONNECTION, LIST_PARAMETERS, listed, noteOf } from './dataset-list.ts'
import type { Schema } from '../openapi.ts'
import { type Call, RestError, type Route } from '../route.ts'
import { LISTED_SUBJECT, REGISTRY_CONNECTION, SUBJECT, subjectJson } from '../registry/subjects.ts'
import { schemaOf } from './topic-json.ts'
import { placesAt, sizesOf, tableOf, TopicFigures } from './topic-sizes.ts'
import { PAGING, summaryOf, topicPage } from './topics.ts'

/**
 * Limit `rest.page.fields` (fields): those of all datasets on one page together. Beyond it: further ones are left out;
 * the answer about one dataset has them.
 */
const MAX_PAGE_FIELDS = 50_000
/** Days of message metrics. */
const METRIC_DAYS = 30
const DAY_MS = 86_400_000

const TAGS: Schema = {
  type: 'array',
  items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
}
const FIELD: Schema = {
  type: 'object',
  required: ['name', 'type', 'isNullable', 'typeDetails'],
  properties: {
    name: { type: 'string' },
    type: { type: 'string' },
    isNullable: { type: 'boolean' },
    typeDetails: { type: 'object', required: ['lensesDataType'], properties: { lensesDataType: { type: 'string' } } },
  },
}
const DATASET: Schema = {
  type: 'object',
  required: [
    'name',
    'connectionName',
    'sourceType',
    'keyType',
    'valueType',
    'fields',
    'partitions',
    'replication',
    'consumers',
    'recordsPerSecond',
    'isCompacted',
    'isMarkedForDeletion',
    'isSystemEntity',
    'permissions',
  ],
  properties: {
    name: { type: 'string' },
    connectionName: { type: 'string' },
    sourceType: { type: 'string' },
    keyType: { type: 'string' },
    valueType: { type: 'string' },
    partitions: { type: 'integer' },
    replication: { type: 'integer' },
    records: { type: 'integer' },
    sizeBytes: { type: ['integer', 'null'], description: 'On disk, of one replica; null where Kafka does not tell.' },
    recordsPerSecond: { type: 'integer' },
    consumers: { type: 'integer' },
    isMarkedForDeletion: { type: 'boolean' },
    description: { type: ['string', 'null'] },
    tags: TAGS,
    policies: { type: 'array', items: { type: 'object' } },
    permissions: { type: 'array', items: { type: 'string' } },
    isCompacted: { type: 'boolean' },
    isSystemEntity: { type: 'boolean' },
    fields: {
      type: 'object',
      required: ['key', 'value'],
      properties: { key: { type: 'array', items: FIELD }, value: { type: 'array', items: FIELD } },
    },
  },
}
const METADATA: Schema = {
  type: 'object',
  required: ['topicName', 'keyType', 'valueType'],
  properties: {
    topicName: { type: 'string' },
    keyType: { type: 'string' },
    valueType: { type: 'string' },
    keySchema: { type: ['string', 'null'] },
    valueSchema: { type: ['string', 'null'] },
    description: { type: ['string', 'null'] },
    tags: TAGS,
    additionalInfo: { type: 'null' },
  },
}

/** The calls about datasets: topics and subjects. */
export const DATASET_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/datasets',
    id: 'datasets',
    about:
      'One page of the topics that the account may see, or of the subjects of the schema registry. A topic and a subject tell which they are by "sourceType".',
    query: LIST_PARAMETERS,
    answer: {
      type: 'object',
      required: ['datasets', 'sourceTypes'],
      properties: {
        datasets: {
          type: 'object',
          required: ['values', 'pagesAmount', 'totalCount'],
          properties: {
            values: { type: 'array', items: { oneOf: [DATASET, LISTED_SUBJECT] } },
            pagesAmount: { type: 'integer' },
            totalCount: { type: 'integer' },
          },
        },
        sourceTypes: { type: 'array', items: { type: 'string' } },
      },
    },
    run: (call) => {
      const room = { fields: MAX_PAGE_FIELDS }
      return listed(call, (topics) => {
        const bytes = bytesOf(call, topics)
        return (summary, figures) => dataset(call, summary, figures, bytes, room)
      })
    },
  },
  {
    method: 'GET',
    path: '/api/v1/datasets/{connection}/{name}',
    id: 'dataset',
    about:
      'One topic (of the connection "kafka"), or one subject of the schema registry (of "schema-registry") with its newest schema.',
    answer: { oneOf: [DATASET, SUBJECT] },
    run: async (call) => {
      const { connection, name } = call.params
      if (connection === REGISTRY_CONNECTION) return { json: await subjectJson(call, name) }
      if (connection !== CONNECTION)
        throw new RestError(
          404,
          `There is no connection ${JSON.stringify(connection)}; there are "${CONNECTION}" and "${REGISTRY_CONNECTION}".`,
        )
      const figures = new TopicFigures(call, name)
      await figures.found()
      const summary = await summaryOf(call, name)
      return { json: await dataset(call, summary, figures, bytesOf(call, [summary])) }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/datasets/kafka/{name}/messages/metrics',
    id: 'messageMetrics',
    about: `Messages of each of the last ${METRIC_DAYS} days (UTC), today last, by the timestamps of the records that are still kept, and how many there were in all at the end of the day.`,
    answer: {
      type: 'array',
      items: {
        type: 'object',
        required: ['date', 'messages', 'total'],
        properties: { date: { type: 'string' }, messages: { type: 'integer' }, total: { type: 'integer' } },
      },
    },
    run: async (call) => {
      const table = await tableOf(call, call.params['name'])
      return { json: await days(call, table) }
    },
  },
  {
    method: 'GET',
    path: '/api/metadata/topics',
    id: 'metadataOfAll',
    about: 'Formats and schemas of the topics, as many on a page as `/api/topics` has.',
    query: PAGING,
    answer: { type: 'array', items: METADATA },
    run: (call) =>
      topicPage(call, async ({ name }) => {
        const table = await call.view.catalog.table(name)
        return table === undefined ? undefined : metadata(call, table)
      }),
  },
  {
    method: 'GET',
    path: '/api/metadata/topics/{topic}',
    id: 'metadataOfOne',
    about: 'Formats and schemas of one topic.',
    answer: METADATA,
    run: async (call) => ({ json: metadata(call, await tableOf(call, call.params['topic'])) }),
  },
]

function metadata(call: Call, table: Table): object {
  return {
    topicName: table.name,
    keyType: table.key.format,
    valueType: table.value.format,
    keySchema: schemaOf(table.key),
    valueSchema: schemaOf(table.value),
    ...noteOf(call, table.topic),
    additionalInfo: null,
  }
}

/**
 * Nothing is remembered for this: the brokers know which offset each day began with. Days before the first record are
 * left out.
 */
async function days(call: Call, table: Table): Promise<object[]> {
  const sizes = await sizesOf(call, table.topic, table.partitions)
  const today = Math.floor(systemClock.now() / DAY_MS) * DAY_MS
  const starts = Array.from({ length: METRIC_DAYS }, (_, i) => today - (METRIC_DAYS - 1 - i) * DAY_MS)
  const places = await placesAt(call, table.topic, table.partitions, sizes, starts)
  const before = places.map((offsets) =>
    sizes.messagesPerPartition.reduce((sum, { begin }, i) => sum + offsets[i] - begin, 0),
  )
  const all = starts.map((start, i) => {
    const total = before[i + 1] ?? sizes.totalMessages
    return { date: new Date(start).toISOString(), messages: total - before[i], total }
  })
  const first = all.findIndex((day) => day.total > 0)
  return all.slice(first < 0 ? -1 : first)
}

type Bytes = ReadonlyMap<string, number>

/** On disk, of the largest replica of each partition; topics of which Kafka tells nothing are absent. */
async function bytesOf(call: Call, topics: readonly TableSummary[]): Promise<Bytes> {
  const { cluster } = call.environment
  if (cluster === undefined || topics.length === 0) return new Map()
  const wanted = new Map(topics.map(({ name, partitions }) => [name, Array.from({ length: partitions }, (_, i) => i)]))
  const found = await bytesOnDisk(cluster, wanted, call.signal)
  return new Map(
    [...found].map(([topic, partitions]) => [
      topic,
      [...partitions.values()].reduce((sum, replicas) => sum + Math.max(...replicas.values()), 0),
    ]),
  )
}

async function dataset(
  call: Call,
  summary: TableSummary,
  figures: TopicFigures,
  bytes: Promise<Bytes>,
  room: Room = { fields: Number.POSITIVE_INFINITY },
): Promise<object> {
  const table = await figures.table()
  return {
    name: summary.name,
    connectionName: CONNECTION,
    sourceType: 'Kafka',
    keyType: table?.key.format ?? '',
    valueType: table?.value.format ?? '',
    partitions: summary.partitions,
    replication: summary.replicas,
    records: table === undefined ? 0 : (await figures.sizes()).totalMessages,
    sizeBytes: (await bytes).get(table?.topic ?? summary.name) ?? null,
    recordsPerSecond: table === undefined ? 0 : await figures.rate(),
    consumers: (await countsOf(call)).get(summary.name) ?? 0,
    isMarkedForDeletion: false,
    isCompacted: table?.compacted === true,
    isSystemEntity: summary.type === 'SYSTEM',
    fields: { key: fields(table?.key.type, room), value: fields(table?.value.type, room) },
    ...noteOf(call, summary.name),
    policies: [],
    permissions: [],
  }
}

/** How many fields one answer has still room for. */
interface Room {
  fields: number
}

/** Fields that are no structures, by their paths; a field of a structure that may be null may be null. */
function fields(type: DataType | undefined, room: Room): object[] {
  if (type?.kind !== 'struct' || room.fields === 0) return []
  const found = leaves(type).slice(0, room.fields)
  room.fields -= found.length
  return found.map(([name, leaf, isNullable]) => ({
    name,
    type: typeName(leaf),
    isNullable,
    typeDetails: { lensesDataType: typeName(leaf) },
  }))
}
