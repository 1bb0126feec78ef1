/** Conversions between dates, times, timestamps and numbers. */
import { UNITS_PER_SECOND } from '../../../lib/text/datetime-text.ts'
import type { DataType, Value } from '../../../types.ts'
import { TIMESTAMP } from '../../../types.ts'
import type { Moment } from '../../support/datemath.ts'
import { momentAt, parseTimeText } from '../../support/datemath.ts'
import { define, describe } from '../../define.ts'
import type { ScalarFunction } from '../../function.ts'
import { ValueError } from '../../function.ts'
import { localToInstant } from '../../support/zone.ts'
import { DAY_SECONDS, MOMENT, PATTERN, TIME, checkMoment, checkUnits, momentReader, unitsOf } from './moments.ts'
import { parsedMoment, patternOf } from './date-text.ts'

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
  const what = name.toUpperCase()
  return define({
    name,
    family: 'datetime',
    parameters: [{ name: 'value', accept: 'integer' }],
    description,
    examples: [{ sql: example[0], result: example[1] }],
    returns: () => type,
    make: () =>
      type.kind === 'time'
        ? (value: number | bigint) => ofDay(value, type.unit)
        : (value: number | bigint) => checkUnits(value, what),
  })
}

/** A time of day has no days: what is beyond one, or before it, is taken off. */
function ofDay(value: number | bigint, unit: 'millis' | 'micros' | 'nanos'): number {
  const day = BigInt(DAY_SECONDS) * BigInt(UNITS_PER_SECOND[unit])
  return Number(((BigInt(value) % day) + day) % day)
}

export const CONVERSION_ROWS: readonly ScalarFunction[] = [
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
        unitsOf({ days: moment(value, pattern).days, second: 0, nanos: 0 }, 'millis', 'TO_DATE')
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
        const seconds = localToInstant(dateOf(date).days * DAY_SECONDS + clock.second, zone)
        if (seconds === undefined)
          throw new ValueError(`TIMESTAMP: ${describe(zone)} is no time zone such as Europe/Warsaw, UTC or +02:00`)
        return unitsOf(momentAt(0, seconds, clock.nanos), 'millis', 'TIMESTAMP')
      }
    },
  }),
]

/** Like `momentReader`, and text may be a bare time. */
function timeReader(type: DataType): (value: Value) => Moment {
  const moment = momentReader(type, 'TIMESTAMP')
  return (value) => {
    const nanos = typeof value === 'string' ? parseTimeText(value) : undefined
    return nanos === undefined ? moment(value) : { days: 0, second: Math.floor(nanos / 1e9), nanos: nanos % 1e9 }
  }
}
