/** Records that cannot be read: the error that ends a query at the first of them, and what stands for them where they are rows. */
import type { RecordBatch } from '../../kafka/log.ts'
import { AT, writeRecordBatch } from '../../kafka/read/record-batch.ts'
import type { Table } from '../../plan/catalog.ts'
import { SqlError } from '../../sql/error.ts'

/** Of a batch whose records cannot be walked to the end. */
export const DAMAGED = 'a record of the batch is damaged, and nothing behind it can be told apart'

/** A batch of one record without key and value, in place of what cannot be read from `offset` on. */
export function standIn(batch: RecordBatch, offset: number): RecordBatch {
  const { partition, maxTimestamp } = batch
  const buffer = writeRecordBatch([{ key: null, value: null }], { baseOffset: offset })
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  const place = { partition, buffer, view, from: AT.records, to: buffer.length, count: 1, baseOffset: offset, lastOffset: offset }
  const range = { rangeStart: offset, rangeEnd: offset + 1, clipped: false, fault: undefined }
  return { ...place, ...range, baseTimestamp: maxTimestamp, maxTimestamp, logAppendTime: batch.logAppendTime }
}

/** The first bad record under `skip.bad.records = false`; it names the record already. */
export class BadRecordError extends SqlError {}

/** `partition`, `offset`: the record's. */
export function badRecordError(table: Table, partition: number, offset: number): SqlError {
  return new BadRecordError(
    'VALUE',
    `The record at offset ${offset} of partition ${partition} of ${table.name} cannot be read as ${table.value.format} (skip.bad.records = false).`,
    undefined,
    'SET skip.bad.records = true passes over such records and counts them; SELECT * … WHERE _bad shows them, and why.',
  )
}
