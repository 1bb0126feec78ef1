/** Runs a query whose result becomes a file, on whichever thread it is; its bytes go out in chunks, without frames. */
import type { QueryEnvironment } from '../../engine/host.ts'
import type { ExportOptions } from '../../export/options.ts'
import type { ExportSummary } from '../../export/outcome.ts'
import { exportSink } from '../../export/sink.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import type { Run } from '../socket/session.ts'
import { freshChunk, reuse, type WebSocketOut } from '../socket/websocket-out.ts'

/** `run` is the engine, or a stand-in for it. The file has been given to `out` when the promise resolves. */
export async function runExport(
  run: Run,
  request: QueryRequest,
  query: QueryEnvironment,
  options: ExportOptions,
  out: WebSocketOut,
  signal: AbortSignal,
): Promise<ExportSummary> {
  const sink = await exportSink(options, {
    chunk: freshChunk,
    pass: (bytes) => out.pass(bytes, () => reuse(bytes.buffer)),
    drained: () => out.drained(),
  })
  const summary = await run(request, query, sink, signal)
  return { ...summary, exported: sink.finish(summary) }
}
