/**
 * Brokers that tests hold in their hand: a real socket, record batches as given, and a say in every answer (drop, cut,
 * delay, trickle, replace). Leaders, log starts and errors are plain fields that a test changes while a scan runs.
 * Speaks the versions the reader uses, and nothing beyond what it needs.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { API, WireReader, WireWriter } from '../../src/kafka/wire/primitives.ts'

export interface FakePartition {
  leader: number
  batches: Buffer[]
  /** What is sent instead of a batch, of the same length. */
  sent?: (batch: Buffer, index: number) => Buffer
  /** What metadata say, and what a fetch that names another one is refused for; default 0. */
  leaderEpoch?: number
  /** Answers OffsetForLeaderEpoch: [error code, epoch, end offset]; undefined: leaves the partition out. */
  epochEnd?: (epoch: number) => readonly [number, number, number] | undefined
  start: number
  /** High watermark. */
  end: number
  /** Last stable offset; default `end`. */
  stable?: number
  /** `lastOffset`: that of the abort marker. */
  aborted?: { producerId: number; firstOffset: number; lastOffset: number }[]
  /** Every fetch is answered from the first batch on, whatever offset it asks for. */
  fromTheFirst?: boolean
  /** Answered to every fetch, if not 0. */
  error?: number
  /** Answers to Fetch and ListOffsets say nothing of it. */
  leftOut?: boolean
  /** First offset whose timestamp is at or after the one asked for. */
  offsetForTime?: (timestampMs: number) => number
}

export interface FakeRequest {
  readonly broker: number
  readonly api: number
  readonly version: number
  readonly socket: Socket
  /** Positions asked for, by partition (Fetch). */
  readonly positions: ReadonlyMap<number, number>
  readonly maxBytes: number
}

/** What to do with an answer. `undefined`: send it. */
export type Fault =
  | { readonly cut: number }
  | { readonly delayMs: number }
  | { readonly trickle: number }
  | { readonly replace: Buffer }
  | 'drop'
  | 'silent'
  | undefined

export class FakeCluster {
  readonly topics = new Map<string, { error?: number; partitions: FakePartition[] }>()
  readonly fetches: FakeRequest[] = []
  connections = 0
  open = 0
  fault: (request: FakeRequest) => Fault = () => undefined
  /** Versions offered by ApiVersions: those of a Kafka before ids of topics. The embedded broker speaks newer ones. */
  versions: [number, number, number][] = [
    [API.fetch, 4, 11],
    [API.listOffsets, 1, 7],
    [API.metadata, 0, 7],
    [API.apiVersions, 0, 3],
    [API.describeConfigs, 1, 4],
    [API.saslHandshake, 0, 1],
    [API.saslAuthenticate, 0, 2],
  ]
  /** Answers SASL tokens: [error code, message, bytes]. */
  sasl: ((token: Buffer) => [number, string | null, Buffer]) | undefined
  mechanisms = ['PLAIN']
  /** Brokers that metadata do not list, whatever they lead. */
  readonly unlisted = new Set<number>()
  /** What metadata say instead of a broker's address. */
  readonly advertised = new Map<number, { host: string; port: number }>()
  /** So many fetches are answered without records or partitions, by a broker that slows us down. */
  throttled = 0
  /** Session lifetime in the answer to SaslAuthenticate (KIP-368). */
  lifetimeMs = 0
  /** Bodies of further answers, by API. */
  readonly bodies = new Map<number, Buffer>()
  /** Answers DescribeConfigs: an error code, or entries. */
  configs: number | Record<string, string> = {}
  #servers: Server[] = []
  #sockets = new Set<Socket>()
  ports: number[] = []

  static async start(brokers = 1): Promise<FakeCluster> {
    const cluster = new FakeCluster()
    for (let id = 0; id < brokers; id++) await cluster.#listen(id)
    return cluster
  }

  get addresses(): string[] {
    return this.ports.map((port) => `127.0.0.1:${port}`)
  }

  /** Ends every connection of a broker; it goes on listening. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.disconnect()
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  /** One topic with one partition for each list of batches, all led by broker 0; ends behind the last batch. */
  add(topic: string, partitions: readonly (readonly Buffer[])[]): FakePartition[] {
    const made = partitions.map((batches) => ({
      leader: 0,
      batches: [...batches],
      start: 0,
      end: batches.length === 0 ? 0 : lastOffset(batches[batches.length - 1]) + 1,
    }))
    this.topics.set(topic, { partitions: made })
    return made
  }

  #listen(id: number): Promise<void> {
    const server = createServer((socket) => {
      this.connections++
      this.open++
      socket.setNoDelay(true)
      this.#sockets.add(socket)
      socket.on('close', () => {
        this.open--
        this.#sockets.delete(socket)
      })
      socket.on('error', () => socket.destroy())
      let pending = Buffer.alloc(0)
      socket.on('data', (chunk) => {
        pending = Buffer.concat([pending, chunk])
        while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
          const size = pending.readInt32BE(0)
          this.#answer(id, socket, pending.subarray(4, 4 + size))
          pending = pending.subarray(4 + size)
        }
      })
    })
    this.#servers.push(server)
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => {
        this.ports.push((server.address() as AddressInfo).port)
        resolve()
      }),
    )
  }

  #answer(id: number, socket: Socket, frame: Buffer): void {
    const reader = new WireReader(Buffer.from(frame))
    const api = reader.int16()
    const version = reader.int16()
    const correlationId = reader.int32()
    reader.string()
    const writer = new WireWriter(1024).int32(0).int32(correlationId)
    const positions = new Map<number, number>()
    const request = { broker: id, api, version, socket, positions, maxBytes: 0 }
    const body = this.bodies.get(api)
    if (body !== undefined) writer.raw(body)
    else if (api === API.apiVersions)
      writer.int16(0).array(this.versions, ([key, min, max]) => writer.int16(key).int16(min).int16(max))
    else if (api === API.metadata) this.#metadata(reader, writer, version)
    else if (api === API.listOffsets) this.#listOffsets(reader, writer, version, id)
    else if (api === API.fetch) this.#fetch(reader, writer, version, id, request)
    else if (api === API.offsetForLeaderEpoch) this.#epochEnds(reader, writer, version)
    else if (api === API.saslHandshake) {
      const ok = this.mechanisms.includes(reader.string() as string)
      writer.int16(ok ? 0 : 33).array(this.mechanisms, (name) => writer.string(name))
    } else if (api === API.saslAuthenticate) {
      const [code, message, bytes] = (this.sasl as NonNullable<typeof this.sasl>)(reader.bytes() as Buffer)
      writer.int16(code).string(message).bytes(bytes)
      if (version >= 1) writer.int64(this.lifetimeMs)
    } else if (api === API.describeConfigs) this.#describeConfigs(writer, version)
    const bytes = Buffer.from(writer.finish())
    bytes.writeInt32BE(bytes.length - 4, 0)
    if (api === API.fetch) this.fetches.push(request)
    send(socket, bytes, this.fault(request))
  }

  #metadata(reader: WireReader, writer: WireWriter, version: number): void {
    const n = reader.int32()
    const names = n < 0 ? [...this.topics.keys()] : Array.from({ length: n }, () => reader.string() as string)
    const listed = this.ports.map((port, id) => ({ id, host: '127.0.0.1', port, ...this.advertised.get(id) }))
    writer.int32(0).array(
      listed.filter(({ id }) => !this.unlisted.has(id)),
      ({ id, host, port }) => writer.int32(id).string(host).int32(port).string(null),
    )
    writer.string('fake').int32(0)
    writer.array(names, (name) => {
      const topic = this.topics.get(name)
      const error = topic === undefined ? 3 : (topic.error ?? 0)
      writer.int16(error).string(name).boolean(name.startsWith('__'))
      writer.array(
        error === 0 && topic !== undefined ? topic.partitions.map((partition, i) => ({ partition, i })) : [],
        ({ partition, i }) => {
          writer
            .int16(partition.leader < 0 ? 5 : 0)
            .int32(i)
            .int32(partition.leader)
          if (version >= 7) writer.int32(partition.leaderEpoch ?? 0)
          const ids = [0]
          writer.array(ids, (id) => writer.int32(id)).array(ids, (id) => writer.int32(id))
          if (version >= 5) writer.array([], () => undefined)
        },
      )
    })
  }

  #answered<T extends { readonly partition: number }>(topic: string, asked: readonly T[]): T[] {
    return asked.filter(({ partition }) => this.topics.get(topic)?.partitions[partition]?.leftOut !== true)
  }

  #listOffsets(reader: WireReader, writer: WireWriter, version: number, id: number): void {
    reader.int32()
    const committed = reader.int8() === 1
    writer.int32(0)
    const topics = reader.array(() => ({
      name: reader.string() as string,
      parts: reader.array(() => {
        const partition = reader.int32()
        if (version >= 4) reader.int32()
        return { partition, timestamp: reader.long() }
      }),
    }))
    writer.array(topics, ({ name, parts }) =>
      writer.string(name).array(this.#answered(name, parts), ({ partition, timestamp }) => {
        const found = this.topics.get(name)?.partitions[partition]
        const code = found === undefined ? 3 : found.leader !== id ? 6 : 0
        writer.int32(partition).int16(code).int64(-1)
        if (found === undefined || code !== 0) writer.int64(-1)
        else if (timestamp === -2) writer.int64(found.start)
        else if (timestamp === -1) writer.int64(committed ? (found.stable ?? found.end) : found.end)
        else writer.int64(found.offsetForTime?.(timestamp) ?? -1)
        if (version >= 4) writer.int32(0)
      }),
    )
  }

  #fetch(
    reader: WireReader,
    writer: WireWriter,
    version: number,
    id: number,
    request: { positions: Map<number, number>; maxBytes: number },
  ): void {
    reader.int32()
    reader.int32()
    reader.int32()
    let left = reader.int32()
    request.maxBytes = left
    const committed = reader.int8() === 1
    if (version >= 7) reader.take(8)
    const slowed = this.throttled > 0
    if (slowed) this.throttled--
    writer.int32(slowed ? 1 : 0)
    if (version >= 7) writer.int16(0).int32(0)
    let first = true
    const topics = reader.array(() => ({
      name: reader.string() as string,
      parts: reader.array(() => {
        const partition = reader.int32()
        const epoch = version >= 9 ? reader.int32() : -1
        const position = reader.long()
        if (version >= 5) reader.long()
        return { partition, epoch, position, max: reader.int32() }
      }),
    }))
    for (const { parts } of topics) for (const part of parts) request.positions.set(part.partition, part.position)
    writer.array(slowed ? [] : topics, ({ name, parts }) =>
      writer.string(name).array(this.#answered(name, parts), ({ partition, epoch, position, max }) => {
        const found = this.topics.get(name)?.partitions[partition]
        const outside = found !== undefined && (position < found.start || position > found.end)
        const isOld = found !== undefined && epoch >= 0 && epoch !== (found.leaderEpoch ?? 0)
        const code = found === undefined ? 3 : found.leader !== id ? 6 : isOld ? 74 : outside ? 1 : (found.error ?? 0)
        const batches =
          code === 0 && found !== undefined
            ? found.batches.filter((batch) => found.fromTheFirst || lastOffset(batch) >= position)
            : []
        const whole = Buffer.concat(batches.map((batch) => found?.sent?.(batch, found.batches.indexOf(batch)) ?? batch))
        const room = Math.min(left, max)
        const size = first && batches.length > 0 ? Math.max(room, batches[0].length) : room
        const bytes = whole.subarray(0, Math.max(0, size))
        if (bytes.length > 0) first = false
        left -= bytes.length
        writer
          .int32(partition)
          .int16(code)
          .int64(found?.end ?? -1)
          .int64(found?.stable ?? found?.end ?? -1)
        if (version >= 5) writer.int64(found?.start ?? -1)
        writer.array(
          committed ? (found?.aborted ?? []).filter((entry) => entry.lastOffset >= position) : null,
          (entry) => writer.int64(entry.producerId).int64(entry.firstOffset),
        )
        if (version >= 11) writer.int32(-1)
        writer.bytes(bytes)
      }),
    )
  }

  #epochEnds(reader: WireReader, writer: WireWriter, version: number): void {
    if (version >= 3) reader.int32()
    const topics = reader.array(() => ({
      name: reader.string() as string,
      parts: reader.array(() => ({ partition: reader.int32(), current: reader.int32(), epoch: reader.int32() })),
    }))
    writer.int32(0).array(topics, ({ name, parts }) => {
      const ends = parts.flatMap(({ partition, epoch }) => {
        const end = this.topics.get(name)?.partitions[partition]?.epochEnd?.(epoch)
        return end === undefined ? [] : [{ partition, end }]
      })
      writer
        .string(name)
        .array(ends, ({ partition, end: [code, epoch, offset] }) =>
          writer.int16(code).int32(partition).int32(epoch).int64(offset),
        )
    })
  }

  #describeConfigs(writer: WireWriter, version: number): void {
    const code = typeof this.configs === 'number' ? this.configs : 0
    const entries = typeof this.configs === 'number' ? [] : Object.entries(this.configs)
    writer.int32(0).array([0], () => {
      writer
        .int16(code)
        .string(code === 0 ? null : 'no')
        .int8(2)
        .string('t')
      writer.array(entries, ([name, value]) => {
        writer
          .string(name)
          .string(value)
          .boolean(false)
          .int8(5)
          .boolean(false)
          .array([], () => undefined)
        if (version >= 3) writer.int8(2).string(null)
      })
    })
  }
}

function lastOffset(batch: Buffer): number {
  return Number(batch.readBigInt64BE(0)) + (batch.readInt8(16) === 2 ? batch.readInt32BE(23) : 0)
}

function send(socket: Socket, bytes: Buffer, fault: Fault): void {
  if (fault === undefined) socket.write(bytes)
  else if (fault === 'drop') socket.destroy()
  else if (fault === 'silent') return
  else if ('cut' in fault) {
    socket.write(bytes.subarray(0, fault.cut))
    setImmediate(() => socket.destroySoon())
  } else if ('delayMs' in fault) setTimeout(() => socket.write(bytes), fault.delayMs)
  else if ('replace' in fault) socket.write(fault.replace)
  else trickle(socket, bytes, fault.trickle)
}

/** Sends in pieces, each in a turn of its own. */
function trickle(socket: Socket, bytes: Buffer, size: number): void {
  socket.setNoDelay(true)
  let at = 0
  const more = (): void => {
    if (at >= bytes.length || socket.destroyed) return
    socket.write(bytes.subarray(at, at + size))
    at += size
    setImmediate(more)
  }
  more()
}
