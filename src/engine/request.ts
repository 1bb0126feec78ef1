/**
 * One request from its text to its summary: it is entered in the register of queries, its statements are run
 * (`query.ts`), and everything that a user or a broker can cause ends in an ERROR frame here.
 */
import { systemClock } from '../lib/clock.ts'
import { randomUUID } from 'node:crypto'
import { UserError } from '../lib/user-error.ts'
import { defaultSettings, type SettingName } from '../plan/settings.ts'
import { error as errorFrame, type QueryRequest } from '../protocol/frames.ts'
import { renderSqlError, SqlError } from '../sql/error.ts'
import type { FrameSink, QueryEnvironment, RunSummary } from './host.ts'
import { runScript } from './query.ts'
import { Stages } from './stages/stages.ts'
import { Statistics } from './statistics.ts'
import { andUnknown } from './write/send.ts'

/** STATS are not sent more often than this, whatever interval was asked for. */
const MIN_STATS_MS = 250

/**
 * Runs every statement of a request and sends METADATA, RECORD, BADRECORD, STATS, SENTINEL and ERROR frames; HEARTBEAT,
 * END and the close are the session's. It rejects for internal errors only, never for anything a user or a broker can
 * cause; an abort through `signal` ends it quietly with outcome `cancelled`.
 */
export async function runRequest(
  request: QueryRequest,
  environment: QueryEnvironment,
  sink: FrameSink,
  signal: AbortSignal,
): Promise<RunSummary> {
  const nowMs = (environment.now ?? systemClock.now)()
  const statistics = new Statistics(randomUUID(), nowMs)
  const stages = environment.traced === true ? new Stages(systemClock) : undefined
  const summary = (outcome: RunSummary['outcome'], error?: string, errorCode?: string): RunSummary => ({
    id: statistics.id,
    outcome,
    error,
    ...(errorCode === undefined ? {} : { errorCode }),
    results: statistics.results,
    recordsScanned: statistics.recordsScanned,
    bytesRead: statistics.bytesRead,
    badRecords: statistics.badRecords,
    durationMs: statistics.durationMs,
    ...(stages === undefined ? {} : { stages: stages.report() }),
  })
  const entry = enter(environment, request.sql, statistics)
  const end = (made: RunSummary): RunSummary => {
    entry?.end(made.outcome, made.error)
    return made
  }
  const ended = entry === undefined ? signal : AbortSignal.any([signal, entry.signal])
  let at: number | null = null
  try {
    ended.throwIfAborted()
    const statsMs = request.statsMs === undefined ? undefined : Math.max(MIN_STATS_MS, request.statsMs)
    const settings = defaultSettings(environment.defaults, environment.maxima)
    if (request.follow !== undefined) settings.follow = request.follow
    const context = {
      request,
      environment,
      sink,
      signal: ended,
      statistics,
      ...(stages === undefined ? {} : { stages }),
      settings,
      set: new Set<SettingName>(),
      functions: { nowMs },
      startedMs: systemClock.monotonic(),
      statsMs,
    }
    await runScript(request.sql, context, (index) => {
      at = index
    })
    return end(summary('end'))
  } catch (e) {
    const written = writtenBefore(statistics)
    if (signal.aborted) {
      const why = reasonOf(signal)
      if (written !== '') sink.send(errorFrame(`${why ?? 'The request was ended.'} ${written}`, at))
      return end(summary('cancelled', why))
    }
    const isKilled = entry?.signal.aborted === true
    const reason: unknown = isKilled ? entry?.signal.reason : e
    const said = errorText(reason, request.sql)
    const text = isKilled && said !== undefined && written !== '' ? `${said} ${written}` : said
    if (text === undefined) {
      // An internal error: the session sends the user a reference number and logs the cause.
      end(summary('error', 'internal error'))
      throw reason
    }
    sink.send(errorFrame(text, at))
    return end(summary('error', text, reason instanceof SqlError ? reason.code : undefined))
  }
}

function enter({ queries }: QueryEnvironment, sql: string, statistics: Statistics) {
  if (queries === undefined) return undefined
  const { registry, user, account, environment } = queries
  return registry.begin({ sql, user, account, environment }, statistics)
}

/** What a statement that was ended in the middle has written; empty: nothing. */
function writtenBefore({ written, sending }: Statistics): string {
  if (written + sending === 0) return ''
  return `${written} records were written before${andUnknown(sending)}.`
}

/** Why the caller ended it, where it said so. */
function reasonOf({ reason }: AbortSignal): string | undefined {
  return reason instanceof Error && reason.name !== 'AbortError' ? reason.message : undefined
}

/** The error as the user sees it; undefined for what can only be an internal error. */
function errorText(e: unknown, sql: string): string | undefined {
  if (e instanceof RangeError && e.message.includes('call stack'))
    return 'An expression of the statement is too long or nested too deeply. Write long chains of operators as IN (…) or CONCAT(…), or cut the statement into several.'
  if (e instanceof SqlError) return renderSqlError(e, sql)
  return e instanceof UserError ? e.message : undefined
}
