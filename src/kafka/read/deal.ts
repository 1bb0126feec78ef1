/** How the ranges of one broker are dealt out to connections. Plain arithmetic; does no I/O. */
import type { TopicMetadata } from '../answers.ts'
import { ERROR } from '../errors.ts'
import { KafkaError, type OffsetRange, type ScanRequest } from '../log.ts'

/** Two connections on one thread beat one: the broker fills one while we work on the other's answer. */
export const LANES_PER_BROKER = 2
/** Fewer offsets than this on a broker are read over one connection. */
const SECOND_LANE_OFFSETS = 20_000

/** The ranges by the broker that leads their partitions. Throws a KafkaError for a partition that is not there. */
export function byLeader(
  ranges: readonly OffsetRange[],
  topic: Pick<TopicMetadata, 'name' | 'partitions'>,
): Map<number, OffsetRange[]> {
  const leaders = new Map(topic.partitions.map(({ partition, leader }) => [partition, leader]))
  return Map.groupBy(ranges, ({ partition }) => {
    const leader = leaders.get(partition)
    if (leader !== undefined) return leader
    const why = `Topic "${topic.name}" has no partition ${partition}`
    throw new KafkaError(ERROR.unknownTopicOrPartition, 'UNKNOWN_TOPIC_OR_PARTITION', why, false)
  })
}

/**
 * Whether ranges are one range of one partition, long enough for two connections and to be delivered in order: then it
 * is read in stripes.
 */
export function striped(ranges: readonly OffsetRange[], request: Pick<ScanRequest, 'limit' | 'unordered'>): boolean {
  return (
    ranges.length === 1 &&
    !request.unordered &&
    request.limit === undefined &&
    ranges[0].end - ranges[0].start >= SECOND_LANE_OFFSETS
  )
}

/**
 * Into one or two hands of about the same number of offsets, each by partition. A partition stays whole unless order
 * does not matter.
 */
export function deal(
  ranges: readonly OffsetRange[],
  request: Pick<ScanRequest, 'limit' | 'unordered'>,
): Map<number, OffsetRange[]>[] {
  const total = ranges.reduce((sum, range) => sum + range.end - range.start, 0)
  const partitions = [...Map.groupBy(ranges, (range) => range.partition).values()]
  const single =
    total < SECOND_LANE_OFFSETS || request.limit !== undefined || (partitions.length === 1 && !request.unordered)
  const hands: OffsetRange[][] = Array.from({ length: single ? 1 : LANES_PER_BROKER }, () => [])
  if (single) hands[0].push(...ranges)
  else if (request.unordered) cut(ranges, total / 2, hands)
  else {
    const sizes = hands.map(() => 0)
    const sized = partitions
      .map((list) => ({ list, size: list.reduce((sum, range) => sum + range.end - range.start, 0) }))
      .sort((a, b) => b.size - a.size)
    for (const { list, size } of sized) {
      const least = sizes.indexOf(Math.min(...sizes))
      sizes[least] += size
      hands[least].push(...list)
    }
  }
  return hands.filter((hand) => hand.length > 0).map((hand) => Map.groupBy(hand, (range) => range.partition))
}

/** Deals ranges into two hands at `half` offsets, in the middle of a range if need be. */
function cut(ranges: readonly OffsetRange[], half: number, hands: OffsetRange[][]): void {
  let dealt = 0
  for (const range of ranges) {
    const middle = range.start + Math.floor(half - dealt)
    dealt += range.end - range.start
    if (middle >= range.end) hands[0].push(range)
    else if (middle <= range.start) hands[1].push(range)
    else {
      hands[0].push({ ...range, end: middle })
      hands[1].push({ ...range, start: middle })
    }
  }
}
