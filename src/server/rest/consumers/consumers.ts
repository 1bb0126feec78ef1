/** Groups of consumers, read only: those that read topics which the account may see, and of those topics alone. */
import { type ConsumerGroup, topicsOf } from '../../../kafka/admin/groups.ts'
import type { Schema } from '../openapi.ts'
import type { Call, Route } from '../route.ts'
import { inTurns, sizesOf, tableOf } from '../topics/topic-sizes.ts'

const AT_ONCE = 8

/** JSON Schema of a group of consumers. */
export const GROUP: Schema = {
  type: 'object',
  required: [
    'id',
    'state',
    'active',
    'coordinator',
    'consumers',
    'consumersCount',
    'topicPartitionsCount',
    'minLag',
    'maxLag',
  ],
  properties: {
    id: { type: 'string' },
    state: { type: 'string' },
    active: { type: 'boolean' },
    application: { type: ['object', 'null'] },
    coordinator: {
      type: 'object',
      required: ['id', 'host', 'port'],
      properties: {
        id: { type: 'integer' },
        host: { type: 'string' },
        port: { type: 'integer' },
        rack: { type: 'string' },
      },
    },
    consumers: {
      type: 'array',
      items: {
        type: 'object',
        required: [
          'topic',
          'partition',
          'currentOffset',
          'longEndOffset',
          'lag',
          'consumerId',
          'clientId',
          'clientHost',
        ],
        properties: {
          topic: { type: 'string' },
          partition: { type: 'integer' },
          currentOffset: { type: ['integer', 'null'] },
          longEndOffset: { type: ['integer', 'null'] },
          lag: { type: ['integer', 'null'] },
          consumerId: { type: 'string' },
          clientId: { type: 'string' },
          clientHost: { type: 'string' },
        },
      },
    },
    consumersCount: { type: 'integer' },
    topicPartitionsCount: { type: 'integer' },
    minLag: { type: ['integer', 'null'] },
    maxLag: { type: ['integer', 'null'] },
  },
}

/** The same beside a topic, where the clients look for the ids of the members alone. */
export const TOPIC_GROUP: Schema = {
  ...GROUP,
  properties: { ...(GROUP['properties'] as Schema), consumers: { type: 'array', items: { type: 'string' } } },
}

/** Groups that read at least one topic of which `seen` holds. */
export async function groupsOf(
  call: Pick<Call, 'environment'>,
  seen: (topic: string) => boolean,
): Promise<ConsumerGroup[]> {
  const all = (await call.environment.consumers?.all()) ?? []
  return all.filter((group) => [...topicsOf(group).keys()].some(seen))
}

/** How many groups read each topic. */
export async function countsOf(call: Pick<Call, 'environment'>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const group of (await call.environment.consumers?.all()) ?? [])
    for (const topic of topicsOf(group).keys()) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  return counts
}

/** The calls that read groups of consumers. */
export const CONSUMER_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/consumers',
    id: 'consumers',
    about:
      'Groups of consumers on topics that the account may see, with where they stand. Kept for ten seconds; groups that Sluice may not describe are left out.',
    answer: { type: 'array', items: GROUP },
    run: async (call) => {
      const names = new Set((await call.view.catalog.tables()).map((table) => table.name))
      return { json: await groupsJson(call, (topic) => names.has(topic)) }
    },
  },
  {
    method: 'GET',
    path: '/api/consumers/{name}',
    id: 'consumersOfTopic',
    about: 'Groups of consumers on one topic; the name is that of the topic.',
    answer: { type: 'array', items: GROUP },
    run: async (call) => {
      const table = await tableOf(call, call.params['name'])
      return { json: await groupsJson(call, (topic) => topic === table.topic) }
    },
  },
]

type Ends = ReadonlyMap<string, ReadonlyMap<number, number>>

/** Of each group only what concerns these topics. `consumers`: the places of the group, or the ids of its members. */
export async function groupsJson(
  call: Call,
  seen: (topic: string) => boolean,
  consumers: 'places' | 'members' = 'places',
): Promise<object[]> {
  const groups = await groupsOf(call, seen)
  const topics = [...new Set(groups.flatMap((group) => [...topicsOf(group).keys()].filter(seen)))]
  const ends = new Map(await inTurns(topics, AT_ONCE, async (topic) => [topic, await endsOf(call, topic)] as const))
  return groups.map((group) => {
    const told = groupJson(group, seen, ends)
    return consumers === 'places' ? told : { ...told, consumers: group.members.map((member) => member.id) }
  })
}

/** A topic that is gone, while offsets of it are still kept, has no ends. */
async function endsOf(call: Call, topic: string): Promise<ReadonlyMap<number, number>> {
  const table = await call.view.catalog.table(topic)
  if (table === undefined) return new Map()
  const { messagesPerPartition } = await sizesOf(call, table.topic, table.partitions)
  return new Map(messagesPerPartition.map(({ partition, end }) => [partition, end]))
}

function groupJson(group: ConsumerGroup, seen: (topic: string) => boolean, ends: Ends): object {
  const places = [...topicsOf(group)]
    .filter(([topic]) => seen(topic))
    .flatMap(([topic, partitions]) => [...partitions].sort((a, b) => a - b).map((p) => place(group, topic, p, ends)))
  const lags = places.map((p) => p.lag).filter((lag) => lag !== null)
  const { id, host, port } = group.coordinator
  return {
    id: group.id,
    state: group.state,
    active: group.members.length > 0,
    application: null,
    coordinator: { id, host, port, rack: '' },
    consumers: places,
    consumersCount: group.members.length,
    topicPartitionsCount: places.length,
    minLag: lags.length === 0 ? null : Math.min(...lags),
    maxLag: lags.length === 0 ? null : Math.max(...lags),
  }
}

/** Where a group stands in one partition, and who reads it. */
function place(
  group: ConsumerGroup,
  topic: string,
  partition: number,
  ends: Ends,
): { readonly lag: number | null } & Record<string, unknown> {
  const member = group.members.find((m) => m.assigned.get(topic)?.includes(partition))
  const currentOffset = group.offsets.get(topic)?.get(partition) ?? null
  const longEndOffset = ends.get(topic)?.get(partition) ?? null
  const lag = currentOffset === null || longEndOffset === null ? null : Math.max(0, longEndOffset - currentOffset)
  return {
    topic,
    partition,
    currentOffset,
    longEndOffset,
    lag,
    consumerId: member?.id ?? '',
    clientId: member?.clientId ?? '',
    clientHost: member?.host ?? '',
  }
}
