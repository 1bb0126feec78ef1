/**
 * What the REST calls say about groups of consumers, rates and numbers of messages by day; run on the embedded broker
 * and on a real Kafka. Not a test itself.
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
import { readConfig } from '../../../../../src/server/config/config.ts'
import { createLog } from '../../../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../../../src/server/start.ts'

const KEY = 'all-0123456789abcdef'
const NARROW = 'narrow-0123456789abcdef'
const DAY_MS = 86_400_000

interface Group {
  readonly id: string
  readonly state: string
  readonly active: boolean
  readonly consumers: readonly {
    readonly topic: string
    readonly partition: number
    readonly currentOffset: number | null
    readonly lag: number | null
    readonly clientId: string
  }[]
  readonly consumersCount: number
  readonly topicPartitionsCount: number
  readonly minLag: number | null
  readonly maxLag: number | null
}

/** Declares the cases; `brokers` is asked before the first one. */
export function consumerCases(brokers: () => Promise<readonly string[]>): void {
  const run = crypto.randomUUID().slice(0, 8)
  const [seen, hidden] = [`seen-${run}`, `hidden-${run}`]
  const [reading, resting] = [`reading-${run}`, `resting-${run}`]
  let server: RunningServer
  let client: { clientId: string; bootstrapBrokers: string[] }
  let open: Consumer<string, string, string, string>
  const get = async <T>(path: string, key = KEY): Promise<T> => {
    const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${key}` } })
    assert.equal(response.status, 200, `${path} ${await response.clone().text()}`)
    return (await response.json()) as T
  }

  before(async () => {
    client = { clientId: `client-${run}`, bootstrapBrokers: [...(await brokers())] }
    const config = await readConfig({
      server: { port: 0 },
      environments: [{ name: 'demo', kafka: { brokers: client.bootstrapBrokers } }],
      serviceAccounts: [
        { name: 'all', token: KEY, permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
        { name: 'narrow', token: NARROW, permissions: [{ environments: ['*'], topics: ['seen-*'] }] },
      ],
    })
    const admin = new Admin(client)
    await admin.createTopics({ topics: [seen, hidden], partitions: 2, replicas: 1 })
    await admin.close()
    const now = BigInt(Date.now())
    const producer = new Producer({ ...client, serializers: stringSerializers })
    const message = (topic: string, partition: number, daysAgo: number) => ({
      topic,
      partition,
      value: 'x',
      timestamp: now - BigInt(daysAgo * DAY_MS),
    })
    const messages = [
      message(seen, 0, 40),
      message(seen, 0, 2),
      message(seen, 0, 2),
      message(seen, 1, 2),
      message(seen, 1, 0),
      message(hidden, 0, 0),
    ]
    for (const one of messages) await producer.send({ messages: [one], acks: -1 })
    await producer.close()
    // One that has read something of both topics and went away, and one that reads.
    const rested = new Consumer({ ...client, groupId: resting, deserializers: stringDeserializers })
    await rested.joinGroup({ topics: [seen, hidden] } as never)
    await rested.commit({
      offsets: [
        { topic: seen, partition: 0, offset: 1n, leaderEpoch: 0 },
        { topic: hidden, partition: 0, offset: 1n, leaderEpoch: 0 },
      ],
    })
    await rested.close(true)
    open = new Consumer({ ...client, groupId: reading, deserializers: stringDeserializers })
    const stream = await open.consume({ topics: [seen], mode: MessagesStreamModes.LATEST, maxWaitTime: 50 })
    stream.on('data', () => undefined)
    for (let i = 0; (open.assignments ?? []).flatMap((a) => a.partitions).length < 2 && i < 200; i++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    server = await startServer(config, { log: createLog('silent') })
  })
  after(async () => {
    await open?.close(true)
    await server?.close(0)
  })

  it('lists groups with their members, places and lags', async () => {
    const groups = await get<Group[]>(`/api/consumers/${seen}`)
    assert.deepEqual(
      groups.map((g) => g.id),
      [reading, resting],
    )
    const [active, idle] = groups
    assert.deepEqual(
      [active.state, active.active, active.consumersCount, active.topicPartitionsCount],
      ['Stable', true, 1, 2],
    )
    assert.deepEqual(
      active.consumers.map((c) => [c.topic, c.partition, c.clientId]),
      [
        [seen, 0, client.clientId],
        [seen, 1, client.clientId],
      ],
    )
    assert.deepEqual(
      [idle.state, idle.active, idle.consumersCount, idle.minLag, idle.maxLag],
      ['Empty', false, 0, 2, 2],
    )
    assert.deepEqual(
      idle.consumers.map((c) => [c.partition, c.currentOffset, c.lag]),
      [[0, 1, 2]],
    )
    const all = (await get<Group[]>('/api/v1/environments/demo/proxy/api/consumers')).filter((g) => g.id === resting)
    assert.deepEqual(all[0].consumers.map((c) => c.topic).sort(), [hidden, seen])
  })

  it('tells nothing of topics that may not be seen', async () => {
    const groups = await get<Group[]>('/api/consumers', NARROW)
    assert.deepEqual(
      groups.filter((g) => g.id.endsWith(run)).flatMap((g) => g.consumers.map((c) => c.topic)),
      [seen, seen, seen],
    )
    const response = await fetch(`${server.url}/api/consumers/${hidden}`, {
      headers: { authorization: `Bearer ${NARROW}` },
    })
    assert.equal(response.status, 404)
  })

  it('counts them: of a topic, of a dataset, of an environment', async () => {
    const topic = await get<{
      consumers: (Omit<Group, 'consumers'> & { consumers: string[] })[]
      messagesPerSecond: number
    }>(`/api/topics/${seen}`)
    assert.deepEqual(
      topic.consumers.map((g) => g.id),
      [reading, resting],
    )
    // Beside a topic stand the ids of the members; the numbers are those of the list of groups.
    const [active, idle] = topic.consumers
    assert.deepEqual(
      [active.consumers.length, active.consumers[0].startsWith(`${client.clientId}-`), active.topicPartitionsCount],
      [1, true, 2],
    )
    assert.deepEqual(
      [idle.consumers, idle.consumersCount, idle.topicPartitionsCount, idle.minLag, idle.maxLag],
      [[], 0, 1, 2, 2],
    )
    assert.equal(topic.messagesPerSecond, 1, 'one in the last minute')
    const dataset = async (name: string) =>
      await get<{ consumers: number; recordsPerSecond: number }>(`/api/v1/datasets/kafka/${name}`)
    assert.deepEqual(
      [(await dataset(seen)).consumers, (await dataset(hidden)).consumers, (await dataset(seen)).recordsPerSecond],
      [2, 1, 1],
    )
    const environment = await get<{
      status: { agent: { metrics: { apps: { num_consumers: number }; connect: { num_connectors: number } } } }
    }>('/api/v1/environments/demo', NARROW)
    const visible = await get<Group[]>('/api/consumers', NARROW)
    assert.equal(environment.status.agent.metrics.apps.num_consumers, visible.length)
    assert.ok(visible.length >= 2)
    assert.equal(environment.status.agent.metrics.connect.num_connectors, 0)
  })

  it('tells the messages of each day by the timestamps of the records', async () => {
    const days = await get<{ date: string; messages: number; total: number }[]>(
      `/api/v1/datasets/kafka/${seen}/messages/metrics`,
    )
    assert.equal(days.length, 30, 'a record that is older than all days is in the total of each')
    assert.ok(days.every((day) => /^\d{4}-\d\d-\d\dT00:00:00\.000Z$/.test(day.date)))
    assert.deepEqual([days[0].messages, days[0].total], [0, 1])
    assert.deepEqual(
      days.slice(-4).map((day) => [day.messages, day.total]),
      [
        [0, 1],
        [3, 4],
        [0, 4],
        [1, 5],
      ],
    )
    const fresh = await get<{ messages: number; total: number }[]>(`/api/v1/datasets/kafka/${hidden}/messages/metrics`)
    assert.deepEqual(
      fresh.map((day) => [day.messages, day.total]),
      [[1, 1]],
    )
  })
}
