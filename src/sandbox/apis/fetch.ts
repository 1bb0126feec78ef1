/**
 * Reading: Fetch, ListOffsets, OffsetForLeaderEpoch. Whole batches only; incremental sessions are declined (session id
 * 0), which every client accepts.
 */
import { Decompressor } from '../../kafka/codecs/compression.ts'
import { CodecError } from '../../kafka/codecs/output.ts'
import { BatchHeader, readRecords } from '../../kafka/read/record-batch.ts'
import { WireError } from '../../kafka/wire/primitives.ts'
import { count, currentLeader, defineApi, type Cluster, type RequestContext } from '../api.ts'
import { ERROR } from '../error-codes.ts'
import {
  array,
  from,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  orElse,
  records,
  string,
  struct,
  tagged,
  upTo,
  uuid,
  type Read,
  type Written,
} from '../message.ts'
import type { PartitionLog, StoredBatch } from '../log/partition-log.ts'
import { leaderAndEpoch, nodeEndpoints } from './produce.ts'

/**
 * Not a limit: `fetch.max.bytes` of Kafka: the most that one response holds, whatever the client asks for (but one
 * batch always).
 */
const FETCH_MAX_BYTES = 57_671_680

const wantedPartition = struct({
  index: int32,
  currentLeaderEpoch: from(9, int32, -1),
  fetchOffset: int64,
  lastFetchedEpoch: from(12, int32, -1),
  logStartOffset: from(5, int64, -1),
  partitionMaxBytes: int32,
})

const fetchRequest = struct({
  replicaId: upTo(14, int32, -1),
  maxWaitMs: int32,
  minBytes: int32,
  maxBytes: int32,
  isolationLevel: int8,
  sessionId: from(7, int32),
  sessionEpoch: from(7, int32, -1),
  topics: array(struct({ topic: upTo(12, string), topicId: from(13, uuid), partitions: array(wantedPartition) })),
  forgotten: from(7, array(struct({ topic: upTo(12, string), topicId: from(13, uuid), partitions: array(int32) }))),
  rackId: from(11, string),
})

const answeredPartition = struct({
  index: int32,
  errorCode: int16,
  highWatermark: orElse(-1, int64),
  lastStableOffset: orElse(-1, int64),
  logStartOffset: from(5, orElse(-1, int64)),
  abortedTransactions: nullableArray(struct({ producerId: int64, firstOffset: int64 })),
  preferredReadReplica: from(11, orElse(-1, int32)),
  records,
  currentLeader: tagged(1, 12, leaderAndEpoch),
})

type FetchRequest = Read<typeof fetchRequest>
type WantedTopic = FetchRequest['topics'][number]
type WantedPartition = Read<typeof wantedPartition>
type AnsweredPartition = Written<typeof answeredPartition>

/** A partition's answer, and the batches that its records will be read from. */
type LookedAt = AnsweredPartition & { readonly chosen?: readonly StoredBatch[]; readonly log?: PartitionLog }

/** What a round over the partitions found. */
interface Round {
  readonly topics: { readonly topic: string; readonly topicId: string; readonly partitions: LookedAt[] }[]
  sizeBytes: number
  failed: boolean
}

/** Fetch, without sessions. Waits up to `maxWaitMs` for `minBytes`. */
export const fetch = defineApi({
  key: 1,
  name: 'Fetch',
  versions: [4, 17],
  flexible: 12,
  request: fetchRequest,
  response: struct({
    throttleTimeMs: int32,
    errorCode: from(7, int16),
    sessionId: from(7, int32),
    topics: array(struct({ topic: upTo(12, string), topicId: from(13, uuid), partitions: array(answeredPartition) })),
    nodeEndpoints: tagged(0, 16, nodeEndpoints),
  }),
  async handle(request, context) {
    if (request.sessionId !== 0) return { errorCode: ERROR.fetchSessionIdNotFound, topics: [] }
    const round = await collect(request, context)
    for (const { topic, partitions } of round.topics)
      for (const part of partitions) await fillIn(topic, part, context.cluster)
    const astray = round.topics.some((topic) => topic.partitions.some((part) => part.currentLeader !== undefined))
    return {
      topics: round.topics,
      nodeEndpoints: astray
        ? context.cluster.nodes().map((node) => ({ nodeId: node.id, host: node.host, port: node.port }))
        : undefined,
    }
  },
})

/** Looks until there are `minBytes`, something is wrong, or `maxWaitMs` have gone by. */
async function collect(request: FetchRequest, context: RequestContext): Promise<Round> {
  const { cluster, signal } = context
  const deadline = cluster.clock.monotonic() + Math.max(0, request.maxWaitMs)
  for (;;) {
    const round = look(request, context)
    const left = deadline - cluster.clock.monotonic()
    if (round.failed || round.sizeBytes >= request.minBytes || left <= 0 || signal.aborted) return round
    await changeOrTimeout(cluster, left, signal)
  }
}

function changeOrTimeout(cluster: Cluster, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel()
      stop()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = cluster.clock.after(timeoutMs, done)
    const stop = cluster.store.onChange(done)
    signal.addEventListener('abort', done)
  })
}

function look(request: FetchRequest, context: RequestContext): Round {
  const round: Round = { topics: [], sizeBytes: 0, failed: false }
  for (const wanted of request.topics) {
    const name = context.version >= 13 ? (context.cluster.store.byId.get(wanted.topicId)?.name ?? '') : wanted.topic
    const partitions = wanted.partitions.map((part) => lookAt(wanted, name, part, request, round, context))
    round.topics.push({ topic: name, topicId: wanted.topicId, partitions })
  }
  return round
}

function lookAt(
  topic: WantedTopic,
  name: string,
  part: WantedPartition,
  request: FetchRequest,
  round: Round,
  context: RequestContext,
) {
  const log = context.cluster.store.partition(name, part.index)
  const errorCode = log === undefined ? unknownTopic(topic, name, context) : partitionError(log, part, context)
  if (log === undefined || errorCode !== ERROR.none) {
    round.failed = true
    const astray = errorCode === ERROR.notLeaderOrFollower && log !== undefined ? currentLeader(log) : undefined
    // Kafka gives an empty list for partitions that it does not have, and none for others.
    return {
      index: part.index,
      errorCode,
      currentLeader: astray,
      abortedTransactions: log === undefined ? [] : null,
      records: null,
    }
  }
  const committedOnly = request.isolationLevel === 1
  const limit = committedOnly ? log.lastStable : log.end
  const room = Math.min(part.partitionMaxBytes, Math.min(request.maxBytes, FETCH_MAX_BYTES) - round.sizeBytes)
  const chosen = log.choose(part.fetchOffset, limit, room, round.sizeBytes === 0)
  for (const batch of chosen) round.sizeBytes += batch.sizeBytes
  const last = chosen.at(-1)
  const aborted = committedOnly
    ? last === undefined
      ? []
      : log.abortedBetween(part.fetchOffset, last.lastOffset + 1)
    : null
  return {
    index: part.index,
    errorCode,
    highWatermark: log.end,
    lastStableOffset: log.lastStable,
    logStartOffset: log.logStart,
    abortedTransactions: aborted,
    chosen,
    log,
  }
}

function unknownTopic(topic: WantedTopic, name: string, { version }: RequestContext): number {
  return version >= 13 && name === '' && topic.topicId !== '' ? ERROR.unknownTopicId : ERROR.unknownTopicOrPartition
}

function partitionError(log: PartitionLog, part: WantedPartition, { cluster, nodeId }: RequestContext): number {
  const fault = cluster.faults.errorFor('Fetch', log.topic, log.index)
  if (fault !== 0) return fault
  const astray = leadershipError(log, part.currentLeaderEpoch, nodeId)
  if (astray !== ERROR.none) return astray
  return part.fetchOffset < log.logStart || part.fetchOffset > log.end ? ERROR.offsetOutOfRange : ERROR.none
}

/** Whether this node leads the partition in the epoch that the client believes in (-1: it does not say). */
function leadershipError(log: PartitionLog, epoch: number, nodeId: number): number {
  if (log.leader !== nodeId) return ERROR.notLeaderOrFollower
  if (epoch >= 0 && epoch < log.leaderEpoch) return ERROR.fencedLeaderEpoch
  return epoch > log.leaderEpoch ? ERROR.unknownLeaderEpoch : ERROR.none
}

/** Reads the chosen batches. */
async function fillIn(topic: string, part: LookedAt, cluster: Cluster): Promise<void> {
  if (part.log === undefined || part.chosen === undefined) return
  const pieces = cluster.faults.corrupted(topic, part.log.index, await part.log.storage.read(part.chosen))
  Object.assign(part, { records: pieces })
  count(
    cluster.stats.bytesOut,
    topic,
    pieces.reduce((sum, piece) => sum + piece.length, 0),
  )
}

const EARLIEST = -2
const LATEST = -1
/** Not a limit: a constant of the protocol of Kafka. */
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5

/** ListOffsets: by the places -1 (end) and -2 (start), or by a timestamp. */
export const listOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 9],
  flexible: 6,
  request: struct({
    replicaId: int32,
    isolationLevel: from(2, int8),
    topics: array(
      struct({
        name: string,
        partitions: array(struct({ index: int32, currentLeaderEpoch: from(4, int32, -1), timestamp: int64 })),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: from(2, int32),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            index: int32,
            errorCode: int16,
            timestamp: orElse(-1, int64),
            offset: orElse(-1, int64),
            leaderEpoch: from(4, orElse(-1, int32)),
          }),
        ),
      }),
    ),
  }),
  async handle(request, context) {
    const answer = async (name: string, part: Parameters<typeof offsetFor>[1]) => ({
      index: part.index,
      ...(await offsetFor(name, part, request.isolationLevel === 1, context)),
    })
    const topics = request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map((part) => answer(name, part))),
    }))
    return { topics: await Promise.all(topics) }
  },
})

async function offsetFor(
  name: string,
  part: { index: number; currentLeaderEpoch: number; timestamp: number },
  committedOnly: boolean,
  { cluster, nodeId }: RequestContext,
) {
  const log = cluster.store.partition(name, part.index)
  if (log === undefined) return { errorCode: ERROR.unknownTopicOrPartition }
  const errorCode =
    cluster.faults.errorFor('ListOffsets', name, part.index) || leadershipError(log, part.currentLeaderEpoch, nodeId)
  if (errorCode !== ERROR.none) return { errorCode }
  const found = await lookUpOffset(log, part.timestamp, committedOnly)
  return { errorCode: ERROR.none, leaderEpoch: found.offset >= 0 ? log.leaderEpoch : -1, ...found }
}

async function lookUpOffset(
  log: PartitionLog,
  timestamp: number,
  committedOnly: boolean,
): Promise<{ timestamp?: number; offset: number }> {
  const end = committedOnly ? log.lastStable : log.end
  if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) return { offset: log.logStart }
  if (timestamp === LATEST) return { offset: end }
  if (timestamp === LATEST_TIERED) return { offset: -1 }
  const batch = timestamp === MAX_TIMESTAMP ? log.newestBatch() : log.batchForTime(timestamp)
  if (batch === undefined || batch.baseOffset >= end) return { offset: -1 }
  const wanted = timestamp === MAX_TIMESTAMP ? batch.maxTimestamp : timestamp
  const found = await firstRecordAt(log, batch, wanted)
  return found.offset < end ? found : { offset: -1 }
}

/**
 * The first record of the batch with that time or a later one, within the log. The start of the batch where it cannot
 * be read.
 */
async function firstRecordAt(
  log: PartitionLog,
  batch: StoredBatch,
  timestampMs: number,
): Promise<{ timestamp: number; offset: number }> {
  const buffer = Buffer.concat(await log.storage.read([batch]))
  const header = new BatchHeader()
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  const start = { timestamp: batch.maxTimestamp, offset: Math.max(batch.baseOffset, log.logStart) }
  if (!header.open(view, 0, buffer.length) || header.control || header.logAppendTime) return start
  try {
    const plain = await new Decompressor().run(header.codec, buffer, view, header.from, header.to)
    const { baseOffset, baseTimestamp, maxTimestamp, count: records, logAppendTime } = header
    const opened = {
      ...plain,
      partition: log.index,
      count: records,
      baseOffset,
      lastOffset: batch.lastOffset,
      baseTimestamp,
      maxTimestamp,
      logAppendTime,
      rangeStart: log.logStart,
      rangeEnd: batch.lastOffset + 1,
      clipped: true,
      fault: undefined,
    }
    for (const record of readRecords(opened))
      if (record.timestamp >= timestampMs) return { timestamp: record.timestamp, offset: record.offset }
  } catch (error) {
    if (!(error instanceof CodecError || error instanceof WireError)) throw error
  }
  return start
}

/** OffsetForLeaderEpoch: where the epoch that a client read last ends in this log. */
export const offsetForLeaderEpoch = defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  request: struct({
    replicaId: from(3, int32, -2),
    topics: array(
      struct({
        topic: string,
        partitions: array(struct({ index: int32, currentLeaderEpoch: int32, leaderEpoch: int32 })),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32,
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({ errorCode: int16, index: int32, leaderEpoch: orElse(-1, int32), endOffset: orElse(-1, int64) }),
        ),
      }),
    ),
  }),
  handle: (request, { cluster, nodeId }) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((part) => {
        const log = cluster.store.partition(topic, part.index)
        const errorCode =
          log === undefined ? ERROR.unknownTopicOrPartition : leadershipError(log, part.currentLeaderEpoch, nodeId)
        if (log === undefined || errorCode !== ERROR.none) return { errorCode, index: part.index }
        return { errorCode, index: part.index, ...log.endOfEpoch(part.leaderEpoch) }
      }),
    })),
  }),
})
