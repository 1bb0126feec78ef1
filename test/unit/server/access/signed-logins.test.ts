/**
 * Logins that are signed: good on every server with the same key, and on none once they are changed, cut, too old, ended
 * anywhere, or once the account has another password. What logouts leave behind is bounded.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { once } from 'node:events'
import { openStore } from '../../../../src/catalog/file-store.ts'
import type { OwnedStore, StoredObject } from '../../../../src/catalog/store.ts'
import { openStateTopic } from '../../../../src/catalog/state/state-topic.ts'
import { produce } from '../../../../src/kafka/admin/produce.ts'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import type { Clock } from '../../../../src/lib/clock.ts'
import { type Broker, startBroker } from '../../../../src/sandbox/broker.ts'
import { hashed } from '../../../../src/server/config/accounts.ts'
import { Accounts, identityOf } from '../../../../src/server/access/auth.ts'
import { LoginsUnread, MAX_OF_ACCOUNT, Revocations, sharedLogins } from '../../../../src/server/access/revocations.ts'
import { hashPassword, hashToken } from '../../../../src/server/access/secrets.ts'
import { accountId, SignedLogins } from '../../../../src/server/access/signed-logins.ts'
import { defaultLimits } from '../../../../src/server/limits.ts'
import { eventually } from '../../../support/eventually.ts'
import { AGENT_PATH, startFixture, TOKEN } from '../fixture.ts'

const KEY = 'the-first-key-of-at-least-32-bytes-aa'
const OTHER = 'another-key-of-at-least-32-bytes-bbbb'
const NOT_AUTHORIZED = 29
const HOUR_MS = 3_600_000
const permissions = [{ effect: 'allow', environments: ['*'], topics: ['*'] }] as const

/** A clock that is set by hand; waits of a second are over at once, longer ones never. */
function handClock(): Clock & { at: number } {
  const clock = {
    at: 1_000_000,
    now: () => clock.at,
    monotonic: () => clock.at,
    after(delayMs: number, run: () => void) {
      if (delayMs > 1000) return { cancel: () => undefined }
      clock.at += delayMs
      queueMicrotask(run)
      return { cancel: () => undefined }
    },
    every: () => ({ cancel: () => undefined }),
  }
  return clock
}

/** A clock whose waits never end. */
function standingClock(): Clock & { at: number } {
  const clock = { ...handClock(), after: () => ({ cancel: () => undefined }) }
  clock.now = () => clock.at
  clock.monotonic = () => clock.at
  return clock
}

const hash = await hashPassword('secret')

function server(store: OwnedStore, { keys = [KEY], clock = standingClock(), passwordHash = hash } = {}) {
  const limits = { ...defaultLimits(), 'server.session.timeout': HOUR_MS }
  const shared = sharedLogins({ key: keys }, store, clock, HOUR_MS)
  const users = [{ name: 'anna', passwordHash, permissions }]
  const robots = [{ name: 'robot', tokenHash: hashToken('robot-token-0123456789'), permissions }]
  const accounts = new Accounts(users, robots, limits, clock, shared)
  return { accounts, clock, shared, users, robots }
}

describe('a signed token', () => {
  const signed = new SignedLogins([KEY])
  const account = accountId('user anna')
  const login = { account, issuedAt: 1000, expiresAt: 2000 }
  const credentialOf = (id: string) => (id === account ? hash : undefined)
  const token = signed.sign(login, hash)

  test('says whose login it is and how long; it fits into a cookie', () => {
    const claims = signed.read(token, credentialOf)
    assert.deepEqual({ ...claims, id: '' }, { ...login, id: '' })
    assert.match(token, /^[\w-]{60,200}$/)
    assert.notEqual(signed.sign(login, hash), token)
  })

  test('is good nowhere once anything of it is changed, or a part is missing', () => {
    for (let i = 0; i < token.length; i++)
      for (const other of ['A', 'B', '_']) {
        const changed = token.slice(0, i) + other + token.slice(i + 1)
        if (changed !== token) assert.equal(signed.read(changed, credentialOf), undefined, `character ${i}`)
      }
    for (let i = 0; i < token.length; i++) assert.equal(signed.read(token.slice(0, i), credentialOf), undefined)
    for (const odd of [`${token}A`, ` ${token}`, `${token}\n`, token.toUpperCase(), 'sluice_login_'])
      assert.equal(signed.read(odd, credentialOf), undefined)
  })

  test('is good with no other key, no other password, and for no account that is gone', () => {
    assert.equal(new SignedLogins([OTHER]).read(token, credentialOf), undefined)
    assert.equal(
      signed.read(token, () => hashToken('x')),
      undefined,
    )
    assert.equal(
      signed.read(token, () => undefined),
      undefined,
    )
    assert.equal(
      signed.read(token, () => ''),
      undefined,
    )
  })

  test('is good while a key is replaced: the first one signs, all are good', () => {
    const both = new SignedLogins([OTHER, KEY])
    assert.notEqual(both.read(token, credentialOf), undefined)
    const next = both.sign(login, hash)
    assert.notEqual(new SignedLogins([OTHER]).read(next, credentialOf), undefined)
    assert.equal(signed.read(next, credentialOf), undefined)
  })
})

describe('a signed login', () => {
  test('is good on a server that has not seen it, until it expires', async () => {
    const store = await openStore()
    const clock = standingClock()
    const [one, two] = [server(store, { clock }), server(store, { clock })]
    const token = String(await one.accounts.login('anna', 'secret', 'a'))
    assert.equal(two.accounts.byToken(token)?.name, 'anna')
    clock.at += HOUR_MS - 1
    assert.equal(two.accounts.byToken(token)?.name, 'anna')
    clock.at += 1
    for (const { accounts } of [one, two]) assert.equal(accounts.byToken(token), undefined)
  })

  test('is its own session: nothing that outlives it is given for it', async () => {
    const one = server(await openStore())
    const token = String(await one.accounts.login('anna', 'secret', 'a'))
    assert.equal(one.accounts.exchange(token), token)
    await one.accounts.logout(token)?.told
    assert.equal(one.accounts.exchange(token), undefined)
  })

  test('of a service account, too; what follows one ends with the account', async () => {
    const one = server(await openStore())
    const token = String(one.accounts.exchange('robot-token-0123456789'))
    assert.equal(identityOf(one.accounts.byToken(token) ?? assert.fail()), 'service account robot')
    one.accounts.replace(one.users, [])
    assert.equal(one.accounts.byToken(token), undefined)
  })

  test('ends with another password, and with the account', async () => {
    const store = await openStore()
    const one = server(store)
    const token = String(await one.accounts.login('anna', 'secret', 'a'))
    const two = server(store, { passwordHash: await hashPassword('another') })
    assert.equal(two.accounts.byToken(token), undefined)
    one.accounts.replace([], one.robots)
    assert.equal(one.accounts.byToken(token), undefined)
    one.accounts.replace(one.users, one.robots)
    assert.equal(one.accounts.byToken(token)?.name, 'anna')
  })

  test('ends with its logout, not with that of another login', async () => {
    const store = await openStore()
    const [one, two] = [server(store), server(store)]
    const [first, second] = [
      String(await one.accounts.login('anna', 'secret', 'a')),
      String(await one.accounts.login('anna', 'secret', 'a')),
    ]
    const account = two.accounts.byToken(first)
    let told = 0
    two.shared?.revocations.onChange(() => told++)
    await one.accounts.logout(first)?.told
    assert.equal(told, 1)
    assert.equal(two.accounts.isOver(account ?? assert.fail()), true)
    for (const { accounts } of [one, two]) {
      assert.equal(accounts.byToken(first), undefined)
      assert.equal(accounts.byToken(second)?.name, 'anna')
    }
    await two.accounts.logout(first)?.told
    assert.equal(server(store).accounts.byToken(first), undefined, 'a server that starts later knows it')
    assert.equal(two.accounts.logout('sluice_login_x'), undefined)
  })

  test('is not good before a server that cannot read the state has done so; one of its own is', async () => {
    const store = await openStore()
    const one = server(store)
    const token = String(await one.accounts.login('anna', 'secret', 'a'))
    const unread: OwnedStore & { wasRead: boolean } = {
      wasRead: false,
      environment: (name) => store.environment(name),
      all: () => [],
      change: (object) => store.change(object),
      changeAll: (changes) => store.changeAll(changes),
      passedOver: 0,
      follow: (changed) => store.follow(changed),
      close: () => undefined,
    }
    const two = server(unread)
    assert.throws(() => two.accounts.byToken(token), LoginsUnread)
    const other = String(await one.accounts.login('anna', 'secret', 'a'))
    await two.accounts.logout(other)?.told
    assert.equal(one.accounts.byToken(other), undefined, 'its logout counts all the same')
    two.clock.at += 10
    assert.equal(two.accounts.byToken(String(await two.accounts.login('anna', 'secret', 'a')))?.name, 'anna')
    unread.wasRead = true
    assert.equal(two.accounts.byToken(token)?.name, 'anna')
  })

  test('of a plain password is the same on all servers, and after a restart', async () => {
    const given = { name: 'anna', permissions, password: 'secret' }
    const [a, b] = [await hashed(given, new Map(), []), await hashed(given, new Map(), [])]
    assert.equal(a.passwordHash, b.passwordHash)
    assert.notEqual(a.passwordHash, (await hashed({ ...given, name: 'ben' }, new Map(), [])).passwordHash)
  })
})

describe('logouts', () => {
  const claims = (n: number, issuedAt: number) => ({
    id: Buffer.from(`${n}`.padStart(16, '0')).toString('base64url'),
    account: accountId('user anna'),
    issuedAt,
    expiresAt: issuedAt + HOUR_MS,
  })

  test('many of one account end all of its logins at once: what is kept is bounded', async () => {
    const store = await openStore()
    let changes = 0
    store.follow(() => changes++)
    const clock = standingClock()
    const revocations = new Revocations(store, clock, HOUR_MS)
    for (let i = 0; i < MAX_OF_ACCOUNT; i++) await revocations.end(claims(i, clock.at))
    assert.equal(changes, MAX_OF_ACCOUNT)
    const young = claims(20_000, clock.at + 1)
    assert.equal(revocations.isOver(claims(9999, clock.at)), false)
    assert.equal(revocations.isOver({ ...claims(9999, clock.at), account: accountId('user ben') }), false)
    await revocations.end(claims(1000, clock.at))
    assert.equal(revocations.isOver(claims(9999, clock.at)), true)
    assert.equal(revocations.isOver({ ...claims(9999, clock.at), account: accountId('user ben') }), false)
    assert.equal(revocations.isOver(young), false)
    // Ten thousand more within the same second: nothing is written until it is over.
    const before = changes
    for (let i = 2000; i < 12_000; i++) void revocations.end(claims(i, clock.at + i)).catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(changes, before)
    assert.equal(revocations.isOver(claims(11_999, clock.at + 11_999)), true)
    assert.ok(store.all().length <= MAX_OF_ACCOUNT + 1)
  })

  test('those of a burst are written as one', async () => {
    const store = await openStore()
    const clock = handClock()
    const revocations = new Revocations(store, clock, HOUR_MS)
    const from = clock.at
    for (let i = 0; i < MAX_OF_ACCOUNT; i++) await revocations.end(claims(i, from))
    let changes = 0
    store.follow(() => changes++)
    await Promise.all(Array.from({ length: 1000 }, (_, i) => revocations.end(claims(1000 + i, from + i))))
    assert.ok(changes <= 2, `${changes} changes`)
    const later = new Revocations(store, clock, HOUR_MS)
    assert.equal(later.isOver(claims(1999, from + 999)), true)
  })

  test('are removed once the logins would have expired', async () => {
    const store = await openStore()
    const clock = standingClock()
    const revocations = new Revocations(store, clock, HOUR_MS)
    await revocations.end(claims(1, clock.at))
    clock.at += 1000
    await revocations.end(claims(2, clock.at))
    clock.at += HOUR_MS
    await revocations.sweep()
    assert.equal(store.all().length, 2, 'clocks of servers differ')
    clock.at += 300_000
    await revocations.sweep()
    assert.equal(store.all().length, 1)
    clock.at += 1000
    await revocations.sweep()
    assert.equal(store.all().length, 0)
    assert.equal(revocations.isOver(claims(1, 1)), false)
  })

  test('are removed so many at a time', async () => {
    const store = await openStore()
    const clock = standingClock()
    const revocations = new Revocations(store, clock, HOUR_MS)
    for (let i = 0; i < 450; i++)
      await revocations.end({ ...claims(i, clock.at), account: accountId(`user ${Math.floor(i / 50)}`) })
    clock.at += 2 * HOUR_MS
    const left: number[] = []
    for (let i = 0; i < 3; i++) {
      await revocations.sweep()
      left.push(store.all().length)
    }
    assert.deepEqual(left, [250, 50, 0])
  })

  test('stay as long as they are needed, though another server with a wrong clock removes them', async () => {
    const store = await openStore()
    const clock = standingClock()
    const [one, early] = [new Revocations(store, clock, HOUR_MS), { ...standingClock(), at: clock.at }]
    const login = claims(1, clock.at)
    await one.end(login)
    early.now = () => clock.at + 2 * HOUR_MS
    await new Revocations(store, early, HOUR_MS).sweep()
    assert.deepEqual(store.all(), [])
    assert.equal(one.isOver(login), true)
    // It can be ended once more, and is forgotten when its time has come.
    await one.end(login)
    clock.at += HOUR_MS + 300_001
    await one.sweep()
    assert.equal(one.isOver(login), false)
  })
})

describe('two servers with one state topic', () => {
  let broker: Broker
  before(async () => {
    broker = await startBroker()
  })
  after(() => broker.close())
  let topics = 0

  async function topicStore(topic: string) {
    const cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 200 })
    const notes: string[] = []
    const note = (_level: string, about: object, text: string) => void notes.push(`${text} ${JSON.stringify(about)}`)
    const store = await openStateTopic({ cluster, log: createKafkaLog(cluster), topic, note })
    return { store, notes }
  }
  const newTopic = () => `logins-${++topics}`

  test('a logout on both at the same moment is one', async () => {
    const topic = newTopic()
    const [a, b] = [await topicStore(topic), await topicStore(topic)]
    const clock = standingClock()
    const [one, two] = [server(a.store, { clock }), server(b.store, { clock })]
    const token = String(await one.accounts.login('anna', 'secret', 'a'))
    await Promise.all([one.accounts.logout(token)?.told, two.accounts.logout(token)?.told])
    for (const { accounts } of [one, two]) assert.equal(accounts.byToken(token), undefined)
    await eventually('both have it', () => [a, b].every(({ store }) => store.all().length === 1))
    // Both remove it when it is old; it is gone once.
    clock.at += 2 * HOUR_MS
    await Promise.all([one.shared?.revocations.sweep(), two.shared?.revocations.sweep()])
    await eventually('it is gone', () => [a, b].every(({ store }) => store.all().length === 0))
    for (const { store } of [a, b]) store.close()
  })

  test('a logout that cannot be written is over here, is said so, and is written later', async () => {
    const topic = newTopic()
    const [a, b] = [await topicStore(topic), await topicStore(topic)]
    const [one, two] = [server(a.store), server(b.store)]
    const token = String(await one.accounts.login('anna', 'secret', 'a'))
    broker.faults.set({ kind: 'error', api: 'Produce', code: NOT_AUTHORIZED, times: 100 })
    const ended = one.accounts.logout(token)
    assert.equal(one.accounts.byToken(token), undefined)
    await assert.rejects(
      ended?.told ?? assert.fail(),
      /ended on this server\. The others do not know it yet: .*not authorized/,
    )
    assert.equal(two.accounts.byToken(token)?.name, 'anna')
    // Asked for once more it is no more known than before.
    await assert.rejects(one.accounts.logout(token)?.told ?? assert.fail(), /The others do not know it yet/)
    broker.faults.clear()
    await one.accounts.logout(token)?.told
    await eventually('the other knows it', () => two.accounts.byToken(token) === undefined)
    await one.accounts.logout(token)?.told
    for (const { store } of [a, b]) store.close()
  })

  test('records that are no revocations are passed over', async () => {
    const topic = newTopic()
    const { store, notes } = await topicStore(topic)
    const name = `login ${'A'.repeat(22)}`
    const wrong: StoredObject[] = [
      { environment: 'demo', kind: 'revocation', name, content: '{"until":1}' },
      { environment: '', kind: 'revocation', name: 'x'.repeat(65), content: '{"until":1}' },
      { environment: '', kind: 'revocation', name, content: '{"until":"soon"}' },
      { environment: '', kind: 'revocation', name, content: '{"until":-1}' },
      { environment: '', kind: 'revocation', name, content: `{"until":1,"more":"${'x'.repeat(600)}"}` },
      { environment: '', kind: 'revocation', name, content: `{"until":1,"account":"${'x'.repeat(65)}"}` },
    ]
    const writer = new Cluster({ brokers: [broker.bootstrap] })
    await produce(
      writer,
      topic,
      wrong.map(({ environment, kind, name, content }) => ({
        key: Buffer.from(JSON.stringify([environment, kind, name])),
        value: Buffer.from(`{"version":"x","by":"me","content":${content}}`),
      })),
    )
    writer.close()
    await eventually(
      'they are noted',
      () => notes.filter((text) => text.includes('passed over')).length === wrong.length,
    )
    assert.deepEqual(store.all(), [])
    store.close()
  })

  test('over HTTP: good on both, ended on both, sockets included; a wrong one is a plain 401', async () => {
    const environment = { name: 'demo', kafka: { brokers: [broker.bootstrap] } }
    const config = {
      server: { port: 0, session: { key: [KEY] } },
      environments: [environment],
      state: { topic: newTopic() },
    }
    const one = await startFixture(undefined, config)
    const two = await startFixture(undefined, config)
    const other = await startFixture(undefined, { ...config, server: { port: 0, session: { key: OTHER } } })
    const who = (url: string, token: string) =>
      fetch(`${url}/api/auth`, { headers: { authorization: `Bearer ${token}` } })
    try {
      const login = await fetch(`${one.server.url}/api/login`, {
        method: 'POST',
        body: JSON.stringify({ user: 'admin', password: 'secret' }),
      })
      const token = await login.text()
      for (const { server } of [one, two]) assert.equal((await who(server.url, token)).status, 200)
      const cookie = (
        await fetch(`${two.server.url}/api/v1/login`, { method: 'POST', body: JSON.stringify({ token: TOKEN }) })
      ).headers
        .getSetCookie()[0]
        .split(';')[0]
      const byCookie = await fetch(`${one.server.url}/api/auth`, { headers: { cookie } })
      assert.equal(((await byCookie.json()) as { user: string }).user, 'ci')
      for (const [url, wrong] of [
        [other.server.url, token],
        [one.server.url, token.slice(0, -1)],
        [one.server.url, `${token.slice(0, -2)}AA`],
        [two.server.url, `${token}A`],
      ]) {
        const refused = await who(url, wrong)
        assert.equal(refused.status, 401)
        assert.match(await refused.text(), /Not logged in: what was sent is unknown, has expired or was revoked\./)
      }
      const socket = new WebSocket(two.server.url.replace('http', 'ws') + AGENT_PATH, {
        headers: { authorization: `Bearer ${token}` },
      })
      await once(socket, 'open')
      const said: string[] = []
      socket.on('message', (data) => said.push(String(data)))
      const out = await fetch(`${one.server.url}/api/logout`, { headers: { authorization: `Bearer ${token}` } })
      assert.equal(out.status, 204)
      await once(socket, 'close')
      assert.match(said.join(), /the login was ended by a logout/)
      for (const { server } of [one, two]) assert.equal((await who(server.url, token)).status, 401)
      for (const { logged } of [one, two, other])
        assert.ok(!logged.join('').includes(token) && !logged.join('').includes(KEY))
      broker.faults.set({ kind: 'error', api: 'Produce', code: NOT_AUTHORIZED, times: 100 })
      const again = await fetch(`${one.server.url}/api/v1/logout`, { method: 'POST', headers: { cookie } })
      assert.equal(again.status, 503)
      assert.match(await again.text(), /ended on this server/)
      // Whoever repeats it, as the answer asks for, needs the cookie.
      assert.deepEqual([again.headers.getSetCookie(), again.headers.get('retry-after')], [[], '5'])
      broker.faults.clear()
      const repeated = await fetch(`${one.server.url}/api/v1/logout`, { method: 'POST', headers: { cookie } })
      assert.equal(repeated.status, 204)
      assert.match(repeated.headers.getSetCookie()[0], /Max-Age=0/)
    } finally {
      broker.faults.clear()
      for (const { server } of [one, two, other]) await server.close(0)
    }
  })

  test('one server with a data folder: logins and logouts outlive it', async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'sluice-logins-'))
    const start = () => startFixture(undefined, { server: { port: 0, dataFolder, session: { key: KEY } } })
    const who = async (url: string, token: string) =>
      (await fetch(`${url}/api/auth`, { headers: { authorization: `Bearer ${token}` } })).status
    const login = { method: 'POST', body: JSON.stringify({ user: 'admin', password: 'secret' }) }
    try {
      const { server: first } = await start()
      const [kept, left] = [
        await (await fetch(`${first.url}/api/login`, login)).text(),
        await (await fetch(`${first.url}/api/login`, login)).text(),
      ]
      assert.equal((await fetch(`${first.url}/api/logout?token=${left}`)).status, 204)
      await first.close(0)
      const { server: second } = await start()
      assert.deepEqual([await who(second.url, kept), await who(second.url, left)], [200, 401])
      second.setAccounts([], [])
      assert.equal(await who(second.url, kept), 401)
      await second.close(0)
    } finally {
      rmSync(dataFolder, { recursive: true })
    }
  })

  test('a key needs 32 bytes, and a place where logouts are kept', async () => {
    const start = (server: object, more: object = {}) =>
      startFixture(undefined, { server: { port: 0, ...server }, ...more })
    await assert.rejects(start({ session: { key: 'short-secret' } }, { state: { topic: 'x' } }), (error: Error) => {
      assert.match(error.message, /server\.session\.key: the key is too short to be a secret: it has 12 bytes, and 32/)
      assert.ok(!error.message.includes('short-secret'))
      return true
    })
    await assert.rejects(start({ session: { key: [KEY, 'short'] } }), /key 2 of 2 is too short/)
    await assert.rejects(start({ session: { key: 5 } }), /server\.session\.key: the value is not a text of at least 32/)
    await assert.rejects(start({ session: {} }), /server\.session\.key: missing; expected a text of at least 32 bytes/)
    await assert.rejects(start({ session: { key: Array(9).fill(KEY) } }), /there are 9 keys, the limit is 8/)
    await assert.rejects(start({ session: { key: KEY } }), /logouts have to be kept .* state\.topic.*dataFolder/)
  })
})
