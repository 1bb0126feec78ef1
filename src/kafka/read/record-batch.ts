/**
 * Record batches, version 2: the layout of the header, reading a header in place, reading records as objects (for tests
 * and sampling; the hot path has generated code for that), and writing batches (tests, the in-memory source, the
 * embedded broker). Does not decompress while reading: see `compression`. Source: Kafka documentation, "Message Format
 * / Record Batch".
 */
import { crc32c } from '../codecs/crc32c.ts'
import type { RecordBatch } from '../log.ts'
import { WireError, WireReader, WireWriter } from '../wire/primitives.ts'

/** Where the fields of a batch begin. `magic` is at the same place in the old message formats. */
export const AT = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const

/** The part of a batch that its length field does not count. */
export const BATCH_OVERHEAD = 12

/** Compression codecs by their number in the attributes of a batch. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof CODECS)[number]

/** Bits of the attributes of a batch. */
export const ATTRIBUTE = { codec: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const

/** Reads 64 bits as a number: offsets and milliseconds stay far below 2^53. */
export function longAt(view: DataView, at: number): number {
  return view.getInt32(at) * 4294967296 + view.getUint32(at + 4)
}

/**
 * The header of one batch, in place: `open` reads what is needed to walk on, the other fields are read when they are
 * asked for, so the memory must still hold the batch. Nothing is allocated. The batches of a fetched frame are found
 * with it once, by `BatchIndex`.
 */
export class BatchHeader {
  #view: DataView | undefined
  #at = 0
  baseOffset = 0
  /** Bytes of the whole batch, header included. */
  size = 0
  magic = 0
  /** The bits of `ATTRIBUTE`; 0 in the old formats. */
  attributes = 0
  lastOffset = 0
  count = 0
  /** Where the records begin and end, as stored. */
  from = 0
  to = 0

  /** Number of the codec, an index of `CODECS` or an unknown one. */
  get codec(): number {
    return this.attributes & ATTRIBUTE.codec
  }

  get logAppendTime(): boolean {
    return (this.attributes & ATTRIBUTE.logAppendTime) !== 0
  }

  get transactional(): boolean {
    return (this.attributes & ATTRIBUTE.transactional) !== 0
  }

  get control(): boolean {
    return (this.attributes & ATTRIBUTE.control) !== 0
  }

  /** Epoch milliseconds that the records' deltas are added to; -1 in the old formats. */
  get baseTimestamp(): number {
    return this.#long(AT.baseTimestamp)
  }

  /** Epoch milliseconds; -1 in the old formats. */
  get maxTimestamp(): number {
    return this.#long(AT.maxTimestamp)
  }

  /** -1 where the producer has none. */
  get producerId(): number {
    return this.#long(AT.producerId)
  }

  #long(place: number): number {
    return this.#view === undefined || this.magic < 2 ? -1 : longAt(this.#view, this.#at + place)
  }

  /**
   * Reads the header at `at`. false: the batch is not there whole (a fetch ends where its byte limit fell) and `size`
   * says how much is needed, 0 if not even that is known, or -1 if the length field makes no sense.
   */
  open(view: DataView, at: number, end: number): boolean {
    this.size = 0
    if (at + BATCH_OVERHEAD > end) return false
    const length = view.getInt32(at + AT.batchLength)
    this.size = length < 5 ? -1 : length + BATCH_OVERHEAD
    if (length < 5 || at + this.size > end) return false
    this.#view = view
    this.#at = at
    this.baseOffset = longAt(view, at)
    this.magic = view.getInt8(at + AT.magic)
    this.to = at + this.size
    if (this.magic < 2 || this.size < AT.records) return this.#openOld()
    this.attributes = view.getInt16(at + AT.attributes)
    this.lastOffset = this.baseOffset + view.getInt32(at + AT.lastOffsetDelta)
    this.count = view.getInt32(at + AT.count)
    this.from = at + AT.records
    return true
  }

  /**
   * Message formats v0 and v1: the offset is that of the (last) record; nothing else is read. A v2 batch too short
   * for its header comes here too.
   */
  #openOld(): boolean {
    this.from = this.to
    this.attributes = 0
    this.lastOffset = this.baseOffset
    this.count = 1
    if (this.magic >= 2) this.magic = -1
    return this.baseOffset >= 0
  }
}

/** Whether the stored checksum of the batch at `at` fits its bytes. */
export function checksumFits(buffer: Buffer, view: DataView, at: number, to: number): boolean {
  return view.getUint32(at + AT.crc) === crc32c(buffer, at + AT.attributes, to)
}

/**
 * Type of a control record (its key: version, type): 0 abort, 1 commit, others are Kafka's own affair. -1 when it
 * cannot be read.
 */
export function controlType(buffer: Buffer, from: number, to: number): number {
  const reader = new WireReader(buffer, from, to)
  try {
    reader.varint()
    reader.int8()
    // Of a marker that was compacted the batch begins at another time (KIP-534): the delta may take 64 bits.
    while (buffer[reader.take(1)] > 127);
    reader.varint()
    return reader.varint() < 4 ? -1 : (reader.int16(), reader.int16())
  } catch {
    return -1
  }
}

/** One record over the memory of its batch. */
export interface PlainRecord {
  readonly offset: number
  /** Epoch milliseconds, -1 when unknown. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[]
}

/**
 * The records of a batch that lie in its wanted range, as objects over the batch's memory. Throws a WireError on
 * damage. Slow: for tests and sampling.
 */
export function* readRecords(batch: RecordBatch): Generator<PlainRecord> {
  const reader = new WireReader(batch.buffer, batch.from, batch.to)
  while (reader.remaining > 0) {
    const size = reader.varint()
    const end = reader.at + size
    if (size < 0 || end > batch.to) reader.take(size < 0 ? -1 : size)
    reader.int8()
    // Of a large batch mostly few records are wanted: the others cost no more than finding that out.
    const atTimestamp = reader.at
    while (reader.buffer[reader.take(1)] > 127);
    const offset = batch.baseOffset + reader.varint()
    if (offset < batch.rangeStart || offset >= batch.rangeEnd) {
      reader.at = end
      continue
    }
    const behindOffset = reader.at
    reader.at = atTimestamp
    const timestampDelta = varlong(reader)
    reader.at = behindOffset
    const key = sized(reader)
    const value = sized(reader)
    const headers = Array.from({ length: reader.varint() }, () => ({
      key: (sized(reader) ?? Buffer.alloc(0)).toString(),
      value: sized(reader),
    }))
    reader.at = end
    yield {
      offset,
      timestamp: batch.logAppendTime ? batch.maxTimestamp : batch.baseTimestamp + timestampDelta,
      key,
      value,
      headers,
    }
  }
}

/**
 * The first records of a batch, as many as can be read; damage ends them without an error, which the scan
 * of the batch will report.
 */
export function firstRecords(batch: RecordBatch, most: number): PlainRecord[] {
  const found: PlainRecord[] = []
  try {
    for (const record of readRecords(batch)) if (found.push(record) >= most) break
  } catch (error) {
    if (!(error instanceof WireError)) throw error
  }
  return found
}

function sized(reader: WireReader): Buffer | null {
  const n = reader.varint()
  if (n < 0) return null
  const at = reader.take(n)
  return reader.buffer.subarray(at, at + n)
}

/** Zigzag varint of up to 64 bits, exact up to 2^53. */
function varlong(reader: WireReader): number {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.buffer[reader.take(1)]
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return Number((value >> 1n) ^ -(value & 1n))
  }
  return Number.NaN
}

/** A record for `writeRecordBatch`. */
export interface RecordToWrite {
  readonly key?: string | Uint8Array | null
  readonly value?: string | Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** Default: the batch's `timestamp`. */
  readonly timestamp?: number
  /** Default: the one behind the previous record's. Gaps are what compaction leaves. */
  readonly offset?: number
}

export interface BatchToWrite {
  readonly codec?: Codec
  /** Compresses the records; needed when `codec` is not `none`. `compression` has one for each codec. */
  readonly compress?: (plain: Buffer) => Buffer
  readonly baseOffset?: number
  /** Epoch milliseconds, default 0. */
  readonly timestamp?: number
  readonly logAppendTime?: boolean
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  /** A control batch; its record's key says what it is: see `controlRecord`. */
  readonly control?: boolean
  readonly leaderEpoch?: number
  /** Default: that of the last record. More is what compaction leaves when it takes the last records. */
  readonly lastOffset?: number
}

/** The one record of a control batch that ends a transaction. */
export function controlRecord(type: 'abort' | 'commit'): RecordToWrite {
  return {
    key: new WireWriter(4)
      .int16(0)
      .int16(type === 'abort' ? 0 : 1)
      .finish(),
    value: new WireWriter(6).int16(0).int32(0).finish(),
  }
}

/** A whole v2 batch, checksum included. */
export function writeRecordBatch(records: readonly RecordToWrite[], options: BatchToWrite = {}): Buffer {
  const baseOffset = options.baseOffset ?? 0
  const timestamps = records.map((record) => record.timestamp ?? options.timestamp ?? 0)
  const baseTimestamp = timestamps[0] ?? options.timestamp ?? 0
  const plain = new WireWriter(4096)
  let next = baseOffset
  records.forEach((record, i) => {
    const offset = record.offset ?? next
    next = offset + 1
    writeRecord(plain, record, offset - baseOffset, timestamps[i] - baseTimestamp)
  })
  const codec = CODECS.indexOf(options.codec ?? 'none')
  const body = codec === 0 ? plain.finish() : (options.compress as (plain: Buffer) => Buffer)(plain.finish())
  const attributes =
    codec |
    (options.logAppendTime ? ATTRIBUTE.logAppendTime : 0) |
    (options.transactional ? ATTRIBUTE.transactional : 0) |
    (options.control ? ATTRIBUTE.control : 0)
  const batch = new WireWriter(AT.records + body.length)
  batch
    .int64(baseOffset)
    .int32(AT.records - BATCH_OVERHEAD + body.length)
    .int32(options.leaderEpoch ?? 0)
    .int8(2)
    .uint32(0)
  batch
    .int16(attributes)
    .int32((options.lastOffset ?? Math.max(baseOffset, next - 1)) - baseOffset)
    .int64(baseTimestamp)
    .int64(timestamps.reduce((a, b) => Math.max(a, b), baseTimestamp))
  batch
    .int64(options.producerId ?? -1)
    .int16(options.producerEpoch ?? -1)
    .int32(options.baseSequence ?? -1)
    .int32(records.length)
    .raw(body)
  const bytes = Buffer.from(batch.finish())
  bytes.writeUInt32BE(crc32c(bytes, AT.attributes), AT.crc)
  return bytes
}

function writeRecord(out: WireWriter, record: RecordToWrite, offsetDelta: number, timestampDelta: number): void {
  const body = new WireWriter(256)
  body.int8(0).varlong(timestampDelta).varint(offsetDelta)
  writeSized(body, record.key)
  writeSized(body, record.value)
  body.varint(record.headers?.length ?? 0)
  for (const header of record.headers ?? []) {
    writeSized(body, header.key)
    writeSized(body, header.value)
  }
  const bytes = body.finish()
  out.varint(bytes.length).raw(bytes)
}

function writeSized(out: WireWriter, bytes: string | Uint8Array | null | undefined): void {
  if (bytes === null || bytes === undefined) {
    out.varint(-1)
    return
  }
  const raw = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  out.varint(raw.length).raw(raw)
}
