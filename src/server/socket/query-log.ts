/** What the log says of a query at its start and its end. */
import type { RunSummary } from '../../engine/host.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import { type Log, statementHash, withoutLiterals } from '../log.ts'
import type { Conversation } from './conversation.ts'

/** A query began. */
export function logStart(log: Log, session: Conversation, request: QueryRequest): void {
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
export function logEnd(log: Log, session: Conversation, summary: RunSummary): void {
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
