/** What a scan that reads newest first holds while it runs, beside the rows of the sort. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RowCounter } from '../../../../src/engine/scan/backward.ts'
import { nothingHeld, type Operator } from '../../../../src/engine/operators/operator.ts'

function sink(): Operator & { readonly rows: number } {
  let rows = 0
  return {
    push: () => void rows++,
    finish: nothingHeld,
    done: false,
    full: false,
    get rows() {
      return rows
    },
  }
}

test('the times that are noted stay within twice the wanted rows, however many rows come and in whatever order', () => {
  const orders: [string, (i: number, of: number) => number][] = [
    ['ascending', (i) => i],
    ['descending', (i, of) => of - i],
    ['mixed', (i, of) => (i * 7919) % of],
    ['all alike', () => 5],
  ]
  for (const [name, timeOf] of orders)
    for (const wanted of [1, 10, 1000]) {
      const counter = new RowCounter(sink(), wanted, 1)
      const rows = 50_021
      let most = 0
      for (let i = 0; i < rows; i++) {
        counter.push(['row', timeOf(i, rows)])
        most = Math.max(most, counter.noted)
      }
      assert.ok(most <= 2 * wanted + 256, `${name}, ${wanted} wanted: ${most} noted`)
      const times = Array.from({ length: rows }, (_, i) => timeOf(i, rows)).sort((a, b) => b - a)
      assert.equal(counter.lastTime(), times[wanted - 1], name)
      assert.equal(counter.noted, 0)
    }
})

test('once the last time was asked for, and where rows have no time, nothing is noted; rows are counted', () => {
  const next = sink()
  const counter = new RowCounter(next, 3, 0)
  counter.push([1])
  assert.equal(counter.lastTime(), undefined)
  for (let i = 0; i < 10_000; i++) counter.push([i])
  assert.equal(counter.noted, 0)
  assert.equal(counter.take(), 10_001)
  assert.equal(counter.take(), 0)
  const timeless = new RowCounter(next, 3, -1)
  for (let i = 0; i < 10_000; i++) timeless.push([i])
  assert.equal(timeless.noted, 0)
  assert.equal(next.rows, 20_001)
})
