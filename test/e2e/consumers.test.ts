/**
 * Groups of consumers, rates and message metrics over REST on a real Kafka: the same cases as on the embedded broker,
 * and a group of the newer protocol.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { java, kafkaLibraries } from '../../scripts/provision.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import { commitOffsets, deleteGroup, deleteOffsets } from '../../src/kafka/admin/group-changes.ts'
import { type ConsumerGroup, ConsumerGroups } from '../../src/kafka/admin/groups.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { consumerChangeCases } from '../unit/server/rest/consumers/consumer-change-cases.ts'
import { consumerCases } from '../unit/server/rest/consumers/consumer-cases.ts'
import { sharedCluster, topicName } from './cluster.ts'
import { kafkaHand, type KafkaHand } from './kafka-hand.ts'

const cluster = await sharedCluster()

describe('groups of consumers on a real Kafka', { skip: cluster.skip }, () => {
  consumerCases(async () => [cluster.kafka.bootstrap])
})

describe('groups of consumers on a real Kafka, changed', { skip: cluster.skip }, () => {
  consumerChangeCases(async () => [cluster.kafka.bootstrap])
})

describe('a group of the newer protocol', { skip: cluster.skip }, () => {
  let hand: KafkaHand
  before(async () => {
    hand = await kafkaHand(cluster.kafka.bootstrap)
  })
  after(() => hand.close())

  it('is told with its offsets; members and state are not; it is not moved while it reads', {
    timeout: 60_000,
  }, async () => {
    const topic = topicName('newer')
    await hand.create(topic, { partitions: 1 })
    await hand.produce(topic, [{ value: 'a' }, { value: 'b' }])
    const group = `${topic}-group`
    const [program, libraries] = await Promise.all([java(), kafkaLibraries()])
    const settings = ['group.protocol=consumer', 'auto.commit.interval.ms=100', 'auto.offset.reset=earliest']
    const args = [
      '--bootstrap-server',
      cluster.kafka.bootstrap,
      '--topic',
      topic,
      '--group',
      group,
      ...settings.flatMap((s) => ['--consumer-property', s]),
    ]
    const child = spawn(
      program,
      ['-cp', join(libraries, '*'), 'org.apache.kafka.tools.consumer.ConsoleConsumer', ...args],
      { stdio: 'ignore' },
    )
    const own = new Cluster({ brokers: [cluster.kafka.bootstrap] })
    try {
      let found: ConsumerGroup | undefined
      // Each asks anew: an answer is kept for a while.
      for (let i = 0; found?.offsets.get(topic)?.get(0) !== 2; i++) {
        assert.ok(i < 150, JSON.stringify(found))
        await new Promise((resolve) => systemClock.after(200, () => resolve(undefined)))
        found = (await new ConsumerGroups(own).all()).find((g) => g.id === group)
      }
      assert.deepEqual([found?.state, found?.members], ['Unknown', []])
      // Its members are not told, but the broker knows them.
      const start = new Map([[topic, new Map([[0, 0]])]])
      await assert.rejects(commitOffsets(own, group, start), /the group is active: .*\(UNKNOWN_MEMBER_ID\)/)
      await assert.rejects(
        deleteOffsets(own, group, new Map([[topic, [0]]])),
        /the group is active: .*\(GROUP_SUBSCRIBED_TO_TOPIC\)/,
      )
      await assert.rejects(deleteGroup(own, group), /the group is active: .*\(NON_EMPTY_GROUP\)/)
    } finally {
      child.kill()
      await once(child, 'exit')
      own.close()
    }
  })
})
