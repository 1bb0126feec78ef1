import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { displayWidth, Table } from '../../../src/cli/table.ts'
import { harmless } from '../../../src/cli/terminal.ts'
import { badRecord, error, record, sentinel } from '../../../src/protocol/frames.ts'
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts'
import type { Run } from '../../../src/server/socket/session.ts'
import type { RunningServer } from '../../../src/server/start.ts'
import { startFixture, summary, TOKEN } from '../server/fixture.ts'

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

/** Ended after the tests, whatever happened to them. */
const children: ChildProcess[] = []

function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function finish(child: ChildProcess): Promise<Outcome> {
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

async function sluice(
  args: readonly string[],
  options: { env?: Record<string, string>; input?: string } = {},
): Promise<Outcome> {
  const child = start(args, options.env)
  child.stdin?.end(options.input ?? '')
  return finish(child)
}

let server: RunningServer
let sandbox: Sandbox | undefined
/** Whether the last request was to follow. */
let followed: boolean | undefined
let aborted = Promise.withResolvers<void>()
const VALUE = '{"Turn":-128.0,"Timestamp":1491318144456507320,"name":"Zoë"}'

/** The statement says what happens. */
const engine: Run = async (request, _environment, sink, signal) => {
  if (request.sql === 'error') sink.send(error('Unknown column "amoun" in t.\n1 | error\n  | ^^^^^'))
  if (request.sql === 'incomplete')
    sink.send(sentinel({ type: 'SCANNEDSIZE', source: 't', sourceId: 's', amount: 1024 }))
  if (request.sql === 'bad') sink.send(badRecord({ offset: 12, partition: 0, timestamp: 1, table: 't', sourceId: 's' }))
  if (request.sql === 'two statements') {
    for (const i of [0, 1]) sink.send(record(`{"a":${i + 1}}`, 0, 'r', i))
    return summary({ results: 2 })
  }
  sink.send(record(VALUE, 0, 'row-0', null, '"k"'))
  followed = request.follow
  if (request.sql === 'forever') {
    await once(signal, 'abort')
    aborted.resolve()
    return summary({ outcome: 'cancelled' })
  }
  if (request.sql === 'many') {
    for (let i = 1; i < 200_000 && !signal.aborted; i++) {
      sink.send(record(VALUE, i, 'r', null))
      if (i % 100 === 0) await (sink.drained() ?? new Promise((resolve) => setImmediate(resolve)))
    }
    if (signal.aborted) aborted.resolve()
  }
  return summary({ results: 1 })
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
before(async () => {
  server = (await startFixture(engine)).server
})
after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await sandbox?.close()
  rmSync(folder, { recursive: true })
  await server.close(0)
})

const ask = (sql: string, ...more: string[]) => sluice(['query', '--url', server.url, '--token', TOKEN, ...more, sql])

test('help, version, unknown commands and options', async () => {
  const help = await sluice(['--help'])
  assert.equal(help.code, 0)
  assert.match(help.out, /server .*\n.*query/s)
  assert.match((await sluice(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
  const command = await sluice(['serve'])
  assert.equal(command.code, 2)
  assert.match(command.err, /unknown command 'serve'.*Did you mean server\?/s)
  const option = await sluice(['query', '--tokn', 'x', 'SELECT 1'])
  assert.equal(option.code, 2)
  assert.match(option.err, /unknown option '--tokn'.*Did you mean --token\?/s)
})

test('rows are JSON lines, digit for digit', async () => {
  const { code, out, err } = await ask('SELECT 1')
  assert.deepEqual({ code, out, err }, { code: 0, out: `${VALUE}\n`, err: '' })
  assert.equal((await ask('SELECT 1', '--full')).out, `${record(VALUE, 0, 'row-0', null, '"k"')}\n`)
})

test('a table when asked for', async () => {
  const { out } = await ask('SELECT 1', '--format', 'table')
  assert.equal(
    out,
    '  Turn            Timestamp  name\n──────  ───────────────────  ────\n-128.0  1491318144456507320  Zoë\n',
  )
})

test('the statement from standard input, the token from a file, the login of a user', async () => {
  const path = join(folder, 'token')
  writeFileSync(path, `${TOKEN}\n`)
  const input = await sluice(['query', '--url', server.url, '--token', `@${path}`], { input: 'SELECT 1\n' })
  assert.equal(input.out, `${VALUE}\n`)
  const env = await sluice(['query', 'SELECT', '1'], {
    env: { SLUICE_URL: new URL(server.url).host, SLUICE_TOKEN: TOKEN, SLUICE_ENVIRONMENT: 'prod' },
  })
  assert.equal(env.out, `${VALUE}\n`)
  const user = await sluice(['query', '--url', server.url, '--user', 'admin:secret', 'SELECT 1'])
  assert.equal(user.out, `${VALUE}\n`)
  const wrong = await sluice(['query', '--url', server.url, '--user', 'admin:wrong', 'SELECT 1'])
  assert.deepEqual(wrong, { code: 1, out: '', err: 'sluice: Wrong user or password.\n' })
})

test('errors go to standard error with their caret, exit code 1', async () => {
  const { code, out, err } = await ask('error')
  assert.deepEqual({ code, out }, { code: 1, out: `${VALUE}\n` })
  assert.equal(err, 'Unknown column "amoun" in t.\n1 | error\n  | ^^^^^\n')
  const refused = await sluice(['query', '--url', server.url, '--token', 'wrong', '--environment', 'demo', 'SELECT 1'])
  assert.equal(refused.code, 1)
  assert.match(refused.err, /HTTP 401.*bearer key is not valid/)
  const nobody = await sluice(['query', '--url', server.url, 'SELECT 1'])
  assert.deepEqual(
    [nobody.code, nobody.err],
    [1, 'sluice: Who is asking? Give --token (or SLUICE_TOKEN), or --user name:password.\n'],
  )
})

test('incomplete results and unreadable records are said', async () => {
  const { code, err } = await ask('incomplete')
  assert.deepEqual(
    [code, err],
    [0, 'The result is incomplete: t was not read to its end, because 1024 bytes were read (max.size).\n'],
  )
  assert.equal((await ask('bad')).err, '1 record could not be read; the first one: t, partition 0, offset 12\n')
})

test('Ctrl-C cancels the query and exits with 130', async () => {
  aborted = Promise.withResolvers()
  const child = start(['query', '--url', server.url, '--token', TOKEN, 'forever'])
  const outcome = finish(child)
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.kill('SIGINT')
  await aborted.promise
  assert.equal((await outcome).code, 130)
})

test('--follow: rows as they come, and Ctrl-C says how much there was', async () => {
  aborted = Promise.withResolvers()
  const child = start(['query', '--url', server.url, '--token', TOKEN, '--follow', '--format', 'table', 'forever'])
  const outcome = finish(child)
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.kill('SIGINT')
  await aborted.promise
  const { code, out, err } = await outcome
  assert.equal(code, 130)
  assert.match(out, /Zoë/)
  assert.match(err, /^1 row in \d+\.\d s\n$/)
  assert.equal(followed, true)
})

test('a reader that goes away (head) ends the query quietly', async () => {
  aborted = Promise.withResolvers()
  const child = start(['query', '--url', server.url, '--token', TOKEN, 'many'])
  child.stdout?.once('data', () => child.stdout?.destroy())
  let err = ''
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const [code] = await once(child, 'exit')
  await aborted.promise
  assert.deepEqual([code, err], [0, ''])
})

test('hash: what it prints is what the configuration takes', async () => {
  const { out } = await sluice(['hash'], { input: 'secret\n' })
  assert.match(out, /^scrypt:16384:8:1:[\w-]{22}:[\w-]{43}\n$/)
  assert.match((await sluice(['hash', '--token'], { input: 'abc' })).out, /^sha256:[\w-]{43}\n$/)
  assert.match((await sluice(['hash', '--new-token'])).out, /^token: [\w-]{32}\ntokenHash: sha256:[\w-]{43}\n$/)
})

test('server: problems of the configuration are one text without a stack', async () => {
  const { code, out, err } = await sluice(['server', '--brokers', 'h:1', '--port', 'x', '--user', 'a:b'])
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /^sluice: server\.port \(from --port\): "x" is not a whole number from 0 to 65535\.\n$/)
  const taken = await sluice([
    'server',
    '--brokers',
    '127.0.0.1:1',
    '--port',
    String(server.port),
    '--user',
    'a:b',
    '--log-level',
    'silent',
  ])
  assert.match(taken.err, /^sluice: Port \d+ on 127\.0\.0\.1 is taken\. Choose another with --port\.\n$/)
})

test('server: says what it found and where to go; Ctrl-C ends it cleanly', { timeout: 60_000 }, async () => {
  sandbox = await startSandbox({ sizes: { vessels: 100, payments: 100, customers: 100, orders: 100, corrupt: 100 } })
  const child = start([
    'server',
    '--brokers',
    sandbox.brokers,
    '--registry',
    sandbox.registryUrl,
    '--environment',
    'one',
    '--service-account',
    'ci:token-of-ci-0123456789',
    '--port',
    '0',
    '--limit',
    'shutdown.grace=300ms',
    '--log-level',
    'warn',
  ])
  const outcome = finish(child)
  let out = ''
  for await (const chunk of child.stdout as NodeJS.ReadableStream) {
    out += chunk
    if (out.includes('Read it')) break
  }
  assert.match(out, /^Sluice listens on http:\/\/127\.0\.0\.1:\d+\n\nEnvironment one: \d+ topics\n/)
  assert.match(out, /^ {2}cc_payments +1 partition +key STRING, value AVRO$/m)
  assert.match(out, /^Ask it: {2}sluice query --url http/m)
  const url = /http:\S+/.exec(out)?.[0] ?? ''
  const { out: rows } = await sluice([
    'query',
    '--url',
    url,
    '--token',
    'token-of-ci-0123456789',
    '--environment',
    'one',
    'SELECT count(*) FROM cc_payments',
  ])
  assert.match(rows, /^\{"count":1\d\d\}\n$/)
  child.kill('SIGINT')
  child.kill('SIGTERM')
  assert.equal((await outcome).code, 0)
})

test('demo: the first line is one JSON object, the query works, Ctrl-C ends it cleanly', {
  timeout: 60_000,
}, async () => {
  const child = start(['demo', '--port', '0', '--json'])
  const outcome = finish(child)
  const [chunk] = await once(child.stdout as NodeJS.ReadableStream, 'data')
  const facts = JSON.parse(String(chunk).split('\n')[0]) as Record<string, string>
  assert.deepEqual(Object.keys(facts), [
    'url',
    'environment',
    'user',
    'password',
    'serviceAccount',
    'token',
    'brokers',
    'registry',
  ])
  const rows = await sluice(['query', '--url', facts.url, '--user', `${facts.user}:${facts.password}`, 'SHOW TABLES'])
  assert.match(rows.out, /"name":"sea_vessel_position_reports"/)
  const from = performance.now()
  child.kill('SIGINT')
  const { code, err } = await outcome
  assert.deepEqual([code, err], [0, ''])
  assert.ok(performance.now() - from < 20_000)
})

test('a table: wide letters, control characters, rows of another shape', async () => {
  const lines: string[] = []
  const table = new Table((line) => void lines.push(line))
  await table.row('{"a":"日本","b":1}')
  await table.row('{"a":"x\\u001b[31m\\n","b":-2.5}')
  await table.flush()
  await table.row('{"c":{"d":[1,2]}}')
  await table.row('"text"')
  await table.flush()
  assert.deepEqual(lines, [
    'a              b',
    '──────────  ────',
    '日本           1',
    'x\\x1b[31m⏎  -2.5',
    '',
    'c            value',
    '───────────  ─────',
    '{"d":[1,2]}',
    '             text',
  ])
  assert.equal(displayWidth('日本e\u0301'), 5)
  assert.ok(!lines.join('').includes('\u001b'))
})

test('names of columns and texts of the server do not command the terminal', async () => {
  const lines: string[] = []
  const table = new Table((line) => void lines.push(line))
  await table.row('{"\\u001b[31ma\\n":1}')
  await table.flush()
  assert.deepEqual(lines, ['\\x1b[31ma⏎', '──────────', '         1'])
  assert.equal(harmless('a\u001b[31m\r\nb\u009b\u202e\tc'), 'a\\x1b[31m\nb\\x9b\\u202e c')
})

test('a disk that is full: exit code 1', { skip: existsSync('/dev/full') ? false : 'no /dev/full here' }, async () => {
  const full = openSync('/dev/full', 'w')
  for (const format of ['json', 'table']) {
    const child = spawn(
      process.execPath,
      [MAIN, 'query', '--url', server.url, '--token', TOKEN, '--format', format, 'SELECT 1'],
      { stdio: ['ignore', full, 'pipe'] },
    )
    children.push(child)
    const { code, err } = await finish(child)
    assert.equal(code, 1)
    assert.match(err, /^sluice: cannot write: .*ENOSPC/)
  }
  closeSync(full)
})

test('server: it runs on when nobody reads what it says', async () => {
  const args = ['server', '--brokers', '127.0.0.1:1', '--port', '0', '--user', 'a:b', '--log-level', 'debug']
  const child = start(args)
  const [said] = await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.stdout?.destroy()
  child.stderr?.destroy()
  const url = /http:\S+/.exec(String(said))?.[0] ?? ''
  await fetch(`${url}/api/login`, { method: 'POST', body: '{"user":"a","password":"x"}' })
  assert.equal((await fetch(`${url}/health/live`)).status, 200)
  child.kill('SIGTERM')
  assert.equal((await once(child, 'exit'))[0], 0)
})

test('each statement has a table of its own', async () => {
  const { out } = await ask('two statements', '--format', 'table')
  assert.equal(out, 'a\n─\n1\n\na\n─\n2\n')
})
