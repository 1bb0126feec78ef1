import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../../../src/lib/clock.ts'
import { type Account, Accounts, mayEnter, rightsOf } from '../../../../src/server/access/auth.ts'
import { defaultLimits } from '../../../../src/server/limits.ts'
import { hashPassword, hashToken, passwordHashProblem, passwordMatches } from '../../../../src/server/access/secrets.ts'
import { withoutLiterals } from '../../../../src/server/log.ts'
import { startFixture, TOKEN } from '../fixture.ts'

/** A clock that jumps: waiting costs no time, and is written down. */
function jumpingClock(): Clock & { at: number; readonly waits: number[] } {
  const clock = {
    at: 0,
    waits: [] as number[],
    now: () => clock.at,
    monotonic: () => clock.at,
    after(delayMs: number, run: () => void) {
      clock.waits.push(delayMs)
      clock.at += delayMs
      queueMicrotask(run)
      return { cancel: () => undefined }
    },
    every: () => ({ cancel: () => undefined }),
  }
  return clock
}

const all = [{ effect: 'allow', environments: ['*'], topics: ['*'] }] as const

test('hashes', async () => {
  const hash = await hashPassword('pässword')
  assert.equal(passwordHashProblem(hash), undefined)
  assert.equal(await passwordMatches('pässword', hash), true)
  assert.equal(await passwordMatches('pa\u0308ssword', hash), true, 'the same letters in another Unicode form')
  assert.equal(await passwordMatches('password', hash), false)
  assert.notEqual(hash, await hashPassword('pässword'))
  for (const bad of [
    '',
    'secret',
    'scrypt:1:1:1:AAAAAAAA:x',
    hash.replace('16384', '16385'),
    hash.replace('16384', '67108864'),
  ])
    assert.notEqual(passwordHashProblem(bad), undefined, bad)
})

test('a login token is good until server.session.timeout, or until the logout', async () => {
  const clock = jumpingClock()
  const accounts = new Accounts(
    [{ name: 'admin', passwordHash: await hashPassword('secret'), permissions: all }],
    [],
    { ...defaultLimits(), 'server.session.timeout': 1000 },
    clock,
  )
  const token = await accounts.login('admin', 'secret', '127.0.0.1')
  assert.match(String(token), /^[0-9a-f-]{36}$/)
  assert.equal(accounts.byToken(String(token))?.name, 'admin')
  clock.at += 999
  assert.equal(accounts.byToken(String(token))?.name, 'admin')
  clock.at += 1
  assert.equal(accounts.byToken(String(token)), undefined)
  const second = String(await accounts.login('admin', 'secret', '127.0.0.1'))
  accounts.logout(second)
  assert.equal(accounts.byToken(second), undefined)
})

test('wrong passwords cost more and more time, and a right one ends that', async () => {
  const clock = jumpingClock()
  const accounts = new Accounts(
    [{ name: 'admin', passwordHash: await hashPassword('secret'), permissions: all }],
    [],
    defaultLimits(),
    clock,
  )
  for (let i = 0; i < 10; i++) assert.equal(await accounts.login('admin', `wrong ${i}`, '10.0.0.1'), undefined)
  assert.deepEqual(clock.waits, [250, 500, 1000, 2000, 4000, 8000, 8000])
  // The name is slowed down from everywhere, the address for every name.
  await accounts.login('admin', 'wrong', '10.0.0.2')
  await accounts.login('nobody', 'wrong', '10.0.0.1')
  assert.deepEqual(clock.waits.slice(7), [8000, 8000])
  assert.notEqual(await accounts.login('admin', 'secret', '10.0.0.1'), undefined)
  clock.waits.length = 0
  assert.notEqual(await accounts.login('admin', 'secret', '10.0.0.1'), undefined)
  assert.deepEqual(clock.waits, [])
})

test('the oldest login gives way when there are too many', async () => {
  const clock = jumpingClock()
  const accounts = new Accounts(
    [{ name: 'admin', passwordHash: await hashPassword('secret'), permissions: all }],
    [],
    { ...defaultLimits(), 'server.max.sessions': 2 },
    clock,
  )
  const tokens: string[] = []
  for (let i = 0; i < 3; i++) tokens.push(String(await accounts.login('admin', 'secret', 'a')))
  assert.deepEqual(
    tokens.map((t) => accounts.byToken(t)?.name),
    [undefined, 'admin', 'admin'],
  )
})

test('service accounts: token alone or with the name in front', () => {
  const accounts = new Accounts(
    [],
    [{ name: 'ci', tokenHash: hashToken('to:ken'), permissions: all }],
    defaultLimits(),
    jumpingClock(),
  )
  assert.equal(accounts.byToken('to:ken')?.kind, 'service account')
  assert.equal(accounts.byToken('ci:to:ken')?.name, 'ci')
  for (const wrong of ['', 'ci', 'ci:', 'ken', 'cj:to:ken', 'x'.repeat(5000), hashToken('to:ken')])
    assert.equal(accounts.byToken(wrong), undefined, wrong)
})

test('permissions: what is not allowed is denied, and a denial wins', () => {
  const account = (permissions: Account['permissions']): Account => ({ name: 'a', kind: 'user', permissions })
  const nothing = account([])
  assert.equal(mayEnter(nothing, 'demo'), false)
  assert.equal(rightsOf(nothing, 'demo')('read', 'payments'), false)
  const some = account([
    { effect: 'allow', environments: ['de*'], topics: ['pay*', 'orders'] },
    { effect: 'deny', environments: ['*'], topics: ['*-secret'] },
    { effect: 'allow', environments: ['prod'], topics: [] },
  ])
  const may = (topic: string) => rightsOf(some, 'demo')('read', topic)
  assert.deepEqual(['payments', 'orders', 'orders2', 'pay-secret', 'other'].map(may), [true, true, false, false, false])
  assert.equal(rightsOf(some, 'prod')('read', 'payments'), false)
  assert.deepEqual(
    ['demo', 'prod', 'test'].map((e) => mayEnter(some, e)),
    [true, true, false],
  )
  assert.equal(mayEnter(account([{ effect: 'deny', environments: ['*'], topics: ['x'] }]), 'demo'), false)
})

test('statements are logged without their literals', () => {
  assert.equal(
    withoutLiterals(
      "SELECT a1, `we'ird 12` FROM t2 -- card 4111\nWHERE x = 'it''s' AND y >= 1.5e3 /* 99 */ AND z IN (1,\"two\") AND u = 'open 77",
    ),
    "SELECT a1, `we'ird 12` FROM t2 WHERE x = ? AND y >= ? AND z IN (?,?) AND u = ?",
  )
  assert.equal(withoutLiterals("SELECT 'card 41\\\n11' , 'open\\"), 'SELECT ? , ?')
  assert.equal(withoutLiterals(`SELECT '${'x'.repeat(10 << 20)}`), 'SELECT ?')
})

test('login over HTTP: the token opens the agent path and says who one is; a 401 never says token', async () => {
  const { server, logged } = await startFixture()
  try {
    const login = (password: string) =>
      fetch(`${server.url}/api/login`, {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: JSON.stringify({ user: 'admin', password }),
      })
    const good = await login('secret')
    assert.equal(good.status, 200)
    assert.match(good.headers.get('content-type') ?? '', /^text\/plain/)
    const token = await good.text()
    const auth = await fetch(`${server.url}/api/auth`, { headers: { 'X-Kafka-Lenses-Token': token } })
    assert.deepEqual(await auth.json(), {
      token,
      user: 'admin',
      schemaRegistryDelete: false,
      permissions: ['QueryTopic', 'ShowTopic'],
    })
    const bad = await login('wrong')
    assert.equal(bad.status, 401)
    assert.doesNotMatch(await bad.text(), /token/i)
    await fetch(`${server.url}/api/logout?token=${token}`)
    const after = await fetch(`${server.url}/api/auth`, { headers: { 'X-Kafka-Lenses-Token': token } })
    assert.equal(after.status, 401)
    assert.doesNotMatch(await after.text(), /token/i)
    assert.ok(!logged.join('').includes(token))
  } finally {
    await server.close()
  }
})

test('the page, the metrics and the health hold no secret; the page allows no script in its text', async () => {
  const { server } = await startFixture()
  try {
    const page = await fetch(`${server.url}/`)
    const policy = page.headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[\w+/=]{20,}';/)
    for (const part of ["base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"])
      assert.ok(policy.includes(part), part)
    assert.doesNotMatch(policy, /unsafe/)
    const html = await page.text()
    assert.match(html, /<h1>Sluice/)
    assert.match(html, new RegExp(`${new URL(server.url).host}/api/v1/environments/demo/proxy`))
    assert.doesNotMatch(html, /<script[^>]*>[^<]|<style| on\w+=| style=/)
    const files = [...html.matchAll(/"(studio\/[\w.-]+)"/g)].map(([, file]) => file)
    assert.equal(files.length, 3)
    for (const file of files) {
      const answer = await fetch(`${server.url}/${file}`)
      assert.equal(answer.status, 200)
      assert.match(answer.headers.get('cache-control') ?? '', /immutable/)
      assert.match(answer.headers.get('content-type') ?? '', /^text\/(javascript|css)/)
    }
    assert.equal((await fetch(`${server.url}/studio/manifest.json`)).status, 404)
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    for (const name of [
      'sluice_queries_started_total',
      'sluice_open_sockets',
      'sluice_kafka_requests_total',
      'nodejs_eventloop_lag_seconds',
      'process_resident_memory_bytes',
    ])
      assert.match(metrics, new RegExp(`^# TYPE ${name} `, 'm'))
    const health = await (await fetch(`${server.url}/health`)).text()
    for (const text of [html, metrics, health]) assert.ok(!text.includes(TOKEN) && !text.includes('secret'), text)
  } finally {
    await server.close()
  }
})

test('health is quick when Kafka is silent, and says so', async () => {
  const { server } = await startFixture(
    undefined,
    {},
    {
      open: async ({ name }) => ({
        name,
        catalog: undefined as never,
        query: undefined as never,
        probe: () => new Promise(() => undefined),
        close: async () => undefined,
      }),
    },
  )
  try {
    const from = performance.now()
    const health = await (await fetch(`${server.url}/health`)).json()
    // A probe that never answers is not waited for.
    assert.ok(performance.now() - from < 20_000)
    assert.deepEqual(health, {
      status: 'degraded',
      state: 'ready',
      environments: [
        { name: 'demo', kafka: 'unknown' },
        { name: 'prod', kafka: 'unknown' },
      ],
      name: 'sluice',
      version: (health as { version: string }).version,
    })
  } finally {
    await server.close()
  }
})

test('a name, a password or a token that is too long is wrong before anything is done with it', async () => {
  const accounts = new Accounts(
    [{ name: 'admin', passwordHash: await hashPassword('secret'), permissions: all }],
    [],
    defaultLimits(),
    jumpingClock(),
  )
  // `normalize` takes quadratic time for such a text (44 s for this one): nothing may call it.
  const plain = String.prototype.normalize
  let normalized = 0
  String.prototype.normalize = function (this: string, form?: string) {
    normalized = Math.max(normalized, this.length)
    return plain.call(this, form)
  }
  try {
    assert.equal(await accounts.login('admin', `a${'\u0307\u0323'.repeat(250_000)}`, '127.0.0.1'), undefined)
    assert.equal(await accounts.login('admin', 'x'.repeat(1025), '127.0.0.1'), undefined)
    assert.equal(await accounts.login('x'.repeat(257), 'secret', '127.0.0.1'), undefined)
    assert.equal(normalized, 0)
    assert.equal(await accounts.login('admin', 'x'.repeat(1024), '127.0.0.1'), undefined)
    assert.equal(normalized, 1024, 'the longest password is looked at')
  } finally {
    String.prototype.normalize = plain
  }
  assert.match(String(await accounts.login('admin', 'secret', '127.0.0.1')), /^[0-9a-f-]{36}$/)
  assert.equal(accounts.byToken('x'.repeat(1e6)), undefined)
  assert.equal(accounts.logout('x'.repeat(1e6)), undefined)
})

test('failures of long names are remembered by their address only, those of others by a hash', async () => {
  const clock = jumpingClock()
  const accounts = new Accounts([], [], defaultLimits(), clock)
  for (let i = 0; i < 10; i++) await accounts.login(`${i}${'x'.repeat(1e6)}`, 'wrong', '127.0.0.1')
  assert.equal(accounts.failuresKept, 1)
  assert.deepEqual(clock.waits, [], 'there is nothing to wait for: nothing was checked')
  await accounts.login('ann', 'wrong', '127.0.0.1')
  assert.equal(accounts.failuresKept, 2)
  assert.deepEqual(clock.waits, [8000], 'the tries before count for the address')
})

test('a session in exchange for a token, and for a code that is good once', async () => {
  const { server, logged } = await startFixture()
  try {
    const enter = (body: object, headers: Record<string, string> = {}) =>
      fetch(`${server.url}/api/v1/login`, { method: 'POST', body: JSON.stringify(body), headers })
    const whose = async (login: Response) => {
      const cookie = login.headers
        .getSetCookie()
        .map((c) => c.split(';')[0])
        .join('; ')
      const answer = await fetch(`${server.url}/api/auth`, { headers: { cookie } })
      return ((await answer.json()) as { user?: string }).user
    }
    const byToken = await enter({ token: TOKEN })
    assert.equal(byToken.status, 204)
    assert.match(byToken.headers.getSetCookie()[0], /HttpOnly; SameSite=Strict/)
    assert.doesNotMatch(byToken.headers.getSetCookie().join(), new RegExp(TOKEN))
    assert.equal(await whose(byToken), 'ci')
    assert.equal((await enter({ token: `${TOKEN}x` })).status, 401)
    assert.equal((await enter({ token: TOKEN }, { origin: 'http://elsewhere.example' })).status, 403)
    const code = server.offerCode('admin')
    const byCode = await enter({ code })
    assert.equal(await whose(byCode), 'admin')
    assert.equal((await enter({ code })).status, 401, 'good once')
    assert.equal((await enter({ code: server.offerCode('nobody') })).status, 401)
    assert.equal((await enter({})).status, 400)
    server.setAccounts([], [])
    assert.equal(await whose(byToken), undefined, 'the session ends with the account')
    for (const secret of [TOKEN, code]) assert.ok(!logged.join('').includes(secret))
  } finally {
    await server.close(0)
  }
})

test('behind a trusted proxy logins come from where it says; from anywhere else the header means nothing', async () => {
  const statuses = async (config: object, ...from: readonly (readonly [password: string, forwarded: string])[]) => {
    const { server } = await startFixture(undefined, { ...config, limits: { 'server.max.login.failures': 2 } })
    try {
      const seen: number[] = []
      for (const [password, forwarded] of from) {
        const body = JSON.stringify({ user: 'admin', password })
        const headers = { 'x-forwarded-for': forwarded }
        seen.push((await fetch(`${server.url}/api/login`, { method: 'POST', body, headers })).status)
      }
      return seen
    } finally {
      await server.close(0)
    }
  }
  const proxies = (...trustedProxies: string[]) => ({ server: { port: 0, trustedProxies } })
  const tries = [
    ['secret', '10.1.1.1'],
    ['wrong', '10.1.1.1, 10.9.9.9'],
    ['wrong', '10.9.9.9'],
    ['wrong', '10.9.9.9'],
    ['secret', '10.1.1.1'],
  ] as const
  assert.deepEqual(await statuses(proxies('127.0.0.0/8', '::1'), ...tries), [200, 401, 401, 429, 200])
  // All of them come from one address, from which the name is known; that of a network elsewhere is no proxy.
  assert.deepEqual(await statuses(proxies('10.0.0.0/8'), ...tries), [200, 401, 401, 429, 429])
  assert.deepEqual(await statuses({}, ...tries), [200, 401, 401, 429, 429])
  for (const wrong of ['10.0.0.0/33', '10.0.0/8', 'proxy', '::1/129', '10.0.0.1/'])
    await assert.rejects(statuses(proxies(wrong)), /trustedProxies\[0\].*an IP address or a network/)
})

test('what the lexer takes for a literal is none of the masked statement', () => {
  for (const [sql, masked] of [
    ["SELECT 'a\\\nb', 'SECRET' FROM t", 'SELECT ?, ? FROM t'],
    ["SELECT 'x\\\rSECRET' FROM `my t` -- SECRET\nWHERE b = 12.5e3", 'SELECT ? FROM `my t` WHERE b = ?'],
    ['SELECT "b\\\u2028S" = \'SECRET\'', 'SELECT ? = ?'],
    ["SELECT 'SECRET\\", 'SELECT ?'],
    ['SELECT 1 /* SECRET', 'SELECT ? ?'],
    ["SELECT ‘a' || 'SECRET'", 'SELECT ?'],
  ])
    assert.equal(withoutLiterals(sql), masked)
})
