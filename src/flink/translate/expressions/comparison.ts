/** Comparisons of carriers: exact between whole numbers and doubles, in our order of texts, NULL between unlike JSON values. */
import { Decimal } from '../../../lib/decimal.ts'
import type { CompareOp } from '../../../plan/operators.ts'
import type { BoundExpr, Compare } from '../../../plan/plan.ts'
import {
  areNumbers,
  canonicalOf,
  comparableIn,
  isBooleanIn,
  isExact,
  isTextIn,
  numberIn,
  ODD,
  ordered,
  textIn,
  withoutZeroSign,
} from '../carriers.ts'
import {
  digits,
  double,
  type FlinkSql,
  list,
  ofDifferentRows,
  once,
  opaque,
  ordering,
  sql,
  text,
} from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { decimalOf, digitsOf, guard, isFloating, isWhole, jacksonText, type Term } from '../terms.ts'
import { DOUBLE } from '../../../types.ts'

function comparison(x: FlinkSql, op: CompareOp, y: FlinkSql): FlinkSql {
  return op === '=' ? sql`(${x} = ${y})` : op === '!=' ? sql`(${x} <> ${y})` : ordering(x, op, y)
}

/** A comparison of two carriers. `exprs`: the two sides as they were, to see constants. */
export function compared(
  op: CompareOp,
  by: Compare['by'],
  a: Term,
  given: Term,
  exprs?: { readonly left: BoundExpr; readonly right: BoundExpr },
): FlinkSql {
  if (a.type.kind === 'null' || given.type.kind === 'null') return sql`CAST(NULL AS BOOLEAN)`
  // Of a value and itself Flink's planner says that they are equal, also where they are NULL.
  const mayBeOne =
    exprs?.left.kind !== 'constant' && exprs?.right.kind !== 'constant' && !ofDifferentRows(a.sql, given.sql)
  const b = mayBeOne ? hidden(given) : given
  const isOrder = op !== '=' && op !== '!='
  if (by === 'dynamic') return isOrder ? orderedDynamic(op, a, b, exprs) : equalDynamic(op, a, b, exprs)
  if (by === 'bytes' && isOrder) throw new Refusal('Bytes are not ordered in Flink.')
  if (by === 'string') {
    if (!isOrder || isAscii(exprs?.left) || isAscii(exprs?.right)) return comparison(a.sql, op, b.sql)
    return comparison(ordered(a.sql), op, ordered(b.sql))
  }
  const [x, y] = by === 'number' ? mixed(a, b, exprs) : [a.sql, b.sql]
  if ((a.type.kind === 'boolean') !== (b.type.kind === 'boolean'))
    throw new Refusal('A NULL of an unknown type is not compared in Flink.')
  const isField = (t: Term, e: BoundExpr | undefined) => e?.kind !== 'constant' && isFloating(t.type)
  const fields = [...(isField(a, exprs?.left) ? [x] : []), ...(isField(b, exprs?.right) ? [y] : [])]
  if (fields.length === 0) return comparison(x, op, y)
  // NaN is neither less nor greater: that is as unknown as NULL.
  if (isOrder) {
    const [p, q] = [once(x), once(y)]
    return ordering(p, op, q, areNumbers(fields.map((field) => (field === x ? p : q))))
  }
  // Of several constants the planner makes a list to look in, where zero is not found by its other sign.
  if (exprs?.right.kind === 'constant') return comparison(withoutZeroSign(x), op, y)
  if (exprs?.left.kind === 'constant') return comparison(x, op, withoutZeroSign(y))
  return fields.length === 2 && a.isNumber !== true ? equalDoubles(op, once(x), once(y)) : comparison(x, op, y)
}

/** Of two NaN Flink says that they are equal. */
function equalDoubles(op: CompareOp, x: FlinkSql, y: FlinkSql): FlinkSql {
  const equal = sql`(${x} = ${y} AND (${areNumbers([x])} OR ${y} IS NULL))`
  return op === '=' ? equal : sql`(NOT ${equal})`
}

/** A value of which the planner does not see what it is. */
function hidden(term: Term): Term {
  return { ...term, sql: opaque(term.sql), number: term.number && opaque(term.number) }
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
export function doubleOf(term: Term): FlinkSql {
  const value = once(term.sql)
  const far = guard('a number of more than 53 bits meets a double', sql`CAST(${value} AS STRING)`, sql`DOUBLE`)
  return sql`CASE WHEN NOT ${isExact(value)} THEN ${far} ELSE CAST(${value} AS DOUBLE) END`
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
    if (json.number !== undefined) return comparison(numberIn(json), op, double(n + 0))
    // `5` and `5.0` are equal: compared as numbers.
    const c = once(json.sql)
    const equal = sql`COALESCE(TRY_CAST(${exactIn({ ...json, sql: c })} AS DOUBLE) = ${double(n)}, FALSE)`
    return sql`CASE WHEN ${c} IS NULL THEN CAST(NULL AS BOOLEAN) ELSE ${op === '=' ? equal : sql`NOT ${equal}`} END`
  }
  const bothJson =
    a.type.kind === 'json' &&
    b.type.kind === 'json' &&
    exprs?.left.kind !== 'constant' &&
    exprs?.right.kind !== 'constant'
  const [left, right] = [textConstant(exprs?.left), textConstant(exprs?.right)]
  const side = (given: Term, own: FlinkSql | undefined, isWithNumber: boolean): FlinkSql => {
    const term = given.type.kind === 'decimal' ? { sql: decimalAsDouble(given), type: DOUBLE } : given
    return own ?? (bothJson ? comparableIn(term) : isWithNumber ? exactIn(term) : canonicalOf(term))
  }
  const x = side(a, left, right === undefined && mayBeNumber(b))
  const y = side(b, right, left === undefined && mayBeNumber(a))
  return comparison(x, op, y)
}

/** The canonical text of a constant text. */
function textConstant(e: BoundExpr | undefined): FlinkSql | undefined {
  return e?.kind === 'constant' && typeof e.value === 'string' ? text(jacksonText(e.value)) : undefined
}

/** To anything else no number is equal, whatever it is exactly. */
function mayBeNumber({ type }: Term): boolean {
  return type.kind === 'json' || type.kind === 'decimal' || isWhole(type) || isFloating(type)
}

/**
 * A decimal beside doubles and JSON numbers. Within 15 digits no two decimals are one double, and a double is, as here, the
 * shortest decimal that reads back as it; more digits end the job.
 */
function decimalAsDouble({ sql: of, type }: Term): FlinkSql {
  const { precision, scale } = decimalOf(type)
  const x = once(of)
  const value = sql`CAST(CAST(${x} AS STRING) AS DOUBLE)`
  if (precision <= 15) return once(value)
  if (scale > 15) throw new Refusal('A decimal of more than 15 places and a number of another kind stay here.')
  const far = guard('a decimal of more than 15 digits meets a number', sql`CAST(${x} AS STRING)`, sql`DOUBLE`)
  const end = digits(`1${'0'.repeat(15 - scale)}`)
  const fits = ordering(sql`ABS(${x})`, '<', sql`CAST(${end} AS DECIMAL(${precision}, ${scale}))`)
  return once(sql`CASE WHEN NOT ${fits} THEN ${far} ELSE ${value} END`)
}

/** The canonical text of a value that is compared with a number of another type; a number that has none ends the job. */
function exactIn(term: Term): FlinkSql {
  if (term.type.kind !== 'json' && !isFloating(term.type)) return canonicalOf(term)
  const c = once(canonicalOf(term))
  const odd = guard('a number beyond 15 digits is compared', c, sql`STRING`)
  return once(sql`CASE WHEN SUBSTRING(${c} FROM 1 FOR 1) = ${ODD} THEN ${odd} ELSE ${c} END`)
}

/** Is this a JSON value that may be a text or a boolean? What was computed is a number. */
function isAny({ type, number }: Term): boolean {
  return type.kind === 'json' && number === undefined
}

/** Kinds that `orderedDynamic` knows, besides whole numbers. */
const ORDERED: ReadonlySet<string> = new Set(['json', 'boolean', 'string', 'float', 'double', 'decimal', 'null'])

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
    if (t.type.kind === 'decimal') return decimalAsDouble(t)
    if (!isWhole(t.type)) return undefined
    return digitsOf(t) <= 15 ? sql`CAST(${t.sql} AS DOUBLE)` : once(doubleOf(t))
  }
  const inOrder = isAscii(exprs?.left) || isAscii(exprs?.right) ? (value: FlinkSql) => value : ordered
  const textOf = (t: Term): FlinkSql | undefined =>
    isAny(t) ? inOrder(textIn(t)) : t.type.kind === 'string' ? inOrder(t.sql) : undefined
  const [an, bn] = [numberOf(a, exprs?.left), numberOf(b, exprs?.right)]
  const [at, bt] = [textOf(a), textOf(b)]
  if (an !== undefined && bn !== undefined) {
    // NaN has no place in the order, as here.
    const isThere = (t: Term, n: FlinkSql): FlinkSql => (isFloating(t.type) ? areNumbers([n]) : sql`${n} IS NOT NULL`)
    const both = sql`${isThere(a, an)} AND ${isThere(b, bn)}`
    whens.push(sql`WHEN ${both} THEN ${comparison(an, op, bn)}`)
  }
  if (at !== undefined && bt !== undefined) {
    const conditions = [a, b].filter(isAny).map(isTextIn)
    whens.push(sql`WHEN ${list(conditions, ' AND ')} THEN ${comparison(at, op, bt)}`)
  }
  if (isAny(a) && isAny(b))
    whens.push(sql`WHEN ${isBooleanIn(a)} AND ${isBooleanIn(b)} THEN ${comparison(a.sql, op, b.sql)}`)
  else if (a.type.kind === 'boolean' || b.type.kind === 'boolean') {
    const [x, y] = [canonicalOf(a), canonicalOf(b)]
    whens.push(sql`WHEN ${x} IN ('true', 'false') AND ${y} IN ('true', 'false') THEN ${comparison(x, op, y)}`)
  }
  if (whens.length === 0) return sql`CAST(NULL AS BOOLEAN)`
  return sql`CASE ${list(whens, ' ')} ELSE CAST(NULL AS BOOLEAN) END`
}
