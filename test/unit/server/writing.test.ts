/**
 * Statements that change something, through a server with a data folder: what it keeps over a restart, and rights as
 * the configuration gives them.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from '../../../src/client/connect.ts'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { ConfigError, readConfig } from '../../../src/server/config/config.ts'
import { createLog } from '../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../src/server/start.ts'

const dataFolder = mkdtempSync(path.join(tmpdir(), 'sluice-data-'))
let broker: Broker
let server: RunningServer

async function start(): Promise<RunningServer> {
  const everywhere = { environments: ['*'] }
  const config = await readConfig({
    server: { port: 0, dataFolder },
    environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap] } }],
    serviceAccounts: [
      {
        name: 'admin',
        token: 'admin-token-0123456789',
        permissions: [{ ...everywhere, topics: ['*'], rights: ['all'] }],
      },
      {
        name: 'scratch',
        token: 'scratch-token-0123456789',
        permissions: [
          { ...everywhere, topics: ['*'] },
          { ...everywhere, topics: ['scratch-*'], rights: ['create', 'insert'] },
        ],
      },
    ],
  })
  return startServer(config, { log: createLog('silent') })
}

before(async () => {
  broker = await startBroker()
  server = await start()
})
after(async () => {
  await server.close(0)
  await broker.close()
  rmSync(dataFolder, { recursive: true })
})

async function ask(sql: string, account = 'admin'): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of connect({ url: server.url, environment: 'demo', token: `${account}-token-0123456789` })
    .query(sql)
    .rows())
    rows.push(row)
  return rows
}

test('views, synonyms and the columns of JSON tables outlive the server', async () => {
  await ask(
    'CREATE TABLE kept (_key string, a int, b.c string) FORMAT (STRING, JSON); CREATE SYNONYM kept_s FOR kept; CREATE VIEW kept_v AS SELECT a FROM kept_s',
  )
  await server.close(0)
  server = await start()
  await ask("INSERT INTO kept_s (a, b.c) VALUES (1, 'x')")
  assert.deepEqual(await ask('SELECT * FROM kept_v'), [{ a: 1 }])
  await assert.rejects(ask("INSERT INTO kept (a, d) VALUES (1, 'x')"), /Unknown column "d" in kept/)
  const described = (await ask('DESCRIBE TABLE kept')) as { key: string; value: string }[]
  assert.deepEqual(
    described.filter((r) => r.key.startsWith('_value')).map((r) => `${r.key} ${r.value}`),
    ['_value.a int', '_value.b.c string'],
  )
  assert.deepEqual(
    ((await ask('SELECT * FROM __fields')) as Record<string, unknown>[]).map((r) => Object.values(r)),
    [
      ['a', 'kept', 'INT', ''],
      ['b.c', 'kept', 'STRING', ''],
    ],
  )
})

test('an account changes what its rights name', async () => {
  await ask('CREATE TABLE `scratch-1` (_value string) FORMAT (STRING, STRING)', 'scratch')
  await ask("INSERT INTO `scratch-1` (_value) VALUES ('x')", 'scratch')
  await assert.rejects(ask('DROP TABLE `scratch-1`', 'scratch'), /The account "scratch" may not drop scratch-1/)
  await assert.rejects(
    ask('CREATE TABLE elsewhere (_value string) FORMAT (STRING, STRING)', 'scratch'),
    /may not create elsewhere/,
  )
  await assert.rejects(ask('INSERT INTO kept (a) VALUES (1)', 'scratch'), /may not insert into kept/)
  await assert.rejects(ask('EXPLAIN INSERT INTO kept (a) VALUES (1)', 'scratch'), /may not insert into kept/)
  const [checked] = await ask("EXPLAIN INSERT INTO `scratch-1` (_value) VALUES ('y')", 'scratch')
  assert.match(JSON.stringify(checked), /Would write 1 record, 1 byte/)
  assert.deepEqual(await ask('SELECT count(*) AS n FROM `scratch-1`', 'scratch'), [{ n: 1 }])
})

test('rights that are none are named', async () => {
  const permissions = [{ environments: ['*'], topics: ['*'], rights: ['write'] }]
  const tree = {
    environments: [{ name: 'demo', kafka: { brokers: ['a:1'] } }],
    serviceAccounts: [{ name: 'x', token: 't'.repeat(16), permissions }],
  }
  await assert.rejects(
    readConfig(tree),
    (e: ConfigError) => e instanceof ConfigError && e.problems.some((p) => /rights\[0\].*write.*insert/.test(p)),
  )
})
