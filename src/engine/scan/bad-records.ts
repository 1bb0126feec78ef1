/**
 * Counts and reports the records of a scan that cannot be read. All that happens to bad records, in order:
 *
 * 1. A statement that names `_bad` or `_error` gets them as rows: `plan/lower/bad-records` marks its scans
 *    (`Scan.badRecords`) once the plan is in its last form. Every other statement passes over them.
 * 2. The generated program of a scan (`engine/program/record-program`) finds a record bad where the code of a format
 *    (`formats`) meets bytes that it cannot read. It stops behind the last field that the query needs, unless
 *    `validate.records` is set.
 * 3. In a marked scan the program asks `engine/program/record-check` first, which reads key and value to their ends
 *    with a `facetCheck` of `formats/check`, and puts into words what is wrong: the value of `_error`.
 * 4. A batch that cannot be walked (damaged, or not to be decompressed) is found by the reader or by the program;
 *    `engine/scan/scan-run` hands it to `addRestOf`. One row stands for all its records (`standIn`).
 * 5. This file counts (`STATS`), sends a BADRECORD frame for each record or batch (`show.bad.records`), or throws the
 *    `BadRecordError` that ends the query at the first of them (`skip.bad.records = false`).
 */
import type { OffsetRange, RecordBatch } from '../../kafka/log.ts'
import { AT, writeRecordBatch } from '../../kafka/read/record-batch.ts'
import type { Table } from '../../plan/catalog.ts'
import type { Scan } from '../../plan/plan.ts'
import { SqlError } from '../../sql/error.ts'
import { type LargeRecord, tooLargeError } from '../frame-writer.ts'
import { mergeRanges } from './ending/unread.ts'
import type { ScanContext } from './scan-context.ts'

/** The reason of bad records in a batch that cannot be read to its end. */
export const DAMAGED = 'a record of the batch is damaged, and nothing behind it can be told apart'

/** The row for records of a batch whose boundaries are not known. */
export interface BadRow {
  /** Of the first of them. */
  readonly offset: number
  readonly why: string
}

/** The bad records of one scan. */
export class BadRecords {
  readonly #context: Pick<ScanContext, 'settings' | 'statistics' | 'sourceId' | 'writer'>
  readonly #scan: Scan
  /** Places of unreadable batches; undefined where no batch is read twice. */
  readonly #batches: Set<string> | undefined
  /** All that is to be read of the topic. */
  #ranges: ReadonlyMap<number, readonly OffsetRange[]> = new Map()

  /** `repeats`: the scan reads backwards, and meets a batch once more for its records before a window. */
  constructor(
    context: Pick<ScanContext, 'settings' | 'statistics' | 'sourceId' | 'writer'>,
    scan: Scan,
    repeats: boolean,
  ) {
    this.#context = context
    this.#scan = scan
    this.#batches = repeats ? new Set() : undefined
  }

  /**
   * Counts `count` bad records, the first of them at `offset`, and sends one frame for them if the query wants it.
   * Throws BadRecordError when it may not pass over bad records.
   */
  add(partition: number, offset: number, timestamp: number, count: number): void {
    const { settings, statistics, sourceId, writer } = this.#context
    const { table } = this.#scan
    statistics.badRecords += count
    // A query that asks which records are bad gets them as rows.
    if (this.#scan.badRecords === true) {
      statistics.badAsRows += count
      return
    }
    if (!settings['skip.bad.records']) throw badRecordError(table, partition, offset)
    if (settings['show.bad.records']) writer.bad({ offset, partition, timestamp, table: table.name, sourceId })
  }

  /**
   * A record that can be read, and whose row makes too large a frame: it is told as a bad record, with its size, and the
   * result goes on. Throws when the query may not pass over bad records.
   */
  addTooLarge({ partition, offset, bytes, max }: LargeRecord): void {
    const { settings, statistics, sourceId, writer } = this.#context
    const { table } = this.#scan
    if (!settings['skip.bad.records'])
      throw tooLargeError(`The record at offset ${offset} of partition ${partition} of ${table.topic}`, bytes, max)
    statistics.badRecords++
    if (!settings['show.bad.records']) return
    const size = { frameBytes: bytes, limit: max.name }
    writer.bad({ offset, partition, timestamp: -1, table: table.name, sourceId, ...size })
  }

  /** `ranges`: all that the scan is to read, whoever reads what of it. */
  setRanges(ranges: readonly OffsetRange[]): void {
    this.#ranges = Map.groupBy(mergeRanges(ranges), (r) => r.partition)
  }

  /**
   * A batch that cannot be walked from record `index` on: its records are counted, and its place is reported once. Where
   * bad records are rows, gives the one row for all of them, whose record the program counts when it comes to it.
   * Throws as `add`.
   *
   * A batch that lies across a seam of what is read in two places, by one thread or by two, is met in both, and belongs
   * to the place of its first bad record that the query wants. Which offsets such records have is not known; they are
   * taken to lie side by side.
   */
  addRestOf(batch: RecordBatch, index: number, why: string): BadRow | undefined {
    const { partition, baseOffset, lastOffset, rangeStart, rangeEnd } = batch
    const wanted = this.#ranges.get(partition)?.find((r) => r.start <= rangeStart && rangeStart < r.end)
    const first = Math.max(baseOffset + index, wanted?.start ?? rangeStart)
    const end = Math.min(lastOffset + 1, wanted?.end ?? rangeEnd)
    if (this.#batches === undefined ? first < rangeStart || first >= rangeEnd : this.#isRepeated(batch))
      return undefined
    const dense = batch.count === lastOffset - baseOffset + 1
    const count = Math.max(1, dense ? end - first : batch.count - index)
    const offset = Math.max(first, rangeStart)
    if (this.#scan.badRecords !== true) {
      this.add(partition, offset, batch.maxTimestamp, count)
      return undefined
    }
    const { statistics } = this.#context
    statistics.badRecords += count - 1
    statistics.badAsRows += count - 1
    return { offset, why: count === 1 ? why : `${why} (${count} records)` }
  }

  /** Was this batch met before? A scan that reads backwards meets some twice, and its end first. */
  #isRepeated({ partition, baseOffset }: RecordBatch): boolean {
    if (this.#batches === undefined) return false
    const place = `${partition} ${baseOffset}`
    if (this.#batches.has(place)) return true
    this.#batches.add(place)
    return false
  }
}

/** A batch of one record without key and value, in place of what cannot be read from `offset` on. */
export function standIn(batch: RecordBatch, offset: number): RecordBatch {
  const { partition, maxTimestamp } = batch
  const buffer = writeRecordBatch([{ key: null, value: null }], { baseOffset: offset })
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  const place = {
    partition,
    buffer,
    view,
    from: AT.records,
    to: buffer.length,
    count: 1,
    baseOffset: offset,
    lastOffset: offset,
  }
  const range = { rangeStart: offset, rangeEnd: offset + 1, clipped: false, fault: undefined }
  return { ...place, ...range, baseTimestamp: maxTimestamp, maxTimestamp, logAppendTime: batch.logAppendTime }
}

/** The first bad record under `skip.bad.records = false`; its message names the record already. */
export class BadRecordError extends SqlError {}

/** `partition`, `offset`: the record's. */
function badRecordError(table: Table, partition: number, offset: number): SqlError {
  return new BadRecordError(
    'VALUE',
    `The record at offset ${offset} of partition ${partition} of ${table.name} cannot be read as ${table.value.format} (skip.bad.records = false).`,
    undefined,
    'SET skip.bad.records = true passes over such records and counts them; SELECT * … WHERE _bad shows them, and why.',
  )
}
