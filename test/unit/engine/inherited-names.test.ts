/**
 * Names that every JavaScript object has (`constructor`, `__proto__`) wherever a statement may name something: they are
 * names like all others, unknown where nobody gave them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { memoryWorld } from '../../support/memory-world.ts'

const NAMES = ['constructor', '__proto__', 'hasOwnProperty', 'toString', 'valueOf', 'prototype', 'isPrototypeOf']

/** `?` stands for the name. Each is refused with a sentence, where nothing else is said. */
const REFUSED = [
  'SET ? = 1; SELECT 1',
  'SET lenses.sql.settings.? = 1; SELECT 1',
  'SET max.size = ?; SELECT 1',
  'SET max.size = 1?; SELECT 1',
  'SET max.query.time = 1?; SELECT 1',
  'SET isolation.level = ?; SELECT 1',
  'SET query.parallel = ?; SELECT 1',
  'SELECT `?` FROM t',
  'SELECT t.`?` FROM t',
  'SELECT a.`?` FROM t',
  'SELECT _meta.`?` FROM t',
  'SELECT `?`(1)',
  'SELECT `?`(a) FROM t',
  'SELECT `?`()',
  'SELECT * FROM `?`',
  'SELECT `?`.a FROM t',
  'SELECT `?`.* FROM t',
  'SELECT CAST(1 AS `?`)',
  'SELECT CAST(1 AS ?)',
  "SELECT DATE_TRUNC('?', NOW())",
  'SELECT EXTRACT(? FROM NOW())',
  'SELECT NOW() + INTERVAL 1 ?',
  "SELECT CONVERT_TIMEZONE('2024-01-01', '?')",
  'DESCRIBE TABLE `?`',
  'SHOW `?`',
  '? TABLE t',
  'SELECT a FROM t ORDER BY `?`',
  'SELECT a, COUNT(*) FROM t GROUP BY `?`',
  'SELECT a FROM t JOIN t AS u USING (`?`)',
] as const

/** Answers where the name is one that the statement gives, and so means that. */
const GIVEN: readonly (readonly [string, (name: string) => string])[] = [
  ['SELECT 1 AS `?`', (name) => `{"${name}":1}`],
  ['SELECT `?` FROM (SELECT 2 AS `?`) AS d', (name) => `{"${name}":2}`],
  ['WITH `?` AS (SELECT 3 AS x) SELECT x FROM `?`', () => '{"x":3}'],
  ['SELECT `?`.a FROM t AS `?` LIMIT 1', () => '{"a":1}'],
]

const SCHEMA = '{"type":"record","name":"T","fields":[{"name":"a","type":"int"}]}'
const world = memoryWorld([
  {
    name: 't',
    value: { name: 'AVRO', schemas: [SCHEMA] },
    records: [{ partition: 0, timestampMs: 1_700_000_000_000, key: null, value: { json: { a: 1 } } }],
  },
])

async function answer(sql: string): Promise<{ readonly rows: string[]; readonly error: string | undefined }> {
  const rows: string[] = []
  let error: string | undefined
  const sink = {
    send: (frame: string) => {
      const { type, data } = JSON.parse(frame) as { type: string; data: { value?: unknown } | string }
      if (type === 'ERROR') error = String(data)
      if (type === 'RECORD') rows.push(frame.slice(frame.indexOf('"value":') + 8))
    },
    drained: () => undefined,
  }
  const environment = { catalog: world.catalog, log: world.log }
  await runRequest({ sql, live: false }, environment, sink, new AbortController().signal)
  return { rows, error }
}

for (const name of NAMES)
  test(`${name} means what somebody called so, and nothing else`, async () => {
    for (const statement of REFUSED) {
      const sql = statement.replaceAll('?', name)
      // An internal error would reject.
      const { rows, error } = await answer(sql)
      assert.ok(error !== undefined, `${sql} gave ${rows.length} rows: ${rows[0]}`)
      assert.doesNotMatch(error, /native code|\[object|undefined|is not a function|Internal/, sql)
    }
    for (const [statement, expected] of GIVEN) {
      const sql = statement.replaceAll('?', name)
      const { rows, error } = await answer(sql)
      assert.equal(error, undefined, sql)
      assert.ok(rows[0].startsWith(expected(name)), `${sql}: ${rows[0]}`)
    }
  })
