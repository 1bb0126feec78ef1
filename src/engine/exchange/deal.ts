/** Ranges of offsets → shares for several readers, about equal in offsets. Plain arithmetic. */
import type { OffsetRange } from '../../kafka/log.ts'

/** Not a limit: shares that ranges are dealt into, whatever is asked for; as many as a server has threads at most. */
const MOST_SHARES = 256

/**
 * At most `readers` shares, none empty, in order of partition and offset. `divisible`: one partition may be read in
 * several places; otherwise each partition belongs to one share whole.
 */
export function deal(ranges: readonly OffsetRange[], readers: number, divisible: boolean): OffsetRange[][] {
  const most = Math.min(readers, MOST_SHARES)
  const shares = divisible ? cut(ranges, most) : byPartition(ranges, most)
  return shares.filter((share) => share.length > 0)
}

function cut(ranges: readonly OffsetRange[], readers: number): OffsetRange[][] {
  const total = offsetsOf(ranges)
  const shares: OffsetRange[][] = Array.from({ length: readers }, () => [])
  let dealt = 0
  for (const range of ranges) {
    let { start } = range
    while (start < range.end) {
      const reader = Math.min(readers - 1, Math.floor((dealt * readers) / total))
      const until = reader === readers - 1 ? total : Math.ceil(((reader + 1) * total) / readers)
      const end = Math.min(range.end, start + Math.max(1, until - dealt))
      shares[reader].push({ ...range, start, end })
      dealt += end - start
      start = end
    }
  }
  return shares
}

/** The largest partition first, each to the reader that has the least. */
function byPartition(ranges: readonly OffsetRange[], readers: number): OffsetRange[][] {
  const partitions = new Map<number, OffsetRange[]>()
  for (const range of ranges) partitions.set(range.partition, [...(partitions.get(range.partition) ?? []), range])
  const shares = Array.from({ length: readers }, () => ({ ranges: [] as OffsetRange[], offsets: 0 }))
  for (const part of [...partitions.values()].sort((a, b) => offsetsOf(b) - offsetsOf(a))) {
    const least = shares.reduce((a, b) => (b.offsets < a.offsets ? b : a))
    least.ranges.push(...part)
    least.offsets += offsetsOf(part)
  }
  return shares.map((share) => share.ranges.sort((a, b) => a.partition - b.partition || a.start - b.start))
}

export function offsetsOf(ranges: readonly OffsetRange[]): number {
  return ranges.reduce((n, { start, end }) => n + end - start, 0)
}
