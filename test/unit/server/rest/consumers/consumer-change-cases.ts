/**
 * Groups of consumers moved and taken away over REST; run on the embedded broker and on a real Kafka. Not a test
 * itself.
 */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { Cluster } from '../../../../../src/kafka/cluster.ts'
import { groupAtCoordinator } from '../../../../../src/kafka/admin/group-changes.ts'
import { readConfig } from '../../../../../src/server/config/config.ts'
import { createLog } from '../../../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../../../src/server/start.ts'

/**
 * Who may what: everything; `offsets` on some topics; reading alone; every right but `offsets`, on these topics and on
 * all.
 */
const KEYS = {
  all: 'all-0123456789abcdef',
  mover: 'mover-0123456789abcdef',
  reader: 'reader-0123456789abcdef',
  writer: 'writer-0123456789abcdef',
  administrator: 'administrator-0123456789abcdef',
}
type Who = keyof typeof KEYS
const PROXY = '/api/v1/environments/demo/proxy'
const HOUR_MS = 3_600_000

interface Place {
  readonly topic: string
  readonly partition: number
  readonly currentOffset: number | null
}

/** Declares the cases; `brokers` is asked before the first one. */
export function consumerChangeCases(brokers: () => Promise<readonly string[]>): void {
  const run = crypto.randomUUID().slice(0, 8)
  const [open, second, hidden] = [`open-${run}`, `open-second-${run}`, `hidden-${run}`]
  const day = Date.now() - 24 * HOUR_MS
  let server: RunningServer
  let own: Cluster
  let client: { clientId: string; bootstrapBrokers: string[] }

  const ask = (method: string, path: string, body?: unknown, who: Who = 'all') =>
    fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${KEYS[who]}` },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    })
  const done = async (method: string, path: string, body?: unknown, who: Who = 'mover') => {
    const response = await ask(method, path, body, who)
    assert.equal(`${response.status} ${await response.text()}`, '200 ', `${method} ${path} ${JSON.stringify(body)}`)
  }
  const refused = async (
    status: number,
    words: RegExp,
    method: string,
    path: string,
    body?: unknown,
    who: Who = 'mover',
  ) => {
    const response = await ask(method, path, body, who)
    const text = await response.text()
    assert.equal(response.status, status, `${method} ${path} ${JSON.stringify(body)}: ${text}`)
    assert.match((JSON.parse(text) as { error: string }).error, words)
  }
  const at = (group: string) => `/api/consumers/${encodeURIComponent(group)}`
  const part = (group: string, topic: string, partition: number | string) =>
    `${at(group)}/offsets/topics/${topic}/partitions/${partition}`
  /** `topic partition offset`, as the server tells it right after a change. */
  const places = async (group: string) => {
    const groups = (await (await ask('GET', '/api/consumers')).json()) as { id: string; consumers: Place[] }[]
    return groups
      .find((g) => g.id === group)
      ?.consumers.map(
        (c) =>
          `${c.topic === open ? 'open' : c.topic === second ? 'second' : 'hidden'} ${c.partition} ${c.currentOffset}`,
      )
      .sort()
  }
  /** Where a group stands in a topic, as its coordinator says. */
  const stands = async (group: string, topic: string) => [
    ...((await groupAtCoordinator(own, group))?.offsets.get(topic) ?? []),
  ]
  /** A group that stands at these offsets and has no members. */
  const resting = async (name: string, offsets: readonly (readonly [string, number, number])[]): Promise<string> => {
    const groupId = `${name}-${run}`
    const consumer = new Consumer({ ...client, groupId, deserializers: stringDeserializers })
    await consumer.joinGroup({})
    if (offsets.length > 0)
      await consumer.commit({
        offsets: offsets.map(([topic, partition, offset]) => ({
          topic,
          partition,
          offset: BigInt(offset),
          leaderEpoch: 0,
        })),
      })
    await consumer.close(true)
    return groupId
  }

  before(async () => {
    client = { clientId: `client-${run}`, bootstrapBrokers: [...(await brokers())] }
    const rights = (...names: string[]) => [{ environments: ['*'], topics: ['open*'], rights: names }]
    own = new Cluster({ brokers: client.bootstrapBrokers })
    const config = await readConfig({
      server: { port: 0 },
      environments: [{ name: 'demo', kafka: { brokers: client.bootstrapBrokers } }],
      serviceAccounts: [
        { name: 'all', token: KEYS.all, permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
        { name: 'mover', token: KEYS.mover, permissions: rights('offsets') },
        { name: 'reader', token: KEYS.reader, permissions: [{ environments: ['*'], topics: ['open*'] }] },
        {
          name: 'administrator',
          token: KEYS.administrator,
          permissions: [{ environments: ['*'], topics: ['*'], rights: ['insert', 'delete', 'create', 'drop'] }],
        },
        { name: 'writer', token: KEYS.writer, permissions: rights('insert', 'delete', 'create', 'drop') },
      ],
    })
    const admin = new Admin(client)
    await admin.createTopics({ topics: [open, second, hidden], partitions: 2, replicas: 1 })
    await admin.close()
    const producer = new Producer({ ...client, serializers: stringSerializers })
    for (const topic of [open, second, hidden]) {
      for (const partition of [0, 1]) {
        // Four records, an hour apart: offsets 0 to 3.
        for (let i = 0; i < 4; i++)
          await producer.send({
            messages: [{ topic, partition, value: 'x', timestamp: BigInt(day + i * HOUR_MS) }],
            acks: -1,
          })
      }
    }
    await producer.close()
    server = await startServer(config, { log: createLog('silent') })
  })
  after(async () => {
    own?.close()
    await server?.close(0)
  })

  it('moves a group to the start, the end, a moment and a number', async () => {
    const group = await resting('moved', [
      [open, 0, 2],
      [second, 1, 1],
    ])
    await done('PUT', `${at(group)}/offsets`, { type: 'end', topics: [open] })
    assert.deepEqual(await places(group), ['open 0 4', 'open 1 4', 'second 1 1'])
    await done('PUT', `${PROXY}${at(group)}/offsets`, { type: 'start', topics: [open, second] })
    assert.deepEqual(await places(group), ['open 0 0', 'open 1 0', 'second 0 0', 'second 1 0'])
    const target = new Date(day + 2 * HOUR_MS - 1000).toISOString()
    await done('PUT', `${at(group)}/offsets`, { type: 'timestamp', target, topics: [open] })
    assert.deepEqual(await places(group), ['open 0 2', 'open 1 2', 'second 0 0', 'second 1 0'])
    await done('PUT', `${at(group)}/offsets`, { type: 'timestamp', target: '2199-01-01', topics: [second] })
    assert.deepEqual((await places(group))?.slice(2), ['second 0 4', 'second 1 4'], 'no record is as new: the end')
    // As lenses-cli sends them: no list for all topics, -100 beside the start, and no number for 0.
    await done('PUT', `${at(group)}/offsets`, { type: 'end' })
    assert.deepEqual(await places(group), ['open 0 4', 'open 1 4', 'second 0 4', 'second 1 4'])
    await done('PUT', part(group, open, 1), { type: 'absolute', offset: 3 })
    await done('PUT', part(group, open, 0), { type: 'absolute' })
    await done('PUT', part(group, second, 0), { type: 'start', offset: -100 })
    assert.deepEqual(await places(group), ['open 0 0', 'open 1 3', 'second 0 0', 'second 1 4'])
  })

  it('takes offsets away, and groups', async () => {
    const group = await resting('taken', [
      [open, 0, 2],
      [open, 1, 2],
      [second, 1, 1],
    ])
    await done('DELETE', `${at(group)}/topics/${open}/partitions/1/offsets`)
    assert.deepEqual(await places(group), ['open 0 2', 'second 1 1'])
    await refused(
      404,
      /has no offset in partition 1 of the topic/,
      'DELETE',
      `${at(group)}/topics/${open}/partitions/1/offsets`,
    )
    await done('POST', `${at(group)}/offsets/delete`, { topics: [open] })
    assert.deepEqual(await places(group), ['second 1 1'])
    await refused(404, /has no offset in the topic/, 'POST', `${at(group)}/offsets/delete`, { topics: [open] })
    const whole = await resting('whole', [
      [open, 0, 2],
      [second, 0, 2],
    ])
    await done('POST', `${at(whole)}/offsets/delete`, { type: '' })
    assert.equal(await places(whole), undefined, 'nothing is left that it reads')
    const gone = await resting('gone', [[open, 0, 2]])
    await done('DELETE', PROXY + at(gone))
    assert.equal(await places(gone), undefined)
    await refused(404, /There is no group of consumers/, 'DELETE', at(gone))
    await refused(404, /There is no group of consumers/, 'PUT', part(gone, open, 0), { type: 'start' })
  })

  it('needs the right on every topic, and tells nothing of others', async () => {
    const group = await resting('guarded', [
      [open, 0, 2],
      [hidden, 0, 2],
    ])
    const unseen = await resting('unseen', [[hidden, 0, 2]])
    const nothing = await resting('nothing', [])
    const calls = [
      ['PUT', '/offsets', { type: 'start', topics: [open] }],
      ['PUT', `/offsets/topics/${open}/partitions/0`, { type: 'start' }],
      ['POST', '/offsets/delete', { topics: [open] }],
      ['DELETE', `/topics/${open}/partitions/0/offsets`, undefined],
    ] as const
    for (const [method, path, body] of calls) {
      for (const who of ['reader', 'writer'] as const)
        await refused(403, /may not move consumers of the topic/, method, at(group) + path, body, who)
      await refused(404, /There is no group of consumers/, method, at(unseen) + path, body)
      await refused(404, /There is no group of consumers/, method, at(`never-${run}`) + path, body)
      await refused(404, /There is no group of consumers/, method, at(nothing) + path, body)
    }
    for (const [method, path, body] of [
      ['PUT', '/offsets', { type: 'start' }],
      ['POST', '/offsets/delete', {}],
      ['DELETE', '', undefined],
    ] as const) {
      await refused(403, /has to do with more than the account may change/, method, at(group) + path, body)
      await refused(404, /There is no group of consumers/, method, at(unseen) + path, body)
    }
    for (const topic of [hidden, `never-${run}`]) {
      await refused(404, new RegExp(`There is no topic "${topic}"`), 'PUT', `${at(group)}/offsets`, {
        type: 'start',
        topics: [topic],
      })
      await refused(404, new RegExp(`There is no topic "${topic}"`), 'PUT', part(group, topic, 0), { type: 'start' })
    }
    await refused(
      404,
      /There is no topic/,
      'PUT',
      `${at(group)}/offsets`,
      { type: 'start', topics: [open, `never-${run}`] },
      'all',
    )
    for (const topic of [open, hidden])
      assert.deepEqual(await stands(group, topic), [[0, 2]], 'nothing of it was changed')
    assert.equal((await fetch(`${server.url}${at(group)}`, { method: 'DELETE' })).status, 401)
    await refused(403, /has to do with more than/, 'DELETE', at(nothing), undefined, 'administrator')
    await refused(403, /may not move consumers/, 'DELETE', at(group), undefined, 'administrator')
    await done('DELETE', at(group), undefined, 'all')
    await done('DELETE', at(nothing), undefined, 'all')
  })

  it('refuses what makes no sense, naming it', async () => {
    const group = await resting('asked', [[open, 0, 2]])
    for (const [words, path, body] of [
      [/"type" must be one of start, end, timestamp\./, `${at(group)}/offsets`, { topics: [open] }],
      [/"type" must be one of start, end, timestamp\./, `${at(group)}/offsets`, { type: 'absolute', topics: [open] }],
      [/"type" must be one of/, `${at(group)}/offsets`, { type: ['start'], topics: [open] }],
      [/"target" must be a moment/, `${at(group)}/offsets`, { type: 'timestamp', topics: [open] }],
      [/"target" must be a moment/, `${at(group)}/offsets`, { type: 'timestamp', target: 'yesterday', topics: [open] }],
      [
        /"target" must be a moment/,
        `${at(group)}/offsets`,
        { type: 'timestamp', target: '2026-13-01T00:00:00Z', topics: [open] },
      ],
      [/"target" must be a moment/, `${at(group)}/offsets`, { type: 'timestamp', target: 5, topics: [open] }],
      [/"topics" must be a list of 1 to 1000/, `${at(group)}/offsets`, { type: 'start', topics: [] }],
      [/"topics" must be a list/, `${at(group)}/offsets`, { type: 'start', topics: open }],
      [/"topics" must be a list/, `${at(group)}/offsets`, { type: 'start', topics: [open, 5] }],
      [
        /"topics" must be a list/,
        `${at(group)}/offsets`,
        { type: 'start', topics: Array.from({ length: 1001 }, () => open) },
      ],
      [/must be a JSON object/, `${at(group)}/offsets`, []],
      [/must be a JSON object/, `${at(group)}/offsets`, undefined],
      [/"type" must be one of start, end, timestamp, absolute/, part(group, open, 0), { type: 'shift', offset: 1 }],
      [/"offset" must be a whole number from 0 to 4/, part(group, open, 0), { type: 'absolute', offset: 5 }],
      [/"offset" must be a whole number/, part(group, open, 0), { type: 'absolute', offset: -1 }],
      [/"offset" must be a whole number/, part(group, open, 0), { type: 'absolute', offset: 1.5 }],
      [/"offset" must be a whole number/, part(group, open, 0), { type: 'absolute', offset: '1' }],
      [/partition must be a whole number/, part(group, open, '-1'), { type: 'start' }],
    ] as const)
      await refused(400, words, 'PUT', path, body)
    await refused(404, /has no partition 9/, 'PUT', part(group, open, 9), { type: 'start' })
    await refused(400, /"topics" must be/, 'POST', `${at(group)}/offsets/delete`, { topics: [] })
    assert.equal((await ask('PUT', `${at(group)}/offsets`, '{"type":')).status, 400)
    assert.deepEqual(await stands(group, open), [[0, 2]])
  })

  it('takes any name', async () => {
    for (const name of ['a+b/c?d#e%2f', 'gruppe-größer-”', 'x'.repeat(240)]) {
      const group = await resting(name, [[open, 0, 2]])
      await done('PUT', part(group, open, 0), { type: 'absolute', offset: 1 })
      assert.deepEqual(await places(group), ['open 0 1'], name)
      await done('DELETE', at(group))
    }
  })

  it('leaves a group with members alone', async () => {
    const groupId = `active-${run}`
    const consumer = new Consumer({ ...client, groupId, deserializers: stringDeserializers })
    const stream = await consumer.consume({
      topics: [open],
      mode: MessagesStreamModes.EARLIEST,
      maxWaitTime: 50,
      autocommit: true,
    })
    stream.on('data', () => undefined)
    try {
      for (let i = 0; (consumer.assignments ?? []).flatMap((a) => a.partitions).length < 2 && i < 200; i++)
        await new Promise((resolve) => setTimeout(resolve, 50))
      const words = /The group "active-\w+" is active \(\w+\): a member reads with it\. Stop them first/
      await refused(409, words, 'PUT', `${at(groupId)}/offsets`, { type: 'start', topics: [open] })
      await refused(409, words, 'PUT', part(groupId, open, 0), { type: 'start' })
      await refused(409, words, 'POST', `${at(groupId)}/offsets/delete`, { topics: [open] })
      await refused(409, words, 'DELETE', `${at(groupId)}/topics/${open}/partitions/0/offsets`)
      await refused(409, words, 'DELETE', at(groupId))
    } finally {
      await consumer.close(true)
    }
    await done('DELETE', at(groupId))
  })
}
