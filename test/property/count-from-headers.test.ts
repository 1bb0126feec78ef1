/**
 * `count(*)` from the headers of batches is what counting records gives: in random logs with gaps and batches that
 * compaction has thinned or emptied, transactions that were aborted, their markers, damaged batches, unknown codecs and
 * old batches, under conditions on the offset, and cut short at any size. Over a broker and in memory. What is held of a
 * batch whose records prove to be damaged though its checksum fits: the header's number counts.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { runRequest } from '../../src/engine/request.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { crc32c } from '../../src/kafka/codecs/crc32c.ts'
import { AT, controlRecord, writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import { memoryWorld } from '../support/memory-world.ts'
import { FakeCluster } from '../wire/fake-broker.ts'

const SEED = 20_261_129

interface Told {
  readonly count: number
  readonly bad: number
  readonly resume: string | undefined
}

async function ask(sql: string, on: Pick<QueryEnvironment, 'catalog' | 'log'>): Promise<Told> {
  let count = 0
  let resume: string | undefined
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as {
      type: string
      data: { value: { c: number }; reason: { type: string; resume: string } }
    }
    if (type === 'RECORD') count = data.value.c
    else if (type === 'SENTINEL') {
      assert.equal(data.reason.type, 'SCANNEDSIZE', sql)
      resume = data.reason.resume
    } else assert.ok(type === 'METADATA' || type === 'BADRECORD', `${sql}\n${frame}`)
  }
  const { badRecords } = await runRequest(
    { sql, live: false },
    on,
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  return { count, bad: badRecords, resume }
}

/** The sum over all parts, each read on with what the one before said. */
async function inParts(
  what: string,
  where: string,
  set: string,
  on: Pick<QueryEnvironment, 'catalog' | 'log'>,
): Promise<{ count: number; parts: number }> {
  let condition = where
  let sum = 0
  for (let parts = 1; ; parts++) {
    const { count, resume } = await ask(`${set} SELECT ${what} AS c FROM t WHERE ${condition}`, on)
    sum += count
    if (resume === undefined) return { count: sum, parts }
    assert.ok(parts < 1000, 'reading on comes to an end')
    condition = `(${where}) AND (${resume})`
  }
}

const someBatch = fc.record({
  kind: fc.constantFrom(
    'plain',
    'plain',
    'plain',
    'transaction',
    'transaction',
    'end',
    'empty',
    'damaged',
    'old',
    'codec',
  ),
  producer: fc.integer({ min: 1, max: 2 }),
  abort: fc.boolean(),
  /** Bytes beside each record's number, and how far its offset is from the one before. */
  records: fc.array(fc.tuple(fc.integer({ min: 0, max: 80 }), fc.constantFrom(1, 1, 1, 2, 5)), {
    minLength: 1,
    maxLength: 12,
  }),
  /** Offsets behind the last record that were those of others once. */
  tail: fc.constantFrom(0, 0, 0, 1, 4),
  /** Offsets before the batch that are in no batch. */
  gap: fc.constantFrom(0, 0, 0, 3),
})

interface Log {
  readonly batches: Buffer[]
  readonly aborted: { producerId: number; firstOffset: number; lastOffset: number }[]
  readonly end: number
}

function logOf(shapes: readonly (typeof someBatch extends fc.Arbitrary<infer T> ? T : never)[]): Log {
  const batches: Buffer[] = []
  const aborted: Log['aborted'] = []
  const open = new Map<number, number>()
  let next = 0
  const end = (producerId: number, abort: boolean): void => {
    const firstOffset = open.get(producerId)
    if (firstOffset === undefined) return
    open.delete(producerId)
    batches.push(
      writeRecordBatch([controlRecord(abort ? 'abort' : 'commit')], {
        baseOffset: next,
        producerId,
        transactional: true,
        control: true,
      }),
    )
    if (abort) aborted.push({ producerId, firstOffset, lastOffset: next })
    next++
  }
  for (const { kind, producer, abort, records, tail, gap } of shapes) {
    if (kind === 'end') {
      end(producer, abort)
      continue
    }
    const baseOffset = next + gap
    let offset = baseOffset
    const written = records.map(([padding, step], i) => {
      if (i > 0) offset += step
      return { offset, timestamp: 1000 + offset, value: `{"n":${offset},"pad":"${'x'.repeat(padding)}"}` }
    })
    const lastOffset = offset + tail
    const transactional = kind === 'transaction'
    const bytes = writeRecordBatch(kind === 'empty' ? [] : written, {
      baseOffset,
      lastOffset,
      transactional,
      producerId: transactional ? producer : -1,
    })
    if (kind === 'damaged') bytes[bytes.length - 1] ^= 1
    if (kind === 'old') bytes[16] = 1
    if (kind === 'codec') seal(bytes, 7)
    if (transactional && !open.has(producer)) open.set(producer, baseOffset)
    batches.push(bytes)
    next = lastOffset + 1
  }
  for (const producer of [...open.keys()]) end(producer, producer === 1)
  return { batches, aborted, end: next }
}

/** Another codec in the attributes, and the checksum that fits. */
function seal(bytes: Buffer, codec: number): void {
  bytes.writeInt16BE((bytes.readInt16BE(AT.attributes) & ~7) | codec, AT.attributes)
  bytes.writeUInt32BE(crc32c(bytes, AT.attributes), AT.crc)
}

const conditions = fc.oneof(
  fc.constant('_meta.partition >= 0'),
  fc
    .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }))
    .map(([from, length]) => `_meta.offset >= ${from} AND _meta.offset < ${from + length}`),
  fc
    .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 }))
    .map(([a, b]) => `_meta.offset = ${a} OR _meta.offset > ${b}`),
  fc.integer({ min: 0, max: 40 }).map((a) => `(_meta.partition = 0 AND _meta.offset <= ${a}) OR _meta.partition = 1`),
)

describe('a count from headers is a count of records', () => {
  let fake: FakeCluster
  let cluster: Cluster
  before(async () => {
    fake = await FakeCluster.start()
    cluster = new Cluster({ brokers: fake.addresses, retryTimeoutMs: 5000, gapTimeoutMs: 20 })
  })
  after(async () => {
    cluster.close()
    await fake.stop()
  })

  test('over a broker: gaps, transactions, damage, conditions, cuts', async () => {
    const shape = fc.record({
      logs: fc.array(fc.array(someBatch, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 2 }),
      bytes: fc.integer({ min: 1, max: 2500 }),
      where: conditions,
      isolation: fc.constantFrom('read_committed', 'read_uncommitted'),
      start: fc.constantFrom(0, 0, 2, 7),
    })
    await fc.assert(
      fc.asyncProperty(shape, async ({ logs, bytes, where, isolation, start }) => {
        const stored = logs.map(logOf)
        const parts = fake.add(
          't',
          stored.map((log) => log.batches),
        )
        for (const [i, part] of parts.entries())
          Object.assign(part, { aborted: stored[i].aborted, end: stored[i].end, start: Math.min(start, stored[i].end) })
        const world = memoryWorld([{ name: 't', partitions: logs.length, value: { name: 'JSON' }, records: [] }])
        const on = { catalog: world.catalog, log: createKafkaLog(cluster) }
        const set = `SET isolation.level = '${isolation}';`
        const all = await ask(`${set} SELECT count(n) AS c FROM t WHERE ${where}`, on)
        assert.deepEqual(await ask(`${set} SELECT count(*) AS c FROM t WHERE ${where}`, on), all)
        for (const size of [bytes, 1]) {
          const cut = `${set} SET max.size = ${size};`
          assert.equal((await inParts('count(n)', where, cut, on)).count, all.count, `records, ${size} bytes`)
          assert.equal((await inParts('count(*)', where, cut, on)).count, all.count, `headers, ${size} bytes`)
        }
        world.catalog.close()
      }),
      { seed: SEED, numRuns: 60 },
    )
  })

  test('a batch whose checksum fits and whose records are no records: counted from its header, bad where it is read', async () => {
    const batch = (baseOffset: number) =>
      writeRecordBatch(
        [0, 1, 2].map((i) => ({ value: `{"n":${baseOffset + i}}` })),
        { baseOffset },
      )
    const [compressed, torn] = [batch(3), batch(6)]
    // Says that it is compressed, and is not.
    seal(compressed, 4)
    torn[AT.records] = 0x7f
    seal(torn, 0)
    fake.add('t', [[batch(0), compressed, torn]])
    const world = memoryWorld([{ name: 't', value: { name: 'JSON' }, records: [] }])
    const on = { catalog: world.catalog, log: createKafkaLog(cluster) }
    assert.deepEqual(await ask('SELECT count(*) AS c FROM t', on), { count: 9, bad: 0, resume: undefined })
    for (const sql of ['SELECT count(n) AS c FROM t', 'SELECT count(*) AS c FROM t WHERE n >= 0'])
      assert.deepEqual(await ask(sql, on), { count: 3, bad: 6, resume: undefined }, sql)
    world.catalog.close()
  })

  test('in memory: gaps, conditions, cuts; the first part is not larger than it may be', async () => {
    const shape = fc.record({
      batch: fc.integer({ min: 1, max: 12 }),
      steps: fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.constantFrom(1, 1, 1, 2, 5)), {
        minLength: 1,
        maxLength: 60,
      }),
      bytes: fc.integer({ min: 1, max: 2500 }),
      where: conditions,
    })
    await fc.assert(
      fc.asyncProperty(shape, async ({ batch, steps, bytes, where }) => {
        const next = [0, 0]
        const records = steps.map(([partition, step]) => {
          const offset = next[partition]
          next[partition] += step
          return { partition, offset, timestampMs: offset, key: null, value: { json: { n: offset } } }
        })
        const world = memoryWorld([{ name: 't', partitions: 2, batch, value: { name: 'JSON' }, records }])
        const all = await ask(`SELECT count(n) AS c FROM t WHERE ${where}`, world)
        assert.deepEqual(await ask(`SELECT count(*) AS c FROM t WHERE ${where}`, world), all)
        for (const size of [bytes, 1])
          assert.equal(
            (await inParts('count(*)', where, `SET max.size = ${size};`, world)).count,
            all.count,
            `${size} bytes`,
          )
        world.catalog.close()
      }),
      { seed: SEED, numRuns: 100 },
    )
  })

  test('a batch with gaps is cut within, as one without them is', async () => {
    const records = Array.from({ length: 100 }, (_, n) => ({
      partition: 0,
      offset: 3 * n,
      timestampMs: n,
      key: null,
      value: { json: { n } },
    }))
    const world = memoryWorld([{ name: 't', batch: 100, value: { name: 'JSON' }, records }])
    const first = await ask('SET max.size = 500; SELECT count(*) AS c FROM t', world)
    assert.ok(first.count > 1 && first.count < 100, `${first.count}`)
    assert.equal(first.resume, `(_meta.partition = 0 AND _meta.offset >= ${3 * first.count} AND _meta.offset < 298)`)
    assert.equal((await inParts('count(*)', '_meta.partition = 0', 'SET max.size = 500;', world)).count, 100)
    world.catalog.close()
  })
})
