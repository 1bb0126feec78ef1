/**
 * The classic consumer group protocol on a single node: join, sync, heartbeat, leave, committed offsets. Kept in
 * memory. Not here: the newer consumer protocol (KIP-848), share groups, static membership beyond replacing a member of
 * the same instance id.
 */
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../lib/clock.ts'
import { ERROR } from './error-codes.ts'

export interface JoinRequest {
  readonly groupId: string
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[]
  /** The client can cope with MEMBER_ID_REQUIRED (v4 on). */
  readonly mayAskForId: boolean
}

export interface JoinAnswer {
  readonly errorCode: number
  readonly generationId: number
  readonly protocolType: string
  readonly protocolName: string
  readonly leader: string
  readonly memberId: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Buffer
  }[]
}

export interface SyncAnswer {
  readonly errorCode: number
  readonly protocolType: string
  readonly protocolName: string
  readonly assignment: Buffer
}

export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string | null
}

interface Member {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  protocols: JoinRequest['protocols']
  assignment: Buffer
  lastSeenMs: number
  join?: (answer: JoinAnswer) => void
  sync?: (answer: SyncAnswer) => void
}

/** Names as Kafka's tools print them. */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface Group {
  readonly id: string
  state: GroupState
  generation: number
  protocolType: string
  protocolName: string
  leader: string
  rebalanceDeadlineMs: number
  readonly members: Map<string, Member>
  /** By topic, then partition. */
  readonly offsets: Map<string, Map<number, CommittedOffset>>
}

const NOTHING = Buffer.alloc(0)
const SWEEP_MS = 250

export class GroupCoordinator {
  readonly groups = new Map<string, Group>()
  readonly #clock: Clock
  readonly #sweep: Timer

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sweep = clock.every(SWEEP_MS, () => this.#expire())
  }

  close(): void {
    this.#sweep.cancel()
    for (const group of this.groups.values())
      for (const member of group.members.values()) this.#release(member, ERROR.coordinatorNotAvailable)
  }

  /** The group, made when it is not there. */
  group(id: string): Group {
    const known = this.groups.get(id)
    if (known !== undefined) return known
    const made: Group = {
      id,
      state: 'Empty',
      generation: 0,
      protocolType: '',
      protocolName: '',
      leader: '',
      rebalanceDeadlineMs: 0,
      members: new Map(),
      offsets: new Map(),
    }
    this.groups.set(id, made)
    return made
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    const refuse = (errorCode: number, memberId = request.memberId) => Promise.resolve(joinError(errorCode, memberId))
    if (request.groupId === '') return refuse(ERROR.invalidGroupId)
    const group = this.group(request.groupId)
    const returning = [...group.members.values()].find(
      (member) => request.instanceId !== null && member.instanceId === request.instanceId,
    )
    if (
      request.memberId !== '' &&
      !group.members.has(request.memberId) &&
      !request.memberId.startsWith(`${request.clientId}-`)
    )
      return refuse(ERROR.unknownMemberId)
    const id = request.memberId !== '' ? request.memberId : `${request.clientId}-${randomUUID()}`
    if (request.memberId === '' && request.mayAskForId && request.instanceId === null)
      return refuse(ERROR.memberIdRequired, id)
    if (
      group.members.size > 0 &&
      (group.protocolType !== request.protocolType ||
        commonProtocol([...group.members.values()], request.protocols) === undefined)
    ) {
      return refuse(ERROR.inconsistentGroupProtocol)
    }
    if (returning !== undefined && returning.id !== id) this.#drop(group, returning)
    group.protocolType = request.protocolType
    const known = group.members.get(id)
    if (
      known !== undefined &&
      group.state === 'Stable' &&
      id !== group.leader &&
      sameProtocols(known.protocols, request.protocols)
    ) {
      known.lastSeenMs = this.#clock.monotonic()
      return Promise.resolve(joinAnswer(group, known))
    }
    return this.#enter(group, id, request)
  }

  #enter(group: Group, id: string, request: JoinRequest): Promise<JoinAnswer> {
    const member: Member = group.members.get(id) ?? {
      id,
      instanceId: request.instanceId,
      clientId: request.clientId,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs > 0 ? request.rebalanceTimeoutMs : request.sessionTimeoutMs,
      protocols: request.protocols,
      assignment: NOTHING,
      lastSeenMs: 0,
    }
    member.protocols = request.protocols
    member.lastSeenMs = this.#clock.monotonic()
    group.members.set(id, member)
    this.#rebalance(group)
    return new Promise((resolve) => {
      member.join = resolve
      this.#completeJoin(group)
    })
  }

  #rebalance(group: Group): void {
    if (group.state === 'PreparingRebalance') return
    for (const member of group.members.values()) {
      member.sync?.({ errorCode: ERROR.rebalanceInProgress, protocolType: '', protocolName: '', assignment: NOTHING })
      member.sync = undefined
    }
    group.state = 'PreparingRebalance'
    group.rebalanceDeadlineMs =
      this.#clock.monotonic() + Math.max(...[...group.members.values()].map((member) => member.rebalanceTimeoutMs))
  }

  #completeJoin(group: Group): void {
    const members = [...group.members.values()]
    if (
      group.state !== 'PreparingRebalance' ||
      members.length === 0 ||
      members.some((member) => member.join === undefined)
    )
      return
    group.generation++
    group.protocolName = commonProtocol(members, members[0].protocols) ?? ''
    if (!group.members.has(group.leader)) group.leader = members[0].id
    group.state = 'CompletingRebalance'
    for (const member of members) {
      member.assignment = NOTHING
      member.lastSeenMs = this.#clock.monotonic()
      member.join?.(joinAnswer(group, member))
      member.join = undefined
    }
  }

  sync(
    groupId: string,
    generationId: number,
    memberId: string,
    assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[],
  ): Promise<SyncAnswer> {
    const group = this.groups.get(groupId)
    const errorCode = this.#check(group, generationId, memberId)
    const member = group?.members.get(memberId)
    if (group === undefined || member === undefined || errorCode !== ERROR.none)
      return Promise.resolve({ errorCode, protocolType: '', protocolName: '', assignment: NOTHING })
    const answer = (of: Member): SyncAnswer => ({
      errorCode: ERROR.none,
      protocolType: group.protocolType,
      protocolName: group.protocolName,
      assignment: of.assignment,
    })
    if (group.state === 'Stable') return Promise.resolve(answer(member))
    if (memberId !== group.leader) return new Promise((resolve) => void (member.sync = resolve))
    for (const { memberId: id, assignment } of assignments) {
      const target = group.members.get(id)
      if (target !== undefined) target.assignment = Buffer.from(assignment)
    }
    group.state = 'Stable'
    for (const waiting of group.members.values()) {
      waiting.sync?.(answer(waiting))
      waiting.sync = undefined
    }
    return Promise.resolve(answer(member))
  }

  /** 0, or the error a member of that generation gets; counts as a sign of life. */
  heartbeat(groupId: string, generationId: number, memberId: string): number {
    return this.#check(this.groups.get(groupId), generationId, memberId)
  }

  #check(group: Group | undefined, generationId: number, memberId: string): number {
    const member = group?.members.get(memberId)
    if (group === undefined || member === undefined) return ERROR.unknownMemberId
    member.lastSeenMs = this.#clock.monotonic()
    if (group.state === 'PreparingRebalance') return ERROR.rebalanceInProgress
    return generationId === group.generation ? ERROR.none : ERROR.illegalGeneration
  }

  leave(groupId: string, memberId: string, instanceId: string | null): number {
    const group = this.groups.get(groupId)
    const member =
      group?.members.get(memberId) ??
      [...(group?.members.values() ?? [])].find((one) => instanceId !== null && one.instanceId === instanceId)
    if (group === undefined || member === undefined) return ERROR.unknownMemberId
    this.#drop(group, member)
    return ERROR.none
  }

  #drop(group: Group, member: Member): void {
    group.members.delete(member.id)
    this.#release(member, ERROR.unknownMemberId)
    if (group.members.size === 0) {
      group.state = 'Empty'
      group.generation++
      group.leader = ''
      return
    }
    this.#rebalance(group)
    this.#completeJoin(group)
  }

  #release(member: Member, errorCode: number): void {
    member.join?.(joinError(errorCode, member.id))
    member.sync?.({ errorCode, protocolType: '', protocolName: '', assignment: NOTHING })
    member.join = undefined
    member.sync = undefined
  }

  /**
   * Commits when the sender may: a member of the generation, or anyone (generation -1) while the group has no members.
   */
  commit(
    groupId: string,
    generationId: number,
    memberId: string,
    topic: string,
    partition: number,
    committed: CommittedOffset,
  ): number {
    const group = this.group(groupId)
    if (generationId >= 0 || group.members.size > 0) {
      const member = group.members.get(memberId)
      if (member === undefined) return ERROR.unknownMemberId
      member.lastSeenMs = this.#clock.monotonic()
      if (generationId !== group.generation) return ERROR.illegalGeneration
    }
    const offsets = group.offsets.get(topic) ?? new Map<number, CommittedOffset>()
    offsets.set(partition, committed)
    group.offsets.set(topic, offsets)
    return ERROR.none
  }

  /** Members may read the topic: what they subscribed to is not checked here. */
  deleteOffset(groupId: string, topic: string, partition: number): number {
    const group = this.groups.get(groupId)
    if (group === undefined) return ERROR.groupIdNotFound
    if (group.members.size > 0) return ERROR.groupSubscribedToTopic
    const offsets = group.offsets.get(topic)
    offsets?.delete(partition)
    if (offsets?.size === 0) group.offsets.delete(topic)
    return ERROR.none
  }

  delete(groupId: string): number {
    const group = this.groups.get(groupId)
    if (group === undefined) return ERROR.groupIdNotFound
    if (group.members.size > 0) return ERROR.nonEmptyGroup
    this.groups.delete(groupId)
    return ERROR.none
  }

  /** Drops members that went silent, and those that did not come back in time for a rebalance. */
  #expire(): void {
    const now = this.#clock.monotonic()
    for (const group of this.groups.values()) {
      for (const member of [...group.members.values()]) {
        const silent =
          member.join === undefined && member.sync === undefined && now - member.lastSeenMs > member.sessionTimeoutMs
        const late =
          group.state === 'PreparingRebalance' && member.join === undefined && now > group.rebalanceDeadlineMs
        if (silent || late) this.#drop(group, member)
      }
    }
  }
}

function joinError(errorCode: number, memberId: string): JoinAnswer {
  return { errorCode, generationId: -1, protocolType: '', protocolName: '', leader: '', memberId, members: [] }
}

function joinAnswer(group: Group, member: Member): JoinAnswer {
  const metadataOf = (one: Member) =>
    one.protocols.find((protocol) => protocol.name === group.protocolName)?.metadata ?? NOTHING
  const members =
    member.id !== group.leader
      ? []
      : [...group.members.values()].map((one) => ({
          memberId: one.id,
          groupInstanceId: one.instanceId,
          metadata: metadataOf(one),
        }))
  return {
    errorCode: ERROR.none,
    generationId: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leader,
    memberId: member.id,
    members,
  }
}

/** The first of `candidates` that all members know. */
function commonProtocol(members: readonly Member[], candidates: JoinRequest['protocols']): string | undefined {
  return candidates.find(({ name }) =>
    members.every((member) => member.protocols.some((protocol) => protocol.name === name)),
  )?.name
}

function sameProtocols(a: JoinRequest['protocols'], b: JoinRequest['protocols']): boolean {
  return (
    a.length === b.length &&
    a.every((protocol, i) => protocol.name === b[i].name && protocol.metadata.equals(b[i].metadata))
  )
}
