/**
 * What is attacked: a broker and a registry with topics made to be expensive, and the real server program on them, as a
 * process of its own with its default limits.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { startChild } from '../../scripts/child.ts'
import { freePorts } from '../../scripts/free-ports.ts'
import { kcat } from '../../scripts/provision.ts'
import { AT, BATCH_OVERHEAD } from '../../src/kafka/read/record-batch.ts'
import { sealBatch } from '../../src/sandbox/log/batch.ts'
import { BatchWriter } from '../../src/sandbox/log/batch-writer.ts'
import { startBroker } from '../../src/sandbox/broker.ts'
import { startRegistry } from '../../src/sandbox/schema-registry.ts'
import { registerSchema, startCluster } from '../../test/e2e/cluster.ts'
import { kafkaHand } from '../../test/e2e/kafka-hand.ts'

export interface Bytes {
  readonly key?: Uint8Array | string
  readonly value: Uint8Array | string
}

/** Brokers and a registry that can be filled. */
export interface World {
  readonly name: string
  readonly bootstrap: string
  readonly registryUrl: string
  /** Makes a topic of one partition; `gzip`: all records in compressed batches. */
  topic(name: string, records: readonly Bytes[], gzip?: boolean): Promise<void>
  register(subject: string, schema: unknown): Promise<number>
  close(): Promise<void>
}

/** The embedded broker, in this process. */
export async function sandboxWorld(): Promise<World> {
  const [broker, registry] = await Promise.all([startBroker(), startRegistry()])
  return {
    name: 'the embedded broker',
    bootstrap: broker.bootstrap,
    registryUrl: registry.url,
    topic: async (name, records, gzip) => {
      broker.createTopic(name, { config: { 'max.message.bytes': '100000000' } })
      const writer = new BatchWriter()
      const flush = (): void => {
        const batch = writer.finish()
        broker.append(name, 0, gzip === true ? gzipped(batch) : Buffer.from(batch))
      }
      for (const { key, value } of records) {
        writer.add(1_700_000_000_000, key === undefined ? null : content(key), content(value))
        if (writer.sizeBytes > 500_000) flush()
      }
      if (writer.count > 0) flush()
    },
    register: async (subject, schema) =>
      registry.schemas.register(subject, { schema: JSON.stringify(schema), schemaType: 'AVRO' }),
    close: async () => {
      await Promise.all([broker.close(), registry.close()])
    },
  }
}

/** A real Kafka and registry: those of the tests where there are some, or its own. */
export async function kafkaWorld(): Promise<World> {
  const cluster = await startCluster()
  if (cluster.skip !== false) throw new Error(cluster.skip)
  const hand = await kafkaHand(cluster.kafka.bootstrap)
  return {
    name: 'a real Kafka',
    bootstrap: cluster.kafka.bootstrap,
    registryUrl: cluster.registry.url,
    topic: async (name, records, gzip) => {
      await hand.create(name, { config: { 'max.message.bytes': '100000000' } })
      if (records.some(({ value }) => value.length > HAND_BYTES))
        return await byKcat(cluster.kafka.bootstrap, name, records)
      const all = records.map(({ key, value }) => ({ key: key ?? null, value }))
      for (let i = 0; i < all.length; i += 500)
        await hand.produce(name, all.slice(i, i + 500), { codec: gzip === true ? 'gzip' : 'none' })
    },
    register: (subject, schema) => registerSchema(cluster.registry.url, subject, schema),
    close: () => hand.close(),
  }
}

/** What the Java client is given at most as one value. */
const HAND_BYTES = 900_000

/** Large values, each from a file of its own, in batches of one, compressed with gzip. */
async function byKcat(bootstrap: string, topic: string, records: readonly Bytes[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-attack-'))
  const most = ['message.max.bytes=200000000', 'queue.buffering.max.kbytes=1000000', 'batch.num.messages=1']
  const options = ['-b', bootstrap, '-t', topic, '-z', 'gzip', ...most.flatMap((option) => ['-X', option])]
  try {
    for (const { value } of records) {
      const file = join(folder, 'value')
      writeFileSync(file, value)
      await promisify(execFile)(await kcat(), ['-P', ...options, file])
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function content(bytes: Uint8Array | string): { buffer: Buffer; length: number } {
  const buffer = Buffer.from(bytes)
  return { buffer, length: buffer.length }
}

/** A batch with its records compressed. */
function gzipped(plain: Buffer): Buffer {
  const batch = Buffer.concat([plain.subarray(0, AT.records), gzipSync(plain.subarray(AT.records))])
  batch.writeInt32BE(batch.length - BATCH_OVERHEAD, AT.batchLength)
  batch.writeInt16BE(1, AT.attributes)
  sealBatch(batch, 0, batch.length)
  return batch
}

/** Who there is. `mallory` attacks, `bob` asks something small all the time; `mallory` is a user, too. */
export const TOKENS = { mallory: 'token-of-mallory-0123456789', bob: 'token-of-bob-0123456789-abc' } as const
export const USER = { name: 'alice', password: 'alice-has-a-long-password' } as const

export interface Target {
  readonly url: string
  readonly pid: number
  readonly folder: string
  alive(): boolean
  stop(): Promise<void>
}

/** Starts `sluice server` as an administrator would, without any limit changed. */
export async function startTarget(world: World): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-attack-'))
  const [port] = await freePorts(1)
  const all = [{ environments: ['*'], topics: ['*'], rights: ['all'] }]
  const read = [{ environments: ['*'], topics: ['small', 'open*'], rights: ['read'] }]
  const config = {
    server: { port, dataFolder: join(folder, 'data') },
    environments: [{ name: 'demo', kafka: { brokers: [world.bootstrap] }, registry: world.registryUrl }],
    users: [{ ...USER, permissions: all }],
    serviceAccounts: [
      { name: 'mallory', token: TOKENS.mallory, permissions: all },
      { name: 'bob', token: TOKENS.bob, permissions: all },
      { name: USER.name, token: 'token-of-the-other-alice', permissions: read },
    ],
    log: { level: 'silent' },
  }
  const file = join(folder, 'sluice.yaml')
  writeFileSync(file, JSON.stringify(config))
  const program = join(import.meta.dirname, '../../src/cli/start.ts')
  const child = await startChild(process.execPath, [program, 'server', '--config', file], {
    logFile: join(folder, 'output'),
    ready: /Sluice listens/,
  })
  let living = true
  void child.ended.then(() => {
    living = false
  })
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    folder,
    alive: () => living,
    stop: async () => {
      await child.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Peak resident memory of a process in MiB since the last call, or NaN where it has ended. */
export function peakMiB(pid: number): number {
  try {
    const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    // The kernel begins to count anew.
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
    return match === null ? Number.NaN : Math.round(Number(match[1]) / 1024)
  } catch {
    return Number.NaN
  }
}
