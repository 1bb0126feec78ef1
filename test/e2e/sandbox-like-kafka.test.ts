/**
 * The sandbox beside real Kafka: the same requests to both, and the same answers, but for what must differ (ids, ports,
 * times). Where the sandbox is knowingly simpler, the request is not here.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, it } from 'node:test'
import { writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import { findCoordinator, metadata } from '../../src/sandbox/apis/cluster.ts'
import { fetch, listOffsets, offsetForLeaderEpoch } from '../../src/sandbox/apis/fetch.ts'
import {
  describeGroups,
  heartbeat,
  leaveGroup,
  offsetCommit,
  offsetFetch,
  syncGroup,
} from '../../src/sandbox/apis/groups.ts'
import { deleteRecords, initProducerId, produce } from '../../src/sandbox/apis/produce.ts'
import {
  createPartitions,
  createTopics,
  deleteTopics,
  describeConfigs,
  incrementalAlterConfigs,
} from '../../src/sandbox/apis/topics.ts'
import { startBroker, type Broker } from '../../src/sandbox/broker.ts'
import { SandboxClient } from '../support/sandbox-client.ts'
import { eventually } from '../support/eventually.ts'
import { sharedCluster, topicName } from './cluster.ts'

const cluster = await sharedCluster()

type Script = (client: SandboxClient, topic: string) => Promise<unknown>

const batch = (count: number, options: Parameters<typeof writeRecordBatch>[1] = {}, size = 10) =>
  writeRecordBatch(
    Array.from({ length: count }, (_, i) => ({
      key: `k${i}`,
      value: 'v'.repeat(size),
      timestamp: (options.timestamp ?? 1_700_000_000_000) + i * 10,
    })),
    options,
  )

async function send(client: SandboxClient, topic: string, records: Buffer, version = 9, partition = 0) {
  const answer = await client.call(produce, version, {
    acks: -1,
    timeoutMs: 5000,
    topics: [{ name: topic, partitions: [{ index: partition, records }] }],
  })
  const { errorCode, baseOffset, logStartOffset } = answer.topics[0].partitions[0]
  return { errorCode, baseOffset, logStartOffset }
}

async function idOf(client: SandboxClient, topic: string): Promise<string> {
  return (await client.call(metadata, 12, { topics: [{ name: topic }] })).topics[0].topicId
}

async function read(
  client: SandboxClient,
  topic: string,
  fetchOffset: number,
  more: { version?: number; partition?: number; maxBytes?: number; committed?: boolean; topicId?: string } = {},
) {
  const version = more.version ?? 12
  const topicId = version >= 13 ? (more.topicId ?? (await idOf(client, topic))) : undefined
  const answer = await client.call(fetch, version, {
    ...{ maxWaitMs: 50, minBytes: 1, maxBytes: 1 << 20, isolationLevel: more.committed === true ? 1 : 0 },
    topics: [
      {
        topic,
        topicId,
        partitions: [{ index: more.partition ?? 0, fetchOffset, partitionMaxBytes: more.maxBytes ?? 1 << 20 }],
      },
    ],
  })
  const { records, ...rest } = answer.topics[0].partitions[0]
  return { whole: answer.errorCode, ...rest, batches: (records ?? Buffer.alloc(0)).toString('hex') }
}

async function create(client: SandboxClient, name: string, more: object = {}) {
  const { topics } = await client.call(createTopics, 7, {
    timeoutMs: 10_000,
    topics: [{ name, numPartitions: 1, replicationFactor: 1, ...more }],
  })
  for (let tries = 0; topics[0].errorCode === 0 && tries < 200; tries++) {
    const shown = (await client.call(metadata, 12, { topics: [{ name }] })).topics[0]
    if (shown.errorCode === 0 && shown.partitions.every((partition) => partition.errorCode === 0)) break
    await sleep(20)
  }
  return {
    errorCode: topics[0].errorCode,
    numPartitions: topics[0].numPartitions,
    replicationFactor: topics[0].replicationFactor,
  }
}

async function offsetsAt(client: SandboxClient, topic: string, timestamps: readonly number[], version: number) {
  const found = []
  for (const timestamp of timestamps) {
    const answer = await client.call(listOffsets, version, {
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ index: 0, timestamp, currentLeaderEpoch: -1 }] }],
    })
    found.push(answer.topics[0].partitions[0])
  }
  return found
}

/** Repeats until the coordinator is there: on a fresh Kafka its topics must be made first. */
async function untilReady<T extends { errorCode: number }>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    const answer = await ask()
    if (![14, 15, 16].includes(answer.errorCode) || tries === 200) return answer
    await sleep(50)
  }
}

async function coordinated(client: SandboxClient, group: string): Promise<void> {
  await untilReady(
    async () => (await client.call(findCoordinator, 4, { keyType: 0, coordinatorKeys: [group] })).coordinators[0],
  )
  await untilReady(() => client.call(offsetFetch, 7, { groupId: group, topics: [] }))
}

const scripts: Record<string, Script> = {
  async 'creating topics'(client, topic) {
    const made = await create(client, topic, { numPartitions: 3 })
    const refused = []
    for (const [name, more] of [
      [topic, {}],
      ['a/b', {}],
      ['', {}],
      [`${topic}-x`, { numPartitions: 0 }],
      [`${topic}-x`, { replicationFactor: 5 }],
    ] as const) {
      refused.push((await create(client, name, more)).errorCode)
    }
    return { made, refused }
  },
  async 'metadata in every version'(client, topic) {
    await create(client, topic, { numPartitions: 2 })
    const shown = []
    // Before version 4 asking for a topic may make it; which topics come first is not said.
    for (let version = 0; version <= 12; version++) {
      const answer = await client.call(metadata, version, {
        topics: version < 4 ? [{ name: topic }] : [{ name: topic }, { name: `${topic}-none` }, { name: 'a/b' }],
        allowAutoTopicCreation: false,
      })
      shown.push(
        answer.topics
          .sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))
          .map(({ topicId, name, errorCode, partitions, ...rest }) => ({
            known: topicId !== '0'.repeat(32),
            name: name?.replace(topic, 't'),
            errorCode,
            ...rest,
            partitions: partitions.sort((a, b) => a.partitionIndex - b.partitionIndex),
          })),
      )
    }
    const byId = await client.call(metadata, 12, { topics: [{ name: null, topicId: 'ab'.repeat(16) }] })
    return { shown, byId: byId.topics.map(({ name, errorCode }) => ({ name, errorCode })) }
  },
  async 'producing, good and bad'(client, topic) {
    await create(client, topic, { configs: [{ name: 'max.message.bytes', value: '3000' }] })
    const answers: unknown[] = []
    for (let version = 3; version <= 11; version++) answers.push(await send(client, topic, batch(2), version))
    const damaged = batch(1)
    damaged[damaged.length - 1] ^= 1
    const bad = [damaged, batch(1, {}, 4000), writeRecordBatch([{ value: 'x' }], { lastOffset: 5 }), Buffer.alloc(0)]
    for (const bytes of bad) answers.push((await send(client, topic, bytes)).errorCode)
    answers.push(await send(client, `${topic}-none`, batch(1)), await send(client, topic, batch(1), 9, 7))
    return answers
  },
  async 'fetching in every version'(client, topic) {
    await create(client, topic)
    for (let i = 0; i < 3; i++) await send(client, topic, batch(2))
    const answers = []
    for (let version = 4; version <= 17; version++)
      answers.push(
        await read(client, topic, 0, { version }),
        await read(client, topic, 3, { version, committed: true }),
        await read(client, topic, 6, { version }),
      )
    return answers
  },
  async 'fetching where there is nothing'(client, topic) {
    await create(client, topic)
    await send(client, topic, batch(2))
    return [
      await read(client, topic, 9),
      await read(client, topic, 0, { partition: 4 }),
      await read(client, `${topic}-none`, 0),
      await read(client, topic, 0, { version: 13, topicId: 'ab'.repeat(16) }),
      (await client.call(fetch, 12, { sessionId: 4711, sessionEpoch: 3 })).errorCode,
    ]
  },
  async 'offsets in every version'(client, topic) {
    await create(client, topic)
    await send(client, topic, batch(3, { timestamp: 1_700_000_000_000 }))
    await send(client, topic, batch(3, { timestamp: 1_700_000_001_000 }))
    const answers = []
    for (let version = 1; version <= 9; version++) {
      answers.push(
        await offsetsAt(
          client,
          topic,
          [-1, -2, 0, 1_700_000_000_000, 1_700_000_000_015, 1_700_000_000_500, 1_700_000_001_020, 1_700_000_001_021],
          version,
        ),
      )
      if (version >= 7) answers.push(await offsetsAt(client, topic, [-3], version))
    }
    return answers
  },
  async 'deleting records'(client, topic) {
    await create(client, topic)
    for (let i = 0; i < 3; i++) await send(client, topic, batch(4))
    const cut = async (offset: number, index = 0) =>
      (
        await client.call(deleteRecords, 2, {
          timeoutMs: 5000,
          topics: [{ name: topic, partitions: [{ index, offset }] }],
        })
      ).topics
    const answers: unknown[] = [await cut(5), await cut(50)]
    answers.push(
      await offsetsAt(client, topic, [-2, -1], 7),
      (await read(client, topic, 2)).errorCode,
      (await read(client, topic, 5)).logStartOffset,
    )
    answers.push(
      await cut(-1),
      await offsetsAt(client, topic, [-2, -1], 7),
      (await send(client, topic, batch(1))).baseOffset,
    )
    return JSON.parse(JSON.stringify(answers).replaceAll(topic, 't')) as unknown
  },
  async 'an idempotent producer that repeats itself'(client, topic) {
    await create(client, topic)
    const { producerId, producerEpoch, errorCode } = await untilReady(() =>
      client.call(initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 }),
    )
    const sequenced = (baseSequence: number, epoch = producerEpoch) =>
      batch(2, { producerId, producerEpoch: epoch, baseSequence })
    const offsets = []
    for (const sequence of [0, 2, 0, 2, 4, 8, 6, 0]) offsets.push(await send(client, topic, sequenced(sequence)))
    for (const [epoch, sequence] of [
      [1, 5],
      [1, 0],
      [1, 2],
      [0, 8],
    ])
      offsets.push(await send(client, topic, sequenced(sequence, epoch)))
    return { errorCode, producerEpoch, offsets, end: await offsetsAt(client, topic, [-1], 7) }
  },
  async configurations(client, topic) {
    await create(client, topic, { configs: [{ name: 'cleanup.policy', value: 'compact' }] })
    const wanted = ['cleanup.policy', 'message.timestamp.type', 'max.message.bytes']
    const show = async (name: string) => {
      const { results } = await client.call(describeConfigs, 4, { resources: [{ type: 2, name, keys: wanted }] })
      return results.map((result) => [
        result.errorCode,
        result.configs
          .map(({ name: key, value, configSource, configType, readOnly, isSensitive }) => ({
            key,
            value,
            configSource,
            configType,
            readOnly,
            isSensitive,
          }))
          .sort((a, b) => (a.key < b.key ? -1 : 1)),
      ])
    }
    const first = await show(topic)
    const change = await client.call(incrementalAlterConfigs, 1, {
      resources: [
        {
          type: 2,
          name: topic,
          configs: [
            { name: 'message.timestamp.type', operation: 0, value: 'LogAppendTime' },
            { name: 'cleanup.policy', operation: 1, value: null },
          ],
        },
      ],
    })
    await eventually('the broker shows the change', async () =>
      JSON.stringify(await show(topic)).includes('LogAppendTime'),
    )
    return {
      first,
      changed: change.responses[0].errorCode,
      second: await show(topic),
      none: (await show(`${topic}-none`)).map(([errorCode]) => errorCode),
    }
  },
  async 'more partitions, and topics that go'(client, topic) {
    await create(client, topic, { numPartitions: 2 })
    const widen = async (name: string, count: number) =>
      (await client.call(createPartitions, 3, { timeoutMs: 5000, topics: [{ name, count, assignments: null }] }))
        .results[0].errorCode
    const widened = [
      await widen(topic, 1),
      await widen(topic, 2),
      await widen(topic, 3),
      await widen(`${topic}-none`, 3),
    ]
    const gone = async (version: number) =>
      (await client.call(deleteTopics, version, { timeoutMs: 10_000, topicNames: [topic], topics: [{ name: topic }] }))
        .responses[0].errorCode
    return {
      widened,
      gone: [await gone(6), await gone(5)],
      byId: (
        await client.call(deleteTopics, 6, { topics: [{ name: null, topicId: 'ab'.repeat(16) }], timeoutMs: 5000 })
      ).responses[0].errorCode,
    }
  },
  async 'committed offsets'(client, topic) {
    await create(client, topic, { numPartitions: 2 })
    const group = `${topic}-group`
    await coordinated(client, group)
    const commit = async (generationId: number, memberId: string, index: number) =>
      (
        await client.call(offsetCommit, 8, {
          groupId: group,
          generationId,
          memberId,
          topics: [{ name: topic, partitions: [{ index, offset: 42, leaderEpoch: -1, metadata: 'm' }] }],
        })
      ).topics[0].partitions[0].errorCode
    const committed = [await commit(-1, '', 0), await commit(-1, '', 9)]
    const fetched: unknown[] = []
    for (let version = 1; version <= 7; version++)
      fetched.push(
        (await client.call(offsetFetch, version, { groupId: group, topics: [{ name: topic, partitions: [0, 1] }] }))
          .topics[0].partitions,
      )
    for (let version = 8; version <= 9; version++)
      fetched.push(
        (await client.call(offsetFetch, version, { groups: [{ groupId: group, topics: null }] })).groups[0].topics.map(
          (one) => one.partitions,
        ),
      )
    return { committed, fetched }
  },
  async 'strangers in a group'(client, topic) {
    const groupId = `${topic}-nobody`
    await coordinated(client, groupId)
    return [
      (await client.call(heartbeat, 4, { groupId, generationId: 1, memberId: 'x' })).errorCode,
      (
        await client.call(syncGroup, 5, {
          groupId,
          generationId: 1,
          memberId: 'x',
          protocolType: 'consumer',
          protocolName: 'range',
        })
      ).errorCode,
      (await client.call(leaveGroup, 5, { groupId, members: [{ memberId: 'x' }] })).members.map(
        (member) => member.errorCode,
      ),
      (await client.call(describeGroups, 5, { groups: [groupId] })).groups.map(({ errorCode, groupState }) => [
        errorCode,
        groupState,
      ]),
      (await client.call(describeGroups, 6, { groups: [groupId] })).groups.map(({ errorCode, groupState }) => [
        errorCode,
        groupState,
      ]),
      (await client.call(findCoordinator, 4, { keyType: 0, coordinatorKeys: [groupId] })).coordinators.map(
        ({ errorCode, nodeId }) => [errorCode, nodeId],
      ),
    ]
  },
  async 'leader epochs'(client, topic) {
    await create(client, topic)
    await send(client, topic, batch(3))
    const ask = async (currentLeaderEpoch: number, leaderEpoch: number) =>
      (
        await client.call(offsetForLeaderEpoch, 4, {
          replicaId: -1,
          topics: [{ topic, partitions: [{ index: 0, currentLeaderEpoch, leaderEpoch }] }],
        })
      ).topics[0].partitions
    return [await ask(0, 0), await ask(-1, 0), await ask(7, 0), await ask(-1, 5), await ask(-1, -1)]
  },
}

describe('the sandbox answers as real Kafka does:', { skip: cluster.skip }, () => {
  let broker: Broker
  before(async () => {
    broker = await startBroker()
  })
  after(() => broker.close())

  for (const [name, script] of Object.entries(scripts)) {
    it(name, async () => {
      const topic = topicName('like')
      const answers = []
      for (const port of [Number(cluster.kafka.bootstrap.split(':')[1]), broker.port]) {
        const client = await SandboxClient.connect(port)
        try {
          answers.push(await script(client, topic))
        } finally {
          await client.close()
        }
      }
      assert.deepEqual(answers[1], answers[0])
    })
  }
})
