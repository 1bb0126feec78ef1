/** A batch whose header was opened, as a reader would hand it out when all of it is wanted. */
import type { RecordBatch } from '../../src/kafka/log.ts'
import type { BatchHeader } from '../../src/kafka/read/record-batch.ts'

/**
 * `plain`: where the records stand, once they are decompressed; for a batch that is not compressed, its own bytes and
 * the header's `from` and `to`.
 */
export function wholeBatch(
  header: BatchHeader,
  plain: Pick<RecordBatch, 'buffer' | 'view' | 'from' | 'to'>,
  partition = 0,
): RecordBatch {
  const { buffer, view, from, to } = plain
  const { baseOffset, lastOffset, baseTimestamp, maxTimestamp, logAppendTime, count } = header
  return {
    partition,
    buffer,
    view,
    from,
    to,
    count,
    baseOffset,
    lastOffset,
    baseTimestamp,
    maxTimestamp,
    logAppendTime,
    rangeStart: 0,
    rangeEnd: Number.MAX_SAFE_INTEGER,
    clipped: false,
    fault: undefined,
  }
}
