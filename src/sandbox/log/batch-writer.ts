/**
 * Makes record batches fast, for the demo data: records are written straight into the batch's memory. Producer ids,
 * transactions and the other codecs are left to
 * `writeRecordBatch`.
 */
import { constants, zstdCompressSync } from 'node:zlib'
import { AT, BATCH_OVERHEAD, CODECS } from '../../kafka/read/record-batch.ts'
import { sealBatch } from './batch.ts'

/** What a batch is made with. */
export interface BatchOptions {
  readonly codec?: 'none' | 'zstd'
  /** Default 0. */
  readonly baseOffset?: number
}

/** One header of a record. */
export type RecordHeader = readonly [name: string, value: Buffer | null]

/** The first `length` bytes of a buffer: a key or a value. */
export interface Content {
  readonly buffer: Buffer
  readonly length: number
}

const NO_HEADERS: readonly RecordHeader[] = []

/** Collects records and makes batches of them; reusable after `finish`. Values are copied when added. */
export class BatchWriter {
  #buffer: Buffer
  #at = AT.records
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
  add(
    timestampMs: number,
    key: Content | null,
    value: Content | null,
    headers: readonly RecordHeader[] = NO_HEADERS,
  ): this {
    if (this.#count === 0) {
      this.#firstTimestamp = timestampMs
      this.#maxTimestamp = timestampMs
    } else if (timestampMs > this.#maxTimestamp) this.#maxTimestamp = timestampMs
    const timestampDelta = timestampMs - this.#firstTimestamp
    const length =
      1 +
      varintSize(timestampDelta) +
      varintSize(this.#count) +
      contentSize(key) +
      contentSize(value) +
      headersSize(headers)
    this.#room(length + 5)
    this.#varint(length)
    this.#buffer[this.#at++] = 0
    this.#varlong(timestampDelta)
    this.#varint(this.#count)
    this.#content(key)
    this.#content(value)
    this.#varint(headers.length)
    for (const [name, content] of headers) {
      this.#content(whole(Buffer.from(name)))
      this.#content(content === null ? null : whole(content))
    }
    this.#count++
    return this
  }

  /**
   * The batch; valid until the next record is added (an uncompressed one lies in the writer's own memory). The writer
   * is empty afterwards.
   */
  finish(options: BatchOptions = {}): Buffer {
    const codec = CODECS.indexOf(options.codec ?? 'none')
    const batch = codec === 0 ? this.#buffer.subarray(0, this.#at) : this.#compressed()
    batch.fill(0, 0, AT.records)
    batch.writeBigInt64BE(BigInt(options.baseOffset ?? 0), AT.baseOffset)
    batch.writeInt32BE(batch.length - BATCH_OVERHEAD, AT.batchLength)
    batch[AT.magic] = 2
    batch.writeInt16BE(codec, AT.attributes)
    batch.writeInt32BE(Math.max(0, this.#count - 1), AT.lastOffsetDelta)
    batch.writeBigInt64BE(BigInt(this.#firstTimestamp), AT.baseTimestamp)
    batch.writeBigInt64BE(BigInt(this.#maxTimestamp), AT.maxTimestamp)
    batch.fill(0xff, AT.producerId, AT.count)
    batch.writeInt32BE(this.#count, AT.count)
    sealBatch(batch, 0, batch.length)
    this.#at = AT.records
    this.#count = 0
    return batch
  }

  #compressed(): Buffer {
    const body = zstdCompressSync(this.#buffer.subarray(AT.records, this.#at), {
      params: { [constants.ZSTD_c_compressionLevel]: 1 },
    })
    return Buffer.concat([Buffer.alloc(AT.records), body])
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

  #content(content: Content | null): void {
    if (content === null) return this.#varint(-1)
    this.#varint(content.length)
    content.buffer.copy(this.#buffer, this.#at, 0, content.length)
    this.#at += content.length
  }
}

function whole(bytes: Buffer): Content {
  return { buffer: bytes, length: bytes.length }
}

function varintSize(value: number): number {
  let n = value >= 0 ? value * 2 : -value * 2 - 1
  let size = 1
  for (; n > 127; size++) n = Math.floor(n / 128)
  return size
}

function contentSize(content: Content | null): number {
  return content === null ? 1 : varintSize(content.length) + content.length
}

function headersSize(headers: readonly RecordHeader[]): number {
  let size = varintSize(headers.length)
  for (const [name, content] of headers)
    size += contentSize(whole(Buffer.from(name))) + contentSize(content === null ? null : whole(content))
  return size
}
