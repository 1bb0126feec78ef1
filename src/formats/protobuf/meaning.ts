/**
 * Messages that stand for a value (Timestamp, Duration, wrappers, Decimal, Struct, …): that value, read from the wire.
 */
import { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Value } from '../../types.ts'
import { integer } from '../../lib/whole-number.ts'
import { jsonString } from '../text/render.ts'
import { type RawBuffer, decimalAt, scratch, stringAt } from '../reading/reader-runtime.ts'
import type { Meaning, ProtoScalar } from './definition/schema.ts'
import { PROTOBUF_LIMIT_DEPTH, boolAt, int32At, int64At, lengthAt, scalarAt, walk, wireOf } from './wire.ts'

/** The 64-bit fields of a small message by number; missing ones are 0. */
function integers(b: Uint8Array, from: number, to: number, count: number): (number | bigint)[] | undefined {
  const found: (number | bigint)[] = new Array(count + 1).fill(0)
  const good = walk(b, from, to, (tag, at) => {
    const number = tag >>> 3
    if (number > count || (tag & 7) !== 0) return true
    const value = int64At(b, at)
    if (value === undefined) return false
    found[number] = value
    return true
  })
  return good ? found : undefined
}

/** Seconds and nanoseconds within what the type allows (and of one sign), as one number of nanoseconds. */
function nanosIn(
  b: Uint8Array,
  from: number,
  to: number,
  least: number,
  most: number,
  signed: boolean,
): bigint | undefined {
  const found = integers(b, from, to, 2)
  if (found === undefined) return undefined
  const [, seconds, nanos] = found
  if (seconds < least || seconds > most || nanos > 999_999_999 || nanos < (signed ? -999_999_999 : 0)) return undefined
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
}

/** Not a limit: a constant of google.protobuf.Duration, in seconds. */
export const DURATION_LIMIT_SECONDS = 315_576_000_000

function durationText(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos
  const rest = (size % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  return `${nanos < 0n ? '-' : ''}${size / 1_000_000_000n}${rest === '' ? '' : `.${rest}`}s`
}

/** The value of a message that stands for another one; undefined: damage, or out of its range. */
export function meaningAt(
  meaning: Exclude<Meaning, { kind: 'any' }>,
  b: RawBuffer,
  view: DataView,
  from: number,
  to: number,
  depth: number,
): Value | undefined {
  switch (meaning.kind) {
    case 'timestamp': {
      const nanos = nanosIn(b, from, to, -62_135_596_800, 253_402_300_799, false)
      return nanos === undefined ? undefined : integer(nanos)
    }
    case 'duration': {
      const nanos = nanosIn(b, from, to, -DURATION_LIMIT_SECONDS, DURATION_LIMIT_SECONDS, true)
      return nanos === undefined ? undefined : durationText(nanos)
    }
    case 'wrapper':
      return wrapped(meaning.scalar, b, view, from, to)
    case 'json': {
      const text = jsonIn(meaning.shape, b, view, from, to, depth)
      return text === undefined ? undefined : jsonValue(text)
    }
    case 'decimal':
      return decimalIn(b, from, to)
    case 'date':
      return dateIn(b, from, to)
    case 'time':
      return timeIn(b, from, to)
  }
}

function jsonValue(text: string): Value {
  const first = text.charCodeAt(0)
  return first === 123 || first === 91 ? new JsonText(text) : (JSON.parse(text) as Value)
}

function wrapped(scalar: ProtoScalar, b: RawBuffer, view: DataView, from: number, to: number): Value | undefined {
  let value: Value | undefined =
    scalar === 'string' ? '' : scalar === 'bytes' ? new Uint8Array(0) : scalar === 'bool' ? false : 0
  const own = 8 | wireOf(scalar)
  const good = walk(b, from, to, (tag, at) => {
    if (tag === own) value = scalarAt(scalar, b, view, at)
    return value !== undefined
  })
  return good ? value : undefined
}

function decimalIn(b: RawBuffer, from: number, to: number): Value | undefined {
  let [start, end, scale] = [from, from, 0]
  const good = walk(b, from, to, (tag, at, behind) => {
    if (tag === 10) {
      lengthAt(b, at)
      start = scratch.at
      end = behind
    } else if (tag === 24) scale = int32At(b, at) ?? Number.NaN
    return true
  })
  if (!good || !(scale >= -1000 && scale <= 1000)) return undefined
  const decimal = decimalAt(b, start, end, Math.max(0, scale))
  return decimal === undefined || scale >= 0 ? decimal : new Decimal(decimal.unscaled * 10n ** BigInt(-scale), 0)
}

/** Days since 1970. A date without its year, month or day, which the type allows, is none: NULL. */
function dateIn(b: Uint8Array, from: number, to: number): Value | undefined {
  const found = integers(b, from, to, 3)
  if (found === undefined) return undefined
  const [, year, month, day] = found.map(Number)
  if (!(year >= 0 && year <= 9999 && month >= 0 && month <= 12 && day >= 0 && day <= 31)) return undefined
  // Without a month there is no day; a year that is left out may have been a leap year.
  if (year === 0 || month === 0 || day === 0) {
    const isPart = month === 0 ? day === 0 : day <= new Date(Date.UTC(2000, month, 0)).getUTCDate()
    return isPart ? null : undefined
  }
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCDate() === day ? date.getTime() / 86_400_000 : undefined
}

/** Nanoseconds of the day, up to 24:00:00; a leap second is the one behind 59. */
function timeIn(b: Uint8Array, from: number, to: number): Value | undefined {
  const found = integers(b, from, to, 4)
  if (found === undefined) return undefined
  const [, hours, minutes, seconds, nanos] = found.map(Number)
  const good =
    (hours >= 0 && hours <= 23) || (hours === 24 && minutes === 0 && seconds === 0 && nanos === 0)
      ? minutes >= 0 && minutes <= 59 && seconds >= 0 && seconds <= 60 && nanos >= 0 && nanos <= 999_999_999
      : false
  return good ? (hours * 3600 + minutes * 60 + seconds) * 1_000_000_000 + nanos : undefined
}

/** google.protobuf.Struct, Value and ListValue as JSON text. */
function jsonIn(
  shape: 'struct' | 'value' | 'list',
  b: RawBuffer,
  view: DataView,
  from: number,
  to: number,
  depth: number,
): string | undefined {
  if (depth > PROTOBUF_LIMIT_DEPTH) return undefined
  if (shape === 'value') return jsonOfValue(b, view, from, to, depth)
  const parts: string[] = []
  const members = new Map<string, string>()
  const good = walk(b, from, to, (tag, at, end) => {
    if (tag !== 10) return true
    lengthAt(b, at)
    const start = scratch.at
    if (shape === 'struct') return structEntry(members, b, view, start, end, depth)
    const text = jsonOfValue(b, view, start, end, depth + 1)
    if (text !== undefined) parts.push(text)
    return text !== undefined
  })
  if (!good) return undefined
  if (shape === 'list') return `[${parts.join(',')}]`
  return `{${[...members].map(([name, text]) => `${jsonString(name)}:${text}`).join(',')}}`
}

function structEntry(
  members: Map<string, string>,
  b: RawBuffer,
  view: DataView,
  from: number,
  to: number,
  depth: number,
): boolean {
  let key = ''
  let text: string | undefined = 'null'
  const good = walk(b, from, to, (tag, at, end) => {
    if (tag !== 10 && tag !== 18) return true
    lengthAt(b, at)
    if (tag === 10) key = stringAt(b, scratch.at, end)
    else text = jsonOfValue(b, view, scratch.at, end, depth + 1)
    return text !== undefined
  })
  if (good && text !== undefined) members.set(key, text)
  return good
}

function jsonOfValue(b: RawBuffer, view: DataView, from: number, to: number, depth: number): string | undefined {
  if (depth > PROTOBUF_LIMIT_DEPTH) return undefined
  let text: string | undefined = 'null'
  const good = walk(b, from, to, (tag, at, end) => {
    if ((tag & 7) === 2) lengthAt(b, at)
    const start = scratch.at
    switch (tag) {
      case 8:
        text = 'null'
        break
      case 17: {
        const number = view.getFloat64(at, true)
        text = Number.isFinite(number) ? (Object.is(number, -0) ? '-0' : String(number)) : `"${number}"`
        break
      }
      case 26:
        text = jsonString(stringAt(b, start, end))
        break
      case 32:
        text = boolAt(b, at) === true ? 'true' : 'false'
        break
      case 42:
        text = jsonIn('struct', b, view, start, end, depth + 1)
        break
      case 50:
        text = jsonIn('list', b, view, start, end, depth + 1)
        break
      default:
    }
    return text !== undefined
  })
  return good ? text : undefined
}
