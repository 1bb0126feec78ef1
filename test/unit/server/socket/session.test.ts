import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { record } from '../../../../src/protocol/frames.ts'
import type { Run } from '../../../../src/server/socket/session.ts'
import { eventually } from '../../../support/eventually.ts'
import { AGENT_PATH, ask, BEARER, converse, DEMO_PATH, startFixture, summary, TOKEN } from '../fixture.ts'

/** Runs until it is told to stop. */
const forever: Run = (_request, _environment, _sink, signal) =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(summary({ outcome: 'cancelled' })), { once: true })
  })

test('rows, END, close 1000; on every path', async () => {
  const { server } = await startFixture()
  try {
    for (const path of [AGENT_PATH, `${AGENT_PATH}?`, DEMO_PATH, '/environment/demo/proxy/api/ws/v2/sql/execute']) {
      const { frames, code } = await converse(server, path, ask('SELECT 1', { token: TOKEN }), BEARER)
      assert.deepEqual(
        frames.map((f) => f.type),
        ['RECORD', 'RECORD', 'END'],
        path,
      )
      assert.equal(code, 1000)
    }
  } finally {
    await server.close()
  }
})

test('frames of every length arrive whole and in order', async () => {
  const lengths = [
    0, 1, 50, 60, 70, 125, 126, 127, 300, 1000, 21800, 21900, 43000, 65400, 65500, 65600, 131_072, 400_000, 1_000_000,
  ]
  const texts = lengths.flatMap((n) => ['x'.repeat(n), 'é'.repeat(n >> 1), '\u{1F40B}'.repeat(n >> 2)])
  const { server } = await startFixture(async (_request, _environment, sink) => {
    for (const [i, text] of texts.entries()) {
      sink.send(record(JSON.stringify(text), i, 'r', null))
      await sink.drained()
    }
    return summary()
  })
  try {
    const { frames } = await converse(server, DEMO_PATH, ask('SELECT 1'), BEARER)
    const got = frames.filter((f) => f.type === 'RECORD').map((f) => (f.data as { value: string }).value)
    assert.equal(got.length, texts.length)
    for (const [i, text] of texts.entries()) assert.ok(got[i] === text, `text ${i} of ${text.length} units`)
  } finally {
    await server.close()
  }
})

test('HEARTBEAT comes in silence only', async () => {
  const { server } = await startFixture(
    async (_request, _environment, sink) => {
      for (let i = 0; i < 20; i++) {
        sink.send(record('1', i, 'r', null))
        await wait(10)
      }
      await wait(350)
      return summary()
    },
    { limits: { 'server.heartbeat.interval': '100ms' } },
  )
  try {
    const types = (await converse(server, DEMO_PATH, ask('SELECT 1'), BEARER)).frames.map((f) => f.type)
    assert.equal(
      types.slice(0, 20).every((t) => t === 'RECORD'),
      true,
      types.join(' '),
    )
    assert.ok(types.slice(20, -1).length >= 2 && types.slice(20, -1).every((t) => t === 'HEARTBEAT'), types.join(' '))
    assert.equal(types.at(-1), 'END')
  } finally {
    await server.close()
  }
})

test('a client that leaves aborts its query at once', async () => {
  for (const leave of ['close', 'terminate'] as const) {
    const aborted = Promise.withResolvers<number>()
    const started = Promise.withResolvers<void>()
    const { server } = await startFixture(async (_request, _environment, _sink, signal) => {
      started.resolve()
      await once(signal, 'abort')
      aborted.resolve(performance.now())
      return summary({ outcome: 'cancelled' })
    })
    try {
      const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
      await once(ws, 'open')
      ws.send(ask('SELECT 1'))
      await started.promise
      const from = performance.now()
      ws[leave]()
      assert.ok((await aborted.promise) - from < 500)
    } finally {
      await server.close()
    }
  }
})

test('a slow reader: drained() waits, memory stays bounded, everything arrives in the end', async () => {
  const value = JSON.stringify('x'.repeat(1000))
  let most = 0
  let waits = 0
  const count = 100_000
  const { server } = await startFixture(async (_request, _environment, sink) => {
    for (let i = 0; i < count; i++) {
      sink.send(record(value, i, 'r', null))
      if (i % 100 === 99) {
        most = Math.max(most, (sink as unknown as { unsentBytes: number }).unsentBytes)
        const room = sink.drained()
        if (room !== undefined) {
          waits++
          await room
        }
      }
    }
    return summary({ results: count })
  })
  try {
    const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
    await once(ws, 'open')
    ws.send(ask('SELECT 1'))
    ws.pause()
    await wait(200)
    let rows = 0
    let next = 0
    ws.on('message', (data) => {
      const frame = JSON.parse(data.toString())
      if (frame.type === 'RECORD') {
        assert.equal(frame.data.rownum, next++)
        rows++
      }
    })
    ws.resume()
    const [code] = await once(ws, 'close')
    assert.equal(code, 1000)
    assert.equal(rows, count)
    assert.ok(waits > 0, 'the writer had to wait')
    assert.ok(most < 2 * 1024 * 1024, `at most ${most} bytes waited`)
  } finally {
    await server.close()
  }
})

test('a client that takes nothing is cut off after server.stalled.send.timeout', async () => {
  const ended = Promise.withResolvers<void>()
  const { server } = await startFixture(
    async (_request, _environment, sink, signal) => {
      while (!signal.aborted) {
        for (let i = 0; i < 100; i++) sink.send(record(JSON.stringify('y'.repeat(1000)), i, 'r', null))
        await sink.drained()
        await new Promise((resolve) => setImmediate(resolve))
      }
      ended.resolve()
      return summary({ outcome: 'cancelled' })
    },
    { limits: { 'server.stalled.send.timeout': '300ms' } },
  )
  try {
    const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
    ws.on('error', () => undefined)
    await once(ws, 'open')
    ws.send(ask('SELECT 1'))
    ws.pause()
    await ended.promise
    ws.terminate()
  } finally {
    await server.close()
  }
})

test('limits on running queries name the setting and its value', async () => {
  const { server } = await startFixture(forever, {
    limits: { 'max.concurrent.queries.per.user': 2, 'max.concurrent.queries': 3 },
  })
  const open: WebSocket[] = []
  const begin = async (token: string) => {
    const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, {
      headers: { authorization: `Bearer ${token}` },
    })
    open.push(ws)
    await once(ws, 'open')
    ws.send(ask('SELECT 1'))
    await wait(30)
  }
  try {
    await begin(TOKEN)
    await begin(TOKEN)
    const own = await converse(server, DEMO_PATH, ask('SELECT 1'), BEARER)
    assert.match(String(own.frames[0].data), /max\.concurrent\.queries\.per\.user is 2/)
    assert.deepEqual(
      own.frames.map((f) => f.type),
      ['ERROR', 'END'],
    )
    await begin('narrow-token-0123456789')
    const all = await converse(server, DEMO_PATH, ask('SELECT 1'), { authorization: 'Bearer narrow-token-0123456789' })
    assert.match(String(all.frames[0].data), /max\.concurrent\.queries is 3/)
  } finally {
    for (const ws of open) ws.terminate()
    await server.close()
  }
})

test('a query whose client stopped reading does not use up the allowance of its user', async () => {
  const flood: Run = async (request, _environment, sink, signal) => {
    while (request.sql === 'flood' && !signal.aborted) {
      for (let i = 0; i < 100; i++) sink.send(record(JSON.stringify('y'.repeat(1000)), i, 'r', null))
      await (sink.drained() ?? new Promise((resolve) => setImmediate(resolve)))
    }
    return summary({ outcome: signal.aborted ? 'cancelled' : 'end' })
  }
  const { server } = await startFixture(flood, {
    limits: { 'max.concurrent.queries.per.user': 1, 'server.stalled.send.timeout': '3s' },
  })
  const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
  try {
    await once(ws, 'open')
    ws.send(ask('flood'))
    await wait(50)
    const types = async () => (await converse(server, DEMO_PATH, ask('SELECT 1'), BEARER)).frames.map((f) => f.type)
    assert.deepEqual(await types(), ['ERROR', 'END'])
    ws.pause()
    await wait(800)
    assert.deepEqual(await types(), ['END'])
  } finally {
    ws.terminate()
    await server.close(0)
  }
})

test('too many connections: 503 with the limit in it', async () => {
  const { server } = await startFixture(forever, { limits: { 'server.max.connections': 1 } })
  const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
  try {
    await once(ws, 'open')
    const second = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
    const [, response] = await once(second, 'unexpected-response')
    assert.equal(response.statusCode, 503)
  } finally {
    ws.terminate()
    await server.close()
  }
})

test('shutting down: a short query finishes, a long one is told, new connections are refused', async () => {
  let begun = 0
  const slow: Run = async (request, _environment, sink, signal) => {
    begun++
    const limit = request.sql === 'short' ? 100 : 60_000
    await Promise.race([wait(limit, undefined, { ref: false }), once(signal, 'abort')])
    if (signal.aborted) return summary({ outcome: 'cancelled' })
    sink.send(record('1', 0, 'r', null))
    return summary({ results: 1 })
  }
  const { server } = await startFixture(slow, { limits: { 'shutdown.grace': '400ms' } })
  const short = converse(server, DEMO_PATH, ask('short'), BEARER)
  const long = converse(server, DEMO_PATH, ask('long'), BEARER)
  await eventually('both run', () => begun === 2)
  const from = performance.now()
  const closed = server.close()
  assert.deepEqual(
    (await short).frames.map((f) => f.type),
    ['RECORD', 'END'],
  )
  const told = await long
  assert.deepEqual(
    told.frames.map((f) => f.type),
    ['ERROR', 'END'],
  )
  assert.match(String(told.frames[0].data), /shutting down.*shutdown\.grace/)
  assert.equal(told.code, 1000)
  await closed
  // The long one would take a minute.
  assert.ok(performance.now() - from < 20_000)
  await assert.rejects(fetch(`${server.url}/health`))
})

test('a fault inside is an ERROR with a reference, not a stack trace', async () => {
  const { server, logged } = await startFixture(async () => {
    throw new TypeError('boom at secret/place.ts')
  })
  try {
    const { frames, code } = await converse(server, DEMO_PATH, ask('SELECT 1'), BEARER)
    assert.deepEqual(
      frames.map((f) => f.type),
      ['ERROR', 'END'],
    )
    assert.match(String(frames[0].data), /^Internal error, reference [0-9a-f-]{36}/)
    assert.equal(code, 1000)
    assert.ok(logged.some((line) => line.includes('boom')))
  } finally {
    await server.close()
  }
})

test('the log holds no token, no literal of a statement and no row', async () => {
  const { server, logged } = await startFixture()
  try {
    await converse(
      server,
      AGENT_PATH,
      ask("SELECT * FROM t WHERE card = '4111111111111111' AND pin = 9876", { token: TOKEN }),
    )
    const all = logged.join('')
    assert.match(all, /query started/)
    assert.match(all, /query ended/)
    for (const secret of [TOKEN, '4111111111111111', '9876'])
      assert.ok(!all.includes(secret), `${secret} is in the log`)
  } finally {
    await server.close()
  }
})
