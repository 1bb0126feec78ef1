/** Logs that are cut by an unclean election and grow again while they are read: never two histories in one answer. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import type { ClusterConfig } from '../../../../src/kafka/config.ts'
import { type BatchSource, KafkaError, type ScanRequest } from '../../../../src/kafka/log.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import { readRecords, writeRecordBatch } from '../../../../src/kafka/read/record-batch.ts'
import { API } from '../../../../src/kafka/wire/primitives.ts'
import { type Broker, startBroker } from '../../../../src/sandbox/broker.ts'
import { FakeCluster, type FakePartition } from '../../../wire/fake-broker.ts'

const never = new AbortController().signal
const PER_BATCH = 10

/** Batches of ten records with `history` and their offsets as values. */
function grow(broker: Broker, history: string, batches: number, padding = 100): void {
  for (let i = 0; i < batches; i++) {
    const { end } = broker.store.partition('t', 0) as { end: number }
    const records = Array.from({ length: PER_BATCH }, (_, k) => ({
      value: `${history}${end + k}${' '.repeat(padding)}`,
    }))
    broker.append('t', 0, writeRecordBatch(records))
  }
}

async function world(t: TestContext, batches: number, padding?: number) {
  const broker = await startBroker({ showBothNodes: true })
  const cluster = new Cluster({ brokers: [broker.bootstrap], gapTimeoutMs: 600 })
  t.after(async () => {
    cluster.close()
    await broker.close()
  })
  broker.createTopic('t')
  grow(broker, 'a', batches, padding)
  return { broker, cluster, log: createKafkaLog(cluster) }
}

function scanOf(end: number, more: Partial<ScanRequest> = {}): ScanRequest {
  const ranges = [{ partition: 0, start: 0, end }]
  return { topic: 't', isolation: 'read_uncommitted', ranges, fetchMaxBytes: 10_000, ...more }
}

/** Reads to the end, and calls `meanwhile` when so many records have come. Values without their padding. */
async function read(source: BatchSource, after: number, meanwhile: () => void): Promise<string[]> {
  const found: string[] = []
  let isDone = false
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (const record of readRecords(batch)) found.push(String(record.value).trim())
    if (isDone || found.length < after) continue
    isDone = true
    meanwhile()
  }
  return found
}

function truncated(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KafkaError, String(error))
    assert.equal(error.errorName, 'LOG_TRUNCATED')
    assert.match(error.message, pattern)
    return true
  }
}

const WAYS: readonly (readonly [string, Partial<ScanRequest>])[] = [
  ['in order', {}],
  ['in two places', { unordered: true }],
  ['few rows', { limit: 100_000 }],
  [
    'following',
    {
      ranges: [{ partition: 0, start: 0, end: Number.POSITIVE_INFINITY }],
      follow: { firstNew: 1, rangesOf: () => [] },
    },
  ],
]

for (const [name, way] of WAYS) {
  for (const node of [1, 2] as const) {
    test(`${name}: cut before the position and grown beyond it, ${node === 1 ? 'the same leader' : 'another leader'}`, async (t) => {
      const { broker, log } = await world(t, 300)
      const source = log.scan(scanOf(3000, way), never)
      const reading = read(source, 1000, () => {
        broker.cutLog('t', 0, 505, node)
        grow(broker, 'b', 300)
      })
      await assert.rejects(reading, truncated(/"t" partition 0: the log was cut at offset 500, before \d+ up to which/))
      source.close()
    })
  }
}

test('stripes: cut before the position and grown beyond it', async (t) => {
  const { broker, log } = await world(t, 3000, 500)
  const source = log.scan(scanOf(30_000, { fetchMaxBytes: 100_000 }), never)
  const reading = read(source, 10_000, () => {
    broker.cutLog('t', 0, 500, 1)
    grow(broker, 'b', 3000)
  })
  await assert.rejects(reading, truncated(/the log was cut at offset 500/))
})

test('two places of one partition: one that has not begun does not go on where the other one read another log', async (t) => {
  const { broker, log } = await world(t, 3000)
  const ranges = [
    { partition: 0, start: 0, end: 1000 },
    { partition: 0, start: 20_000, end: 30_000 },
  ]
  const source = log.scan(scanOf(0, { ranges, fetchMaxBytes: 20_000 }), never)
  const reading = read(source, 1000, () => {
    broker.cutLog('t', 0, 500, 2)
    grow(broker, 'b', 3000)
  })
  await assert.rejects(reading, truncated(/cut at offset 500/))
})

test('a leader of before with the records of before: lower epochs where a higher one was', async (t) => {
  const { broker, log } = await world(t, 20)
  broker.cutLog('t', 0, 100, 2)
  grow(broker, 'b', 300)
  const source = log.scan(scanOf(3000), never)
  const reading = read(source, 1000, () => {
    // As if the first one had written more before, and comes back.
    broker.cutLog('t', 0, 100, 1)
    const kept = broker.store.partition('t', 0) as { endOfEpoch(epoch: number): { leaderEpoch: number } }
    kept.endOfEpoch = () => ({ leaderEpoch: 0, endOffset: 5000 }) as ReturnType<typeof kept.endOfEpoch>
    grow(broker, 'c', 300)
  })
  await assert.rejects(reading, truncated(/the log was cut at offset \d+, before \d+ up to which/))
})

test('leaders that change without a loss, and a cut behind what has been read, are none', async (t) => {
  const { broker, cluster, log } = await world(t, 300)
  const source = log.scan(scanOf(3000), never)
  let moves = 0
  const found: string[] = []
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    found.push(...Array.from(readRecords(batch), ({ value }) => String(value).trim()))
    if (found.length < 500 * (moves + 1) || moves > 3) continue
    const log = broker.store.partition('t', 0) as { end: number }
    if (moves++ % 2 === 0) broker.moveLeader('t', 0, moves % 4 === 1 ? 2 : 1)
    else broker.cutLog('t', 0, log.end, 1)
    if (moves === 4) {
      broker.cutLog('t', 0, 2900, 2)
      grow(broker, 'b', 50)
    }
  }
  assert.equal(moves, 4)
  const expected = Array.from({ length: 3000 }, (_, i) => `${i < 2900 ? 'a' : 'b'}${i}`)
  assert.deepEqual(found, expected)
  assert.ok((cluster.requests.get('OffsetForLeaderEpoch') ?? 0) > 0)
})

test('a lost connection in the same epoch is no question', async (t) => {
  const { broker, cluster, log } = await world(t, 300)
  const found = await read(log.scan(scanOf(3000), never), 1000, () => broker.closeConnections())
  assert.equal(found.length, 3000)
  assert.equal(cluster.requests.get('OffsetForLeaderEpoch'), undefined)
})

// Brokers that answer in other ways.

async function fakeWorld(t: TestContext, config: Partial<ClusterConfig> = {}) {
  const fake = await FakeCluster.start(2)
  const cluster = new Cluster({ brokers: [fake.addresses[0]], gapTimeoutMs: 600, retryTimeoutMs: 20_000, ...config })
  t.after(async () => {
    cluster.close()
    await fake.stop()
  })
  const batches = Array.from({ length: 100 }, (_, i) =>
    writeRecordBatch([{ value: `a${i}` }], { baseOffset: i, leaderEpoch: 3 }),
  )
  const [part] = fake.add('t', [batches])
  part.leaderEpoch = 3
  const source = createKafkaLog(cluster).scan({ ...scanOf(100), fetchMaxBytes: 500 }, never)
  return { fake, cluster, part, source }
}

function elected(part: FakePartition): void {
  part.leaderEpoch = 4
  part.leader = 1
}

test('a broker that does not offer the question is believed', async (t) => {
  const { part, source } = await fakeWorld(t)
  assert.equal((await read(source, 20, () => elected(part))).length, 100)
})

for (const [name, code, epoch, end] of [
  ['may not be asked', 29, -1, -1],
  ['does not know the epoch', 0, -1, -1],
  ['has all of it', 0, 3, 100],
] as const) {
  test(`a leader that ${name} is believed`, async (t) => {
    const { fake, part, source } = await fakeWorld(t)
    fake.versions.push([API.offsetForLeaderEpoch, 0, 3])
    const asked: number[] = []
    part.epochEnd = (of) => {
      asked.push(of)
      return [code, epoch, end]
    }
    assert.equal((await read(source, 20, () => elected(part))).length, 100)
    assert.deepEqual(asked, [3])
  })
}

test('a leader that leaves the partition out, or is none yet, is asked again', async (t) => {
  const { fake, part, source } = await fakeWorld(t)
  fake.versions.push([API.offsetForLeaderEpoch, 0, 3])
  const answers = [undefined, [6, -1, -1], [75, -1, -1], [0, 3, 19]] as const
  let asked = 0
  part.epochEnd = () => answers[Math.min(asked++, answers.length - 1)]
  await assert.rejects(
    read(source, 20, () => elected(part)),
    truncated(/the log was cut at offset 19, before \d+ up to which/),
  )
  assert.equal(asked, 4)
})

test('one that leaves it out for ever is an error in the end', async (t) => {
  const { fake, part, source } = await fakeWorld(t, { retryTimeoutMs: 200 })
  fake.versions.push([API.offsetForLeaderEpoch, 0, 3])
  part.epochEnd = () => undefined
  await assert.rejects(
    read(source, 20, () => elected(part)),
    /Leader epochs of "t" partition 0: the answer of the broker leaves it out\. No progress for 200 ms/,
  )
})

test('records without a leader epoch, and brokers before Kafka 2.1, are read as they come', async (t) => {
  const { fake, part, source } = await fakeWorld(t)
  fake.versions = fake.versions.map(([api, min, max]) => [
    api,
    min,
    api === API.fetch ? 8 : api === API.metadata ? 6 : max,
  ])
  fake.versions.push([API.offsetForLeaderEpoch, 0, 1])
  part.epochEnd = () => assert.fail('nobody is to ask')
  assert.equal((await read(source, 20, () => elected(part))).length, 100)
})
