/**
 * Which offsets of which partitions a scan reads: bounds from Kafka, narrowed by what was pushed down. The only place
 * that turns conditions into positions.
 */
import type { Follow, Isolation, KafkaLog, OffsetRange } from '../../kafka/log.ts'
import type { Scan } from '../../plan/plan.ts'
import { offsetIntervals, timestampBounds } from '../../plan/pushdown.ts'

/** The offsets that a scan reads, captured at its start. */
export interface ScanRanges {
  /** What will be read: ascending and disjoint within a partition. */
  readonly ranges: readonly OffsetRange[]
  /** Start and end (exclusive) of every partition that was asked for, as captured. */
  readonly bounds: readonly OffsetRange[]
  /** Partitions of the topic that need not be looked at. */
  readonly skippedPartitions: readonly number[]
  /** No record older than this is wanted (epoch ms). */
  readonly minTimestampMs: number | undefined
  /** Of a scan that goes on with what comes. */
  readonly follow?: Follow
}

export interface RangeOptions {
  readonly isolation: Isolation
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/**
 * Asks the cluster for the bounds of the partitions and narrows them by the pushed-down conditions of the scan. Rejects
 * with a KafkaError, also when `timeoutMs` has passed.
 */
export async function resolveRanges(scan: Scan, log: KafkaLog, options: RangeOptions): Promise<ScanRanges> {
  const { table, pushed, keyPartition } = scan
  const anywhere = { start: 0, end: Number.POSITIVE_INFINITY }
  const possible = table.partitions.filter(
    (p) =>
      (keyPartition === undefined || keyPartition.partition === p) && offsetIntervals(pushed, p, anywhere).length > 0,
  )
  const isPossible = new Set(possible)
  const skippedPartitions = table.partitions.filter((p) => !isPossible.has(p))
  if (possible.length === 0) return { ranges: [], bounds: [], skippedPartitions, minTimestampMs: undefined }
  const time = pushed === undefined ? undefined : timestampBounds(pushed)
  const min = time !== undefined && usable(time.min) ? time.min : undefined
  const bounds =
    scan.captured?.bounds?.filter((b) => isPossible.has(b.partition)) ??
    (await log.bounds(table.topic, possible, options))
  const narrowed = time === undefined ? bounds : await narrowByTime(scan, log, bounds, time, options)
  if (scan.follow === true) {
    const said = time !== undefined && Number.isFinite(time.min)
    const from = new Map(narrowed.map((b) => [b.partition, said ? b.start : undefined]))
    const open = bounds.flatMap((b) => openRanges(scan, b, from.get(b.partition)))
    return { ranges: open, bounds, skippedPartitions, minTimestampMs: min, follow: newPartitions(scan) }
  }
  const capturedOf = new Map(bounds.map((b) => [b.partition, b]))
  const ranges = narrowed.flatMap((b) => {
    const captured = capturedOf.get(b.partition) ?? b
    // LAST_OFFSET() is the end of the partition, not of the narrowed range.
    return offsetIntervals(pushed, b.partition, { start: captured.start, end: captured.end })
      .map((i) => ({ partition: b.partition, start: Math.max(i.start, b.start), end: Math.min(i.end, b.end) }))
      .filter((r) => r.start < r.end)
  })
  return { ranges, bounds, skippedPartitions, minTimestampMs: min }
}

/**
 * What a scan that goes on with what comes reads of one partition. `from`: where a condition on the time says that it
 * begins. A condition on the offset says so where it has a lower bound; without either it begins at the end.
 */
function openRanges({ pushed }: Pick<Scan, 'pushed'>, bounds: OffsetRange, from: number | undefined): OffsetRange[] {
  const { partition } = bounds
  const wanted = offsetIntervals(pushed, partition, EVERYWHERE, bounds.end - 1)
  const first = from ?? (Number.isFinite(wanted[0]?.start) ? bounds.start : bounds.end)
  return wanted
    .map(({ start, end }) => ({ partition, start: Math.max(start, first), end }))
    .filter((r) => r.start < r.end)
}

/** Everything in a partition that was not there at the start has come since. */
function newPartitions({ pushed, keyPartition, table }: Scan): Follow {
  return {
    firstNew: Math.max(-1, ...table.partitions) + 1,
    rangesOf: (partition) =>
      keyPartition === undefined ? openRanges({ pushed }, { partition, start: 0, end: 0 }, 0) : [],
  }
}

const EVERYWHERE = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }

/** Times that a broker can be asked for, digit by digit. Beyond them the condition alone decides. */
function usable(ms: number): boolean {
  return ms > 0 && ms <= Number.MAX_SAFE_INTEGER
}

/**
 * A lower time bound moves the start: before the first offset with that time or a later one every record is older. An
 * upper one moves nothing. The broker's timestamps of LogAppendTime are in order, but each batch is of the type that
 * its topic had when it was written, and nobody can say of a whole range that the type never changed.
 */
async function narrowByTime(
  scan: Scan,
  log: KafkaLog,
  bounds: readonly OffsetRange[],
  time: { min: number },
  options: RangeOptions,
): Promise<OffsetRange[]> {
  const partitions = bounds.map((b) => b.partition)
  const at = (ms: number): Promise<(number | undefined)[]> =>
    log.offsetsForTime(scan.table.topic, partitions, ms, options)
  const starts = usable(time.min) ? await at(Math.ceil(time.min)) : undefined
  return bounds.map((b, i) => ({
    partition: b.partition,
    start: starts === undefined ? b.start : Math.max(b.start, starts[i] ?? b.end),
    end: b.end,
  }))
}
