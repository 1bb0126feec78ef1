/**
 * The small answers a reader asks for: metadata, offsets, topic configurations; what they hold, and how it is read from
 * the wire. Sends nothing itself: see `cluster`.
 */
import type { Address } from './config.ts'
import { type ApiRange, isFlexible } from './wire/connection.ts'
import { brokerError, ERROR } from './errors.ts'
import { KafkaError } from './log.ts'
import { API, WireError, type WireReader, type WireWriter } from './wire/primitives.ts'

/** Version 10 is the first with ids of topics (KIP-516). */
export const METADATA: ApiRange = { api: API.metadata, name: 'Metadata', lowest: 4, highest: 10, flexible: 9 }
export const LIST_OFFSETS: ApiRange = { api: API.listOffsets, name: 'ListOffsets', lowest: 2, highest: 5 }
export const DESCRIBE_CONFIGS: ApiRange = { api: API.describeConfigs, name: 'DescribeConfigs', lowest: 1, highest: 3 }

/**
 * Limit `kafka.metadata.partitions` (partitions): partitions of one topic, as a broker describes it. Beyond it: an error;
 * the topic cannot be read.
 */
export const MAX_PARTITIONS = 200_000
/**
 * Limit `kafka.metadata.brokers` (brokers): brokers of a cluster, as one of them lists them. Beyond it: an error; the
 * cluster cannot be read.
 */
export const MAX_BROKERS = 10_000

/** A broker of the cluster: its node id and address. */
export interface Broker extends Address {
  readonly id: number
}

/** One partition as Metadata describes it. */
export interface PartitionMetadata {
  readonly partition: number
  /** Broker id, -1 when there is none. */
  readonly leader: number
  /** How many leaders it has had, about; -1 when the broker (before Kafka 2.1) does not say. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  /** Those of the replicas that are in sync. */
  readonly inSync: readonly number[]
  /** Kafka's error code, 0 for none. */
  readonly error: number
}

/** One topic as Metadata describes it. */
export interface TopicMetadata {
  readonly name: string
  /**
   * What makes it this topic and not another one of the same name, made before or later. undefined: the broker (before
   * Kafka 2.8) gives none.
   */
  readonly id: string | undefined
  readonly internal: boolean
  /** Ascending by number. Empty when `error` is set. */
  readonly partitions: readonly PartitionMetadata[]
  /** Set when the topic was asked for by name and does not exist or may not be seen. */
  readonly error: KafkaError | undefined
}

/** Brokers and topics at one moment. */
export interface Metadata {
  readonly clusterId: string | undefined
  readonly brokers: readonly Broker[]
  /**
   * In order of name. A topic that may not be described is absent from a listing; asked for by name it is here with its
   * error.
   */
  readonly topics: readonly TopicMetadata[]
}

/** The configuration of a topic, as far as a reader needs it. */
export interface TopicConfig {
  /** In order of name. Empty when the configuration may not be read. */
  readonly entries: readonly { readonly name: string; readonly value: string; readonly isDefault: boolean }[]
  readonly compacted: boolean
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** Why the configuration could not be read (no DESCRIBE_CONFIGS right); the rest are Kafka's defaults then. */
  readonly refused: KafkaError | undefined
}

/** One partition's part of an answer to ListOffsets. */
export interface ListedOffset {
  readonly partition: number
  readonly code: number
  readonly offset: number
}

/** An answer to DescribeConfigs about one topic, before its error code is judged. */
export interface ConfigAnswer {
  readonly code: number
  readonly message: string | null
  readonly entries: readonly { readonly name: string; readonly value: string; readonly isDefault: boolean }[]
}

/** A topic that was asked for and is not in the answer. */
export function missing(name: string): TopicMetadata {
  return {
    name,
    id: undefined,
    internal: false,
    partitions: [],
    error: topicError(name, ERROR.unknownTopicOrPartition),
  }
}

/** A topic that metadata does not know stays unknown: asking again at once is of no use. */
function topicError(name: string, code: number): KafkaError | undefined {
  if (code === 0) return undefined
  const error = brokerError(code, `Topic "${name}"`)
  return code === ERROR.unknownTopicOrPartition ? new KafkaError(code, error.errorName, error.message, false) : error
}

/** Asks for the topics named, or for all; creates none. */
export function writeMetadata(writer: WireWriter, version: number, topics: readonly string[] | null): void {
  const flexible = isFlexible(METADATA, version)
  if (!flexible) writer.array(topics, (name) => writer.string(name))
  else {
    writer.compactArray(topics, (name) => {
      if (version >= 10) writer.uuid(undefined)
      writer.compactString(name).tags()
    })
  }
  writer.boolean(false)
  if (version >= 8) writer.boolean(false).boolean(false)
  if (flexible) writer.tags()
}

/** Reads the answer to a Metadata request of that version. Throws a WireError when it cannot be read. */
export function readMetadata(reader: WireReader, version: number): Metadata {
  const flexible = isFlexible(METADATA, version)
  const array = <T>(each: () => T, most?: (n: number) => void): T[] =>
    flexible ? reader.compactArray(each, most) : reader.array(each, most)
  const string = (): string | null => (flexible ? reader.compactString() : reader.string())
  const end = (): void => {
    if (flexible) reader.tags()
  }
  const int32 = (): number => reader.int32()
  int32()
  const brokers = array(
    () => {
      const broker = { id: int32(), host: string() ?? '', port: int32() }
      string()
      end()
      return broker
    },
    atMost(MAX_BROKERS, 'brokers', 'kafka.metadata.brokers'),
  )
  const clusterId = string() ?? undefined
  int32()
  const topics = array(() => {
    const code = reader.int16()
    const name = string() ?? ''
    const id = version >= 10 ? reader.uuid() : undefined
    const internal = reader.boolean()
    const partitions = array(
      () => {
        const error = reader.int16()
        const partition = int32()
        const leader = int32()
        const leaderEpoch = version >= 7 ? int32() : -1
        const replicas = array(int32)
        const inSync = array(int32)
        if (version >= 5) array(int32)
        end()
        return { partition, leader, leaderEpoch, replicas, inSync, error }
      },
      atMost(MAX_PARTITIONS, `partitions of "${name}"`, 'kafka.metadata.partitions'),
    )
    if (version >= 8) int32()
    end()
    partitions.sort((a, b) => a.partition - b.partition)
    checkNumbers(name, partitions)
    return { name, id, internal, partitions, error: topicError(name, code) }
  })
  if (version >= 8) int32()
  end()
  topics.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { clusterId, brokers, topics }
}

/** Looks at the number of items in an answer before they are read. */
function atMost(most: number, what: string, limit: string): (n: number) => void {
  return (n) => {
    if (n > most) throw new WireError(`it names ${n} ${what}, and ${most} are the limit (${limit})`)
  }
}

/** `partitions` are in order of number. One that is named twice would be read twice. */
function checkNumbers(topic: string, partitions: readonly PartitionMetadata[]): void {
  for (const [i, { partition }] of partitions.entries()) {
    if (partition < 0) throw new WireError(`it names a partition ${partition} of "${topic}"`)
    if (partition === partitions[i - 1]?.partition)
      throw new WireError(`it names partition ${partition} of "${topic}" twice`)
  }
}

export function readOffsets(reader: WireReader, version: number): ListedOffset[] {
  reader.int32()
  const topics = reader.array(() => {
    reader.string()
    return reader.array(() => {
      const partition = reader.int32()
      const code = reader.int16()
      reader.long()
      const offset = reader.long()
      if (version >= 4) reader.int32()
      return { partition, code, offset }
    })
  })
  return topics.flat()
}

export function readConfigs(reader: WireReader, version: number): ConfigAnswer {
  reader.int32()
  const [resource] = reader.array(() => {
    const code = reader.int16()
    const message = reader.string()
    reader.int8()
    reader.string()
    const entries = reader.array(() => {
      const name = reader.string() ?? ''
      const value = reader.string() ?? ''
      reader.boolean()
      const source = reader.int8()
      reader.boolean()
      reader.array(() => {
        reader.string()
        reader.string()
        reader.int8()
      })
      if (version >= 3) {
        reader.int8()
        reader.string()
      }
      return { name, value, isDefault: source !== 1 }
    })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    return { code, message, entries }
  })
  return resource ?? { code: ERROR.unknownTopicOrPartition, message: 'the broker answered about no topic', entries: [] }
}

/** Without the right to read it the configuration is Kafka's defaults; another error of the broker is thrown. */
export function topicConfigOf(topic: string, { code, message, entries }: ConfigAnswer): TopicConfig {
  const error = code === 0 ? undefined : brokerError(code, `Configuration of "${topic}"`, message)
  if (error !== undefined && code !== ERROR.topicAuthorizationFailed && code !== ERROR.clusterAuthorizationFailed)
    throw error
  const value = (name: string) => entries.find((entry) => entry.name === name)?.value
  return {
    entries: error === undefined ? entries : [],
    compacted: error === undefined && (value('cleanup.policy') ?? '').split(',').includes('compact'),
    timestampType:
      error === undefined && value('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    refused: error,
  }
}
