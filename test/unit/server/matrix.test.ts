/**
 * Every path, every way to bring a credential, every state it can be in: one conversation each, with what must come of
 * it. Then the conversations that go wrong in other ways, on every path. The engine is a stand-in.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { echo, EVERYTHING, type Fixture, PATHS, startFixture } from './fixture.ts'

/** Headers and members of the first message that carry a token. */
const WAYS: Readonly<Record<string, (token: string) => { headers?: Record<string, string>; message?: object }>> = {
  'in the message': (token) => ({ message: { token } }),
  'as X-Kafka-Lenses-Token': (token) => ({ headers: { 'x-kafka-lenses-token': token } }),
  'as bearer': (token) => ({ headers: { authorization: `Bearer ${token}` } }),
  'in the cookie': (token) => ({ headers: { cookie: `session_id=${token}` } }),
}
const STATES = [
  'a login',
  'a service account',
  'name:token',
  'wrong',
  'expired',
  'revoked',
  'an expired key',
  'a revoked key',
  'forbidden',
] as const
type State = (typeof STATES)[number]

interface Outcome {
  /** HTTP status of a refused handshake, else the code of the close. */
  readonly code: number
  readonly types: readonly string[]
}

async function converse(
  url: string,
  headers: Record<string, string>,
  first: string | Buffer | undefined,
  more: readonly string[] = [],
): Promise<Outcome> {
  const ws = new WebSocket(url.replace('http', 'ws'), { headers })
  const types: string[] = []
  ws.on('message', (data) => types.push(JSON.parse(data.toString()).type))
  ws.on('error', () => undefined)
  const refused = new Promise<number>((resolve) =>
    ws.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0)),
  )
  const opened = once(ws, 'open').then(() => undefined)
  const status = await Promise.race([refused, opened])
  if (status !== undefined) {
    ws.terminate()
    return { code: status, types }
  }
  const closed = once(ws, 'close')
  for (const message of first === undefined ? [] : [first, ...more]) ws.send(message)
  const [code] = await closed
  return { code, types }
}

describe('paths, credentials and outcomes', () => {
  let fixture: Fixture
  let short: Fixture
  const accounts = {
    serviceAccounts: [
      { name: 'ci', token: 'service-key-0123456789', permissions: EVERYTHING },
      { name: 'old', token: 'old-key-0123456789', expires: '2020-01-01', permissions: EVERYTHING },
      { name: 'gone', token: 'gone-key-0123456789', permissions: EVERYTHING },
      {
        name: 'elsewhere',
        token: 'elsewhere-key-0123456789',
        permissions: [{ environments: ['prod'], topics: ['*'] }],
      },
    ],
  }
  let tokens: Record<State, string>

  before(async () => {
    fixture = await startFixture(echo, { ...accounts, limits: { 'server.jdbc.close.timeout': 0 } })
    short = await startFixture(echo, {
      ...accounts,
      limits: { 'server.session.timeout': '1s', 'server.jdbc.close.timeout': 0 },
    })
    const login = async (url: string) =>
      await (await fetch(`${url}/api/login`, { method: 'POST', body: '{"user":"admin","password":"secret"}' })).text()
    const revoked = await login(fixture.server.url)
    await fetch(`${fixture.server.url}/api/logout?token=${revoked}`)
    const { users, serviceAccounts } = fixture.config
    fixture.server.setAccounts(
      users,
      serviceAccounts.filter((account) => account.name !== 'gone'),
    )
    tokens = {
      'a login': await login(fixture.server.url),
      'a service account': 'service-key-0123456789',
      'name:token': 'ci:service-key-0123456789',
      wrong: crypto.randomUUID(),
      expired: await login(short.server.url),
      revoked,
      'an expired key': 'old-key-0123456789',
      'a revoked key': 'gone-key-0123456789',
      forbidden: 'elsewhere-key-0123456789',
    }
    await new Promise((resolve) => setTimeout(resolve, 1100))
  })
  after(async () => {
    await Promise.all([fixture.server.close(0), short.server.close(0)])
  })

  const answered = (jdbc: boolean): Outcome => ({
    code: 1000,
    types: jdbc ? ['END', 'END', 'END', 'END'] : ['RECORD', 'RECORD', 'END'],
  })
  const told: Outcome = { code: 1000, types: ['ERROR', 'END'] }

  function expected(about: (typeof PATHS)[keyof typeof PATHS], way: string, state: State): Outcome {
    // A cookie holds no colon, and a token in the message comes too late for a path that wants it at the handshake.
    const arrives = !(about.proxied && way === 'in the message') && !(way === 'in the cookie' && state === 'name:token')
    const known = arrives && ['a login', 'a service account', 'name:token', 'forbidden'].includes(state)
    if (about.proxied)
      return !known ? { code: 401, types: [] } : state === 'forbidden' ? { code: 403, types: [] } : answered(about.jdbc)
    return known && state !== 'forbidden' ? answered(about.jdbc) : told
  }

  for (const [name, about] of Object.entries(PATHS)) {
    for (const way of Object.keys(WAYS)) {
      it(`${name}, ${way}: ${STATES.join(', ')}`, async () => {
        for (const state of STATES) {
          const { server } = state === 'expired' ? short : fixture
          const { headers = {}, message = {} } = WAYS[way](tokens[state])
          const outcome = await converse(
            server.url + about.path,
            headers,
            JSON.stringify({ sql: 'SELECT 1', ...message }),
          )
          assert.deepEqual(outcome, expected(about, way, state), state)
        }
      })
    }

    const bearer = { authorization: 'Bearer service-key-0123456789' }
    const ask = (first: string | Buffer | undefined, more: readonly string[] = []) =>
      converse(fixture.server.url + about.path, bearer, first, more)

    it(`${name}: no credential at all`, async () => {
      const outcome = await converse(fixture.server.url + about.path, {}, '{"sql":"SELECT 1"}')
      assert.deepEqual(outcome, about.proxied ? { code: 401, types: [] } : told)
    })
    it(`${name}: first messages that are none`, async () => {
      for (const first of [
        '',
        'SELECT 1',
        '[]',
        'null',
        '{}',
        '{"sql":5}',
        '{"sql":" "}',
        '{"sql":"x","live":"yes"}',
        Buffer.from('{"sql":"SELECT 1"}'),
        'x'.repeat(1_100_000),
      ])
        assert.deepEqual(await ask(first), told, String(first).slice(0, 20))
    })
    it(`${name}: a second message is ignored`, async () => {
      assert.deepEqual(await ask('{"sql":"SELECT 1"}', ['{"sql":"SELECT 2"}', 'nonsense', '{}']), answered(about.jdbc))
    })
    it(`${name}: gone before a word is said, and in the middle`, async () => {
      for (const leave of ['close', 'terminate'] as const) {
        for (const first of [undefined, '{"sql":"SELECT 1"}']) {
          const ws = new WebSocket(fixture.server.url.replace('http', 'ws') + about.path, { headers: bearer })
          await once(ws, 'open')
          if (first !== undefined) ws.send(first)
          ws[leave]()
          await once(ws, 'close')
        }
      }
      assert.deepEqual(await ask('{"sql":"SELECT 1"}'), answered(about.jdbc))
    })
  }

  it('an environment that is not there: told at the handshake where it stands in the path, else in a frame', async () => {
    const bearer = { authorization: 'Bearer service-key-0123456789' }
    for (const { path, proxied } of Object.values(PATHS)) {
      const nowhere = proxied ? path.replace('/demo/', '/nowhere/') : `${path.replace('?', '')}?environment=nowhere`
      const outcome = await converse(fixture.server.url + nowhere, bearer, '{"sql":"SELECT 1"}')
      assert.deepEqual(outcome, proxied ? { code: 404, types: [] } : told, nowhere)
    }
  })
})
