/**
 * Topics changed in place: settings and the number of partitions. Source: the Kafka protocol, IncrementalAlterConfigs
 * (KIP-339) and CreatePartitions (KIP-195).
 */
import { ADMIN_TIMEOUT_MS, onController } from './topics.ts'
import type { Cluster } from '../cluster.ts'
import type { ApiRange } from '../wire/connection.ts'
import { brokerError, leftOut } from '../errors.ts'
import { API } from '../wire/primitives.ts'

const ALTER_CONFIGS: ApiRange = {
  api: API.incrementalAlterConfigs,
  name: 'IncrementalAlterConfigs',
  lowest: 0,
  highest: 0,
}
const CREATE_PARTITIONS: ApiRange = { api: API.createPartitions, name: 'CreatePartitions', lowest: 0, highest: 1 }
const TOPIC = 2
const SET = 0
const REMOVE = 1

/**
 * Sets settings of a topic; null gives one back its default. The others stay as they are. Rejects with INVALID_CONFIG
 * and the like.
 */
export async function alterTopicConfig(
  cluster: Cluster,
  topic: string,
  settings: ReadonlyMap<string, string | null>,
  signal?: AbortSignal,
): Promise<void> {
  await onController(cluster, signal, async (connection) => {
    const answers = await connection.call(
      ALTER_CONFIGS,
      (writer) => {
        writer.array([topic], (name) => {
          writer.int8(TOPIC).string(name)
          writer.array([...settings], ([setting, value]) =>
            writer
              .string(setting)
              .int8(value === null ? REMOVE : SET)
              .string(value),
          )
        })
        writer.boolean(false)
      },
      (reader) => {
        reader.int32()
        return reader.array(() => {
          const [code, message] = [reader.int16(), reader.string()]
          reader.int8()
          reader.string()
          return { code, message }
        })
      },
    )
    if (answers.length === 0) throw leftOut(`Configuration of "${topic}"`)
    for (const { code, message } of answers)
      if (code !== 0) throw brokerError(code, `Configuration of "${topic}"`, message)
  })
}

/**
 * Gives a topic more partitions: `total` is the new number of all of them. Rejects with INVALID_PARTITIONS when it is
 * no more than there are.
 */
export async function createPartitions(
  cluster: Cluster,
  topic: string,
  total: number,
  signal?: AbortSignal,
): Promise<void> {
  await onController(cluster, signal, async (connection) => {
    const answers = await connection.call(
      CREATE_PARTITIONS,
      (writer) => {
        writer.array([topic], (name) => writer.string(name).int32(total).int32(-1))
        writer.int32(ADMIN_TIMEOUT_MS).boolean(false)
      },
      (reader) => {
        reader.int32()
        return reader.array(() => {
          reader.string()
          return { code: reader.int16(), message: reader.string() }
        })
      },
    )
    if (answers.length === 0) throw leftOut(`Partitions of "${topic}"`)
    for (const { code, message } of answers)
      if (code !== 0) throw brokerError(code, `Partitions of "${topic}"`, message)
  })
  await cluster.metadata([topic], { fresh: true, signal })
}
