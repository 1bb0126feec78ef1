/** Code of the per-record (or per-row) step of an aggregation: find the group, feed every accumulator. The states live in `operators/aggregate`. */
import { type Code, js } from '../codegen/emitter.ts'
import type { Aggregate, BoundAggregate, BoundExpr } from '../plan/plan.ts'
import type { ExpressionCompiler } from './expression.ts'
import type { AggregateState } from './operators/aggregate.ts'
import { type Accumulator, Count, doubleSumOf, dynamicSumOf } from './operators/accumulators.ts'
import type { RecordReferences } from './record-access.ts'

export interface AggregateStep {
  /** Declarations in front of the loop. */
  readonly before: Code
  readonly code: Code
}

export function aggregateStep(plan: Aggregate, state: AggregateState, compiler: ExpressionCompiler, references: RecordReferences | undefined): AggregateStep {
  const e = compiler.emitter
  const holder = e.constant(state, 'aggregate')
  const group = e.name('g')
  const find = findGroup(plan, state, compiler, references)
  const before: Code[] = []
  const reload: Code[] = []
  /** A column of numbers as a local variable, taken anew when the columns have grown. */
  const column = (of: Accumulator): Code => {
    const constant = e.constant(of, 'column')
    const local = js`${constant}_data`
    const load = js`${local} = ${constant}.data`
    if (!reload.some((r) => r.text === load.text)) {
      before.push(js`let ${load}`)
      reload.push(load)
    }
    return local
  }
  const steps = plan.aggregates.map((a, i) => {
    const step = feed(a, state.accumulators[i], state.distinct[i], group, compiler, column)
    return a.filter === undefined ? step : js`if (${compiler.whenTrue(a.filter)}) { ${step} }`
  })
  const grow =
    plan.keys.length === 0
      ? js``
      : js`if (${group} >= ${holder}.groups) { ${holder}.grow(${group} + 1)
${reload} }`
  return {
    before: js`${before}`,
    code: js`let ${group} = ${find}
${grow}
${steps}`,
  }
}

function feed(
  a: BoundAggregate,
  accumulator: Accumulator,
  distinct: unknown,
  group: Code,
  compiler: ExpressionCompiler,
  column: (of: Accumulator) => Code,
): Code {
  const e = compiler.emitter
  if (accumulator instanceof Count) return js`${column(accumulator)}[${group}]++`
  const value = a.arg === undefined ? js`null` : compiler.value(a.arg)
  const v = e.name('v')
  if (distinct !== undefined)
    return js`{ const ${v} = ${value}; if (${e.constant(distinct, 'distinct')}.first(${group}, ${v})) ${e.constant(accumulator, a.name)}.add(${group}, ${v}) }`
  const dynamic = dynamicSumOf(accumulator)
  if (dynamic !== undefined) return feedNumbers(column(dynamic), e.constant(dynamic, 'sum'), value, group, v)
  const sum = doubleSumOf(accumulator)
  if (sum === undefined) return js`${e.constant(accumulator, a.name)}.add(${group}, ${value})`
  // Neumaier's sum in line: sum, compensation and count stand side by side.
  const data = column(sum)
  return js`{ const ${v} = ${value}
if (${v} !== null) {
const at = ${group} * 3, s = ${data}[at], t = s + ${v}
${data}[at + 1] += Math.abs(s) >= Math.abs(${v}) ? s - t + ${v} : ${v} - t + s
${data}[at] = t
${data}[at + 2]++
} }`
}

/** A sum of JSON numbers: within ±2^53 in line, all else by a call. */
function feedNumbers(data: Code, sum: Code, value: Code, group: Code, v: Code): Code {
  return js`{ const ${v} = ${value}
if (typeof ${v} === 'number') {
const at = ${group} * 4, s = ${data}[at], t = s + ${v}
if (t <= 9007199254740991 && t >= -9007199254740991) {
${data}[at + 1] += Math.abs(s) >= Math.abs(${v}) ? s - t + ${v} : ${v} - t + s
${data}[at] = t
${data}[at + 2]++
if (${v} !== Math.floor(${v})) ${data}[at + 3] = 1
} else ${sum}.add(${group}, ${v})
} else if (${v} !== null) ${sum}.add(${group}, ${v}) }`
}

function findGroup(plan: Aggregate, state: AggregateState, compiler: ExpressionCompiler, references: RecordReferences | undefined): Code {
  if (plan.keys.length === 0) return js`0`
  const e = compiler.emitter
  const numbers = plan.keys.map((key, i) => findKey(key, e.constant(state.keys[i], 'key'), compiler, references))
  return numbers.slice(1).reduce((code, n, i) => js`${e.constant(state.pairs[i], 'pair')}.find(${code}, ${n})`, numbers[0])
}

function findKey(key: BoundExpr, column: Code, compiler: ExpressionCompiler, references: RecordReferences | undefined): Code {
  const slice = key.kind === 'path' ? references?.slice(key) : undefined
  if (slice !== undefined) return js`${column}.findSlice(b, ${slice.from}, ${slice.to}, ${slice.value})`
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
