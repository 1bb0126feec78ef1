/** Topics as datasets: pages, search over names and fields, filters; and their metadata (formats and schemas). */
import { systemClock } from '../../lib/clock.ts'
import type { Table, TableSummary } from '../../plan/catalog.ts'
import { leaves } from '../../plan/virtual-tables.ts'
import { type DataType, typeName } from '../../types.ts'
import { type Call, parameter, RestError, type Route, type Schema } from './route.ts'
import { inTurns, schemaOf, sizesOf, tableOf } from './topic.ts'
import { summaryOf } from './topics.ts'

/** The one connection of an environment. */
const CONNECTION = 'kafka'
const MAX_PAGE = 500
const AT_ONCE = 8

const DATASET: Schema = {
  type: 'object',
  required: ['name', 'connectionName', 'sourceType', 'fields', 'partitions', 'replication'],
  properties: {
    name: { type: 'string' },
    connectionName: { type: 'string' },
    sourceType: { type: 'string' },
    keyType: { type: 'string' },
    valueType: { type: 'string' },
    partitions: { type: 'integer' },
    replication: { type: 'integer' },
    records: { type: 'integer' },
    isCompacted: { type: 'boolean' },
    isSystemEntity: { type: 'boolean' },
    fields: { type: 'object' },
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
  },
}

export const DATASET_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/datasets',
    id: 'datasets',
    about: 'One page of the topics that the account may see.',
    query: [
      { name: 'page', about: '1 is the first.', schema: { type: 'integer', minimum: 1 } },
      { name: 'pageSize', about: `Up to ${MAX_PAGE}.`, schema: { type: 'integer', minimum: 1 } },
      { name: 'search', about: 'Part of a name, of a description, or of the name of a field.', schema: { type: 'string' } },
      { name: 'searchFields', about: 'false: names of topics only.', schema: { type: 'boolean' } },
      { name: 'sortOrder', about: 'By name.', schema: { type: 'string', enum: ['asc', 'desc'] } },
      { name: 'includeSystemEntities', about: 'Kafka’s own topics, too.', schema: { type: 'boolean' } },
      { name: 'hasRecords', about: 'Only topics with records, or only those without.', schema: { type: 'boolean' } },
      { name: 'isCompacted', about: 'Only compacted topics, or only the others.', schema: { type: 'boolean' } },
      { name: 'tags', about: 'Only topics with one of these tags.', schema: { type: 'array', items: { type: 'string' } } },
      { name: 'connections', about: 'Only of these connections; there is one, "kafka".', schema: { type: 'array', items: { type: 'string' } } },
    ],
    answer: {
      type: 'object',
      required: ['datasets', 'sourceTypes'],
      properties: {
        datasets: {
          type: 'object',
          required: ['values', 'pagesAmount', 'totalCount'],
          properties: { values: { type: 'array', items: DATASET }, pagesAmount: { type: 'integer' }, totalCount: { type: 'integer' } },
        },
        sourceTypes: { type: 'array', items: { type: 'string' } },
      },
    },
    run: page,
  },
  {
    method: 'GET',
    path: '/api/v1/datasets/{connection}/{name}',
    id: 'dataset',
    about: 'One topic as a dataset.',
    answer: DATASET,
    run: async (call) => {
      const { connection, name } = call.params
      if (connection !== CONNECTION) throw new RestError(404, `There is no connection ${JSON.stringify(connection)}; it is called "${CONNECTION}".`)
      const table = await tableOf(call, name)
      return { json: await dataset(call, await summaryOf(call, name), table) }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/datasets/kafka/{name}/messages/metrics',
    id: 'messageMetrics',
    about: 'Numbers of messages over time. The server keeps no history: one figure, of now.',
    answer: {
      type: 'array',
      items: { type: 'object', required: ['date', 'messages'], properties: { date: { type: 'string' }, messages: { type: 'integer' } } },
    },
    run: async (call) => {
      const table = await tableOf(call, call.params['name'])
      const { totalMessages } = await sizesOf(call, table.topic, table.partitions)
      return { json: [{ date: new Date(systemClock.now()).toISOString(), messages: totalMessages }] }
    },
  },
  {
    method: 'GET',
    path: '/api/metadata/topics',
    id: 'metadataOfAll',
    about: 'Formats and schemas of all topics.',
    answer: { type: 'array', items: METADATA },
    run: async (call) => {
      const found = await inTurns(await call.view.catalog.tables(), AT_ONCE, (summary) => call.view.catalog.table(summary.name))
      return { json: found.filter((t) => t !== undefined).map((table) => metadata(call, table)) }
    },
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

/** Description and tags, as the clients read them. */
function noteOf(call: Call, topic: string): { description: string | null; tags: { name: string }[] } {
  const note = call.view.administration?.objects.note?.(topic)
  return { description: note?.description ?? null, tags: (note?.tags ?? []).map((name) => ({ name })) }
}

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

async function page(call: Call): ReturnType<Route['run']> {
  const size = Math.min(MAX_PAGE, count(call, 'pageSize', 25))
  const number = count(call, 'page', 1)
  const connections = [call.query['connections'] ?? []].flat()
  const matching = connections.length > 0 && !connections.includes(CONNECTION) ? [] : await filtered(call)
  if (parameter(call, 'sortOrder') === 'desc') matching.reverse()
  const shown = matching.slice((number - 1) * size, number * size)
  const values = await inTurns(shown, AT_ONCE, async (summary) => dataset(call, summary, await call.view.catalog.table(summary.name)))
  return { json: { datasets: { values, pagesAmount: Math.ceil(matching.length / size), totalCount: matching.length }, sourceTypes: ['Kafka'] } }
}

async function filtered(call: Call): Promise<TableSummary[]> {
  const system = flag(call, 'includeSystemEntities') === true
  const search = parameter(call, 'search')?.toLowerCase()
  const [hasRecords, isCompacted] = [flag(call, 'hasRecords'), flag(call, 'isCompacted')]
  const tags = [call.query['tags'] ?? []].flat()
  const tagged = (topic: string): boolean => tags.length === 0 || noteOf(call, topic).tags.some((tag) => tags.includes(tag.name))
  const all = (await call.view.catalog.tables()).filter((t) => (system || t.type === 'USER') && tagged(t.name))
  const fits = async (summary: TableSummary): Promise<boolean> => {
    const said = search === undefined ? '' : (noteOf(call, summary.name).description?.toLowerCase() ?? '')
    const named = search === undefined || search === '' || summary.name.toLowerCase().includes(search) || said.includes(search)
    if (named && hasRecords === undefined && isCompacted === undefined) return true
    if (!named && flag(call, 'searchFields') === false) return false
    const table = await call.view.catalog.table(summary.name)
    if (table === undefined || (!named && !fieldNames(table).some((f) => f.toLowerCase().includes(search ?? '')))) return false
    if (isCompacted !== undefined && table.compacted !== isCompacted) return false
    return hasRecords === undefined || (await sizesOf(call, table.topic, table.partitions)).totalMessages > 0 === hasRecords
  }
  const kept = await inTurns(all, AT_ONCE, fits)
  return all.filter((_, i) => kept[i]).sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function dataset(call: Call, summary: TableSummary, table: Table | undefined): Promise<object> {
  const sizes = table === undefined ? undefined : await sizesOf(call, table.topic, table.partitions)
  return {
    name: summary.name,
    connectionName: CONNECTION,
    sourceType: 'Kafka',
    keyType: table?.key.format ?? '',
    valueType: table?.value.format ?? '',
    partitions: summary.partitions,
    replication: summary.replicas,
    records: sizes?.totalMessages ?? 0,
    isCompacted: table?.compacted === true,
    isSystemEntity: summary.type === 'SYSTEM',
    fields: { key: fields(table?.key.type), value: fields(table?.value.type) },
    ...noteOf(call, summary.name),
    policies: [],
    permissions: [],
  }
}

function fields(type: DataType | undefined): object[] {
  return type?.kind === 'struct' ? leaves(type).map(([name, leaf]) => ({ name, type: typeName(leaf) })) : []
}

function fieldNames(table: Table): string[] {
  return [table.key.type, table.value.type].flatMap((type) => (type.kind === 'struct' ? leaves(type).map(([name]) => name) : []))
}

function count(call: Call, name: string, fallback: number): number {
  const text = parameter(call, name)
  if (text === undefined) return fallback
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw new RestError(400, `The parameter "${name}" must be a whole number, 1 or more; it is ${JSON.stringify(text)}.`, [
      { field: name, error: 'not a number' },
    ])
  return Number(text)
}

/** Python clients write True and False. */
function flag(call: Call, name: string): boolean | undefined {
  const text = parameter(call, name)?.toLowerCase()
  if (text === undefined || text === '') return undefined
  if (text !== 'true' && text !== 'false')
    throw new RestError(400, `The parameter "${name}" must be true or false.`, [{ field: name, error: 'not true or false' }])
  return text === 'true'
}
