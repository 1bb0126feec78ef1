/**
 * Drives one scan: batches from the source, through the record program, in slices; with limits, live results, statistics and back-pressure between the slices.
 * The awaits are between batches (await ②) and on the reader of the frames (await ③); none is per record.
 */
import { unexpected } from '../../lib/assert.ts'
import { systemClock } from '../../lib/clock.ts'
import type { BatchSource, Isolation, KafkaLog, OffsetRange, RecordBatch } from '../../kafka/log.ts'
import type { BoundExpr, Scan } from '../../plan/plan.ts'
import type { Settings } from '../../plan/settings.ts'
import type { SentinelReason } from '../../protocol/frames.ts'
import { SqlError } from '../../sql/error.ts'
import { RowCounter, Windows } from './backward.ts'
import { BadRecordError, badRecordError, DAMAGED, standIn } from './bad-record.ts'
import { letOut } from '../operators/backlog.ts'
import type { Pipeline, PipelineContext, PipelineSource } from '../pipeline.ts'
import type { FrameWriter } from '../frame-writer.ts'
import { resolveRanges, type ScanRanges } from './ranges.ts'
import { offsetDelta, recordEnd, recordsWithin } from '../program/record-runtime.ts'
import { buildProgram, type ProgramSpec, type RecordProgram, type RecordState, type Sink, STATUS } from '../program/record-program.ts'
import type { Statistics, StatisticsSource } from '../statistics.ts'
import { SchemaFinder } from './writer-schemas.ts'
import { abortable, TIMED_OUT, Turns, within } from '../turns.ts'

/** A call of a program that takes longer than this is followed by one of half as many records. */
const STEP_MS = 4
/** Records that one call of a program looks at, at most; fewer when they are large or the work on them is. */
const BUDGET_RECORDS = 4096
const BUDGET_BYTES = 512 * 1024
/** Time between two looks at an aggregation under way (`live`). */
const LIVE_MS = 500
/** Programs (combinations of writer schemas) kept for one scan. */
const MAX_PROGRAMS = 1000
/** Places of lost records that a SENTINEL names. */
const LOST_SHOWN = 20
/** The longest single wait for a batch before limits and statistics are looked at again. */
const TICK_MS = 250

export interface ScanContext extends PipelineContext {
  readonly log: KafkaLog
  readonly settings: Settings
  readonly statistics: Statistics
  readonly sourceId: string
  readonly signal: AbortSignal
  /** Milliseconds between STATS, or undefined. */
  readonly statsMs: number | undefined
  readonly sendStats: () => void
  readonly live: boolean
  /** SQL of the statement, for the comment in generated code. */
  readonly title: string
  /** Milliseconds (of `Clock.monotonic`) at which the query has to be over. */
  readonly deadline: number
}

export class ScanRun {
  readonly #c: ScanContext
  readonly #scan: Scan
  readonly #where: BoundExpr | undefined
  readonly #sink: Sink
  readonly #pipeline: Pipeline
  readonly #from: PipelineSource
  readonly #writer: FrameWriter
  readonly #source: StatisticsSource
  readonly #programs = new Map<string, RecordProgram>()
  readonly #schemas: SchemaFinder
  readonly #turns = new Turns()
  readonly #state: RecordState
  #keyId = -1
  #valueId = -1
  /** Of a scan backwards. */
  readonly #counter: RowCounter | undefined
  #windows: Windows | undefined
  /** Of a batch that the scan ended in: what it did not come to. */
  #rest: OffsetRange | undefined
  /** Of a count that headers answer: batches of which only some records are wanted, or have room, to be looked into afterwards; and the bytes of these. */
  readonly #clipped: OffsetRange[] = []
  #readAgain = 0
  /** `max.size` ends within the last of these. */
  #noRoom = false
  /** Bytes read before the batch at hand. */
  #bytesBefore = 0
  readonly #faults = new Set<string>()
  #program: RecordProgram | undefined
  #partition = -1
  #budget = BUDGET_RECORDS / 8
  #nextStats: number
  #nextLive = systemClock.monotonic() + LIVE_MS
  /** Since when the next batch is waited for, without the time in which the reader of the frames was. */
  #waitingSince = 0

  constructor(pipeline: Pipeline, source: Extract<PipelineSource, { kind: 'scan' }>, context: ScanContext) {
    this.#c = context
    this.#pipeline = pipeline
    this.#from = source
    this.#scan = source.scan
    this.#schemas = new SchemaFinder(source.scan, context.signal)
    this.#where = source.where
    this.#counter = rowCounter(source)
    this.#sink = this.#counter === undefined || source.sink.kind !== 'rows' ? source.sink : { ...source.sink, next: this.#counter }
    this.#writer = context.writer
    this.#source = context.statistics.addSource(context.sourceId, this.#scan, context.settings)
    this.#nextStats = context.statsMs === undefined ? Number.POSITIVE_INFINITY : systemClock.monotonic() + context.statsMs
    const { table } = this.#scan
    this.#state = {
      topic: table.topic,
      at: 0,
      index: 0,
      budget: BUDGET_RECORDS,
      scanned: 0,
      keyId: -1,
      valueId: -1,
      lastOffset: -1,
      trouble: null,
      keyFramed: table.key.framing === 'confluent',
      valueFramed: table.value.framing === 'confluent',
      bad: (offset, timestamp) => this.#bad(offset, timestamp),
    }
  }

  /** Reads everything that is wanted. Reasons why it is not everything: a threshold that ended it early, records that vanished before they could be read. */
  async run(): Promise<SentinelReason[]> {
    const stopped = await this.#all()
    const lost = this.#lost()
    return [...(stopped === undefined ? [] : [stopped]), ...(lost === undefined ? [] : [lost])]
  }

  #lost(): SentinelReason | undefined {
    const ranges = joined(this.#source.progress.flatMap((p) => p.lostRanges))
    if (ranges.length === 0) return undefined
    const amount = ranges.reduce((sum, r) => sum + r.end - r.start, 0)
    const places = ranges.slice(0, LOST_SHOWN).map((r) => `partition ${r.partition}, offsets ${r.start} to ${r.end - 1}`)
    const more = ranges.length > LOST_SHOWN ? `, and ${ranges.length - LOST_SHOWN} more` : ''
    return { type: 'LOST', source: this.#scan.table.name, sourceId: this.#c.sourceId, amount, places: places.join('; ') + more }
  }

  async #all(): Promise<SentinelReason | undefined> {
    if (this.#from.done) return undefined
    const { settings, log, signal } = this.#c
    const isolation = settings['isolation.level']
    const resolved = await abortable(resolveRanges(this.#scan, log, { isolation, timeoutMs: settings['kafka.offset.timeout'], signal }), signal)
    const lastOffsets = new Map(resolved.bounds.map((b) => [b.partition, b.end - 1]))
    if (this.#scan.backward !== undefined && this.#counter !== undefined)
      return this.#backwards(resolved, isolation, lastOffsets, this.#scan.backward, this.#counter)
    const stopped = await this.#read(resolved, resolved.ranges, isolation, lastOffsets, this.#scan.headersOnly === true)
    if (stopped !== undefined || this.#clipped.length === 0) return stopped
    // Two lanes may have met a batch from both of its ends, in any order.
    const clipped = joined(this.#clipped.splice(0))
    const late = await this.#read(resolved, clipped, isolation, lastOffsets, false)
    // The batch that had no room may have gone meanwhile; what was behind it is still to be read.
    return late ?? (this.#noRoom && this.#remains() ? this.#reason({ type: 'SCANNEDSIZE', amount: Number(settings['max.size']) }) : undefined)
  }

  /** Windows from the ends of the partitions until enough rows came; by timestamp then also what may hold a record as new as the last of these. */
  async #backwards(
    resolved: ScanRanges,
    isolation: Isolation,
    lastOffsets: ReadonlyMap<number, number>,
    order: NonNullable<Scan['backward']>,
    counter: RowCounter,
  ): Promise<SentinelReason | undefined> {
    const { settings, log, signal } = this.#c
    const windows = new Windows(resolved.ranges, order.rows, this.#where !== undefined)
    this.#windows = windows
    for (let ranges = windows.next(); ranges.length > 0; ranges = windows.next()) {
      const stopped = await this.#read(resolved, ranges, isolation, lastOffsets, false)
      if (stopped !== undefined) return stopped
    }
    const time = order.by === 'timestamp' ? counter.nthTime(order.rows) : undefined
    const unread = windows.unread()
    if (time === undefined || unread.length === 0) return undefined
    const partitions = [...new Set(unread.map((r) => r.partition))]
    const options = { isolation, timeoutMs: settings['kafka.offset.timeout'], signal }
    // Before the first offset with this time or a later one every record is older. Times up to 0 mean something else to a broker.
    const starts = time > 0 ? await abortable(log.offsetsForTime(this.#scan.table.topic, partitions, time, options), signal) : partitions.map(() => 0)
    const ranges = unread
      .map((r) => ({ ...r, start: Math.max(r.start, starts[partitions.indexOf(r.partition)] ?? Number.POSITIVE_INFINITY) }))
      .filter((r) => r.start < r.end)
    this.#windows = undefined
    return ranges.length === 0
      ? undefined
      : this.#read({ ...resolved, minTimestampMs: Math.max(time, resolved.minTimestampMs ?? time) }, ranges, isolation, lastOffsets, false)
  }

  async #read(
    resolved: ScanRanges,
    ranges: readonly OffsetRange[],
    isolation: Isolation,
    lastOffsets: ReadonlyMap<number, number>,
    headersOnly: boolean,
  ): Promise<SentinelReason | undefined> {
    const { settings, log } = this.#c
    const source = log.scan(
      {
        topic: this.#scan.table.topic,
        topicId: this.#scan.table.topicId,
        ranges,
        isolation,
        minTimestampMs: resolved.minTimestampMs,
        headersOnly,
        unordered: this.#scan.unordered,
        limit: this.#scan.limit ?? (this.#windows === undefined ? undefined : ranges.reduce((n, r) => n + r.end - r.start, 0)),
        fetchMaxBytes: settings['fetch.max.bytes'],
      },
      this.#c.signal,
    )
    this.#source.progress = [...this.#source.progress, ...source.progress]
    try {
      return await this.#batches(source, lastOffsets, headersOnly)
    } finally {
      source.close()
    }
  }

  async #batches(source: BatchSource, lastOffsets: ReadonlyMap<number, number>, headersOnly: boolean): Promise<SentinelReason | undefined> {
    for (;;) {
      const next = source.next()
      let batch: RecordBatch | undefined
      if (next instanceof Promise) {
        const arrived = await this.#wait(next)
        if ('stopped' in arrived) return arrived.stopped
        batch = arrived.batch
      } else batch = next
      if (batch === undefined) return undefined
      this.#state.lastOffset = lastOffsets.get(batch.partition) ?? -1
      if (batch.fault !== undefined) await this.#faulty(batch)
      else if (headersOnly) {
        this.#countHeaders(batch)
        if (this.#noRoom) return undefined
      } else {
        const late = await this.#records(batch)
        if (late !== undefined) return late
      }
      if (this.#counter !== undefined) this.#windows?.accepted(batch.partition, this.#counter.take())
      if (this.#from.done) return undefined
      const stopped = await this.#between()
      if (stopped !== undefined) return stopped
    }
  }

  // -------------------------------------------------------------------------------------------- one batch

  /** A reason when the time was over inside of the batch. */
  async #records(batch: RecordBatch): Promise<SentinelReason | undefined> {
    const state = this.#state
    this.#partition = batch.partition
    state.at = batch.from
    state.index = 0
    const room = this.#roomFor(batch)
    const most = Math.max(1, Math.min(BUDGET_RECORDS, Math.floor((BUDGET_BYTES * batch.count) / Math.max(1, batch.to - batch.from))))
    while (state.index < room) {
      const program = this.#program ?? (await this.#programFor(this.#keyId, this.#valueId, batch, state.at))
      const before = state.scanned
      state.budget = Math.min(this.#budget, most, room - state.index)
      const status = this.#timed(program, batch)
      this.#source.scanned.set(batch.partition, (this.#source.scanned.get(batch.partition) ?? 0) + state.scanned - before)
      if (status === STATUS.done) return undefined
      if (status === STATUS.schema) await this.#switchSchema()
      else if (status === STATUS.corrupt) {
        await this.#badBatch(batch, state.index, DAMAGED)
        return undefined
      } else if (status === STATUS.pause) {
        await this.#letOut()
        const late = this.#late(batch)
        if (late !== undefined) return late
      }
      const turn = this.#turns.due()
      if (turn !== undefined) await this.#giveTurn(turn)
    }
    return room < batch.count && !this.#from.done ? this.#stopWithin(batch, systemClock.monotonic()) : undefined
  }

  /** Time limit inside of a batch, as the rows of one batch may take long to let out. */
  #late(batch: RecordBatch): SentinelReason | undefined {
    const now = systemClock.monotonic()
    return now < this.#c.deadline || this.#state.index >= batch.count || this.#from.done ? undefined : this.#stopWithin(batch, now)
  }

  /** The scan stands before the record that would have been next. */
  #stopWithin(batch: RecordBatch, now: number): SentinelReason | undefined {
    const next = batch.baseOffset + offsetDelta(batch.buffer, this.#state.at)
    const rest = { partition: batch.partition, start: Math.max(next, batch.rangeStart), end: Math.min(batch.lastOffset + 1, batch.rangeEnd) }
    if (rest.start < rest.end) this.#rest = rest
    return this.#threshold(now)
  }

  /**
   * How many records of the batch at hand `max.size` has room for: all, in nearly every batch. Of the first batch it is one at least that is wanted, so that whoever reads on comes to an end.
   * Stored bytes are what counts; those of a compressed batch are taken to lie evenly in it. Records before the wanted range, where another query stopped, do not count.
   */
  #roomFor(batch: RecordBatch): number {
    const before = this.#bytesBefore
    const now = this.#bytesRead()
    const limit = this.#c.settings['max.size']
    if (now <= limit) return batch.count
    const share = Math.max(0, limit - before) / Math.max(1, now - before)
    const first = firstFrom(batch)
    const room = recordsWithin(batch.buffer, first.at, batch.to, batch.count - first.index, (batch.to - batch.from) * share)
    return Math.min(batch.count, first.index + Math.max(before === 0 ? 1 : 0, room))
  }

  /** One call of the program; the number of records of the next call is set by how long this one took. */
  #timed(program: RecordProgram, batch: RecordBatch): number {
    const started = systemClock.monotonic()
    const status = this.#step(program, batch)
    const took = systemClock.monotonic() - started
    if (took > STEP_MS) this.#budget = Math.max(1, this.#budget >> 1)
    else if (took < STEP_MS / 4 && this.#budget < BUDGET_RECORDS) this.#budget *= 2
    return status
  }

  /** Runs the program; a value that cannot be computed is told with the record that holds it. */
  #step(program: RecordProgram, batch: RecordBatch): number {
    try {
      return program(this.#state, batch)
    } catch (e) {
      if (!(e instanceof SqlError) || e instanceof BadRecordError || e.code !== 'VALUE') throw e
      const offset = batch.baseOffset + offsetDelta(batch.buffer, this.#state.at)
      throw new SqlError(
        'VALUE',
        `${e.message} It is in the record at offset ${offset} of partition ${batch.partition} of ${this.#scan.table.name}.`,
        e.span,
        e.hint,
      )
    }
  }

  async #switchSchema(): Promise<void> {
    const { keyId, valueId } = this.#state
    if (keyId !== -1) this.#keyId = keyId
    if (valueId !== -1) this.#valueId = valueId
    this.#state.keyId = -1
    this.#state.valueId = -1
    this.#program = undefined
  }

  async #programFor(keyId: number, valueId: number, batch: RecordBatch, at: number): Promise<RecordProgram> {
    const name = `${keyId}:${valueId}`
    let program = this.#programs.get(name)
    if (program === undefined) {
      if (this.#programs.size >= MAX_PROGRAMS) this.#programs.clear()
      const schemas = await this.#schemas.find(keyId, valueId, { batch, at })
      program = buildProgram(programSpec(this.#scan, this.#where, this.#sink, this.#c), schemas).run
      this.#programs.set(name, program)
    }
    this.#program = program
    return program
  }

  #countHeaders(batch: RecordBatch): void {
    const room = this.#headerRoom(batch)
    // Where offsets have gaps, or the bytes begin with records that nobody wants, only the records say where to read on.
    this.#noRoom = room < batch.count && (batch.clipped || batch.lastOffset - batch.baseOffset + 1 !== batch.count)
    if (batch.clipped || this.#noRoom) {
      // It is read again, and counts then.
      this.#readAgain += this.#bytesRead() - this.#bytesBefore
      this.#clipped.push({
        partition: batch.partition,
        start: Math.max(batch.rangeStart, batch.baseOffset),
        end: Math.min(batch.rangeEnd, batch.lastOffset + 1),
      })
      return
    }
    if (this.#sink.kind !== 'aggregate') unexpected('only a count is answered from headers')
    this.#sink.state.countMany(room)
    this.#source.scanned.set(batch.partition, (this.#source.scanned.get(batch.partition) ?? 0) + room)
    if (room < batch.count) this.#rest = { partition: batch.partition, start: batch.baseOffset + room, end: batch.lastOffset + 1 }
  }

  /** As `roomFor`, of records that are not looked at: they are taken to be of one size. */
  #headerRoom(batch: RecordBatch): number {
    const before = this.#bytesBefore
    const now = this.#bytesRead()
    const limit = this.#c.settings['max.size']
    if (now <= limit) return batch.count
    return Math.max(before === 0 ? 1 : 0, Math.floor((batch.count * Math.max(0, limit - before)) / Math.max(1, now - before)))
  }

  // -------------------------------------------------------------------------------------------- bad records

  #bad(offset: number, timestamp: number, count = 1): void {
    const { settings, statistics, sourceId } = this.#c
    statistics.badRecords += count
    const { table } = this.#scan
    const partition = this.#partition
    // Whoever asks which records are bad gets them as rows.
    if (this.#scan.badRecords === true) {
      statistics.badAsRows += count
      return
    }
    if (!settings['skip.bad.records']) throw badRecordError(table, partition, offset)
    if (settings['show.bad.records']) this.#writer.bad({ offset, partition, timestamp, table: table.name, sourceId })
  }

  /** Windows may meet one batch twice. */
  async #faulty(batch: RecordBatch): Promise<void> {
    const place = `${batch.partition} ${batch.baseOffset}`
    if (this.#faults.has(place)) return
    if (this.#counter !== undefined) this.#faults.add(place)
    await this.#badBatch(batch, 0, batch.fault ?? DAMAGED)
  }

  /** A batch that cannot be walked (from record `index` on): its records are counted, and its place is reported once. */
  async #badBatch(batch: RecordBatch, index: number, why: string): Promise<void> {
    this.#partition = batch.partition
    const count = Math.max(1, batch.count - index)
    if (this.#scan.badRecords !== true) return this.#bad(batch.baseOffset + index, batch.maxTimestamp, count)
    this.#c.statistics.badRecords += count - 1
    this.#c.statistics.badAsRows += count - 1
    await this.#badRow(batch, Math.max(batch.baseOffset + index, batch.rangeStart), count === 1 ? why : `${why} (${count} records)`)
  }

  /** Records that cannot even be told apart, as one row: the program is given a record without key and value that stands for them. */
  async #badRow(batch: RecordBatch, offset: number, why: string): Promise<void> {
    const state = this.#state
    const stand = standIn(batch, offset)
    const program = await this.#programFor(this.#keyId, this.#valueId, stand, stand.from)
    Object.assign(state, { at: stand.from, index: 0, budget: 1, trouble: why })
    const status = this.#step(program, stand)
    state.trouble = null
    if (status === STATUS.pause) await this.#letOut()
  }

  // -------------------------------------------------------------------------------------------- between batches

  /** A threshold that ends the query, after the live results and statistics that are due. */
  async #between(): Promise<SentinelReason | undefined> {
    const now = systemClock.monotonic()
    this.#statsDue(now)
    if (this.#c.live && now >= this.#nextLive) await this.#sendLive()
    if (this.#c.writer.drained() !== undefined) await this.#drain()
    const turn = this.#turns.due()
    if (turn !== undefined) await this.#giveTurn(turn)
    return this.#threshold(now)
  }

  #threshold(now: number): SentinelReason | undefined {
    const limit = this.#c.settings['max.size']
    this.#bytesBefore = this.#bytesRead()
    if (this.#bytesBefore >= limit && this.#remains()) return this.#reason({ type: 'SCANNEDSIZE', amount: limit })
    if (now >= this.#c.deadline && this.#remains()) return this.#reason({ type: 'COMPLETIONTIMEOUT', timeout: this.#c.settings['max.query.time'] })
    return undefined
  }

  #bytesRead(): number {
    let n = -this.#readAgain
    for (const p of this.#source.progress) n += p.bytesRead
    return n
  }

  /** A threshold met exactly at the end has cut nothing off. */
  #remains(): boolean {
    return this.#rest !== undefined || this.#clipped.length > 0 || this.#source.progress.some((p) => !p.complete) || (this.#windows?.unread().length ?? 0) > 0
  }

  #reason(reason: { type: SentinelReason['type']; amount?: number; timeout?: number }): SentinelReason {
    return { ...reason, source: this.#scan.table.name, sourceId: this.#c.sourceId, resume: this.#resumeCondition() }
  }

  /** A condition that reads on where the scan stopped: what windows, sources and the batch at hand have not covered. */
  #resumeCondition(): string {
    const unread = [
      ...this.#clipped,
      ...(this.#windows?.unread() ?? []),
      ...this.#source.progress.flatMap((p) => p.unread),
      ...(this.#rest === undefined ? [] : [this.#rest]),
    ]
    return joined(unread)
      .map((r) => `(_meta.partition = ${r.partition} AND _meta.offset >= ${r.start} AND _meta.offset < ${r.end})`)
      .join(' OR ')
  }

  #statsDue(now: number): void {
    if (now < this.#nextStats) return
    this.#nextStats = now + (this.#c.statsMs ?? 0)
    this.#c.statistics.results = this.#writer.rows
    this.#c.sendStats()
  }

  async #sendLive(): Promise<void> {
    const snapshot = this.#pipeline.snapshot
    if (snapshot === undefined) return
    for (const _ of snapshot()) await this.#drain()
    this.#nextLive = systemClock.monotonic() + LIVE_MS
  }

  async #drain(): Promise<void> {
    const since = systemClock.monotonic()
    const drained = this.#writer.drained()
    if (drained !== undefined) await this.#turns.after(abortable(drained, this.#c.signal))
    else await this.#turns.yield()
    // The reader's pace is not silence of the topic, and nothing more than that: frames that are sent while the topic is silent do not make it speak.
    this.#waitingSince += systemClock.monotonic() - since
    this.#c.signal.throwIfAborted()
  }

  /** Before the next record: the frames, and the rows that wait in joins. */
  async #letOut(): Promise<void> {
    await this.#drain()
    for (const _ of letOut(this.#pipeline.backlogs)) {
      this.#statsDue(systemClock.monotonic())
      const turn = this.#turns.due()
      if (this.#writer.drained() !== undefined) await this.#drain()
      else if (turn !== undefined) await this.#giveTurn(turn)
    }
  }

  async #giveTurn(turn: Promise<void>): Promise<void> {
    await turn
    this.#c.signal.throwIfAborted()
  }

  /** Waits for the next batch; statistics and limits go on meanwhile. */
  async #wait(next: Promise<RecordBatch | undefined>): Promise<{ batch: RecordBatch | undefined } | { stopped: SentinelReason }> {
    const idle = this.#c.settings['max.idle.time']
    this.#waitingSince = systemClock.monotonic()
    for (;;) {
      const now = systemClock.monotonic()
      const left = Math.min(this.#waitingSince + idle - now, this.#c.deadline - now, TICK_MS)
      const batch = await abortable(within(next, left), this.#c.signal)
      if (batch !== TIMED_OUT) return { batch }
      const later = systemClock.monotonic()
      this.#statsDue(later)
      if (this.#c.live && later >= this.#nextLive) await this.#sendLive()
      const stopped =
        later >= this.#c.deadline
          ? this.#threshold(later)
          : later - this.#waitingSince >= idle
            ? this.#reason({ type: 'IDLETIMEOUT', timeout: idle })
            : undefined
      if (stopped !== undefined) {
        next.catch(() => undefined)
        return { stopped }
      }
    }
  }
}

/** For a scan backwards: counts what goes on to the sort. The timestamp is one of the sort's own keys. */
function rowCounter(source: Extract<PipelineSource, { kind: 'scan' }>): RowCounter | undefined {
  const { scan, sink } = source
  if (scan.backward === undefined || sink.kind !== 'rows') return undefined
  const at = sink.columns.findIndex((c) => c.kind === 'path' && c.path.facet === 'meta' && c.path.steps[0] === 'timestamp')
  return new RowCounter(sink.next, scan.backward.by === 'offset' ? -1 : at + (sink.body === undefined ? 0 : 1))
}

export function programSpec(
  scan: Scan,
  where: BoundExpr | undefined,
  sink: Sink,
  c: { readonly settings: Settings; readonly render: ProgramSpec['render']; readonly functions: ProgramSpec['functions']; readonly title: string },
): ProgramSpec {
  return { scan, where, sink, render: c.render, validate: c.settings['validate.records'], functions: c.functions, title: c.title }
}

/** The first record of a batch that is not before the wanted range: its number and its place. */
function firstFrom({ buffer, from, to, count, baseOffset, rangeStart }: RecordBatch): { readonly index: number; readonly at: number } {
  let at = from
  for (let index = 0; index < count && at < to; index++) {
    if (baseOffset + offsetDelta(buffer, at) >= rangeStart) return { index, at }
    at = recordEnd(buffer, at, to)
  }
  return { index: count, at: to }
}

/** In order, with what touches put together. */
function joined(ranges: readonly OffsetRange[]): OffsetRange[] {
  const out: OffsetRange[] = []
  for (const range of [...ranges].sort((a, b) => a.partition - b.partition || a.start - b.start)) {
    const last = out.at(-1)
    if (last !== undefined && last.partition === range.partition && last.end >= range.start)
      out[out.length - 1] = { ...last, end: Math.max(last.end, range.end) }
    else out.push(range)
  }
  return out
}
