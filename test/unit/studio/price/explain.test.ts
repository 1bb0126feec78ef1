/** EXPLAIN's rows as data: the price, what is not pushed down in EXPLAIN's words, the plan as a tree. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explained, planText, priceText, total } from '../../../../src/studio/price/explain.ts'
import { shortBytes } from '../../../../src/studio/explorer/topics.ts'

test('one topic', () => {
  const { plan, prices, notPushed, pushed } = explained([
    'Limit 10',
    '  Project *',
    '    Filter a = 1',
    '      Scan t offsets=[0, 120) paths=value.a',
    'Pushed down: _meta.offset < 120 (exact)',
    'Not pushed down: a = 1 (Kafka has no index on the value)',
    'Reads 1 of 3 partitions, at most 1,234 records, about 14,200,000 bytes.',
  ])
  assert.deepEqual(prices, [{ table: undefined, partitionsRead: 1, partitions: 3, records: 1234, bytes: 14_200_000 }])
  assert.equal(priceText(prices, shortBytes), 'will read 1 of 3 partitions, at most 1,234 records, about 14 MB')
  assert.equal(pushed.length, 1)
  assert.deepEqual(notPushed, ['Not pushed down: a = 1 (Kafka has no index on the value)'])
  assert.equal(plan?.kind, 'Limit')
  assert.equal(plan?.inputs[0].inputs[0].inputs[0].kind, 'Scan')
  assert.equal(planText(plan as NonNullable<typeof plan>).split('\n').length, 4)
})

test('two topics, one of them empty or not estimated', () => {
  const { plan, prices } = explained([
    'Project a',
    '  Inner join on a = b',
    '    Scan a: b',
    '    Scan c',
    'a: b: reads 2 of 2 partitions, at most 5 records, about 100 bytes.',
    'c: reads 0 of 1 partitions, at most 0 records.',
  ])
  assert.deepEqual(
    prices.map(({ table, bytes }) => [table, bytes]),
    [
      ['a: b', 100],
      ['c', undefined],
    ],
  )
  assert.deepEqual(total(prices), { records: 5, bytes: 100 })
  assert.equal(priceText(prices, shortBytes), 'will read 2 of 3 partitions of 2 topics, at most 5 records, about 100 B')
  assert.equal(plan?.inputs[0].inputs.length, 2)
  assert.equal(priceText([], shortBytes), 'reads no records')
  assert.equal(explained([]).plan, undefined)
})
