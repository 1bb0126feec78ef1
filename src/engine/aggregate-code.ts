/** Code of the per-record (or per-row) step of an aggregation: find the group, feed every accumulator. The states live in `operators/aggregate`. */
import { type Code, js } from '../codegen/emitter.ts'
import type { Aggregate, BoundExpr } from '../plan/plan.ts'
import type { ExpressionCompiler } from './expression.ts'
import type { AggregateState } from './operators/aggregate.ts'
import { Count } from './operators/accumulators.ts'
import type { RecordReferences } from './record-access.ts'

export function aggregateStep(plan: Aggregate, state: AggregateState, compiler: ExpressionCompiler, references: RecordReferences | undefined): Code {
  const e = compiler.emitter
  const holder = e.constant(state, 'aggregate')
  const group = e.name('g')
  const find = findGroup(plan, state, compiler, references)
  const steps = plan.aggregates.map((a, i) => {
    const accumulator = e.constant(state.accumulators[i], a.name)
    let step: Code
    if (state.accumulators[i] instanceof Count) step = js`${accumulator}.add(${group})`
    else {
      const value = a.arg === undefined ? js`null` : compiler.value(a.arg)
      const filter = state.distinct[i]
      if (filter === undefined) step = js`${accumulator}.add(${group}, ${value})`
      else {
        const v = e.name('v')
        step = js`{ const ${v} = ${value}; if (${e.constant(filter, 'distinct')}.first(${group}, ${v})) ${accumulator}.add(${group}, ${v}) }`
      }
    }
    return a.filter === undefined ? step : js`if (${compiler.whenTrue(a.filter)}) { ${step} }`
  })
  const grow = plan.keys.length === 0 ? js`` : js`if (${group} >= ${holder}.groups) ${holder}.grow(${group} + 1)`
  return js`const ${group} = ${find}
${grow}
${steps}`
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
    case 'int': case 'long': case 'float': case 'double': case 'date': case 'time': case 'timestamp':
      return js`${column}.findNumber(${compiler.value(key)})`
    default:
      return js`${column}.findValue(${compiler.value(key)})`
  }
}
