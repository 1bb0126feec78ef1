/** What one scan is run with: types only, shared by the driver (`scan-run`) and its parts. */
import type { ExchangePort } from '../exchange/port.ts'
import type { KafkaLog } from '../../kafka/log.ts'
import type { Settings } from '../../plan/settings.ts'
import type { PipelineContext, PipelineSource } from '../pipeline.ts'
import type { Statistics } from '../statistics.ts'

/** A source of a pipeline that is a scan: what is read, which records of it, and where they go. */
export type ScanSource = Extract<PipelineSource, { kind: 'scan' }>

/** Threads that a scan may be read by, beside its own. */
export interface Helpers {
  /** Readers in all; `auto`: as many as seem worth it, once some of the scan has been read. */
  readonly readers: number | 'auto'
  /** Milliseconds that `auto` reads alone before it looks whether others are to help; undefined: a time of its own. */
  readonly aloneMs?: number
  /**
   * Connections to at most so many further threads; none where all are in use. `idle`: only as many as there are cores
   * without work.
   */
  ask(most: number, which: 'any' | 'idle'): Promise<readonly ExchangePort[]>
  /** Called when one of them has used so many milliseconds of processor time more. */
  used?(processorMs: number): void
}

/** What a statement gives to each of its scans. */
export interface ScanContext extends PipelineContext {
  readonly log: KafkaLog
  readonly settings: Settings
  readonly statistics: Statistics
  /** Names this scan in STATS, SENTINEL and BADRECORD frames. */
  readonly sourceId: string
  readonly signal: AbortSignal
  /** Epoch milliseconds: what windows of time close by. */
  readonly now: () => number
  /** Milliseconds between STATS frames; undefined: none are sent. */
  readonly statsMs: number | undefined
  readonly sendStats: () => void
  /** Groups of an aggregation are also sent while it runs. */
  readonly live: boolean
  /** Other threads that may read shares of the scan. */
  readonly helpers?: Helpers
  /** Of a share of another thread's scan: nothing further is wanted. */
  readonly halted?: () => boolean
  /** Of a scan that several threads read: the bytes that all of them have read. */
  readonly sharedBytes?: BigInt64Array
  /** SQL of the statement, for the comment in generated code. */
  readonly title: string
  /** Milliseconds (of `Clock.monotonic`) at which the query has to be over. */
  readonly deadline: number
}
