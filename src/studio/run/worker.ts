/**
 * The worker of a run: it sends the statement with the client library, keeps the rows, and answers for them. The page
 * hears how many there are, a few times a second, and asks for those that it draws.
 */
import { ConnectionError, connect, type Query } from '../../client/connect.ts'
import { systemClock, type Timer } from '../../lib/clock.ts'
import type { RecordMetadata, Stats } from '../../protocol/frames.ts'
import { type Frame, readFrame } from '../rows/frames.ts'
import { Held, type HeldRow } from './held.ts'
import type { FromWorker, Order, RunEvent, ToWorker } from './messages.ts'
import { MAX_BAD_PLACES } from './run-state.ts'
import { followAfter, positionsAfter } from '../rows/positions.ts'
import { QUESTIONS } from '../rows/questions.ts'
import { columnsOf, MAX_FOLLOWED_ROWS, Result } from '../rows/result.ts'
import { turn } from '../rows/slices.ts'

/** How often the page hears of new rows. */
const NEWS_MS = 80
/** How long the worker takes messages before it looks whether the page asks something. */
const SLICE_MS = 24
const STATS_MS = 250

interface Scope {
  postMessage(message: FromWorker): void
  addEventListener(type: 'message', listener: (event: { readonly data: ToWorker }) => void): void
}

const scope = globalThis as unknown as Scope
let result = new Result()
let running: Reading | undefined

/** One statement, from its start to its end: what comes, what of it is kept, what the page hears. */
class Reading {
  readonly query: Query
  cancelled = false
  readonly #order: Order
  readonly #kept: Result
  #held: Held | undefined
  /** The reading ended while it was paused. */
  #stopped = false
  /** By partition, where a following query began to read. */
  #begins = new Map<number, number>()
  /** Every partition was in the statistics. */
  #knowsAll = true
  #told = { rows: -1, replaced: 0, dropped: 0, version: -1, held: 0, ms: 0 }
  #timer: Timer | undefined
  #bad = 0
  #places: RecordMetadata[] = []

  constructor(order: Order, kept: Result) {
    this.#order = order
    this.#kept = kept
    const { url, environment, sql, live, follow } = order
    this.query = connect({ url, environment }).query(sql, {
      live,
      batch: true,
      stats: STATS_MS,
      ...(follow ? { follow } : {}),
    })
  }

  async run(): Promise<void> {
    let pauseAt = systemClock.monotonic() + SLICE_MS
    let opened = false
    try {
      for await (const text of this.query.texts()) {
        if (this.cancelled || this.#stopped) break
        if (!opened) this.#tell({ what: 'opened' })
        opened = true
        if (!this.#take(readFrame(text))) return
        const nowMs = systemClock.monotonic()
        if (nowMs - this.#told.ms > NEWS_MS) this.#news()
        else this.#soon()
        if (nowMs > pauseAt) {
          await turn()
          pauseAt = systemClock.monotonic() + SLICE_MS
        }
      }
      if (this.#stopped && !this.cancelled) return this.#news()
      this.resume()
      this.#news()
      this.#tell({ what: this.cancelled ? 'cancelled' : 'ended' })
    } catch (cause) {
      if (this.#stopped && !this.cancelled) return
      this.resume()
      this.#news()
      const message = cause instanceof Error ? cause.message : String(cause)
      if (cause instanceof ConnectionError) this.#tell({ what: 'lost', message, resume: this.#resume() })
      else this.#tell({ what: 'error', message })
    }
  }

  /** What is left of a reading that another one has followed is of no use. */
  #tell(event: RunEvent): void {
    if (running === this) scope.postMessage({ what: 'event', order: this.#order.number, event })
  }

  /** Tells of the last rows also when nothing comes behind them. */
  #soon(): void {
    this.#timer ??= systemClock.after(NEWS_MS, () => {
      this.#timer = undefined
      if (running === this) this.#news()
    })
  }

  pause(): void {
    if (this.#order.follow) this.#held ??= new Held()
  }

  /** Takes what has waited. */
  resume(): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    for (const row of held.rows()) if (!this.#keep(row)) return
    this.#news()
    if (this.#stopped && !this.cancelled) this.#tell({ what: 'behind', resume: this.#resume() })
  }

  cancel(): void {
    this.cancelled = true
    this.query.cancel()
    if (!this.#stopped) return
    // Nothing is read any more, so nothing else would say it.
    this.resume()
    this.#tell({ what: 'cancelled' })
  }

  /** False when that was the end. */
  #take(frame: Frame): boolean {
    switch (frame.type) {
      case 'RECORD':
        if (this.#held === undefined) return this.#keep(frame)
        if (this.#held.push(frame)) return true
        this.#stopped = true
        this.query.cancel()
        return true
      case 'STATS':
        if (this.#order.follow && this.#begins.size === 0) this.#begins = beginsOf(frame.stats)
        this.#knowsAll &&= frame.stats.sourcesRest === undefined
        this.#tell({ what: 'stats', stats: frame.stats })
        return true
      case 'SENTINEL':
        this.#tell({ what: 'sentinel', reason: frame.reason })
        return true
      case 'BADRECORD':
        this.#bad++
        if (this.#places.length < MAX_BAD_PLACES) this.#places.push(frame.place)
        return true
      case 'ERROR':
        this.#news()
        this.#tell({ what: 'error', message: frame.message })
        return false
      default:
        return true
    }
  }

  /** False when it was too much: the query is ended. */
  #keep({ data, rowId }: HeldRow): boolean {
    const { ceiling, follow } = this.#order
    const kept = this.#kept
    const most = follow ? { ...ceiling, rows: Math.min(ceiling.rows, MAX_FOLLOWED_ROWS) } : ceiling
    if (kept.add(data, most, rowId)) return true
    if (kept.newestFirst && kept.rows > 0) {
      kept.dropOldest(Math.ceil(kept.rows / 2))
      if (kept.add(data, most, rowId)) return true
    }
    this.#news()
    this.#tell({ what: 'full', by: kept.rows >= most.rows ? 'rows' : 'bytes', resume: this.#resume() })
    this.query.cancel()
    return false
  }

  #resume(): string | undefined {
    if (!this.#order.follow) return positionsAfter(this.#kept)
    // Where partitions that gave no rows began is not known of all: rows could be missing.
    return this.#knowsAll ? followAfter(this.#kept, this.#begins) : undefined
  }

  #news(): void {
    if (this.#bad > 0) this.#tell({ what: 'bad', count: this.#bad, places: this.#places })
    this.#bad = 0
    this.#places = []
    const held = this.#held?.count ?? 0
    if (held !== this.#told.held) this.#tell({ what: 'held', rows: held, stopped: this.#stopped })
    const { rows, bytes, replaced, dropped, newestFirst, columns } = this.#kept
    const told = { rows, replaced, dropped, version: columns.version, held, ms: systemClock.monotonic() }
    const isNew = told.version !== this.#told.version
    const { rows: before, replaced: replacedBefore, dropped: droppedBefore } = this.#told
    if (isNew || rows !== before || replaced !== replacedBefore || dropped !== droppedBefore) {
      const now = { rows, bytes, replaced, dropped, newestFirst, columnsVersion: columns.version }
      this.#tell({ what: 'rows', ...now, ...(isNew ? { columns: columnsOf(this.#kept) } : {}) })
    }
    this.#told = told
  }
}

function beginsOf({ sourcesStats }: Stats): Map<number, number> {
  const [source] = Object.values(sourcesStats)
  return new Map(Object.entries(source ?? {}).map(([partition, { begin }]) => [Number(partition), begin]))
}

function start(order: Order): void {
  const before = running
  running = undefined
  before?.cancel()
  if (!order.append) result = new Result({ keepsIds: order.live, follows: order.follow })
  running = new Reading(order, result)
  void running.run()
}

function answer(id: number, name: string, input: unknown): void {
  try {
    const question = (QUESTIONS as unknown as Record<string, (result: Result, input: unknown) => unknown>)[name]
    Promise.resolve(question(result, input)).then(
      (value) => scope.postMessage({ what: 'answer', id, value }),
      (cause: unknown) => scope.postMessage({ what: 'refusal', id, message: String(cause) }),
    )
  } catch (cause) {
    scope.postMessage({ what: 'refusal', id, message: String(cause) })
  }
}

scope.addEventListener('message', ({ data }) => {
  if (data.what === 'start') start(data.order)
  else if (data.what === 'ask') answer(data.id, data.name, data.input)
  else if (data.what === 'pause') running?.pause()
  else if (data.what === 'resume') running?.resume()
  else running?.cancel()
})
