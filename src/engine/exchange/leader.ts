/**
 * The thread whose query it is, while helpers read shares of one of its scans: deals them out, takes what comes of them
 * in its own turns, and merges their groups at the end. It reads its own share meanwhile; `scan-run` drives both.
 */
import type { OffsetRange, PartitionProgress } from '../../kafka/log.ts'
import { systemClock, within } from '../../lib/clock.ts'
import { UserError } from '../../lib/user-error.ts'
import type { SentinelReason } from '../../protocol/frames.ts'
import type { PartialGroups } from '../operators/aggregate/partial.ts'
import type { Row } from '../operators/operator.ts'
import { SortOperator } from '../operators/sort/sort.ts'
import type { Sink } from '../program/record-program.ts'
import type { Pauses } from '../scan/pauses.ts'
import type { ScanContext, ScanSource } from '../scan/scan-context.ts'
import type { StatisticsSource } from '../statistics.ts'
import { decodeError } from './error-data.ts'
import type { ExchangePort } from './port.ts'
import type { FromHelper, Share, ShareCounts, ShareProgress, ShareSink, ToHelper } from './messages.ts'
import { SENT } from '../frame-writer.ts'
import { encodePlan } from './plan-codec.ts'
import { decodeRows } from './value-codec.ts'

/** Not a limit: of ORDER BY with a LIMIT up to this, each thread sends its first rows only. */
const MOST_TOP = 100_000

interface Helper {
  readonly port: ExchangePort
  readonly share: readonly OffsetRange[]
  progress: readonly PartitionProgress[]
  counts: ShareCounts
  readonly rows: FromHelper[]
  over: Extract<FromHelper, { kind: 'done' | 'refused' }> | undefined
}

/** What a share looks like for helpers; undefined where the scan cannot be taken to another thread. */
export function shareOf(
  { scan, sink }: ScanSource,
  context: ScanContext,
  sharedBytes: SharedArrayBuffer,
  live: boolean,
): Omit<Share, 'ranges' | 'whole' | 'lastOffsets' | 'minTimestampMs'> | undefined {
  const encoded = encodePlan({ ...scan, captured: undefined })
  const shareSink = encodeSink(sink)
  if (encoded === undefined || shareSink === undefined) return undefined
  const { settings, render, limits, functions, title, sourceId, deadline } = context
  return {
    scan: encoded,
    sink: shareSink,
    settings,
    render,
    limits,
    nowMs: functions.nowMs,
    doubles: functions.doubles === true,
    title,
    sourceId,
    live,
    leftMs: deadline - systemClock.monotonic(),
    sharedBytes,
  }
}

function encodeSink(sink: Sink): ShareSink | undefined {
  if (sink.kind === 'aggregate') {
    const plan = encodePlan({ ...sink.plan, input: undefined })
    return plan === undefined ? undefined : { kind: 'aggregate', plan }
  }
  if (sink.kind === 'emit') {
    const body = encodePlan({ shape: sink.shape, metadata: sink.metadata })
    return body === undefined ? undefined : { kind: 'emit', body }
  }
  const columns = encodePlan(sink.columns)
  const body = encodePlan(sink.body ?? null)
  if (columns === undefined || body === undefined) return undefined
  const sort = sink.next instanceof SortOperator ? sink.next : undefined
  const top = sort === undefined || sort.limit > MOST_TOP ? undefined : { keys: sort.keys, rows: sort.limit }
  return { kind: 'rows', columns, body: body ?? undefined, top }
}

/** The scan that is led, as its leader sees it. */
export interface LeaderScan {
  /** Nothing further is wanted. */
  isDone(): boolean
  /** Called at least four times a second while helpers are waited for. */
  between(): Promise<void>
  /** Reads ranges on this thread. Gives the reason if it was stopped. */
  read(ranges: readonly OffsetRange[]): Promise<SentinelReason | undefined>
}

/** The helpers of one scan. */
export class Leader {
  readonly #sink: Sink
  readonly #context: ScanContext
  readonly #statistics: StatisticsSource
  readonly #pauses: Pauses
  readonly #helpers: Helper[] = []
  readonly #ordered: boolean
  #error: Error | undefined
  #news: (() => void) | undefined

  /**
   * Whose rows may be taken. Where the order of the shares is promised: none while the own share, the first, is read,
   * then one helper after the other; what the others have found waits, a few messages of each.
   */
  #turn: readonly Helper[]

  /** `ordered`: rows are wanted in the order of the shares. */
  constructor(sink: Sink, context: ScanContext, statistics: StatisticsSource, pauses: Pauses, ordered: boolean) {
    this.#ordered = ordered
    this.#turn = ordered ? [] : this.#helpers
    this.#sink = sink
    this.#context = context
    this.#statistics = statistics
    this.#pauses = pauses
  }

  /** Gives a share to a helper. */
  give(port: ExchangePort, share: Share): void {
    const progress = share.ranges.map(untouched)
    const counts: ShareCounts = { progress: [], badRecords: 0, badAsRows: 0, processorMs: 0 }
    const helper: Helper = { port, share: share.ranges, progress, counts, rows: [], over: undefined }
    this.#helpers.push(helper)
    this.#statistics.progress = [...this.#statistics.progress, ...progress]
    port.on('message', (message: FromHelper) => this.#receive(helper, message))
    port.on('close', () => this.#closed(helper))
    port.postMessage({ kind: 'share', share } satisfies ToHelper)
  }

  /** A helper has met a limit or an error: the own share is to stop, too. */
  get stopping(): boolean {
    return (
      this.#error !== undefined || this.#helpers.some(({ over }) => over?.kind === 'done' && over.stopped !== undefined)
    )
  }

  /** Whether `take` has something to do. */
  get hasNews(): boolean {
    return this.#error !== undefined || this.#turn.some(({ rows }) => rows.length > 0)
  }

  /** Takes what has come of helpers so far; between two batches of the own share. */
  async take(): Promise<void> {
    if (this.#error !== undefined) throw this.#error
    for (const helper of this.#turn) {
      for (let message = helper.rows.shift(); message !== undefined; message = helper.rows.shift()) {
        if (message.kind === 'frames') for (const frame of message.frames) this.#context.writer.frame(frame)
        else if (message.kind === 'rows') for (const row of decodeRows(message.rows)) this.#row(row)
        else if (message.kind === 'groups') await this.#merge(message.groups)
        helper.port.postMessage({ kind: 'taken' } satisfies ToHelper)
        if (this.#isFull()) await this.#pauses.untilReleased()
        const turn = this.#pauses.turnDue()
        if (turn !== undefined) await turn
      }
    }
  }

  /** No helper reads on; each tells what it has not read. */
  stop(): void {
    for (const { port, over } of this.#helpers)
      if (over === undefined) port.postMessage({ kind: 'stop' } satisfies ToHelper)
  }

  /**
   * Waits until all helpers are at their ends, takes everything, and reads the shares that were refused. `stopped`: why
   * the own share was stopped; the first reason of all is given back.
   */
  async finish(stopped: SentinelReason | undefined, scan: LeaderScan): Promise<SentinelReason | undefined> {
    let reason = stopped
    if (reason !== undefined) this.stop()
    for (const turn of this.#ordered ? this.#helpers.map((helper) => [helper]) : [this.#helpers]) {
      this.#turn = turn
      await this.#takeAll(turn, scan)
      if (scan.isDone()) break
      reason ??= turn.map(({ over }) => (over?.kind === 'done' ? over.stopped : undefined)).find((r) => r !== undefined)
      const refused = reason === undefined ? this.#takeRefused(turn) : []
      if (refused.length > 0) reason = await scan.read(refused)
      if (reason !== undefined) this.stop()
    }
    for (const { over } of this.#helpers)
      if (over?.kind === 'done' && over.groups !== undefined) await this.#merge(over.groups)
    return reason
  }

  /** Everything of some helpers, to their ends. */
  async #takeAll(turn: readonly Helper[], { isDone, between }: LeaderScan): Promise<void> {
    for (;;) {
      await this.take()
      if (isDone()) return
      // While the rows of one helper were taken, another one may have sent some.
      if (this.hasNews) continue
      if (turn.every(({ over }) => over !== undefined)) return
      if (this.stopping) this.stop()
      await within(
        new Promise<void>((resolve) => {
          this.#news = resolve
        }),
        { signal: this.#context.signal, ms: 250 },
      )
      await between()
    }
  }

  /** Shares that no helper could read, to be read now: until then they count as unread. */
  #takeRefused(turn: readonly Helper[]): OffsetRange[] {
    const refused = turn.filter(({ over }) => over?.kind === 'refused')
    for (const helper of refused) this.#replace(helper, [])
    return refused.flatMap(({ share }) => share)
  }

  /** Ends what still goes on. */
  close(): void {
    for (const { port } of this.#helpers) port.close()
  }

  #receive(helper: Helper, message: FromHelper): void {
    switch (message.kind) {
      case 'rows':
      case 'frames':
      case 'groups':
        helper.rows.push(message)
        break
      case 'counts':
        this.#count(helper, message.counts)
        break
      case 'refused':
        helper.over = message
        break
      case 'done':
        this.#count(helper, message.counts)
        helper.over = message
        break
      case 'failed':
        this.#error ??= decodeError(message.error)
    }
    this.#news?.()
  }

  #closed(helper: Helper): void {
    if (helper.over === undefined)
      this.#error ??= new UserError('A thread that read a part of the topic for this query has ended. Ask again.')
    this.#news?.()
  }

  #count(helper: Helper, counts: ShareCounts): void {
    const { statistics, helpers } = this.#context
    helpers?.used?.(counts.processorMs - helper.counts.processorMs)
    statistics.badRecords += counts.badRecords - helper.counts.badRecords
    statistics.badAsRows += counts.badAsRows - helper.counts.badAsRows
    const before = new Map<number, number>()
    for (const p of helper.counts.progress) before.set(p.partition, (before.get(p.partition) ?? 0) + p.recordsScanned)
    const scanned = this.#statistics.scanned
    for (const p of counts.progress) {
      scanned.set(p.partition, (scanned.get(p.partition) ?? 0) + p.recordsScanned)
    }
    for (const [partition, n] of before) scanned.set(partition, (scanned.get(partition) ?? 0) - n)
    helper.counts = counts
    this.#replace(helper, counts.progress.map(asProgress))
  }

  #replace(helper: Helper, progress: readonly PartitionProgress[]): void {
    const others = this.#statistics.progress.filter((p) => !helper.progress.includes(p))
    helper.progress = progress
    this.#statistics.progress = [...others, ...progress]
  }

  #row(row: Row): void {
    const sink = this.#sink
    if (sink.kind === 'rows') {
      if (!sink.next.done) sink.next.push(row)
    } else if (sink.kind === 'emit') {
      const { limit, writer } = sink
      if (limit.done) return
      if (limit.skip > 0) limit.skip--
      else if (limit.left === 0) limit.cut = true
      else if (writer.record(String(row[0]), Number(row[1]), Number(row[2])) !== SENT.tooLarge) limit.left--
    }
  }

  #isFull(): boolean {
    const sink = this.#sink
    return (sink.kind === 'rows' && sink.next.full) || this.#pauses.drainDue
  }

  async #merge(groups: PartialGroups): Promise<void> {
    if (this.#sink.kind !== 'aggregate') return
    for (const _ of this.#sink.state.mergeSteps(groups)) {
      const turn = this.#pauses.turnDue()
      if (turn !== undefined) await turn
    }
  }
}

function untouched(range: OffsetRange): PartitionProgress {
  const { partition, start, end } = range
  return {
    partition,
    begin: start,
    end,
    position: start,
    unread: [range],
    complete: false,
    bytesRead: 0,
    lost: 0,
    lostRanges: [],
  }
}

function asProgress({ recordsScanned: _, ...progress }: ShareProgress): PartitionProgress {
  return { ...progress, complete: progress.unread.length === 0 }
}
