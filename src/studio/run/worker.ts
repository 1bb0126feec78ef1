/**
 * The worker of a run: it sends the statement with the client library, keeps the rows, and answers for them. The page
 * hears how many there are, a few times a second, and asks for those that it draws.
 */
import { ConnectionError, connect, type Query } from '../../client/connect.ts'
import { systemClock } from '../../lib/clock.ts'
import type { RecordMetadata } from '../../protocol/frames.ts'
import { readFrame } from '../rows/frames.ts'
import type { FromWorker, Order, RunEvent, ToWorker } from './messages.ts'
import { MAX_BAD_PLACES } from './run-state.ts'
import { positionsAfter } from '../rows/positions.ts'
import { QUESTIONS } from '../rows/questions.ts'
import { columnsOf, Result } from '../rows/result.ts'
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
let running: { query: Query; cancelled: boolean } | undefined

function tell(event: RunEvent): void {
  scope.postMessage({ what: 'event', event })
}

async function run(order: Order): Promise<void> {
  running?.query.cancel()
  if (!order.append) result = new Result({ keepsIds: order.live })
  const { url, environment, sql, live, ceiling } = order
  const query = connect({ url, environment }).query(sql, { live, batch: true, stats: STATS_MS })
  const own = { query, cancelled: false }
  running = own
  const kept = result
  let told = { rows: -1, replaced: 0, version: -1, ms: 0 }
  const news = (): void => {
    const { rows, bytes, replaced, columns } = kept
    if (rows === told.rows && columns.version === told.version && replaced === told.replaced) return
    const isNew = columns.version !== told.version
    const now = { rows, bytes, replaced, columnsVersion: columns.version }
    tell({ what: 'rows', ...now, ...(isNew ? { columns: columnsOf(kept) } : {}) })
    told = { rows, replaced, version: columns.version, ms: systemClock.monotonic() }
  }
  let pauseAt = systemClock.monotonic() + SLICE_MS
  let [bad, places]: [number, RecordMetadata[]] = [0, []]
  const tellBad = (): void => {
    if (bad > 0) tell({ what: 'bad', count: bad, places })
    bad = 0
    places = []
  }
  try {
    let opened = false
    for await (const text of query.texts()) {
      if (own.cancelled) break
      if (!opened) tell({ what: 'opened' })
      opened = true
      const frame = readFrame(text)
      if (frame.type === 'RECORD') {
        if (!kept.add(frame.data, ceiling, frame.rowId)) {
          news()
          tell({ what: 'full', by: kept.rows >= ceiling.rows ? 'rows' : 'bytes', resume: positionsAfter(kept) })
          query.cancel()
          return
        }
      } else if (frame.type === 'STATS') tell({ what: 'stats', stats: frame.stats })
      else if (frame.type === 'SENTINEL') tell({ what: 'sentinel', reason: frame.reason })
      else if (frame.type === 'BADRECORD') {
        bad++
        if (places.length < MAX_BAD_PLACES) places.push(frame.place)
      } else if (frame.type === 'ERROR') {
        news()
        tell({ what: 'error', message: frame.message })
        return
      }
      const nowMs = systemClock.monotonic()
      if (nowMs - told.ms > NEWS_MS) {
        news()
        tellBad()
      }
      if (nowMs > pauseAt) {
        await turn()
        pauseAt = systemClock.monotonic() + SLICE_MS
      }
    }
    news()
    tellBad()
    tell({ what: own.cancelled ? 'cancelled' : 'ended' })
  } catch (cause) {
    news()
    const message = cause instanceof Error ? cause.message : String(cause)
    if (cause instanceof ConnectionError) tell({ what: 'lost', message, resume: positionsAfter(kept) })
    else tell({ what: 'error', message })
  }
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
  if (data.what === 'start') void run(data.order)
  else if (data.what === 'ask') answer(data.id, data.name, data.input)
  else if (running !== undefined) {
    running.cancelled = true
    running.query.cancel()
  }
})
