/**
 * Aggregation in parts: rows are split, each part is aggregated alone, its state crosses a thread, and the states are
 * merged in order. The groups, their order and every result are those of all rows in one go.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import fc from 'fast-check'
import { AggregateState, groupRows } from '../../src/engine/operators/aggregate/aggregate.ts'
import type { PartialGroups } from '../../src/engine/operators/aggregate/partial.ts'
import type { Row } from '../../src/engine/operators/operator.ts'
import { rowAggregate } from '../../src/engine/program/row-functions.ts'
import { canonical } from '../../src/engine/program/values/canonical.ts'
import { asWholeDouble } from '../../src/engine/program/values/whole-double.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import type { AggregateName } from '../../src/plan/operators.ts'
import type { Aggregate, BoundAggregate, BoundExpr } from '../../src/plan/plan.ts'
import {
  BOOLEAN,
  BYTES,
  type DataType,
  DECIMAL,
  DOUBLE,
  INT,
  JSON_TYPE,
  LONG,
  STRING,
  type Value,
} from '../../src/types.ts'

const RUNS = { numRuns: 200, seed: 20261128 }
const LIMITS = { groups: 1_000_000, groupBytes: 2 ** 30, collectBytes: 2 ** 30 }

const decimal = (text: string): Decimal => {
  const d = Decimal.parse(text)
  assert.ok(d !== undefined)
  return d
}
const texts = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'eight by', 'nine byte', 'ÿ', '\0', '\ud800', 'x\udc00', 'a longer text with \ud801'),
  fc.constantFrom('x'.repeat(5000), 'y'.repeat(300_000), 'ö'.repeat(3000)),
  fc.string({ maxLength: 12 }),
)
const nullable = <T extends Value>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { freq: 6 })
const decimals = fc.constantFrom(
  ...['0', '1', '1.0', '1.5', '1.50', '-2.25', '1e30', '0.000000000000000000001'].map(decimal),
)
/** No order of adding them changes a sum. */
const doubles = fc.oneof(
  fc.integer({ min: -400, max: 400 }).map((n) => n / 4),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)
const longs = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.integer(),
  fc.constantFrom(2 ** 53 - 1, 1 - 2 ** 53, 4095, 4096, -(2 ** 31)),
  fc.constantFrom<Value>(2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
)
const structures = fc.constantFrom<Value>(
  new JsonText('{"a":1,"b":2}'),
  new JsonText('{"b":2, "a":1.0}'),
  new JsonText('[1,2]'),
)
/** Whole numbers, however large. */
const wholes: fc.Arbitrary<Value> = fc.oneof(
  longs,
  fc.constantFrom<Value>(1e17, 10n ** 25n, 1e22, 'text', true),
  structures,
)
/** Numbers whose sums are exact doubles. */
const numbers: fc.Arbitrary<Value> = fc.oneof(
  fc.integer({ min: -400, max: 400 }).map((n) => n / 4),
  fc.constantFrom<Value>(decimal('0.5'), decimal('3.0'), 7, 'text', false),
  fc.integer({ min: -3, max: 3 }).map(asWholeDouble),
  structures,
)
const lists: fc.Arbitrary<Value> = fc.array(fc.oneof(nullable(longs), decimals), { maxLength: 2 })
const maps: fc.Arbitrary<Value> = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), nullable(fc.oneof(texts, decimals, lists))), { maxLength: 3 })
  .map((entries) => new Map<string, Value>(entries))

/** The columns of a row. */
const COLUMNS: readonly { readonly type: DataType; readonly values: fc.Arbitrary<Value> }[] = [
  { type: STRING, values: texts },
  { type: DOUBLE, values: doubles },
  { type: LONG, values: longs },
  { type: DECIMAL, values: decimals },
  { type: JSON_TYPE, values: wholes },
  { type: JSON_TYPE, values: numbers },
  { type: BYTES, values: fc.uint8Array({ maxLength: 3 }) },
  { type: { kind: 'array', element: LONG }, values: lists },
  { type: { kind: 'struct', fields: [] }, values: maps },
  { type: INT, values: fc.integer({ min: 0, max: 3 }) },
  { type: BOOLEAN, values: fc.boolean() },
]
const slot = (index: number): BoundExpr => ({ kind: 'slot', index, name: '', type: COLUMNS[index].type })
const row: fc.Arbitrary<Row> = fc.tuple(...COLUMNS.map(({ values }) => nullable(values)))

const NUMERIC: ReadonlySet<AggregateName> = new Set(['sum', 'avg', 'approx_quantile'])
const NAMES: readonly AggregateName[] = [
  ...['count', 'sum', 'avg', 'min', 'max', 'first', 'last', 'collect', 'collect_unique', 'maxk', 'mink'],
  ...['maxk_unique', 'mink_unique', 'topk', 'bottomk', 'approx_count_distinct', 'approx_quantile'],
] as AggregateName[]

/** One aggregate of a name, over a column of any type that it takes. */
const aggregate = (name: AggregateName): fc.Arbitrary<BoundAggregate> =>
  fc
    .record({
      column: NUMERIC.has(name) ? fc.constantFrom(1, 2, 3, 4, 5, 9) : fc.nat(COLUMNS.length - 1),
      limit: fc.constantFrom(1, 2, 3, 100),
      quantile: fc.constantFrom(0, 0.3, 1),
      distinct: fc.boolean(),
      filtered: fc.boolean(),
    })
    .map(({ column, limit, quantile, distinct, filtered }) => ({
      name,
      arg: slot(column),
      limit,
      quantile,
      distinct,
      filter: filtered ? slot(10) : undefined,
      type: JSON_TYPE,
      text: `${name}(${distinct ? 'distinct ' : ''}${column})`,
    }))
const COUNT_ROWS: BoundAggregate = { name: 'count', limit: 1, distinct: false, type: LONG, text: 'count(*)' }

interface Case {
  readonly keys: readonly number[]
  readonly aggregates: readonly BoundAggregate[]
  readonly rows: readonly Row[]
  readonly cuts: readonly number[]
  /** The statement divides JSON values: whole doubles keep their marks. */
  readonly marks: boolean
}
const cases: fc.Arbitrary<Case> = fc.record({
  // Half of the time groups of many rows.
  keys: fc.oneof(
    fc.constantFrom([], [9], [10], [10, 9]),
    fc.uniqueArray(fc.nat(COLUMNS.length - 1), { minLength: 1, maxLength: 3 }),
  ),
  aggregates: fc.tuple(...[...NAMES, ...NAMES].map(aggregate)).map((a) => [COUNT_ROWS, ...a]),
  rows: fc.array(row, { maxLength: 60, size: 'max' }),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  marks: fc.boolean(),
})

/** An empty state, and what puts a row into it. */
function emptyState(c: Case, limits = LIMITS): { state: AggregateState; take: (row: Row) => void } {
  const plan = { kind: 'aggregate', keys: c.keys.map(slot), aggregates: c.aggregates } as unknown as Aggregate
  const state = new AggregateState(plan, limits, c.marks)
  const context = {
    functions: { nowMs: 0, doubles: c.marks },
    render: { timestamp: true, decimal: undefined, uuid: true },
  }
  return { state, take: rowAggregate(plan, state, context) }
}

function aggregated(c: Case, rows: readonly Row[]): AggregateState {
  const { state, take } = emptyState(c)
  for (const r of c.marks ? rows : rows.map(withoutMarks)) take(r)
  return state
}

const withoutMarks = (r: Row): Row =>
  r.map((v) => (typeof v === 'object' && v !== null && 'n' in v ? (v.n as number) : v))

function parts(c: Case): Row[][] {
  const at = [0, ...c.cuts.map((x) => Math.floor(x * c.rows.length)).sort((x, y) => x - y), c.rows.length]
  return at.slice(1).map((end, i) => c.rows.slice(at[i], end))
}

/** The state as another thread gets it. With `transfer` nothing but values is copied. */
function sent(state: AggregateState, transfer: boolean): PartialGroups {
  const buffers: ArrayBuffer[] = []
  const partial = state.partial(buffers)
  if (!transfer) return structuredClone(partial)
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(partial, buffers)
  const message = receiveMessageOnPort(port2)?.message as PartialGroups
  port1.close()
  assert.ok(buffers.every((b) => b.detached))
  return message
}

const results = (state: AggregateState): Row[] => [...groupRows(state)]

test(`states merged in order are the state of all rows (seed ${RUNS.seed})`, () => {
  fc.assert(
    fc.property(cases, fc.boolean(), (c, transfer) => {
      const expected = results(aggregated(c, c.rows))
      const [first, ...others] = parts(c).map((rows) => aggregated(c, rows))
      for (const other of others) first.merge(sent(other, transfer))
      assert.deepEqual(results(first), expected, 'into the state of the first part')
      const { state: empty } = emptyState(c)
      for (const rows of parts(c)) empty.merge(sent(aggregated(c, rows), transfer))
      assert.deepEqual(results(empty), expected, 'into an empty state')
    }),
    RUNS,
  )
})

test(`merged states are sent on, and take further rows (seed ${RUNS.seed})`, () => {
  fc.assert(
    fc.property(cases, (c) => {
      const expected = results(aggregated(c, c.rows))
      const merged = parts(c).reduceRight((behind, rows) => {
        const state = aggregated(c, rows)
        state.merge(sent(behind, true))
        return state
      }, emptyState(c).state)
      assert.deepEqual(results(merged), expected, 'from the last part to the first')
      const { state, take } = emptyState(c)
      for (const [i, rows] of parts(c).entries()) {
        if (i % 2 === 0) state.merge(sent(aggregated(c, rows), false))
        else for (const r of c.marks ? rows : rows.map(withoutMarks)) take(r)
      }
      assert.deepEqual(results(state), expected, 'states and rows in turn')
    }),
    RUNS,
  )
})

test(`a group of several keys has them as its first row (seed ${RUNS.seed})`, () => {
  const written = [3, 4, 5] as const
  const several = cases.filter(({ keys }) => keys.length > 1 && keys.some((key) => written.some((at) => at === key)))
  fc.assert(
    fc.property(several, (c) => {
      const equal = (a: Row, b: Row): boolean => c.keys.every((key) => canonical(a[key]) === canonical(b[key]))
      const rows = c.marks ? c.rows : c.rows.map(withoutMarks)
      const firsts = rows.filter((r, i) => rows.findIndex((other) => equal(other, r)) === i)
      const merged = emptyState(c).state
      for (const part of parts(c)) merged.merge(sent(aggregated(c, part), true))
      for (const groups of [results(aggregated(c, c.rows)), results(merged)]) {
        assert.equal(groups.length, firsts.length)
        for (const [g, row] of firsts.entries())
          for (const [at, key] of c.keys.entries())
            if (written.some((one) => one === key)) assert.deepEqual(groups[g][at], row[key])
      }
    }),
    RUNS,
  )
})

test(`sums of any doubles differ in their last bits only (seed ${RUNS.seed})`, () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 })
  // Those that take each other away leave what the compensation holds.
  const values = fc.array(fc.oneof(finite, fc.constantFrom(1e100, -1e100, 1e16, -1e16, 1, 0.1)), { maxLength: 50 })
  const aggregates = ([1, 5] as const).flatMap((column) =>
    (['sum', 'avg'] as const).map((name) => ({ ...COUNT_ROWS, name, arg: slot(column), text: name })),
  )
  fc.assert(
    fc.property(values, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }), (numbers, cuts) => {
      const rows = numbers.map((n) => [null, n, null, null, null, n])
      const c: Case = { keys: [], aggregates, rows, cuts, marks: false }
      const [whole] = results(aggregated(c, rows))
      const { state } = emptyState(c)
      for (const part of parts(c)) state.merge(sent(aggregated(c, part), false))
      // Neumaier's bound.
      const rounding = numbers.reduce((sum, n) => sum + Math.abs(n), 0) * (numbers.length + 5) ** 2 * 2 ** -104
      for (const [i, v] of state.row(0).entries()) {
        const [found, expected] = [Number(v), Number(whole[i])]
        const allowed = Math.abs(expected) * 2 ** -51 + rounding
        assert.ok(found === expected || Math.abs(found - expected) <= allowed, `${v}, not ${whole[i]}`)
      }
    }),
    { ...RUNS, numRuns: 1000 },
  )
})
