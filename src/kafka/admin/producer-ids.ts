/**
 * Ids of idempotent producers: with one, brokers know a batch again that is sent twice. An id serves one call after the
 * other, never two at a time, since its batches are numbered by partition. Source: KIP-98, KIP-360, KIP-679.
 */
import { systemClock, within } from '../../lib/clock.ts'
import type { Cluster } from '../cluster.ts'
import type { Address } from '../config.ts'
import { brokerError } from '../errors.ts'
import { KafkaError } from '../log.ts'
import type { ApiRange, Connection } from '../wire/connection.ts'
import { API } from '../wire/primitives.ts'
import { lent } from './topics.ts'

const INIT_PRODUCER_ID: ApiRange = { api: API.initProducerId, name: 'InitProducerId', lowest: 0, highest: 1 }

/** Limit `kafka.produce.ids` (ids): ids that wait for their next call. Beyond it: an id is used for one call only. */
const IDLE_IDS = 8
/**
 * Limit `kafka.produce.id.partitions` (partitions): partitions into which one id has written. Beyond it: another id is
 * asked for.
 */
const ID_PARTITIONS = 10_000
/** How long a cluster that gives no id is not asked again. */
const REFUSED_MS = 300_000
/** Numbers of records go around behind the last positive one of 32 bits. */
const SEQUENCES = 2 ** 31

/** What a batch is written with. */
interface Stamp {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** One producer, as the brokers see it. */
export class ProducerId {
  readonly #id: number
  readonly #epoch: number
  /** The number of the next record, by topic and partition. */
  readonly #next = new Map<string, number>()

  constructor(id: number, epoch: number) {
    this.#id = id
    this.#epoch = epoch
  }

  /** For the next batch of a partition; the same one until it was written. */
  stamp(topic: string, partition: number): Stamp {
    const baseSequence = this.#next.get(`${topic} ${partition}`) ?? 0
    return { producerId: this.#id, producerEpoch: this.#epoch, baseSequence }
  }

  wrote(topic: string, partition: number, records: number): void {
    const { baseSequence } = this.stamp(topic, partition)
    this.#next.set(`${topic} ${partition}`, (baseSequence + records) % SEQUENCES)
  }

  get partitions(): number {
    return this.#next.size
  }
}

/** The ids of one cluster. */
export class ProducerIds {
  static readonly #all = new WeakMap<Cluster, ProducerIds>()
  readonly #cluster: Cluster
  readonly #idle: ProducerId[] = []
  #refusedMs: number | undefined

  private constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  static of(cluster: Cluster): ProducerIds {
    const known = ProducerIds.#all.get(cluster)
    if (known !== undefined) return known
    const made = new ProducerIds(cluster)
    ProducerIds.#all.set(cluster, made)
    return made
  }

  /**
   * An id, asked for at this broker when none waits. undefined where the cluster gives none: it is too old, or wants a
   * right for it (before Kafka 2.8: IDEMPOTENT_WRITE on the cluster). Rejects with a KafkaError where there is no
   * answer.
   */
  async take(broker: Address, signal: AbortSignal | undefined): Promise<ProducerId | undefined> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#refusedMs !== undefined && systemClock.monotonic() - this.#refusedMs < REFUSED_MS) return undefined
    const made = await lent(this.#cluster, broker, signal, (connection) => within(newId(connection), { signal }))
    if (made === undefined) this.refused()
    return made
  }

  /** Whatever was sent under it is settled. */
  giveBack(id: ProducerId): void {
    if (this.#idle.length < IDLE_IDS && id.partitions <= ID_PARTITIONS) this.#idle.push(id)
  }

  /** The cluster does not let its ids be used. */
  refused(): void {
    this.#refusedMs = systemClock.monotonic()
    this.#idle.length = 0
  }
}

async function newId(connection: Connection): Promise<ProducerId | undefined> {
  try {
    return await connection.call(
      INIT_PRODUCER_ID,
      // No transactional id; the time-out is that of transactions.
      (writer) => writer.string(null).int32(60_000),
      (reader) => {
        reader.int32()
        const code = reader.int16()
        if (code !== 0) throw brokerError(code, 'The id of a producer')
        return new ProducerId(reader.long(), reader.int16())
      },
    )
  } catch (error) {
    if (error instanceof KafkaError && !error.retriable) return undefined
    throw error
  }
}
