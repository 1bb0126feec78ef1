/**
 * How many bytes the partitions of topics take on the disks of their brokers (DescribeLogDirs). Kafka shows that to
 * whom it lets describe the cluster; to others, and to brokers that do not answer, nothing is known.
 */
import type { Broker } from '../answers.ts'
import type { Cluster } from '../cluster.ts'
import type { ApiRange } from '../wire/connection.ts'
import { KafkaError } from '../log.ts'
import { API } from '../wire/primitives.ts'
import { lent } from './topics.ts'

/** Version 1 is the last with plain encodings, and what Kafka 4 still takes. */
const DESCRIBE_LOG_DIRS: ApiRange = { api: API.describeLogDirs, name: 'DescribeLogDirs', lowest: 1, highest: 1 }

/** Bytes of the replicas of each partition, by broker id. A broker that told nothing is absent. */
export type ReplicaBytes = ReadonlyMap<number, ReadonlyMap<number, number>>

/**
 * By topic; `topics` says which partitions each has. Brokers that refuse, or do not answer, are left out; a replica that
 * is being moved to another disk is counted where it is.
 */
export async function bytesOnDisk(
  cluster: Cluster,
  topics: ReadonlyMap<string, readonly number[]>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ReplicaBytes>> {
  const { brokers } = await cluster.metadata([...topics.keys()], { signal })
  const found = new Map<string, Map<number, Map<number, number>>>()
  await Promise.all(
    brokers.map(async (broker) => {
      for (const { topic, partition, bytes } of await bytesAt(cluster, broker, topics, signal)) {
        const partitions = found.get(topic) ?? new Map<number, Map<number, number>>()
        const replicas = partitions.get(partition) ?? new Map<number, number>()
        found.set(topic, partitions.set(partition, replicas.set(broker.id, bytes)))
      }
    }),
  )
  return found
}

async function bytesAt(
  cluster: Cluster,
  broker: Broker,
  topics: ReadonlyMap<string, readonly number[]>,
  signal: AbortSignal | undefined,
): Promise<{ readonly topic: string; readonly partition: number; readonly bytes: number }[]> {
  try {
    const replicas = await lent(cluster, broker, signal, (connection) =>
      connection.call(
        DESCRIBE_LOG_DIRS,
        (writer) =>
          writer.array([...topics], ([name, partitions]) =>
            writer.string(name).array(partitions, (p) => writer.int32(p)),
          ),
        (reader) => {
          reader.int32()
          const folders = reader.array(() => {
            const code = reader.int16()
            reader.string()
            const stored = reader.array(() => {
              const topic = reader.string() ?? ''
              return reader.array(() => {
                const partition = reader.int32()
                const bytes = reader.long()
                reader.long()
                return { topic, partition, bytes, isFuture: reader.boolean() }
              })
            })
            return code === 0 ? stored.flat() : []
          })
          return folders.flat()
        },
      ),
    )
    return replicas.filter(({ isFuture }) => !isFuture)
  } catch (error) {
    if (error instanceof KafkaError && signal?.aborted !== true) return []
    throw error
  }
}
