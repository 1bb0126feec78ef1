/** The changes in the state topic: in a batch of it, and in all of it. */
import type { KafkaLog, OffsetRange, RecordBatch } from '../../kafka/log.ts'
import { readRecords } from '../../kafka/read/record-batch.ts'
import { WireError } from '../../kafka/wire/primitives.ts'
import { type Entry, entryOf } from './entry.ts'
import { forbidden } from './topic-setup.ts'

/** No server writes transactions here; one that somebody else leaves open must not hold the topic up. */
export const ISOLATION = 'read_uncommitted'
/** How long the offsets of the topic may take. */
const OFFSETS_MS = 10_000

/** The topic, as whoever reads it knows it. */
export interface Part {
  readonly log: KafkaLog
  readonly topic: string
  readonly topicId: string | undefined
  readonly signal: AbortSignal
}

/** Each change with its offset, in order; `other` is told of what says nothing of an object. */
export function* changesOf(
  batch: RecordBatch,
  other: (offset: number, reason: string) => void,
): Generator<readonly [Entry, number]> {
  if (batch.fault !== undefined) return other(batch.baseOffset, batch.fault)
  try {
    for (const record of readRecords(batch)) {
      const entry = entryOf(record)
      if (typeof entry === 'string') other(record.offset, entry)
      else yield [entry, record.offset]
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    other(batch.baseOffset, error.message)
  }
}

/** Where the topic begins and ends. Rejects with a StateTopicError where it may not be read. */
export async function boundsOf({ log, topic, signal }: Part): Promise<OffsetRange> {
  const limits = { isolation: ISOLATION, timeoutMs: OFFSETS_MS, signal } as const
  const [bounds] = await log.bounds(topic, [0], limits).catch((error: unknown) => {
    throw forbidden(topic, error)
  })
  return bounds
}

/**
 * Gives the changes in [start, end) to `take`. `damaged`: where batches could not be read; `next`: the first offset
 * behind what was read, 0 for nothing. Rejects with a StateTopicError where the topic may not be read.
 */
export async function readChanges(
  { log, topic, topicId, signal }: Part,
  start: number,
  end: number,
  take: (entry: Entry, offset: number) => void,
  other: (offset: number, reason: string) => void,
): Promise<{ readonly damaged: readonly number[]; readonly next: number }> {
  const damaged: number[] = []
  let next = 0
  if (start === end) return { damaged, next }
  const ranges = [{ partition: 0, start, end }]
  const source = log.scan({ topic, topicId, ranges, isolation: ISOLATION }, signal)
  try {
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      if (batch.fault !== undefined) damaged.push(batch.baseOffset)
      for (const [entry, offset] of changesOf(batch, other)) take(entry, offset)
      next = batch.lastOffset + 1
    }
  } catch (error) {
    throw forbidden(topic, error)
  } finally {
    source.close()
  }
  return { damaged, next }
}
