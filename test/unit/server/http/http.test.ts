/** Requests as other clients and proxies make them, and answers in which no route has a part. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { AGENT_PATH, DEMO_PATH, startFixture, TOKEN } from '../fixture.ts'

/** Sends bytes and reads until the server closes. */
async function said(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => undefined)
  socket.write(bytes)
  await once(socket, 'close')
  return text
}

/** What Java's HttpClient sends with the first request of a connection. */
const OFFER = 'Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n'

test('an offer to speak another protocol is passed over: HTTP/2 over cleartext, and others', async () => {
  const { server } = await startFixture()
  const body = JSON.stringify({ user: 'admin', password: 'secret' })
  try {
    for (const protocol of ['h2c', 'H2C', 'TLS/1.2', 'h2c, websocket', 'x']) {
      const offer = `Host: x\r\n${OFFER}Upgrade: ${protocol}\r\n`
      const login = `POST /api/login HTTP/1.1\r\n${offer}Content-Length: ${body.length}\r\n\r\n${body}`
      const chunked = `POST /api/login HTTP/1.1\r\n${offer}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      const who = `GET /api/auth HTTP/1.1\r\n${offer}Authorization: Bearer ${TOKEN}\r\n\r\n`
      for (const request of [login, chunked, who, who.replace('GET', 'HEAD')]) {
        const text = await said(server.port, request)
        assert.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n/, request)
        if (request === who) assert.match(text, /"user":"ci"/)
      }
      const at = await said(server.port, `GET ${DEMO_PATH} HTTP/1.1\r\n${offer}\r\n`)
      assert.match(at, /^HTTP\/1\.1 426 [\s\S]*upgrade: websocket/)
    }
  } finally {
    await server.close(0)
  }
})

test('nothing behind an offer is run: not from the same bytes, not from those that come later', async () => {
  const { server, logged } = await startFixture()
  const offer = `GET /health HTTP/1.1\r\nHost: x\r\n${OFFER}Upgrade: h2c\r\n\r\n`
  const login = 'POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n{"user":"admin","password":"secret"}'
  const webSocket = `GET ${AGENT_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`
  try {
    for (const more of [[login], ['', login], ['POST /x HTTP/1.1\r\n', login], ['', webSocket], ['x', offer, login]]) {
      const socket = connect(server.port, '127.0.0.1').setEncoding('utf8').setNoDelay()
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('error', () => undefined)
      const closed = once(socket, 'close')
      socket.write(offer + more[0])
      for (const piece of more.slice(1)) socket.write(piece)
      await closed
      assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200'], more.join('|'))
    }
    assert.ok(!logged.some((line) => line.includes('"login"')), logged.join(''))
  } finally {
    await server.close(0)
  }
})

test('below a base path as well', async () => {
  const { server } = await startFixture(undefined, { server: { port: 0, basePath: '/sluice' } })
  try {
    const request = (path: string) =>
      `GET /sluice${path} HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n`
    assert.match(await said(server.port, request('/health/live')), /^HTTP\/1\.1 200 /)
    assert.match(await said(server.port, request(AGENT_PATH)), /^HTTP\/1\.1 426 /)
  } finally {
    await server.close(0)
  }
})

test('addresses and requests that cannot be read are answered as all others are', async () => {
  const { server } = await startFixture()
  const headers = (text: string) => {
    assert.match(text, /^content-security-policy: default-src 'none'; frame-ancestors 'none'\r$/im)
    assert.match(text, /^x-content-type-options: nosniff\r$/im)
    assert.match(text, /^referrer-policy: no-referrer\r$/im)
    assert.match(text, /^content-type: application\/json; charset=utf-8\r$/im)
  }
  const answer = async (bytes: string): Promise<{ status: string; body: Record<string, unknown> }> => {
    const text = await said(server.port, bytes)
    headers(text)
    const [head, body] = text.split('\r\n\r\n')
    return { status: head.slice(9, 12), body: JSON.parse(body) as Record<string, unknown> }
  }
  try {
    const why = (path: string) =>
      `The address "${path}" cannot be read: a "%" in it does not begin two hexadecimal digits of UTF-8.`
    for (const [path, keys] of [
      ['/api/v1/environments/demo/proxy/api/topics/%zz', ['type', 'title', 'status', 'request_id', 'error', 'fields']],
      ['/api/v1/environments/%c3%28', ['type', 'title', 'status', 'request_id']],
      ['/api/topics/%', ['error', 'fields']],
      ['/%', ['error', 'fields']],
      ['/health%', ['error', 'fields']],
    ] as const)
      for (const method of ['GET', 'DELETE']) {
        const { status, body } = await answer(`${method} ${path}?t=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
        assert.equal(status, '400')
        assert.deepEqual(Object.keys(body), keys)
        assert.equal(body.title ?? body.error, why(path))
      }
    assert.deepEqual(await answer('no request\r\n\r\n'), {
      status: '400',
      body: { error: 'This is no HTTP/1.1 request.', fields: [] },
    })
    const large = await answer(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
    assert.equal(large.status, '431')
    const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    for (const path of ['/%', '/api/v1/environments/%zz/proxy/api/ws/v2/sql/execute', '/nothing'])
      assert.equal((await answer(`GET ${path} HTTP/1.1\r\n${upgrade}`)).status, '404')
    assert.equal((await answer(`GET ${DEMO_PATH} HTTP/1.1\r\n${upgrade}`)).status, '401')
  } finally {
    await server.close(0)
  }
})

test('behind a proxy that ends TLS, cookies are for TLS alone; others are not believed', async () => {
  const cookies = async (server: object, proto: string): Promise<readonly string[]> => {
    const { server: running } = await startFixture(undefined, { server: { port: 0, ...server } })
    try {
      const response = await fetch(`${running.url}/api/v1/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-proto': proto },
        body: '{"username":"admin","password":"secret"}',
      })
      assert.equal(response.status, 204)
      return response.headers.getSetCookie()
    } finally {
      await running.close(0)
    }
  }
  const behind = { trustedProxies: ['127.0.0.1'] }
  for (const [server, proto, isSecure] of [
    [behind, 'https', true],
    [behind, 'http, HTTPS', true],
    [behind, 'http', false],
    [behind, 'https, http', false],
    [{ trustedProxies: ['10.0.0.1'] }, 'https', false],
    [{}, 'https', false],
  ] as const) {
    const set = await cookies(server, proto)
    assert.equal(set.length, 2)
    for (const cookie of set) assert.equal(/; Secure(?:;|$)/.test(cookie), isSecure, `${proto} ${cookie}`)
  }
})

test('what a balancer sends in front of a request is named, with what is to be done', async () => {
  const { server } = await startFixture()
  const get = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'
  try {
    for (const [bytes, expected] of [
      [`PROXY TCP4 192.0.2.1 192.0.2.2 5000 9991\r\n${get}`, /PROXY protocol, which .*send-proxy.*X-Forwarded-For/],
      [`PROXY UNKNOWN\r\n${get}`, /PROXY protocol, which/],
      [`\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c${'\x01'.repeat(12)}${get}`, /PROXY protocol, version 2/],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /HTTP\/2, .*use HTTP\/1\.1/],
      ['\x16\x03\x01\0\x05\x01\0\0\x01\x03\x03', /It is TLS, .*server\.tls/],
    ] as const) {
      const text = await said(server.port, bytes)
      assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/)
      assert.match(text, expected)
    }
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
    for (const request of ['GET /health HTTP/1.1\r\n\r\n', `GET ${AGENT_PATH} HTTP/1.1\r\n${upgrade}\r\n`])
      assert.match(await said(server.port, request), /^HTTP\/1\.1 400 [\s\S]*nosniff[\s\S]*needs the header Host/)
    assert.match(await said(server.port, 'GET /health HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /)
  } finally {
    await server.close(0)
  }
})

test('a whole address in place of a path is that path: for calls, sockets and below a base path', async () => {
  for (const basePath of ['', '/sluice']) {
    const { server } = await startFixture(undefined, { server: { port: 0, ...(basePath === '' ? {} : { basePath }) } })
    const asked = (path: string, headers = 'Connection: close\r\n') =>
      said(server.port, `GET http://elsewhere:1${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)
    try {
      assert.match(await asked(`${basePath}/health/live`), /^HTTP\/1\.1 200 /)
      assert.match(await asked(basePath), /^HTTP\/1\.1 200 [\s\S]*text\/html/)
      assert.match(await asked(`${basePath}?a=1`), /^HTTP\/1\.1 200 [\s\S]*text\/html/)
      assert.match(await asked(`${basePath}${AGENT_PATH}`), /^HTTP\/1\.1 426 /)
      const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
      assert.match(await asked(`${basePath}${DEMO_PATH}`, upgrade), /^HTTP\/1\.1 401 /)
    } finally {
      await server.close(0)
    }
  }
})
