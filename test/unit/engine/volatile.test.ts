/**
 * RANDINT and its like: one value for each row and each place where it is written, and the same value wherever that one
 * place is looked at.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { memoryWorld } from '../../support/memory-world.ts'

const ROWS = 8000
const HALF = '-1073741824 AND 1073741823'
const records = Array.from({ length: ROWS }, (_, i) => ({
  partition: 0,
  timestampMs: 1_700_000_000_000,
  key: null,
  value: { json: { i } },
}))
const world = memoryWorld([
  { name: 't', batch: 2000, value: { name: 'JSON' }, records },
  { name: 'few', value: { name: 'JSON' }, records: records.slice(0, 50) },
])

async function ask(sql: string): Promise<Readonly<Record<string, number>>[]> {
  const rows: Readonly<Record<string, number>>[] = []
  const sink = {
    send: (frame: string) => {
      const { type, data } = JSON.parse(frame) as { type: string; data: { value: Readonly<Record<string, number>> } }
      assert.notEqual(type, 'ERROR', frame)
      if (type === 'RECORD') rows.push(data.value)
    },
    drained: () => undefined,
  }
  await runRequest(
    { sql, live: false },
    { catalog: world.catalog, log: world.log, administration: world.administration },
    sink,
    new AbortController().signal,
  )
  return rows
}

/** Of so many rows a share that chance gives; six standard deviations are never left by chance. */
async function share(sql: string, expected: number): Promise<void> {
  const [{ hits }] = await ask(sql)
  const deviation = Math.sqrt(ROWS * expected * (1 - expected))
  assert.ok(Math.abs(hits - ROWS * expected) < 6 * deviation, `${hits} of ${ROWS}, expected ${ROWS * expected}: ${sql}`)
}

test('BETWEEN looks at one value, whatever stands beside it', async () => {
  for (const condition of [
    `RANDINT() BETWEEN ${HALF}`,
    `i >= 0 AND RANDINT() BETWEEN ${HALF}`,
    `RANDINT() BETWEEN ${HALF} AND i >= 0`,
    `i < 0 OR RANDINT() BETWEEN ${HALF}`,
    `NOT (i < 0 OR RANDINT() NOT BETWEEN ${HALF})`,
    `i >= 0 AND true AND NOT RANDINT() BETWEEN ${HALF}`,
  ]) {
    await share(`SELECT count(*) AS hits FROM t WHERE ${condition}`, 0.5)
    await share(`SELECT count(*) FILTER (WHERE ${condition}) AS hits FROM t`, 0.5)
    await share(`SELECT count(*) FILTER (WHERE b) AS hits FROM (SELECT ${condition} AS b FROM t) x`, 0.5)
    await share(
      `SELECT count(*) AS hits FROM t a JOIN t b ON a.i = b.i WHERE ${condition.replaceAll('i ', 'a.i ')} AND a.i <= b.i`,
      0.5,
    )
  }
})

test('each place has a value of its own', async () => {
  await share('SELECT count(*) AS hits FROM t WHERE RANDINT() > 0 AND RANDINT() <= 0', 0.25)
  await share(`SELECT count(*) AS hits FROM t WHERE RANDINT() BETWEEN ${HALF} AND RANDINT() BETWEEN ${HALF}`, 0.25)
  await share('SELECT count(*) AS hits FROM t WHERE RANDINT() BETWEEN 0 AND RANDINT()', 0.125)
  for (const rows of [
    'SELECT RANDINT() AS a, RANDINT() AS b FROM t',
    `SELECT RANDINT() AS a, RANDINT() AS b FROM t ORDER BY a LIMIT ${ROWS}`,
    'SELECT RANDINT() AS a, RANDINT() AS b FROM t GROUP BY a, b',
    'SELECT RANDINT() AS a, RANDINT() AS b FROM t GROUP BY 1, 2',
    `SELECT DISTINCT RANDINT() AS a, RANDINT() AS b FROM t ORDER BY b LIMIT ${ROWS}`,
  ]) {
    const [{ different }] = await ask(`SELECT count(*) FILTER (WHERE a <> b) AS different FROM (${rows}) x`)
    assert.ok(different > ROWS - 5, `${different}: ${rows}`)
  }
  const [{ same }] = await ask('SELECT SUM(RANDINT()) = SUM(RANDINT()) AS same FROM t')
  assert.equal(same, false)
})

test('GROUP BY and ORDER BY mean the column that is written like them, the first one of several', async () => {
  const groups = await ask('SELECT RANDINT() % 3 AS r, count(*) AS n FROM t GROUP BY RANDINT() % 3')
  assert.deepEqual(
    groups.map((row) => row.r).sort((a, b) => a - b),
    [-2, -1, 0, 1, 2],
  )
  assert.equal(
    groups.reduce((sum, row) => sum + row.n, 0),
    ROWS,
  )
  const isSorted = (values: readonly number[]): boolean => values.every((v, i) => i === 0 || values[i - 1] <= v)
  const sql = (by: string): string =>
    `SELECT RANDINT() % 100 AS a, RANDINT() % 100 AS b FROM t ORDER BY ${by} LIMIT 200`
  for (const [by, sorted, other] of [
    ['RANDINT() % 100', 'a', 'b'],
    ['a', 'a', 'b'],
    ['b', 'b', 'a'],
    ['2', 'b', 'a'],
  ] as const) {
    const rows = await ask(sql(by))
    assert.ok(isSorted(rows.map((row) => row[sorted])), `${by}: sorted by ${sorted}`)
    assert.ok(!isSorted(rows.map((row) => row[other])), `${by}: and not by ${other}`)
  }
})

test('a WITH query has one set of rows, wherever it is named; a derived table and a view have their own in each place', async () => {
  for (const column of [
    'RANDINT()',
    'UUID()',
    'CASE WHEN i < 0 THEN 0 ELSE RANDINT() END',
    '(SELECT RANDINT() FROM __dual)',
    'CONCAT(UUID(), i)',
  ]) {
    const w = `WITH w AS (SELECT i, ${column} AS r FROM few)`
    for (const same of [
      'FROM w a JOIN w b ON a.i = b.i WHERE a.r = b.r',
      'FROM w a JOIN w b ON a.i = b.i AND a.r = b.r',
      'FROM w a, w b WHERE a.i = b.i AND b.r = a.r',
      'FROM w a LEFT JOIN (SELECT i, r FROM w WHERE i >= 0) b ON a.i = b.i WHERE b.r = a.r',
      'FROM w a WHERE a.r = (SELECT b.r FROM w b WHERE b.i = a.i)',
      'FROM w a WHERE EXISTS (SELECT 1 FROM w b WHERE b.i <= a.i AND b.r = a.r AND b.i = a.i)',
      'FROM w WHERE r IN (SELECT r FROM w)',
      'FROM (SELECT i, r FROM w INTERSECT SELECT i, r FROM w) x',
      'FROM (SELECT i, r FROM w UNION SELECT i, r FROM w) x',
      'FROM (SELECT * FROM w ORDER BY r LIMIT 50) a JOIN w b ON a.i = b.i AND a.r = b.r',
    ])
      assert.deepEqual(await ask(`${w} SELECT count(*) AS n ${same}`), [{ n: 50 }], `${column} ${same}`)
    const nested = `${w}, v AS (SELECT i, r FROM w), u AS (SELECT v.i, v.r FROM v JOIN w ON v.r = w.r AND v.i = w.i)`
    assert.deepEqual(
      await ask(
        `${nested} SELECT count(*) AS n FROM u a JOIN u b ON a.i = b.i AND a.r = b.r JOIN v ON v.i = a.i AND v.r = a.r`,
      ),
      [{ n: 50 }],
    )
  }
  const rows = 'SELECT i, UUID() AS r FROM few'
  await ask(`CREATE VIEW volatile_rows AS ${rows}`)
  for (const source of [`(${rows})`, 'volatile_rows'])
    assert.deepEqual(await ask(`SELECT count(*) AS n FROM ${source} a JOIN ${source} b ON a.i = b.i AND a.r = b.r`), [
      { n: 0 },
    ])
})

test('the rows that a WITH query keeps for several places have a limit', async () => {
  const sql =
    'SET max.join.bytes = 2000; WITH w AS (SELECT i, RANDINT() AS r FROM t) SELECT count(*) AS n FROM w a WHERE a.r IN (SELECT r FROM w)'
  await assert.rejects(ask(sql), /max\.join\.bytes/)
})
