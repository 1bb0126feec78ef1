/**
 * Queries that go on with what comes, on the embedded broker and without a server: topics, records that are written
 * while a query runs, and what its client has got so far. For tests.
 */
import { createCatalog, type KafkaTables } from '../../src/catalog/kafka-catalog.ts'
import type { QueryEnvironment, RunSummary } from '../../src/engine/host.ts'
import { Queries } from '../../src/engine/queries.ts'
import { runRequest } from '../../src/engine/request.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import type { KafkaLog } from '../../src/kafka/log.ts'
import { type BatchToWrite, type RecordToWrite, writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import type { QueryRequest } from '../../src/protocol/frames.ts'
import { type Broker, startBroker } from '../../src/sandbox/broker.ts'
import { eventually } from './eventually.ts'

/** One frame, read. */
export interface Frame {
  readonly type: string
  readonly rowId: string | null
  // biome-ignore lint/suspicious/noExplicitAny: what a frame holds depends on its type, and tests say which it is.
  readonly data: any
}

/** A query that runs until it is ended. */
export class Followed {
  readonly frames: Frame[] = []
  readonly done: Promise<RunSummary>
  ended = false
  readonly registry = new Queries()
  readonly #abort = new AbortController()
  /** Set while the reader of the frames takes nothing. */
  #room: { promise: Promise<void>; open: () => void } | undefined

  constructor(request: QueryRequest, environment: QueryEnvironment) {
    const sink = {
      send: (frame: string) => void this.frames.push(JSON.parse(frame) as Frame),
      drained: () => this.#room?.promise,
    }
    const queries = { registry: this.registry, user: 'anna', account: 'user anna', environment: 'test' }
    this.done = runRequest(request, { ...environment, queries }, sink, this.#abort.signal).finally(() => {
      this.ended = true
    })
    this.done.catch(() => undefined)
  }

  /** The values of the rows so far. */
  get rows(): unknown[] {
    return this.of('RECORD').map((data) => data.value)
  }

  /** The last version of each row, by `rowId`, in order of their first. */
  get latest(): unknown[] {
    const rows = new Map<string | null, unknown>()
    for (const { type, rowId, data } of this.frames) if (type === 'RECORD') rows.set(rowId, data.value)
    return [...rows.values()]
  }

  /** The data of the frames of one type. */
  // biome-ignore lint/suspicious/noExplicitAny: as in Frame.
  of(type: string): any[] {
    return this.frames.filter((f) => f.type === type).map((f) => f.data)
  }

  /** Waits until it has looked at so many records. */
  async scanned(records: number): Promise<void> {
    await eventually(`${records} records are read`, () => this.registry.all()[0].recordsScanned >= records)
  }

  /** The reader takes nothing from now on, until the function that this gives is called. */
  hold(): () => void {
    let open = (): void => undefined
    const promise = new Promise<void>((resolve) => {
      open = resolve
    })
    const room = { promise, open }
    this.#room = room
    return () => {
      this.#room = undefined
      open()
    }
  }

  /** As a client that goes away. */
  async cancel(): Promise<RunSummary> {
    this.#abort.abort(new Error('The client closed the connection.'))
    return this.done
  }
}

/** A broker, and what a server would have of it. */
export class FollowWorld {
  readonly broker: Broker
  readonly cluster: Cluster
  readonly catalog: KafkaTables
  readonly environment: QueryEnvironment
  readonly #queries: Followed[] = []

  private constructor(broker: Broker) {
    this.broker = broker
    this.cluster = new Cluster({ brokers: [broker.bootstrap], newPartitionsMs: 25 })
    const log = createKafkaLog(this.cluster)
    this.catalog = createCatalog({
      cluster: this.cluster,
      log,
      formats: { '*': { key: 'STRING', value: 'JSON' } },
    })
    this.environment = { catalog: this.catalog, log }
  }

  static async start(): Promise<FollowWorld> {
    return new FollowWorld(await startBroker({ showBothNodes: true }))
  }

  /** Appends values as JSON, in one batch; gives the first offset. */
  write(topic: string, partition: number, values: readonly unknown[], options: BatchToWrite = {}): number {
    const records: RecordToWrite[] = values.map((value) => ({
      value: JSON.stringify(value),
      timestamp: options.timestamp ?? Date.now(),
    }))
    return this.broker.append(topic, partition, writeRecordBatch(records, options))
  }

  /** Asks, and waits until the query reads from the ends that it found. */
  async follow(
    sql: string,
    request: Partial<QueryRequest> = {},
    environment: Partial<QueryEnvironment> = {},
  ): Promise<Followed> {
    const { log } = this.environment
    let reads = false
    const watched: KafkaLog = {
      bounds: (...args) => log.bounds(...args),
      offsetsForTime: (...args) => log.offsetsForTime(...args),
      scan: (...args) => {
        reads = true
        return log.scan(...args)
      },
    }
    const query = new Followed(
      { sql, live: false, follow: true, ...request },
      { ...this.environment, log: watched, ...environment },
    )
    this.#queries.push(query)
    await eventually('the query reads', () => reads || query.ended)
    return query
  }

  async close(): Promise<void> {
    await Promise.all(this.#queries.map((query) => query.cancel()))
    this.catalog.close()
    this.cluster.close()
    await this.broker.close()
  }
}
