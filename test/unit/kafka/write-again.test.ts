/**
 * Records whose answer is lost or leaves open what became of them: with an id of a producer they are sent again and
 * there once, without one it is told that nobody knows. Batches that are too large for a topic, partitions without a
 * leader, a cluster that goes away in the middle.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Record } from '../../../src/kafka/admin/batches.ts'
import { NotWritten, produce } from '../../../src/kafka/admin/produce.ts'
import { deleteTopic } from '../../../src/kafka/admin/topics.ts'
import { Cluster } from '../../../src/kafka/cluster.ts'
import { KafkaError } from '../../../src/kafka/log.ts'
import { createKafkaLog } from '../../../src/kafka/read/reader.ts'
import { readRecords } from '../../../src/kafka/read/record-batch.ts'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { eventually } from '../../support/eventually.ts'

const NOT_LEADER = 6
const CLUSTER_NOT_AUTHORIZED = 31
const OUT_OF_ORDER = 45
let broker: Broker
/** Gives ids of producers. */
let cluster: Cluster

before(async () => {
  broker = await startBroker({ showBothNodes: true })
})
after(() => broker.close())
beforeEach(() => {
  cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 3000 })
})
afterEach(() => {
  broker.faults.clear()
  cluster.close()
})

/** From now on the cluster gives no ids. */
const withoutIds = () =>
  broker.faults.set({ kind: 'error', api: 'InitProducerId', code: CLUSTER_NOT_AUTHORIZED, times: 1000 })

const record = (text: string, partition?: number): Record => ({
  key: null,
  value: Buffer.from(text),
  ...(partition === undefined ? {} : { partition }),
})
const numbered = (count: number, length: number): Record[] =>
  Array.from({ length: count }, (_, i) => record(String(i).padStart(length, '0'), 0))

async function stored(topic: string, partition = 0): Promise<string[]> {
  const log = createKafkaLog(cluster)
  const ranges = await log.bounds(topic, [partition], { isolation: 'read_uncommitted', timeoutMs: 5000 })
  const source = log.scan({ topic, ranges, isolation: 'read_uncommitted' }, new AbortController().signal)
  const found: string[] = []
  for (let batch = await source.next(); batch !== undefined; batch = await source.next())
    for (const { value } of readRecords(batch)) found.push(Buffer.from(value ?? []).toString())
  source.close()
  return found
}

/** What became of them, as one line. */
async function outcome(written: Promise<void>): Promise<string> {
  try {
    await written
    return 'written'
  } catch (error) {
    if (!(error instanceof NotWritten)) return error instanceof KafkaError ? error.errorName : String(error)
    const { index, isUnknown, written: count, unknown, cause } = error
    const name = cause instanceof KafkaError ? cause.errorName : ''
    return `${name} at ${index}${isUnknown ? '?' : ''}: ${count} written, ${unknown} unknown`
  }
}

for (const code of [NOT_LEADER, 3, 56, 7, 20, 13])
  test(`error ${code} may come behind what was stored`, async () => {
    const topic = `stored-${code}`
    broker.createTopic(topic)
    broker.faults.set({ kind: 'error', api: 'Produce', topic, code, stored: true, after: 1 })
    await produce(cluster, topic, [record('a')])
    await produce(cluster, topic, [record('b'), record('c')])
    await produce(cluster, topic, [record('d')])
    assert.deepEqual(await stored(topic), ['a', 'b', 'c', 'd'])

    broker.faults.set({ kind: 'error', api: 'Produce', topic, code, stored: true })
    withoutIds()
    cluster.close()
    cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 3000 })
    assert.match(await outcome(produce(cluster, topic, [record('e')])), /^[A-Z_]+ at 0\?: 0 written, 1 unknown$/)
    assert.deepEqual(await stored(topic), ['a', 'b', 'c', 'd', 'e'])
  })

for (const fault of [{ kind: 'drop' }, { kind: 'truncate', bytes: 9 }] as const)
  test(`an answer that is lost (${fault.kind}) is not a reason to write twice`, async () => {
    const topic = `lost-${fault.kind}`
    broker.createTopic(topic)
    broker.faults.set({ ...fault, api: 'Produce' })
    await produce(cluster, topic, [record('a'), record('b')])
    assert.equal(broker.faults.acted(fault.kind), 1)
    assert.deepEqual(await stored(topic), ['a', 'b'])

    broker.faults.clear()
    withoutIds()
    cluster.close()
    cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 3000 })
    broker.faults.set({ ...fault, api: 'Produce' })
    assert.equal(
      await outcome(produce(cluster, topic, [record('c'), record('d')])),
      'CONNECTION_LOST at 0?: 0 written, 2 unknown',
    )
    assert.deepEqual(await stored(topic), ['a', 'b', 'c', 'd'])
  })

test('one partition refuses, the answer about another is lost: both are told, and what can be found out is', async () => {
  broker.createTopic('two', { partitions: 2 })
  broker.moveLeader('two', 1, 2)
  const records = [record('a', 0), record('b', 1), record('c', 1)]
  const faults = () => {
    broker.faults.set({ kind: 'error', api: 'Produce', topic: 'two', partition: 0, code: 87 })
    broker.faults.set({ kind: 'error', api: 'Produce', topic: 'two', partition: 1, code: NOT_LEADER, stored: true })
  }
  faults()
  assert.equal(await outcome(produce(cluster, 'two', records)), 'INVALID_RECORD at 0: 2 written, 0 unknown')
  assert.deepEqual(await stored('two', 1), ['b', 'c'])
  withoutIds()
  cluster.close()
  cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 3000 })
  faults()
  assert.equal(await outcome(produce(cluster, 'two', records)), 'INVALID_RECORD at 0: 0 written, 2 unknown')
})

test('an answer that nobody understands leaves open what became of the records', async () => {
  broker.createTopic('odd')
  for (const code of [-1, 999]) {
    broker.faults.set({ kind: 'error', api: 'Produce', topic: 'odd', code, stored: true })
    assert.match(await outcome(produce(cluster, 'odd', [record('a')])), / at 0\?: 0 written, 1 unknown/)
  }
  await produce(cluster, 'odd', [record('b')])
  assert.deepEqual(await stored('odd'), ['a', 'a', 'b'])
})

test('without ids a leader that moved before is found first', async () => {
  broker.createTopic('moved')
  withoutIds()
  await produce(cluster, 'moved', [record('a')])
  for (const leader of [2, 1] as const) {
    broker.moveLeader('moved', 0, leader)
    const asked = broker.stats.requests.get('Produce') ?? 0
    await produce(cluster, 'moved', [record('b')])
    assert.equal((broker.stats.requests.get('Produce') ?? 0) - asked, 1)
  }
  assert.deepEqual(await stored('moved'), ['a', 'b', 'b'])
})

test('a broker that knows other numbers, or does not let an id be used: records are there once', async () => {
  broker.createTopic('numbers')
  await produce(cluster, 'numbers', [record('a')])
  for (const code of [OUT_OF_ORDER, 46, 47, 59, 90, 43, CLUSTER_NOT_AUTHORIZED]) {
    broker.faults.set({ kind: 'error', api: 'Produce', topic: 'numbers', code })
    await produce(cluster, 'numbers', [record(String(code))])
  }
  assert.deepEqual(await stored('numbers'), ['a', '45', '46', '47', '59', '90', '43', '31'])
  cluster.close()
  cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 3000 })
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'numbers', code: NOT_LEADER, stored: true })
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'numbers', code: OUT_OF_ORDER })
  assert.equal(
    await outcome(produce(cluster, 'numbers', [record('z')])),
    'OUT_OF_ORDER_SEQUENCE_NUMBER at 0?: 0 written, 1 unknown',
  )
})

test('ids serve one call at a time, and topics that were made anew', async () => {
  broker.createTopic('shared')
  const before = broker.stats.requests.get('InitProducerId') ?? 0
  for (let round = 0; round < 3; round++)
    await Promise.all(Array.from({ length: 5 }, (_, i) => produce(cluster, 'shared', [record(`${round}${i}`)])))
  assert.equal((await stored('shared')).length, 15)
  assert.equal((broker.stats.requests.get('InitProducerId') ?? 0) - before, 5)
  await deleteTopic(cluster, 'shared')
  broker.createTopic('shared')
  await produce(cluster, 'shared', [record('new')])
  assert.deepEqual(await stored('shared'), ['new'])
})

test('records that fit are written whatever the topic takes in a batch, in order', async () => {
  for (const [topic, most] of [
    ['halves', '20000'],
    ['single', '150'],
  ]) {
    broker.createTopic(topic, { config: { 'max.message.bytes': most } })
    const records = numbered(300, 60)
    await produce(cluster, topic, records)
    assert.deepEqual(
      await stored(topic),
      records.map(({ value }) => Buffer.from(value ?? []).toString()),
    )
  }
  assert.ok((broker.stats.requests.get('Produce') ?? 0) > 300)
})

test('a record that does not fit is named, those before it are written', async () => {
  broker.createTopic('large', { config: { 'max.message.bytes': '2000' } })
  const records = numbered(300, 60)
  records[217] = record('x'.repeat(5000), 0)
  assert.equal(await outcome(produce(cluster, 'large', records)), 'MESSAGE_TOO_LARGE at 217: 217 written, 0 unknown')
  assert.equal((await stored('large')).length, 217)
})

test('an answer lost among halves: order is kept, nothing is there twice', async () => {
  broker.createTopic('halves-lost', { config: { 'max.message.bytes': '3000' } })
  for (const after of [4, 7, 11]) broker.faults.set({ kind: 'drop', api: 'Produce', after })
  broker.faults.set({
    kind: 'error',
    api: 'Produce',
    topic: 'halves-lost',
    code: NOT_LEADER,
    stored: true,
    after: 6,
    times: 3,
  })
  const records = numbered(300, 60)
  await produce(cluster, 'halves-lost', records)
  assert.deepEqual(
    await stored('halves-lost'),
    records.map(({ value }) => Buffer.from(value ?? []).toString()),
  )
})

test('records without a key go where somebody leads', async () => {
  broker.createTopic('headless', { partitions: 3 })
  const log = broker.store.partition('headless', 1)
  assert.ok(log)
  log.leader = -1
  for (let i = 0; i < 6; i++) await produce(cluster, 'headless', [record('x')])
  assert.equal(log.end, 0)
  log.leader = 1
})

test('a cluster that is away for a while is waited for; one that stays away is told with what was written', async () => {
  broker.createTopic('away')
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'away', code: NOT_LEADER, after: 1 })
  broker.faults.set({ kind: 'drop', api: 'Metadata', after: 1, times: 2 })
  await produce(cluster, 'away', [record('a')])
  const full = 'x'.repeat(800_000)
  await produce(cluster, 'away', [record(full), record(full)])
  assert.equal(broker.faults.acted('drop'), 2)
  assert.equal((await stored('away')).length, 3)

  broker.faults.clear()
  cluster.close()
  cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 200 })
  await cluster.topic('away')
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'away', code: 19, after: 1 })
  broker.faults.set({ kind: 'drop', api: 'Metadata', times: 1000 })
  assert.equal(
    await outcome(produce(cluster, 'away', [record(full), record(full)])),
    'CONNECTION_LOST at 1: 1 written, 0 unknown',
  )
})

test('an abort ends the wait for an answer at once, and counts what was taken', async () => {
  broker.createTopic('cut')
  broker.faults.set({ kind: 'delay', api: 'Produce', ms: 600_000, after: 1 })
  const abort = new AbortController()
  const taken: number[] = []
  const full = 'x'.repeat(800_000)
  const writing = produce(cluster, 'cut', [record(full), record(full)], abort.signal, (n) => taken.push(n))
  const rejected = assert.rejects(writing, /enough/)
  await eventually('the second batch is sent', () => broker.faults.acted('delay') === 1)
  abort.abort(new Error('enough'))
  await rejected
  assert.deepEqual(taken, [1])
  broker.faults.clear()
  await produce(cluster, 'cut', [record('last')])
  assert.equal((await stored('cut')).at(-1), 'last')
})
