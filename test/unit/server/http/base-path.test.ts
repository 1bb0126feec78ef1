/**
 * Addresses below a path: what is taken off, what clients are shown, whose word counts; and all of it through a small
 * proxy, over HTTP and WebSocket.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as ask, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connect } from '../../../../src/client/connect.ts'
import { BASE_PATH_LIMIT, BasePath, readBasePath } from '../../../../src/server/http/base-path.ts'
import { ConfigError, loadConfig } from '../../../../src/server/config/config.ts'
import { startFixture, TOKEN } from '../fixture.ts'

test('base paths: what is one', () => {
  for (const [given, path] of [
    ['/sluice', '/sluice'],
    ['/sluice/', '/sluice'],
    ['/a/b-c_1', '/a/b-c_1'],
    ['/', ''],
    ['/apis', '/apis'],
  ])
    assert.equal(readBasePath(given), path)
  const hostile = [
    '',
    'sluice',
    '//evil.example',
    '/a//b',
    '/..',
    '/a/../b',
    '/.',
    'https://evil.example',
    '/a b',
    '/a"b',
    "/a'b",
    '/<b>',
    '/a;Domain=x',
    '/a,/b',
    '/a%2fb',
    '/a\\b',
    '/a\nb',
    '/a?b',
    '/a#b',
    '/ä',
  ]
  for (const given of [
    ...hostile,
    '/api',
    '/api/x',
    '/environment',
    '/health',
    '/metrics/',
    `/${'a'.repeat(BASE_PATH_LIMIT)}`,
  ])
    assert.equal(readBasePath(given), undefined, given)
  const start = performance.now()
  assert.equal(readBasePath(`${'/a'.repeat(BASE_PATH_LIMIT / 2 - 1)}!`), undefined)
  assert.ok(performance.now() - start < 100)
})

test('the address inside, and what stands in front of it outside', () => {
  const cases: [own: string, header: string | undefined, url: string, inside: string, outside: string][] = [
    ['', undefined, '/health', '/health', ''],
    ['/s', undefined, '/s', '/', '/s'],
    ['/s', undefined, '/s?a=/s', '/?a=/s', '/s'],
    ['/s', undefined, '/s/health', '/health', '/s'],
    ['/s', undefined, '/health', '/health', '/s'],
    ['/s', undefined, '/sx', '/sx', '/s'],
    ['/s', undefined, '/s/s/health', '/s/health', '/s'],
    ['', '/outer', '/health', '/health', '/outer'],
    ['', '/outer', '/outer/health', '/health', '/outer'],
    ['/s', '/outer', '/s/health', '/health', '/outer/s'],
    ['/s', '/outer', '/outer/s/health', '/health', '/outer/s'],
    ['/s', '/outer', '/health', '/health', '/outer'],
    ['/s', '/s', '/s/health', '/health', '/s'],
    ['/s', '/outer/s', '/s/health', '/health', '/outer/s'],
    ['/s', '/outer/s', '/outer/s/health', '/health', '/outer/s'],
    ['/s', '//evil', '/health', '/health', '/s'],
    ['', '/a, /b', '/health', '/health', ''],
    ['', '/api', '/api/login', '/api/login', ''],
  ]
  for (const [own, header, url, inside, outside] of cases) {
    const headers = header === undefined ? {} : { 'x-forwarded-prefix': header }
    const base = new BasePath(own, true)
    assert.deepEqual(
      [base.inside(url, headers), base.outside(url, headers)],
      [inside, outside],
      `${own} ${header} ${url}`,
    )
  }
  const mistrusting = new BasePath('/s', false)
  assert.deepEqual(mistrusting.outside('/s/health', { 'x-forwarded-prefix': '/outer' }), '/s')
})

test('the configuration names the base path, and says what is wrong with one', async () => {
  const overrides = { brokers: 'a:1', serviceAccount: ['ci:0123456789abcdef'] }
  const config = await loadConfig({
    env: { SLUICE_SERVER_BASE_PATH: '/a', SLUICE_SERVER_TRUST_FORWARDED_PREFIX: 'true' },
    overrides: { ...overrides, basePath: '/sluice/' },
  })
  assert.equal(config.server.basePath, '/sluice')
  assert.equal(config.server.trustForwardedPrefix, true)
  for (const basePath of ['//x', 'x', '/api', '/a/..'])
    await assert.rejects(
      loadConfig({ overrides: { ...overrides, basePath } }),
      (e: unknown) =>
        e instanceof ConfigError && /server\.basePath \(from --base-path\).*a path such as \/sluice/.test(e.message),
    )
})

/** A proxy that owns `/tools/sluice`; with `strips` it takes that off and says so. */
async function startProxy(port: number, strips: boolean): Promise<Server> {
  const onward = (request: IncomingMessage) => {
    const url = strips ? (request.url ?? '').replace(/^\/tools\/sluice/, '') || '/' : request.url
    const headers = strips ? { ...request.headers, 'x-forwarded-prefix': '/tools/sluice' } : request.headers
    return ask({ port, host: '127.0.0.1', method: request.method, path: url, headers })
  }
  const proxy = createServer((request, response) => {
    if (request.url?.startsWith('/tools/sluice') !== true) return void response.writeHead(404).end('elsewhere')
    request.pipe(
      onward(request).on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      }),
    )
  })
  proxy.on('upgrade', (request, socket) => {
    const out = onward(request)
    out.on('upgrade', (answer, far, head) => {
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}`)
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`)
      socket.write(head)
      far.pipe(socket).pipe(far)
      far.on('error', () => socket.destroy())
      socket.on('error', () => far.destroy())
    })
    out.end()
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return proxy
}

for (const [how, strips, server] of [
  ['leaves the path', false, { port: 0, basePath: '/tools/sluice' }],
  ['takes it off, and the server is told', true, { port: 0, basePath: '/tools/sluice' }],
  ['takes it off and says so', true, { port: 0, trustForwardedPrefix: true }],
] as const)
  test(`through a proxy that ${how}`, async () => {
    const fixture = await startFixture(undefined, { server })
    const proxy = await startProxy(fixture.server.port, strips)
    const origin = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const url = `${origin}/tools/sluice`
    try {
      const page = await (await fetch(`${url}/`)).text()
      const links = [...page.matchAll(/href="([^"]+)"/g)].map(([, link]) => link)
      assert.equal(links.length, 5)
      for (const link of links)
        if (!link.startsWith('data:')) assert.equal((await fetch(new URL(link, url))).status, 200, link)
      assert.match(page, /ws:\/\/127\.0\.0\.1:\d+\/tools\/sluice\/api\/v1\/environments\/demo\/proxy\//)
      const { servers } = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as { servers: unknown }
      assert.deepEqual(servers, [{ url: '/tools/sluice' }])
      const login = await fetch(`${url}/api/v1/login`, {
        method: 'POST',
        body: JSON.stringify({ username: 'admin', password: 'secret' }),
      })
      const cookie = login.headers.get('set-cookie') ?? ''
      assert.match(cookie, /; Path=\/tools\/sluice; /)
      assert.equal((await fetch(`${url}/api/auth`, { headers: { cookie: cookie.split(';')[0] } })).status, 200)
      assert.match(
        (await fetch(`${url}/api/v1/logout`, { method: 'POST' })).headers.get('set-cookie') ?? '',
        /=; Max-Age=0; Path=\/tools\/sluice; /,
      )
      for (const environment of [undefined, 'demo']) {
        const rows: unknown[] = []
        for await (const row of connect({ url, token: TOKEN, ...(environment === undefined ? {} : { environment }) })
          .query('SELECT 1')
          .rows())
          rows.push(row)
        assert.deepEqual(rows, ['SELECT 1', 'SELECT 1'])
      }
    } finally {
      proxy.closeAllConnections()
      proxy.close()
      await fixture.server.close(0)
    }
  })

test('a forwarded prefix cannot put anything into a page, a cookie or a cache', async () => {
  const { server } = await startFixture(undefined, {
    server: { port: 0, trustForwardedPrefix: true, corsOrigins: ['http://page.example'] },
  })
  try {
    for (const hostile of [
      '//evil.example',
      '/"><script>',
      '/a; Domain=evil.example',
      '/..',
      `/${'a'.repeat(5000)}`,
      'javascript:alert(1)',
    ]) {
      const headers = { 'x-forwarded-prefix': hostile }
      const page = await fetch(`${server.url}/`, { headers })
      assert.equal(page.headers.get('vary'), 'Origin, X-Forwarded-Prefix')
      assert.match(await page.text(), /href="\/health"/)
      const body = JSON.stringify({ username: 'admin', password: 'secret' })
      const login = await fetch(`${server.url}/api/v1/login`, { method: 'POST', body, headers })
      assert.match(login.headers.get('set-cookie') ?? '', /; Path=\/; /)
    }
  } finally {
    await server.close(0)
  }
})
