/** How groups of several keys show them, and how much of that is held. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupLimits } from '../../../../src/engine/operators/keys/group-index.ts'
import { Spellings, spelledThere } from '../../../../src/engine/operators/keys/spellings.ts'
import { asWholeDouble } from '../../../../src/engine/program/values/whole-double.ts'
import { Decimal } from '../../../../src/lib/decimal.ts'
import { JsonText } from '../../../../src/lib/json-text.ts'

const spaced = (n: number): JsonText => new JsonText(`{"a":${' '.repeat(n)}1}`)

test('only what is written in another way is held, and it crosses a thread', () => {
  const spellings = new Spellings(groupLimits(100, 10_000))
  spellings.add(0, spaced(0), spaced(0))
  spellings.add(1, new Decimal(15n, 1), new Decimal(15n, 1))
  spellings.add(2, 5, 5)
  assert.equal(spellings.isEmpty, true)
  spellings.add(3, spaced(0), spaced(2))
  spellings.add(4, new Decimal(15n, 1), new Decimal(150n, 2))
  spellings.add(5, 5, asWholeDouble(5))
  spellings.add(6, asWholeDouble(5), 5)
  spellings.add(7, 0, asWholeDouble(-0))
  const there = structuredClone(spellings.partial())
  assert.deepEqual(
    [3, 4, 5, 6, 7, 8].map((group) => spelledThere(there, group)),
    [spaced(2), new Decimal(150n, 2), asWholeDouble(5), 5, asWholeDouble(0), undefined],
  )
})

test('parts of lists and maps are told apart by sign, order and class', () => {
  const spellings = new Spellings(groupLimits(100, 10_000))
  const [one, two] = [new Map([['a', 1]]), new Map([['b', 2]])]
  spellings.add(0, [0], [-0])
  spellings.add(1, [asWholeDouble(0)], [asWholeDouble(-0)])
  spellings.add(2, new Map([...one, ...two]), new Map([...two, ...one]))
  spellings.add(3, new Map(one), new JsonText('{"a":1}'))
  spellings.add(4, [Number.NaN, 0], [Number.NaN, 0])
  spellings.add(5, 0, -0)
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((group) => spellings.get(group)),
    [[-0], [asWholeDouble(-0)], new Map([...two, ...one]), new JsonText('{"a":1}'), undefined, undefined],
  )
})

test('max.group.bytes bounds what is held', () => {
  const spellings = new Spellings(groupLimits(1_000_000, 5_000))
  assert.throws(() => {
    for (let group = 0; group < 1000; group++) spellings.add(group, spaced(0), spaced(100 + group))
  }, /5,000 bytes \(max\.group\.bytes\)/)
  assert.ok(spellings.bytes < 10_000)
})
