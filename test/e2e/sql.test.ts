/**
 * The golden SQL files once more, the long way: records in the embedded broker, and in a real Kafka, read by the real
 * read path, answered by the server over a WebSocket. The expected text is the same as in memory. On real Kafka: rows
 * only, and only worlds that a producer can make (no holes, no start but 0, no record without a timestamp, no listing
 * of all topics); its batches are compressed, with another codec for each file. As many threads as the server finds worth
 * it read a topic, or two, or four: another number for each file, and for each file another on either broker.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startBroker } from '../../src/sandbox/broker.ts'
import { worldData } from '../support/memory-world.ts'
import { badFirst, expectedLines, type SltCase } from '../support/slt.ts'
import { sharedCluster } from './cluster.ts'
import {
  type Asked,
  canBeProduced,
  goldenFiles,
  isOfAnyKafka,
  produceWorld,
  READERS,
  serve,
  topicConfig,
} from './golden-hands.ts'
import { kafkaHand, type KafkaHand } from './kafka-hand.ts'

const cluster = await sharedCluster()

function runCases(name: string, cases: readonly SltCase[], open: () => Promise<Asked>): void {
  describe(name, () => {
    let asked: Asked
    before(async () => {
      asked = await open()
    })
    after(() => asked.close())
    for (const item of cases) {
      it(`${name}:${item.line} ${item.sql.split('\n')[0]}`, async () => {
        const [got, wanted] = [await asked.ask(item), expectedLines(item)]
        const shown = item.kind === 'frames' ? (lines: readonly string[]) => lines : badFirst
        assert.equal(shown(got).join('\n'), shown(wanted).join('\n'))
      })
    }
  })
}

describe('golden SQL on the embedded broker', () => {
  // What DESCRIBE shows of a topic's configuration is the broker's own affair.
  const elsewhere = (item: SltCase) => !/^DESCRIBE|^SHOW SETTINGS/.test(item.sql)
  for (const [i, { name, file }] of goldenFiles.entries()) {
    runCases(name, file.cases.filter(elsewhere), async () => {
      const broker = await startBroker()
      const data = worldData(file.topics)
      for (const topic of file.topics) {
        broker.createTopic(topic.name, { partitions: topic.partitions ?? 1, config: topicConfig(topic) })
        data.stored.get(topic.name)?.forEach((partition, i) => {
          for (const batch of partition.batches)
            broker.append(topic.name, i, Buffer.from(batch.bytes), { keepOffsets: true })
          if (partition.start > 0 && partition.batches.length > 0) broker.expire(topic.name, i, partition.start)
        })
      }
      const asked = await serve(broker.bootstrap, data, READERS[(i + 1) % READERS.length])
      return {
        ask: asked.ask,
        close: async () => {
          await asked.close()
          await broker.close()
        },
      }
    })
  }
})

describe('golden SQL on real Kafka', { skip: cluster.skip }, () => {
  let hand: KafkaHand
  before(async () => {
    hand = await kafkaHand(cluster.kafka.bootstrap)
  })
  after(() => hand.close())

  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
  for (const [i, { name, file }] of goldenFiles.entries()) {
    if (!canBeProduced(file)) continue
    const cases = file.cases.filter(isOfAnyKafka)
    if (cases.length === 0) continue
    runCases(name, cases, async () => {
      const data = await produceWorld(hand, file, codecs[i % codecs.length])
      const asked = await serve(cluster.kafka.bootstrap, data, READERS[i % READERS.length])
      return {
        ask: asked.ask,
        close: async () => {
          await asked.close()
          // The next file may have topics of the same names.
          for (const topic of file.topics) await hand.deleteTopic(topic.name)
        },
      }
    })
  }
})
