/** Rows on their way through Flink: the columns of a SELECT by position, and what each slot of a row is made of. */
import type { Join } from '../../../plan/plan.ts'
import { Decimal } from '../../../lib/decimal.ts'
import { STRING } from '../../../types.ts'
import type { Made } from '../aggregates.ts'
import { asWholeDouble } from '../../../engine/program/values/whole-double.ts'
import { DIFFERENT_PLACES, isNumber, withoutZeroSign } from '../carriers.ts'
import { compared } from '../expressions/comparison.ts'
import { type Columns, translate, translateCondition } from '../expressions/expression.ts'
import { barrier, type FlinkSql, list, name, once, plainSql, sql, staged, standingFor, text } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { isFloating, readCarrier, type Term, toText } from '../terms.ts'

/** Rows of a part of a plan: a SELECT whose columns are `c0`, `c1`, …, and what each slot of a row is made of. */
export interface FlinkRows {
  readonly sql: FlinkSql
  readonly slots: readonly Made[]
}

export function column(i: number): FlinkSql {
  return name(`c${i}`)
}

/** A slot of rows that are below an operator. `prefix`: the alias of the rows, of a join. */
export function slotsOf({ slots }: FlinkRows, prefix?: FlinkSql, from = 0): Columns {
  const starts = startsOf(slots)
  return (e) => {
    if (e.kind !== 'slot') throw new Refusal(`A ${e.kind} stands above rows.`)
    const slot = slots[e.index - from]
    const columns = slot.columns.map((of, i) => {
      const own = standingFor(column(starts[e.index - from] + i), of)
      return prefix === undefined ? own : sql`${prefix}.${own}`
    })
    if (slot.term === undefined) {
      if (slot.put === undefined) throw new Refusal('The value is put together here, behind Flink.', e.span)
      return slot.put(columns)
    }
    const term: Term = { ...slot.term, sql: slot.carrier?.(columns[0]) ?? columns[0] }
    if (slot.placed === true) return { ...term, places: () => columns[1] }
    return slot.marked === true ? { ...term, mark: () => columns[1] } : term
  }
}

/**
 * Not a limit: from this weight on the planner does not see the condition of rows. To estimate how many groups there
 * are above a WHERE it writes every column below out in it, and that in each column below again.
 */
const MOST_SEEN = 50_000

/** The rows for which a condition is true, called `q`, with these columns only; without them with all. */
export function filtered(rows: FlinkSql, condition: FlinkSql, kept?: FlinkSql): FlinkSql {
  const q = name('q')
  const columns = kept ?? sql`${q}.*`
  if (condition.weight <= MOST_SEEN)
    return plainSql(sql`SELECT ${columns} FROM (${staged(rows, [condition], 'q', kept)}) AS ${q} WHERE ${condition}`)
  const passes = once(condition)
  const one = sql`UNNEST(CASE WHEN ${q}.${passes} THEN ARRAY[TRUE] END) AS kept(yes)`
  return plainSql(sql`SELECT ${columns} FROM (${staged(rows, [passes], 'q', kept)}) AS ${q} CROSS JOIN ${one}`)
}

/** The columns of rows by their names. */
export function namesOf(slots: readonly Made[]): FlinkSql {
  const width = slots.reduce((n, { columns }) => n + columns.length, 0)
  return list(
    Array.from({ length: Math.max(1, width) }, (_, i) => column(i)),
    ', ',
  )
}

/** Number of the first column of each slot. */
export function startsOf(slots: readonly Made[]): number[] {
  const starts: number[] = []
  let next = 0
  for (const { columns } of slots) {
    starts.push(next)
    next += columns.length
  }
  return starts
}

/** A value in one column. */
export function made(term: Term): Made {
  if (term.places !== undefined) throw new Refusal(DIFFERENT_PLACES)
  const { type } = term
  return {
    type,
    columns: [term.sql],
    term: { type, digits: term.digits },
    read: ([said]) => (said === null ? null : readCarrier(said, type)),
  }
}

/** The same with its mark in a second one, where there is a mark. */
export function madeWithMark(term: Term): Made {
  const plain = made(term)
  if (term.mark === undefined) return plain
  return {
    ...plain,
    marked: true,
    columns: [term.sql, barrier(term.mark())],
    read: ([said, mark]) => {
      const value = plain.read([said])
      return mark === 'true' && typeof value === 'number' && Number.isInteger(value) ? asWholeDouble(value) : value
    },
  }
}

/** A decimal with its places in a second column. */
export function madeWithPlaces(term: Term, places: FlinkSql): Made {
  const plain = made({ ...term, places: undefined })
  return {
    ...plain,
    placed: true,
    columns: [term.sql, places],
    read: ([said, count]) => {
      const value = plain.read([said])
      // What is left away are zeros.
      return value instanceof Decimal && count !== null ? value.round(Number(count)) : value
    },
  }
}

/** The columns of slots, named by position; one at least. */
export function byPosition(slots: readonly Made[]): FlinkSql {
  const columns = slots.flatMap((slot) => slot.columns).map((each, i) => sql`${each} AS ${column(i)}`)
  return columns.length === 0 ? sql`1 AS ${column(0)}` : list(columns, ', ')
}

/** Rows made of other rows. `grouped`: what they are grouped by. */
export function select(slots: readonly Made[], from: FlinkSql, grouped: readonly FlinkSql[] = []): FlinkRows {
  const columns = byPosition(slots)
  const behind = grouped.length === 0 ? sql`` : sql` GROUP BY ${list(grouped, ', ')}`
  return {
    sql: plainSql(sql`SELECT ${columns} FROM (${staged(from, [columns, behind], 'q', sql``)})${behind}`),
    slots,
  }
}

/** What partners have to fulfil, over the sides `a` and `b`. */
export function conditionsOf(plan: Join, left: FlinkRows, right: FlinkRows): FlinkSql[] {
  const [ofLeft, ofRight] = [slotsOf(left, name('a')), slotsOf(right, name('b'))]
  const width = left.slots.length
  const conditions = plan.keys.map((key) => {
    const [x, y] = [translate(key.left, ofLeft), translate(key.right, ofRight)]
    // What each side needs for itself is computed below the join.
    return compared('=', key.by, joinable(x), joinable(y), { left: key.left, right: key.right })
  })
  if (plan.residual === undefined) return conditions
  const both: Columns = (e) => (e.kind === 'slot' && e.index >= width ? slotsOf(right, name('b'), width)(e) : ofLeft(e))
  return [...conditions, translateCondition(plan.residual, both)]
}

/** A double that finds its partners: NaN has none, and zero has those of either sign. */
function joinable(term: Term): Term {
  if (!isFloating(term.type)) return term
  const x = once(term.sql)
  return { ...term, sql: once(sql`CASE WHEN ${isNumber(x)} THEN ${withoutZeroSign(x)} END`), isNumber: true }
}

/** Slots as they are called by rows around. */
export function renamed(slots: readonly Made[], prefix: FlinkSql): Made[] {
  const starts = startsOf(slots)
  return slots.map((slot, i) => ({
    ...slot,
    columns: slot.columns.map((of, at) => sql`${prefix}.${standingFor(column(starts[i] + at), of)}`),
  }))
}

/** Slots of rows, in the columns that these have. */
export function inPlace(slots: readonly Made[]): Made[] {
  const starts = startsOf(slots)
  return slots.map((slot, i) => ({
    ...slot,
    columns: slot.columns.map((of, at) => standingFor(column(starts[i] + at), of)),
  }))
}

/** A text that says some values: equal for equal ones, and for no others. */
export function numberOf(values: readonly Term[]): Term {
  const parts = values.map((value) => {
    if (value.type.kind === 'bytes') throw new Refusal('Bytes do not number rows in Flink.')
    const said = once(toText(value))
    return sql`COALESCE(CONCAT(CAST(CHAR_LENGTH(${said}) AS STRING), ':', ${said}), '-')`
  })
  return { sql: parts.length === 0 ? text('') : sql`CONCAT(${list(parts, ', ')})`, type: STRING }
}
