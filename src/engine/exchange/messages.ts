/**
 * What two threads that read one scan together say to each other. The leader has the query; a helper reads a share of
 * its ranges and sends what comes of it. All of it is plain data.
 */
import type { OffsetRange } from '../../kafka/log.ts'
import type { Settings } from '../../plan/settings.ts'
import type { SentinelReason } from '../../protocol/frames.ts'
import type { Span } from '../../sql/ast.ts'
import type { SqlErrorCode } from '../../sql/error.ts'
import type { SortKey } from '../operators/sort/sort.ts'
import type { PartialGroups } from '../operators/aggregate/partial.ts'
import type { PipelineContext } from '../pipeline.ts'
import type { EncodedRows } from './value-codec.ts'

/** What a helper does with the records of its share. */
export type ShareSink =
  /** `plan`: an Aggregate without its input, encoded. */
  | { readonly kind: 'aggregate'; readonly plan: unknown }
  /** Rows are text, partition and offset of each record. `body` is encoded. */
  | { readonly kind: 'emit'; readonly body: unknown }
  /** `columns` and `body` are encoded. `top`: only the first rows by these keys are wanted. */
  | {
      readonly kind: 'rows'
      readonly columns: unknown
      readonly body: unknown
      readonly top: { readonly keys: readonly SortKey[]; readonly rows: number } | undefined
    }

/** A share of a scan. */
export interface Share {
  /** A Scan, encoded. */
  readonly scan: unknown
  readonly sink: ShareSink
  readonly ranges: readonly OffsetRange[]
  /** What all readers of the scan read together. */
  readonly whole: readonly OffsetRange[]
  readonly lastOffsets: readonly (readonly [partition: number, offset: number])[]
  readonly minTimestampMs: number | undefined
  readonly settings: Settings
  readonly render: PipelineContext['render']
  readonly limits: PipelineContext['limits']
  readonly nowMs: number
  readonly doubles: boolean
  readonly title: string
  readonly sourceId: string
  /** Groups are also sent while the share is read. */
  readonly live: boolean
  /** Milliseconds until the query has to be over. */
  readonly leftMs: number
  /** Bytes that all threads have read; see `SizeLimit`. */
  readonly sharedBytes: SharedArrayBuffer
}

/** How far a helper is in one partition; what `PartitionProgress` is, as data. */
export interface ShareProgress {
  readonly partition: number
  readonly begin: number
  readonly end: number
  readonly position: number
  readonly unread: readonly OffsetRange[]
  readonly bytesRead: number
  readonly lost: number
  readonly lostRanges: readonly OffsetRange[]
  readonly recordsScanned: number
}

export interface ShareCounts {
  readonly progress: readonly ShareProgress[]
  readonly badRecords: number
  readonly badAsRows: number
  /** Processor time of the helper for the share so far, in milliseconds. */
  readonly processorMs: number
}

/** An error for the user, as data. */
export interface ErrorData {
  readonly kind: 'sql' | 'bad record' | 'kafka' | 'user' | 'fault'
  readonly message: string
  readonly code?: SqlErrorCode
  readonly span?: Span
  readonly hint?: string
  /** Of `kafka`. */
  readonly kafka?: { readonly code: number; readonly errorName: string; readonly retriable: boolean }
}

export type ToHelper =
  | { readonly kind: 'share'; readonly share: Share }
  /** A message of rows, frames or groups was taken. */
  | { readonly kind: 'taken' }
  /** Nothing further is wanted: what is unread stays so. */
  | { readonly kind: 'stop' }

export type FromHelper =
  /** It sees the table in another way: somebody else has to read the share. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'rows'; readonly rows: EncodedRows }
  /** BADRECORD frames. */
  | { readonly kind: 'frames'; readonly frames: readonly string[] }
  /** What has come to the groups since the last such message. */
  | { readonly kind: 'groups'; readonly groups: PartialGroups }
  | { readonly kind: 'counts'; readonly counts: ShareCounts }
  | {
      readonly kind: 'done'
      readonly counts: ShareCounts
      readonly stopped: SentinelReason | undefined
      readonly groups: PartialGroups | undefined
    }
  | { readonly kind: 'failed'; readonly error: ErrorData }
