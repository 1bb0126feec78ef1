/**
 * Changing a cluster: topics are created and deleted, the beginnings of logs removed. Each call waits until the
 * cluster's metadata shows the change. It decides nothing:
 * whether somebody may do it, and what a table is, is known elsewhere.
 */
import { systemClock } from '../../lib/clock.ts'
import { METADATA, readMetadata, writeMetadata, type TopicMetadata } from '../answers.ts'
import { type Cluster, pause } from '../cluster.ts'
import type { Address } from '../config.ts'
import type { ApiRange, Connection } from '../wire/connection.ts'
import { brokerError, clientError, ERROR } from '../errors.ts'
import { KafkaError } from '../log.ts'
import { API } from '../wire/primitives.ts'

const CREATE_TOPICS: ApiRange = { api: API.createTopics, name: 'CreateTopics', lowest: 2, highest: 4 }
const DELETE_TOPICS: ApiRange = { api: API.deleteTopics, name: 'DeleteTopics', lowest: 1, highest: 3 }
const DELETE_RECORDS: ApiRange = { api: API.deleteRecords, name: 'DeleteRecords', lowest: 0, highest: 1 }

/**
 * Limit `kafka.admin.timeout` (ms): how long the brokers may work on a change before they answer; as long again is
 * waited until the metadata show it. Beyond it: an error that says so.
 */
export const ADMIN_TIMEOUT_MS = 15_000

/** How long a change whose answer was lost may take to show. */
const LOST_MS = 5000

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly config: Readonly<Record<string, string>>
}

/**
 * Resolves when every partition has a leader. Rejects with the broker's error: TOPIC_ALREADY_EXISTS, INVALID_CONFIG,
 * INVALID_REPLICATION_FACTOR, …
 */
export async function createTopic(cluster: Cluster, topic: NewTopic, signal?: AbortSignal): Promise<void> {
  const asked = onController(cluster, signal, async (connection) => {
    const answers = await connection.call(
      CREATE_TOPICS,
      (writer) => {
        writer.array([topic], (t) => {
          writer.string(t.name).int32(t.partitions).int16(t.replication)
          writer.array([], () => undefined)
          writer.array(Object.entries(t.config), ([name, value]) => writer.string(name).string(value))
        })
        writer.int32(ADMIN_TIMEOUT_MS).boolean(false)
      },
      (reader) => {
        reader.int32()
        return reader.array(() => ({ name: reader.string(), code: reader.int16(), message: reader.string() }))
      },
    )
    for (const { code, message } of answers) if (code !== 0) throw brokerError(code, `Topic "${topic.name}"`, message)
  })
  await made(
    asked,
    cluster,
    topic.name,
    (found) =>
      found.error === undefined &&
      found.partitions.length >= topic.partitions &&
      found.partitions.every((p) => p.leader >= 0),
    'be there',
    signal,
  )
}

/** Resolves when the cluster does not know the topic any more. */
export async function deleteTopic(cluster: Cluster, name: string, signal?: AbortSignal): Promise<void> {
  const asked = onController(cluster, signal, async (connection) => {
    const answers = await connection.call(
      DELETE_TOPICS,
      (writer) => writer.array([name], (t) => writer.string(t)).int32(ADMIN_TIMEOUT_MS),
      (reader) => {
        reader.int32()
        return reader.array(() => ({ name: reader.string(), code: reader.int16() }))
      },
    )
    for (const { code } of answers) if (code !== 0) throw brokerError(code, `Topic "${name}"`)
  })
  const isGone = (found: TopicMetadata): boolean => found.error?.code === ERROR.unknownTopicOrPartition
  await made(asked, cluster, name, isGone, 'be gone', signal)
}

/**
 * Removes the records before these offsets; -1 means the end of a partition. Rejects with the first error of a
 * partition that does not pass.
 */
export async function deleteRecords(
  cluster: Cluster,
  topic: string,
  before: ReadonlyMap<number, number>,
  signal?: AbortSignal,
): Promise<void> {
  const left = new Map(before)
  const deadlineMs = systemClock.monotonic() + ADMIN_TIMEOUT_MS
  for (let pauseMs = 50; left.size > 0; pauseMs = Math.min(pauseMs * 2, 1000)) {
    const leaders = await leadersOf(cluster, topic, [...left.keys()], signal)
    let trouble: KafkaError | undefined
    for (const [address, partitions] of leaders) {
      for (const { partition, code } of await deleteAt(cluster, address, topic, partitions, left, signal)) {
        if (code === 0) left.delete(partition)
        else trouble = brokerError(code, `Records of "${topic}" partition ${partition}`)
        if (trouble !== undefined && !trouble.retriable) throw trouble
      }
    }
    if (left.size === 0) return
    if (systemClock.monotonic() + pauseMs > deadlineMs)
      throw trouble ?? brokerError(ERROR.leaderNotAvailable, `Records of "${topic}"`)
    await pause(pauseMs, signal)
  }
}

async function deleteAt(
  cluster: Cluster,
  address: Address,
  topic: string,
  partitions: readonly number[],
  before: ReadonlyMap<number, number>,
  signal: AbortSignal | undefined,
): Promise<{ partition: number; code: number }[]> {
  return await lent(cluster, address, signal, (connection) =>
    connection.call(
      DELETE_RECORDS,
      (writer) => {
        writer.array([topic], (name) =>
          writer.string(name).array(partitions, (p) => writer.int32(p).int64(before.get(p) ?? 0)),
        )
        writer.int32(ADMIN_TIMEOUT_MS)
      },
      (reader) => {
        reader.int32()
        const answers = reader.array(() => {
          reader.string()
          return reader.array(() => {
            const partition = reader.int32()
            reader.long()
            return { partition, code: reader.int16() }
          })
        })
        return answers.flat()
      },
    ),
  )
}

/** The partitions by the address of their leader; those without one are left out. The metadata is requested afresh. */
export async function leadersOf(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  signal?: AbortSignal,
): Promise<Map<Address, number[]>> {
  const metadata = await cluster.topic(topic, { fresh: true, signal })
  const known = new Map(metadata.partitions.map((p) => [p.partition, p]))
  const leaders = new Map<Address, number[]>()
  for (const partition of partitions) {
    const found = known.get(partition)
    if (found === undefined)
      throw new KafkaError(
        ERROR.unknownTopicOrPartition,
        'UNKNOWN_TOPIC_OR_PARTITION',
        `Topic "${topic}" has no partition ${partition}`,
        false,
      )
    const broker = cluster.leader(found.leader)
    if (broker === undefined) continue
    const led = leaders.get(broker)
    if (led === undefined) leaders.set(broker, [partition])
    else led.push(partition)
  }
  return leaders
}

/** A connection of one's own for the time of `use`. */
export async function lent<T>(
  cluster: Cluster,
  address: Address,
  signal: AbortSignal | undefined,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await cluster.lend(address, signal)
  try {
    return await use(connection)
  } finally {
    cluster.release(connection)
  }
}

/**
 * With KRaft every broker passes the request on to the controller; older clusters say which broker is none, and the
 * next one is asked.
 */
export async function onController(
  cluster: Cluster,
  signal: AbortSignal | undefined,
  use: (connection: Connection) => Promise<void>,
): Promise<void> {
  const { brokers } = await cluster.metadata([], { fresh: true, signal })
  let failure: KafkaError | undefined
  for (const broker of brokers) {
    try {
      return await lent(cluster, broker, signal, use)
    } catch (error) {
      if (
        !(error instanceof KafkaError) ||
        (error.code !== ERROR.notController &&
          error.errorName !== 'CONNECTION_REFUSED' &&
          error.errorName !== 'CONNECT_TIMEOUT')
      )
        throw error
      failure = error
    }
  }
  throw failure ?? clientError('NO_BROKER', 'the cluster names no broker', true)
}

/** Waits for a change. Where its answer was lost, what the brokers show says whether it was made. */
async function made(
  asked: Promise<void>,
  cluster: Cluster,
  topic: string,
  done: (found: TopicMetadata) => boolean,
  what: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let lost: KafkaError | undefined
  try {
    await asked
  } catch (error) {
    if (!(error instanceof KafkaError) || (error.code >= 0 && error.errorName !== 'REQUEST_TIMED_OUT')) throw error
    lost = error
  }
  try {
    await until(cluster, topic, done, what, signal, lost === undefined ? ADMIN_TIMEOUT_MS : LOST_MS)
  } catch (error) {
    throw lost ?? error
  }
}

async function until(
  cluster: Cluster,
  topic: string,
  done: (found: TopicMetadata) => boolean,
  what: string,
  signal: AbortSignal | undefined,
  patienceMs: number,
): Promise<void> {
  const deadlineMs = systemClock.monotonic() + patienceMs
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    const { brokers, topics } = await cluster.metadata([topic], { fresh: true, signal })
    if (done(topics[0])) {
      // Brokers learn of a change one after the other: all of them have to know before it can be relied on.
      if (brokers.length < 2 || (await everywhere(cluster, brokers, topic, done, signal))) break
    }
    if (systemClock.monotonic() > deadlineMs)
      throw clientError(
        'TIMEOUT',
        `Topic "${topic}" should ${what}, and the cluster's metadata does not show it after ${ADMIN_TIMEOUT_MS} ms (kafka.admin.timeout)`,
        false,
      )
    await pause(pauseMs, signal)
  }
  // A listing that is kept for suggestions does not show it.
  cluster.forgetListing()
}

async function everywhere(
  cluster: Cluster,
  brokers: readonly Address[],
  topic: string,
  done: (found: TopicMetadata) => boolean,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (const broker of brokers) {
    try {
      const { topics } = await lent(cluster, broker, signal, (connection) =>
        connection.call(METADATA, (writer, version) => writeMetadata(writer, version, [topic]), readMetadata),
      )
      if (topics.length > 0 && !done(topics[0])) return false
    } catch (error) {
      // A broker that is down learns of it when it comes back.
      if (!(error instanceof KafkaError)) throw error
    }
  }
  return true
}
