/**
 * Queries that run and those that ran: for SHOW QUERIES, KILL QUERY and the REST calls of the same purpose. In memory,
 * with a bound; one registry serves a whole server. The caller decides who may see or end which query.
 */
import { UserError } from '../lib/user-error.ts'
import type { Statistics } from './statistics.ts'

/** How a query is, as lists of queries show it. */
export type QueryStatus = 'Running' | 'Completed' | 'Killed' | 'Error'

/** A running or finished query, as SHOW QUERIES and REST list it. */
export interface QueryEntry {
  /** The id in STATS frames. */
  readonly id: string
  readonly sql: string
  readonly user: string
  /** What tells the account from others of the same name. */
  readonly account: string
  readonly environment: string
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly finishedAt?: number
  readonly status: QueryStatus
  /** The error's text, or who killed it. */
  readonly message?: string
  readonly recordsScanned: number
  readonly bytesRead: number
  readonly rows: number
  /** Of several servers the one that runs it. */
  readonly server?: string
}

/** Limit `queries.history` (queries): finished queries that are remembered. Beyond it: the oldest one is forgotten. */
const HISTORY = 1000
/**
 * Limit `queries.history.characters` (characters): text of a statement in the list of queries. Beyond it: the text is
 * cut there.
 */
const MAX_SQL = 10_000

/** The reason of a query that was killed; its message is for the user. */
export class Killed extends UserError {}

/** Who ends a query. */
export interface Killer {
  /** As its user is told. */
  readonly shown: string
  /** What tells the account from others of the same name. */
  readonly account: string
}

/** What became of it. `absent`: no such query runs; `unknown`: nobody can say, and why, in a sentence for the user. */
export type KillOutcome = 'ended' | 'absent' | { readonly unknown: string }

/** What the register needs of a query that runs. */
export type Counts = Pick<Statistics, 'id' | 'startedAt' | 'durationMs' | 'recordsScanned' | 'bytesRead' | 'results'>

/** Whose query it is, and what it says. */
export interface QueryAbout {
  readonly sql: string
  readonly user: string
  readonly account: string
  readonly environment: string
}

/** The register as the engine uses it; of a query on a thread of its own it is asked across threads. */
export interface QueryRegister {
  /** Enters a query; the signal is aborted with a `Killed` when somebody kills it. `end` has to be called once. */
  begin(
    about: QueryAbout,
    statistics: Statistics,
  ): { readonly signal: AbortSignal; end(outcome: 'end' | 'error' | 'cancelled', message?: string): void }
  running(): readonly QueryEntry[] | Promise<readonly QueryEntry[]>
  all(): readonly QueryEntry[] | Promise<readonly QueryEntry[]>
  /** Of several servers, what of the others may not be in these lists, in sentences for the user. */
  missing(): readonly string[] | Promise<readonly string[]>
  kill(id: string, by: Killer): KillOutcome | Promise<KillOutcome>
}

/** The register of a server: queries may run on other threads. */
export interface ServerQueries extends QueryRegister {
  begin(
    about: QueryAbout,
    statistics: Counts,
  ): { readonly signal: AbortSignal; end(outcome: 'end' | 'error' | 'cancelled', message?: string): void }
}

interface Running {
  readonly entry: Omit<QueryEntry, 'status' | 'recordsScanned' | 'bytesRead' | 'rows'>
  readonly statistics: Counts
  readonly abort: AbortController
}

/** The register of running queries and of those that finished last; here queries are killed. */
export class Queries implements ServerQueries {
  readonly #running = new Map<string, Running>()
  readonly #history: QueryEntry[] = []
  readonly #changed: () => void

  /** `changed` is called when a query has begun or ended. */
  constructor(changed: () => void = () => undefined) {
    this.#changed = changed
  }

  /** Enters a query; the signal is aborted with a `Killed` when somebody kills it. `end` has to be called once. */
  begin(
    about: QueryAbout,
    statistics: Counts,
  ): { readonly signal: AbortSignal; end(outcome: 'end' | 'error' | 'cancelled', message?: string): void } {
    const abort = new AbortController()
    const { id, startedAt } = statistics
    const sql = about.sql.length > MAX_SQL ? `${about.sql.slice(0, MAX_SQL)}…` : about.sql
    const running: Running = { entry: { ...about, sql, id, startedAt }, statistics, abort }
    this.#running.set(id, running)
    this.#changed()
    return {
      signal: abort.signal,
      end: (outcome, message) => {
        if (!this.#running.delete(id)) return
        const killed = abort.signal.aborted
        const status: QueryStatus =
          killed || outcome === 'cancelled' ? 'Killed' : outcome === 'error' ? 'Error' : 'Completed'
        const said = killed
          ? String((abort.signal.reason as Error).message)
          : outcome === 'cancelled'
            ? (message ?? 'The client closed the connection.')
            : message
        this.#history.push({
          ...counted(running, status),
          finishedAt: startedAt + Math.round(statistics.durationMs),
          ...(said === undefined ? {} : { message: said }),
        })
        if (this.#history.length > HISTORY) this.#history.shift()
        this.#changed()
      },
    }
  }

  /** Oldest first. */
  running(): QueryEntry[] {
    return [...this.#running.values()].map((r) => counted(r, 'Running'))
  }

  /** Those that ended and those that run, oldest first. */
  all(): QueryEntry[] {
    return [...this.#history, ...this.running()]
  }

  /** Nothing: they are all here. */
  missing(): readonly string[] {
    return []
  }

  /** A running query; undefined when there is none of that id. */
  find(id: string): QueryEntry | undefined {
    const running = this.#running.get(id)
    return running && counted(running, 'Running')
  }

  /** Ends a query with an ERROR that tells its user who did it. */
  kill(id: string, { shown }: Killer): 'ended' | 'absent' {
    const running = this.#running.get(id)
    running?.abort.abort(new Killed(`The query was killed by ${shown}.`))
    return running === undefined ? 'absent' : 'ended'
  }
}

function counted({ entry, statistics }: Running, status: QueryStatus): QueryEntry {
  return {
    ...entry,
    status,
    recordsScanned: statistics.recordsScanned,
    bytesRead: statistics.bytesRead,
    rows: statistics.results,
  }
}
