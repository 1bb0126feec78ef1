/**
 * Traces as the server sees them: a span for each query with its stages, one for each REST call. How they are made and
 * sent is `otlp.ts`, which is loaded only where the configuration wants traces. Nothing here waits for a collector.
 */
import type { IncomingMessage } from 'node:http'
import type { ExportSummary } from '../../export/outcome.ts'
import type { Clock } from '../../lib/clock.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import type { ServerLimits } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Conversation } from '../socket/conversation.ts'

/** The span that a request came from, if there is one; what is in it belongs to whoever made it. */
export type Caller = object

/** A query whose span has begun. */
export interface QueryTrace {
  /** Ends it; `summary` is what the log gets. */
  ended(session: Conversation, summary: ExportSummary): void
}

/** A REST call whose span has begun. */
export interface CallTrace {
  /** Ends it: the route as it is registered, and the status that was sent. */
  ended(route: string, status: number): void
}

/** Spans since the start. */
export interface TraceFigures {
  readonly sent: number
  /** For which there was no room, or which the collector did not take. */
  readonly dropped: number
}

/** The traces of a server. */
export interface Traces {
  /** Whose span a request belongs to: of the call that it is, else of what its `traceparent` says. */
  caller(request: IncomingMessage): Caller | undefined
  query(caller: Caller | undefined, session: Conversation, request: QueryRequest): QueryTrace
  call(request: IncomingMessage): CallTrace
  readonly figures: TraceFigures
  /** Sends what waits, for at most `shutdown.traces`; never rejects. */
  close(): Promise<void>
}

/** What traces need of the server. */
export interface TraceMeans {
  readonly limits: ServerLimits
  readonly log: Log
  readonly clock: Clock
}
