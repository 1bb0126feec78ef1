/**
 * Merging partial states: the limits of groups and of what aggregates hold are those of one state, sketches keep their
 * promises, and no step of merging many groups is long.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AggregateState } from '../../../../src/engine/operators/aggregate/aggregate.ts'
import { asWholeDouble } from '../../../../src/engine/program/values/whole-double.ts'
import type { AggregateName } from '../../../../src/plan/operators.ts'
import type { Aggregate, BoundAggregate, BoundExpr } from '../../../../src/plan/plan.ts'
import { DOUBLE, type DataType, JSON_TYPE, LONG, type Value } from '../../../../src/types.ts'

const LIMITS = { groups: 1_000_000, groupBytes: 2 ** 30, collectBytes: 2 ** 30 }
const slot = (index: number): BoundExpr => ({ kind: 'slot', index, name: '', type: JSON_TYPE })

function planOf(keys: number, ...names: (AggregateName | BoundAggregate)[]): Aggregate {
  const aggregates = names.map((of) =>
    typeof of === 'string'
      ? { name: of, arg: slot(keys), limit: 100_000, distinct: false, type: JSON_TYPE, text: of }
      : of,
  )
  return {
    kind: 'aggregate',
    keys: Array.from({ length: keys }, (_, i) => slot(i)),
    aggregates,
  } as unknown as Aggregate
}
const DISTINCT: BoundAggregate = {
  ...{ name: 'count', arg: slot(0), limit: 1, distinct: true },
  ...{ type: JSON_TYPE, text: 'count(distinct x)' },
}

/** A state that has seen values of groups. */
function stateOf(plan: Aggregate, rows: Iterable<readonly [keys: readonly Value[], value: Value]>, limits = LIMITS) {
  const state = new AggregateState(plan, limits)
  for (const [keys, value] of rows) {
    const [first, ...others] = keys.map((key, i) => state.keys[i].findValue(key))
    const g = keys.length === 0 ? 0 : others.reduce((at, id, i) => state.pairs[i].find(at, id), first)
    if (g >= state.groups) state.grow(g + 1)
    for (const [i, a] of state.accumulators.entries()) if (state.distinct[i]?.first(g, value) ?? true) a.add(g, value)
  }
  return state
}
const counted = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i))
const sent = (state: AggregateState) => structuredClone(state.partial())

test('max.group.records holds for the groups of all parts', () => {
  const plan = planOf(1, 'count')
  const limits = { ...LIMITS, groups: 5000 }
  const part = (first: number) =>
    stateOf(
      plan,
      counted(3000, (i) => [[first + i], 1] as const),
      limits,
    )
  const state = part(0)
  state.merge(sent(part(2000)))
  assert.equal(state.groups, 5000)
  assert.throws(() => state.merge(sent(part(2001))), {
    code: 'MEMORY_LIMIT',
    message: 'The query has more than 5,000 groups (max.group.records).',
  })
  const two = planOf(2, 'count')
  const pairs = (second: number) =>
    stateOf(
      two,
      counted(3000, (i) => [[i % 60, i + second], 1] as const),
      limits,
    )
  const merged = pairs(0)
  assert.throws(() => merged.merge(sent(pairs(2500))), { message: /max\.group\.records/ })
})

test('max.group.bytes holds for the keys of all parts', () => {
  const plan = planOf(1, 'count')
  const limits = { ...LIMITS, groupBytes: 1_000_000 }
  const part = (name: string) =>
    stateOf(
      plan,
      counted(10_000, (i) => [[`${name} has a long key with the number ${i}`], 1] as const),
      limits,
    )
  const state = part('one')
  assert.throws(() => state.merge(sent(part('two'))), {
    code: 'MEMORY_LIMIT',
    message: 'The keys of its groups take more than 1,000,000 bytes (max.group.bytes).',
  })
})

for (const of of [
  ...(['collect', 'collect_unique', 'topk', 'maxk', 'approx_count_distinct', 'approx_quantile'] as const),
  DISTINCT,
])
  test(`max.collect.bytes holds for the values of all parts: ${typeof of === 'string' ? of : of.text}`, () => {
    const plan = planOf(0, of)
    // Each part has room of its own; together they do not.
    const part = (first: number, collectBytes: number) =>
      stateOf(
        plan,
        counted(600, (i) => [[], first + i] as const),
        { ...LIMITS, collectBytes },
      )
    const enough = typeof of === 'string' ? 16 * 1000 : 80 * 1000
    const state = part(0, enough)
    assert.throws(() => state.merge(sent(part(600, enough))), { code: 'MEMORY_LIMIT', message: /max\.collect\.bytes/ })
    const roomy = part(0, enough * 2)
    roomy.merge(sent(part(600, enough)))
  })

test('different values: the merged sketch is the sketch of all values', () => {
  const plan = planOf(0, 'approx_count_distinct')
  const of = (from: number, n: number) =>
    stateOf(
      plan,
      counted(n, (i) => [[], `customer-${from + i}`] as const),
    )
  // Both parts exact, one of them, none; apart and overlapping.
  for (const [first, second, from] of [
    [500, 500, 500],
    [500, 500, 200],
    [900, 900, 900],
    [100, 5000, 100],
    [5000, 100, 4950],
    [20_000, 30_000, 20_000],
    [20_000, 30_000, 5000],
    [0, 5000, 0],
    [5000, 0, 0],
  ]) {
    const merged = of(0, first)
    merged.merge(sent(of(from, second)))
    const whole = of(0, Math.max(first, from + second))
    assert.deepEqual(merged.row(0), whole.row(0), `${first} and ${second} from ${from}`)
  }
})

/** A fixed sequence in [0, 1). */
function* random(seed: number): Generator<number> {
  let s = seed
  for (;;) {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    yield s / 2 ** 32
  }
}

const SHAPES: Readonly<Record<string, (u: number, i: number) => number>> = {
  uniform: (u) => u * 1000,
  ascending: (_, i) => i,
  descending: (_, i) => -i,
  skewed: (u) => (-Math.log(1 - u)) ** 3,
  'few values': (u) => Math.floor(u * 5),
}

for (const [name, of] of Object.entries(SHAPES))
  test(`quantiles of merged parts: ${name}`, () => {
    for (const sizes of [[400, 300, 324], [700, 700], [3000, 10, 0, 2000], [10, 50_000], counted(16, () => 5000)]) {
      const n = sizes.reduce((sum, size) => sum + size, 0)
      const source = random(n)
      const values = counted(n, (i) => of(source.next().value as number, i))
      const sorted = Float64Array.from(values).sort()
      for (const q of [0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 1]) {
        const quantile: BoundAggregate = {
          ...{ name: 'approx_quantile', arg: slot(0), limit: 1, quantile: q, distinct: false },
          ...{ type: JSON_TYPE, text: 'q' },
        }
        const plan = planOf(0, quantile)
        const state = new AggregateState(plan, LIMITS)
        let at = 0
        for (const size of sizes) {
          state.merge(
            sent(
              stateOf(
                plan,
                values.slice(at, at + size).map((v) => [[], v] as const),
              ),
            ),
          )
          at += size
        }
        const found = Number(state.row(0)[0])
        const least = sorted.findIndex((v) => v >= found - 1e-9) / n
        const most = (n - sorted.toReversed().findIndex((v) => v <= found + 1e-9)) / n
        const allowed = n <= 1024 ? 1 / n : 0.01
        assert.ok(
          least - allowed <= q && q <= most + allowed,
          `${sizes.join(' + ')} values, q ${q}: ${found} has rank ${least} to ${most}`,
        )
        if (n <= 1024)
          assert.equal(
            found,
            Number(
              stateOf(
                plan,
                values.map((v) => [[], v] as const),
              ).row(0)[0],
            ),
            'exact',
          )
      }
    }
  })

/** SUM and AVG of the values of parts. */
function sums(type: DataType, parts: readonly (readonly Value[])[], doubles = false): readonly Value[] {
  const arg: BoundExpr = { ...slot(0), type }
  const of = (name: AggregateName): BoundAggregate => ({ name, arg, limit: 1, distinct: false, type, text: name })
  const plan = planOf(0, of('sum'), of('avg'))
  const state = new AggregateState(plan, LIMITS, doubles)
  for (const values of parts) {
    const part = new AggregateState(plan, LIMITS, doubles)
    for (const v of values) for (const a of part.accumulators) a.add(0, v)
    state.merge(sent(part))
  }
  return state.row(0)
}

test('sums of whole numbers are exact beyond 2^53', () => {
  const largest = Number.MAX_SAFE_INTEGER
  for (const type of [LONG, JSON_TYPE]) {
    assert.deepEqual(sums(type, [[largest], [largest], [1, 1]]), [2n ** 54n, 2 ** 54 / 4], type.kind)
    assert.deepEqual(sums(type, [[2n ** 63n], [3], [-(2n ** 63n)]]), [3, 1], type.kind)
    assert.deepEqual(sums(type, [[largest, largest], [-largest], [-largest, 5]]), [5, 1], type.kind)
  }
})

test('JSON numbers: one part with a fraction makes a double of the sum, in however many parts', () => {
  assert.deepEqual(sums(JSON_TYPE, [[2 ** 53 - 1], [0.5], [1]]), [2 ** 53, 2 ** 53 / 3])
  assert.deepEqual(sums(JSON_TYPE, [[1], [asWholeDouble(2)]], true), [asWholeDouble(3), 1.5])
  assert.deepEqual(sums(JSON_TYPE, [[asWholeDouble(2)], [1], [asWholeDouble(3)]], true), [asWholeDouble(6), 2])
  const parts = counted(1200, () => [0.5, 0.25])
  assert.deepEqual(sums(JSON_TYPE, parts), [900, 0.375])
})

test('sums of doubles keep what was rounded away in the parts', () => {
  assert.deepEqual(sums(DOUBLE, [[1, 1e100], [1, -1e100], [1]]), [3, 0.6])
  assert.deepEqual(sums(DOUBLE, [[Number.POSITIVE_INFINITY, 1], [1]])[0], Number.POSITIVE_INFINITY)
})

test('a part without groups changes nothing', () => {
  for (const keys of [0, 1, 3]) {
    const plan = planOf(keys, 'count', 'sum', 'last', 'first', 'collect', 'max')
    const state = stateOf(plan, [[counted(keys, (i) => `k${i}`), null]])
    const before = state.row(0)
    state.merge(sent(stateOf(plan, [])))
    assert.equal(state.groups, 1)
    assert.deepEqual(state.row(0), before)
  }
})

test('MAXK_UNIQUE and MINK_UNIQUE have 0 and -0 once, whichever came first', () => {
  const plan = planOf(0, 'maxk_unique', 'mink_unique')
  for (const values of [
    [-0, 0, 1],
    [0, 1, -0],
    [1, 0, -0, 0],
  ])
    assert.deepEqual(
      stateOf(
        plan,
        values.map((v) => [[], v] as const),
      ).row(0),
      [
        [1, 0],
        [-0, 1],
      ],
    )
})

test('merging goes in steps, also where one group has everything', () => {
  const plan = planOf(1, 'count', 'collect_unique', 'topk', DISTINCT)
  const other = stateOf(
    plan,
    counted(50_000, (i) => [['the only group'], i] as const),
  )
  const state = new AggregateState(plan, LIMITS)
  let steps = 0
  for (const _ of state.mergeSteps(sent(other))) steps++
  assert.ok(steps > 3 * 45, `${steps} steps`)
  assert.equal(state.row(0)[1], 50_000)
})

test('states of different plans are not merged', () => {
  const state = new AggregateState(planOf(1, 'count'), LIMITS)
  assert.throws(() => state.merge(sent(new AggregateState(planOf(1, 'count', 'sum'), LIMITS))), /of the same plan/)
})
