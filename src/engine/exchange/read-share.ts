/**
 * A helper: reads a share of another thread's scan and sends what comes of it, rows as they come, groups at the end. It
 * runs the same record programs, with thresholds of its own that are told to the leader.
 */
import type { ExchangePort } from './port.ts'
import { systemClock } from '../../lib/clock.ts'
import { UserError } from '../../lib/user-error.ts'
import type { KafkaLog } from '../../kafka/log.ts'
import type { Catalog, Table } from '../../plan/catalog.ts'
import type { Aggregate, BoundExpr, OutputShape, Scan } from '../../plan/plan.ts'
import { FrameWriter, SENT, type Sent } from '../frame-writer.ts'
import { LimitState } from '../operators/row-operators.ts'
import { AggregateState } from '../operators/aggregate/aggregate.ts'
import { MemoryBudget, sizeOfRow } from '../operators/memory.ts'
import { nothingHeld, type Operator, type Row } from '../operators/operator.ts'
import { SortOperator } from '../operators/sort/sort.ts'
import type { Sink } from '../program/record-program.ts'
import type { ScanContext, ScanSource } from '../scan/scan-context.ts'
import { ScanRun } from '../scan/scan-run.ts'
import { Statistics } from '../statistics.ts'
import { Turns } from '../turns.ts'
import { encodeError } from './error-data.ts'
import type { FromHelper, Share, ShareCounts, ToHelper } from './messages.ts'
import { decodePlan, type TableName, tableName } from './plan-codec.ts'
import { encodeRows } from './value-codec.ts'

/** What a helper needs of its thread: the environment of the query, whatever the account may see of it. */
export interface HelperEnvironment {
  readonly catalog: Catalog
  readonly log: KafkaLog
  /** Milliseconds of processor time that the thread has used for the share; undefined: it is not counted. */
  readonly processorMs?: () => number
}

/** Not a limit: rows in one message. */
const ROWS = 512
/** Not a limit: bytes, about, of the rows in one message, but for its last row. */
const MESSAGE_BYTES = 256 * 1024
/**
 * Limit `share.ahead` (messages): rows, BADRECORD frames and live groups of one helper that its leader has not taken yet,
 * in messages of 512 rows or 256 KiB (groups: of half a second). Beyond it: the helper waits.
 */
const AHEAD = 8
/** How often the leader hears how far the helper is. */
const COUNTS_MS = 200

/** The leader has gone. */
class Gone extends UserError {}

/** Reads the one share that comes over the port. Resolves when all has been sent, or the leader has gone. */
export function help(port: ExchangePort, environment: HelperEnvironment): Promise<void> {
  return new Promise((resolve) => {
    const helper = new Helper(port, environment)
    port.on('close', () => {
      helper.leave()
      resolve()
    })
    port.on('message', (message: ToHelper) => {
      if (message.kind === 'share') void helper.read(message.share)
      else if (message.kind === 'taken') helper.taken()
      else helper.stop()
    })
  })
}

/** Rows on their way to the leader: where they come in, and how those that wait are sent. */
interface SharedRows {
  readonly first: Operator
  flush(): void
}

class Helper {
  readonly #port: ExchangePort
  readonly #environment: HelperEnvironment
  readonly #abort = new AbortController()
  #ahead = 0
  #room: PromiseWithResolvers<void> | undefined
  #frames: string[] = []
  #rows: RowSender | undefined
  #frameBytes = 0
  #stopped = false

  constructor(port: ExchangePort, environment: HelperEnvironment) {
    this.#port = port
    this.#environment = environment
  }

  leave(): void {
    this.#abort.abort(new Gone('The query that was helped has ended.'))
    this.taken()
  }

  stop(): void {
    this.#stopped = true
    this.taken()
  }

  taken(): void {
    this.#ahead = Math.max(0, this.#ahead - 1)
    if (this.behind) return
    this.#room?.resolve()
    this.#room = undefined
  }

  async read(share: Share): Promise<void> {
    const statistics = new Statistics('', 0)
    try {
      const tables = await this.#tables(share)
      if (tables === undefined) return this.#send({ kind: 'refused' })
      await this.#run(share, tables, statistics)
    } catch (cause) {
      if (!this.#abort.signal.aborted) this.#send({ kind: 'failed', error: encodeError(cause) })
    }
  }

  /** `moved`: memory that belongs to the leader from now on. */
  #send(message: FromHelper, moved: readonly ArrayBuffer[] = []): void {
    if (!this.#abort.signal.aborted) this.#port.postMessage(message, moved)
  }

  /** The state is at its end with that. */
  #sendGroups(state: AggregateState): void {
    const moved: ArrayBuffer[] = []
    this.#ahead++
    this.#send({ kind: 'groups', groups: state.partial(moved) }, moved)
  }

  /** The tables that the share names; undefined where one of them is read in another way here. */
  async #tables(share: Share): Promise<((name: TableName) => Table) | undefined> {
    const names = new Map<string, TableName>()
    decodePlan([share.scan, share.sink], (name) => {
      names.set(JSON.stringify(name), name)
      return undefined as never
    })
    const tables = new Map<string, Table>()
    for (const [key, name] of names) {
      const table = await this.#environment.catalog.table(name.topic)
      if (table === undefined) return undefined
      const same = { ...table, name: name.name }
      if (JSON.stringify(tableName(same)) !== key) return undefined
      tables.set(key, same)
    }
    return (name) => tables.get(JSON.stringify(name)) as Table
  }

  async #run(share: Share, table: (name: TableName) => Table, statistics: Statistics): Promise<void> {
    const scan = decodePlan<Scan>(share.scan, table)
    const counts = (): ShareCounts => ({
      progress: run.progress(),
      badRecords: statistics.badRecords,
      badAsRows: statistics.badAsRows,
      processorMs: this.#environment.processorMs?.() ?? 0,
    })
    const context = this.#context(share, statistics, () => this.#send({ kind: 'counts', counts: counts() }))
    const { sink, rows } = this.#sink(share, table)
    const source: ScanSource = {
      kind: 'scan',
      scan,
      sink,
      done: false,
      finish: nothingHeld,
    }
    let state = sink.kind === 'aggregate' ? sink.state : undefined
    let sent = 0
    const helper = this
    // What has come since the last time: the leader adds it to its own groups. A new state begins, with the limits anew.
    const snapshot = function* (): Generator<void> {
      if (sink.kind !== 'aggregate' || state === undefined) return
      if (helper.behind || statistics.recordsScanned === sent) return
      sent = statistics.recordsScanned
      helper.#sendGroups(state)
      state = newState(sink.plan, share)
      run.aggregateInto({ ...sink, state })
      // The helper waits here while its leader is behind.
      yield
    }
    const run = new ScanRun({ backlogs: [], snapshot, windows: undefined }, source, context)
    const bounds = share.lastOffsets.map(([partition, last]) => ({ partition, start: 0, end: last + 1 }))
    const { ranges, minTimestampMs, whole } = share
    const stopped = await run.share({ ranges, bounds, skippedPartitions: [], minTimestampMs }, whole)
    if (rows !== undefined) await this.#sendRest(rows)
    this.#flushFrames()
    if (share.live && state !== undefined) {
      this.#sendGroups(state)
      state = undefined
    }
    const moved: ArrayBuffer[] = []
    const groups = state?.partial(moved)
    this.#send({ kind: 'done', counts: counts(), stopped, groups }, moved)
  }

  #context(share: Share, statistics: Statistics, sendStats: () => void): ScanContext {
    const writer = new FrameWriter(
      { send: (frame) => this.#frame(frame), drained: () => this.#drained() },
      null,
      '00000000-0000-4000-8000-000000000000',
    )
    return {
      writer,
      render: share.render,
      functions: { nowMs: share.nowMs, doubles: share.doubles },
      limits: share.limits,
      log: this.#environment.log,
      settings: share.settings,
      statistics,
      sourceId: share.sourceId,
      signal: this.#abort.signal,
      statsMs: COUNTS_MS,
      sendStats,
      live: share.live,
      now: systemClock.now,
      title: share.title,
      deadline: systemClock.monotonic() + share.leftMs,
      halted: () => this.#stopped,
      sharedBytes: new BigInt64Array(share.sharedBytes),
    }
  }

  /** Rows that an operator holds (the first ones of ORDER BY), and those of a message that is not full. */
  async #sendRest({ first, flush }: SharedRows): Promise<void> {
    const turns = new Turns()
    for (const _ of first.finish()) {
      await this.#drained()
      await turns.due()
      this.#abort.signal.throwIfAborted()
    }
    flush()
  }

  #sink(share: Share, table: (name: TableName) => Table): { sink: Sink; rows?: SharedRows } {
    const { sink, limits } = share
    if (sink.kind === 'aggregate') {
      const plan = decodePlan<Aggregate>(sink.plan, table)
      return { sink: { kind: 'aggregate', plan, state: newState(plan, share) } }
    }
    if (sink.kind === 'emit') return this.#records(decodePlan(sink.body, table))
    const columns = decodePlan<readonly BoundExpr[]>(sink.columns, table)
    const body = decodePlan<{ shape: OutputShape; metadata: boolean } | undefined>(sink.body, table)
    const sender = this.#sender()
    const first: Operator =
      sink.top === undefined
        ? sender
        : new SortOperator(sink.top.keys, sink.top.rows, new MemoryBudget('max.sort.bytes', limits.sortBytes), sender)
    return { sink: { kind: 'rows', body, columns, next: first }, rows: { first, flush: () => sender.flush() } }
  }

  /** Texts of frames, which the leader sends. */
  #records(body: { readonly shape: OutputShape; readonly metadata: boolean }): {
    sink: Sink
    rows: SharedRows
  } {
    const sender = this.#sender()
    const limit = new LimitState({ skip: 0, count: Number.MAX_SAFE_INTEGER, implied: false })
    const writer = {
      record: (text: string, partition: number, offset: number): Sent => {
        sender.push([text, partition, offset])
        return sender.full ? SENT.behind : SENT.whole
      },
    }
    return { sink: { kind: 'emit', ...body, limit, writer }, rows: { first: sender, flush: () => sender.flush() } }
  }

  #sender(): RowSender {
    this.#rows = new RowSender((rows) => {
      // What was found before stands before.
      this.#flushFrames()
      this.#ahead++
      this.#send({ kind: 'rows', rows: encodeRows(rows) })
    }, this)
    return this.#rows
  }

  get behind(): boolean {
    return this.#ahead >= AHEAD && !this.#stopped && !this.#abort.signal.aborted
  }

  get stopped(): boolean {
    return this.#stopped
  }

  #drained(): Promise<void> | undefined {
    this.#flushFrames()
    if (!this.behind) return undefined
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  #frame(frame: string): void {
    this.#rows?.flush()
    this.#frames.push(frame)
    this.#frameBytes += frame.length
    if (this.#frames.length >= ROWS || this.#frameBytes >= MESSAGE_BYTES) this.#flushFrames()
  }

  #flushFrames(): void {
    if (this.#frames.length === 0) return
    this.#ahead++
    this.#send({ kind: 'frames', frames: this.#frames })
    this.#frames = []
    this.#frameBytes = 0
  }
}

/** Collects rows into messages. */
class RowSender implements Operator {
  readonly #send: (rows: readonly Row[]) => void
  readonly #helper: { readonly behind: boolean; readonly stopped: boolean }
  #rows: Row[] = []
  #bytes = 0

  constructor(send: (rows: readonly Row[]) => void, helper: { readonly behind: boolean; readonly stopped: boolean }) {
    this.#send = send
    this.#helper = helper
  }

  readonly done = false
  get full(): boolean {
    return this.#helper.behind
  }
  push(row: Row): void {
    this.#rows.push(row)
    this.#bytes += sizeOfRow(row)
    if (this.#rows.length >= ROWS || this.#bytes >= MESSAGE_BYTES) this.flush()
  }
  flush(): void {
    if (this.#rows.length === 0) return
    this.#send(this.#rows)
    this.#rows = []
    this.#bytes = 0
  }
  finish = nothingHeld
}

function newState(plan: Aggregate, { limits, doubles }: Share): AggregateState {
  const { groups, groupBytes, collectBytes } = limits
  return new AggregateState(plan, { groups, groupBytes, collectBytes }, doubles)
}
