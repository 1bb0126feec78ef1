/** The changes in a batch of the state topic. */
import type { RecordBatch } from '../../kafka/log.ts'
import { readRecords } from '../../kafka/read/record-batch.ts'
import { WireError } from '../../kafka/wire/primitives.ts'
import { type Entry, entryOf } from './entry.ts'

/** Each change with its offset, in order; `other` is told of what says nothing of an object. */
export function* changesOf(
  batch: RecordBatch,
  other: (offset: number, reason: string) => void,
): Generator<readonly [Entry, number]> {
  if (batch.fault !== undefined) return other(batch.baseOffset, batch.fault)
  try {
    for (const record of readRecords(batch)) {
      const entry = entryOf(record)
      if (typeof entry === 'string') other(record.offset, entry)
      else yield [entry, record.offset]
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    other(batch.baseOffset, error.message)
  }
}
