/**
 * The configuration read again while the server runs: what counts at once, what waits, what a mistake does. The engine
 * is a stand-in, the files are real.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { loadConfig } from '../../../../src/server/config/config.ts'
import { type Follower, followConfig } from '../../../../src/server/config/follow.ts'
import { createLog } from '../../../../src/server/log.ts'
import type { Run } from '../../../../src/server/socket/session.ts'
import { type RunningServer, startServer } from '../../../../src/server/start.ts'
import { eventually } from '../../../support/eventually.ts'
import { AGENT_PATH, ask, fakeEnvironment, summary } from '../fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-follow-'))
after(() => rmSync(folder, { recursive: true }))

let begun = 0
const forever: Run = (_request, _environment, _sink, signal) =>
  new Promise((resolve) => {
    begun++
    signal.addEventListener('abort', () => resolve(summary({ outcome: 'cancelled' })), { once: true })
  })

const ACCOUNT = (name: string, token: string, more: object = {}) => ({
  name,
  ...(token === '' ? {} : { token }),
  permissions: PERMISSIONS,
  ...more,
})
const PERMISSIONS = [{ environments: ['*'], topics: ['*'] }]

interface Setting {
  readonly server: RunningServer
  readonly following: Follower
  readonly log: string[]
  /** Writes the configuration anew, as one step. */
  write(changes: object | string): void
  status(token: string): Promise<number>
  logIn(password: string): Promise<string>
}

let files = 0
async function started(t: TestContext, first: object): Promise<Setting> {
  const file = join(folder, `${++files}.yaml`)
  const write = (changes: object | string) => {
    const whole = {
      server: { port: 0 },
      environments: [{ name: 'demo', kafka: { brokers: ['127.0.0.1:1'] } }],
      ...(typeof changes === 'string' ? {} : changes),
    }
    // JSON is YAML.
    writeFileSync(`${file}.new`, typeof changes === 'string' ? changes : JSON.stringify(whole))
    renameSync(`${file}.new`, file)
  }
  write(first)
  const lines: string[] = []
  const log = createLog('info', { write: (line: string) => void lines.push(line) })
  const sources = { file }
  const config = await loadConfig(sources)
  const server = await startServer(config, { log, run: forever, open: async ({ name }) => fakeEnvironment(name) })
  const following = followConfig(config, sources, server, log)
  t.after(async () => {
    following.close()
    await server.close(0)
  })
  return {
    server,
    following,
    log: lines,
    write,
    status: async (token) =>
      (await fetch(`${server.url}/api/auth`, { headers: { authorization: `Bearer ${token}` } })).status,
    logIn: async (password) =>
      await (
        await fetch(`${server.url}/api/login`, { method: 'POST', body: JSON.stringify({ user: 'admin', password }) })
      ).text(),
  }
}

/** A query that runs until somebody ends it; resolves with the texts of its errors. */
async function running(
  server: RunningServer,
  token: string,
): Promise<{ readonly errors: Promise<string[]>; readonly ws: WebSocket }> {
  const ws = new WebSocket(server.url.replace('http', 'ws') + AGENT_PATH)
  const errors: string[] = []
  ws.on('message', (data) => {
    const { type, data: said } = JSON.parse(data.toString()) as { type: string; data: string }
    if (type === 'ERROR') errors.push(said)
  })
  await once(ws, 'open')
  const before = begun
  ws.send(ask('SELECT 1', { token }))
  await eventually('the query runs', () => begun > before)
  return { errors: once(ws, 'close').then(() => errors), ws }
}

test('service accounts come, go, expire and get other keys without a new start', async (t) => {
  const setting = await started(t, {
    serviceAccounts: [
      ACCOUNT('a', 'key-a-0123456789ab'),
      ACCOUNT('b', 'key-b-0123456789ab'),
      ACCOUNT('c', 'key-c-0123456789ab'),
      ACCOUNT('d', 'key-d-0123456789ab'),
    ],
  })
  const { server, following, status } = setting
  const queries = {
    a: await running(server, 'key-a-0123456789ab'),
    b: await running(server, 'b:key-b-0123456789ab'),
    c: await running(server, 'key-c-0123456789ab'),
    d: await running(server, 'key-d-0123456789ab'),
  }
  setting.write({
    serviceAccounts: [
      ACCOUNT('b', 'key-b2-0123456789ab'),
      ACCOUNT('c', 'key-c-0123456789ab', { expires: '2020-01-01' }),
      ACCOUNT('d', 'key-d-0123456789ab'),
      ACCOUNT('e', 'key-e-0123456789ab'),
    ],
  })
  await following.reload()
  for (const name of ['a', 'b', 'c'] as const)
    assert.deepEqual(await queries[name].errors, [`Not authenticated any more: the access of "${name}" was revoked.`])
  assert.deepEqual(
    await Promise.all(
      [
        'key-a-0123456789ab',
        'key-b-0123456789ab',
        'b:key-b-0123456789ab',
        'key-c-0123456789ab',
        'key-d-0123456789ab',
        'key-b2-0123456789ab',
        'key-e-0123456789ab',
      ].map(status),
    ),
    [401, 401, 401, 401, 200, 200, 200],
  )
  assert.equal(queries.d.ws.readyState, WebSocket.OPEN)
  queries.d.ws.terminate()
  const said = setting.log.find((line) => line.includes('accounts were read again')) ?? ''
  assert.deepEqual((JSON.parse(said) as { revoked: string[] }).revoked, ['a', 'b', 'c'])
  assert.ok(!setting.log.join('').includes('key-'), 'no key in the log')
})

test('a user with another password is logged out; one with the same plain password is not', async (t) => {
  const user = (password: string, permissions: object[] = PERMISSIONS) => ({
    users: [{ name: 'admin', password, permissions }],
  })
  const setting = await started(t, user('one'))
  const { following, status, server } = setting
  const token = await setting.logIn('one')
  setting.write(user('one'))
  await following.reload()
  assert.equal(await status(token), 200)
  const narrowed = await running(server, token)
  setting.write(user('one', [{ environments: ['demo'], topics: ['a*'] }]))
  await following.reload()
  assert.match((await narrowed.errors)[0], /^The permissions of "admin" were changed/)
  assert.equal(await status(token), 200, 'the login is as good as before')
  const query = await running(server, token)
  setting.write(user('two'))
  await following.reload()
  assert.match((await query.errors)[0], /^Not authenticated any more/)
  assert.equal(await status(token), 401)
  assert.equal(await status(await setting.logIn('two')), 200)
})

test('a configuration with mistakes changes nothing, and the log says what they are', async (t) => {
  const setting = await started(t, { serviceAccounts: [ACCOUNT('a', 'key-a-0123456789ab')] })
  for (const wrong of [
    { serviceAccounts: [] },
    { serviceAccounts: [{ name: 'a', token: 'key-a2-0123456789ab' }] },
    { servers: {} },
    'a: [',
    '',
  ]) {
    setting.log.length = 0
    setting.write(wrong)
    await setting.following.reload()
    assert.equal(await setting.status('key-a-0123456789ab'), 200)
    const said = JSON.parse(setting.log[0]) as { level: string; reason: string }
    assert.equal(said.level, 'error')
    assert.match(said.reason, /permissions|nobody could log in|unknown key|is not YAML/)
    assert.ok(!said.reason.includes('key-a-0123456789ab'), said.reason)
  }
})

test('what else has changed waits for the next start, and the log says so', async (t) => {
  const setting = await started(t, { serviceAccounts: [ACCOUNT('a', 'key-a-0123456789ab')] })
  setting.write({
    serviceAccounts: [ACCOUNT('a', 'key-a-0123456789ab')],
    limits: { 'max.concurrent.queries': 5 },
    log: { level: 'debug' },
  })
  await setting.following.reload()
  const said = setting.log.find((line) => line.includes('next start')) ?? '{}'
  assert.deepEqual((JSON.parse(said) as { parts: string[] }).parts, ['limits', 'log'])
})

test('changed files are seen: the configuration itself, and a file that holds a key', async (t) => {
  const key = join(folder, 'key')
  writeFileSync(key, 'key-a-0123456789ab')
  const limits = { 'server.accounts.check.interval': '50ms' }
  const setting = await started(t, {
    limits,
    serviceAccounts: [ACCOUNT('a', '', { tokenFile: key }), ACCOUNT('b', 'key-b-0123456789ab')],
  })
  const until = async (token: string, status: number) => {
    for (let i = 0; (await setting.status(token)) !== status; i++) {
      assert.ok(i < 200, `${token} should be ${status}`)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  const query = await running(setting.server, 'key-a-0123456789ab')
  // A mounted secret is replaced, not written into.
  writeFileSync(`${key}.new`, 'key-a2-0123456789ab')
  renameSync(`${key}.new`, key)
  await until('key-a-0123456789ab', 401)
  assert.match((await query.errors)[0], /"a" was revoked/)
  assert.equal(await setting.status('key-a2-0123456789ab'), 200)
  setting.write({ limits, serviceAccounts: [ACCOUNT('b', 'key-b-0123456789ab')] })
  await until('key-a2-0123456789ab', 401)
  assert.equal(await setting.status('key-b-0123456789ab'), 200)
  setting.following.close()
  setting.write({ limits, serviceAccounts: [ACCOUNT('c', 'key-c-0123456789ab')] })
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.equal(await setting.status('key-b-0123456789ab'), 200, 'closed: nobody looks any more')
})

test('the command reads its accounts again at SIGHUP, and goes on', {
  skip: process.platform === 'win32' && 'there is no SIGHUP',
}, async () => {
  const file = join(folder, 'command.yaml')
  const write = (token: string) =>
    writeFileSync(
      file,
      JSON.stringify({
        server: { port: 0 },
        environments: [{ name: 'demo', kafka: { brokers: ['127.0.0.1:1'] } }],
        limits: { 'server.accounts.check.interval': 0 },
        serviceAccounts: [ACCOUNT('a', token)],
      }),
    )
  write('key-a-0123456789ab')
  const program = fileURLToPath(new URL('../../../../src/cli/start.ts', import.meta.url))
  const child = spawn(process.execPath, [program, 'server', '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(child, 'exit')
  try {
    let said = ''
    child.stdout.on('data', (data: Buffer) => (said += data.toString()))
    for (let i = 0; !/listens on (\S+)\n/.test(said); i++) {
      assert.ok(i < 400, said)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    const url = /listens on (\S+)/.exec(said)?.[1] ?? ''
    const status = async (token: string) =>
      (await fetch(`${url}/api/auth`, { headers: { authorization: `Bearer ${token}` } })).status
    assert.equal(await status('key-a-0123456789ab'), 200)
    write('key-b-0123456789ab')
    child.kill('SIGHUP')
    for (let i = 0; (await status('key-b-0123456789ab')) !== 200; i++) {
      assert.ok(i < 200, 'the new key should be good')
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    assert.equal(await status('key-a-0123456789ab'), 401)
  } finally {
    child.kill('SIGTERM')
  }
  assert.deepEqual(await exit, [0, null])
})
