/**
 * Consumer groups, read only: which there are, who their members are, and their offsets. Each broker reports the
 * groups that it coordinates, so no coordinator is looked for. A right that is missing leaves groups out. Members of
 * the newer protocol (KIP-848) are not reported in these versions; such a group has its offsets and the state `Unknown`.
 * Source: the Kafka protocol, ListGroups, DescribeGroups, OffsetFetch, and the consumer's embedded assignment.
 */
import { type Clock, systemClock } from '../../lib/clock.ts'
import { lent } from './topics.ts'
import type { Broker } from '../answers.ts'
import type { Cluster } from '../cluster.ts'
import type { ApiRange, Connection } from '../wire/connection.ts'
import { API, WireError, WireReader } from '../wire/primitives.ts'

const LIST_GROUPS: ApiRange = { api: API.listGroups, name: 'ListGroups', lowest: 0, highest: 2 }
const DESCRIBE_GROUPS: ApiRange = { api: API.describeGroups, name: 'DescribeGroups', lowest: 0, highest: 2 }
const OFFSET_FETCH: ApiRange = { api: API.offsetFetch, name: 'OffsetFetch', lowest: 2, highest: 3 }

/**
 * Limit `kafka.groups.timeout` (ms): how long brokers are waited for in a list of groups. Beyond it: what has not
 * answered is left out.
 */
export const GROUPS_TIMEOUT_MS = 5000
/** Limit `kafka.max.groups` (groups): groups of one broker that are described. Beyond it: further ones are left out. */
export const MAX_GROUPS = 1000
/** How long an answer is kept. */
const FRESH_MS = 10_000
const AT_ONCE = 50

/** One member of a group. */
export interface GroupMember {
  readonly id: string
  readonly clientId: string
  readonly host: string
  /** Partitions by topic. */
  readonly assigned: ReadonlyMap<string, readonly number[]>
}

/** One consumer group: its members and offsets. */
export interface ConsumerGroup {
  readonly id: string
  /**
   * As Kafka's tools print it: Empty, Stable, PreparingRebalance, CompletingRebalance, Dead; Unknown where the broker
   * did not say.
   */
  readonly state: string
  readonly coordinator: Broker
  readonly members: readonly GroupMember[]
  /** Committed offsets by topic and partition. */
  readonly offsets: ReadonlyMap<string, ReadonlyMap<number, number>>
}

/** Partitions of each topic that a group has an offset for, or a member at. */
export function topicsOf(group: ConsumerGroup | GroupNow): ReadonlyMap<string, ReadonlySet<number>> {
  const topics = new Map<string, Set<number>>()
  const add = (topic: string, partitions: Iterable<number>) =>
    topics.set(topic, new Set([...(topics.get(topic) ?? []), ...partitions]))
  for (const [topic, offsets] of group.offsets) add(topic, offsets.keys())
  for (const member of group.members) for (const [topic, partitions] of member.assigned) add(topic, partitions)
  return topics
}

/** The groups of a cluster, kept for ten seconds; calls in the meantime share one answer. */
export class ConsumerGroups {
  readonly #cluster: Cluster
  readonly #clock: Clock
  #askedMs = Number.NEGATIVE_INFINITY
  #answer: Promise<readonly ConsumerGroup[]> = Promise.resolve([])

  constructor(cluster: Cluster, clock: Clock = systemClock) {
    this.#cluster = cluster
    this.#clock = clock
  }

  /** The next call sees a change. */
  forget(): void {
    this.#askedMs = Number.NEGATIVE_INFINITY
  }

  /** In order of their ids. Never rejects: a broker that does not answer, or may not, leaves its groups out. */
  all(): Promise<readonly ConsumerGroup[]> {
    if (this.#clock.monotonic() - this.#askedMs >= FRESH_MS) {
      this.#askedMs = this.#clock.monotonic()
      this.#answer = this.#ask()
    }
    return this.#answer
  }

  async #ask(): Promise<readonly ConsumerGroup[]> {
    const abort = new AbortController()
    const timer = this.#clock.after(GROUPS_TIMEOUT_MS, () => abort.abort())
    try {
      const { brokers } = await this.#cluster.metadata([], { fresh: true, signal: abort.signal })
      const ofBrokers = await Promise.allSettled(brokers.map((broker) => groupsAt(this.#cluster, broker, abort.signal)))
      const groups = ofBrokers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      return groups.sort((a, b) => (a.id < b.id ? -1 : 1))
    } catch {
      // No metadata: a call about topics reports why.
      return []
    } finally {
      timer.cancel()
    }
  }
}

async function groupsAt(cluster: Cluster, broker: Broker, signal: AbortSignal): Promise<ConsumerGroup[]> {
  return lent(cluster, broker, signal, async (connection) => {
    const close = () => connection.close()
    signal.addEventListener('abort', close, { once: true })
    try {
      const ids = (await listed(connection)).slice(0, MAX_GROUPS)
      const groups: ConsumerGroup[] = []
      for (let from = 0; from < ids.length; from += AT_ONCE) {
        const some = ids.slice(from, from + AT_ONCE)
        const [described, ...offsets] = await Promise.all([
          describe(connection, some),
          ...some.map((id) => committed(connection, id)),
        ])
        some.forEach((id, i) => {
          const { state, members } = described.get(id) ?? { state: 'Unknown', members: [] }
          groups.push({ id, state, members, coordinator: broker, offsets: offsets[i] })
        })
      }
      return groups
    } finally {
      signal.removeEventListener('abort', close)
    }
  })
}

/** A group as its coordinator describes it, without the coordinator itself. */
export type GroupNow = Omit<ConsumerGroup, 'coordinator'>

/** undefined when this broker coordinates no group of consumers of that name. */
export async function groupNow(connection: Connection, id: string): Promise<GroupNow | undefined> {
  const [ids, described, offsets] = await Promise.all([
    listed(connection),
    describe(connection, [id]),
    committed(connection, id),
  ])
  return ids.includes(id) ? { id, ...(described.get(id) ?? { state: 'Unknown', members: [] }), offsets } : undefined
}

/**
 * Ids of the groups of consumers; groups of other kinds (workers of Kafka Connect) read no topics in the name of the
 * group.
 */
async function listed(connection: Connection): Promise<string[]> {
  return connection.call(
    LIST_GROUPS,
    () => undefined,
    (reader, version) => {
      if (version >= 1) reader.int32()
      const code = reader.int16()
      const groups = reader.array(() => ({ id: reader.string() ?? '', protocol: reader.string() ?? '' }))
      // A group that only commits offsets has no protocol.
      return code === 0 ? groups.filter((g) => g.protocol === 'consumer' || g.protocol === '').map((g) => g.id) : []
    },
  )
}

async function describe(
  connection: Connection,
  ids: readonly string[],
): Promise<Map<string, { state: string; members: GroupMember[] }>> {
  const groups = await connection.call(
    DESCRIBE_GROUPS,
    (writer) => writer.array(ids, (id) => writer.string(id)),
    (reader, version) => {
      if (version >= 1) reader.int32()
      return reader.array(() => {
        const code = reader.int16()
        const id = reader.string() ?? ''
        const state = reader.string() ?? ''
        reader.string()
        reader.string()
        const members = reader.array(() => readMember(reader))
        return { id, code, state, members }
      })
    },
  )
  // A group that was listed and is called dead is one that this request does not know how to describe.
  return new Map(
    groups.filter((g) => g.code === 0 && g.state !== 'Dead').map(({ id, state, members }) => [id, { state, members }]),
  )
}

function readMember(reader: WireReader): GroupMember {
  const [id, clientId, host] = [reader.string() ?? '', reader.string() ?? '', reader.string() ?? '']
  reader.bytes()
  return { id, clientId, host, assigned: readAssignment(reader.bytes()) }
}

/** What the leader of the group assigned; bytes that are no assignment of a consumer assign nothing. */
function readAssignment(bytes: Buffer | null): ReadonlyMap<string, readonly number[]> {
  if (bytes === null || bytes.length === 0) return new Map()
  try {
    const reader = new WireReader(bytes)
    reader.int16()
    return new Map(reader.array(() => [reader.string() ?? '', reader.array(() => reader.int32())] as const))
  } catch (cause) {
    if (cause instanceof WireError) return new Map()
    throw cause
  }
}

async function committed(
  connection: Connection,
  id: string,
): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
  const topics = await connection.call(
    OFFSET_FETCH,
    (writer) => writer.string(id).array(null, () => undefined),
    (reader, version) => {
      if (version >= 3) reader.int32()
      return reader.array(() => {
        const topic = reader.string() ?? ''
        const partitions = reader.array(() => {
          const partition = reader.int32()
          const offset = reader.long()
          reader.string()
          return { partition, offset, code: reader.int16() }
        })
        return [topic, partitions] as const
      })
    },
  )
  const known = topics.map(
    ([topic, partitions]) => [topic, partitions.filter((p) => p.code === 0 && p.offset >= 0)] as const,
  )
  return new Map(
    known
      .filter(([, partitions]) => partitions.length > 0)
      .map(([topic, partitions]) => [topic, new Map(partitions.map((p) => [p.partition, p.offset]))]),
  )
}
