/**
 * Code of the per-record (or per-row) step of an aggregation: find the group, feed every accumulator. The states live
 * in `operators/aggregate`.
 */
import { type Code, js } from '../../codegen/emitter.ts'
import type { Aggregate, BoundAggregate, BoundExpr } from '../../plan/plan.ts'
import { allOf } from '../../plan/expressions/type-parts.ts'
import { isVolatile } from '../../plan/expressions/volatile.ts'
import type { DataType } from '../../types.ts'
import type { ExpressionCompiler } from './expression/expression.ts'
import type { AggregateState } from '../operators/aggregate/aggregate.ts'
import type { Accumulator } from '../operators/aggregate/accumulator.ts'
import { Count, doubleSumOf, dynamicSumOf, FRACTIONS, type NumberState } from '../operators/aggregate/accumulators.ts'
import { PAGE_BITS, PAGE_ENTRIES, PAGE_MASK } from '../operators/pages.ts'
import type { RecordReferences } from './record-access.ts'

export interface AggregateStep {
  /** Declarations in front of the loop. */
  readonly before: Code
  readonly code: Code
}

export function aggregateStep(
  plan: Aggregate,
  state: AggregateState,
  compiler: ExpressionCompiler,
  references: RecordReferences | undefined,
): AggregateStep {
  const e = compiler.emitter
  const holder = e.constant(state, 'aggregate')
  const group = e.name('g')
  const find = findGroup(plan, state, compiler, references)
  const before: Code[] = []
  const reload: Code[] = []
  /**
   * A column of numbers: its first page is a local variable, loaded again when it has grown. Most groups are on that
   * page.
   */
  const column = (of: NumberState): Code => {
    const constant = e.constant(of.state, 'column')
    const first = js`${constant}_first`
    const load = js`${first} = ${constant}.first`
    if (!reload.some((r) => r.text === load.text)) {
      before.push(js`let ${load}`)
      reload.push(load)
    }
    return js`(${group} < ${PAGE_ENTRIES} ? ${first} : ${constant}.pages[${group} >>> ${PAGE_BITS}])`
  }
  const steps = plan.aggregates.map((a, i) => {
    const step = feed(a, state.accumulators[i], state.distinct[i], group, compiler, column)
    return a.filter === undefined ? step : js`if (${compiler.whenTrue(a.filter)}) { ${step} }`
  })
  const grow =
    plan.keys.length === 0
      ? js``
      : js`if (${group} >= ${holder}.groups) { ${holder}.grow(${group} + 1)
${spelled(plan, holder, group, compiler, references)}
${reload} }`
  const note = state.changed === undefined ? js`` : js`${e.constant(state.changed, 'changed')}.add(${group})`
  return {
    before: js`${before}`,
    code: js`let ${group} = ${find}
${grow}
${note}
${steps}`,
  }
}

/** Aggregates whose result is not made of the values that they took. */
const COUNTING: ReadonlySet<BoundAggregate['name']> = new Set(['count', 'approx_count_distinct', 'approx_quantile'])

function feed(
  a: BoundAggregate,
  accumulator: Accumulator,
  distinct: unknown,
  group: Code,
  compiler: ExpressionCompiler,
  column: (of: NumberState) => Code,
): Code {
  const e = compiler.emitter
  if (accumulator instanceof Count) return js`{ const data = ${column(accumulator)}; data[${group} & ${PAGE_MASK}]++ }`
  const value = a.arg === undefined ? js`null` : COUNTING.has(a.name) ? compiler.value(a.arg) : compiler.marked(a.arg)
  const v = e.name('v')
  if (distinct !== undefined)
    return js`{ const ${v} = ${value}; if (${e.constant(distinct, 'distinct')}.first(${group}, ${v})) ${e.constant(accumulator, a.name)}.add(${group}, ${v}) }`
  const dynamic = dynamicSumOf(accumulator)
  if (dynamic !== undefined) return feedNumbers(column(dynamic), e.constant(dynamic, 'sum'), value, group, v)
  const sum = doubleSumOf(accumulator)
  if (sum === undefined) return js`${e.constant(accumulator, a.name)}.add(${group}, ${value})`
  // Neumaier's sum in line: sum, compensation and count stand side by side.
  return js`{ const ${v} = ${value}
if (${v} !== null) {
const data = ${column(sum)}, at = (${group} & ${PAGE_MASK}) * 3, s = data[at], t = s + ${v}
data[at + 1] += Math.abs(s) >= Math.abs(${v}) ? s - t + ${v} : ${v} - t + s
data[at] = t
data[at + 2]++
} }`
}

/** A sum of JSON numbers: within ±2^53 in line, all else by a call. */
function feedNumbers(column: Code, sum: Code, value: Code, group: Code, v: Code): Code {
  return js`{ const ${v} = ${value}
if (typeof ${v} === 'number') {
const data = ${column}, at = (${group} & ${PAGE_MASK}) * 3, s = data[at], t = s + ${v}
if (t <= 9007199254740991 && t >= -9007199254740991) {
data[at + 1] += Math.abs(s) >= Math.abs(${v}) ? s - t + ${v} : ${v} - t + s
data[at] = t
data[at + 2]++
if (${v} !== Math.floor(${v}) && data[at + 2] < ${FRACTIONS}) data[at + 2] += ${FRACTIONS}
} else ${sum}.add(${group}, ${v})
} else if (${v} !== null) ${sum}.add(${group}, ${v}) }`
}

function findGroup(
  plan: Aggregate,
  state: AggregateState,
  compiler: ExpressionCompiler,
  references: RecordReferences | undefined,
): Code {
  if (plan.keys.length === 0) return js`0`
  const e = compiler.emitter
  const numbers = plan.keys.map((key, i) => findKey(key, e.constant(state.keys[i], 'key'), compiler, references))
  return numbers
    .slice(1)
    .reduce((code, n, i) => js`${e.constant(state.pairs[i], 'pair')}.find(${code}, ${n})`, numbers[0])
}

/** A new group shows its keys as this row has them: those that may be written in several ways. */
function spelled(
  plan: Aggregate,
  holder: Code,
  group: Code,
  compiler: ExpressionCompiler,
  references: RecordReferences | undefined,
): Code {
  if (plan.keys.length === 1) return js``
  return js`${plan.keys.map((key, i) => {
    // A volatile key would be another value by now.
    if (isWrittenInOneWay(key) || isVolatile(key)) return js``
    const note = (value: Code): Code => js`${holder}.spell(${group}, ${i}, ${value})`
    if (compiler.mayBeMarked(key)) return note(compiler.marked(key))
    const slice = key.kind === 'path' ? references?.slice(key) : undefined
    return slice === undefined ? note(compiler.value(key)) : js`if (${slice.from} < 0) ${note(slice.value)}`
  })}`
}

/** Maps have an order, and so has JSON; zero has a sign within a list; a field of a schema may set the places of its decimals. */
function isWrittenInOneWay({ kind, type }: BoundExpr): boolean {
  if (type.kind === 'decimal') return kind === 'path' && type.scale !== undefined
  const several: readonly DataType['kind'][] = ['json', 'decimal', 'map', 'float', 'double']
  return type.kind === 'float' || type.kind === 'double' || allOf(type).every((t) => !several.includes(t.kind))
}

function findKey(
  key: BoundExpr,
  column: Code,
  compiler: ExpressionCompiler,
  references: RecordReferences | undefined,
): Code {
  if (compiler.mayBeMarked(key)) return js`${column}.findValue(${compiler.marked(key)})`
  const slice = key.kind === 'path' ? references?.slice(key) : undefined
  if (slice !== undefined) return js`${column}.findSlice(b, view, ${slice.from}, ${slice.to}, ${slice.value})`
  switch (key.type.kind) {
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'date':
    case 'time':
    case 'timestamp':
      return js`${column}.findNumber(${compiler.value(key)})`
    default:
      return js`${column}.findValue(${compiler.value(key)})`
  }
}
