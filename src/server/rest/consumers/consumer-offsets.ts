/**
 * Groups of consumers moved: offsets set to the start, the end, a moment or a number, offsets taken away, whole groups
 * taken away; as lenses-cli and lenses-mcp ask for it. It needs the right `offsets` on every topic concerned. A group
 * that has members is left alone: they would not notice, and commit over it. A group of which the account sees no topic
 * does not exist for it.
 */
import type { Cluster } from '../../../kafka/cluster.ts'
import {
  commitOffsets,
  deleteGroup,
  deleteOffsets,
  groupAtCoordinator,
  type Places,
} from '../../../kafka/admin/group-changes.ts'
import { type GroupNow, topicsOf } from '../../../kafka/admin/groups.ts'
import type { Table } from '../../../plan/catalog.ts'
import { whole } from '../topics/topic-changes.ts'
import type { Schema } from '../openapi.ts'
import { bodyObject, type Call, demand, isText, RestError, type Route } from '../route.ts'
import { inTurns, placesAt, sizesOf, tableOf } from '../topics/topic-sizes.ts'

/** Limit `rest.max.group.topics` (topics): topics of one change of offsets of a group. Beyond it: HTTP 400. */
const MAX_TOPICS = 1000
const AT_ONCE = 8

const WHERE_TO = ['start', 'end', 'timestamp', 'absolute'] as const
type WhereTo = (typeof WHERE_TO)[number]
/** A date, or a date and a time; without a zone it is UTC. */
const MOMENT = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/

function cluster(call: Call): Cluster {
  if (call.environment.cluster === undefined) throw new RestError(501, 'This server cannot change anything in Kafka.')
  return call.environment.cluster
}

/** The group of the path, at rest; or a refusal. */
async function restingGroup(call: Call, id: string): Promise<GroupNow> {
  const { administration } = call.view
  if (administration === undefined) throw new RestError(501, 'This server cannot change anything in Kafka.')
  const group = await groupAtCoordinator(cluster(call), id, call.signal)
  const seen =
    group !== undefined &&
    (administration.all || [...topicsOf(group).keys()].some((topic) => administration.may('read', topic)))
  if (!seen) throw new RestError(404, `There is no group of consumers ${JSON.stringify(id)}.`)
  return group
}

/** To be called after the check of rights: accounts that may not change a group learn nothing about it. */
function demandRest(group: GroupNow): void {
  const members = group.members.length
  if (members === 0) return
  const who = members === 1 ? 'a member reads' : `${members} members read`
  throw new RestError(
    409,
    `The group ${JSON.stringify(group.id)} is active (${group.state}): ${who} with it. Stop them first; offsets can be changed while a group is at rest.`,
  )
}

/** All topics of the group, each with the right. Topics that may not be seen are not named. */
function demandAll(call: Call, group: GroupNow): string[] {
  const { administration } = call.view
  const topics = [...topicsOf(group).keys()]
  const seen = topics.filter((topic) => administration?.may('read', topic) === true)
  for (const topic of seen) demand(call, 'offsets', topic)
  // A group that reads nothing is a matter of those who may move every group.
  const none = topics.length === 0 && !(administration?.all === true && administration.may('offsets', group.id))
  if (seen.length < topics.length || none)
    throw new RestError(403, `The group ${JSON.stringify(group.id)} has to do with more than the account may change.`)
  return topics
}

/** The topics that the body names, or all of the group, with their rights. */
function topicsIn(call: Call, group: GroupNow): string[] {
  const { topics } = bodyObject(call)
  // lenses-cli leaves the list out for all topics; an empty one may be a mistake.
  if (topics === undefined || topics === null) return demandAll(call, group)
  if (!Array.isArray(topics) || topics.length === 0 || topics.length > MAX_TOPICS || !topics.every(isText))
    throw new RestError(
      400,
      `The field "topics" must be a list of 1 to ${MAX_TOPICS} names of topics; left out, it means all topics of the group.`,
      [{ field: 'topics', error: 'wrong shape' }],
    )
  const names = [...new Set(topics)]
  for (const topic of names) demand(call, 'offsets', topic)
  return names
}

function whereToIn(body: Readonly<Record<string, unknown>>, allowed: readonly WhereTo[]): WhereTo {
  const found = allowed.find((name) => name === body['type'])
  if (found === undefined)
    throw new RestError(400, `The field "type" must be one of ${allowed.join(', ')}.`, [
      { field: 'type', error: 'unknown' },
    ])
  return found
}

/** Epoch milliseconds. */
function momentIn(body: Readonly<Record<string, unknown>>): number {
  const { target } = body
  const match = typeof target === 'string' ? MOMENT.exec(target) : null
  const text = match === null ? '' : `${match[0]}${match[0].includes('T') && match[1] === undefined ? 'Z' : ''}`
  const ms = new Date(text).getTime()
  if (Number.isNaN(ms))
    throw new RestError(400, 'The field "target" must be a moment in ISO 8601, such as "2026-04-28T10:00:00Z".', [
      { field: 'target', error: 'no moment' },
    ])
  return ms
}

/**
 * The number of the body; lenses-cli leaves 0 out. Beyond what the partition holds the group would begin wherever its
 * own settings say.
 */
function offsetIn(body: Readonly<Record<string, unknown>>, partition: number, begin: number, end: number): number {
  const { offset = 0 } = body
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < begin || offset > end)
    throw new RestError(
      400,
      `The field "offset" must be a whole number from ${begin} to ${end}: that is what partition ${partition} holds.`,
      [{ field: 'offset', error: 'out of range' }],
    )
  return offset
}

/** A synonym is not a topic: no offsets are committed under its name. */
async function topicTable(call: Call, topic: string): Promise<Table> {
  const table = await tableOf(call, topic)
  if (table.topic !== topic)
    throw new RestError(
      404,
      `There is no topic ${JSON.stringify(topic)}; it is another name of ${JSON.stringify(table.topic)}.`,
    )
  return table
}

/** Where all partitions of a table are to stand. */
async function placesOf(call: Call, table: Table, to: WhereTo, targetMs: number): Promise<ReadonlyMap<number, number>> {
  const sizes = await sizesOf(call, table.topic, table.partitions)
  const at = to === 'timestamp' ? (await placesAt(call, table.topic, table.partitions, sizes, [targetMs]))[0] : []
  return new Map(
    sizes.messagesPerPartition.map(({ partition, begin, end }, i) => [
      partition,
      to === 'start' ? begin : to === 'end' ? end : at[i],
    ]),
  )
}

async function move(call: Call, group: string, places: Places): Promise<object> {
  await commitOffsets(cluster(call), group, places, call.signal)
  call.environment.consumers?.forget()
  return {}
}

async function moveTopics(call: Call): Promise<object> {
  const { name } = call.params
  const body = bodyObject(call)
  const to = whereToIn(body, ['start', 'end', 'timestamp'])
  const targetMs = to === 'timestamp' ? momentIn(body) : 0
  const group = await restingGroup(call, name)
  const topics = topicsIn(call, group)
  demandRest(group)
  const places = await inTurns(
    topics,
    AT_ONCE,
    async (topic) => [topic, await placesOf(call, await topicTable(call, topic), to, targetMs)] as const,
  )
  return move(call, name, new Map(places))
}

async function movePartition(call: Call): Promise<object> {
  const { name, topic } = call.params
  const body = bodyObject(call)
  const partition = whole(call.params['partition'], 'partition')
  const to = whereToIn(body, WHERE_TO)
  const targetMs = to === 'timestamp' ? momentIn(body) : 0
  const group = await restingGroup(call, name)
  demand(call, 'offsets', topic)
  demandRest(group)
  const table = await topicTable(call, topic)
  const found = (await sizesOf(call, table.topic, table.partitions)).messagesPerPartition.find(
    (p) => p.partition === partition,
  )
  if (found === undefined) throw new RestError(404, `The topic ${JSON.stringify(topic)} has no partition ${partition}.`)
  const offset =
    to === 'absolute'
      ? offsetIn(body, partition, found.begin, found.end)
      : ((await placesOf(call, table, to, targetMs)).get(partition) ?? found.end)
  return move(call, name, new Map([[topic, new Map([[partition, offset]])]]))
}

/** `partitions` by topic; those without an offset of the group are left out. */
async function takeAway(call: Call, group: GroupNow, topics: readonly string[], partition?: number): Promise<object> {
  const places = topics.map((topic) => {
    const known = [...(group.offsets.get(topic)?.keys() ?? [])].filter(
      (p) => partition === undefined || p === partition,
    )
    const where = `${partition === undefined ? '' : `partition ${partition} of `}the topic ${JSON.stringify(topic)}`
    if (known.length === 0) throw new RestError(404, `The group ${JSON.stringify(group.id)} has no offset in ${where}.`)
    return [topic, known] as const
  })
  await deleteOffsets(cluster(call), group.id, new Map(places), call.signal)
  call.environment.consumers?.forget()
  return {}
}

const TOPICS: Schema = { type: 'array', minItems: 1, maxItems: MAX_TOPICS, items: { type: 'string' } }
const MOVES = 'Needs the right "offsets" on every topic concerned; 409 while the group has members.'

/** The calls that change groups of consumers. */
export const CONSUMER_CHANGES: readonly Route[] = [
  {
    method: 'PUT',
    path: '/api/consumers/{name}/offsets',
    id: 'moveGroup',
    about: `Sets the offsets of a group in all partitions of topics (all of the group where none are named) to the start, the end, or the first record that is not older than a moment. ${MOVES}`,
    body: {
      type: 'object',
      required: ['type'],
      properties: {
        type: { type: 'string', enum: ['start', 'end', 'timestamp'] },
        target: { type: 'string', format: 'date-time' },
        topics: TOPICS,
      },
    },
    run: moveTopics,
  },
  {
    method: 'PUT',
    path: '/api/consumers/{name}/offsets/topics/{topic}/partitions/{partition}',
    id: 'movePartition',
    about: `Sets the offset of a group in one partition; "absolute" is the number in "offset", 0 where it is left out. ${MOVES}`,
    body: {
      type: 'object',
      required: ['type'],
      properties: {
        type: { type: 'string', enum: WHERE_TO },
        offset: { type: 'integer' },
        target: { type: 'string', format: 'date-time' },
      },
    },
    run: movePartition,
  },
  {
    method: 'POST',
    path: '/api/consumers/{name}/offsets/delete',
    id: 'deleteGroupOffsets',
    about: `Takes the offsets of a group in topics away (in all of its topics where none are named). ${MOVES}`,
    body: { type: 'object', properties: { topics: TOPICS } },
    run: async (call) => {
      const group = await restingGroup(call, call.params['name'])
      const topics = topicsIn(call, group)
      demandRest(group)
      return takeAway(call, group, topics)
    },
  },
  {
    method: 'DELETE',
    path: '/api/consumers/{name}/topics/{topic}/partitions/{partition}/offsets',
    id: 'deletePartitionOffset',
    about: `Takes the offset of a group in one partition away. ${MOVES}`,
    run: async (call) => {
      const { name, topic } = call.params
      const partition = whole(call.params['partition'], 'partition')
      const group = await restingGroup(call, name)
      demand(call, 'offsets', topic)
      demandRest(group)
      return takeAway(call, group, [topic], partition)
    },
  },
  {
    method: 'DELETE',
    path: '/api/consumers/{name}',
    id: 'deleteGroup',
    about: `Takes a group of consumers away with its offsets. ${MOVES}`,
    run: async (call) => {
      const group = await restingGroup(call, call.params['name'])
      demandAll(call, group)
      demandRest(group)
      await deleteGroup(cluster(call), group.id, call.signal)
      call.environment.consumers?.forget()
      return {}
    },
  },
]
