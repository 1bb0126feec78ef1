/**
 * The workers of a server: which request runs on which thread, how many threads there are, and what becomes of a thread
 * that does not answer, has no memory left or has failed. The main thread never waits for any of them.
 *
 * A request goes to a thread that has none, if there is one; one more is then started, so that the next request finds
 * one, too. Beyond `server.workers` they share, a few on each, and the others wait (`placement`). An account keeps to at
 * most half of the threads, so that one account never stands in all of them.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { OwnedStore } from '../../catalog/store.ts'
import type { RunSummary } from '../../engine/host.ts'
import type { ServerQueries } from '../../engine/queries.ts'
import { type Clock, sleep, TIMED_OUT, type Timer, within } from '../../lib/clock.ts'
import { error as errorFrame, type QueryRequest } from '../../protocol/frames.ts'
import { type Account, identityOf } from '../access/auth.ts'
import type { Environment, EnvironmentConfig } from '../environment.ts'
import type { ServerLimits } from '../limits.ts'
import type { ExportSummary } from '../../export/outcome.ts'
import type { WebSocketOut } from '../socket/websocket-out.ts'
import { CallError, type CallInput, type CallName } from './calls.ts'
import type { Change, FromWorker, Question, QueryView, RequestCount } from './messages.ts'
import { guiltyOf, sentence } from './end-sentence.ts'
import { burden, idleCores, Placement } from './placement.ts'
import { ProcessorShares } from './shares.ts'
import { type EndReason, type Job, type ThreadHost, WorkerThread } from './thread.ts'

export interface PoolOptions {
  readonly environments: readonly EnvironmentConfig[]
  /** Those of the main thread, whose caches are told what workers change. */
  readonly here: () => readonly Environment[]
  readonly store: OwnedStore
  readonly queries: ServerQueries
  readonly limits: ServerLimits
  readonly clock: Clock
  /** The module that a thread runs; a test may put its own in place of `worker.ts`. */
  readonly module?: URL
  /** Something of ours went wrong in a worker. */
  failed(cause: Error, what: string): void
}

/** What the threads of a pool do. */
export interface PoolFigures {
  readonly threads: number
  readonly jobs: number
  /** Shares of topics that are read for jobs of other threads. */
  readonly helping: number
  /** Requests that wait for a thread. */
  readonly waiting: number
  /** Of all threads, as they last said: objects, buffers, answers of brokers. */
  readonly heldBytes: number
  /** Processor time of all queries so far. */
  readonly processorMs: number
  readonly ended: Readonly<Record<EndReason['what'], number>>
}

interface WaitingCall {
  readonly account: string
  readonly thread: WorkerThread
  readonly timer: Timer
  resolve(value: object): void
  reject(cause: Error): void
}

/**
 * Limit `server.worker.calls` (calls): questions of REST calls of one account that workers answer at once. Beyond it:
 * HTTP 429.
 */
const MAX_CALLS = 16
/** How often the threads are looked at. */
const LOOK_MS = 100
/**
 * Limit `server.worker.tries` (times): how often a request that has shown nothing yet is begun when its thread ends.
 * Beyond it: an error.
 */
const MAX_TRIES = 2
/** Threads without a job that are kept. */
const KEPT_IDLE = 1
/** A thread that holds less than this part of `server.max.memory` is not ended when the server holds more than that. */
const LARGE_PART = 1 / 8
/** Part of `server.max.memory` beyond which all threads collect their garbage: what is left of queries that have ended. */
const COLLECTED_PART = 3 / 4
/** Of a thread that holds less than this part of it nothing is to be had that would be worth the pause. */
const WORTH_COLLECTING_PART = 1 / 16
/** How long until they do so again. */
const COLLECTING_MS = 3000
/** How long it takes at most until the memory of a thread that was ended is back with the system. */
const RELIEF_MS = 1000
/** How long a thread may take to say what it holds. */
const MEMORY_ANSWER_MS = 1000
/** How long a further one without a job is kept: a burst of requests may come again. */
const IDLE_MS = 30_000

export class WorkerPool {
  readonly #options: PoolOptions
  readonly #threads = new Set<WorkerThread>()
  readonly #calls = new Map<number, WaitingCall>()
  readonly #looking: Timer
  #next = 1
  readonly #requests = new Map<string, RequestCount>()
  #closed = false
  #idleSinceMs: number
  /** Resident memory was too much at the last look, and a thread was ended for it. */
  #relieving = false
  #collectedMs = Number.NEGATIVE_INFINITY
  /** Threads ended before their time, by reason; for metrics. */
  readonly ended: Record<EndReason['what'], number> = { memory: 0, stalled: 0, 'too large': 0, closed: 0, fault: 0 }

  readonly #shares: ProcessorShares
  readonly #placement: Placement

  constructor(options: PoolOptions) {
    this.#options = options
    this.#shares = new ProcessorShares(options.clock, options.limits['server.account.processor.share'])
    this.#placement = new Placement(this.#threads, options, this.#shares)
    this.#idleSinceMs = options.clock.monotonic()
    this.#start()
    this.#looking = options.clock.every(LOOK_MS, () => this.#look())
    // Logins are this thread's affair.
    options.store.follow((object) => {
      if (object.kind !== 'revocation') this.#tell({ what: 'object', object })
    })
  }

  /**
   * Statements by the thread that runs them, of all threads that are ready; how many requests wait for a thread, and how
   * many threads read shares for others.
   */
  get occupation(): {
    readonly threads: readonly (readonly string[])[]
    readonly waiting: number
    readonly helping: number
  } {
    const ready = [...this.#threads].filter((thread) => thread.ready && !thread.ending)
    return {
      threads: ready.map(({ jobs }) => [...jobs.values()].map(({ request }) => request.sql)),
      waiting: this.#placement.waiting,
      helping: ready.filter(({ helping }) => helping.size > 0).length,
    }
  }

  /** Ends all threads that run something and begins new ones, as after a fault that no query has caused. */
  async restart(): Promise<void> {
    const busy = [...this.#threads].filter((thread) => thread.jobs.size > 0)
    await Promise.all(busy.map((thread) => thread.end({ what: 'closed' })))
  }

  /**
   * Runs a request on a worker; its frames go to `out`. Resolves with what it did, rejects for faults of ours only;
   * an abort through `signal` ends it quietly.
   */
  run(request: QueryRequest, view: QueryView, out: WebSocketOut, signal: AbortSignal): Promise<ExportSummary> {
    return new Promise((resolve, reject) => {
      const over = (): void => signal.removeEventListener('abort', stop)
      const job: Job = {
        number: this.#next++,
        request,
        view,
        out,
        answered: false,
        heading: undefined,
        tries: 0,
        signal,
        entry: undefined,
        processorMs: 0,
        resting: false,
        startedMs: 0,
        foundBytes: 0,
        resolve: (summary) => {
          over()
          resolve(summary)
        },
        reject: (cause) => {
          over()
          reject(cause)
        },
      }
      const stop = () => this.#stop(job, signal)
      signal.addEventListener('abort', stop, { once: true })
      this.#place(job)
      if (signal.aborted) stop()
    })
  }

  /**
   * Answers a question of a REST call on a worker. Rejects with a `CallError` when that takes too long, when the account
   * asks too much at once, or when the thread ends over it.
   */
  async call<N extends CallName>(name: N, input: CallInput<N>, environment: string, account: Account): Promise<object> {
    const identity = identityOf(account)
    if ([...this.#calls.values()].filter((call) => call.account === identity).length >= MAX_CALLS)
      throw new CallError(
        429,
        `Too many calls of ${JSON.stringify(account.name)} are under way: the limit server.worker.calls is ${MAX_CALLS}. Wait for the answers.`,
      )
    const alive = [...this.#threads].filter((thread) => !thread.ending)
    const thread = alive.sort((a, b) => burden(a) - burden(b)).at(0) ?? this.#start()
    const job = this.#next++
    return await new Promise((resolve, reject) => {
      const limitMs = this.#options.limits['server.call.timeout']
      const timer = this.#options.clock.after(limitMs, () => {
        this.#calls.delete(job)
        reject(new CallError(503, `The answer took more than ${limitMs} ms (server.call.timeout). Ask about less.`))
      })
      this.#calls.set(job, { account: identity, thread, timer, resolve, reject })
      thread.calls.add(job)
      thread.post({ kind: 'call', job, name, input, environment, account })
      this.#spare()
    })
  }

  #called({ job, value, error, stack }: Extract<FromWorker, { kind: 'called' }>): void {
    const call = this.#calls.get(job)
    if (call === undefined) return
    this.#calls.delete(job)
    call.timer.cancel()
    if (value !== undefined) call.resolve(value)
    else if (error !== undefined) call.reject(new CallError(400, error))
    else call.reject(Object.assign(new Error('A question failed in its worker.'), { stack }))
  }

  /** Requests that workers have sent to Kafka, those of threads that have ended included. */
  get requests(): readonly RequestCount[] {
    return [...this.#requests.values()]
  }

  /** What a thread of the server has changed, told to all workers but `by`. */
  tell(change: Change): void {
    this.#tell(change)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#looking.cancel()
    await Promise.all([...this.#threads].map((thread) => thread.end({ what: 'closed' })))
  }

  #start(): WorkerThread {
    const { environments, store, limits } = this.#options
    const host: ThreadHost = {
      clock: this.#options.clock,
      queries: this.#options.queries,
      answer: (question, thread) => this.#answer(question, thread),
      changed: (change, by) => this.#changed(change, by),
      called: (message) => this.#called(message),
      used: (job, processorMs) => this.#shares.add(identityOf(job.view.account), processorMs),
      requested: (requests) => this.#requested(requests),
      freed: () => this.#takeWaiting(),
      gone: (thread, reason) => this.#gone(thread, reason),
    }
    const heapMb = Math.floor(limits['server.worker.heap'] / 1024 / 1024)
    // Functions (a sandbox's clock, counters) belong to this thread.
    const plain = environments.map((e) => JSON.parse(JSON.stringify(e)) as EnvironmentConfig)
    const objects = store.all().filter(({ kind }) => kind !== 'revocation')
    const thread = new WorkerThread({ environments: plain, objects }, heapMb, host, this.#options.module)
    this.#threads.add(thread)
    return thread
  }

  #place(job: Job): void {
    this.#placement.wait(job)
    this.#takeWaiting()
  }

  /** One more thread for the next request, if there may be one. */
  #spare(): void {
    if (this.#closed || this.#threads.size >= this.#options.limits['server.workers']) return
    if (![...this.#threads].some((thread) => thread.idle)) this.#start()
  }

  #stop(job: Job, signal: AbortSignal): void {
    const reason = stopReason(signal)
    if (this.#placement.remove(job)) {
      job.resolve(ended(job, 'cancelled', reason))
      return
    }
    for (const thread of this.#threads)
      if (thread.jobs.has(job.number)) thread.post({ kind: 'stop', job: job.number, reason })
  }

  #gone(thread: WorkerThread, reason: EndReason): void {
    this.#threads.delete(thread)
    this.ended[reason.what]++
    if (reason.what === 'fault') this.#options.failed(reason.cause, 'A worker ended.')
    for (const [job, { thread: its, timer, reject }] of this.#calls) {
      if (its !== thread) continue
      this.#calls.delete(job)
      timer.cancel()
      reject(new CallError(503, sentence(reason, job === thread.runningJob).replaceAll('query', 'call')))
    }
    const guilty = guiltyOf(thread.jobs.values(), thread.runningJob, reason, this.#options.clock.monotonic())
    for (const job of thread.jobs.values()) this.#lost(job, job.number === guilty, reason)
    if (this.#closed) return
    // One that has failed at its start would do so again: the next one is started for the next request.
    if (this.#threads.size === 0 && thread.ready) this.#start()
    this.#takeWaiting()
  }

  /** A job whose thread has ended is begun anew where that is possible and promises anything. */
  #lost(job: Job, guilty: boolean, reason: EndReason): void {
    if (job.signal.aborted) {
      job.entry?.end('cancelled', stopReason(job.signal))
      job.resolve(ended(job, 'cancelled', stopReason(job.signal)))
      return
    }
    // Who has killed it was told that it has ended.
    const killed = job.entry?.killed.aborted === true ? (job.entry.killed.reason as Error).message : undefined
    const mayBegin = !this.#closed && !guilty && killed === undefined
    if (mayBegin && !job.answered && job.tries < MAX_TRIES && readsOnly(job)) {
      job.entry?.end('cancelled', 'It was begun anew on another thread.')
      job.entry = undefined
      this.#place(job)
      return
    }
    const said = killed ?? (this.#closed ? 'The server is shutting down.' : sentence(reason, guilty))
    // What has been written stays.
    const text = readsOnly(job)
      ? said
      : `${said.replace(/ Ask again\.$/, '')} Look what it has done before you ask again.`
    job.entry?.end('error', text)
    if (job.view.export === undefined) job.out.send(errorFrame(text, null))
    job.resolve(ended(job, 'error', text))
  }

  #takeWaiting(): void {
    if (this.#closed) return
    for (let next = this.#placement.next(); next !== undefined; next = this.#placement.next()) {
      const thread = next.place.on === 'new' ? this.#start() : next.place.on
      thread.run(next.job)
      this.#spare()
    }
  }

  /** What the threads do, for metrics. */
  get figures(): PoolFigures {
    const threads = [...this.#threads]
    return {
      threads: threads.length,
      jobs: threads.reduce((sum, { jobs }) => sum + jobs.size, 0),
      helping: threads.reduce((sum, { helping }) => sum + helping.size, 0),
      waiting: this.#placement.waiting,
      heldBytes: threads.reduce((sum, { heldBytes }) => sum + heldBytes, 0),
      processorMs: this.#shares.totalMs,
      ended: this.ended,
    }
  }

  #look(): void {
    const { limits, clock } = this.#options
    const limitMs = limits['server.worker.stall.timeout']
    for (const thread of this.#threads) {
      thread.look()
      if (thread.stalledLooks * LOOK_MS >= limitMs && !thread.ending) void thread.end({ what: 'stalled', limitMs })
      if (!thread.idle) void thread.lookAtHeap(limits['server.worker.heap'])
    }
    this.#takeWaiting()
    this.#lookAtMemory()
    const idle = [...this.#threads].filter((thread) => thread.ready && thread.idle)
    if (idle.length <= KEPT_IDLE) this.#idleSinceMs = clock.monotonic()
    else if (clock.monotonic() - this.#idleSinceMs >= IDLE_MS) void idle[idle.length - 1].end({ what: 'closed' })
  }

  /**
   * Has garbage collected when memory gets short, and ends the thread that holds most when the process holds too much.
   * Memory that was freed may stay with the process for a while: a thread that holds little itself is not ended for it,
   * and the next one not before the end of the last one can be seen.
   */
  #lookAtMemory(): void {
    const { limits, clock } = this.#options
    const limitBytes = limits['server.max.memory']
    const bytes = process.memoryUsage.rss()
    const nowMs = clock.monotonic()
    if (bytes > limitBytes * COLLECTED_PART && nowMs - this.#collectedMs >= COLLECTING_MS) {
      this.#collectedMs = nowMs
      for (const thread of this.#threads)
        if (thread.heldBytes > limitBytes * WORTH_COLLECTING_PART) thread.post({ kind: 'collect' })
    }
    if (this.#relieving || bytes <= limitBytes) return
    const busy = [...this.#threads].filter((thread) => !thread.idle && !thread.ending)
    if (busy.length === 0) return
    this.#relieving = true
    void this.#endLargest(busy, limitBytes)
      .then((ended) => (ended ? sleep(clock, RELIEF_MS) : undefined))
      .finally(() => {
        this.#relieving = false
      })
  }

  /** Whether one was ended. */
  async #endLargest(threads: readonly WorkerThread[], limitBytes: number): Promise<boolean> {
    const sizes = await Promise.all(
      threads.map(async (thread) => {
        const bytes = await within(thread.memory(), { ms: MEMORY_ANSWER_MS }).catch(() => 0)
        // What does not even answer is in the middle of something large.
        return { thread, bytes: bytes === TIMED_OUT ? limitBytes : bytes }
      }),
    )
    sizes.sort((a, b) => b.bytes - a.bytes)
    const [{ thread, bytes }] = sizes
    if (bytes < limitBytes * LARGE_PART) return false
    await thread.end({ what: 'too large', limitBytes, heldBytes: bytes })
    return true
  }

  #answer(question: Question, thread: WorkerThread): { value: unknown; moved?: MessagePort[] } {
    const { queries, store } = this.#options
    switch (question.what) {
      case 'queries':
        return { value: queries[question.which]() }
      case 'missing queries':
        return { value: queries.missing() }
      case 'kill':
        return { value: queries.kill(question.id, question.by) }
      case 'store':
        return { value: store.change(question.object, question.seen) }
      case 'helpers': {
        const most = question.which === 'any' ? question.most : Math.min(question.most, idleCores(this.#threads))
        const ports = this.#helpersFor(question.job, most, thread)
        return { value: ports, moved: ports }
      }
    }
  }

  /**
   * Connections to threads that have nothing to do. One more is started for whoever asks next, if there may be one: a
   * server whose queries ask for helpers comes to have as many threads as it may.
   */
  #helpersFor(number: number, most: number, thread: WorkerThread): MessagePort[] {
    const job = thread.jobs.get(number)
    if (job === undefined) return []
    const free = [...this.#threads].filter((t) => t !== thread && t.ready && t.idle)
    const ports: MessagePort[] = []
    for (const helper of free.slice(0, most)) {
      const { port1, port2 } = new MessageChannel()
      helper.help(this.#next++, job, port1)
      ports.push(port2)
    }
    if (ports.length > 0) this.#spare()
    return ports
  }

  #requested(requests: readonly RequestCount[]): void {
    for (const { environment, request, count } of requests) {
      const key = `${environment} ${request}`
      const before = this.#requests.get(key)?.count ?? 0
      this.#requests.set(key, { environment, request, count: before + count })
    }
  }

  #changed(change: Change, by: WorkerThread): void {
    if (change.what !== 'object') {
      const catalog = this.#options.here().find(({ name }) => name === change.environment)?.catalog
      if (change.what === 'forget') catalog?.forget?.(change.topic)
      else catalog?.learn?.(change.news)
    }
    this.#tell(change, by)
  }

  #tell(change: Change, by?: WorkerThread): void {
    for (const thread of this.#threads) if (thread !== by) thread.post({ kind: 'changed', change })
  }
}

function stopReason({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : ''
}

/** Whether running it twice changes nothing. */
function readsOnly({ request }: Job): boolean {
  return !/\b(INSERT|CREATE|DROP|DELETE|TRUNCATE|KILL)\b/i.test(request.sql)
}

function ended(job: Job, outcome: RunSummary['outcome'], error: string): RunSummary {
  const counts = job.entry?.counts
  return {
    id: counts?.id ?? '',
    outcome,
    error,
    results: counts?.results ?? 0,
    recordsScanned: counts?.recordsScanned ?? 0,
    bytesRead: counts?.bytesRead ?? 0,
    badRecords: 0,
    durationMs: counts?.durationMs ?? 0,
  }
}
