/**
 * A few of the newest keys and values of a topic, to find out how they are written. It reads little (some records of
 * some partitions, within a limit of bytes and of time), keeps copies, and never fails: trouble is part of the answer.
 * What the bytes mean is decided by the caller.
 */
import type { TopicMetadata } from '../../kafka/cluster.ts'
import type { KafkaLog, OffsetRange } from '../../kafka/log.ts'
import { type PlainRecord, readRecords } from '../../kafka/read/record-batch.ts'

/** `catalog.sample.*`: the limits of one look. */
export interface SampleLimits {
  /** Records taken from one partition. Default 20. */
  readonly records: number
  /** Partitions that are read, the longest ones. Default 4. */
  readonly partitions: number
  /** Bytes of keys, values and headers kept; at least one record is. Default 256 KiB. */
  readonly bytes: number
  /** Default 2,000. */
  readonly timeoutMs: number
}

export const SAMPLE_LIMITS: SampleLimits = {
  /** Limit `catalog.sample.records` (records): records of a sample from one partition. Beyond it: no more are read. */
  records: 20,
  /** Limit `catalog.sample.partitions` (partitions): partitions of a sample. Beyond it: the longest ones are sampled. */
  partitions: 4,
  /** Limit `catalog.sample.bytes` (bytes): keys, values and headers of a sample. Beyond it: no more are kept. */
  bytes: 256 * 1024,
  /** Limit `catalog.sample.timeout` (ms): how long a sample takes. Beyond it: what has been read is used. */
  timeoutMs: 2_000,
}

export interface SampledHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** Keys and values from the newest records of a topic. */
export interface TopicSample {
  /** Keys and values that are not null; copies. */
  readonly keys: readonly Buffer[]
  readonly values: readonly Buffer[]
  /** The headers of the records of `keys` and of `values`, one list for each; copies. */
  readonly keyHeaders: readonly (readonly SampledHeader[])[]
  readonly valueHeaders: readonly (readonly SampledHeader[])[]
  /** Records that were read. */
  readonly records: number
  /** True when the log holds no offsets at all (as opposed to: nothing could be read). */
  readonly empty: boolean
  /** Why there is less than there should be: the broker's refusal, the time limit. A sentence. */
  readonly trouble: string | undefined
}

/** The topic that is meant. */
type Sampled = Pick<TopicMetadata, 'name' | 'id'>

/** Reads the sample. Resolves also when the signal ends it. */
export async function sampleTopic(
  log: KafkaLog,
  topic: Sampled,
  partitions: readonly number[],
  limits: SampleLimits,
  signal: AbortSignal,
): Promise<TopicSample> {
  const found = new Collector(limits)
  const within = AbortSignal.any([signal, AbortSignal.timeout(limits.timeoutMs)])
  try {
    const bounds = await log.bounds(topic.name, partitions, {
      isolation: 'read_committed',
      timeoutMs: limits.timeoutMs,
      signal: within,
    })
    const filled = bounds
      .filter((b) => b.end > b.start)
      .sort((a, b) => b.end - b.start - (a.end - a.start))
      .slice(0, limits.partitions)
    if (filled.length === 0) return found.result(true, undefined)
    const tails = filled.map((b) => ({ ...b, start: Math.max(b.start, b.end - limits.records) }))
    await readInto(found, log, topic, tails, within)
    // Compaction may have emptied the tails; then the first records that are left will do.
    if (found.count === 0) for (const range of filled) await readInto(found, log, topic, [range], within)
    return found.result(false, undefined)
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError'
    const trouble = timedOut
      ? `no answer within catalog.sample.timeout = ${limits.timeoutMs} ms`
      : error instanceof Error
        ? error.message
        : String(error)
    return found.result(false, trouble)
  }
}

/**
 * Limit `catalog.sample.record.bytes` (bytes): the largest key or value that is kept as a sample. Beyond it: it says
 * nothing of how the topic is written.
 */
const MAX_SAMPLED_BYTES = 4 << 20
/**
 * Limit `catalog.sample.batch.bytes` (bytes): one batch of records after decompression, when samples are taken. Beyond
 * it: the batch is passed over.
 */
const MAX_SAMPLED_BATCH_BYTES = 16 << 20
/**
 * Limit `catalog.sample.deep.partitions` (partitions): partitions of which a deeper look takes records. Beyond it: the
 * shorter ones are left out.
 */
const DEEP_PARTITIONS = 32
/**
 * Limit `catalog.sample.deep.bytes` (bytes): keys, values and headers that a deeper look keeps. Beyond it: no further
 * records are kept.
 */
const DEEP_BYTES = 1 << 20

/**
 * The oldest records, and some from the middle, of more partitions: where a topic was written otherwise than it is now.
 * Resolves also when something fails or the time limit passes.
 */
export async function sampleElsewhere(
  log: KafkaLog,
  topic: Sampled,
  partitions: readonly number[],
  limits: SampleLimits,
  signal: AbortSignal,
): Promise<readonly TopicSample[]> {
  const deep = { ...limits, bytes: Math.max(limits.bytes, DEEP_BYTES) }
  const found = [new Collector(deep), new Collector(deep)]
  const within = AbortSignal.any([signal, AbortSignal.timeout(limits.timeoutMs)])
  let trouble: string | undefined
  try {
    const bounds = await log.bounds(topic.name, partitions, {
      isolation: 'read_committed',
      timeoutMs: limits.timeoutMs,
      signal: within,
    })
    const filled = bounds
      .filter((b) => b.end > b.start)
      .sort((a, b) => b.end - b.start - (a.end - a.start))
      .slice(0, DEEP_PARTITIONS)
    const middles = filled.map((b) => ({ ...b, start: b.start + Math.floor((b.end - b.start) / 2) }))
    for (const [i, ranges] of [filled, middles].entries())
      if (ranges.length > 0) await readInto(found[i], log, topic, ranges, within)
  } catch (error) {
    trouble = error instanceof Error ? error.message : String(error)
  }
  return found.map((collector) => collector.result(false, trouble))
}

class Collector {
  readonly #limits: SampleLimits
  readonly #keys: Buffer[] = []
  readonly #values: Buffer[] = []
  readonly #keyHeaders: (readonly SampledHeader[])[] = []
  readonly #valueHeaders: (readonly SampledHeader[])[] = []
  readonly #perPartition = new Map<number, number>()
  #bytes = 0
  count = 0

  constructor(limits: SampleLimits) {
    this.#limits = limits
  }

  get full(): boolean {
    return this.#bytes >= this.#limits.bytes
  }
  wants(partition: number): boolean {
    return !this.full && (this.#perPartition.get(partition) ?? 0) < this.#limits.records
  }
  add(partition: number, { key, value, headers }: PlainRecord): void {
    this.count++
    this.#perPartition.set(partition, (this.#perPartition.get(partition) ?? 0) + 1)
    this.#bytes += (key?.length ?? 0) + (value?.length ?? 0)
    // The buffer belongs to the scan.
    const copies = headers.map((header) => ({
      key: header.key,
      value: header.value === null ? null : Uint8Array.from(header.value),
    }))
    for (const { value: bytes } of copies) this.#bytes += bytes?.length ?? 0
    if (key !== null && key.length <= MAX_SAMPLED_BYTES) {
      this.#keyHeaders.push(copies)
      this.#keys.push(Buffer.from(key))
    }
    if (value !== null && value.length <= MAX_SAMPLED_BYTES) {
      this.#valueHeaders.push(copies)
      this.#values.push(Buffer.from(value))
    }
  }
  result(empty: boolean, trouble: string | undefined): TopicSample {
    return {
      keys: this.#keys,
      values: this.#values,
      keyHeaders: this.#keyHeaders,
      valueHeaders: this.#valueHeaders,
      records: this.count,
      empty,
      trouble,
    }
  }
}

async function readInto(
  found: Collector,
  log: KafkaLog,
  topic: Sampled,
  ranges: readonly OffsetRange[],
  signal: AbortSignal,
): Promise<void> {
  const ascending = [...ranges].sort((a, b) => a.partition - b.partition)
  const source = log.scan(
    {
      topic: topic.name,
      topicId: topic.id,
      ranges: ascending,
      isolation: 'read_committed',
      limit: 20,
      fetchMaxBytes: 64 * 1024,
      decompressedBatchMaxBytes: MAX_SAMPLED_BATCH_BYTES,
    },
    signal,
  )
  try {
    while (ascending.some((range) => found.wants(range.partition))) {
      const batch = await source.next()
      if (batch === undefined) return
      if (batch.fault !== undefined) continue
      for (const record of readRecords(batch)) if (found.wants(batch.partition)) found.add(batch.partition, record)
    }
  } finally {
    source.close()
  }
}
