/**
 * Run-time values (see `types.ts`) as JSON text and as plain text, and the small pieces that this is made of.
 *
 * Rules, the same in generated readers and here: integers and decimals keep every digit; a float or double reads back
 * as the same value and stays visibly fractional (`-128.0`); JSON has no NaN and no infinities, so they are the strings
 * `"NaN"`, `"Infinity"`, `"-Infinity"`; bytes are base64; dates and times are ISO-8601 with the trailing zeros of the
 * fraction left out. It formats only: no patterns, no time zones.
 */
import { unexpected } from '../../lib/assert.ts'
import {
  isoTimestamp as timestampText,
  isoDate,
  isoTime,
  splitMoment,
  UNITS_PER_SECOND,
} from '../../lib/text/datetime-text.ts'
import { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import { doubleText, floatText } from '../../lib/text/number-text.ts'
import type { DataType, TimeUnit, Value } from '../../types.ts'
import type { RenderOptions } from '../format.ts'

/** How values print when no setting says otherwise. */
export const DEFAULT_RENDER: RenderOptions = { timestamp: true, decimal: undefined, uuid: true }

const JSON_TYPE: DataType = { kind: 'json' }

/** A string as a JSON string, quotes included. */
export function jsonString(text: string): string {
  return JSON.stringify(text)
}

export { doubleText, floatText, isoDate, isoTime }

/**
 * `2023-03-13T11:42:24.267Z` of units since 1970-01-01T00:00:00Z. Trailing zeros of the fraction are left out; with
 * `fixedMillis` there always are exactly three digits (RECORD metadata). A local timestamp has no `Z`.
 */
export function isoTimestamp(value: number | bigint, unit: TimeUnit, fixedMillis = false, local = false): string {
  if (!fixedMillis) return timestampText(value, unit, local)
  const { days, second, rest } = splitMoment(value, unit)
  const millis = Math.floor((rest * 1000) / UNITS_PER_SECOND[unit])
  return `${isoDate(days)}T${isoTime(second * 1000, 'millis')}.${String(millis).padStart(3, '0')}${local ? '' : 'Z'}`
}

/** A number of the `json` kind (or an integer): its digits; the sign of -0 is kept, as JSON can write it. */
function jsonNumber(value: number): string {
  if (Object.is(value, -0)) return '-0'
  return Number.isFinite(value) ? String(value) : `"${value}"`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** The text of a scalar, and whether JSON needs quotes around it; undefined for what is not a scalar. */
function scalarText(
  value: Value,
  type: DataType,
  options: RenderOptions,
): { text: string; quoted: boolean } | undefined {
  if (typeof value === 'string') return { text: value, quoted: true }
  if (typeof value === 'boolean') return { text: value ? 'true' : 'false', quoted: false }
  if (value instanceof Decimal)
    return { text: (options.decimal === undefined ? value : value.round(options.decimal)).toString(), quoted: false }
  if (value instanceof Uint8Array) return { text: base64(value), quoted: true }
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  switch (type.kind) {
    case 'float':
    case 'double': {
      const number = Number(value)
      return { text: type.kind === 'float' ? floatText(number) : doubleText(number), quoted: !Number.isFinite(number) }
    }
    case 'date':
      if (options.timestamp) return { text: isoDate(Number(value)), quoted: true }
      break
    case 'time':
      if (options.timestamp) return { text: isoTime(value, type.unit), quoted: true }
      break
    case 'timestamp':
      if (options.timestamp) return { text: isoTimestamp(value, type.unit, false, type.local === true), quoted: true }
      break
    case 'decimal':
      if (options.decimal !== undefined) return scalarText(Decimal.parse(String(value)) ?? String(value), type, options)
      break
    default:
  }
  if (typeof value === 'bigint') return { text: value.toString(), quoted: false }
  return Number.isFinite(value) ? { text: jsonNumber(value), quoted: false } : { text: String(value), quoted: true }
}

/** JSON text of any run-time value. */
export function renderValue(value: Value, type: DataType, options: RenderOptions): string {
  if (value === null) return 'null'
  if (value instanceof JsonText) return value.text
  const scalar = scalarText(value, type, options)
  if (scalar !== undefined) return scalar.quoted ? jsonString(scalar.text) : scalar.text
  if (Array.isArray(value)) {
    const element = type.kind === 'array' ? type.element : JSON_TYPE
    let text = ''
    for (const item of value) text += (text === '' ? '' : ',') + renderValue(item, element, options)
    return `[${text}]`
  }
  // What is none of these is an internal error, and no frame may carry it.
  if (!(value instanceof Map)) unexpected(`a value of type ${type.kind} is ${typeof value}`)
  return renderMap(value, type, options)
}

function renderMap(map: Map<string, Value>, type: DataType, options: RenderOptions): string {
  let text = ''
  if (type.kind === 'struct') {
    const { fields } = type
    let i = 0
    for (const [name, value] of map) {
      // The fields of a struct value are in declared order, so the guess is right nearly always.
      const field = fields[i]?.name === name ? fields[i] : fields.find((candidate) => candidate.name === name)
      i++
      text += `${text === '' ? '' : ','}${jsonString(name)}:${renderValue(value, field === undefined ? JSON_TYPE : field.type, options)}`
    }
    return `{${text}}`
  }
  const member = type.kind === 'map' ? type.value : JSON_TYPE
  for (const [name, value] of map)
    text += `${text === '' ? '' : ','}${jsonString(name)}:${renderValue(value, member, options)}`
  return `{${text}}`
}
