/** Who is there: ApiVersions, Metadata, DescribeCluster, FindCoordinator. */
import { defineApi, type Api, type RequestContext } from '../api.ts'
import { ERROR } from '../error-codes.ts'
import {
  array,
  bool,
  from,
  int16,
  int32,
  int8,
  NO_ID,
  nullableArray,
  nullableString,
  orElse,
  string,
  struct,
  upTo,
  uuid,
} from '../message.ts'
import type { Topic } from '../log/log-store.ts'

/** The answer lists `apis`, which must hold ApiVersions itself. */
export function apiVersions(apis: () => readonly Api[]) {
  return defineApi({
    key: 18,
    name: 'ApiVersions',
    versions: [0, 4],
    flexible: 3,
    request: struct({ clientSoftwareName: from(3, string), clientSoftwareVersion: from(3, string) }),
    response: struct({
      errorCode: int16,
      apiKeys: array(struct({ apiKey: int16, minVersion: int16, maxVersion: int16 })),
      throttleTimeMs: from(1, int32),
    }),
    handle: () => ({
      errorCode: ERROR.none,
      apiKeys: apis().map((api) => ({ apiKey: api.key, minVersion: api.min, maxVersion: api.max })),
    }),
  })
}

/** "Not asked for" among authorized operations. */
const NO_OPERATIONS = -2147483648

const broker = struct({ nodeId: int32, host: string, port: int32, rack: from(1, nullableString) })

/** Metadata: brokers, topics, leaders. */
export const metadata = defineApi({
  key: 3,
  name: 'Metadata',
  versions: [0, 12],
  flexible: 9,
  request: struct({
    topics: nullableArray(struct({ topicId: from(10, uuid), name: nullableString })),
    allowAutoTopicCreation: from(4, bool, true),
    includeClusterAuthorizedOperations: from(8, upTo(10, bool)),
    includeTopicAuthorizedOperations: from(8, bool),
  }),
  response: struct({
    throttleTimeMs: from(3, int32),
    brokers: array(broker),
    clusterId: from(2, nullableString),
    controllerId: from(1, int32),
    topics: array(
      struct({
        errorCode: int16,
        name: nullableString,
        topicId: from(10, uuid),
        isInternal: from(1, bool),
        partitions: array(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: from(7, int32),
            replicaNodes: array(int32),
            isrNodes: array(int32),
            offlineReplicas: from(5, array(int32)),
          }),
        ),
        topicAuthorizedOperations: from(8, orElse(NO_OPERATIONS, int32)),
      }),
    ),
    clusterAuthorizedOperations: from(8, upTo(10, orElse(NO_OPERATIONS, int32))),
  }),
  handle(request, context) {
    const { cluster } = context
    const all = request.topics === null || (context.version === 0 && request.topics.length === 0)
    const topics = all
      ? [...cluster.store.topics.values()].map(describeTopic)
      : (request.topics ?? []).map((wanted) => findTopic(wanted, request.allowAutoTopicCreation, context))
    return {
      brokers: cluster.nodes().map((node) => ({ nodeId: node.id, host: node.host, port: node.port })),
      clusterId: cluster.id,
      controllerId: cluster.nodes()[0].id,
      topics,
    }
  },
})

function findTopic(wanted: { topicId: string; name: string | null }, mayCreate: boolean, { cluster }: RequestContext) {
  if (wanted.name === null || (wanted.name === '' && wanted.topicId !== NO_ID)) {
    const topic = cluster.store.byId.get(wanted.topicId)
    return topic === undefined
      ? { errorCode: ERROR.unknownTopicId, name: null, topicId: wanted.topicId }
      : describeTopic(topic)
  }
  const topic = cluster.store.topics.get(wanted.name)
  if (topic !== undefined) return describeTopic(topic)
  if (!isTopicName(wanted.name)) return { errorCode: ERROR.invalidTopic, name: wanted.name }
  if (mayCreate && cluster.autoCreateTopics)
    return describeTopic(cluster.store.createTopic(wanted.name, { partitions: cluster.defaultPartitions }))
  return { errorCode: ERROR.unknownTopicOrPartition, name: wanted.name }
}

/** Kafka's rule for names of topics. */
export function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}

const UNTOUCHED = { leader: 1, leaderEpoch: 0 }

function describeTopic(topic: Topic) {
  return {
    errorCode: ERROR.none,
    name: topic.name,
    topicId: topic.id,
    partitions: Array.from({ length: topic.count }, (_, partitionIndex) => {
      // One that nobody has looked at yet is where all begin.
      const { leader, leaderEpoch } = topic.touched[partitionIndex] ?? UNTOUCHED
      const nodes = [leader]
      return {
        errorCode: ERROR.none,
        partitionIndex,
        leaderId: leader,
        leaderEpoch,
        replicaNodes: nodes,
        isrNodes: nodes,
      }
    }),
  }
}

/** DescribeCluster (KIP-700). */
export const describeCluster = defineApi({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 1],
  flexible: 0,
  request: struct({ includeClusterAuthorizedOperations: bool, endpointType: from(1, int8, 1) }),
  response: struct({
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullableString,
    endpointType: from(1, orElse(1, int8)),
    clusterId: string,
    controllerId: int32,
    brokers: array(struct({ brokerId: int32, host: string, port: int32, rack: nullableString })),
    clusterAuthorizedOperations: orElse(NO_OPERATIONS, int32),
  }),
  handle: (_request, { cluster }) => ({
    clusterId: cluster.id,
    controllerId: cluster.nodes()[0].id,
    brokers: cluster.nodes().map((node) => ({ brokerId: node.id, host: node.host, port: node.port })),
  }),
})

/** FindCoordinator: the first broker, for every key. */
export const findCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 4],
  flexible: 3,
  request: struct({ key: upTo(3, string), keyType: from(1, int8), coordinatorKeys: from(4, array(string)) }),
  response: struct({
    throttleTimeMs: from(1, int32),
    errorCode: upTo(3, int16),
    errorMessage: from(1, upTo(3, nullableString)),
    nodeId: upTo(3, int32),
    host: upTo(3, string),
    port: upTo(3, int32),
    coordinators: from(
      4,
      array(
        struct({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: nullableString,
        }),
      ),
    ),
  }),
  handle(request, { cluster }) {
    const { id, host, port } = cluster.nodes()[0]
    return {
      nodeId: id,
      host,
      port,
      coordinators: request.coordinatorKeys.map((key) => ({ key, nodeId: id, host, port })),
    }
  },
})
