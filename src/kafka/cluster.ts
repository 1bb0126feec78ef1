/**
 * A Kafka cluster as a reader needs it: who leads what, where logs begin and end, how topics are configured; and
 * connections, kept for reuse. It reads only: no group, no commit, nothing is created. Fetching is done by `fetch` on
 * connections that are lent from here.
 */
import { sleep, systemClock, TIMED_OUT, type Timer, wakefulClock, within } from '../lib/clock.ts'
import {
  type Broker,
  DESCRIBE_CONFIGS,
  LIST_OFFSETS,
  METADATA,
  type Metadata,
  missing,
  readConfigs,
  readMetadata,
  readOffsets,
  type TopicConfig,
  type TopicMetadata,
  topicConfigOf,
  writeMetadata,
} from './answers.ts'
import { Lru } from '../lib/lru.ts'
import type { Address, ClusterConfig } from './config.ts'
import {
  GAP_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  NEW_PARTITIONS_MS,
  parseAddress,
  REQUEST_TIMEOUT_MS,
  RETRY_TIMEOUT_MS,
  showAddress,
} from './config.ts'
import { type Listing, ListingReader, lists } from './listing.ts'
import { Connection } from './wire/connection.ts'
import { brokerError, clientError, ERROR, leftOut, noOffset, worse } from './errors.ts'
import { type Isolation, KafkaError } from './log.ts'

export type { Broker, Metadata, PartitionMetadata, TopicConfig, TopicMetadata } from './answers.ts'

/** Limits of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal
  /** Milliseconds of `Clock.monotonic` after which to give up, with the error of `expired`. */
  readonly deadlineMs?: number
}

/** How old what is remembered of topics may be. */
interface Freshness {
  /** The cluster is asked in any case. */
  readonly fresh?: boolean
  readonly maxAgeMs?: number
}

/**
 * Limit `kafka.metadata.age` (ms): how long cached metadata are used, unless they name an error or a missing leader.
 * Beyond it: they are asked for again.
 */
const METADATA_MAX_AGE_MS = 30_000
/**
 * Limit `kafka.metadata.topics` (topics): topics whose metadata are remembered, each with its partitions. Beyond it: the
 * one used longest ago is asked for again when it is needed.
 */
export const METADATA_TOPICS = 2000
/**
 * Limit `kafka.brokers.tried` (brokers): brokers of those that metadata name which are tried for one question, besides
 * the configured ones. Beyond it: the configured ones are tried, then an error.
 */
const BROKERS_TRIED = 8
/** Idle connections kept per broker for fetching. */
const IDLE_CONNECTIONS = 4

/** The timestamp by which ListOffsets means the end of the log. */
export const LATEST = -1
/** The timestamp by which ListOffsets means the start of the log. */
export const EARLIEST = -2

interface Idle {
  readonly connection: Connection
  readonly timer: Timer
}

/** One cluster: its metadata, its offsets, and its connections. Errors are KafkaErrors. */
export class Cluster {
  readonly config: ClusterConfig
  /** Requests sent since the start, by name. */
  readonly requests = new Map<string, number>()
  readonly #bootstrap: readonly Address[]
  /** One connection per `host:port` for small calls, shared. */
  readonly #shared = new Map<string, Promise<Connection>>()
  /** Those that others have taken the place of, while answers were due. */
  readonly #leaving = new Set<Connection>()
  readonly #idle = new Map<string, Idle[]>()
  #brokers = new Map<number, Broker>()
  readonly #topics = new Lru<string, { topic: TopicMetadata; atMs: number }>(METADATA_TOPICS)
  readonly #lists = new ListingReader()
  #listing: { listing: Listing; atMs: number } | undefined
  /** When topics were last known to have come or gone: what was asked for before is not remembered. */
  #forgotten = 0
  /** The question for all topics that is under way, and the one that follows it. */
  #asking: Promise<Listing> | undefined
  #next: Promise<Listing> | undefined
  #clusterId: string | undefined
  #closed = false

  /** `kafka.retry.timeout` */
  readonly retryTimeoutMs: number
  /** `kafka.gap.timeout` */
  readonly gapTimeoutMs: number
  /** `kafka.request.timeout` */
  readonly requestTimeoutMs: number
  /** `kafka.follow.partitions` */
  readonly newPartitionsMs: number

  /** Checks the addresses; connects to nothing yet. */
  constructor(config: ClusterConfig) {
    this.config = { ...config, onRequest: (name) => this.requests.set(name, (this.requests.get(name) ?? 0) + 1) }
    this.retryTimeoutMs = config.retryTimeoutMs ?? RETRY_TIMEOUT_MS
    this.gapTimeoutMs = config.gapTimeoutMs ?? GAP_TIMEOUT_MS
    this.requestTimeoutMs = config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.newPartitionsMs = config.newPartitionsMs ?? NEW_PARTITIONS_MS
    this.#bootstrap = config.brokers.map((text) => {
      const address = parseAddress(text)
      if (address === undefined)
        throw clientError('BAD_ADDRESS', `"${text}" is not a broker address: host:port is expected`, false)
      return address
    })
    if (this.#bootstrap.length === 0) throw clientError('BAD_ADDRESS', 'no broker address is given', false)
  }

  /**
   * Brokers and all topics, as they are now; with `maxAgeMs` also from memory. A call while a request is under way
   * waits for the next request, which is sent once for all such calls: the first answer may be older than what the
   * caller knows to exist.
   */
  async listing(options: CallOptions & { readonly maxAgeMs?: number } = {}): Promise<Listing> {
    const { maxAgeMs } = options
    if (
      maxAgeMs !== undefined &&
      this.#listing !== undefined &&
      systemClock.monotonic() - this.#listing.atMs < maxAgeMs
    )
      return this.#listing.listing
    if (this.#asking === undefined) {
      const asking = this.#askAll().finally(() => {
        this.#asking = undefined
      })
      this.#asking = asking
      return await guarded(asking, options)
    }
    this.#next ??= this.#asking.then(nothing, nothing).then(() => {
      this.#next = undefined
      return this.listing()
    })
    return await guarded(this.#next, options)
  }

  /** Topics have come or gone: the list in memory is not good any more, whatever its age. */
  forgetListing(): void {
    this.#listing = undefined
    this.#forgotten++
  }

  /**
   * Brokers and the topics named. Answered from memory while fresh (`maxAgeMs`, by default `kafka.metadata.age`);
   * `fresh: true` asks the cluster. A topic that fails carries its own error and hides no other.
   */
  async metadata(topics: readonly string[], options: CallOptions & Freshness = {}): Promise<Metadata> {
    const maxAgeMs = options.maxAgeMs ?? METADATA_MAX_AGE_MS
    const now = systemClock.monotonic()
    if (!options.fresh) {
      const known = topics.map((name) => this.#topics.get(name))
      if (known.every((entry) => entry !== undefined && now - entry.atMs < maxAgeMs && this.#isHealthy(entry.topic)))
        return this.#view(known.map((entry) => (entry as { topic: TopicMetadata }).topic))
    }
    return await this.#ask(topics, options)
  }

  async #askAll(): Promise<Listing> {
    const connection = await this.#anyConnection({})
    const [askedMs, forgotten] = [systemClock.monotonic(), this.#forgotten]
    const listing = await connection.call(
      METADATA,
      (writer, version) => writeMetadata(writer, version, null),
      (reader, version) => this.#lists.read(reader, version),
    )
    this.#knows(listing)
    // What was asked for after this question is newer than its answer.
    for (const [name, { atMs }] of this.#topics.entries())
      if (atMs < askedMs && !lists(listing, name)) this.#topics.delete(name)
    if (forgotten === this.#forgotten) this.#listing = { listing, atMs: askedMs }
    return listing
  }

  #knows({ brokers, clusterId }: Pick<Metadata, 'brokers' | 'clusterId'>): void {
    this.#brokers = new Map(brokers.map((broker) => [broker.id, broker]))
    this.#clusterId = clusterId
  }

  async #ask(topics: readonly string[], options: CallOptions): Promise<Metadata> {
    const connection = await this.#anyConnection(options)
    const answer = await guarded(
      connection.call(METADATA, (writer, version) => writeMetadata(writer, version, topics), readMetadata),
      options,
    )
    this.#knows(answer)
    const atMs = systemClock.monotonic()
    for (const topic of answer.topics) this.#topics.set(topic.name, { topic, atMs })
    const answered = new Map(answer.topics.map((topic) => [topic.name, topic]))
    return this.#view(topics.map((name) => answered.get(name) ?? missing(name)))
  }

  /** One topic, or its error thrown. */
  async topic(name: string, options: CallOptions & Freshness = {}): Promise<TopicMetadata> {
    const [topic] = (await this.metadata([name], options)).topics
    if (topic.error !== undefined) throw topic.error
    return topic
  }

  /** The topic's configuration. Without the right to read it: Kafka's defaults, and `refused` says why. */
  async topicConfig(topic: string, options: CallOptions = {}): Promise<TopicConfig> {
    const connection = await this.#anyConnection(options)
    const answer = await guarded(
      connection.call(
        DESCRIBE_CONFIGS,
        (writer, version) => {
          writer.array([topic], (name) => writer.int8(2).string(name).int32(-1)).boolean(false)
          if (version >= 3) writer.boolean(false)
        },
        readConfigs,
      ),
      options,
    )
    return topicConfigOf(topic, answer)
  }

  /**
   * For each partition the offset at a place (`EARLIEST`, `LATEST`) or of the first record at or after a timestamp (-1:
   * there is none). Follows leaders that move, until the deadline.
   */
  async listOffsets(
    topic: string,
    partitions: readonly number[],
    timestamp: number,
    isolation: Isolation,
    options: CallOptions = {},
  ): Promise<Map<number, number>> {
    const found = new Map<number, number>()
    const deadlineMs = options.deadlineMs ?? systemClock.monotonic() + this.requestTimeoutMs
    let pauseMs = 20
    for (let fresh = false; ; fresh = true) {
      const left = partitions.filter((partition) => !found.has(partition))
      if (left.length === 0) return found
      const trouble = await this.#listOnce(topic, left, timestamp, isolation, found, { ...options, deadlineMs, fresh })
      if (trouble === undefined) continue
      if (!trouble.retriable || systemClock.monotonic() + pauseMs >= deadlineMs) throw trouble
      await pause(pauseMs, options.signal)
      pauseMs = Math.min(pauseMs * 2, 1000)
    }
  }

  /** One attempt at every leader; what went wrong with retriable partitions is given back, anything else is thrown. */
  async #listOnce(
    topic: string,
    partitions: readonly number[],
    timestamp: number,
    isolation: Isolation,
    found: Map<number, number>,
    options: CallOptions & { fresh: boolean },
  ): Promise<KafkaError | undefined> {
    let trouble: KafkaError | undefined
    try {
      const leaders = await this.#byLeader(topic, partitions, options)
      const answers = await Promise.all(
        [...leaders].map(async ([leader, ids]) => {
          const connection = await this.#sharedConnection(this.broker(leader), options)
          return await guarded(
            connection.call(
              LIST_OFFSETS,
              (writer, version) => {
                writer.int32(-1).int8(isolation === 'read_committed' ? 1 : 0)
                writer.array([topic], (name) =>
                  writer.string(name).array(ids, (id) => {
                    writer.int32(id)
                    if (version >= 4) writer.int32(-1)
                    writer.int64(timestamp)
                  }),
                )
              },
              readOffsets,
            ),
            options,
          )
        }),
      )
      const left = new Set(partitions)
      for (const { partition, code, offset } of answers.flat()) {
        left.delete(partition)
        // Only a time may have no offset. Beyond 2^53 offsets could not be told apart.
        const isOffset = Number.isSafeInteger(offset) && (offset >= 0 || timestamp >= 0)
        if (code === 0 && isOffset) found.set(partition, offset)
        else if (code === 0) trouble = worse(trouble, noOffset(topic, partition, offset))
        else trouble = worse(trouble, brokerError(code, `Offsets of "${topic}" partition ${partition}`))
      }
      for (const partition of left) trouble = worse(trouble, leftOut(`Offsets of "${topic}" partition ${partition}`))
    } catch (error) {
      if (!(error instanceof KafkaError) || !error.retriable) throw error
      trouble = worse(trouble, error)
    }
    return trouble
  }

  async #byLeader(
    topic: string,
    partitions: readonly number[],
    options: CallOptions & { fresh: boolean },
  ): Promise<Map<number, number[]>> {
    const metadata = await this.topic(topic, options)
    const known = new Map(metadata.partitions.map((entry) => [entry.partition, entry]))
    const leaders = new Map<number, number[]>()
    for (const partition of partitions) {
      const found = known.get(partition)
      if (found === undefined)
        throw new KafkaError(
          ERROR.unknownTopicOrPartition,
          'UNKNOWN_TOPIC_OR_PARTITION',
          `Topic "${topic}" has no partition ${partition}`,
          !options.fresh,
        )
      if (this.leader(found.leader) === undefined)
        throw brokerError(ERROR.leaderNotAvailable, `"${topic}" partition ${partition}`)
      const led = leaders.get(found.leader)
      if (led === undefined) leaders.set(found.leader, [partition])
      else led.push(partition)
    }
    return leaders
  }

  /** The leader of a partition; undefined where metadata name none, or one that is not among the brokers. */
  leader(id: number): Broker | undefined {
    return this.#brokers.get(id)
  }

  /** The address of a broker named in metadata. */
  broker(id: number): Broker {
    const broker = this.leader(id)
    if (broker === undefined) throw clientError('BROKER_UNKNOWN', `Broker ${id} is not in the metadata`, true)
    return broker
  }

  /** A connection for fetching, of one's own until it is given back by `release`. An idle one if there is one. */
  async lend(address: Address, signal?: AbortSignal): Promise<Connection> {
    if (this.#closed) throw closedError()
    const idle = this.#idle.get(showAddress(address))
    while (idle !== undefined && idle.length > 0) {
      const { connection, timer } = idle.pop() as Idle
      timer.cancel()
      if (connection.closed) continue
      if (connection.expiresAtMs <= systemClock.monotonic()) {
        connection.close()
        continue
      }
      connection.onClose = undefined
      connection.background = false
      return connection
    }
    return await Connection.open(address, this.config, signal)
  }

  /** Takes a lent connection back: keeps it for a while if it is idle, closes it if an answer is still due. */
  release(connection: Connection): void {
    const where = showAddress(connection.address)
    const idle = this.#idle.get(where) ?? []
    if (this.#closed || connection.closed || connection.busy || idle.length >= IDLE_CONNECTIONS) {
      connection.close()
      return
    }
    const entry: Idle = {
      connection,
      timer: systemClock.after(this.config.idleTimeoutMs ?? IDLE_TIMEOUT_MS, () => connection.close()),
    }
    connection.onClose = () => {
      entry.timer.cancel()
      const at = idle.indexOf(entry)
      if (at >= 0) idle.splice(at, 1)
    }
    connection.background = true
    idle.push(entry)
    this.#idle.set(where, idle)
  }

  /** Closes every connection that is not lent. Nothing can be asked afterwards. */
  close(): void {
    this.#closed = true
    for (const idle of this.#idle.values()) for (const { connection } of [...idle]) connection.close()
    for (const opening of this.#shared.values()) {
      opening.then(
        (connection) => connection.close(),
        () => undefined,
      )
    }
    this.#shared.clear()
    for (const connection of [...this.#leaving]) connection.close()
  }

  async #sharedConnection(address: Address, options: CallOptions): Promise<Connection> {
    if (this.#closed) throw closedError()
    const where = showAddress(address)
    let opening = this.#shared.get(where)
    if (opening !== undefined) {
      const known = await guarded(opening, options)
      if (!known.closed && known.expiresAtMs > systemClock.monotonic()) return known
      if (this.#shared.get(where) === opening) this.#shared.delete(where)
      this.#leave(known)
      return await this.#sharedConnection(address, options)
    }
    // Others may be waiting for the same connection: no caller's signal may end it.
    opening = Connection.open(address, this.config)
    this.#shared.set(where, opening)
    const forget = () => {
      if (this.#shared.get(where) === opening) this.#shared.delete(where)
    }
    opening.then((connection) => {
      if (this.#closed) connection.close()
      connection.background = true
      connection.onClose = forget
    }, forget)
    return await guarded(opening, options)
  }

  /** Its session is over, or the connection is: what it still has to answer may come. */
  #leave(connection: Connection): void {
    if (connection.closed) return
    this.#leaving.add(connection)
    connection.onClose = () => this.#leaving.delete(connection)
    connection.closeWhenIdle()
  }

  /** Any broker that answers: those already connected to first, then those known, then those configured. */
  async #anyConnection(options: CallOptions): Promise<Connection> {
    const byName = (list: Iterable<Address>): Map<string, Address> =>
      new Map(Array.from(list, (address) => [showAddress(address), address]))
    const known = [...byName(this.#brokers.values())]
      .sort(([a], [b]) => Number(this.#shared.has(b)) - Number(this.#shared.has(a)))
      .slice(0, BROKERS_TRIED)
    const ordered = [...new Map([...known, ...byName(this.#bootstrap)])].sort(
      ([a], [b]) => Number(this.#shared.has(b)) - Number(this.#shared.has(a)),
    )
    let failure: unknown
    const reasons = new Set<string>()
    for (const [, address] of ordered) {
      try {
        return await this.#sharedConnection(address, options)
      } catch (error) {
        if (!(error instanceof KafkaError) || error.errorName === 'TIMEOUT') throw error
        failure = error
        reasons.add(error.message)
      }
    }
    if (reasons.size > 1 && failure instanceof KafkaError)
      throw new KafkaError(
        failure.code,
        failure.errorName,
        `No broker can be used. ${[...reasons].join('. ')}`,
        failure.retriable,
      )
    throw failure
  }

  /** Brokers come and go: what is remembered of a topic may name one that newer metadata do not list any more. */
  #isHealthy(topic: TopicMetadata): boolean {
    return topic.error === undefined && topic.partitions.every(({ leader }) => this.leader(leader) !== undefined)
  }

  #view(topics: readonly TopicMetadata[]): Metadata {
    return { clusterId: this.#clusterId, brokers: [...this.#brokers.values()], topics }
  }
}

/** Waits, or rejects with the signal's reason. It keeps the process alive: somebody waits for the outcome. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return sleep(wakefulClock, ms, signal)
}

/** The promise's outcome, unless the signal or the deadline comes first. */
async function guarded<T>(promise: Promise<T>, { signal, deadlineMs }: CallOptions): Promise<T> {
  if (signal === undefined && deadlineMs === undefined) return await promise
  const outcome = await within(promise, {
    signal,
    ms: deadlineMs === undefined ? undefined : deadlineMs - systemClock.monotonic(),
  })
  if (outcome === TIMED_OUT) throw clientError('TIMEOUT', 'no answer from the cluster in time', false)
  return outcome
}

const nothing = (): void => undefined

function closedError(): KafkaError {
  return clientError('CLOSED', 'the cluster client is closed', false)
}
