/**
 * The date and time functions. All of them compute in UTC; NOW() and its kin are the start of the query. A moment may
 * be given as a date, a time, a timestamp, ISO text or milliseconds since the epoch. Java patterns are in java-time.ts.
 */
import { TIMESTAMP } from '../../../types.ts'
import { define } from '../../define.ts'
import type { ScalarFunction } from '../../function.ts'
import { ValueError } from '../../function.ts'
import { DAY_MS, unitsOf } from './moments.ts'
import { PART_ROWS } from './parts.ts'
import { TEXT_ROWS } from './date-text.ts'
import { CONVERSION_ROWS } from './date-conversion.ts'

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
    description: 'Midnight of the current day, or of the day that is the given number of days after 1970-01-01.',
    examples: [
      { sql: 'DATE()', result: '2024-02-29T00:00:00Z' },
      { sql: 'DATE(19782)', result: '2024-02-29T00:00:00Z' },
    ],
    returns: () => TIMESTAMP,
    make: (_types, context) => (days?: number | bigint) =>
      days === undefined
        ? midnight(context.nowMs)
        : unitsOf({ days: checkDays(days), second: 0, nanos: 0 }, 'millis', 'DATE'),
  }),
]

/** Not a limit: the last day that 64-bit milliseconds reach. */
const MAX_DAYS = 106_751_991_167

function checkDays(days: number | bigint): number {
  const n = Number(days)
  if (Math.abs(n) > MAX_DAYS) throw new ValueError(`DATE: ${days} days are beyond the calendar`)
  return n
}

/** Functions of dates and times. */
export const DATETIME_FUNCTIONS: readonly ScalarFunction[] = [
  ...NOW_ROWS,
  ...PART_ROWS,
  ...TEXT_ROWS,
  ...CONVERSION_ROWS,
]
