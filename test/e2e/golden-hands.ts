/**
 * The golden SQL files outside of memory: a server over some brokers, and their topics on a real Kafka. Shared by the
 * tests that run them on other engines.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import path from 'node:path'
import { WebSocket } from 'ws'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { BatchHeader, readRecords } from '../../src/kafka/read/record-batch.ts'
import { startRegistry } from '../../src/sandbox/schema-registry.ts'
import { readConfig } from '../../src/server/config/config.ts'
import { createLog } from '../../src/server/log.ts'
import { type RunningServer, startServer } from '../../src/server/start.ts'
import { type StoredBatch, type WorldData, type WorldTopic, worldData } from '../support/memory-world.ts'
import { wholeBatch } from '../support/record-batch.ts'
import { caseLines, caseRequest, readSlt, type SltCase, type SltFile } from '../support/slt.ts'
import type { HandRecord, KafkaHand } from './kafka-hand.ts'

const TOKEN = 'golden-token-0123456789'

/** The golden files, by their paths below `test/sql`. */
export const goldenFiles: readonly { readonly name: string; readonly file: SltFile }[] = globSync('**/*.slt', {
  cwd: path.join(import.meta.dirname, '..', 'sql'),
})
  .sort()
  .map((name) => ({ name, file: readSlt(path.join(import.meta.dirname, '..', 'sql', name)) }))

/** Can a producer make the topics of the file? No holes, no start but 0, no record without a timestamp. */
export function canBeProduced({ topics }: SltFile): boolean {
  return !topics.some(
    (t) =>
      (t.logStart ?? 0) > 0 ||
      t.logAppendTime ||
      t.name.startsWith('_') ||
      t.records.some((r) => r.offset !== undefined || r.timestampMs < 0),
  )
}

/** Cases whose answer is the same on any Kafka: how much a batch holds differs, and other tests have topics there, too. */
export function isOfAnyKafka(item: SltCase): boolean {
  return (
    item.kind === 'query' &&
    item.defaults['max.size'] === undefined &&
    !/^(SHOW TABLES|SHOW SETTINGS|DESCRIBE)|__fields/.test(item.sql)
  )
}

/** Makes the topics of a file anew, with its records. */
export async function produceWorld(
  hand: KafkaHand,
  { topics }: Pick<SltFile, 'topics'>,
  codec: HandCodec,
): Promise<WorldData> {
  const data = worldData(topics)
  for (const topic of topics) {
    await createAnew(hand, topic)
    const records = (data.stored.get(topic.name) ?? []).flatMap((partition, p) =>
      partition.batches.flatMap((batch) => handRecords(batch, p)),
    )
    if (records.length > 0) await hand.produce(topic.name, records, { codec })
  }
  return data
}

type HandCodec = NonNullable<NonNullable<Parameters<KafkaHand['produce']>[2]>['codec']>

/** A server over some brokers, and a way to put questions to it as raw frames. */
export interface Asked {
  ask(item: SltCase): Promise<string[]>
  close(): Promise<void>
}

/** `query.parallel` where a file does not say otherwise; undefined: what the server has by itself. */
export const READERS = [undefined, 2, 4] as const
type Readers = (typeof READERS)[number]

/** `environment`: further keys of its configuration. */
export async function serve(
  brokers: string,
  data: WorldData,
  readers: Readers,
  environment: Record<string, unknown> = {},
  settings: Record<string, string> = {},
): Promise<Asked> {
  const registry = await startRegistry()
  for (const schema of data.registry.registrations) {
    assert.equal(
      registry.schemas.register(schema.subject as string, { schema: schema.text, schemaType: schema.type }),
      schema.id,
    )
  }
  const start = async (defaults: QueryEnvironment['defaults']): Promise<RunningServer> => {
    const config = await readConfig({
      server: { port: 0 },
      environments: [
        { name: 'demo', kafka: { brokers: [brokers] }, registry: registry.url, formats: data.formats, ...environment },
      ],
      serviceAccounts: [
        { name: 'golden', token: TOKEN, permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
      ],
      limits: { 'server.workers': readers ?? 2 },
    })
    return await startServer({ ...config, settings: { ...settings, ...defaults } }, { log: createLog('silent') })
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

export function topicConfig(topic: WorldTopic): { [name: string]: string } {
  return {
    ...(topic.compacted ? { 'cleanup.policy': 'compact' } : {}),
    ...(topic.logAppendTime ? { 'message.timestamp.type': 'LogAppendTime' } : {}),
  }
}

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
