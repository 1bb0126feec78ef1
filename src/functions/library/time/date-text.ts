/** Dates and times as text in a pattern, and text as dates and times. */
import type { DataType, Value } from '../../../types.ts'
import { DATE, STRING } from '../../../types.ts'
import type { Moment } from '../../support/datemath.ts'
import { checkPattern, checkString, define, describe, memo } from '../../define.ts'
import type { JavaPattern, ParsedText } from '../../support/java-time.ts'
import { instantOf, javaPattern } from '../../support/java-time.ts'
import type { ScalarFunction } from '../../function.ts'
import { ValueError } from '../../function.ts'
import { MOMENT, PATTERN, TEXT, TIME, checkMoment, momentReader, unitsOf } from './moments.ts'

export function patternOf(what: string): (pattern: string) => JavaPattern {
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

export function parsedMoment(pattern: JavaPattern, text: string, patternText: string, what: string): Moment {
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

export const TEXT_ROWS: readonly ScalarFunction[] = [
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
