/**
 * Syntax tree → bound expression: names become paths or slots, operators get types, calls find their function.
 * Aggregates are collected on the side. No values are computed here (constants are folded by a rule), no record is
 * touched.
 */
import { unexpected } from '../../../lib/assert.ts'
import { findFunction } from '../../../functions/all-functions.ts'
import type { ScalarFunction } from '../../../functions/function.ts'
import { castType } from '../../../functions/support/cast.ts'
import { insteadOf } from '../../../functions/foreign-names.ts'
import { MAX_DECIMAL_DIGITS } from '../../../lib/decimal.ts'
import { didYouMean } from '../../../lib/suggest.ts'
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { MOMENTS } from '../../../sql/keywords.ts'
import { BOOLEAN, DOUBLE, type DataType, INT, LONG, NULL_TYPE, STRING, TIMESTAMP } from '../../../types.ts'
import { aType, comparable, compare, condition, inArray, inOneUnit, isIn, negate, nullIf, toCommon } from './coerce.ts'
import { isInteger, isNumeric } from '../../expressions/common-type.ts'
import { CALLABLE, aggregateName } from './aggregates.ts'
import type { BoundExpr } from '../../plan.ts'
import { extendPath, memberOf } from '../names/resolve.ts'
import { isVolatile } from '../../expressions/volatile.ts'
import { repeated } from '../../expressions/repeated.ts'
import { distinctFrom, truth } from './truth.ts'
import type { ExpressionContext } from './expression-context.ts'
import { subquery, valueSubquery } from './value-subquery.ts'
import { chain, operator } from './operators.ts'
import { dataType } from './type-names.ts'
import { bindAggregate } from './bind-aggregate.ts'
import { argument, checkCount } from './call-arguments.ts'
import { RECORD_FUNCTIONS } from './record-functions.ts'

/** The bound form of an expression. Throws a SqlError with the place of what is wrong. */
export function bindExpr(e: ast.Expr, c: ExpressionContext): BoundExpr {
  switch (e.kind) {
    case 'null':
      return { kind: 'constant', value: null, type: NULL_TYPE, span: e.span }
    case 'boolean':
      return { kind: 'constant', value: e.value, type: BOOLEAN, span: e.span }
    case 'number':
      return numberLiteral(e)
    case 'string':
      return { kind: 'constant', value: e.value, type: STRING, span: e.span }
    case 'array':
      return bindArray(e, c)
    case 'struct':
      return bindStruct(e, c)
    case 'column':
      return bindColumn(e, c)
    case 'index':
      return bindIndex(e, c)
    case 'member': {
      const base = bindExpr(e.base, c)
      if (base.kind === 'path' && (base.path.facet === 'key' || base.path.facet === 'value'))
        return memberOfPath(base, e)
      return memberOf(base, e.name, e.span)
    }
    case 'unary':
      return bindUnary(e, c)
    case 'binary':
      return bindBinary(e, c)
    case 'between':
      return bindBetween(e, c)
    case 'in':
      return bindIn(e, c)
    case 'like':
      return bindLike(e, c)
    case 'isNull':
      return { kind: 'isNull', operand: bindExpr(e.operand, c), negated: e.negated, type: BOOLEAN, span: e.span }
    case 'isTruth':
      return truth(condition(bindExpr(e.operand, c), `IS ${e.truth.toUpperCase()}`), e)
    case 'isDistinct':
      return bindDistinct(e, c)
    case 'case':
      return bindCase(e, c)
    case 'cast':
      return bindCast(e, c)
    case 'call':
      return bindCall(e, c)
    case 'moment':
      return bindMoment(e)
    case 'exists':
      return { kind: 'subquery', mode: 'exists', ...subquery(e.query, c), negated: false, type: BOOLEAN, span: e.span }
    case 'subquery': {
      const { inner, column } = valueSubquery(e.query, c, e.span)
      return { kind: 'subquery', mode: 'scalar', ...inner, negated: false, type: column.type, span: e.span }
    }
  }
}

function numberLiteral(e: ast.NumberLiteral): BoundExpr {
  const base = { kind: 'constant', text: e.text, span: e.span } as const
  if (e.text.length > MAX_DECIMAL_DIGITS)
    throw new SqlError(
      'VALUE',
      `The number has more digits than function.max.decimal.digits (default ${MAX_DECIMAL_DIGITS}).`,
      e.span,
    )
  if (/^\d+$/.test(e.text)) {
    const n = Number(e.text)
    if (Number.isSafeInteger(n)) return { ...base, value: n, type: n <= 0x7fffffff ? INT : LONG }
    return { ...base, value: BigInt(e.text), type: LONG }
  }
  const value = Number(e.text)
  if (!Number.isFinite(value)) throw new SqlError('VALUE', `The number ${e.text} is too large for a double.`, e.span)
  return { ...base, value, type: DOUBLE }
}

function bindArray(e: ast.ArrayLiteral, c: ExpressionContext): BoundExpr {
  if (e.items.length === 0)
    throw new SqlError('TYPE', 'An array literal needs at least one item.', e.span, 'The type of [] cannot be known.')
  const { type, exprs } = toCommon(e.items.map((i) => bindExpr(i, c)))
  return { kind: 'array', items: exprs, type: { kind: 'array', element: type }, span: e.span }
}

function bindStruct(e: ast.StructLiteral, c: ExpressionContext): BoundExpr {
  const names = new Set<string>()
  for (const { name } of e.fields) {
    if (names.has(name.text))
      throw new SqlError(
        'ARGUMENTS',
        `The structure has two fields called "${name.text}".`,
        name.span,
        'Give one of them another name.',
      )
    names.add(name.text)
  }
  const fields = e.fields.map((f) => ({ name: f.name.text, value: bindExpr(f.value, c) }))
  return {
    kind: 'struct',
    fields,
    type: { kind: 'struct', fields: fields.map((f) => ({ name: f.name, type: f.value.type, nullable: true })) },
    span: e.span,
  }
}

function bindColumn(e: ast.ColumnRef, c: ExpressionContext): BoundExpr {
  const output = c.outputs !== undefined && e.parts.length === 1 ? c.outputs(e.parts[0].text) : undefined
  if (output !== undefined) return output
  c.refuse?.(e)
  return c.scope.resolve(e.parts, e.span)
}

function bindIndex(e: ast.Index, c: ExpressionContext): BoundExpr {
  const base = bindExpr(e.base, c)
  const index = bindExpr(e.index, c)
  const path = extendPath(base, index, e.span)
  if (path !== undefined) return path
  const t = base.type
  if (t.kind === 'struct' && index.kind === 'constant' && typeof index.value === 'string') {
    const name: ast.Name = { text: index.value, quoted: true, span: e.index.span }
    const member: ast.Member = { kind: 'member', base: e.base, name, span: e.span }
    return base.kind === 'path' && (base.path.facet === 'key' || base.path.facet === 'value')
      ? memberOfPath(base, member)
      : memberOf(base, name, e.span)
  }
  const element = t.kind === 'array' ? t.element : t.kind === 'map' ? t.value : t.kind === 'json' ? t : undefined
  if (element === undefined)
    throw new SqlError('TYPE', `[…] takes an element of an array, and this is ${aType(t)}.`, e.base.span)
  if (t.kind === 'array' && !isInteger(index.type) && index.type.kind !== 'json')
    throw new SqlError('TYPE', `An array index is an integer, not ${aType(index.type)}.`, e.index.span)
  return { kind: 'element', operand: base, index, type: element, span: e.span }
}

function memberOfPath(base: Extract<BoundExpr, { kind: 'path' }>, e: ast.Member): BoundExpr {
  const checked = memberOf(base, e.name, e.span)
  return { ...base, path: { ...base.path, steps: [...base.path.steps, e.name.text] }, type: checked.type, span: e.span }
}

function bindUnary(e: ast.Unary, c: ExpressionContext): BoundExpr {
  if (e.op === 'not')
    return { kind: 'not', operand: condition(bindExpr(e.operand, c), 'NOT'), type: BOOLEAN, span: e.span }
  const operand = bindExpr(e.operand, c)
  if (e.op === '+') {
    if (!isNumeric(operand.type) && operand.type.kind !== 'json' && operand.type.kind !== 'null')
      throw new SqlError('TYPE', `"+" takes a number, not ${aType(operand.type)}.`, e.span)
    return operand
  }
  if (
    operand.kind === 'constant' &&
    operand.text !== undefined &&
    (typeof operand.value === 'number' || typeof operand.value === 'bigint')
  ) {
    const value =
      typeof operand.value === 'bigint'
        ? -operand.value
        : operand.value === 0 && isInteger(operand.type)
          ? 0
          : -operand.value
    return { ...operand, value, text: `-${operand.text}`, span: e.span }
  }
  return negate(operand, e.span)
}

/** Long chains of AND, OR and + are left-deep; they are walked without recursion. */
function bindBinary(e: ast.Binary, c: ExpressionContext): BoundExpr {
  if (e.op === 'and' || e.op === 'or') {
    const operands = chain(e, e.op).map((o) => condition(bindExpr(o, c), e.op.toUpperCase()))
    return { kind: e.op, operands, type: BOOLEAN, span: e.span }
  }
  const spine: ast.Binary[] = []
  let first: ast.Expr = e
  while (first.kind === 'binary' && first.op !== 'and' && first.op !== 'or') {
    spine.push(first)
    first = first.left
  }
  let left = bindExpr(first, c)
  for (let i = spine.length - 1; i >= 0; i--) left = operator(spine[i], left, bindExpr(spine[i].right, c))
  return left
}

function bindBetween(e: ast.Between, c: ExpressionContext): BoundExpr {
  const operand = repeated(bindExpr(e.operand, c), 2, 'BETWEEN')
  const low = compare('>=', operand, bindExpr(e.low, c), e.span)
  const high = compare('<=', operand, bindExpr(e.high, c), e.span)
  const both: BoundExpr = {
    kind: 'and',
    operands: [low, high],
    ...(isVolatile(operand) && { together: true }),
    type: BOOLEAN,
    span: e.span,
  }
  return e.negated ? { kind: 'not', operand: both, type: BOOLEAN, span: e.span } : both
}

function bindDistinct(e: ast.IsDistinct, c: ExpressionContext): BoundExpr {
  const left = repeated(bindExpr(e.operand, c), 2, 'IS DISTINCT FROM')
  const right = repeated(bindExpr(e.from, c), 2, 'IS DISTINCT FROM')
  return distinctFrom(left, right, compare('=', left, right, e.span), e)
}

function bindIn(e: ast.In, c: ExpressionContext): BoundExpr {
  if (e.query !== undefined) {
    const { inner, column } = valueSubquery(e.query, c, e.span)
    const operand = bindExpr(e.operand, c)
    comparable([operand, column], e.span)
    return { kind: 'subquery', mode: 'in', ...inner, operand, negated: e.negated, type: BOOLEAN, span: e.span }
  }
  // Nothing is in an empty list, not even NULL.
  if (e.items?.length === 0) {
    bindExpr(e.operand, c)
    return { kind: 'constant', value: e.negated, type: BOOLEAN, span: e.span }
  }
  const items = (e.items ?? []).map((i) => bindExpr(i, c))
  return isIn(bindExpr(e.operand, c), items, e.negated, e.span)
}

function bindLike(e: ast.Like, c: ExpressionContext): BoundExpr {
  const operand = bindExpr(e.operand, c)
  const pattern = bindExpr(e.pattern, c)
  for (const side of [operand, pattern]) {
    const k = side.type.kind
    if (k !== 'string' && k !== 'uuid' && k !== 'json' && k !== 'null')
      throw new SqlError(
        'TYPE',
        `LIKE compares texts, and this is ${aType(side.type)}.`,
        side.span,
        'CAST it to string.',
      )
  }
  return { kind: 'like', operand, pattern, negated: e.negated, type: BOOLEAN, span: e.span }
}

/** The moment of the query, as NOW() has it. */
function bindMoment(e: ast.Moment): BoundExpr {
  const fn = findFunction('now')
  const type = castType(MOMENTS.get(e.word.toUpperCase()) ?? 'timestamp', undefined, undefined)
  if (fn === undefined || type === undefined) unexpected('the registry has no now')
  const now: BoundExpr = { kind: 'function', fn, name: e.word, args: [], type: TIMESTAMP, span: e.span }
  return type.kind === 'timestamp' ? now : { kind: 'cast', operand: now, type, implicit: false, span: e.span }
}

function bindCase(e: ast.Case, c: ExpressionContext): BoundExpr {
  const operand = e.operand === undefined ? undefined : repeated(bindExpr(e.operand, c), e.whens.length, 'CASE')
  const conditions = e.whens.map((w) => {
    const when = bindExpr(w.when, c)
    return operand === undefined ? condition(when, 'WHEN') : compare('=', operand, when, w.when.span)
  })
  const results = [
    ...e.whens.map((w) => bindExpr(w.then, c)),
    e.otherwise === undefined
      ? ({ kind: 'constant', value: null, type: NULL_TYPE } as BoundExpr)
      : bindExpr(e.otherwise, c),
  ]
  const { type, exprs } = toCommon(results)
  return {
    kind: 'case',
    whens: conditions.map((when, i) => ({ when, then: exprs[i] })),
    otherwise: exprs[exprs.length - 1],
    type,
    span: e.span,
  }
}

function bindCast(e: ast.Cast, c: ExpressionContext): BoundExpr {
  const operand = bindExpr(e.operand, c)
  const type = dataType(e.type)
  return { kind: 'cast', operand, type, implicit: false, span: e.span }
}

// ---------------------------------------------------------------------------------------------- calls

function bindCall(e: ast.Call, c: ExpressionContext): BoundExpr {
  const name = e.name.text.toLowerCase()
  const aggregate = aggregateName(name, e.star ? 0 : e.args.length)
  if (aggregate !== undefined) return bindAggregate(e, aggregate, c, bindExpr)
  if (e.star) throw new SqlError('ARGUMENTS', `${e.name.text}(*) means nothing; only COUNT takes a star.`, e.span)
  if (e.all === true)
    throw new SqlError('ARGUMENTS', `ALL belongs into an aggregate, and ${e.name.text} is none.`, e.span)
  if (e.distinct)
    throw new SqlError('ARGUMENTS', `DISTINCT belongs into an aggregate, and ${e.name.text} is none.`, e.span)
  if (e.filter !== undefined)
    throw new SqlError('ARGUMENTS', `FILTER belongs to an aggregate, and ${e.name.text} is none.`, e.span)
  const fn = findFunction(name)
  if (fn === undefined)
    throw new SqlError(
      'UNKNOWN_FUNCTION',
      `Unknown function "${e.name.text}".`,
      e.name.span,
      insteadOf(name) ?? didYouMean(name, CALLABLE) ?? 'SHOW FUNCTIONS lists all of them.',
    )
  checkCount(e, fn)
  const ofRecord = RECORD_FUNCTIONS[fn.name]
  if (ofRecord !== undefined) return ofRecord(e, c, bindExpr)
  const given = e.args.map((a, i) => argument(bindExpr(a, c), fn, i, e))
  if (fn.name === 'nullif') return nullIf(given[0], given[1], (...args) => callOf(fn, args, e))
  if (fn.name === 'in_array') return callOf(fn, inArray(given[0], given[1]), e)
  const takesAll = fn.parameters.every((p) => p.accept === 'any' || p.accept === 'array')
  return callOf(fn, inOneUnit(given, takesAll), e)
}

function callOf(fn: ScalarFunction, args: readonly BoundExpr[], e: ast.Call): BoundExpr {
  let type: DataType
  try {
    type = fn.returns(args.map((a) => a.type))
  } catch (error) {
    throw new SqlError('ARGUMENTS', error instanceof Error ? error.message : String(error), e.span)
  }
  return { kind: 'function', fn, name: e.name.text, args, type, span: e.span }
}
