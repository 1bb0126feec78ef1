/** What a pool holds of a job, and what becomes of one that was killed while its thread ends. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { type Counts, Queries, type QueryAbout } from '../../../src/engine/queries.ts'
import { openStore } from '../../../src/catalog/file-store.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { defaultLimits } from '../../../src/server/limits.ts'
import type { WebSocketOut } from '../../../src/server/socket/websocket-out.ts'
import { WorkerPool } from '../../../src/server/workers/pool.ts'
import { eventually } from '../../support/eventually.ts'

/** Begins every job; ends one that says `end`, and itself at one that says `die`, once the job is killed. */
const WORKER = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads'
    const done = (job, outcome) => parentPort.postMessage({ kind: 'done', job, processorMs: 0,
      summary: { id: 'x', outcome, results: 0, recordsScanned: 0, bytesRead: 0, badRecords: 0, durationMs: 1 } })
    const dies = new Set()
    parentPort.on('message', ({ kind, job, request }) => {
      if (kind === 'run') {
        parentPort.postMessage({ kind: 'began', job, id: 'query ' + job, startedAt: 1 })
        if (request.sql === 'end') done(job, 'end')
        if (request.sql === 'die') dies.add(job)
      }
      if (kind === 'kill' && dies.has(job)) process.exit()
      if (kind === 'kill') done(job, 'error')
      if (kind === 'stop') done(job, 'cancelled')
    })
    parentPort.postMessage({ kind: 'ready' })
  `)}`,
)

class Watched extends Queries {
  readonly signals: AbortSignal[] = []
  override begin(about: QueryAbout, statistics: Counts) {
    const entry = super.begin(about, statistics)
    this.signals.push(entry.signal)
    return entry
  }
}

const KILLER = { shown: '"anna"', account: 'user anna' }
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

async function withPool(
  check: (world: {
    readonly queries: Watched
    readonly said: string[]
    run(sql: string, signal: AbortSignal): ReturnType<WorkerPool['run']>
  }) => Promise<void>,
): Promise<void> {
  const queries = new Watched()
  const said: string[] = []
  const store = await openStore()
  const pool = new WorkerPool({
    environments: [],
    here: () => [],
    store,
    queries,
    limits: { ...defaultLimits(), 'server.workers': 1 },
    clock: systemClock,
    module: WORKER,
    failed: () => undefined,
  })
  const account = { name: 'anna', kind: 'user', permissions: [] } as const
  const view = { environment: 'demo', account, maxima: {}, defaults: {} } as unknown as Parameters<WorkerPool['run']>[1]
  const out = { send: (text: string) => void said.push(text) } as unknown as WebSocketOut
  try {
    await check({ queries, said, run: (sql, signal) => pool.run({ sql, live: false }, view, out, signal) })
  } finally {
    await pool.close()
    store.close()
  }
}

test('a job that is over leaves no listener, however it has ended', async () => {
  await withPool(async ({ queries, run }) => {
    for (const how of ['end', 'kill', 'stop']) {
      const client = new AbortController()
      const running = run(how, client.signal)
      await eventually('it has begun', () => queries.signals.length > 0)
      const [killed] = queries.signals.splice(0)
      if (how === 'kill') queries.kill(queries.running()[0].id, KILLER)
      if (how === 'stop') client.abort(new Error('gone'))
      await running
      assert.deepEqual([how, listeners(killed), listeners(client.signal)], [how, 0, 0])
    }
  })
})

test('a job has one listener of each kind while it runs', async () => {
  await withPool(async ({ queries, run }) => {
    const client = new AbortController()
    const running = run('nothing', client.signal)
    await eventually('it has begun', () => queries.signals.length > 0)
    assert.deepEqual([listeners(queries.signals[0]), listeners(client.signal)], [1, 1])
    client.abort(new Error('gone'))
    await running
  })
})

test('a query that was killed is not begun anew when its thread ends', async () => {
  await withPool(async ({ queries, said, run }) => {
    const client = new AbortController()
    const running = run('die', client.signal)
    await eventually('it has begun', () => queries.signals.length > 0)
    assert.equal(queries.kill(queries.running()[0].id, KILLER), 'ended')
    assert.equal((await running).outcome, 'error')
    assert.equal(queries.signals.length, 1, 'begun once')
    assert.match(said.join(), /The query was killed by "anna"|The query was killed by \\"anna\\"/)
    assert.deepEqual(
      queries.all().map(({ status }) => status),
      ['Killed'],
    )
  })
})
