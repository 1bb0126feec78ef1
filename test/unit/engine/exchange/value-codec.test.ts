/** Values and rows of every kind come back from a structured clone as they were, and plain ones are not copied. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeRows, decodeValue, encodeRows, encodeValue } from '../../../../src/engine/exchange/value-codec.ts'
import { asWholeDouble } from '../../../../src/engine/program/values/whole-double.ts'
import { Decimal } from '../../../../src/lib/decimal.ts'
import { JsonText } from '../../../../src/lib/json-text.ts'
import type { Value } from '../../../../src/types.ts'

const RUNS = { numRuns: 500, seed: 20261128 }

const plain: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(null, true, false, -0, Number.NaN, Number.POSITIVE_INFINITY, '', '\ud800', 'x\udc00y', '\0'),
  fc.double(),
  fc.bigInt(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 4 }),
)
const tagged: fc.Arbitrary<Value> = fc.oneof(
  fc.tuple(fc.bigInt(), fc.nat(30)).map(([unscaled, scale]) => new Decimal(unscaled, scale)),
  fc.constantFrom('{}', '[1, 2]', '{"a":"\\ud800"}').map((text) => new JsonText(text)),
  fc.double().map(asWholeDouble),
)
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    plain,
    tagged,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(fc.string(), fc.constantFrom('kind', '__proto__')), tie('value')), { maxLength: 4 })
      .map((entries) => new Map(entries)),
  ),
})).value

test(`a value comes back as it was (seed ${RUNS.seed})`, () => {
  fc.assert(
    fc.property(value, (v) => {
      assert.deepEqual(decodeValue(structuredClone(encodeValue(v))), v)
    }),
    RUNS,
  )
})

test(`rows come back as they were (seed ${RUNS.seed})`, () => {
  const rows = fc.nat(5).chain((width) => fc.array(fc.array(value, { minLength: width, maxLength: width })))
  fc.assert(
    fc.property(rows, (given) => {
      const before = structuredClone(encodeRows(given))
      assert.deepEqual(decodeRows(structuredClone(encodeRows(given))), given)
      assert.deepEqual(encodeRows(given), before, 'and are not changed on the way')
    }),
    RUNS,
  )
})

test('what is plain is not copied', () => {
  const values: Value[] = ['text', 1, 2n, null, [1, ['x', null]], new Map([['a', [1]]]), new Uint8Array(3)]
  for (const v of values) {
    assert.equal(encodeValue(v), v)
    assert.equal(decodeValue(encodeValue(v)), v)
  }
  const { rows, columns } = encodeRows([values, [new Decimal(1n, 0), 1]])
  assert.equal(rows[0], values)
  assert.deepEqual(columns, [0])
})

test('bytes that are a view leave the rest of their buffer behind', () => {
  const bytes = Buffer.from('some bytes in a pool')
  const encoded = encodeValue(bytes.subarray(5, 10))
  assert.ok(encoded instanceof Uint8Array)
  assert.equal(encoded.buffer.byteLength, 5)
  assert.equal(Buffer.from(encoded).toString(), 'bytes')
})

test('an object of another class is a fault', () => {
  assert.throws(() => encodeValue(new Date(0) as unknown as Value), /a value of an unknown class/)
})
