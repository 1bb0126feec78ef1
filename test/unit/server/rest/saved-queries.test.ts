/** Saved queries over REST, what editors are offered, and who sees what. On the embedded broker, with a data folder. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, test } from 'node:test'
import { type Sandbox, startSandbox } from '../../../../src/sandbox/sandbox.ts'
import { readConfig } from '../../../../src/server/config/config.ts'
import { createLog } from '../../../../src/server/log.ts'
import { openEnvironment } from '../../../../src/server/open-environment.ts'
import { listedValues } from '../../../../src/server/rest/words.ts'
import { type RunningServer, startServer } from '../../../../src/server/start.ts'
import { tablesOf } from '../../../../src/sql/edit/tables-of.ts'

const KEYS = { all: 'all-rights-0123456789', reader: 'reader-0123456789', other: 'other-0123456789' }

describe('saved queries', () => {
  let folder = ''
  let sandbox: Sandbox
  let server: RunningServer
  const start = async (): Promise<void> => {
    const everything = [{ environments: ['*'], topics: ['*'], rights: ['all'] }]
    const narrow = [{ environments: ['*'], topics: ['cc_*'] }]
    const config = await readConfig({
      server: { port: 0, dataFolder: folder },
      environments: [{ name: 'demo', kafka: { brokers: sandbox.brokers }, registry: sandbox.registryUrl }],
      serviceAccounts: [
        { name: 'all', token: KEYS.all, permissions: everything },
        { name: 'reader', token: KEYS.reader, permissions: narrow },
        { name: 'other', token: KEYS.other, permissions: narrow },
      ],
    })
    server = await startServer(config, { log: createLog('silent'), open: openEnvironment })
  }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-saved-'))
    sandbox = await startSandbox({ sizes: { vessels: 20, payments: 20, customers: 20, orders: 20, corrupt: 20 } })
    await start()
  })
  after(async () => {
    await server.close(0)
    await sandbox.close()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = async (key: keyof typeof KEYS, method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${server.url}/api/v1/environments/demo/proxy/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${KEYS[key]}` },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await answer.text()
    return { status: answer.status, json: text === '' ? undefined : JSON.parse(text), text }
  }
  const names = async (key: keyof typeof KEYS) =>
    (await ask(key, 'GET', 'saved-queries')).json.map((q: { name: string; mine: boolean }) => `${q.name} ${q.mine}`)

  it('a name is its owner’s; shared ones are seen by whoever may read what they read', async () => {
    const sql = 'SELECT * FROM cc_payments WHERE currency = :currency'
    const saved = await ask('reader', 'PUT', 'saved-queries/by%20currency', {
      sql,
      parameters: { currency: "'EUR'" },
      shared: true,
    })
    assert.deepEqual([saved.status, saved.json.sql, saved.json.mine], [200, sql, true])
    await ask('all', 'PUT', 'saved-queries/ships', { sql: 'SELECT * FROM sea_vessel_position_reports', shared: true })
    await ask('all', 'PUT', 'saved-queries/mine', { sql: 'not yet SQL' })
    await ask('other', 'PUT', 'saved-queries/by%20currency', { sql: 'SELECT 1' })
    assert.deepEqual(await names('reader'), ['by currency true'])
    assert.deepEqual(await names('other'), ['by currency true', 'by currency false'])
    assert.deepEqual(await names('all'), ['mine true', 'ships true', 'by currency false'])
  })

  it('survives a restart', async () => {
    await server.close(0)
    await start()
    assert.deepEqual(await names('reader'), ['by currency true'])
  })

  it('only the owner, or an account with all rights, deletes', async () => {
    const owner = (await ask('reader', 'GET', 'saved-queries')).json[0].owner
    const path = `saved-queries/by%20currency?owner=${encodeURIComponent(owner)}`
    assert.equal((await ask('other', 'DELETE', path)).status, 403)
    assert.equal((await ask('all', 'DELETE', path)).status, 204)
    assert.equal((await ask('all', 'DELETE', path)).status, 404)
    assert.equal((await ask('other', 'DELETE', 'saved-queries/by%20currency')).status, 204)
  })

  it('refuses what is too much, by the name of the limit; and sharing what is no SQL', async () => {
    const refused = async (path: string, body: unknown) =>
      (await ask('other', 'PUT', `saved-queries/${path}`, body)).text
    assert.match(await refused('x'.repeat(101), { sql: 'SELECT 1' }), /saved\.query\.name is 100/)
    assert.match(await refused('x', { sql: `SELECT '${'x'.repeat(100_000)}'` }), /saved\.query\.characters is 100000/)
    assert.match(await refused('x', { sql: 'SELECT FROM', shared: true }), /has to be SQL/)
    assert.match(
      await refused('x', { sql: 'SELECT 1', parameters: { a: 1 } }),
      /"parameters\\?" must be an object of texts/,
    )
    const parameters = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`p${i}`, '1']))
    assert.match(await refused('x', { sql: 'SELECT 1', parameters }), /saved\.query\.parameters is 50/)
    for (let i = 0; i < 200; i++) await ask('other', 'PUT', `saved-queries/q${i}`, { sql: 'SELECT 1' })
    assert.match(await refused('one more', { sql: 'SELECT 1' }), /saved\.queries\.per\.account is 200/)
    assert.equal((await ask('other', 'PUT', 'saved-queries/q7', { sql: 'SELECT 2' })).status, 200)
  })

  it('functions with signature and first sentence; fields of what may be seen', async () => {
    const { functions, settings } = (await ask('reader', 'GET', 'sql/vocabulary')).json
    const substr = functions.find((f: { name: string }) => f.name === 'substring')
    assert.match(substr.signature, /^SUBSTRING\(/)
    assert.ok(settings.some((s: { name: string }) => s.name === 'max.size'))
    const { json } = await ask('reader', 'POST', 'sql/fields', {
      tables: ['cc_payments', 'sea_vessel_position_reports'],
    })
    const [payments, hidden] = json.tables
    assert.ok(payments.fields.some((f: { path: string; type: string }) => f.path === 'currency' && f.type === 'string'))
    assert.deepEqual(hidden.fields, [])
    const lints = await ask('reader', 'POST', 'sql/presentation', { sql: 'SELECT * FROM cc_payment', lintsOnly: true })
    assert.match(lints.json.lints[0].text, /Did you mean "cc_payments"/)
    assert.deepEqual(lints.json.highlights, [])
  })
})

test('values that a schema lists, by path', () => {
  const avro = {
    type: 'record',
    name: 'order',
    fields: [
      { name: 'status', type: ['null', { type: 'enum', name: 'Status', symbols: ['NEW', 'PAID'] }] },
      { name: 'before', type: 'Status' },
      {
        name: 'item',
        type: {
          type: 'record',
          name: 'item',
          fields: [{ name: 'size', type: { type: 'enum', name: 'Size', symbols: ['S'] } }],
        },
      },
    ],
  }
  assert.deepEqual(Object.fromEntries(listedValues(JSON.stringify(avro))), {
    status: ['NEW', 'PAID'],
    before: ['NEW', 'PAID'],
    'item.size': ['S'],
  })
  assert.deepEqual(Object.fromEntries(listedValues('{"type":"object","properties":{"a":{"enum":["x",1]}}}')), {
    a: ['x'],
  })
  assert.equal(listedValues('syntax = "proto3";').size, 0)
})

test('tables that a text names', () => {
  assert.deepEqual(
    tablesOf(
      'WITH w AS (SELECT * FROM a) SELECT * FROM w JOIN b-c ON w.x = b-c.x WHERE y IN (SELECT z FROM d) AND v = :v; INSERT INTO e SELECT * FROM LATEST(f)',
    ),
    ['a', 'b-c', 'd', 'e', 'f'],
  )
})
