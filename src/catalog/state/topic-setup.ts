/**
 * The topic that holds the state of several servers: there, or created; with one partition, compacted, and allowed to
 * be read. What is wrong with it is said in words for whoever runs the server.
 */
import { createTopic } from '../../kafka/admin/topics.ts'
import { type Cluster, pause, type TopicMetadata } from '../../kafka/cluster.ts'
import { ERROR } from '../../kafka/errors.ts'
import { KafkaError } from '../../kafka/log.ts'
import { systemClock } from '../../lib/clock.ts'
import { UserError } from '../../lib/user-error.ts'

/** The topic cannot serve as it is; the message says what to do. */
export class StateTopicError extends UserError {}

/** What the account of the server needs on the topic. */
export const RIGHTS_NEEDED = 'READ, WRITE, DESCRIBE and DESCRIBE_CONFIGS'

/** How long the cluster may take to answer, and a topic that another server has just created to be ready. */
const ANSWER_MS = 10_000
/**
 * Of a topic that is created: as long nothing of it is compacted, so that a change that came too late is never what is
 * left before the object has been written again behind it.
 */
const COMPACTION_LAG_MS = 24 * 60 * 60 * 1000
/** Replicas of a topic that is created, where there are as many brokers. */
const REPLICAS = 3

export interface SetupOptions {
  readonly topic: string
  /** Default: 3, or as many as there are brokers. */
  readonly replication?: number
  /** Whether it may be created: not once it was there. */
  readonly create: boolean
  readonly signal: AbortSignal
}

/**
 * The metadata of the topic, created where it is absent. undefined: it is absent and not to be created. Rejects with a
 * StateTopicError when it cannot serve, and with a KafkaError while the cluster does not answer.
 */
export async function prepareTopic(cluster: Cluster, options: SetupOptions): Promise<TopicMetadata | undefined> {
  const { topic, signal } = options
  const deadlineMs = systemClock.monotonic() + ANSWER_MS
  const found = await cluster.metadata([topic], { fresh: true, signal, deadlineMs })
  let [metadata] = found.topics
  if (metadata.error?.code === ERROR.unknownTopicOrPartition) {
    if (!options.create) return undefined
    await create(cluster, found.brokers.length, options)
    metadata = await ready(cluster, topic, deadlineMs, signal)
  }
  if (metadata.error !== undefined) throw forbidden(topic, metadata.error)
  if (metadata.partitions.length !== 1)
    throw new StateTopicError(
      `The topic "${topic}" (state.topic) has ${metadata.partitions.length} partitions. Changes need one order: name a topic with one partition, or one that does not exist yet, which is created.`,
    )
  await checkCompacted(cluster, topic, deadlineMs, signal)
  return metadata
}

async function create(cluster: Cluster, brokers: number, { topic, replication, signal }: SetupOptions): Promise<void> {
  const config = { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(COMPACTION_LAG_MS) }
  try {
    await createShared(cluster, brokers, { topic, replication, config, signal })
  } catch (error) {
    if (!(error instanceof KafkaError) || error.retriable || error.code === -1) throw error
    throw new StateTopicError(
      `The topic "${topic}" (state.topic) does not exist and cannot be created: ${error.message}. Create it with one partition and cleanup.policy=compact, or allow CREATE on it.`,
    )
  }
}

/** Creates a topic of one partition, unless another server was quicker. Rejects with a KafkaError. */
export async function createShared(
  cluster: Cluster,
  brokers: number,
  wanted: Pick<SetupOptions, 'topic' | 'replication' | 'signal'> & {
    readonly config: Readonly<Record<string, string>>
  },
): Promise<void> {
  const { topic: name, replication = Math.min(REPLICAS, brokers), config, signal } = wanted
  try {
    await createTopic(cluster, { name, partitions: 1, replication, config }, signal)
  } catch (error) {
    if (!(error instanceof KafkaError) || error.code !== ERROR.topicAlreadyExists) throw error
  }
}

/** The metadata of a topic that was just created, once it can be used; with its error when that takes too long. */
export async function ready(
  cluster: Cluster,
  topic: string,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<TopicMetadata> {
  for (let pauseMs = 20; ; pauseMs = Math.min(2 * pauseMs, 500)) {
    const [metadata] = (await cluster.metadata([topic], { fresh: true, signal })).topics
    if (metadata.error === undefined && metadata.partitions.every((p) => p.leader >= 0)) return metadata
    if (metadata.error !== undefined && !metadata.error.retriable) return metadata
    if (systemClock.monotonic() > deadlineMs) return metadata
    await pause(pauseMs, signal)
  }
}

async function checkCompacted(cluster: Cluster, topic: string, deadlineMs: number, signal: AbortSignal): Promise<void> {
  const { entries, refused } = await cluster.topicConfig(topic, { signal, deadlineMs })
  if (refused !== undefined)
    throw new StateTopicError(
      `The configuration of the topic "${topic}" (state.topic) may not be read, so that nobody can say whether it keeps what is in it: ${refused.message}. Allow ${RIGHTS_NEEDED} on it.`,
    )
  const policy = entries.find(({ name }) => name === 'cleanup.policy')?.value ?? 'delete'
  if (policy !== 'compact')
    throw new StateTopicError(
      `The topic "${topic}" (state.topic) has cleanup.policy=${policy}: Kafka would delete views and saved queries with age. Set cleanup.policy=compact on it, or name another topic.`,
    )
}

/** A topic that is to be read is not there, and not to be created. */
export function doesNotExist(topic: string): StateTopicError {
  return new StateTopicError(
    `The topic "${topic}" (state.topic) does not exist, or may not be seen. Look whether it is the right name and the right cluster.`,
  )
}

/** A refusal in words; any other error as it is. */
export function forbidden(topic: string, error: unknown): unknown {
  if (!(error instanceof KafkaError) || error.code !== ERROR.topicAuthorizationFailed) return error
  return new StateTopicError(
    `Sluice may not use the topic "${topic}" (state.topic): ${error.message}. Allow ${RIGHTS_NEEDED} on it.`,
  )
}
