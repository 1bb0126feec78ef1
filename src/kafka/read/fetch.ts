/**
 * Kafka's Fetch: writes the request, and reads the answer just far enough to find the record sets as places in the
 * frame. Copies nothing, looks into no batch, holds no state. Versions 4 to 13, without fetch sessions: topics by name,
 * and from 13 on by id, so that a topic created again under the name is not taken for the one that was asked for.
 */
import { type ApiRange, isFlexible } from '../wire/connection.ts'
import type { Isolation } from '../log.ts'
import { API, WireError, WireReader, type WireWriter } from '../wire/primitives.ts'

export const FETCH: ApiRange = { api: API.fetch, name: 'Fetch', lowest: 4, highest: 13, flexible: 12 }
/** For topics whose id is not known. */
export const FETCH_BY_NAME: ApiRange = { ...FETCH, highest: 12 }

/**
 * Limit `kafka.fetch.wait` (ms): how long the broker waits for a byte where there is none (a gap); it answers at once
 * when there is one. Beyond it: it answers without records.
 */
export const MAX_WAIT_MS = 500
/**
 * Limit `kafka.follow.wait` (ms): how long the broker waits for a byte for a scan that goes on with what comes; it
 * answers as soon as there is one. Beyond it: it answers without records, and is asked again.
 */
export const FOLLOW_WAIT_MS = 5000

/**
 * Limit `kafka.fetch.aborted` (transactions): aborted transactions that an answer names for one partition. Beyond it: the
 * answer cannot be read, and the scan ends with an error. Those that a fetch of 2 MiB can hold are fewer than 20,000.
 */
export const MAX_ABORTED = 1_000_000

export interface FetchRequest {
  readonly topic: string
  /** Needed from version 13 on. */
  readonly topicId: string | undefined
  readonly isolation: Isolation
  /** How long the broker may wait for a byte, in milliseconds. */
  readonly waitMs: number
  /** For the whole answer and for each partition. The first batch comes whole even if it is larger. */
  readonly maxBytes: number
  /**
   * `leaderEpoch`: who is asked is the leader since this epoch, or refuses; -1: whoever leads. A leader that was elected
   * again may have another log.
   */
  readonly parts: readonly { readonly partition: number; readonly position: number; readonly leaderEpoch: number }[]
}

/** Appends the body of a request of that version. */
export function writeFetch(writer: WireWriter, version: number, request: FetchRequest): void {
  writer.int32(-1).int32(request.waitMs).int32(1).int32(request.maxBytes)
  writer.int8(request.isolation === 'read_committed' ? 1 : 0)
  if (version >= 7) writer.int32(0).int32(-1)
  const flexible = isFlexible(FETCH, version)
  const part = ({ partition, position, leaderEpoch }: FetchRequest['parts'][number]): void => {
    writer.int32(partition)
    if (version >= 9) writer.int32(leaderEpoch)
    writer.int64(position)
    if (version >= 12) writer.int32(-1)
    if (version >= 5) writer.int64(-1)
    writer.int32(request.maxBytes)
    if (flexible) writer.tags()
  }
  if (!flexible) {
    writer.int32(1).string(request.topic).array(request.parts, part)
    if (version >= 7) writer.int32(0)
    if (version >= 11) writer.string('')
    return
  }
  writer.uvarint(2)
  if (version >= 13) writer.uuid(request.topicId)
  else writer.compactString(request.topic)
  writer.compactArray(request.parts, part).tags()
  writer
    .compactArray([], () => undefined)
    .compactString('')
    .tags()
}

export interface FetchedPartition {
  readonly partition: number
  readonly error: number
  /** -1 when the broker does not say. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** Producer id and first offset of each aborted transaction, alternating: [id, offset, id, offset, …]. */
  readonly aborted: readonly number[]
  /** The record set: bytes [from, to) of the frame. */
  readonly from: number
  readonly to: number
}

export interface FetchAnswer {
  readonly error: number
  /** How long the broker wants us to wait because of a quota. It sends no records then. */
  readonly throttleMs: number
  readonly partitions: readonly FetchedPartition[]
}

/** Reads a frame that begins with the correlation id. Throws a WireError when it cannot be read. */
export function readFetch(frame: Buffer, size: number, version: number): FetchAnswer {
  const reader = new WireReader(frame, 4, size)
  const flexible = isFlexible(FETCH, version)
  if (flexible) reader.tags()
  const throttleMs = reader.int32()
  let error = 0
  if (version >= 7) {
    error = reader.int16()
    reader.int32()
  }
  const topics = flexible
    ? reader.compactArray(() => {
        if (version >= 13) reader.uuid()
        else reader.compactString()
        const partitions = reader.compactArray(() => readPartition(reader, version))
        reader.tags()
        return partitions
      })
    : reader.array(() => {
        reader.string()
        return reader.array(() => readPartition(reader, version))
      })
  if (flexible) reader.tags()
  return { error, throttleMs, partitions: topics.flat() }
}

function readPartition(reader: WireReader, version: number): FetchedPartition {
  const partition = reader.int32()
  const error = reader.int16()
  const highWatermark = reader.long()
  const lastStableOffset = reader.long()
  if (version >= 5) reader.long()
  const flexible = isFlexible(FETCH, version)
  const aborted: number[] = []
  let transactions = flexible ? reader.uvarint() - 1 : reader.int32()
  if (transactions > MAX_ABORTED)
    throw new WireError(
      `it names ${transactions} aborted transactions of partition ${partition}, and ${MAX_ABORTED} are the limit (kafka.fetch.aborted)`,
    )
  for (; transactions > 0; transactions--) {
    aborted.push(reader.long(), reader.long())
    if (flexible) reader.tags()
  }
  if (version >= 11) reader.int32()
  const length = Math.max(0, flexible ? reader.uvarint() - 1 : reader.int32())
  const from = reader.take(length)
  if (flexible) reader.tags()
  return { partition, error, highWatermark, lastStableOffset, aborted, from, to: from + length }
}
