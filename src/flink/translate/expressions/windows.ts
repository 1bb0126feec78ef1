/** TUMBLE and HOP: windows of a fixed time are counted in milliseconds, those of the calendar in months. */
import { parseWindow } from '../../../functions/library/time/windows.ts'
import type { FunctionExpr } from '../../../plan/plan.ts'
import { TIMESTAMP } from '../../../types.ts'
import { type FlinkSql, once, sql, text } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { digitsOf, type Term } from '../terms.ts'
import { calendarField, type DayAndSecond, dayAndSecond, floorDivided, monthStart } from './calendar.ts'
import { castTo } from './casts.ts'

/** Milliseconds since the epoch of a timestamp or a date. */
export function millisOf(term: Term, e: FunctionExpr): FlinkSql {
  if (term.type.kind === 'date') return sql`(CAST(${term.sql} AS BIGINT) * 86400000)`
  if (term.type.kind !== 'timestamp' || digitsOf(term) > 19)
    throw new Refusal(`${e.fn.name.toUpperCase()} of a value that is no timestamp is not handed over to Flink.`, e.span)
  const per = { millis: 1n, micros: 1000n, nanos: 1_000_000n }[term.type.unit]
  // A moment that was computed is a decimal, which the calendar would divide as such.
  const at = term.digits === undefined ? term.sql : sql`CAST(${term.sql} AS BIGINT)`
  return per === 1n ? at : floorDivided(at, per)
}

/** A timestamp or a date for the calendar. */
export function onCalendar(term: Term, e: FunctionExpr): DayAndSecond {
  if (term.type.kind === 'date') return { days: once(sql`CAST(${term.sql} AS BIGINT)`), seconds: sql`0` }
  return dayAndSecond(millisOf(term, e))
}

/** Milliseconds of what TUMBLE and HOP take besides: numbers count milliseconds, texts and JSON values say a moment. */
function momentOf(term: Term, e: FunctionExpr): FlinkSql {
  const { kind } = term.type
  if (kind === 'int' || kind === 'long')
    return digitsOf(term) <= 19 ? sql`CAST(${term.sql} AS BIGINT)` : millisOf(term, e)
  if (kind !== 'json' && kind !== 'string') return millisOf(term, e)
  // A text that begins with a letter is no moment, which is in no window.
  const given = once(term.sql)
  const none = sql`REGEXP(${given}, ${text(kind === 'json' ? '^"[A-Za-z]' : '^[A-Za-z]')})`
  const said = once(sql`CASE WHEN ${none} THEN CAST(NULL AS STRING) ELSE ${given} END`)
  return castTo({ sql: said, type: term.type }, TIMESTAMP).sql
}

/** How moments are counted by windows: in milliseconds from an origin, or in months of the calendar. */
interface Scale {
  readonly count: (moment: FlinkSql) => FlinkSql
  /** Milliseconds since the epoch of such a count. */
  readonly millis: (count: FlinkSql) => FlinkSql
  readonly origin: bigint
}

const WEEK = 604_800_000n
/** 1970-01-05 was a Monday. */
const MONDAY = 345_600_000n
/** January 1970. */
const FIRST_MONTH = 1970n * 12n

const MONTHS: Scale = {
  count: (moment) => {
    const at = dayAndSecond(moment)
    return sql`(${calendarField('year', at)} * 12 + ${calendarField('month', at)} - 1)`
  },
  millis: monthStart,
  origin: FIRST_MONTH,
}

interface Size {
  readonly size: bigint
  readonly scale: Scale
}

/** A duration that a statement says. */
function sizeOf(e: FunctionExpr, at: number): Size {
  const said = e.args[at]
  const duration = said?.kind === 'constant' && typeof said.value === 'string' ? parseWindow(said.value) : undefined
  if (duration === undefined) throw new Refusal('Windows of a size that rows say are not handed over to Flink.', e.span)
  if (duration.months > 0) return { size: BigInt(duration.months), scale: MONTHS }
  const size = BigInt(duration.millis)
  return { size, scale: { count: (x) => x, millis: (x) => x, origin: size % WEEK === 0n ? MONDAY : 0n } }
}

/** The start of the window of TUMBLE, in milliseconds since the epoch. */
export function tumbleOf(e: FunctionExpr, moment: Term): FlinkSql {
  const { size, scale } = sizeOf(e, 1)
  return scale.millis(windowStart(scale.count(once(momentOf(moment, e))), size, scale.origin))
}

/**
 * Of HOP, counted as its windows are: the moment, the start of the latest window that holds it, the lengths, and how many
 * windows begin while one lasts; and what such a count is in milliseconds since the epoch.
 */
export function hopOf(e: FunctionExpr, moment: Term) {
  const [{ size, scale }, { size: slide, scale: by }] = [sizeOf(e, 1), sizeOf(e, 2)]
  const at = once(by.count(once(momentOf(moment, e))))
  const last = once(windowStart(at, slide, by.origin))
  return { size, slide, at, last, most: Number((size + slide - 1n) / slide), millis: scale.millis }
}

function windowStart(at: FlinkSql, size: bigint, origin: bigint): FlinkSql {
  return sql`(${floorDivided(sql`(${at} - ${origin})`, size)} * ${size} + ${origin})`
}
