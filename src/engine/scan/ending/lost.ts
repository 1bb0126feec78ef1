/** Offsets that were deleted before they were read, as a client is told of them. */
import type { OffsetRange } from '../../../kafka/log.ts'
import type { SentinelReason } from '../../../protocol/frames.ts'

/** Places of lost records that a SENTINEL names. */
const LOST_SHOWN = 20

/** How many they are. */
export function offsetsIn(ranges: readonly OffsetRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0)
}

/** Names some of the places. */
export function lostReason(
  ranges: readonly OffsetRange[],
  of: { readonly source: string; readonly sourceId: string },
): SentinelReason {
  const places = ranges.slice(0, LOST_SHOWN).map((r) => `partition ${r.partition}, offsets ${r.start} to ${r.end - 1}`)
  const more = ranges.length > LOST_SHOWN ? `, and ${ranges.length - LOST_SHOWN} more` : ''
  return { type: 'LOST', ...of, amount: offsetsIn(ranges), places: places.join('; ') + more }
}
