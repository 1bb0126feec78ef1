/**
 * What one account may use, over the embedded broker with queries on workers: maxima of the administrator, queries at
 * once, processor time; and that accounts of the same name are two.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { BatchWriter } from '../../../src/sandbox/log/batch-writer.ts'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { readConfig } from '../../../src/server/config/config.ts'
import { createLog } from '../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../src/server/start.ts'
import { ProcessorTime } from '../../../src/server/workers/processor.ts'
import { ProcessorShares } from '../../../src/server/workers/shares.ts'
import { eventually } from '../../support/eventually.ts'

const permissions = [{ environments: ['*'], topics: ['*'] }]
const OBEDIENT = new URL('../../support/obedient-worker.ts', import.meta.url)
const ACCOUNTS = {
  groups: [
    { name: 'analysts', limits: { 'max.sort.bytes': '8m', 'max.query.time': '1m', 'max.concurrent.queries': 2 } },
  ],
  users: [{ name: 'anna', password: 'secret', permissions }],
  serviceAccounts: [
    { name: 'anna', token: tokenOf('anna'), permissions },
    { name: 'ben', token: tokenOf('ben'), permissions, group: 'analysts' },
    { name: 'cleo', token: tokenOf('cleo'), permissions, group: 'analysts', limits: { 'max.sort.bytes': '16m' } },
  ],
}

let broker: Broker
before(async () => {
  broker = await startBroker()
  const writer = new BatchWriter()
  broker.createTopic('big')
  for (let i = 0; i < 2000; i += 50) {
    for (let n = i; n < i + 50; n++) {
      const value = Buffer.from(JSON.stringify({ n, text: 'x'.repeat(16_000) }))
      writer.add(1_700_000_000_000, null, { buffer: value, length: value.length })
    }
    broker.append('big', 0, writer.finish())
  }
})
after(() => broker.close())

function tokenOf(name: string): string {
  return `token-of-${name}-0123456789`
}

async function withServer(
  limits: Record<string, number | string>,
  use: (server: RunningServer) => Promise<void>,
  worker?: URL,
): Promise<void> {
  const config = await readConfig({
    server: { port: 0 },
    environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap] } }],
    ...ACCOUNTS,
    limits,
  })
  const server = await startServer(config, { log: createLog('silent'), worker })
  try {
    await use(server)
  } finally {
    await server.close(0)
  }
}

interface Frame {
  readonly type: string
  readonly data?: unknown
}
interface Asked {
  readonly frames: Frame[]
  readonly done: Promise<Frame[]>
  readonly socket: WebSocket
}

const V2 = '/api/v1/environments/demo/proxy/api/ws/v2/sql/execute'

function start(server: RunningServer, token: string, sql: string, reads = true): Asked {
  const socket = new WebSocket(server.url.replace('http', 'ws') + V2, { headers: { authorization: `Bearer ${token}` } })
  const frames: Frame[] = []
  let paused = false
  socket.on('message', (message) => {
    frames.push(JSON.parse(String(message)) as Frame)
    if (reads || paused || frames.at(-1)?.type !== 'RECORD') return
    // Once: it may be asked to go on.
    paused = true
    socket.pause()
  })
  socket.on('open', () => socket.send(JSON.stringify({ sql })))
  return { frames, done: once(socket, 'close').then(() => frames), socket }
}

async function values(server: RunningServer, token: string, sql: string): Promise<unknown[]> {
  const frames = await start(server, token, sql).done
  return frames.filter(({ type }) => type === 'RECORD').map(({ data }) => (data as { value: unknown }).value)
}

async function refusal(server: RunningServer, token: string, sql: string): Promise<string> {
  const frames = await start(server, token, sql).done
  return String(frames.find(({ type }) => type === 'ERROR')?.data ?? JSON.stringify(frames.slice(0, 3)))
}

/** A query that runs and goes on running, since its client has stopped reading after the first rows. */
async function holding(server: RunningServer, token: string, sql = 'SELECT * FROM big'): Promise<Asked> {
  const asked = start(server, token, sql, false)
  await eventually('the first row has come', () => asked.frames.some(({ type }) => type === 'RECORD'))
  return asked
}

test('SET goes up to the maximum of the account, of its group, of the server, and says whose it is', async () => {
  await withServer({ 'max.sort.bytes': '32m', 'max.size': '100m' }, async (server) => {
    const above = (name: string, value: string) =>
      refusal(server, tokenOf(name), `SET max.sort.bytes = ${value}; SELECT 1`)
    assert.match(
      await above('cleo', '17m'),
      /"max\.sort\.bytes" is 16m at most, not "17m": that is the maximum in the limits of the account "cleo"/,
    )
    assert.match(await above('ben', '9m'), /is 8m at most, not "9m": .* of the group "analysts"/)
    assert.match(await above('anna', '33m'), /is 32m at most, not "33m": .* of the server/)
    assert.match(
      await refusal(server, tokenOf('cleo'), 'SET lenses.sql.settings.max.time = 2m; SELECT 1'),
      /is 60s at most.*"analysts"/,
    )
    for (const [name, most] of [
      ['cleo', '16m'],
      ['ben', '8m'],
      ['anna', '32m'],
    ] as const)
      assert.equal((await values(server, tokenOf(name), `SET max.sort.bytes = ${most}; SELECT 1`)).length, 1, name)
    // Defaults are not above a maximum either.
    const settings = (await values(server, tokenOf('ben'), 'SHOW SETTINGS')) as { name: string; value: string }[]
    const shown = new Map(settings.map(({ name, value }) => [name, value]))
    assert.equal(shown.get('max.sort.bytes'), String(8 * 1024 * 1024))
    assert.equal(shown.get('max.size'), String(100 * 1024 * 1024))
    assert.equal(shown.get('max.query.time'), '60000')
  })
})

test('a maximum that is none, and a group that is not there, are mistakes of the configuration', async () => {
  const tree = { environments: [{ name: 'demo', kafka: { brokers: ['a:1'] } }], ...ACCOUNTS }
  const [account] = ACCOUNTS.serviceAccounts
  for (const [change, expected] of [
    [{ limits: { 'max.sort.bytes': '2g' } }, /limits\.max\.sort\.bytes: "2g" is not a size .*1024m at most/],
    [{ groups: [{ name: 'g', limits: { 'max.shoes': 1 } }] }, /groups\[0\]\.limits\.max\.shoes: unknown key/],
    [{ groups: [{ name: 'g', limits: { constructor: 1 } }] }, /groups\[0\]\.limits\.constructor: unknown key/],
    [{ serviceAccounts: [{ ...account, group: 'nobody' }] }, /\[0\]\.group: there is no such group among groups/],
    [
      { serviceAccounts: [{ ...account, limits: { 'max.concurrent.queries': 0 } }] },
      /max\.concurrent\.queries: 0 is not a whole number from 1/,
    ],
    [
      { serviceAccounts: [{ ...account, token: 'short' }] },
      /token: the value is too short to be a secret: .* 16 characters/,
    ],
  ] as const)
    await assert.rejects(
      readConfig({ ...tree, groups: [], users: [], serviceAccounts: [account], ...change }),
      expected,
    )
})

test('an account of a group runs as many queries at once as the group allows', async () => {
  await withServer({}, async (server) => {
    const held = [await holding(server, tokenOf('ben')), await holding(server, tokenOf('ben'))]
    assert.match(await refusal(server, tokenOf('ben'), 'SELECT 1'), /the limit max\.concurrent\.queries is 2/)
    assert.equal((await values(server, tokenOf('anna'), 'SELECT 1')).length, 1)
    for (const { socket } of held) socket.terminate()
  })
})

test('queries of a client that does not read count; the oldest one gives way to another of the same account', async () => {
  const limits = { 'max.concurrent.queries.per.user': 2, 'server.stalled.send.timeout': '24s' }
  await withServer(limits, async (server) => {
    const other = await holding(server, tokenOf('cleo'))
    const all: Asked[] = [await holding(server, tokenOf('anna')), await holding(server, tokenOf('anna'))]
    assert.match(
      await refusal(server, tokenOf('anna'), 'SELECT 1'),
      /the limit max\.concurrent\.queries\.per\.user is 2/,
    )
    await eventually(
      'one that has not read for a twelfth of its time gives way',
      async () => (await values(server, tokenOf('anna'), 'SELECT 1')).length === 1,
    )
    all[0].socket.resume()
    const told = (await all[0].done).find(({ type }) => type === 'ERROR')?.data
    assert.match(String(told), /nothing of it was read for a while.*"anna".*max\.concurrent\.queries\.per\.user is 2/)
    assert.equal(other.socket.readyState, other.socket.OPEN)
    const running = (await values(server, tokenOf('cleo'), 'SHOW QUERIES')) as { sql: string }[]
    assert.equal(running.filter(({ sql }) => sql === 'SELECT * FROM big').length, 1, 'that of the other account runs')
    for (const { socket } of [...all, other]) socket.terminate()
  })
})

test('a user and a service account of the same name see and end their own queries only', async () => {
  await withServer({}, async (server) => {
    const login = await fetch(`${server.url}/api/login`, {
      method: 'POST',
      body: JSON.stringify({ user: 'anna', password: 'secret' }),
    })
    const user = await login.text()
    const service = tokenOf('anna')
    const mine = await holding(server, user, "SELECT n, text, 'of the user' AS secret FROM big")
    const seen = async (token: string) =>
      ((await values(server, token, 'SHOW QUERIES')) as { id: string; sql: string; user: string }[]).filter(({ sql }) =>
        sql.includes('of the user'),
      )
    const [query] = await seen(user)
    assert.equal(query.user, 'anna', 'the name is shown as it is')
    assert.deepEqual(await seen(service), [])
    assert.match(await refusal(server, service, `KILL QUERY '${query.id}'`), /No query with the id/)
    const rest = (method: string, path: string, token: string) =>
      fetch(server.url + path, { method, headers: { authorization: `Bearer ${token}` } })
    for (const path of ['/api/v1/sql/queries', '/api/sql/queries']) {
      assert.ok(!(await (await rest('GET', path, service)).text()).includes('of the user'), path)
      assert.ok((await (await rest('GET', path, user)).text()).includes('of the user'), path)
    }
    assert.equal((await rest('DELETE', `/api/v1/sql/execution/${query.id}`, service)).status, 404)
    assert.equal((await seen(user)).length, 1)
    assert.equal((await rest('DELETE', `/api/v1/sql/execution/${query.id}`, user)).status, 204)
    mine.socket.terminate()
  })
})

test('a statement that uses too much of the processor ends with the limit’s name, also where there are no workers', async () => {
  await withServer({ 'server.workers': 0 }, async (server) => {
    const endless = 'SELECT COUNT(*) FROM big a CROSS JOIN big b CROSS JOIN big c'
    for (const before of ['', 'SELECT 1;']) {
      const told = await refusal(server, tokenOf('anna'), `${before} SET max.processor.time = 100ms; ${endless}`)
      assert.match(told, /used more than 0\.1s of processor time \(max\.processor\.time\)\. .*SET max\.processor\.time/)
    }
    assert.equal((await values(server, tokenOf('anna'), 'SET max.processor.time = 100ms; SELECT 1')).length, 1)
  })
})

test('a statement that uses too much of the processor ends with the limit’s name', async () => {
  await withServer({}, async (server) => {
    const endless = 'SELECT COUNT(*) FROM big a CROSS JOIN big b CROSS JOIN big c'
    const told = await refusal(server, tokenOf('anna'), `SELECT 1; SET max.processor.time = 100ms; ${endless}`)
    assert.match(told, /used more than 0\.1s of processor time \(max\.processor\.time\)\. .*SET max\.processor\.time/)
    assert.match(await refusal(server, tokenOf('anna'), 'SET max.processor.time = 8d; SELECT 1'), /is 7d at most/)
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    assert.ok(Number(/^sluice_query_processor_seconds_total (\S+)$/m.exec(metrics)?.[1]) >= 0.1, metrics)
    assert.ok(Number(/^sluice_worker_threads (\d+)$/m.exec(metrics)?.[1]) >= 1)
    assert.match(metrics, /^sluice_workers_ended_total\{reason="stalled"\} 0$/m)
    assert.match(metrics, /^process_resident_memory_bytes \d+$/m)
    await eventually('the threads have said how much they hold', async () =>
      /^sluice_worker_held_bytes [1-9]\d+$/m.test(await (await fetch(`${server.url}/metrics`)).text()),
    )
  })
})

test('processor time goes to the job that used it', () => {
  let thread = 0
  const time = new ProcessorTime(() => thread)
  const step = (ms: number): void => {
    thread += ms
    // Looks that are close together count as one.
    for (const until = performance.now() + 2; performance.now() < until; );
  }
  time.start(1)
  time.start(2)
  time.begin(1, 50)
  time.begin(2, 1000)
  step(30)
  assert.equal(time.look(1), undefined)
  time.resume(2)
  step(500)
  assert.equal(time.look(2), undefined)
  // The second goes on after its last look and gives way: it is its own time still.
  step(10)
  assert.equal(time.resume(1), undefined)
  assert.deepEqual([time.used(1), time.used(2)], [30, 510])
  step(21)
  assert.deepEqual(time.look(1), { job: 1, limitMs: 50 })
  step(5)
  assert.equal(time.look(1), undefined, 'it is told once')
  time.begin(1, 50)
  step(49)
  assert.equal(time.look(1), undefined, 'the next statement has all of its time')
  assert.equal(time.end(2), 510)
})

test('what other threads use for a statement counts for it, and not for the job on this thread', () => {
  const time = new ProcessorTime(() => 0)
  time.start(1)
  time.begin(1, 50)
  assert.equal(time.helped(1, 30), undefined)
  assert.deepEqual(time.helped(1, 21), { job: 1, limitMs: 50 })
  assert.equal(time.helped(1, 10), undefined, 'it is told once')
  time.begin(1, 50)
  assert.equal(time.helped(1, 50), undefined, 'the next statement has all of its time')
  assert.equal(time.helped(2, 50), undefined, 'of a job that is over')
  assert.equal(time.end(1), 0)
})

test('an account is over its share when it had more of the processor than that lately', () => {
  const clock = {
    at: 0,
    now: () => 0,
    monotonic: () => clock.at,
    after: () => ({ cancel: () => undefined }),
    every: () => ({ cancel: () => undefined }),
  }
  const shares = new ProcessorShares(clock, 50)
  shares.add('a', 900)
  assert.equal(shares.isOver('a'), false, 'little of all is no reason')
  shares.add('a', 9100)
  shares.add('b', 5000)
  assert.deepEqual([shares.isOver('a'), shares.isOver('b')], [true, false])
  clock.at += 30_000
  shares.add('b', 5000)
  assert.deepEqual([shares.isOver('a'), shares.isOver('b')], [false, true])
  assert.equal(shares.totalMs, 20_000)
})

test('what editors ask is answered on a worker: one that never comes back holds up nobody', async () => {
  await withServer(
    { 'server.worker.stall.timeout': 1000, 'server.call.timeout': '20s' },
    async (server) => {
      const post = (sql: string) =>
        fetch(`${server.url}/api/v1/environments/demo/proxy/api/v1/sql/presentation`, {
          method: 'POST',
          headers: { authorization: `Bearer ${tokenOf('anna')}` },
          body: JSON.stringify({ sql }),
        })
      assert.equal((await post('SELECT n FROM big')).status, 200)
      const spinning = post('SELECT 1 /* SPIN */')
      assert.equal((await fetch(`${server.url}/health`)).status, 200)
      const ended = await spinning
      assert.equal(ended.status, 503)
      assert.match(await ended.text(), /server\.worker\.stall\.timeout/)
      const { suggestions } = (await (await post('SELECT * FROM bi')).json()) as { suggestions: { text: string }[] }
      assert.ok(suggestions.some(({ text }) => text.includes('big')))
    },
    OBEDIENT,
  )
})
