/**
 * The official Java client, driven from a test: produces with any codec and transaction, and administers topics,
 * through one Java process that takes commands (java/KafkaHand.java). It says what the broker answered; it reads no
 * records (kcat does, see `kcatRead`).
 */
import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { java, kafkaLibraries, kcat } from '../../scripts/provision.ts'

/** Text or bytes; null is a null key, or a tombstone. */
export type Bytes = string | Uint8Array | null

export interface HandRecord {
  readonly key?: Bytes
  readonly value: Bytes
  readonly headers?: readonly (readonly [string, Bytes])[]
  /** Default: what the client's partitioner says. */
  readonly partition?: number
  /** Epoch milliseconds. Default: now. */
  readonly timestamp?: number
}

export interface ProduceOptions {
  readonly codec?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Further settings of the producer, such as `batch.size`. */
  readonly settings?: Record<string, string>
  readonly transactionalId?: string
  /** With `transactionalId`: how the transaction ends after these records; `open` leaves it open. Default commit. */
  readonly transaction?: 'commit' | 'abort' | 'open'
  /** These records go on in the transaction left open before. */
  readonly goesOn?: boolean
}

export interface KafkaHand {
  create(
    topic: string,
    options?: { partitions?: number; replicas?: number; config?: Record<string, string> },
  ): Promise<void>
  /**
   * Sends and waits for the acknowledgements: [partition, offset] of each record. One call's records share batches
   * (linger 1 s, then flushed).
   */
  produce(topic: string, records: readonly HandRecord[], options?: ProduceOptions): Promise<[number, number][]>
  /**
   * Ends a transaction left open; options as given to `produce`, with how to end it. Resolves, as `produce` does, when
   * the markers stand in the logs.
   */
  endTransaction(options: ProduceOptions): Promise<void>
  deleteTopic(topic: string): Promise<void>
  /** Moves the log start to `before`. */
  deleteRecords(topic: string, partition: number, before: number): Promise<void>
  configure(topic: string, config: Record<string, string>): Promise<void>
  addPartitions(topic: string, partitions: number): Promise<void>
  /** Makes that broker the leader, and it and the others the only replicas; resolves when it leads. */
  moveLeader(topic: string, partition: number, to: number, others?: readonly number[]): Promise<void>
  leader(topic: string, partition: number): Promise<number>
  /** Per partition: log start, high watermark, last stable offset. */
  offsets(topic: string): Promise<[number, number, number][]>
  groups(): Promise<string[]>
  /** A number that the broker counts, read by JMX: attribute `Count` of the bean, 0 while there is no such bean. */
  counter(jmxAddress: string, bean: string, attribute?: string): Promise<number>
  close(): Promise<void>
}

/** Starts the Java process. `settings` are client settings (security.protocol, sasl.*, ssl.*). */
export async function kafkaHand(bootstrap: string, settings: Record<string, string> = {}): Promise<KafkaHand> {
  const [javaFile, libraries] = await Promise.all([java(), kafkaLibraries()])
  const source = join(import.meta.dirname, 'java', 'KafkaHand.java')
  const quick = [
    '-Xmx256m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  ]
  const child = spawn(
    javaFile,
    [
      ...quick,
      '-cp',
      join(libraries, '*'),
      source,
      bootstrap,
      ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = []
  createInterface(child.stdout).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line) as Answer))
  const ended = new Promise<void>((resolve) =>
    child.once('close', (code) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`the Java process ended with code ${code}`))
      resolve()
    }),
  )
  const ask = async (command: object): Promise<Answer> => {
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.push({ resolve, reject })
      child.stdin.write(`${JSON.stringify(command)}\n`)
    })
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  }
  return handOver(ask, async () => {
    child.stdin.end()
    await ended
  })
}

interface Answer {
  readonly error?: string
  readonly offsets?: unknown
  readonly leader?: number
  readonly groups?: string[]
  readonly value?: number
}

function handOver(ask: (command: object) => Promise<Answer>, close: () => Promise<void>): KafkaHand {
  return {
    create: async (topic, options = {}) => void (await ask({ op: 'create', topic, ...options })),
    produce: async (topic, records, options = {}) =>
      (await ask({ op: 'produce', topic, ...transactionOf(options), records: records.map(recordText) })).offsets as [
        number,
        number,
      ][],
    endTransaction: async (options) => void (await ask({ op: 'end', ...transactionOf(options) })),
    deleteTopic: async (topic) => void (await ask({ op: 'deleteTopic', topic })),
    deleteRecords: async (topic, partition, before) =>
      void (await ask({ op: 'deleteRecords', topic, partition, before })),
    configure: async (topic, config) => void (await ask({ op: 'configure', topic, config })),
    addPartitions: async (topic, partitions) => void (await ask({ op: 'addPartitions', topic, partitions })),
    moveLeader: async (topic, partition, to, others = []) => {
      const { leader } = await ask({ op: 'moveLeader', topic, partition, to, others })
      if (leader !== to) throw new Error(`${topic}/${partition} is led by ${leader}, not by ${to}`)
    },
    leader: async (topic, partition) => (await ask({ op: 'leader', topic, partition })).leader ?? -1,
    offsets: async (topic) => (await ask({ op: 'offsets', topic })).offsets as [number, number, number][],
    groups: async () => (await ask({ op: 'groups' })).groups ?? [],
    counter: async (jmx, bean, attribute = 'Count') => (await ask({ op: 'counter', jmx, bean, attribute })).value ?? 0,
    close,
  }
}

function transactionOf(options: ProduceOptions): object {
  const settings: Record<string, string> = { 'compression.type': options.codec ?? 'none', ...options.settings }
  if (options.transactionalId === undefined) return { settings }
  settings['transactional.id'] = options.transactionalId
  return { settings, transaction: options.transaction ?? 'commit', goesOn: options.goesOn ?? false }
}

function recordText(record: HandRecord): object {
  return {
    ...record,
    key: base64(record.key ?? null),
    value: base64(record.value),
    headers: record.headers?.map(([name, value]) => [name, base64(value)]),
  }
}

function base64(bytes: Bytes): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('base64')
}

/** One record as kcat saw it; `payload` and `key` are text. */
export interface KcatRecord {
  readonly partition: number
  readonly offset: number
  readonly ts: number
  /** `create` or `logappend`. */
  readonly tstype?: string
  readonly key: string | null
  readonly payload: string | null
  readonly headers?: string[]
}

/** Reads a topic to its end with kcat. */
export async function kcatRead(bootstrap: string, topic: string, more: readonly string[] = []): Promise<KcatRecord[]> {
  const args = [
    '-C',
    '-q',
    '-e',
    '-J',
    '-b',
    bootstrap,
    '-t',
    topic,
    '-o',
    'beginning',
    '-m',
    '3',
    '-X',
    'fetch.wait.max.ms=20',
    ...more,
  ]
  const { stdout } = await promisify(execFile)(await kcat(), args, { maxBuffer: 1 << 28, timeout: 60_000 })
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KcatRecord)
}
