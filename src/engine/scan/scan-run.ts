/**
 * Drives one scan: batches from the source, through the record program, in slices; with limits, live results,
 * statistics and back-pressure between the slices. Read it from the top:
 * the ranges, the batches of some ranges, the records of a batch, what comes between batches. Each part with a state of
 * its own is a file beside this one. The awaits are between batches (await ②) and on the reader of the frames (await
 * ③); none is per record.
 */
import { systemClock, TIMED_OUT, wakefulClock, within } from '../../lib/clock.ts'
import type { BatchSource, Follow, OffsetRange, PartitionProgress, RecordBatch } from '../../kafka/log.ts'
import type { Scan } from '../../plan/plan.ts'
import { type SentinelReason, sentinel } from '../../protocol/frames.ts'
import type { Pipeline } from '../pipeline.ts'
import { type Sink, STATUS } from '../program/record-program.ts'
import type { StatisticsSource } from '../statistics.ts'
import { type RowCounter, rowCounter, startingAt, Windows } from './backward.ts'
import type { ShareProgress } from '../exchange/messages.ts'
import { BadRecords, DAMAGED, standIn } from './bad-records.ts'
import { HeaderCount } from './count-headers.ts'
import { ClosingWindows } from './ending/closing.ts'
import { LiveResults } from './live.ts'
import { Pauses } from './pauses.ts'
import { ProgramCalls } from './programs/program-calls.ts'
import { programSpec, RecordPrograms } from './programs/programs.ts'
import { type RangeOptions, resolveRanges, type ScanRanges } from './ranges.ts'
import type { ScanContext, ScanSource } from './scan-context.ts'
import { progressOf, Sharing } from './sharing.ts'
import { SizeLimit } from './ending/size-limit.ts'
import { StatsFrames } from './stats-frames.ts'
import { Thresholds } from './ending/thresholds.ts'
import { Unread } from './ending/unread.ts'

/** The longest single wait for a batch before limits and statistics are looked at again. */
const TICK_MS = 250
/** The same of a scan that goes on with what comes: it may wait for days. */
const FOLLOW_TICK_MS = 1000

/** One run of one scan; `run` is called once. */
export class ScanRun {
  readonly #context: ScanContext
  readonly #from: ScanSource
  readonly #statistics: StatisticsSource
  /** What this thread reads. */
  readonly #own: { progress: readonly PartitionProgress[] } = { progress: [] }
  readonly #sources: BatchSource[] = []
  readonly #programs: RecordPrograms
  readonly #calls: ProgramCalls
  readonly #badRecords: BadRecords
  readonly #headers: HeaderCount
  /** Of a scan backwards. */
  readonly #counter: RowCounter | undefined
  readonly #size: SizeLimit
  readonly #unread: Unread
  readonly #thresholds: Thresholds
  readonly #stats: StatsFrames
  readonly #pauses: Pauses
  readonly #live: LiveResults
  readonly #closing: ClosingWindows
  readonly #sharing: Sharing
  /** LAST_OFFSET() of each partition. */
  #lastOffsets: ReadonlyMap<number, number> = new Map()

  /** `from`: one of the pipeline's sources. */
  constructor(pipeline: Pick<Pipeline, 'backlogs' | 'snapshot' | 'windows'>, from: ScanSource, context: ScanContext) {
    const { scan } = from
    this.#context = context
    this.#from = from
    this.#statistics = context.statistics.addSource(context.sourceId, scan, context.settings)
    this.#counter = rowCounter(from)
    const sink =
      this.#counter === undefined || from.sink.kind !== 'rows' ? from.sink : { ...from.sink, next: this.#counter }
    this.#programs = new RecordPrograms(programSpec(scan, sink, context), context.signal)
    this.#badRecords = new BadRecords(context, scan, this.#counter !== undefined)
    this.#calls = new ProgramCalls(scan, this.#badRecords)
    context.writer.tooLarge = (record) => this.#badRecords.addTooLarge(record)
    this.#size = new SizeLimit(context.settings['max.size'], this.#sources, context.sharedBytes)
    this.#unread = new Unread(this.#statistics)
    this.#headers = new HeaderCount(sink, this.#statistics, this.#size, this.#unread)
    this.#thresholds = new Thresholds(context, this.#statistics, this.#size, this.#unread)
    this.#stats = new StatsFrames(context)
    this.#pauses = new Pauses(context, pipeline.backlogs, this.#stats)
    this.#closing = new ClosingWindows(pipeline.windows, this.#statistics, this.#pauses, context)
    this.#live = new LiveResults(context.live ? pipeline.snapshot : undefined, this.#pauses, scan.follow === true)
    this.#sharing = new Sharing(from, context, this.#statistics, {
      size: this.#size,
      unread: this.#unread,
      thresholds: this.#thresholds,
      pauses: this.#pauses,
      stats: this.#stats,
      live: this.#live,
      read: (ranges, minTimestampMs) => this.#read(ranges, minTimestampMs, false),
    })
  }

  /**
   * Reads everything that is wanted. Reasons why it is not everything: a threshold that ended it early, records that
   * vanished before they could be read.
   */
  async run(): Promise<SentinelReason[]> {
    const stopped = await this.#ranges()
    const lost = this.#thresholds.lost()
    return [...(stopped === undefined ? [] : [stopped]), ...(lost === undefined ? [] : [lost])]
  }

  // -------------------------------------------------------------------------------------------- which ranges; each
  // step gives the reason if it was stopped

  async #ranges(): Promise<SentinelReason | undefined> {
    if (this.#from.done) return undefined
    const { scan } = this.#from
    const { log, signal } = this.#context
    const resolved = await within(resolveRanges(scan, log, this.#rangeOptions()), { signal })
    this.#lastOffsets = new Map(resolved.bounds.map((b) => [b.partition, b.end - 1]))
    this.#badRecords.setRanges(resolved.ranges)
    if (resolved.follow !== undefined) return this.#follow(resolved, resolved.follow)
    if (scan.backward !== undefined && this.#counter !== undefined)
      return this.#backwards(resolved, scan.backward, this.#counter)
    return scan.headersOnly === true ? this.#headersThenRecords(resolved) : this.#sharing.read(resolved)
  }

  /** Reads a share of another thread's scan; `whole`: all of that scan. Gives the reason if it was stopped. */
  async share(resolved: ScanRanges, whole: readonly OffsetRange[]): Promise<SentinelReason | undefined> {
    this.#badRecords.setRanges(whole)
    this.#lastOffsets = new Map(resolved.bounds.map((b) => [b.partition, b.end - 1]))
    return this.#read(resolved.ranges, resolved.minTimestampMs, false)
  }

  /** The records from here on go into another state of the aggregation; between two batches. */
  aggregateInto(sink: Extract<Sink, { kind: 'aggregate' }>): void {
    this.#programs.replaceSink(sink)
  }

  /** How far this thread is, as data. */
  progress(): ShareProgress[] {
    return progressOf(this.#own.progress, this.#unread.ranges, this.#statistics.scanned)
  }

  #rangeOptions(): RangeOptions {
    const { settings, signal } = this.#context
    return { isolation: settings['isolation.level'], timeoutMs: settings['kafka.offset.timeout'], signal }
  }

  /** What comes, on this thread alone: there is no end that others could be dealt shares of. */
  async #follow({ ranges, minTimestampMs }: ScanRanges, follow: Follow): Promise<SentinelReason | undefined> {
    this.#unread.firstNew = follow.firstNew
    return this.#read(ranges, minTimestampMs, false, follow)
  }

  async #headersThenRecords({ ranges, minTimestampMs }: ScanRanges): Promise<SentinelReason | undefined> {
    const stopped = await this.#read(ranges, minTimestampMs, true)
    if (stopped !== undefined) return stopped
    const deferred = this.#unread.takeDeferred()
    if (deferred.length === 0) return undefined
    const late = await this.#read(deferred, minTimestampMs, false)
    // The batch that had no room may have gone meanwhile; what came after it is still to be read.
    return late ?? (this.#headers.full ? this.#thresholds.noRoom() : undefined)
  }

  /**
   * Windows from the ends of the partitions until enough rows came; by timestamp then also what may hold a record as
   * new as the last of these.
   */
  async #backwards(
    { ranges, minTimestampMs }: ScanRanges,
    order: NonNullable<Scan['backward']>,
    counter: RowCounter,
  ): Promise<SentinelReason | undefined> {
    const { log, signal } = this.#context
    const { scan } = this.#from
    const windows = new Windows(ranges, order.rows, scan.where !== undefined)
    this.#unread.windows = windows
    for (let window = windows.next(); window.length > 0; window = windows.next()) {
      const stopped = await this.#read(window, minTimestampMs, false)
      if (stopped !== undefined) return stopped
    }
    const time = order.by === 'timestamp' ? counter.lastTime() : undefined
    const unread = windows.unread()
    if (time === undefined || unread.length === 0) return undefined
    const partitions = [...new Set(unread.map((r) => r.partition))]
    // Before the first offset with this time or a later one every record is older. Times up to 0 mean something else to
    // a broker.
    const starts =
      time > 0
        ? await within(log.offsetsForTime(scan.table.topic, partitions, time, this.#rangeOptions()), { signal })
        : partitions.map(() => 0)
    const rest = startingAt(unread, partitions, starts)
    this.#unread.windows = undefined
    return rest.length === 0 ? undefined : this.#read(rest, Math.max(time, minTimestampMs ?? time), false)
  }

  // -------------------------------------------------------------------------------------------- the batches of some
  // ranges

  async #read(
    ranges: readonly OffsetRange[],
    minTimestampMs: number | undefined,
    headersOnly: boolean,
    follow?: Follow,
  ): Promise<SentinelReason | undefined> {
    const { settings, log, signal } = this.#context
    const { table, unordered, limit } = this.#from.scan
    const source = log.scan(
      {
        topic: table.topic,
        topicId: table.topicId,
        ranges,
        follow,
        isolation: settings['isolation.level'],
        minTimestampMs,
        headersOnly,
        unordered,
        limit:
          limit ?? (this.#unread.windows === undefined ? undefined : ranges.reduce((n, r) => n + r.end - r.start, 0)),
        fetchMaxBytes: settings['fetch.max.bytes'],
      },
      signal,
    )
    this.#sources.push(source)
    // A scan that follows is read at once, and its progress grows with its partitions.
    this.#own.progress = follow === undefined ? [...this.#own.progress, ...source.progress] : source.progress
    this.#statistics.progress =
      follow === undefined ? [...this.#statistics.progress, ...source.progress] : source.progress
    try {
      return await this.#batches(source, headersOnly)
    } finally {
      source.close()
    }
  }

  async #batches(source: BatchSource, headersOnly: boolean): Promise<SentinelReason | undefined> {
    for (;;) {
      const next = source.next()
      let batch: RecordBatch | undefined
      if (next instanceof Promise) {
        const arrived = await this.#wait(next)
        if ('stopped' in arrived) return arrived.stopped
        batch = arrived.batch
      } else batch = next
      if (batch === undefined) return undefined
      this.#live.touch()
      this.#calls.begin(batch, this.#lastOffsets.get(batch.partition) ?? -1)
      if (batch.fault !== undefined) {
        await this.#badRestOf(batch, 0, batch.fault)
      } else if (headersOnly) {
        this.#headers.add(batch)
        if (this.#headers.full) return undefined
      } else {
        const stopped = await this.#records(batch)
        if (stopped !== undefined) return stopped
      }
      if (this.#counter !== undefined) this.#unread.windows?.accepted(batch.partition, this.#counter.take())
      if (this.#from.done) return undefined
      const stopped = await this.#between()
      if (stopped !== undefined) return stopped
      if (this.#sharing.alone) await this.#sharing.seek()
      if (this.#sharing.halted) return undefined
    }
  }

  /** Waits for the next batch; statistics and limits go on meanwhile. */
  async #wait(
    next: Promise<RecordBatch | undefined>,
  ): Promise<{ batch: RecordBatch | undefined } | { stopped: SentinelReason }> {
    // Time in which the reader of the frames is waited for is not silence of the topic, and nothing more than that:
    // frames that are sent while the topic is silent do not end its silence.
    const since = systemClock.monotonic() - this.#pauses.drainMs
    const { signal } = this.#context
    // A batch that has come while something else was awaited counts as read: it has to be looked at, whatever ends the
    // scan. One that has not come is unread.
    let arrived = false
    const arrive = (): void => {
      arrived = true
    }
    next.then(arrive, arrive)
    for (;;) {
      const left = this.#thresholds.waitMs(systemClock.monotonic(), since + this.#pauses.drainMs)
      const batch = await within(next, { signal, ms: Math.min(left, this.#tickMs()), clock: wakefulClock })
      if (batch !== TIMED_OUT) return { batch }
      const now = systemClock.monotonic()
      this.#stats.sendDue(now)
      if (this.#live.isDue(now)) await this.#live.send()
      if (this.#sharing.hasNews) await this.#sharing.take()
      this.#tellLost()
      if (this.#closing.isDue(now)) await this.#closing.close()
      if (arrived) continue
      if (this.#from.scan.follow === true && this.#from.done) {
        next.catch(() => undefined)
        return { batch: undefined }
      }
      if (this.#sharing.halted) {
        next.catch(() => undefined)
        return { batch: undefined }
      }
      const stopped = this.#thresholds.reachedWaiting(now, since + this.#pauses.drainMs)
      if (stopped !== undefined) {
        next.catch(() => undefined)
        return { stopped }
      }
    }
  }

  /** The longest single wait: until something is due. */
  #tickMs(): number {
    if (this.#from.scan.follow !== true) return TICK_MS
    const now = systemClock.monotonic()
    return Math.max(
      0,
      Math.min(FOLLOW_TICK_MS, this.#stats.waitMs(now), this.#live.waitMs(now), this.#closing.waitMs()),
    )
  }

  /** Of a scan without an end: what vanished is told at once. */
  #tellLost(): void {
    if (this.#from.scan.follow !== true) return
    const lost = this.#thresholds.lost()
    if (lost !== undefined) this.#context.writer.frame(sentinel(lost))
  }

  /** A threshold that ends the query, after the live results and statistics that are due. */
  async #between(): Promise<SentinelReason | undefined> {
    const now = systemClock.monotonic()
    this.#stats.sendDue(now)
    if (this.#live.isDue(now)) await this.#live.send()
    if (this.#sharing.hasNews) await this.#sharing.take()
    if (this.#closing.isDue(now)) await this.#closing.close()
    if (this.#pauses.drainDue) await this.#pauses.untilDrained()
    const turn = this.#pauses.turnDue()
    if (turn !== undefined) await turn
    return this.#thresholds.reached(now)
  }

  // -------------------------------------------------------------------------------------------- the records of a batch

  /** A reason when bytes or time were used up inside of the batch. */
  async #records(batch: RecordBatch): Promise<SentinelReason | undefined> {
    const { state } = this.#calls
    const room = this.#size.recordsOf(batch)
    while (state.index < room) {
      const program = this.#programs.current ?? (await this.#programs.compile(batch, state.at))
      const before = state.scanned
      const status = this.#calls.call(program, batch, room)
      this.#statistics.scanned.set(
        batch.partition,
        (this.#statistics.scanned.get(batch.partition) ?? 0) + state.scanned - before,
      )
      if (status === STATUS.done) return undefined
      if (status === STATUS.corrupt) {
        await this.#badRestOf(batch, state.index, DAMAGED)
        return undefined
      }
      if (status === STATUS.schema) this.#switchSchema()
      else if (status === STATUS.pause) {
        await this.#pauses.untilReleased()
        // The rows of one batch may take long to emit.
        const now = systemClock.monotonic()
        if (this.#thresholds.isLate(now) && state.index < batch.count && !this.#from.done) {
          const stopped = this.#stopWithin(batch, now)
          if (stopped !== undefined) return stopped
        }
      }
      const turn = this.#pauses.turnDue()
      if (turn !== undefined) await turn
    }
    return room < batch.count && !this.#from.done ? this.#stopWithin(batch, systemClock.monotonic()) : undefined
  }

  /** The record at hand was written with another schema than those before it. */
  #switchSchema(): void {
    const { state } = this.#calls
    this.#programs.switchTo(state.keyId, state.valueId)
    state.keyId = -1
    state.valueId = -1
  }

  /** The scan stands before the record that would have been next. */
  #stopWithin(batch: RecordBatch, now: number): SentinelReason | undefined {
    this.#unread.stopAt(batch, this.#calls.state.at)
    return this.#thresholds.reached(now)
  }

  /** A batch that cannot be walked, from record `index` on. */
  async #badRestOf(batch: RecordBatch, index: number, why: string): Promise<void> {
    const row = this.#badRecords.addRestOf(batch, index, why)
    if (row === undefined) return
    const record = standIn(batch, row.offset)
    const program = this.#programs.current ?? (await this.#programs.compile(record, record.from))
    if (this.#calls.callForBad(program, record, row.why) === STATUS.pause) await this.#pauses.untilReleased()
  }
}
