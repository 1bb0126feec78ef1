/** IN and EXISTS: each left row of a join, with whether it has a partner among the right ones. */
import type { Join } from '../../../plan/plan.ts'
import { BOOLEAN, JSON_TYPE, LONG } from '../../../types.ts'
import { keyOf, type Made } from '../aggregates.ts'
import { asType, isNumber } from '../carriers.ts'
import { doubleOf } from '../expressions/comparison.ts'
import { type Columns, translate, translateCondition } from '../expressions/expression.ts'
import { type FlinkSql, list, name, once, ordering, plainSql, sideOf, sql, staged } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import {
  byPosition,
  column,
  conditionsOf,
  filtered,
  type FlinkRows,
  made,
  namesOf,
  numberOf,
  renamed,
  slotsOf,
  startsOf,
} from './slots.ts'
import { guard, isFloating, isWhole, type Term } from '../terms.ts'

/** The rows of a mark join over its two sides. */
export function marked(plan: Join, left: FlinkRows, right: FlinkRows): FlinkRows {
  const value = plan.mark?.value
  if (value === undefined) return plan.residual === undefined ? paired(plan, left, right) : tested(plan, left, right)
  return plan.residual === undefined && plan.keys.length === 0
    ? member(plan, value, left, right)
    : tested(plan, left, right)
}

/** Whether there are partners, which are the same for all left rows. */
function anyAtAll(left: FlinkRows, right: FlinkRows): FlinkRows {
  const [a, c] = [name('a'), name('c')]
  const slots = [...renamed(left.slots, a), made({ sql: ordering(sql`${c}.n`, '>', sql`0`), type: BOOLEAN })]
  const count = plainSql(sql`SELECT COUNT(*) AS n FROM (${right.sql})`)
  return {
    sql: plainSql(sql`SELECT ${byPosition(slots)} FROM (${left.sql}) AS ${a} CROSS JOIN (${count}) AS ${c}`),
    slots,
  }
}

/** Partners are found by keys alone: one for each left row, once the right ones are grouped. */
function paired(plan: Join, left: FlinkRows, right: FlinkRows): FlinkRows {
  if (plan.keys.length === 0) return anyAtAll(left, right)
  const [a, b] = [name('a'), name('b')]
  const [ofLeft, ofRight] = [slotsOf(left, a), slotsOf(right)]
  const keys = plan.keys.map((key) => {
    const [x, y] = [translate(key.left, ofLeft), translate(key.right, ofRight)]
    return alike(x, y, plan)
  })
  const members = list(
    keys.map(([, y], i) => sql`${y.sql} AS ${name(`k${i}`)}`),
    ', ',
  )
  const groups = list(
    keys.map((_, i) => name(`k${i}`)),
    ', ',
  )
  const inner = sql`SELECT ${members} FROM (${staged(right.sql, [members], 'q', sql``)})`
  const distinct = plainSql(sql`SELECT ${groups}, TRUE AS m FROM (${inner}) GROUP BY ${groups}`)
  const on = list(
    keys.map(([x], i) => sql`${x.sql} = ${b}.${name(`k${i}`)}`),
    ' AND ',
  )
  const slots = [...renamed(left.slots, a), made({ sql: sql`(${b}.m IS NOT NULL)`, type: BOOLEAN })]
  return {
    sql: plainSql(
      sql`SELECT ${byPosition(slots)} FROM (${staged(left.sql, [on], 'a')}) AS ${a} LEFT JOIN (${distinct}) AS ${b} ON ${on}`,
    ),
    slots,
  }
}

/** SQL's IN over the rows of a subquery that depends on nothing: NULL where neither side says yes or no. */
function member(plan: Join, { left: what, right: which }: MarkValue, left: FlinkRows, right: FlinkRows): FlinkRows {
  const [a, b, c] = [name('a'), name('b'), name('c')]
  const [x, y] = [translate(what, slotsOf(left, a)), translate(which, slotsOf(right))]
  const [mine, theirs] = alike(x, y, plan).map((term) => term.sql)
  const from = sql`FROM (${staged(right.sql, [theirs], 'q', sql``)})`
  const values = plainSql(sql`SELECT ${theirs} AS v, TRUE AS m ${from} GROUP BY ${theirs}`)
  const counts = plainSql(sql`SELECT COUNT(*) AS n, COUNT(${theirs}) AS nn ${from}`)
  const unknown = sql`${mine} IS NULL OR ${ordering(sql`${c}.nn`, '<', sql`${c}.n`)}`
  const mark = sql`CASE WHEN ${c}.n = 0 THEN FALSE WHEN ${b}.m THEN TRUE WHEN ${unknown} THEN CAST(NULL AS BOOLEAN) ELSE FALSE END`
  const slots = [...renamed(left.slots, a), made({ sql: mark, type: BOOLEAN })]
  const mineStaged = staged(left.sql, [mine], 'a', namesOf(left.slots))
  return {
    sql: plainSql(
      sql`SELECT ${byPosition(slots)} FROM (${mineStaged}) AS ${a} CROSS JOIN (${counts}) AS ${c} LEFT JOIN (${values}) AS ${b} ON ${mine} = ${b}.v`,
    ),
    slots,
  }
}

/**
 * Any condition over both sides. Left rows that are alike have the same partners: each different one is looked up once,
 * by a text that says it, and of its partners the strongest answer counts.
 */
function tested(plan: Join, left: FlinkRows, right: FlinkRows): FlinkRows {
  const [a, p] = [name('a'), name('p')]
  const number = numberOf(left.slots.flatMap(columnTerms(left)))
  const numbered = plainSql(
    sql`SELECT ${name('q')}.*, ${number.sql} AS n FROM (${staged(left.sql, [number.sql])}) AS ${name('q')}`,
  )
  const different = plainSql(sql`SELECT DISTINCT ${namesOf(left.slots)}, n FROM (${numbered})`)
  const partners = answers(plan, left, right, different)
  const mark = sql`CASE WHEN ${p}.best = ${YES} THEN TRUE WHEN ${p}.best = ${OPEN} THEN CAST(NULL AS BOOLEAN) ELSE FALSE END`
  const slots = [...renamed(left.slots, a), made({ sql: mark, type: BOOLEAN })]
  return {
    sql: plainSql(
      sql`SELECT ${byPosition(slots)} FROM (${numbered}) AS ${a} LEFT JOIN (${partners}) AS ${p} ON ${a}.n = ${p}.n`,
    ),
    slots,
  }
}

/** The strongest answer for each number of left rows, over their pairs with right ones. */
function answers(plan: Join, left: FlinkRows, right: FlinkRows, different: FlinkSql): FlinkSql {
  const [a, b] = [name('a'), name('b')]
  try {
    const answer = answerOf(plan, slotsOf(left, a), slotsOf(right, b))
    const on = list([sql`TRUE`, ...conditionsOf(plan, left, right)], ' AND ')
    const needs = (side: 'a' | 'b') => sideOf(sql`${on}${answer}`, side)
    const [x, y] = [staged(different, [needs('a')], 'a'), staged(right.sql, [needs('b')], 'b', namesOf(right.slots))]
    return plainSql(
      sql`SELECT ${a}.n AS n, MAX(${answer}) AS best FROM (${x}) AS ${a} INNER JOIN (${y}) AS ${b} ON ${on} GROUP BY ${a}.n`,
    )
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
  }
  // What needs both sides at once is computed over their pairs.
  const on = list([sql`TRUE`, ...conditionsOf({ ...plan, residual: undefined }, left, right)], ' AND ')
  const slots = [...renamed(left.slots, a), ...renamed(right.slots, b)]
  const [x, y] = [
    staged(different, [sideOf(on, 'a')], 'a'),
    staged(right.sql, [sideOf(on, 'b')], 'b', namesOf(right.slots)),
  ]
  const pairs = sql`SELECT ${byPosition(slots)}, ${a}.n AS n FROM (${x}) AS ${a} INNER JOIN (${y}) AS ${b} ON ${on}`
  const of = slotsOf({ sql: pairs, slots })
  const width = left.slots.length
  const answer = answerOf(plan, of, (e) => of(e.kind === 'slot' ? { ...e, index: e.index + width } : e))
  const condition = plan.residual === undefined ? sql`TRUE` : translateCondition(plan.residual, of)
  const found = filtered(staged(plainSql(pairs), [answer]), condition)
  return plainSql(sql`SELECT n, MAX(${answer}) AS best FROM (${found}) GROUP BY n`)
}

/** Of a pair: its values are equal, or it is open whether they are. */
function answerOf(plan: Join, ofLeft: Columns, ofRight: Columns): FlinkSql {
  const value = plan.mark?.value
  if (value === undefined) return sql`${YES}`
  const [x, y] = alike(translate(value.left, ofLeft), translate(value.right, ofRight), plan)
  return sql`CASE WHEN ${x.sql} = ${y.sql} THEN ${YES} WHEN ${x.sql} IS NULL OR ${y.sql} IS NULL THEN ${OPEN} ELSE 0 END`
}

const [YES, OPEN] = [2, 1]

/** The columns of a slot as terms: parts of an aggregate are numbers, whatever is made of them, and a mark is none. */
function columnTerms({ slots }: FlinkRows): (slot: Made, i: number) => Term[] {
  const starts = startsOf(slots)
  return (slot, i) =>
    slot.columns.map((_, at) => {
      const type = slot.marked === true && at === 1 && slot.term !== undefined ? BOOLEAN : (slot.term?.type ?? LONG)
      return { sql: column(starts[i] + at), type }
    })
}

type MarkValue = NonNullable<NonNullable<Join['mark']>['value']>

/** Two values as keys that are equal where the values are. */
function alike(x: Term, y: Term, { span }: Join): [Term, Term] {
  if (x.type.kind === 'json' || y.type.kind === 'json')
    return [keyOf(asType(x, JSON_TYPE)), keyOf(asType(y, JSON_TYPE))]
  if (isWhole(x.type) && isFloating(y.type)) return [keyOf({ sql: once(doubleOf(x)), type: y.type }), soughtKey(y)]
  if (isFloating(x.type) && isWhole(y.type)) return [soughtKey(x), keyOf({ sql: once(doubleOf(y)), type: x.type })]
  if (x.type.kind !== y.type.kind && !(isWhole(x.type) && isWhole(y.type)))
    throw new Refusal('IN and EXISTS over values of unlike types are not handed over to Flink.', span)
  return [soughtKey(x), soughtKey(y)]
}

/** NaN is a key like any other in Flink, and equal to nothing here. */
function soughtKey(term: Term): Term {
  if (!isFloating(term.type)) return keyOf(term)
  const x = once(term.sql)
  const none = guard('NaN is looked for', sql`CAST(${x} AS STRING)`, sql`DOUBLE`)
  return keyOf({ ...term, sql: once(sql`CASE WHEN ${x} IS NULL OR ${isNumber(x)} THEN ${x} ELSE ${none} END`) })
}
