/** How the ranges of a scan are dealt out to its readers. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { deal, offsetsOf } from '../../../../src/engine/exchange/deal.ts'
import { mergeRanges } from '../../../../src/engine/scan/ending/unread.ts'

const ranges = fc
  .array(fc.record({ partition: fc.nat(5), start: fc.nat(1000), length: fc.integer({ min: 1, max: 5000 }) }), {
    minLength: 1,
  })
  .map((all) => mergeRanges(all.map(({ partition, start, length }) => ({ partition, start, end: start + length }))))

it('every offset is in one share, in order; a partition that is not divisible in one share whole', () => {
  fc.assert(
    fc.property(ranges, fc.integer({ min: 1, max: 9 }), fc.boolean(), (given, readers, divisible) => {
      const shares = deal(given, readers, divisible)
      assert.ok(shares.length >= 1 && shares.length <= readers)
      assert.deepEqual(mergeRanges(shares.flat()), given)
      assert.equal(
        shares.reduce((sum, share) => sum + offsetsOf(share), 0),
        offsetsOf(given),
      )
      for (const share of shares) {
        assert.ok(share.length > 0)
        const sorted = [...share].sort((a, b) => a.partition - b.partition || a.start - b.start)
        assert.deepEqual(share, sorted)
      }
      if (divisible) {
        const even = offsetsOf(given) / readers
        for (const share of shares) assert.ok(offsetsOf(share) <= Math.ceil(even) + 1)
      } else
        for (const partition of new Set(given.map((r) => r.partition)))
          assert.equal(shares.filter((share) => share.some((r) => r.partition === partition)).length, 1)
    }),
  )
})

it('however many readers are asked for, the shares are few', () => {
  const partitions = Array.from({ length: 1000 }, (_, partition) => ({ partition, start: 0, end: 100_000 }))
  for (const divisible of [true, false]) assert.equal(deal(partitions, 1_000_000, divisible).length, 256)
})
