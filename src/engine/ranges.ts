/** Which offsets of which partitions a scan reads: bounds from Kafka, narrowed by what was pushed down. The only place that turns conditions into positions. */
import type { Isolation, KafkaLog, OffsetRange } from '../kafka/log.ts'
import type { Scan } from '../plan/plan.ts'
import { offsetIntervals, timestampBounds } from '../plan/pushdown.ts'

export interface ScanRanges {
  /** What will be read: ascending and disjoint within a partition. */
  readonly ranges: readonly OffsetRange[]
  /** Start and end (exclusive) of every partition that was asked for, as captured. */
  readonly bounds: readonly OffsetRange[]
  /** Partitions of the topic that need not be looked at. */
  readonly skippedPartitions: readonly number[]
  /** No record older than this is wanted (epoch ms). */
  readonly minTimestampMs: number | undefined
}

export interface RangeOptions {
  readonly isolation: Isolation
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export async function resolveRanges(scan: Scan, log: KafkaLog, options: RangeOptions): Promise<ScanRanges> {
  const { table, pushed, keyPartition } = scan
  const anywhere = { start: 0, end: Number.POSITIVE_INFINITY }
  const possible = table.partitions.filter(
    (p) => (keyPartition === undefined || keyPartition.partition === p) && offsetIntervals(pushed, p, anywhere).length > 0,
  )
  const skippedPartitions = table.partitions.filter((p) => !possible.includes(p))
  if (possible.length === 0) return { ranges: [], bounds: [], skippedPartitions, minTimestampMs: undefined }
  const time = pushed === undefined ? undefined : timestampBounds(pushed)
  const bounds = await log.bounds(table.topic, possible, options)
  const narrowed = time === undefined ? bounds : await narrowByTime(scan, log, bounds, time, options)
  const ranges = narrowed.flatMap((b) => {
    const captured = bounds.find((x) => x.partition === b.partition) ?? b
    // LAST_OFFSET() is the end of the partition, not of the narrowed range.
    return offsetIntervals(pushed, b.partition, { start: captured.start, end: captured.end })
      .map((i) => ({ partition: b.partition, start: Math.max(i.start, b.start), end: Math.min(i.end, b.end) }))
      .filter((r) => r.start < r.end)
  })
  const min = time !== undefined && Number.isFinite(time.min) ? time.min : undefined
  return { ranges, bounds, skippedPartitions, minTimestampMs: min }
}

/** A lower time bound always moves the start; an upper one moves the end only where the broker sets the timestamps, so that they are in order. */
async function narrowByTime(
  scan: Scan,
  log: KafkaLog,
  bounds: readonly OffsetRange[],
  time: { min: number; max: number },
  options: RangeOptions,
): Promise<OffsetRange[]> {
  const partitions = bounds.map((b) => b.partition)
  const at = (ms: number): Promise<(number | undefined)[]> => log.offsetsForTime(scan.table.topic, partitions, ms, options)
  const starts = Number.isFinite(time.min) && time.min > 0 ? await at(Math.ceil(time.min)) : undefined
  const ends = scan.table.timestampType === 'LogAppendTime' && Number.isFinite(time.max) ? await at(Math.max(0, Math.floor(time.max) + 1)) : undefined
  return bounds.map((b, i) => ({
    partition: b.partition,
    start: starts === undefined ? b.start : Math.max(b.start, starts[i] ?? b.end),
    end: ends === undefined ? b.end : Math.min(b.end, ends[i] ?? b.end),
  }))
}
