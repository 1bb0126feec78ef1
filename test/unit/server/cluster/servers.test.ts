/**
 * Servers that share a state topic on the embedded broker: each shows the queries of the others, ends them where the
 * account may, and counts them; what is written to their topic by others changes nothing; without it each goes on alone.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, afterEach, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { produce } from '../../../../src/kafka/admin/produce.ts'
import { deleteTopic } from '../../../../src/kafka/admin/topics.ts'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import { type Broker, startBroker } from '../../../../src/sandbox/broker.ts'
import { type Clock, systemClock } from '../../../../src/lib/clock.ts'
import { hashPassword } from '../../../../src/server/access/secrets.ts'
import { readConfig } from '../../../../src/server/config/config.ts'
import { createLog } from '../../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../../src/server/start.ts'
import { eventually } from '../../../support/eventually.ts'

const NOT_AUTHORIZED = 29
const ALL = [{ environments: ['*'], topics: ['*'], rights: ['all'] }]
const READS = [{ environments: ['*'], topics: ['*'] }]
const KEY = 'a-key-of-at-least-thirty-two-bytes-1'
const tokenOf = (name: string) => `token-of-${name}-0123456789`
const FOLLOW = 'SELECT * FROM events'

let broker: Broker
let topics = 0
const open: { server: RunningServer; lines: string[] }[] = []
const sockets: WebSocket[] = []

before(async () => {
  broker = await startBroker()
  broker.createTopic('events')
})
after(() => broker.close())
afterEach(async () => {
  broker.faults.clear()
  for (const socket of sockets.splice(0)) socket.terminate()
  await Promise.all(open.splice(0).map(({ server }) => server.close(0)))
})

const newTopic = () => `state-${++topics}`

async function start(topic: string, more: { config?: object; key?: string; accounts?: object; clock?: Clock } = {}) {
  const lines: string[] = []
  const config = await readConfig({
    server: { port: 0, ...(more.key === undefined ? {} : { session: { key: more.key } }) },
    environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap] } }],
    state: { topic },
    serviceAccounts: [
      { name: 'admin', token: tokenOf('admin'), permissions: ALL },
      { name: 'anna', token: tokenOf('anna'), permissions: READS },
      { name: 'ben', token: tokenOf('ben'), permissions: READS, limits: { 'max.concurrent.queries': 2 } },
    ],
    limits: { 'server.workers': 0 },
    ...more.config,
    ...more.accounts,
  })
  const log = createLog('info', { write: (line: string) => void lines.push(line) })
  const server = await startServer(config, { log, clock: more.clock })
  open.push({ server, lines })
  return { server, lines }
}

/** All of them know each other. */
async function together(...servers: readonly { server: RunningServer }[]): Promise<void> {
  await eventually('they know each other', () =>
    servers.every(({ server }) => server.servers?.count === servers.length && !server.servers.isNew),
  )
}

interface Stop {
  readonly type: string
  readonly source: string
  readonly missing?: string
}

interface Frame {
  readonly type: string
  readonly data?: unknown
}

function ask({ server }: { server: RunningServer }, name: string, sql: string, follow = false) {
  const path = '/api/v1/environments/demo/proxy/api/ws/v2/sql/execute'
  const headers = { authorization: `Bearer ${tokenOf(name)}` }
  const socket = new WebSocket(server.url.replace('http', 'ws') + path, { headers })
  sockets.push(socket)
  const frames: Frame[] = []
  socket.on('message', (message) => frames.push(JSON.parse(String(message)) as Frame))
  socket.on('open', () => socket.send(JSON.stringify({ sql, follow })))
  const done = once(socket, 'close').then(() => {
    const rows = frames.filter(({ type }) => type === 'RECORD').map(({ data }) => (data as { value: unknown }).value)
    const error = frames.find(({ type }) => type === 'ERROR')?.data as string | undefined
    const stops = frames.filter(({ type }) => type === 'SENTINEL').map(({ data }) => (data as { reason: Stop }).reason)
    return { rows: rows as Record<string, unknown>[], error, stops }
  })
  return { frames, done, socket }
}

/** A query that runs until it is ended. */
async function running(on: { server: RunningServer }, name: string) {
  const asked = ask(on, name, FOLLOW, true)
  await eventually('it runs', () => asked.frames.some(({ type }) => type === 'METADATA'))
  return asked
}

async function shown(on: { server: RunningServer }, name: string, sql = 'SHOW QUERIES') {
  return (await ask(on, name, sql).done).rows.filter((row) => row['sql'] === FOLLOW)
}

/** The queries that follow, once as many are shown. */
async function eventuallyShown(on: { server: RunningServer }, name: string, count: number, sql?: string) {
  let rows: Record<string, unknown>[] = []
  await eventually(`${count} are shown`, async () => {
    rows = await shown(on, name, sql)
    return rows.length === count
  })
  return rows
}

function rest({ server }: { server: RunningServer }, name: string, path: string, method = 'GET') {
  return fetch(server.url + path, { method, headers: { authorization: `Bearer ${tokenOf(name)}` } })
}

async function write(topic: string, ...values: readonly (string | null)[]): Promise<void> {
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  const records = values.map((value) => ({ key: Buffer.from('x'), value: value === null ? null : Buffer.from(value) }))
  await produce(cluster, topic, records)
  cluster.close()
}

test('queries of another server are shown with its name; an account sees its own only', async () => {
  const topic = newTopic()
  const [one, two] = [await start(topic), await start(topic)]
  await together(one, two)
  const query = await running(two, 'anna')
  const [row] = await eventuallyShown(one, 'anna', 1)
  assert.equal(row['server'], two.server.servers?.name)
  assert.equal(row['status'], 'Running')
  assert.equal((await eventuallyShown(one, 'admin', 1))[0]['user'], 'anna')
  assert.deepEqual(await shown(one, 'ben'), [])
  const list = (await (await rest(one, 'anna', '/api/v1/sql/queries')).json()) as Record<string, unknown>[]
  assert.equal(list.find(({ sql }) => sql === FOLLOW)?.['server'], two.server.servers?.name)
  assert.equal(list.find(({ sql }) => sql === FOLLOW)?.['isMine'], true)
  query.socket.terminate()
  await eventuallyShown(one, 'anna', 0)
  const [ended] = await eventuallyShown(one, 'anna', 1, 'SHOW ALL QUERIES')
  assert.equal(ended['status'], 'Killed')
  assert.notEqual(ended['finished'], null)
})

test('a query is ended from another server, by whom it belongs to and by who may', async () => {
  const topic = newTopic()
  const [one, two] = [await start(topic), await start(topic)]
  await together(one, two)
  const first = await running(two, 'anna')
  const [{ id }] = await eventuallyShown(one, 'anna', 1)
  assert.match((await ask(one, 'ben', `KILL QUERY '${id}'`).done).error ?? '', /No query with the id/)
  assert.equal((await rest(one, 'ben', `/api/v1/sql/execution/${id}`, 'DELETE')).status, 404)
  assert.equal((await ask(one, 'anna', `KILL QUERY '${id}'`).done).error, undefined)
  assert.match((await first.done).error ?? '', /The query was killed by "anna"/)
  assert.match((await ask(one, 'anna', `KILL QUERY '${id}'`).done).error ?? '', /No query with the id/)
  const second = await running(two, 'anna')
  const [{ id: next }] = await eventuallyShown(one, 'admin', 1)
  assert.equal((await rest(one, 'admin', `/api/v1/sql/execution/${next}`, 'DELETE')).status, 204)
  assert.match((await second.done).error ?? '', /The query was killed by admin/)
  // One that is in no list yet: all servers are asked.
  const unheard = await start(topic)
  const early = await ask(unheard, 'anna', "KILL QUERY 'nothing'").done
  assert.match(early.error ?? '', /just started and has not heard all others yet/)
  const [listed] = (await ask(unheard, 'anna', 'SHOW QUERIES').done).stops
  assert.match(listed.missing ?? '', /^Queries of other servers may be missing.* has just started/)
  const third = await running(unheard, 'anna')
  await together(one, two, unheard)
  const [{ id: last }] = await shown(unheard, 'anna')
  assert.match((await ask(one, 'ben', `KILL QUERY '${last}'`).done).error ?? '', /No query with the id/)
  assert.equal((await ask(one, 'anna', `KILL QUERY '${last}'`).done).error, undefined)
  assert.match((await third.done).error ?? '', /The query was killed/)
  assert.match((await ask(one, 'anna', "KILL QUERY 'nothing'").done).error ?? '', /No query with the id nothing/)
})

test('the server that runs a query decides once more who may end it', async () => {
  const topic = newTopic()
  const one = await start(topic)
  // There admin has no rights, and ben is unknown.
  const accounts = {
    serviceAccounts: [
      { name: 'admin', token: tokenOf('admin'), permissions: READS },
      { name: 'anna', token: tokenOf('anna'), permissions: READS },
    ],
  }
  const two = await start(topic, { accounts })
  await together(one, two)
  const query = await running(two, 'anna')
  const [{ id }] = await eventuallyShown(one, 'admin', 1)
  assert.match((await ask(one, 'admin', `KILL QUERY '${id}'`).done).error ?? '', /No query with the id/)
  assert.equal((await rest(one, 'admin', `/api/v1/sql/execution/${id}`, 'DELETE')).status, 404)
  assert.equal(query.socket.readyState, query.socket.OPEN)
})

test('queries of an account count on all servers', async () => {
  const topic = newTopic()
  const [one, two] = [await start(topic), await start(topic)]
  await together(one, two)
  const queries = [await running(two, 'ben'), await running(two, 'ben')]
  await eventually('they are counted', async () => {
    const { error = '' } = await ask(one, 'ben', 'SELECT 1').done
    return /Too many queries of "ben" are running, 2 of them on other servers: the limit .* is 2/.test(error)
  })
  assert.deepEqual((await ask(one, 'anna', 'SELECT 1').done).error, undefined)
  queries[0].socket.terminate()
  await eventually('there is a place', async () => (await ask(one, 'ben', 'SELECT 1').done).error === undefined)
  await two.server.close(0)
  await eventually('a server that stopped does not count', async () => one.server.servers?.count === 1)
  await running(one, 'ben')
})

for (const key of [KEY, undefined])
  test(`failed logins count on all servers ${key === undefined ? 'only where they are signed' : 'that have the key'}`, async () => {
    const topic = newTopic()
    const users = [{ name: 'anna', passwordHash: await hashPassword('secret'), permissions: READS }]
    const accounts = { users, limits: { 'server.workers': 0, 'server.max.login.failures': 3 } }
    const [one, two] = [await start(topic, { key, accounts }), await start(topic, { key, accounts })]
    await together(one, two)
    const login = async (on: { server: RunningServer }, user: string, password: string) => {
      const body = JSON.stringify({ user, password })
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${on.server.url}/api/login`, { method: 'POST', headers, body })
      return { status: answer.status, text: await answer.text() }
    }
    for (const password of ['a', 'b', 'c']) assert.equal((await login(two, 'anna', password)).status, 401)
    // Nobody's name is told; it would be a place for whoever invents names.
    assert.equal((await login(two, 'nobody', 'x')).status, 401)
    // What is said of queries is said together with it.
    await running(two, 'admin')
    await eventuallyShown(one, 'admin', 1)
    const { status, text } = await login(one, 'anna', 'secret')
    if (key === undefined) return assert.equal(status, 200)
    assert.equal(status, 429)
    assert.match(text, /server\.max\.login\.failures is 3 an hour/)
    assert.equal((await login(one, 'nobody', 'x')).status, 401)
    await two.server.close(0)
    await eventually('a server that stopped does not count', async () => one.server.servers?.count === 1)
    assert.equal((await login(one, 'anna', 'secret')).status, 200)
  })

test('what others write to the topic changes nothing, and is said once', async () => {
  const topic = newTopic()
  const one = await start(topic, { key: KEY })
  const two = await start(topic, { key: KEY })
  await together(one, two)
  const query = await running(two, 'anna')
  const [{ id }] = await eventuallyShown(one, 'anna', 1)
  const forged = { kind: 'kill', from: 'x', request: 'r', query: id, shown: 'x', account: 'service account admin' }
  const ghost = { kind: 'presence', from: 'g', seq: 1, at: Date.now(), name: 'g', since: 0, state: 'ready', left: 0 }
  await write(
    `${topic}_servers`,
    null,
    '',
    '{"kind":',
    'x'.repeat(100_000),
    JSON.stringify(forged),
    JSON.stringify({ ...ghost, accounts: [['x', 1]], queries: [] }),
  )
  const passedOver = async (): Promise<number> => {
    const text = await (await fetch(`${two.server.url}/metrics`)).text()
    return Number(/^sluice_servers_records_passed_over_total (\d+)$/m.exec(text)?.[1])
  }
  await eventually('all are passed over', async () => (await passedOver()) === 6)
  assert.equal(two.lines.filter((line) => line.includes('was passed over')).length, 1)
  assert.equal(query.socket.readyState, query.socket.OPEN)
  assert.equal(one.server.servers?.count, 2)
  assert.equal((await ask(one, 'anna', `KILL QUERY '${id}'`).done).error, undefined)
  assert.match((await query.done).error ?? '', /killed/)
})

test('without a key a record of another server is believed, and its lies are bounded', async () => {
  const topic = newTopic()
  // Five seconds are over at once.
  const after = (ms: number, run: () => void) => systemClock.after(ms === 5000 ? 10 : ms, run)
  const one = await start(topic, { clock: { ...systemClock, after } })
  await eventually('it is there', () => broker.store.topics.has(`${topic}_servers`))
  // The first record may come before the server listens.
  const own = { kind: 'presence', from: 'g', seq: 1, at: Date.now(), name: 'ghost', since: 0, state: 'ready', left: 0 }
  let seq = 0
  await eventually('it is believed', async () => {
    await write(`${topic}_servers`, JSON.stringify({ ...own, seq: ++seq, accounts: [], queries: [] }))
    return one.server.servers?.count === 2 && one.server.servers.condition === 'up'
  })
  const { error = '' } = await ask(one, 'anna', "KILL QUERY 'abc'").done
  assert.match(error, /"ghost" did not answer within 5000 ms \(servers\.kill\.timeout\)/)
})

test('what the lists of queries cannot say of other servers is said beside them', async () => {
  const topic = newTopic()
  const one = await start(topic, { config: { limits: { 'server.workers': 1 } } })
  await eventually('it is there', () => broker.store.topics.has(`${topic}_servers`))
  const about = { kind: 'presence', since: 0, state: 'ready', accounts: [], queries: [], left: 0 }
  let seq = 0
  await eventually('both are heard', async () => {
    seq++
    await write(
      `${topic}_servers`,
      JSON.stringify({ ...about, from: 'g', seq, at: Date.now(), name: 'busy', left: 7 }),
      JSON.stringify({ ...about, from: 'h', seq, at: Date.now() - 3_600_000, name: 'lät\u0001e' }),
    )
    return (await ask(one, 'admin', 'SHOW QUERIES').done).stops.length === 2
  })
  const [busy, late] = (await ask(one, 'admin', 'SHOW QUERIES').done).stops.map(({ missing = '' }) => missing)
  assert.equal(busy, '7 running queries of the server "busy" are not listed (servers.record.bytes).')
  assert.match(
    late,
    /^Queries of the server "lät\\u0001e" are not listed: its clock and .* 300000 \(servers\.clock\)\.$/,
  )
  const field = (await rest(one, 'admin', '/api/v1/sql/queries')).headers.get('sluice-incomplete')
  assert.match(field ?? '', /^7 running queries of the server "busy" .* "l\?t\\u0001e" are not listed/)
  // Whoever may write to the topic can have very much said; the field stays one that clients take.
  const many = Array.from({ length: 40 }, (_, i) => ({ ...about, from: `m${i}`, name: '\u0001'.repeat(300), left: 1 }))
  await write(`${topic}_servers`, ...many.map((each) => JSON.stringify({ ...each, seq: 1, at: Date.now() })))
  await eventually('they are heard', async () => (await ask(one, 'admin', 'SHOW QUERIES').done).stops.length > 40)
  const long = (await rest(one, 'admin', '/api/v1/sql/queries')).headers.get('sluice-incomplete') ?? ''
  assert.ok(long.length === 4004 && long.endsWith(' ...'), `${long.length}`)
})

test('the topic is no table, for nobody', async () => {
  const topic = newTopic()
  const one = await start(topic)
  await eventually('it is there', () => broker.store.topics.has(`${topic}_servers`))
  const config = broker.store.topics.get(`${topic}_servers`)?.config
  assert.deepEqual([config?.get('cleanup.policy'), config?.get('retention.ms')], ['delete', '600000'])
  for (const sql of [`SELECT * FROM \`${topic}_servers\``, `DROP TABLE \`${topic}_servers\``])
    assert.match((await ask(one, 'admin', sql).done).error ?? '', /[Uu]nknown table/, sql)
  const names = (await ask(one, 'admin', 'SHOW TABLES').done).rows.map((row) => row['name'])
  assert.ok(names.includes('events') && !names.some((name) => String(name).startsWith(topic)))
  assert.equal((await rest(one, 'admin', `/api/topics/${topic}_servers`)).status, 404)
})

test('a topic that cannot be used leaves the server alone: it says so and goes on', async () => {
  const topic = newTopic()
  const [one, two] = [await start(topic), await start(topic)]
  await together(one, two)
  const rule = { kind: 'error', code: NOT_AUTHORIZED, topic: `${topic}_servers`, times: 1_000_000 } as const
  broker.faults.set({ ...rule, api: 'Produce' }, { ...rule, api: 'Fetch' })
  const health = async () => (await (await fetch(`${one.server.url}/health`)).json()) as Record<string, unknown>
  await eventually('it is said', async () => (await health())['serversTopic'] === 'down')
  assert.equal((await health())['status'], 'degraded')
  assert.equal((await health())['state'], 'ready')
  assert.equal(one.lines.filter((line) => line.includes('this server is alone')).length >= 1, true)
  assert.match(one.lines.join('\n'), /Allow READ, WRITE and DESCRIBE/)
  assert.match(await (await fetch(`${one.server.url}/metrics`)).text(), /^sluice_servers_topic_up 0$/m)
  assert.equal((await ask(one, 'anna', 'SELECT 1').done).error, undefined)
  assert.match((await ask(one, 'anna', "KILL QUERY 'x'").done).error ?? '', /the others cannot be reached: .*/)
  // Lists of queries say that they may not be whole: in SQL, and in a field of HTTP.
  for (const sql of ['SHOW QUERIES', 'SHOW ALL QUERIES']) {
    const [{ type, source, missing = '' }] = (await ask(one, 'anna', sql).done).stops
    assert.deepEqual([type, source], ['UNHEARD', sql])
    assert.match(missing, /^Queries of other servers may be missing, as these cannot be heard: .*not authorized/)
  }
  for (const path of ['/api/v1/sql/queries', '/api/sql/queries'])
    assert.match((await rest(one, 'anna', path)).headers.get('sluice-incomplete') ?? '', /cannot be heard/, path)
  broker.faults.clear()
  await eventually('it is well again', async () => (await health())['serversTopic'] === 'up')
  await together(one, two)
  assert.deepEqual((await ask(one, 'anna', 'SHOW ALL QUERIES').done).stops, [])
  assert.equal((await rest(one, 'anna', '/api/v1/sql/queries')).headers.get('sluice-incomplete'), null)
})

test('a topic that is deleted is made again', async () => {
  const topic = newTopic()
  const [one, two] = [await start(topic), await start(topic)]
  await together(one, two)
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  await deleteTopic(cluster, `${topic}_servers`)
  cluster.close()
  const query = await running(two, 'anna')
  await eventually('it is there', () => broker.store.topics.has(`${topic}_servers`))
  await eventuallyShown(one, 'anna', 1)
  query.socket.terminate()
})

test('nothing is shared without a state topic: no column, no topic', async () => {
  const config = { state: undefined }
  const one = await start('none', { config })
  assert.equal(one.server.servers, undefined)
  const query = await running(one, 'anna')
  assert.ok(!('server' in (await shown(one, 'anna'))[0]))
  assert.match((await ask(one, 'anna', "KILL QUERY 'x'").done).error ?? '', /No query with the id x/)
  assert.ok(!('serversTopic' in ((await (await fetch(`${one.server.url}/health`)).json()) as object)))
  query.socket.terminate()
})
