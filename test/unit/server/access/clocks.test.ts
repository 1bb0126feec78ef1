/** Logins of servers whose clocks differ, by minutes or by a day, with clocks that are set by hand. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openStore } from '../../../../src/catalog/file-store.ts'
import type { OwnedStore } from '../../../../src/catalog/store.ts'
import type { Clock } from '../../../../src/lib/clock.ts'
import { Accounts } from '../../../../src/server/access/auth.ts'
import { LoginsUnread, MAX_OF_ACCOUNT, sharedLogins } from '../../../../src/server/access/revocations.ts'
import { hashPassword } from '../../../../src/server/access/secrets.ts'
import { accountId } from '../../../../src/server/access/signed-logins.ts'
import { defaultLimits } from '../../../../src/server/limits.ts'

const KEY = 'the-first-key-of-at-least-32-bytes-aa'
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const NOON = 1_800_000_000_000
const permissions = [{ effect: 'allow', environments: ['*'], topics: ['*'] }] as const
const passwordHash = await hashPassword('secret')

/** What all clocks go by; each is `ahead` of it. Waits of a second are over at once, longer ones never. */
const time = { ms: NOON }
function clockOf(aheadMs: number): Clock {
  return {
    now: () => time.ms + aheadMs,
    monotonic: () => time.ms,
    after(delayMs, run) {
      if (delayMs <= 1000) queueMicrotask(run)
      return { cancel: () => undefined }
    },
    every: () => ({ cancel: () => undefined }),
  }
}

/** The accounts of a server whose clock is ahead by so much; `sessionMs`: how long a login is good. */
function serverOf(store: OwnedStore, aheadMs: number, sessionMs = 4 * HOUR_MS): Accounts {
  const limits = { ...defaultLimits(), 'server.session.timeout': sessionMs }
  const clock = clockOf(aheadMs)
  const logins = sharedLogins({ key: [KEY] }, store, clock, sessionMs)
  return new Accounts([{ name: 'anna', passwordHash, permissions }], [], limits, clock, logins)
}

/** By a code, which costs no time as a password does. */
function login(accounts: Accounts): string {
  return String(accounts.redeem(accounts.offer('anna')))
}

/** The same objects, of which a server has read nothing yet. */
function unreadOf(store: OwnedStore): OwnedStore & { wasRead: boolean } {
  return {
    wasRead: false,
    environment: (name) => store.environment(name),
    all: () => [],
    change: (object) => store.change(object),
    changeAll: (changes) => store.changeAll(changes),
    passedOver: 0,
    follow: (changed) => store.follow(changed),
    close: () => undefined,
  }
}

for (const [name, aheadMs] of [
  ['no different', 0],
  ['ahead by a second', 1000],
  ['ahead by four minutes', 4 * MINUTE_MS],
  ['ahead by a day', DAY_MS],
  ['behind by four minutes', -4 * MINUTE_MS],
  ['behind by a day', -DAY_MS],
] as const)
  describe(`a server whose clock is ${name}`, () => {
    test('ends all logins of an account: those that are made afterwards are good, on all servers', async () => {
      const store = await openStore()
      const [one, two] = [serverOf(store, aheadMs), serverOf(store, 0)]
      const old = login(one)
      for (let n = 0; n <= MAX_OF_ACCOUNT; n++) await one.logout(login(one))?.told
      assert.equal(one.byToken(old), undefined)
      assert.equal(two.byToken(old), undefined)
      for (const accounts of [one, two]) {
        const token = login(accounts)
        assert.equal(accounts.byToken(token)?.name, 'anna', 'where it was made')
        await accounts.logout(token)?.told
        for (const each of [one, two]) assert.equal(each.byToken(token), undefined, 'after its logout')
      }
      assert.equal(two.byToken(login(two))?.name, 'anna')
      // It is good for its time by the clock of the server that is asked, and no longer.
      const last = login(two)
      time.ms += 4 * HOUR_MS - 1
      assert.equal(two.byToken(last)?.name, 'anna')
      time.ms += 1
      assert.equal(two.byToken(last), undefined)
    })
  })

describe('a server that has not read the state since its start', () => {
  test('does not believe a login of before because the clock that it was made by is ahead', async () => {
    const store = await openStore()
    const ahead = serverOf(store, 4 * MINUTE_MS)
    const [ended, good] = [login(ahead), login(ahead)]
    time.ms += 1000
    const unread = unreadOf(store)
    await ahead.logout(ended)?.told
    const two = serverOf(unread, 0)
    for (const token of [ended, good]) assert.throws(() => two.byToken(token), LoginsUnread)
    const own = login(two)
    assert.equal(two.byToken(own)?.name, 'anna', 'its own')
    unread.wasRead = true
    assert.equal(two.byToken(good)?.name, 'anna')
    assert.equal(two.byToken(own)?.name, 'anna')
  })

  test('believes those that were made elsewhere once they must be younger than it', async () => {
    const store = await openStore()
    const one = serverOf(store, 4 * MINUTE_MS)
    const two = serverOf(unreadOf(store), 0)
    const young = login(one)
    assert.throws(() => two.byToken(young), LoginsUnread)
    time.ms += MINUTE_MS + 1
    assert.equal(two.byToken(login(one))?.name, 'anna')
  })
})

test('an end of all logins that lies beyond all times refuses logins, and is no fault', async () => {
  const store = await openStore()
  const content = JSON.stringify({ until: 8_640_000_000_000_000, before: 8_640_000_000_000_000 })
  await store.change({ environment: '', kind: 'revocation', name: `account ${accountId('user anna')}`, content })
  const accounts = serverOf(store, 0)
  assert.equal(accounts.byToken(login(accounts)), undefined)
})
