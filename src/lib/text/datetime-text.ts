/**
 * Dates, times and instants as ISO-8601 text, and the calendar arithmetic under it: proleptic Gregorian, UTC, any year
 * that a 64-bit count can name. Fractions lose all trailing zeros (`…05.41Z`), years above 9999 carry a sign
 * (`+49603-…`). It parses nothing and knows no time zones.
 */

/** What a count of time is made of; the same words as `TimeUnit` in types.ts. */
export type Unit = 'millis' | 'micros' | 'nanos'

const DAY_SECONDS = 86_400

/** Units per second. */
export const UNITS_PER_SECOND: Readonly<Record<Unit, number>> = {
  millis: 1_000,
  micros: 1_000_000,
  nanos: 1_000_000_000,
}

const DAYS_PER_ERA = 146_097 // 400 Gregorian years
const DAYS_TO_EPOCH = 719_468 // from 0000-03-01 to 1970-01-01

export interface CivilDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** The calendar date of a day count since 1970-01-01. Month and day count from 1. */
export function civilDate(days: number): CivilDate {
  const shifted = days + DAYS_TO_EPOCH
  const era = Math.floor(shifted / DAYS_PER_ERA)
  const dayOfEra = shifted - era * DAYS_PER_ERA
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  // from 1 March
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}

/** The day count since 1970-01-01 of a calendar date. A day beyond the month's end runs on into the next month. */
export function epochDays(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return (
    era * DAYS_PER_ERA +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    DAYS_TO_EPOCH
  )
}

/** The number of days of a month (1–12). */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** `2024-02-29` for a day count since 1970-01-01. */
export function isoDate(days: number): string {
  const { year, month, day } = civilDate(days)
  return `${yearText(year)}-${two(month)}-${two(day)}`
}

/**
 * `07:05:05.41` for units since midnight. What lies outside of a day is shown as what it is: `-00:00:00.001`,
 * `24:00:00`, `596:31:23.647`.
 */
export function isoTime(value: number | bigint, unit: Unit): string {
  if (value < 0) return `-${isoTime(-value, unit)}`
  const { days, second, rest } = splitMoment(value, unit)
  return clock(days * DAY_SECONDS + second) + fraction(rest, unit)
}

/** `2024-02-29T07:05:05.41Z` for units since the epoch; `local` (a timestamp without zone) leaves the Z away. */
export function isoTimestamp(value: number | bigint, unit: Unit, local = false): string {
  const { days, second, rest } = splitMoment(value, unit)
  return `${isoDate(days)}T${clock(second)}${fraction(rest, unit)}${local ? '' : 'Z'}`
}

/** A count of units in parts. */
interface MomentParts {
  /** Since 1970-01-01, rounded down. */
  readonly days: number
  /** Of the day, 0 to 86,399. */
  readonly second: number
  /** Units that are left over, less than a second. */
  readonly rest: number
}

/** The parts of units since the epoch, exact for every 64-bit count. */
export function splitMoment(value: number | bigint, unit: Unit): MomentParts {
  const perSecond = UNITS_PER_SECOND[unit]
  const perDay = perSecond * DAY_SECONDS
  if (typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER - perDay) {
    // A quotient may be rounded up to a whole number, a remainder is exact.
    const ofDay = ((value % perDay) + perDay) % perDay
    const second = Math.floor(ofDay / perSecond)
    return { days: Math.round((value - ofDay) / perDay), second, rest: ofDay - second * perSecond }
  }
  const units = BigInt(value)
  const divisor = BigInt(perDay)
  const ofDay = ((units % divisor) + divisor) % divisor
  const second = ofDay / BigInt(perSecond)
  return {
    days: Number((units - ofDay) / divisor),
    second: Number(second),
    rest: Number(ofDay - second * BigInt(perSecond)),
  }
}

function clock(secondOfDay: number): string {
  const hour = Math.floor(secondOfDay / 3600)
  const minute = Math.floor(secondOfDay / 60) % 60
  return `${two(hour)}:${two(minute)}:${two(secondOfDay % 60)}`
}

function fraction(units: number, unit: Unit): string {
  if (units === 0) return ''
  const width = unit === 'millis' ? 3 : unit === 'micros' ? 6 : 9
  const digits = String(units).padStart(width, '0')
  let end = width
  while (digits.charCodeAt(end - 1) === 48) end--
  return `.${digits.slice(0, end)}`
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n)
}

function yearText(year: number): string {
  if (year >= 0 && year <= 9999) return year < 1000 ? String(year).padStart(4, '0') : String(year)
  return year < 0 ? `-${String(-year).padStart(4, '0')}` : `+${year}`
}
