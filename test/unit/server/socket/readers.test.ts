/**
 * Clients that read slowly, that read nothing, and that say nothing, on every path. The engine is a stand-in that has
 * more to say than fits anywhere.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it, test } from 'node:test'
import { WebSocket } from 'ws'
import { record } from '../../../../src/protocol/frames.ts'
import type { Run } from '../../../../src/server/socket/session.ts'
import { BEARER, type Fixture, PATHS, startFixture, summary, TOKEN } from '../fixture.ts'

const ROWS = 20_000
const VALUE = 'x'.repeat(1000)
const BYTES = ROWS * VALUE.length
const COLUMN = { kind: 'struct', fields: [{ name: 'x', type: { kind: 'string' }, nullable: false }] } as const

/** Sends so many rows as the statement says, and waits for its reader; says what it was up to. */
const state = { sent: 0, aborted: false }
const flood: Run = async (request, _environment, sink, signal) => {
  Object.assign(state, { sent: 0, aborted: false })
  const rows = Number(request.sql.replace(/\D/g, ''))
  sink.rows?.({ type: COLUMN, statementIndex: null })
  for (; state.sent < rows && !signal.aborted; state.sent++) {
    sink.send(record(JSON.stringify({ x: VALUE }), state.sent, 'r', null))
    if (state.sent % 100 === 99) await sink.drained()
  }
  state.aborted = signal.aborted
  return summary({ results: state.sent, outcome: signal.aborted ? 'cancelled' : 'end' })
}

async function opened(url: string, path: string): Promise<WebSocket> {
  const ws = new WebSocket(url.replace('http', 'ws') + path, { headers: BEARER })
  ws.on('error', () => undefined)
  await once(ws, 'open')
  return ws
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('readers', () => {
  let patient: Fixture
  let strict: Fixture
  before(async () => {
    patient = await startFixture(flood, { limits: { 'server.jdbc.close.timeout': 0 } })
    strict = await startFixture(flood, { limits: { 'server.stalled.send.timeout': '400ms' } })
  })
  after(async () => {
    await Promise.all([patient.server.close(0), strict.server.close(0)])
  })

  for (const [name, { path, jdbc }] of Object.entries(PATHS)) {
    it(`${name}: a slow reader slows the query, and gets every row`, async () => {
      const ws = await opened(patient.server.url, path)
      const types: string[] = []
      ws.on('message', (data) => types.push(JSON.parse(data.toString()).type))
      ws.send(JSON.stringify({ sql: `SELECT ${ROWS}` }))
      ws.pause()
      await wait(150)
      const held = state.sent * VALUE.length
      assert.ok(held < BYTES / 2, `${held} of ${BYTES} bytes were made for nobody`)
      ws.resume()
      const [code] = await once(ws, 'close')
      assert.equal(code, 1000)
      assert.equal(types.filter((t) => t === 'RECORD').length, ROWS)
      assert.deepEqual([types[0], types.at(-1)], [jdbc ? 'SCHEMA' : 'RECORD', 'END'])
    })

    it(`${name}: one that reads nothing is cut off, and its query ends`, async () => {
      const ws = await opened(strict.server.url, path)
      ws.send(JSON.stringify({ sql: 'SELECT 100000000' }))
      ws.pause()
      for (let i = 0; !state.aborted; i++) {
        assert.ok(i < 400, 'the query should end')
        await wait(25)
      }
      ws.terminate()
    })
  }
})

test('a thousand sockets that say nothing, on all paths: each is told and closed, and the server answers others meanwhile', {
  timeout: 60_000,
}, async () => {
  const { server } = await startFixture(undefined, {
    limits: {
      'server.first.message.timeout': '1500ms',
      'server.max.connections': 1010,
      'server.max.connections.per.address': 1010,
      'server.max.connections.per.user': 1010,
      'server.max.connections.unauthenticated': 1010,
      'server.jdbc.close.timeout': 0,
    },
  })
  const paths = Object.values(PATHS)
  try {
    const outcomes = Array.from({ length: 1000 }, async (_, i) => {
      const ws = new WebSocket(server.url.replace('http', 'ws') + paths[i % paths.length].path, { headers: BEARER })
      const said: string[] = []
      ws.on('message', (data) => {
        const { type, data: text } = JSON.parse(data.toString()) as { type: string; data?: string }
        said.push(type, ...(text === undefined ? [] : [text]))
      })
      const [code] = await once(ws, 'close')
      return `${said.join(' ')} ${code}`
    })
    await wait(300)
    for (const { path, jdbc } of paths) {
      const ws = await opened(server.url, path)
      const types: string[] = []
      ws.on('message', (data) => types.push(JSON.parse(data.toString()).type))
      ws.send(JSON.stringify({ sql: 'SELECT 1', token: TOKEN }))
      const [code] = await once(ws, 'close')
      assert.deepEqual([code, types], [1000, jdbc ? ['END', 'END', 'END', 'END'] : ['RECORD', 'RECORD', 'END']], path)
    }
    assert.equal((await fetch(`${server.url}/health`)).status, 200)
    const expected =
      'ERROR No message came within 1500 ms after the connection was made (server.first.message.timeout). END 1000'
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set([expected]))
  } finally {
    await server.close(0)
  }
})

describe('JDBC connections that wait for their clients to close them', () => {
  const JDBC = Object.values(PATHS).find(({ jdbc }) => jdbc)?.path ?? ''
  /** A result taken whole; the connection stays. */
  async function answered(url: string): Promise<{ ws: WebSocket; closed: Promise<number> }> {
    const ws = await opened(url, JDBC)
    const closed = once(ws, 'close').then(([code]) => code as number)
    let ends = 0
    await new Promise<void>((resolve, reject) => {
      ws.on('message', (data) => {
        const { type, data: text } = JSON.parse(data.toString()) as { type: string; data?: string }
        if (type === 'ERROR') reject(new Error(text))
        if (type === 'END' && ++ends === 4) resolve()
      })
      ws.send(JSON.stringify({ sql: 'SELECT 1', token: TOKEN }))
    })
    return { ws, closed }
  }
  const patience = { 'server.jdbc.close.timeout': '60s' }

  it('run no query: others of the same user may, and the server says so', async () => {
    const { server } = await startFixture(undefined, {
      limits: { ...patience, 'max.concurrent.queries': 1, 'max.concurrent.queries.per.user': 1 },
    })
    try {
      const all = [await answered(server.url), await answered(server.url), await answered(server.url)]
      assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^sluice_running_queries\S* 0$/m)
      for (const { ws } of all) assert.equal(ws.readyState, ws.OPEN)
    } finally {
      await server.close(0)
    }
  })

  it('give way, the oldest first, when connections run out; those that are not through do not', async () => {
    const { server } = await startFixture(undefined, { limits: { ...patience, 'server.max.connections': 2 } })
    try {
      const first = await answered(server.url)
      const second = await answered(server.url)
      const third = await answered(server.url)
      assert.ok([1000, 1006].includes(await first.closed))
      assert.equal(second.ws.readyState, second.ws.OPEN)
      const silent = [await opened(server.url, JDBC), await opened(server.url, JDBC)]
      await Promise.all([second.closed, third.closed])
      const refused = new WebSocket(server.url.replace('http', 'ws') + JDBC, { headers: BEARER })
      refused.on('error', () => undefined)
      const [, response] = await once(refused, 'unexpected-response')
      assert.equal(response.statusCode, 503)
      for (const ws of silent) ws.terminate()
    } finally {
      await server.close(0)
    }
  })

  it('do not hold up a server that stops', async () => {
    const { server } = await startFixture(undefined, { limits: { ...patience, 'shutdown.grace': '60s' } })
    const { closed } = await answered(server.url)
    const stopped = server.close()
    assert.equal(await closed, 1000)
    await stopped
  })
})
