/**
 * Bound expressions as Flink SQL. Each kind has one row here, an exact translation or a refusal; functions have theirs
 * in `functions.ts`. Three-valued logic is the same on both sides.
 */
import { Decimal } from '../../lib/decimal.ts'
import type { CompareOp } from '../../plan/operators.ts'
import type { BoundExpr, Compare, ElementOf, InList, LikeMatch, Logic, MemberOf, SlotRef } from '../../plan/plan.ts'
import { BOOLEAN, STRING } from '../../types.ts'
import {
  asType,
  canonicalOf,
  comparableIn,
  isBooleanIn,
  isNumber,
  isTextIn,
  markFrom,
  meeting,
  numberIn,
  ordered,
  textIn,
  wide,
  withoutZeroSign,
} from './carriers.ts'
import { arithmetic } from './arithmetic.ts'
import { castTo } from './casts.ts'
import { barrier, double, type FlinkSql, list, ofDifferentRows, once, opaque, sql, text } from './flink-sql.ts'
import { translateCall } from './functions.ts'
import { canonicalJson, isDoubleWrapped, wrappedAt } from './json.ts'
import { headerWithin } from './records/headers.ts'
import { Refusal } from './refusal.ts'
import { constant, digitsOf, guard, isFloating, isWhole, jacksonText, type Term } from './terms.ts'

/** What references of an expression stand for: columns of the rows below. */
export type Columns = (reference: Exclude<Reference, never>) => Term
/** The leaves that a row below has to answer. */
export type Reference = SlotRef | Extract<BoundExpr, { kind: 'path' | 'presence' | 'header' | 'lastOffset' | 'column' }>

/** The expression over those columns. Throws a Refusal. */
export function translate(e: BoundExpr, columns: Columns): Term {
  try {
    return translated(e, (of) => translate(of, columns), columns)
  } catch (cause) {
    // The innermost place that is known is the one to show.
    if (cause instanceof Refusal && cause.span === undefined && e.span !== undefined)
      throw new Refusal(cause.message, e.span, cause.remedy)
    throw cause
  }
}

/** A condition over those columns. Throws a Refusal. */
export function translateCondition(e: BoundExpr, columns: Columns): FlinkSql {
  return asCondition(translate(e, columns))
}

/** A JSON value that is neither true nor false is as unknown as NULL. */
function asCondition(term: Term): FlinkSql {
  if (term.type.kind === 'boolean') return term.sql
  if (term.type.kind !== 'json') return sql`CAST(NULL AS BOOLEAN)`
  const value = once(term.sql)
  return sql`CASE WHEN ${value} = 'true' THEN TRUE WHEN ${value} = 'false' THEN FALSE ELSE CAST(NULL AS BOOLEAN) END`
}

type Inner = (of: BoundExpr) => Term

function translated(e: BoundExpr, inner: Inner, columns: Columns): Term {
  switch (e.kind) {
    case 'constant':
      return constant(e.value, e.value === null && e.type.kind === 'null' ? STRING : e.type)
    case 'path':
    case 'slot':
    case 'column':
    case 'presence':
    case 'header':
    case 'lastOffset':
      return columns(e)
    case 'not':
      return { sql: sql`(NOT ${asCondition(inner(e.operand))})`, type: BOOLEAN }
    case 'and':
    case 'or':
      return logic(e, inner)
    case 'compare':
      return compare(e, inner)
    case 'isNull': {
      const { sql: operand } = inner(e.operand)
      return { sql: e.negated ? sql`(${operand} IS NOT NULL)` : sql`(${operand} IS NULL)`, type: BOOLEAN }
    }
    case 'in':
      return inList(e, inner)
    case 'like':
      return like(e, inner)
    case 'case': {
      const thens = e.whens.map(({ then }) => inner(then))
      const otherwise = inner(e.otherwise)
      const type = meeting(
        [...thens, otherwise].map((term) => term.type),
        e.type,
      )
      const conditions = e.whens.map(({ when }) => asCondition(inner(when)))
      const chosen = (of: readonly FlinkSql[]): FlinkSql => {
        const whens = conditions.map((condition, i) => sql`WHEN ${condition} THEN ${of[i]}`)
        return sql`CASE ${list(whens, ' ')} ELSE ${of[whens.length]} END`
      }
      const all = [...thens, otherwise].map((term) => asType(term, type))
      return { sql: chosen(all.map((term) => term.sql)), type, mark: markFrom(all, chosen) }
    }
    case 'arithmetic':
      return arithmetic(e, inner(e.left), inner(e.right))
    case 'negate': {
      const of = inner(e.operand)
      if (e.by === 'dynamic' || of.type.kind === 'json')
        throw new Refusal('The sign of a JSON value is not changed in Flink.')
      // 0 has no other sign with whole numbers, and keeps it with doubles.
      return e.by === 'integer'
        ? { ...of, sql: sql`(-${wide(of)})`, digits: digitsOf(of) }
        : { ...of, sql: sql`(-${of.sql})` }
    }
    case 'cast':
      return castTo(inner(e.operand), e.type)
    case 'function': {
      const header = headerWithin(e)
      return header === undefined ? translateCall(e, e.args.map(inner)) : columns(header)
    }
    case 'subquery':
      throw new Refusal('A subquery is not handed over to Flink.')
    case 'element':
    case 'member': {
      const header = headerWithin(e)
      return header === undefined ? part(e, inner) : columns(header)
    }
    case 'array':
    case 'struct':
      throw new Refusal(TAKEN_APART, e.span, 'Name the field by its path.')
  }
}

function logic(e: Logic, inner: Inner): Term {
  if (e.together === true) throw new Refusal('A condition on a value that differs at each evaluation stays here.')
  const operands = e.operands.map((o) => asCondition(inner(o)))
  return { sql: sql`(${list(operands, e.kind === 'and' ? ' AND ' : ' OR ')})`, type: BOOLEAN }
}

// ---------------------------------------------------------------------------------------------- comparisons

function operator(op: CompareOp): FlinkSql {
  switch (op) {
    case '=':
      return sql`=`
    case '!=':
      return sql`<>`
    case '<':
      return sql`<`
    case '<=':
      return sql`<=`
    case '>':
      return sql`>`
    case '>=':
      return sql`>=`
  }
}

function compare(e: Compare, inner: Inner): Term {
  const [a, b] = [inner(e.left), inner(e.right)]
  return { sql: compared(e.op, e.by, a, b, { left: e.left, right: e.right }), type: BOOLEAN }
}

/** A comparison of two carriers. `exprs`: the two sides as they were, to see constants. */
export function compared(
  op: CompareOp,
  by: Compare['by'],
  a: Term,
  given: Term,
  exprs?: { readonly left: BoundExpr; readonly right: BoundExpr },
): FlinkSql {
  // Of a value and itself Flink's planner says that they are equal, also where they are NULL.
  const mayBeOne =
    exprs?.left.kind !== 'constant' && exprs?.right.kind !== 'constant' && !ofDifferentRows(a.sql, given.sql)
  const b = mayBeOne ? { ...given, sql: opaque(given.sql) } : given
  const isOrder = op !== '=' && op !== '!='
  if (by === 'dynamic') return isOrder ? orderedDynamic(op, a, b, exprs) : equalDynamic(op, a, b, exprs)
  if (by === 'bytes' && isOrder) throw new Refusal('Bytes are not ordered in Flink.')
  if (by === 'string') {
    if (!isOrder || isAscii(exprs?.left) || isAscii(exprs?.right)) return sql`(${a.sql} ${operator(op)} ${b.sql})`
    return sql`(${ordered(a.sql)} ${operator(op)} ${ordered(b.sql)})`
  }
  const [x, y] = by === 'number' ? mixed(a, b, exprs) : [a.sql, b.sql]
  if ((a.type.kind === 'boolean') !== (b.type.kind === 'boolean'))
    throw new Refusal('A NULL of an unknown type is not compared in Flink.')
  const isField = (t: Term, e: BoundExpr | undefined) => e?.kind !== 'constant' && isFloating(t.type)
  const fields = [...(isField(a, exprs?.left) ? [x] : []), ...(isField(b, exprs?.right) ? [y] : [])]
  if (fields.length === 0) return sql`(${x} ${operator(op)} ${y})`
  // NaN is neither less nor greater: that is as unknown as NULL.
  if (isOrder) {
    const [p, q] = [once(x), once(y)]
    const known = fields.map((field) => isNumber(field === x ? p : q))
    return opaque(sql`CASE WHEN ${list(known, ' AND ')} THEN ${p} ${operator(op)} ${q} END`)
  }
  // Of several constants the planner makes a list to look in, where zero is not found by its other sign.
  if (exprs?.right.kind === 'constant') return sql`(${withoutZeroSign(x)} ${operator(op)} ${y})`
  if (exprs?.left.kind === 'constant') return sql`(${x} ${operator(op)} ${withoutZeroSign(y)})`
  return sql`(${x} ${operator(op)} ${y})`
}

/** Against ASCII the order of code units and that of bytes say the same. */
function isAscii(e: BoundExpr | undefined): boolean {
  return e?.kind === 'constant' && typeof e.value === 'string' && /^[\0-\x7f]*$/.test(e.value)
}

/** A long and a double are compared as doubles by Flink, and exactly here: a long that is no double ends the job. */
function mixed(a: Term, b: Term, exprs: Sides): readonly [FlinkSql, FlinkSql] {
  const isLong = (t: Term) => isWhole(t.type) && digitsOf(t) > 15
  const isSmall = (e: BoundExpr | undefined) =>
    e?.kind === 'constant' && typeof e.value === 'number' && Math.abs(e.value) < 2 ** 53
  const [wholeLeft, wholeRight] = [wholeConstant(exprs?.left), wholeConstant(exprs?.right)]
  if (isLong(a) && isFloating(b.type) && !isSmall(exprs?.right))
    return wholeRight === undefined ? [doubleOf(a), b.sql] : [a.sql, wholeRight]
  if (isLong(b) && isFloating(a.type) && !isSmall(exprs?.left))
    return wholeLeft === undefined ? [a.sql, doubleOf(b)] : [wholeLeft, b.sql]
  return [a.sql, b.sql]
}

/** A constant double that is a whole number of 64 bits, as that. */
function wholeConstant(e: BoundExpr | undefined): FlinkSql | undefined {
  if (e?.kind !== 'constant' || typeof e.value !== 'number' || !Number.isInteger(e.value)) return undefined
  return Math.abs(e.value) < 2 ** 63 ? sql`CAST(${BigInt(e.value)} AS BIGINT)` : undefined
}

/** A whole number as the double that it is; one of more than 53 bits ends the job. */
function doubleOf(term: Term): FlinkSql {
  const value = once(term.sql)
  const far = guard('a number of more than 53 bits meets a double', sql`CAST(${value} AS STRING)`, sql`DOUBLE`)
  return sql`CASE WHEN ${value} NOT BETWEEN -9007199254740992 AND 9007199254740992 THEN ${far} ELSE CAST(${value} AS DOUBLE) END`
}

type Sides = { readonly left: BoundExpr; readonly right: BoundExpr } | undefined

/** A constant number that a double is, among its neighbours exactly. */
function numberConstant(e: BoundExpr | undefined): number | undefined {
  if (e?.kind !== 'constant') return undefined
  const value = e.value instanceof Decimal ? e.value.toNumber() : e.value
  return typeof value === 'number' && Math.abs(value) < 2 ** 53 ? value : undefined
}

/** Unlike kinds are not equal; NULL is neither. */
function equalDynamic(op: '=' | '!=', a: Term, b: Term, exprs: Sides): FlinkSql {
  const sides = [
    [a, exprs?.right, b],
    [b, exprs?.left, a],
  ] as const
  for (const [json, constantSide, other] of sides) {
    const n = numberConstant(constantSide)
    if (n === undefined || json.type.kind !== 'json' || other.type.kind === 'json') continue
    // `5` and `5.0` are equal: compared as numbers.
    const c = once(json.sql)
    const equal = sql`COALESCE(TRY_CAST(${c} AS DOUBLE) = ${double(n)}, FALSE)`
    return sql`CASE WHEN ${c} IS NULL THEN CAST(NULL AS BOOLEAN) ELSE ${op === '=' ? equal : sql`NOT ${equal}`} END`
  }
  const bothJson =
    a.type.kind === 'json' &&
    b.type.kind === 'json' &&
    exprs?.left.kind !== 'constant' &&
    exprs?.right.kind !== 'constant'
  const side = (term: Term, e: BoundExpr | undefined): FlinkSql =>
    e?.kind === 'constant' && typeof e.value === 'string'
      ? text(jacksonText(e.value))
      : bothJson
        ? comparableIn(term)
        : canonicalOf(term)
  return sql`(${side(a, exprs?.left)} ${operator(op)} ${side(b, exprs?.right)})`
}

/** Kinds that `orderedDynamic` knows, besides whole numbers. */
const ORDERED: ReadonlySet<string> = new Set(['json', 'boolean', 'string', 'float', 'double', 'null'])

/** Numbers with numbers, texts with texts, booleans with booleans; anything else is NULL. */
function orderedDynamic(op: CompareOp, left: Term, right: Term, exprs: Sides): FlinkSql {
  const whens: FlinkSql[] = []
  const odd = [left, right].find((t) => !isWhole(t.type) && !ORDERED.has(t.type.kind))
  if (odd !== undefined)
    throw new Refusal(`A value of the type ${odd.type.kind} and one of another kind are not compared in Flink.`)
  const [a, b] = [left, right].map((t) => ({ ...t, sql: once(t.sql) }))
  const numberOf = (t: Term, e: BoundExpr | undefined): FlinkSql | undefined => {
    const n = numberConstant(e)
    if (n !== undefined) return double(n)
    if (t.type.kind === 'json') return numberIn(t)
    if (isFloating(t.type)) return t.sql
    if (!isWhole(t.type)) return undefined
    return digitsOf(t) <= 15 ? sql`CAST(${t.sql} AS DOUBLE)` : once(doubleOf(t))
  }
  const inOrder = isAscii(exprs?.left) || isAscii(exprs?.right) ? (value: FlinkSql) => value : ordered
  const textOf = (t: Term): FlinkSql | undefined =>
    t.type.kind === 'json' ? inOrder(textIn(t)) : t.type.kind === 'string' ? inOrder(t.sql) : undefined
  const [an, bn] = [numberOf(a, exprs?.left), numberOf(b, exprs?.right)]
  const [at, bt] = [textOf(a), textOf(b)]
  if (an !== undefined && bn !== undefined) {
    const both = sql`${an} IS NOT NULL AND ${bn} IS NOT NULL`
    whens.push(sql`WHEN ${both} THEN ${an} ${operator(op)} ${bn}`)
  }
  if (at !== undefined && bt !== undefined) {
    const conditions = [a, b].filter((t) => t.type.kind === 'json').map(isTextIn)
    whens.push(sql`WHEN ${list(conditions, ' AND ')} THEN ${at} ${operator(op)} ${bt}`)
  }
  if (a.type.kind === 'json' && b.type.kind === 'json')
    whens.push(sql`WHEN ${isBooleanIn(a)} AND ${isBooleanIn(b)} THEN ${a.sql} ${operator(op)} ${b.sql}`)
  else if (a.type.kind === 'boolean' || b.type.kind === 'boolean') {
    const [x, y] = [canonicalOf(a), canonicalOf(b)]
    whens.push(sql`WHEN ${x} IN ('true', 'false') AND ${y} IN ('true', 'false') THEN ${x} ${operator(op)} ${y}`)
  }
  if (whens.length === 0) return sql`CAST(NULL AS BOOLEAN)`
  return sql`CASE ${list(whens, ' ')} ELSE CAST(NULL AS BOOLEAN) END`
}

function inList(e: InList, inner: Inner): Term {
  const given = inner(e.operand)
  const operand = { ...given, sql: once(given.sql) }
  const equals = e.items.map((item) => compared('=', e.by, operand, inner(item), { left: e.operand, right: item }))
  const any = sql`(${list(equals, ' OR ')})`
  return { sql: e.negated ? sql`(NOT ${any})` : any, type: BOOLEAN }
}

/** What is at a name or a constant place of a JSON value. */
function part(e: ElementOf | MemberOf, inner: Inner): Term {
  const of = inner(e.operand)
  const step = e.kind === 'member' ? e.name : e.index.kind === 'constant' ? e.index.value : undefined
  const isPlace = typeof step === 'number' && Number.isInteger(step) && step >= 0
  if (of.type.kind !== 'json' || e.type.kind !== 'json' || (typeof step !== 'string' && !isPlace))
    throw new Refusal(TAKEN_APART, e.span, 'Name the field by its path.')
  const wrapped = once(wrappedAt(of.sql, [step]))
  return { sql: barrier(canonicalJson(wrapped)), type: e.type, mark: () => isDoubleWrapped(wrapped) }
}

const TAKEN_APART = 'Lists and structures are not made or taken apart in Flink.'

/** `%` only: `_` stands for a code unit here and for a character there, and a backslash escapes nothing here. */
function like(e: LikeMatch, inner: Inner): Term {
  const { operand, pattern, negated } = e
  if (pattern.kind !== 'constant' || typeof pattern.value !== 'string')
    throw new Refusal('LIKE with a pattern that rows say is not handed over to Flink.', e.span)
  if (/[_\\]/.test(pattern.value))
    throw new Refusal('LIKE with "_" or a backslash is not handed over to Flink: they mean other things there.', e.span)
  const of = inner(operand)
  const value = of.type.kind === 'json' ? textIn(of) : of.type.kind === 'string' ? of.sql : undefined
  if (value === undefined) throw new Refusal(`LIKE on a value of the type ${of.type.kind} is not handed over to Flink.`)
  // Every text is LIKE '' in Flink.
  const op = pattern.value.includes('%') ? sql`LIKE` : sql`=`
  const matches = sql`(${value} ${op} ${text(pattern.value)})`
  return { sql: negated ? sql`(NOT ${matches})` : matches, type: BOOLEAN }
}
