/** Requests on the thread that owns the sockets: for tests, and where `server.workers` is 0. */
import type { QueryEnvironment } from '../../engine/host.ts'
import type { Clock } from '../../lib/clock.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import type { ExportSummary } from '../../export/outcome.ts'
import { runExport } from '../export/run-export.ts'
import { JdbcSink } from '../jdbc/sink.ts'
import type { Run } from '../socket/session.ts'
import type { WebSocketOut } from '../socket/websocket-out.ts'
import type { QueryView } from './messages.ts'

class Stopped extends Error {}

/** Runs a request of the given dialect into `out`; `run` is the engine, or a stand-in for it. */
export async function runHere(
  run: Run,
  clock: Clock,
  environment: QueryEnvironment,
  { dialect, export: options, defaults, maxima, maxFrame, metadataFollowsFormat }: QueryView,
  request: QueryRequest,
  out: WebSocketOut,
  signal: AbortSignal,
): Promise<ExportSummary> {
  const query = { ...environment, defaults, maxima, maxFrame, metadataFollowsFormat }
  if (options !== undefined) return await runExport(run, request, query, options, out, signal)
  if (dialect !== 'jdbc') return await run(request, query, out, signal)
  const abort = new AbortController()
  const sink = new JdbcSink(out, request.sql, clock, (reason) => abort.abort(new Stopped(reason)))
  const summary = await run(request, query, sink, AbortSignal.any([signal, abort.signal]))
  sink.finish()
  return summary
}
