/** Answers that no sound broker gives: each has a bound, and an error that says which broker said what of what. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { MAX_BROKERS, MAX_PARTITIONS } from '../../../src/kafka/answers.ts'
import { Cluster } from '../../../src/kafka/cluster.ts'
import type { ClusterConfig } from '../../../src/kafka/config.ts'
import { createKafkaLog } from '../../../src/kafka/read/reader.ts'
import { writeRecordBatch } from '../../../src/kafka/read/record-batch.ts'
import { GREETING_MAX_BYTES } from '../../../src/kafka/wire/frame.ts'
import { API, WireWriter } from '../../../src/kafka/wire/primitives.ts'
import { FakeCluster } from '../../wire/fake-broker.ts'

async function world(t: TestContext, config: Partial<ClusterConfig> = {}) {
  const fake = await FakeCluster.start()
  const [part] = fake.add('t', [[]])
  const cluster = new Cluster({ brokers: fake.addresses, ...config })
  t.after(async () => {
    cluster.close()
    await fake.stop()
  })
  return { fake, part, cluster }
}

/** Metadata v7 of topic `t`. */
function metadata(brokers: readonly (readonly [string, number])[], partitions: readonly number[]): Buffer {
  const writer = new WireWriter(1 << 20).int32(0)
  brokers.forEach((_, id) => {
    if (id === 0) writer.int32(brokers.length)
    writer.int32(id).string(brokers[id][0]).int32(brokers[id][1]).string(null)
  })
  writer.string('odd').int32(0).int32(1).int16(0).string('t').boolean(false)
  writer.array(partitions, (number) => writer.int16(0).int32(number).int32(0).int32(0).int32(0).int32(0).int32(0))
  return Buffer.from(writer.finish())
}

test('metadata that name a partition twice, a negative one, or too much of anything', async (t) => {
  const { fake, cluster } = await world(t)
  const here = ['127.0.0.1', fake.ports[0]] as const
  const many = Array.from({ length: MAX_PARTITIONS + 1 }, (_, i) => i)
  const crowd = Array.from({ length: MAX_BROKERS + 1 }, () => here)
  for (const [answer, why] of [
    [metadata([here], [0, 1, 0]), /it names partition 0 of "t" twice/],
    [metadata([here], [0, -1]), /it names a partition -1 of "t"/],
    [
      metadata([here], many),
      /it names 200001 partitions of "t", and 200000 are the limit \(kafka\.metadata\.partitions\)/,
    ],
    [metadata(crowd, [0]), /it names 10001 brokers, and 10000 are the limit \(kafka\.metadata\.brokers\)/],
  ] as const) {
    fake.bodies.set(API.metadata, answer)
    await assert.rejects(cluster.topic('t', { fresh: true }), why)
    await assert.rejects(
      cluster.topic('t', { fresh: true }),
      /Broker 127\.0\.0\.1:\d+: the answer to Metadata v7 cannot be read/,
    )
  }
  await assert.rejects(cluster.listing(), /it names 10001 brokers .*kafka\.metadata\.brokers/)
  fake.bodies.set(API.metadata, metadata([here], [1, 0]))
  assert.deepEqual(
    (await cluster.topic('t', { fresh: true })).partitions.map(({ partition }) => partition),
    [0, 1],
  )
})

test('of very many brokers that are away a few are tried, then those of the configuration', async (t) => {
  const { fake, cluster } = await world(t)
  const away = Array.from({ length: 5000 }, (_, i) => ['127.0.0.1', 1 + (i % 500)] as const)
  fake.bodies.set(API.metadata, metadata([...away], [0]))
  await cluster.topic('t')
  await fake.stop()
  // The first one may be told of a connection that has ended just now.
  await assert.rejects(cluster.topic('t', { fresh: true }))
  await assert.rejects(cluster.topic('t', { fresh: true }), (error: unknown) => {
    const tried = String(error).match(/Broker 127/g)?.length ?? 0
    return tried > 1 && tried <= 9
  })
})

test('bounds that are no offsets', async (t) => {
  const { part, cluster } = await world(t)
  const log = createKafkaLog(cluster)
  for (const [start, end, wrong] of [
    [-5, 10, -5],
    [-1, -1, -1],
    [0, 2 ** 62, 2 ** 62],
  ]) {
    part.start = start
    part.end = end
    await assert.rejects(
      log.bounds('t', [0], { isolation: 'read_uncommitted', timeoutMs: 100 }),
      new RegExp(`Offsets of "t" partition 0: the broker says ${wrong}, which is no offset of a log`),
    )
  }
})

test('a time that no record has is no trouble', async (t) => {
  const { cluster } = await world(t)
  const options = { isolation: 'read_uncommitted', timeoutMs: 5000 } as const
  assert.deepEqual(await createKafkaLog(cluster).offsetsForTime('t', [0], 5, options), [undefined])
})

test('an answer of which a byte comes now and then is given up', async (t) => {
  const { fake, cluster } = await world(t, { requestTimeoutMs: 100 })
  const begun = Buffer.alloc(8)
  begun.writeInt32BE(1000)
  const drips: NodeJS.Timeout[] = []
  t.after(() => drips.forEach(clearInterval))
  fake.fault = ({ api, socket }) => {
    if (api !== API.metadata) return undefined
    drips.push(setInterval(() => socket.write(Buffer.alloc(1)), 5))
    return { replace: begun }
  }
  await assert.rejects(
    cluster.topic('t'),
    // A busy machine may see nothing of it for a while.
    /Broker [^ ]+ (sent only \d+ bytes of its answer to|has not answered) Metadata within 100 ms \(kafka\.request\.timeout\)/,
  )
})

test('a greeting is small', async (t) => {
  const { fake, cluster } = await world(t)
  fake.bodies.set(API.apiVersions, Buffer.alloc(GREETING_MAX_BYTES))
  await assert.rejects(
    cluster.topic('t'),
    /Broker [^ ]+: a response of 1048580 bytes is over the limit of 1048576 bytes \(kafka\.greeting\.max\.bytes\)/,
  )
})

test('a batch that never comes whole', async (t) => {
  const { part, cluster } = await world(t, { retryTimeoutMs: 50 })
  part.batches = [writeRecordBatch([{ value: 'x' }])]
  part.end = 1
  part.sent = (batch) => {
    const longer = Buffer.from(batch)
    longer.writeInt32BE(100_000, 8)
    return longer
  }
  const ranges = [{ partition: 0, start: 0, end: 1 }]
  const source = createKafkaLog(cluster).scan(
    { topic: 't', isolation: 'read_uncommitted', ranges },
    new AbortController().signal,
  )
  await assert.rejects(
    Promise.resolve(source.next()),
    /"t" partition 0 at offset 0: broker 127\.0\.0\.1:\d+ never sends the batch whole, of which it names 100012 bytes; nothing more came for 50 ms \(kafka\.retry\.timeout\)/,
  )
})
