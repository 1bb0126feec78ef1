/**
 * Time windows: every moment lies in the window that it is given, windows follow each other without gap, and HOP finds
 * exactly the windows that hold a moment.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addDuration } from '../../../src/functions/support/datemath.ts'
import { overlap, parseWindow, windowStart, windowStarts } from '../../../src/functions/library/time/windows.ts'

const SEED = 20_240_305
const moment = fc.integer({ min: Date.parse('1900-01-01'), max: Date.parse('2200-01-01') })
const SIZES = ['1s', '7s', '5m', '1h', '1d', '1w', '2w', '10d', '1M', '3M', '5M', '1y', '1h 30m']
const window = (text: string): NonNullable<ReturnType<typeof parseWindow>> => parseWindow(text) ?? assert.fail(text)

test('a moment lies in its window, and the next window begins where it ends', () => {
  fc.assert(
    fc.property(moment, fc.constantFrom(...SIZES), (ms, text) => {
      const size = window(text)
      const start = windowStart(ms, size)
      const end = addDuration(start, size, 1)
      assert.ok(start <= ms && ms < end, `${text} ${ms} ${start} ${end}`)
      assert.equal(windowStart(end, size), end)
      assert.equal(windowStart(start, size), start)
    }),
    { seed: SEED, numRuns: 2000 },
  )
})

test('HOP finds all windows that hold a moment', () => {
  const pair = fc.constantFrom(['10m', '5m'], ['1h', '7m'], ['1w', '1d'], ['3M', '1M'], ['1y', '5M'], ['5m', '5m'])
  fc.assert(
    fc.property(moment, pair, (ms, [size, slide]) => {
      const [s, d] = [window(size), window(slide)]
      const starts = windowStarts(ms, s, d)
      assert.ok(
        starts.length >= Math.floor(overlap(s, d)) && starts.length <= Math.ceil(overlap(s, d)),
        `${starts.length}`,
      )
      for (const start of starts) assert.ok(start <= ms && ms < addDuration(start, s, 1))
      assert.equal(starts.at(-1), windowStart(ms, d))
      assert.ok(addDuration(addDuration(starts[0], d, -1), s, 1) <= ms)
    }),
    { seed: SEED, numRuns: 1000 },
  )
})

test('alignment', () => {
  const at = (text: string, size: string): string =>
    new Date(windowStart(Date.parse(text), window(size))).toISOString().slice(0, 10)
  assert.equal(at('2024-02-29T12:00:00Z', '1w'), '2024-02-26')
  assert.equal(at('2024-02-29T12:00:00Z', '1M'), '2024-02-01')
  assert.equal(at('2024-02-29T12:00:00Z', '3M'), '2024-01-01')
  assert.equal(at('1969-12-31T12:00:00Z', '1y'), '1969-01-01')
  assert.equal(at('1969-12-31T12:00:00Z', '1d'), '1969-12-31')
  for (const bad of ['', '5', 'm', '0m', '0M', '1M 1d', '-5m']) assert.equal(parseWindow(bad), undefined, bad)
})
