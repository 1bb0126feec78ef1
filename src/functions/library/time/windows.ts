/**
 * Time windows for GROUP BY: TUMBLE gives the start of the window that a moment lies in, HOP the starts of all windows
 * that it lies in. Everything is UTC. The binder checks the sizes (`parseWindow`) and turns HOP into an unnested array;
 * the ends are the starts plus the size.
 */
import { civilDate, epochDays } from '../../../lib/text/datetime-text.ts'
import { type DataType, TIMESTAMP, type Value } from '../../../types.ts'
import { addDuration, type Duration, parseDuration, parseTimestampText } from '../../support/datemath.ts'
import { define } from '../../define.ts'
import type { Parameter, ScalarFunction } from '../../function.ts'

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS

/** Limit `window.max.overlap` (windows): windows that HOP puts one record into. Beyond it: an error. */
export const MAX_OVERLAP = 1000

/**
 * Not a limit: milliseconds from the epoch to the last moment that has a window, and to the first one: days of a calendar
 * of 275,000 years. Beyond 2^53 a step of a window could be lost.
 */
const MAX_MOMENT_MS = 8.64e15

const MOMENT: Parameter = { name: 'moment', accept: 'any' }
const SIZE: Parameter = { name: 'size', accept: 'constant-string' }
const SLIDE: Parameter = { name: 'slide', accept: 'constant-string' }

/**
 * The size of a window: months (of the calendar) or a fixed time, not both; undefined when the text is no such thing.
 */
export function parseWindow(text: string): Duration | undefined {
  const size = parseDuration(text)
  return size === undefined || size.months > 0 === size.millis > 0 ? undefined : size
}

/**
 * Where the window begins that holds this moment. Windows of months count from January 1970 (three months are quarters,
 * a year begins in January), those of whole weeks begin on Mondays, all others count from 1970-01-01T00:00:00Z.
 */
export function windowStart(epochMs: number, size: Duration): number {
  if (size.months > 0) {
    const { year, month } = civilDate(Math.floor(epochMs / DAY_MS))
    const index = Math.floor((year * 12 + month - 1 - 1970 * 12) / size.months) * size.months + 1970 * 12
    return epochDays(Math.floor(index / 12), (((index % 12) + 12) % 12) + 1, 1) * DAY_MS
  }
  const origin = size.millis % WEEK_MS === 0 ? FIRST_MONDAY_MS : 0
  return Math.floor((epochMs - origin) / size.millis) * size.millis + origin
}

/** About how many windows hold one moment. */
export function overlap(size: Duration, slide: Duration): number {
  return size.months > 0 ? size.months / slide.months : size.millis / slide.millis
}

/** The beginnings of all windows that hold this moment, earliest first. */
export function windowStarts(epochMs: number, size: Duration, slide: Duration): number[] {
  const starts: number[] = []
  for (
    let start = windowStart(epochMs, slide);
    addDuration(start, size, 1) > epochMs;
    start = addDuration(start, slide, -1)
  )
    starts.push(start)
  return starts.reverse()
}

/** The static check of the moment. Throws an Error with a sentence. */
function checkMoment(type: DataType, what: string): void {
  if (!['date', 'timestamp', 'int', 'long', 'string', 'json', 'null'].includes(type.kind))
    throw new Error(`${what} takes a date, a timestamp, text that says one, or milliseconds.`)
}

/** Milliseconds since the epoch of a value; null for what is no moment. */
function momentReader(type: DataType): (value: Value) => number | null {
  if (type.kind === 'date') return (value) => (value === null ? null : within(Number(value) * DAY_MS))
  const per = type.kind === 'timestamp' ? { millis: 1, micros: 1000, nanos: 1_000_000 }[type.unit] : 1
  return (value) => {
    const ms =
      typeof value === 'number'
        ? Math.floor(value / per)
        : typeof value === 'bigint'
          ? Number((value - (((value % BigInt(per)) + BigInt(per)) % BigInt(per))) / BigInt(per))
          : typeof value === 'string'
            ? (parseTimestampText(value)?.value ?? Number.NaN)
            : Number.NaN
    return within(ms)
  }
}

/** null for what has no window; also for NaN. */
function within(ms: number): number | null {
  return Math.abs(ms) <= MAX_MOMENT_MS ? ms : null
}

function sizeOf(text: Value): Duration {
  const size = typeof text === 'string' ? parseWindow(text) : undefined
  if (size === undefined) throw new Error(`the size of a window was not checked: ${String(text)}`)
  return size
}

/** Sizes are constants of the query: each is parsed once. */
function sizes(): (text: Value) => Duration {
  const known = new Map<Value, Duration>()
  return (text) => {
    let size = known.get(text)
    if (size === undefined) known.set(text, (size = sizeOf(text)))
    return size
  }
}

const ALIGNED =
  'Sizes are durations such as "5m", "1h", "1d", "1w", "1M". Windows are aligned in UTC: months and years to ' +
  'the calendar, weeks to Mondays, all others to 1970-01-01. What is no moment, or is one more than 270,000 years away, has the window ' +
  'NULL.'

/** The windows of GROUP BY: TUMBLE and HOP. */
export const WINDOW_FUNCTIONS: readonly ScalarFunction[] = [
  define({
    name: 'tumble',
    family: 'datetime',
    parameters: [MOMENT, SIZE],
    description: `The start of the window of this size that the moment lies in, for GROUP BY. ${ALIGNED}`,
    examples: [],
    usage:
      "SELECT TUMBLE(_meta.timestamp, '5m') AS start, COUNT(*) FROM payments GROUP BY TUMBLE(_meta.timestamp, '5m')",
    returns: ([moment]) => {
      checkMoment(moment, 'TUMBLE')
      return TIMESTAMP
    },
    special: true,
    make: ([type]) => {
      const moment = momentReader(type)
      const size = sizes()
      return (value: Value, text: Value) => {
        const ms = moment(value)
        return ms === null ? null : windowStart(ms, size(text))
      }
    },
  }),
  define({
    name: 'tumble_end',
    family: 'datetime',
    parameters: [MOMENT, SIZE],
    description: 'The end (exclusive) of the window that TUMBLE with the same arguments gives.',
    examples: [],
    usage:
      "SELECT TUMBLE_END(_meta.timestamp, '5m') AS until, COUNT(*) FROM payments GROUP BY " +
      "TUMBLE(_meta.timestamp, '5m')",
    returns: () => TIMESTAMP,
    special: true,
    make: () => () => null,
  }),
  define({
    name: 'hop',
    family: 'datetime',
    parameters: [MOMENT, SIZE, SLIDE],
    description:
      'The start of a window of this size; one begins every slide, so that a record lies in several of them and ' +
      `counts in each. Only in queries with GROUP BY HOP(…). ${ALIGNED}`,
    examples: [],
    usage:
      "SELECT HOP(_meta.timestamp, '1h', '10m') AS start, COUNT(*) FROM payments GROUP BY HOP(_meta.timestamp, " +
      "'1h', '10m')",
    returns: ([moment]) => {
      checkMoment(moment, 'HOP')
      return TIMESTAMP
    },
    special: true,
    nullable: true,
    make: ([type]) => {
      const moment = momentReader(type)
      const size = sizes()
      return (value: Value, length: Value, slide: Value) => {
        const ms = moment(value)
        return ms === null ? [null] : windowStarts(ms, size(length), size(slide))
      }
    },
  }),
  define({
    name: 'hop_end',
    family: 'datetime',
    parameters: [MOMENT, SIZE, SLIDE],
    description: 'The end (exclusive) of the window that HOP with the same arguments gives.',
    examples: [],
    usage:
      "SELECT HOP_END(_meta.timestamp, '1h', '10m') AS until, COUNT(*) FROM payments GROUP BY " +
      "HOP(_meta.timestamp, '1h', '10m')",
    returns: () => TIMESTAMP,
    special: true,
    make: () => () => null,
  }),
]
