/** Records to be written, as batches: which partition each goes to, and how many go together. Sends nothing. */
import { partitionOfKey } from '../../lib/murmur2.ts'
import type { TopicMetadata } from '../answers.ts'
import { ERROR } from '../errors.ts'
import { KafkaError } from '../log.ts'
import type { ProducerId } from './producer-ids.ts'

/**
 * Limit `kafka.produce.batch.bytes` (bytes): records that make one batch. Beyond it: the next batch begins. Below
 * Kafka's default max.message.bytes, with room for the header.
 */
export const PRODUCE_BATCH_BYTES = 900_000
/** About what a record takes beside its key, value and headers. */
const RECORD_OVERHEAD_BYTES = 32

export interface Record {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** Default: by the hash of the key; without a key one partition after the other, batch by batch. */
  readonly partition?: number
}

/** Records of one partition that are written together. */
export interface Batch {
  readonly partition: number
  /** Indexes of the records in the call. */
  readonly indexes: number[]
  bytes: number
  /** It may be in the log: it was sent, and no answer since says that it is not. */
  isUnsure: boolean
  /** Under which id it was sent. */
  id: ProducerId | undefined
}

let turn = Math.floor(Math.random() * 1000)

/** Without records yet. */
export function newBatch(partition: number): Batch {
  return { partition, indexes: [], bytes: 0, isUnsure: false, id: undefined }
}

/** Batches in the order of their first records. Throws a KafkaError for a partition that is not there. */
export function batches(records: readonly Record[], metadata: TopicMetadata, topic: string): Batch[] {
  const partitions = metadata.partitions.map((p) => p.partition)
  // A record with a key stays where its key belongs; one without goes where it can be written at once.
  const led = metadata.partitions.filter((p) => p.leader >= 0).map((p) => p.partition)
  const free = led.length > 0 ? led : partitions
  const all: Batch[] = []
  const open = new Map<number, Batch>()
  const there = new Set(partitions)
  let keyless: number | undefined
  records.forEach((record, index) => {
    const bytes = sizeOf(record)
    let partition =
      record.partition ?? (record.key === null ? keyless : partitions[partitionOfKey(record.key, partitions.length)])
    if (partition === undefined) partition = keyless = free[turn++ % free.length]
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
      batch = newBatch(partition)
      open.set(partition, batch)
      all.push(batch)
    }
    batch.indexes.push(index)
    batch.bytes += bytes
  })
  return all
}

/** About how many bytes it makes in a batch. */
export function sizeOf(record: Record): number {
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const { key, value } of record.headers ?? []) bytes += key.length * 3 + (value?.length ?? 0) + 10
  return bytes
}
