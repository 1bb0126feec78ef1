/** "Did you mean": distances, the allowance by length, the order, and the sentence. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { didYouMean, editDistance, suggestions } from '../../../src/lib/suggest.ts'

test('edit distance counts insertions, deletions, replacements and swaps of neighbours', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['form', 'from', 1],
    ['amoun', 'amount', 1],
    ['amounts', 'amount', 1],
    ['cat', 'cut', 1],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
  ]
  for (const [a, b, distance] of cases) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`)
    assert.equal(editDistance(b, a), distance, `${b} ${a}`)
  }
})

test('beyond the limit the distance is not worked out', () => {
  assert.equal(editDistance('kitten', 'sitting', 2), 3)
  assert.equal(editDistance('a', 'abcdef', 2), 3)
})

test('the longer the word, the more slips are forgiven; two letters forgive none', () => {
  assert.deepEqual(suggestions('ax', ['a', 'ab', 'axe']), [])
  assert.deepEqual(suggestions('axe', ['axes', 'axels', 'ax']), ['ax', 'axes'])
  assert.deepEqual(suggestions('currancy', ['currency', 'frequency']), ['currency'])
  assert.deepEqual(suggestions('longtitude_deg', ['longitude_degr', 'azimuth_deg']), ['longitude_degr'])
})

test('letter case does not count, and the word itself is no suggestion', () => {
  assert.deepEqual(suggestions('Amount', ['amount', 'Amount', 'AMOUNTS']), ['amount', 'AMOUNTS'])
})

test('nearest first, then the same first letter, then by name, at most max', () => {
  assert.deepEqual(suggestions('DSC', ['ASC', 'DESC']), ['DESC', 'ASC'])
  assert.deepEqual(suggestions('speed1', ['speed4', 'speed2', 'speed3', 'speed']), ['speed', 'speed2', 'speed3'])
  assert.deepEqual(suggestions('speed1', ['speed4', 'speed2'], 1), ['speed2'])
})

test('the sentence', () => {
  assert.equal(didYouMean('amoun', ['amount', 'currency']), 'Did you mean "amount"?')
  assert.equal(didYouMean('speed1', ['speed2', 'speed3']), 'Did you mean "speed2" or "speed3"?')
  assert.equal(didYouMean('speed1', ['speed2', 'speed3', 'speed4']), 'Did you mean "speed2", "speed3" or "speed4"?')
  assert.equal(didYouMean('zzz', ['amount']), undefined)
  assert.equal(didYouMean('', ['amount']), undefined)
})

test('very long words cost little', () => {
  const started = performance.now()
  suggestions('x'.repeat(1_000_000), ['x'.repeat(999_999), 'y'])
  // Comparing each letter with each takes an hour.
  assert.ok(performance.now() - started < 20_000)
})
