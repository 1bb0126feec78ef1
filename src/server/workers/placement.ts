/**
 * Which of the requests that wait runs next, and on which thread. A thread gets few at a time: more of them would not be
 * faster, only hold more and keep the small ones behind. What stands still (its reader does not read, the topic is
 * silent) keeps no other one from running. Of those that wait, the next one is of the account that has the fewest
 * running and had the least of the processor lately; who had hardly anything need not wait for a place.
 */
import { availableParallelism } from 'node:os'
import { identityOf } from '../access/auth.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ServerLimits } from '../limits.ts'
import type { ProcessorShares } from './shares.ts'
import type { Job, WorkerThread } from './thread.ts'

/** Looks without a turn after which a thread gets no further request. */
const BUSY_LOOKS = 2
/**
 * Limit `server.worker.held` (queries): queries of one thread, those included whose readers do not read. Beyond it:
 * further ones wait.
 */
const MAX_HELD = 50
/**
 * A query that has run for so long takes no place from those that come: all such queries of a thread leave it at least
 * one place, however long they go on.
 */
const LONG_MS = 5000
/** Places of a thread for accounts that had hardly any processor time lately, in parts of `server.worker.queries`. */
const LIGHT_PART = 1

export type Placed =
  | { readonly on: WorkerThread }
  /** A thread is to be started for it. */
  | { readonly on: 'new' }
  /** It has to wait. */
  | undefined

export class Placement {
  readonly #threads: ReadonlySet<WorkerThread>
  readonly #limits: ServerLimits
  readonly #shares: ProcessorShares
  #waiting: Job[] = []

  readonly #clock: Clock

  constructor(
    threads: ReadonlySet<WorkerThread>,
    { limits, clock }: { readonly limits: ServerLimits; readonly clock: Clock },
    shares: ProcessorShares,
  ) {
    this.#clock = clock
    this.#threads = threads
    this.#limits = limits
    this.#shares = shares
  }

  get waiting(): number {
    return this.#waiting.length
  }

  wait(job: Job): void {
    this.#waiting.push(job)
  }

  /** Whether it was waiting. */
  remove(job: Job): boolean {
    const at = this.#waiting.indexOf(job)
    if (at >= 0) this.#waiting.splice(at, 1)
    return at >= 0
  }

  /** Takes the next request that can run out of those that wait, with its place. */
  next(): { readonly job: Job; readonly place: Exclude<Placed, undefined> } | undefined {
    if (this.#waiting.length === 0) return undefined
    const running = new Map<string, number>()
    for (const { jobs } of this.#threads)
      for (const job of jobs.values())
        if (!job.resting) running.set(accountOf(job), (running.get(accountOf(job)) ?? 0) + 1)
    const rank = (job: Job) => running.get(accountOf(job)) ?? 0
    const recent = (job: Job) => this.#shares.recentMs(accountOf(job))
    const order = this.#waiting
      .map((job) => ({ job, rank: rank(job), recent: recent(job) }))
      .sort((a, b) => a.rank - b.rank || a.recent - b.recent || a.job.number - b.job.number)
    // Those of one account are alike: where its first one finds no place, the others find none.
    const tried = new Set<string>()
    for (const { job } of order) {
      const account = accountOf(job)
      if (job.tries === 0 && tried.has(account)) continue
      tried.add(account)
      const place = this.#placeFor(job)
      if (place === undefined) continue
      this.remove(job)
      return { job, place }
    }
    return undefined
  }

  #placeFor(job: Job): Placed {
    const most = this.#limits['server.workers']
    const alive = [...this.#threads].filter((thread) => !thread.ending)
    const may = alive.filter((thread) => this.#hasRoom(thread, job))
    const own = alive.filter((thread) => [...thread.jobs.values()].some((other) => sameAccount(other, job)))
    const half = Math.max(1, Math.ceil(most / 2))
    // What was begun anew may be what ended its thread: it gets one for itself, where there is one. Those of an account
    // that has its half already stay there: else they would end, one after the other, the threads of everybody.
    if (job.tries > 0 && own.length < half) {
      const free = this.#notLast(may, own).find((thread) => thread.jobs.size === 0)
      if (free !== undefined) return { on: free }
      if (this.#threads.size < most) return { on: 'new' }
    }
    const contended = alive.length >= most && alive.every((thread) => thread.jobs.size > 0)
    const enough = contended && own.length > 0 && this.#shares.isOver(accountOf(job))
    const where = own.length >= half || enough ? may.filter((thread) => own.includes(thread)) : this.#notLast(may, own)
    let best: WorkerThread | undefined
    for (const thread of where) if (best === undefined || burden(thread) < burden(best)) best = thread
    if (best === undefined && own.length < half && this.#threads.size < most) return { on: 'new' }
    return best === undefined ? undefined : { on: best }
  }

  /**
   * The last thread without work is for accounts that have nothing running, as long as another one can be started: who
   * comes next shall not have to wait for that.
   */
  #notLast(may: readonly WorkerThread[], own: readonly WorkerThread[]): readonly WorkerThread[] {
    if (own.length === 0 || this.#threads.size >= this.#limits['server.workers']) return may
    const idle = may.filter((thread) => thread.ready && thread.idle)
    return idle.length > 1 ? may : may.filter((thread) => !idle.includes(thread))
  }

  #hasRoom(thread: WorkerThread, job: Job): boolean {
    if (thread.jobs.size >= MAX_HELD) return false
    const most = this.#limits['server.worker.queries']
    const longAgo = this.#clock.monotonic() - LONG_MS
    let young = 0
    let long = 0
    for (const { resting, startedMs } of thread.jobs.values()) {
      if (resting) continue
      if (startedMs < longAgo) long++
      else young++
    }
    const active = young + Math.min(long, most - 1)
    return active < most || (active < most * (1 + LIGHT_PART) && this.#shares.isLight(accountOf(job)))
  }
}

/** A thread that is not there yet, in queries: on a busy machine its start takes longer than turns of some others do. */
const START_QUERIES = 4

/** What speaks against a thread: that it does not turn, that it is not there yet, that others are. */
export function burden(thread: WorkerThread): number {
  return (
    (thread.stalledLooks >= BUSY_LOOKS ? 10_000 : 0) +
    (thread.active + thread.helping.size + (thread.ready ? 0 : START_QUERIES)) * 100 +
    thread.jobs.size
  )
}

/** Cores that no thread with a query or a share keeps busy. */
export function idleCores(threads: ReadonlySet<WorkerThread>): number {
  const busy = [...threads].filter((thread) => !thread.idle).length
  return Math.max(0, availableParallelism() - busy)
}

function accountOf(job: Job): string {
  return identityOf(job.view.account)
}

function sameAccount(a: Job, b: Job): boolean {
  return accountOf(a) === accountOf(b)
}
