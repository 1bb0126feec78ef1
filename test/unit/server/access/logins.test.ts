/** Logins under attack: what is refused to whom, and what the owner of an account notices of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../../../src/lib/clock.ts'
import { Accounts } from '../../../../src/server/access/auth.ts'
import { hashPassword } from '../../../../src/server/access/secrets.ts'
import { defaultLimits } from '../../../../src/server/limits.ts'
import { converse, AGENT_PATH, ask, startFixture, TOKEN } from '../fixture.ts'

const HOUR_MS = 3_600_000

/** A clock that jumps: waiting costs no time, and is written down. */
function jumpingClock(): Clock & { at: number; readonly waits: number[] } {
  const clock = {
    at: 0,
    waits: [] as number[],
    now: () => clock.at,
    monotonic: () => clock.at,
    after(delayMs: number, run: () => void) {
      clock.waits.push(delayMs)
      queueMicrotask(run)
      return { cancel: () => undefined }
    },
    every: () => ({ cancel: () => undefined }),
  }
  return clock
}

const permissions = [{ effect: 'allow', environments: ['*'], topics: ['*'] }] as const

async function world(names: readonly string[], changes: Partial<ReturnType<typeof defaultLimits>> = {}) {
  const clock = jumpingClock()
  const passwordHash = await hashPassword('secret')
  const users = names.map((name) => ({ name, passwordHash, permissions }))
  return { clock, accounts: new Accounts(users, [], { ...defaultLimits(), ...changes }, clock) }
}

const isToken = (outcome: string | undefined): boolean => /^[0-9a-f-]{36}$/.test(outcome ?? '')

test('so many failures of a name in an hour, from all addresses; its owner logs in from where he has before', async () => {
  const { clock, accounts } = await world(['ann'], { 'server.max.login.failures': 10 })
  assert.ok(isToken(await accounts.login('ann', 'secret', 'home', 'her-browser')))
  for (let i = 0; i < 10; i++) assert.equal(await accounts.login('ann', `wrong ${i}`, `address ${i}`), undefined)
  assert.equal(await accounts.login('ann', 'wrong', 'address 11'), 'locked')
  assert.equal(await accounts.login('ann', 'secret', 'address 12'), 'locked', 'the right password, from anywhere')
  clock.waits.length = 0
  assert.ok(isToken(await accounts.login('ann', 'secret', 'home')))
  assert.ok(isToken(await accounts.login('ann', 'secret', 'on the road', 'her-browser')))
  assert.deepEqual(clock.waits, [], 'the failures of others cost her no time')
  assert.equal(await accounts.login('ann', 'secret', 'address 13'), 'locked', 'her logins unlock nothing for others')
  clock.at += HOUR_MS
  assert.ok(isToken(await accounts.login('ann', 'secret', 'address 14')))
})

test('an address that is known has failures of its own; a name that nobody has is locked like others', async () => {
  const { accounts } = await world(['ann'], { 'server.max.login.failures': 4 })
  assert.ok(isToken(await accounts.login('ann', 'secret', 'office', 'her-browser')))
  for (let i = 0; i < 4; i++) assert.equal(await accounts.login('ann', 'wrong', 'office'), undefined)
  assert.equal(await accounts.login('ann', 'secret', 'office'), 'locked')
  assert.ok(isToken(await accounts.login('ann', 'secret', 'office', 'her-browser')), 'her browser is not the office')
  for (let i = 0; i < 4; i++) assert.equal(await accounts.login('nobody', 'wrong', `a${i}`), undefined)
  assert.equal(await accounts.login('nobody', 'wrong', 'b'), 'locked')
})

test('failures of other names do not make those of an account forgotten; memory stays bounded', async () => {
  const { accounts } = await world(['ann'], { 'server.max.login.failures': 2, 'server.max.name.length': 4 })
  for (let i = 0; i < 2; i++) assert.equal(await accounts.login('ann', 'wrong', `a${i}`), undefined)
  // Nothing is computed for names that are too long: quick failures of many addresses.
  for (let i = 0; i < 20_000; i++) await accounts.login('too long', 'wrong', `b${i}`)
  assert.ok(accounts.failuresKept <= 10_001, String(accounts.failuresKept))
  assert.equal(await accounts.login('ann', 'secret', 'c'), 'locked')
})

test('tries at once do not get past the limit', async () => {
  const { accounts } = await world(['ann'], { 'server.max.login.failures': 5 })
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => accounts.login('ann', 'wrong', `a${i}`)))
  assert.equal(outcomes.filter((outcome) => outcome === undefined).length, 5)
  assert.equal(outcomes.filter((outcome) => outcome === 'locked').length, 15)
})

test('logins of one user end his own oldest one, never one of another', async () => {
  const { accounts } = await world(['ann', 'ben', 'cleo'], {
    'server.max.sessions.per.user': 3,
    'server.max.sessions': 5,
  })
  const one = String(await accounts.login('ann', 'secret', 'a'))
  const tokens: string[] = []
  for (let i = 0; i < 10; i++) tokens.push(String(await accounts.login('ben', 'secret', 'b')))
  assert.equal(accounts.byToken(one)?.name, 'ann')
  assert.deepEqual(
    tokens.map((token) => accounts.byToken(token) !== undefined),
    [...Array(7).fill(false), true, true, true],
  )
  assert.ok(isToken(await accounts.login('ann', 'secret', 'a')))
  assert.equal(await accounts.login('cleo', 'secret', 'c'), 'full', 'nobody loses a login for hers')
  assert.ok(isToken(await accounts.login('ann', 'secret', 'a')))
  assert.equal(accounts.byToken(one), undefined, 'she loses her own')
  assert.equal(accounts.byToken(tokens[9])?.name, 'ben')
})

test('a page of another origin cannot log in, unless it is named', async () => {
  const { server } = await startFixture(undefined, { server: { port: 0, corsOrigins: ['https://tools.example.com'] } })
  const login = (path: string, origin?: string) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: origin === undefined ? {} : { origin },
      body: JSON.stringify({ user: 'admin', username: 'admin', password: 'secret' }),
    })
  try {
    for (const path of ['/api/login', '/api/v1/login']) {
      for (const origin of [
        'https://elsewhere.example',
        'null',
        server.url.replace('http:', 'https:').replace(/\d$/, 'x'),
      ]) {
        const { status, headers } = await login(path, origin)
        assert.equal(status, 403, `${path} ${origin}`)
        assert.deepEqual(headers.getSetCookie(), [])
      }
      for (const origin of [undefined, server.url, 'https://tools.example.com'])
        assert.ok((await login(path, origin)).ok, `${path} ${origin}`)
    }
  } finally {
    await server.close()
  }
})

test('a locked name is told so with the limit, over HTTP', async () => {
  const { server } = await startFixture(undefined, { limits: { 'server.max.login.failures': 1 } })
  const login = (password: string) =>
    fetch(`${server.url}/api/login`, { method: 'POST', body: JSON.stringify({ user: 'nobody', password }) })
  try {
    assert.equal((await login('a')).status, 401)
    const locked = await login('b')
    assert.equal(locked.status, 429)
    assert.match(await locked.text(), /server\.max\.login\.failures is 1 an hour/)
  } finally {
    await server.close()
  }
})

test('refused tokens are in the log, wherever they come from, and none of them is shown', async () => {
  const { server, logged } = await startFixture()
  const bad = 'not-a-good-token-0123456789'
  try {
    const headers = { authorization: `Bearer ${bad}` }
    for (const path of ['/api/auth', '/api/v1/environments', '/api/v1/sql/queries'])
      await fetch(server.url + path, { headers })
    await converse(server, AGENT_PATH, ask('SELECT 1', { token: bad }))
    assert.equal(logged.filter((line) => line.includes('a token was refused')).length, 4)
    assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^sluice_tokens_refused_total 4$/m)
    assert.equal((await fetch(`${server.url}/api/auth`, { headers: { authorization: `Bearer ${TOKEN}` } })).status, 200)
    assert.ok(!logged.join('').includes(bad) && !logged.join('').includes(TOKEN))
  } finally {
    await server.close()
  }
})
