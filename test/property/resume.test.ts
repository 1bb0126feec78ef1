/**
 * A query that is cut short and read on with what its SENTINEL says, again and again, gives what one query gives: rows
 * and aggregates, whatever the limit, in memory and over one and two connections to a broker.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import { memoryWorld } from '../support/memory-world.ts'
import { FakeCluster } from '../wire/fake-broker.ts'

const SEED = 20_261_128

interface Part {
  readonly rows: readonly Record<string, number>[]
  readonly resume: string | undefined
}

async function ask(sql: string, on: Pick<QueryEnvironment, 'catalog' | 'log'>): Promise<Part> {
  const rows: Record<string, number>[] = []
  let resume: string | undefined
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as {
      type: string
      data: { value: Record<string, number>; reason: { type: string; resume: string } }
    }
    if (type === 'RECORD') rows.push(data.value)
    else if (type === 'SENTINEL') {
      assert.equal(data.reason.type, 'SCANNEDSIZE')
      resume = data.reason.resume
    } else if (type !== 'METADATA') assert.fail(`${sql}\n${frame}`)
  }
  await runRequest({ sql, live: false }, on, { send, drained: () => undefined }, new AbortController().signal)
  return { rows, resume }
}

/** All parts of a query under `max.size`. `where` stands beside the condition that reads on. */
async function inParts(
  select: string,
  where: string,
  bytes: number,
  on: Pick<QueryEnvironment, 'catalog' | 'log'>,
): Promise<Record<string, number>[][]> {
  const parts: Record<string, number>[][] = []
  let condition: string = where
  for (;;) {
    const { rows, resume } = await ask(`SET max.size = ${bytes}; ${select} WHERE ${condition} LIMIT 1000000`, on)
    parts.push([...rows])
    if (resume === undefined) return parts
    assert.ok(parts.length < 5000, 'reading on comes to an end')
    condition = `${where} AND (${resume})`
  }
}

test('in memory: rows, counts and sums over several partitions with gaps, cut within batches', async () => {
  const shape = fc.record({
    batch: fc.integer({ min: 1, max: 30 }),
    bytes: fc.integer({ min: 1, max: 3000 }),
    gaps: fc.boolean(),
    records: fc.array(
      fc.record({ partition: fc.integer({ min: 0, max: 2 }), padding: fc.integer({ min: 0, max: 120 }) }),
      { minLength: 1, maxLength: 80 },
    ),
    where: fc.constantFrom('n >= 0', 'n % 2 = 0', '_meta.partition <> 1', '_meta.offset >= 3'),
  })
  await fc.assert(
    fc.asyncProperty(shape, async ({ batch, bytes, gaps, records, where }) => {
      const next = [0, 0, 0]
      const world = memoryWorld([
        {
          name: 't',
          partitions: 3,
          batch,
          records: records.map(({ partition, padding }, n) => {
            const offset = next[partition]
            next[partition] += gaps && n % 3 === 0 ? 3 : 1
            return { partition, offset, timestampMs: n, key: null, value: { json: { n, text: 'x'.repeat(padding) } } }
          }),
        },
      ])
      const whole = await ask(`SELECT n FROM t WHERE ${where} LIMIT 1000000`, world)
      const sorted = (rows: readonly Record<string, number>[]) => rows.map((r) => r.n).sort((a, b) => a - b)
      assert.deepEqual(sorted((await inParts('SELECT n FROM t', where, bytes, world)).flat()), sorted(whole.rows))
      for (const what of ['sum(n)', 'count(*)']) {
        const [{ s }] = (await ask(`SELECT ${what} AS s FROM t WHERE ${where}`, world)).rows
        const parts = await inParts(`SELECT ${what} AS s FROM t`, where, bytes, world)
        assert.equal(
          parts.flat().reduce((sum, row) => sum + (row.s ?? 0), 0),
          s ?? 0,
          what,
        )
      }
      world.catalog.close()
    }),
    { seed: SEED, numRuns: 120 },
  )
})

test('a count without a condition is cut within a batch, too', async () => {
  const records = Array.from({ length: 100 }, (_, n) => ({
    partition: 0,
    timestampMs: n,
    key: null,
    value: { json: { n } },
  }))
  const world = memoryWorld([{ name: 't', batch: 100, records }])
  const first = await ask('SET max.size = 500; SELECT count(*) AS c FROM t', world)
  assert.ok(first.rows[0].c > 1 && first.rows[0].c < 100, `${first.rows[0].c}`)
  const rest = await ask(`SELECT count(*) AS c FROM t WHERE ${first.resume}`, world)
  assert.equal(first.rows[0].c + rest.rows[0].c, 100)
  world.catalog.close()
})

test('over a broker: one partition in two places at once, and in stripes', async (t) => {
  const RECORDS = 40_000
  const fake = await FakeCluster.start()
  const cluster = new Cluster({ brokers: fake.addresses, retryTimeoutMs: 2000, gapTimeoutMs: 600 })
  const world = memoryWorld([{ name: 't', records: [] }])
  t.after(async () => {
    world.catalog.close()
    cluster.close()
    await fake.stop()
  })
  const size = 50
  fake.add('t', [
    Array.from({ length: RECORDS / size }, (_, b) =>
      writeRecordBatch(
        Array.from({ length: size }, (_, i) => ({ value: `{"n":${b * size + i}}`, timestamp: 1000 + i })),
        { baseOffset: b * size },
      ),
    ),
  ])
  const on = { catalog: world.catalog, log: createKafkaLog(cluster) }
  const total = (RECORDS * (RECORDS - 1)) / 2
  for (const bytes of [100_001, 250_000, 400_000]) {
    const sums = await inParts('SELECT sum(n) AS s, count(n) AS c FROM t', 'n >= 0', bytes, on)
    assert.ok(sums.length > 1, 'it is cut')
    assert.deepEqual(
      [sums.flat().reduce((sum, row) => sum + row.s, 0), sums.flat().reduce((sum, row) => sum + row.c, 0)],
      [total, RECORDS],
      `${bytes} bytes, ${sums.length} parts`,
    )
    const rows = (await inParts('SELECT n FROM t', 'n >= 0', bytes, on)).flat()
    assert.deepEqual(
      [rows.length, new Set(rows.map((r) => r.n)).size, rows.reduce((sum, row) => sum + row.n, 0)],
      [RECORDS, RECORDS, total],
    )
  }
})
