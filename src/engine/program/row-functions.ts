/**
 * Functions over rows, compiled by the one evaluator: tests, projections, keys of joins, the step of an aggregation,
 * the text of a row.
 */
import { type Code, Emitter, join, js } from '../../codegen/emitter.ts'
import type { RenderOptions } from '../../formats/format.ts'
import type { Aggregate, BoundExpr, Join, Output, OutputFact } from '../../plan/plan.ts'
import type { DataType, Value } from '../../types.ts'
import { aggregateStep } from './aggregate-code.ts'
import { declare } from './expression/code-parts.ts'
import { ExpressionCompiler } from './expression/expression.ts'
import type { AggregateState } from '../operators/aggregate/aggregate.ts'
import { HELD_BITS, HELD_MASK, type HeldColumn } from '../operators/held-rows.ts'
import type { KeyOf } from '../operators/join/join-table.ts'
import type { Row } from '../operators/operator.ts'
import { OutputCompiler } from './output-code.ts'
import { type EvaluationContext, RowReferences } from './expression/references.ts'
import { metadataTimes } from './record-runtime.ts'
import { canonical } from './values/canonical.ts'

/** What compiled expressions ask for besides the row. */
interface Context {
  readonly functions: EvaluationContext
  readonly render: RenderOptions
}

function rowFunction<T>(context: Context, title: string, make: (compiler: ExpressionCompiler) => Code): T {
  const compiler = new ExpressionCompiler(new Emitter(), new RowReferences(js`row`), context.functions)
  const code = make(compiler)
  return compiler.emitter.build(
    ['row'],
    js`${declare(compiler.temps)}
${code}`,
    title,
  ) as T
}

/** A function that tells whether the predicate is TRUE for a row; slots of the predicate are places in the row. */
export function rowTest(predicate: BoundExpr, context: Context): (row: Row) => boolean {
  return rowFunction(context, 'filter', (c) => js`return ${c.whenTrue(predicate)}`)
}

/** A function that computes the expression from a row. */
export function rowValue(expr: BoundExpr, context: Context): (row: Row) => Value {
  return rowFunction(context, 'value', (c) => js`return ${c.value(expr)}`)
}

/** As `rowValue`, with the marks of whole doubles in its parts where they matter. */
export function rowParts(expr: BoundExpr, context: Context): (row: Row) => Value {
  return rowFunction(context, 'value', (c) => js`return ${c.marked(expr)}`)
}

/** A function that makes a new row of the expressions, with the marks of whole doubles where they matter. */
export function rowProjection(exprs: readonly BoundExpr[], context: Context): (row: Row) => Row {
  return rowFunction(
    context,
    'project',
    (c) =>
      js`return [${join(
        exprs.map((e) => c.marked(e)),
        ', ',
      )}]`,
  )
}

/** A function that adds a row to its group in `state`. */
export function rowAggregate(plan: Aggregate, state: AggregateState, context: Context): (row: Row) => void {
  return rowFunction(context, 'aggregate', (c) => {
    const step = aggregateStep(plan, state, c, undefined)
    return js`${step.before}
${step.code}`
  })
}

/** The members of `data` before `rownum`. */
export function rowText({ shape, facts }: Output, context: Context): (row: Row) => string {
  return rowFunction(context, 'row', (c) => {
    const { key, value } = new OutputCompiler(c, undefined, context.render).shape(shape)
    const metadata =
      facts === undefined
        ? js``
        : js` + ${c.emitter.constant(metadataText, 'metadata')}([${join(facts.map(factText(c, context.render)), ', ')}])`
    if (key === undefined) return js`return '"value":' + (${value})${metadata}`
    return js`const key = ${key}
return (key === null ? '' : '"key":' + key + ',') + '"value":' + (${value})${metadata}`
  })
}

/**
 * Code for a field of the metadata as JSON text: times in full, as in the frames of whole records; null for a schema id
 * that a record does not have.
 */
function factText(c: ExpressionCompiler, render: Context['render']): (fact: OutputFact) => Code {
  return ({ name, expr }) => {
    if (name !== 'timestamp') return js`[${name}, ${c.value(expr)}]`
    return js`[${name}, ${c.emitter.constant(metadataTimes(render), 'times')}.json(${c.value(expr)} ?? -1)]`
  }
}

function metadataText(fields: readonly (readonly [string, string | number | null])[]): string {
  const members = fields
    .filter(([name, value]) => value !== null || !name.endsWith('SchemaId'))
    .map(([name, value]) => `"${name}":${value}`)
  return `,"metadata":{${members.join(',')}}`
}

/**
 * Functions that give the join key of a row of each side (NULL meets nothing), and the rest of the condition, which is
 * tested on joined rows; undefined where there is none.
 */
export function joinKeys(
  plan: Join,
  context: Context,
): { leftKey: KeyOf; rightKey: KeyOf; residual: ((row: Row) => boolean) | undefined } {
  const { keys, residual } = plan
  const key = (side: 'left' | 'right'): KeyOf => {
    if (keys.length === 0) return () => 0
    const types = keys.map((k) => [k.left.type, k.right.type])
    // A single key of plain texts or of small numbers is its own key.
    if (keys.length === 1 && types[0].every(isPlainText))
      return rowFunction(context, 'key', (c) => js`return ${c.value(keys[0][side])}`)
    if (keys.length === 1 && types[0].every((t) => t.kind === 'int'))
      return rowFunction(context, 'key', (c) => js`return ${c.value(keys[0][side])}`)
    if (keys.length === 1) {
      const value = rowValue(keys[0][side], context)
      return (row) => single(value(row))
    }
    const values = rowProjection(
      keys.map((k) => k[side]),
      context,
    )
    return (row) => combined(values(row))
  }
  return {
    leftKey: key('left'),
    rightKey: key('right'),
    residual: residual === undefined ? undefined : rowTest(residual, context),
  }
}

/** Beyond this a joined row is put together by the platform instead of by code of its own. */
const WIDEST = 64

/**
 * A left row and a row of the held columns as one: written out, which is several times as fast as spreading two arrays.
 */
export function joinedRow(
  leftWidth: number,
  rightWidth: number,
): (left: Row, right: readonly HeldColumn[], row: number) => Row {
  if (leftWidth + rightWidth > WIDEST)
    return (left, right, row) => [...left, ...right.map(({ pages }) => pages[row >>> HELD_BITS][row & HELD_MASK])]
  const items = [
    ...Array.from({ length: leftWidth }, (_, i) => js`left[${i}]`),
    ...Array.from({ length: rightWidth }, (_, i) => js`right[${i}].pages[page][at]`),
  ]
  return new Emitter().build<(left: Row, right: readonly HeldColumn[], row: number) => Row>(
    ['left', 'right', 'row'],
    js`const page = row >>> ${HELD_BITS}, at = row & ${HELD_MASK}
return [${join(items, ', ')}]`,
    'joined',
  )
}

/** The two sides of the IN behind a mark join. */
export function markValue(
  plan: Join,
  context: Context,
): { left: (row: Row) => Value; right: (row: Row) => Value } | undefined {
  const value = plan.mark?.value
  return value === undefined
    ? undefined
    : { left: rowValue(value.left, context), right: rowValue(value.right, context) }
}

function isPlainText(t: DataType): boolean {
  return t.kind === 'string' || t.kind === 'uuid'
}

/**
 * Strings and numbers are their own keys; anything else is its canonical text behind a character that keeps it apart
 * from strings.
 */
function single(v: Value): string | number | null {
  if (v === null) return null
  if (typeof v === 'number')
    return Number.isNaN(v) ? null : Math.abs(v) <= Number.MAX_SAFE_INTEGER ? v : `\u0000${canonical(v)}`
  if (typeof v === 'string') return v.charCodeAt(0) === 0 ? `\u0000s${v}` : v
  const text = canonical(v)
  // A decimal may equal a number.
  const n = text.charCodeAt(0) === 110 ? Number(text.slice(1)) : Number.NaN
  return !Number.isNaN(n) && Math.abs(n) <= Number.MAX_SAFE_INTEGER && `n${n}` === text ? n : `\u0000${text}`
}

function combined(values: Row): string | null {
  let key = ''
  for (const v of values) {
    // NULL equals nothing, and neither does NaN.
    if (v === null || Number.isNaN(v)) return null
    const c = canonical(v)
    key += `${c.length}:${c}`
  }
  return key
}
