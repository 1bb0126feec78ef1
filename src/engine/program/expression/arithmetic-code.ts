/**
 * Code for arithmetic, on numbers of every kind and on moments. Each operand is compiled once: twice would double the
 * code with every level of nesting.
 */
import { type Code, join, js } from '../../../codegen/emitter.ts'
import { parseDuration } from '../../../functions/support/datemath.ts'
import { SqlError } from '../../../sql/error.ts'
import type { TimeUnit } from '../../../types.ts'
import type { BoundExpr } from '../../../plan/plan.ts'
import * as run from '../values/arithmetic.ts'
import { type ExpressionParts, parenthesized } from './code-parts.ts'

const INTEGER_OPS = {
  '+': run.addInt,
  '-': run.subtractInt,
  '*': run.multiplyInt,
  '/': run.divideInt,
  '%': run.remainderInt,
} as const

/** The value of `+ - * / %`. A text that is no duration, or no literal, added to a moment is a SqlError. */
export function arithmeticCode(c: ExpressionParts, e: Extract<BoundExpr, { kind: 'arithmetic' }>): Code {
  if (e.by === 'date') return dateArithmetic(c, e)
  // Each side is compiled once: twice would be 2ⁿ times for a chain of n operators.
  const sides = (): Code => js`${c.value(e.left)}, ${c.value(e.right)}`
  if (e.by === 'decimal') return js`${c.emitter.constant(run.decimalArithmetic, 'decimal')}(${e.op}, ${sides()})`
  if (e.by === 'dynamic' && c.mayBeMarked(e)) return c.unmarked(c.marked(e))
  if (e.by === 'dynamic') return js`${c.emitter.constant(run.dynamicArithmetic, 'dynamic')}(${e.op}, ${sides()})`
  if (e.by === 'integer') return js`${c.emitter.constant(INTEGER_OPS[e.op], 'int')}(${sides()})`
  if (e.op === '/') return js`${c.emitter.constant(run.divideDouble, 'divide')}(${sides()})`
  if (e.op === '%') return js`${c.emitter.constant(run.remainderDouble, 'remainder')}(${sides()})`
  const x = c.operand(e.left)
  const y = c.operand(e.right)
  const sum =
    e.op === '+' ? js`${x.code} + ${y.code}` : e.op === '-' ? js`${x.code} - ${y.code}` : js`${x.code} * ${y.code}`
  const tests = [...x.test, ...y.test]
  return tests.length === 0 ? parenthesized(sum) : js`(${join(tests, ' && ')} ? ${sum} : null)`
}

function dateArithmetic(c: ExpressionParts, e: Extract<BoundExpr, { kind: 'arithmetic' }>): Code {
  const sign = e.op === '+' ? 1 : -1
  const unit: TimeUnit = e.type.kind === 'timestamp' || e.type.kind === 'time' ? e.type.unit : 'millis'
  const base = c.value(e.left)
  if (e.right.kind === 'constant' && typeof e.right.value === 'string') {
    const duration = parseDuration(e.right.value)
    if (duration === undefined)
      throw new SqlError(
        'VALUE',
        `"${e.right.value}" is not a duration.`,
        e.right.span,
        'Write a number and a unit (y M w d h m s): "90m", "1d 2h".',
      )
    if (e.type.kind === 'time') {
      if (duration.months !== 0)
        throw new SqlError(
          'VALUE',
          `A time of day cannot be moved by "${e.right.value}": months and years are of the calendar.`,
          e.right.span,
          'Use units of fixed length (w d h m s), or a timestamp.',
        )
      return js`${c.emitter.constant(run.shiftTime, 'shiftTime')}(${base}, ${unit}, ${duration.millis}, ${sign})`
    }
    return js`${c.emitter.constant(run.shiftTimestamp, 'shift')}(${base}, ${unit}, ${c.emitter.constant(duration, 'duration')}, ${sign})`
  }
  if (e.right.type.kind === 'string')
    throw new SqlError(
      'UNSUPPORTED',
      'A duration must be a literal text.',
      e.right.span,
      'Write it in place: ts + "1d".',
    )
  const shift = e.type.kind === 'time' ? run.shiftTime : run.shiftMillis
  return js`${c.emitter.constant(shift, 'shiftMillis')}(${base}, ${unit}, ${c.value(e.right)}, ${sign})`
}

/** The value of a unary minus. */
export function negate(c: ExpressionParts, e: Extract<BoundExpr, { kind: 'negate' }>): Code {
  if (e.by === 'double') {
    const x = c.operand(e.operand)
    return js`(${x.test[0] ?? js`true`} ? -${x.code} : null)`
  }
  if (e.by !== 'integer' && c.mayBeMarked(e)) return c.unmarked(c.marked(e))
  return js`${c.emitter.constant(e.by === 'integer' ? run.negateInt : run.dynamicNegate, 'negate')}(${c.value(e.operand)})`
}
