/**
 * The header of a v2 record batch as a broker needs it: read, checked, and rewritten in place. Records are opaque here.
 * Source: the Kafka documentation, "Record Batch".
 */
import { crc32c } from '../../kafka/codecs/crc32c.ts'
import { AT, ATTRIBUTE, BATCH_OVERHEAD } from '../../kafka/read/record-batch.ts'

/** What the sandbox reads of a batch. `sizeBytes` counts the whole batch. */
export interface BatchHeader {
  readonly at: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly magic: number
  readonly attributes: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
}

const long = (buffer: Buffer, at: number) => buffer.readInt32BE(at) * 4294967296 + buffer.readUInt32BE(at + 4)

/**
 * The header at `at`, or undefined when no whole batch stands there. `endAt`: where the bytes end of which `buffer` may
 * hold only the first.
 */
export function readBatchHeader(buffer: Buffer, at: number, endAt = buffer.length): BatchHeader | undefined {
  if (at + AT.records > buffer.length) return undefined
  const sizeBytes = buffer.readInt32BE(at + AT.batchLength) + BATCH_OVERHEAD
  if (sizeBytes < AT.records || at + sizeBytes > endAt) return undefined
  const baseOffset = long(buffer, at)
  return {
    at,
    sizeBytes,
    baseOffset,
    lastOffset: baseOffset + buffer.readInt32BE(at + AT.lastOffsetDelta),
    magic: buffer[at + AT.magic],
    attributes: buffer.readInt16BE(at + AT.attributes),
    baseTimestamp: long(buffer, at + AT.baseTimestamp),
    maxTimestamp: long(buffer, at + AT.maxTimestamp),
    producerId: long(buffer, at + AT.producerId),
    producerEpoch: buffer.readInt16BE(at + AT.producerEpoch),
    baseSequence: buffer.readInt32BE(at + AT.baseSequence),
    count: buffer.readInt32BE(at + AT.count),
  }
}

/** Whether the stored checksum is that of the bytes. */
export function hasGoodCrc(buffer: Buffer, header: BatchHeader): boolean {
  return (
    buffer.readUInt32BE(header.at + AT.crc) === crc32c(buffer, header.at + AT.attributes, header.at + header.sizeBytes)
  )
}

/** Offset and leader epoch lie before the part that the checksum covers. */
export function assignOffset(buffer: Buffer, at: number, baseOffset: number, leaderEpoch: number): void {
  buffer.writeBigInt64BE(BigInt(baseOffset), at)
  buffer.writeInt32BE(leaderEpoch, at + AT.leaderEpoch)
}

/** Marks the batch as stamped by the broker and renews the checksum. */
export function stampAppendTime(buffer: Buffer, header: BatchHeader, timestampMs: number): void {
  buffer.writeInt16BE(header.attributes | ATTRIBUTE.logAppendTime, header.at + AT.attributes)
  buffer.writeBigInt64BE(BigInt(timestampMs), header.at + AT.maxTimestamp)
  sealBatch(buffer, header.at, header.sizeBytes)
}

/** Computes the checksum and puts it in its place. */
export function sealBatch(buffer: Buffer, at: number, sizeBytes: number): void {
  buffer.writeUInt32BE(crc32c(buffer, at + AT.attributes, at + sizeBytes), at + AT.crc)
}
