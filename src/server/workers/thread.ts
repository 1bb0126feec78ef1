/**
 * One worker thread as the main thread sees it: its jobs, whether its event loop turns, and its end. What is to be done
 * about an end is the pool's.
 */
import { setFlagsFromString } from 'node:v8'
import { type MessagePort, Worker } from 'node:worker_threads'
import type { RunSummary } from '../../engine/host.ts'
import type { Counts, QueryAbout, ServerQueries } from '../../engine/queries.ts'
import type { Clock } from '../../lib/clock.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import { identityOf } from '../access/auth.ts'
import type { ExportSummary } from '../../export/outcome.ts'
import type { WebSocketOut } from '../socket/websocket-out.ts'
import {
  Beat,
  type Change,
  type FromWorker,
  type Question,
  type QueryView,
  type RequestCount,
  type ToWorker,
  type WorkerStart,
} from './messages.ts'

/** A request on its way through a worker. */
export interface Job {
  readonly number: number
  readonly request: QueryRequest
  readonly view: QueryView
  readonly out: WebSocketOut
  /** Whether frames of it have gone to the client: then it cannot be begun anew. */
  answered: boolean
  /** The METADATA frame, where nothing else has gone to the client yet: begun anew, the job does not show it again. */
  heading: Buffer | undefined
  /** Aborted when the client does not wait for it any more. */
  readonly signal: AbortSignal
  /** How often it was given to a worker. */
  tries: number
  entry: JobEntry | undefined
  /** Processor time of it that the pool has heard of. */
  processorMs: number
  /** It has hardly used the processor lately: its reader does not read, or there is nothing to be read. */
  resting: boolean
  /** `Clock.monotonic` when a thread began it. */
  startedMs: number
  /** What the thread held then. */
  foundBytes: number
  resolve(summary: ExportSummary): void
  reject(cause: Error): void
}

/** A job in the register of queries. */
export interface JobEntry {
  readonly counts: JobStatistics
  /** Aborted when somebody kills it; the reason says who. */
  readonly killed: AbortSignal
  end(outcome: RunSummary['outcome'], message?: string): void
}

/** Counts of a query that runs elsewhere, as its worker last told them. */
export class JobStatistics implements Counts {
  readonly id: string
  readonly startedAt: number
  recordsScanned = 0
  bytesRead = 0
  results = 0
  readonly #clock: Clock
  readonly #startedMs: number

  constructor(id: string, startedAt: number, clock: Clock) {
    this.id = id
    this.startedAt = startedAt
    this.#clock = clock
    this.#startedMs = clock.monotonic()
  }

  get durationMs(): number {
    return this.#clock.monotonic() - this.#startedMs
  }
}

/** What a thread needs of the pool around it. */
export interface ThreadHost {
  readonly clock: Clock
  readonly queries: ServerQueries
  /** `value` may be the promise of it. `moved`: what of the answer goes over to the worker. */
  answer(question: Question, thread: WorkerThread): { readonly value: unknown; readonly moved?: readonly MessagePort[] }
  changed(change: Change, by: WorkerThread): void
  called(message: Extract<FromWorker, { kind: 'called' }>): void
  /** A job has used so much more processor time. */
  used(job: Job, processorMs: number): void
  requested(requests: readonly RequestCount[]): void
  /** There may be room for another job. */
  freed(): void
  /** The thread is gone, with whatever jobs it had. */
  gone(thread: WorkerThread, reason: EndReason): void
}

/** Why a thread ended: what the users of its jobs are told depends on it. */
export type EndReason =
  | { readonly what: 'memory' }
  | { readonly what: 'stalled'; readonly limitMs: number }
  | { readonly what: 'too large'; readonly limitBytes: number; readonly heldBytes: number }
  | { readonly what: 'closed' }
  | { readonly what: 'fault'; readonly cause: Error }

const WORKER = new URL(`./worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

// Threads may ask for a collection (`export/typed/collect-young`): the flag has to stand before they are made.
setFlagsFromString('--expose-gc')

/** The platform's limit on old objects, in limits of ours. */
const HEAP_ROOM = 1.5
/** A job that uses less of the processor between two messages with its counts (half a second) rests. */
const RESTING_MS = 25
/** Memory for young objects: as the main thread has it. */
const YOUNG_MB = 24

/** A worker thread, on the main thread's side. */
export class WorkerThread {
  readonly jobs = new Map<number, Job>()
  /** Jobs of other workers that it reads shares for. */
  readonly helping = new Map<number, Job>()
  /** Questions of REST calls that it answers. */
  readonly calls = new Set<number>()
  ready = false
  readonly #host: ThreadHost
  readonly #worker: Worker
  readonly #beat: Int32Array
  #seen = 0
  /** Looks in a row at which the event loop had not turned. */
  stalledLooks = 0
  #lookingAtHeap = false
  #heapLooks = 0
  #ending: EndReason | undefined

  constructor(start: Omit<WorkerStart, 'beat'>, heapMb: number, host: ThreadHost, module = WORKER) {
    this.#host = host
    const beat = new SharedArrayBuffer(Beat.words * Int32Array.BYTES_PER_ELEMENT)
    this.#beat = new Int32Array(beat)
    this.#worker = new Worker(module, {
      execArgv: [],
      workerData: { ...start, beat } satisfies WorkerStart,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(heapMb * HEAP_ROOM), maxYoungGenerationSizeMb: YOUNG_MB },
    })
    this.#worker.on('message', (message: FromWorker) => this.#receive(message))
    this.#worker.on('error', (cause: Error) => {
      this.#ending ??= isOutOfMemory(cause) ? { what: 'memory' } : { what: 'fault', cause }
    })
    this.#worker.on('exit', () => {
      const reason = this.#ending ?? { what: 'fault', cause: new Error('The thread ended by itself.') }
      this.#host.gone(this, reason)
    })
  }

  /** How many of its jobs use the processor. */
  get active(): number {
    let active = 0
    for (const { resting } of this.jobs.values()) if (!resting) active++
    return active
  }

  /** Has nothing to do, and is not about to end. */
  get idle(): boolean {
    return !this.ending && this.jobs.size === 0 && this.helping.size === 0 && this.calls.size === 0
  }

  get ending(): boolean {
    return this.#ending !== undefined
  }

  /** The job that runs: of several, the one that last had a turn. */
  get runningJob(): number {
    return Atomics.load(this.#beat, Beat.job)
  }

  /** Has it read a share for the worker at the other end of the port. */
  help(number: number, job: Job, port: MessagePort): void {
    this.helping.set(number, job)
    this.post({ kind: 'help', help: number, environment: job.view.environment, port }, [port])
  }

  run(job: Job): void {
    job.tries++
    job.processorMs = 0
    job.resting = false
    job.startedMs = this.#host.clock.monotonic()
    job.foundBytes = this.heldBytes
    this.jobs.set(job.number, job)
    this.post({ kind: 'run', job: job.number, request: job.request, view: job.view })
  }

  post(message: ToWorker, moved: readonly (ArrayBuffer | MessagePort)[] = []): void {
    if (!this.ending) this.#worker.postMessage(message, moved)
  }

  /** Ends the thread whatever it does. `gone` is called once it has ended. */
  end(reason: EndReason): Promise<number> {
    this.#ending ??= reason
    return this.#worker.terminate()
  }

  /** To be called at regular times; counts the looks since the event loop last turned. */
  look(): void {
    const turns = Atomics.load(this.#beat, Beat.turns)
    this.stalledLooks = turns === this.#seen && this.ready ? this.stalledLooks + 1 : 0
    this.#seen = turns
  }

  /** Bytes of the heap, of buffers and of brokers' answers, as the thread last said. */
  get heldBytes(): number {
    return (Atomics.load(this.#beat, Beat.heapKib) + Atomics.load(this.#beat, Beat.frameKib)) * 1024
  }

  /**
   * To be called at regular times: ends the thread when its heap has been above the limit at two looks. The platform's
   * own limit lies higher: what meets that one between two checks of the platform ends the whole process.
   */
  async lookAtHeap(limitBytes: number): Promise<void> {
    if (this.#lookingAtHeap || this.ending) return
    this.#lookingAtHeap = true
    const { used_heap_size: used } = await this.#worker.getHeapStatistics().catch(() => ({ used_heap_size: 0 }))
    this.#lookingAtHeap = false
    this.#heapLooks = used > limitBytes ? this.#heapLooks + 1 : 0
    if (this.#heapLooks >= 2 && !this.ending) await this.end({ what: 'memory' })
  }

  /** Bytes of the heap, of buffers and of brokers' answers. */
  async memory(): Promise<number> {
    const { used_heap_size: heap, external_memory: external } = await this.#worker.getHeapStatistics()
    return heap + external + Atomics.load(this.#beat, Beat.frameKib) * 1024
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.ready = true
        return
      case 'began':
        return this.#began(message.job, message.id, message.startedAt)
      case 'chunk':
        return this.#chunk(message.job, message.chunk, message.bytes)
      case 'counts':
        for (const { job, processorMs, ...counts } of message.counts) {
          const its = this.jobs.get(job)
          Object.assign(its?.entry?.counts ?? {}, counts)
          if (its !== undefined) its.resting = processorMs - its.processorMs < RESTING_MS
          this.#used(its, processorMs)
        }
        return this.#host.freed()
      case 'requests':
        return this.#host.requested(message.requests)
      case 'done':
        return this.#over(message.job, (job) => {
          this.#used(job, message.processorMs)
          const { outcome, error, recordsScanned, bytesRead, results } = message.summary
          Object.assign(job.entry?.counts ?? {}, { recordsScanned, bytesRead, results })
          job.entry?.end(outcome, error)
          job.resolve(message.summary)
        })
      case 'failed':
        return this.#over(message.job, (job) => {
          job.entry?.end('error', 'internal error')
          job.reject(Object.assign(new Error('A query failed in its worker.'), { stack: message.stack }))
        })
      case 'called':
        this.calls.delete(message.job)
        return this.#host.called(message)
      case 'helped': {
        const job = this.helping.get(message.help)
        this.helping.delete(message.help)
        if (job !== undefined) this.#host.used(job, message.processorMs)
        return
      }
      case 'ask':
        return this.#answer(message.question, message.of)
      case 'changed':
        return this.#host.changed(message.change, this)
    }
  }

  #used(job: Job | undefined, processorMs: number): void {
    if (job === undefined) return
    this.#host.used(job, processorMs - job.processorMs)
    job.processorMs = processorMs
  }

  #over(number: number, finish: (job: Job) => void): void {
    const job = this.jobs.get(number)
    if (job === undefined) return
    this.jobs.delete(number)
    finish(job)
    this.#host.freed()
  }

  #began(number: number, id: string, startedAt: number): void {
    const job = this.jobs.get(number)
    if (job === undefined) return
    const { account, environment } = job.view
    const about: QueryAbout = {
      sql: job.request.sql,
      user: account.name,
      account: identityOf(account),
      environment,
    }
    const counts = new JobStatistics(id, startedAt, this.#host.clock)
    const { signal, end } = this.#host.queries.begin(about, counts)
    const kill = (): void => this.post({ kind: 'kill', job: number, reason: (signal.reason as Error).message })
    signal.addEventListener('abort', kill, { once: true })
    job.entry = {
      counts,
      killed: signal,
      end: (outcome, message) => {
        signal.removeEventListener('abort', kill)
        end(outcome, message)
      },
    }
  }

  #chunk(number: number, chunk: ArrayBuffer, bytes: number): void {
    const job = this.jobs.get(number)
    const back = () => this.post({ kind: 'taken', job: number, chunk }, [chunk])
    if (job === undefined) return back()
    const frames = Buffer.from(chunk, 0, bytes)
    if (job.answered) return job.out.pass(frames, back)
    if (job.heading === undefined) {
      if (job.view.export === undefined && isHeading(frames)) job.heading = Buffer.from(frames)
      else job.answered = true
      return job.out.pass(frames, back)
    }
    // After METADATA comes something else; a job that was begun anew says METADATA first once more.
    const again = job.tries > 1 && frames.subarray(0, job.heading.length).equals(job.heading)
    const news = again ? frames.subarray(job.heading.length) : frames
    if (news.length === 0) return back()
    job.answered = true
    job.out.pass(news, back)
  }

  #answer(question: number, of: Question): void {
    const failed = (cause: unknown): void =>
      this.post({ kind: 'answer', question, error: cause instanceof Error ? cause.message : String(cause) })
    try {
      const { value, moved } = this.#host.answer(of, this)
      if (value instanceof Promise)
        value.then((later: unknown) => this.post({ kind: 'answer', question, value: later })).catch(failed)
      else this.post({ kind: 'answer', question, value }, moved)
    } catch (cause) {
      failed(cause)
    }
  }
}

/** Whether this is one WebSocket frame, unmasked and whole, that holds a METADATA. */
function isHeading(frames: Buffer): boolean {
  const small = frames[1] < 126
  const from = small ? 2 : 4
  const length = small ? frames[1] : frames[1] === 126 ? frames.readUInt16BE(2) : -1
  return from + length === frames.length && frames.toString('latin1', from, from + HEADING.length) === HEADING
}

const HEADING = '{"type":"METADATA"'

function isOutOfMemory(cause: Error): boolean {
  return 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
}
