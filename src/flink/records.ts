/**
 * Records that Flink has read and handed on, as a log that the engine reads like Kafka's: each page of rows becomes
 * record batches, so that decoding, conditions and output are the same code for both.
 */
import type { BatchSource, KafkaLog, OffsetRange, PartitionProgress, RecordBatch, ScanRequest } from '../kafka/log.ts'
import { AT, type RecordToWrite, writeRecordBatch } from '../kafka/read/record-batch.ts'
import type { FlinkRow } from './gateway.ts'
import type { FlinkTable } from './translate/records/tables.ts'

type Options = Parameters<KafkaLog['bounds']>[2]

/** The log of one scan. Bounds are those that were captured when it was handed over. */
export class RecordsOfFlink implements KafkaLog {
  readonly #table: FlinkTable
  readonly #kafka: KafkaLog
  readonly #run: () => AsyncIterable<readonly FlinkRow[]>

  constructor(table: FlinkTable, kafka: KafkaLog, run: () => AsyncIterable<readonly FlinkRow[]>) {
    this.#table = table
    this.#kafka = kafka
    this.#run = run
  }

  async bounds(_topic: string, partitions: readonly number[]): Promise<OffsetRange[]> {
    return this.#table.bounds.filter(({ partition }) => partitions.includes(partition))
  }

  offsetsForTime(topic: string, partitions: readonly number[], ms: number, options: Options) {
    return this.#kafka.offsetsForTime(topic, partitions, ms, options)
  }

  scan(request: ScanRequest, signal: AbortSignal): BatchSource {
    return new Batches(this.#table, request, this.#run()[Symbol.asyncIterator](), signal)
  }
}

class Batches implements BatchSource {
  readonly progress: readonly PartitionProgress[]
  readonly #table: FlinkTable
  readonly #pages: AsyncIterator<readonly FlinkRow[]>
  readonly #signal: AbortSignal
  #page: readonly FlinkRow[] = []
  #at = 0
  #complete = false

  constructor(
    table: FlinkTable,
    { ranges }: ScanRequest,
    pages: AsyncIterator<readonly FlinkRow[]>,
    signal: AbortSignal,
  ) {
    this.#table = table
    this.#pages = pages
    this.#signal = signal
    const source = this
    this.progress = ranges.map((range) => ({
      partition: range.partition,
      begin: range.start,
      end: range.end,
      get position() {
        return source.#complete ? range.end : range.start
      },
      get unread() {
        return source.#complete ? [] : [range]
      },
      get complete() {
        return source.#complete
      },
      bytesRead: 0,
      lost: 0,
      lostRanges: [],
    }))
  }

  async next(): Promise<RecordBatch | undefined> {
    while (this.#at >= this.#page.length) {
      this.#signal.throwIfAborted()
      const { value, done } = await this.#pages.next()
      if (done === true) {
        this.#complete = true
        return undefined
      }
      this.#page = value
      this.#at = 0
    }
    return this.#batch()
  }

  close(): void {
    void this.#pages.return?.(undefined).catch(() => undefined)
  }

  /** The next rows of one partition whose offsets ascend. */
  #batch(): RecordBatch {
    const partition = Number(this.#page[this.#at][0])
    const records: RecordToWrite[] = []
    const { key: keyType, value: valueType } = this.#table.rawTypes
    let last = -1
    while (this.#at < this.#page.length) {
      const [from, at, timestamp, key, value, headerNames, headerValues] = this.#page[this.#at]
      const offset = Number(at)
      if (Number(from) !== partition || offset <= last) break
      last = offset
      records.push({
        offset,
        timestamp: Number(timestamp),
        key: bytesOf(key, keyType, this.#table.scan.table.key.format),
        value: bytesOf(value, valueType, this.#table.scan.table.value.format),
        headers: headersOf(headerNames, headerValues),
      })
      this.#at++
    }
    const [first] = records
    const buffer = writeRecordBatch(records, { baseOffset: first.offset, timestamp: first.timestamp })
    const times = records.map(({ timestamp = -1 }) => timestamp)
    return {
      partition,
      buffer,
      view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length),
      from: AT.records,
      to: buffer.length,
      count: records.length,
      baseOffset: first.offset ?? 0,
      lastOffset: last,
      baseTimestamp: first.timestamp ?? -1,
      maxTimestamp: times.reduce((a, b) => Math.max(a, b), -1),
      logAppendTime: false,
      rangeStart: first.offset ?? 0,
      rangeEnd: last + 1,
      clipped: false,
      fault: undefined,
    }
  }
}

/** Headers, where they were asked for: their names, and their values in base 64. */
function headersOf(names?: FlinkRow[number], values?: FlinkRow[number]): RecordToWrite['headers'] {
  if (!Array.isArray(names) || !Array.isArray(values)) return undefined
  return names.map((key, i) => ({
    key: String(key),
    value: values[i] === null ? null : Buffer.from(String(values[i]), 'base64'),
  }))
}

/** A key or value as Kafka has it: Flink gives bytes in base 64, and numbers of its own types as text. */
function bytesOf(field: FlinkRow[number], type: 'bytes' | 'number', format: string): Uint8Array | null {
  if (field === null) return null
  if (type === 'bytes') return Buffer.from(String(field), 'base64')
  const bytes = Buffer.alloc(format === 'INT' || format === 'FLOAT' ? 4 : 8)
  switch (format) {
    case 'INT':
      bytes.writeInt32BE(Number(field))
      break
    case 'LONG':
      bytes.writeBigInt64BE(BigInt(String(field)))
      break
    case 'FLOAT':
      bytes.writeFloatBE(Number(field))
      break
    default:
      bytes.writeDoubleBE(Number(field))
  }
  return bytes
}
