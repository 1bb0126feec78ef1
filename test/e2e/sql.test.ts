/**
 * The golden SQL files once more, the long way: records in the embedded broker, and in a real Kafka, read by the real
 * read path, answered by the server over a WebSocket. The expected text is the same as in memory. On real Kafka: rows
 * only, and only worlds that a producer can make (no holes, no start but 0, no record without a timestamp, no listing
 * of all topics); its batches are compressed, with another codec for each file. As many threads as the server finds worth
 * it read a topic, or two, or four: another number for each file, and for each file another on either broker.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { BatchHeader, readRecords } from '../../src/kafka/read/record-batch.ts'
import { startBroker } from '../../src/sandbox/broker.ts'
import { startRegistry } from '../../src/sandbox/schema-registry.ts'
import { readConfig } from '../../src/server/config/config.ts'
import { createLog } from '../../src/server/log.ts'
import { type RunningServer, startServer } from '../../src/server/start.ts'
import { type StoredBatch, type WorldData, type WorldTopic, worldData } from '../support/memory-world.ts'
import { wholeBatch } from '../support/record-batch.ts'
import { caseLines, caseRequest, expectedLines, readSlt, type SltCase } from '../support/slt.ts'
import { sharedCluster } from './cluster.ts'
import { type HandRecord, kafkaHand, type KafkaHand } from './kafka-hand.ts'

const TOKEN = 'golden-token-0123456789'
const folder = path.join(import.meta.dirname, '..', 'sql')
const files = globSync('**/*.slt', { cwd: folder }).sort()
const cluster = await sharedCluster()

/** A server over some brokers, and a way to put questions to it as raw frames. */
interface Asked {
  ask(item: SltCase): Promise<string[]>
  close(): Promise<void>
}

/** `query.parallel` where a file does not say otherwise; undefined: what the server has by itself. */
const READERS = [undefined, 2, 4] as const
type Readers = (typeof READERS)[number]

async function serve(brokers: string, data: WorldData, readers: Readers): Promise<Asked> {
  const registry = await startRegistry()
  for (const schema of data.registry.registrations) {
    assert.equal(
      registry.schemas.register(schema.subject as string, { schema: schema.text, schemaType: schema.type }),
      schema.id,
    )
  }
  const start = async (settings: QueryEnvironment['defaults']): Promise<RunningServer> => {
    const config = await readConfig({
      server: { port: 0 },
      environments: [{ name: 'demo', kafka: { brokers: [brokers] }, registry: registry.url, formats: data.formats }],
      serviceAccounts: [
        { name: 'golden', token: TOKEN, permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
      ],
      limits: { 'server.workers': readers ?? 2 },
    })
    return await startServer({ ...config, settings: settings ?? {} }, { log: createLog('silent') })
  }
  /** One server for each set of defaults. */
  const servers = new Map<string, Promise<RunningServer>>()
  const serverFor = (defaults: QueryEnvironment['defaults']): Promise<RunningServer> => {
    const key = JSON.stringify(defaults ?? {})
    const server = servers.get(key) ?? start(defaults)
    servers.set(key, server)
    return server
  }
  return {
    ask: async (item) => {
      // Whole frames are compared in the order in which one reader meets the partitions.
      const asOne = readers === undefined || item.kind === 'frames'
      const server = await serverFor(asOne ? item.defaults : { 'query.parallel': readers, ...item.defaults })
      const { sql, live, statsMs } = caseRequest(item)
      const socket = new WebSocket(
        `${server.url.replace('http', 'ws')}/api/v1/environments/demo/proxy/api/ws/v2/sql/execute`,
        {
          headers: { authorization: `Bearer ${TOKEN}` },
        },
      )
      const frames: string[] = []
      socket.on('message', (message) => frames.push(String(message)))
      await once(socket, 'open')
      socket.send(JSON.stringify({ sql, live, stats: statsMs }))
      await once(socket, 'close')
      assert.match(frames.at(-1) ?? '', /^\{"type":"END"/)
      return caseLines(item, frames)
    },
    close: async () => {
      for (const server of servers.values()) await (await server).close(0)
      await registry.close()
    },
  }
}

function runCases(name: string, cases: readonly SltCase[], open: () => Promise<Asked>): void {
  describe(name, () => {
    let asked: Asked
    before(async () => {
      asked = await open()
    })
    after(() => asked.close())
    for (const item of cases) {
      it(`${name}:${item.line} ${item.sql.split('\n')[0]}`, async () => {
        assert.equal((await asked.ask(item)).join('\n'), expectedLines(item).join('\n'))
      })
    }
  })
}

function topicConfig(topic: WorldTopic): { [name: string]: string } {
  return {
    ...(topic.compacted ? { 'cleanup.policy': 'compact' } : {}),
    ...(topic.logAppendTime ? { 'message.timestamp.type': 'LogAppendTime' } : {}),
  }
}

describe('golden SQL on the embedded broker', () => {
  // What DESCRIBE shows of a topic's configuration is the broker's own affair.
  const elsewhere = (item: SltCase) => !/^DESCRIBE|^SHOW SETTINGS/.test(item.sql)
  for (const [i, name] of files.entries()) {
    const file = readSlt(path.join(folder, name))
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
  for (const [i, name] of files.entries()) {
    const file = readSlt(path.join(folder, name))
    if (
      file.topics.some(
        (t) =>
          (t.logStart ?? 0) > 0 ||
          t.logAppendTime ||
          t.name.startsWith('_') ||
          t.records.some((r) => r.offset !== undefined || r.timestampMs < 0),
      )
    )
      continue
    // How much a batch holds differs, and other tests have topics there, too.
    const cases = file.cases.filter(
      (item) =>
        item.kind === 'query' &&
        item.defaults['max.size'] === undefined &&
        !/^(SHOW TABLES|SHOW SETTINGS|DESCRIBE)|__fields/.test(item.sql),
    )
    if (cases.length === 0) continue
    runCases(name, cases, async () => {
      const data = worldData(file.topics)
      for (const topic of file.topics) {
        await createAnew(hand, topic)
        const records = (data.stored.get(topic.name) ?? []).flatMap((partition, p) =>
          partition.batches.flatMap((batch) => handRecords(batch, p)),
        )
        if (records.length > 0) await hand.produce(topic.name, records, { codec: codecs[i % codecs.length] })
      }
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

/** Files share topic names, and a producer that is still there may have brought a deleted topic back. */
async function createAnew(hand: KafkaHand, topic: WorldTopic): Promise<void> {
  const options = { partitions: topic.partitions ?? 1, config: topicConfig(topic) }
  for (let tries = 0; ; tries++) {
    try {
      return await hand.create(topic.name, options)
    } catch (error) {
      if (tries === 20 || !String(error).includes('exists')) throw error
      await hand.deleteTopic(topic.name).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function handRecords({ bytes }: StoredBatch, partition: number): HandRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const header = new BatchHeader()
  assert.ok(header.open(view, 0, bytes.length))
  const batch = wholeBatch(header, { buffer: bytes, view, from: header.from, to: header.to }, partition)
  return [...readRecords(batch)].map((r) => ({
    key: r.key,
    value: r.value,
    partition,
    timestamp: r.timestamp,
    headers: r.headers.map((h) => [h.key, h.value] as const),
  }))
}
