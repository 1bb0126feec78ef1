/**
 * Processor time of the jobs of one thread. The thread's own use is looked at whenever a job comes to the end of a slice
 * of its work; what was used since the last look was used by that job. A job that goes on after others had their turn
 * leaves what was used in between to the one that was seen before it.
 */
import { systemClock } from '../../lib/clock.ts'
import { shownValue } from '../../plan/settings.ts'

interface Use {
  /** Of the whole job, on this thread. */
  usedMs: number
  /** Of other threads for the statement at hand. */
  helpedMs: number
  /** Of the job when its statement began. */
  beganMs: number
  limitMs: number
}

/** A job whose statement has used more than it may, and that limit in milliseconds. */
interface Over {
  readonly job: number
  readonly limitMs: number
}

/** What a user is told whose statement has used more than `limitMs`. */
export function overSentence(limitMs: number): string {
  const most = shownValue(limitMs, 'duration')
  return `The query was ended: a statement of it used more than ${most} of processor time (max.processor.time). Filter with WHERE, name fewer columns, or allow more with SET max.processor.time.`
}

/** Looks in a row of one job that are closer than this are one: a look is a call of the system. */
const LEAST_MS = 1

/** Milliseconds that this thread has kept a processor busy; where Node cannot say that, milliseconds at all. */
function threadMs(): number {
  // Not in the older versions of Node that the package runs on.
  if (typeof process.threadCpuUsage !== 'function') return systemClock.monotonic()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

export class ProcessorTime {
  readonly #jobs = new Map<number, Use>()
  readonly #thread: () => number
  #seenMs: number
  #seenAt = 0
  #last = 0

  /** `thread`: milliseconds of processor time of this thread so far. */
  constructor(thread: () => number = threadMs) {
    this.#thread = thread
    this.#seenMs = thread()
  }

  start(job: number): void {
    this.look(undefined)
    this.#jobs.set(job, { usedMs: 0, helpedMs: 0, beganMs: 0, limitMs: Number.POSITIVE_INFINITY })
    this.#last = job
  }

  /** Milliseconds that it has used in all, on this thread. */
  end(job: number): number {
    this.look(job)
    const usedMs = this.used(job)
    this.#jobs.delete(job)
    return usedMs
  }

  used(job: number): number {
    return this.#jobs.get(job)?.usedMs ?? 0
  }

  /** A statement of the job begins, which may use so much. */
  begin(job: number, limitMs: number): void {
    this.look(job)
    const use = this.#jobs.get(job)
    if (use !== undefined) Object.assign(use, { beganMs: use.usedMs, helpedMs: 0, limitMs })
  }

  /** Other threads have used so much more for the statement of the job. Answers as `look`. */
  helped(job: number, processorMs: number): Over | undefined {
    const use = this.#jobs.get(job)
    if (use === undefined) return undefined
    use.helpedMs += processorMs
    return overOf(job, use)
  }

  /**
   * `job` comes to the end of a slice; undefined: it, or the timer of the thread, comes after others. Answers with a job
   * whose statement has used more than it may, and with that limit.
   */
  look(job: number | undefined): Over | undefined {
    const at = systemClock.monotonic()
    if (job === this.#last && at - this.#seenAt < LEAST_MS) return undefined
    this.#seenAt = at
    const nowMs = this.#thread()
    const delta = nowMs - this.#seenMs
    this.#seenMs = nowMs
    this.#last = job ?? this.#last
    const use = this.#jobs.get(this.#last)
    if (use === undefined) return undefined
    use.usedMs += delta
    return overOf(this.#last, use)
  }

  /** `job` goes on after others. */
  resume(job: number): Over | undefined {
    const over = this.look(undefined)
    this.#last = job
    return over
  }
}

/** The job, if it has used more than it may; once. */
function overOf(job: number, use: Use): Over | undefined {
  const { usedMs, beganMs, helpedMs, limitMs } = use
  if (usedMs - beganMs + helpedMs <= limitMs) return undefined
  use.limitMs = Number.POSITIVE_INFINITY
  return { job, limitMs }
}
