/**
 * A worker thread: runs requests, each as `runRequest` does, with its own connections and caches. Frames go to the main
 * thread in chunks; accounts, sockets and the register of queries stay there.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { help } from '../../engine/exchange/read-share.ts'
import type { SettingDefaults } from '../../engine/host.ts'
import { runRequest } from '../../engine/request.ts'
import { watchTurns } from '../../engine/turns.ts'
import { there, unexpected } from '../../lib/assert.ts'
import { systemClock } from '../../lib/clock.ts'
import { frameBytes } from '../../kafka/wire/frame-pool.ts'
import { UserError } from '../../lib/user-error.ts'
import { SqlError } from '../../sql/error.ts'
import { errorAsObject, type QueryRequest } from '../../protocol/frames.ts'
import { identityOf } from '../access/auth.ts'
import type { Environment } from '../environment.ts'
import { runExport } from '../export/run-export.ts'
import { JdbcSink } from '../jdbc/sink.ts'
import { openEnvironment } from '../open-environment.ts'
import { WebSocketOut } from '../socket/websocket-out.ts'
import { answerCall, type CallInput } from './calls.ts'
import { JobSocket } from './job-out.ts'
import { Beat, type Change, type QueryView, type RequestCount, type ToWorker, type WorkerStart } from './messages.ts'
import { overSentence, ProcessorTime } from './processor.ts'
import { MainThread, RemoteQueries, RemoteStore } from './remote.ts'
import { reuse } from '../socket/websocket-out.ts'

/** How often the main thread hears how far the jobs are, and that the event loop turns. */
const BEAT_MS = 50
const COUNTS_BEATS = 10

/** Queries of a thread that read in pieces of the usual size. */
const FEW_QUERIES = 4

class Stopped extends Error {}

interface Job {
  readonly socket: JobSocket
  readonly queries: RemoteQueries
  readonly abort: AbortController
}

const port = there(parentPort, 'a worker has a port')
const start = workerData as WorkerStart
const main = new MainThread(port)
const store = new RemoteStore(main, start.objects)
const beat = new Int32Array(start.beat)
const jobs = new Map<number, Job>()
const current = new AsyncLocalStorage<number>()
const processor = new ProcessorTime()
const environments = new Map<string, Environment>()
for (const config of start.environments)
  environments.set(config.name, await openEnvironment(config, store, peersOf(config.name)))

function peersOf(environment: string) {
  const tell = (change: Change) => main.post({ kind: 'changed', change })
  return {
    forgot: (topic: string) => tell({ what: 'forget', environment, topic }),
    met: (news: Extract<Change, { what: 'met' }>['news']) => tell({ what: 'met', environment, news }),
  }
}

async function run(job: number, request: QueryRequest, view: QueryView): Promise<void> {
  const socket = new JobSocket(main, job)
  const out = new WebSocketOut(socket, () => true, systemClock)
  const queries = new RemoteQueries(main, job)
  const abort = new AbortController()
  jobs.set(job, { socket, queries, abort })
  processor.start(job)
  try {
    const summary = await current.run(job, () => {
      Atomics.store(beat, Beat.job, job)
      return answer(job, request, view, out, queries, abort)
    })
    out.flushAll()
    tellRequests()
    main.post({ kind: 'done', job, summary, processorMs: processor.end(job) })
  } catch (cause) {
    out.flushAll()
    main.post({ kind: 'failed', job, stack: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) })
  } finally {
    processor.end(job)
    jobs.delete(job)
    Atomics.compareExchange(beat, Beat.job, job, 0)
  }
}

/**
 * A scan holds some four answers of a broker. They are smaller while many queries share the thread, so that a crowd does
 * not take many times the memory of a few.
 */
function fetchSize(queries: number): SettingDefaults {
  if (queries <= FEW_QUERIES) return {}
  return { 'fetch.max.bytes': queries <= 4 * FEW_QUERIES ? 512 * 1024 : 256 * 1024 }
}

async function answer(
  job: number,
  request: QueryRequest,
  view: QueryView,
  out: WebSocketOut,
  queries: RemoteQueries,
  abort: AbortController,
) {
  const environment = there(environments.get(view.environment), 'a job names an environment of the configuration')
  const { account, defaults, maxima, maxFrame, metadataFollowsFormat, traced } = view
  const query = {
    ...environment.query(account),
    defaults: { ...fetchSize(jobs.size), ...defaults },
    maxima,
    maxFrame,
    metadataFollowsFormat,
    traced,
    queries: { registry: queries, user: account.name, account: identityOf(account), environment: view.environment },
    processor: (limitMs: number) => processor.begin(job, limitMs),
    helped: (processorMs: number) => endIfOver(processor.helped(job, processorMs)),
    helpers: (most: number, which: 'any' | 'idle') => main.ask({ what: 'helpers', job, most, which }),
  }
  if (view.export !== undefined) return await runExport(runRequest, request, query, view.export, out, abort.signal)
  if (view.dialect === 'cli') out.translate = errorAsObject
  out.batches = request.batch === true && view.dialect !== 'jdbc'
  if (view.dialect !== 'jdbc') return await runRequest(request, query, out, abort.signal)
  const sink = new JdbcSink(out, request.sql, systemClock, (reason) => abort.abort(new Stopped(reason)))
  const summary = await runRequest(request, query, sink, abort.signal)
  sink.finish()
  return summary
}

/** Answers a question of a REST call. */
async function call({ job, name, input, environment: named, account }: Extract<ToWorker, { kind: 'call' }>) {
  const environment = there(environments.get(named), 'a question names an environment of the configuration')
  Atomics.store(beat, Beat.job, job)
  try {
    const value = await current.run(job, () =>
      answerCall(name, input as CallInput<typeof name>, environment.query(account)),
    )
    main.post({ kind: 'called', job, value })
  } catch (cause) {
    const isTheirs = cause instanceof UserError || cause instanceof SqlError
    const { message, stack = message } = cause instanceof Error ? cause : new Error(String(cause))
    main.post({ kind: 'called', job, ...(isTheirs ? { error: message } : { stack }) })
  } finally {
    Atomics.compareExchange(beat, Beat.job, job, 0)
  }
}

/** Reads a share of a topic for a job of another worker, whose account has been asked there. */
async function helpWith(number: number, name: string, port: MessagePort): Promise<void> {
  const { catalog, log } = there(environments.get(name), 'help is asked for an environment of the configuration')
  processor.start(number)
  const processorMs = (): number => {
    processor.look(number)
    return processor.used(number)
  }
  if (log !== undefined) await current.run(number, () => help(port, { catalog, log, processorMs }))
  port.close()
  main.post({ kind: 'helped', help: number, processorMs: processor.end(number) })
}

function changed(change: Change): void {
  if (change.what === 'object') return store.changed(change.object)
  const catalog = environments.get(change.environment)?.catalog
  if (change.what === 'forget') catalog?.forget?.(change.topic)
  else catalog?.learn?.(change.news)
}

/** The pool has switched that on for its threads. */
function collectGarbage(): void {
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
}

function receive(message: ToWorker): void {
  switch (message.kind) {
    case 'run':
      return void run(message.job, message.request, message.view)
    case 'stop':
      return jobs.get(message.job)?.abort.abort(new Stopped(message.reason))
    case 'kill':
      return jobs.get(message.job)?.queries.killed(message.reason)
    case 'taken': {
      const socket = jobs.get(message.job)?.socket
      if (socket === undefined) return reuse(message.chunk)
      return socket.took(message.chunk)
    }
    case 'call':
      return void call(message)
    case 'answer':
      return main.answered(message.question, message.value, message.error)
    case 'changed':
      return changed(message.change)
    case 'collect':
      return collectGarbage()
    case 'help':
      return void helpWith(message.help, message.environment, message.port)
    default:
      unexpected('a message of the main thread')
  }
}

watchTurns((resumed) => {
  const job = current.getStore()
  if (job === undefined) return
  Atomics.store(beat, Beat.job, job)
  endIfOver(resumed ? processor.resume(job) : processor.look(job))
})

/** Ends a job that has used too much of the processor. */
function endIfOver(over: ReturnType<ProcessorTime['look']>): void {
  if (over === undefined) return
  jobs.get(over.job)?.queries.killed(overSentence(over.limitMs))
}

/** Requests to Kafka that the main thread has been told of, by environment and name. */
const told = new Map<string, number>()

function tellRequests(): void {
  const requests: RequestCount[] = []
  for (const { name: environment, cluster } of environments.values())
    for (const [request, count] of cluster?.requests ?? []) {
      const key = `${environment} ${request}`
      const before = told.get(key) ?? 0
      if (count > before) requests.push({ environment, request, count: count - before })
      told.set(key, count)
    }
  if (requests.length > 0) main.post({ kind: 'requests', requests })
}

let beats = 0
systemClock.every(BEAT_MS, () => {
  Atomics.add(beat, Beat.turns, 1)
  endIfOver(processor.look(undefined))
  beats++
  if (beats % COUNTS_BEATS !== 0) return
  const { heapUsed, external } = process.memoryUsage()
  Atomics.store(beat, Beat.heapKib, Math.round((heapUsed + external) / 1024))
  Atomics.store(beat, Beat.frameKib, Math.round(frameBytes() / 1024))
  tellRequests()
  if (jobs.size === 0) return
  const counts = [...jobs].flatMap(
    ([
      job,
      {
        queries: { statistics },
      },
    ]) =>
      statistics === undefined
        ? []
        : [
            {
              job,
              recordsScanned: statistics.recordsScanned,
              bytesRead: statistics.bytesRead,
              results: statistics.results,
              processorMs: processor.used(job),
            },
          ],
  )
  main.post({ kind: 'counts', counts })
})
port.on('message', receive)
main.post({ kind: 'ready' })
