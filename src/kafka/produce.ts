/**
 * Writing records: partitions chosen as Kafka's own producers do it, batches by bytes, acks from all replicas in sync. Batches that a broker certainly did not take are sent
 * again; where it is unknown whether one was taken it is not, and the error says so (there is no idempotent producer here). It knows bytes, not what they mean.
 */
import { systemClock } from '../lib/clock.ts'
import { partitionOfKey } from '../lib/murmur2.ts'
import { lent } from './admin.ts'
import { type Cluster, pause } from './cluster.ts'
import type { ApiRange } from './connection.ts'
import { brokerError, errorNameOf, ERROR } from './errors.ts'
import { KafkaError } from './log.ts'
import { type RecordToWrite, writeRecordBatch } from './record-batch.ts'
import { API } from './wire.ts'

const PRODUCE: ApiRange = { api: API.produce, name: 'Produce', lowest: 3, highest: 8 }

/** Bytes of records that make a batch (`kafka.produce.batch.bytes`): below Kafka's default max.message.bytes with room for the header. */
export const PRODUCE_BATCH_BYTES = 900_000
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

/** What became of a call that failed. `index`: the first record that was not written, `written`: how many were. */
export class NotWritten extends Error {
  readonly index: number
  readonly written: number
  constructor(message: string, index: number, written: number) {
    super(message)
    this.index = index
    this.written = written
  }
}

interface Batch {
  readonly partition: number
  /** Indexes of the records in the call. */
  readonly indexes: number[]
  bytes: number
}

let turn = Math.floor(Math.random() * 1000)

/** Writes all records, in order within each partition. Rejects with a NotWritten, or a KafkaError before anything was sent. */
export async function produce(cluster: Cluster, topic: string, records: readonly Record[], signal?: AbortSignal): Promise<void> {
  const metadata = await cluster.topic(topic, { signal })
  const queues = new Map<number, Batch[]>()
  for (const batch of batches(
    records,
    metadata.partitions.map((p) => p.partition),
    topic,
  ))
    queues.set(batch.partition, [...(queues.get(batch.partition) ?? []), batch])
  let written = 0
  const failures: { readonly batch: Batch; readonly record: number; readonly error: unknown }[] = []
  // Partitions do not wait for each other; within one, a batch waits for the one before.
  await Promise.all(
    [...queues.values()].map(async (queue) => {
      for (const batch of queue) {
        if (failures.length > 0) return
        try {
          await send(cluster, topic, batch, records, signal)
          written += batch.indexes.length
        } catch (error) {
          failures.push({ batch, record: error instanceof BadRecord ? error.at : 0, error })
          return
        }
      }
    }),
  )
  if (failures.length === 0) return
  signal?.throwIfAborted()
  const first = failures.reduce((a, b) => (b.batch.indexes[b.record] < a.batch.indexes[a.record] ? b : a))
  if (!(first.error instanceof Error)) throw first.error
  throw new NotWritten(first.error.message, first.batch.indexes[first.record], written)
}

/** Batches in the order of their first records. */
function batches(records: readonly Record[], partitions: readonly number[], topic: string): Batch[] {
  const all: Batch[] = []
  const open = new Map<number, Batch>()
  let keyless: number | undefined
  records.forEach((record, index) => {
    const bytes = sizeOf(record)
    let partition = record.partition ?? (record.key === null ? keyless : partitions[partitionOfKey(record.key, partitions.length)])
    if (partition === undefined) partition = keyless = partitions[turn++ % partitions.length]
    if (!partitions.includes(partition))
      throw new KafkaError(ERROR.unknownTopicOrPartition, 'UNKNOWN_TOPIC_OR_PARTITION', `Topic "${topic}" has no partition ${partition}`, false)
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

/** The broker named the record that it does not take. */
class BadRecord extends Error {
  /** Place in the batch. */
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
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

async function send(cluster: Cluster, topic: string, batch: Batch, records: readonly Record[], signal: AbortSignal | undefined): Promise<void> {
  const now = systemClock.now()
  const bytes = writeRecordBatch(
    batch.indexes.map((i): RecordToWrite => records[i]),
    { timestamp: now },
  )
  const deadlineMs = now + cluster.retryTimeoutMs
  for (let pauseMs = 50, fresh = false; ; pauseMs = Math.min(pauseMs * 2, 1000), fresh = true) {
    signal?.throwIfAborted()
    const answer = await sendOnce(cluster, topic, batch.partition, bytes, fresh, signal)
    if (answer.code === 0) return
    const what = `Records for "${topic}" partition ${batch.partition}`
    const [bad] = answer.badRecords
    if (bad !== undefined) throw new BadRecord(brokerError(answer.code, what, bad.message ?? answer.message).message, bad.at)
    if (!SEND_AGAIN.has(errorNameOf(answer.code)) || systemClock.now() + pauseMs > deadlineMs) throw brokerError(answer.code, what, answer.message)
    await pause(pauseMs, signal)
  }
}

interface Answer {
  readonly code: number
  readonly message: string | null
  readonly badRecords: readonly { readonly at: number; readonly message: string | null }[]
}

async function sendOnce(cluster: Cluster, topic: string, partition: number, bytes: Buffer, fresh: boolean, signal: AbortSignal | undefined): Promise<Answer> {
  const metadata = await cluster.topic(topic, { fresh, signal })
  const leader = metadata.partitions.find((p) => p.partition === partition)?.leader ?? -1
  if (leader < 0) return { code: ERROR.leaderNotAvailable, message: null, badRecords: [] }
  let sent = false
  try {
    return await lent(cluster, cluster.broker(leader), signal, async (connection) => {
      sent = true
      return await connection.call(
        PRODUCE,
        (writer) => {
          writer.string(null).int16(ACKS_ALL).int32(PRODUCE_TIMEOUT_MS)
          writer.array([topic], (name) => writer.string(name).array([partition], (p) => writer.int32(p).bytes(bytes)))
        },
        (reader, version) => {
          const topics = reader.array(() => {
            reader.string()
            return reader.array(() => {
              reader.int32()
              const code = reader.int16()
              reader.long()
              reader.long()
              if (version >= 5) reader.long()
              const badRecords = version >= 8 ? reader.array(() => ({ at: reader.int32(), message: reader.string() })) : []
              return { code, badRecords, message: version >= 8 ? reader.string() : null }
            })
          })
          return topics[0]?.[0] ?? { code: -1, message: 'the broker answered about no partition', badRecords: [] }
        },
      )
    })
  } catch (error) {
    if (!(error instanceof KafkaError) || !error.retriable) throw error
    // Nothing has left us yet: somebody else may lead by now.
    if (!sent) return { code: ERROR.leaderNotAvailable, message: error.message, badRecords: [] }
    throw new KafkaError(error.code, error.errorName, `${error.message}; it is not known whether these records were written`, false)
  }
}

/** How long a leader waits for its replicas. */
const PRODUCE_TIMEOUT_MS = 20_000
