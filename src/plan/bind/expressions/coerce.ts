/**
 * The typing rules of operators, in one place: what may be compared with what and how, what arithmetic gives, how
 * branches of unlike type meet. Works on bound expressions and types; no names, no records.
 */
import { castValue } from '../../../functions/support/cast.ts'
import { ValueError } from '../../../functions/function.ts'
import { Decimal } from '../../../lib/decimal.ts'
import type { Span } from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import {
  BOOLEAN,
  type DataType,
  DECIMAL,
  DOUBLE,
  JSON_TYPE,
  LONG,
  NULL_TYPE,
  STRING,
  type TimeUnit,
  typeName,
} from '../../../types.ts'
import type { ArithmeticOp, CompareBy, CompareOp } from '../../operators.ts'
import type { BoundExpr, Compare, Constant } from '../../plan.ts'

const RANK: Readonly<Record<string, number>> = { int: 1, long: 2, decimal: 3, float: 4, double: 5 }
const UNIT_RANK: Readonly<Record<TimeUnit, number>> = { millis: 1, micros: 2, nanos: 3 }

export function isNumeric(type: DataType): boolean {
  return RANK[type.kind] !== undefined
}
export function isInteger(type: DataType): boolean {
  return type.kind === 'int' || type.kind === 'long'
}
export function isDatetime(type: DataType): boolean {
  return type.kind === 'timestamp' || type.kind === 'date'
}
export function isText(type: DataType): boolean {
  return type.kind === 'string' || type.kind === 'uuid'
}

/** A type as a message names it: `a string`, `an int`. */
export function aType(type: DataType): string {
  const name = typeName(type)
  return /^[aeio]/.test(name) ? `an ${name}` : `a ${name}`
}

/** Whether two types have the same values, units and fields. */
export function sameType(a: DataType, b: DataType): boolean {
  if (a === b) return true
  if (a.kind !== b.kind) return false
  switch (a.kind) {
    case 'array':
      return sameType(a.element, (b as typeof a).element)
    case 'map':
      return sameType(a.value, (b as typeof a).value)
    case 'timestamp':
    case 'time':
      return a.unit === (b as typeof a).unit
    case 'struct':
      return false
    default:
      return true
  }
}

/** Wraps in an implicit cast, or converts at once when constant. */
export function convert(expr: BoundExpr, to: DataType): BoundExpr {
  if (sameType(expr.type, to)) return expr
  if (expr.kind === 'constant') {
    if (expr.value === null) return { ...expr, type: to }
    if (to.kind === 'decimal' && expr.text !== undefined) {
      const exact = Decimal.parse(expr.text)
      if (exact !== undefined) return { ...expr, value: exact, type: to }
    }
    try {
      const value = castValue(expr.value, expr.type, to)
      const made: Constant = { kind: 'constant', value, type: to, span: expr.span }
      // What lies between two moments has no way to be written but the one that it came in.
      return isBetween(to) && !isWhole(made) ? { ...made, text: expr.text ?? `'${String(expr.value)}'` } : made
    } catch (e) {
      if (e instanceof ValueError) throw new SqlError('TYPE', e.message, expr.span)
      throw e
    }
  }
  return { kind: 'cast', operand: expr, type: to, implicit: true, span: expr.span }
}

/** The type in which two numbers meet. */
export function widest(a: DataType, b: DataType): DataType {
  if (a.kind === 'decimal' && (b.kind === 'float' || b.kind === 'double')) return DOUBLE
  if (b.kind === 'decimal' && (a.kind === 'float' || a.kind === 'double')) return DOUBLE
  const wider = RANK[a.kind] >= RANK[b.kind] ? a : b
  return wider.kind === 'decimal' ? DECIMAL : wider
}

/** The common type of CASE branches, array items and the like; json when they are unlike. */
export function unify(types: readonly DataType[]): DataType {
  let common: DataType = NULL_TYPE
  for (const t of types) {
    if (t.kind === 'null') continue
    if (common.kind === 'null') common = t
    else if (sameType(common, t)) continue
    else if (isNumeric(common) && isNumeric(t)) common = widest(common, t)
    else if (isDatetime(common) && isDatetime(t)) common = finer(common, t)
    else if (common.kind === 'time' && t.kind === 'time') common = finer(common, t)
    else common = JSON_TYPE
  }
  return common
}

function finer(a: DataType, b: DataType): DataType {
  if (a.kind === 'date') return b
  if (b.kind === 'date') return a
  if ((a.kind !== 'timestamp' && a.kind !== 'time') || (b.kind !== 'timestamp' && b.kind !== 'time')) return a
  return UNIT_RANK[a.unit] >= UNIT_RANK[b.unit] ? a : b
}

/**
 * Arguments of one call: moments of different units meet in the finest of them, and so do times, also as items of
 * arrays. A function computes with what it is given and never sees two units. A date stays one unless the function
 * takes anything, where it meets a timestamp as one.
 */
export function inOneUnit(args: readonly BoundExpr[], dates: boolean): readonly BoundExpr[] {
  const kindOf = (t: DataType): 'timestamp' | 'time' | undefined =>
    t.kind === 'timestamp' || (dates && t.kind === 'date')
      ? 'timestamp'
      : t.kind === 'time'
        ? 'time'
        : t.kind === 'array'
          ? kindOf(t.element)
          : undefined
  const leaf = (t: DataType): DataType => (t.kind === 'array' ? leaf(t.element) : t)
  const finest = new Map<string, DataType>()
  for (const { type } of args) {
    const kind = kindOf(type)
    if (kind !== undefined) finest.set(kind, finer(finest.get(kind) ?? leaf(type), leaf(type)))
  }
  if (finest.size === 0) return args
  const target = (t: DataType): DataType =>
    t.kind === 'array' ? { ...t, element: target(t.element) } : (finest.get(kindOf(t) ?? '') ?? t)
  return args.map((arg) => (kindOf(arg.type) === undefined ? arg : convert(arg, target(arg.type))))
}

/** A comparison over operands brought to comparable types. Throws a SqlError (TYPE) where there are none. */
export function compare(op: CompareOp, left: BoundExpr, right: BoundExpr, span: Span | undefined): Compare {
  const { by, sides } = comparable([left, right], span)
  return { kind: 'compare', op, by, left: sides[0], right: sides[1], type: BOOLEAN, span }
}

/** Brings expressions to types that can be compared, and says how. */
export function comparable(exprs: readonly BoundExpr[], span: Span | undefined): { by: CompareBy; sides: BoundExpr[] } {
  const types = exprs.map((e) => e.type).filter((t) => t.kind !== 'null')
  const as = (by: CompareBy, type: DataType): { by: CompareBy; sides: BoundExpr[] } => ({
    by,
    sides: exprs.map((e) => (e.type.kind === 'null' ? { ...e, type } : convert(e, type))),
  })
  if (types.length === 0) return { by: 'dynamic', sides: [...exprs] }
  if (types.every(isNumeric)) return numbers(exprs, types)
  if (types.every((t) => t.kind === 'boolean')) return { by: 'boolean', sides: [...exprs] }
  if (types.every(isText)) return { by: 'string', sides: [...exprs] }
  if (
    types.some(isDatetime) &&
    types.every((t) => isDatetime(t) || t.kind === 'string' || isNumeric(t) || t.kind === 'json')
  )
    return datetimes(exprs, types)
  const times = types.filter((t) => t.kind === 'time')
  if (times.length > 0 && types.every((t) => t.kind === 'time' || t.kind === 'string'))
    return as('number', {
      kind: 'time',
      unit: times.reduce((a, b) => (UNIT_RANK[a.unit] >= UNIT_RANK[b.unit] ? a : b)).unit,
      between: true,
    })
  if (types.every((t) => t.kind === 'bytes')) return { by: 'bytes', sides: [...exprs] }
  // Arrays hold moments, too: their items meet in one unit like the moments themselves.
  if (types.every((t) => t.kind === 'array')) return { by: 'dynamic', sides: [...inOneUnit(exprs, true)] }
  if (types.some((t) => t.kind === 'json' || t.kind === 'array' || t.kind === 'struct' || t.kind === 'map'))
    return { by: 'dynamic', sides: [...exprs] }
  const [a, b] = [types[0], types.find((t) => family(t) !== family(types[0])) ?? types[0]]
  throw new SqlError('TYPE', `${cap(aType(a))} cannot be compared with ${aType(b)}.`, span, mismatchHint(exprs, a, b))
}

/** Types that can be compared with each other, by one word. */
function family(type: DataType): string {
  return isNumeric(type) ? 'number' : isText(type) ? 'text' : isDatetime(type) ? 'moment' : type.kind
}

function cap(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function mismatchHint(exprs: readonly BoundExpr[], a: DataType, b: DataType): string {
  const constant = exprs.find((e) => e.kind === 'constant') as Constant | undefined
  if (constant !== undefined && isText(a) && isNumeric(b) && constant.text !== undefined)
    return `Write '${constant.text}' to compare texts, or CAST the field to a number.`
  if (constant !== undefined && typeof constant.value === 'string' && isNumeric(a))
    return 'Leave the quotes away to compare numbers.'
  return 'CAST one of them.'
}

function numbers(exprs: readonly BoundExpr[], types: readonly DataType[]): { by: CompareBy; sides: BoundExpr[] } {
  // A double may be NaN or infinite, which no decimal is: they are compared as they are.
  if (types.some((t) => t.kind === 'decimal') && types.some((t) => t.kind === 'double' || t.kind === 'float'))
    return exprs.every(
      (e) => e.type.kind === 'decimal' || isInteger(e.type) || (e.kind === 'constant' && e.text !== undefined),
    )
      ? { by: 'decimal', sides: exprs.map((e) => convert(e, DECIMAL)) }
      : { by: 'dynamic', sides: [...exprs] }
  if (types.some((t) => t.kind === 'decimal')) return { by: 'decimal', sides: exprs.map((e) => convert(e, DECIMAL)) }
  // A float column against 3.14 means the float nearest to 3.14, as the column holds no other.
  const float =
    exprs.some((e) => e.kind !== 'constant' && e.type.kind === 'float') &&
    !exprs.some((e) => e.kind !== 'constant' && e.type.kind === 'double')
  const sides = exprs.map((e) =>
    float && e.kind === 'constant' && typeof e.value === 'number' && e.type.kind === 'double'
      ? { ...e, value: Math.fround(e.value) }
      : e,
  )
  return { by: 'number', sides }
}

function datetimes(exprs: readonly BoundExpr[], types: readonly DataType[]): { by: CompareBy; sides: BoundExpr[] } {
  const stamps = types.filter(isDatetime)
  let target = stamps.reduce((a, b) => finer(a, b))
  // A date against a text with a time of day, or against a number of milliseconds, is compared as an instant.
  if (
    target.kind === 'date' &&
    exprs.some(
      (e) =>
        isNumeric(e.type) ||
        (e.type.kind === 'string' &&
          !(e.kind === 'constant' && typeof e.value === 'string' && e.value.trim().length <= 10)),
    )
  )
    target = { kind: 'timestamp', unit: 'millis' }
  // Numbers, texts and JSON may say a moment between two of the column's units, which is equal to none and must not be
  // cut off.
  const exact: DataType = target.kind === 'timestamp' ? { ...target, between: true } : target
  const asMoment = (e: BoundExpr): BoundExpr =>
    isInteger(e.type) ? { ...convert(e, LONG), type: { kind: 'timestamp', unit: 'millis' } } : e
  const sides = exprs.map((e) => (e.type.kind === 'null' ? e : convert(asMoment(e), exact)))
  const isCoarse = target.kind !== 'timestamp' || target.unit === 'millis'
  return {
    by:
      isCoarse || exprs.every((e, i) => isDatetime(e.type) || isInteger(e.type) || isWhole(sides[i]))
        ? 'number'
        : 'dynamic',
    sides,
  }
}

function isBetween(t: DataType): boolean {
  return (t.kind === 'time' || t.kind === 'timestamp') && t.between === true
}

function isWhole(e: BoundExpr): boolean {
  return e.kind === 'constant' && (e.value === null || typeof e.value === 'bigint' || Number.isInteger(e.value))
}

export function arithmetic(op: ArithmeticOp, left: BoundExpr, right: BoundExpr, span: Span | undefined): BoundExpr {
  const a = left.type
  const b = right.type
  if (a.kind === 'null' || b.kind === 'null') {
    // NULL - "1d" is no text, and ts - NULL may be a time or a number: only numbers are sure to give a number.
    const type = [a, b].find(isNumeric) ?? NULL_TYPE
    return { kind: 'constant', value: null, type, span }
  }
  if (isDatetime(a) || a.kind === 'time') return datetimeArithmetic(op, left, right, span)
  if (isDatetime(b) && op === '+') return datetimeArithmetic(op, right, left, span)
  if (isNumeric(a) && isNumeric(b)) {
    const type = widest(a, b)
    if (isInteger(type)) return { kind: 'arithmetic', op, by: 'integer', left, right, type: LONG, span }
    if (type.kind === 'decimal')
      return {
        kind: 'arithmetic',
        op,
        by: 'decimal',
        left: convert(left, DECIMAL),
        right: convert(right, DECIMAL),
        type: DECIMAL,
        span,
      }
    return {
      kind: 'arithmetic',
      op,
      by: 'double',
      left: convert(left, DOUBLE),
      right: convert(right, DOUBLE),
      type: DOUBLE,
      span,
    }
  }
  if ((a.kind === 'json' || isNumeric(a)) && (b.kind === 'json' || isNumeric(b)))
    return { kind: 'arithmetic', op, by: 'dynamic', left, right, type: JSON_TYPE, span }
  const hint = isDuration(right)
    ? 'To move a point in time, CAST it: CAST(at AS timestamp) + "1d".'
    : op === '+' && (isText(a) || isText(b))
      ? 'Use CONCAT(…) or || to join texts.'
      : 'CAST it to a number.'
  throw new SqlError(
    'TYPE',
    `"${op}" takes numbers, not ${aType(isNumeric(a) || a.kind === 'json' ? b : a)}.`,
    span,
    hint,
  )
}

/** A literal text such as `"1d 2h"`. */
function isDuration(e: BoundExpr): boolean {
  return e.kind === 'constant' && typeof e.value === 'string' && /^(\s*\d+\s*[yMwdhms])+\s*$/.test(e.value)
}

function datetimeArithmetic(op: ArithmeticOp, left: BoundExpr, right: BoundExpr, span: Span | undefined): BoundExpr {
  if (op === '-' && isDatetime(left.type) && isDatetime(right.type)) {
    const millis: DataType = { kind: 'timestamp', unit: 'millis' }
    return {
      kind: 'arithmetic',
      op,
      by: 'integer',
      left: convert(left, millis),
      right: convert(right, millis),
      type: LONG,
      span,
    }
  }
  if ((op === '+' || op === '-') && (right.type.kind === 'string' || isInteger(right.type))) {
    const base = left.type.kind === 'date' ? convert(left, { kind: 'timestamp', unit: 'millis' }) : left
    return { kind: 'arithmetic', op, by: 'date', left: base, right, type: base.type, span }
  }
  throw new SqlError(
    'TYPE',
    `"${op}" cannot combine ${aType(left.type)} and ${aType(right.type)}.`,
    span,
    'Add or take away a duration: NOW() - "90m", ts + "1d".',
  )
}

export function negate(operand: BoundExpr, span: Span | undefined): BoundExpr {
  const t = operand.type
  if (t.kind === 'null') return operand
  if (isInteger(t)) return { kind: 'negate', by: 'integer', operand, type: LONG, span }
  if (t.kind === 'decimal') return { kind: 'negate', by: 'decimal', operand, type: DECIMAL, span }
  if (isNumeric(t)) return { kind: 'negate', by: 'double', operand: convert(operand, DOUBLE), type: DOUBLE, span }
  if (t.kind === 'json') return { kind: 'negate', by: 'dynamic', operand, type: JSON_TYPE, span }
  throw new SqlError('TYPE', `"-" takes a number, not ${aType(t)}.`, span)
}

/** Brings a condition to boolean: NULL and json pass (json is checked per record). */
export function condition(expr: BoundExpr, where: string): BoundExpr {
  const kind = expr.type.kind
  if (kind === 'boolean' || kind === 'json' || kind === 'null') return expr
  throw new SqlError(
    'TYPE',
    `${where} takes a condition, and this is ${aType(expr.type)}.`,
    expr.span,
    'Compare it with something.',
  )
}

/**
 * Brings branches of CASE, items of an array and the like to their common type. In json, what JSON has no form for
 * becomes text.
 */
export function toCommon(exprs: readonly BoundExpr[]): { type: DataType; exprs: BoundExpr[] } {
  const type = unify(exprs.map((e) => e.type))
  if (type.kind !== 'json') return { type, exprs: exprs.map((e) => convert(e, type)) }
  const foreign = (t: DataType): boolean =>
    isDatetime(t) || t.kind === 'time' || t.kind === 'uuid' || t.kind === 'bytes'
  return { type, exprs: exprs.map((e) => (foreign(e.type) ? convert(e, STRING) : e)) }
}
