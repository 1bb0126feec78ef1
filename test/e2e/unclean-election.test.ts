/**
 * A real log that is cut while it is read: the only replica in sync crashes, one that has less becomes the leader (an
 * unclean election), and the log grows again beyond the place that was read. What stands there is not what was read.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import type { KafkaLog } from '../../src/kafka/log.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { type Kafka, sharedCluster, startKafka, topicName } from './cluster.ts'
import { type HandRecord, kafkaHand, type KafkaHand } from './kafka-hand.ts'

const { skip } = await sharedCluster()
const never = new AbortController().signal

/** Records in batches that are small beside an answer. */
function records(count: number): HandRecord[] {
  return Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `v${i}`.padEnd(1000, '.'), partition: 0 }))
}

describe('a real log that is cut and grows again', { skip }, () => {
  let kafka: Kafka
  let hand: KafkaHand
  let cluster: Cluster
  let log: KafkaLog

  before(async () => {
    kafka = await startKafka({ brokers: 3 })
    hand = await kafkaHand(kafka.bootstrap)
    cluster = new Cluster({ brokers: kafka.bootstrap.split(',') })
    log = createKafkaLog(cluster)
  })
  after(async () => {
    cluster.close()
    await hand.close()
    await kafka.stop()
  })

  it('the scan that had read beyond the cut ends with LOG_TRUNCATED', async () => {
    const topic = topicName('read-unclean')
    const [, second, third] = kafka.nodes
    await hand.create(topic, { partitions: 1, replicas: 2, config: { 'unclean.leader.election.enable': 'true' } })
    await hand.moveLeader(topic, 0, third.id, [second.id])
    await hand.produce(topic, records(500))
    await second.stop()
    await hand.produce(topic, records(3000))
    const [range] = await log.bounds(topic, [0], { isolation: 'read_committed', timeoutMs: 30_000 })
    assert.equal(range.end, 3500)

    const source = log.scan({ topic, ranges: [range], isolation: 'read_committed', fetchMaxBytes: 40_000 }, never)
    let isCut = false
    const rest = async (): Promise<void> => {
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        if (isCut || batch.baseOffset < 1000) continue
        isCut = true
        await third.kill()
        await second.start()
        await eventually('the other replica leads', async () => (await hand.leader(topic, 0)) === second.id)
        await hand.produce(topic, records(4000))
        // What is at the place where the scan is by now is another record.
        const [[, end]] = await hand.offsets(topic)
        assert.equal(end, 4500)
      }
    }
    await assert.rejects(rest(), {
      errorName: 'LOG_TRUNCATED',
      message: /partition 0: the log was cut at offset 500, before \d+ up to which the query had read/,
    })
    assert.ok(isCut)
  })
})
