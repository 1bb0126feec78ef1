/** What the server says of a query at its start and its end: in the log, in the metrics, in traces. */
import type { IncomingMessage } from 'node:http'
import type { RunSummary } from '../../engine/host.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import { type Log, statementHash, withoutLiterals } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { QueryTrace, Traces } from '../telemetry/traces.ts'
import type { Conversation } from './conversation.ts'
import type { SessionHost } from './session.ts'

interface Watchers {
  readonly log: Log
  readonly metrics: Metrics
  readonly traces: Traces | undefined
  /** Called as a query begins: other servers are told. */
  changed(): void
}

/** Counts, logs and traces the query of one session, which came with `request`. */
export function watchQuery(
  request: IncomingMessage,
  { log, metrics, traces, changed }: Watchers,
): Pick<SessionHost, 'started' | 'ended' | 'failed'> {
  const caller = traces?.caller(request)
  let trace: QueryTrace | undefined
  return {
    started: (session, query) => {
      metrics.started(session.environmentName ?? '')
      changed()
      logStart(log, session, query)
      trace = traces?.query(caller, session, query)
    },
    ended: (session, summary) => {
      metrics.ended(session.environmentName ?? '', summary)
      logEnd(log, session, summary)
      trace?.ended(session, summary)
    },
    failed: (session, reference, cause) =>
      log.error({ err: cause, session: session.id, reference }, 'query failed inside'),
  }
}

/** A query began. */
function logStart(log: Log, session: Conversation, request: QueryRequest): void {
  const about = { session: session.id, user: session.account?.name, environment: session.environmentName ?? '' }
  log.info(
    {
      ...about,
      sqlLength: request.sql.length,
      sqlHash: statementHash(request.sql),
      live: request.live,
      follow: request.follow,
    },
    'query started',
  )
  if (log.isLevelEnabled('debug')) log.debug({ session: session.id, sql: withoutLiterals(request.sql) }, 'statement')
}

/** A query ended. */
function logEnd(log: Log, session: Conversation, summary: RunSummary): void {
  const { id, outcome, error, results, recordsScanned, bytesRead, badRecords, durationMs } = summary
  const why = outcome === 'cancelled' ? { reason: error } : {}
  const environment = session.environmentName ?? ''
  const about = { session: session.id, query: id, user: session.account?.name, environment, ...why }
  log.info(
    {
      ...about,
      outcome,
      durationMs: Math.round(durationMs),
      rows: results,
      recordsScanned,
      bytesRead,
      badRecords,
      bytesSent: session.bytesSent,
    },
    'query ended',
  )
}
