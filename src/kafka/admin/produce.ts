/**
 * Writing records: partitions chosen as Kafka's own producers do it, batches by bytes, acks from all replicas in sync.
 * Batches that a broker certainly did not take are sent again; where it is unknown whether one was taken it is not, and
 * the error says so (there is no idempotent producer here). It knows bytes, not what they mean.
 */
import { systemClock } from '../../lib/clock.ts'
import { partitionOfKey } from '../../lib/murmur2.ts'
import { lent } from './topics.ts'
import { type Cluster, pause } from '../cluster.ts'
import type { ApiRange, Connection } from '../wire/connection.ts'
import { brokerError, errorNameOf, ERROR } from '../errors.ts'
import { KafkaError } from '../log.ts'
import { type RecordToWrite, writeRecordBatch } from '../read/record-batch.ts'
import { API } from '../wire/primitives.ts'

const PRODUCE: ApiRange = { api: API.produce, name: 'Produce', lowest: 3, highest: 8 }

/**
 * Limit `kafka.produce.batch.bytes` (bytes): records that make one batch. Beyond it: the next batch begins. Below
 * Kafka's default max.message.bytes, with room for the header.
 */
export const PRODUCE_BATCH_BYTES = 900_000
/** Limit `kafka.produce.request.bytes` (bytes): batches in one request. Beyond it: the next request begins. */
const REQUEST_BYTES = 8_000_000
/** How long a leader waits for its replicas. */
const PRODUCE_TIMEOUT_MS = 20_000
const ACKS_ALL = -1
/** About what a record takes beside its key, value and headers. */
const RECORD_OVERHEAD_BYTES = 32

export interface Record {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** Default: by the hash of the key; without a key one partition after the other, batch by batch. */
  readonly partition?: number
}

/**
 * What became of a call that failed. `index`: the first record that was not written, `written`: how many were.
 * `isUnknown`: nobody said what became of that record; it may have been written.
 */
export class NotWritten extends Error {
  readonly index: number
  readonly written: number
  readonly isUnknown: boolean
  constructor(message: string, index: number, written: number, isUnknown = false) {
    super(message)
    this.index = index
    this.written = written
    this.isUnknown = isUnknown
  }
}

/** The broker may have taken the records. */
class Unanswered extends Error {}

interface Batch {
  readonly partition: number
  /** Indexes of the records in the call. */
  readonly indexes: number[]
  bytes: number
}

let turn = Math.floor(Math.random() * 1000)

/**
 * Writes all records, in order within each partition. Rejects with a NotWritten, or a KafkaError before anything was
 * sent.
 */
export async function produce(
  cluster: Cluster,
  topic: string,
  records: readonly Record[],
  signal?: AbortSignal,
): Promise<void> {
  const metadata = await cluster.topic(topic, { signal })
  const partitions = metadata.partitions.map((p) => p.partition)
  await new Producing(cluster, topic, records, signal).run(batches(records, partitions, topic))
}

/**
 * One call: rounds, in each of which every partition's next batch goes to its leader, all for one leader in one
 * request.
 */
class Producing {
  readonly #cluster: Cluster
  readonly #topic: string
  readonly #records: readonly Record[]
  readonly #signal: AbortSignal | undefined
  /** Batches not written yet, by partition. */
  readonly #queues = new Map<number, Batch[]>()
  readonly #failures: { readonly index: number; readonly error: Error }[] = []
  #written = 0
  /** The last refusal of a round that a retry may overcome. */
  #trouble: Error | undefined

  constructor(cluster: Cluster, topic: string, records: readonly Record[], signal: AbortSignal | undefined) {
    this.#cluster = cluster
    this.#topic = topic
    this.#records = records
    this.#signal = signal
  }

  async run(all: readonly Batch[]): Promise<void> {
    for (const batch of all) this.#queues.set(batch.partition, [...(this.#queues.get(batch.partition) ?? []), batch])
    let deadlineMs = systemClock.monotonic() + this.#cluster.retryTimeoutMs
    let pauseMs = 50
    while (this.#queues.size > 0 && this.#failures.length === 0) {
      this.#signal?.throwIfAborted()
      const before = this.#written
      const again = this.#trouble !== undefined
      this.#trouble = undefined
      await this.#round(again)
      if (this.#written > before) {
        deadlineMs = systemClock.monotonic() + this.#cluster.retryTimeoutMs
        pauseMs = 50
      }
      if (this.#trouble === undefined || this.#failures.length > 0) continue
      if (systemClock.monotonic() + pauseMs > deadlineMs)
        this.#fail(Math.min(...[...this.#queues.values()].map(([first]) => first.indexes[0])), this.#trouble)
      else await pause(pauseMs, this.#signal)
      pauseMs = Math.min(pauseMs * 2, 1000)
    }
    if (this.#failures.length === 0) return
    this.#signal?.throwIfAborted()
    const first = this.#failures.reduce((a, b) => (b.index < a.index ? b : a))
    throw new NotWritten(first.error.message, first.index, this.#written, first.error instanceof Unanswered)
  }

  #fail(index: number, error: unknown): void {
    this.#failures.push({ index, error: error instanceof Error ? error : new Error(String(error)) })
  }

  async #round(fresh: boolean): Promise<void> {
    const { partitions } = await this.#cluster.topic(this.#topic, { fresh, signal: this.#signal })
    const leaders = new Map(partitions.map((p) => [p.partition, p.leader]))
    const byLeader = new Map<number, Batch[]>()
    for (const [partition, [batch]] of this.#queues) {
      const leader = leaders.get(partition) ?? -1
      const led = byLeader.get(leader)
      if (leader < 0) this.#trouble = brokerError(ERROR.leaderNotAvailable, this.#what(partition))
      else if (led === undefined) byLeader.set(leader, [batch])
      else led.push(batch)
    }
    await Promise.all([...byLeader].map(([leader, batches]) => this.#toLeader(leader, batches)))
  }

  /** One request after the other, each of a bounded size. */
  async #toLeader(leader: number, batches: readonly Batch[]): Promise<void> {
    for (let i = 0, from = 0, bytes = 0; i < batches.length; i++) {
      bytes += batches[i].bytes
      if (i + 1 < batches.length && bytes + batches[i + 1].bytes <= REQUEST_BYTES) continue
      await this.#request(leader, batches.slice(from, i + 1))
      if (this.#failures.length > 0) return
      from = i + 1
      bytes = 0
    }
  }

  async #request(leader: number, batches: readonly Batch[]): Promise<void> {
    const now = systemClock.now()
    const sets = batches.map((b) =>
      writeRecordBatch(
        b.indexes.map((i): RecordToWrite => this.#records[i]),
        { timestamp: now },
      ),
    )
    let sent = false
    try {
      const answers = await lent(this.#cluster, this.#cluster.broker(leader), this.#signal, (connection) => {
        sent = true
        return send(connection, this.#topic, batches, sets)
      })
      for (const batch of batches) this.#answered(batch, answers.get(batch.partition))
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      // Nothing has left us yet: somebody else may lead by now.
      if (!sent && error.retriable) this.#trouble = error
      else
        for (const batch of batches)
          this.#fail(
            batch.indexes[0],
            sent && error.retriable
              ? new Unanswered(`${error.message}; it is not known whether these records were written`)
              : error,
          )
    }
  }

  #answered(batch: Batch, answer: Answer | undefined): void {
    const what = this.#what(batch.partition)
    if (answer === undefined)
      return this.#fail(batch.indexes[0], new Unanswered(`${what}: the broker answered about other partitions only`))
    if (answer.code === 0) {
      this.#written += batch.indexes.length
      const queue = this.#queues.get(batch.partition) ?? []
      queue.shift()
      if (queue.length === 0) this.#queues.delete(batch.partition)
      return
    }
    const [bad] = answer.badRecords
    const error = brokerError(answer.code, what, bad?.message ?? answer.message)
    if (SEND_AGAIN.has(errorNameOf(answer.code))) this.#trouble = error
    else if (PERHAPS_WRITTEN.has(errorNameOf(answer.code))) this.#fail(batch.indexes[0], new Unanswered(error.message))
    else this.#fail(batch.indexes[bad?.at ?? 0], error)
  }

  #what(partition: number): string {
    return `Records for "${this.#topic}" partition ${partition}`
  }
}

/** Batches in the order of their first records. */
function batches(records: readonly Record[], partitions: readonly number[], topic: string): Batch[] {
  const all: Batch[] = []
  const open = new Map<number, Batch>()
  const there = new Set(partitions)
  let keyless: number | undefined
  records.forEach((record, index) => {
    const bytes = sizeOf(record)
    let partition =
      record.partition ?? (record.key === null ? keyless : partitions[partitionOfKey(record.key, partitions.length)])
    if (partition === undefined) partition = keyless = partitions[turn++ % partitions.length]
    if (!there.has(partition))
      throw new KafkaError(
        ERROR.unknownTopicOrPartition,
        'UNKNOWN_TOPIC_OR_PARTITION',
        `Topic "${topic}" has no partition ${partition}`,
        false,
      )
    let batch = open.get(partition)
    if (batch === undefined || batch.bytes + bytes > PRODUCE_BATCH_BYTES) {
      if (batch !== undefined && partition === keyless && record.key === null) keyless = undefined
      batch = { partition, indexes: [], bytes: 0 }
      open.set(partition, batch)
      all.push(batch)
    }
    batch.indexes.push(index)
    batch.bytes += bytes
  })
  return all
}

function sizeOf(record: Record): number {
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const { key, value } of record.headers ?? []) bytes += key.length * 3 + (value?.length ?? 0) + 10
  return bytes
}

/** The broker answers these without having written anything, and another attempt may succeed. */
const SEND_AGAIN: ReadonlySet<string> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_ENOUGH_REPLICAS',
  'KAFKA_STORAGE_ERROR',
  'THROTTLING_QUOTA_EXCEEDED',
])

/** After these the records may be in the log. */
const PERHAPS_WRITTEN: ReadonlySet<string> = new Set([
  'REQUEST_TIMED_OUT',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'UNKNOWN_SERVER_ERROR',
])

interface Answer {
  readonly code: number
  readonly message: string | null
  readonly badRecords: readonly { readonly at: number; readonly message: string | null }[]
}

/** One Produce request; the answers by partition. */
async function send(
  connection: Connection,
  topic: string,
  batches: readonly Batch[],
  sets: readonly Buffer[],
): Promise<Map<number, Answer>> {
  return await connection.call(
    PRODUCE,
    (writer) => {
      writer.string(null).int16(ACKS_ALL).int32(PRODUCE_TIMEOUT_MS)
      writer.array([topic], (name) => {
        writer.string(name)
        writer.array([...batches.keys()], (i) => writer.int32(batches[i].partition).bytes(sets[i]))
      })
    },
    (reader, version) => {
      const topics = reader.array(() => {
        reader.string()
        return reader.array((): [number, Answer] => {
          const partition = reader.int32()
          const code = reader.int16()
          reader.long()
          reader.long()
          if (version >= 5) reader.long()
          const badRecords = version >= 8 ? reader.array(() => ({ at: reader.int32(), message: reader.string() })) : []
          return [partition, { code, badRecords, message: version >= 8 ? reader.string() : null }]
        })
      })
      return new Map(topics.flat())
    },
  )
}
