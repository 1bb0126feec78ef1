/** Requests on the thread that owns the sockets: for tests, and where `server.workers` is 0. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { QueryEnvironment } from '../../engine/host.ts'
import { Killed, type QueryRegister } from '../../engine/queries.ts'
import { watchTurns } from '../../engine/turns.ts'
import type { Clock } from '../../lib/clock.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import type { ExportSummary } from '../../export/outcome.ts'
import { runExport } from '../export/run-export.ts'
import { JdbcSink } from '../jdbc/sink.ts'
import type { Run } from '../socket/session.ts'
import type { WebSocketOut } from '../socket/websocket-out.ts'
import type { QueryView } from './messages.ts'
import { overSentence, ProcessorTime } from './processor.ts'

class Stopped extends Error {}

/**
 * The processor time of the queries of this thread, on the same terms as in a worker. The thread has other work, too:
 * what it does between two turns of queries counts for the one that had the first of them.
 */
const processor = new ProcessorTime()
const current = new AsyncLocalStorage<number>()
const running = new Map<number, AbortController>()
let jobs = 0

/** Runs a request of the given dialect into `out`; `run` is the engine, or a stand-in for it. */
export async function runHere(
  run: Run,
  clock: Clock,
  environment: QueryEnvironment,
  { dialect, export: options, defaults, maxima, maxFrame, metadataFollowsFormat, traced }: QueryView,
  request: QueryRequest,
  out: WebSocketOut,
  signal: AbortSignal,
): Promise<ExportSummary> {
  const query = { ...environment, defaults, maxima, maxFrame, metadataFollowsFormat, traced }
  return await metered(query, async (limited) => {
    if (options !== undefined) return await runExport(run, request, limited, options, out, signal)
    if (dialect !== 'jdbc') {
      out.batches = request.batch === true
      return await run(request, limited, out, signal)
    }
    const abort = new AbortController()
    const sink = new JdbcSink(out, request.sql, clock, (reason) => abort.abort(new Stopped(reason)))
    const summary = await run(request, limited, sink, AbortSignal.any([signal, abort.signal]))
    sink.finish()
    return summary
  })
}

/** Runs a query whose statements end when they have used too much of the processor. */
async function metered(
  query: QueryEnvironment,
  run: (limited: QueryEnvironment) => Promise<ExportSummary>,
): Promise<ExportSummary> {
  const job = ++jobs
  const abort = new AbortController()
  watchTurns(look)
  running.set(job, abort)
  processor.start(job)
  const { queries } = query
  const limited = {
    ...query,
    queries: queries && { ...queries, registry: endedBy(abort.signal, queries.registry) },
    processor: (limitMs: number) => processor.begin(job, limitMs),
  }
  try {
    return await current.run(job, () => run(limited))
  } finally {
    running.delete(job)
    processor.end(job)
  }
}

/** At the turns of queries: ends one that has used too much. */
function look(resumed: boolean): void {
  const job = current.getStore()
  if (job === undefined) return
  const over = resumed ? processor.resume(job) : processor.look(job)
  if (over !== undefined) running.get(over.job)?.abort(new Killed(overSentence(over.limitMs)))
}

/** The register, in which the query of one job also ends with `signal`. */
function endedBy(signal: AbortSignal, registry: QueryRegister): QueryRegister {
  return {
    begin(about, statistics) {
      const entry = registry.begin(about, statistics)
      return {
        signal: AbortSignal.any([entry.signal, signal]),
        end: (outcome, message) => entry.end(outcome, message),
      }
    },
    running: () => registry.running(),
    all: () => registry.all(),
    missing: () => registry.missing(),
    kill: (id, by) => registry.kill(id, by),
  }
}
