/**
 * A Kafka and a registry in memory for tests of everything above them: topics with partitions, formats and records
 * given as JSON literals, encoded into real v2 batches and served through the KafkaLog interface, and the real catalog
 * on top. It has no sockets, and no broker's behaviour beyond bounds, time look-ups and scans of whole batches.
 */
import { encode as encodeMsgpack } from '@msgpack/msgpack'
import protobuf from 'protobufjs'
import { type CatalogOptions, createCatalog, type KafkaTables } from '../../src/catalog/kafka-catalog.ts'
import { withObjects } from '../../src/catalog/objects.ts'
import type { FormatOptions } from '../../src/catalog/facets/plain-formats.ts'
import type { FormatName } from '../../src/formats/format.ts'
import type { TopicConfig, TopicMetadata } from '../../src/kafka/cluster.ts'
import {
  type BatchSource,
  KafkaError,
  type KafkaLog,
  type OffsetRange,
  type RecordBatch,
  type ScanRequest,
} from '../../src/kafka/log.ts'
import { Progress } from '../../src/kafka/read/progress.ts'
import { BatchHeader, type RecordToWrite, writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import type { Clock } from '../../src/lib/clock.ts'
import type { Administration } from '../../src/plan/administration.ts'
import type { RegisteredSchema, Registry, SchemaType } from '../../src/registry/registry.ts'
import { encodeAvro, framed } from './avro-encode.ts'
import type { ExactJson } from './exact-json.ts'
import { MapObjects, memoryAdministration } from './memory-administration.ts'

/** How a topic writes one facet. */
export type WorldFormat =
  | { readonly name: 'STRING' | 'JSON' | 'INT' | 'LONG' | 'FLOAT' | 'DOUBLE' | 'BYTES' | 'UUID' }
  /**
   * Versions of one subject, `<topic>-key|-value`, or `subject` when given. Records say which one wrote them (`writer`,
   * 1-based; default the newest).
   */
  | { readonly name: 'AVRO'; readonly schemas: readonly string[]; readonly subject?: string }
  | { readonly name: 'JSONSCHEMA'; readonly schemas: readonly string[]; readonly subject?: string }
  /** Records are of the first message of their schema. */
  | { readonly name: 'PROTOBUF'; readonly schemas: readonly string[]; readonly subject?: string }
  /** Records are texts. `header`: the names of the columns. */
  | { readonly name: 'CSV'; readonly header?: readonly string[] }
  | { readonly name: 'XML' }
  | { readonly name: 'MSGPACK' }
  /** Records are `{"key": …, "windowStart": ms}`, with `windowEnd` for `SW`. */
  | { readonly name: `TW${WindowedInner}` | `SW${WindowedInner}` }

export type WindowedInner = 'STRING' | 'LONG' | 'JSON'

/** A literal to encode, or bytes as they are (bad records), or null. */
export type WorldValue =
  | { readonly json: ExactJson; readonly text?: string; readonly writer?: number }
  | Uint8Array
  | null

export interface WorldRecord {
  readonly partition: number
  readonly timestampMs: number
  readonly key: WorldValue
  readonly value: WorldValue
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** The record's offset; default the one after its predecessor. Larger ones leave a gap, as compaction does. */
  readonly offset?: number
}

export interface WorldTopic {
  readonly name: string
  /** Default 1. */
  readonly partitions?: number
  readonly key?: WorldFormat
  readonly value?: WorldFormat
  /** Formats are found by the catalog (registry, samples) instead of being configured. */
  readonly detect?: boolean
  readonly records: readonly WorldRecord[]
  /** Records to a batch; default 3, so that ranges cut batches. */
  readonly batch?: number
  readonly compacted?: boolean
  readonly logAppendTime?: boolean
  /** Further settings of the topic, as CREATE TABLE gives them. */
  readonly config?: Readonly<Record<string, string>>
  /** First offset of every partition; default 0. */
  readonly logStart?: number
}

export interface MemoryWorld {
  readonly catalog: KafkaTables
  /** All rights; what statements change shows in the other members. */
  readonly administration: Administration
  readonly log: KafkaLog
  /** The registry behind the topics, also when the catalog was given another one, or none. */
  readonly registry: MemoryRegistry
  /** Every scan so far: what the engine asked Kafka for. */
  readonly scans: ScanRequest[]
}

/** The topics of a world as bytes: what a broker would hold. */
export interface StoredBatch {
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly nextOffset: number
  readonly records: readonly { readonly offset: number; readonly timestampMs: number }[]
}
export interface StoredPartition {
  readonly batches: StoredBatch[]
  start: number
  end: number
}

export interface WorldOptions {
  /** What the catalog sees as its registry, made of the world's own; `null`: none is configured. */
  readonly registry?: ((registry: MemoryRegistry) => Registry) | null
  /** Schemas of AWS Glue. */
  readonly glue?: CatalogOptions['glue']
  /** Further configured formats, by pattern. */
  readonly formats?: CatalogOptions['formats']
  readonly clock?: Clock
}

export interface WorldData {
  /** Partitions by topic. */
  readonly stored: ReadonlyMap<string, readonly StoredPartition[]>
  readonly registry: MemoryRegistry
  /** The formats to configure, by topic. */
  readonly formats: {
    readonly [topic: string]: { readonly key: FormatName; readonly value: FormatName } & FormatOptions
  }
}

/** Encodes all records; a literal that does not fit its format is an Error. */
export function worldData(topics: readonly WorldTopic[]): WorldData {
  const registry = new MemoryRegistry()
  const stored = new Map<string, StoredPartition[]>()
  for (const topic of topics) stored.set(topic.name, storeTopic(topic, registry))
  const configured = topics.filter((t) => t.detect !== true)
  const formatsOf = (t: WorldTopic): WorldData['formats'][string] => {
    const plain = { key: t.key?.name ?? 'STRING', value: t.value?.name ?? 'JSON' }
    return t.value?.name === 'CSV' ? { ...plain, csv: { header: t.value.header } } : plain
  }
  return { stored, registry, formats: Object.fromEntries(configured.map((t) => [t.name, formatsOf(t)])) }
}

/** Builds the world. */
export function memoryWorld(given: readonly WorldTopic[], options: WorldOptions = {}): MemoryWorld {
  const topics = [...given]
  const data = worldData(topics)
  const stored = new Map(data.stored)
  const { registry, formats } = data
  const log = new MemoryLog(stored)
  const seen = options.registry === null ? undefined : (options.registry?.(registry) ?? registry)
  const objects = new MapObjects()
  const catalog = createCatalog({
    cluster: memoryCluster(topics),
    log,
    registry: seen,
    glue: options.glue,
    formats: { ...formats, ...options.formats },
    declared: (topic) => objects.table(topic),
    clock: options.clock,
  })
  const administration = memoryAdministration({
    topics,
    stored,
    registry,
    objects,
    forget: (topic) => catalog.forget(topic),
  })
  const all = withObjects(catalog, objects, () => true)
  return {
    catalog: { ...all, learn: () => undefined, forget: (topic) => catalog.forget(topic), close: () => catalog.close() },
    administration,
    log,
    registry,
    scans: log.scans,
  }
}

// ---------------------------------------------------------------------------------------------- records to batches

function storeTopic(topic: WorldTopic, registry: MemoryRegistry): StoredPartition[] {
  const encoders = {
    key: encoder(topic.key ?? { name: 'STRING' }, `${topic.name}-key`, registry),
    value: encoder(topic.value ?? { name: 'JSON' }, `${topic.name}-value`, registry),
  }
  return Array.from({ length: topic.partitions ?? 1 }, (_, partition) => {
    const records = topic.records.filter((r) => r.partition === partition)
    return storePartition(topic, records, encoders)
  })
}

function storePartition(
  topic: WorldTopic,
  records: readonly WorldRecord[],
  encoders: { key: Encoder; value: Encoder },
): StoredPartition {
  const start = topic.logStart ?? 0
  const store: StoredPartition = { batches: [], start, end: start }
  let pending: (RecordToWrite & { readonly offset: number; readonly timestamp: number })[] = []
  const flush = (): void => {
    if (pending.length === 0) return
    const baseOffset = pending[0].offset
    const bytes = writeRecordBatch(pending, { baseOffset, logAppendTime: topic.logAppendTime ?? false })
    store.batches.push({
      bytes,
      baseOffset,
      nextOffset: store.end,
      records: pending.map((r) => ({ offset: r.offset, timestampMs: r.timestamp })),
    })
    pending = []
  }
  for (const record of records) {
    const offset = record.offset ?? store.end
    if (offset < store.end) throw new Error(`${topic.name}: offset ${offset} comes after ${store.end - 1}`)
    if (pending.length === (topic.batch ?? 3)) flush()
    pending.push({
      offset,
      timestamp: record.timestampMs,
      key: encoders.key(record.key),
      value: encoders.value(record.value),
      headers: record.headers ?? [],
    })
    store.end = offset + 1
  }
  flush()
  return store
}

type Encoder = (value: WorldValue) => Uint8Array | null

function encoder(format: WorldFormat, defaultSubject: string, registry: MemoryRegistry): Encoder {
  const type = format.name === 'JSONSCHEMA' ? 'JSON' : format.name === 'PROTOBUF' ? 'PROTOBUF' : 'AVRO'
  const ids =
    'schemas' in format ? format.schemas.map((text) => registry.add(format.subject ?? defaultSubject, text, type)) : []
  return (value) => {
    if (value === null || value instanceof Uint8Array) return value
    if (!('schemas' in format)) return encodePlain(format.name, value.json, value.text)
    const writer = (value.writer ?? format.schemas.length) - 1
    if (ids[writer] === undefined) throw new Error(`${defaultSubject} has no writer ${writer + 1}`)
    if (format.name === 'PROTOBUF') return framed(ids[writer], encodeProto(format.schemas[writer], value.json))
    return framed(
      ids[writer],
      format.name === 'AVRO'
        ? encodeAvro(format.schemas[writer], value.json)
        : Buffer.from(value.text ?? JSON.stringify(value.json)),
    )
  }
}

function encodePlain(format: string, json: ExactJson, text: string | undefined): Uint8Array {
  const bytes = Buffer.alloc(8)
  if (format.startsWith('TW') || format.startsWith('SW')) return encodeWindowed(format, json)
  switch (format) {
    case 'JSON':
      return Buffer.from(text ?? JSON.stringify(json))
    case 'MSGPACK':
      return encodeMsgpack(json, { useBigInt64: true })
    case 'XML':
    case 'CSV':
    case 'STRING':
    case 'UUID':
      if (typeof json !== 'string') throw new Error(`${format} takes a string, not ${text ?? String(json)}`)
      return Buffer.from(json)
    case 'BYTES':
      return Buffer.from(String(json), 'latin1')
    case 'INT':
      bytes.writeInt32BE(Number(json))
      return bytes.subarray(0, 4)
    case 'LONG':
      bytes.writeBigInt64BE(BigInt(json as number | bigint))
      return bytes
    case 'FLOAT':
      bytes.writeFloatBE(Number(json))
      return bytes.subarray(0, 4)
    default:
      bytes.writeDoubleBE(Number(json))
      return bytes
  }
}

/** As Kafka Streams does it: the key, then (for sessions the end and) the start of the window. */
function encodeWindowed(format: string, json: ExactJson): Uint8Array {
  const { key, windowStart, windowEnd } = json as { readonly [name: string]: ExactJson }
  const times = (format.startsWith('SW') ? [windowEnd, windowStart] : [windowStart]).map((ms) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(BigInt(ms as number))
    return bytes
  })
  return Buffer.concat([encodePlain(format.slice(2), key, undefined), ...times])
}

/** The first message of the schema as protobufjs writes it, behind the message index. */
function encodeProto(schema: string, json: ExactJson): Uint8Array {
  const { root } = protobuf.parse(schema, { keepCase: true })
  for (const name of ['timestamp', 'duration', 'struct', 'wrappers', 'any', 'empty', 'field_mask'])
    root.addJSON(
      (
        protobuf.common as unknown as { get(file: string): { nested: { [name: string]: protobuf.AnyNestedObject } } }
      ).get(`google/protobuf/${name}.proto`).nested,
    )
  const first = (namespace: protobuf.NamespaceBase): protobuf.Type | undefined =>
    namespace.nestedArray
      .map((item) =>
        item instanceof protobuf.Type ? item : item instanceof protobuf.Namespace ? first(item) : undefined,
      )
      .find((type) => type !== undefined)
  const type = first(root)
  if (type === undefined) throw new Error('the schema holds no message')
  const plain = JSON.parse(
    JSON.stringify(json, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
  ) as object
  return Buffer.concat([Buffer.of(0), type.encode(type.fromObject(plain)).finish()])
}

// ---------------------------------------------------------------------------------------------- registry and cluster

/** Subjects in memory; the same text has the same id everywhere. */
export class MemoryRegistry implements Registry {
  readonly url = 'memory:registry'
  readonly #subjects = new Map<string, RegisteredSchema[]>()
  readonly #ids = new Map<string, number>()
  /** Every new version, in the order of registration. */
  readonly registrations: RegisteredSchema[] = []

  /** Registers a further version and returns its id; the same text has the same id everywhere. */
  add(subject: string, text: string, type: SchemaType): number {
    const id = this.#ids.get(text) ?? this.#ids.size + 1
    this.#ids.set(text, id)
    const versions = this.#subjects.get(subject) ?? []
    if (!versions.some((v) => v.id === id)) {
      const schema = { type, text, references: [], id, subject, version: versions.length + 1 }
      versions.push(schema)
      this.registrations.push(schema)
    }
    this.#subjects.set(subject, versions)
    return id
  }
  async schemaById(id: number): Promise<RegisteredSchema | undefined> {
    return [...this.#subjects.values()].flat().find((s) => s.id === id)
  }
  async latest(subject: string): Promise<RegisteredSchema | undefined> {
    return this.#subjects.get(subject)?.at(-1)
  }
  async versions(subject: string): Promise<readonly number[]> {
    return (this.#subjects.get(subject) ?? []).map((s) => s.version as number)
  }
  async schema(subject: string, version: number): Promise<RegisteredSchema | undefined> {
    return this.#subjects.get(subject)?.find((s) => s.version === version)
  }
  async subjects(): Promise<readonly string[]> {
    return [...this.#subjects.keys()]
  }
  async usesOf(id: number): Promise<readonly { subject: string; version: number }[]> {
    return [...this.#subjects].flatMap(([subject, versions]) =>
      versions.filter((s) => s.id === id).map((s) => ({ subject, version: s.version as number })),
    )
  }
  drop(subject: string): void {
    this.#subjects.delete(subject)
  }
  close(): void {
    this.#subjects.clear()
  }
}

function memoryCluster(topics: readonly WorldTopic[]): Parameters<typeof createCatalog>[0]['cluster'] {
  const unknown = (name: string): KafkaError =>
    new KafkaError(
      3,
      'UNKNOWN_TOPIC_OR_PARTITION',
      `Topic "${name}": the topic or partition does not exist, or may not be seen (UNKNOWN_TOPIC_OR_PARTITION)`,
      true,
    )
  const describe = (topic: WorldTopic): TopicMetadata => ({
    name: topic.name,
    id: undefined,
    internal: topic.name.startsWith('__'),
    partitions: Array.from({ length: topic.partitions ?? 1 }, (_, partition) => ({
      partition,
      leader: 1,
      leaderEpoch: 0,
      replicas: [1],
      inSync: [1],
      error: 0,
    })),
    error: undefined,
  })
  return {
    async listing() {
      const { brokers, clusterId, topics: described } = await this.metadata(topics.map((t) => t.name).sort())
      const listed = described.map(({ name, internal, partitions }) => ({
        name,
        internal,
        partitions: partitions.length,
        replicas: 1,
      }))
      return { brokers, clusterId, topics: listed }
    },
    async metadata(names) {
      const listed = names.map((name) => {
        const topic = topics.find((t) => t.name === name)
        return topic === undefined
          ? { name, id: undefined, internal: false, partitions: [], error: unknown(name) }
          : describe(topic)
      })
      return { clusterId: 'memory', brokers: [{ id: 1, host: 'memory', port: 0 }], topics: listed }
    },
    async topicConfig(name): Promise<TopicConfig> {
      const topic = topics.find((t) => t.name === name)
      if (topic === undefined) throw unknown(name)
      const own = Object.entries(topic.config ?? {}).map(([key, value]) => ({ name: key, value, isDefault: false }))
      const entries = [
        ...own,
        { name: 'cleanup.policy', value: topic.compacted ? 'compact' : 'delete', isDefault: !topic.compacted },
        {
          name: 'message.timestamp.type',
          value: topic.logAppendTime ? 'LogAppendTime' : 'CreateTime',
          isDefault: !topic.logAppendTime,
        },
        { name: 'retention.ms', value: '604800000', isDefault: true },
      ]
      return {
        entries,
        compacted: topic.compacted ?? false,
        timestampType: topic.logAppendTime ? 'LogAppendTime' : 'CreateTime',
        refused: undefined,
      }
    },
  }
}

// ---------------------------------------------------------------------------------------------- the log

class MemoryLog implements KafkaLog {
  readonly scans: ScanRequest[] = []
  readonly #topics: ReadonlyMap<string, readonly StoredPartition[]>
  /** The map may change while the log is used. */
  constructor(topics: ReadonlyMap<string, readonly StoredPartition[]>) {
    this.#topics = topics
  }

  partition(topic: string, partition: number): StoredPartition {
    const found = this.#topics.get(topic)?.[partition]
    if (found === undefined)
      throw new KafkaError(
        3,
        'UNKNOWN_TOPIC_OR_PARTITION',
        `"${topic}" partition ${partition}: the topic or partition does not exist, or may not be seen (UNKNOWN_TOPIC_OR_PARTITION)`,
        true,
      )
    return found
  }

  async bounds(topic: string, partitions: readonly number[]): Promise<OffsetRange[]> {
    return partitions.map((partition) => ({
      partition,
      start: this.partition(topic, partition).start,
      end: this.partition(topic, partition).end,
    }))
  }

  async offsetsForTime(
    topic: string,
    partitions: readonly number[],
    timestampMs: number,
  ): Promise<(number | undefined)[]> {
    return partitions.map(
      (partition) =>
        this.partition(topic, partition)
          .batches.flatMap((b) => b.records)
          .find((r) => r.timestampMs >= timestampMs)?.offset,
    )
  }

  scan(request: ScanRequest, signal: AbortSignal): BatchSource {
    this.scans.push(request)
    return new MemorySource(this, request, signal)
  }
}

class MemorySource implements BatchSource {
  readonly progress: readonly Progress[]
  readonly #batches: RecordBatch[]
  readonly #skipped: { progress: Progress; bytes: number; start: number; end: number }[][]
  readonly #signal: AbortSignal
  #at = 0
  #closed = false

  constructor(log: MemoryLog, request: ScanRequest, signal: AbortSignal) {
    this.#signal = signal
    const progress = new Map<number, Progress>()
    for (const range of request.ranges) {
      const known = progress.get(range.partition)
      if (known === undefined) progress.set(range.partition, new Progress(range))
      else known.add(range)
    }
    this.progress = [...progress.values()]
    this.#batches = []
    this.#skipped = [[]]
    for (const range of request.ranges) this.#addRange(log.partition(request.topic, range.partition), range, request)
  }

  #addRange(partition: StoredPartition, range: OffsetRange, request: ScanRequest): void {
    const progress = this.progress.find((p) => p.partition === range.partition) as Progress
    for (const stored of partition.batches) {
      if (stored.nextOffset <= range.start || stored.baseOffset >= range.end) continue
      const batch = readBatch(stored, range, request.headersOnly ?? false)
      const old = request.minTimestampMs !== undefined && batch.maxTimestamp < request.minTimestampMs
      const step = {
        progress,
        bytes: stored.bytes.length,
        start: range.start,
        end: Math.min(stored.nextOffset, range.end),
      }
      if (!old) {
        this.#batches.push(batch)
        this.#skipped.push([])
      }
      this.#skipped[this.#skipped.length - 1].push(step)
    }
    this.#skipped[this.#skipped.length - 1].push({ progress, bytes: 0, start: range.start, end: range.end })
  }

  /** Every third batch comes with a promise, as it does when bytes have to be waited for. */
  next(): RecordBatch | undefined | Promise<RecordBatch | undefined> {
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason)
    if (this.#at === 0) this.#account(0)
    const batch = this.#batches[this.#at++]
    if (batch === undefined) return Promise.resolve(undefined)
    const at = this.#at
    if (at % 3 !== 1) {
      this.#account(at)
      return batch
    }
    // Read when it is handed over; not at all when the scan has been closed meanwhile.
    return new Promise((resolve) => {
      setImmediate(() => {
        if (!this.#closed) this.#account(at)
        resolve(batch)
      })
    })
  }

  #account(index: number): void {
    for (const { progress, bytes, start, end } of this.#skipped[index] ?? []) {
      progress.count(bytes)
      progress.read(start, end)
    }
    this.#skipped[index] = []
  }

  close(): void {
    this.#closed = true
    this.#batches.length = 0
  }
}

function readBatch(stored: StoredBatch, range: OffsetRange, headersOnly: boolean): RecordBatch {
  // Bytes around the batch, so that reading past an end is seen by tests instead of being forgiven.
  const around = Buffer.alloc(stored.bytes.length + 32, 0xee)
  stored.bytes.copy(around, 16)
  const view = new DataView(around.buffer, around.byteOffset, around.length)
  const header = new BatchHeader()
  if (!header.open(view, 16, 16 + stored.bytes.length)) throw new Error('a batch of the world cannot be read')
  return {
    partition: range.partition,
    buffer: around,
    view,
    from: header.from,
    to: headersOnly ? header.from : header.to,
    count: header.count,
    baseOffset: header.baseOffset,
    lastOffset: header.lastOffset,
    baseTimestamp: header.baseTimestamp,
    maxTimestamp: header.maxTimestamp,
    logAppendTime: header.logAppendTime,
    rangeStart: range.start,
    rangeEnd: range.end,
    clipped: stored.baseOffset < range.start || stored.nextOffset > range.end,
    fault: undefined,
  }
}
