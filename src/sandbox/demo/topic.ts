/** What a demo topic is: where its records come from, those that are there at the start and those that keep coming. */
import type { RecordHeader } from '../log/batch-writer.ts'
import type { Piece } from './bytes.ts'

/** Takes records. The bytes are copied. */
export type AddRecord = (
  partition: number,
  timestampMs: number,
  key: Piece | null,
  value: Piece | null,
  headers?: readonly RecordHeader[],
) => void

/** A demo topic: how it is created, and what its records are. */
export interface DemoTopic {
  readonly name: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
  readonly codec: 'none' | 'zstd'
  /** Plain bytes of a batch of the history. */
  readonly batchBytes: number
  /** Offsets left out between batches of the history, as compaction does. */
  readonly gap?: number
  /** Records that are there at the start. */
  readonly history: number
  /** Records that come each second. */
  readonly perSecond: number
  /** Adds record number `i` of the history. */
  past(i: number, add: AddRecord): void
  /** Adds a record of now. */
  present(nowMs: number, add: AddRecord): void
}

/** Registers a schema under a subject and gives its id. */
export type Register = (subject: string, schema: object) => number

/** `retention.bytes` of each partition of the topics that grow: their oldest data go first. */
export const RETENTION_BYTES = '268435456'
