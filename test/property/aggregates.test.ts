/**
 * Random groupings under random conditions, in memory, in JSON and in Avro, with and without the optimizer: the rows
 * are those that plain code computes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import type { MemoryWorld } from '../support/memory-world.ts'
import { condition, ROWS, type Row, randomWorld, SEED } from '../support/random-conditions.ts'

/** An aggregate as SQL, and over the rows of a group in the order of the log. */
interface Aggregate {
  readonly sql: string
  readonly of: (rows: readonly Row[]) => unknown
}

const present = <K extends 'a' | 'd' | 's' | 'b'>(rows: readonly Row[], field: K): NonNullable<Row[K]>[] =>
  rows.map((r) => r[field]).filter((v) => v !== null) as NonNullable<Row[K]>[]
const sum = (values: readonly number[]): number => values.reduce((x, y) => x + y, 0)
const none = <T>(values: readonly unknown[], result: T): T | null => (values.length === 0 ? null : result)

// The doubles of the data are sums of powers of two, so that no order of adding changes a sum.
const AGGREGATES: readonly Aggregate[] = [
  { sql: 'COUNT(*)', of: (rows) => rows.length },
  { sql: 'COUNT(a)', of: (rows) => present(rows, 'a').length },
  { sql: 'SUM(a)', of: (rows) => none(present(rows, 'a'), sum(present(rows, 'a'))) },
  { sql: 'SUM(d)', of: (rows) => none(present(rows, 'd'), sum(present(rows, 'd'))) },
  { sql: 'AVG(a)', of: (rows) => none(present(rows, 'a'), sum(present(rows, 'a')) / present(rows, 'a').length) },
  { sql: 'MIN(a)', of: (rows) => none(present(rows, 'a'), Math.min(...present(rows, 'a'))) },
  { sql: 'MAX(d)', of: (rows) => none(present(rows, 'd'), Math.max(...present(rows, 'd'))) },
  { sql: 'MAX(s)', of: (rows) => none(present(rows, 's'), present(rows, 's').sort().at(-1)) },
  {
    sql: 'MAXK(a, 2)',
    of: (rows) =>
      present(rows, 'a')
        .sort((x, y) => y - x)
        .slice(0, 2),
  },
  { sql: 'MINK_UNIQUE(a, 3)', of: (rows) => [...new Set(present(rows, 'a'))].sort((x, y) => x - y).slice(0, 3) },
  { sql: 'SUM(a * 2 + 1)', of: (rows) => none(present(rows, 'a'), sum(present(rows, 'a').map((a) => a * 2 + 1))) },
  { sql: 'COUNT(LENGTH(s))', of: (rows) => present(rows, 's').length },
]

interface Key {
  readonly sql: string
  readonly of: (row: Row) => unknown
}
const KEYS: readonly Key[] = [
  { sql: 's', of: (r) => r.s },
  { sql: 'a', of: (r) => r.a },
  { sql: 'b', of: (r) => r.b },
  { sql: 'd', of: (r) => r.d },
  { sql: '_meta.partition', of: (r) => r.partition },
  { sql: 'LENGTH(s)', of: (r) => r.s?.length ?? null },
  { sql: 'a % 2', of: (r) => (r.a === null ? null : r.a % 2 === 0 ? 0 : r.a % 2) },
]

async function answer(sql: string, optimize: boolean, on: MemoryWorld): Promise<string[]> {
  const found: string[] = []
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { value: unknown } }
    if (type === 'RECORD') found.push(JSON.stringify(data.value))
    else if (type !== 'METADATA') assert.fail(`${sql}\n${frame}`)
  }
  await runRequest(
    { sql, live: false },
    { catalog: on.catalog, log: on.log, rulesOff: optimize ? undefined : 'all' },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  return found.sort()
}

function computed(rows: readonly Row[], keys: readonly Key[], aggregates: readonly Aggregate[]): string[] {
  const groups = Map.groupBy(rows, (row) => JSON.stringify(keys.map((k) => k.of(row))))
  if (keys.length === 0 && groups.size === 0) groups.set('[]', [])
  const columns = [...groups.values()].map((group) => [
    ...keys.map((k, i) => [`k${i}`, k.of(group[0])]),
    ...aggregates.map((x, i) => [`v${i}`, x.of(group)]),
  ])
  return columns.map((c) => JSON.stringify(Object.fromEntries(c))).sort()
}

test(`groups and aggregates are those of plain code (seed ${SEED})`, async () => {
  const on = randomWorld()
  const keys = fc.uniqueArray(fc.constantFrom(...KEYS), { maxLength: 2 })
  const aggregates = fc.uniqueArray(fc.constantFrom(...AGGREGATES), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(keys, aggregates, fc.option(condition), async (by, what, where) => {
      const rows = ROWS.filter((row) => where === null || where.holds(row) === true).sort(
        (x, y) => x.partition - y.partition || x.offset - y.offset,
      )
      const columns = [...by.map((k, i) => `${k.sql} AS k${i}`), ...what.map((x, i) => `${x.sql} AS v${i}`)].join(', ')
      const tail = `${where === null ? '' : ` WHERE ${where.sql}`}${by.length === 0 ? '' : ` GROUP BY ${by.map((k) => k.sql).join(', ')}`}`
      for (const topic of ['js', 'av']) {
        for (const optimize of [true, false]) {
          const sql = `SELECT ${columns} FROM ${topic}${tail}`
          assert.deepEqual(
            await answer(sql, optimize, on),
            computed(rows, by, what),
            `${sql} ${optimize ? '' : 'as bound'}`,
          )
        }
      }
    }),
    { seed: SEED, numRuns: 200 },
  )
  on.catalog.close()
})
