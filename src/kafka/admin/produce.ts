/**
 * Writing records: partitions chosen as Kafka's own producers do it, batches by bytes, acks from all replicas in sync.
 * With an id of a producer a batch is sent again whatever became of it, since brokers know it again; without one only
 * after an answer that says that nothing was written. It knows bytes, not what they mean.
 */
import { systemClock, within } from '../../lib/clock.ts'
import { type Batch, batches, newBatch, type Record, sizeOf } from './batches.ts'
import { lent } from './topics.ts'
import type { TopicMetadata } from '../answers.ts'
import { type Cluster, pause } from '../cluster.ts'
import type { ApiRange, Connection } from '../wire/connection.ts'
import { brokerError, clientError, errorNameOf, ERROR, isKnown } from '../errors.ts'
import { KafkaError } from '../log.ts'
import { type ProducerId, ProducerIds } from './producer-ids.ts'
import { type RecordToWrite, writeRecordBatch } from '../read/record-batch.ts'
import { API } from '../wire/primitives.ts'

const PRODUCE: ApiRange = { api: API.produce, name: 'Produce', lowest: 3, highest: 8 }

/** Limit `kafka.produce.request.bytes` (bytes): batches in one request. Beyond it: the next request begins. */
const REQUEST_BYTES = 8_000_000
/** How long a leader waits for its replicas. */
const PRODUCE_TIMEOUT_MS = 20_000
const ACKS_ALL = -1
/** Between two attempts; doubled while nothing is written. */
const FIRST_PAUSE_MS = 50
/** Not a limit: what the pause between two attempts grows to. */
const LONGEST_PAUSE_MS = 1000

/**
 * What became of a call that failed. `index`: the first record that was not written, or of which that is not known
 * (`isUnknown`); `written`: how many were; `unknown`: of how many nobody said what became of them, so that they may have
 * been written. `cause` is what the broker said.
 */
export class NotWritten extends Error {
  readonly index: number
  readonly written: number
  readonly unknown: number
  readonly isUnknown: boolean
  constructor(error: KafkaError, counts: { index: number; written: number; unknown: number; isUnknown: boolean }) {
    super(error.message, { cause: error })
    this.index = counts.index
    this.written = counts.written
    this.unknown = counts.unknown
    this.isUnknown = counts.isUnknown
  }
}

interface Trouble {
  readonly batch: Batch
  readonly error: KafkaError
}

/**
 * Writes all records, in order within each partition. Rejects with a NotWritten, or a KafkaError before anything was
 * sent. `taken` is told of records as they are acknowledged.
 */
export async function produce(
  cluster: Cluster,
  topic: string,
  records: readonly Record[],
  signal?: AbortSignal,
  taken?: (count: number) => void,
): Promise<void> {
  const metadata = await found(cluster, topic, signal)
  await new Producing(cluster, topic, records, signal, taken).run(batches(records, metadata, topic))
}

/** The topic. A cluster that is away may come back; a topic that is not there is not waited for. */
async function found(cluster: Cluster, topic: string, signal: AbortSignal | undefined): Promise<TopicMetadata> {
  const deadlineMs = systemClock.monotonic() + cluster.retryTimeoutMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await cluster.topic(topic, { signal })
    } catch (error) {
      if (!(error instanceof KafkaError) || !error.retriable || error.code === ERROR.unknownTopicOrPartition)
        throw error
      if (systemClock.monotonic() + pauseMs > deadlineMs) throw error
      await pause(pauseMs, signal)
    }
  }
}

/**
 * One call: rounds, in each of which every partition's next batch goes to its leader, all for one leader in one
 * request.
 */
class Producing {
  readonly #cluster: Cluster
  readonly #ids: ProducerIds
  readonly #topic: string
  readonly #records: readonly Record[]
  readonly #signal: AbortSignal | undefined
  readonly #taken: ((count: number) => void) | undefined
  /** Batches not written yet, by partition; without those of partitions that failed. */
  readonly #queues = new Map<number, Batch[]>()
  readonly #failures: { readonly index: number; readonly batch: Batch; readonly error: KafkaError }[] = []
  /** What went wrong in a round and a retry may overcome. */
  #troubles: Trouble[] = []
  #written = 0
  #id: ProducerId | undefined
  /** Whether an id is asked for. */
  #wantsId = true
  /** What the topic may take in a batch, as far as that was found out. */
  #mostBytes = Number.POSITIVE_INFINITY

  constructor(
    cluster: Cluster,
    topic: string,
    records: readonly Record[],
    signal: AbortSignal | undefined,
    taken: ((count: number) => void) | undefined,
  ) {
    this.#cluster = cluster
    this.#ids = ProducerIds.of(cluster)
    this.#topic = topic
    this.#records = records
    this.#signal = signal
    this.#taken = taken
  }

  async run(all: readonly Batch[]): Promise<void> {
    for (const batch of all) {
      const queue = this.#queues.get(batch.partition)
      if (queue === undefined) this.#queues.set(batch.partition, [batch])
      else queue.push(batch)
    }
    try {
      await this.#rounds()
    } finally {
      this.#giveBack()
    }
    if (this.#failures.length === 0) return
    const first = this.#failures.reduce((a, b) => (b.index < a.index ? b : a))
    const unknown = this.#failures.reduce((n, { batch }) => n + (batch.isUnsure ? batch.indexes.length : 0), 0)
    const { isUnsure } = first.batch
    throw new NotWritten(first.error, { index: first.index, written: this.#written, unknown, isUnknown: isUnsure })
  }

  /** An id under which something may still arrive is not used again. */
  #giveBack(): void {
    const open = [...this.#queues.values()].map(([head]) => head)
    const isClean = [...open, ...this.#failures.map(({ batch }) => batch)].every((b) => !b.isUnsure)
    if (this.#id !== undefined && isClean) this.#ids.giveBack(this.#id)
  }

  /** What is to be sent next: after a failure only that of which it is to be found out whether it was written. */
  #heads(): Batch[] {
    const heads = [...this.#queues.values()].map(([head]) => head)
    return this.#failures.length === 0 ? heads : heads.filter(({ isUnsure }) => isUnsure)
  }

  async #rounds(): Promise<void> {
    let deadlineMs = systemClock.monotonic() + this.#cluster.retryTimeoutMs
    let pauseMs = FIRST_PAUSE_MS
    let isFresh = false
    while (this.#heads().length > 0) {
      this.#signal?.throwIfAborted()
      const before = this.#written
      this.#troubles = []
      await this.#round(isFresh)
      isFresh = this.#troubles.length > 0
      if (this.#written > before) {
        deadlineMs = systemClock.monotonic() + this.#cluster.retryTimeoutMs
        pauseMs = FIRST_PAUSE_MS
      }
      if (!isFresh) continue
      if (systemClock.monotonic() + pauseMs > deadlineMs)
        for (const { batch, error } of this.#troubles) this.#fail(batch, error)
      else await pause(pauseMs, this.#signal)
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
  }

  /** `at`: which of its records is to blame. */
  #fail(batch: Batch, error: KafkaError, at = 0): void {
    this.#queues.delete(batch.partition)
    this.#failures.push({ index: batch.indexes[at] ?? batch.indexes[0], batch, error })
  }

  /** Another attempt may succeed. One that may write the records twice is not made. */
  #retry(batch: Batch, error: KafkaError): void {
    if (batch.isUnsure && (batch.id === undefined || batch.id !== this.#id)) this.#fail(batch, error)
    else this.#troubles.push({ batch, error })
  }

  #allTrouble(batches: readonly Batch[], error: KafkaError): void {
    for (const batch of batches)
      if (error.retriable) this.#retry(batch, error)
      else this.#fail(batch, error)
  }

  async #round(isFresh: boolean): Promise<void> {
    let leaders: ReadonlyMap<number, number>
    try {
      leaders = await this.#leaders(isFresh)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return this.#allTrouble(this.#heads(), error)
    }
    const byLeader = new Map<number, Batch[]>()
    for (const head of this.#heads()) {
      const batch = this.#fitting(head)
      const leader = leaders.get(batch.partition) ?? -1
      const led = byLeader.get(leader)
      if (leader < 0) this.#retry(batch, brokerError(ERROR.leaderNotAvailable, this.#what(batch.partition)))
      else if (led === undefined) byLeader.set(leader, [batch])
      else led.push(batch)
    }
    await Promise.all([...byLeader].map(([leader, batches]) => this.#toLeader(leader, batches)))
  }

  /** Who leads the partitions; with an id of a producer, where there is one to be had. */
  async #leaders(isFresh: boolean): Promise<ReadonlyMap<number, number>> {
    const ask = async (fresh: boolean) => {
      const { partitions } = await this.#cluster.topic(this.#topic, { fresh, signal: this.#signal })
      return new Map(partitions.map((p) => [p.partition, p.leader]))
    }
    const leaders = await ask(isFresh)
    if (this.#id !== undefined || !this.#wantsId) return leaders
    const led = this.#heads().find(({ partition }) => (leaders.get(partition) ?? -1) >= 0)
    if (led === undefined) return leaders
    this.#id = await this.#ids.take(this.#cluster.broker(leaders.get(led.partition) ?? -1), this.#signal)
    if (this.#id !== undefined) return leaders
    this.#wantsId = false
    // An answer from who led before would leave open what became of the records.
    return isFresh ? leaders : await ask(true)
  }

  /** The head of a queue, cut until it has a size that was not refused yet. */
  #fitting(head: Batch): Batch {
    let batch = head
    while (batch.bytes > this.#mostBytes && batch.indexes.length > 1 && !batch.isUnsure) batch = this.#split(batch)
    return batch
  }

  /** Puts the two halves of a queue's head in its place; the first of them. */
  #split(batch: Batch): Batch {
    const middle = Math.ceil(batch.indexes.length / 2)
    const halves = [batch.indexes.slice(0, middle), batch.indexes.slice(middle)].map((indexes) => ({
      ...newBatch(batch.partition),
      indexes,
      bytes: indexes.reduce((n, i) => n + sizeOf(this.#records[i]), 0),
    }))
    this.#queues.get(batch.partition)?.splice(0, 1, ...halves)
    return halves[0]
  }

  /** One request after the other, each of a bounded size. */
  async #toLeader(leader: number, batches: readonly Batch[]): Promise<void> {
    for (let i = 0, from = 0, bytes = 0; i < batches.length; i++) {
      bytes += batches[i].bytes
      if (i + 1 < batches.length && bytes + batches[i + 1].bytes <= REQUEST_BYTES) continue
      const next = batches.slice(from, i + 1)
      await this.#request(leader, this.#failures.length === 0 ? next : next.filter(({ isUnsure }) => isUnsure))
      from = i + 1
      bytes = 0
    }
  }

  async #request(leader: number, batches: readonly Batch[]): Promise<void> {
    if (batches.length === 0) return
    const timestamp = systemClock.now()
    const id = this.#id
    // The id was lost in the meantime: what may have been written under it is not written under another one.
    if (batches.some((b) => b.isUnsure && b.id !== id)) return this.#lostId(leader, batches)
    const sets = batches.map(({ indexes, partition }) =>
      writeRecordBatch(
        indexes.map((i): RecordToWrite => this.#records[i]),
        { timestamp, ...id?.stamp(this.#topic, partition) },
      ),
    )
    const wereUnsure = batches.map(({ isUnsure }) => isUnsure)
    try {
      const answers = await lent(this.#cluster, this.#cluster.broker(leader), this.#signal, (connection) => {
        this.#signal?.throwIfAborted()
        connection.version(PRODUCE)
        for (const batch of batches) {
          batch.isUnsure = true
          batch.id = id
        }
        return within(send(connection, this.#topic, batches, sets), { signal: this.#signal })
      })
      batches.forEach((batch, i) => this.#answered(batch, answers.get(batch.partition), wereUnsure[i]))
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      this.#allTrouble(batches, error)
    }
  }

  async #lostId(leader: number, batches: readonly Batch[]): Promise<void> {
    const isLost = (b: Batch): boolean => b.isUnsure && b.id !== this.#id
    for (const batch of batches)
      if (isLost(batch)) this.#fail(batch, brokerError(ERROR.unknownProducerId, this.#what(batch.partition)))
    await this.#request(
      leader,
      batches.filter((batch) => batch.isUnsure && !isLost(batch)),
    )
  }

  /** `wasUnsure`: it was, before this request. */
  #answered(batch: Batch, answer: Answer | undefined, wasUnsure: boolean): void {
    const what = this.#what(batch.partition)
    if (answer === undefined)
      return this.#fail(
        batch,
        clientError('BAD_RESPONSE', `${what}: the broker answered about other partitions`, false),
      )
    const name = errorNameOf(answer.code)
    // Known from before, if it was sent before.
    if (answer.code === 0 || (name === 'DUPLICATE_SEQUENCE_NUMBER' && wasUnsure)) return this.#wrote(batch)
    const [bad] = answer.badRecords
    const error = brokerError(answer.code, what, bad?.message ?? answer.message)
    if (PERHAPS_WRITTEN.has(name) || !isKnown(answer.code))
      return ASK_AGAIN.has(name) ? this.#retry(batch, error) : this.#fail(batch, error)
    batch.isUnsure = wasUnsure
    if (batch.id !== undefined && WITHOUT_ID.has(name)) {
      if (name === 'CLUSTER_AUTHORIZATION_FAILED') this.#ids.refused()
      this.#wantsId = false
      this.#forget(batch)
      this.#retry(batch, error)
    } else if (batch.id !== undefined && NEW_ID.has(name)) {
      this.#forget(batch)
      this.#retry(batch, error)
    } else if (SEND_AGAIN.has(name)) this.#retry(batch, error)
    else if (TOO_LARGE.has(name) && batch.indexes.length > 1 && !batch.isUnsure) {
      this.#mostBytes = Math.min(this.#mostBytes, Math.ceil(batch.bytes / 2))
      this.#split(batch)
    } else this.#fail(batch, error, bad?.at)
  }

  #wrote(batch: Batch): void {
    batch.isUnsure = false
    batch.id?.wrote(this.#topic, batch.partition, batch.indexes.length)
    this.#written += batch.indexes.length
    this.#taken?.(batch.indexes.length)
    const queue = this.#queues.get(batch.partition) ?? []
    queue.shift()
    if (queue.length === 0) this.#queues.delete(batch.partition)
  }

  /** Its id does not serve any more. */
  #forget(batch: Batch): void {
    if (this.#id === batch.id) this.#id = undefined
  }

  #what(partition: number): string {
    return `Records for "${this.#topic}" partition ${partition}`
  }
}

/** The broker answers these without having written anything, and another attempt may succeed. */
const SEND_AGAIN: ReadonlySet<string> = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_ENOUGH_REPLICAS',
  'THROTTLING_QUOTA_EXCEEDED',
])

/**
 * After these the records may be in the log. A leader that appended them and then lost the partition, or its disk,
 * answers as one that never had it.
 */
const PERHAPS_WRITTEN: ReadonlySet<string> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'KAFKA_STORAGE_ERROR',
  'REQUEST_TIMED_OUT',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NETWORK_EXCEPTION',
  'UNKNOWN_SERVER_ERROR',
])

/** Of those: what passes by itself. */
const ASK_AGAIN: ReadonlySet<string> = new Set([...PERHAPS_WRITTEN].filter((name) => name !== 'UNKNOWN_SERVER_ERROR'))

/** What the broker knows of the producer is not what was sent: another id begins anew. */
const NEW_ID: ReadonlySet<string> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNKNOWN_PRODUCER_ID',
  'PRODUCER_FENCED',
])

/** No right to use an id, or a topic in a format of records that has no place for one. */
const WITHOUT_ID: ReadonlySet<string> = new Set(['CLUSTER_AUTHORIZATION_FAILED', 'UNSUPPORTED_FOR_MESSAGE_FORMAT'])

const TOO_LARGE: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

interface Answer {
  readonly code: number
  readonly message: string | null
  readonly badRecords: readonly { readonly at: number; readonly message: string | null }[]
}

/** One Produce request; the answers by partition. */
async function send(
  connection: Connection,
  topic: string,
  batches: readonly Batch[],
  sets: readonly Buffer[],
): Promise<Map<number, Answer>> {
  return await connection.call(
    PRODUCE,
    (writer) => {
      writer.string(null).int16(ACKS_ALL).int32(PRODUCE_TIMEOUT_MS)
      writer.array([topic], (name) => {
        writer.string(name)
        writer.array([...batches.keys()], (i) => writer.int32(batches[i].partition).bytes(sets[i]))
      })
    },
    (reader, version) => {
      const topics = reader.array(() => {
        reader.string()
        return reader.array((): [number, Answer] => {
          const partition = reader.int32()
          const code = reader.int16()
          reader.long()
          reader.long()
          if (version >= 5) reader.long()
          const badRecords = version >= 8 ? reader.array(() => ({ at: reader.int32(), message: reader.string() })) : []
          return [partition, { code, badRecords, message: version >= 8 ? reader.string() : null }]
        })
      })
      return new Map(topics.flat())
    },
  )
}
