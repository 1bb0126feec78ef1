/**
 * The calendar in whole numbers, for every moment of 64 bits: Flink's own has an end, and takes the last millisecond before
 * 1970 for one of that year. Years begin in March, so that a leap day ends one; 400 of them are an era of 146,097 days.
 */
import type { DataType, TimeUnit } from '../../../types.ts'
import { type FlinkSql, once, ordering, sql } from '../flink-sql.ts'

/** Not a limit: days from 1 March 0000 to 1 January 1970. */
const BEFORE_EPOCH = 719_468
const DAY = 86_400_000n

/** Fields of a moment in UTC. */
export type CalendarField = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second'

/** The whole number that is not above `a / b`, for b > 0. */
export function floorDivided(a: FlinkSql, b: bigint): FlinkSql {
  const x = once(a)
  // MOD has the type of its divisor, in which nothing is added: it may have 32 bits.
  return sql`(${x} / ${b} - CASE WHEN ${ordering(sql`MOD(${x}, ${b})`, '<', sql`0`)} THEN 1 ELSE 0 END)`
}

/** Days since the epoch of a day of a year from 1 on. */
export function daysSinceEpoch(year: FlinkSql, month: FlinkSql, day: FlinkSql): FlinkSql {
  const y = once(sql`(${year} - CASE WHEN ${ordering(month, '<=', sql`2`)} THEN 1 ELSE 0 END)`)
  const m = sql`(${month} + CASE WHEN ${ordering(month, '>', sql`2`)} THEN -3 ELSE 9 END)`
  return sql`(${y} * 365 + ${y} / 4 - ${y} / 100 + ${y} / 400 + (153 * ${m} + 2) / 5 + ${day} - 1 - 719468)`
}

/** A whole number of eras, by which any year of 64-bit moments is one from 1 on. */
const ERAS = 1_000_000n

/** Where a month begins, in milliseconds since the epoch; months are counted from that of January of the year 0. */
export function monthStart(month: FlinkSql): FlinkSql {
  const at = once(month)
  const year = once(floorDivided(at, 12n))
  const days = daysSinceEpoch(sql`(${year} + ${400n * ERAS})`, sql`(${at} - ${year} * 12 + 1)`, sql`1`)
  return sql`((${days} - ${146_097n * ERAS}) * ${DAY})`
}

/** A moment as the days since the epoch before it, and the seconds of its day. */
export interface DayAndSecond {
  readonly days: FlinkSql
  readonly seconds: FlinkSql
}

/** Of a count of milliseconds since the epoch, or of other units, of which a second has so many. */
export function dayAndSecond(count: FlinkSql, units = 1000n): DayAndSecond {
  const at = once(count)
  const days = once(floorDivided(at, units * 86_400n))
  // Where the first day of 64 bits begins is beyond them: the sum of both comes back into them.
  return { days, seconds: once(sql`((${at} - ${days} * ${units * 86_400n}) / ${units})`) }
}

/** A field of a moment. */
export function calendarField(field: CalendarField, { days, seconds }: DayAndSecond): FlinkSql {
  switch (field) {
    case 'hour':
      return sql`(${seconds} / 3600)`
    case 'minute':
      return sql`MOD(${seconds} / 60, 60)`
    case 'second':
      return sql`MOD(${seconds}, 60)`
    default:
      return civil(field, days)
  }
}

/** Units of a second, and digits of its fraction. */
const FRACTIONS: Readonly<Record<TimeUnit, readonly [units: bigint, digits: number]>> = {
  millis: [1000n, 3],
  micros: [1_000_000n, 6],
  nanos: [1_000_000_000n, 9],
}

/** A date (a count of days) or a timestamp of up to 64 bits as ISO 8601 text, without zeros at the end of its fraction. */
export function isoText(count: FlinkSql, type: DataType & { readonly kind: 'date' | 'timestamp' }): FlinkSql {
  const at = once(sql`CAST(${count} AS BIGINT)`)
  if (type.kind === 'date') return dayText(at)
  const [units, width] = FRACTIONS[type.unit]
  const moment = dayAndSecond(at, units)
  const rest = once(sql`MOD(MOD(${at}, ${units}) + ${units}, ${units})`)
  const clock = (['hour', 'minute', 'second'] as const).map((field) => padded(calendarField(field, moment), 2))
  const fraction = sql`CASE WHEN ${rest} = 0 THEN '' ELSE CONCAT('.', REGEXP_REPLACE(${padded(rest, width)}, '0+$', '')) END`
  const [hour, minute, second] = clock
  const zone = type.local === true ? sql`''` : sql`'Z'`
  const all = sql`CONCAT(${dayText(moment.days)}, 'T', ${hour}, ':', ${minute}, ':', ${second}, ${fraction}, ${zone})`
  return once(sql`CASE WHEN ${at} IS NOT NULL THEN ${all} END`)
}

/** Years before 0 and beyond 9999 have a sign. */
function dayText(days: FlinkSql): FlinkSql {
  const year = once(civil('year', days))
  const size = once(sql`ABS(${year})`)
  const sign = sql`CASE WHEN ${ordering(year, '<', sql`0`)} THEN '-' WHEN ${ordering(year, '>', sql`9999`)} THEN '+' ELSE '' END`
  const digits = sql`CASE WHEN ${ordering(size, '>', sql`9999`)} THEN CAST(${size} AS STRING) ELSE ${padded(size, 4)} END`
  const [month, day] = (['month', 'day'] as const).map((field) => padded(civil(field, days), 2))
  return sql`CONCAT(${sign}, ${digits}, '-', ${month}, '-', ${day})`
}

/** A whole number from 0 on of no more digits than these, with zeros in front. */
function padded(n: FlinkSql, digits: number): FlinkSql {
  return sql`LPAD(CAST(${n} AS STRING), ${digits}, '0')`
}

function civil(field: 'year' | 'month' | 'day', days: FlinkSql): FlinkSql {
  const z = once(sql`(${days} + ${BEFORE_EPOCH})`)
  const era = once(floorDivided(z, 146_097n))
  const ofEra = once(sql`(${z} - ${era} * 146097)`)
  const year = once(sql`((${ofEra} - ${ofEra} / 1460 + ${ofEra} / 36524 - ${ofEra} / 146096) / 365)`)
  const ofYear = once(sql`(${ofEra} - (365 * ${year} + ${year} / 4 - ${year} / 100))`)
  const month = once(sql`((5 * ${ofYear} + 2) / 153)`)
  switch (field) {
    case 'day':
      return sql`(${ofYear} - (153 * ${month} + 2) / 5 + 1)`
    case 'month':
      return sql`(${month} + CASE WHEN ${ordering(month, '<', sql`10`)} THEN 3 ELSE -9 END)`
    case 'year':
      return sql`(${year} + ${era} * 400 + CASE WHEN ${ordering(month, '<', sql`10`)} THEN 0 ELSE 1 END)`
  }
}
