/**
 * The typing rules of operators, in one place: what may be compared with what and how, what arithmetic gives, how
 * branches of unlike type meet. Works on bound expressions and types; no names, no records.
 */
import { repeated } from '../../expressions/repeated.ts'
import { isVolatile } from '../../expressions/volatile.ts'
import { finer, isDatetime, isInteger, isNumeric, UNIT_RANK, unify, widest } from '../../expressions/common-type.ts'
import { leavesOf, sameType, withLeaves } from '../../expressions/type-parts.ts'
import { castValue } from '../../../functions/support/cast.ts'
import { ValueError } from '../../../functions/function.ts'
import { Decimal } from '../../../lib/decimal.ts'
import type { Span } from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import {
  BOOLEAN,
  BYTES,
  type DataType,
  DECIMAL,
  DOUBLE,
  JSON_TYPE,
  LONG,
  NULL_TYPE,
  STRING,
  typeName,
} from '../../../types.ts'
import type { ArithmeticOp, CompareBy, CompareOp } from '../../operators.ts'
import type { BoundExpr, Compare, Constant, InList } from '../../plan.ts'

export function isText(type: DataType): boolean {
  return type.kind === 'string' || type.kind === 'uuid'
}

/** A type as a message names it: `a string`, `an int`. */
export function aType(type: DataType): string {
  const name = typeName(type)
  return /^[aeio]/.test(name) ? `an ${name}` : `a ${name}`
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
      const value = castValue(expr.value, expr.type, to, true)
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

/**
 * Values that meet in a call or a comparison: moments of different units meet in the finest of them, and so do times,
 * also within arrays, maps and structures. Who computes with them never sees two units. A date stays one unless
 * `dates`, where it meets a timestamp as one.
 */
export function inOneUnit(args: readonly BoundExpr[], dates: boolean): readonly BoundExpr[] {
  const kindOf = (t: DataType): 'timestamp' | 'time' | undefined =>
    t.kind === 'timestamp' || (dates && t.kind === 'date') ? 'timestamp' : t.kind === 'time' ? 'time' : undefined
  const finest = new Map<string, DataType>()
  const holders = args.filter(({ type }) => {
    const moments = leavesOf(type).filter((t) => kindOf(t) !== undefined)
    for (const t of moments) finest.set(kindOf(t) ?? '', finer(finest.get(kindOf(t) ?? '') ?? t, t))
    return moments.length > 0
  })
  // Alike, they keep the units of their parts.
  if (holders.every(({ type }) => sameType(type, holders[0].type))) return args
  const target = (t: DataType): DataType => finest.get(kindOf(t) ?? '') ?? t
  return args.map((arg) => (holders.includes(arg) ? convert(arg, withLeaves(arg.type, target) ?? arg.type) : arg))
}

/** A comparison over operands brought to comparable types. Throws a SqlError (TYPE) where there are none. */
export function compare(op: CompareOp, left: BoundExpr, right: BoundExpr, span: Span | undefined): Compare {
  const { by, sides } = comparable([left, right], span)
  return { kind: 'compare', op, by, left: sides[0], right: sides[1], type: BOOLEAN, span }
}

/** Brings expressions to types that can be compared, and says how. */
export function comparable(exprs: readonly BoundExpr[], span: Span | undefined): { by: CompareBy; sides: BoundExpr[] } {
  const { by, side } = comparison(exprs, span)
  return { by, sides: exprs.map(side) }
}

/** How values of some types are compared, and what makes each of them comparable. */
export interface Comparison {
  readonly by: CompareBy
  readonly side: (e: BoundExpr) => BoundExpr
}

/** As `comparable`, for further values of the types of `exprs`. Throws a SqlError (TYPE) where there is no way. */
export function comparison(exprs: readonly BoundExpr[], span: Span | undefined): Comparison {
  const way = wayToCompare(exprs)
  if (way !== undefined) return way
  const types = exprs.map((e) => e.type).filter((t) => t.kind !== 'null')
  const [a, b] = [types[0], types.find((t) => family(t) !== family(types[0])) ?? types[0]]
  throw new SqlError('TYPE', `${cap(aType(a))} cannot be compared with ${aType(b)}.`, span, mismatchHint(exprs, a, b))
}

function isNull({ type }: BoundExpr): boolean {
  return type.kind === 'null'
}

/** Bytes meet a text that is written in the statement as what they are printed as. */
function isBase64(e: BoundExpr): e is Constant & { readonly value: string } {
  if (e.kind !== 'constant' || e.type.kind !== 'string' || typeof e.value !== 'string') return false
  return Buffer.from(e.value, 'base64').toString('base64') === e.value
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

function wayToCompare(exprs: readonly BoundExpr[]): Comparison | undefined {
  const types = exprs.map((e) => e.type).filter((t) => t.kind !== 'null')
  const asItIs = (by: CompareBy): Comparison => ({ by, side: (e) => e })
  if (types.length === 0) return asItIs('dynamic')
  if (types.every(isNumeric)) return numbers(exprs, types)
  if (types.every((t) => t.kind === 'boolean')) return asItIs('boolean')
  if (types.every(isText)) return asItIs('string')
  const isSaid = (t: DataType): boolean => t.kind === 'string' || t.kind === 'json'
  if (types.some(isDatetime) && types.every((t) => isDatetime(t) || isNumeric(t) || isSaid(t)))
    return datetimes(exprs, types)
  const times = types.filter((t) => t.kind === 'time')
  if (times.length > 0 && types.every((t) => t.kind === 'time' || isSaid(t))) {
    const { unit } = times.reduce((a, b) => (UNIT_RANK[a.unit] >= UNIT_RANK[b.unit] ? a : b))
    const type: DataType = { kind: 'time', unit, between: true }
    return { by: 'number', side: (e) => (e.type.kind === 'null' ? { ...e, type } : convert(e, type)) }
  }
  if (types.some((t) => t.kind === 'bytes') && exprs.every((e) => e.type.kind === 'bytes' || isNull(e) || isBase64(e)))
    return { by: 'bytes', side: (e) => (isBase64(e) ? { ...e, value: bytesOf(e.value), type: BYTES } : e) }
  // JSON has moments as the texts that they are printed as; without it they meet in one unit.
  if (types.some((t) => t.kind === 'json'))
    return { by: 'dynamic', side: (e) => (isStructured(e.type) && holds(e.type, isMoment) ? convert(e, JSON_TYPE) : e) }
  if (types.every(isStructured)) return structures(exprs)
  return types.some(isStructured) ? asItIs('dynamic') : undefined
}

/** A value of a type of which no value is known yet. */
export function anyOf(type: DataType): BoundExpr {
  return { kind: 'slot', index: 0, name: '', type }
}

/**
 * `NULLIF(value, other)` takes for equal what `=` does; unlike types are not equal. `call`: the call with such arguments.
 * A value that is compared as one of another type (a date as a timestamp) stands twice, as it is given as it was.
 */
export function nullIf(value: BoundExpr, other: BoundExpr, call: (...args: BoundExpr[]) => BoundExpr): BoundExpr {
  const way = wayToCompare([value, other])
  if (way === undefined) return call(value, other)
  const [left, right] = [way.side(value), way.side(other)]
  if (left === value || (isNumeric(left.type) && !isLiteral(value))) return call(value, right)
  const none: Constant = { kind: 'constant', value: null, type: value.type }
  const when: Compare = { kind: 'compare', op: '=', by: way.by, left, right, type: BOOLEAN, span: value.span }
  const otherwise = repeated(value, 2, 'NULLIF')
  return { kind: 'case', whens: [{ when, then: none }], otherwise, type: value.type, span: value.span }
}

/** The arguments of IN_ARRAY, of which one is found among the others as `=` says; unlike types are not equal. */
export function inArray(element: BoundExpr, array: BoundExpr): readonly BoundExpr[] {
  const type = array.type.kind === 'array' ? array.type.element : JSON_TYPE
  const item = anyOf(type)
  const way = wayToCompare([element, item])
  if (way === undefined || array.type.kind === 'null') return [element, array]
  const to = way.side(item).type
  const isSame = sameType(to, type) || isNumeric(type)
  return [way.side(element), isSame ? asFloats(array, element) : convert(array, { kind: 'array', element: to })]
}

/** Among the numbers of a list in the text, too, a float finds the one that it is nearest to. */
function asFloats(array: BoundExpr, element: BoundExpr): BoundExpr {
  if (array.kind !== 'array' || element.type.kind !== 'float') return array
  const items = array.items.map((item) =>
    isLiteral(item) && item.type.kind === 'double' ? comparable([element, item], item.span).sides[1] : item,
  )
  return { ...array, items }
}

function isStructured({ kind }: DataType): boolean {
  return kind === 'array' || kind === 'struct' || kind === 'map'
}

function isMoment(t: DataType): boolean {
  return isDatetime(t) || t.kind === 'time'
}

function holds(type: DataType, test: (t: DataType) => boolean): boolean {
  return leavesOf(type).some(test)
}

function structures(exprs: readonly BoundExpr[]): Comparison {
  const sides = inOneUnit(exprs, true)
  return {
    by: 'dynamic',
    side: (e) => {
      const like = exprs.findIndex(({ type }) => type === e.type)
      return like < 0 ? e : convert(e, sides[like].type)
    },
  }
}

/**
 * `operand IN (items)`: `=` with any of them. Items with which the operand is compared in another way than with others
 * make a list of their own.
 */
export function isIn(
  operand: BoundExpr,
  items: readonly BoundExpr[],
  negated: boolean,
  span: Span | undefined,
): BoundExpr {
  const list = (of: readonly BoundExpr[], not: boolean): InList => {
    const { by, sides } = comparable([operand, ...of], span)
    return { kind: 'in', by, operand: sides[0], items: sides.slice(1), negated: not, type: BOOLEAN, span }
  }
  const whole = list(items, negated)
  // A literal among floats is the float nearest to it, and among doubles it is not.
  const isOneWay = whole.by !== 'dynamic' && !(isLiteral(operand) && operand.type.kind === 'double')
  if (isOneWay || isVolatile(operand)) return whole
  const groups = new Map<string, BoundExpr[]>()
  for (const item of items) {
    const [side] = comparable([operand, item], span).sides
    const key =
      side === operand || item.type.kind === 'null'
        ? ''
        : `${typeName(side.type)} ${side.kind === 'constant' ? side.value : ''}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  if (groups.size < 2) return whole
  const any: BoundExpr = {
    kind: 'or',
    operands: [...groups.values()].map((of) => list(of, false)),
    type: BOOLEAN,
    span,
  }
  return negated ? { kind: 'not', operand: any, type: BOOLEAN, span } : any
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
  if (typeof constant?.value === 'string' && (a.kind === 'bytes' || b.kind === 'bytes'))
    return 'Write bytes in base 64, as they are printed.'
  return 'CAST one of them.'
}

function isLiteral(e: BoundExpr): e is Constant {
  return e.kind === 'constant' && e.text !== undefined
}

function numbers(exprs: readonly BoundExpr[], types: readonly DataType[]): Comparison {
  const toDecimal = (e: BoundExpr): BoundExpr => convert(e, DECIMAL)
  const hasDecimal = types.some((t) => t.kind === 'decimal')
  if (hasDecimal && exprs.every((e) => e.type.kind === 'decimal' || isInteger(e.type) || isLiteral(e)))
    return { by: 'decimal', side: toDecimal }
  if (hasDecimal && !types.some((t) => t.kind === 'double' || t.kind === 'float'))
    return { by: 'decimal', side: toDecimal }
  // A float field against 3.14 means the float nearest to 3.14, as the field holds no other. What is computed, or comes
  // out of a subquery, is the number that it is.
  const isFloat = (e: BoundExpr): boolean => !isLiteral(e) && e.type.kind === 'float'
  const [first, ...others] = exprs
  const fields = others.filter((e) => !isLiteral(e) && e.type.kind !== 'null')
  const isRounded = (e: BoundExpr): boolean =>
    e === first ? fields.length > 0 && fields.every(isFloat) : isFloat(first)
  return {
    // A double may be NaN or infinite, which no decimal is: they are compared as they are.
    by: hasDecimal ? 'dynamic' : 'number',
    side: (e) =>
      isLiteral(e) && typeof e.value === 'number' && e.type.kind === 'double' && isRounded(e)
        ? { ...e, value: Math.fround(e.value) }
        : e,
  }
}

function datetimes(exprs: readonly BoundExpr[], types: readonly DataType[]): Comparison {
  let target = types.filter(isDatetime).reduce((a, b) => finer(a, b))
  // What may say a time of day, or is a number of milliseconds, is compared with a date as an instant.
  const isDay = ({ type, ...e }: BoundExpr): boolean =>
    type.kind === 'null' ||
    type.kind === 'date' ||
    (e.kind === 'constant' && typeof e.value === 'string' && e.value.trim().length <= 10)
  if (target.kind === 'date' && !exprs.every(isDay)) target = { kind: 'timestamp', unit: 'millis' }
  // Numbers, texts and JSON may say a moment between two of the column's units, which is equal to none and must not be
  // cut off.
  const exact: DataType = target.kind === 'timestamp' ? { ...target, between: true } : target
  const asMoment = (e: BoundExpr): BoundExpr =>
    isInteger(e.type) ? { ...convert(e, LONG), type: { kind: 'timestamp', unit: 'millis' } } : e
  const side = (e: BoundExpr): BoundExpr => (e.type.kind === 'null' ? e : convert(asMoment(e), exact))
  const isCoarse = target.kind !== 'timestamp' || target.unit === 'millis'
  const isCounted = (e: BoundExpr): boolean => isDatetime(e.type) || isInteger(e.type) || isWhole(side(e))
  return { by: isCoarse || exprs.every(isCounted) ? 'number' : 'dynamic', side }
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
 * becomes text, also within arrays and structures, and a float the number with its digits.
 */
export function toCommon(exprs: readonly BoundExpr[]): { type: DataType; exprs: BoundExpr[] } {
  const type = unify(exprs.map((e) => e.type))
  if (type.kind !== 'json') return { type, exprs: exprs.map((e) => convert(e, type)) }
  const foreign = (t: DataType): boolean => isMoment(t) || t.kind === 'uuid' || t.kind === 'bytes'
  const asJson = (e: BoundExpr): BoundExpr => {
    if (foreign(e.type)) return convert(e, STRING)
    return holds(e.type, (t) => foreign(t) || t.kind === 'float') ? convert(e, JSON_TYPE) : e
  }
  return { type, exprs: exprs.map(asJson) }
}
