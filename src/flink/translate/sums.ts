/**
 * Sums and averages that go on in Flink, above the aggregation whose columns they are put together of. What comes back is
 * put together here (`Made.read`).
 */
import { computed, isExact } from './carriers.ts'
import { double, type FlinkSql, once, ordering, sql } from './flink-sql.ts'
import { DOUBLE, JSON_TYPE } from '../../types.ts'
import { guard, MOST_DIGITS, type Term } from './terms.ts'

/** The average of whole numbers as a double; a sum beyond 53 bits ends the job. */
export function wholeAverage(sum: FlinkSql, n: FlinkSql): FlinkSql {
  const far = guard('a sum of more than 53 bits is divided', sql`CAST(${sum} AS STRING)`, sql`DOUBLE`)
  const exact = sql`CAST(${sum} AS DOUBLE) / CAST(${n} AS DOUBLE)`
  return once(sql`CASE WHEN NOT ${isExact(sum)} THEN ${far} ELSE ${exact} END`)
}

/** The sum or the average of doubles or JSON numbers, of the columns that `summed` makes. */
export function putSum([a, b, c, d, n, fraction]: readonly FlinkSql[], isJson: boolean, isAverage: boolean): Term {
  const total = sumOfLimbs([a, b, c, d])
  const far = guard('a sum of more than 53 bits goes on', sql`CAST(${total} AS STRING)`, sql`DOUBLE`)
  const isFar = sql`${fraction ?? sql`1`} <> 1 AND ${ordering(sql`ABS(${total})`, '>', sql`9007199254740992E0`)}`
  const sum = once(sql`CASE WHEN ${n} = 0 THEN CAST(NULL AS DOUBLE) WHEN ${isFar} THEN ${far} ELSE ${total} END`)
  if (isAverage) return { sql: once(sql`${sum} / NULLIF(CAST(${n} AS DOUBLE), CAST(0 AS DOUBLE))`), type: DOUBLE }
  return isJson ? computed(sum, { type: JSON_TYPE }) : { sql: sum, type: DOUBLE }
}

/**
 * The sum that the limbs of doubles come to, rounded once. Carried over, each limb is a double without loss; what three
 * additions lose are doubles, too, and say whether their result is the nearest one. Where they leave it open, the job ends.
 */
function sumOfLimbs([a, b, c, d]: readonly FlinkSql[]): FlinkSql {
  const wide = (x: FlinkSql): FlinkSql => sql`CAST(${x} AS DECIMAL(${MOST_DIGITS}, 0))`
  const carried = (limb: FlinkSql): { rest: FlinkSql; over: FlinkSql } => {
    const all = once(wide(limb))
    const over = once(sql`CAST(CAST(${all} AS DOUBLE) / 4398046511104E0 AS BIGINT)`)
    return { rest: sql`CAST(${wide(sql`${all} - ${wide(over)} * 4398046511104`)} AS DOUBLE)`, over: wide(over) }
  }
  const fourth = carried(d)
  const third = carried(sql`${wide(c)} + ${fourth.over}`)
  const second = carried(sql`${wide(b)} + ${third.over}`)
  const first = once(wide(sql`${wide(a)} + ${second.over}`))
  const low = sumAndLoss(scaled(third.rest, -62), scaled(fourth.rest, -104))
  const middle = sumAndLoss(scaled(second.rest, -20), low.sum)
  const all = sumAndLoss(scaled(sql`CAST(${first} AS DOUBLE)`, 22), middle.sum)
  const lost = once(sql`${all.loss} + (${middle.loss} + ${low.loss})`)
  const isFar = sql`NOT ${isExact(first)}`
  const isOpen = sql`${all.sum} + ${lost} * ${double(1 + 2 ** -50)} <> ${all.sum}`
  const odd = guard('a sum of doubles that is hard to round', sql`CAST(${all.sum} AS STRING)`, sql`DOUBLE`)
  return once(sql`CASE WHEN ${isFar} OR ${isOpen} THEN ${odd} ELSE ${all.sum} END`)
}

/** A double times a power of two, which loses nothing. */
function scaled(x: FlinkSql, power: number): FlinkSql {
  return once(sql`${x} * ${double(2 ** power)}`)
}

/** The sum of two doubles and what rounding took from it, which is a double as well (Knuth, TAOCP 4.2.2, theorem B). */
function sumAndLoss(p: FlinkSql, q: FlinkSql): { sum: FlinkSql; loss: FlinkSql } {
  const sum = once(sql`${p} + ${q}`)
  const part = once(sql`${sum} - ${p}`)
  return { sum, loss: once(sql`(${p} - (${sum} - ${part})) + (${q} - ${part})`) }
}
