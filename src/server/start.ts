/**
 * Puts the server together: environments, accounts, HTTP, the upgrade to WebSocket, a session for each socket. Also its
 * end: running queries may finish for a while, then they get an ERROR. No command line, no configuration files.
 */
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { OwnedStore } from '../catalog/store.ts'
import type { ServerQueries } from '../engine/queries.ts'
import type { QueryEnvironment } from '../engine/host.ts'
import { runRequest } from '../engine/request.ts'
import type { Maxima } from '../plan/settings.ts'
import { type Clock, sleep, systemClock } from '../lib/clock.ts'
import { errorAsObject } from '../protocol/frames.ts'
import {
  type Account,
  type AccountChange,
  Accounts,
  identityOf,
  mayEnter,
  type ServiceAccountConfig,
  type UserConfig,
} from './access/auth.ts'
import { openRegister } from './cluster/all-queries.ts'
import type { Servers } from './cluster/servers.ts'
import type { BasePath } from './http/base-path.ts'
import { closeHttp } from './http/close.ts'
import { Connections } from './http/connections.ts'
import type { ServerConfig } from './config/config.ts'
import type { CatalogPeers, Environment, OpenEnvironment } from './environment.ts'
import { Health } from './health.ts'
import { basePathOf, createHttp } from './http/http.ts'
import { createLog, type Log } from './log.ts'
import { admit } from './socket/admission.ts'
import { watchQuery } from './socket/query-log.ts'
import { addedCounts, Metrics } from './metrics.ts'
import type { ExportCall } from './rest/route.ts'
import type { Conversation } from './socket/conversation.ts'
import { ExportAnswer, type Unanswered } from './export/export-answer.ts'
import { ExportTickets } from './export/tickets.ts'
import { openTraces } from './telemetry/open-traces.ts'
import type { Traces } from './telemetry/traces.ts'
import { Callers } from './access/callers.ts'
import { LoginsUnread, sharedLogins } from './access/revocations.ts'
import { endChanged, endLogins } from './socket/ending.ts'
import { createUpgrades, type Run, Session, type SessionEnvironment, type SessionHost } from './socket/session.ts'
import { answerCall, CallError } from './workers/calls.ts'
import type { QueryView } from './workers/messages.ts'
import { WorkerPool } from './workers/pool.ts'
import { runHere } from './workers/run-here.ts'
import { notOfferedAt } from './http/not-offered.ts'
import { credential, isLensesCli, NO_HOST, refuseUpgrade, type Target, target } from './socket/upgrade.ts'

/** A server that listens. */
export interface RunningServer {
  /** `http://127.0.0.1:9991`, with the port that was really taken, and the base path. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly environments: readonly Environment[]
  /** The others that share its state, as this one knows them; undefined where nothing is shared. */
  readonly servers: Pick<Servers, 'name' | 'count' | 'condition' | 'problem' | 'isNew'> | undefined
  /** What the queries run on; undefined where they run on this thread. */
  readonly workers: Pick<WorkerPool, 'occupation' | 'restart' | 'ended'> | undefined
  /**
   * Takes other accounts in place of those it has. Sockets of an account that is gone, or whose password or token is
   * another one, get ERROR, END and the close; queries of one that may see something else get an ERROR that says so.
   * Says what became of the accounts.
   */
  setAccounts(users: readonly UserConfig[], serviceAccounts: readonly ServiceAccountConfig[]): readonly AccountChange[]
  /** A code that logs a browser in as that user: good once, for two minutes. */
  offerCode(user: string): string
  /**
   * Says that it is draining for `shutdown.delay` (unless `graceMs` is 0), then takes nothing new and lets running
   * queries finish for up to `shutdown.grace`, then ends them with an ERROR that says so. Resolves when everything is
   * closed. A second call with `graceMs` 0 ends the waits of the first.
   */
  close(graceMs?: number): Promise<void>
}

/** Parts that tests replace. */
export interface StartOptions {
  readonly log?: Log
  /** The engine, unless a test puts something in its place. */
  readonly run?: Run
  /** Connects an environment, unless a test puts something in its place. */
  readonly open?: OpenEnvironment
  /** The module of the workers, unless a test puts something in its place. */
  readonly worker?: URL
  readonly clock?: Clock
}

/**
 * Resolves when the server listens. Rejects when the port cannot be had; a Kafka that does not answer is no reason (it
 * may come later).
 */
export async function startServer(config: ServerConfig, options: StartOptions = {}): Promise<RunningServer> {
  const log = options.log ?? createLog(config.log.level)
  const open = options.open ?? (await import('./open-environment.ts')).openEnvironment
  const store = await (await import('./open-state.ts')).openState(config, log, options.clock)
  let pool: WorkerPool | undefined
  const peersOf = (environment: string): CatalogPeers => ({
    forgot: (topic) => pool?.tell({ what: 'forget', environment, topic }),
    met: (news) => pool?.tell({ what: 'met', environment, news }),
  })
  const opening = Promise.all(config.environments.map((e) => open(e, store, peersOf(e.name))))
  opening.catch(() => store.close())
  const environments = await opening
  const clock = options.clock ?? systemClock
  const traces = await openTraces(config.telemetry?.traces, { limits: config.limits, log, clock })
  const server = new Server(config, environments, { log, run: options.run ?? runRequest, clock, store, traces })
  try {
    // A stand-in for the engine or for an environment cannot be taken to another thread.
    if (config.limits['server.workers'] > 0 && options.run === undefined && options.open === undefined)
      pool = new WorkerPool({
        environments: config.environments,
        here: () => environments,
        store,
        queries: server.queries,
        limits: config.limits,
        clock,
        module: options.worker,
        failed: (cause, what) => log.error({ err: cause }, what),
      })
    await server.listen(pool)
  } catch (cause) {
    await pool?.close()
    await Promise.all(environments.map((e) => e.close()))
    store.close()
    throw cause
  }
  return server
}

/**
 * The driver takes one END for each `next()` that finds no row, and hangs on the one after the last; it takes a result
 * whose connection is closed for one without rows. Programs ask once or twice more than there are rows (sqlline does,
 * MyBatis looks whether the result is closed before every row).
 */
const JDBC_ENDS = 4

class Server implements RunningServer {
  readonly environments: readonly Environment[]
  readonly #config: ServerConfig
  readonly #log: Log
  readonly #run: Run
  readonly #clock: Clock
  readonly #base: BasePath
  readonly #store: OwnedStore
  readonly #traces: Traces | undefined
  #pool: WorkerPool | undefined
  /** What runs, and what ran, here and on the other servers. */
  readonly queries: ServerQueries
  readonly servers: Servers | undefined
  readonly #accounts: Accounts
  readonly #metrics: Metrics
  readonly #health: Health
  readonly #http: ReturnType<typeof createHttp>
  readonly #upgrades: ReturnType<typeof createUpgrades>
  readonly #connections: Connections
  readonly #callers: Callers
  readonly #sessions = new Set<Conversation>()
  #closing: Promise<void> | undefined
  readonly #hurry = new AbortController()
  #idle: (() => void) | undefined
  url = ''
  host = ''
  port = 0

  constructor(
    config: ServerConfig,
    environments: readonly Environment[],
    means: { log: Log; run: Run; clock: Clock; store: OwnedStore; traces: Traces | undefined },
  ) {
    this.#config = config
    this.#base = basePathOf(config)
    this.environments = environments
    this.#log = means.log
    this.#run = means.run
    this.#clock = means.clock
    this.#store = means.store
    this.#traces = means.traces
    const { users, serviceAccounts, limits } = config
    const logins = sharedLogins(config.server.session, means.store, means.clock, limits['server.session.timeout'])
    logins?.revocations.onChange(() => endLogins(this.#sessions, (account) => this.#accounts.isOver(account)))
    const register = openRegister(config, means.log, means.clock, {
      sessions: () => this.#sessions,
      failures: (most) => this.#accounts.failures(most),
      state: () => (this.#health.phase === 'serving' ? 'ready' : 'draining'),
      named: (identity) => this.#accounts.named(identity),
    })
    this.queries = register.queries
    this.servers = register.servers
    this.#accounts = new Accounts(users, serviceAccounts, limits, means.clock, logins, this.servers)
    this.#metrics = new Metrics({
      openSockets: () => this.#sessions.size,
      runningQueries: () => this.#running().length,
      connections: () => ({
        all: this.#connections.size,
        unauthenticated: this.#connections.unauthenticated,
        cut: this.#connections.cut,
      }),
      workers: () => this.#pool?.figures,
      traces: () => means.traces?.figures,
      store: means.store,
      kafkaRequests: () =>
        addedCounts([
          ...environments.flatMap(({ name, cluster }) =>
            [...(cluster?.requests ?? [])].map(([request, count]) => ({ environment: name, request, count })),
          ),
          ...(this.#pool?.requests ?? []),
        ]),
      servers: this.servers,
    })
    this.#health = new Health(environments, means.clock, means.log, means.store)
    this.#health.servers = this.servers
    this.#connections = new Connections(config.limits)
    this.#callers = new Callers(this.#accounts, this.#connections, this.#metrics.refusedTokens, means.log, config)
    this.#http = createHttp({
      config,
      accounts: this.#accounts,
      health: this.#health,
      metrics: this.#metrics,
      log: means.log,
      traces: means.traces,
      environments,
      logout: (token) => this.#logout(token),
      who: (request) => this.#callers.who(request),
      ask: (name, input, environment, account) =>
        this.#pool === undefined
          ? answerCall(name, input, this.#view(environment, account))
          : this.#pool.call(name, input, environment.name, account),
      export: (call, answer) => this.#export(call, answer),
      tickets: new ExportTickets(this.#clock),
      view: (environment, account) => this.#view(environment, account),
    })
    this.#connections.watch(this.#http.server)
    this.#upgrades = createUpgrades(config.limits)
  }

  get workers(): WorkerPool | undefined {
    return this.#pool
  }

  /** `pool` runs the requests; without it they run on this thread. */
  async listen(pool?: WorkerPool): Promise<void> {
    this.#pool = pool
    const { host, port, tls } = this.#config.server
    this.#http.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket as Socket, head),
    )
    await this.#http.listen({ host, port })
    this.host = host
    this.port = (this.#http.server.address() as AddressInfo).port
    const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
    this.url = `http${tls === undefined ? '' : 's'}://${shown}:${this.port}${this.#config.server.basePath ?? ''}`
    this.servers?.begin(this.port)
    this.#log.info({ host, port: this.port, environments: this.environments.map((e) => e.name) }, 'server started')
  }

  close(graceMs: number = this.#config.limits['shutdown.grace']): Promise<void> {
    if (this.#closing === undefined) this.#closing = this.#shutDown(graceMs)
    else if (graceMs === 0) this.#hurry.abort()
    return this.#closing
  }

  setAccounts(
    users: readonly UserConfig[],
    serviceAccounts: readonly ServiceAccountConfig[],
  ): readonly AccountChange[] {
    const changes = this.#accounts.replace(users, serviceAccounts)
    endChanged(this.#sessions, changes)
    return changes
  }

  offerCode(user: string): string {
    return this.#accounts.offer(user)
  }

  async #logout(token: string): Promise<void> {
    const ended = this.#accounts.logout(token)
    if (ended === undefined) return
    endLogins(this.#sessions, ({ login }) => login === ended.login)
    await ended.told
  }

  async #shutDown(graceMs: number): Promise<void> {
    const delayMs = graceMs === 0 ? 0 : this.#config.limits['shutdown.delay']
    this.#log.info({ runningQueries: this.#running().length, delayMs, graceMs }, 'server is stopping')
    this.#health.phase = 'draining'
    this.servers?.changed()
    if (delayMs > 0) await sleep(this.#clock, delayMs, this.#hurry.signal).catch(() => undefined)
    this.#health.phase = 'closing'
    const untilMs = this.#clock.monotonic() + graceMs
    this.#http.server.closeIdleConnections()
    for (const session of this.#sessions) {
      session.refuse('The server is shutting down.')
      session.closeNow()
    }
    await this.#whenIdle(graceMs, this.#hurry.signal)
    for (const session of this.#sessions)
      session.stop('The server is shutting down: the query was ended before it was complete (shutdown.grace).')
    await this.#whenIdle(1000)
    for (const session of this.#sessions) session.destroy()
    const left = untilMs - this.#clock.monotonic()
    await closeHttp(this.#http, this.#connections, left, { clock: this.#clock, hurry: this.#hurry.signal })
    this.#upgrades.close()
    await this.#accounts.close()
    await this.servers?.close()
    await Promise.all([this.#pool?.close(), this.#traces?.close()])
    await Promise.all(this.environments.map((environment) => environment.close()))
    this.#store.close()
    this.#log.info('server stopped')
  }

  /** Resolves when no socket is left, or after `limitMs`, or when `hurry` cuts the wait. */
  #whenIdle(limitMs: number, hurry?: AbortSignal): Promise<void> {
    if (this.#sessions.size === 0 || limitMs === 0 || hurry?.aborted === true) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#clock.after(limitMs, resolve)
      this.#idle = () => {
        timer.cancel()
        resolve()
      }
      hurry?.addEventListener('abort', this.#idle)
    })
  }

  #running(): Conversation[] {
    return [...this.#sessions].filter((session) => session.state === 'running')
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    request.url = this.#base.inside(request.url ?? '/', request.headers)
    const refuse = (status: number, title: string) => {
      this.#metrics.refused.inc({ reason: String(status) })
      const path = request.url?.replace(/\?.*/s, '').slice(0, 200)
      const address = this.#callers.addressOf(request)
      this.#log.info({ status, path, address, reason: title }, 'connection refused')
      refuseUpgrade(request, socket, status, title)
    }
    if (request.headers.host === undefined) return refuse(400, NO_HOST)
    if (this.#health.phase === 'closing') return refuse(503, 'The server is shutting down.')
    const wanted = target(request.url ?? '/')
    if (wanted === undefined) {
      const left = notOfferedAt(request.url ?? '/')
      return left === undefined ? refuse(404, 'No WebSocket lives at this address.') : refuse(501, left)
    }
    const token = credential(request)
    const found = this.#callers.upgrading(token, request)
    const account = found instanceof LoginsUnread ? undefined : found
    if (wanted.proxied) {
      if (found instanceof LoginsUnread) return refuse(503, found.message)
      if (account === undefined)
        return refuse(
          401,
          token === undefined
            ? 'Send "Authorization: Bearer <key of a service account>".'
            : 'The bearer key is not valid: it is unknown, has expired or was revoked.',
        )
      if (this.#environment(wanted) === undefined)
        return refuse(404, `There is no environment ${JSON.stringify(wanted.environment)}.`)
      if (!mayEnter(account, wanted.environment))
        return refuse(
          403,
          `The account ${JSON.stringify(account.name)} may not use the environment ${JSON.stringify(wanted.environment)}.`,
        )
    }
    const full = account === undefined ? undefined : this.#connections.admit(socket, account)
    if (full !== undefined) return refuse(503, full)
    const cli = isLensesCli(request, wanted)
    this.#upgrades.handleUpgrade(request, socket, head, (ws) => {
      const session = new Session(ws, socket, this.#host(wanted, token, cli, request), account)
      if (cli) session.out.translate = errorAsObject
      this.#sessions.add(session)
      this.#connections.upgraded(socket, session)
    })
  }

  #environment(wanted: Target): Environment | undefined {
    const name = wanted.environment ?? this.#config.environments.find((e) => e.default)?.name
    return this.environments.find((environment) => environment.name === name)
  }

  #host(wanted: Target, given: string | undefined, cli: boolean, request: IncomingMessage): SessionHost {
    const { socket } = request
    return {
      limits: this.#config.limits,
      clock: this.#clock,
      checksToken: !wanted.proxied,
      again: () => (given === undefined ? undefined : this.#accounts.byToken(given)),
      authenticate: (token) => {
        if (wanted.proxied) return 'Not authenticated: the key is not valid any more.'
        return this.#callers.firstMessage(token, given, request)
      },
      environment: (account) => this.#visible(wanted, account, cli),
      admit: (account) => {
        this.#connections.heard(socket)
        return admit(account, this.#sessions, this.#config.limits, this.servers?.running(identityOf(account)))
      },
      ...watchQuery(request, {
        log: this.#log,
        metrics: this.#metrics,
        traces: this.#traces,
        changed: () => this.servers?.changed(),
      }),
      closed: (session) => this.#closed(session),
      dialect:
        wanted.dialect === 'jdbc'
          ? { ends: JDBC_ENDS, closeAfterMs: this.#config.limits['server.jdbc.close.timeout'] }
          : undefined,
    }
  }

  #export({ account, environment, sql, options, watch }: ExportCall, answer: Unanswered): Promise<void> {
    if (this.#health.phase === 'closing') throw new CallError(503, 'The server is shutting down.')
    const wanted: Target = { dialect: 'v2', proxied: true, environment, export: options }
    const exported = new ExportAnswer(this.#host(wanted, undefined, false, answer.response.req), account, answer)
    this.#sessions.add(exported)
    watch?.(exported)
    return exported.run({ sql, live: false })
  }

  /** An environment as an account may use it. */
  #view(environment: Environment, account: Account): QueryEnvironment {
    const queries = {
      registry: this.queries,
      user: account.name,
      account: identityOf(account),
      environment: environment.name,
    }
    return { ...environment.query(account), defaults: this.#config.settings, maxima: this.#maxima(account), queries }
  }

  #maxima(account: Account): Maxima {
    return { ...this.#config.maxima, ...account.limits?.maxima }
  }

  #sessionEnvironment(environment: Environment, view: QueryView): SessionEnvironment {
    const pool = this.#pool
    return {
      name: environment.name,
      run: (request, out, signal) =>
        pool === undefined
          ? runHere(this.#run, this.#clock, this.#view(environment, view.account), view, request, out, signal)
          : pool.run(request, view, out, signal),
    }
  }

  #visible(wanted: Target, account: Account, cli: boolean): SessionEnvironment | string {
    const environment = this.#environment(wanted)
    if (environment !== undefined && mayEnter(account, environment.name)) {
      const frame =
        wanted.dialect === 'jdbc'
          ? 'server.max.frame.bytes.jdbc'
          : wanted.proxied
            ? 'server.max.frame.bytes'
            : 'server.max.frame.bytes.agent'
      return this.#sessionEnvironment(environment, {
        environment: environment.name,
        account,
        // The JDBC driver reads times as numbers.
        maxima: this.#maxima(account),
        defaults: { ...this.#config.settings, ...(wanted.dialect === 'jdbc' ? { 'format.timestamp': false } : {}) },
        maxFrame: { name: frame, bytes: this.#config.limits[frame] },
        metadataFollowsFormat: cli,
        dialect: wanted.dialect === 'jdbc' ? 'jdbc' : cli ? 'cli' : 'v2',
        export: wanted.export,
        traced: this.#traces !== undefined,
      })
    }
    // On the proxied path the handshake has distinguished these two.
    return wanted.environment === undefined
      ? 'The account may not use the default environment.'
      : `There is no environment ${JSON.stringify(wanted.environment)}, or the account may not use it.`
  }

  #closed(session: Conversation): void {
    this.#sessions.delete(session)
    if (this.#sessions.size === 0) this.#idle?.()
  }
}
