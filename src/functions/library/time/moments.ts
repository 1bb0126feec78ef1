/** Values of date and time as moments, and back; the parameters that these functions share. */
import { UNITS_PER_SECOND, splitMoment } from '../../../lib/text/datetime-text.ts'
import type { DataType, TimeUnit, Value } from '../../../types.ts'
import { typeName } from '../../../types.ts'
import type { Moment } from '../../support/datemath.ts'
import { parseMoment } from '../../support/datemath.ts'
import { describe } from '../../define.ts'
import { toLong } from '../../support/numbers.ts'
import type { Parameter } from '../../function.ts'
import { ValueError } from '../../function.ts'

/** Checked by `momentType`: more than dates is taken. */
export const MOMENT: Parameter = { name: 'moment', accept: 'any' }

export const PATTERN: Parameter = { name: 'pattern', accept: 'string' }

export const TEXT: Parameter = { name: 'text', accept: 'string' }

export const DAY_SECONDS = 86_400

export const DAY_MS = 86_400_000

export const TIME: Readonly<Record<'millis' | 'micros', DataType>> = {
  millis: { kind: 'time', unit: 'millis' },
  micros: { kind: 'time', unit: 'micros' },
}

/**
 * The static check of a moment argument: a date or time, ISO text, milliseconds, or a dynamic value. Throws an Error
 * with a sentence.
 */
export function checkMoment(type: DataType, what: string): void {
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
export function momentReader(type: DataType, what: string): (value: Value) => Moment {
  if (type.kind === 'date') return (value) => ({ days: value as number, second: 0, nanos: 0 })
  if (type.kind === 'time' || type.kind === 'timestamp') return (value) => momentOf(value as number | bigint, type.unit)
  return (value) => {
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value)))
      return momentOf(checkUnits(value, what), 'millis')
    const moment = typeof value === 'string' ? parseMoment(value) : undefined
    if (moment === undefined)
      throw new ValueError(`${what}: ${describe(value)} is no date or time such as 2024-03-09 06:15:00`)
    return moment
  }
}

/** Of JSON any number comes; a ValueError beyond 64 bits. */
export function checkUnits(value: number | bigint, what: string): number | bigint {
  const units = typeof value === 'bigint' ? value : Math.floor(value)
  if (units < -(2n ** 63n) || units >= 2n ** 63n)
    throw new ValueError(`${what}: ${describe(value)} is beyond the moments of 64 bits`)
  return Number.isSafeInteger(units) ? units : BigInt(units)
}

function momentOf(value: number | bigint, unit: TimeUnit): Moment {
  const { days, second, rest } = splitMoment(value, unit)
  return { days, second, nanos: rest * (1e9 / UNITS_PER_SECOND[unit]) }
}

/** A moment as units since the epoch. */
export function unitsOf({ days, second, nanos }: Moment, unit: TimeUnit, what: string): number | bigint {
  const perSecond = UNITS_PER_SECOND[unit]
  const rest = Math.floor(nanos / (1e9 / perSecond))
  const units = (days * DAY_SECONDS + second) * perSecond + rest
  return Number.isSafeInteger(units)
    ? units
    : toLong((BigInt(days) * BigInt(DAY_SECONDS) + BigInt(second)) * BigInt(perSecond) + BigInt(rest), what)
}
