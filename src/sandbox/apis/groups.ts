/** Consumer groups: the messages around `GroupCoordinator`. */
import { defineApi, type Cluster } from '../api.ts'
import { ERROR } from '../error-codes.ts'
import {
  array,
  bool,
  bytes,
  from,
  int16,
  int32,
  int64,
  nullableArray,
  nullableString,
  orElse,
  string,
  struct,
  upTo,
} from '../message.ts'

/** JoinGroup. */
export const joinGroup = defineApi({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexible: 6,
  request: struct({
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: from(1, int32, -1),
    memberId: string,
    groupInstanceId: from(5, nullableString),
    protocolType: string,
    protocols: array(struct({ name: string, metadata: bytes })),
    reason: from(8, nullableString),
  }),
  response: struct({
    throttleTimeMs: from(2, int32),
    errorCode: int16,
    generationId: int32,
    protocolType: from(7, nullableString),
    protocolName: nullableString,
    leader: string,
    skipAssignment: from(9, bool),
    memberId: string,
    members: array(struct({ memberId: string, groupInstanceId: from(5, nullableString), metadata: bytes })),
  }),
  handle: (request, { cluster, clientId, version }) =>
    cluster.groups.join({
      ...request,
      clientId,
      instanceId: request.groupInstanceId,
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      mayAskForId: version >= 4,
    }),
})

/** SyncGroup: the leader brings the assignment, each member gets its part. */
export const syncGroup = defineApi({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexible: 4,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: from(3, nullableString),
    protocolType: from(5, nullableString),
    protocolName: from(5, nullableString),
    assignments: array(struct({ memberId: string, assignment: bytes })),
  }),
  response: struct({
    throttleTimeMs: from(1, int32),
    errorCode: int16,
    protocolType: from(5, nullableString),
    protocolName: from(5, nullableString),
    assignment: bytes,
  }),
  handle: ({ groupId, generationId, memberId, assignments }, { cluster }) =>
    cluster.groups.sync(groupId, generationId, memberId, assignments),
})

/** Heartbeat: says that a member lives, and answers whether the group is rebalancing. */
export const heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexible: 4,
  request: struct({ groupId: string, generationId: int32, memberId: string, groupInstanceId: from(3, nullableString) }),
  response: struct({ throttleTimeMs: from(1, int32), errorCode: int16 }),
  handle: ({ groupId, generationId, memberId }, { cluster }) => ({
    errorCode: cluster.groups.heartbeat(groupId, generationId, memberId),
  }),
})

/** LeaveGroup. */
export const leaveGroup = defineApi({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexible: 4,
  request: struct({
    groupId: string,
    memberId: upTo(2, string),
    members: from(
      3,
      array(struct({ memberId: string, groupInstanceId: nullableString, reason: from(5, nullableString) })),
    ),
  }),
  response: struct({
    throttleTimeMs: from(1, int32),
    errorCode: int16,
    members: from(3, array(struct({ memberId: string, groupInstanceId: nullableString, errorCode: int16 }))),
  }),
  handle({ groupId, memberId, members }, { cluster, version }) {
    if (version < 3) return { errorCode: cluster.groups.leave(groupId, memberId, null) }
    return {
      members: members.map((member) => ({
        ...member,
        errorCode: cluster.groups.leave(groupId, member.memberId, member.groupInstanceId),
      })),
    }
  },
})

/** OffsetCommit: by members of the group, or from outside while it is empty. */
export const offsetCommit = defineApi({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 9],
  flexible: 8,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: from(7, nullableString),
    retentionTimeMs: from(2, upTo(4, int64, -1)),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({ index: int32, offset: int64, leaderEpoch: from(6, int32, -1), metadata: nullableString }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: from(3, int32),
    topics: array(struct({ name: string, partitions: array(struct({ index: int32, errorCode: int16 })) })),
  }),
  handle: ({ groupId, generationId, memberId, topics }, { cluster }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index, ...committed }) => ({
        index,
        errorCode:
          cluster.store.partition(name, index) === undefined
            ? ERROR.unknownTopicOrPartition
            : cluster.groups.commit(groupId, generationId, memberId, name, index, committed),
      })),
    })),
  }),
})

const fetchedTopics = struct({
  name: string,
  partitions: array(
    struct({
      index: int32,
      offset: int64,
      leaderEpoch: from(5, orElse(-1, int32)),
      metadata: nullableString,
      errorCode: int16,
    }),
  ),
})

type WantedOffsets = readonly { readonly name: string; readonly partitions: readonly number[] }[]

/** OffsetFetch: committed offsets, -1 where there is none. */
export const offsetFetch = defineApi({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 9],
  flexible: 6,
  request: struct({
    groupId: upTo(7, string),
    topics: upTo(7, nullableArray(struct({ name: string, partitions: array(int32) }))),
    groups: from(
      8,
      array(
        struct({
          groupId: string,
          memberId: from(9, nullableString),
          memberEpoch: from(9, int32, -1),
          topics: nullableArray(struct({ name: string, partitions: array(int32) })),
        }),
      ),
    ),
    requireStable: from(7, bool),
  }),
  response: struct({
    throttleTimeMs: from(3, int32),
    topics: upTo(7, array(fetchedTopics)),
    errorCode: from(2, upTo(7, int16)),
    groups: from(8, array(struct({ groupId: string, topics: array(fetchedTopics), errorCode: int16 }))),
  }),
  handle: (request, { cluster, version }) =>
    version < 8
      ? { topics: offsetsOf(cluster, request.groupId, request.topics) }
      : {
          groups: request.groups.map(({ groupId, topics }) => ({
            groupId,
            topics: offsetsOf(cluster, groupId, topics),
          })),
        },
})

/** Committed offsets; -1 where there is none. Without `wanted`, all that the group has. */
function offsetsOf(cluster: Cluster, groupId: string, wanted: WantedOffsets | null) {
  const committed = cluster.groups.groups.get(groupId)?.offsets
  const topics =
    wanted ?? [...(committed ?? [])].map(([name, partitions]) => ({ name, partitions: [...partitions.keys()] }))
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) => ({
      index,
      ...(committed?.get(name)?.get(index) ?? { offset: -1, leaderEpoch: -1, metadata: '' }),
    })),
  }))
}

/** ListGroups. */
export const listGroups = defineApi({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  request: struct({ states: from(4, array(string)), types: from(5, array(string)) }),
  response: struct({
    throttleTimeMs: from(1, int32),
    errorCode: int16,
    groups: array(
      struct({ groupId: string, protocolType: string, groupState: from(4, string), groupType: from(5, string) }),
    ),
  }),
  handle({ states, types }, { cluster }) {
    const groups =
      types.length > 0 && !types.some((type) => type.toLowerCase() === 'classic')
        ? []
        : [...cluster.groups.groups.values()]
    const wanted = groups.filter(
      (group) => states.length === 0 || states.some((state) => state.toLowerCase() === group.state.toLowerCase()),
    )
    return {
      groups: wanted.map((group) => ({
        groupId: group.id,
        protocolType: group.protocolType,
        groupState: group.state,
        groupType: 'classic',
      })),
    }
  },
})

/** DescribeGroups. */
export const describeGroups = defineApi({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
  request: struct({ groups: array(string), includeAuthorizedOperations: from(3, bool) }),
  response: struct({
    throttleTimeMs: from(1, int32),
    groups: array(
      struct({
        errorCode: int16,
        errorMessage: from(6, nullableString),
        groupId: string,
        groupState: string,
        protocolType: string,
        protocolData: string,
        members: array(
          struct({
            memberId: string,
            groupInstanceId: from(4, nullableString),
            clientId: string,
            clientHost: string,
            metadata: bytes,
            assignment: bytes,
          }),
        ),
        authorizedOperations: from(3, orElse(-2147483648, int32)),
      }),
    ),
  }),
  handle: ({ groups }, { cluster, version }) => ({ groups: groups.map((id) => describe(cluster, id, version)) }),
})

function describe(cluster: Cluster, groupId: string, version: number) {
  const group = cluster.groups.groups.get(groupId)
  if (group === undefined) {
    const gone =
      version >= 6
        ? { errorCode: ERROR.groupIdNotFound, errorMessage: `there is no group ${groupId}` }
        : { errorCode: ERROR.none }
    return { ...gone, groupId, groupState: 'Dead' }
  }
  const members = [...group.members.values()].map((member) => ({
    memberId: member.id,
    groupInstanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: '/127.0.0.1',
    metadata: member.protocols.find((protocol) => protocol.name === group.protocolName)?.metadata,
    assignment: member.assignment,
  }))
  return {
    errorCode: ERROR.none,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: group.protocolName,
    members,
  }
}

/** OffsetDelete (KIP-496). */
export const offsetDelete = defineApi({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexible: 1,
  request: struct({
    groupId: string,
    topics: array(struct({ name: string, partitions: array(struct({ index: int32 })) })),
  }),
  response: struct({
    errorCode: int16,
    throttleTimeMs: int32,
    topics: array(struct({ name: string, partitions: array(struct({ index: int32, errorCode: int16 })) })),
  }),
  handle({ groupId, topics }, { cluster }) {
    if (!cluster.groups.groups.has(groupId)) return { errorCode: ERROR.groupIdNotFound, topics: [] }
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ index }) => ({
          index,
          errorCode:
            cluster.store.partition(name, index) === undefined
              ? ERROR.unknownTopicOrPartition
              : cluster.groups.deleteOffset(groupId, name, index),
        })),
      })),
    }
  },
})

/** DeleteGroups: empty groups only. */
export const deleteGroups = defineApi({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexible: 2,
  request: struct({ groups: array(string) }),
  response: struct({ throttleTimeMs: int32, results: array(struct({ groupId: string, errorCode: int16 })) }),
  handle: ({ groups }, { cluster }) => ({
    results: groups.map((groupId) => ({ groupId, errorCode: cluster.groups.delete(groupId) })),
  }),
})
