/**
 * Code for comparisons and IN: as a condition (`compare`, `inList`) and as a value that may be NULL (`compareValue`,
 * `inValue`). Fields are compared with text literals on their bytes, where the references can.
 */
import { type Code, join, js } from '../../../codegen/emitter.ts'
import type { Value } from '../../../types.ts'
import { INVERSE, MIRRORED } from '../../../plan/expressions/compare-op.ts'
import type { CompareOp } from '../../../plan/operators.ts'
import type { Compare, InList, PathRef } from '../../../plan/plan.ts'
import * as run from '../values/comparison.ts'
import { type ExpressionParts, parenthesized } from './code-parts.ts'
import { asciiBytes, byteOrder } from './text-bytes.ts'

/** JavaScript boolean: the comparison, with `op` in place of its own operator, is TRUE. */
export function compare(c: ExpressionParts, e: Compare, op: CompareOp): Code {
  const text = textCompare(c, e, op)
  if (text !== undefined) return text
  if (e.by === 'dynamic') return compareDynamic(c, e, op)
  if (e.by === 'decimal')
    return js`(${c.emitter.constant(run.compareDecimal, 'compareDecimal')}(${op}, ${c.value(e.left)}, ${c.value(e.right)}) === true)`
  const { code: a, test: aTest } = c.operand(e.left)
  const { code: b, test: bTest } = c.operand(e.right)
  const guards = [...aTest, ...bTest]
  if (e.by === 'bytes')
    return parenthesized(
      join([...guards, js`${c.emitter.constant(compareBytes, 'compareBytes')}(${op}, ${a}, ${b})`], ' && '),
    )
  // Numbers may be bigint on one side, so equality is loose; it compares number and bigint by value and exactly.
  return parenthesized(join([...guards, comparison(op, a, b, e.by === 'number')], ' && '))
}

/** A JSON value against a number: numbers are compared in line, anything else by the helper. */
function compareDynamic(c: ExpressionParts, e: Compare, op: CompareOp): Code {
  const helper = c.emitter.constant(run.compareDynamic, 'compare')
  const right = c.value(e.right)
  if (e.right.kind !== 'constant' || typeof e.right.value !== 'number')
    return js`(${helper}(${op}, ${c.value(e.left)}, ${right}) === true)`
  const temp = c.temp()
  return js`(typeof (${temp} = ${c.value(e.left)}) === 'number' ? ${comparison(op, temp, right, true)} : ${helper}(${op}, ${temp}, ${right}) === true)`
}

/** A field against a text literal on the bytes, where the references can. */
function textCompare(c: ExpressionParts, e: Compare, op: CompareOp): Code | undefined {
  const [ref, literal] = e.left.kind === 'path' ? [e.left, e.right] : [e.right, e.left]
  if (ref.kind !== 'path' || literal.kind !== 'constant') return undefined
  if (literal.value === null) return js`false`
  if (typeof literal.value !== 'string') return undefined
  if (op === '=' || op === '!=') return c.references.textEquals?.(ref, literal.value, op === '!=')
  return e.by === 'string' || e.by === 'dynamic'
    ? textOrder(c, ref, e.left === ref ? op : MIRRORED[op], literal.value, e.by)
    : undefined
}

function textOrder(
  c: ExpressionParts,
  ref: PathRef,
  op: CompareOp,
  literal: string,
  by: 'string' | 'dynamic',
): Code | undefined {
  const bytes = ref.type.kind === 'uuid' ? undefined : asciiBytes(literal)
  const slice = bytes === undefined ? undefined : c.references.slice?.(ref)
  if (bytes === undefined || slice === undefined) return undefined
  const { from, to, value } = slice
  const order = js`${c.emitter.constant(byteOrder, 'byteOrder')}(b, ${from}, ${to}, ${c.emitter.constant(bytes, 'literal')})`
  const other =
    by === 'string'
      ? js`${value} !== null && ${comparison(op, value, js`${literal}`, false)}`
      : js`${c.emitter.constant(run.compareDynamic, 'compare')}(${op}, ${value}, ${literal}) === true`
  return js`(${from} >= 0 ? ${comparison(op, order, js`0`, false)} : ${other})`
}

/** JavaScript boolean: the operand is in the list, or with `negated` is not; false for NULL either way. */
export function inList(c: ExpressionParts, e: InList, negated: boolean): Code {
  const items = e.items
  if (items.every((i) => i.kind === 'constant')) {
    const values = items.map((i) => (i as { value: Value }).value)
    const direct = inConstants(c, e, values, negated)
    if (direct !== undefined) return direct
    return js`(${c.emitter.constant(run.membersIn(items, values), 'items')}.in(${c.value(e.operand)}) === ${!negated})`
  }
  return js`(${c.emitter.constant(run.inList, 'inList')}(${c.value(e.operand)}, [${join(
    items.map((i) => c.value(i)),
    ', ',
  )}]) === ${!negated})`
}

function inConstants(c: ExpressionParts, e: InList, values: readonly Value[], negated: boolean): Code | undefined {
  const ref = e.operand
  const simple = values.filter((v) => v !== null)
  if (simple.length === 0 || (negated && simple.length !== values.length)) return js`false`
  const textEquals = c.references.textEquals
  if (
    ref.kind === 'path' &&
    textEquals !== undefined &&
    simple.length <= 8 &&
    simple.every((v) => typeof v === 'string')
  ) {
    const tests = simple.map((v) => textEquals.call(c.references, ref, v as string, negated))
    if (tests.every((t) => t !== undefined)) return parenthesized(join(tests as Code[], negated ? ' && ' : ' || '))
  }
  const uniform =
    (e.by === 'string' && simple.every((v) => typeof v === 'string')) ||
    (e.by === 'number' && simple.every((v) => typeof v === 'number' || typeof v === 'bigint'))
  if (!uniform) return undefined
  const { code, test } = c.operand(e.operand)
  const set = c.emitter.constant(run.membersOf(simple), 'set')
  return parenthesized(join([...test, negated ? js`!${set}.has(${code})` : js`${set}.has(${code})`], ' && '))
}

/** The value of IN: true, false or null. */
export function inValue(c: ExpressionParts, e: InList): Code {
  if (e.operand.kind === 'path' || e.operand.kind === 'slot') {
    if (e.items.every((i) => i.kind === 'constant'))
      return js`(${inList(c, e, e.negated)} ? true : ${inList(c, e, !e.negated)} ? false : null)`
  }
  const constants = e.items.flatMap((i) => (i.kind === 'constant' ? [i.value] : []))
  const is =
    constants.length === e.items.length
      ? js`${c.emitter.constant(run.membersIn(e.items, constants), 'items')}.in(${c.value(e.operand)})`
      : js`${c.emitter.constant(run.inList, 'inList')}(${c.value(e.operand)}, [${join(
          e.items.map((i) => c.value(i)),
          ', ',
        )}])`
  if (!e.negated) return is
  const held = c.temp()
  return js`((${held} = ${is}) === null ? null : !${held})`
}

/** The value of a comparison: true, false or null. */
export function compareValue(c: ExpressionParts, e: Compare): Code {
  const call = (f: unknown, prefix: string): Code =>
    js`${c.emitter.constant(f, prefix)}(${e.op}, ${c.value(e.left)}, ${c.value(e.right)})`
  if (e.by === 'dynamic') return call(run.compareDynamic, 'compare')
  if (e.by === 'decimal') return call(run.compareDecimal, 'compareDecimal')
  const text = textCompare(c, e, e.op)
  if (text !== undefined) return js`(${text} ? true : ${compare(c, e, INVERSE[e.op])} ? false : null)`
  const { code: a, test: aTest } = c.operand(e.left)
  const { code: b, test: bTest } = c.operand(e.right)
  const compared = (op: CompareOp): Code =>
    e.by === 'bytes'
      ? js`${c.emitter.constant(compareBytes, 'compareBytes')}(${op}, ${a}, ${b})`
      : comparison(op, a, b, e.by === 'number')
  // NaN is neither less than a number nor not less.
  const answer = js`(${compared(e.op)} ? true : ${compared(INVERSE[e.op])} ? false : null)`
  const tests = [...aTest, ...bTest]
  return tests.length === 0 ? answer : js`(${join(tests, ' && ')} ? ${answer} : null)`
}

function compareBytes(op: CompareOp, a: Uint8Array, b: Uint8Array): boolean {
  return run.compareDynamic(op, a, b) === true
}

function comparison(op: CompareOp, a: Code, b: Code, loose: boolean): Code {
  switch (op) {
    case '=':
      return loose ? js`${a} == ${b}` : js`${a} === ${b}`
    case '!=':
      return loose ? js`${a} != ${b}` : js`${a} !== ${b}`
    case '<':
      return js`${a} < ${b}`
    case '<=':
      return js`${a} <= ${b}`
    case '>':
      return js`${a} > ${b}`
    case '>=':
      return js`${a} >= ${b}`
  }
}
