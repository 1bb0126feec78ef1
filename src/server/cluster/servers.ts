/**
 * This server among the others that share its state: says how it is and what it runs, at most about once a second;
 * knows what the others say; ends queries of others, and has its own ended by them. Alone, it goes on by itself.
 */
import { hostname } from 'node:os'
import { randomUUID } from 'node:crypto'
import type { KillOutcome, Killer, Queries, QueryEntry } from '../../engine/queries.ts'
import { Cluster } from '../../kafka/cluster.ts'
import { createKafkaLog } from '../../kafka/read/reader.ts'
import { there } from '../../lib/assert.ts'
import { type Clock, TIMED_OUT, type Timer, within } from '../../lib/clock.ts'
import type { ServerConfig } from '../config/config.ts'
import { serversTopic } from '../environment.ts'
import type { Log } from '../log.ts'
import type { Conversation } from '../socket/conversation.ts'
import { type Kill, MAX_FAILED, type Message, Messages, type Presence } from './messages.ts'
import { OtherServers } from './other-servers.ts'
import { accountsOf, workOf } from './presence.ts'
import { JUST_STARTED, ServersTopic } from './servers-topic.ts'

/**
 * Limit `servers.kill.timeout` (ms): how long the server that runs a query may take to end it for another one. Beyond it:
 * an error that says that it may still run.
 */
const KILL_TIMEOUT_MS = 5000
/** Limit `servers.kills` (queries): of other servers that are being ended at once from here. Beyond it: an error. */
const MAX_KILLS = 20
/** The shortest time between two presences, and so about the error of counts. */
const EVERY_MS = 1000
/** The longest, when nothing changes. */
const HEARTBEAT_MS = 3000
/** How long the last word of a server that stops may take. */
const FAREWELL_MS = 1000
const CLUSTER_TIMEOUT_MS = 10_000

export interface ServersOptions {
  readonly topic: ServersTopicMaker
  readonly queries: Queries
  readonly clock: Clock
  /** What runs here, with its accounts. */
  sessions(): Iterable<Conversation>
  /** Failed logins here, by `accountId`: at most so many, those with the most first. */
  failures(most: number): Presence['failures']
  state(): Presence['state']
  /** Whether an account, by identity, may end a query that runs here. */
  mayEnd(account: string, entry: QueryEntry): boolean
}

/** Makes the topic for whoever listens to it. */
export type ServersTopicMaker = (received: (message: Message) => void) => ServersTopic

/** Where servers of this configuration meet; undefined: nowhere. */
export function serversTopicOf(config: ServerConfig, log: Log, clock: Clock): ServersTopicMaker | undefined {
  const { state } = config
  if (state === undefined) return undefined
  const { kafka } = there(
    config.environments.find(({ name }) => name === state.environment),
    'the configuration was checked for the environment of the state topic',
  )
  const messages = new Messages(config.server.session?.key)
  const timeouts = { retryTimeoutMs: CLUSTER_TIMEOUT_MS, requestTimeoutMs: CLUSTER_TIMEOUT_MS }
  const { topic, replication } = state
  return (received) => {
    const cluster = new Cluster({ clientId: 'sluice', ...kafka, ...timeouts })
    const common = { topic: serversTopic(topic), replication, messages, clock, log, received }
    return new ServersTopic({ cluster, kafka: createKafkaLog(cluster), ...common })
  }
}

interface Asked {
  /** Servers that have not answered; what they are called. */
  readonly left: Map<string, string>
  done(outcome: 'ended' | 'absent'): void
}

export class Servers {
  readonly #options: ServersOptions
  readonly #id = randomUUID()
  readonly #topic: ServersTopic
  readonly #others: OtherServers
  readonly #asked = new Map<string, Asked>()
  #ticking: Timer | undefined
  #soon: Timer | undefined
  #name = ''
  #since = 0
  #seq = 0
  #sentMs = Number.NEGATIVE_INFINITY
  #sent = ''

  constructor(options: ServersOptions) {
    this.#options = options
    this.#others = new OtherServers(options.clock)
    this.#topic = options.topic((message) => this.#received(message))
  }

  /** Host and port, as others show it. */
  get name(): string {
    return this.#name
  }

  /** Why the others cannot be heard at the moment; empty: they can. */
  get problem(): string {
    return this.#topic.problem
  }

  /** The others have not had the time yet to say how they are. */
  get isNew(): boolean {
    return this.#topic.isNew
  }

  get condition(): 'up' | 'down' {
    return this.problem === '' ? 'up' : 'down'
  }

  /** Of this server and of those it has heard of lately. */
  get count(): number {
    return 1 + this.#others.alive().length
  }

  get passedOver(): number {
    return this.#topic.passedOver
  }

  /** To be called once the server listens. */
  begin(port: number): void {
    const { clock } = this.#options
    this.#name = `${hostname()}:${port}`
    this.#since = clock.now()
    this.#topic.begin()
    this.#ticking = clock.every(EVERY_MS, () => this.#tick())
    this.changed()
  }

  /** A query began or ended, or the server drains: the others are told at once, or when a second is over. */
  changed(): void {
    if (this.#ticking === undefined || this.#soon !== undefined) return
    const { clock } = this.#options
    const waitMs = Math.max(0, this.#sentMs + EVERY_MS - clock.monotonic())
    this.#soon = clock.after(waitMs, () => {
      this.#soon = undefined
      this.#tick()
    })
  }

  /** Queries of an account that run on the others, as last heard. */
  running(identity: string): number {
    return this.#others.running(identity)
  }

  /**
   * Failed logins of a user on the others within the hour, as last heard, by `accountId`. Only signed ones count: whoever
   * may write to the topic could keep everybody out.
   */
  failures(account: string): number {
    return this.#topic.isSigned ? this.#others.failures(account) : 0
  }

  /** Queries of the others, as last heard; oldest first. */
  queries(): readonly QueryEntry[] {
    return this.#others.queries()
  }

  /** What of the queries of others is not known here, in sentences for the user. */
  missing(): readonly string[] {
    if (this.problem !== '')
      return [`Queries of other servers may be missing, as these cannot be heard: ${this.problem}.`]
    const started = this.#topic.isNew ? [`Queries of other servers may be missing: ${JUST_STARTED}.`] : []
    return [...started, ...this.#others.missing()]
  }

  /** Ends a query that does not run here. */
  async kill(query: string, by: Killer): Promise<KillOutcome> {
    const alive = this.#others.alive()
    const runs = this.#others.runs(query)
    const asked = runs === undefined ? alive : [runs]
    if (this.problem !== '')
      return { unknown: `No such query runs on this server, and the others cannot be reached: ${this.problem}.` }
    if (asked.length === 0) return this.#absent()
    if (this.#asked.size >= MAX_KILLS)
      return { unknown: `Too many queries of other servers are being ended: the limit servers.kills is ${MAX_KILLS}.` }
    const request = randomUUID()
    const answer = Promise.withResolvers<'ended' | 'absent'>()
    const left = new Map(asked.map(({ from, name }) => [from, name]))
    this.#asked.set(request, { left, done: answer.resolve })
    const { shown, account } = by
    const to = runs === undefined ? {} : { to: runs.from }
    this.#topic.send({ kind: 'kill', from: this.#id, request, query, shown, account, ...to })
    const outcome = await within(answer.promise, { ms: KILL_TIMEOUT_MS, clock: this.#options.clock })
    this.#asked.delete(request)
    if (outcome === 'ended') this.#others.ended(query)
    if (outcome === 'absent' && runs === undefined) return this.#absent()
    if (outcome !== TIMED_OUT) return outcome
    const silent = [...left.values()].map((name) => JSON.stringify(name)).join(', ')
    const said = `${silent} did not answer within ${KILL_TIMEOUT_MS} ms (servers.kill.timeout)`
    return {
      unknown:
        runs === undefined
          ? `No such query runs on the servers that answered; ${said}.`
          : `The server ${said}: the query may still run. SHOW QUERIES tells.`,
    }
  }

  /** Whoever was asked does not run the query. */
  #absent(): KillOutcome {
    const why = this.#others
      .passedOver()
      .map(({ name, problem }) => `the server ${JSON.stringify(name)} is not listened to: ${problem}`)
    if (this.#topic.isNew) why.unshift(JUST_STARTED)
    return why.length === 0
      ? 'absent'
      : { unknown: `No such query runs on the servers that answered; ${why.join('; ')}.` }
  }

  async close(): Promise<void> {
    this.#ticking?.cancel()
    this.#soon?.cancel()
    this.#ticking = undefined
    this.#topic.send({ kind: 'gone', from: this.#id })
    await this.#topic.close(FAREWELL_MS)
  }

  #tick(): void {
    const { clock, queries, sessions, state, failures } = this.#options
    const work = workOf(queries.all(), accountsOf(sessions()), failures(MAX_FAILED))
    const about = { name: this.#name, since: this.#since, state: state(), ...work }
    const text = JSON.stringify(about)
    const silentMs = clock.monotonic() - this.#sentMs
    if (text === this.#sent && silentMs < HEARTBEAT_MS) return
    if (silentMs < EVERY_MS) return this.changed()
    this.#sent = text
    this.#sentMs = clock.monotonic()
    this.#topic.send({ kind: 'presence', from: this.#id, seq: ++this.#seq, at: clock.now(), ...about })
  }

  #received(message: Message): void {
    if (message.from === this.#id) return this.#topic.heardItself()
    switch (message.kind) {
      case 'presence': {
        const taken = this.#others.take(message)
        if (typeof taken === 'object')
          return this.#topic.passOver(`of ${JSON.stringify(message.name)}: ${taken.problem}`)
        if (taken === 'known') return
        // It does not know this one yet.
        this.#sent = ''
        return this.changed()
      }
      case 'gone':
        return this.#others.gone(message.from)
      case 'kill':
        return this.#end(message)
      case 'answer': {
        const asked = this.#asked.get(message.request)
        if (asked?.left.delete(message.from) !== true) return
        if (message.outcome === 'ended' || asked.left.size === 0) asked.done(message.outcome)
      }
    }
  }

  /** Another server asks for the end of a query; who may end it is decided here once more. */
  #end({ to, query, request, shown, account }: Kill): void {
    if (to !== undefined && to !== this.#id) return
    const { queries, mayEnd } = this.#options
    const entry = queries.find(query)
    const isEnded = entry !== undefined && mayEnd(account, entry) && queries.kill(query, { shown, account }) === 'ended'
    this.#topic.send({ kind: 'answer', from: this.#id, request, outcome: isEnded ? 'ended' : 'absent' })
  }
}
