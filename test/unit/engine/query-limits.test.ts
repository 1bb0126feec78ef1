/**
 * What a query may hold and how long it may be: every limit ends in an error that names it, whatever reaches it, and
 * long chains overflow nothing.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { operatorLimits, PairIndex } from '../../../src/engine/operators/keys/group-index.ts'
import { MAX_KEYS, MemoryBudget } from '../../../src/engine/operators/memory.ts'
import { runRequest } from '../../../src/engine/request.ts'
import { bindQuery } from '../../../src/plan/bind/bind.ts'
import type { Catalog } from '../../../src/plan/catalog.ts'
import { defaultSettings, SETTINGS } from '../../../src/plan/settings.ts'
import type { SqlError } from '../../../src/sql/error.ts'
import { parseScript } from '../../../src/sql/parse.ts'
import { memoryWorld } from '../../support/memory-world.ts'

const RECORDS = 200
const world = memoryWorld([
  {
    name: 't',
    partitions: 2,
    records: Array.from({ length: RECORDS }, (_, i) => ({
      partition: i % 2,
      timestampMs: i,
      key: { json: `key ${i}` },
      value: { json: { a: i, s: `text number ${i}`, tags: ['x', i] } },
    })),
  },
])
after(() => world.catalog.close())

async function run(sql: string, defaults: Record<string, number> = {}): Promise<{ rows: number; error: string }> {
  const sink = { send: () => undefined, drained: () => undefined }
  const summary = await runRequest(
    { sql, live: false },
    { catalog: world.catalog, log: world.log, defaults },
    sink,
    new AbortController().signal,
  )
  return { rows: summary.results, error: summary.error ?? '' }
}

const MEMORY: readonly { readonly limit: string; readonly value: number; readonly sql: readonly string[] }[] = [
  {
    limit: 'max.join.bytes',
    value: 2000,
    sql: [
      'SELECT count(*) FROM t x JOIN t y ON x.a = y.a',
      'SELECT count(*) FROM t x LEFT JOIN t y ON x.a = y.a',
      'SELECT count(*) FROM t x RIGHT JOIN t y ON x.a = y.nothing',
      'SELECT count(*) FROM t x FULL JOIN t y ON x.a = y.a',
      'SELECT count(*) FROM t CROSS JOIN (SELECT * FROM t) y',
      'SELECT count(*) FROM t x WHERE EXISTS (SELECT * FROM t y WHERE y.a = x.a)',
      'SELECT count(*) FROM t x WHERE EXISTS (SELECT * FROM t y WHERE y.a = x.a AND y.s > x.s)',
      'SELECT count(*) FROM t x WHERE x.s IN (SELECT y.s FROM t y WHERE y.tags[0] = x.tags[0])',
      'SELECT count(*) FROM t WHERE a IN (SELECT a FROM t)',
      'SELECT (SELECT y.s FROM t y WHERE y.a = x.a) AS s FROM t x',
      'SELECT s FROM t UNION SELECT s FROM t',
      'SELECT s FROM t EXCEPT SELECT s FROM t',
      'SELECT s FROM t INTERSECT ALL SELECT s FROM t',
      'SELECT count(*) FROM LATEST(t)',
    ],
  },
  {
    limit: 'max.group.records',
    value: 50,
    sql: [
      'SELECT a, count(*) FROM t GROUP BY a',
      'SELECT s, count(*) FROM t GROUP BY s',
      'SELECT tags, a, count(*) FROM t GROUP BY tags, a',
      'SELECT DISTINCT s FROM t',
      'SELECT count(*) FROM (SELECT a, count(*) FROM t GROUP BY a)',
      'SELECT tag, count(*) FROM t LATERAL tags AS tag GROUP BY tag',
      'SELECT x.a, (SELECT count(*) FROM t y WHERE y.a = x.a) AS n FROM t x',
      "SELECT HOP(_meta.timestamp, '10s', '1s') AS w, a FROM t GROUP BY 1, 2",
    ],
  },
  {
    limit: 'max.collect.bytes',
    value: 2000,
    sql: [
      'SELECT collect(s, 1000) FROM t',
      'SELECT count(DISTINCT s) FROM t',
      'SELECT topk(s, 3) FROM t',
      'SELECT approx_count_distinct(s) FROM t',
      'SELECT approx_quantile(a, 0.5) FROM t',
      'SELECT a, max(s), last(s) FROM t GROUP BY a',
    ],
  },
  {
    limit: 'max.sort.bytes',
    value: 2000,
    sql: [
      'SELECT s FROM t ORDER BY s',
      'SELECT * FROM t ORDER BY a DESC',
      'SELECT a, count(*) AS n FROM t GROUP BY a ORDER BY n',
    ],
  },
]

for (const { limit, value, sql } of MEMORY) {
  test(limit, async () => {
    for (const text of sql) {
      const small = await run(text, { [limit]: value })
      assert.ok(small.error.includes(`(${limit})`), `${text}: ${small.error || `${small.rows} rows`}`)
      assert.ok(small.error.includes(value.toLocaleString('en')), small.error)
      assert.equal((await run(text)).error, '', text)
    }
  })
}

test('operator.max.keys', () => {
  assert.equal(MAX_KEYS, 16_000_000)
  // So many keys would take half a minute: a table with a smaller limit and the same error.
  const few = new PairIndex({ ...operatorLimits('A join'), keys: 2 })
  for (const key of [7, 8, 7]) few.find(key, 0)
  assert.throws(() => few.find(9, 0), {
    code: 'LIMIT',
    message: 'A join would hold more than 16,000,000 different keys (operator.max.keys).',
  })
})

test('what is given back can be taken again', () => {
  const budget = new MemoryBudget('max.sort.bytes', 1000)
  for (let i = 0; i < 1000; i++) {
    budget.takeRow(['some text', i])
    budget.giveRow(['some text', i])
  }
  assert.throws(() => budget.take('x'.repeat(1000)), /max\.sort\.bytes/)
})

const chain = (n: number, f: (i: number) => string, by: string): string =>
  Array.from({ length: n }, (_, i) => f(i)).join(by)

test('long chains end in rows', async () => {
  const texts: readonly (readonly [string, number])[] = [
    [`SELECT a FROM t WHERE ${chain(2000, (i) => `a <> ${i + 10}`, ' AND ')}`, 10],
    [`SELECT a FROM t WHERE ${chain(2000, (i) => `a = ${i + 195}`, ' OR ')}`, 5],
    [`SELECT ${chain(300, () => 'a', ' + ')} AS s FROM t LIMIT 1`, 1],
    [chain(1000, (i) => `SELECT ${i} AS x FROM __dual`, ' UNION ALL '), 1000],
    [chain(1000, (i) => `SELECT ${i % 7} AS x FROM __dual`, ' UNION '), 7],
    [chain(60, () => 'SELECT a FROM t', ' EXCEPT '), 0],
    [`SELECT count(*) FROM t t0 ${chain(60, (i) => `JOIN t t${i + 1} ON t0.a = t${i + 1}.a`, ' ')}`, 1],
    [`SELECT count(*) FROM t ${chain(200, (i) => `LATERAL [1] AS l${i}`, ' ')}`, 1],
    [`SELECT a FROM t x WHERE ${chain(40, () => 'EXISTS (SELECT * FROM t y WHERE y.a = x.a)', ' AND ')}`, RECORDS],
  ]
  for (const [sql, rows] of texts) assert.deepEqual(await run(sql), { rows, error: '' }, sql.slice(0, 100))
})

test('max.sources, max.pattern.topics, sql.max.set.operations, sql.max.query.depth', async () => {
  const limits: readonly (readonly [string, string])[] = [
    [chain(65, () => 'SELECT a FROM t', ' UNION '), 'more than 64 topics (max.sources)'],
    [
      `SELECT * FROM t WHERE ${chain(65, () => 'a IN (SELECT a FROM t)', ' AND ')}`,
      'more than 64 topics (max.sources)',
    ],
    [chain(202, () => 'SELECT 1 AS x FROM __dual', ' EXCEPT '), 'sql.max.set.operations'],
    [
      Array.from({ length: 65 }).reduce<string>((inner, _, i) => `SELECT a FROM (${inner}) x${i}`, 'SELECT a FROM t'),
      'sql.max.query.depth',
    ],
  ]
  for (const [sql, limit] of limits)
    assert.ok((await run(sql)).error.includes(limit), `${limit}: ${(await run(sql)).error.slice(0, 200)}`)
  assert.match((await run('SELECT * FROM `*`', { 'max.pattern.topics': 1 })).error, /^$/)
  // WITH names double at each step: the topics are counted, not the names.
  const steps = chain(11, (i) => `c${i + 1} AS (SELECT x.a FROM c${i} x JOIN c${i} y ON x.a = y.a)`, ', ')
  assert.match((await run(`WITH c0 AS (SELECT a FROM t), ${steps} SELECT count(*) FROM c11`)).error, /max\.sources/)
})

test('every setting that is a size, a time or a number has a ceiling, and its default is below', () => {
  for (const [name, setting] of Object.entries(SETTINGS)) {
    if (setting.unit === 'boolean' || setting.unit === 'choice' || setting.unit === 'readers') continue
    assert.ok('max' in setting && setting.max >= (setting.fallback ?? 0) && Number.isSafeInteger(setting.max), name)
    assert.throws(() => defaultSettings({ [name]: setting.max + 1 }), /at most|from 0 to/, name)
    assert.equal(defaultSettings({ [name]: setting.max })[name as 'max.size'], setting.max)
  }
})

test('views of views are counted before they are bound: nine levels of four would be 262,144 queries', async () => {
  let asked = 0
  const catalog: Catalog = {
    table: async () => undefined,
    tables: async () => [],
    configuration: async () => [],
    view: async (name) => {
      asked++
      const level = Number(name.slice(1))
      if (!name.startsWith('v')) return undefined
      const below =
        level === 0
          ? 'SELECT 1 AS n'
          : ['a', 'b', 'c', 'd'].map((x) => `(SELECT * FROM v${level - 1} ${x})`).join(' UNION ALL ')
      return `SELECT * FROM (${below}) x`
    },
  }
  const [statement] = parseScript('SELECT * FROM v9')
  assert.ok(statement.kind === 'selectStatement')
  await assert.rejects(
    bindQuery(statement.query, { catalog, defaultLimit: 1 }),
    (e: SqlError) => e.code === 'LIMIT' && e.message.includes('(sql.max.expanded.length)'),
  )
  assert.ok(asked < 2100, `${asked}`)
})

test('the texts that functions make of one row have a limit, wherever the row comes from; each row has all of it', async () => {
  const many = (count: number, text: string) =>
    Array.from({ length: count }, (_, n) => `LEN(REVERSE(LPAD(${text}, 5000000, 'ab'))) AS x${n}`).join(', ')
  const tooMuch = /of one row are longer than 33554432 characters \(sql\.max\.row\.chars\)/
  assert.match((await run(`SELECT ${many(4, 's')} FROM t LIMIT 1`)).error, tooMuch)
  assert.match((await run(`SELECT ${many(4, 'm')} FROM (SELECT max(s) AS m FROM t) x`)).error, tooMuch)
  assert.match((await run(`SELECT ${many(4, 'x.s')} FROM t x JOIN t y ON x.a = y.a LIMIT 1`)).error, tooMuch)
  const where = Array.from({ length: 8 }, (_, n) => `LEN(LPAD(s, 500000${n}, 'ab')) > ${n}`).join(' AND ')
  assert.match((await run(`SELECT a FROM t WHERE ${where} LIMIT 1`)).error, tooMuch)
  assert.deepEqual(await run(`SELECT ${many(3, 's')} FROM t LIMIT 4`), { rows: 4, error: '' })
})

test('an array that holds the one before twice, over and over, ends in the limit of its text', async () => {
  const doubling = (first: string, last: string) =>
    `WITH a0 AS (SELECT ${first} AS x FROM t LIMIT 1), ${Array.from(
      { length: 28 },
      (_, n) => `a${n + 1} AS (SELECT [x, x] AS x FROM a${n})`,
    ).join(', ')} SELECT ${last} FROM a28`
  for (const first of ['s', '1', 'tags'])
    for (const last of ['x', 'SIZEOF(x) AS n', 'DISTINCT x'])
      assert.match((await run(doubling(first, last))).error, /function\.max\.string\.bytes/, `${first}, ${last}`)
})
