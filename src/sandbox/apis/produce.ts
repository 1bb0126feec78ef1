/**
 * Writing: Produce and InitProducerId. Batches are checked (length, magic, checksum, size) and stored as they are;
 * transactions are not coordinated.
 */
import { AT, ATTRIBUTE, CODECS } from '../../kafka/read/record-batch.ts'
import { WireError } from '../../kafka/wire/primitives.ts'
import { count, currentLeader, defineApi, type RequestContext } from '../api.ts'
import { hasGoodCrc, readBatchHeader, type BatchHeader } from '../log/batch.ts'
import { ERROR } from '../error-codes.ts'
import { StoreFullError, type Topic } from '../log/log-store.ts'
import {
  array,
  from,
  int16,
  int32,
  int64,
  nullableString,
  orElse,
  records,
  string,
  struct,
  tagged,
} from '../message.ts'
import type { PartitionLog } from '../log/partition-log.ts'

/** Not a limit: `max.message.bytes` of Kafka, when the topic does not say otherwise. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588

/** Where a partition is led, for clients that knocked at the wrong door. */
export const leaderAndEpoch = struct({ leaderId: int32, leaderEpoch: int32 })
export const nodeEndpoints = array(struct({ nodeId: int32, host: string, port: int32, rack: nullableString }))

/** Produce: checks each batch, gives it its offsets and appends it. */
export const produce = defineApi({
  key: 0,
  name: 'Produce',
  versions: [0, 11],
  flexible: 9,
  request: struct({
    transactionalId: from(3, nullableString),
    acks: int16,
    timeoutMs: int32,
    topics: array(struct({ name: string, partitions: array(struct({ index: int32, records })) })),
  }),
  response: struct({
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            index: int32,
            errorCode: int16,
            baseOffset: orElse(-1, int64),
            logAppendTimeMs: from(2, orElse(-1, int64)),
            logStartOffset: from(5, orElse(-1, int64)),
            recordErrors: from(8, array(struct({ batchIndex: int32, message: nullableString }))),
            errorMessage: from(8, nullableString),
            currentLeader: tagged(0, 10, leaderAndEpoch),
          }),
        ),
      }),
    ),
    throttleTimeMs: from(1, int32),
    nodeEndpoints: tagged(0, 10, nodeEndpoints),
  }),
  handle(request, context) {
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((part) => ({ index: part.index, ...store(name, part.index, part.records, context) })),
    }))
    if (request.acks === 0) return silent(topics)
    const astray = topics.some((topic) => topic.partitions.some((part) => 'currentLeader' in part))
    return {
      topics,
      nodeEndpoints: astray
        ? context.cluster.nodes().map((node) => ({ nodeId: node.id, host: node.host, port: node.port }))
        : undefined,
    }
  },
})

/** Without acknowledgements the only way to say no is to close the connection, as Kafka does. */
function silent(topics: readonly { readonly partitions: readonly { readonly errorCode: number }[] }[]): undefined {
  if (topics.some((topic) => topic.partitions.some((part) => part.errorCode !== ERROR.none)))
    throw new WireError('a produce request without acknowledgements failed')
  return undefined
}

function store(name: string, index: number, bytes: Buffer | null, context: RequestContext) {
  const { cluster } = context
  const topic = cluster.store.topics.get(name)
  const log = topic?.partitions[index]
  if (topic === undefined || log === undefined) return { errorCode: ERROR.unknownTopicOrPartition }
  const fault = cluster.faults.take(['error'], 'Produce', name, index)
  if (fault !== undefined && fault.stored !== true) return { errorCode: fault.code }
  if (log.leader !== context.nodeId) return { errorCode: ERROR.notLeaderOrFollower, currentLeader: currentLeader(log) }
  const checked = checkBatches(bytes ?? Buffer.alloc(0), topic, context.version)
  if ('errorCode' in checked) return checked
  try {
    const answer = append(topic, log, bytes ?? Buffer.alloc(0), checked.headers, context)
    return fault === undefined ? answer : { errorCode: fault.code }
  } catch (error) {
    if (error instanceof StoreFullError) return { errorCode: ERROR.policyViolation, errorMessage: error.message }
    throw error
  }
}

function append(
  topic: Topic,
  log: PartitionLog,
  bytes: Buffer,
  headers: readonly BatchHeader[],
  { cluster }: RequestContext,
) {
  const stamped = topic.config.get('message.timestamp.type') === 'LogAppendTime'
  const appendTimeMs = stamped ? cluster.clock.now() : undefined
  let first = -1
  for (const header of headers) {
    const sequence = header.producerId >= 0 && header.baseSequence >= 0 ? log.sequenceOf(header) : undefined
    if (sequence?.kind === 'out of order' || sequence?.kind === 'old epoch')
      return { ...refusal(header, sequence.kind), logStartOffset: log.logStart }
    const duplicate = sequence?.kind === 'duplicate'
    const baseOffset = duplicate
      ? sequence.baseOffset
      : cluster.store.append(log, bytes.subarray(header.at, header.at + header.sizeBytes), { appendTimeMs })
    if (sequence?.kind === 'new') log.remember(header, baseOffset)
    if (first < 0) first = baseOffset
  }
  count(cluster.stats.bytesIn, topic.name, bytes.length)
  return { errorCode: ERROR.none, baseOffset: first, logAppendTimeMs: appendTimeMs ?? -1, logStartOffset: log.logStart }
}

function refusal(header: BatchHeader, kind: 'out of order' | 'old epoch') {
  if (kind === 'old epoch')
    return {
      errorCode: ERROR.invalidProducerEpoch,
      errorMessage: `producer ${header.producerId} has a newer epoch than ${header.producerEpoch}`,
    }
  return {
    errorCode: ERROR.outOfOrderSequence,
    errorMessage: `sequence ${header.baseSequence} of producer ${header.producerId} is not the next one`,
  }
}

/** The headers of the batches in a produce request, or what is wrong with them. */
function checkBatches(
  bytes: Buffer,
  topic: Topic,
  version: number,
): { headers: BatchHeader[] } | { errorCode: number; errorMessage: string } {
  const headers: BatchHeader[] = []
  const limit = topic.number('max.message.bytes', DEFAULT_MAX_MESSAGE_BYTES)
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at > 16 && bytes[at + 16] < 2)
      return {
        errorCode: ERROR.invalidRecord,
        errorMessage: `record format ${bytes[at + 16]} is not supported, only 2`,
      }
    const header = readBatchHeader(bytes, at)
    if (header === undefined)
      return {
        errorCode: ERROR.corruptMessage,
        errorMessage: `a record batch at byte ${at} of ${bytes.length} is shorter than it says or than ${AT.records} bytes`,
      }
    const wrong = checkBatch(bytes, header, limit, version)
    if (wrong !== undefined) return wrong
    headers.push(header)
    at += header.sizeBytes
  }
  return headers.length > 0
    ? { headers }
    : { errorCode: ERROR.invalidRecord, errorMessage: 'there is no record batch in the request' }
}

function checkBatch(
  bytes: Buffer,
  header: BatchHeader,
  limit: number,
  version: number,
): { errorCode: number; errorMessage: string } | undefined {
  if (header.magic !== 2)
    return { errorCode: ERROR.invalidRecord, errorMessage: `record format ${header.magic} is not supported, only 2` }
  if (header.sizeBytes > limit)
    return {
      errorCode: ERROR.messageTooLarge,
      errorMessage: `a record batch of ${header.sizeBytes} bytes is larger than max.message.bytes = ${limit}`,
    }
  if (!hasGoodCrc(bytes, header))
    return { errorCode: ERROR.corruptMessage, errorMessage: 'the checksum of a record batch does not fit its bytes' }
  if (header.count <= 0 || header.lastOffset - header.baseOffset !== header.count - 1)
    return { errorCode: ERROR.invalidRecord, errorMessage: `a record batch counts ${header.count} records` }
  if (CODECS[header.attributes & ATTRIBUTE.codec] === 'zstd' && version < 7)
    return { errorCode: ERROR.unsupportedCompressionType, errorMessage: 'zstd needs Produce version 7' }
  return undefined
}

/** InitProducerId: a new id, or the next epoch for a producer that names its id. */
export const initProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexible: 2,
  request: struct({
    transactionalId: nullableString,
    transactionTimeoutMs: int32,
    producerId: from(3, int64, -1),
    producerEpoch: from(3, int16, -1),
  }),
  response: struct({ throttleTimeMs: int32, errorCode: int16, producerId: int64, producerEpoch: int16 }),
  handle(request, { cluster }) {
    const errorCode = cluster.faults.errorFor('InitProducerId', '', 0)
    if (errorCode !== 0) return { errorCode, producerId: -1, producerEpoch: -1 }
    if (request.producerId >= 0 && request.producerEpoch < 32000)
      return { producerId: request.producerId, producerEpoch: request.producerEpoch + 1 }
    return { producerId: cluster.nextProducerId(), producerEpoch: 0 }
  },
})

/** DeleteRecords moves the log start; -1 means the end. */
export const deleteRecords = defineApi({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    topics: array(struct({ name: string, partitions: array(struct({ index: int32, offset: int64 })) })),
    timeoutMs: int32,
  }),
  response: struct({
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
        partitions: array(struct({ index: int32, lowWatermark: orElse(-1, int64), errorCode: int16 })),
      }),
    ),
  }),
  handle: (request, context) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index, offset }) => deleteBefore(name, index, offset, context)),
    })),
  }),
})

function deleteBefore(name: string, index: number, offset: number, { cluster, nodeId }: RequestContext) {
  const log = cluster.store.partition(name, index)
  if (log === undefined) return { index, errorCode: ERROR.unknownTopicOrPartition }
  if (log.leader !== nodeId) return { index, errorCode: ERROR.notLeaderOrFollower }
  // Of a topic that is compacted only, Kafka removes no ranges.
  const policy = cluster.store.topics.get(name)?.config.get('cleanup.policy') ?? 'delete'
  if (!policy.split(',').includes('delete')) return { index, errorCode: ERROR.policyViolation }
  const wanted = offset === -1 ? log.end : offset
  if (wanted < 0 || wanted > log.end) return { index, errorCode: ERROR.offsetOutOfRange }
  cluster.store.raiseLogStart(log, wanted)
  return { index, lowWatermark: log.logStart }
}
