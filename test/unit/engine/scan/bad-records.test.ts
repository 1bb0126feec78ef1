/**
 * Batches that cannot be read, or not to their end: how queries that ask for bad records see them, and that STATS
 * counts what other queries count. On a Kafka in memory.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runRequest } from '../../../../src/engine/request.ts'
import type { KafkaLog, RecordBatch } from '../../../../src/kafka/log.ts'
import { AT, writeRecordBatch } from '../../../../src/kafka/read/record-batch.ts'
import { crc32c } from '../../../../src/kafka/codecs/crc32c.ts'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import { startBroker } from '../../../../src/sandbox/broker.ts'
import { compressedBatches, fakeLog } from '../../../support/held-decompression.ts'
import { memoryWorld, type MemoryWorld, type WorldTopic } from '../../../support/memory-world.ts'
import { helpersHere } from '../../../support/slt.ts'

/** Nine records in batches of three. */
const TOPIC: WorldTopic = {
  name: 'numbers',
  batch: 3,
  records: Array.from({ length: 9 }, (_, i) => ({
    partition: 0,
    timestampMs: 1_700_000_000_000 + i,
    key: null,
    value: { json: { i } as never, text: `{"i":${i}}` },
  })),
}

interface Answer {
  readonly rows: unknown[]
  readonly offsets: unknown[]
  readonly bad: number
  readonly told: unknown[]
}

/** `damage` is given each batch and its number. */
async function ask(sql: string, damage: (batch: RecordBatch, n: number) => RecordBatch, readers = 1): Promise<Answer> {
  return askOf(
    sql,
    (world) => ({
      bounds: (...args) => world.log.bounds(...args),
      offsetsForTime: (...args) => world.log.offsetsForTime(...args),
      scan: (request, signal) => {
        const source = world.log.scan(request, signal)
        const changed = (batch: RecordBatch | undefined): RecordBatch | undefined =>
          batch && damage(batch, Math.floor(batch.baseOffset / 3))
        const next = (): ReturnType<typeof source.next> => {
          const batch = source.next()
          return batch instanceof Promise ? batch.then(changed) : changed(batch)
        }
        return { next, progress: source.progress, close: () => source.close() }
      },
    }),
    readers,
  )
}

async function askOf(sql: string, logOf: (world: MemoryWorld) => KafkaLog, readers = 1): Promise<Answer> {
  const world = memoryWorld([TOPIC])
  const log = logOf(world)
  const frames: { type: string; data: { value?: unknown; metadata?: { offset: number }; badRecordsTotal?: number } }[] =
    []
  const sink = { send: (frame: string) => void frames.push(JSON.parse(frame)), drained: () => undefined }
  await runRequest(
    { sql, live: false, statsMs: 1000 },
    {
      catalog: world.catalog,
      log,
      defaults: { 'query.parallel': readers },
      helpers: async (most) => helpersHere(most, { catalog: world.catalog, log }),
    },
    sink,
    new AbortController().signal,
  )
  world.catalog.close()
  assert.deepEqual(
    frames.filter((f) => f.type === 'ERROR').map((f) => f.data),
    [],
  )
  const records = frames.filter((f) => f.type === 'RECORD')
  return {
    rows: records.map((f) => f.data.value),
    offsets: records.map((f) => f.data.metadata?.offset),
    bad: frames.findLast((f) => f.type === 'STATS')?.data.badRecordsTotal ?? -1,
    told: frames.filter((f) => f.type === 'BADRECORD').map((f) => f.data.metadata?.offset),
  }
}

const faulty = (batch: RecordBatch, n: number): RecordBatch =>
  n === 1 ? { ...batch, to: batch.from, fault: 'the checksum does not fit' } : batch

/** The second record of the second batch says that it is longer than the batch. */
function torn(batch: RecordBatch, n: number): RecordBatch {
  if (n !== 1) return batch
  const buffer = Buffer.from(batch.buffer)
  // The lengths of these records take one byte, in zigzag.
  const second = batch.from + 1 + (buffer[batch.from] >> 1)
  buffer[second] = 0xfe
  buffer[second + 1] = 0x7f
  return { ...batch, buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) }
}

describe('batches that cannot be read', () => {
  it('are one row with its place and the reason, and no bytes', async () => {
    const { rows, offsets, bad, told } = await ask('SELECT * FROM numbers WHERE _bad', faulty)
    assert.deepEqual(rows, [{ _error: 'the checksum does not fit (3 records)', _raw_key: null, _raw: null }])
    assert.deepEqual([offsets, bad, told], [[3], 3, []])
  })

  it('are counted and reported once where nobody asks', async () => {
    const { rows, bad, told } = await ask('SELECT i FROM numbers', faulty)
    assert.deepEqual([rows.length, bad, told], [6, 3, [3]])
  })

  it('count as one row in an aggregate', async () => {
    const { rows, bad } = await ask(
      'SELECT _bad, count(*) AS n, sum(i) AS s FROM numbers GROUP BY _bad ORDER BY _bad',
      faulty,
    )
    assert.deepEqual(rows, [
      { _bad: false, n: 6, s: 24 },
      { _bad: true, n: 1, s: null },
    ])
    assert.equal(bad, 3)
  })

  it('show the first offset that the query wants of them', async () => {
    const { rows } = await ask('SELECT _meta.offset, _error FROM numbers WHERE _bad AND _meta.offset >= 4', faulty)
    assert.deepEqual(rows, [{ offset: 4, _error: 'the checksum does not fit (2 records)' }])
  })

  it('are met once by a scan from the end, at the first offset of theirs that it looks at', async () => {
    const { rows } = await ask('SELECT _meta.offset, _bad FROM numbers ORDER BY _meta.offset DESC LIMIT 5', faulty)
    assert.deepEqual(rows, [
      { offset: 8, _bad: false },
      { offset: 7, _bad: false },
      { offset: 6, _bad: false },
      { offset: 4, _bad: true },
      { offset: 2, _bad: false },
    ])
  })

  it('may be good up to some record', async () => {
    const { rows, bad } = await ask('SELECT _meta.offset, _error, i FROM numbers WHERE _meta.offset < 6', torn)
    const why = 'a record of the batch is damaged, and nothing behind it can be told apart (2 records)'
    assert.deepEqual(rows.slice(3), [
      { offset: 3, _error: null, i: 3 },
      { offset: 4, _error: why, i: null },
    ])
    assert.equal(bad, 2)
    const unasked = await ask('SELECT i FROM numbers', torn)
    assert.deepEqual([unasked.rows.length, unasked.bad, unasked.told], [7, 2, [4]])
  })

  it('do not end a query that asks for them under skip.bad.records = false', async () => {
    const { rows } = await ask('SET skip.bad.records = false; SELECT count(*) AS n FROM numbers WHERE _bad', faulty)
    assert.deepEqual(rows.at(-1), { n: 1 })
  })
})

describe('a batch that cannot be read, at a seam', () => {
  const sql = 'SET show.bad.records = true; SELECT sum(i) AS s FROM numbers'

  it('is counted and told once, whatever the number of readers', async () => {
    for (const readers of [1, 2, 3, 4, 9]) {
      const whole = await ask(sql, faulty, readers)
      assert.deepEqual([whole.rows, whole.bad, whole.told], [[{ s: 24 }], 3, [3]], `${readers} readers`)
      const part = await ask(sql, torn, readers)
      assert.deepEqual([part.rows, part.bad, part.told], [[{ s: 27 }], 2, [4]], `${readers} readers`)
      const rows = await ask(
        'SELECT _bad, _meta.offset AS o, count(*) AS n FROM numbers GROUP BY 1, 2',
        faulty,
        readers,
      )
      assert.deepEqual(
        rows.rows.filter((row) => (row as { _bad: boolean })._bad),
        [{ _bad: true, o: 3, n: 1 }],
      )
      assert.equal(rows.bad, 3)
    }
  })

  it('counts as far as it is wanted, in each of several ranges', async () => {
    for (const readers of [1, 2, 4]) {
      const { bad, told } = await ask(`${sql} WHERE _meta.offset >= 4`, faulty, readers)
      assert.deepEqual([bad, told], [2, [4]])
      const end = await ask(`${sql} WHERE _meta.offset < 4`, torn, readers)
      assert.deepEqual([end.rows, end.bad, end.told], [[{ s: 6 }], 0, []])
      const both = await ask(`${sql} WHERE _meta.offset < 4 OR _meta.offset = 5`, faulty, readers)
      assert.deepEqual([both.bad, both.told], [2, [3, 5]], `${readers} readers`)
    }
  })

  it('ends a query that may not pass over it, in whichever share', async () => {
    for (const readers of [1, 2, 3, 9])
      await assert.rejects(
        ask(`SET skip.bad.records = false; ${sql}`, faulty, readers),
        /The record at offset 3 of partition 0 of numbers cannot be read/,
      )
  })

  it('is counted once by a scan from the end that comes to both of its parts', async () => {
    const newest = 'SELECT i FROM numbers WHERE i < 4 ORDER BY _meta.offset DESC LIMIT 2'
    assert.deepEqual([(await ask(newest, faulty)).bad, (await ask(newest, torn)).bad], [3, 2])
    const few = 'SELECT i FROM numbers ORDER BY _meta.offset DESC LIMIT 5'
    assert.deepEqual([(await ask(few, faulty)).bad, (await ask(few, torn)).bad], [3, 2])
  })

  it('is counted once where one reader reads a partition in two places', async (t) => {
    const { fake, log } = await fakeLog(t)
    const batches = compressedBatches('zstd', 271, 90)
    // The middle of 24,390 offsets is that of batch 135.
    batches[134][100] ^= 1
    batches[135][100] ^= 1
    fake.add('numbers', [batches])
    for (const readers of [1, 2]) {
      const { rows, bad } = await askOf('SELECT count(n) AS c FROM numbers', () => log, readers)
      assert.deepEqual([rows, bad], [[{ c: 269 * 90 }], 180])
    }
  })
})

describe('damaged batches as a broker hands them out', () => {
  it('tell what is wrong with them: checksum, compression', async () => {
    const broker = await startBroker()
    const cluster = new Cluster({ brokers: [broker.bootstrap] })
    try {
      broker.createTopic('numbers', { partitions: 1 })
      const batch = (change: (bytes: Buffer) => void, sealed: boolean): void => {
        const bytes = writeRecordBatch([0, 1].map((i) => ({ value: `{"i":${i}}` })))
        change(bytes)
        if (sealed) bytes.writeUInt32BE(crc32c(bytes, AT.attributes), AT.crc)
        broker.append('numbers', 0, bytes)
      }
      batch(() => undefined, true)
      batch((bytes) => bytes.writeUInt8(bytes[bytes.length - 3] ^ 1, bytes.length - 3), false)
      batch((bytes) => bytes.writeInt16BE(7, AT.attributes), true)
      batch((bytes) => bytes.writeInt16BE(4, AT.attributes), true)
      const { rows, offsets, bad } = await askOf('SELECT * FROM numbers WHERE _bad', () => createKafkaLog(cluster))
      assert.deepEqual([offsets, bad], [[2, 4, 6], 6])
      const [checksum, codec, zstd] = rows.map((row) => (row as { _error: string })._error)
      assert.match(checksum, /^batch at offset 2: the checksum \(CRC-32C\) does not fit/)
      assert.match(codec, /^batch at offset 4 \(unknown codec\): /)
      assert.match(zstd, /^batch at offset 6 \(zstd\): /)
      const whole = await askOf('SELECT i FROM numbers', () => createKafkaLog(cluster))
      assert.deepEqual([whole.rows.length, whole.bad, whole.told], [2, 6, [2, 4, 6]])
    } finally {
      cluster.close()
      await broker.close()
    }
  })
})

describe('the code of queries that do not ask', () => {
  it('knows nothing of bad records as rows', async () => {
    const plain = await ask('EXPLAIN CODE SELECT i FROM numbers WHERE i > 1', (b) => b)
    const raw = await ask('EXPLAIN CODE SELECT _raw FROM numbers', (b) => b)
    const asking = await ask('EXPLAIN CODE SELECT i FROM numbers WHERE i > 1 AND NOT _bad', (b) => b)
    const text = ({ rows }: Answer): string => JSON.stringify(rows)
    assert.doesNotMatch(text(plain), /trouble/)
    assert.doesNotMatch(text(raw), /trouble/)
    assert.match(text(asking), /trouble/)
  })
})
