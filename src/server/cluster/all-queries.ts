/** The register of queries of all servers: those of this one, and of the others as they were last heard of. */
import {
  type Counts,
  type KillOutcome,
  type Killer,
  Queries,
  type QueryAbout,
  type QueryEntry,
  type ServerQueries,
} from '../../engine/queries.ts'
import type { Clock } from '../../lib/clock.ts'
import { type Account, administers } from '../access/auth.ts'
import type { ServerConfig } from '../config/config.ts'
import type { Log } from '../log.ts'
import { Servers, type ServersOptions, serversTopicOf } from './servers.ts'

/**
 * The register of a server; where its state is shared, with the queries of the others. `named`: the account of an
 * identity, as this server knows it.
 */
export function openRegister(
  config: ServerConfig,
  log: Log,
  clock: Clock,
  server: Pick<ServersOptions, 'sessions' | 'failures' | 'state'> & { named(identity: string): Account | undefined },
): { readonly queries: ServerQueries; readonly servers: Servers | undefined } {
  const topic = serversTopicOf(config, log, clock)
  if (topic === undefined) return { queries: new Queries(), servers: undefined }
  const mayEnd = (identity: string, { account, environment }: QueryEntry): boolean => {
    const by = server.named(identity)
    return by !== undefined && (identity === account || administers(by, environment))
  }
  const here: Queries = new Queries(() => servers.changed())
  const servers = new Servers({ ...server, topic, queries: here, clock, mayEnd })
  return { queries: new AllQueries(here, servers, mayEnd), servers }
}

/** All queries, as one register. */
export class AllQueries implements ServerQueries {
  readonly #here: Queries
  readonly #servers: Servers
  readonly #mayEnd: (account: string, entry: QueryEntry) => boolean

  constructor(here: Queries, servers: Servers, mayEnd: (account: string, entry: QueryEntry) => boolean) {
    this.#here = here
    this.#servers = servers
    this.#mayEnd = mayEnd
  }

  begin(about: QueryAbout, statistics: Counts): ReturnType<Queries['begin']> {
    return this.#here.begin(about, statistics)
  }

  running(): readonly QueryEntry[] {
    return this.#with(this.#here.running()).filter(({ status }) => status === 'Running')
  }

  all(): readonly QueryEntry[] {
    return this.#with(this.#here.all())
  }

  missing(): readonly string[] {
    return this.#servers.missing()
  }

  /** Who may end a query is decided where it runs, once more. */
  kill(id: string, by: Killer): KillOutcome | Promise<KillOutcome> {
    const entry = this.#here.find(id)
    if (entry === undefined) return this.#servers.kill(id, by)
    return this.#mayEnd(by.account, entry) ? this.#here.kill(id, by) : 'absent'
  }

  #with(here: readonly QueryEntry[]): readonly QueryEntry[] {
    const { name } = this.#servers
    const own = here.map((entry) => ({ ...entry, server: name }))
    return [...own, ...this.#servers.queries()].sort((a, b) => a.startedAt - b.startedAt)
  }
}
