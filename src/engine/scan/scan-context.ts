/** What one scan is run with: types only, shared by the driver (`scan-run`) and its parts. */
import type { KafkaLog } from '../../kafka/log.ts'
import type { Settings } from '../../plan/settings.ts'
import type { PipelineContext, PipelineSource } from '../pipeline.ts'
import type { Statistics } from '../statistics.ts'

/** A source of a pipeline that is a scan: what is read, which records of it, and where they go. */
export type ScanSource = Extract<PipelineSource, { kind: 'scan' }>

/** What a statement gives to each of its scans. */
export interface ScanContext extends PipelineContext {
  readonly log: KafkaLog
  readonly settings: Settings
  readonly statistics: Statistics
  /** Names this scan in STATS, SENTINEL and BADRECORD frames. */
  readonly sourceId: string
  readonly signal: AbortSignal
  /** Milliseconds between STATS frames; undefined: none are sent. */
  readonly statsMs: number | undefined
  readonly sendStats: () => void
  /** Groups of an aggregation are also sent while it runs. */
  readonly live: boolean
  /** SQL of the statement, for the comment in generated code. */
  readonly title: string
  /** Milliseconds (of `Clock.monotonic`) at which the query has to be over. */
  readonly deadline: number
}
