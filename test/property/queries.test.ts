/**
 * Random conditions, correlated subqueries among them, over topics, patterns of topics, LATEST, derived tables and
 * unions of these: the rows are those that plain code finds, with and without the optimizer, and a condition, its
 * negation and its being NULL divide them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import { type MemoryWorld, memoryWorld, type WorldRecord } from '../support/memory-world.ts'

const SEED = 20_240_305
const KEYS = ['x', 'y', 'z', 'w', null] as const
const TEXTS = ['', 'a', 'b', null] as const
const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'R',
  fields: [
    { name: 'a', type: ['null', 'long'] },
    { name: 's', type: ['null', 'string'] },
  ],
})

interface Row {
  readonly t: string
  readonly p: number
  readonly o: number
  readonly k: string | null
  readonly a: number | null
  readonly s: string | null
  readonly dead: boolean
}

function topicRows(t: string, seed: number): Row[] {
  const next = [0, 0]
  const shape = fc.record({
    p: fc.integer({ min: 0, max: 1 }),
    gap: fc.constantFrom(0, 0, 3),
    k: fc.constantFrom(...KEYS),
    a: fc.option(fc.integer({ min: -2, max: 3 })),
    s: fc.constantFrom(...TEXTS),
    dead: fc.constantFrom(false, false, false, true),
  })
  return fc.sample(shape, { seed, numRuns: 40 }).map(({ p, gap, k, a, s, dead }) => {
    const o = next[p] + gap
    next[p] = o + 1
    return { t, p, o, k, a: dead ? null : a, s: dead ? null : s, dead }
  })
}

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'ev.js': topicRows('ev.js', 1),
  'ev.av': topicRows('ev.av', 2),
}
const ALL = Object.values(ROWS).flat()

function world(): MemoryWorld {
  const records = (of: readonly Row[]): WorldRecord[] =>
    of.map((r, i) => ({
      partition: r.p,
      offset: r.o,
      timestampMs: i,
      key: r.k === null ? null : { json: r.k },
      value: r.dead ? null : { json: { a: r.a, s: r.s } },
    }))
  return memoryWorld([
    { name: 'ev.js', partitions: 2, records: records(ROWS['ev.js']), batch: 4 },
    {
      name: 'ev.av',
      partitions: 2,
      value: { name: 'AVRO', schemas: [SCHEMA] },
      records: records(ROWS['ev.av']),
      batch: 4,
    },
  ])
}

function latest(rows: readonly Row[]): Row[] {
  const last = new Map<string, Row>()
  for (const r of rows) if (r.k !== null) last.set(`${r.t} ${r.p} ${r.k}`, r)
  return [...last.values()].filter((r) => !r.dead)
}

// ---------------------------------------------------------------------------------------------- relations

interface Relation {
  readonly sql: string
  readonly rows: readonly Row[]
}
const COLUMNS = '_meta.topic AS t, _meta.partition AS p, _meta.offset AS o, _key AS k, a, s'
const SOURCES: readonly Relation[] = [
  ...Object.entries(ROWS).flatMap(([name, rows]) => [
    { sql: `\`${name}\``, rows },
    { sql: `LATEST(\`${name}\`)`, rows: latest(rows) },
  ]),
  { sql: '`ev.*`', rows: ALL },
  { sql: 'LATEST(`ev.*`)', rows: latest(ALL) },
]
// A field of JSON is named as a member where the topics of a pattern are not of one kind.
const source = fc
  .constantFrom(...SOURCES)
  .map(({ sql, rows }): Relation => ({ sql: `SELECT ${COLUMNS} FROM ${sql}`, rows }))
const relation: fc.Arbitrary<Relation> = fc.oneof(
  source,
  fc
    .tuple(source, source)
    .map(([x, y]): Relation => ({ sql: `${x.sql} UNION ALL ${y.sql}`, rows: [...x.rows, ...y.rows] })),
  source.map(
    ({ sql, rows }): Relation => ({
      sql: `SELECT t, p, o, k, a, s FROM (${sql}) i WHERE p = 0 OR a IS NOT NULL`,
      rows: rows.filter((r) => r.p === 0 || r.a !== null),
    }),
  ),
  source.map(
    ({ sql, rows }): Relation => ({
      sql: `WITH c AS (${sql}) SELECT t, p, o, k, a, s FROM c LATERAL [1, 2] AS twice`,
      rows: rows.flatMap((r) => [r, r]),
    }),
  ),
)

// ---------------------------------------------------------------------------------------------- conditions over `r`

type Truth = boolean | null
interface Condition {
  readonly sql: string
  readonly holds: (row: Row) => Truth
}
const not = (x: Truth): Truth => (x === null ? null : !x)
const and = (x: Truth, y: Truth): Truth => (x === false || y === false ? false : x === null || y === null ? null : true)
const or = (x: Truth, y: Truth): Truth => not(and(not(x), not(y)))
const quoted = (text: string | null): string => (text === null ? 'NULL' : `'${text}'`)
const number = fc.integer({ min: -2, max: 4 })
const OPS: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  '=': (x, y) => x === y,
  '<>': (x, y) => x !== y,
  '<': (x, y) => x < y,
  '>=': (x, y) => x >= y,
}
const op = fc.constantFrom(...Object.keys(OPS))
const compared = (o: string, x: number | null, y: number | null): Truth =>
  x === null || y === null ? null : OPS[o](x, y)
const among = (x: number | string | null, values: readonly (number | string | null)[]): Truth =>
  values.length === 0 ? false : x === null ? null : values.includes(x) ? true : values.includes(null) ? null : false

const simple: fc.Arbitrary<Condition> = fc.oneof(
  fc
    .tuple(fc.constantFrom('a', 'p', 'o'), op, number)
    .map(([c, o, n]): Condition => ({ sql: `r.${c} ${o} ${n}`, holds: (r) => compared(o, r[c as 'a'], n) })),
  fc.constantFrom(...TEXTS, 'x').map(
    (text): Condition => ({
      sql: `s = ${quoted(text)}`,
      holds: (r) => (r.s === null || text === null ? null : r.s === text),
    }),
  ),
  fc
    .constantFrom('x', 'w', 'q')
    .map((k): Condition => ({ sql: `k IN ('${k}', 'y')`, holds: (r) => among(r.k, [k, 'y']) })),
  fc.constantFrom('k', 'a', 's').map((c): Condition => ({ sql: `${c} IS NULL`, holds: (r) => r[c as 'a'] === null })),
  fc.constantFrom('ev.js', 'ev.av', 'ev').map((t): Condition => ({ sql: `t = '${t}'`, holds: (r) => r.t === t })),
)

/** The inner rows that an outer one is tied to, and the term that ties them. */
const tie = fc.constantFrom<{ sql: string; met: (inner: Row, outer: Row) => boolean }>(
  { sql: 'x._key = r.k', met: (i, r) => i.k !== null && i.k === r.k },
  { sql: 'r.a = x.a', met: (i, r) => i.a !== null && i.a === r.a },
  { sql: 'x.s = r.s AND x._meta.partition = r.p', met: (i, r) => i.s !== null && i.s === r.s && i.p === r.p },
)
const inner = fc.tuple(fc.constantFrom(...SOURCES.slice(0, 4)), tie)

const correlated: fc.Arbitrary<Condition> = fc.oneof(
  fc.tuple(inner, number).map(([[of, t], n]): Condition => {
    const some = (r: Row): boolean => of.rows.some((i) => t.met(i, r) && i.a !== null && i.a > n)
    return { sql: `EXISTS (SELECT * FROM ${of.sql} x WHERE ${t.sql} AND x.a > ${n})`, holds: some }
  }),
  inner.map(([of, t]): Condition => {
    const some = (r: Row): boolean => of.rows.some((i) => t.met(i, r) && r.a !== null && i.a !== null && i.a < r.a)
    return { sql: `EXISTS (SELECT 1 FROM ${of.sql} x WHERE ${t.sql} AND x.a < r.a)`, holds: some }
  }),
  fc.tuple(inner, fc.boolean()).map(([[of, t], negated]): Condition => {
    const found = (r: Row): Truth =>
      among(
        r.a,
        of.rows.filter((i) => t.met(i, r)).map((i) => i.a),
      )
    return {
      sql: `r.a ${negated ? 'NOT ' : ''}IN (SELECT x.a FROM ${of.sql} x WHERE ${t.sql})`,
      holds: (r) => (negated ? not(found(r)) : found(r)),
    }
  }),
  fc.tuple(inner, op, number).map(([[of, t], o, n]): Condition => {
    const count = (r: Row): number => of.rows.filter((i) => t.met(i, r)).length
    return {
      sql: `(SELECT count(*) FROM ${of.sql} x WHERE ${t.sql}) ${o} ${n}`,
      holds: (r) => compared(o, count(r), n),
    }
  }),
  fc.tuple(inner, op).map(([[of, t], o]): Condition => {
    const most = (r: Row): number | null => {
      const values = of.rows.filter((i) => t.met(i, r) && i.a !== null).map((i) => i.a as number)
      return values.length === 0 ? null : Math.max(...values)
    }
    return {
      sql: `r.a ${o} (SELECT max(x.a) FROM ${of.sql} x WHERE ${t.sql})`,
      holds: (r) => compared(o, r.a, most(r)),
    }
  }),
)

const condition: fc.Arbitrary<Condition> = fc.letrec<{ any: Condition }>((t) => ({
  any: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.oneof(simple, correlated),
    fc
      .tuple(t('any'), t('any'))
      .map(([x, y]): Condition => ({ sql: `(${x.sql} AND ${y.sql})`, holds: (r) => and(x.holds(r), y.holds(r)) })),
    fc
      .tuple(t('any'), t('any'))
      .map(([x, y]): Condition => ({ sql: `(${x.sql} OR ${y.sql})`, holds: (r) => or(x.holds(r), y.holds(r)) })),
    t('any').map((x): Condition => ({ sql: `NOT (${x.sql})`, holds: (r) => not(x.holds(r)) })),
  ),
})).any

// ---------------------------------------------------------------------------------------------- the tests

async function kept(of: Relation, where: string, optimize: boolean, on: MemoryWorld): Promise<string[]> {
  const sql = `SELECT t, p, o FROM (${of.sql}) r WHERE ${where}`
  const found: string[] = []
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { value: { t: string; p: number; o: number } } }
    if (type === 'RECORD') found.push(`${data.value.t} ${data.value.p}/${data.value.o}`)
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

const names = (rows: readonly Row[]): string[] => rows.map((r) => `${r.t} ${r.p}/${r.o}`).sort()

test(`the rows are those that plain code finds (seed ${SEED})`, async () => {
  const on = world()
  await fc.assert(
    fc.asyncProperty(relation, condition, async (of, { sql, holds }) => {
      const wanted = names(of.rows.filter((r) => holds(r) === true))
      for (const optimize of [true, false])
        assert.deepEqual(
          await kept(of, sql, optimize, on),
          wanted,
          `FROM (${of.sql}) r WHERE ${sql} ${optimize ? '' : 'as bound'}`,
        )
    }),
    { seed: SEED, numRuns: 300 },
  )
  on.catalog.close()
})

test(`a condition, its negation and its being NULL divide the rows (seed ${SEED})`, async () => {
  const on = world()
  await fc.assert(
    fc.asyncProperty(relation, condition, async (of, { sql }) => {
      const parts = await Promise.all(
        [sql, `NOT (${sql})`, `(${sql}) IS NULL`].map((where) => kept(of, where, true, on)),
      )
      assert.deepEqual(parts.flat().sort(), names(of.rows), `FROM (${of.sql}) r WHERE ${sql}`)
    }),
    { seed: SEED + 1, numRuns: 150 },
  )
  on.catalog.close()
})
