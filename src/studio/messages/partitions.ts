/** How far each partition was read, of what STATS says. Pure. */
import type { Stats } from '../../protocol/frames.ts'

export interface PartitionProgress {
  readonly topic: string
  readonly partition: number
  readonly begin: number
  /** The last offset read; below `begin` where nothing was. */
  readonly at: number
  readonly last: number
  readonly records: number
  readonly bytes: number
  /** From 0 to 1. */
  readonly share: number
}

/** By topic and number. */
export function partitionsOf(stats: Stats | undefined): readonly PartitionProgress[] {
  if (stats === undefined) return []
  return Object.entries(stats.sourcesStats)
    .flatMap(([source, partitions]) =>
      Object.entries(partitions).map(([partition, { begin, end, offsetBound, recordsScanned, bytesRead }]) => {
        const whole = Math.max(0, offsetBound + 1 - begin)
        const read = Math.max(0, Math.min(end, offsetBound) + 1 - begin)
        return {
          topic: stats.sources[source] ?? source,
          partition: Number(partition),
          begin,
          at: end,
          last: offsetBound,
          records: recordsScanned,
          bytes: bytesRead,
          share: whole === 0 ? 1 : read / whole,
        }
      }),
    )
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

/** `12 s`, `3 min 20 s`; of seconds. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
