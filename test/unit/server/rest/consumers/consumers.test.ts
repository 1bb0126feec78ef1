/**
 * Groups of consumers, rates and message metrics over REST on the embedded broker; and what a broker that refuses, or a
 * thousand groups, do to them.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Consumer } from '@platformatic/kafka'
import { Cluster } from '../../../../../src/kafka/cluster.ts'
import type { ApiRange } from '../../../../../src/kafka/wire/connection.ts'
import { ConsumerGroups, topicsOf } from '../../../../../src/kafka/admin/groups.ts'
import { WireReader, WireWriter } from '../../../../../src/kafka/wire/primitives.ts'
import { type Clock, systemClock } from '../../../../../src/lib/clock.ts'
import { type Broker, startBroker } from '../../../../../src/sandbox/broker.ts'
import { consumerCases } from './consumer-cases.ts'
import { consumerChangeCases } from './consumer-change-cases.ts'

describe('groups of consumers on the embedded broker', () => {
  let broker: Broker
  before(async () => {
    broker = await startBroker()
  })
  after(() => broker.close())
  consumerCases(async () => [broker.bootstrap])
})

describe('groups of consumers on the embedded broker, changed', () => {
  let broker: Broker
  before(async () => {
    broker = await startBroker()
  })
  after(() => broker.close())
  consumerChangeCases(async () => [broker.bootstrap])
})

describe('groups of consumers of a cluster', () => {
  it('are none when the cluster does not answer', async () => {
    const cluster = new Cluster({ brokers: ['127.0.0.1:1'], retryTimeoutMs: 100 })
    try {
      assert.deepEqual(await new ConsumerGroups(cluster).all(), [])
    } finally {
      cluster.close()
    }
  })

  it('are kept for ten seconds, and asked for once by all who ask meanwhile', async () => {
    let nowMs = 0
    const clock = { ...systemClock, monotonic: () => nowMs }
    let asked = 0
    const broken = { metadata: async () => (asked++, { brokers: [] }) } as unknown as Cluster
    const groups = new ConsumerGroups(broken, clock)
    await Promise.all([groups.all(), groups.all()])
    nowMs = 9999
    await groups.all()
    assert.equal(asked, 1)
    nowMs = 10_000
    await groups.all()
    assert.equal(asked, 2)
  })

  it('read the topics of their offsets and of their members', () => {
    const member = { id: 'm', clientId: 'c', host: 'h', assigned: new Map([['b', [1]]]) }
    const offsets = new Map([
      ['a', new Map([[0, 5]])],
      ['b', new Map([[0, 7]])],
    ])
    const topics = topicsOf({
      id: 'g',
      state: 'Stable',
      coordinator: { id: 1, host: 'h', port: 1 },
      members: [member],
      offsets,
    })
    assert.deepEqual(
      [...topics].map(([topic, partitions]) => [topic, [...partitions].sort()]),
      [
        ['a', [0]],
        ['b', [0, 1]],
      ],
    )
  })

  it('are left out, and nothing fails, when a broker drops, cuts or delays its answers', async () => {
    const broker = await startBroker()
    const cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 100 })
    try {
      broker.createTopic('t', { partitions: 1 })
      const reader = new Consumer({ clientId: 'c', groupId: 'g', bootstrapBrokers: [broker.bootstrap] })
      await reader.joinGroup({})
      await reader.commit({ offsets: [{ topic: 't', partition: 0, offset: 0n, leaderEpoch: 0 }] })
      await reader.close(true)
      const ids = async (clock: Clock = systemClock) =>
        (await new ConsumerGroups(cluster, clock).all()).map((g) => g.id)
      assert.deepEqual(await ids(), ['g'])
      for (const api of ['ListGroups', 'DescribeGroups', 'OffsetFetch']) {
        for (const fault of [{ kind: 'drop' }, { kind: 'truncate', bytes: 10 }] as const) {
          broker.faults.set({ ...fault, api })
          assert.deepEqual(await ids(), [], `${api} ${fault.kind}`)
          assert.equal(broker.faults.acted(fault.kind), 1)
          broker.faults.clear()
        }
        // The five seconds pass at once.
        broker.faults.set({ kind: 'delay', ms: 2000, api })
        assert.deepEqual(
          await ids({ ...systemClock, after: (_ms, run) => systemClock.after(100, run) }),
          [],
          `${api} late`,
        )
        broker.faults.clear()
      }
      assert.deepEqual(await ids(), ['g'])
    } finally {
      cluster.close()
      await broker.close()
    }
  })

  it('are those that the rights allow: what a broker refuses is left out', async () => {
    const refused = { list: 0, describe: 0, offsets: 0 }
    const answers: Readonly<Record<string, (writer: WireWriter) => void>> = {
      ListGroups: (w) =>
        w
          .int32(0)
          .int16(refused.list)
          .array(refused.list === 0 ? ['g'] : [], (id) => w.string(id).string('consumer')),
      DescribeGroups: (w) =>
        w.int32(0).array(['g'], (id) => {
          w.int16(refused.describe)
            .string(id)
            .string(refused.describe === 0 ? 'Stable' : '')
            .string('consumer')
            .string('range')
          // A member whose assignment is none.
          w.array(refused.describe === 0 ? ['m'] : [], (m) =>
            w
              .string(m)
              .string('client')
              .string('/10.0.0.1')
              .bytes(null)
              .bytes(Buffer.from([0, 1, 0, 0, 0, 9])),
          )
        }),
      OffsetFetch: (w) => {
        w.int32(0).array(['t', 'u'], (topic) =>
          w.string(topic).array([0], (p) =>
            w
              .int32(p)
              .int64(5)
              .string('')
              .int16(topic === 'u' ? refused.offsets : 0),
          ),
        )
        w.int16(0)
      },
    }
    const connection = {
      close: () => undefined,
      call: async (
        range: ApiRange,
        write: (w: WireWriter) => void,
        read: (r: WireReader, version: number) => unknown,
      ) => {
        write(new WireWriter())
        const writer = new WireWriter()
        answers[range.name](writer)
        return read(new WireReader(writer.finish()), range.highest)
      },
    }
    const cluster = {
      metadata: async () => ({ brokers: [{ id: 1, host: 'h', port: 9092 }] }),
      lend: async () => connection,
      release: () => undefined,
    } as unknown as Cluster
    const seen = async () =>
      (await new ConsumerGroups(cluster).all()).map((g) => [g.id, g.state, g.members.length, [...topicsOf(g).keys()]])
    assert.deepEqual(await seen(), [['g', 'Stable', 1, ['t', 'u']]])
    refused.offsets = 29
    assert.deepEqual(await seen(), [['g', 'Stable', 1, ['t']]])
    refused.describe = 30
    assert.deepEqual(await seen(), [['g', 'Unknown', 0, ['t']]])
    refused.list = 31
    assert.deepEqual(await seen(), [])
  })
})
