/** Carriers turned into each other: what a JSON value is, canonical texts, texts in order. */
import type { DataType } from '../../types.ts'
import { isoText } from './expressions/calendar.ts'
import { between, type FlinkSql, list, once, opaque, ordering, sql, text } from './flink-sql.ts'
import { Refusal } from './refusal.ts'
import { carrierOf, decimalOf, digitsOf, guard, isFloating, isWhole, MOST_DIGITS, nullOf, type Term } from './terms.ts'

/** A whole number as a decimal that has room for a computation. */
export function wide(term: Term): FlinkSql {
  return sql`CAST(${term.sql} AS DECIMAL(${digitsOf(term)}, 0))`
}

/** A whole number as a decimal without places; a decimal as it is. */
export function asDecimal(term: Term): Term {
  if (term.type.kind === 'decimal') return term
  const precision = digitsOf(term)
  return { sql: wide(term), type: { kind: 'decimal', precision, scale: 0 } }
}

/**
 * The number that a JSON value is, as a double; NULL for any other value. What doubles do not count exactly ends the job
 * (`ODD`).
 */
export function numberIn({ sql: json, number }: Term): FlinkSql {
  const long = (said: FlinkSql): FlinkSql =>
    guard('a number of more than 15 digits is computed with', said, sql`DOUBLE`)
  if (number !== undefined) {
    const n = once(number)
    const far = long(sql`CAST(${n} AS STRING)`)
    return once(sql`CASE WHEN NOT ${isShort(n)} THEN ${far} ELSE ${withoutZeroSign(n)} END`)
  }
  const c = once(json)
  return once(sql`CASE WHEN REGEXP(${c}, ${LONG_NUMBER}) THEN ${long(c)} ELSE TRY_CAST(${c} AS DOUBLE) END`)
}

/**
 * The carrier of a JSON number that has no canonical text, or of one with more than 16 characters and no point; and those
 * of 16 digits that begin with 9, as some of them have more than 53 bits.
 */
const LONG_NUMBER = text(`^(!|[^"\\[{.][^.]{16,}$|9[0-9]{15}$)`)

/** A JSON number that was computed: what goes on with it as a number does not read its text. */
export function computed(value: FlinkSql, of: Pick<Term, 'type' | 'mark'>): Term {
  const number = once(value)
  return { sql: canonicalOfDouble(number), type: of.type, mark: of.mark, number }
}

/** Begins the carrier of a JSON number that has no canonical text. */
export const ODD = text('!')

/** The canonical text of a JSON value that is to be equal to others: a list, a structure or an odd number ends the job. */
export function comparableIn(term: Term): FlinkSql {
  const c = once(term.sql)
  const odd = sql`SUBSTRING(${c} FROM 1 FOR 1) IN ('[', '{', ${ODD})`
  return once(
    sql`CASE WHEN ${odd} THEN ${guard('a list, a structure or a number beyond 15 digits is compared', c, sql`STRING`)} ELSE ${c} END`,
  )
}

/**
 * A double without the sign of zero, which Flink's keys keep. Its planner leaves away a zero that is added, unless it does
 * not see it.
 */
export function withoutZeroSign(x: FlinkSql): FlinkSql {
  return once(sql`(${x} + ${opaque(sql`CAST(0 AS DOUBLE)`)})`)
}

/**
 * False for NaN, NULL for NULL, of each. Of `x = x` the planner believes that it always holds, and of NOT that it turns a
 * comparison around.
 */
export function areNumbers(values: readonly FlinkSql[]): FlinkSql {
  const sizes = values.map((x) => sql`ABS(${x})`)
  return ordering(list(sizes, ' + '), '>=', sql`0`)
}

export function isNumber(x: FlinkSql): FlinkSql {
  return areNumbers([x])
}

/** Whether a whole number has at most 53 bits, of which a double says each. */
export function isExact(whole: FlinkSql): FlinkSql {
  return between(whole, sql`-9007199254740992`, sql`9007199254740992`)
}

/** Whether a JSON value is a text. */
export function isTextIn({ sql: c }: Term): FlinkSql {
  return sql`(SUBSTRING(${c} FROM 1 FOR 1) = '"')`
}

/** The text that a JSON value is; NULL for any other value. */
export function textIn(term: Term): FlinkSql {
  const c = once(term.sql)
  return once(sql`CASE WHEN ${isTextIn({ ...term, sql: c })} THEN JSON_VALUE(CONCAT('[', ${c}, ']'), '$[0]') END`)
}

/** Whether a JSON value is true or false. */
export function isBooleanIn({ sql: c }: Term): FlinkSql {
  return sql`(${c} IN ('true', 'false'))`
}

/** Whether a double has 15 digits before the point at most; NaN has not: of a bare NOT the planner makes another comparison. */
function isShort(value: FlinkSql): FlinkSql {
  return ordering(sql`ABS(${value})`, '<', sql`1E15`)
}

/** A double as canonical JSON text; what is beyond 15 digits is odd. */
export function canonicalOfDouble(of: FlinkSql): FlinkSql {
  const value = once(of)
  const whole = sql`CAST(CAST(${value} AS BIGINT) AS STRING)`
  const large = sql`CONCAT(${ODD}, CAST(${value} AS STRING))`
  return once(
    sql`CASE WHEN NOT ${isShort(value)} THEN ${large} WHEN ${value} = FLOOR(${value}) THEN ${whole} ELSE CAST(${value} AS STRING) END`,
  )
}

/** Whether a number is a double (`Term.mark`): of what is no JSON value its type says it. */
export function markOf({ mark, type }: Term): Term['mark'] {
  if (type.kind === 'json') return mark
  return () => (isFloating(type) ? sql`TRUE` : sql`FALSE`)
}

/** The mark of a value that is made of others, where that of each is known. */
export function markFrom(of: readonly Term[], make: (marks: readonly FlinkSql[]) => FlinkSql): Term['mark'] {
  const marks = of.map(markOf).filter((mark) => mark !== undefined)
  return marks.length < of.length ? undefined : () => make(marks.map((mark) => mark()))
}

/** A value as one of the wanted type: what CASE, COALESCE and comparisons of unlike types need. */
export function asType(term: Term, type: DataType): Term {
  const { kind } = term.type
  if (kind === type.kind && kind !== 'decimal') return term
  if (kind === 'null') return nullOf(type)
  if (type.kind === 'json' && kind === 'float') throw new Refusal('A float does not become a JSON value in Flink.')
  // A double that becomes a JSON value may have lost what it was.
  if (type.kind === 'json')
    return { sql: canonicalOf(term), type, mark: isFloating(term.type) ? undefined : markOf(term) }
  if (isWhole(term.type) && isWhole(type)) return { ...term, type }
  if (isFloating(type) && (isFloating(term.type) || isWhole(term.type)))
    return { sql: sql`CAST(${term.sql} AS DOUBLE)`, type }
  if (type.kind === 'decimal' && (kind === 'decimal' || isWhole(term.type))) {
    if (type.precision === undefined) return term
    return { sql: sql`CAST(${term.sql} AS ${carrierOf(type)})`, type }
  }
  if (type.kind === 'string' && kind === 'uuid') return { ...term, type }
  throw new Refusal(`Values of the types ${kind} and ${type.kind} do not meet in Flink.`)
}

type Sized = Pick<Term, 'type' | 'digits'>

/**
 * The type in which values meet that a context has brought to one type: of decimals one with room for all (what has none
 * in a cast is NULL in Flink), and with the places of that with the most.
 */
export function meeting(of: readonly Sized[], type: DataType): DataType {
  if (type.kind !== 'decimal') return type
  const sizes = of
    .filter((one) => one.type.kind !== 'null')
    .map((one) => {
      if (isWhole(one.type)) return { whole: digitsOf(one), scale: 0 }
      const { precision, scale } = decimalOf(one.type)
      return { whole: precision - scale, scale }
    })
  const scale = Math.max(0, ...sizes.map((size) => size.scale))
  const precision = Math.max(1, ...sizes.map(({ whole }) => whole)) + scale
  if (precision > MOST_DIGITS) throw new Refusal(`Decimals of ${precision} digits are not handed over to Flink.`)
  return { kind: 'decimal', precision, scale }
}

/** Digits of a whole number that is one of several; undefined for anything else. */
export function digitsAmong(of: readonly Sized[], type: DataType): number | undefined {
  const known = of.filter((one) => one.type.kind !== 'null')
  return isWhole(type) && known.length > 0 ? Math.max(...known.map(digitsOf)) : undefined
}

/**
 * One of several values, with all that is known of each. `choose`: the choice, made of the values; `say`: the same, made of
 * what is said of each (`Term.mark`, `Term.places`).
 */
export function oneOf(
  of: readonly Term[],
  type: DataType,
  choose: (values: readonly FlinkSql[]) => FlinkSql,
  say: (each: readonly FlinkSql[], values: readonly FlinkSql[]) => FlinkSql,
): Term {
  const met = meeting(of, type)
  const all = of.map((term) => asType(term, met))
  const values = all.map((term) => term.sql)
  const said = (each: readonly FlinkSql[]): FlinkSql => say(each, values)
  return {
    sql: choose(values),
    type: met,
    digits: digitsAmong(all, met),
    mark: markFrom(all, said),
    places: placesFrom(of, met, said),
  }
}

/** The places of a value that is one of several, which meet as `type`; undefined where all have those of that type. */
export function placesFrom(
  of: readonly Term[],
  type: DataType,
  make: (places: readonly FlinkSql[]) => FlinkSql,
): Term['places'] {
  if (type.kind !== 'decimal') return undefined
  const scaleOf = (term: Term): number =>
    term.type.kind === 'null' ? (type.scale ?? 0) : isWhole(term.type) ? 0 : decimalOf(term.type).scale
  if (of.every((term) => term.places === undefined && scaleOf(term) === type.scale)) return undefined
  return () => make(of.map((term) => term.places?.() ?? sql`${scaleOf(term)}`))
}

/** Why decimals stay here that have their places with them, where nothing looks at these. */
export const DIFFERENT_PLACES =
  'Decimals of different places meet here, which Flink would show alike: they are chosen, compared, ordered, added and multiplied there, found by MIN and MAX, and grouped where all of a group have the same.'

/** A date or a timestamp as text; undefined for anything else, and for what may be no moment of 64 bits. */
export function momentText({ sql: count, type, digits }: Term): FlinkSql | undefined {
  if (type.kind !== 'date' && type.kind !== 'timestamp') return undefined
  return (type.kind === 'timestamp' && type.between === true) || (digits ?? 0) > 18 ? undefined : isoText(count, type)
}

/** Canonical JSON text of any carrier. */
export function canonicalOf(term: Term): FlinkSql {
  const { kind } = term.type
  if (kind === 'json' || kind === 'null') return term.sql
  const moment = momentText(term)
  if (moment !== undefined) return sql`CONCAT('"', ${moment}, '"')`
  if (kind === 'int' || kind === 'long') return sql`CAST(${term.sql} AS STRING)`
  if (kind === 'string' || kind === 'uuid') return sql`JSON_STRING(${term.sql})`
  if (kind === 'boolean') {
    const value = once(term.sql)
    return sql`CASE WHEN ${value} THEN 'true' WHEN NOT ${value} THEN 'false' END`
  }
  if (isFloating(term.type)) return canonicalOfDouble(term.sql)
  throw new Refusal(`A value of the type ${kind} and a JSON value do not meet in Flink.`)
}

/**
 * A text whose order by code units is that by bytes: characters beyond the basic plane have another place in the two
 * orders, so that they end the job.
 */
export function ordered(of: FlinkSql): FlinkSql {
  return withoutPairs(of, 'the order of a character beyond the basic plane')
}

/** Characters beyond the basic plane, as a regular expression: two code units here, one character there. */
export const ASTRAL = '[\\x{10000}-\\x{10FFFF}]'

/** A text in which each character is one code unit; any other one ends the job, for the reason. */
export function withoutPairs(of: FlinkSql, reason: string): FlinkSql {
  const value = once(of)
  const odd = guard(reason, value, sql`STRING`)
  return once(sql`CASE WHEN REGEXP(${value}, ${text(ASTRAL)}) THEN ${odd} ELSE ${value} END`)
}
