/**
 * Date arithmetic of the dialect: durations such as `90m` or `1y2M`, and date and time texts such as `2024-03-09
 * 06:15:00`. Everything is UTC and proleptic Gregorian. Java patterns are in java-time.ts.
 */
import { civilDate, daysInMonth, epochDays } from '../../lib/text/datetime-text.ts'

/** Calendar months (years are twelve) and a fixed rest in milliseconds (a week is seven days of 24 hours). */
export interface Duration {
  readonly months: number
  readonly millis: number
}

const DAY_MS = 86_400_000
const MONTHS: Readonly<Record<string, number>> = { y: 12, M: 1 }
const MILLIS: Readonly<Record<string, number>> = { w: 7 * DAY_MS, d: DAY_MS, h: 3_600_000, m: 60_000, s: 1000 }

/** `90m`, `1d`, `2h 30m`, `1y2M`; units y M w d h m s, where case matters. undefined when it is no duration. */
export function parseDuration(text: string): Duration | undefined {
  if (!/^\s*(?:\d{1,9}\s*[yMwdhms]\s*)+$/.test(text)) return undefined
  let months = 0
  let millis = 0
  for (const [, digits, unit] of text.matchAll(/(\d+)\s*([yMwdhms])/g)) {
    months += Number(digits) * (MONTHS[unit] ?? 0)
    millis += Number(digits) * (MILLIS[unit] ?? 0)
  }
  return Number.isSafeInteger(millis) && Number.isSafeInteger(months) ? { months, millis } : undefined
}

/**
 * Milliseconds since the epoch moved by a duration: months first (31 January + 1M is the last day of February), then
 * the fixed rest.
 */
export function addDuration(epochMs: number, duration: Duration, sign: 1 | -1): number {
  return addMonths(epochMs, sign * duration.months) + sign * duration.millis
}

function addMonths(epochMs: number, months: number): number {
  if (months === 0) return epochMs
  const days = Math.floor(epochMs / DAY_MS)
  const { year, month, day } = civilDate(days)
  const index = year * 12 + (month - 1) + months
  const newYear = Math.floor(index / 12)
  const newMonth = index - newYear * 12 + 1
  return (
    epochDays(newYear, newMonth, Math.min(day, daysInMonth(newYear, newMonth))) * DAY_MS + (epochMs - days * DAY_MS)
  )
}

/** A date and time: days since the epoch, the second of the day (0 to 86,399), and nanoseconds within the second. */
export interface Moment {
  readonly days: number
  readonly second: number
  readonly nanos: number
}

/** The moment that is some seconds (a safe integer) and nanoseconds after midnight of a day; the seconds may leave it. */
export function momentAt(days: number, seconds: number, nanos: number): Moment {
  const second = ((seconds % 86_400) + 86_400) % 86_400
  return { days: days + Math.round((seconds - second) / 86_400), second, nanos }
}

const MOMENT =
  /^([+-]\d{4,9}|\d{4})-(\d{2})-(\d{2})(?:[Tt ]\s*(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?)?$/

/**
 * `2024-03-09`, `2024-03-09 06:15`, `2024-03-09T06:15:00.123456789+02:00`; without a zone it is UTC. undefined when it
 * is none, or no day of the calendar.
 */
export function parseMoment(text: string): Moment | undefined {
  const m = MOMENT.exec(text.trim())
  if (m === null) return undefined
  const [year, month, day, hour, minute, second] = [m[1], m[2], m[3], m[4] ?? '0', m[5] ?? '0', m[6] ?? '0'].map(Number)
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
    return undefined
  const offset = offsetSeconds(m[8] ?? 'Z')
  if (offset === undefined) return undefined
  return momentAt(
    epochDays(year, month, day),
    hour * 3600 + minute * 60 + second - offset,
    Number((m[7] ?? '').padEnd(9, '0')),
  )
}

/**
 * Seconds east of Greenwich of `Z`, `UTC`, `+02`, `+0200`, `-05:30`; undefined for anything else and beyond 18 hours.
 */
export function offsetSeconds(text: string): number | undefined {
  if (/^(?:Z|UTC|GMT)$/i.test(text)) return 0
  const m = /^([+-])(\d{2}):?(\d{2})?$/.exec(text)
  if (m === null) return undefined
  const seconds = Number(m[2]) * 3600 + Number(m[3] ?? 0) * 60
  if (Number(m[3] ?? 0) > 59 || seconds > 18 * 3600) return undefined
  return m[1] === '-' ? -seconds : seconds
}

/** The same as milliseconds since the epoch; finer fractions are cut off. */
export function parseTimestampText(text: string): { readonly value: number; readonly unit: 'millis' } | undefined {
  const moment = parseMoment(text)
  return moment === undefined
    ? undefined
    : { value: moment.days * DAY_MS + moment.second * 1000 + Math.floor(moment.nanos / 1e6), unit: 'millis' }
}

/** Nanoseconds since midnight of `06:15`, `06:15:00`, `06:15:00.123456789`; undefined when it is none. */
export function parseTimeText(text: string): number | undefined {
  const m = /^(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?$/.exec(text.trim())
  if (m === null) return undefined
  const [hour, minute, second] = [m[1], m[2], m[3] ?? '0'].map(Number)
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return (hour * 3600 + minute * 60 + second) * 1e9 + Number((m[4] ?? '').padEnd(9, '0'))
}
