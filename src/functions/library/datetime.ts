/**
 * The date and time functions. All of them compute in UTC; NOW() and its kin are the start of the query. A moment may
 * be given as a date, a time, a timestamp, ISO text or milliseconds since the epoch. Java patterns are in java-time.ts.
 */
import { civilDate, epochDays, splitSeconds, UNITS_PER_SECOND } from '../../lib/datetime-text.ts'
import type { DataType, TimeUnit, Value } from '../../types.ts'
import { DATE, INT, STRING, TIMESTAMP, typeName } from '../../types.ts'
import type { Moment } from '../support/datemath.ts'
import { parseMoment, parseTimeText } from '../support/datemath.ts'
import { checkPattern, checkString, define, describe, memo } from '../define.ts'
import type { JavaPattern, ParsedText } from '../support/java-time.ts'
import { instantOf, javaPattern, monthName } from '../support/java-time.ts'
import { toLong } from '../support/numbers.ts'
import type { Parameter, ScalarFunction } from '../function.ts'
import { ValueError } from '../function.ts'
import { localToInstant } from '../support/zone.ts'

/** Checked by `momentType`: more than dates is taken. */
const MOMENT: Parameter = { name: 'moment', accept: 'any' }
const PATTERN: Parameter = { name: 'pattern', accept: 'string' }
const TEXT: Parameter = { name: 'text', accept: 'string' }
const DAY_SECONDS = 86_400
const DAY_MS = 86_400_000

const TIME: Readonly<Record<'millis' | 'micros', DataType>> = {
  millis: { kind: 'time', unit: 'millis' },
  micros: { kind: 'time', unit: 'micros' },
}

/**
 * The static check of a moment argument: a date or time, ISO text, milliseconds, or a dynamic value. Throws an Error
 * with a sentence.
 */
function checkMoment(type: DataType, what: string): void {
  if (MOMENT_KINDS.has(type.kind)) return
  throw new Error(`${what} takes a date, a time, a timestamp, ISO text or milliseconds, not ${typeName(type)}.`)
}

const MOMENT_KINDS: ReadonlySet<string> = new Set([
  'date',
  'time',
  'timestamp',
  'int',
  'long',
  'string',
  'json',
  'null',
])

/** Reads values of a type as moments. A time is a moment of 1970-01-01. */
function momentReader(type: DataType, what: string): (value: Value) => Moment {
  if (type.kind === 'date') return (value) => ({ seconds: (value as number) * DAY_SECONDS, nanos: 0 })
  if (type.kind === 'time' || type.kind === 'timestamp') return (value) => momentOf(value as number | bigint, type.unit)
  return (value) => {
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value)))
      return momentOf(value, 'millis')
    const moment = typeof value === 'string' ? parseMoment(value) : undefined
    if (moment === undefined)
      throw new ValueError(`${what}: ${describe(value)} is no date or time such as 2024-03-09 06:15:00`)
    return moment
  }
}

function momentOf(value: number | bigint, unit: TimeUnit): Moment {
  const { seconds, rest } = splitSeconds(typeof value === 'number' ? Math.floor(value) : value, unit)
  return { seconds, nanos: rest * (1e9 / UNITS_PER_SECOND[unit]) }
}

/** A moment as units since the epoch. */
function unitsOf(moment: Moment, unit: TimeUnit, what: string): number | bigint {
  const perSecond = UNITS_PER_SECOND[unit]
  const rest = Math.floor(moment.nanos / (1e9 / perSecond))
  const units = moment.seconds * perSecond + rest
  return Number.isSafeInteger(units) ? units : toLong(BigInt(moment.seconds) * BigInt(perSecond) + BigInt(rest), what)
}

// ---------------------------------------------------------------------------------------------- the current time

function current(
  name: string,
  aliases: readonly string[] | undefined,
  description: string,
  example: readonly [string, string],
  millis: (nowMs: number) => number,
): ScalarFunction {
  return define({
    name,
    aliases,
    family: 'datetime',
    parameters: [],
    description,
    examples: [{ sql: example[0], result: example[1] }],
    returns: () => TIMESTAMP,
    make: (_types, context) => {
      const value = millis(context.nowMs)
      return () => value
    },
  })
}

const midnight = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS

const NOW_ROWS: readonly ScalarFunction[] = [
  current('now', ['datetime'], 'The start of the query.', ['NOW()', '2024-02-29T07:05:05.41Z'], (ms) => ms),
  current('today', undefined, 'The start of the current day.', ['TODAY()', '2024-02-29T00:00:00Z'], midnight),
  current(
    'yesterday',
    undefined,
    'The start of the query, less one day.',
    ['YESTERDAY()', '2024-02-28T07:05:05.41Z'],
    (ms) => ms - DAY_MS,
  ),
  current(
    'tomorrow',
    undefined,
    'The start of the query and one day.',
    ['TOMORROW()', '2024-03-01T07:05:05.41Z'],
    (ms) => ms + DAY_MS,
  ),
  define({
    name: 'date',
    family: 'datetime',
    parameters: [{ name: 'days', accept: 'integer', optional: true }],
    description: 'Midnight of the current day, or of the day that is so many days after 1970-01-01.',
    examples: [
      { sql: 'DATE()', result: '2024-02-29T00:00:00Z' },
      { sql: 'DATE(19782)', result: '2024-02-29T00:00:00Z' },
    ],
    returns: () => TIMESTAMP,
    make: (_types, context) => (days?: number | bigint) =>
      days === undefined
        ? midnight(context.nowMs)
        : unitsOf({ seconds: checkDays(days) * DAY_SECONDS, nanos: 0 }, 'millis', 'DATE'),
  }),
]

/** Not a limit: the last day that 64-bit milliseconds reach. */
const MAX_DAYS = 106_751_991_167

function checkDays(days: number | bigint): number {
  const n = Number(days)
  if (Math.abs(n) > MAX_DAYS) throw new ValueError(`DATE: ${days} days are beyond the calendar`)
  return n
}

// ---------------------------------------------------------------------------------------------- parts

function part(
  name: string,
  description: string,
  result: string,
  read: (moment: Moment) => Value,
  returns: DataType = INT,
  needs: 'date' | 'time' | 'any' = 'date',
): ScalarFunction {
  const what = name.toUpperCase()
  const returnsOf = ([type]: readonly DataType[]): DataType => {
    checkMoment(type, what)
    if (needs === 'date' && type.kind === 'time') throw new Error(`${what} needs a date, and a time has none.`)
    if (needs === 'time' && type.kind === 'date') throw new Error(`${what} needs a time, and a date has none.`)
    return returns
  }
  return define({
    name,
    family: 'datetime',
    parameters: [MOMENT],
    description,
    examples: [{ sql: `${what}(TO_TIMESTAMP(1709190305410))`, result }],
    returns: returnsOf,
    make: ([type]) => {
      const moment = momentReader(type, what)
      return (value: Value) => read(moment(value))
    },
  })
}

const dayOf = (moment: Moment): number => Math.floor(moment.seconds / DAY_SECONDS)
const secondOfDay = (moment: Moment): number => moment.seconds - dayOf(moment) * DAY_SECONDS

/** ISO 8601: weeks start on Monday, week 1 holds the first Thursday. */
function isoWeek(days: number): number {
  const thursday = days - ((((days + 3) % 7) + 7) % 7) + 3
  return Math.floor((thursday - epochDays(civilDate(thursday).year, 1, 1)) / 7) + 1
}

const PART_ROWS: readonly ScalarFunction[] = [
  part('year', 'The year of a date.', '2024', (m) => civilDate(dayOf(m)).year),
  part('month', 'The month of a date, 1 to 12.', '2', (m) => civilDate(dayOf(m)).month),
  part(
    'month_text',
    'The English name of the month of a date.',
    'February',
    (m) => monthName(civilDate(dayOf(m)).month),
    STRING,
  ),
  part('week', 'The ISO week of a date, 1 to 53.', '9', (m) => isoWeek(dayOf(m))),
  part('day', 'The day of the month of a date, 1 to 31.', '29', (m) => civilDate(dayOf(m)).day),
  part('hour', 'The hour of a time, 0 to 23.', '7', (m) => Math.floor(secondOfDay(m) / 3600), INT, 'any'),
  part('minute', 'The minute of a time, 0 to 59.', '5', (m) => Math.floor(secondOfDay(m) / 60) % 60, INT, 'any'),
  part('second', 'The second of a time, 0 to 59.', '5', (m) => secondOfDay(m) % 60, INT, 'any'),
  part('extract_date', 'The date of a timestamp, without its time.', '2024-02-29', dayOf, DATE),
  define({
    name: 'extract_time',
    family: 'datetime',
    parameters: [MOMENT],
    description: 'The time of a timestamp, without its date.',
    examples: [{ sql: 'EXTRACT_TIME(TO_TIMESTAMP(1709190305000))', result: '07:05:05' }],
    returnText: 'time',
    returns: ([type]) => {
      checkMoment(type, 'EXTRACT_TIME')
      return { kind: 'time', unit: timeUnit(type) }
    },
    make: ([type]) => {
      const moment = momentReader(type, 'EXTRACT_TIME')
      const unit = timeUnit(type)
      return (value: Value) => {
        const m = moment(value)
        return unitsOf({ seconds: secondOfDay(m), nanos: m.nanos }, unit, 'EXTRACT_TIME')
      }
    },
  }),
]

function timeUnit(type: DataType): TimeUnit {
  return type.kind === 'time' || type.kind === 'timestamp' ? type.unit : 'millis'
}

// ---------------------------------------------------------------------------------------------- text

function patternOf(what: string): (pattern: string) => JavaPattern {
  return memo((pattern) => {
    checkPattern(pattern, what)
    try {
      return javaPattern(pattern)
    } catch (error) {
      throw new ValueError(`${what}: ${JSON.stringify(pattern)} is not a date pattern: ${(error as Error).message}`)
    }
  })
}

function formatted(pattern: JavaPattern, moment: Moment, what: string): string {
  try {
    return checkString(pattern.format(moment), what)
  } catch (error) {
    if (error instanceof ValueError) throw error
    throw new ValueError(`${what}: the moment cannot be shown with this pattern: ${(error as Error).message}`)
  }
}

function parsedText(pattern: JavaPattern, text: string, patternText: string, what: string): ParsedText {
  const parsed = pattern.parse(text)
  if (parsed === undefined)
    throw new ValueError(`${what}: ${describe(text)} does not match the pattern ${JSON.stringify(patternText)}`)
  return parsed
}

function parsedMoment(pattern: JavaPattern, text: string, patternText: string, what: string): Moment {
  const moment = instantOf(parsedText(pattern, text, patternText, what))
  if (moment === undefined)
    throw new ValueError(`${what}: the pattern ${JSON.stringify(patternText)} names no full date`)
  return moment
}

function formatRow(name: string, description: string, pattern: string, result: string): ScalarFunction {
  const what = name.toUpperCase()
  return define({
    name,
    family: 'datetime',
    parameters: [MOMENT, PATTERN],
    description,
    examples: [{ sql: `${what}(TO_TIMESTAMP(1709190305410), '${pattern}')`, result }],
    returns: ([type]) => {
      checkMoment(type, what)
      return STRING
    },
    make: ([type]) => {
      const moment = momentReader(type, what)
      const compiled = patternOf(what)
      return (value: Value, text: string) => formatted(compiled(text), moment(value), what)
    },
  })
}

/** A function that reads text by a pattern; `read` makes the value of what was parsed. */
function parseRow(
  name: string,
  description: string,
  example: readonly [string, string, string],
  returns: DataType,
  read: (pattern: JavaPattern, text: string, patternText: string) => Value,
): ScalarFunction {
  const what = name.toUpperCase()
  return define({
    name,
    family: 'datetime',
    parameters: [TEXT, PATTERN],
    description,
    examples: [{ sql: `${what}('${example[0]}', '${example[1]}')`, result: example[2] }],
    returns: () => returns,
    make: () => {
      const compiled = patternOf(what)
      return (text: string, patternText: string) => read(compiled(patternText), text, patternText)
    },
  })
}

function parseTime(unit: 'millis' | 'micros', result: string): ScalarFunction {
  const what = `PARSE_TIME_${unit.toUpperCase()}`
  return parseRow(
    what.toLowerCase(),
    `The time that a text says by a Java date pattern, in ${unit === 'millis' ? 'milliseconds' : 'microseconds'}.`,
    ['07:05:05.41', 'HH:mm:ss.SS', result],
    TIME[unit],
    (pattern, text, patternText) => {
      const { nanosOfDay } = parsedText(pattern, text, patternText, what)
      if (nanosOfDay === undefined)
        throw new ValueError(`${what}: the pattern ${JSON.stringify(patternText)} names no time`)
      return Math.floor(nanosOfDay / (unit === 'millis' ? 1e6 : 1e3))
    },
  )
}

function parseTimestamp(unit: 'millis' | 'micros'): ScalarFunction {
  const what = `PARSE_TIMESTAMP_${unit.toUpperCase()}`
  return parseRow(
    what.toLowerCase(),
    `The timestamp that a text says by a Java date pattern, in ${unit === 'millis' ? 'milliseconds' : 'microseconds'}.`,
    ['2024-02-29 07:05', 'yyyy-MM-dd HH:mm', '2024-02-29T07:05:00Z'],
    { kind: 'timestamp', unit },
    (pattern, text, patternText) => unitsOf(parsedMoment(pattern, text, patternText, what), unit, what),
  )
}

const TEXT_ROWS: readonly ScalarFunction[] = [
  formatRow('format_date', 'A date as text by a Java date pattern.', 'dd/MM/yyyy', '29/02/2024'),
  formatRow('format_time', 'A time as text by a Java date pattern.', 'K:mm a, z', '7:05 AM, UTC'),
  formatRow(
    'format_timestamp',
    'A timestamp as text by a Java date pattern.',
    'EEE d MMMM yyyy HH:mm:ss.SSS',
    'Thu 29 February 2024 07:05:05.410',
  ),
  parseRow(
    'parse_date',
    'The date that a text says by a Java date pattern.',
    ['29 Feb 2024', 'd MMM yyyy', '2024-02-29'],
    DATE,
    (pattern, text, patternText) => {
      const { days } = parsedText(pattern, text, patternText, 'PARSE_DATE')
      if (days === undefined)
        throw new ValueError(`PARSE_DATE: the pattern ${JSON.stringify(patternText)} names no full date`)
      return days
    },
  ),
  parseTime('millis', '07:05:05.41'),
  parseTime('micros', '07:05:05.41'),
  parseTimestamp('millis'),
  parseTimestamp('micros'),
  define({
    name: 'convert_datetime',
    family: 'datetime',
    parameters: [TEXT, { name: 'from', accept: 'string' }, { name: 'to', accept: 'string' }],
    description: 'A date or time in text, written by another Java date pattern.',
    examples: [{ sql: "CONVERT_DATETIME('2024-02-29 07:05', 'yyyy-MM-dd HH:mm', 'dd/MM/yyyy')", result: '29/02/2024' }],
    returns: () => STRING,
    make: () => {
      const [reads, writes] = [patternOf('CONVERT_DATETIME'), patternOf('CONVERT_DATETIME')]
      return (text: string, from: string, to: string) => {
        const parsed = parsedText(reads(from), text, from, 'CONVERT_DATETIME')
        const moment = instantOf(parsed.days === undefined ? { ...parsed, days: 0 } : parsed)
        if (moment === undefined) throw new ValueError(`CONVERT_DATETIME: ${describe(text)} is beyond the calendar`)
        return formatted(writes(to), moment, 'CONVERT_DATETIME')
      }
    },
  }),
]

// ---------------------------------------------------------------------------------------------- conversions

/** TO_DATE and TO_TIMESTAMP take text with a pattern, ISO text, or a number or moment as it is. */
function toMoment(types: readonly DataType[], what: string): (value: Value, pattern?: string) => Moment {
  const moment = momentReader(types[0], what)
  const compiled = patternOf(what)
  return (value, pattern) => {
    if (pattern === undefined) return moment(value)
    if (typeof value !== 'string')
      throw new ValueError(`${what}: a pattern goes with a text, not with ${describe(value)}`)
    return parsedMoment(compiled(pattern), value, pattern, what)
  }
}

function reinterpret(
  name: string,
  description: string,
  example: readonly [string, string],
  type: DataType,
): ScalarFunction {
  return define({
    name,
    family: 'datetime',
    parameters: [{ name: 'value', accept: 'integer' }],
    description,
    examples: [{ sql: example[0], result: example[1] }],
    returns: () => type,
    make: () =>
      type.kind === 'time' ? (value: number | bigint) => ofDay(value, type.unit) : (value: number | bigint) => value,
  })
}

/** A time of day has no days: what is beyond one, or before it, is taken off. */
function ofDay(value: number | bigint, unit: 'millis' | 'micros' | 'nanos'): number {
  const day = BigInt(DAY_SECONDS) * BigInt(UNITS_PER_SECOND[unit])
  return Number(((BigInt(value) % day) + day) % day)
}

const CONVERSION_ROWS: readonly ScalarFunction[] = [
  define({
    name: 'to_date',
    family: 'datetime',
    parameters: [MOMENT, { ...PATTERN, optional: true }],
    description: 'Midnight of the day that a text says, by a Java date pattern or in ISO form.',
    examples: [
      { sql: "TO_DATE('2024-02-29', 'yyyy-MM-dd')", result: '2024-02-29T00:00:00Z' },
      { sql: "TO_DATE('2024-02-29 07:05:05')", result: '2024-02-29T00:00:00Z' },
    ],
    returns: ([type]) => {
      checkMoment(type, 'TO_DATE')
      return TIMESTAMP
    },
    make: (types) => {
      const moment = toMoment(types, 'TO_DATE')
      return (value: Value, pattern?: string) =>
        unitsOf({ seconds: dayOf(moment(value, pattern)) * DAY_SECONDS, nanos: 0 }, 'millis', 'TO_DATE')
    },
  }),
  define({
    name: 'to_timestamp',
    aliases: ['to_datetime'],
    family: 'datetime',
    parameters: [MOMENT, { ...PATTERN, optional: true }],
    description: 'The timestamp of milliseconds since the epoch, or of a text by a Java date pattern or in ISO form.',
    examples: [
      { sql: 'TO_TIMESTAMP(1709190305410)', result: '2024-02-29T07:05:05.41Z' },
      { sql: "TO_TIMESTAMP('29/02/2024 07:05', 'dd/MM/yyyy HH:mm')", result: '2024-02-29T07:05:00Z' },
      { sql: "TO_DATETIME('2024-02-29T09:05:05+02:00')", result: '2024-02-29T07:05:05Z' },
    ],
    returns: ([type]) => {
      checkMoment(type, 'TO_TIMESTAMP')
      return TIMESTAMP
    },
    make: (types) => {
      const moment = toMoment(types, 'TO_TIMESTAMP')
      return (value: Value, pattern?: string) => unitsOf(moment(value, pattern), 'millis', 'TO_TIMESTAMP')
    },
  }),
  reinterpret(
    'time_millis',
    'A number of milliseconds since midnight as a time; whole days are left out.',
    ['TIME_MILLIS(25505410)', '07:05:05.41'],
    TIME.millis,
  ),
  reinterpret(
    'time_micros',
    'A number of microseconds since midnight as a time; whole days are left out.',
    ['TIME_MICROS(25505410001)', '07:05:05.410001'],
    TIME.micros,
  ),
  reinterpret(
    'timestamp_millis',
    'A number of milliseconds since the epoch as a timestamp.',
    ['TIMESTAMP_MILLIS(1709190305410)', '2024-02-29T07:05:05.41Z'],
    TIMESTAMP,
  ),
  reinterpret(
    'timestamp_micros',
    'A number of microseconds since the epoch as a timestamp.',
    ['TIMESTAMP_MICROS(1709190305410001)', '2024-02-29T07:05:05.410001Z'],
    { kind: 'timestamp', unit: 'micros' },
  ),
  define({
    name: 'timestamp',
    family: 'datetime',
    parameters: [
      { name: 'date', accept: 'any' },
      { name: 'time', accept: 'any' },
      { name: 'zone', accept: 'string' },
    ],
    description: 'The instant at which clocks in a zone (an IANA name, UTC or an offset) show a date and a time.',
    examples: [
      { sql: "TIMESTAMP('2024-02-29', '09:05:05', 'Europe/Warsaw')", result: '2024-02-29T08:05:05Z' },
      {
        sql: "TIMESTAMP(PARSE_DATE('2024-02-29', 'yyyy-MM-dd'), TIME_MILLIS(25505410), 'UTC')",
        result: '2024-02-29T07:05:05.41Z',
      },
    ],
    returns: ([date, time]) => {
      checkMoment(date, 'TIMESTAMP')
      checkMoment(time, 'TIMESTAMP')
      return TIMESTAMP
    },
    make: ([dateType, timeType]) => {
      const dateOf = momentReader(dateType, 'TIMESTAMP')
      const timeOf = timeReader(timeType)
      return (date: Value, time: Value, zone: string) => {
        const clock = timeOf(time)
        const seconds = localToInstant(dayOf(dateOf(date)) * DAY_SECONDS + secondOfDay(clock), zone)
        if (seconds === undefined)
          throw new ValueError(`TIMESTAMP: ${describe(zone)} is no time zone such as Europe/Warsaw, UTC or +02:00`)
        return unitsOf({ seconds, nanos: clock.nanos }, 'millis', 'TIMESTAMP')
      }
    },
  }),
]

/** Like `momentReader`, and text may be a bare time. */
function timeReader(type: DataType): (value: Value) => Moment {
  const moment = momentReader(type, 'TIMESTAMP')
  return (value) => {
    const nanos = typeof value === 'string' ? parseTimeText(value) : undefined
    return nanos === undefined ? moment(value) : { seconds: Math.floor(nanos / 1e9), nanos: nanos % 1e9 }
  }
}

export const DATETIME_FUNCTIONS: readonly ScalarFunction[] = [
  ...NOW_ROWS,
  ...PART_ROWS,
  ...TEXT_ROWS,
  ...CONVERSION_ROWS,
]
