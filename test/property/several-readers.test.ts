/**
 * A scan that several threads read gives what one reader gives: random queries over random tables, rows in the order of
 * their partition, LIMIT, the sums of STATS; and a query that is cut short and read on with what its SENTINEL says, again
 * and again. The helpers run on the same thread, behind the same ports. `auto` divides what is left after one batch.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { runRequest } from '../../src/engine/request.ts'
import { printQuery } from '../../src/sql/print.ts'
import { type MemoryWorld, memoryWorld } from '../support/memory-world.ts'
import { difference, sluice } from '../support/oracle.ts'
import { columnNames, randomQuery } from '../support/random-queries.ts'
import { Random, randomTable, topicOf } from '../support/random-tables.ts'
import { helpersHere } from '../support/slt.ts'

const SEED = 20_261_128
const WAYS = ['2', '4', 'auto'] as const

type Way = (typeof WAYS)[number] | '1'

interface Answer {
  readonly rows: readonly { readonly value: Record<string, number>; readonly partition: number }[]
  readonly sentinel: { readonly type: string; readonly resume: string } | undefined
  /** The last STATS frame. */
  readonly stats: { readonly recordsScanned: number; readonly bytesRead: number } | undefined
}

function on(world: MemoryWorld, way: Way): QueryEnvironment {
  return {
    catalog: world.catalog,
    log: world.log,
    defaults: { 'query.parallel': way === 'auto' ? way : Number(way) },
    helpers: async (most) => helpersHere(most, world),
    aloneMs: 0,
  }
}

async function ask(sql: string, world: MemoryWorld, way: Way): Promise<Answer> {
  const rows: Answer['rows'][number][] = []
  let sentinel: Answer['sentinel']
  let stats: Answer['stats']
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: never }
    const { value, metadata, reason } = data as {
      value: Record<string, number>
      metadata?: { partition: number }
      reason: Answer['sentinel']
    }
    if (type === 'RECORD') rows.push({ value, partition: metadata?.partition ?? -1 })
    else if (type === 'SENTINEL') sentinel = reason
    else if (type === 'STATS') stats = data
    else if (type !== 'METADATA') assert.fail(`${sql} with ${way}\n${frame}`)
  }
  await runRequest(
    { sql, live: false, statsMs: 0 },
    on(world, way),
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  return { rows, sentinel, stats }
}

test('random queries: the rows of one reader', async () => {
  const findings: string[] = []
  let compared = 0
  for (let seed = 500; seed < 504; seed++) {
    const random = new Random(seed)
    const tables = ['alpha', 'beta', 'gamma'].map((name) => randomTable(name, random, random.pick([6, 20, 60])))
    const world = memoryWorld(tables.map((t) => topicOf(t, 3)))
    for (let n = 0; n < 40; n++) {
      const { query } = randomQuery(tables, random)
      const sql = printQuery(query)
      const columns = columnNames(query.body).map((c) => c.name)
      const alone = await sluice(sql, columns, world, true)
      // Of a result without order, LIMIT may leave any rows; so may one with an order whose keys are alike.
      const cut = query.limit !== undefined
      for (const way of WAYS) {
        const several = await sluice(sql, columns, world, true, on(world, way))
        const found =
          'rows' in several && 'rows' in alone
            ? cut
              ? several.rows.length === alone.rows.length
                ? undefined
                : `${several.rows.length} rows, not ${alone.rows.length}`
              : difference(several.rows, alone.rows, false)
            : JSON.stringify(several) === JSON.stringify(alone)
              ? undefined
              : `${JSON.stringify(several)}, not ${JSON.stringify(alone)}`
        compared++
        if (found !== undefined) findings.push(`seed ${seed}, query ${n}, with ${way}: ${found}\n  ${sql}`)
      }
    }
    world.catalog.close()
  }
  assert.ok(compared > 400)
  assert.deepEqual(findings, [], findings.join('\n'))
})

const shape = fc.record({
  batch: fc.integer({ min: 1, max: 30 }),
  bytes: fc.integer({ min: 1, max: 3000 }),
  gaps: fc.boolean(),
  records: fc.array(
    fc.record({ partition: fc.integer({ min: 0, max: 2 }), padding: fc.integer({ min: 0, max: 120 }) }),
    { minLength: 1, maxLength: 80 },
  ),
  where: fc.constantFrom('n >= 0', 'n % 2 = 0', '_meta.partition <> 1', '_meta.offset >= 3'),
  way: fc.constantFrom(...WAYS),
})

type Given = typeof shape extends fc.Arbitrary<infer T> ? T : never

function worldOf({ batch, gaps, records }: Given): MemoryWorld {
  const next = [0, 0, 0]
  return memoryWorld([
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
}

const sorted = (rows: Answer['rows']): number[] => rows.map((r) => r.value.n).sort((a, b) => a - b)

test('rows of a partition come in order, LIMIT gives so many of them, and STATS the same sums', async () => {
  await fc.assert(
    fc.asyncProperty(shape, fc.integer({ min: 1, max: 20 }), async (given, limit) => {
      const world = worldOf(given)
      const { where, way } = given
      const sql = `SELECT n FROM t WHERE ${where} AND n > -1`
      const [alone, several] = [await ask(sql, world, '1'), await ask(sql, world, way)]
      assert.deepEqual(sorted(several.rows), sorted(alone.rows))
      for (const partition of [0, 1, 2]) {
        const of = several.rows.filter((r) => r.partition === partition).map((r) => r.value.n)
        assert.deepEqual(
          of,
          [...of].sort((a, b) => a - b),
          'in order',
        )
      }
      const some = (await ask(`${sql} LIMIT ${limit}`, world, way)).rows.map((r) => r.value.n)
      assert.equal(some.length, Math.min(limit, alone.rows.length))
      assert.equal(new Set(some).size, some.length, 'none twice')
      const all = new Set(sorted(alone.rows))
      assert.ok(
        some.every((n) => all.has(n)),
        'of the right rows',
      )
      const newest = `SELECT n FROM t WHERE ${where} ORDER BY n DESC LIMIT ${limit}`
      assert.deepEqual((await ask(newest, world, way)).rows, (await ask(newest, world, '1')).rows)
      const distinct = `SELECT DISTINCT n % 5 AS n FROM t WHERE ${where}`
      assert.deepEqual(sorted((await ask(distinct, world, way)).rows), sorted((await ask(distinct, world, '1')).rows))
      world.catalog.close()
    }),
    { seed: SEED, numRuns: 150 },
  )
})

async function inParts(select: string, where: string, bytes: number, world: MemoryWorld, way: Way) {
  const parts: Answer['rows'][number][] = []
  let condition = where
  for (let n = 0; ; n++) {
    const { rows, sentinel } = await ask(
      `SET max.size = ${bytes}; ${select} WHERE ${condition} LIMIT 1000000`,
      world,
      way,
    )
    parts.push(...rows)
    if (sentinel === undefined) return parts
    assert.equal(sentinel.type, 'SCANNEDSIZE')
    assert.ok(n < 2000, 'reading on comes to an end')
    condition = `${where} AND (${sentinel.resume})`
  }
}

test('cut by max.size within batches, and read on: all rows, none twice, and the same sums', async () => {
  await fc.assert(
    fc.asyncProperty(shape, async (given) => {
      const world = worldOf(given)
      const { where, bytes, way } = given
      const whole = await ask(`SELECT n FROM t WHERE ${where} LIMIT 1000000`, world, '1')
      assert.deepEqual(sorted(await inParts('SELECT n FROM t', where, bytes, world, way)), sorted(whole.rows))
      for (const what of ['sum(n)', 'count(*)']) {
        const [{ value }] = (await ask(`SELECT ${what} AS total FROM t WHERE ${where}`, world, '1')).rows
        const parts = await inParts(`SELECT ${what} AS total FROM t`, where, bytes, world, way)
        assert.equal(
          parts.reduce((sum, row) => sum + (row.value.total ?? 0), 0),
          value.total ?? 0,
          what,
        )
      }
      world.catalog.close()
    }),
    { seed: SEED, numRuns: 200 },
  )
})
