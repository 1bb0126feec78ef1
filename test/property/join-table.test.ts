/**
 * The table of a join against a Map of lists: rows of a key in the order in which they came, whatever their columns
 * hold, over any number of pages.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HELD_BITS, HELD_MASK, HeldRows } from '../../src/engine/operators/held-rows.ts'
import { JoinTable } from '../../src/engine/operators/join/join-table.ts'
import { joinedRow } from '../../src/engine/program/row-functions.ts'
import type { Value } from '../../src/types.ts'

const RUNS = { numRuns: 100, seed: 20261121 }
const PAGE = 1 << HELD_BITS

const key = fc.oneof(
  fc.integer({ min: 0, max: 30 }),
  fc.double({ noNaN: true }),
  fc.string({ maxLength: 3 }),
  fc.constantFrom('1', 1, 'a longer key of a row', '\ud800'),
)

function check(rows: readonly (readonly [string | number, Value])[]): void {
  const table = new JoinTable(2)
  const known = new Map<string | number, number[]>()
  for (const [i, [k, v]] of rows.entries()) {
    table.hold(k, [v, i])
    const list = known.get(k)
    if (list === undefined) known.set(k, [i])
    else list.push(i)
  }
  table.freeze()
  const joined = joinedRow(1, 2)
  for (const [k, list] of known) {
    const found: number[] = []
    for (let r = table.find(k); r >= 0; r = table.next(r)) found.push(r)
    assert.deepEqual(found, list)
    for (const r of found) assert.deepEqual(joined(['left'], table.rows.columns, r), ['left', rows[r][1], r])
  }
  for (const k of ['nobody', 'nobody has this key', 31.5, 2 ** 40, -1_000_000]) assert.equal(table.find(k), -1)
  assert.deepEqual([...table.inOrder()], [...known.values()].flat())
}

test(`rows by key (seed ${RUNS.seed})`, () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null))
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 400, size: 'max' }), (rows) =>
      check(rows.map(([k, v]) => [Object.is(k, -0) ? 0 : k, v])),
    ),
    RUNS,
  )
})

test('many rows: one key, a key each, and duplicates that come late', () => {
  const COUNT = 30_000
  const make = (keyOf: (i: number) => string | number): (readonly [string | number, Value])[] =>
    Array.from({ length: COUNT }, (_, i) => [keyOf(i), i])
  check(make(() => 0))
  check(make((i) => i * 3))
  check(make((i) => `key ${i}`))
  check(make((i) => (i < 20_000 ? `key ${i}` : `key ${i % 15_000}`)))
})

const COLUMNS: Readonly<Record<string, (i: number) => Value>> = {
  'whole numbers': (i) => i - 5000,
  'whole numbers and -0': (i) => (i === 77 ? -0 : i),
  doubles: (i) => i / 3,
  'NaN and the infinite': (i) => [Number.NaN, Number.POSITIVE_INFINITY, i][i % 3],
  'large numbers': (i) => 2 ** 31 + i,
  'numbers and NULL': (i) => (i % 1000 === 3 ? null : i),
  texts: (i) => `text ${i}`,
  booleans: (i) => i % 2 === 0,
  'all kinds': (i) => [i, null, `t${i}`, true, 12n, i / 2][i % 6],
}
for (const [name, make] of Object.entries(COLUMNS))
  test(`held rows give back ${name}`, () => {
    const rows = new HeldRows(2)
    const COUNT = PAGE * 2 + 100
    for (let i = 0; i < COUNT; i++) assert.equal(rows.add([make(i), null]), i)
    for (let i = 0; i < COUNT; i++) {
      const found = rows.row(i)
      if (!Object.is(found[0], make(i)) || found[1] !== null) assert.deepEqual(found, [make(i), null])
      assert.ok(Object.is(rows.columns[0].pages[i >>> HELD_BITS][i & HELD_MASK], found[0]))
    }
  })
