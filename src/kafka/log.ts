/**
 * What the engine sees of Kafka: bounds of partitions, and a scan that delivers record batches in place.
 * Types, and the error; `reader` implements it on sockets, tests implement it in memory. Nothing here knows SQL.
 */

import { UserError } from '../lib/user-error.ts'

/** Whether records of open and aborted transactions are seen (`isolation.level` of Kafka's consumers). */
export type Isolation = 'read_committed' | 'read_uncommitted'

/** Offsets [start, end) of one partition. */
export interface OffsetRange {
  readonly partition: number
  readonly start: number
  readonly end: number
}

/** Reading access to the topics of one cluster. Every method rejects with a KafkaError when the broker refuses. */
export interface KafkaLog {
  /**
   * Log start and end of each partition, captured now. `end` is exclusive: the last stable offset under read_committed,
   * the high watermark under read_uncommitted.
   * `timeoutMs` is `kafka.offset.timeout`; running out of it is a KafkaError that says so. `topicId`: as in ScanRequest.
   */
  bounds(
    topic: string,
    partitions: readonly number[],
    options: {
      readonly isolation: Isolation
      readonly timeoutMs: number
      readonly signal?: AbortSignal
      readonly topicId?: string
    },
  ): Promise<OffsetRange[]>
  /** For each partition the first offset whose timestamp is >= `timestampMs`, or undefined where there is none. */
  offsetsForTime(
    topic: string,
    partitions: readonly number[],
    timestampMs: number,
    options: { readonly isolation: Isolation; readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<(number | undefined)[]>
  /** Starts reading. Nothing is sent before the first `next()`. */
  scan(request: ScanRequest, signal: AbortSignal): BatchSource
}

/** What to read of a topic, and what the caller does not need. */
export interface ScanRequest {
  readonly topic: string
  /**
   * Id of the topic that is meant: another one under its name is an error. undefined: the one that is there when the scan
   * begins.
   */
  readonly topicId?: string
  /**
   * At most one range a partition, or several disjoint ones in ascending order. The last one of a partition is open
   * where its `end` is Infinity, which takes `follow`.
   */
  readonly ranges: readonly OffsetRange[]
  /** The scan goes on with what comes: at the end of a log it waits for more. */
  readonly follow?: Follow
  readonly isolation: Isolation
  /** Batches whose header says that every record is older are skipped without being decompressed. */
  readonly minTimestampMs?: number
  /** The caller looks at batch headers only: batches come without being decompressed (`from === to`). */
  readonly headersOnly?: boolean
  /**
   * The caller does not care about the order of records within a partition: one partition may be read in several places
   * at once.
   */
  readonly unordered?: boolean
  /** About how many records the caller will want (a LIMIT without a filter): keeps the fetches small. */
  readonly limit?: number
  /** Largest fetch in bytes. Default 2 MiB. */
  readonly fetchMaxBytes?: number
  /** Batches that are larger once decompressed have a fault. Default: the limit of the log, which is never passed. */
  readonly decompressedBatchMaxBytes?: number
}

/** Of a scan that goes on with what comes. */
export interface Follow {
  /** Number of the first partition that was not there yet. */
  readonly firstNew: number
  /** What is read of a partition that the topic has got since the scan began; none: nothing. */
  rangesOf(partition: number): readonly OffsetRange[]
}

/**
 * The cursor over one scan. `next()` answers at once while the fetched bytes last, and with a promise when it has to
 * wait (for the network, or for a large batch to be decompressed off the thread). undefined is the end: every range has
 * been read up to its end offset. The batch and its buffer stay valid until the following `next()`. It rejects with a
 * KafkaError (broker said no), or with the signal's reason once aborted. Control batches and, under read_committed,
 * aborted transactions are left out.
 */
export interface BatchSource {
  next(): RecordBatch | undefined | Promise<RecordBatch | undefined>
  /** By partition; it grows while a scan that follows finds new ones. */
  readonly progress: readonly PartitionProgress[]
  /** Of all partitions together, which is asked for with every batch. Absent: what `progress` comes to. */
  readonly bytesRead?: number
  /** Closes connections or gives them back; nothing is read from the broker any more. Safe to call twice. */
  close(): void
}

/**
 * One v2 record batch with its records in plain (decompressed) form: bytes [from, to) of `buffer`. The object is reused
 * by the next batch.
 */
export interface RecordBatch {
  readonly partition: number
  readonly buffer: Buffer
  /** Over the same memory as `buffer`, same indexes. */
  readonly view: DataView
  readonly from: number
  readonly to: number
  /** Number of records. */
  readonly count: number
  readonly baseOffset: number
  /** Offset of the last record as the header gives it (after compaction there may be none at it). */
  readonly lastOffset: number
  /** Epoch milliseconds that the records' deltas are added to; -1 when unknown. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** LogAppendTime: every record's timestamp is `maxTimestamp`. */
  readonly logAppendTime: boolean
  /**
   * Offsets that are wanted: [rangeStart, rangeEnd). When `clipped`, some records of this batch may lie outside and
   * each must be checked.
   */
  readonly rangeStart: number
  readonly rangeEnd: number
  readonly clipped: boolean
  /**
   * A batch that could not be read (bad CRC, codec failure, magic 0/1): `from === to`, and this says why. Its records
   * count as bad ones.
   */
  readonly fault: string | undefined
}

/**
 * Where the scan is in one partition. It changes while the scan runs, and no more once it is closed. A batch counts as
 * delivered when `next()` has given it, or the promise of it has resolved: not while it is being decompressed.
 */
export interface PartitionProgress {
  readonly partition: number
  /** First offset wanted. */
  readonly begin: number
  /** End offset, exclusive, captured at the start; of an open range the end of the log as last heard of. */
  readonly end: number
  /** The first offset that has not been delivered; `end` when there is none. */
  readonly position: number
  /**
   * What has not been delivered, ascending: several ranges where several places are read at once. The last one of an
   * open range ends at Infinity.
   */
  readonly unread: readonly OffsetRange[]
  /** Nothing is unread. */
  readonly complete: boolean
  /** When the broker last said where the log ends, of `Clock.monotonic`; undefined: not yet, or nobody asks. */
  readonly heardMs?: number
  /** Bytes of the batches delivered or passed over, as stored (compressed). */
  readonly bytesRead: number
  /**
   * Offsets that vanished before they could be read (retention, or DeleteRecords, moved the log start during the scan),
   * and which these are.
   */
  readonly lost: number
  readonly lostRanges: readonly OffsetRange[]
}

/** What a broker answered, or that it did not. */
export class KafkaError extends UserError {
  /** Kafka's error code; -1 for trouble on our side of the wire (no answer, connection lost). */
  readonly code: number
  /** `UNKNOWN_TOPIC_OR_PARTITION`, `TOPIC_AUTHORIZATION_FAILED`, `TIMEOUT`, … */
  readonly errorName: string
  readonly retriable: boolean
  constructor(code: number, errorName: string, message: string, retriable: boolean) {
    super(message)
    this.name = 'KafkaError'
    this.code = code
    this.errorName = errorName
    this.retriable = retriable
  }
}
