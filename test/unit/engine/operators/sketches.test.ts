/** The approximate aggregates keep the errors that their documentation names, and are exact for small groups. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../../../../src/engine/operators/memory.ts'
import { ApproximateDistinct, ApproximateQuantile } from '../../../../src/engine/operators/aggregate/sketches.ts'
import type { Value } from '../../../../src/types.ts'

const budget = (): MemoryBudget => new MemoryBudget('max.collect.bytes', 10_000_000)

const KINDS: readonly { readonly name: string; readonly of: (i: number) => Value }[] = [
  { name: 'whole numbers', of: (i) => i },
  { name: 'texts', of: (i) => `customer-${i}` },
  { name: 'large whole numbers', of: (i) => 10_000_000_000_000_000n + BigInt(i) * 1000n },
  { name: 'fractions', of: (i) => i / 7 },
]

for (const { name, of } of KINDS) {
  test(`different values: ${name}`, () => {
    for (const n of [0, 1, 10, 1024, 1500, 3000, 10_000, 30_000, 100_000]) {
      const sketch = new ApproximateDistinct(budget())
      sketch.grow(1)
      for (let i = 0; i < n; i++) sketch.add(0, of(i))
      for (let i = 0; i < Math.min(n, 5000); i++) sketch.add(0, of(i))
      sketch.add(0, null)
      const found = Number(sketch.result(0))
      // Three standard errors.
      const most = n <= 1024 ? 0 : n * 0.049
      assert.ok(Math.abs(found - n) <= most, `${n}: ${found}`)
    }
  })
}

/** A fixed sequence in [0, 1). */
function* random(seed: number): Generator<number> {
  let s = seed
  for (;;) {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    yield s / 2 ** 32
  }
}

const SHAPES: readonly { readonly name: string; readonly of: (u: number, i: number) => number }[] = [
  { name: 'uniform', of: (u) => u * 1000 },
  { name: 'ascending', of: (_, i) => i },
  { name: 'descending', of: (_, i) => -i },
  { name: 'skewed', of: (u) => (-Math.log(1 - u)) ** 3 },
  { name: 'few values', of: (u) => Math.floor(u * 5) },
]

for (const { name, of } of SHAPES) {
  test(`quantiles: ${name}`, () => {
    for (const n of [1, 2, 1024, 5000, 200_000]) {
      const source = random(n)
      const values = Array.from({ length: n }, (_, i) => of(source.next().value as number, i))
      const sorted = Float64Array.from(values).sort()
      for (const q of [0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 1]) {
        const sketch = new ApproximateQuantile(q, budget())
        sketch.grow(1)
        for (const v of values) sketch.add(0, v)
        const found = Number(sketch.result(0))
        const least = sorted.findIndex((v) => v >= found - 1e-9) / n
        const most = (n - sorted.toReversed().findIndex((v) => v <= found + 1e-9)) / n
        const allowed = n <= 1024 ? 1 / n : 0.01
        assert.ok(
          least - allowed <= q && q <= most + allowed,
          `${n} values, q ${q}: ${found} has rank ${least} to ${most}`,
        )
      }
    }
  })
}

test('a quantile of nothing is NULL, and what is no number does not count', () => {
  const sketch = new ApproximateQuantile(0.5, budget())
  sketch.grow(2)
  for (const v of [null, Number.NaN, 'x', true]) sketch.add(1, v)
  assert.equal(sketch.result(0), null)
  assert.equal(sketch.result(1), null)
  sketch.add(1, 4n)
  sketch.add(1, 5)
  assert.equal(sketch.result(1), 4.5)
})

test('a small budget ends in the documented error', () => {
  const sketch = new ApproximateDistinct(new MemoryBudget('max.collect.bytes', 2000))
  sketch.grow(1)
  assert.throws(() => {
    for (let i = 0; i < 5000; i++) sketch.add(0, i)
  }, /max\.collect\.bytes/)
})
