/** What servers say to each other: it comes back as it was said; nothing else gets in, whoever wrote it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { QueryEntry } from '../../../../src/engine/queries.ts'
import type { Clock } from '../../../../src/lib/clock.ts'
import type { RecordToProduce } from '../../../../src/plan/administration.ts'
import { accountId } from '../../../../src/server/access/signed-logins.ts'
import { MAX_RECORD_BYTES, type Message, Messages, type Presence } from '../../../../src/server/cluster/messages.ts'
import { MAX_SERVERS, MAX_SKEW_MS, OtherServers, SILENCE_MS } from '../../../../src/server/cluster/other-servers.ts'
import { accountsOf, workOf } from '../../../../src/server/cluster/presence.ts'
import type { Conversation } from '../../../../src/server/socket/conversation.ts'

const KEY = 'a-key-of-at-least-thirty-two-bytes-1'
const OTHER = 'a-key-of-at-least-thirty-two-bytes-2'

function entry(id: string, more: Partial<QueryEntry> = {}): QueryEntry {
  const about = { sql: 'SELECT 1', user: 'anna', account: 'user anna', environment: 'demo' }
  return { id, ...about, startedAt: 5, status: 'Running', recordsScanned: 1, bytesRead: 2, rows: 3, ...more }
}

function presence(more: Partial<Presence> = {}): Presence {
  return {
    kind: 'presence',
    from: 'server-1',
    seq: 1,
    at: 1000,
    name: 'host:1',
    since: 10,
    state: 'ready',
    accounts: [[accountId('user anna'), 2]],
    failures: [[accountId('user ben'), 3]],
    queries: [entry('q1', { server: 'host:1' })],
    left: 0,
    ...more,
  }
}

const MESSAGES: readonly Message[] = [
  presence(),
  presence({ queries: [entry('q', { server: 'host:1', status: 'Error', finishedAt: 7, message: 'no' })] }),
  { kind: 'gone', from: 'server-1' },
  { kind: 'kill', from: 'server-1', request: 'r', to: 'server-2', query: 'q', shown: '"anna"', account: 'user anna' },
  { kind: 'kill', from: 'server-1', request: 'r', query: 'q', shown: '"anna"', account: 'user anna' },
  { kind: 'answer', from: 'server-1', request: 'r', outcome: 'ended' },
]

function read(messages: Messages, { value, headers = [] }: RecordToProduce): Message | string {
  return messages.messageOf({ value, headers })
}

function bare(value: unknown): RecordToProduce {
  return { key: null, value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)) }
}

describe('messages', () => {
  test('come back as they were written, signed or not', () => {
    for (const messages of [new Messages(), new Messages([KEY])])
      for (const message of MESSAGES) assert.deepEqual(read(messages, messages.recordOf(message)), message)
  })

  test('that are not signed by a key of the server say nothing', () => {
    const own = new Messages([KEY])
    const record = own.recordOf(MESSAGES[0])
    const wrong = /not signed/
    for (const message of MESSAGES) {
      assert.match(String(read(own, new Messages().recordOf(message))), wrong)
      assert.match(String(read(own, new Messages([OTHER]).recordOf(message))), wrong)
    }
    const value = Buffer.from(record.value ?? [])
    value[value.length - 3]++
    assert.match(String(read(own, { ...record, value })), wrong)
    const [header] = record.headers ?? []
    for (const given of [null, Buffer.alloc(0), Buffer.alloc(32), header.value?.subarray(1) ?? null])
      assert.match(String(read(own, { ...record, headers: [{ key: header.key, value: given }] })), wrong)
    // While a key is replaced both are good.
    assert.deepEqual(read(new Messages([OTHER, KEY]), record), MESSAGES[0])
  })

  test('of servers before failures were told have none', () => {
    const { failures: _, ...before } = presence()
    assert.deepEqual(read(new Messages(), bare(before)), presence({ failures: [] }))
  })

  test('of any other form are passed over, each with its reason', () => {
    const messages = new Messages()
    assert.match(String(messages.messageOf({ value: null, headers: [] })), /no value/)
    assert.match(String(read(messages, bare('x'.repeat(MAX_RECORD_BYTES + 1)))), /servers\.record\.bytes/)
    for (const text of ['', '{', '\u0000', '"x'.repeat(99)])
      assert.match(String(read(messages, bare(text))), /not JSON/)
    for (const value of [null, 1, [], {}, 'null', { kind: 'presence' }, { kind: 'other', from: 'x' }])
      assert.match(String(read(messages, bare(value))), /none of the messages/)
    const query = presence().queries[0]
    const wrong: readonly object[] = [
      ...['', 'x'.repeat(65), 5, null, 'a b', '../x'].map((from) => ({ ...presence(), from })),
      ...[-1, 1.5, 1e20, '1', null].flatMap((n) =>
        ['seq', 'at', 'since', 'left'].map((name) => ({ ...presence(), [name]: n })),
      ),
      { ...presence(), state: 'gone' },
      { ...presence(), name: 'x'.repeat(301) },
      { ...presence(), accounts: {} },
      { ...presence(), accounts: [['x', -1]] },
      { ...presence(), accounts: [['x'.repeat(65), 1]] },
      { ...presence(), accounts: Array.from({ length: 1001 }, () => ['x', 1]) },
      { ...presence(), failures: [['x', 1.5]] },
      { ...presence(), failures: null },
      { ...presence(), failures: Array.from({ length: 201 }, () => ['x', 1]) },
      { ...presence(), queries: [null] },
      { ...presence(), queries: [{ ...query, id: '<script>' }] },
      { ...presence(), queries: [{ ...query, sql: 'x'.repeat(1002) }] },
      { ...presence(), queries: [{ ...query, status: 'Running', finishedAt: 5 }] },
      { ...presence(), queries: [{ ...query, status: 'Completed' }] },
      { ...presence(), queries: [{ ...query, recordsScanned: Number.MAX_VALUE }] },
      { ...presence(), queries: [{ ...query, account: undefined }] },
      { ...MESSAGES[3], query: '' },
      { ...MESSAGES[3], to: 5 },
      { ...MESSAGES[3], account: 'x'.repeat(301) },
      { ...MESSAGES[5], outcome: 'maybe' },
      { ...MESSAGES[5], request: undefined },
    ]
    for (const value of wrong)
      assert.match(String(read(messages, bare(value))), /none of the messages/, JSON.stringify(value).slice(0, 200))
  })

  test('that are damaged anywhere are read as what they say, or passed over; nothing fails', () => {
    const messages = new Messages()
    let state = 12345
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state % below
    }
    let read = 0
    for (let i = 0; i < 20_000; i++) {
      const value = Buffer.from(messages.recordOf(MESSAGES[random(MESSAGES.length)]).value ?? [])
      for (let n = random(4); n >= 0; n--) value[random(value.length)] = '"{}[],:0-eE.x\\\u0000'.charCodeAt(random(16))
      const found = messages.messageOf({ value, headers: [] })
      if (typeof found === 'string') continue
      read++
      assert.deepEqual(messages.messageOf({ value: messages.recordOf(found).value, headers: [] }), found)
    }
    assert.ok(read > 100)
    const deep = Buffer.from('['.repeat(MAX_RECORD_BYTES / 2) + ']'.repeat(MAX_RECORD_BYTES / 2))
    assert.match(String(messages.messageOf({ value: deep, headers: [] })), /none of the messages/)
  })

  test('carry nothing but what is known, and name their own server only', () => {
    const messages = new Messages()
    const value = { ...presence(), more: 'x', queries: [{ ...entry('q1'), server: 'another', __proto__: null, x: 1 }] }
    assert.deepEqual(read(messages, bare(value)), presence())
  })
})

describe('what a server says of itself', () => {
  test('fits into a record, running queries first; what is left out is counted', () => {
    const long = 'é'.repeat(10_000)
    const running = Array.from({ length: 300 }, (_, i) => entry(`r${i}`, { sql: long }))
    const ended = Array.from({ length: 300 }, (_, i) => entry(`e${i}`, { status: 'Completed', finishedAt: 9 }))
    const few = workOf([...ended, ...running.slice(0, 3)], [])
    assert.deepEqual(
      few.queries.slice(0, 4).map(({ id }) => id),
      ['r0', 'r1', 'r2', 'e299'],
    )
    assert.equal(few.queries.length, 53)
    const failures = Array.from({ length: 200 }, (_, i) => [accountId(`user ${i}`), 300 - i] as const)
    const many = workOf([...ended, ...running], [[accountId('user anna'), 300]], failures)
    assert.deepEqual(many.failures, failures)
    assert.equal(many.left, 300 - many.queries.length)
    assert.ok(many.left > 0 && many.queries.length > 20)
    for (const work of [few, many]) {
      const messages = new Messages([KEY])
      const record = messages.recordOf(presence({ ...work }))
      assert.ok((record.value?.length ?? 0) <= MAX_RECORD_BYTES)
      assert.equal(typeof read(messages, record), 'object')
    }
  })

  test('counts queries that run and are read', () => {
    const session = (name: string, state: Conversation['state'], abandoned = false) =>
      ({ account: { name, kind: 'user', permissions: [] }, state, abandoned }) as unknown as Conversation
    const sessions = [
      session('anna', 'running'),
      session('anna', 'running'),
      session('anna', 'running', true),
      session('anna', 'waiting'),
      session('ben', 'running'),
      { ...session('ben', 'running'), account: undefined },
    ]
    assert.deepEqual(accountsOf(sessions), [
      [accountId('user anna'), 2],
      [accountId('user ben'), 1],
    ])
  })
})

describe('the other servers', () => {
  function world() {
    const clock = { at: 1000, now: () => clock.at, monotonic: () => clock.at } as Clock & { at: number }
    return { clock, others: new OtherServers(clock) }
  }

  test('are there as long as they are heard of', () => {
    const { clock, others } = world()
    assert.equal(others.take(presence()), 'new')
    assert.equal(others.take(presence({ seq: 2, accounts: [[accountId('user anna'), 5]] })), 'known')
    others.take(presence({ seq: 1 }))
    assert.equal(others.running('user anna'), 5, 'an older word does not count')
    assert.equal(others.running('service account anna'), 0)
    assert.equal(others.failures(accountId('user ben')), 3)
    assert.equal(others.failures(accountId('user anna')), 0)
    others.take(presence({ from: 'server-2' }))
    assert.equal(others.running('user anna'), 7)
    clock.at += SILENCE_MS
    others.take(presence({ from: 'server-2', seq: 2, at: clock.at, queries: [] }))
    clock.at += 1
    assert.deepEqual(
      others.alive().map(({ from }) => from),
      ['server-2'],
    )
    assert.deepEqual(others.queries(), [])
    others.gone('server-2')
    assert.deepEqual(others.take(presence({ from: 'server-2', seq: 3, at: clock.at })), 'known')
    assert.deepEqual(others.alive(), [], 'one that went does not come back')
  })

  test('what one said before it fell silent does not bring it back; it does so itself', () => {
    const { clock, others } = world()
    others.take(presence({ seq: 5 }))
    clock.at += SILENCE_MS + 1
    assert.deepEqual(others.alive(), [])
    for (const seq of [5, 4]) assert.equal(others.take(presence({ seq })), 'known')
    assert.deepEqual(others.alive(), [])
    assert.equal(others.take(presence({ seq: 6, at: clock.at })), 'new')
    assert.equal(others.alive().length, 1)
  })

  test('are bounded in number, and in what their clocks may differ', () => {
    const { clock, others } = world()
    for (let i = 0; i < MAX_SERVERS; i++) assert.equal(others.take(presence({ from: `s${i}` })), 'new')
    assert.match(JSON.stringify(others.take(presence({ from: 'more' }))), /servers\.known/)
    clock.at += SILENCE_MS + 1
    assert.equal(others.take(presence({ from: 'more', at: clock.at })), 'new')
    for (const at of [clock.at + MAX_SKEW_MS + 1, clock.at - MAX_SKEW_MS - 1])
      assert.match(JSON.stringify(others.take(presence({ from: 'skewed', at }))), /servers\.clock/)
  })
})
