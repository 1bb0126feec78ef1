/** The one order of all values (ORDER BY) as keys of Flink: booleans, numbers, texts; NULLs where the statement says. */
import type { Sort } from '../../plan/plan.ts'
import {
  comparableIn,
  isBooleanIn,
  isNumber,
  isTextIn,
  numberIn,
  ordered,
  textIn,
  withoutZeroSign,
} from './carriers.ts'
import { type FlinkSql, once, sql } from './flink-sql.ts'
import { Refusal } from './refusal.ts'
import type { Term } from './terms.ts'

/** An expression, and what stands behind it in ORDER BY. */
export interface OrderKey {
  readonly key: FlinkSql
  readonly behind: FlinkSql
}

/** The keys that put values in our order. */
export function orderKeys(term: Term, { descending, nullsFirst }: Sort['by'][number]): OrderKey[] {
  const behind = sql`${descending ? sql` DESC` : sql` ASC`}${nullsFirst ? sql` NULLS FIRST` : sql` NULLS LAST`}`
  return keysOf(term).map((key) => ({ key, behind }))
}

function keysOf(term: Term): FlinkSql[] {
  switch (term.type.kind) {
    case 'json': {
      const c = { ...term, sql: comparableIn(term) }
      const rank = sql`CASE WHEN ${c.sql} IS NULL THEN CAST(NULL AS INT) WHEN ${isBooleanIn(c)} THEN 0 WHEN ${isTextIn(c)} THEN 2 ELSE 1 END`
      const boolean = sql`CASE WHEN ${isBooleanIn(c)} THEN ${c.sql} END`
      return [rank, boolean, numberIn(c), ordered(textIn(c))]
    }
    case 'string':
    case 'uuid':
      return [ordered(term.sql)]
    case 'float':
    case 'double':
      return doubleKeys(term)
    case 'bytes':
      throw new Refusal('Bytes are not ordered in Flink.')
    default:
      return [term.sql]
  }
}

/**
 * -0.0 is no number of its own in an order. NaN is behind all numbers: to Flink's sort it is equal to each of them, but for
 * the first bytes of what it sorts, so it has a key of its own.
 */
function doubleKeys(term: Term): FlinkSql[] {
  const x = withoutZeroSign(term.sql)
  if (term.isNumber === true) return [x]
  const isOne = once(isNumber(x))
  return [
    sql`CASE WHEN ${x} IS NULL THEN CAST(NULL AS INT) WHEN ${isOne} THEN 0 ELSE 1 END`,
    sql`CASE WHEN ${isOne} THEN ${x} END`,
  ]
}
