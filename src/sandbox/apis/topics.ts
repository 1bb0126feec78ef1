/**
 * Topics and their settings: CreateTopics, CreatePartitions, DeleteTopics, DescribeConfigs, IncrementalAlterConfigs.
 * Settings are remembered; few have an effect.
 */
import { defineApi, type RequestContext } from '../api.ts'
import { ERROR } from '../error-codes.ts'
import type { LogStore, Topic } from '../log/log-store.ts'
import {
  array,
  bool,
  from,
  int16,
  int32,
  int64,
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
import { isTopicName } from './cluster.ts'
import { DEFAULT_MAX_MESSAGE_BYTES } from './produce.ts'

/**
 * Limit `sandbox.max.partitions` (partitions): partitions of one topic of the demo's broker. Beyond it: CreateTopics
 * and CreatePartitions are refused.
 */
export const MAX_PARTITIONS = 1000
/** Limit `sandbox.max.topics` (topics): topics of the demo's broker. Beyond it: CreateTopics is refused. */
export const MAX_TOPICS = 5000

const configEntry = struct({
  name: string,
  value: nullableString,
  readOnly: bool,
  configSource: int8,
  isSensitive: bool,
})

/** CreateTopics. */
export const createTopics = defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  request: struct({
    topics: array(
      struct({
        name: string,
        numPartitions: int32,
        replicationFactor: int16,
        assignments: array(struct({ partitionIndex: int32, brokerIds: array(int32) })),
        configs: array(struct({ name: string, value: nullableString })),
      }),
    ),
    timeoutMs: int32,
    validateOnly: bool,
  }),
  response: struct({
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
        topicId: from(7, uuid),
        errorCode: int16,
        errorMessage: nullableString,
        numPartitions: from(5, orElse(-1, int32)),
        replicationFactor: from(5, orElse(-1, int16)),
        configs: from(5, nullableArray(configEntry)),
      }),
    ),
  }),
  handle: (request, context) => ({
    topics: request.topics.map((wanted) => create(wanted, request.validateOnly, context)),
  }),
})

interface WantedTopic {
  readonly name: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments: readonly { readonly partitionIndex: number }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

function create(wanted: WantedTopic, validateOnly: boolean, { cluster }: RequestContext) {
  const { name } = wanted
  const partitions =
    wanted.assignments.length > 0
      ? wanted.assignments.length
      : wanted.numPartitions === -1
        ? cluster.defaultPartitions
        : wanted.numPartitions
  const refuse = (errorCode: number, errorMessage: string) => ({ name, errorCode, errorMessage, configs: null })
  if (!isTopicName(name)) return refuse(ERROR.invalidTopic, `"${name}" is not a topic name`)
  if (cluster.store.topics.has(name)) return refuse(ERROR.topicAlreadyExists, `topic "${name}" exists already`)
  if (cluster.store.topics.size >= MAX_TOPICS)
    return refuse(ERROR.policyViolation, `the sandbox holds sandbox.max.topics = ${MAX_TOPICS} topics already`)
  if (partitions < 1 || partitions > MAX_PARTITIONS)
    return refuse(
      ERROR.invalidPartitions,
      `a topic has 1 to sandbox.max.partitions = ${MAX_PARTITIONS} partitions, not ${partitions}`,
    )
  if (wanted.replicationFactor !== -1 && wanted.replicationFactor !== 1)
    return refuse(ERROR.invalidReplicationFactor, `the sandbox keeps 1 replica, not ${wanted.replicationFactor}`)
  const config: Record<string, string> = {}
  for (const entry of wanted.configs) if (entry.value !== null) config[entry.name] = entry.value
  const topicId = validateOnly ? NO_ID : cluster.store.createTopic(name, { partitions, config }).id
  const configs = Object.entries(config).map(([key, value]) => ({ name: key, value, configSource: TOPIC_CONFIG }))
  return { name, topicId, errorCode: ERROR.none, numPartitions: partitions, replicationFactor: 1, configs }
}

/** CreatePartitions: more of them, never fewer. */
export const createPartitions = defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
  request: struct({
    topics: array(
      struct({ name: string, count: int32, assignments: nullableArray(struct({ brokerIds: array(int32) })) }),
    ),
    timeoutMs: int32,
    validateOnly: bool,
  }),
  response: struct({
    throttleTimeMs: int32,
    results: array(struct({ name: string, errorCode: int16, errorMessage: nullableString })),
  }),
  handle: ({ topics, validateOnly }, { cluster }) => ({
    results: topics.map(({ name, count }) => {
      const topic = cluster.store.topics.get(name)
      if (topic === undefined) return { name, errorCode: ERROR.unknownTopicOrPartition }
      if (count <= topic.count || count > MAX_PARTITIONS)
        return {
          name,
          errorCode: ERROR.invalidPartitions,
          errorMessage: `topic "${name}" has ${topic.count} partitions; ${count} is not more, or above sandbox.max.partitions = ${MAX_PARTITIONS}`,
        }
      if (!validateOnly) cluster.store.addPartitions(topic, count)
      return { name, errorCode: ERROR.none }
    }),
  }),
})

/** DeleteTopics, by name or by id. */
export const deleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  request: struct({
    topics: from(6, array(struct({ name: nullableString, topicId: uuid }))),
    topicNames: upTo(5, array(string)),
    timeoutMs: int32,
  }),
  response: struct({
    throttleTimeMs: int32,
    responses: array(
      struct({ name: nullableString, topicId: from(6, uuid), errorCode: int16, errorMessage: from(5, nullableString) }),
    ),
  }),
  handle(request, { cluster }) {
    const wanted = [...request.topics, ...request.topicNames.map((name) => ({ name, topicId: NO_ID }))]
    return { responses: wanted.map(({ name, topicId }) => remove(cluster.store, name, topicId)) }
  },
})

function remove(store: LogStore, name: string | null, topicId: string) {
  const topic = name === null ? store.byId.get(topicId) : store.topics.get(name)
  if (topic === undefined)
    return {
      name: name ?? '',
      topicId,
      errorCode: name === null ? ERROR.unknownTopicId : ERROR.unknownTopicOrPartition,
    }
  store.deleteTopic(topic.name)
  return { name: topic.name, topicId: topic.id, errorCode: ERROR.none }
}

const TOPIC_RESOURCE = 2
const BROKER_RESOURCE = 4
const TOPIC_CONFIG = 1
const DEFAULT_CONFIG = 5
const TYPE = { string: 2, int: 3, long: 5, list: 7 } as const

/** Settings of a topic that tools ask for, with Kafka's defaults and types. */
const TOPIC_DEFAULTS: readonly (readonly [name: string, value: string, type: number])[] = [
  ['cleanup.policy', 'delete', TYPE.list],
  ['compression.type', 'producer', TYPE.string],
  ['max.message.bytes', String(DEFAULT_MAX_MESSAGE_BYTES), TYPE.int],
  ['message.timestamp.type', 'CreateTime', TYPE.string],
  ['min.insync.replicas', '1', TYPE.int],
  ['retention.bytes', '-1', TYPE.long],
  ['retention.ms', '604800000', TYPE.long],
  ['segment.bytes', '1073741824', TYPE.int],
]
const BROKER_DEFAULTS: typeof TOPIC_DEFAULTS = [
  ['auto.create.topics.enable', 'false', TYPE.string],
  ['default.replication.factor', '1', TYPE.int],
  ['num.partitions', '1', TYPE.int],
]

/** DescribeConfigs of topics. */
export const describeConfigs = defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  request: struct({
    resources: array(struct({ type: int8, name: string, keys: nullableArray(string) })),
    includeSynonyms: bool,
    includeDocumentation: from(3, bool),
  }),
  response: struct({
    throttleTimeMs: int32,
    results: array(
      struct({
        errorCode: int16,
        errorMessage: nullableString,
        type: int8,
        name: string,
        configs: array(
          struct({
            name: string,
            value: nullableString,
            readOnly: bool,
            configSource: int8,
            isSensitive: bool,
            synonyms: array(struct({ name: string, value: nullableString, source: int8 })),
            configType: from(3, int8),
            documentation: from(3, nullableString),
          }),
        ),
      }),
    ),
  }),
  handle: ({ resources }, { cluster }) => ({
    results: resources.map(({ type, name, keys }) => describe(cluster.store, type, name, keys)),
  }),
})

function describe(store: LogStore, type: number, name: string, keys: readonly string[] | null) {
  const wanted = (configs: ReturnType<typeof settings>) => ({
    errorCode: ERROR.none,
    type,
    name,
    configs: configs.filter((entry) => keys === null || keys.length === 0 || keys.includes(entry.name)),
  })
  if (type === BROKER_RESOURCE) return wanted(settings(BROKER_DEFAULTS, undefined))
  if (type !== TOPIC_RESOURCE)
    return {
      errorCode: ERROR.invalidRequest,
      errorMessage: `resources of type ${type} have no settings in the sandbox`,
      type,
      name,
    }
  const topic = store.topics.get(name)
  if (topic === undefined)
    return { errorCode: ERROR.unknownTopicOrPartition, errorMessage: `there is no topic "${name}"`, type, name }
  return wanted(settings(TOPIC_DEFAULTS, topic))
}

function settings(defaults: typeof TOPIC_DEFAULTS, topic: Topic | undefined) {
  const entries = defaults.map(([name, value, configType]) => ({
    name,
    value,
    configType: configType as number,
    configSource: DEFAULT_CONFIG as number,
  }))
  for (const [name, value] of topic?.config ?? []) {
    const known = entries.find((entry) => entry.name === name)
    if (known === undefined) entries.push({ name, value, configType: TYPE.string, configSource: TOPIC_CONFIG })
    else Object.assign(known, { value, configSource: TOPIC_CONFIG })
  }
  return entries
}

const OPERATION = { set: 0, delete: 1, append: 2, subtract: 3 } as const

/** IncrementalAlterConfigs of topics (KIP-339). */
export const incrementalAlterConfigs = defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexible: 1,
  request: struct({
    resources: array(
      struct({
        type: int8,
        name: string,
        configs: array(struct({ name: string, operation: int8, value: nullableString })),
      }),
    ),
    validateOnly: bool,
  }),
  response: struct({
    throttleTimeMs: int32,
    responses: array(struct({ errorCode: int16, errorMessage: nullableString, type: int8, name: string })),
  }),
  handle: ({ resources, validateOnly }, { cluster }) => ({
    responses: resources.map(({ type, name, configs }) => {
      const topic = type === TOPIC_RESOURCE ? cluster.store.topics.get(name) : undefined
      if (topic === undefined)
        return {
          errorCode: type === TOPIC_RESOURCE ? ERROR.unknownTopicOrPartition : ERROR.invalidRequest,
          errorMessage: `there is no topic "${name}"`,
          type,
          name,
        }
      if (configs.some((entry) => entry.operation > OPERATION.delete))
        return {
          errorCode: ERROR.invalidConfig,
          errorMessage: 'the sandbox sets and deletes settings, it does not append or subtract',
          type,
          name,
        }
      if (!validateOnly) for (const entry of configs) alter(topic, entry)
      cluster.store.saveTopics()
      return { errorCode: ERROR.none, type, name }
    }),
  }),
})

function alter(
  topic: Topic,
  { name, operation, value }: { name: string; operation: number; value: string | null },
): void {
  if (operation === OPERATION.delete || value === null) topic.config.delete(name)
  else topic.config.set(name, value)
}

/** DescribeLogDirs (KIP-113): one folder, which holds the partitions that the node leads. */
export const describeLogDirs = defineApi({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 4],
  flexible: 2,
  request: struct({ topics: nullableArray(struct({ name: string, partitions: array(int32) })) }),
  response: struct({
    throttleTimeMs: int32,
    errorCode: from(3, int16),
    results: array(
      struct({
        errorCode: int16,
        logDir: string,
        topics: array(
          struct({
            name: string,
            partitions: array(struct({ index: int32, size: int64, offsetLag: int64, isFutureKey: bool })),
          }),
        ),
        totalBytes: from(4, orElse(-1, int64)),
        usableBytes: from(4, orElse(-1, int64)),
      }),
    ),
  }),
  handle({ topics }, { cluster, nodeId }) {
    const all = [...cluster.store.topics.values()]
    const wanted = topics ?? all.map(({ name, count }) => ({ name, partitions: Array.from({ length: count }, nth) }))
    const described = wanted.map(({ name, partitions }) => {
      const numbers = new Set(partitions)
      const logs = cluster.store.topics.get(name)?.partitions ?? []
      return {
        name,
        partitions: logs
          .filter((log) => log.leader === nodeId && numbers.has(log.index))
          .map((log) => ({ index: log.index, size: log.sizeBytes })),
      }
    })
    return { results: [{ errorCode: ERROR.none, logDir: '/sandbox', topics: described }] }
  },
})

const nth = (_: unknown, i: number): number => i
