/** Where partitions are read when metadata and answers are not what they should be: leaders that nobody lists, addresses that are none, partitions that an answer leaves out. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import type { ClusterConfig } from '../../../../src/kafka/config.ts'
import type { BatchSource, OffsetRange, ScanRequest } from '../../../../src/kafka/log.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import { Lane, type LaneOwner } from '../../../../src/kafka/read/lane.ts'
import { Progress } from '../../../../src/kafka/read/progress.ts'
import { Segment } from '../../../../src/kafka/read/segment.ts'
import { FramePool } from '../../../../src/kafka/wire/frame-pool.ts'
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

test('an address that is none is an error with a name, and hides no broker that answers', async (t) => {
  const { fake, cluster, log } = await world(t)
  fake.add('t', [[TWO]])
  for (const address of [{ port: 70_000 }, { port: 0 }, { port: -1 }, { host: '' }, { host: 'a b' }]) {
    fake.advertised.set(0, { host: '127.0.0.1', port: fake.ports[0], ...address })
    await cluster.topic('t', { fresh: true })
    await assert.rejects(log.bounds('t', [0], CALL), { errorName: 'BAD_ADDRESS', retriable: false })
    const open = log.scan({ ...scanOf([]), ranges: [{ partition: 0, start: 0, end: 2 }] }, never)
    await assert.rejects(values(open), { errorName: 'BAD_ADDRESS' })
    fake.disconnect()
    await eventually('the connection is gone', () => fake.open === 0)
    assert.equal((await cluster.topic('t', { fresh: true })).partitions.length, 1)
  }
})

test('an answer that leaves the partition out: asked again with pauses, then an error', async (t) => {
  const { fake, cluster, log } = await world(t, { retryTimeoutMs: 400 })
  const [part, other] = fake.add('t', [[TWO], [TWO]])
  part.leftOut = true
  fake.fault = ({ api }) => {
    if (api === API.fetch && fake.fetches.length === 3) part.leftOut = false
    return undefined
  }
  assert.deepEqual((await values(log.scan(scanOf([part, other]), never))).sort(), ['a', 'a', 'b', 'b'])
  fake.fault = () => undefined
  part.leftOut = true
  const before = fake.fetches.length
  await assert.rejects(
    values(log.scan(scanOf([part]), never)),
    /partition 0: the answer of the broker leaves it out\. No progress for 400 ms/,
  )
  const asked = cluster.requests.get('ListOffsets') ?? 0
  await assert.rejects(log.bounds('t', [0], { ...CALL, timeoutMs: 400 }), /partition 0.*leaves it out|within 400 ms/)
  // Without pauses these would be thousands.
  assert.ok(fake.fetches.length - before < 30, `${fake.fetches.length - before} fetches`)
  assert.ok((cluster.requests.get('ListOffsets') ?? 0) - asked < 60)
})

test('a broker that slows us down says nothing of the partition, which is no trouble', async (t) => {
  const { fake, log } = await world(t, { retryTimeoutMs: 0 })
  const [part] = fake.add('t', [[TWO]])
  fake.throttled = 3
  assert.deepEqual(await values(log.scan(scanOf([part]), never)), ['a', 'b'])
})

test('who waits for his turn in a lane that gets records is in no trouble; who is refused is', async (t) => {
  const { fake, cluster } = await world(t)
  const parts = fake.add('t', [[TWO], [TWO], [TWO]])
  parts[2].error = 6
  const [served, waiting, refused] = parts.map((part, partition) => {
    const range = { partition, start: part.start, end: part.end }
    const segment = new Segment(partition, new Progress(range), [range])
    segment.attempts = 3
    segment.stalledSinceMs = 1
    return segment
  })
  const troubled: string[] = []
  const done = Promise.withResolvers<void>()
  const owner: LaneOwner = {
    topic: 't',
    topicId: undefined,
    isolation: 'read_uncommitted',
    cluster,
    frames: new FramePool(),
    signal: never,
    depth: 1,
    follows: false,
    firstFetchBytes: 1,
    checked: false,
    fetchBytes: () => 1,
    ready: () => done.resolve(),
    troubled: (_, segment, error) => troubled.push(`${segment.partition} ${error.errorName}`),
    lost: (_lane, _segments, error) => done.reject(error),
    fail: done.reject,
    stripeStalled: () => undefined,
    settled: () => undefined,
  }
  await cluster.topic('t')
  const lane = new Lane(cluster.broker(0), owner)
  t.after(() => lane.close())
  for (const segment of [served, waiting, refused]) lane.add(segment)
  lane.pump()
  await done.promise
  assert.deepEqual(troubled, ['2 NOT_LEADER_OR_FOLLOWER'])
  const trouble = (segment: Segment) => [segment.position, segment.attempts, segment.stalledSinceMs]
  assert.deepEqual([served, waiting, refused].map(trouble), [
    [2, 0, 0],
    [0, 0, 0],
    [0, 3, 1],
  ])
})

test('a connection whose session is over is closed when its last answer has come, or with the cluster', async (t) => {
  const { fake, cluster } = await world(t, { sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' } })
  fake.add('t', [[TWO]])
  fake.sasl = () => [0, null, Buffer.alloc(0)]
  fake.lifetimeMs = 1
  await cluster.topic('t')
  let late = 0
  fake.fault = ({ api }) => (api === API.metadata && late++ === 0 ? { delayMs: 50 } : undefined)
  const slow = cluster.topic('t', { fresh: true })
  await eventually('it is asked', () => late === 1)
  await cluster.topic('t', { fresh: true })
  assert.equal((await slow).partitions.length, 1)
  await eventually('the one before is closed', () => fake.open === 1)
  fake.fault = ({ api }) => (api === API.metadata && late++ === 2 ? 'silent' : undefined)
  const lost = cluster.topic('t', { fresh: true })
  await eventually('it is asked', () => late === 3)
  await cluster.topic('t', { fresh: true })
  cluster.close()
  await assert.rejects(lost, { errorName: 'CONNECTION_CLOSED' })
  await eventually('none is open', () => fake.open === 0)
})
