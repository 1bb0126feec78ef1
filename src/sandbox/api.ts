/**
 * What an API of the sandbox is: its number, versions and shapes, and the function that answers it, together with what
 * such a function may use.
 */
import type { WireReader } from '../kafka/wire/primitives.ts'
import type { Clock } from '../lib/clock.ts'
import type { Faults } from './faults.ts'
import type { GroupCoordinator } from './groups.ts'
import type { LogStore } from './log/log-store.ts'
import type { MessageWriter, Read, Shape, Written } from './message.ts'
import type { PartitionLog } from './log/partition-log.ts'

/** A broker as clients see it. */
export interface Node {
  readonly id: number
  readonly host: string
  readonly port: number
}

/** Counters of the sandbox; read them at any time. */
export interface SandboxStats {
  /** Requests answered or being answered, by API name. */
  readonly requests: Map<string, number>
  /** Bytes of record sets sent, by topic. */
  readonly bytesOut: Map<string, number>
  /** Bytes of record sets stored, by topic. */
  readonly bytesIn: Map<string, number>
  openConnections: number
  connectionsEver: number
}

/** What belongs to the broker and not to one request. */
export interface Cluster {
  readonly id: string
  readonly store: LogStore
  readonly groups: GroupCoordinator
  readonly faults: Faults
  readonly stats: SandboxStats
  readonly autoCreateTopics: boolean
  readonly defaultPartitions: number
  readonly clock: Clock
  /** The nodes that metadata shows. */
  nodes(): readonly Node[]
  nextProducerId(): number
}

/** One request's surroundings. */
export interface RequestContext {
  readonly cluster: Cluster
  /** Which of the nodes was asked. */
  readonly nodeId: number
  readonly version: number
  readonly clientId: string
  /** Aborted when the connection goes, or the broker. */
  readonly signal: AbortSignal
}

/** An API, ready to be called. */
export interface Api {
  readonly key: number
  readonly name: string
  readonly min: number
  readonly max: number
  /** First version with compact encodings and tagged fields. */
  readonly flexible: number
  readonly request: Shape<unknown, never>
  readonly response: Shape<unknown, never>
  /**
   * Reads the request and gives a function that writes the response; undefined when no response is wanted (Produce with
   * acks 0).
   */
  answer(request: WireReader, context: RequestContext): Promise<((writer: MessageWriter) => void) | undefined>
}

interface ApiDefinition<Q, R> {
  readonly key: number
  readonly name: string
  readonly versions: readonly [min: number, max: number]
  readonly flexible: number
  readonly request: Q
  readonly response: R
  handle(request: Read<Q>, context: RequestContext): Written<R> | undefined | Promise<Written<R> | undefined>
}

/** An API together with its shapes (tests speak to the broker with them). */
export interface DefinedApi<Q extends Shape<unknown, never>, R extends Shape<unknown, never>> extends Api {
  readonly request: Q
  readonly response: R
}

/** Ties shapes and handler together. */
export function defineApi<QOut, QIn, ROut, RIn>(
  definition: ApiDefinition<Shape<QOut, QIn>, Shape<ROut, RIn>>,
): DefinedApi<Shape<QOut, QIn>, Shape<ROut, RIn>> {
  const { key, name, versions, flexible, request, response } = definition
  return {
    key,
    name,
    min: versions[0],
    max: versions[1],
    flexible,
    request,
    response,
    async answer(reader, context) {
      const compact = context.version >= flexible
      const answer = await definition.handle(request.read(reader, context.version, compact) as never, context)
      return answer === undefined
        ? undefined
        : (writer) => response.write(writer, answer as RIn, context.version, compact)
    },
  }
}

/** Adds to a counter of the statistics. */
export function count(counters: Map<string, number>, name: string, by = 1): void {
  counters.set(name, (counters.get(name) ?? 0) + by)
}

/** Leader and epoch, for the tagged fields that tell a client where to go. */
export function currentLeader(log: PartitionLog): { leaderId: number; leaderEpoch: number } {
  return { leaderId: log.leader, leaderEpoch: log.leaderEpoch }
}
