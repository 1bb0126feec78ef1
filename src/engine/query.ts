/**
 * The pipeline on one screen: parse → bind → optimize → compile → run.
 *
 * A request is a list of statements; each is bound against the catalog (await ①), optimized, turned into a pipeline with generated code, and run over record batches (await ②)
 * into frames (await ③). Everything that a user or a broker can cause ends in an ERROR frame here.
 */
import { randomUUID } from 'node:crypto'
import { KafkaError, type KafkaLog } from '../kafka/log.ts'
import type { Catalog } from '../plan/catalog.ts'
import { applySet, defaultSettings } from '../plan/settings.ts'
import { error as errorFrame, type QueryRequest, stats as statsFrame } from '../protocol/frames.ts'
import type { Statement } from '../sql/ast.ts'
import { renderSqlError, SqlError } from '../sql/error.ts'
import { parseScript } from '../sql/parse.ts'
import type { StatementContext } from './context.ts'
import { runStatement } from './statement.ts'
import { Statistics } from './statistics.ts'

/** Where frames go. The session implements it on a socket, tests implement it as an array. */
export interface FrameSink {
  /** Queues one frame, the whole JSON text of it. */
  send(frame: string): void
  /** undefined while the reader keeps up; else a promise that resolves when there is room again (and rejects never: an abort comes through the signal). */
  drained(): Promise<void> | undefined
}

/** Defaults of the settings that SET can change, from the server's configuration: names as in the reference, section 5; sizes in bytes, times in ms. */
export type SettingDefaults = Readonly<Record<string, number | boolean | string>>

export interface QueryEnvironment {
  readonly catalog: Catalog
  readonly log: KafkaLog
  readonly defaults?: SettingDefaults
  /** Epoch milliseconds; NOW() is this at the start of the request. */
  readonly now?: () => number
  /** false: plans run as bound, nothing is pushed down (a test of the optimizer's rule that rows never change). */
  readonly optimize?: boolean
}

/** What a finished (or stopped) request did; for logs and metrics. */
export interface RunSummary {
  readonly id: string
  readonly outcome: 'end' | 'error' | 'cancelled'
  /** The text of the ERROR frame that was sent. */
  readonly error?: string
  /** Set when the error is a fault of ours: what the user was told is a reference number, this is the cause. */
  readonly fault?: unknown
  readonly results: number
  readonly recordsScanned: number
  readonly bytesRead: number
  readonly badRecords: number
  readonly durationMs: number
}

/** STATS are not sent more often than this, whatever interval was asked for. */
const MIN_STATS_MS = 250

/**
 * Runs every statement of a request and sends METADATA, RECORD, BADRECORD, STATS, SENTINEL and ERROR frames; HEARTBEAT, END and the close are the session's.
 * It does not reject for anything a user or a broker can cause; an abort through `signal` ends it quietly with outcome `cancelled`.
 */
export async function runRequest(request: QueryRequest, environment: QueryEnvironment, sink: FrameSink, signal: AbortSignal): Promise<RunSummary> {
  const nowMs = (environment.now ?? Date.now)()
  const statistics = new Statistics(randomUUID(), nowMs)
  const summary = (outcome: RunSummary['outcome'], error?: string, fault?: unknown): RunSummary => ({
    id: statistics.id,
    outcome,
    error,
    fault,
    results: statistics.results,
    recordsScanned: statistics.recordsScanned,
    bytesRead: statistics.bytesRead,
    badRecords: statistics.badRecords,
    durationMs: statistics.durationMs,
  })
  try {
    signal.throwIfAborted()
    const statements = parseScript(request.sql)
    const settings = defaultSettings(environment.defaults)
    const context: StatementContext = {
      request,
      environment,
      sink,
      signal,
      statistics,
      settings,
      functions: { nowMs },
      statsMs: request.statsMs === undefined ? undefined : Math.max(MIN_STATS_MS, request.statsMs),
    }
    for (const [index, statement] of statements.entries()) await runOne(statement, statements.length === 1 ? null : index, context)
    return summary('end')
  } catch (e) {
    if (signal.aborted) return summary('cancelled')
    const fault = e instanceof SqlError || e instanceof KafkaError || isPlainAnswer(e) ? undefined : e
    const text = fault === undefined ? errorText(e, request.sql) : `This is an error of the server, not of the query. It is recorded under ${statistics.id}.`
    sink.send(errorFrame(text))
    return summary('error', text, fault)
  }
}

async function runOne(statement: Statement, index: number | null, context: StatementContext): Promise<void> {
  if (statement.kind === 'set') applySet(context.settings, statement)
  else if (statement.kind === 'use') return
  else await runStatement(statement, index, context)
  if (context.statsMs !== undefined && statement.kind !== 'set') context.sink.send(statsFrame(context.statistics.snapshot(), index))
}

/** Errors of the catalog and the registry are sentences made for users; what else JavaScript throws is not. */
function isPlainAnswer(e: unknown): boolean {
  return e instanceof Error && (e.name === 'RegistryError' || e.name === 'CatalogError')
}

function errorText(e: unknown, sql: string): string {
  if (e instanceof SqlError) return renderSqlError(e, sql)
  return e instanceof Error ? e.message : String(e)
}
