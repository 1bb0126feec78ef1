/** YEAR, MONTH, …: parts of a date or time as numbers. */
import { civilDate, epochDays } from '../../../lib/text/datetime-text.ts'
import type { DataType, TimeUnit, Value } from '../../../types.ts'
import { DATE, INT, STRING } from '../../../types.ts'
import type { Moment } from '../../support/datemath.ts'
import { define } from '../../define.ts'
import { monthName } from '../../support/java-time.ts'
import type { ScalarFunction } from '../../function.ts'
import { MOMENT, checkMoment, momentReader, unitsOf } from './moments.ts'

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

/** ISO 8601: weeks start on Monday, week 1 holds the first Thursday. */
function isoWeek(days: number): number {
  const thursday = days - ((((days + 3) % 7) + 7) % 7) + 3
  return Math.floor((thursday - epochDays(civilDate(thursday).year, 1, 1)) / 7) + 1
}

export const PART_ROWS: readonly ScalarFunction[] = [
  part('year', 'The year of a date.', '2024', (m) => civilDate(m.days).year),
  part('month', 'The month of a date, 1 to 12.', '2', (m) => civilDate(m.days).month),
  part(
    'month_text',
    'The English name of the month of a date.',
    'February',
    (m) => monthName(civilDate(m.days).month),
    STRING,
  ),
  part('week', 'The ISO week of a date, 1 to 53.', '9', (m) => isoWeek(m.days)),
  part('day', 'The day of the month of a date, 1 to 31.', '29', (m) => civilDate(m.days).day),
  part('hour', 'The hour of a time, 0 to 23.', '7', (m) => Math.floor(m.second / 3600), INT, 'any'),
  part('minute', 'The minute of a time, 0 to 59.', '5', (m) => Math.floor(m.second / 60) % 60, INT, 'any'),
  part('second', 'The second of a time, 0 to 59.', '5', (m) => m.second % 60, INT, 'any'),
  part('extract_date', 'The date of a timestamp, without its time.', '2024-02-29', (m) => m.days, DATE),
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
        return unitsOf({ days: 0, second: m.second, nanos: m.nanos }, unit, 'EXTRACT_TIME')
      }
    },
  }),
]

function timeUnit(type: DataType): TimeUnit {
  return type.kind === 'time' || type.kind === 'timestamp' ? type.unit : 'millis'
}
