/**
 * A query that ends (its time, the time without a batch, `max.size` of all readers) while batches are being decompressed,
 * and is read on with what its SENTINEL says, gives what one query gives: no record is left out and none comes twice.
 * Some batches are held until the query that waits for them has ended. One partition in stripes, in two places, newest
 * first, and shared by two readers.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { runRequest } from '../../src/engine/request.ts'
import { CODECS, compressedBatches, fakeLog, type Gate, holdDecompression } from '../support/held-decompression.ts'
import { memoryWorld } from '../support/memory-world.ts'
import { helpersHere } from '../support/slt.ts'

type Codec = (typeof CODECS)[number]

const BATCHES = 240
const SIZE = 100
const RECORDS = BATCHES * SIZE
/** Of so many batches one is held. */
const HELD_OF = 60
/** A query ends after this, unless it has come to its end before. */
const SHORT_MS = 60

interface Part {
  readonly rows: readonly Record<string, number>[]
  readonly reason: { readonly type: string; readonly resume: string } | undefined
}

async function ask(sql: string, on: QueryEnvironment, gate: Gate): Promise<Part & { readonly held: number }> {
  const rows: Record<string, number>[] = []
  let reason: Part['reason']
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as {
      type: string
      data: { value: Record<string, number>; reason: NonNullable<Part['reason']> }
    }
    if (type === 'RECORD') rows.push(data.value)
    else if (type === 'SENTINEL') reason = data.reason
    else if (type !== 'METADATA') assert.fail(`${sql}\n${frame}`)
  }
  await runRequest({ sql, live: false }, on, { send, drained: () => undefined }, new AbortController().signal)
  const { held } = gate
  gate.open()
  await turn()
  return { rows, reason, held }
}

/** All parts of a query, and how many batches were held when they ended. */
async function inParts(sql: (where: string) => string, on: QueryEnvironment, gate: Gate) {
  const parts: Part[] = []
  let held = 0
  for (let where = 'n >= 0'; ; ) {
    const part = await ask(sql(where), on, gate)
    parts.push(part)
    held += part.held
    if (part.reason === undefined) return { rows: parts.flatMap((p) => p.rows), parts, held }
    assert.ok(parts.length < 2000, 'reading on comes to an end')
    where = `n >= 0 AND (${part.reason.resume})`
  }
}

async function topic(t: TestContext, codec: Codec, readers: 1 | 2 | 'auto') {
  const { fake, log } = await fakeLog(t)
  const world = memoryWorld([{ name: 't', records: [] }])
  t.after(() => world.catalog.close())
  fake.add('t', [compressedBatches(codec, BATCHES, SIZE)])
  const on: QueryEnvironment = {
    catalog: world.catalog,
    log,
    defaults: { 'query.parallel': readers },
    helpers: async (most) => helpersHere(most, { catalog: world.catalog, log }),
    aloneMs: 0,
  }
  return { on, gate: holdDecompression(t, (n) => n % HELD_OF === HELD_OF - 1) }
}

const sum = (rows: readonly Record<string, number>[], name: string) => rows.reduce((n, row) => n + (row[name] ?? 0), 0)
const TOTAL = (RECORDS * (RECORDS - 1)) / 2

const ENDS = [`max.query.time = ${SHORT_MS}`, `max.idle.time = ${SHORT_MS}`] as const

for (const codec of CODECS)
  for (const end of ENDS)
    test(`${codec}, ${end}: in stripes, and in two places`, async (t) => {
      const { on, gate } = await topic(t, codec, 1)
      const rows = await inParts((where) => `SET ${end}; SELECT n FROM t WHERE ${where} LIMIT 1000000`, on, gate)
      assert.deepEqual([rows.rows.length, new Set(rows.rows.map((r) => r.n)).size], [RECORDS, RECORDS])
      const sums = await inParts(
        (where) => `SET ${end}; SELECT sum(n) AS s, count(n) AS c FROM t WHERE ${where}`,
        on,
        gate,
      )
      assert.deepEqual([sum(sums.rows, 'c'), sum(sums.rows, 's')], [RECORDS, TOTAL])
      assert.ok(rows.held > 0 && sums.held > 0, 'batches were held when a query ended')
    })

for (const readers of [2, 'auto'] as const)
  for (const end of [...ENDS, `max.size = 20000; SET max.idle.time = ${SHORT_MS}`])
    test(`${readers} readers, ${end}`, async (t) => {
      const { on, gate } = await topic(t, 'zstd', readers)
      const rows = await inParts(
        (where) => `SET ${end}; SELECT n FROM t WHERE ${where} AND n % 2 = 0 LIMIT 1000000`,
        on,
        gate,
      )
      assert.deepEqual([rows.rows.length, new Set(rows.rows.map((r) => r.n)).size], [RECORDS / 2, RECORDS / 2])
      const sums = await inParts(
        (where) => `SET ${end}; SELECT sum(n) AS s, count(n) AS c FROM t WHERE ${where}`,
        on,
        gate,
      )
      assert.deepEqual([sum(sums.rows, 'c'), sum(sums.rows, 's')], [RECORDS, TOTAL])
    })

for (const end of ENDS)
  test(`newest first, ${end}`, async (t) => {
    const { on, gate } = await topic(t, 'gzip', 1)
    const { rows, held } = await inParts(
      (where) => `SET ${end}; SELECT n FROM t WHERE ${where} AND n % 40 = 0 ORDER BY _meta.offset DESC LIMIT 500`,
      on,
      gate,
    )
    const newest = rows.map((r) => r.n).sort((a, b) => b - a)
    assert.deepEqual(
      newest.slice(0, 500),
      Array.from({ length: 500 }, (_, i) => RECORDS - 40 * (i + 1)),
    )
    assert.ok(held > 0, 'batches were held when a query ended')
  })
