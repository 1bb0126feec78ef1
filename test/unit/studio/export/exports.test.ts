import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  exportBody,
  exportText,
  failed,
  fileName,
  heard,
  MAX_EXPORTS,
  without,
  withExport,
} from '../../../../src/studio/export/exports.ts'

test('an export: how far, complete, with what was left out', () => {
  let all = withExport([], 1, 'orders.csv')
  all = heard(all, 1, { id: 'x', state: 'running', bytes: 1_400_000 })
  assert.equal(exportText(all[0]), 'orders.csv · 1.4 MB')
  const outcome = { outcome: 'complete', rows: 12_345, badRecords: 2 } as const
  all = heard(all, 1, { id: 'x', state: 'ended', bytes: 2_000_000, outcome })
  assert.equal(exportText(all[0]), '✓ Complete · orders.csv · 2.0 MB · 12,345 rows · 2 bad records are left out.')
})

test('an export that is not complete says why and what to do', () => {
  const one = withExport([], 1, 'o.parquet')
  const ended = { id: 'x', state: 'ended', bytes: 9 } as const
  const stops = [{ limit: 'max.size', source: 'orders' }]
  assert.match(
    exportText(heard(one, 1, { ...ended, outcome: { outcome: 'limit', rows: 7, stops } })[0]),
    /⚠ Incomplete .* 7 rows · max\.size ended the reading of orders\. Raise it: SET max\.size/,
  )
  assert.match(
    exportText(heard(one, 1, { ...ended, outcome: { outcome: 'error', rows: 7, error: 'It was cancelled.' } })[0]),
    /⚠ Incomplete .*It was cancelled/,
  )
  assert.match(exportText(heard(one, 1, ended)[0]), /✕ Failed .*not whole/)
  assert.match(exportText(heard(one, 1, { ...ended, error: 'Unknown column' })[0]), /✕ Failed .*Unknown column/)
  assert.match(exportText(failed(one, 1, 'away')[0]), /✕ Failed .*away/)
})

test('few are shown; those that run stay', () => {
  let all = withExport([], 0, 'first')
  for (let i = 1; i < MAX_EXPORTS; i++) all = withExport(all, i, `${i}`)
  all = failed(all, 2, 'no')
  all = withExport(all, 9, 'last')
  assert.deepEqual([all.length, all.some(({ id }) => id === 2)], [MAX_EXPORTS, false])
  assert.equal(without(all, 9).length, MAX_EXPORTS - 1)
})

test('what is asked for: Excel is CSV with formulas escaped; the topic names the file', () => {
  assert.deepEqual(exportBody('SELECT 1', 'excel', 'a'), {
    sql: 'SELECT 1',
    name: 'a',
    format: 'csv',
    formulas: 'escape',
  })
  assert.deepEqual(exportBody('SELECT 1', 'arrow', 'a'), { sql: 'SELECT 1', name: 'a', format: 'arrow' })
  assert.deepEqual([fileName('SELECT * FROM `a.b-c` LIMIT 1'), fileName('SELECT 1')], ['a.b-c', 'result'])
})
