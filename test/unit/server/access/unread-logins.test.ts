/**
 * A server that has not read the state topic since its start: it does not know which logins have ended, and says so
 * instead of refusing them, on every way in.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { onceReady, RestFailure } from '../../../../src/studio/session/server.ts'
import { ask, AGENT_PATH, converse, DEMO_PATH, type Fixture, PATHS, startFixture, TOKEN } from '../fixture.ts'

const UNREAD = /has started and not read the state topic yet.* ask again in a few seconds/

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1'
const CONFIG = {
  server: { port: 0, session: { key: 'a-key-of-at-least-32-bytes-aaaaaaaaaa' } },
  environments: [{ name: 'demo', kafka: { brokers: [NOWHERE] } }],
  state: { topic: 'state' },
}

describe('a login, while the state topic has not been read', () => {
  let one: Fixture
  let two: Fixture
  let token: string
  before(async () => {
    one = await startFixture(undefined, CONFIG)
    const login = { method: 'POST', body: JSON.stringify({ user: 'admin', password: 'secret' }) }
    token = await (await fetch(`${one.server.url}/api/login`, login)).text()
    two = await startFixture(undefined, CONFIG)
  })
  after(async () => {
    await one.server.close(0)
    await two.server.close(0)
  })

  const bearer = (): Record<string, string> => ({ authorization: `Bearer ${token}` })

  test('is good where it was made', async () => {
    assert.equal((await fetch(`${one.server.url}/api/auth`, { headers: bearer() })).status, 200)
  })

  test('gets HTTP 503 with Retry-After from every call that asks who it is', async () => {
    const proxy = '/api/v1/environments/demo/proxy'
    for (const path of [
      '/api/auth',
      '/api/v1/environments',
      '/api/v1/environments/demo',
      '/api/topics',
      `${proxy}/api/topics`,
      '/api/v1/sql/queries',
      '/api/v1/saved-queries',
    ])
      for (const headers of [bearer(), { 'x-kafka-lenses-token': token }, { cookie: `session_id=${token}` }]) {
        const answer = await fetch(two.server.url + path, { headers: headers as Record<string, string> })
        assert.equal(answer.status, 503, path)
        assert.equal(answer.headers.get('retry-after'), '5', path)
        assert.equal(answer.headers.get('www-authenticate'), null, path)
        assert.match(await answer.text(), UNREAD, path)
      }
  })

  test('is not exchanged, and keeps its cookie', async () => {
    const body = JSON.stringify({ token })
    const answer = await fetch(`${two.server.url}/api/v1/login`, { method: 'POST', body })
    assert.deepEqual([answer.status, answer.headers.getSetCookie()], [503, []])
    assert.match(await answer.text(), UNREAD)
  })

  test('gets 503 in answer to an upgrade with an environment in its address', async () => {
    const socket = new WebSocket(two.server.url.replace('http', 'ws') + DEMO_PATH, { headers: bearer() })
    const [, response] = await once(socket, 'unexpected-response')
    assert.deepEqual([response.statusCode, response.headers['retry-after']], [503, '5'])
    response.resume()
  })

  for (const [name, { path, proxied }] of Object.entries(PATHS).filter(([, p]) => !p.proxied))
    test(`gets ERROR, END and close code 1013 on a WebSocket: ${name}`, async () => {
      assert.equal(proxied, false)
      for (const [message, headers] of [
        [ask('SELECT 1', { token }), {}],
        [ask('SELECT 1'), { cookie: `session_id=${token}` }],
        [ask('SELECT 1'), bearer()],
      ] as const) {
        const { frames, code } = await converse(two.server, path, message, headers)
        assert.equal(code, 1013)
        assert.deepEqual(new Set(frames.map(({ type }) => type)), new Set(['ERROR', 'END']))
        assert.match(JSON.stringify(frames[0]), UNREAD)
      }
    })

  test('beside a good credential in the first message stands in the way of nothing', async () => {
    const { frames, code } = await converse(two.server, AGENT_PATH, ask('SELECT 1', { token: TOKEN }), bearer())
    assert.deepEqual([frames[0].type, code], ['RECORD', 1000])
  })

  test('is no refused token in the log; what is wrong stays wrong', async () => {
    assert.ok(!two.logged.join('').includes('a token was refused'))
    for (const wrong of [`${token}A`, 'nothing']) {
      const answer = await fetch(`${two.server.url}/api/auth`, { headers: { authorization: `Bearer ${wrong}` } })
      assert.equal(answer.status, 401)
    }
    const service = await fetch(`${two.server.url}/api/auth`, { headers: { authorization: `Bearer ${TOKEN}` } })
    assert.equal(service.status, 200)
    const login = { method: 'POST', body: JSON.stringify({ user: 'admin', password: 'secret' }) }
    const fresh = await (await fetch(`${two.server.url}/api/login`, login)).text()
    const who = await fetch(`${two.server.url}/api/auth`, { headers: { authorization: `Bearer ${fresh}` } })
    assert.equal(who.status, 200)
  })
})

test('the page waits while it is answered 503, and is told everything else at once', async () => {
  const answers = [new RestFailure(503, 'not yet'), new RestFailure(503, 'still not'), undefined]
  const words: string[] = []
  let pauses = 0
  const found = await onceReady(
    async () => {
      const next = answers.shift()
      if (next !== undefined) throw next
      return 'anna'
    },
    (said) => words.push(said),
    async () => void pauses++,
  )
  assert.deepEqual([found, words, pauses], ['anna', ['not yet', 'still not'], 2])
  const fails = (cause: Error) => onceReady(() => Promise.reject(cause), assert.fail, assert.fail)
  await assert.rejects(fails(new RestFailure(500, 'no')), /no/)
  await assert.rejects(fails(new TypeError('Failed to fetch')), /Failed to fetch/)
})
