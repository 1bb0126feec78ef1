/**
 * Syntax tree → bound expression: names become paths or slots, operators get types, calls find their function.
 * Aggregates are collected on the side. No values are computed here (constants are folded by a rule), no record is
 * touched.
 */
import { unexpected } from '../../lib/assert.ts'
import { findFunction, signature } from '../../functions/all-functions.ts'
import { HEADER_LIST } from '../../functions/library/headers.ts'
import { castType, decimalProblem } from '../../functions/support/cast.ts'
import { insteadOf } from '../../functions/foreign-names.ts'
import { ONLY_FIELD } from '../../functions/library/json.ts'
import type { Accept, ScalarFunction } from '../../functions/function.ts'
import { MAX_DECIMAL_DIGITS } from '../../lib/decimal.ts'
import { didYouMean } from '../../lib/suggest.ts'
import type * as ast from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { MOMENTS } from '../../sql/keywords.ts'
import { printExpr } from '../../sql/print.ts'
import {
  BOOLEAN,
  type DataType,
  DECIMAL,
  DOUBLE,
  INT,
  JSON_TYPE,
  LONG,
  NULL_TYPE,
  oneIsList,
  STRING,
  TIMESTAMP,
  typeName,
} from '../../types.ts'
import {
  aType,
  arithmetic,
  comparable,
  compare,
  condition,
  convert,
  inOneUnit,
  isDatetime,
  isInteger,
  isNumeric,
  negate,
  toCommon,
} from './coerce.ts'
import { aggregateName, CALLABLE } from './aggregates.ts'
import { bindHop, bindTumble } from './bind-windows.ts'
import { freeReferences } from '../lower/correlation.ts'
import { evaluationKey } from '../expr-key.ts'
import type { AggregateName, BoundAggregate, BoundExpr, HeaderRef, Output, Subquery } from '../plan.ts'
import { extendPath, memberOf, type Scope } from './scope.ts'
import { isVolatile } from '../lower/volatile.ts'
import { repeated } from '../repeated.ts'
import { distinctFrom, truth } from './truth.ts'

/** Where aggregate calls of one SELECT go; undefined where none may stand. */
export interface AggregateSink {
  readonly list: BoundAggregate[]
  /** Slot of the first aggregate: the number of group keys. */
  readonly firstSlot: number
}

export interface ExpressionContext {
  readonly scope: Scope
  readonly aggregates?: AggregateSink
  /** For the message when an aggregate stands where none may: `WHERE`, `GROUP BY`. */
  readonly clause: string
  /** Output columns that may be named here (HAVING, ORDER BY, GROUP BY), asked before the scope. */
  readonly outputs?: (name: string) => BoundExpr | undefined
  /** Called for every name: aliases of the SELECT list that cannot be seen here are refused. */
  readonly refuse?: (e: ast.ColumnRef) => void
  /** The unnested windows of HOP, by the key of their array. */
  readonly windows?: ReadonlyMap<string, BoundExpr>
  /** Queries inside expressions, bound before the expressions are. */
  readonly subqueries: ReadonlyMap<ast.Query, Output>
}

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

/** Long chains of AND, OR and + lean to the left; they are walked without recursion. */
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

function chain(e: ast.Expr, op: 'and' | 'or'): ast.Expr[] {
  const items: ast.Expr[] = []
  let at: ast.Expr = e
  while (at.kind === 'binary' && at.op === op) {
    items.push(at.right)
    at = at.left
  }
  items.push(at)
  return items.reverse()
}

function operator(e: ast.Binary, left: BoundExpr, right: BoundExpr): BoundExpr {
  switch (e.op) {
    case '=':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(e.op, left, right, e.span)
    case '||':
      return concat(left, right, e)
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return arithmetic(e.op, left, right, e.span)
    default:
      unexpected(`operator ${e.op}`)
  }
}

function concat(left: BoundExpr, right: BoundExpr, e: ast.Binary): BoundExpr {
  const fn = findFunction('concat')
  if (fn === undefined) unexpected('the registry has no concat')
  // Standard SQL: NULL || x is NULL, unlike CONCAT, which passes over NULLs.
  return {
    kind: 'function',
    fn: { ...fn, nullable: false },
    name: '||',
    args: [left, right],
    type: STRING,
    span: e.span,
  }
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
  const { by, sides } = comparable([bindExpr(e.operand, c), ...(e.items ?? []).map((i) => bindExpr(i, c))], e.span)
  return { kind: 'in', by, operand: sides[0], items: sides.slice(1), negated: e.negated, type: BOOLEAN, span: e.span }
}

function subquery(query: ast.Query, c: ExpressionContext): Pick<Subquery, 'plan' | 'outer'> {
  const plan = c.subqueries.get(query)
  if (plan === undefined) throw new SqlError('UNSUPPORTED', 'A subquery cannot stand here.', query.span)
  return { plan, outer: freeReferences(plan).map((ref) => ({ ref, value: ref })) }
}

/**
 * A subquery that stands for a value, and its column. "*" over JSON, whose columns nobody knows before the records are
 * there, is the one field that each of them has.
 */
function valueSubquery(
  query: ast.Query,
  c: ExpressionContext,
  span: ast.Span,
): { readonly inner: ReturnType<typeof subquery>; readonly column: BoundExpr } {
  const inner = subquery(query, c)
  const { shape } = inner.plan
  const columns = shape.kind === 'columns' ? shape.columns : []
  if (columns.length !== 1)
    throw new SqlError(
      'TYPE',
      `A subquery that stands for a value has one column, and this one has ${columns.length}.`,
      span,
    )
  const { expr, spread } = columns[0]
  if (spread !== true) return { inner, column: expr }
  const onlyField = (record: BoundExpr): BoundExpr => ({
    kind: 'function',
    fn: ONLY_FIELD,
    name: '"*"',
    args: [record],
    type: JSON_TYPE,
    span: query.span,
  })
  const { input } = inner.plan
  // Of a correlated subquery only what it projects becomes part of the join.
  const plan: Output =
    input.kind === 'project' && input.columns.length === 1
      ? {
          ...inner.plan,
          input: { ...input, columns: [{ ...input.columns[0], expr: onlyField(input.columns[0].expr) }] },
          shape: { kind: 'columns', columns: [{ path: ['_value'], expr }] },
        }
      : { ...inner.plan, shape: { kind: 'columns', columns: [{ path: ['_value'], expr: onlyField(expr) }] } }
  return { inner: { ...inner, plan }, column: expr }
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

export function dataType(t: ast.TypeName): DataType {
  let type = castType(t.name, t.precision, t.scale)
  if (type === undefined)
    throw new SqlError(
      'TYPE',
      `Unknown type "${t.name}".`,
      t.span,
      didYouMean(t.name, [
        'int',
        'long',
        'float',
        'double',
        'decimal',
        'string',
        'boolean',
        'bytes',
        'date',
        'time',
        'timestamp',
        'uuid',
      ]),
    )
  const problem = decimalProblem(t.precision, t.scale)
  if (problem !== undefined) throw new SqlError('TYPE', problem, t.span)
  for (let i = 0; i < t.arrayDepth; i++) type = { kind: 'array', element: type }
  return type
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
  if (aggregate !== undefined) return bindAggregate(e, aggregate, c)
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
  const special = SPECIAL[fn.name]
  if (special !== undefined) return special(e, c)
  const given = e.args.map((a, i) => argument(bindExpr(a, c), fn, i, e))
  const args = inOneUnit(
    given,
    fn.parameters.every((p) => p.accept === 'any' || p.accept === 'array'),
  )
  let type: DataType
  try {
    type = fn.returns(args.map((a) => a.type))
  } catch (error) {
    throw new SqlError('ARGUMENTS', error instanceof Error ? error.message : String(error), e.span)
  }
  return { kind: 'function', fn, name: e.name.text, args, type, span: e.span }
}

function checkCount(e: ast.Call, fn: ScalarFunction): void {
  const least = fn.parameters.filter((p) => p.optional !== true).length
  const most = fn.parameters.some((p) => p.variadic) ? Number.POSITIVE_INFINITY : fn.parameters.length
  if (e.args.length >= least && e.args.length <= most) return
  const wanted =
    least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`
  throw new SqlError(
    'ARGUMENTS',
    `${e.name.text} takes ${wanted} argument${most === 1 || wanted === 'at least 1' ? '' : 's'}, not ${e.args.length}.`,
    e.span,
    `It is written ${signature(fn)}.`,
  )
}

function argument(arg: BoundExpr, fn: ScalarFunction, index: number, e: ast.Call): BoundExpr {
  const parameter = fn.parameters[Math.min(index, fn.parameters.length - 1)]
  if (parameter.accept === 'datetime' && arg.kind === 'constant' && typeof arg.value === 'string')
    return convert(arg, { kind: 'timestamp', unit: 'millis' })
  if (accepts(parameter.accept, arg)) return arg
  throw new SqlError(
    'ARGUMENTS',
    `${e.name.text} takes ${wantedWord(parameter.accept)} as "${parameter.name}", not ${aType(arg.type)}.`,
    arg.span ?? e.span,
    `It is written ${signature(fn)}.`,
  )
}

function accepts(accept: Accept, arg: BoundExpr): boolean {
  const t = arg.type
  if (t.kind === 'null') return true
  if (accept === 'constant-string') return arg.kind === 'constant' && typeof arg.value === 'string'
  if (t.kind === 'json' || accept === 'any') return true
  switch (accept) {
    case 'string':
      return t.kind === 'string' || t.kind === 'uuid'
    case 'number':
      return isNumeric(t)
    case 'integer':
      return isInteger(t)
    case 'boolean':
      return t.kind === 'boolean'
    case 'array':
      return t.kind === 'array'
    case 'datetime':
      return isDatetime(t) || t.kind === 'time'
    case 'bytes':
      return t.kind === 'bytes'
    case 'json':
      return t.kind === 'string' || t.kind === 'struct' || t.kind === 'map' || t.kind === 'array'
  }
}

function wantedWord(accept: Accept): string {
  if (accept === 'constant-string') return 'a literal text'
  if (accept === 'datetime') return 'a date, time or timestamp'
  if (accept === 'json') return 'JSON'
  return accept === 'any'
    ? 'anything'
    : accept === 'integer' || accept === 'array'
      ? `an ${accept}`
      : accept === 'bytes'
        ? 'bytes'
        : `a ${accept}`
}

/** Has the record a header of that name, be it null? */
function headerThere(ref: Extract<BoundExpr, { kind: 'header' }>, span: ast.Span): BoundExpr {
  const fn = findFunction('in_array')
  if (fn === undefined || ref.name === undefined) unexpected('the registry has no in_array')
  const keys: BoundExpr = { ...ref, name: undefined, as: 'keys', type: { kind: 'array', element: STRING } }
  return { kind: 'function', fn, name: 'IN_ARRAY', args: [ref.name, keys], type: BOOLEAN, span }
}

/** Functions that look at the record itself instead of at values. */
const SPECIAL: Readonly<Record<string, (e: ast.Call, c: ExpressionContext) => BoundExpr>> = {
  exists: (e, c) => {
    const ref = bindExpr(e.args[0], c)
    if (ref.kind === 'header' && ref.name !== undefined) return headerThere(ref, e.span)
    // An item of an element of XML, whose values are never null.
    if ((ref.kind === 'element' || ref.kind === 'member') && oneIsList(ref.type))
      return { kind: 'isNull', operand: ref, negated: true, type: BOOLEAN, span: e.span }
    if (ref.kind !== 'path')
      throw new SqlError(
        'ARGUMENTS',
        'EXISTS takes a field of a record.',
        e.args[0].span,
        'Write a field or a header of a table: `EXISTS`(vessel.name).',
      )
    return { kind: 'presence', source: ref.source, path: ref.path, type: BOOLEAN, span: e.span }
  },
  typeof: (e, c) => {
    const type =
      e.args.length === 0
        ? c.scope.resolve([{ text: '_value', quoted: false, span: e.span }], e.span).type
        : bindExpr(e.args[0], c).type
    return {
      kind: 'constant',
      value: type.kind === 'struct' && type.name !== undefined ? type.name : typeName(type),
      type: STRING,
      span: e.span,
    }
  },
  tumble: (e, c) => bindTumble(e, bindExpr(e.args[0], c)),
  tumble_end: (e, c) => bindTumble(e, bindExpr(e.args[0], c)),
  hop: (e, c) => bindHop(e, bindExpr(e.args[0], c), c.windows),
  hop_end: (e, c) => bindHop(e, bindExpr(e.args[0], c), c.windows),
  last_offset: (e, c) => ({ kind: 'lastOffset', source: onlySource(e, c), type: LONG, span: e.span }),
  headerkeys: (e, c) => ({
    kind: 'header',
    source: onlySource(e, c),
    name: undefined,
    as: 'keys',
    type: { kind: 'array', element: STRING },
    span: e.span,
  }),
  headerasstring: (e, c) => headerAs(e, c, 'string', STRING),
  headerasbytes: (e, c) => headerAs(e, c, 'bytes', { kind: 'bytes' }),
  headersasstring: (e, c) => headerAs(e, c, 'strings', { kind: 'array', element: STRING }),
  headersasbytes: (e, c) => headerAs(e, c, 'blobs', { kind: 'array', element: { kind: 'bytes' } }),
  headers: (e, c) => ({
    kind: 'header',
    source: onlySource(e, c),
    name: undefined,
    as: 'list',
    type: HEADER_LIST,
    span: e.span,
  }),
  headerasint: (e, c) => headerAs(e, c, 'int', INT),
  headeraslong: (e, c) => headerAs(e, c, 'long', LONG),
  headerasfloat: (e, c) => headerAs(e, c, 'float', { kind: 'float' }),
  headerasdouble: (e, c) => headerAs(e, c, 'double', DOUBLE),
}

function onlySource(e: ast.Call, c: ExpressionContext): number {
  const tables = c.scope.relations.filter((r) => r.kind === 'table')
  if (tables.length !== 1)
    throw new SqlError('UNSUPPORTED', `${e.name.text} needs one topic in FROM, and there are ${tables.length}.`, e.span)
  return tables[0].source
}

function headerAs(e: ast.Call, c: ExpressionContext, as: HeaderRef['as'], type: DataType): BoundExpr {
  return {
    kind: 'header',
    source: onlySource(e, c),
    name: convert(bindExpr(e.args[0], c), STRING),
    as,
    type,
    span: e.span,
  }
}

// ---------------------------------------------------------------------------------------------- aggregates

const WITH_LIMIT: ReadonlySet<AggregateName> = new Set([
  'collect',
  'collect_unique',
  'maxk',
  'mink',
  'maxk_unique',
  'mink_unique',
  'topk',
  'bottomk',
])
const TWO_ARGUMENTS: ReadonlySet<AggregateName> = new Set(['collect', 'collect_unique', 'approx_quantile'])
/** Limit `aggregate.max.items` (values): values that one array aggregate holds for a group. Beyond it: an error. */
const MAX_AGGREGATE_ITEMS = 100_000

function bindAggregate(e: ast.Call, name: AggregateName, c: ExpressionContext): BoundExpr {
  if (c.aggregates === undefined)
    throw new SqlError(
      'GROUPING',
      `${e.name.text} is an aggregate; it cannot stand in ${c.clause}.`,
      e.span,
      c.clause === 'WHERE' ? 'HAVING filters groups.' : undefined,
    )
  const inner: ExpressionContext = {
    scope: c.scope,
    subqueries: c.subqueries,
    windows: c.windows,
    clause: `another aggregate (${e.name.text})`,
  }
  if (e.star && name !== 'count')
    throw new SqlError('ARGUMENTS', `${e.name.text}(*) means nothing; only COUNT takes a star.`, e.span)
  const most = e.star ? 0 : WITH_LIMIT.has(name) || name === 'approx_quantile' ? 2 : 1
  const least = e.star ? 0 : name === 'count' ? 0 : TWO_ARGUMENTS.has(name) ? 2 : 1
  if (e.args.length > most || e.args.length < least)
    throw new SqlError(
      'ARGUMENTS',
      `${e.name.text} takes ${least === most ? least : `${least} or ${most}`} argument${most === 1 ? '' : 's'}, not ${e.args.length}.`,
      e.span,
    )
  const arg = e.args.length === 0 ? undefined : bindExpr(e.args[0], inner)
  const quantile = name === 'approx_quantile' ? share(e.args[1], inner, e) : undefined
  const limit = e.args.length > 1 && quantile === undefined ? itemLimit(e.args[1], inner, e) : 1
  const filter = e.filter === undefined ? undefined : condition(bindExpr(e.filter, inner), 'FILTER')
  const text = printExpr(e)
  const bound: BoundAggregate = {
    name,
    arg: arg === undefined ? undefined : aggregateArgument(name, arg, e),
    limit,
    quantile,
    distinct: e.distinct,
    filter,
    type: aggregateType(name, arg),
    text,
  }
  const { list, firstSlot } = c.aggregates
  let at = list.findIndex((a) => sameAggregate(a, bound))
  if (at < 0) at = list.push(bound) - 1
  return { kind: 'slot', index: firstSlot + at, name: text, type: bound.type, span: e.span }
}

/** The q of a quantile. */
function share(e: ast.Expr, c: ExpressionContext, call: ast.Call): number {
  const q = bindExpr(e, c)
  if (q.kind !== 'constant' || typeof q.value !== 'number' || !(q.value >= 0 && q.value <= 1))
    throw new SqlError(
      'ARGUMENTS',
      `${call.name.text} takes a number from 0 to 1 as its second argument.`,
      e.span,
      'For the median write 0.5.',
    )
  return q.value
}

function itemLimit(e: ast.Expr, c: ExpressionContext, call: ast.Call): number {
  const n = bindExpr(e, c)
  if (n.kind !== 'constant' || typeof n.value !== 'number' || !Number.isInteger(n.value) || n.value < 1)
    throw new SqlError('ARGUMENTS', `${call.name.text} takes a whole number above 0 as its second argument.`, e.span)
  if (n.value > MAX_AGGREGATE_ITEMS)
    throw new SqlError(
      'LIMIT',
      `${call.name.text} holds ${MAX_AGGREGATE_ITEMS.toLocaleString('en')} values a group at most (aggregate.max.items).`,
      e.span,
    )
  return n.value
}

function aggregateArgument(name: AggregateName, arg: BoundExpr, e: ast.Call): BoundExpr {
  const t = arg.type
  if (
    (name === 'sum' || name === 'avg' || name === 'approx_quantile') &&
    !isNumeric(t) &&
    t.kind !== 'json' &&
    t.kind !== 'null'
  )
    throw new SqlError('ARGUMENTS', `${e.name.text} takes a number, not ${aType(t)}.`, arg.span, 'CAST it to a number.')
  return arg
}

function aggregateType(name: AggregateName, arg: BoundExpr | undefined): DataType {
  const t = arg?.type ?? NULL_TYPE
  switch (name) {
    case 'count':
    case 'approx_count_distinct':
      return LONG
    case 'approx_quantile':
      return DOUBLE
    case 'sum':
      return isInteger(t) ? LONG : t.kind === 'decimal' ? DECIMAL : t.kind === 'json' || t.kind === 'null' ? t : DOUBLE
    case 'avg':
      return t.kind === 'decimal' ? DECIMAL : DOUBLE
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return t
    default:
      return { kind: 'array', element: t }
  }
}

function sameAggregate(a: BoundAggregate, b: BoundAggregate): boolean {
  const key = (e: BoundExpr | undefined): string => (e === undefined ? '' : evaluationKey(e))
  return (
    a.name === b.name &&
    a.limit === b.limit &&
    a.quantile === b.quantile &&
    a.distinct === b.distinct &&
    key(a.arg) === key(b.arg) &&
    key(a.filter) === key(b.filter)
  )
}
