/** Topics read: the list, one, its partitions, its settings, the offsets for paging. */
import { SUGGESTIONS, type TableSummary } from '../../../plan/catalog.ts'
import { type Call, type Parameter, parameter, RestError, type Route } from '../route.ts'
import { PARTITION, TOPIC, topicJson } from './topic-json.ts'
import { inTurns, sizesOf, tableOf } from './topic-sizes.ts'

/**
 * Limit `rest.max.topics` (topics): topics whose details one list holds. Beyond it: further ones are on the next page,
 * which the header `Link` names; `X-Total-Count` says how many there are.
 */
const MAX_TOPICS = 1000
const AT_ONCE = 8
/** The parameters of `topicPage`. */
export const PAGING: readonly Parameter[] = [
  { name: 'page', about: '1 is the first.', schema: { type: 'integer', minimum: 1 } },
  { name: 'pageSize', about: `Up to ${MAX_TOPICS}, which it is without it.`, schema: { type: 'integer', minimum: 1 } },
]

function allTopics(call: Call): ReturnType<Route['run']> {
  return topicPage(call, (summary) =>
    topicJson(call, summary).catch((cause: unknown) => {
      // It was deleted meanwhile, or is in trouble: the others are still wanted.
      if (call.signal.aborted) throw cause
      return undefined
    }),
  )
}

/** One page of the topics that the account may see; `jsonOf` gives what is said of each, undefined: nothing. */
export async function topicPage(
  call: Call,
  jsonOf: (summary: TableSummary) => Promise<object | undefined>,
): ReturnType<Route['run']> {
  const page = whole(call, 'page', 1)
  const size = Math.min(MAX_TOPICS, whole(call, 'pageSize', MAX_TOPICS))
  // Further pages are of the list that the first one was of, if it is not old.
  const all = await call.view.catalog.tables(page > 1 ? SUGGESTIONS : undefined)
  const topics = await inTurns(all.slice((page - 1) * size, page * size), AT_ONCE, jsonOf)
  const next = `?page=${page + 1}&pageSize=${size}`
  return {
    json: topics.filter((t) => t !== undefined),
    headers: {
      'x-total-count': String(all.length),
      // Relative: it holds behind every prefix.
      ...(page * size < all.length ? { link: `<${next}>; rel="next"` } : {}),
    },
  }
}

/** A query parameter that is a whole number, 1 or more; anything else is refused. */
export function whole(call: Call, name: string, fallback: number): number {
  const text = parameter(call, name)
  if (text === undefined || text === '') return fallback
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw new RestError(
      400,
      `The parameter "${name}" must be a whole number, 1 or more; it is ${JSON.stringify(text)}.`,
      [{ field: name, error: 'not understood' }],
    )
  return Number(text)
}

/** The summary of a topic that may be newer than the list of tables. Rejects with 404 when it is not there. */
export async function summaryOf(call: Call, topic: string): Promise<TableSummary> {
  // The list is remembered for a short while; the topic may be new, or have other partitions.
  const { partitions } = await tableOf(call, topic)
  const found = (await call.view.catalog.tables(SUGGESTIONS)).find((t) => t.name === topic)
  return { name: topic, type: 'USER', replicas: 1, ...found, partitions: partitions.length }
}

const SETTINGS = {
  type: 'array',
  items: {
    type: 'object',
    required: ['name', 'value'],
    properties: { name: { type: 'string' }, value: { type: 'string' } },
  },
} as const

/**
 * Every setting that a topic can have. The brokers tell it about a topic only, so the first one that the account may
 * see is asked.
 */
async function settingsOfTopics(
  call: Call,
): Promise<readonly { readonly name: string; readonly value: string; readonly isDefault: boolean }[]> {
  const tables = await call.view.catalog.tables(SUGGESTIONS)
  const first = tables.find((t) => t.type === 'USER') ?? tables[0]
  const config = first === undefined ? undefined : await call.environment.cluster?.topicConfig(first.name)
  return config?.entries ?? []
}

/** The calls that read topics. */
export const TOPIC_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/topics',
    id: 'topics',
    about: `The topics that the account may see, ${MAX_TOPICS} on a page: the header X-Total-Count says how many there are, Link where the next page is.`,
    query: PAGING,
    answer: { type: 'array', items: TOPIC },
    run: allTopics,
  },
  {
    method: 'GET',
    path: '/api/v1/kafka/topics',
    id: 'kafkaTopics',
    about: 'The same list under its newer name.',
    query: PAGING,
    answer: { type: 'array', items: TOPIC },
    run: allTopics,
  },
  {
    method: 'GET',
    path: '/api/topics/{topic}',
    id: 'topic',
    about: 'One topic.',
    answer: TOPIC,
    run: async (call) => ({ json: await topicJson(call, await summaryOf(call, call.params['topic'])) }),
  },
  {
    method: 'GET',
    path: '/api/v2/topics/{topic}/partitions',
    id: 'partitions',
    about: 'First and end offset of each partition.',
    answer: {
      type: 'object',
      required: ['topicName', 'partitions'],
      properties: {
        topicName: { type: 'string' },
        partitions: { type: 'array', items: PARTITION },
        totalMessages: { type: 'integer' },
      },
    },
    run: async (call) => {
      const table = await tableOf(call, call.params['topic'])
      const { totalMessages, messagesPerPartition } = await sizesOf(call, table.topic, table.partitions)
      return { json: { topicName: table.name, partitions: messagesPerPartition, totalMessages } }
    },
  },
  {
    method: 'GET',
    path: '/api/topics/{topic}/brokerConfigs',
    id: 'topicSettings',
    about: 'Every setting of a topic, the brokers’ defaults among them.',
    answer: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'value', 'isDefault'],
        properties: { name: { type: 'string' }, value: { type: 'string' }, isDefault: { type: 'boolean' } },
      },
    },
    run: async (call) => {
      const { topic } = await tableOf(call, call.params['topic'])
      const config = await call.environment.cluster?.topicConfig(topic)
      if (config?.refused !== undefined) throw config.refused
      return { json: (config?.entries ?? []).map(({ name, value, isDefault }) => ({ name, value, isDefault })) }
    },
  },
  {
    method: 'GET',
    path: '/api/configs/default/topics',
    id: 'defaultSettings',
    about: 'Settings of topics with the defaults of the brokers; those that the topic asked has changed are left out.',
    answer: SETTINGS,
    run: async (call) => ({
      json: (await settingsOfTopics(call)).filter((e) => e.isDefault).map(({ name, value }) => ({ name, value })),
    }),
  },
  {
    method: 'GET',
    path: '/api/configs/default/topics/keys',
    id: 'settingNames',
    about: 'Names of all settings of topics.',
    answer: { type: 'array', items: { type: 'string' } },
    run: async (call) => ({ json: (await settingsOfTopics(call)).map(({ name }) => name) }),
  },
  {
    method: 'GET',
    path: '/api/v1/sql/paging',
    id: 'paging',
    about: 'First and end offset of each partition of a table.',
    query: [{ name: 'table', about: 'Name of the table.', schema: { type: 'string' } }],
    answer: {
      type: 'array',
      items: {
        type: 'object',
        required: ['partition', 'start', 'end'],
        properties: { partition: { type: 'integer' }, start: { type: 'integer' }, end: { type: 'integer' } },
      },
    },
    run: async (call) => {
      const name = parameter(call, 'table')
      if (name === undefined || name === '')
        throw new RestError(400, 'The parameter "table" is missing.', [{ field: 'table', error: 'missing' }])
      const table = await tableOf(call, name)
      const { messagesPerPartition } = await sizesOf(call, table.topic, table.partitions)
      return { json: messagesPerPartition.map(({ partition, begin, end }) => ({ partition, start: begin, end })) }
    },
  },
]
