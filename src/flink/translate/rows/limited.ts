/** LIMIT inside of a statement: rows by their rank, where the order leaves no choice. */
import type { BoundExpr, Join, Limit, Plan, Sort } from '../../../plan/plan.ts'
import { apart, keyOf } from '../aggregates.ts'
import { translate, translateAny } from '../expressions/expression.ts'
import { type FlinkSql, list, name, once, opaque, ordering, plainSql, sql, staged } from '../flink-sql.ts'
import { orderKeys } from '../order.ts'
import { Refusal } from '../refusal.ts'
import { guard } from '../terms.ts'
import { type FlinkRows, inPlace, namesOf, slotsOf } from './slots.ts'

/** Why the rows of an order stay here. */
export const DONE_HERE = 'ORDER BY and LIMIT are done here.'

const [Q, RANK, ALIKE] = [name('q'), name('place'), name('alike')]

type Window = Pick<Limit, 'skip' | 'count'>

/**
 * The rows of `sort` that a LIMIT keeps, or that it keeps of those that are alike in `by`. Rows that are alike by ORDER BY and do not
 * all fit end the job: which of them are kept is decided by the order of reading here.
 */
export function limited({ skip, count }: Window, by: readonly BoundExpr[], sort: Sort, rows: FlinkRows): FlinkRows {
  const of = slotsOf(rows)
  // Flink takes no constant for an order.
  const order = sort.by
    .flatMap((each) => orderKeys(translateAny(each.expr, of), each))
    .map((o) => ({ ...o, key: once(opaque(o.key)) }))
  const own = by.map((each) => apart(keyOf(translate(each, of))).sql)
  const inOrder = list(
    order.map(({ key, behind }) => sql`${key}${behind}`),
    ', ',
  )
  const part = (pieces: readonly FlinkSql[]): FlinkSql =>
    pieces.length === 0 ? sql`` : sql`PARTITION BY ${list(pieces, ', ')}`
  const peers = part([...own, ...order.map(({ key }) => key)])
  const ranks = sql`RANK() OVER (${part(own)} ORDER BY ${inOrder}) AS ${RANK}, COUNT(*) OVER (${peers}) AS ${ALIKE}`
  const columns = namesOf(rows.slots)
  const ranked = plainSql(sql`SELECT ${columns}, ${ranks} FROM (${staged(rows.sql, [ranks], 'q', columns)})`)
  const end = BigInt(Math.min(skip + count, Number.MAX_SAFE_INTEGER))
  const upTo = (at: bigint): FlinkSql => ordering(RANK, '<=', sql`${at}`)
  const across = (at: bigint): FlinkSql =>
    sql`(${upTo(at)} AND ${ordering(sql`${RANK} + ${ALIKE} - 1`, '>', sql`${at}`)})`
  const choice = sql`${across(end)} OR ${across(BigInt(skip))}`
  const none = guard(
    'rows that are alike by ORDER BY do not all fit the LIMIT',
    sql`CAST(${RANK} AS STRING)`,
    sql`BOOLEAN`,
  )
  const kept = sql`CASE WHEN ${choice} THEN ${none} ELSE NOT ${upTo(BigInt(skip))} AND ${upTo(end)} END`
  return { ...rows, sql: plainSql(sql`SELECT ${columns} FROM (${ranked}) AS ${Q} WHERE ${kept}`) }
}

/**
 * Of sorted rows the first one for each key of a join. Others that are the same do no harm. `below`: keys over the columns
 * that are made of these rows, as expressions over the rows.
 */
export function firstPartners(
  { keys, span }: Join,
  sort: Sort,
  rows: FlinkRows,
  below: (e: BoundExpr) => BoundExpr,
): FlinkRows {
  if (keys.length === 0) throw new Refusal('A join with the first partner of all is not handed over to Flink.', span)
  const own = keys.map(({ right }) => below(right))
  const different = sql`SELECT DISTINCT ${namesOf(rows.slots)} FROM (${rows.sql})`
  const alike = { slots: inPlace(rows.slots), sql: plainSql(different) }
  return limited({ skip: 0, count: 1 }, own, sort, alike)
}

/** The sorting below a LIMIT. Throws a Refusal where there is none, or records are sorted. */
export function sortBelow(plan: Limit): Sort {
  const { input } = plan
  if (input.kind !== 'sort')
    throw new Refusal('LIMIT without ORDER BY inside of a statement is not handed over to Flink.')
  if (input.input.kind === 'scan') throw new Refusal(DONE_HERE)
  return input
}

/** Whether rows come in an order that somebody asked for, which Flink does not keep. */
export function isInOrder(plan: Plan): boolean {
  switch (plan.kind) {
    case 'sort':
      return true
    case 'project':
    case 'filter':
    case 'limit':
      return isInOrder(plan.input)
    default:
      return false
  }
}
