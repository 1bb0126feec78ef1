/**
 * A scan that several threads read: whether it is worth while, which share this thread reads, and how it ends together.
 * The helpers themselves are the business of `exchange/leader`.
 */
import type { OffsetRange, PartitionProgress } from '../../kafka/log.ts'
import { systemClock } from '../../lib/clock.ts'
import type { SentinelReason } from '../../protocol/frames.ts'
import { deal, offsetsOf } from '../exchange/deal.ts'
import type { ExchangePort } from '../exchange/port.ts'
import { Leader, shareOf } from '../exchange/leader.ts'
import type { ShareProgress } from '../exchange/messages.ts'
import type { StatisticsSource } from '../statistics.ts'
import type { LiveResults } from './live.ts'
import type { SizeLimit } from './ending/size-limit.ts'
import type { Thresholds } from './ending/thresholds.ts'
import type { Unread } from './ending/unread.ts'
import type { Pauses } from './pauses.ts'
import type { ScanRanges } from './ranges.ts'
import type { ScanContext, ScanSource } from './scan-context.ts'
import type { StatsFrames } from './stats-frames.ts'

/** How long a scan is read by one thread before it is looked at whether others are to help. */
const ALONE_MS = 50
/** What is left is so many times what has been read, where it is worth while to have others help. */
const WORTH_TIMES = 2
/**
 * A scan that one thread ends within this time is left to it: a second one has to begin, and its state to be merged, and
 * meanwhile takes what the broker and decompression use of the cores.
 */
const WORTH_MS = 400
/** The part of the records that become rows, up to which rows of one partition in order are looked for by several. */
const FEW = 0.02
/** Not a limit: threads that read one scan where the statement does not say how many. */
const MOST_READERS = 8

/** The parts of the scan that take part in it. */
interface Parts {
  readonly size: SizeLimit
  readonly unread: Unread
  readonly thresholds: Thresholds
  readonly pauses: Pauses
  readonly stats: StatsFrames
  readonly live: LiveResults
  /** Reads some ranges on this thread. Gives the reason if it was stopped. */
  read(ranges: readonly OffsetRange[], minTimestampMs: number | undefined): Promise<SentinelReason | undefined>
}

/** How one scan is shared. */
export class Sharing {
  readonly #from: ScanSource
  readonly #context: ScanContext
  readonly #statistics: StatisticsSource
  readonly #parts: Parts
  /** While other threads read shares of the scan. */
  #leader: Leader | undefined
  /** Offsets that are to be read in all. */
  #offsets = 0
  /** Set while this thread reads alone: when it asks for others that help. */
  #aloneUntilMs = Number.POSITIVE_INFINITY
  #begunMs = 0
  /** Shares are parts of one partition, and their rows come in its order. */
  #inOrder = false
  /** Those that have come: the reading alone ends for them. */
  #ports: readonly ExchangePort[] = []

  constructor(from: ScanSource, context: ScanContext, statistics: StatisticsSource, parts: Parts) {
    this.#from = from
    this.#context = context
    this.#statistics = statistics
    this.#parts = parts
  }

  /** Whether this thread's reading ends between two batches: what it has not read is read elsewhere, or left unread. */
  get halted(): boolean {
    if (this.#leader?.stopping === true || this.#context.halted?.() === true) return true
    return this.#ports.length > 0
  }

  /** Whether other threads have sent something that `take` is to look at. */
  get hasNews(): boolean {
    return this.#leader?.hasNews === true
  }

  /** Takes what other threads have found; between two batches. */
  async take(): Promise<void> {
    await this.#leader?.take()
  }

  /** Reads ranges, alone, or with other threads where the statement or what is left to read asks for them. */
  async read({ ranges, bounds, minTimestampMs }: ScanRanges): Promise<SentinelReason | undefined> {
    const { read, unread } = this.#parts
    const { helpers } = this.#context
    this.#inOrder = this.#filtersOne(ranges)
    if (helpers === undefined || helpers.readers === 1 || !this.#possible || this.#shares(ranges, 2).length < 2)
      return read(ranges, minTimestampMs)
    if (helpers.readers !== 'auto') {
      const ports = await helpers.ask(this.#shares(ranges, helpers.readers).length - 1, 'any')
      return this.#lead(ranges, { ranges, bounds, minTimestampMs }, ports)
    }
    this.#begunMs = systemClock.monotonic()
    this.#aloneUntilMs = this.#begunMs + (helpers.aloneMs ?? ALONE_MS)
    this.#offsets = offsetsOf(ranges)
    try {
      const stopped = await read(ranges, minTimestampMs)
      const ports = this.#ports
      if (ports.length === 0 || stopped !== undefined || this.#from.done || !unread.any) return stopped
      this.#ports = []
      return await this.#lead(unread.takeAll(), { ranges, bounds, minTimestampMs }, ports)
    } finally {
      this.#aloneUntilMs = Number.POSITIVE_INFINITY
      for (const port of this.#ports) port.close()
    }
  }

  /** Whether this thread has read alone for long enough: then `seek` is due. */
  get alone(): boolean {
    return systemClock.monotonic() >= this.#aloneUntilMs
  }

  /** Asks for other threads, if so much is left that they are worth it; between two batches. */
  async seek(): Promise<void> {
    this.#aloneUntilMs = Number.POSITIVE_INFINITY
    const rest = this.#parts.unread.ranges
    const left = offsetsOf(rest)
    const most = this.#shares(rest, MOST_READERS).length - 1
    const isWorth = left >= WORTH_TIMES * (this.#offsets - left) && this.#takesLong(left)
    if (most > 0 && isWorth && (!this.#inOrder || this.#keepsLittle))
      this.#ports = (await this.#context.helpers?.ask(most, 'idle')) ?? []
  }

  /** As far as can be told from what has been read; tests that say how long to read alone do not wait for that. */
  #takesLong(left: number): boolean {
    if (this.#context.helpers?.aloneMs !== undefined) return true
    const read = this.#offsets - left
    return read > 0 && ((systemClock.monotonic() - this.#begunMs) * left) / read >= WORTH_MS
  }

  /** Whether the scan, as it is, can be read in shares. A few rows, or headers, are not worth it. */
  get #possible(): boolean {
    const { limit, headersOnly, backward } = this.#from.scan
    return limit === undefined && headersOnly !== true && backward === undefined
  }

  #shares(ranges: readonly OffsetRange[], readers: number): OffsetRange[][] {
    return deal(ranges, readers, this.#from.scan.unordered === true || this.#inOrder)
  }

  /**
   * One partition whose rows come in order, and a filter: what other threads find behind this thread's share can wait,
   * as far as it is little.
   */
  #filtersOne(ranges: readonly OffsetRange[]): boolean {
    const { where, unordered } = this.#from.scan
    return (
      unordered !== true &&
      where !== undefined &&
      this.#from.sink.kind === 'emit' &&
      ranges.every(({ partition }) => partition === ranges[0].partition)
    )
  }

  /** Whether few of the records so far have become rows. */
  get #keepsLittle(): boolean {
    const scanned = [...this.#statistics.scanned.values()].reduce((sum, n) => sum + n, 0)
    return this.#context.writer.rows <= scanned * FEW
  }

  /** Deals out `ranges`, which are what is left of the `whole`. */
  async #lead(
    ranges: readonly OffsetRange[],
    whole: Pick<ScanRanges, 'ranges' | 'bounds' | 'minTimestampMs'>,
    ports: readonly ExchangePort[],
  ): Promise<SentinelReason | undefined> {
    const { minTimestampMs } = whole
    const lastOffsets = whole.bounds.map((b) => [b.partition, b.end - 1] as const)
    const { read, size, thresholds, stats, live, unread } = this.#parts
    const sharedBytes = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)
    const share = shareOf(this.#from, this.#context, sharedBytes, live.isWanted)
    if (share === undefined || ports.length === 0) {
      for (const port of ports) port.close()
      return read(ranges, minTimestampMs)
    }
    size.share(new BigInt64Array(sharedBytes))
    const { pauses } = this.#parts
    const leader = new Leader(this.#from.sink, this.#context, this.#statistics, pauses, this.#inOrder)
    this.#leader = leader
    try {
      const [own, ...others] = this.#shares(ranges, ports.length + 1)
      for (const [i, port] of ports.entries())
        if (others[i] === undefined) port.close()
        else leader.give(port, { ...share, ranges: others[i], whole: whole.ranges, lastOffsets, minTimestampMs })
      const stopped = await leader.finish(await read(own, minTimestampMs), {
        isDone: () => this.#from.done,
        between: async () => {
          const now = systemClock.monotonic()
          stats.sendDue(now)
          if (live.isDue(now)) await live.send()
        },
        read: (refused) => read(refused, minTimestampMs),
      })
      // Nothing more is wanted: what a helper has not read is not missing.
      if (this.#from.done) return undefined
      // A limit that was met while the last of the other shares was read has cut nothing off.
      return stopped !== undefined && unread.any ? thresholds.again(stopped) : undefined
    } finally {
      leader.close()
      this.#leader = undefined
    }
  }
}

/** How far a thread is in each partition, as data. `own`: what it reads; `unread`: all that it has not read of it. */
export function progressOf(
  own: readonly PartitionProgress[],
  unread: readonly OffsetRange[],
  scanned: ReadonlyMap<number, number>,
): ShareProgress[] {
  const places = new Map<number, ShareProgress>()
  const unreadOf = Map.groupBy(unread, (r) => r.partition)
  for (const p of own) {
    const before = places.get(p.partition)
    places.set(p.partition, {
      partition: p.partition,
      begin: Math.min(before?.begin ?? p.begin, p.begin),
      end: Math.max(before?.end ?? p.end, p.end),
      position: unreadOf.get(p.partition)?.[0].start ?? Math.max(before?.position ?? p.position, p.position),
      unread: unreadOf.get(p.partition) ?? [],
      bytesRead: (before?.bytesRead ?? 0) + p.bytesRead,
      lost: (before?.lost ?? 0) + p.lost,
      lostRanges: [...(before?.lostRanges ?? []), ...p.lostRanges],
      recordsScanned: scanned.get(p.partition) ?? 0,
    })
  }
  return [...places.values()]
}
