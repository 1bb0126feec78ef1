/** Groups of consumers, rates and message metrics over REST on the embedded broker; and what a broker that refuses, or a thousand groups, do to them. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Cluster } from '../../src/kafka/cluster.ts'
import { ConsumerGroups, topicsOf } from '../../src/kafka/groups.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { type Broker, startBroker } from '../../src/sandbox/broker.ts'
import { consumerCases } from './consumer-cases.ts'

describe('groups of consumers on the embedded broker', () => {
  let broker: Broker
  before(async () => {
    broker = await startBroker()
  })
  after(() => broker.close())
  consumerCases(async () => [broker.bootstrap])
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
    const topics = topicsOf({ id: 'g', state: 'Stable', coordinator: { id: 1, host: 'h', port: 1 }, members: [member], offsets })
    assert.deepEqual(
      [...topics].map(([topic, partitions]) => [topic, [...partitions].sort()]),
      [
        ['a', [0]],
        ['b', [0, 1]],
      ],
    )
  })
})
