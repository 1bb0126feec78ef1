/** Connections before anyone has said who he is: how many, how long, how much; and who gives way to whom. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import type { Run } from '../../../../src/server/socket/session.ts'
import { eventually } from '../../../support/eventually.ts'
import { AGENT_PATH, ask, BEARER, converse, DEMO_PATH, startFixture, summary } from '../fixture.ts'

const HANDSHAKE = `GET ${AGENT_PATH} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nHost: x\r\n\r\n`

interface Raw {
  readonly socket: Socket
  /** What came so far. */
  said(): string
  readonly closed: Promise<void>
}

async function raw(port: number, ...texts: readonly (string | Buffer)[]): Promise<Raw> {
  const socket = connectTcp(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  for (const text of texts) socket.write(text)
  return { socket, said: () => Buffer.concat(chunks).toString('latin1'), closed }
}

/** A masked fragment of a text message: the first one, or one that goes on. */
function fragment(bytes: number, opcode: 0 | 1): Buffer {
  const head = Buffer.from([opcode, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeBigUInt64BE(BigInt(bytes), 2)
  return Buffer.concat([head, Buffer.alloc(bytes, 'x')])
}

const forever: Run = (_request, _environment, _sink, signal) =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(summary({ outcome: 'cancelled' })), { once: true })
  })

test('callers without a credential take only their part, the oldest gives way, and accounts never do', async () => {
  const { server } = await startFixture(forever, { limits: { 'server.max.connections.unauthenticated': 5 } })
  try {
    const account = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
    await once(account, 'open')
    account.send(ask('SELECT 1'))
    const silent: Raw[] = []
    for (let i = 0; i < 20; i++) silent.push(await raw(server.port, i % 2 === 0 ? HANDSHAKE : 'GET / HTTP/1.1\r\n'))
    await Promise.all(silent.slice(0, 15).map(({ closed }) => closed))
    assert.equal(account.readyState, account.OPEN, 'the account’s connection stays')
    assert.equal((await fetch(`${server.url}/health`)).status, 200, 'one more always gets in')
    const { frames } = await converse(server, AGENT_PATH, ask('SELECT 1', { token: 'nobody' }))
    assert.equal(frames[0].type, 'ERROR')
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    assert.match(metrics, /^sluice_connections_cut_total (?:1[5-9]|2\d)$/m)
    assert.ok(Number(/^sluice_connections_unauthenticated (\d+)$/m.exec(metrics)?.[1]) <= 5)
    account.terminate()
    for (const { socket } of silent) socket.destroy()
  } finally {
    await server.close(0)
  }
})

for (const limit of ['server.max.connections', 'server.max.connections.per.address', 'server.max.connections.per.user'])
  test(`${limit} is named in the refusal of one more; idle HTTP connections give way before`, async () => {
    const { server } = await startFixture(forever, { limits: { [limit]: 2 } })
    try {
      // A connection that is kept open after its answer.
      const idle = await raw(
        server.port,
        `GET /api/auth HTTP/1.1\r\nHost: x\r\nAuthorization: ${BEARER.authorization}\r\n\r\n`,
      )
      await eventually('the answer is there', () => idle.said().includes('"user":"ci"'))
      const open = await Promise.all(
        [1, 2].map(async () => {
          const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
          await once(ws, 'open')
          return ws
        }),
      )
      await idle.closed
      const one = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
      one.on('error', () => undefined)
      const [, response] = await once(one, 'unexpected-response')
      assert.equal(response.statusCode, 503)
      let body = ''
      for await (const chunk of response) body += chunk
      assert.match(body, new RegExp(`the limit ${limit.replaceAll('.', '\\.')} is 2\\.`))
      for (const ws of open) ws.terminate()
    } finally {
      await server.close(0)
    }
  })

test('first messages under way hold so many bytes at most, and come in so many fragments', async () => {
  const { server } = await startFixture(undefined, {
    limits: { 'server.max.pending.bytes': '256k', 'server.max.message.fragments': 10 },
  })
  try {
    const all: Raw[] = []
    for (let i = 0; i < 5; i++) all.push(await raw(server.port, HANDSHAKE, fragment(100_000, 1)))
    await eventually(
      'some are cut',
      () => all.filter(({ said }) => said().includes('server.max.pending.bytes')).length >= 3,
    )
    await Promise.all(all.filter(({ said }) => said().includes('ERROR')).map(({ closed }) => closed))
    for (const { socket } of all) socket.destroy()
    const crumbs = await raw(
      server.port,
      HANDSHAKE,
      fragment(1, 1),
      ...Array.from({ length: 20 }, () => fragment(1, 0)),
    )
    await crumbs.closed
    assert.match(crumbs.said(), /The first message comes in more than 10 fragments \(server\.max\.message\.fragments\)/)
    assert.equal((await converse(server, DEMO_PATH, ask('SELECT 1'), BEARER)).frames.at(-1)?.type, 'END')
  } finally {
    await server.close(0)
  }
})

test('a head and a body that do not come are waited for as long as their limits say', async () => {
  const { server } = await startFixture(undefined, {
    limits: { 'server.header.timeout': '300ms', 'server.request.timeout': '1500ms', 'server.idle.timeout': '300ms' },
  })
  try {
    const started = performance.now()
    const head = await raw(server.port, 'GET /health HTTP/1.1\r\nHost: x\r\n')
    const silent = await raw(server.port)
    const body = await raw(server.port, 'POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{')
    await Promise.all([head.closed, silent.closed, body.closed])
    assert.match(head.said(), /^HTTP\/1\.1 408 /)
    assert.match(body.said(), /^HTTP\/1\.1 408 /)
    // Looked at once a second; the defaults are 10 and 30 seconds.
    assert.ok(performance.now() - started < 20_000)
  } finally {
    await server.close(0)
  }
})

test('a body is read only from callers with a good credential; that of a login is small', async () => {
  const { server } = await startFixture()
  const post = (path: string, length: number, more = '') =>
    raw(server.port, `POST ${path} HTTP/1.1\r\nHost: x\r\n${more}Content-Length: ${length}\r\n\r\n`)
  try {
    // No byte of any body is sent: the answer cannot have waited for it.
    for (const [path, length, status] of [
      ['/api/v1/sql/presentation', 1000, 401],
      ['/api/v1/environments/demo/proxy/api/proxy-sr/subjects/a', 1000, 401],
      ['/nowhere', 1000, 404],
      ['/api/login', 65_537, 413],
      ['/api/v1/login', 65_537, 413],
      ['/api/v1/logout', 65_537, 413],
      ['/api/v1/environments', 65_537, 413],
    ] as const) {
      const { socket, said } = await post(path, length)
      await eventually(`${path} is answered`, () => said().startsWith(`HTTP/1.1 ${status} `))
      socket.destroy()
    }
    const text = JSON.stringify({ sql: 'SELECT ', caret: 7 })
    const { socket, said } = await post(
      '/api/v1/sql/presentation',
      text.length,
      `Authorization: ${BEARER.authorization}\r\nContent-Type: application/json\r\n`,
    )
    assert.equal((await fetch(`${server.url}/health`)).status, 200)
    assert.equal(said(), '', 'that of an account is waited for')
    socket.write(text)
    await eventually(
      'it is answered as its body says',
      () => /^HTTP.1.1 200 /.test(said()) && said().includes('suggestions'),
    )
    socket.destroy()
  } finally {
    await server.close(0)
  }
})

test('every answer says that it is no page to be run', async () => {
  const { server } = await startFixture()
  try {
    for (const path of [
      '/health',
      '/metrics',
      '/api/v1/environments',
      '/api/auth',
      '/nowhere',
      '/',
      '/api/v1/openapi.json',
    ]) {
      const { headers } = await fetch(server.url + path)
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
      assert.match(
        headers.get('content-security-policy') ?? '',
        /^default-src 'none';.*frame-ancestors 'none'(;|$)/,
        path,
      )
    }
    const refused = await raw(server.port, HANDSHAKE.replace(AGENT_PATH, '/nowhere'))
    await refused.closed
    assert.match(refused.said(), /x-content-type-options: nosniff/)
  } finally {
    await server.close(0)
  }
})
