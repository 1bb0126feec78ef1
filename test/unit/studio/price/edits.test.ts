/** Time range, newest first and LIMIT: the statement is edited by its tree, and comments stay. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  controlsAt,
  type Edit,
  edited,
  withLimit,
  withNewestFirst,
  withRange,
} from '../../../../src/studio/price/edits.ts'
import { withPlaceholders } from '../../../../src/sql/edit/parameters.ts'
import { parseScript } from '../../../../src/sql/parse.ts'

function apply(text: string, edits: readonly Edit[]): string {
  const result = edited(text, edits)
  parseScript(result)
  return result
}

test('LIMIT: added, changed, taken away', () => {
  const plain = 'SELECT * FROM t -- all\n'
  assert.equal(apply(plain, withLimit(plain, 0, 100)), 'SELECT * FROM t\nLIMIT 100 -- all\n')
  const one = 'SELECT * FROM t ORDER BY a LIMIT 5 OFFSET 2; SELECT 1'
  assert.equal(apply(one, withLimit(one, 3, 7)), 'SELECT * FROM t ORDER BY a LIMIT 7 OFFSET 2; SELECT 1')
  const limited = 'SELECT * FROM t LIMIT 5;'
  assert.equal(apply(limited, withLimit(limited, 3, undefined)), 'SELECT * FROM t;')
  assert.equal(controlsAt(limited, 3)?.limit, 5)
})

test('newest first: added behind WHERE and GROUP, taken away; another order is left alone', () => {
  const plain = "SELECT * FROM t WHERE a = 'ORDER' LIMIT 5"
  const newest = apply(plain, withNewestFirst(plain, 3, true))
  assert.equal(newest, "SELECT * FROM t WHERE a = 'ORDER' ORDER BY _meta.timestamp DESC LIMIT 5")
  assert.equal(controlsAt(newest, 3)?.newestFirst, true)
  assert.equal(apply(newest, withNewestFirst(newest, 3, false)), plain)
  const other = 'SELECT * FROM t ORDER BY a DESC'
  assert.deepEqual(withNewestFirst(other, 3, true), [])
  assert.equal(controlsAt(other, 3)?.canOrder, false)
  assert.equal(controlsAt('SELECT a, count(*) FROM t GROUP BY a', 3)?.canOrder, false)
})

test('time range: a condition of its own, first in WHERE; OR gets brackets', () => {
  const last = { last: '15m' }
  const plain = 'SELECT * FROM t LIMIT 5'
  assert.equal(
    apply(plain, withRange(plain, 3, last)),
    'SELECT * FROM t WHERE _meta.timestamp >= NOW() - "15m" LIMIT 5',
  )
  const or = 'SELECT * FROM t WHERE a = 1 OR b = 2'
  assert.equal(
    apply(or, withRange(or, 3, last)),
    'SELECT * FROM t WHERE _meta.timestamp >= NOW() - "15m" AND (a = 1 OR b = 2)',
  )
  const grouped = 'SELECT a, count(*) FROM t GROUP BY a'
  assert.equal(
    apply(grouped, withRange(grouped, 3, last)),
    'SELECT a, count(*) FROM t WHERE _meta.timestamp >= NOW() - "15m" GROUP BY a',
  )
})

test('time range: replaced, and taken away with its AND', () => {
  const text = `SELECT * FROM t WHERE a = 1 AND _meta.timestamp >= '2026-01-01' AND /* why */ _meta.timestamp < '2026-01-02' AND b = :b`
  assert.deepEqual(controlsAt(text, 3)?.range, { from: '2026-01-01', to: '2026-01-02' })
  const replaced = apply(text.replace(':b', '2'), withRange(text, 3, { last: '1h' }))
  assert.equal(replaced, 'SELECT * FROM t WHERE a = 1 AND _meta.timestamp >= NOW() - "1h" AND b = 2')
  assert.deepEqual(controlsAt(replaced, 3)?.range, { last: '1h' })
  assert.equal(apply(replaced, withRange(replaced, 3, undefined)), 'SELECT * FROM t WHERE a = 1 AND b = 2')
  const only = 'SELECT * FROM t WHERE _meta.timestamp >= NOW() - "1h" LIMIT 1'
  assert.equal(apply(only, withRange(only, 3, undefined)), 'SELECT * FROM t LIMIT 1')
  const first = 'SELECT * FROM t WHERE _meta.timestamp >= NOW() - "1h" AND a = 1'
  assert.equal(apply(first, withRange(first, 3, undefined)), 'SELECT * FROM t WHERE a = 1')
  const both = "SELECT * FROM t WHERE _meta.timestamp >= '2026' AND _meta.timestamp < '2027' AND a = 1"
  assert.equal(apply(both, withRange(both, 3, undefined)), 'SELECT * FROM t WHERE a = 1')
})

test('time range: what is not changed stays as it is written, operators stay', () => {
  const T = 'SELECT * FROM t WHERE '
  const change = (where: string, from: string | undefined, to: string | undefined): string => {
    const text = T + where
    const result = edited(text, withRange(text, 3, { from, to }))
    parseScript(withPlaceholders(result))
    return result.slice(T.length)
  }
  for (const value of [':from', 'NOW()', '1700000000000', '\'2026-01-01\' - "1h"', '(SELECT 1)'])
    for (const op of ['>', '>=', '<', '<=']) {
      const bound = `_meta.timestamp ${op} ${value}`
      const isFrom = op.startsWith('>')
      const range = isFrom ? { from: value, to: undefined } : { from: undefined, to: value }
      assert.deepEqual(controlsAt(T + bound, 3)?.range, range, bound)
      assert.equal(change(bound, range.from, range.to), bound)
      assert.equal(
        change(bound, range.from ?? '2026', range.to ?? '2026'),
        `${bound} AND _meta.timestamp ${isFrom ? '<' : '>='} '2026'`,
      )
      const other = isFrom ? change(bound, '2025', undefined) : change(bound, undefined, '2025')
      assert.equal(other, `_meta.timestamp ${op} '2025'`)
    }
  assert.equal(
    change('a = 1 AND _meta.timestamp > :f /* x */ AND _meta.timestamp <= :t', ':f', '2026'),
    "a = 1 AND _meta.timestamp > :f /* x */ AND _meta.timestamp <= '2026'",
  )
  assert.equal(change('_meta.timestamp <= :t AND a = 1', '2026', undefined), "_meta.timestamp >= '2026' AND a = 1")
  // What is typed: a parameter, milliseconds, what is reckoned from now; the rest is a text.
  for (const typed of [':x', '1700000000000', 'NOW()', 'now() - "2h"'])
    assert.equal(change('a = 1', typed, undefined), `_meta.timestamp >= ${typed} AND a = 1`)
  for (const typed of ['2026', ':x OR 1=1', 'NOW() OR a', "o'clock"])
    assert.match(change('a = 1', typed, undefined), /^_meta\.timestamp >= '.*' AND a = 1$/, typed)
})

test('time range: from now back with an end shows both; another one keeps the operator', () => {
  const text = 'SELECT * FROM t WHERE _meta.timestamp > NOW() - "1h" AND _meta.timestamp < NOW() - "5m"'
  assert.deepEqual(controlsAt(text, 3)?.range, { from: 'NOW() - "1h"', to: 'NOW() - "5m"' })
  assert.equal(
    apply(text, withRange(text, 3, { from: 'NOW() - "1h"', to: undefined })),
    'SELECT * FROM t WHERE _meta.timestamp > NOW() - "1h"',
  )
  assert.equal(apply(text, withRange(text, 3, { last: '6h' })), 'SELECT * FROM t WHERE _meta.timestamp > NOW() - "6h"')
})

test('a comparison with a field is no bound, and stays', () => {
  const text = 'SELECT * FROM t WHERE _meta.timestamp >= created'
  assert.equal(controlsAt(text, 3)?.range, undefined)
  assert.equal(
    apply(text, withRange(text, 3, { last: '1d' })),
    'SELECT * FROM t WHERE _meta.timestamp >= NOW() - "1d" AND _meta.timestamp >= created',
  )
})

test('no controls where no SELECT of a topic stands', () => {
  for (const text of ['', 'SHOW TABLES', 'SELECT 1', 'SELECT * FORM t', 'SELECT a FROM t UNION SELECT b FROM u'])
    assert.equal(controlsAt(text, 0), undefined, text)
  assert.equal(controlsAt('SHOW TABLES; SELECT * FROM t LIMIT 3', 20)?.limit, 3)
})
