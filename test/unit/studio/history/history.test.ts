/** The history and saved queries as data; the plan as a tree; a result without rows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  added,
  dayOf,
  type Entry,
  MAX_CHARACTERS,
  MAX_ENTRIES,
  MAX_STATEMENT,
  outcomeText,
  readEntries,
  searched,
} from '../../../../src/studio/history/history.ts'
import { found, ownParameters } from '../../../../src/studio/history/saved.ts'
import { moved, stepText, treeRows } from '../../../../src/studio/plan/tree.ts'
import { explained, likelyBytes } from '../../../../src/studio/price/explain.ts'
import { explainable } from '../../../../src/studio/price/priced.ts'
import { edited } from '../../../../src/studio/price/edits.ts'
import { emptyResult } from '../../../../src/studio/query/empty-result.ts'

const entry = (sql: string, more: Partial<Entry> = {}): Entry => ({
  sql,
  environment: 'demo',
  atMs: 0,
  seconds: 0.25,
  outcome: 'complete',
  rows: 1204,
  ...more,
})

test('newest first; the same again in a row is one', () => {
  const two = added(added([], entry('a')), entry('b'))
  assert.deepEqual(
    two.map(({ sql }) => sql),
    ['b', 'a'],
  )
  assert.equal(added(two, entry('b', { rows: 7 }))[0].rows, 7)
  assert.equal(added(two, entry('b')).length, 2)
  assert.equal(added(two, entry('b', { environment: 'prod' })).length, 3)
  assert.equal(added(two, entry('  ')), two)
})

test('bounded: entries, characters, one statement', () => {
  let all: readonly Entry[] = []
  for (let i = 0; i <= MAX_ENTRIES; i++) all = added(all, entry(`q${i}`))
  assert.equal(all.length, MAX_ENTRIES)
  assert.equal(all.at(-1)?.sql, 'q1')
  let long: readonly Entry[] = []
  for (let i = 0; i < 30; i++) long = added(long, entry(`${i}`.padEnd(MAX_STATEMENT)))
  assert.equal(long.length, MAX_CHARACTERS / MAX_STATEMENT)
  assert.equal(added([], entry('x'.repeat(MAX_STATEMENT + 1))).length, 0)
})

test('searched; read again; told', () => {
  const all = [entry('SELECT a FROM t'), entry('SELECT b FROM u', { outcome: 'failed' })]
  assert.deepEqual(searched(all, 'select ERROR u').length, 0)
  assert.deepEqual(searched(all, 'u failed'), [all[1]])
  assert.deepEqual(readEntries(JSON.stringify([...all, { sql: 1 }, null])), all)
  assert.deepEqual(readEntries('not JSON'), [])
  assert.equal(outcomeText(all[0]), '✓ complete · 1,204 rows · 0.3 s')
  assert.equal(outcomeText(all[1]), '✕ error · 0.3 s')
  const noon = new Date(2026, 0, 15, 12).getTime()
  assert.deepEqual(
    [noon, noon - 86_400_000, noon - 3 * 86_400_000].map((ms) => dayOf(ms, noon)),
    ['Today', 'Yesterday', '2026-01-12'],
  )
})

test('saved queries: own ones first, parameters of the text alone', () => {
  const one = (name: string, mine: boolean) => ({
    name,
    mine,
    owner: 'user a',
    sql: 'SELECT 1',
    parameters: {},
    shared: true,
    savedAt: '',
  })
  assert.deepEqual(
    found([one('b', false), one('c', true), one('a', false)], 'select').map(({ name }) => name),
    ['c', 'a', 'b'],
  )
  assert.deepEqual(ownParameters("SELECT :a, ':b'", { a: '1', b: '2', c: '3' }), { a: '1' })
})

const PLAN = [
  'Limit 10',
  '  Project *',
  '    Inner join on a = b',
  '      Scan orders',
  '      Scan payments',
  'orders: reads 1 of 1 partitions, at most 100 records, about 1,000 bytes.',
  'payments: reads 1 of 1 partitions, at most 100 records, about 1,000 bytes.',
]

test('the plan by keys', () => {
  const root = explained(PLAN).plan
  assert.ok(root !== undefined)
  const rows = treeRows(root)
  assert.deepEqual(
    rows.map(({ path, level }) => `${path} ${level}`),
    ['0 1', '0.0 2', '0.0.0 3', '0.0.0.0 4', '0.0.0.1 4'],
  )
  const keys = ['ArrowDown', 'ArrowRight', 'End', 'ArrowLeft', 'Home', 'ArrowUp']
  let at = '0'
  assert.deepEqual(
    keys.map((key) => (at = moved(rows, at, key) ?? '')),
    ['0.0', '0.0.0', '0.0.0.1', '0.0.0', '0', '0'],
  )
  assert.equal(moved(rows, '0', 'x'), undefined)
  assert.deepEqual(stepText(rows[2].node), { head: 'Inner join', rest: 'on a = b' })
})

test('bytes that a run is likely to read: of the first rows alone where the plan takes them', () => {
  const scan = (...above: string[]) =>
    explained([
      ...above.map((line, i) => '  '.repeat(i) + line),
      'Reads 1 of 1 partitions, at most 1,000,000 records, about 2,000,000,000 bytes.',
    ])
  assert.equal(likelyBytes(scan('Limit 10', 'Project *', 'Scan t')), 20_000)
  assert.equal(likelyBytes(scan('Limit 10', 'Project *', 'Filter a = 1', 'Scan t')), 2_000_000_000)
  assert.equal(likelyBytes(scan('Limit 10', 'Sort a', 'Project *', 'Scan t')), 2_000_000_000)
  assert.equal(
    likelyBytes(
      scan('Limit 10', 'Sort _meta.timestamp DESC', 'Project *', 'Scan t backwards by timestamp until 10 rows'),
    ),
    80_000,
  )
  assert.equal(likelyBytes(explained(PLAN)), 2000)
})

test('what is priced while one types: a SELECT under the caret; not where that would run another query', () => {
  const text = 'SET max.size = 1m; SELECT * FROM t WHERE a = :a'
  assert.deepEqual(explainable(text, text.length, { a: '1' }), {
    sql: 'SET max.size = 1m;\nEXPLAIN SELECT * FROM t WHERE a = 1',
    isFree: true,
  })
  assert.equal(explainable(text, text.length, {}), undefined)
  assert.equal(explainable('SHOW TABLES', 0, {}), undefined)
  assert.equal(explainable('SELECT * FROM (SELECT a FROM t) x', 0, {})?.isFree, true)
  assert.equal(explainable('SELECT * FROM t WHERE a IN (SELECT b FROM u)', 0, {})?.isFree, false)
})

test('a result without rows says what was read, and what to change', () => {
  const stats = {
    duration: 1000,
    recordsScanned: 600_000,
    bytesRead: 14_000_000,
    sourcesStats: { t: { 0: { begin: 0, offsetBound: 599_999, end: 599_999 } } },
  }
  const text = 'SELECT * FROM t WHERE a = \'x\' AND _meta.timestamp >= NOW() - "1h"'
  type State = Parameters<typeof emptyResult>[0]
  const state = { phase: 'complete', rows: 0, stats, badRecords: 0, asked: text } as unknown as State
  const read = 'No rows: 600,000 records of 1 partition (14 MB) were read, and none of them fits.'
  const tried = (of: State, from: string, caret = 3, values = {}) => {
    const empty = emptyResult(of, from, caret, values)
    assert.equal(empty?.read, read)
    return empty?.changes.map(({ label, edits }) => [label, edited(from, edits)])
  }
  assert.deepEqual(tried(state, text), [
    ['All times', "SELECT * FROM t WHERE a = 'x'"],
    ["Without a = 'x'", 'SELECT * FROM t WHERE _meta.timestamp >= NOW() - "1h"'],
  ])
  assert.equal(emptyResult({ ...state, rows: 1 }, text, 3, {}), undefined)
  const asked = 'SELECT * FROM t WHERE a = 5'
  const two = 'SELECT * FROM t WHERE a = :a;\nDELETE FROM t WHERE a = :a'
  assert.deepEqual(tried({ ...state, asked }, two, 3, { a: '5' }), [
    ['Without a = :a', 'SELECT * FROM t;\nDELETE FROM t WHERE a = :a'],
  ])
  // What stands at the caret was not run: all statements were, or the caret stands elsewhere now.
  assert.deepEqual(tried({ ...state, asked: two }, two), [])
  assert.deepEqual(tried({ ...state, asked }, two, two.length, { a: '5' }), [])
})
