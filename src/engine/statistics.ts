/** Counts of one request, over all its statements, in the shape of a STATS frame. */
import { there } from '../lib/assert.ts'
import { systemClock } from '../lib/clock.ts'
import type { OffsetRange, PartitionProgress } from '../kafka/log.ts'
import type { Scan } from '../plan/plan.ts'
import type { Settings } from '../plan/settings.ts'
import type { Stats } from '../protocol/frames.ts'

/**
 * Limit `stats.max.partitions` (partitions): those that one STATS lists, of all sources together. Beyond it: those that
 * are being read come first, and `sourcesRest` says what the others come to.
 */
export const STATS_PARTITIONS = 1000

interface Source {
  readonly id: string
  readonly table: string
  readonly config: Readonly<Record<string, number | boolean | string>>
  progress: readonly PartitionProgress[]
  /** Of the batch that the scan stopped in: what it did not come to. */
  rest: OffsetRange | undefined
  /** What `_key = literal` left of the partitions. */
  readonly pruned: Scan['keyPartition']
  /** Records looked at, by partition. */
  readonly scanned: Map<number, number>
  /** Another engine read the records and counts them; some of them come here. */
  readonly elsewhere: boolean
}

/** The settings that STATS shows for each source, in this order. */
const SHOWN = [
  'live.aggs',
  'max.idle.time',
  'format.timestamp',
  'show.bad.records',
  'kafka.offset.timeout',
  'max.query.time',
  'max.size',
  'isolation.level',
] as const

/**
 * Counts what one query has read and sent, by source and partition; a snapshot of it is the content of a STATS frame.
 */
export class Statistics {
  readonly id: string
  readonly startedAt: number
  readonly #started = systemClock.monotonic()
  readonly #sources: Source[] = []
  badRecords = 0
  /** Those of them that a query asked for, and had as rows. */
  badAsRows = 0
  results = 0
  /** Rows that came for a window of time that had closed. */
  late = 0
  /** Records that Kafka has taken, and those of which it has not said so yet. */
  written = 0
  sending = 0

  constructor(id: string, startedAt: number) {
    this.id = id
    this.startedAt = startedAt
  }

  addSource(id: string, { table, keyPartition, foreign }: Scan, settings: Settings): Source {
    const config = Object.fromEntries(SHOWN.map((name) => [name, shown(settings[name])]))
    const source: Source = {
      id,
      table: table.name,
      config,
      progress: [],
      rest: undefined,
      pruned: keyPartition,
      scanned: new Map(),
      elsewhere: foreign !== undefined,
    }
    this.#sources.push(source)
    return source
  }

  /** How many sources there are, for `forgetSources`. */
  get sources(): number {
    return this.#sources.length
  }

  /** Of work that is done anew: the sources beyond the first `kept` did not count. */
  forgetSources(kept: number): void {
    this.#sources.length = kept
  }

  /** What one source has read so far, by all threads. */
  read(id: string): {
    readonly topic: string
    readonly partitions: number
    readonly records: number
    readonly bytes: number
  } {
    const source = there(
      this.#sources.find((one) => one.id === id),
      'a source that was added',
    )
    return {
      topic: source.table,
      partitions: new Set(source.progress.map(({ partition }) => partition)).size,
      records: [...source.scanned.values()].reduce((sum, count) => sum + count, 0),
      bytes: source.progress.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    }
  }

  get durationMs(): number {
    return systemClock.monotonic() - this.#started
  }
  get bytesRead(): number {
    return this.#sources.reduce((n, s) => n + s.progress.reduce((m, p) => m + p.bytesRead, 0), 0)
  }
  get recordsScanned(): number {
    return this.#sources
      .filter(({ elsewhere }) => !elsewhere)
      .reduce((n, s) => n + [...s.scanned.values()].reduce((a, b) => a + b, 0), 0)
  }
  get lost(): number {
    return this.#sources.reduce((n, s) => n + s.progress.reduce((m, p) => m + p.lost, 0), 0)
  }

  /** Offsets as the specification prints them: `offsetBound` and `end` are the last offset, inclusive. */
  snapshot(): Stats {
    const pruned = this.#sources.flatMap(({ id, pruned: key }) =>
      key === undefined
        ? []
        : [[id, { partition: key.partition, key: key.text, proof: 'optimize.kafka.partition' }] as const],
    )
    const most = Math.max(1, Math.floor(STATS_PARTITIONS / Math.max(1, this.#sources.length)))
    const parts = this.#sources.map((s) => [s.id, partitions(s, most)] as const)
    const rest = parts.flatMap(([id, { rest: left }]) => (left === undefined ? [] : [[id, left] as const]))
    return {
      id: this.id,
      bytesRead: this.bytesRead,
      sources: Object.fromEntries(this.#sources.map((s) => [s.id, s.table])),
      sourceConfigs: Object.fromEntries(this.#sources.map((s) => [s.id, s.config])),
      sourcesStats: Object.fromEntries(parts.map(([id, { listed }]) => [id, listed])),
      ...(rest.length === 0 ? {} : { sourcesRest: Object.fromEntries(rest) }),
      ...(pruned.length === 0 ? {} : { sourcesPruned: Object.fromEntries(pruned) }),
      badRecordsTotal: this.badRecords,
      recordsSkipped: this.lost,
      ...(this.late === 0 ? {} : { recordsLate: this.late }),
      results: this.results,
      recordsScanned: this.recordsScanned,
      duration: Math.round(this.durationMs),
      startedAt: this.startedAt,
    }
  }
}

/** A limit that does not hold has no number. */
function shown(value: number | boolean | string | undefined): number | boolean | string {
  return value === undefined || value === Number.POSITIVE_INFINITY ? '' : value
}

/** The counters of one source (a scan) of a query. */
export type StatisticsSource = Source

type Counted = Stats['sourcesStats'][string][string]
type Rest = NonNullable<Stats['sourcesRest']>[string]

/** The partitions of a source, at most `most` of them; and what the others come to. */
function partitions(s: Source, most: number): { readonly listed: Record<string, Counted>; readonly rest?: Rest } {
  const all = [...Map.groupBy(s.progress, (p) => p.partition)]
  if (all.length <= most)
    return { listed: Object.fromEntries(all.map(([partition, parts]) => [partition, counted(s, partition, parts)])) }
  const listed: Record<string, Counted> = {}
  let room = most
  const take = (wanted: (parts: readonly PartitionProgress[]) => boolean): void => {
    for (const [partition, parts] of all) {
      if (room === 0) return
      if (Object.hasOwn(listed, partition) || !wanted(parts)) continue
      listed[partition] = counted(s, partition, parts)
      room--
    }
  }
  take((parts) => parts.some((p) => !p.complete && p.position > p.begin))
  take(() => true)
  const rest = { partitions: 0, done: 0, offsets: 0, offsetsRead: 0, bytesRead: 0, recordsScanned: 0 }
  for (const [partition, parts] of all) {
    if (Object.hasOwn(listed, partition)) continue
    const { begin, offsetBound, end, bytesRead, recordsScanned } = counted(s, partition, parts)
    rest.partitions++
    if (end >= offsetBound) rest.done++
    rest.offsets += Math.max(0, offsetBound + 1 - begin)
    rest.offsetsRead += Math.max(0, Math.min(end, offsetBound) + 1 - begin)
    rest.bytesRead += bytesRead
    rest.recordsScanned += recordsScanned
  }
  return { listed, rest }
}

/** Several ranges of one partition are shown as one, from the first to the last, and up to the first unread offset. */
function counted(s: Source, partition: number, parts: readonly PartitionProgress[]): Counted {
  const open = parts.filter((p) => !p.complete).map((p) => p.position)
  if (s.rest?.partition === partition) open.push(s.rest.start)
  return {
    begin: Math.min(...parts.map((p) => p.begin)),
    offsetBound: Math.max(-1, ...parts.map((p) => p.end - 1)),
    bytesRead: parts.reduce((sum, p) => sum + p.bytesRead, 0),
    recordsScanned: s.elsewhere ? 0 : (s.scanned.get(partition) ?? 0),
    end: Math.max(-1, (open.length === 0 ? Math.max(...parts.map((p) => p.position)) : Math.min(...open)) - 1),
  }
}
