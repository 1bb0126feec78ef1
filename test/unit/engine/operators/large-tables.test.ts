/**
 * Tables of very many keys or rows: no stretch of work on them keeps the event loop longer than 20 ms of processor
 * time, neither while they grow or are merged nor while they are let out. Counted in processor time of this thread, the
 * collector's included; other processes on the machine do not count.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import type { Aggregate, BoundAggregate, BoundExpr } from '../../../../src/plan/plan.ts'
import { AggregateState, groupRows } from '../../../../src/engine/operators/aggregate/aggregate.ts'
import { JoinOperator } from '../../../../src/engine/operators/join/join.ts'
import { LatestOperator } from '../../../../src/engine/operators/aggregate/latest.ts'
import { MemoryBudget } from '../../../../src/engine/operators/memory.ts'
import { type Operator, pushAll, type Row } from '../../../../src/engine/operators/operator.ts'
import { SetOperator } from '../../../../src/engine/operators/row-operators.ts'
import { SortOperator } from '../../../../src/engine/operators/sort/sort.ts'
import { joinedRow } from '../../../../src/engine/program/row-functions.ts'

const MANY = 400_000
const LIMIT_MS = 20
/** What an operator does is as long in each run; what the machine or the collector adds is not. */
const TRIES = 3
/**
 * Rows that a driver pushes before it looks whether others are to get a turn; the engine takes fewer when they take
 * long.
 */
const STEP = 1024
const GIB = 2 ** 30

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Runs something that yields wherever others could get a turn: the longest stretch, in ms. */
function longest(work: Generator<unknown>): number {
  let worst = 0
  for (let before = cpuMs(); !work.next().done; ) {
    const now = cpuMs()
    worst = Math.max(worst, now - before)
    before = now
  }
  return worst
}

function* pushing(into: Operator, row: (i: number) => Row): Generator<void> {
  for (let i = 0; i < MANY; i++) {
    into.push(row(i))
    if (i % STEP === STEP - 1) yield
  }
  yield
  yield* into.finish()
}

class Counter implements Operator {
  rows = 0
  readonly done = false
  readonly full = false
  push(): void {
    this.rows++
  }
  *finish(): Generator<void> {
    yield
  }
}

const budget = (): MemoryBudget => new MemoryBudget('max.join.bytes', 4 * GIB)
const spread = (i: number): number => (Math.imul(i, 0x9e3779b1) >>> 0) % MANY
const slot = (index: number): BoundExpr => ({ kind: 'slot', index, name: '', type: { kind: 'json' } })
const aggregates = ['count', 'sum', 'avg', 'min', 'last'].map(
  (name, i) => ({ name, arg: i === 0 ? undefined : slot(1), distinct: false }) as BoundAggregate,
)

function emptyState(): AggregateState {
  const plan = { kind: 'aggregate', keys: [slot(0), slot(1)], aggregates } as unknown as Aggregate
  return new AggregateState(plan, { groups: 10_000_000, groupBytes: GIB, collectBytes: 4 * GIB })
}

/** Groups of two keys with every kind of state. */
function* filling(state: AggregateState, key: (i: number) => string | number): Generator<void> {
  for (let i = 0; i < MANY; i++) {
    const g = state.pairs[0].find(state.keys[0].findValue(key(spread(i))), state.keys[1].findNumber(i % 7))
    if (g >= state.groups) state.grow(g + 1)
    for (const a of state.accumulators) a.add(g, i / 3)
    if (i % STEP === STEP - 1) yield
  }
}

/** Groups and their rows. */
function* grouping(key: (i: number) => string | number): Generator<void> {
  const state = emptyState()
  yield* filling(state, key)
  const out = new Counter()
  yield* pushAll(groupRows(state), out)
  assert.equal(out.rows, state.groups)
}

/** Groups of another thread into groups that are there; half of them meet. */
function merging(key: (i: number) => string | number): Generator<void> {
  const [state, other] = [emptyState(), emptyState()]
  for (const _ of filling(state, key));
  for (const _ of filling(other, (i) => key(i + MANY / 2)));
  return state.mergeSteps(structuredClone(other.partial()))
}

function* joining(type: 'inner' | 'full', key: (i: number) => string | number): Generator<void> {
  const out = new Counter()
  const parts = {
    type,
    leftKey: (r: Row) => r[0] as string,
    rightKey: (r: Row) => r[0] as string,
    residual: undefined,
    joined: joinedRow(1, 2),
    leftWidth: 1,
    rightWidth: 2,
  }
  const join = new JoinOperator(parts, budget(), out)
  yield* pushing(join.right, (i) => [key(i), i])
  yield* pushing(join.left, (i) => [key(spread(i) * 2)])
  const met = new Set(Array.from({ length: MANY }, (_, i) => spread(i) * 2).filter((k) => k < MANY))
  assert.ok(met.size > 0 && out.rows > (type === 'full' ? MANY : met.size - 1), `${out.rows} rows`)
}

function* comparing(op: 'union' | 'except'): Generator<void> {
  const out = new Counter()
  const set = new SetOperator(op, false, 2, budget(), out)
  yield* pushing(set.side('right'), (i) => [spread(i) * 2])
  yield* pushing(set.side('left'), (i) => [i])
  assert.ok(out.rows > 0)
}

const CASES: Readonly<Record<string, () => Generator<void>>> = {
  'groups by numbers': () => grouping((i) => i),
  'groups by texts': () => grouping((i) => `a text with number ${i}`),
  'groups by numbers of two threads': () => merging((i) => i),
  'groups by texts of two threads': () => merging((i) => `a text with number ${i}`),
  'an inner join on numbers': () => joining('inner', (i) => i),
  'a full join on texts': () => joining('full', (i) => `key number ${i}`),
  EXCEPT: () => comparing('except'),
  UNION: () => comparing('union'),
  *LATEST() {
    const out = new Counter()
    yield* pushing(new LatestOperator({ key: 0, partition: 1, alive: 2 }, budget(), out), (i) => [
      `key ${spread(i)}`,
      0,
      i % 10 !== 0,
    ])
    assert.ok(out.rows > 0 && out.rows < MANY)
  },
  *'ORDER BY'() {
    const out = new Counter()
    const keys = [{ slot: 1, descending: true, nullsFirst: false }]
    const sort = new SortOperator(keys, Number.POSITIVE_INFINITY, new MemoryBudget('max.sort.bytes', GIB), out)
    yield* pushing(sort, (i) => [`{"n":${i},"text":"row number ${i}"}`, spread(i)])
    assert.equal(out.rows, MANY)
  },
}

// Each case in a process of its own, with the young heap that the server's commands ask for.
const [flag, wanted] = process.argv.slice(2)
if (flag === '--case') console.log(longest(CASES[wanted]()))
else
  for (const name of Object.keys(CASES))
    test(`${name}: ${MANY} keep nobody waiting`, () => {
      const stretches: number[] = []
      do stretches.push(stretchOf(name))
      while (Math.min(...stretches) >= LIMIT_MS && stretches.length < TRIES)
      const least = Math.min(...stretches)
      assert.ok(least < LIMIT_MS, `the event loop was held for ${least.toFixed(1)} ms of processor time`)
    })

function stretchOf(name: string): number {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--max-semi-space-size=8', import.meta.filename, '--case', name],
    { encoding: 'utf8' },
  )
  assert.equal(status, 0, stderr)
  return Number(stdout)
}
