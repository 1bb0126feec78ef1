/** Exports as a browser fetches them: left, downloaded from an address of their own, asked for how they ended. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { ExportTickets } from '../../../src/server/export/tickets.ts'
import { eventually } from '../../support/eventually.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { startWorld, TOKEN, type World } from './server.ts'

let world: World
before(async () => {
  world = await startWorld()
  world.append('orders', ['{"id":1}', '{"id":2}'])
  for (let i = 0; i < 40; i++)
    world.append(
      'big',
      Array.from({ length: 50 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(16_000) })),
    )
})
after(() => world.close())

interface State {
  readonly id: string
  readonly state: string
  readonly bytes: number
  readonly outcome?: { readonly outcome: string; readonly rows: number; readonly error?: string }
  readonly error?: string
}

function call(path: string, init: RequestInit = {}, token = TOKEN): Promise<Response> {
  const url = `http://127.0.0.1:${world.server.port}/api/v1/sql/exports${path}`
  return fetch(url, { ...init, headers: { authorization: `Bearer ${token}` } })
}

async function open(sql: string, more: object = {}): Promise<State> {
  const answer = await call('', { method: 'POST', body: JSON.stringify({ sql, format: 'ndjson', ...more }) })
  assert.equal(answer.status, 201)
  return (await answer.json()) as State
}

const state = async (id: string) => (await (await call(`/${id}`)).json()) as State

test('a download: waits, is fetched once, says how it ended', async () => {
  const { id, state: first } = await open('SELECT id FROM orders', { name: 'of/May' })
  assert.equal(first, 'waiting')
  const file = await call(`/${id}/file`)
  assert.match(file.headers.get('content-disposition') ?? '', /filename="of_May\.ndjson"/)
  assert.equal(await file.text(), '{"id":1}\n{"id":2}\n')
  await eventually('it has ended', async () => (await state(id)).state === 'ended')
  const ended = await state(id)
  assert.deepEqual([ended.outcome, ended.bytes], [{ outcome: 'complete', rows: 2 }, 18])
  assert.equal((await call(`/${id}/file`)).status, 409)
})

test('a mistake is an error of the file, and of what is asked about it', async () => {
  const { id } = await open('SELECT nme FROM __dual')
  assert.equal((await call(`/${id}/file`)).status, 400)
  assert.match((await state(id)).error ?? '', /Unknown column "nme"/)
})

test('a download that is ended is whole up to there; one that has not begun does not begin', async () => {
  const { id } = await open('SELECT a.n, a.text FROM big AS a CROSS JOIN (SELECT n FROM big LIMIT 500) AS b')
  const file = await call(`/${id}/file`)
  await eventually('bytes are sent', async () => (await state(id)).bytes > 0)
  assert.equal((await call(`/${id}`, { method: 'DELETE' })).status, 200)
  const lines = (await file.text()).trimEnd().split('\n')
  assert.match(lines.at(-1) ?? '', /"\$sluice".*It was cancelled/)
  assert.match((await state(id)).outcome?.error ?? '', /cancelled/)
  const other = await open('SELECT id FROM orders')
  assert.equal(((await (await call(`/${other.id}`, { method: 'DELETE' })).json()) as State).state, 'ended')
  assert.equal((await call(`/${other.id}/file`)).status, 409)
})

test('a download is of its account and its environment alone', async () => {
  const { id } = await open('SELECT id FROM orders')
  assert.equal((await call(`/${id}`, {}, 'token-of-ben-0123456789')).status, 404)
  assert.equal((await call(`/${id}/file`, {}, 'token-of-ben-0123456789')).status, 404)
  assert.equal((await call(`/${id}?environment=other`)).status, 404)
  assert.equal((await call('/none')).status, 404)
  const strange = await call(`/${crypto.randomUUID()}/file`)
  assert.equal(strange.status, 404)
  assert.match(await strange.text(), /another one was asked for it.*keep a browser with its server by a cookie/)
  const another = new ExportTickets(systemClock)
  assert.deepEqual([another.isOurs(id), another.isOurs('none')], [false, undefined])
})

test('downloads are few, and forgotten after a while', () => {
  let now = 0
  const tickets = new ExportTickets({ ...systemClock, monotonic: () => now })
  const options = { format: 'csv', formulas: 'keep', nullText: '', outcome: 'never' } as const
  const wanted = { owner: 'a', environment: 'demo', sql: 'SELECT 1', options, name: 'x' }
  const opened = Array.from({ length: 51 }, () => tickets.open(wanted)?.id ?? '')
  assert.equal(tickets.find(opened[0], 'a', 'demo'), undefined, 'the oldest one is forgotten')
  for (const id of opened.slice(1)) {
    const ticket = tickets.find(id, 'a', 'demo')
    assert.ok(ticket !== undefined)
    ticket.state = 'running'
  }
  assert.equal(tickets.open(wanted), undefined)
  assert.ok(tickets.open({ ...wanted, owner: 'b' }) !== undefined)
  const last = tickets.find(opened[50], 'a', 'demo')
  if (last !== undefined) last.state = 'ended'
  now = 600_001
  assert.equal(tickets.find(opened[50], 'a', 'demo'), undefined)
  assert.ok(tickets.find(opened[49], 'a', 'demo') !== undefined, 'one that runs stays')
})

test('HTTP without chunks gets the file without a trailer, and HEAD of a file takes nothing', async () => {
  const body = JSON.stringify({ sql: 'SELECT id FROM orders', format: 'ndjson' })
  const head = `POST /api/v1/sql/export HTTP/1.0\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: ${body.length}\r\n\r\n`
  const socket = connect(world.server.port, '127.0.0.1')
  socket.write(head + body)
  let answer = ''
  for await (const bytes of socket) answer += String(bytes)
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.doesNotMatch(answer, /trailer|chunked/i)
  assert.ok(answer.endsWith('\r\n\r\n{"id":1}\n{"id":2}\n'), answer)
  const { id } = await open('SELECT id FROM orders')
  assert.equal((await call(`/${id}/file`, { method: 'HEAD' })).status, 404)
  assert.equal(await (await call(`/${id}/file`)).text(), '{"id":1}\n{"id":2}\n')
})

test('statements that wait to be downloaded have a limit together; the oldest of them are forgotten', () => {
  const tickets = new ExportTickets(systemClock)
  const of = { owner: 'anna', environment: 'demo', options: {} as never, name: 'x' }
  const open = (length: number) => tickets.open({ ...of, sql: 'x'.repeat(length) }) ?? assert.fail()
  const [first, second, third] = [400_000, 400_000, 400_000].map(open)
  const there = (id: string) => tickets.find(id, 'anna', 'demo') !== undefined
  assert.deepEqual(
    [first, second, third].map(({ id }) => there(id)),
    [false, true, true],
  )
  second.sql = ''
  second.state = 'running'
  const whole = open(1_048_576)
  assert.deepEqual(
    [second, third, whole].map(({ id }) => there(id)),
    [true, false, true],
  )
})
