/**
 * How long the stages of a request took, for traces: plain data, which crosses from a worker to the main thread with
 * the summary. A few entries for each statement and source, none for records or batches. Where nobody asked for them,
 * nothing is noted.
 */
import type { Clock } from '../../lib/clock.ts'

/**
 * Limit `trace.stages` (stages): stages of one request that are noted. Beyond it: they are counted only, and the span of
 * the query says how many were left out.
 */
const MAX_STAGES = 200
/**
 * Limit `trace.operations` (statements): statements of one request whose kind is noted. Beyond it: the name of the span
 * leaves them out.
 */
const MAX_OPERATIONS = 20

/** `statement` only where there are several; `command`: a statement that changes something, in front of its answer. */
export type StageName = 'parse' | 'statement' | 'bind' | 'optimize' | 'command' | 'run' | 'read'

/**
 * What a stage has to say: of `read` the topic, its partitions, records and bytes, and which other engine (`flink`) reads;
 * of `statement` its index.
 */
export type StageFacts = Readonly<Record<string, string | number>>

/** One stage; times in milliseconds, the beginning since that of the request. */
export interface Stage {
  readonly name: StageName
  /** Index of the stage that it is a part of. */
  readonly parent?: number
  readonly startMs: number
  /** As `startMs`. Not a duration: what is added anew may be rounded beyond the end of the stage around. */
  readonly endMs: number
  /** It ended in an error, or with the query in its middle. */
  readonly failed?: true
  readonly facts?: StageFacts
}

/** The stages of a request in the order of their beginnings. */
export interface StageReport {
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** Kinds of the statements that were begun: `SELECT`, `CREATE TABLE`. */
  readonly operations: readonly string[]
  readonly stages: readonly Stage[]
  readonly leftOut: number
}

interface Noted {
  readonly name: StageName
  readonly parent: number | undefined
  readonly startMs: number
  endMs?: number
  failed?: true
  facts?: StageFacts
}

/** Ends a stage; `facts` is what is known of it by now. */
export type EndStage = (failed: boolean, facts?: StageFacts) => void

/** Notes the stages of one request. Stages follow each other or hold each other, but for those that are `beside` others. */
export class Stages {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #startedMs: number
  readonly #noted: Noted[] = []
  readonly #operations: string[] = []
  #current: number | undefined
  #leftOut = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#startedMs = clock.monotonic()
  }

  /** A statement of this kind begins. */
  operation(name: string): void {
    if (this.#operations.length < MAX_OPERATIONS) this.#operations.push(name)
  }

  /** Begins a stage, inside of the one that has begun and not ended. What it gives ends it. */
  begin(name: StageName): EndStage {
    const around = this.#current
    const index = this.#noted.length
    const end = this.beside(name)
    if (this.#noted.length === index) return end
    this.#current = index
    return (failed, facts) => {
      this.#current = around
      end(failed, facts)
    }
  }

  /** As `begin`, for a stage that holds no others and may go on beside them, but not beyond the one that holds it. */
  beside(name: StageName): EndStage {
    if (this.#noted.length >= MAX_STAGES) {
      this.#leftOut++
      return () => undefined
    }
    const stage: Noted = { name, parent: this.#current, startMs: this.#sinceStart() }
    this.#noted.push(stage)
    return (failed, facts) => {
      const around = stage.parent === undefined ? undefined : this.#noted[stage.parent].endMs
      stage.endMs = Math.max(stage.startMs, Math.min(this.#sinceStart(), around ?? Number.POSITIVE_INFINITY))
      if (failed) stage.failed = true
      if (facts !== undefined) stage.facts = facts
    }
  }

  /** What has been noted so far; what goes on ends now. */
  report(): StageReport {
    const nowMs = this.#sinceStart()
    const stages = this.#noted.map(
      ({ name, parent, startMs, endMs, failed, facts }): Stage => ({
        name,
        ...(parent === undefined ? {} : { parent }),
        startMs,
        endMs: endMs ?? nowMs,
        ...(failed === true || endMs === undefined ? { failed: true } : {}),
        ...(facts === undefined ? {} : { facts }),
      }),
    )
    return { startedAt: this.#startedAt, operations: [...this.#operations], stages, leftOut: this.#leftOut }
  }

  #sinceStart(): number {
    return this.#clock.monotonic() - this.#startedMs
  }
}

/**
 * Does `work` as a stage, if stages are noted; `facts` is asked when it is over, however it ended. Gives what `work`
 * gives.
 */
export function during<T>(
  stages: Stages | undefined,
  name: StageName,
  work: () => T,
  facts: () => StageFacts | undefined = () => undefined,
): T {
  if (stages === undefined) return work()
  const end = stages.begin(name)
  let result: T
  try {
    result = work()
  } catch (error) {
    end(true, facts())
    throw error
  }
  if (!(result instanceof Promise)) {
    end(false, facts())
    return result
  }
  return result.then(
    (value: unknown) => {
      end(false, facts())
      return value
    },
    (error: unknown) => {
      end(true, facts())
      throw error
    },
  ) as T
}
