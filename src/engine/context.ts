/** What the statements of one request share. */
import type { RenderOptions } from '../formats/format.ts'
import type { EvaluationContext, FoldingBudget } from './program/expression/references.ts'
import type { Output } from '../plan/plan.ts'
import type { SettingName, Settings } from '../plan/settings.ts'
import type { QueryRequest } from '../protocol/frames.ts'
import type { Query } from '../sql/ast.ts'
import type { FrameSink, QueryEnvironment } from './host.ts'
import type { Stages } from './stages/stages.ts'
import type { Statistics } from './statistics.ts'

/** What a statement has around it while it runs: the request, the settings so far, the frames' destination. */
export interface StatementContext {
  readonly request: QueryRequest
  readonly environment: QueryEnvironment
  readonly sink: FrameSink
  readonly signal: AbortSignal
  readonly statistics: Statistics
  /** Where the stages of the request are noted, if the host asked for them. */
  readonly stages?: Stages
  readonly settings: Settings
  /** The settings that statements of the request have set. */
  readonly set: Set<SettingName>
  readonly functions: EvaluationContext
  /** Of this statement, its subqueries included. */
  readonly folding: FoldingBudget
  /** When the statement began (of `Clock.monotonic`): `max.query.time` is that of all its subqueries together. */
  readonly startedMs: number
  /** Milliseconds between STATS, or undefined for none. */
  readonly statsMs: number | undefined
  /** SELECT → plan, for statements that hold one. */
  readonly plan: (query: Query, context: StatementContext, options?: PlanOptions) => Promise<Output>
}

export interface PlanOptions {
  /** Rows when there is no LIMIT. */
  readonly defaultLimit?: number
  /** The query goes on with what comes, if it reads a topic. */
  readonly follow?: boolean
  /** Gives the output another shape before it is optimized. */
  readonly reshape?: (bound: Output) => Output
}

/** `metadataFollows`: `format.timestamp` counts for the metadata of frames, too. */
export function renderOptions(settings: Settings, metadataFollows = false): RenderOptions {
  const decimal = settings['format.decimal']
  const timestamp = settings['format.timestamp']
  return {
    timestamp,
    metadataMillis: metadataFollows && !timestamp,
    decimal: typeof decimal === 'number' ? decimal : undefined,
    uuid: settings['format.uuid'],
  }
}
