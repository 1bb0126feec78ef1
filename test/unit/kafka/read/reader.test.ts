import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { compressionsAlgorithms } from '@platformatic/kafka'
import fc from 'fast-check'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import type { ClusterConfig } from '../../../../src/kafka/config.ts'
import {
  type BatchSource,
  KafkaError,
  type KafkaLog,
  type RecordBatch,
  type ScanRequest,
} from '../../../../src/kafka/log.ts'
import { crc32c } from '../../../../src/kafka/codecs/crc32c.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import {
  type BatchToWrite,
  controlRecord,
  type RecordToWrite,
  readRecords,
  writeRecordBatch,
} from '../../../../src/kafka/read/record-batch.ts'
import { API } from '../../../../src/kafka/wire/primitives.ts'
import { eventually, stoodStill } from '../../../support/eventually.ts'
import { FakeCluster, type FakePartition } from '../../../wire/fake-broker.ts'

interface World {
  readonly fake: FakeCluster
  readonly cluster: Cluster
  readonly log: KafkaLog
}

async function world(
  t: TestContext,
  options: Partial<ClusterConfig> & { readonly nodes?: number } = {},
): Promise<World> {
  const { nodes, ...config } = options
  const fake = await FakeCluster.start(nodes)
  const cluster = new Cluster({ brokers: fake.addresses, retryTimeoutMs: 2000, gapTimeoutMs: 600, ...config })
  const log = createKafkaLog(cluster)
  t.after(async () => {
    cluster.close()
    await fake.stop()
  })
  return { fake, cluster, log }
}

/** Batches of `size` records each, one behind the other; values are the offsets. */
function batches(count: number, size = 10, padding = 20): Buffer[] {
  return Array.from({ length: count }, (_, i) => batch(i * size, size, {}, padding))
}

function batch(baseOffset: number, size: number, options: BatchToWrite = {}, padding = 20): Buffer {
  const records: RecordToWrite[] = Array.from({ length: size }, (_, i) => ({
    value: `${baseOffset + i}${' '.repeat(padding)}`,
    timestamp: 1000 + baseOffset + i,
  }))
  return writeRecordBatch(records, { ...options, baseOffset })
}

function marker(type: 'abort' | 'commit', offset: number, producerId: number): Buffer {
  return writeRecordBatch([controlRecord(type)], { baseOffset: offset, control: true, transactional: true, producerId })
}

interface Read {
  readonly partition: number
  readonly offset: number
}

/** Reads a scan to its end; faults come as offset -1. */
async function drain(source: BatchSource, each?: (batch: RecordBatch) => void | Promise<void>): Promise<Read[]> {
  const read: Read[] = []
  for (;;) {
    const next = source.next()
    const found = next instanceof Promise ? await next : next
    if (found === undefined) return read
    if (found.fault !== undefined) read.push({ partition: found.partition, offset: -1 })
    else
      for (const record of readRecords(found))
        read.push({
          partition: found.partition,
          offset: Number(record.value?.toString()) === record.offset ? record.offset : Number.NaN,
        })
    await each?.(found)
  }
}

function whole(fakes: readonly FakePartition[], more: Partial<ScanRequest> = {}): ScanRequest {
  return {
    topic: 't',
    ranges: fakes.map((partition, i) => ({ partition: i, start: partition.start, end: partition.end })),
    isolation: 'read_committed',
    ...more,
  }
}

const never = new AbortController().signal

function offsetsOf(read: readonly Read[], partition = 0): number[] {
  return read.filter((record) => record.partition === partition).map((record) => record.offset)
}

function upTo(end: number, start = 0): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i)
}

test('bounds and offsets for a time, from several leaders', async (t) => {
  const { fake, log } = await world(t, { nodes: 2 })
  const [a, b, c] = fake.add('t', [batches(3), batches(5), []])
  b.leader = 1
  b.start = 12
  b.stable = 40
  a.offsetForTime = (timestampMs) => (timestampMs <= 1005 ? 5 : -1)
  assert.equal(c.end, 0)
  const options = { isolation: 'read_committed', timeoutMs: 1000 } as const
  assert.deepEqual(await log.bounds('t', [0, 1, 2], options), [
    { partition: 0, start: 0, end: 30 },
    { partition: 1, start: 12, end: 40 },
    { partition: 2, start: 0, end: 0 },
  ])
  assert.equal((await log.bounds('t', [1], { ...options, isolation: 'read_uncommitted' }))[0].end, 50)
  assert.deepEqual(await log.offsetsForTime('t', [0], 1005, options), [5])
  assert.deepEqual(await log.offsetsForTime('t', [0], 1006, options), [undefined])
  await assert.rejects(log.bounds('t', [7], options), /no partition 7/)
  await assert.rejects(
    log.bounds('none', [0], options),
    (error: unknown) => error instanceof KafkaError && error.code === 3,
  )
})

test('bounds wait for a leader, but not longer than they may', async (t) => {
  const { fake, log } = await world(t)
  const [a] = fake.add('t', [batches(1)])
  a.leader = -1
  setTimeout(() => {
    a.leader = 0
  }, 60)
  assert.equal((await log.bounds('t', [0], { isolation: 'read_committed', timeoutMs: 2000 }))[0].end, 10)
  fake.fault = ({ api }) => (api === API.listOffsets ? 'silent' : undefined)
  await assert.rejects(
    log.bounds('t', [0], { isolation: 'read_committed', timeoutMs: 50 }),
    /within 50 ms \(kafka\.offset\.timeout\)/,
  )
  const stop = new AbortController()
  const asked = log.bounds('t', [0], { isolation: 'read_committed', timeoutMs: 5000, signal: stop.signal })
  stop.abort(new Error('no more'))
  await assert.rejects(asked, /no more/)
})

test('reads every record of every partition once, in order, whatever the fetch size', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(40), batches(7, 3), [], batches(1, 500)])
  for (const fetchMaxBytes of [1, 700, 5000, 1 << 20]) {
    const source = log.scan(whole(parts, { fetchMaxBytes }), never)
    const read = await drain(source)
    parts.forEach((part, i) =>
      assert.deepEqual(offsetsOf(read, i), upTo(part.end), `partition ${i} with ${fetchMaxBytes}`),
    )
    for (const entry of source.progress) assert.equal(entry.position, entry.end)
    assert.equal(
      source.progress[0].bytesRead,
      parts[0].batches.reduce((sum, bytes) => sum + bytes.length, 0),
    )
  }
})

test('any ranges, in order or not, give exactly the wanted offsets', async (t) => {
  const { fake, log } = await world(t)
  fake.add('t', [batches(300, 100, 0), batches(100, 100, 0)])
  const range = (end: number) =>
    fc
      .uniqueArray(fc.integer({ min: 0, max: end }), { minLength: 2, maxLength: 6 })
      .map((points) => points.sort((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(range(30_000), range(10_000), fc.boolean(), async (first, second, unordered) => {
      const ranges = [first, second].flatMap((points, partition) =>
        Array.from({ length: points.length >> 1 }, (_, i) => ({
          partition,
          start: points[2 * i],
          end: points[2 * i + 1],
        })),
      )
      const source = log.scan(
        { topic: 't', ranges, isolation: 'read_committed', unordered, fetchMaxBytes: 60_000 },
        never,
      )
      const read = await drain(source)
      for (const partition of [0, 1]) {
        const found = offsetsOf(read, partition)
        const expected = ranges
          .filter((entry) => entry.partition === partition)
          .flatMap(({ start, end }) => upTo(end, start))
        assert.deepEqual(unordered ? found.sort((a, b) => a - b) : found, expected)
      }
      for (const entry of source.progress) assert.equal(entry.position, entry.end)
    }),
    { seed: 2, numRuns: 25 },
  )
})

test('one large partition goes over two connections, whether order matters or not', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(300, 100, 0)])
  for (const unordered of [false, true]) {
    fake.fetches.length = 0
    const read = await drain(log.scan(whole(parts, { unordered }), never))
    const sockets = new Set(fake.fetches.map((request) => request.socket)).size
    assert.deepEqual(
      [sockets, read.length, unordered || offsetsOf(read).every((offset, i) => offset === i)],
      [2, 30_000, true],
    )
  }
})

/** Batches of any size with gaps between them, as compaction leaves them, over at least 25,000 offsets. */
const sparse = fc
  .array(
    fc.record({
      size: fc.integer({ min: 1, max: 40 }),
      padding: fc.integer({ min: 0, max: 400 }),
      gap: fc.constantFrom(0, 0, 0, 7, 900),
    }),
    {
      minLength: 80,
      maxLength: 200,
    },
  )
  .map((items) => {
    const list: { base: number; size: number; bytes: Buffer }[] = []
    let base = 0
    for (const { size, padding, gap } of items) {
      list.push({ base, size, bytes: batch(base, size, {}, padding) })
      base += size + gap
    }
    const last = Math.max(base, 25_000)
    list.push({ base: last, size: 5, bytes: batch(last, 5) })
    return list
  })

test('stripes of one partition: everything once, in order, counted once, whatever the batches, the fetch size, and the trouble on the way', async (t) => {
  const { fake, log } = await world(t, { nodes: 2, retryTimeoutMs: 10_000 })
  let turn = 0
  await fc.assert(
    fc.asyncProperty(
      sparse,
      fc.integer({ min: 1024, max: 60_000 }),
      fc.integer({ min: 0, max: 4000 }),
      fc.constantFrom('none', 'none', 'drop', 'leader', 'head'),
      fc.integer({ min: 2, max: 30 }),
      async (list, fetchMaxBytes, start, trouble, nth) => {
        const name = `t${turn++}`
        const [part] = fake.add(name, [list.map(({ bytes }) => bytes)])
        let n = 0
        fake.fault = ({ api }) => (trouble === 'drop' && api === API.fetch && ++n % nth === 0 ? 'drop' : undefined)
        const range = { partition: 0, start, end: part.end - 2 }
        const source = log.scan({ topic: name, ranges: [range], isolation: 'read_committed', fetchMaxBytes }, never)
        const [progress] = source.progress
        let handed = 0
        let positions = 0
        const read = await drain(source, (found) => {
          assert.ok(
            progress.position >= positions && progress.position >= Math.min(found.lastOffset + 1, found.rangeEnd),
            'the position follows what is handed out',
          )
          positions = progress.position
          if (++handed % nth !== 0) return
          if (trouble === 'leader') part.leader = 1 - part.leader
          if (trouble === 'head') part.start = Math.max(part.start, Math.min(found.lastOffset + 2000, 20_000))
        })
        const wanted = list
          .flatMap(({ base, size }) => upTo(base + size, base))
          .filter((offset) => offset >= range.start && offset < range.end)
        const found = offsetsOf(read).filter((offset) => offset >= range.start && offset < range.end)
        assert.equal(progress.position, progress.end)
        if (trouble === 'head') {
          assert.ok(found.every((offset, i) => wanted.includes(offset) && (i === 0 || offset > found[i - 1])))
          assert.deepEqual(
            found.filter((offset) => offset >= 20_000),
            wanted.filter((offset) => offset >= 20_000),
          )
          return
        }
        assert.deepEqual(found, wanted)
        const bytes = list
          .filter(({ base, size }) => base + size > range.start && base < range.end)
          .reduce((sum, entry) => sum + entry.bytes.length, 0)
        if (trouble === 'none') assert.equal(progress.bytesRead, bytes)
      },
    ),
    { seed: 5, numRuns: 20 },
  )
  fake.fault = () => undefined
})

test('nothing wanted: nothing is asked', async (t) => {
  const { fake, log } = await world(t)
  fake.add('t', [[]])
  assert.deepEqual(
    await drain(
      log.scan({ topic: 't', ranges: [{ partition: 0, start: 5, end: 5 }], isolation: 'read_committed' }, never),
    ),
    [],
  )
  assert.deepEqual(await drain(log.scan({ topic: 't', ranges: [], isolation: 'read_committed' }, never)), [])
  assert.equal(fake.connections, 0)
})

test('the answer cut at every byte, then the connection lost: nothing is missing or doubled', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(2, 3, 0)])
  let cut = 0
  let size = 0
  fake.fault = ({ api, socket, positions }) => {
    if (api !== API.fetch || cut < 0) return undefined
    const at = cut
    cut = -1
    size = socket.bytesWritten
    assert.equal(positions.get(0), 0)
    return { cut: at }
  }
  const length =
    4 +
    4 +
    4 +
    2 +
    4 +
    4 +
    3 +
    4 +
    4 +
    2 +
    24 +
    4 +
    4 +
    4 +
    parts[0].batches.reduce((sum, bytes) => sum + bytes.length, 0)
  for (let i = 0; i < length; i++) {
    cut = i
    assert.deepEqual(offsetsOf(await drain(log.scan(whole(parts), never))), upTo(6), `cut at ${i}`)
  }
  assert.ok(size > 0)
})

test('answers in pieces of every small size', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(3, 3, 0), batches(2, 2, 0)])
  for (let trickle = 1; trickle < 20; trickle++) {
    fake.fault = ({ api }) => (api === API.fetch ? { trickle } : undefined)
    assert.equal((await drain(log.scan(whole(parts), never))).length, 13)
  }
})

test('compaction gaps: before, within and behind batches, and up to the end of the range', async (t) => {
  const { fake, log } = await world(t)
  const gap = writeRecordBatch(
    [
      { value: '23', offset: 23 },
      { value: '27', offset: 27 },
    ],
    { baseOffset: 20, lastOffset: 29 },
  )
  const empty = writeRecordBatch([], { baseOffset: 50, lastOffset: 59 })
  const [part] = fake.add('t', [[batch(5, 5), gap, empty, batch(70, 2)]])
  part.end = 100
  const begun = performance.now()
  const source = log.scan(whole([part]), never)
  assert.deepEqual(offsetsOf(await drain(source)), [5, 6, 7, 8, 9, 23, 27, 70, 71])
  assert.equal(source.progress[0].position, 100)
  assert.ok(performance.now() - begun < 5000)
  assert.ok(fake.fetches.length < 30, `${fake.fetches.length} fetches`)
})

test('a log that ends before its captured end is an error, not an endless wait', async (t) => {
  const { fake, log } = await world(t, { retryTimeoutMs: 300 })
  const [part] = fake.add('t', [batches(2)])
  const request = { ...whole([part]), ranges: [{ partition: 0, start: 0, end: 30 }] }
  await assert.rejects(
    drain(log.scan(request, never)),
    /the log ends at 20, before the offset 30 .* 300 ms \(kafka\.retry\.timeout\)/,
  )
})

test('transactions: control batches never, aborted records only under read_uncommitted', async (t) => {
  const { fake, log } = await world(t)
  const tx = { transactional: true }
  const [part] = fake.add('t', [
    [
      batch(0, 2, { ...tx, producerId: 1 }),
      batch(2, 2, { ...tx, producerId: 2 }),
      batch(4, 2),
      batch(6, 2, { ...tx, producerId: 1 }),
      marker('abort', 8, 1),
      batch(9, 2, { ...tx, producerId: 1 }),
      marker('commit', 11, 2),
      marker('commit', 12, 1),
      batch(13, 1, { ...tx, producerId: 2 }),
      marker('abort', 14, 2),
      batch(15, 1, { producerId: 2 }),
    ],
  ])
  part.aborted = [
    { producerId: 2, firstOffset: 13, lastOffset: 14 },
    { producerId: 1, firstOffset: 0, lastOffset: 8 },
  ]
  assert.deepEqual(offsetsOf(await drain(log.scan(whole([part]), never))), [2, 3, 4, 5, 9, 10, 15])
  assert.deepEqual(
    offsetsOf(await drain(log.scan(whole([part], { isolation: 'read_uncommitted' }), never))),
    [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 13, 15],
  )
  for (let start = 0; start <= 15; start++) {
    const request = { ...whole([part]), ranges: [{ partition: 0, start, end: 16 }] }
    assert.deepEqual(
      offsetsOf(await drain(log.scan(request, never))),
      [2, 3, 4, 5, 9, 10, 15].filter((offset) => offset >= start),
      `from ${start}`,
    )
  }
})

test('the head of the log is deleted while it is read: goes on at the new start and counts what is lost', async (t) => {
  const { fake, log } = await world(t)
  const [part] = fake.add('t', [batches(100, 10, 200)])
  const source = log.scan(whole([part], { limit: 1 }), never)
  let moved = false
  const read = await drain(source, () => {
    if (moved) return
    moved = true
    part.start = 905
  })
  const [progress] = source.progress
  assert.equal(progress.lost, 905 - read.filter(({ offset }) => offset < 905).length)
  assert.ok(progress.lost > 0)
  assert.deepEqual(offsetsOf(read).slice(-95), upTo(1000, 905))
  assert.equal(progress.position, 1000)
})

test('everything deleted: the scan ends, all is counted as lost', async (t) => {
  const { fake, log } = await world(t)
  const [part] = fake.add('t', [batches(3)])
  const request = {
    ...whole([part]),
    ranges: [
      { partition: 0, start: 2, end: 8 },
      { partition: 0, start: 11, end: 20 },
    ],
  }
  part.start = 30
  const source = log.scan(request, never)
  assert.deepEqual(await drain(source), [])
  assert.equal(source.progress[0].lost, 15)
})

test('a log that was cut or made anew is an error', async (t) => {
  const { fake, log } = await world(t)
  const [part] = fake.add('t', [batches(10)])
  const request = whole([part])
  part.batches = []
  part.end = 0
  await assert.rejects(
    drain(log.scan({ ...request, ranges: [{ partition: 0, start: 50, end: 100 }] }, never)),
    /now ends at offset 0, before 50/,
  )
})

test('a leader that moves while its partition is read', async (t) => {
  const { fake, log } = await world(t, { nodes: 2 })
  const parts = fake.add('t', [batches(60, 10, 100), batches(60, 10, 100)])
  for (const unordered of [false, true]) {
    let handed = 0
    const read = await drain(log.scan(whole(parts, { fetchMaxBytes: 3000, unordered }), never), () => {
      handed++
      if (handed % 25 === 0) parts[0].leader = 1 - parts[0].leader
    })
    assert.deepEqual(offsetsOf(read, 0), upTo(600))
    assert.deepEqual(offsetsOf(read, 1), upTo(600))
  }
})

test('a partition without a leader for a while; and for too long', async (t) => {
  const { fake, log } = await world(t, { retryTimeoutMs: 500 })
  const [part] = fake.add('t', [batches(5)])
  part.leader = -1
  setTimeout(() => {
    part.leader = 0
  }, 100)
  assert.equal((await drain(log.scan(whole([part]), never))).length, 50)
  part.leader = -1
  const late = createKafkaLog(new Cluster({ brokers: fake.addresses, retryTimeoutMs: 300 }))
  await assert.rejects(drain(late.scan(whole([part]), never)), /No progress for 300 ms/)
  late.close()
  await assert.rejects(
    drain(log.scan(whole([part]), never)),
    (error: unknown) =>
      error instanceof KafkaError &&
      /No progress for 500 ms \(kafka\.retry\.timeout\)/.test(error.message) &&
      !error.retriable,
  )
})

test('connections lost again and again', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(50, 10, 100), batches(50, 10, 100)])
  let n = 0
  fake.fault = ({ api }) => (api === API.fetch && ++n % 3 === 0 ? 'drop' : undefined)
  const read = await drain(log.scan(whole(parts, { fetchMaxBytes: 5000 }), never))
  assert.deepEqual([offsetsOf(read, 0), offsetsOf(read, 1)], [upTo(500), upTo(500)])
})

test('a topic deleted while it is read, and rights taken away', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(200, 10, 100)])
  const topic = fake.topics.get('t')
  const gone = drain(log.scan(whole(parts, { fetchMaxBytes: 2000 }), never), () => {
    fake.topics.delete('t')
  })
  await assert.rejects(gone, /Topic "t" was deleted while it was read/)
  assert.ok(topic)
  fake.topics.set('t', topic)
  parts[0].error = 29
  await assert.rejects(
    drain(log.scan(whole(parts), never)),
    (error: unknown) =>
      error instanceof KafkaError &&
      error.errorName === 'TOPIC_AUTHORIZATION_FAILED' &&
      /Reading "t" partition 0/.test(error.message),
  )
})

test('damaged batches, unknown codecs and old formats are faults with a count, and the scan goes on', async (t) => {
  const { fake, log } = await world(t)
  const damaged = batch(10, 10)
  damaged[damaged.length - 5] ^= 1
  const badCodec = batch(20, 10, { codec: 'zstd', compress: (plain) => plain })
  const old = Buffer.alloc(40)
  old.writeBigInt64BE(30n)
  old.writeInt32BE(28, 8)
  old.writeInt8(1, 16)
  const [part] = fake.add('t', [[batch(0, 10), damaged, badCodec, old, batch(31, 2)]])
  const faults: [number, number, string][] = []
  const read = await drain(log.scan(whole([part]), never), (found) => {
    if (found.fault === undefined) return
    assert.equal(found.from, found.to)
    faults.push([found.baseOffset, found.count, found.fault])
  })
  assert.deepEqual(offsetsOf(read), [...upTo(10), -1, -1, -1, 31, 32])
  assert.deepEqual(
    faults.map(([offset, count]) => [offset, count]),
    [
      [10, 10],
      [20, 10],
      [30, 1],
    ],
  )
  assert.match(faults[0][2], /batch at offset 10: the checksum \(CRC-32C\) does not fit/)
  assert.match(faults[1][2], /batch at offset 20 \(zstd\)/)
  assert.match(faults[2][2], /message format v1 is too old/)
})

test('a batch whose length makes no sense ends the scan with its place', async (t) => {
  const { fake, log } = await world(t)
  const broken = batch(10, 10)
  broken.writeInt32BE(-1, 8)
  const [part] = fake.add('t', [[batch(0, 10), broken]])
  const read: number[] = []
  await assert.rejects(
    drain(log.scan(whole([part]), never), (found) => void read.push(found.baseOffset)),
    /partition 0 at offset 10: the length or the offset of a batch makes no sense/,
  )
})

test('batches that all end before the offset that was asked for end the scan instead of being fetched for ever', async (t) => {
  const { fake, log } = await world(t)
  const broken = batch(10, 10)
  broken.writeInt32BE(-8, 23)
  broken.writeUInt32BE(crc32c(broken, 21, broken.length), 17)
  const [part] = fake.add('t', [[broken, batch(20, 10)]])
  part.batches.pop()
  part.fromTheFirst = true
  await assert.rejects(
    drain(log.scan({ ...whole([part]), ranges: [{ partition: 0, start: 10, end: 30 }] }, never)),
    /partition 0 at offset 10: the batches that came end before it: the log is damaged there/,
  )
})

test('every codec, with large batches decompressed off the thread', async (t) => {
  const { fake, log } = await world(t)
  const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
  const list = codecs.map((codec, i) =>
    batch(
      i * 20_000,
      20_000,
      { codec, compress: (plain) => Buffer.from(compressionsAlgorithms[codec].compressSync(plain)) },
      200,
    ),
  )
  const parts = fake.add('t', [[...list, batch(80_000, 3)]])
  let waited = 0
  const source = log.scan(whole(parts), never)
  const next = source.next.bind(source)
  source.next = () => {
    const result = next()
    if (result instanceof Promise) waited++
    return result
  }
  assert.deepEqual(offsetsOf(await drain(source)), upTo(80_003))
  assert.ok(waited >= 2)
})

test('batches that are too old are passed over; headers only means no records', async (t) => {
  const { fake, log } = await world(t)
  const [part] = fake.add('t', [batches(10)])
  const source = log.scan(whole([part], { minTimestampMs: 1045 }), never)
  assert.deepEqual(offsetsOf(await drain(source)), upTo(100, 40))
  assert.equal(
    source.progress[0].bytesRead,
    part.batches.reduce((sum, bytes) => sum + bytes.length, 0),
  )
  let count = 0
  await drain(log.scan(whole([part], { headersOnly: true }), never), (found) => {
    assert.equal(found.from, found.to)
    count += found.count
  })
  assert.equal(count, 100)
})

test('clipped says when records lie outside', async (t) => {
  const { fake, log } = await world(t)
  fake.add('t', [batches(4)])
  const seen: [number, boolean, number, number][] = []
  await drain(
    log.scan({ topic: 't', ranges: [{ partition: 0, start: 5, end: 32 }], isolation: 'read_committed' }, never),
    (found) => void seen.push([found.baseOffset, found.clipped, found.rangeStart, found.rangeEnd]),
  )
  assert.deepEqual(seen, [
    [0, true, 5, 32],
    [10, false, 5, 32],
    [20, false, 5, 32],
    [30, true, 5, 32],
  ])
})

test('a consumer that stands still: two answers at most are fetched on a connection', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(200, 100, 100)])
  const source = log.scan(whole(parts, { fetchMaxBytes: 50_000, unordered: true }), never)
  await source.next()
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.ok(fake.fetches.length <= 4, `${fake.fetches.length} fetches`)
  const first = fake.fetches.length
  assert.equal((await drain(source)).length + 100, 20_000)
  assert.ok(fake.fetches.length > first)
})

test('a limit makes fetches small, one at a time, and leaves the connection for the next query', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(2000, 100, 100), batches(2000, 100, 100)])
  for (let i = 0; i < 3; i++) {
    const source = log.scan(whole(parts, { limit: 10 }), never)
    assert.ok(await source.next())
    source.close()
    assert.equal(source.next(), undefined)
    source.close()
  }
  assert.deepEqual(
    fake.fetches.map((request) => request.maxBytes),
    [65536, 65536, 65536],
  )
  assert.equal(new Set(fake.fetches.map((request) => request.socket)).size, 1)
})

test('an abort ends a waiting next with its reason, and the connection', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(10)])
  fake.fault = ({ api }) => (api === API.fetch ? 'silent' : undefined)
  const stop = new AbortController()
  const source = log.scan(whole(parts), stop.signal)
  const next = source.next()
  await eventually('the broker is asked', () => fake.fetches.length === 1)
  const before = fake.open
  const reason = new Error('killed')
  stop.abort(reason)
  await assert.rejects(Promise.resolve(next), reason)
  await assert.rejects(Promise.resolve(source.next()), reason)
  await eventually('the connection is closed', () => fake.open === before - 1)
  assert.equal(fake.fetches.length, 1)
  const late = log.scan(whole(parts), stop.signal)
  await assert.rejects(Promise.resolve(late.next()), reason)
})

test('an abort between two batches stops the reading at the broker', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(500, 100, 100)])
  const stop = new AbortController()
  const source = log.scan(whole(parts, { fetchMaxBytes: 20_000 }), stop.signal)
  await source.next()
  await new Promise((resolve) => setTimeout(resolve, 30))
  stop.abort(new Error('closed'))
  // A request that was on its way is still seen by the broker; two answers a connection are fetched ahead.
  const asked = await stoodStill(() => fake.fetches.length, 50)
  assert.ok(asked <= 8, `${asked} fetches`)
  await assert.rejects(Promise.resolve(source.next()), /closed/)
})

test('a partition that grows is read up to the end that was captured', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(3)])
  const request = whole(parts)
  parts[0].batches.push(batch(30, 10))
  parts[0].end = 40
  assert.deepEqual(offsetsOf(await drain(log.scan(request, never))), upTo(30))
})

test('old brokers: Fetch v4, ListOffsets v2, Metadata v4', async (t) => {
  const { fake, log } = await world(t)
  fake.versions = [
    [API.fetch, 0, 4],
    [API.listOffsets, 0, 2],
    [API.metadata, 0, 4],
    [API.apiVersions, 0, 1],
  ]
  const parts = fake.add('t', [batches(3)])
  const bounds = await log.bounds('t', [0], { isolation: 'read_committed', timeoutMs: 1000 })
  assert.deepEqual(bounds, [{ partition: 0, start: 0, end: 30 }])
  assert.equal((await drain(log.scan(whole(parts), never))).length, 30)
  assert.deepEqual([...new Set(fake.fetches.map((request) => request.version))], [4])
})

test('metadata: a topic that fails hides no other; configuration without the right to read it', async (t) => {
  const { fake, cluster } = await world(t)
  fake.add('a', [[], []])
  fake.topics.set('secret', { error: 29, partitions: [] })
  fake.add('__consumer_offsets', [[]])
  const named = await cluster.metadata(['a', 'secret', 'none'])
  assert.deepEqual(
    named.topics.map((topic) => [topic.name, topic.partitions.length, topic.error?.errorName]),
    [
      ['a', 2, undefined],
      ['secret', 0, 'TOPIC_AUTHORIZATION_FAILED'],
      ['none', 0, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ],
  )
  assert.deepEqual(
    (await cluster.listing()).topics.map((topic) => [topic.name, topic.internal]),
    [
      ['__consumer_offsets', true],
      ['a', false],
    ],
  )
  fake.configs = { 'message.timestamp.type': 'LogAppendTime', 'cleanup.policy': 'compact,delete' }
  const config = await cluster.topicConfig('a')
  assert.deepEqual(
    [config.compacted, config.timestampType, config.entries.map((entry) => entry.name), config.refused],
    [true, 'LogAppendTime', ['cleanup.policy', 'message.timestamp.type'], undefined],
  )
  fake.configs = 29
  const refused = await cluster.topicConfig('a')
  assert.deepEqual(
    [refused.compacted, refused.timestampType, refused.entries, refused.refused?.errorName],
    [false, 'CreateTime', [], 'TOPIC_AUTHORIZATION_FAILED'],
  )
  fake.configs = 3
  await assert.rejects(cluster.topicConfig('a'), /UNKNOWN_TOPIC_OR_PARTITION/)
})

test('many compressed batches: those ahead are begun early, damaged and aborted ones among them do no harm', async (t) => {
  const { fake, log } = await world(t)
  const noise = fc.sample(fc.uint8Array({ minLength: 40_000, maxLength: 40_000 }), { seed: 1, numRuns: 1 })[0]
  const list = Array.from({ length: 24 }, (_, i) => {
    const codec = i % 2 === 0 ? 'gzip' : 'zstd'
    const records = [{ value: `${2 * i}` }, { value: Buffer.from(noise.map((byte) => byte ^ i)) }]
    return writeRecordBatch(records, {
      codec,
      baseOffset: 2 * i,
      compress: (plain) => Buffer.from(compressionsAlgorithms[codec].compressSync(plain)),
      transactional: i % 5 === 0,
      producerId: i % 5 === 0 ? 9 : -1,
    })
  })
  list[7] = Buffer.from(list[7])
  list[7][list[7].length - 100] ^= 1
  const [part] = fake.add('t', [[...list, marker('abort', 48, 9)]])
  part.aborted = [{ producerId: 9, firstOffset: 0, lastOffset: 48 }]
  const seen: number[] = []
  const faults: number[] = []
  const source = log.scan(whole([part]), never)
  for (let found = await source.next(); found !== undefined; found = await source.next()) {
    if (found.fault !== undefined) {
      faults.push(found.baseOffset)
      continue
    }
    const [first, second] = [...readRecords(found)]
    assert.equal(first.value?.toString(), String(first.offset))
    assert.deepEqual(second.value, Buffer.from(noise.map((byte) => byte ^ (first.offset / 2))))
    seen.push(first.offset)
  }
  assert.deepEqual(faults, [14])
  assert.deepEqual(
    seen,
    upTo(24)
      .filter((i) => i % 5 !== 0 && i !== 7)
      .map((i) => 2 * i),
  )
})

test('idle connections are closed after a while', async (t) => {
  const { fake, log } = await world(t, { idleTimeoutMs: 40 })
  const parts = fake.add('t', [batches(2)])
  await drain(log.scan(whole(parts), never))
  const open = fake.open
  await eventually('it is closed', () => fake.open === open - 1)
  assert.equal((await drain(log.scan(whole(parts), never))).length, 20)
})

test('an idle connection that the broker has closed costs the next scan nothing', async (t) => {
  const { fake, log } = await world(t)
  const parts = fake.add('t', [batches(2)])
  assert.equal((await drain(log.scan(whole(parts), never))).length, 20)
  fake.disconnect()
  assert.equal((await drain(log.scan(whole(parts), never))).length, 20)
  assert.deepEqual((await log.bounds('t', [0], { isolation: 'read_committed', timeoutMs: 1000 }))[0].end, 20)
})

test('a session that the broker will end is replaced before that', async (t) => {
  const { fake, cluster, log } = await world(t, { sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' } })
  fake.sasl = () => [0, null, Buffer.alloc(0)]
  fake.lifetimeMs = 60
  const parts = fake.add('t', [batches(60, 10, 100)])
  await cluster.listing()
  const first = fake.connections
  const read = await drain(
    log.scan(whole(parts, { fetchMaxBytes: 3000 }), never),
    () => new Promise((resolve) => setTimeout(resolve, 3)),
  )
  assert.deepEqual(offsetsOf(read), upTo(600))
  const during = fake.connections
  assert.ok(during > first + 1, `${during - first} connections for the scan`)
  await cluster.listing()
  assert.ok(fake.connections > during)
})

test('a partition added since metadata was asked for', async (t) => {
  const { fake, cluster, log } = await world(t)
  fake.add('t', [batches(1)])
  await cluster.metadata(['t'])
  const parts = fake.add('t', [batches(1), batches(2)])
  assert.deepEqual(await log.bounds('t', [1], { isolation: 'read_committed', timeoutMs: 1000 }), [
    { partition: 1, start: 0, end: 20 },
  ])
  fake.add('t', [batches(1), batches(2), batches(3)])
  assert.equal(
    (await drain(log.scan({ ...whole(parts), ranges: [{ partition: 2, start: 0, end: 30 }] }, never))).length,
    30,
  )
})
