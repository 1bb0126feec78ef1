/**
 * All topics of the sandbox, in memory or in a folder: `topics.json` and one append-only segment file a partition,
 * indexed anew at start. It says when something was appended, and refuses to hold more than its limit. No sockets here.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ATTRIBUTE } from '../../kafka/read/record-batch.ts'
import { readBatchHeader, type BatchHeader } from './batch.ts'
import { PartitionLog, type AppendOptions } from './partition-log.ts'
import { FileStorage, MemoryStorage, scanSegment, type Place, type Storage } from './storage.ts'

/** Limit `sandbox.max.bytes` (bytes): all batches of the demo's broker together. Beyond it: producing is refused. */
export const DEFAULT_MAX_BYTES = 1_073_741_824

/** Makes the log of a partition that is looked at for the first time. */
type MakeLog = (topic: Topic, index: number) => PartitionLog

/**
 * A topic: its configuration and its partitions by number. Until somebody looks at its partitions it is only a name, an
 * id and a number: a store may hold very many topics.
 */
export class Topic {
  readonly name: string
  /** 32 hexadecimal digits. */
  readonly id: string
  #config: Map<string, string> | undefined
  #count = 0
  #logs: PartitionLog[] | undefined
  readonly #make: MakeLog

  constructor(name: string, id: string, config: Map<string, string> | undefined, make: MakeLog) {
    this.name = name
    this.id = id
    this.#config = config
    this.#make = make
  }

  get config(): Map<string, string> {
    return (this.#config ??= new Map())
  }

  /** How many partitions it has. */
  get count(): number {
    return this.#count
  }

  /** Those that somebody has looked at: the others are empty. */
  get touched(): readonly PartitionLog[] {
    return this.#logs ?? []
  }

  get partitions(): readonly PartitionLog[] {
    const logs = (this.#logs ??= [])
    while (logs.length < this.#count) logs.push(this.#make(this, logs.length))
    return logs
  }

  /** Further partitions, up to `count`. */
  extend(count: number): void {
    this.#count = Math.max(this.#count, count)
  }

  /** A numeric setting, or `fallback`. */
  number(key: string, fallback: number): number {
    const value = Number(this.config.get(key) ?? fallback)
    return Number.isFinite(value) ? value : fallback
  }
}

/** Thrown when `sandbox.max.bytes` is reached. */
export class StoreFullError extends Error {}

interface TopicRecord {
  name: string
  id: string
  config: Record<string, string>
  logStarts: number[]
}

export interface LogStoreOptions {
  /** Keeps everything below this folder; without it, in memory. */
  readonly folder?: string
  /** `sandbox.max.bytes`. */
  readonly maxBytes?: number
}

/** All topics by name and by id. What it holds is kept within `maxBytes`: appending more is a StoreFullError. */
export class LogStore {
  readonly topics = new Map<string, Topic>()
  readonly byId = new Map<string, Topic>()
  readonly folder: string | undefined
  readonly maxBytes: number
  /** What all logs hold at most: appended bytes are added at once, and what was dropped since is found when it matters. */
  #atMost = 0
  readonly #listeners = new Set<() => void>()

  constructor(options: LogStoreOptions = {}) {
    this.folder = options.folder
    this.maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
  }

  /** Opens a store; a folder's segments are read once to rebuild their index. */
  static async open(options: LogStoreOptions = {}): Promise<LogStore> {
    const store = new LogStore(options)
    if (store.folder === undefined) return store
    await mkdir(store.folder, { recursive: true })
    for (const record of await readTopicsFile(store.folder)) await store.#reopen(record)
    return store
  }

  async #reopen(record: TopicRecord): Promise<void> {
    const logs: PartitionLog[] = []
    for (const [index, logStart] of record.logStarts.entries())
      logs.push(await this.#reopenPartition(record, index, logStart))
    const make: MakeLog = (of, index) => logs[index] ?? this.#newLog(of, index)
    const topic = new Topic(record.name, record.id, new Map(Object.entries(record.config)), make)
    topic.extend(logs.length)
    this.#add(topic)
    for (const log of topic.partitions) this.#atMost += log.sizeBytes
  }

  async #reopenPartition(topic: TopicRecord, index: number, logStart: number): Promise<PartitionLog> {
    const path = this.#segmentPath(topic, index)
    const found: { readonly header: BatchHeader; readonly head: Buffer; readonly place: Place }[] = []
    const sizeOf = (head: Buffer, leftBytes: number) => readBatchHeader(head, 0, leftBytes)?.sizeBytes
    const endBytes = await scanSegment(path, sizeOf, (head, place) => {
      const header = readBatchHeader(head, 0, place.sizeBytes)
      if (header !== undefined)
        found.push({
          header,
          head: Buffer.from(head.subarray(0, header.attributes & ATTRIBUTE.control ? head.length : 0)),
          place,
        })
    })
    const log = new PartitionLog(topic.name, index, new FileStorage(path, endBytes))
    for (const { header, head, place } of found) log.adopt(header, head, place)
    log.raiseLogStart(logStart)
    return log
  }

  get sizeBytes(): number {
    let sum = 0
    for (const topic of this.topics.values()) for (const log of topic.touched) sum += log.sizeBytes
    return sum
  }

  createTopic(
    name: string,
    options: { readonly partitions?: number; readonly config?: Readonly<Record<string, string>> } = {},
  ): Topic {
    if (this.topics.has(name)) throw new Error(`topic ${name} exists`)
    const config = options.config === undefined ? undefined : new Map(Object.entries(options.config))
    const topic = new Topic(name, randomBytes(16).toString('hex'), config, this.#newLog)
    if (this.folder !== undefined) mkdirSync(join(this.folder, topic.id), { recursive: true })
    this.#add(topic)
    this.addPartitions(topic, options.partitions ?? 1)
    return topic
  }

  addPartitions(topic: Topic, count: number): void {
    topic.extend(count)
    // In a folder each partition has its file from the beginning.
    if (this.folder !== undefined) topic.partitions.at(-1)
    this.saveTopics()
  }

  /** One function for all topics: a closure for each would be the larger part of a topic. */
  readonly #newLog: MakeLog = (topic, index) => new PartitionLog(topic.name, index, this.#storage(topic, index))

  #storage(topic: Topic, index: number): Storage {
    return this.folder === undefined ? new MemoryStorage() : new FileStorage(this.#segmentPath(topic, index), 0)
  }

  #segmentPath(topic: { readonly id: string }, index: number): string {
    return join(this.folder ?? '.', topic.id, `${index}.log`)
  }

  #add(topic: Topic): void {
    this.topics.set(topic.name, topic)
    this.byId.set(topic.id, topic)
  }

  deleteTopic(name: string): boolean {
    const topic = this.topics.get(name)
    if (topic === undefined) return false
    this.topics.delete(name)
    this.byId.delete(topic.id)
    for (const log of topic.touched) log.storage.remove()
    this.saveTopics()
    this.#notify()
    return true
  }

  partition(topic: string, index: number): PartitionLog | undefined {
    const found = this.topics.get(topic)
    return found !== undefined && index >= 0 && index < found.count ? found.partitions[index] : undefined
  }

  /** Appends one batch and wakes the fetches that wait. The buffer is written to. */
  append(log: PartitionLog, batch: Buffer, options: AppendOptions = {}): number {
    const topic = this.topics.get(log.topic)
    if (this.#atMost + batch.length > this.maxBytes) this.#atMost = this.sizeBytes
    const held = this.#atMost
    if (held + batch.length > this.maxBytes)
      throw new StoreFullError(
        `the sandbox holds ${held} bytes and ${batch.length} more would pass its limit sandbox.max.bytes = ${this.maxBytes}`,
      )
    const baseOffset = log.append(batch, options)
    this.#atMost += batch.length
    const retention = topic?.number('retention.bytes', -1) ?? -1
    if (retention >= 0 && log.sizeBytes > retention) log.trim(retention)
    this.#notify()
    return baseOffset
  }

  raiseLogStart(log: PartitionLog, offset: number): void {
    log.raiseLogStart(offset)
    this.saveTopics()
    this.#notify()
  }

  /** Calls back on every change until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Something that fetches look at has changed beside the logs: those that wait look again. */
  changed(): void {
    this.#notify()
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  /** Writes `topics.json` (whole, then renamed). */
  saveTopics(): void {
    if (this.folder === undefined) return
    const records: TopicRecord[] = [...this.topics.values()].map((topic) => ({
      name: topic.name,
      id: topic.id,
      config: Object.fromEntries(topic.config),
      logStarts: topic.partitions.map((log) => log.logStart),
    }))
    const path = join(this.folder, 'topics.json')
    writeFileSync(`${path}.new`, `${JSON.stringify(records, undefined, 1)}\n`)
    renameSync(`${path}.new`, path)
  }

  close(): void {
    this.saveTopics()
    for (const topic of this.topics.values()) for (const log of topic.touched) log.storage.close()
    this.topics.clear()
    this.byId.clear()
  }
}

async function readTopicsFile(folder: string): Promise<TopicRecord[]> {
  try {
    return JSON.parse(await readFile(join(folder, 'topics.json'), 'utf8')) as TopicRecord[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new Error(`${join(folder, 'topics.json')} cannot be read: ${(error as Error).message}`)
  }
}
