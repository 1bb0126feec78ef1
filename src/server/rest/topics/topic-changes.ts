/**
 * Topics made, changed and deleted, and records deleted. Each needs its right; the texts of the answers are those that
 * the clients compare.
 */
import type { Administration, RecordToProduce, TableDeclaration, TopicNote } from '../../../plan/administration.ts'
import { dropTopic } from '../../../engine/commands/drop.ts'
import type { Cluster } from '../../../kafka/cluster.ts'
import { isTopicName, TOPIC_NAME_RULE } from '../../../plan/administration.ts'
import { alterTopicConfig, createPartitions } from '../../../kafka/admin/alter.ts'
import { readRecords } from '../../../kafka/read/record-batch.ts'
import { FORMAT_NAMES, type FormatName, formatNamed, traitsOf } from '../../../formats/format.ts'
import { bodyObject, type Call, demand, field, isText, isWhole, RestError, type Route } from '../route.ts'
import { sizesOf, tableOf } from './topic-sizes.ts'

function administration(call: Call): Administration {
  if (call.view.administration === undefined) throw new RestError(501, 'This server cannot change anything in Kafka.')
  return call.view.administration
}
function cluster(call: Call): Cluster {
  if (call.environment.cluster === undefined) throw new RestError(501, 'This server cannot change anything in Kafka.')
  return call.environment.cluster
}

/** `{name: value}` or `[{key, value}]`. */
function settings(value: unknown): Map<string, string | null> {
  const wrong = () =>
    new RestError(400, 'The field "configs" must be an object of settings, or a list of {"key", "value"}.', [
      { field: 'configs', error: 'wrong shape' },
    ])
  if (value === undefined || value === null) return new Map()
  if (typeof value !== 'object') throw wrong()
  const entries: [unknown, unknown][] = Array.isArray(value)
    ? value.map((item: unknown) => {
        if (typeof item !== 'object' || item === null || !('key' in item)) throw wrong()
        return [item.key, 'value' in item ? item.value : null]
      })
    : Object.entries(value)
  return new Map(
    entries.map(([name, setting]) => {
      if (
        !isText(name) ||
        (setting !== null && typeof setting !== 'string' && typeof setting !== 'number' && typeof setting !== 'boolean')
      )
        throw wrong()
      return [name, setting === null ? null : String(setting)]
    }),
  )
}

async function create(call: Call, nameField: 'topicName' | 'name'): Promise<string> {
  const body = bodyObject(call)
  const name = field(body, nameField, isText, 'the name of the topic')
  demand(call, 'create', name)
  if (!isTopicName(name)) throw new RestError(400, `The field "${nameField}" must be ${TOPIC_NAME_RULE}.`)
  const partitions = field(body, 'partitions', isUpTo(MOST_PARTITIONS), `a whole number, 1 to ${MOST_PARTITIONS}`, 1)
  const replication = field(body, 'replication', isUpTo(MOST_REPLICAS), `a whole number, 1 to ${MOST_REPLICAS}`, 1)
  const config = Object.fromEntries([...settings(body['configs'])].filter((e): e is [string, string] => e[1] !== null))
  const declaration = declared(body['format'])
  await administration(call).createTopic({ name, partitions, replication, config }, call.signal)
  if (declaration !== undefined) await declare(call, name, declaration)
  return name
}

/** Not a limit: Kafka's number has 32 bits. */
const MOST_PARTITIONS = 2 ** 31 - 1
/** Not a limit: Kafka's number has 16 bits. */
const MOST_REPLICAS = 2 ** 15 - 1
const isUpTo =
  (most: number) =>
  (value: unknown): value is number =>
    isWhole(value) && value <= most

interface DeclaredFormat {
  readonly format: FormatName
  readonly schema?: string
}

function declared(value: unknown): { key: DeclaredFormat; value: DeclaredFormat } | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object')
    throw new RestError(400, 'The field "format" must be an object of "key" and "value".', [
      { field: 'format', error: 'wrong shape' },
    ])
  const side = (name: 'key' | 'value'): DeclaredFormat => {
    const part = (value as Record<string, unknown>)[name]
    if (part === undefined || part === null) return { format: name === 'key' ? 'STRING' : 'BYTES' }
    const { format, schema } = part as { format?: unknown; schema?: unknown }
    const known = typeof format === 'string' ? formatNamed(format) : undefined
    if (known === undefined)
      throw new RestError(400, `The field "format.${name}.format" must be one of ${FORMAT_NAMES}.`, [
        { field: `format.${name}.format`, error: 'unknown format' },
      ])
    if (schema !== undefined && schema !== null && typeof schema !== 'string')
      throw new RestError(400, `The field "format.${name}.schema" must be a text.`)
    return { format: known, ...(isText(schema) ? { schema } : {}) }
  }
  return { key: side('key'), value: side('value') }
}

async function declare(
  call: Call,
  topic: string,
  formats: { key: DeclaredFormat; value: DeclaredFormat },
): Promise<void> {
  const admin = administration(call)
  const subjects: string[] = []
  for (const side of ['key', 'value'] as const) {
    const { format, schema } = formats[side]
    const type = traitsOf(format).registry
    if (type === undefined || schema === undefined) continue
    const subject = `${topic}-${side}`
    if ((await admin.registerSchema(subject, type, schema)).created) subjects.push(subject)
  }
  const declaration: TableDeclaration = { key: formats.key.format, value: formats.value.format, subjects }
  await admin.objects.saveTable(topic, declaration)
  admin.forget(topic)
}

/** The bytes of one record. */
async function recordAt(call: Call, topic: string, partition: number, offset: number): Promise<RecordToProduce> {
  const { messagesPerPartition } = await sizesOf(call, topic, (await tableOf(call, topic)).partitions)
  const found = messagesPerPartition.find((p) => p.partition === partition)
  if (found !== undefined && offset >= found.begin && offset < found.end) {
    const source = call.view.log.scan(
      { topic, ranges: [{ partition, start: offset, end: offset + 1 }], isolation: 'read_committed', limit: 1 },
      call.signal,
    )
    try {
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        if (batch.fault !== undefined) throw new RestError(409, `The record cannot be read: ${batch.fault}`)
        // The buffer belongs to the scan.
        const copy = (bytes: Buffer | null) => (bytes === null ? null : Buffer.from(bytes))
        for (const { key, value, headers } of readRecords(batch))
          return {
            key: copy(key),
            value: copy(value),
            headers: headers.map((h) => ({ key: h.key, value: copy(h.value) })),
            partition,
          }
      }
    } finally {
      source.close()
    }
  }
  throw new RestError(404, `There is no record at offset ${offset} of partition ${partition}.`)
}

/** Changes what is said about a topic; the rest of it stays. */
async function note(call: Call, change: (before: TopicNote) => TopicNote): Promise<void> {
  const { name } = call.params
  await tableOf(call, name)
  demand(call, 'create', name)
  const { objects } = administration(call)
  if (objects.saveNote === undefined) throw new RestError(501, 'This server keeps no notes on topics.')
  await objects.saveNote(name, change(objects.note?.(name) ?? { description: null, tags: [] }))
}

/** `["a"]` or `[{name: "a"}]`. */
function tagNames(value: unknown): string[] {
  const names = Array.isArray(value)
    ? value.map((tag: unknown) => (typeof tag === 'object' && tag !== null && 'name' in tag ? tag.name : tag))
    : undefined
  if (
    names === undefined ||
    names.length > MAX_TAGS ||
    !names.every((n): n is string => isText(n) && n.length <= MAX_TAG)
  )
    throw new RestError(
      400,
      `The field "tags" must be a list of up to ${MAX_TAGS} {"name"}, each of up to ${MAX_TAG} characters.`,
      [{ field: 'tags', error: 'wrong shape' }],
    )
  return [...new Set(names)]
}

/** Limit `rest.max.tags` (tags): tags of one topic. Beyond it: HTTP 400. */
const MAX_TAGS = 100
/** Limit `rest.max.tag` (characters): one tag. Beyond it: HTTP 400. */
const MAX_TAG = 256
/** Limit `rest.max.description` (characters): description of a topic. Beyond it: HTTP 400. */
const MAX_DESCRIPTION = 10_000

const NEW_TOPIC = {
  partitions: { type: 'integer', minimum: 1 },
  replication: { type: 'integer', minimum: 1 },
  configs: { type: 'object' },
} as const

/** A whole number of a path. */
export function whole(text: string, what: string): number {
  const number = Number(text)
  if (!/^\d{1,15}$/.test(text))
    throw new RestError(400, `The ${what} must be a whole number, 0 or more; it is ${JSON.stringify(text)}.`, [
      { field: what, error: 'not a number' },
    ])
  return number
}

/** The calls that create, change and delete topics and their records. */
export const TOPIC_CHANGES: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/topics',
    id: 'createTopic',
    about: 'Makes a topic.',
    body: { type: 'object', required: ['topicName'], properties: { topicName: { type: 'string' }, ...NEW_TOPIC } },
    text: true,
    run: async (call) => ({ text: `Topic [${await create(call, 'topicName')}] created` }),
  },
  {
    method: 'POST',
    path: '/api/v1/kafka/topic',
    id: 'createTopicWithFormat',
    about: 'Makes a topic, registers its schemas and remembers its formats.',
    body: {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string' }, ...NEW_TOPIC, format: { type: 'object' } },
    },
    answer: { type: 'object', required: ['topicName'], properties: { topicName: { type: 'string' } } },
    status: 201,
    run: async (call) => ({ json: { topicName: await create(call, 'name') } }),
  },
  {
    method: 'DELETE',
    path: '/api/topics/{topic}',
    id: 'deleteTopic',
    about: 'Deletes a topic with its records.',
    text: true,
    run: async (call) => {
      const { topic } = call.params
      demand(call, 'drop', topic)
      await dropTopic(topic, administration(call), call.view.catalog, call.signal)
      return { text: `Topic '${topic}' has been marked for deletion` }
    },
  },
  {
    method: 'DELETE',
    path: '/api/topics/{topic}/{partition}/{offset}',
    id: 'deleteRecords',
    about: 'Deletes the records of a partition before an offset; one beyond the end stands for the end.',
    text: true,
    run: async (call) => {
      const { topic } = call.params
      demand(call, 'delete', topic)
      const [partition, offset] = [whole(call.params['partition'], 'partition'), whole(call.params['offset'], 'offset')]
      const { messagesPerPartition } = await sizesOf(call, topic, (await tableOf(call, topic)).partitions)
      const found = messagesPerPartition.find((p) => p.partition === partition)
      if (found === undefined)
        throw new RestError(404, `The topic ${JSON.stringify(topic)} has no partition ${partition}.`)
      await administration(call).deleteRecords(topic, new Map([[partition, Math.min(offset, found.end)]]), call.signal)
      return {
        text: `Records from topic '${topic}' and partition '${partition}' up to offset '${offset}', have been deleted`,
      }
    },
  },
  {
    method: 'PUT',
    path: '/api/topics/{topic}/{partition}/{offset}/resend',
    id: 'resend',
    about: 'Writes a record once more, behind the last one of its partition.',
    answer: {
      type: 'object',
      required: ['topicName', 'partition', 'offset'],
      properties: { topicName: { type: 'string' }, partition: { type: 'integer' }, offset: { type: 'integer' } },
    },
    run: async (call) => {
      const { topic } = call.params
      demand(call, 'insert', topic)
      const [partition, offset] = [whole(call.params['partition'], 'partition'), whole(call.params['offset'], 'offset')]
      await administration(call).produce(topic, [await recordAt(call, topic, partition, offset)], call.signal)
      return { json: { topicName: topic, partition, offset } }
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/datasets/kafka/{name}/description',
    id: 'describeTopic',
    about: 'Says what a topic is for; null, or no description, takes away what was said.',
    // Without a 204, which lenses-cli takes of a PUT for a failure.
    body: { type: 'object', properties: { description: { type: ['string', 'null'] } } },
    run: async (call) => {
      const { description = null } = bodyObject(call)
      if (description !== null && (typeof description !== 'string' || description.length > MAX_DESCRIPTION))
        throw new RestError(
          400,
          `The field "description" must be a text of up to ${MAX_DESCRIPTION} characters, or null.`,
          [{ field: 'description', error: 'no text' }],
        )
      await note(call, (before) => ({ ...before, description }))
      return {}
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/datasets/kafka/{name}/tags',
    id: 'tagTopic',
    about: 'Gives a topic its tags, in place of those that it has.',
    body: {
      type: 'object',
      required: ['tags'],
      properties: { tags: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } } },
    },
    run: async (call) => {
      const tags = tagNames(bodyObject(call)['tags'])
      await note(call, (before) => ({ ...before, tags }))
      return {}
    },
  },
  {
    method: 'PUT',
    path: '/api/configs/topics/{topic}',
    id: 'changeSettings',
    about: 'Changes settings of a topic; null gives one back its default. An empty list changes nothing.',
    body: {
      type: 'object',
      required: ['configs'],
      properties: {
        configs: { type: 'array', items: { type: 'object', properties: { key: { type: 'string' }, value: {} } } },
      },
    },
    text: true,
    run: async (call) => {
      const { topic } = call.params
      demand(call, 'drop', topic)
      const { configs } = bodyObject(call)
      const changed = settings(configs)
      if (configs === undefined || configs === null)
        throw new RestError(400, 'The field "configs" names no setting.', [{ field: 'configs', error: 'missing' }])
      if (changed.size === 0) await tableOf(call, topic)
      else await alterTopicConfig(cluster(call), topic, changed, call.signal)
      administration(call).forget(topic)
      const shown = [...changed].map(([name, value]) => `TopicConfigKeyValue(${name},${value ?? ''})`).join(', ')
      return { text: `Topic [${topic}] updated config with [SetTopicConfiguration(List(${shown}))]` }
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/kafka/topics/{topic}/partitions',
    id: 'addPartitions',
    about: 'Gives a topic more partitions.',
    body: { type: 'object', required: ['partitions'], properties: { partitions: { type: 'integer', minimum: 1 } } },
    answer: {
      type: 'object',
      required: ['topicName', 'partitions'],
      properties: { topicName: { type: 'string' }, partitions: { type: 'integer' } },
    },
    run: async (call) => {
      const { topic } = call.params
      demand(call, 'drop', topic)
      const expected = `a whole number, 1 to ${MOST_PARTITIONS}`
      const partitions = field(bodyObject(call), 'partitions', isUpTo(MOST_PARTITIONS), expected)
      await createPartitions(cluster(call), topic, partitions, call.signal)
      administration(call).forget(topic)
      return { json: { topicName: topic, partitions } }
    },
  },
  {
    method: 'POST',
    path: '/api/v1/metadata/topics',
    id: 'declareFormats',
    about: 'Says how keys and values of a topic are written.',
    body: {
      type: 'object',
      required: ['topicName', 'keyType', 'valueType'],
      properties: {
        topicName: { type: 'string' },
        keyType: { type: 'string' },
        valueType: { type: 'string' },
        description: { type: 'string' },
        tags: { type: 'array' },
      },
    },
    text: true,
    run: async (call) => {
      const body = bodyObject(call)
      const topic = field(body, 'topicName', isText, 'the name of a topic')
      await tableOf(call, topic)
      demand(call, 'create', topic)
      const formats = declared({ key: { format: body['keyType'] }, value: { format: body['valueType'] } })
      if (formats !== undefined) await declare(call, topic, formats)
      const { objects } = administration(call)
      const before = objects.note?.(topic) ?? { description: null, tags: [] }
      const description =
        typeof body['description'] === 'string' ? body['description'].slice(0, MAX_DESCRIPTION) : before.description
      await objects.saveNote?.(topic, {
        description,
        tags: Array.isArray(body['tags']) ? tagNames(body['tags']) : before.tags,
      })
      return { text: `Topic [${topic}] metadata updated` }
    },
  },
]
