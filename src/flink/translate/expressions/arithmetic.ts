/** `+ - * / %` and moving moments: on whole numbers, doubles, decimals and JSON numbers. */
import { parseDuration } from '../../../functions/support/datemath.ts'
import type { Arithmetic, BoundExpr } from '../../../plan/plan.ts'
import { DOUBLE } from '../../../types.ts'
import { asDecimal, asType, computed, isExact, markFrom, numberIn, wide } from '../carriers.ts'
import { between, type FlinkSql, list, once, opaque, ordering, sql, text } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { doubleOf } from './comparison.ts'
import { decimalOf, digitsOf, guard, isWhole, MOST_DIGITS, type Term } from '../terms.ts'

/** A computation with two translated operands. Throws a Refusal where Flink's answer would be another one. */
export function arithmetic(e: Arithmetic, a: Term, b: Term): Term {
  switch (e.by) {
    case 'integer':
      return wholeArithmetic(e, a, b)
    case 'double':
      return doubleArithmetic(e, a, b)
    case 'decimal':
      return decimalArithmetic(e, a, b)
    case 'dynamic':
      return dynamicArithmetic(e, a, b)
    case 'date':
      return moved(e, a)
  }
}

/** A number with the other sign. 0 has none with whole numbers and JSON values, and keeps it with doubles. */
export function negated(by: Extract<BoundExpr, { kind: 'negate' }>['by'], of: Term): Term {
  if (of.type.kind === 'json') return computed(sql`(-${numberIn(of)})`, of)
  if (of.type.kind === 'null') return of
  if (by === 'dynamic') throw new Refusal(`The sign of a value of the type ${of.type.kind} is not changed in Flink.`)
  return by === 'integer'
    ? { ...of, sql: sql`(-${wide(of)})`, digits: digitsOf(of) }
    : { ...of, sql: sql`(-${of.sql})` }
}

/**
 * A moment and a duration of fixed length; months are of the calendar. Moments are doubles here, and run over 64 bits there:
 * one beyond 53 bits ends the job.
 */
function moved(e: Arithmetic, moment: Term): Term {
  const { right } = e
  const duration = right.kind === 'constant' && typeof right.value === 'string' ? parseDuration(right.value) : undefined
  const isMillis = moment.type.kind === 'timestamp' && moment.type.unit === 'millis'
  if (duration === undefined || duration.months > 0 || !isMillis)
    throw new Refusal('Moving a moment by anything but a fixed duration is not handed over to Flink.', e.span)
  const at = once(moment.sql)
  const far = guard('a moment beyond 53 bits is moved', sql`CAST(${at} AS STRING)`, sql`BIGINT`)
  const to = sql`CAST(${at} AS BIGINT) ${e.op === '-' ? sql`-` : sql`+`} ${duration.millis}`
  return { sql: once(sql`CASE WHEN NOT ${isExact(at)} THEN ${far} ELSE ${to} END`), type: moment.type }
}

function wholeArithmetic({ op, type }: Arithmetic, a: Term, b: Term): Term {
  const [x, y] = [digitsOf(a), digitsOf(b)]
  if (op === '/' || op === '%') {
    if (x > 18 || y > 18) {
      // Decimals would round. The smallest 64-bit number divided by -1 has no room in 64 bits.
      const [p, q] = [longOf(a), longOf(b)]
      const divided = op === '/' ? sql`${p} / NULLIF(${q}, 0)` : sql`MOD(${p}, NULLIF(${q}, 0))`
      const opposite = op === '/' ? sql`(-${wide(a)})` : sql`CAST(0 AS DECIMAL(19, 0))`
      const usual = sql`CAST(${divided} AS DECIMAL(19, 0))`
      const most = op === '/' ? Math.max(x, 19) : 19
      return {
        sql: sql`CASE WHEN ${q} = -1 AND ${p} IS NOT NULL THEN ${opposite} ELSE ${usual} END`,
        type,
        digits: most,
      }
    }
    const [p, q] = [sql`CAST(${a.sql} AS BIGINT)`, sql`NULLIF(CAST(${b.sql} AS BIGINT), 0)`]
    return { sql: op === '/' ? sql`(${p} / ${q})` : sql`MOD(${p}, ${q})`, type, digits: Math.max(x, 1) }
  }
  const room = op === '*' ? x + y : Math.max(x, y) + 1
  if (room > MOST_DIGITS)
    throw new Refusal('The result may have more than 38 digits, which Flink does not compute with.')
  const sign = op === '*' ? sql`*` : op === '+' ? sql`+` : sql`-`
  return { sql: sql`(${wide(a)} ${sign} ${wide(b)})`, type, digits: room }
}

/** A whole number of up to 19 digits in 64 bits; one that has no room there ends the job. */
function longOf(term: Term): FlinkSql {
  if (term.digits === undefined || term.digits < 19) return once(sql`CAST(${term.sql} AS BIGINT)`)
  const value = once(term.sql)
  const far = guard('a number beyond 64 bits is divided', sql`CAST(${value} AS STRING)`, sql`BIGINT`)
  const long = (of: FlinkSql): FlinkSql => sql`CAST(${of} AS DECIMAL(19, 0))`
  const fits = between(long(value), long(text('-9223372036854775808')), long(text('9223372036854775807')))
  return once(sql`CASE WHEN ${value} IS NULL OR ${fits} THEN CAST(${value} AS BIGINT) ELSE ${far} END`)
}

function doubleArithmetic({ op, type, left, right }: Arithmetic, a: Term, b: Term): Term {
  // A zero that the planner sees it leaves away, and −0.0 + 0 is 0.0.
  const side = (term: Term, of: BoundExpr): FlinkSql => {
    const { sql: value } = asType(term, DOUBLE)
    return of.kind === 'constant' && Number(of.value) === 0 ? opaque(value) : value
  }
  const [x, y] = [side(a, left), side(b, right)]
  switch (op) {
    case '+':
      return { sql: sql`(${x} + ${y})`, type }
    case '-':
      return { sql: sql`(${x} - ${y})`, type }
    case '*':
      return { sql: sql`(${x} * ${y})`, type }
    case '/':
      return { sql: sql`(${x} / NULLIF(${y}, CAST(0 AS DOUBLE)))`, type }
    case '%':
      return { sql: remainderOfDoubles(once(x), once(y)), type }
  }
}

function decimalArithmetic({ op }: Arithmetic, a: Term, b: Term): Term {
  if (op === '/' || op === '%')
    throw new Refusal('Decimals are not divided in Flink: it rounds the quotient in another way.')
  const [x, y] = [asDecimal(a), asDecimal(b)]
  const [p, q] = [decimalOf(x.type), decimalOf(y.type)]
  const scale = op === '*' ? p.scale + q.scale : Math.max(p.scale, q.scale)
  const whole = Math.max(p.precision - p.scale, q.precision - q.scale) + 1
  // Flink has a digit more than it needs, and takes places away where that is one too many.
  const precision = op === '*' ? p.precision + q.precision + 1 : whole + scale
  if (precision > MOST_DIGITS)
    throw new Refusal('The result may have more than 38 digits, which Flink does not compute with.')
  const sign = op === '*' ? sql`*` : op === '+' ? sql`+` : sql`-`
  const type = { kind: 'decimal', precision, scale } as const
  return {
    sql: sql`(${x.sql} ${sign} ${y.sql})`,
    type,
    places: placesOfResult(op, [
      [a, x],
      [b, y],
    ]),
  }
}

/** A sum has the places of the summand with more of them, a product those of both factors. */
function placesOfResult(
  op: Arithmetic['op'],
  operands: readonly (readonly [given: Term, decimal: Term])[],
): Term['places'] {
  if (operands.every(([{ places }]) => places === undefined)) return undefined
  return () => {
    const [p, q] = operands.map(([given, { type }]) => given.places?.() ?? sql`${decimalOf(type).scale}`)
    return op === '*' ? sql`(${p} + ${q})` : sql`GREATEST(${p}, ${q})`
  }
}

/** On JSON numbers: as doubles, whose whole results are exact within 15 digits; larger ones end the job. */
function dynamicArithmetic(e: Arithmetic, a: Term, b: Term): Term {
  const side = (t: Term): FlinkSql =>
    t.type.kind === 'json' ? numberIn(t) : isWhole(t.type) && digitsOf(t) > 15 ? doubleOf(t) : asType(t, DOUBLE).sql
  const [x, y] = [side(a), side(b)]
  const mark = markFrom([a, b], (marks) => sql`(${list(marks, ' OR ')})`)
  if (e.op === '%') return computed(remainder(once(x), once(y)), { type: e.type, mark })
  if (e.op === '/') {
    if (mark === undefined) throw new Refusal(DIVIDED)
    const [p, q, isDouble] = [x, y, mark()].map(once)
    const quotient = once(divided(p, q, isDouble))
    return computed(withoutSignedZero(quotient, p, q), { type: e.type, mark: () => isDouble })
  }
  if (e.op === '*') {
    const [p, q] = [once(x), once(y)]
    return computed(withoutSignedZero(once(sql`${p} * ${q}`), p, q), { type: e.type, mark })
  }
  return computed(sql`(${x} ${e.op === '+' ? sql`+` : sql`-`} ${y})`, { type: e.type, mark })
}

/** A fraction times or by zero may be -0.0, which a JSON value shows here, and its canonical text does not. */
function withoutSignedZero(result: FlinkSql, p: FlinkSql, q: FlinkSql): FlinkSql {
  const odd = guard('a fraction makes a zero with a sign', sql`CAST(${result} AS STRING)`, sql`DOUBLE`)
  const isFraction = sql`(${p} <> FLOOR(${p}) OR ${q} <> FLOOR(${q}))`
  return once(sql`CASE WHEN CAST(${result} AS STRING) = '-0.0' AND ${isFraction} THEN ${odd} ELSE ${result} END`)
}

/** Whole numbers divide as such; all of them are below 10^15. */
function divided(p: FlinkSql, q: FlinkSql, isDouble: FlinkSql): FlinkSql {
  const whole = sql`CAST(${p} AS BIGINT) / NULLIF(CAST(${q} AS BIGINT), 0)`
  return sql`CASE WHEN ${isDouble} THEN ${p} / NULLIF(${q}, CAST(0 AS DOUBLE)) ELSE CAST(${whole} AS DOUBLE) END`
}

/** Of whole numbers, however they are written; of fractions it ends the job. */
function remainder(p: FlinkSql, q: FlinkSql): FlinkSql {
  const odd = guard('the remainder of a fraction is wanted', sql`CAST(${p} AS STRING)`, sql`DOUBLE`)
  const whole = sql`MOD(CAST(${p} AS BIGINT), NULLIF(CAST(${q} AS BIGINT), 0))`
  return sql`CASE WHEN ${p} <> FLOOR(${p}) OR ${q} <> FLOOR(${q}) THEN ${odd} ELSE CAST(${whole} AS DOUBLE) END`
}

/** Of whole numbers of 63 bits; of any others it ends the job. A remainder has the sign of the dividend, also 0. */
function remainderOfDoubles(p: FlinkSql, q: FlinkSql): FlinkSql {
  const odd = guard('the remainder of a fraction is wanted', sql`CAST(${p} AS STRING)`, sql`DOUBLE`)
  const isOdd = (x: FlinkSql): FlinkSql => sql`NOT ${ordering(sql`ABS(${x})`, '<', sql`9E18`)} OR ${x} <> FLOOR(${x})`
  const size = (x: FlinkSql): FlinkSql => sql`CAST(ABS(${x}) AS BIGINT)`
  const rest = once(sql`CAST(MOD(${size(p)}, NULLIF(${size(q)}, 0)) AS DOUBLE)`)
  const signed = sql`CASE WHEN ${ordering(p, '<', sql`0`)} THEN -${rest} ELSE ${rest} END`
  return sql`CASE WHEN ${isOdd(p)} OR ${isOdd(q)} OR CAST(${p} AS STRING) = '-0.0' THEN ${odd} ELSE ${signed} END`
}

/** Why a statement stays here that divides JSON numbers. */
export const DIVIDED =
  'JSON numbers are divided: whether they divide as whole numbers depends on how each is written, which Flink keeps of fields and of what is computed with them, and not of these.'
