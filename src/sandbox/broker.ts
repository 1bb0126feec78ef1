/**
 * An embedded Kafka broker for development and tests: the wire protocol on loopback over a `LogStore`. It keeps record
 * batches as they come. Two nodes share one store, so that a leader can move; only the first is shown until then. Not
 * here: replication, transactions' coordination, security.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { WireError, WireReader } from '../kafka/wire/primitives.ts'
import { sleep, systemClock, type Clock } from '../lib/clock.ts'
import { count, type Api, type Cluster, type Node, type SandboxStats } from './api.ts'
import { apiVersions, describeCluster, findCoordinator, metadata } from './apis/cluster.ts'
import { fetch, listOffsets, offsetForLeaderEpoch } from './apis/fetch.ts'
import {
  deleteGroups,
  describeGroups,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  offsetCommit,
  offsetDelete,
  offsetFetch,
  syncGroup,
} from './apis/groups.ts'
import { deleteRecords, initProducerId, produce } from './apis/produce.ts'
import {
  createPartitions,
  createTopics,
  deleteTopics,
  describeConfigs,
  describeLogDirs,
  incrementalAlterConfigs,
} from './apis/topics.ts'
import { ERROR } from './error-codes.ts'
import { Faults } from './faults.ts'
import { GroupCoordinator } from './groups.ts'
import { LogStore, type Topic } from './log/log-store.ts'
import { MessageWriter } from './message.ts'
import type { AppendOptions, PartitionLog } from './log/partition-log.ts'

/** Not a limit: `socket.request.max.bytes` of Kafka: a longer request closes its connection. */
export const MAX_REQUEST_BYTES = 104_857_600
/**
 * Limit `sandbox.max.connections` (connections): connections of each node of the demo's broker. Beyond it: further ones
 * are closed at once.
 */
export const MAX_CONNECTIONS = 2000
const HOST = '127.0.0.1'

export interface BrokerOptions {
  /** Port of the first node; 0 (the default) takes a free one. */
  readonly port?: number
  /** Keeps topics below this folder; without it, in memory. */
  readonly dataFolder?: string
  /** `sandbox.max.bytes`; default 1 GiB. */
  readonly maxBytes?: number
  readonly autoCreateTopics?: boolean
  /** Partitions of a topic made without saying how many. Default 1. */
  readonly defaultPartitions?: number
  /** Show both nodes from the start. */
  readonly showBothNodes?: boolean
  readonly clock?: Clock
}

/** A running broker. */
export interface Broker {
  readonly host: string
  readonly port: number
  /** `host:port` of the first node. */
  readonly bootstrap: string
  readonly store: LogStore
  readonly faults: Faults
  readonly stats: SandboxStats
  createTopic(
    name: string,
    options?: { readonly partitions?: number; readonly config?: Readonly<Record<string, string>> },
  ): Topic
  /** Appends one whole v2 batch, unchecked (control batches, broken ones); gives its base offset. */
  append(topic: string, partition: number, batch: Uint8Array, options?: AppendOptions): number
  /** From now on node 1 or 2 leads the partition; the other answers NOT_LEADER_OR_FOLLOWER. */
  moveLeader(topic: string, partition: number, nodeId: 1 | 2): void
  /**
   * An unclean election: node 1 or 2 leads the partition with a log that ends at `offset`, or before it where a batch
   * reaches beyond. For logs in memory, without transactions.
   */
  cutLog(topic: string, partition: number, offset: number, nodeId: 1 | 2): void
  /** Retention: the log now starts at `offset`. */
  expire(topic: string, partition: number, offset: number): void
  closeConnections(): void
  /** Closes connections and listeners, and listens again on the same ports after `downMs`. */
  restart(downMs?: number): Promise<void>
  close(): Promise<void>
}

/** All that the broker answers. */
export const APIS: readonly Api[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions(() => APIS),
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  describeLogDirs,
  createPartitions,
  deleteGroups,
  offsetDelete,
  incrementalAlterConfigs,
  describeCluster,
]
const API_BY_KEY = new Map(APIS.map((api) => [api.key, api]))
const API_VERSIONS = 18

/** Starts a broker; it listens when the promise is fulfilled. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const store = await LogStore.open({ folder: options.dataFolder, maxBytes: options.maxBytes })
  const broker = new SandboxBroker(store, options)
  try {
    await broker.listen(options.port ?? 0)
  } catch (error) {
    await broker.close()
    throw error
  }
  return broker
}

class SandboxBroker implements Broker {
  readonly host = HOST
  readonly store: LogStore
  readonly faults = new Faults()
  readonly stats: SandboxStats = {
    requests: new Map(),
    bytesOut: new Map(),
    bytesIn: new Map(),
    openConnections: 0,
    connectionsEver: 0,
  }
  readonly #cluster: Cluster
  readonly #servers: Server[] = []
  readonly #ports: number[] = []
  readonly #connections = new Set<Connection>()
  #bothNodes: boolean
  #producerId = 0

  constructor(store: LogStore, options: BrokerOptions) {
    const clock = options.clock ?? systemClock
    this.store = store
    this.#bothNodes = options.showBothNodes ?? false
    this.#cluster = {
      id: 'sluice-sandbox',
      store,
      groups: new GroupCoordinator(clock),
      faults: this.faults,
      stats: this.stats,
      autoCreateTopics: options.autoCreateTopics ?? false,
      defaultPartitions: options.defaultPartitions ?? 1,
      clock,
      nodes: () => this.#nodes(),
      nextProducerId: () => this.#producerId++,
    }
  }

  get port(): number {
    return this.#ports[0]
  }

  get bootstrap(): string {
    return `${HOST}:${this.port}`
  }

  #nodes(): Node[] {
    const all = this.#ports.map((port, i) => ({ id: i + 1, host: HOST, port }))
    return this.#bothNodes ? all : all.slice(0, 1)
  }

  async listen(port: number): Promise<void> {
    for (const nodeId of [1, 2]) {
      const server = createServer({ noDelay: true }, (socket) => this.#accept(socket, nodeId))
      server.maxConnections = MAX_CONNECTIONS
      this.#servers[nodeId - 1] = server
      server.listen(this.#ports[nodeId - 1] ?? (nodeId === 1 ? port : 0), HOST)
      await once(server, 'listening')
      const address = server.address()
      if (address !== null && typeof address === 'object') this.#ports[nodeId - 1] = address.port
    }
  }

  #accept(socket: Socket, nodeId: number): void {
    const connection = new Connection(socket, nodeId, this.#cluster)
    this.#connections.add(connection)
    this.stats.openConnections++
    this.stats.connectionsEver++
    socket.once('close', () => {
      this.#connections.delete(connection)
      this.stats.openConnections--
    })
  }

  createTopic(
    name: string,
    options?: { readonly partitions?: number; readonly config?: Readonly<Record<string, string>> },
  ): Topic {
    return this.store.createTopic(name, options)
  }

  #log(topic: string, partition: number): PartitionLog {
    const log = this.store.partition(topic, partition)
    if (log === undefined) throw new Error(`the sandbox has no partition ${topic}-${partition}`)
    return log
  }

  append(topic: string, partition: number, batch: Uint8Array, options?: AppendOptions): number {
    return this.store.append(this.#log(topic, partition), Buffer.from(batch), options)
  }

  moveLeader(topic: string, partition: number, nodeId: 1 | 2): void {
    const log = this.#log(topic, partition)
    if (log.leader === nodeId) return
    this.#bothNodes = true
    log.elect(nodeId)
    // Fetches that wait at the old leader are answered.
    this.store.changed()
  }

  cutLog(topic: string, partition: number, offset: number, nodeId: 1 | 2): void {
    const log = this.#log(topic, partition)
    if (nodeId !== log.leader) this.#bothNodes = true
    log.cutOff(offset)
    log.elect(nodeId)
    this.store.changed()
  }

  expire(topic: string, partition: number, offset: number): void {
    this.store.raiseLogStart(this.#log(topic, partition), offset)
  }

  closeConnections(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  async restart(downMs = 0): Promise<void> {
    await this.#stopListening()
    await sleep(this.#cluster.clock, downMs)
    await this.listen(0)
  }

  async #stopListening(): Promise<void> {
    const closed = this.#servers
      .filter((server) => server.listening)
      .map((server) => new Promise((resolve) => server.close(resolve)))
    this.closeConnections()
    await Promise.all(closed)
  }

  async close(): Promise<void> {
    await this.#stopListening()
    this.#cluster.groups.close()
    this.store.close()
  }
}

/** One client connection: frames in, one request after the other, responses out in the same order. */
class Connection {
  readonly #socket: Socket
  readonly #nodeId: number
  readonly #cluster: Cluster
  readonly #ended = new AbortController()
  #chunks: Buffer[] = []
  #held = 0
  #busy = false

  constructor(socket: Socket, nodeId: number, cluster: Cluster) {
    this.#socket = socket
    this.#nodeId = nodeId
    this.#cluster = cluster
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#ended.abort())
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (!this.#busy) void this.#work()
    else if (this.#held > MAX_REQUEST_BYTES) this.#socket.pause()
  }

  /** The next whole request, without its length; undefined when it has not come yet. */
  #nextFrame(): Buffer | undefined {
    if (this.#held < 4) return undefined
    if (this.#chunks[0].length < 4) this.#chunks = [Buffer.concat(this.#chunks)]
    const size = this.#chunks[0].readInt32BE(0)
    if (size < 8 || size > MAX_REQUEST_BYTES)
      throw new WireError(
        `a request of ${size} bytes is not within 8 and socket.request.max.bytes = ${MAX_REQUEST_BYTES}`,
      )
    if (this.#held < 4 + size) return undefined
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    const rest = all.subarray(4 + size)
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#held = rest.length
    return all.subarray(4, 4 + size)
  }

  async #work(): Promise<void> {
    this.#busy = true
    try {
      for (
        let frame = this.#nextFrame();
        frame !== undefined && !this.#ended.signal.aborted;
        frame = this.#nextFrame()
      ) {
        await this.#serve(frame)
        if (this.#socket.isPaused()) this.#socket.resume()
      }
    } catch {
      // A malformed request, or the store gone under it: this connection is closed, as Kafka does, and no other one is
      // touched.
      this.#socket.destroy()
    }
    this.#busy = false
  }

  async #serve(frame: Buffer): Promise<void> {
    const reader = new WireReader(frame)
    const key = reader.int16()
    const version = reader.int16()
    const correlationId = reader.int32()
    const api = API_BY_KEY.get(key)
    count(this.#cluster.stats.requests, api?.name ?? `unknown ${key}`)
    if (api === undefined || version < api.min || version > api.max) return this.#unsupported(api, correlationId)
    const clientId = reader.string() ?? ''
    const compact = version >= api.flexible
    if (compact) reader.tags()
    const context = { cluster: this.#cluster, nodeId: this.#nodeId, version, clientId, signal: this.#ended.signal }
    const writeBody = await api.answer(reader, context)
    if (writeBody === undefined) return
    const writer = new MessageWriter(256).int32(0).int32(correlationId) as MessageWriter
    if (compact && key !== API_VERSIONS) writer.tags()
    writeBody(writer)
    await this.#respond(api.name, writer)
  }

  /**
   * ApiVersions answers an unknown version in version 0, so that the client can choose another; anything else closes
   * the connection.
   */
  async #unsupported(api: Api | undefined, correlationId: number): Promise<void> {
    if (api?.key !== API_VERSIONS) return this.#hangUp()
    const writer = new MessageWriter(256)
    writer.int32(0).int32(correlationId).int16(ERROR.unsupportedVersion)
    writer.array(APIS, ({ key, min, max }) => void writer.int16(key).int16(min).int16(max))
    await this.#respond(api.name, writer)
  }

  async #respond(name: string, writer: MessageWriter): Promise<void> {
    const sizeBytes = writer.sizeBytes
    const pieces = writer.pieces()
    pieces[0].writeInt32BE(sizeBytes - 4, 0)
    const fault = this.#cluster.faults.take(['drop', 'delay', 'truncate', 'dribble'], name)
    if (fault?.kind === 'delay') await this.#pause(fault.ms)
    if (fault?.kind === 'drop') return this.#hangUp()
    if (fault?.kind === 'truncate') return this.#hangUp(Buffer.concat(pieces).subarray(0, fault.bytes))
    await this.#send(
      fault?.kind === 'dribble' ? split(Buffer.concat(pieces), fault.bytes) : pieces,
      fault?.kind === 'dribble',
    )
  }

  /** Sends what is given, closes, and serves nothing more. */
  #hangUp(lastWords?: Buffer): void {
    this.#ended.abort()
    if (lastWords === undefined) this.#socket.destroy()
    else this.#socket.end(lastWords, () => this.#socket.destroy())
  }

  async #send(pieces: readonly Buffer[], apart: boolean): Promise<void> {
    if (!apart) this.#socket.cork()
    for (const piece of pieces) {
      this.#socket.write(piece)
      if (apart) await this.#pause(0)
    }
    if (!apart) this.#socket.uncork()
    if (this.#socket.writableNeedDrain && !this.#ended.signal.aborted)
      await once(this.#socket, 'drain', { signal: this.#ended.signal })
  }

  #pause(ms: number): Promise<void> {
    return sleep(this.#cluster.clock, ms, this.#ended.signal)
  }
}

function split(whole: Buffer, bytes: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < whole.length; at += bytes) pieces.push(whole.subarray(at, at + bytes))
  return pieces
}
