/**
 * Callers that do not keep to the rules, and TLS: nothing of it may end the process, leak memory or let somebody in.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import { record } from '../../../../src/protocol/frames.ts'
import { parseRequest } from '../../../../src/protocol/request.ts'
import type { OpenEnvironment } from '../../../../src/server/environment.ts'
import { eventually } from '../../../support/eventually.ts'
import {
  AGENT_PATH,
  ask,
  BEARER,
  converse,
  DEMO_PATH,
  fakeEnvironment,
  startFixture,
  summary,
  TOKEN,
} from '../fixture.ts'

test('the reading of a first message never throws, and takes what is right', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json({ maxDepth: 1 }).map((value) => `{"sql":${value},"live":${value},"stats":${value},"token":${value}}`),
      ),
      (text) => {
        const parsed = parseRequest(text)
        assert.ok(parsed.request === undefined ? parsed.problem.length > 0 : typeof parsed.request.sql === 'string')
      },
    ),
    { seed: 1, numRuns: 2000 },
  )
  assert.deepEqual(parseRequest('{"sql":"S","token":"t","live":true,"stats":2,"x":[1]}').request, {
    sql: 'S',
    token: 't',
    live: true,
    statsMs: 2,
  })
  assert.deepEqual(parseRequest('{"sql":"S","stats":0}').request, { sql: 'S', live: false })
  const deep = parseRequest(`{"sql":"S","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
  assert.equal(deep.request?.sql, 'S')
})

async function raw(
  port: number,
  bytes: string | Uint8Array,
): Promise<{ readonly socket: Socket; readonly answer: Promise<string> }> {
  const socket = connectTcp(port, '127.0.0.1')
  await once(socket, 'connect')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => undefined)
  const answer = once(socket, 'close').then(() => Buffer.concat(chunks).toString('latin1'))
  socket.write(bytes)
  return { socket, answer }
}

const HANDSHAKE = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nHost: x\r\n`

test('upgrades that are not right are answered, and the server lives on', async () => {
  const { server } = await startFixture()
  try {
    const auth = `Authorization: Bearer ${TOKEN}\r\n`
    const requests: readonly [string, RegExp][] = [
      [
        `GET ${DEMO_PATH} HTTP/1.1\r\n${HANDSHAKE.replace('Version: 13', 'Version: 7')}${auth}\r\n`,
        /^HTTP\/1\.1 4\d\d /,
      ],
      [
        `GET ${DEMO_PATH} HTTP/1.1\r\n${HANDSHAKE.replace(/Sec-WebSocket-Key.*\r\n/, '')}${auth}\r\n`,
        /^HTTP\/1\.1 400 /,
      ],
      [`POST ${DEMO_PATH} HTTP/1.1\r\n${HANDSHAKE}${auth}\r\n`, /^HTTP\/1\.1 405 /],
      [
        `GET ${DEMO_PATH} HTTP/1.1\r\n${HANDSHAKE.replace('websocket', 'h2c')}Connection: close\r\n${auth}\r\n`,
        /^HTTP\/1\.1 426 /,
      ],
      [`GET http://[bad HTTP/1.1\r\n${HANDSHAKE}\r\n`, /^HTTP\/1\.1 404 /],
      [
        `GET /environment/${'%41'.repeat(2000)}/proxy/api/ws/v2/sql/execute HTTP/1.1\r\n${HANDSHAKE}${auth}\r\n`,
        /^HTTP\/1\.1 404 /,
      ],
      [
        `GET ${DEMO_PATH} HTTP/1.1\r\n${HANDSHAKE}Authorization: Bearer ${'x'.repeat(5000)}\r\n\r\n`,
        /^HTTP\/1\.1 401 /,
      ],
      ['\u0016\u0003\u0001\u0002\u0000\u0001', /^HTTP\/1\.1 400 /],
    ]
    for (const [request, expected] of requests) {
      const { answer } = await raw(server.port, request)
      assert.match(await answer, expected, request.slice(0, 80))
    }
    assert.equal((await converse(server, DEMO_PATH, ask('SELECT 1'), BEARER)).frames.length, 3)
  } finally {
    await server.close()
  }
})

test('frames that break the WebSocket protocol end that connection only', async () => {
  let aborts = 0
  const { server } = await startFixture(async (request, _environment, sink, signal) => {
    sink.send(record('1', 0, 'r', null))
    if (request.sql !== 'short') {
      await once(signal, 'abort')
      aborts++
    }
    return summary()
  })
  const open = `GET ${AGENT_PATH} HTTP/1.1\r\n${HANDSHAKE}X-Kafka-Lenses-Token: ${TOKEN}\r\n\r\n`
  /** A masked client frame with a mask of zeros. */
  const frame = (opcode: number, payload: Buffer): Buffer =>
    Buffer.concat([Buffer.from([opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload])
  const good = frame(0x81, Buffer.from('{"sql":"long"}'))
  const bad: readonly Buffer[] = [
    Buffer.from([0x81, 0x05, 1, 2, 3, 4, 5]),
    frame(0xc1, Buffer.from('{}')),
    frame(0x83, Buffer.from('{}')),
    frame(0x80, Buffer.from('{}')),
    frame(0x81, Buffer.from([0xff, 0xfe])),
    Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Buffer.concat([good, Buffer.from([0x81, 0x05, 1, 2, 3, 4, 5])]),
    Buffer.concat([good, frame(0x88, Buffer.from([0x03, 0xe8]))]),
  ]
  try {
    for (const [i, bytes] of bad.entries()) {
      const { socket, answer } = await raw(server.port, open)
      await once(socket, 'data')
      socket.write(bytes)
      // A client that has said such things may still hold its side open: ours closes after the time for the closing
      // handshake at the latest.
      setTimeout(() => socket.end(), 300)
      const said = await answer
      if (i < 6) assert.ok(!said.includes('"RECORD"'), `case ${i}`)
    }
    for (let i = 0; i < 100 && aborts < 2; i++) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(aborts, 2)
    assert.equal((await converse(server, DEMO_PATH, ask('short'), BEARER)).frames.length, 2)
  } finally {
    await server.close(0)
  }
})

test('pings are answered in the middle of a result without breaking it', async () => {
  const count = 20_000
  const { server } = await startFixture(async (_request, _environment, sink) => {
    for (let i = 0; i < count; i++) {
      sink.send(record(JSON.stringify('é'.repeat(100)), i, 'r', null))
      if (i % 50 === 49) await (sink.drained() ?? new Promise((resolve) => setImmediate(resolve)))
    }
    return summary()
  })
  try {
    const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
    let rows = 0
    let pongs = 0
    ws.on('message', (data) => {
      const frame = JSON.parse(data.toString()) as { type: string; data: { rownum: number } }
      if (frame.type === 'RECORD') assert.equal(frame.data.rownum, rows++)
      if (rows % 500 === 0) ws.ping('x'.repeat(rows % 126))
    })
    ws.on('pong', () => pongs++)
    await once(ws, 'open')
    ws.send(ask('SELECT 1'))
    await once(ws, 'close')
    assert.equal(rows, count)
    assert.ok(pongs > 5)
  } finally {
    await server.close()
  }
})

test('many connections at once, some slow, some cut: nobody ever sees a byte of another one', async () => {
  const { server } = await startFixture(
    async (request, _environment, sink, signal) => {
      const value = JSON.stringify(request.sql.repeat(20))
      for (let i = 0; i < 3000 && !signal.aborted; i++) {
        sink.send(record(value, i, 'r', null))
        if (i % 50 === 49) await (sink.drained() ?? new Promise((resolve) => setImmediate(resolve)))
      }
      return summary()
    },
    { limits: { 'max.concurrent.queries.per.user': 0 } },
  )
  const client = async (i: number): Promise<number> => {
    const own = `client ${i} `
    const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
    let rows = 0
    ws.on('error', () => undefined)
    ws.on('message', (data) => {
      const frame = JSON.parse(data.toString()) as { type: string; data: { value: string; rownum: number } }
      if (frame.type !== 'RECORD') return
      assert.equal(frame.data.value, own.repeat(20))
      assert.equal(frame.data.rownum, rows++)
      if (i % 3 === 0 && rows === 100 + i * 7) ws.terminate()
      if (i % 3 === 1 && rows % 400 === 0) {
        ws.pause()
        setTimeout(() => ws.resume(), 5)
      }
    })
    await once(ws, 'open')
    ws.send(ask(own))
    await once(ws, 'close')
    return rows
  }
  try {
    const rows = await Promise.all(Array.from({ length: 45 }, (_, i) => client(i)))
    assert.ok(
      rows.every((count, i) => (i % 3 === 0 ? count >= 100 + i * 7 : count === 3000)),
      rows.join(' '),
    )
  } finally {
    await server.close(0)
  }
})

function openssl(folder: string): string | undefined {
  try {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        'key.pem',
        '-out',
        'cert.pem',
      ],
      { cwd: folder, stdio: 'pipe' },
    )
    return undefined
  } catch (cause) {
    return `openssl cannot make a certificate here: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`
  }
}

test('over TLS everything is the same', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'))
  try {
    const missing = openssl(folder)
    if (missing !== undefined) return t.skip(missing)
    const tls = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
    const text = 'x'.repeat(100_000)
    const { server } = await startFixture(
      async (_request, _environment, sink) => {
        for (let i = 0; i < 100; i++) {
          sink.send(record(JSON.stringify(text), i, 'r', null))
          await sink.drained()
        }
        return summary()
      },
      { server: { port: 0, tls } },
    )
    try {
      assert.match(server.url, /^https:/)
      const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, {
        headers: BEARER,
        ca: readFileSync(tls.certFile),
      })
      const frames: string[] = []
      ws.on('message', (data) => frames.push(data.toString()))
      await once(ws, 'open')
      ws.send(ask('SELECT 1'))
      const [code] = await once(ws, 'close')
      assert.equal(code, 1000)
      assert.equal(frames.length, 101)
      assert.ok(frames.slice(0, 100).every((frame, i) => frame === record(JSON.stringify(text), i, 'r', null)))
    } finally {
      await server.close()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('answers that nobody takes end with their connection; one that is being computed does not', async () => {
  // The first look at an environment that says nothing takes a second.
  const open: OpenEnvironment = async ({ name }) => fakeEnvironment(name, { probe: () => new Promise(() => undefined) })
  const { server } = await startFixture(undefined, { limits: { 'server.stalled.send.timeout': '50ms' } }, { open })
  try {
    assert.equal((await fetch(`${server.url}/health`)).status, 200)
    const socket = connectTcp(server.port, '127.0.0.1').on('error', () => undefined)
    await once(socket, 'connect')
    socket.pause()
    socket.write('GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(400))
    await eventually('it is cut', () => {
      socket.write(' ')
      return socket.destroyed
    })
  } finally {
    await server.close(0)
  }
})

test('whoever has lost an account while a body was on its way has lost it', async () => {
  const { server, config } = await startFixture()
  try {
    const text = JSON.stringify({ name: 'x', sql: 'SELECT 1' })
    const head = `PUT /api/v1/saved-queries/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n`
    for (const [isThere, status] of [
      // It runs, and this server keeps none.
      [true, 501],
      [false, 401],
    ] as const) {
      const { socket, answer } = await raw(server.port, head + text.slice(0, 5))
      // Answered behind what the other has sent.
      await (await fetch(`${server.url}/health`)).text()
      if (!isThere) server.setAccounts(config.users, [])
      socket.write(text.slice(5))
      assert.match(await answer, new RegExp(`^HTTP/1.1 ${status} `))
    }
  } finally {
    await server.close(0)
  }
})
