/**
 * Where a group of consumers stands, changed from outside: offsets committed in its name, offsets taken away, the whole
 * group taken away. The coordinator of the group is asked, and refuses while the group has members; which offsets make
 * sense, and who may do it, is decided elsewhere. Source: the Kafka protocol, FindCoordinator, OffsetCommit (as Kafka's
 * own tools send it: no member, no generation), OffsetDelete (KIP-496), DeleteGroups (KIP-229).
 */
import { systemClock } from '../../lib/clock.ts'
import { ADMIN_TIMEOUT_MS, lent } from './topics.ts'
import { type Cluster, pause } from '../cluster.ts'
import type { Address } from '../config.ts'
import type { ApiRange, Connection } from '../wire/connection.ts'
import { brokerError, clientError, leftOut } from '../errors.ts'
import { type GroupNow, groupNow } from './groups.ts'
import { KafkaError } from '../log.ts'
import { API } from '../wire/primitives.ts'

const FIND_COORDINATOR: ApiRange = { api: API.findCoordinator, name: 'FindCoordinator', lowest: 0, highest: 2 }
const OFFSET_COMMIT: ApiRange = { api: API.offsetCommit, name: 'OffsetCommit', lowest: 2, highest: 5 }
const OFFSET_DELETE: ApiRange = { api: API.offsetDelete, name: 'OffsetDelete', lowest: 0, highest: 0 }
const DELETE_GROUPS: ApiRange = { api: API.deleteGroups, name: 'DeleteGroups', lowest: 0, highest: 1 }

/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR. */
const COORDINATOR_TROUBLE = [14, 15, 16]
/** Key type of FindCoordinator. */
const GROUP = 0
/** Generation of a commit from outside of the group: brokers accept it while the group is empty. */
const NO_GENERATION = -1
/** The broker's own setting counts. */
const RETENTION_OF_BROKER = -1

/** Offsets by partition by topic. */
export type Places = ReadonlyMap<string, ReadonlyMap<number, number>>

/** As it is at this moment; undefined when the coordinator knows no group of consumers of that name. */
export async function groupAtCoordinator(
  cluster: Cluster,
  group: string,
  signal?: AbortSignal,
): Promise<GroupNow | undefined> {
  return atCoordinator(cluster, group, signal, (connection) => groupNow(connection, group))
}

/** Rejects with UNKNOWN_MEMBER_ID while the group has members, GROUP_AUTHORIZATION_FAILED and the like. */
export async function commitOffsets(
  cluster: Cluster,
  group: string,
  places: Places,
  signal?: AbortSignal,
): Promise<void> {
  await atCoordinator(cluster, group, signal, async (connection) => {
    const answers = await connection.call(
      OFFSET_COMMIT,
      (writer, version) => {
        writer.string(group).int32(NO_GENERATION).string('')
        if (version <= 4) writer.int64(RETENTION_OF_BROKER)
        writer.array([...places], ([topic, offsets]) =>
          writer.string(topic).array([...offsets], ([p, offset]) => writer.int32(p).int64(offset).string('')),
        )
      },
      (reader, version) => {
        if (version >= 3) reader.int32()
        return reader.array(() => {
          const topic = reader.string() ?? ''
          return reader.array(() => ({ topic, partition: reader.int32(), code: reader.int16() }))
        })
      },
    )
    judge(answers.flat(), partitionsOf(places), `Offset of the group "${group}"`)
  })
}

/** Takes the offsets of these partitions away. Rejects with GROUP_SUBSCRIBED_TO_TOPIC, NON_EMPTY_GROUP and the like. */
export async function deleteOffsets(
  cluster: Cluster,
  group: string,
  partitions: ReadonlyMap<string, readonly number[]>,
  signal?: AbortSignal,
): Promise<void> {
  await atCoordinator(cluster, group, signal, async (connection) => {
    const { code, answers } = await connection.call(
      OFFSET_DELETE,
      (writer) =>
        writer
          .string(group)
          .array([...partitions], ([topic, numbers]) => writer.string(topic).array(numbers, (p) => writer.int32(p))),
      (reader) => {
        const groupCode = reader.int16()
        reader.int32()
        const topics = reader.array(() => {
          const topic = reader.string() ?? ''
          return reader.array(() => ({ topic, partition: reader.int32(), code: reader.int16() }))
        })
        return { code: groupCode, answers: topics.flat() }
      },
    )
    if (code !== 0) throw brokerError(code, `Offsets of the group "${group}"`)
    judge(answers, partitions, `Offset of the group "${group}"`)
  })
}

/** Rejects with NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND and the like. */
export async function deleteGroup(cluster: Cluster, group: string, signal?: AbortSignal): Promise<void> {
  await atCoordinator(cluster, group, signal, async (connection) => {
    const answers = await connection.call(
      DELETE_GROUPS,
      (writer) => writer.array([group], (id) => writer.string(id)),
      (reader) => {
        reader.int32()
        return reader.array(() => ({ id: reader.string(), code: reader.int16() }))
      },
    )
    if (answers.length === 0) throw leftOut(`Group "${group}"`)
    for (const { code } of answers) if (code !== 0) throw brokerError(code, `Group "${group}"`)
  })
}

function partitionsOf(places: Places): ReadonlyMap<string, readonly number[]> {
  return new Map(Array.from(places, ([topic, offsets]) => [topic, [...offsets.keys()]]))
}

/** Throws unless the answers say of every partition that was asked for that it is done. */
function judge(
  answers: readonly { readonly topic: string; readonly partition: number; readonly code: number }[],
  asked: ReadonlyMap<string, readonly number[]>,
  what: string,
): void {
  const done = new Map<string, Set<number>>()
  for (const { topic, partition, code } of answers) {
    if (code !== 0) throw brokerError(code, `${what} in "${topic}" partition ${partition}`)
    done.set(topic, (done.get(topic) ?? new Set()).add(partition))
  }
  for (const [topic, partitions] of asked)
    for (const partition of partitions)
      if (done.get(topic)?.has(partition) !== true) throw leftOut(`${what} in "${topic}" partition ${partition}`)
}

/** A coordinator that moves, or is only beginning, is looked for again. */
async function atCoordinator<T>(
  cluster: Cluster,
  group: string,
  signal: AbortSignal | undefined,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const deadlineMs = systemClock.monotonic() + ADMIN_TIMEOUT_MS
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1000)) {
    try {
      return await lent(cluster, await coordinatorOf(cluster, group, signal), signal, use)
    } catch (error) {
      if (
        !(error instanceof KafkaError) ||
        !COORDINATOR_TROUBLE.includes(error.code) ||
        systemClock.monotonic() + pauseMs > deadlineMs
      )
        throw error
    }
    await pause(pauseMs, signal)
  }
}

/** Any broker knows it. */
async function coordinatorOf(cluster: Cluster, group: string, signal: AbortSignal | undefined): Promise<Address> {
  const { brokers } = await cluster.metadata([], { fresh: true, signal })
  let failure: KafkaError | undefined
  for (const broker of brokers) {
    try {
      return await lent(cluster, broker, signal, (connection) => findCoordinator(connection, group))
    } catch (error) {
      if (
        !(error instanceof KafkaError) ||
        (error.errorName !== 'CONNECTION_REFUSED' && error.errorName !== 'CONNECT_TIMEOUT')
      )
        throw error
      failure = error
    }
  }
  throw failure ?? clientError('NO_BROKER', 'the cluster names no broker', true)
}

async function findCoordinator(connection: Connection, group: string): Promise<Address> {
  return connection.call(
    FIND_COORDINATOR,
    (writer, version) => {
      writer.string(group)
      if (version >= 1) writer.int8(GROUP)
    },
    (reader, version) => {
      if (version >= 1) reader.int32()
      const code = reader.int16()
      const message = version >= 1 ? reader.string() : null
      reader.int32()
      const address = { host: reader.string() ?? '', port: reader.int32() }
      if (code !== 0) throw brokerError(code, `Coordinator of the group "${group}"`, message)
      return address
    },
  )
}
