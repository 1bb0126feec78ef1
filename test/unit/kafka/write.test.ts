/**
 * Topics made and taken away, records written and removed, on the embedded broker: with leaders that move, answers that
 * do not come, and refusals.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { createTopic, deleteRecords, deleteTopic } from '../../../src/kafka/admin/topics.ts'
import { Cluster } from '../../../src/kafka/cluster.ts'
import type { KafkaError } from '../../../src/kafka/log.ts'
import { PRODUCE_BATCH_BYTES, type Record } from '../../../src/kafka/admin/batches.ts'
import { type NotWritten, produce } from '../../../src/kafka/admin/produce.ts'
import { createKafkaLog } from '../../../src/kafka/read/reader.ts'
import { type PlainRecord, readRecords } from '../../../src/kafka/read/record-batch.ts'
import { partitionOfKey } from '../../../src/lib/murmur2.ts'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'

let broker: Broker
let cluster: Cluster

before(async () => {
  broker = await startBroker({ showBothNodes: true })
  cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 3000 })
})
after(async () => {
  cluster.close()
  await broker.close()
})
afterEach(() => broker.faults.clear())

/** Everything in a topic, by partition. */
async function stored(topic: string): Promise<Map<number, PlainRecord[]>> {
  const log = createKafkaLog(cluster)
  const partitions = (await cluster.topic(topic, { fresh: true })).partitions.map((p) => p.partition)
  const ranges = await log.bounds(topic, partitions, { isolation: 'read_uncommitted', timeoutMs: 5000 })
  const source = log.scan({ topic, ranges, isolation: 'read_uncommitted' }, new AbortController().signal)
  const found = new Map<number, PlainRecord[]>()
  for (;;) {
    const batch = await source.next()
    if (batch === undefined) break
    for (const r of readRecords(batch))
      found.set(batch.partition, [
        ...(found.get(batch.partition) ?? []),
        {
          ...r,
          key: r.key && Buffer.from(r.key),
          value: r.value && Buffer.from(r.value),
          headers: r.headers.map((h) => ({ ...h, value: h.value && Buffer.from(h.value) })),
        },
      ])
  }
  source.close()
  return found
}

const record = (key: string | null, value: string | null = 'v', more: Partial<Record> = {}): Record => ({
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  ...more,
})

test('a topic comes, is known at once, and goes', async () => {
  await createTopic(cluster, { name: 'come', partitions: 3, replication: 1, config: { 'retention.ms': '5' } })
  assert.equal((await cluster.topic('come')).partitions.length, 3)
  assert.ok((await cluster.listing()).topics.some((t) => t.name === 'come'))
  assert.equal((await cluster.topicConfig('come')).entries.find((e) => e.name === 'retention.ms')?.value, '5')
  await assert.rejects(
    createTopic(cluster, { name: 'come', partitions: 1, replication: 1, config: {} }),
    (e: KafkaError) => e.errorName === 'TOPIC_ALREADY_EXISTS',
  )
  await deleteTopic(cluster, 'come')
  assert.ok(!(await cluster.listing()).topics.some((t) => t.name === 'come'))
  await assert.rejects(cluster.topic('come'), (e: KafkaError) => e.errorName === 'UNKNOWN_TOPIC_OR_PARTITION')
  await assert.rejects(deleteTopic(cluster, 'come'), (e: KafkaError) => e.errorName === 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('keys decide on the partition, a given one wins, everything arrives as it was', async () => {
  broker.createTopic('placed', { partitions: 5 })
  const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
  await produce(cluster, 'placed', [
    ...keys.map((k) => record(k, k)),
    record('k0', null, {
      partition: 4,
      headers: [
        { key: 'h', value: Buffer.from('x') },
        { key: 'n', value: null },
      ],
    }),
  ])
  const found = await stored('placed')
  for (const key of keys)
    assert.ok(
      found
        .get(partitionOfKey(Buffer.from(key), 5))
        ?.some((r) => r.key?.toString() === key && r.value?.toString() === key),
    )
  const last = found.get(4)?.at(-1)
  assert.equal(last?.value, null)
  assert.deepEqual(
    last?.headers.map((h) => [h.key, h.value?.toString()]),
    [
      ['h', 'x'],
      ['n', undefined],
    ],
  )
  await assert.rejects(produce(cluster, 'placed', [record('a', 'b', { partition: 9 })]), /has no partition 9/)
})

test('records without a key stay together, many make several batches in order', async () => {
  broker.createTopic('loose', { partitions: 3 })
  await produce(cluster, 'loose', [record(null, 'a'), record(null, 'b')])
  assert.deepEqual(
    [...(await stored('loose')).values()].map((r) => r.length),
    [2],
  )
  broker.createTopic('large')
  const value = 'x'.repeat(100_000)
  const count = Math.ceil((3 * PRODUCE_BATCH_BYTES) / value.length)
  await produce(
    cluster,
    'large',
    Array.from({ length: count }, (_, i) => record(null, `${i} ${value}`)),
  )
  const texts = (await stored('large')).get(0)?.map((r) => r.value?.toString().split(' ')[0])
  assert.deepEqual(
    texts,
    Array.from({ length: count }, (_, i) => String(i)),
  )
})

test('a leader that moved is found; records are written once', async () => {
  broker.createTopic('moving')
  await produce(cluster, 'moving', [record('a')])
  broker.moveLeader('moving', 0, 2)
  await produce(cluster, 'moving', [record('b')])
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'moving', code: 19, times: 2 })
  await produce(cluster, 'moving', [record('c')])
  assert.deepEqual(
    (await stored('moving')).get(0)?.map((r) => r.key?.toString()),
    ['a', 'b', 'c'],
  )
  broker.moveLeader('moving', 0, 1)
  await deleteRecords(cluster, 'moving', new Map([[0, 2]]))
  assert.deepEqual(
    (await stored('moving')).get(0)?.map((r) => r.offset),
    [2],
  )
})

test('what was written and what was not is told', async () => {
  broker.createTopic('partly', { config: { 'max.message.bytes': '2000' } })
  const good = Array.from({ length: 3 }, () => record(null, 'x'))
  await assert.rejects(
    produce(cluster, 'partly', [...good, record(null, 'y'.repeat(5000))]),
    (e: NotWritten) => e.index === 3 && e.written === 3 && e.unknown === 0 && /MESSAGE_TOO_LARGE/.test(e.message),
  )
  const full = record(null, 'z'.repeat(PRODUCE_BATCH_BYTES - 100))
  broker.createTopic('partly2')
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'partly2', code: 2, after: 2 })
  await assert.rejects(
    produce(cluster, 'partly2', [full, full, full, full]),
    (e: NotWritten) => e.index === 2 && e.written === 2,
  )
  assert.equal((await stored('partly2')).get(0)?.length, 2)
})

test('the beginning of a log goes, to the end if need be; a compacted topic keeps its own', async () => {
  broker.createTopic('short', { partitions: 2 })
  await produce(
    cluster,
    'short',
    Array.from({ length: 6 }, (_, i) => record(null, String(i), { partition: i % 2 })),
  )
  await deleteRecords(
    cluster,
    'short',
    new Map([
      [0, 2],
      [1, -1],
    ]),
  )
  const found = await stored('short')
  assert.deepEqual(
    found.get(0)?.map((r) => r.offset),
    [2],
  )
  assert.equal(found.get(1), undefined)
  await assert.rejects(
    deleteRecords(cluster, 'short', new Map([[0, 99]])),
    (e: KafkaError) => e.errorName === 'OFFSET_OUT_OF_RANGE',
  )
  broker.createTopic('kept', { config: { 'cleanup.policy': 'compact' } })
  await assert.rejects(
    deleteRecords(cluster, 'kept', new Map([[0, 0]])),
    (e: KafkaError) => e.errorName === 'POLICY_VIOLATION',
  )
})

test('an abort ends the wait', async () => {
  broker.createTopic('waiting')
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'waiting', code: 19, times: 1000 })
  const abort = new AbortController()
  setTimeout(() => abort.abort(new Error('enough')), 100)
  await assert.rejects(produce(cluster, 'waiting', [record('a')], abort.signal), /enough/)
})

test('many partitions share requests and connections', async () => {
  broker.createTopic('wide', { partitions: 60 })
  const connections = broker.stats.connectionsEver
  const requests = broker.stats.requests.get('Produce') ?? 0
  await produce(
    cluster,
    'wide',
    Array.from({ length: 600 }, (_, i) => record(`k${i}`, 'x'.repeat(100))),
  )
  assert.ok(broker.stats.connectionsEver - connections <= 1)
  assert.equal((broker.stats.requests.get('Produce') ?? 0) - requests, 1)
  const found = await stored('wide')
  assert.equal(
    [...found.values()].reduce((n, r) => n + r.length, 0),
    600,
  )
})

test('one partition that is refused: the others are written, and the count says so', async () => {
  broker.createTopic('mixed', { partitions: 4 })
  broker.faults.set({ kind: 'error', api: 'Produce', topic: 'mixed', partition: 2, code: 87 })
  const records = Array.from({ length: 40 }, (_, i) => record(null, String(i), { partition: i % 4 }))
  await assert.rejects(
    produce(cluster, 'mixed', records),
    (e: NotWritten) => e.index === 2 && e.written === 30 && /INVALID_RECORD/.test(e.message),
  )
  assert.deepEqual([...(await stored('mixed')).keys()].sort(), [0, 1, 3])
})
