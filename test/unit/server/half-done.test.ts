/**
 * Statements of several steps, of which one fails or its answer is lost: a topic is never lost by TRUNCATE, what was done
 * is told, and the same statement again does the rest.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, mock, test } from 'node:test'
import { connect } from '../../../src/client/connect.ts'
import { deleteTopic } from '../../../src/kafka/admin/topics.ts'
import { Cluster } from '../../../src/kafka/cluster.ts'
import { brokerError } from '../../../src/kafka/errors.ts'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { type Registry, startRegistry } from '../../../src/sandbox/schema-registry.ts'
import { readConfig } from '../../../src/server/config/config.ts'
import { writeRecordBatch } from '../../../src/kafka/read/record-batch.ts'
import { createLog } from '../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../src/server/start.ts'
import { eventually } from '../../support/eventually.ts'

const NOT_AUTHORIZED = 29
const CLUSTER_NOT_AUTHORIZED = 31
const TOKEN = 'admin-token-0123456789'
let broker: Broker
let registry: Registry
let server: RunningServer

before(async () => {
  broker = await startBroker()
  registry = await startRegistry()
  const config = await readConfig({
    server: { port: 0 },
    environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap] }, registry: registry.url }],
    limits: { 'server.workers': 0 },
    serviceAccounts: [
      { name: 'admin', token: TOKEN, permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
    ],
  })
  // On this thread, where the client can be made to fail.
  server = await startServer(config, { log: createLog('silent') })
})
after(async () => {
  await server.close(0)
  await broker.close()
  await registry.close()
})
afterEach(() => broker.faults.clear())

async function ask(sql: string): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of connect({ url: server.url, environment: 'demo', token: TOKEN }).query(sql).rows())
    rows.push(row)
  return rows
}

const rest = (method: string, path: string, body?: object) =>
  fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
const subjects = async () => (await (await fetch(`${registry.url}/subjects`)).json()) as string[]
const config = (topic: string) => Object.fromEntries(broker.store.topics.get(topic)?.config ?? [])

test('TRUNCATE of a compacted topic whose deletion is not answered makes it anew, with its settings', async () => {
  await ask(
    "CREATE TABLE kept (_key string, _value string) FORMAT (STRING, STRING) PROPERTIES (compacted = true, partitions = 3, 'segment.ms' = '1234567'); INSERT INTO kept (_key, _value) VALUES ('a', 'b')",
  )
  broker.faults.set({ kind: 'drop', api: 'DeleteTopics', times: 1 })
  broker.faults.set({ kind: 'drop', api: 'CreateTopics', times: 1 })
  await ask('TRUNCATE TABLE kept')
  assert.equal(broker.faults.acted('drop'), 2)
  assert.equal(broker.store.topics.get('kept')?.partitions.length, 3)
  assert.deepEqual(config('kept'), { 'cleanup.policy': 'compact', 'segment.ms': '1234567' })
  assert.deepEqual(await ask('SELECT * FROM kept'), [])
})

test('TRUNCATE of one whose settings may not be read is refused, and leaves it as it is', async () => {
  await ask(
    "CREATE TABLE hidden (_key string, _value string) FORMAT (STRING, STRING) PROPERTIES (compacted = true); INSERT INTO hidden (_key, _value) VALUES ('a', 'b')",
  )
  const refused = brokerError(NOT_AUTHORIZED, 'Configuration of "hidden"')
  const none = { entries: [], compacted: false, timestampType: 'CreateTime', refused } as const
  const mocked = mock.method(Cluster.prototype, 'topicConfig', async () => none)
  await assert.rejects(
    ask('TRUNCATE TABLE hidden'),
    /its settings may not be read, and would be lost: .*DESCRIBE_CONFIGS/s,
  )
  const [{ statement }] = (await ask('SHOW CREATE TABLE hidden')) as { statement: string }[]
  assert.match(
    statement,
    /replication = 1\)\n-- Further properties could not be read \(this needs DESCRIBE_CONFIGS\): .*not authorized.*$/,
  )
  mocked.mock.restore()
  assert.equal((await ask('SELECT * FROM hidden')).length, 1)
})

test('CREATE TABLE whose answer is lost has made the table, with its schemas', async () => {
  broker.faults.set({ kind: 'drop', api: 'CreateTopics', times: 1 })
  await ask('CREATE TABLE made (id int, name string) FORMAT (STRING, AVRO)')
  assert.ok((await subjects()).includes('made-value'))
  await ask("INSERT INTO made (id, name) VALUES (1, 'x')")
  assert.deepEqual(await ask('SELECT id FROM made'), [{ id: 1 }])
})

test('DROP TABLE that could not delete the schemas says so, and does when it is said again', async () => {
  await ask('CREATE TABLE gone (id int, name string) FORMAT (STRING, AVRO)')
  registry.failNext(100)
  await assert.rejects(ask('DROP TABLE gone'), /The topic gone was deleted, and its schema gone-value was not: .*again/)
  assert.equal(broker.store.topics.has('gone'), false)
  registry.failNext(0)
  await ask('DROP TABLE gone')
  assert.ok(!(await subjects()).includes('gone-value'))
  await assert.rejects(ask('DROP TABLE gone'), /Unknown table/)
  assert.equal((await ask('DROP TABLE IF EXISTS gone')).length, 1)
})

test('what was declared of a topic says nothing of another one of its name', async () => {
  await ask('CREATE TABLE twice (id int) FORMAT (STRING, AVRO); INSERT INTO twice (id) VALUES (1)')
  await ask('SELECT * FROM twice')
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  await deleteTopic(cluster, 'twice')
  cluster.close()
  broker.createTopic('twice')
  await ask('CREATE TABLE IF NOT EXISTS twice (_key long, _value string) FORMAT (LONG, STRING)')
  await ask("INSERT INTO twice (_key, _value) VALUES (7, 'x')")
  assert.deepEqual(await ask('SELECT _key, _value FROM twice'), [{ _key: 7, _value: 'x' }])
})

test('DELETE of a topic that is not there says so', async () => {
  assert.equal((await rest('DELETE', '/api/topics/nowhere')).status, 404)
})

test('what Kafka has no numbers for is a mistake of the caller', async () => {
  for (const body of [
    { topicName: 'many', replication: 70_000 },
    { topicName: 'many', partitions: 5e9 },
    { topicName: 'x'.repeat(40_000) },
    { topicName: '..' },
  ])
    assert.equal((await rest('POST', '/api/topics', body)).status, 400, JSON.stringify(body).slice(0, 60))
  const text = 'x'.repeat(40_000)
  assert.equal((await rest('POST', '/api/topics', { topicName: 'many', configs: { 'a.b': text } })).status, 400)
  await assert.rejects(
    ask(`CREATE TABLE many (a int) FORMAT (STRING, JSON) PROPERTIES ('a.b' = '${text}')`),
    /more than Kafka takes/,
  )
  await assert.rejects(
    ask('CREATE TABLE many (a int) FORMAT (STRING, JSON) PROPERTIES (replication = 40000)'),
    /replication is a number from 1 to 32767/,
  )
})

test('INSERT that is ended in the middle says how much it has written', async () => {
  await ask('CREATE TABLE copied (_key string, _value string) FORMAT (STRING, STRING)')
  broker.createTopic('many')
  const values = Array.from({ length: 25_000 }, () => ({ key: null, value: Buffer.from('x') }))
  broker.append('many', 0, writeRecordBatch(values, { timestamp: 1 }))
  broker.faults.set({ kind: 'delay', api: 'Produce', ms: 0, times: 1 })
  broker.faults.set({ kind: 'delay', api: 'Produce', ms: 600_000 })
  const asked = ask('INSERT INTO copied (_key, _value) SELECT _value, _value FROM many LIMIT 25000')
  const rejected = assert.rejects(
    asked,
    /killed by .*10000 records were written before; it is not known whether \d+ more were\./,
  )
  await eventually('a batch is written', () => (broker.store.partition('copied', 0)?.end ?? 0) >= 10_000)
  const running = async () =>
    ((await (await rest('GET', '/api/v1/sql/queries')).json()) as { id: string; status: string }[]).filter(
      ({ status }) => status === 'Running',
    )
  await eventually('the next one is sent', () => broker.faults.acted('delay') === 2)
  const [{ id }] = await running()
  assert.equal((await rest('DELETE', `/api/v1/sql/execution/${id}`)).status, 204)
  await rejected
})

test('INSERT and DELETE without ids of producers say of how many records nobody knows', async () => {
  await ask(
    "CREATE TABLE open (_key string, _value string) FORMAT (STRING, STRING); INSERT INTO open (_key, _value) VALUES ('a', 'b')",
  )
  broker.faults.set({ kind: 'error', api: 'InitProducerId', code: CLUSTER_NOT_AUTHORIZED, times: 1000 })
  // The id that waits is not let be used, and no other is given.
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'open', code: CLUSTER_NOT_AUTHORIZED })
  await ask("INSERT INTO open (_key, _value) VALUES ('c', 'd')")
  const lost = () => broker.faults.set({ kind: 'drop', api: 'Produce' })
  lost()
  await assert.rejects(
    ask("INSERT INTO open (_key, _value) VALUES ('e', '1'), ('e', '2'), ('e', '3')"),
    /It is not known whether row 1 was written: .*\. 0 of 3 records were written; it is not known whether 3 more were\./,
  )
  assert.equal(broker.store.partition('open', 0)?.end, 5)
  lost()
  await assert.rejects(
    ask("DELETE FROM open WHERE _key = 'e'"),
    /It is not known whether a tombstone was written: .*\. 0 tombstones were written; it is not known whether 1 more were\./,
  )
  lost()
  const again = await rest('PUT', '/api/topics/open/0/0/resend')
  assert.equal(again.status, 502)
  assert.match(await again.text(), /It is not known whether the record was written: /)
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'open', code: NOT_AUTHORIZED })
  assert.equal((await rest('PUT', '/api/topics/open/0/0/resend')).status, 403)
})

test('INSERT … SELECT that is refused in the middle says how much it has written', async () => {
  await ask('CREATE TABLE going (_key string, _value string) FORMAT (STRING, STRING)')
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'going', code: 87, after: 1 })
  await assert.rejects(
    ask('INSERT INTO going (_key, _value) SELECT _value, _value FROM many LIMIT 25000'),
    /Row 10001 was not written: .*INVALID_RECORD\)\. 10000 records were inserted before\./,
  )
})
