/**
 * The header of a v2 record batch, read and rewritten in place, and a writer that makes batches from keys and values (for the demo data and for tests).
 * It never looks into the records of a batch that came from a client: to the sandbox they are opaque. Source: the Kafka documentation, "Record Batch".
 */
import { zstdCompressSync, constants, gzipSync } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'

/** Bytes of a batch before its first record. */
export const BATCH_HEADER_BYTES = 61
const CRC_AT = 17
const CRC_FROM = 21
const ATTRIBUTES_AT = 21

export const LOG_APPEND_TIME = 0x08
export const TRANSACTIONAL = 0x10
export const CONTROL = 0x20
/** Codec numbers of the attributes' three lowest bits. */
export const CODEC = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

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

/** The header at `at`, or undefined when no whole batch stands there. */
export function readBatchHeader(buffer: Buffer, at: number): BatchHeader | undefined {
  if (at + BATCH_HEADER_BYTES > buffer.length) return undefined
  const sizeBytes = buffer.readInt32BE(at + 8) + 12
  if (sizeBytes < BATCH_HEADER_BYTES || at + sizeBytes > buffer.length) return undefined
  const baseOffset = long(buffer, at)
  return {
    at,
    sizeBytes,
    baseOffset,
    lastOffset: baseOffset + buffer.readInt32BE(at + 23),
    magic: buffer[at + 16],
    attributes: buffer.readInt16BE(at + ATTRIBUTES_AT),
    baseTimestamp: long(buffer, at + 27),
    maxTimestamp: long(buffer, at + 35),
    producerId: long(buffer, at + 43),
    producerEpoch: buffer.readInt16BE(at + 51),
    baseSequence: buffer.readInt32BE(at + 53),
    count: buffer.readInt32BE(at + 57),
  }
}

/** Whether the stored checksum is that of the bytes. */
export function hasGoodCrc(buffer: Buffer, header: BatchHeader): boolean {
  return buffer.readUInt32BE(header.at + CRC_AT) === crc32c(buffer.subarray(header.at + CRC_FROM, header.at + header.sizeBytes))
}

/** Offset and leader epoch lie before the part that the checksum covers. */
export function assignOffset(buffer: Buffer, at: number, baseOffset: number, leaderEpoch: number): void {
  buffer.writeBigInt64BE(BigInt(baseOffset), at)
  buffer.writeInt32BE(leaderEpoch, at + 12)
}

/** Marks the batch as stamped by the broker and renews the checksum. */
export function stampAppendTime(buffer: Buffer, header: BatchHeader, timestampMs: number): void {
  buffer.writeInt16BE(header.attributes | LOG_APPEND_TIME, header.at + ATTRIBUTES_AT)
  buffer.writeBigInt64BE(BigInt(timestampMs), header.at + 35)
  sealBatch(buffer, header.at, header.sizeBytes)
}

function sealBatch(buffer: Buffer, at: number, sizeBytes: number): void {
  buffer.writeUInt32BE(crc32c(buffer.subarray(at + CRC_FROM, at + sizeBytes)), at + CRC_AT)
}

/** For a control batch: whether its marker says abort. Control records are never compressed. */
export function isAbortMarker(buffer: Buffer, header: BatchHeader): boolean {
  let at = header.at + BATCH_HEADER_BYTES
  const skipVarint = () => {
    while (buffer[at++] > 127);
  }
  skipVarint() // length
  at++ // attributes
  skipVarint() // timestamp delta
  skipVarint() // offset delta
  skipVarint() // key length
  return buffer.readInt16BE(at + 2) === 0
}

/** What a batch is made with. */
export interface BatchOptions {
  readonly codec?: 'none' | 'gzip' | 'zstd'
  readonly baseOffset?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /** TRANSACTIONAL, CONTROL, LOG_APPEND_TIME. */
  readonly attributes?: number
}

/** One header of a record. */
export type RecordHeader = readonly [name: string, value: Uint8Array | null]

/** Collects records and makes batches of them; reusable after `finish`. Values are copied when added. */
export class BatchWriter {
  #buffer: Buffer
  #at = BATCH_HEADER_BYTES
  #count = 0
  #firstTimestamp = 0
  #maxTimestamp = 0

  constructor(sizeBytes = 65536) {
    this.#buffer = Buffer.allocUnsafe(sizeBytes)
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#at
  }

  /** Adds one record; `key` and `value` may be null (no key; a tombstone). */
  add(timestampMs: number, key: Uint8Array | null, value: Uint8Array | null, headers: readonly RecordHeader[] = []): this {
    if (this.#count === 0) {
      this.#firstTimestamp = timestampMs
      this.#maxTimestamp = timestampMs
    } else if (timestampMs > this.#maxTimestamp) this.#maxTimestamp = timestampMs
    const timestampDelta = timestampMs - this.#firstTimestamp
    const extra = headersSize(headers)
    const length = 1 + varlongSize(timestampDelta) + varintSize(this.#count) + fieldSize(key) + fieldSize(value) + extra
    this.#room(length + 5)
    this.#varint(length)
    this.#buffer[this.#at++] = 0
    this.#varlong(timestampDelta)
    this.#varint(this.#count)
    this.#field(key)
    this.#field(value)
    this.#varint(headers.length)
    for (const [name, content] of headers) {
      this.#field(Buffer.from(name))
      this.#field(content)
    }
    this.#count++
    return this
  }

  /** The batch; its bytes are its own. The writer is empty afterwards. */
  finish(options: BatchOptions = {}): Buffer {
    const codec = CODEC[options.codec ?? 'none']
    const plain = this.#buffer.subarray(BATCH_HEADER_BYTES, this.#at)
    const body = compress(plain, options.codec ?? 'none')
    const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + body.length)
    body.copy(batch, BATCH_HEADER_BYTES)
    batch.writeBigInt64BE(BigInt(options.baseOffset ?? 0), 0)
    batch.writeInt32BE(batch.length - 12, 8)
    batch.writeInt32BE(0, 12)
    batch[16] = 2
    batch.writeInt16BE(codec | (options.attributes ?? 0), ATTRIBUTES_AT)
    batch.writeInt32BE(Math.max(0, this.#count - 1), 23)
    batch.writeBigInt64BE(BigInt(this.#firstTimestamp), 27)
    batch.writeBigInt64BE(BigInt(this.#maxTimestamp), 35)
    batch.writeBigInt64BE(BigInt(options.producerId ?? -1), 43)
    batch.writeInt16BE(options.producerEpoch ?? -1, 51)
    batch.writeInt32BE(options.baseSequence ?? -1, 53)
    batch.writeInt32BE(this.#count, 57)
    sealBatch(batch, 0, batch.length)
    this.#at = BATCH_HEADER_BYTES
    this.#count = 0
    return batch
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(bigger, 0, 0, this.#at)
    this.#buffer = bigger
  }

  #varint(value: number): void {
    let n = ((value << 1) ^ (value >> 31)) >>> 0
    while (n > 127) {
      this.#buffer[this.#at++] = (n & 127) | 128
      n >>>= 7
    }
    this.#buffer[this.#at++] = n
  }

  #varlong(value: number): void {
    if (value >= -1073741824 && value <= 1073741823) return this.#varint(value)
    let n = value >= 0 ? value * 2 : -value * 2 - 1
    while (n > 127) {
      this.#buffer[this.#at++] = (n % 128) + 128
      n = Math.floor(n / 128)
    }
    this.#buffer[this.#at++] = n
  }

  #field(value: Uint8Array | null): void {
    if (value === null) return this.#varint(-1)
    this.#varint(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }
}

function compress(plain: Buffer, codec: 'none' | 'gzip' | 'zstd'): Buffer {
  if (codec === 'zstd') return zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  return codec === 'gzip' ? gzipSync(plain) : plain
}

function varintSize(value: number): number {
  return varlongSize(value)
}

function varlongSize(value: number): number {
  let n = value >= 0 ? value * 2 : -value * 2 - 1
  let size = 1
  for (; n > 127; size++) n = Math.floor(n / 128)
  return size
}

function fieldSize(value: Uint8Array | null): number {
  return value === null ? 1 : varintSize(value.length) + value.length
}

function headersSize(headers: readonly RecordHeader[]): number {
  let size = varintSize(headers.length)
  for (const [name, content] of headers) size += fieldSize(Buffer.from(name)) + fieldSize(content)
  return size
}

/** The marker that ends a transaction of `producerId`, as a whole control batch. */
export function controlBatch(kind: 'commit' | 'abort', producerId: number, producerEpoch: number, timestampMs: number): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'commit' ? 1 : 0])
  return new BatchWriter(256).add(timestampMs, key, Buffer.alloc(6)).finish({ producerId, producerEpoch, attributes: CONTROL | TRANSACTIONAL })
}
