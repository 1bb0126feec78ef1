/**
 * ORDER BY offset or timestamp DESC with a LIMIT: reading backwards gives the rows of reading everything, and of a long
 * topic reads only its end.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import type { BatchSource, KafkaLog, RecordBatch, ScanRequest } from '../../src/kafka/log.ts'
import { Progress } from '../../src/kafka/read/progress.ts'
import { BatchHeader, writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import type { Catalog } from '../../src/plan/catalog.ts'
import { memoryWorld } from '../support/memory-world.ts'
import { condition, randomWorld, SEED } from '../support/random-conditions.ts'

async function run(
  sql: string,
  world: { readonly catalog: Catalog; readonly log: KafkaLog },
  optimize = true,
): Promise<{ rows: string[]; bytes: number; records: number }> {
  const frames: string[] = []
  const sink = { send: (frame: string): void => void frames.push(frame), drained: () => undefined }
  const summary = await runRequest(
    { sql, live: false },
    { ...world, rulesOff: optimize ? undefined : 'all' },
    sink,
    new AbortController().signal,
  )
  assert.equal(summary.outcome, 'end', summary.error)
  const values = frames
    .map((f) => JSON.parse(f) as { type: string; data: { value: unknown } })
    .filter((f) => f.type === 'RECORD')
  return {
    rows: values.map((f) => JSON.stringify(f.data.value)),
    bytes: summary.bytesRead,
    records: summary.recordsScanned,
  }
}

test('backwards = everything', async () => {
  const world = randomWorld()
  const query = fc.record({
    by: fc.constantFrom(
      '_meta.offset DESC',
      '_meta.timestamp DESC',
      '_meta.offset DESC, _meta.partition DESC',
      '_meta.timestamp DESC, a',
    ),
    where: fc.option(condition, { nil: undefined }),
    limit: fc.integer({ min: 0, max: 12 }),
    skip: fc.integer({ min: 0, max: 3 }),
    table: fc.constantFrom('js', 'av'),
  })
  await fc.assert(
    fc.asyncProperty(query, async ({ by, where, limit, skip, table }) => {
      const inner = `SELECT _meta.partition AS p, _meta.offset AS o, a FROM ${table} ${where === undefined ? '' : `WHERE ${where.sql}`} ORDER BY ${by} LIMIT ${limit} OFFSET ${skip}`
      for (const sql of [inner, `SELECT count(*), sum(o) FROM (${inner})`])
        assert.deepEqual((await run(sql, world)).rows, (await run(sql, world, false)).rows, sql)
    }),
    { seed: SEED, numRuns: 150 },
  )
  world.catalog.close()
})

test('backwards = everything, also where records have no timestamp', async () => {
  const record = fc.record({
    partition: fc.nat(2),
    timestampMs: fc.constantFrom(-1, -1, 0, 1, START_MS, START_MS + 1, START_MS + 2),
  })
  const query = fc.record({
    records: fc.array(record, { maxLength: 60 }),
    nulls: fc.constantFrom('', ' NULLS FIRST', ' NULLS LAST'),
    where: fc.constantFrom('', ' WHERE n % 2 = 0', ' WHERE _meta.timestamp IS NULL', ' WHERE _meta.timestamp > 0'),
    limit: fc.integer({ min: 1, max: 8 }),
  })
  await fc.assert(
    fc.asyncProperty(query, async ({ records, nulls, where, limit }) => {
      const values = records.map((r, n) => ({ ...r, key: null, value: { json: { n } } }))
      const world = memoryWorld([{ name: 't', partitions: 3, batch: 2, records: values }])
      const sql = `SELECT n, _meta.timestamp AS ts FROM t${where} ORDER BY _meta.timestamp DESC${nulls}, n LIMIT ${limit}`
      const { rows } = await run(sql, world)
      assert.deepEqual(rows, (await run(sql, world, false)).rows, sql)
      const times = rows.map((row) => (JSON.parse(row) as { ts: string | null }).ts)
      const first = nulls === ' NULLS FIRST' ? times.lastIndexOf(null) : times.findLastIndex((ts) => ts !== null)
      assert.ok(
        times.slice(0, first + 1).every((ts) => (ts === null) === (nulls === ' NULLS FIRST')),
        'records without a timestamp together, where they were asked for',
      )
      world.catalog.close()
    }),
    { seed: SEED, numRuns: 150 },
  )
})

const RECORDS = 1000
const BATCHES = 5000
const START_MS = Date.parse('2024-01-01T00:00:00Z')

/** 5 M records in one partition, a millisecond each, made as they are read: one batch over and over. */
class LongLog implements KafkaLog {
  readonly #bytes = writeRecordBatch(
    Array.from({ length: RECORDS }, (_, i) => ({
      offset: i,
      timestamp: i,
      key: null,
      value: Buffer.from(`{"n":${i}}`),
      headers: [],
    })),
    {},
  )
  async bounds(): ReturnType<KafkaLog['bounds']> {
    return [{ partition: 0, start: 0, end: RECORDS * BATCHES }]
  }
  async offsetsForTime(
    _topic: string,
    _partitions: readonly number[],
    timestampMs: number,
  ): ReturnType<KafkaLog['offsetsForTime']> {
    return [Math.max(0, timestampMs - START_MS)]
  }
  scan(request: ScanRequest): BatchSource {
    const progress = request.ranges.map((r) => new Progress(r))
    const batches = this.#batches(request, progress)
    return { progress, next: () => batches.next().value ?? Promise.resolve(undefined), close: () => undefined }
  }
  *#batches(request: ScanRequest, progress: Progress[]): Generator<RecordBatch, undefined> {
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
    const header = new BatchHeader()
    assert.ok(header.open(view, 0, this.#bytes.length))
    for (const [i, range] of request.ranges.entries()) {
      for (let base = Math.floor(range.start / RECORDS) * RECORDS; base < range.end; base += RECORDS) {
        progress[i].count(this.#bytes.length)
        progress[i].read(range.start, Math.min(range.end, base + RECORDS))
        yield {
          partition: 0,
          buffer: this.#bytes,
          view,
          from: header.from,
          to: header.to,
          count: RECORDS,
          baseOffset: base,
          lastOffset: base + RECORDS - 1,
          baseTimestamp: START_MS + base,
          maxTimestamp: START_MS + base + RECORDS - 1,
          logAppendTime: false,
          rangeStart: range.start,
          rangeEnd: range.end,
          clipped: base < range.start || base + RECORDS > range.end,
          fault: undefined,
        }
      }
    }
    return undefined
  }
}

test('of 5 M records only the end is read', async () => {
  const world = memoryWorld([{ name: 'long', records: [] }])
  const on = { catalog: world.catalog, log: new LongLog() }
  for (const by of ['offset', 'timestamp']) {
    const newest = await run(`SELECT _meta.offset AS o FROM long ORDER BY _meta.${by} DESC LIMIT 3`, on)
    assert.deepEqual(newest.rows, ['{"o":4999999}', '{"o":4999998}', '{"o":4999997}'])
    assert.ok(newest.records <= 10 && newest.bytes < 100_000, `${newest.records} records, ${newest.bytes} bytes`)
    const few = await run(`SELECT _meta.offset AS o FROM long WHERE n = 7 ORDER BY _meta.${by} DESC LIMIT 20`, on)
    assert.deepEqual(few.rows.length, 20)
    assert.equal(few.rows[19], '{"o":4980007}')
    assert.ok(few.records <= 200_000, `${few.records} records`)
  }
  const bounded = await run(
    'SELECT _meta.offset AS o FROM long WHERE _meta.offset < 1000000 ORDER BY _meta.offset DESC LIMIT 2',
    on,
  )
  assert.deepEqual(bounded.rows, ['{"o":999999}', '{"o":999998}'])
  assert.ok(bounded.records <= 4)
  world.catalog.close()
})
