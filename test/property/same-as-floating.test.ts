/** Whole numbers beside floats and doubles: each comes back as it is printed, and none that would come back as another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../../src/lib/decimal.ts'
import { doubleText, floatText, sameAsFloating } from '../../src/lib/text/number-text.ts'

const RUNS = { numRuns: 2000, seed: 20261201 }
const printed = { float: floatText, double: doubleText } as const

/** A printed number without a fraction, as an integer. */
const whole = (text: string): bigint => Decimal.parse(text)?.truncate() ?? assert.fail(text)

for (const kind of ['float', 'double'] as const) {
  const numbers =
    kind === 'double'
      ? fc.double({ noNaN: true, noDefaultInfinity: true })
      : fc.float({ noNaN: true, noDefaultInfinity: true })

  test(`a whole ${kind} is taken as it is printed and as it is`, () => {
    let large = 0
    fc.assert(
      fc.property(numbers.filter(Number.isInteger), (number) => {
        const text = whole(printed[kind](number))
        assert.equal(sameAsFloating(text, kind), number === 0 ? 0 : number)
        assert.equal(sameAsFloating(Decimal.fromInteger(text), kind), number === 0 ? 0 : number)
        assert.equal(sameAsFloating(BigInt(number), kind), number === 0 ? 0 : number)
        if (text !== BigInt(number)) large++
      }),
      RUNS,
    )
    assert.ok(large > RUNS.numRuns / 10, `${large} numbers that are printed with zeros`)
  })

  test(`a whole number that is taken as a ${kind} is printed as it was or is exact`, () => {
    let refused = 0
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (number) => {
        const taken = sameAsFloating(number, kind)
        if (taken === undefined) refused++
        else assert.ok(BigInt(taken) === number || whole(printed[kind](taken)) === number, `${number}`)
      }),
      RUNS,
    )
    assert.ok(refused > RUNS.numRuns / 4, `${refused} refused`)
  })
}
