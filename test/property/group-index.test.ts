/**
 * The tables behind GROUP BY and joins against a Map: the same keys get the same numbers in order of first appearance,
 * at any number of keys, and every key can be read back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { groupLimits, KeyColumn, PairIndex } from '../../src/engine/operators/keys/group-index.ts'
import { doublePages, integerPages, SparseIntegers, ValuePages } from '../../src/engine/operators/pages.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import { canonical } from '../../src/engine/program/values/canonical.ts'
import type { Value } from '../../src/types.ts'

const RUNS = { numRuns: 150, seed: 20261121 }
const LIMITS = groupLimits(50_000_000, 2 ** 32)

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '\0'), maxLength: 10 }),
  fc.constantFrom('\ud800', 'x\udc00', '\ufffd', 'longer than eight bytes \ud801'),
)
const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 4, arbitrary: text },
  {
    weight: 4,
    arbitrary: fc.oneof(
      fc.integer(),
      fc.integer({ min: -3, max: 5000 }),
      fc.double(),
      fc.constantFrom(0, -0, 4095, 4096, 2 ** 31, -(2 ** 31), 2 ** 53),
    ),
  },
  fc.constant(null),
  fc.boolean(),
  fc.bigInt({ min: 2n ** 60n, max: 2n ** 60n + 3n }),
  fc.constantFrom(Decimal.fromInteger(7).divide(Decimal.fromInteger(2)), Decimal.fromInteger(10n ** 30n)),
  fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2 }),
)

const same = (v: Value): Value => (Object.is(v, -0) ? 0 : v)

/** A text between other bytes, as it stands in a record; at the very end of its buffer when `behind` is 0. */
function find(column: KeyColumn, v: string, before: number, behind: number): number {
  const bytes = Buffer.from(`${'"'.repeat(before)}${v}${'"'.repeat(behind)}`)
  const at = before
  return column.findSlice(
    bytes,
    new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    at,
    bytes.length - behind,
    null,
  )
}

test(`bytes that are no UTF-8 are the text that they are read as (seed ${RUNS.seed})`, () => {
  const bytes = fc.uint8Array({ maxLength: 14 }).map((b) => Buffer.from(b).map((byte) => (byte < 128 ? 97 : byte)))
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 100 }), (keys) => {
      const column = new KeyColumn(LIMITS)
      const known = new Map<string, number>()
      for (const b of keys) {
        const read = Buffer.from(b).toString()
        if (!known.has(read)) known.set(read, known.size)
        const view = new DataView(b.buffer, b.byteOffset, b.length)
        assert.equal(column.findSlice(b, view, 0, b.length, null), known.get(read))
        assert.equal(column.findText(read), known.get(read))
      }
      assert.deepEqual(
        [...known.keys()],
        Array.from(known, (_, i) => column.value(i)),
      )
    }),
    RUNS,
  )
})

test(`keys of any kind are numbered as by a Map (seed ${RUNS.seed})`, () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(value, fc.nat(9), fc.nat(9), fc.boolean()), { maxLength: 300, size: 'max' }),
      (keys) => {
        const column = new KeyColumn(LIMITS)
        const known = new Map<string, number>()
        const values: Value[] = []
        for (const [v, before, behind, asBytes] of keys) {
          const name = canonical(v)
          if (!known.has(name)) {
            known.set(name, known.size)
            values.push(v)
          }
          const id =
            asBytes && typeof v === 'string' && v.isWellFormed()
              ? find(column, v, before, behind)
              : typeof v === 'number'
                ? column.findNumber(v)
                : column.findValue(v)
          assert.equal(id, known.get(name), name)
        }
        assert.equal(column.size, known.size)
        for (const [i, v] of values.entries()) assert.deepEqual(column.value(i), same(v))
        column.freeze()
        for (const [i, v] of values.entries()) assert.equal(column.findValue(v), i)
        for (const v of ['not there', 'no', 4711.5, 2 ** 40, -77_777, true, null])
          assert.equal(column.findValue(v), known.get(canonical(v)) ?? -1, String(v))
        assert.equal(column.size, known.size)
      },
    ),
    RUNS,
  )
})

const MANY = 300_000
const spread = (i: number): number => Math.imul(i, 0x9e3779b1) >>> 0
const KINDS: Readonly<Record<string, (i: number) => string | number>> = {
  'whole numbers': (i) => i * 7 - 1000,
  'other numbers': (i) => i / 8 + 0.0625,
  'large numbers': (i) => spread(i) * 2 ** 20,
  'tiny texts': (i) => (i % 90_000).toString(36),
  'short texts': (i) => `c${i}`,
  'long texts': (i) => `a customer with the number ${i}`,
  'texts that differ in the middle': (i) =>
    `aaaaaaaa${String.fromCharCode(97 + (i % 26), 97 + ((i / 26) % 26), 97 + ((i / 676) % 26), 97 + ((i / 17576) % 26))}bbbbbbbbbbb`,
}
for (const [kind, make] of Object.entries(KINDS))
  test(`${MANY} keys: ${kind}`, () => {
    const column = new KeyColumn(LIMITS)
    const known = new Map<string | number, number>()
    const names: (string | number)[] = []
    for (let n = 0; n < MANY * 2; n++) {
      const v = make(spread(n) % MANY)
      let expected = known.get(v)
      if (expected === undefined) {
        expected = names.push(v) - 1
        known.set(v, expected)
      }
      const id =
        typeof v === 'number' ? column.findNumber(v) : n % 2 === 0 ? column.findText(v) : find(column, v, n % 5, n % 9)
      if (id !== expected) assert.equal(id, expected, String(v))
    }
    assert.equal(column.size, known.size)
    for (const [i, v] of names.entries()) if (column.value(i) !== v) assert.equal(column.value(i), v)
  })

test('pairs of numbers', () => {
  const pairs = new PairIndex(LIMITS)
  const known = new Map<string, number>()
  const parts: [number, number][] = []
  for (let n = 0; n < MANY; n++) {
    const [a, b] = [spread(n) % 700, spread(n + 7) % 400]
    const name = `${a} ${b}`
    if (!known.has(name)) known.set(name, parts.push([a, b]) - 1)
    const id = pairs.find(a, b)
    if (id !== known.get(name)) assert.equal(id, known.get(name), name)
  }
  for (const [id, [a, b]] of parts.entries()) assert.deepEqual([pairs.first(id), pairs.second(id)], [a, b])
})

test('limits of keys', () => {
  const fill = (column: KeyColumn, make: (i: number) => Value) => () => {
    for (let i = 0; i < 100_000; i++) column.findValue(make(i))
  }
  for (const make of [(i: number) => i, (i: number) => i / 2, (i: number) => `key ${i}`, (i: number) => [i]]) {
    const column = new KeyColumn(groupLimits(20_000, 2 ** 30))
    assert.throws(fill(column, make), {
      code: 'MEMORY_LIMIT',
      message: 'The query has more than 20,000 groups (max.group.records).',
    })
    assert.equal(column.size, 20_000)
    assert.equal(column.findValue(make(0)), 0, 'what is there is still found')
  }
  const pairs = new PairIndex(groupLimits(100, 2 ** 30))
  assert.throws(() => Array.from({ length: 101 }, (_, i) => pairs.find(i, 0)), {
    code: 'MEMORY_LIMIT',
    message: /max\.group\.records/,
  })
  const column = new KeyColumn(groupLimits(1_000_000, 1_000_000))
  assert.throws(
    fill(column, (i) => `a key that is longer than eight bytes ${i}`),
    {
      code: 'MEMORY_LIMIT',
      message: 'The keys of its groups take more than 1,000,000 bytes (max.group.bytes).',
    },
  )
})

test('pages keep what was put in while they grow', () => {
  const [doubles, integers, values, sparse] = [
    doublePages(3),
    integerPages(2),
    new ValuePages<number>(),
    new SparseIntegers(),
  ]
  const COUNT = 40_000
  for (let i = 0; i < COUNT; i++) {
    doubles.grow(i + 1)
    integers.grow(i + 1)
    doubles.page(i)[doubles.at(i) + 2] = i / 2
    integers.page(i)[integers.at(i) + 1] = i
    values.push(i)
    if (i % 9000 === 0) sparse.set(i, i + 1)
  }
  for (let i = 0; i < COUNT; i++) {
    const found = [
      doubles.page(i)[doubles.at(i)],
      doubles.page(i)[doubles.at(i) + 2],
      integers.page(i)[integers.at(i) + 1],
      values.get(i),
      sparse.get(i),
    ]
    if (found.join() !== [0, i / 2, i, i, i % 9000 === 0 ? i + 1 : 0].join()) assert.fail(`${i}: ${found.join()}`)
  }
})
