/** Where partitions are read when metadata and answers are not what they should be: leaders that nobody lists, addresses that are none, partitions that an answer leaves out. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import type { ClusterConfig } from '../../../../src/kafka/config.ts'
import type { BatchSource, OffsetRange, ScanRequest } from '../../../../src/kafka/log.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import { readRecords, writeRecordBatch } from '../../../../src/kafka/read/record-batch.ts'
import { API } from '../../../../src/kafka/wire/primitives.ts'
import { eventually } from '../../../support/eventually.ts'
import { FakeCluster, type FakePartition } from '../../../wire/fake-broker.ts'

const never = new AbortController().signal
const CALL = { isolation: 'read_uncommitted', timeoutMs: 60_000 } as const

async function world(t: TestContext, config: Partial<ClusterConfig> = {}) {
  const fake = await FakeCluster.start(2)
  const cluster = new Cluster({ brokers: [fake.addresses[0]], gapTimeoutMs: 600, ...config })
  t.after(async () => {
    cluster.close()
    await fake.stop()
  })
  return { fake, cluster, log: createKafkaLog(cluster) }
}

/** One batch of two records. */
const TWO = writeRecordBatch([{ value: 'a' }, { value: 'b' }])

function scanOf(parts: readonly FakePartition[], more: Partial<ScanRequest> = {}): ScanRequest {
  const ranges = parts.map(({ start, end }, partition) => ({ partition, start, end }))
  return { topic: 't', isolation: 'read_uncommitted', ranges, ...more }
}

/** Follows partition 0 from its end on, and what comes beside it from its start on. */
function following(rangesOf: (partition: number) => readonly OffsetRange[]): Partial<ScanRequest> {
  return {
    ranges: [{ partition: 0, start: 2, end: Number.POSITIVE_INFINITY }],
    follow: { firstNew: 1, rangesOf },
  }
}

const fromStart = (partition: number) => [{ partition, start: 0, end: Number.POSITIVE_INFINITY }]

async function values(source: BatchSource): Promise<string[]> {
  const found: string[] = []
  for (let batch = await source.next(); batch !== undefined; batch = await source.next())
    found.push(...Array.from(readRecords(batch), (record) => String(record.value)))
  return found
}

/** From the next metadata on that are asked for. */
function onMetadata(fake: FakeCluster, what: (asked: number) => void): void {
  let asked = 0
  fake.fault = ({ api }) => {
    if (api === API.metadata) what(++asked)
    return undefined
  }
}

test('a leader that metadata do not list is looked for again: at the start, and on the way', async (t) => {
  const { fake, cluster, log } = await world(t)
  const [part] = fake.add('t', [[TWO]])
  part.leader = 1
  fake.unlisted.add(1)
  onMetadata(fake, (asked) => {
    if (asked === 3) fake.unlisted.clear()
  })
  assert.deepEqual(await values(log.scan(scanOf([part]), never)), ['a', 'b'])
  assert.deepEqual(await log.bounds('t', [0], CALL), [{ partition: 0, start: 0, end: 2 }])
  // Where it was read the leader is no more, and the next one is not listed at first.
  part.leader = 0
  const source = log.scan(scanOf([part]), never)
  await cluster.topic('t', { fresh: true })
  part.leader = 1
  fake.unlisted.add(1)
  onMetadata(fake, (asked) => {
    if (asked === 3) fake.unlisted.clear()
  })
  assert.deepEqual(await values(source), ['a', 'b'])
})

test('a leader that metadata never list is an error in the end', async (t) => {
  const { fake, log } = await world(t, { retryTimeoutMs: 300 })
  const [part] = fake.add('t', [[TWO]])
  part.leader = 1
  fake.unlisted.add(1)
  await assert.rejects(values(log.scan(scanOf([part]), never)), /no leader at the moment.*No progress for 300 ms/)
  await assert.rejects(log.bounds('t', [0], { ...CALL, timeoutMs: 200 }), /within 200 ms|no leader at the moment/)
})

test('what is remembered of a topic counts no more when its leader is not listed any more', async (t) => {
  const { fake, cluster } = await world(t)
  const [part] = fake.add('t', [[TWO]])
  part.leader = 1
  assert.equal((await cluster.topic('t')).partitions[0].leader, 1)
  fake.unlisted.add(1)
  part.leader = 0
  assert.equal((await cluster.topic('t')).partitions[0].leader, 1)
  await cluster.metadata(['other'], { fresh: true })
  assert.equal((await cluster.topic('t')).partitions[0].leader, 0)
})

test('a new partition whose leader is not listed is read once it is', async (t) => {
  const { fake, cluster, log } = await world(t, { newPartitionsMs: 20 })
  const [part, added] = fake.add('t', [[TWO], [TWO]])
  added.leader = 1
  fake.topics.set('t', { partitions: [part] })
  const source = log.scan(scanOf([], following(fromStart)), never)
  t.after(() => source.close())
  const next = source.next()
  await eventually('the first fetch is sent', () => fake.fetches.length > 0)
  fake.unlisted.add(1)
  fake.topics.set('t', { partitions: [part, added] })
  await eventually('the partition is found', () => source.progress.length === 2)
  const asked = cluster.requests.get('Metadata') ?? 0
  await eventually('its leader is looked for', () => (cluster.requests.get('Metadata') ?? 0) > asked + 1)
  fake.unlisted.clear()
  assert.equal((await next)?.partition, 1)
})

test('what is thrown over a new partition ends the scan, not the process', async (t) => {
  const { fake, log } = await world(t, { newPartitionsMs: 20 })
  const [part, added] = fake.add('t', [[TWO], [TWO]])
  fake.topics.set('t', { partitions: [part] })
  const request = scanOf(
    [],
    following(() => {
      throw new Error('of no use')
    }),
  )
  const next = log.scan(request, never).next()
  await eventually('the first fetch is sent', () => fake.fetches.length > 0)
  fake.topics.set('t', { partitions: [part, added] })
  await assert.rejects(async () => await next, /of no use/)
})
