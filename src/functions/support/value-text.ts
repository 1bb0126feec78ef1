/**
 * Typed values as text for functions that make strings of anything (MKSTRING, CONCAT, DUMP, casts, JSON functions).
 * Settings such as `format.decimal` do not reach this text: the writers of result rows in formats/ are separate.
 */
import { Decimal } from '../../lib/decimal.ts'
import { isoDate, isoTime, isoTimestamp } from '../../lib/text/datetime-text.ts'
import { JsonText } from '../../lib/json-text.ts'
import { doubleText, floatText } from '../../lib/text/number-text.ts'
import { MAX_STRING_BYTES } from '../define.ts'
import { ValueError } from '../function.ts'
import { integer } from '../../lib/whole-number.ts'
import type { DataType, Value } from '../../types.ts'
import { JSON_TYPE } from '../../types.ts'

/**
 * The value as JSON text: int64 exact, doubles visibly double, dates as ISO strings, bytes as base64, NaN and the
 * infinities as strings. A ValueError when it would be too long.
 */
export function jsonText(value: Value, type: DataType): string {
  // An array may hold one long text many times, which takes no room until it is written out: counted before.
  if (Array.isArray(value) || value instanceof Map) checkText(value)
  return textOf(value, type)
}

/** The value; a ValueError when its text would be too long. */
export function checkText<T extends Value>(value: T): T {
  if (roomBehind(value, MAX_STRING_BYTES) < 0)
    throw new ValueError(
      `The text of a value is longer than function.max.string.bytes (default ${MAX_STRING_BYTES} bytes, 16 MiB)`,
    )
  return value
}

/** How many characters the text of a value has at least; not counted further once it is longer than texts may be. */
export function leastLength(value: Value): number {
  return MAX_STRING_BYTES - roomBehind(value, MAX_STRING_BYTES)
}

/**
 * What is left of `room` characters behind the text of a value, which is at least as long as this counts; below 0 as
 * soon as there is none.
 */
function roomBehind(value: Value, room: number): number {
  if (typeof value === 'string') return room - value.length
  if (value instanceof JsonText) return room - value.text.length
  if (value instanceof Uint8Array) return room - value.length
  let left = room - 1
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && left >= 0; i++) left = roomBehind(value[i], left)
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      left = roomBehind(item, left - key.length)
      if (left < 0) break
    }
  }
  return left
}

function textOf(value: Value, type: DataType): string {
  if (value === null) return 'null'
  if (value instanceof JsonText) return value.text
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if (Array.isArray(value)) {
    const element = type.kind === 'array' ? type.element : JSON_TYPE
    return `[${value.map((item) => textOf(item, element)).join(',')}]`
  }
  if (value instanceof Map) return mapText(value, type)
  const plain = plainText(value, type)
  return quoted(value, type) ? JSON.stringify(plain) : plain
}

/**
 * The value as a reader expects it inside other text: strings as they are, dates as ISO text, objects and arrays as
 * JSON, bytes read as UTF-8.
 */
export function plainText(value: Value, type: DataType): string {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'string':
      return value
    case 'boolean':
      return String(value)
    case 'number':
    case 'bigint':
      return numberOrTime(value, type)
  }
  if (value instanceof Decimal) return value.toString()
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  return Array.isArray(value) || value instanceof Map || value instanceof JsonText
    ? jsonText(value, type)
    : String(value)
}

/**
 * A typed value as a dynamic (json) one: structures become JSON text, dates, bytes, NaN and the infinities text,
 * decimals a number when a number holds them exactly and else text; a float the number with its digits.
 */
export function dynamicValue(value: Value, type: DataType): Value {
  if (value === null || value instanceof JsonText || typeof value === 'string' || typeof value === 'boolean')
    return value
  if (value instanceof Decimal) return decimalValue(value)
  if (Array.isArray(value) || value instanceof Map) return new JsonText(jsonText(value, type))
  if (value instanceof Uint8Array || quoted(value, type)) return JSON.parse(jsonText(value, type)) as string
  return type.kind === 'float' ? Number(floatText(Number(value))) : value
}

function decimalValue(value: Decimal): Value {
  const plain = value.normalize()
  if (plain.scale === 0) return integer(plain.unscaled)
  const number = plain.toNumber()
  return Decimal.fromNumber(number)?.compare(plain) === 0 ? number : plain.toString()
}

function numberOrTime(value: number | bigint, type: DataType): string {
  switch (type.kind) {
    case 'date':
      return isoDate(Number(value))
    case 'time':
      return isoTime(value, type.unit)
    case 'timestamp':
      return isoTimestamp(value, type.unit, type.local)
    case 'double':
      return doubleText(Number(value))
    case 'float':
      return floatText(Number(value))
    default:
      return String(value)
  }
}

function quoted(value: Value, type: DataType): boolean {
  return (
    type.kind === 'date' ||
    type.kind === 'time' ||
    type.kind === 'timestamp' ||
    (typeof value === 'number' && !Number.isFinite(value))
  )
}

function mapText(map: Map<string, Value>, type: DataType): string {
  const parts: string[] = []
  let index = 0
  for (const [key, item] of map) {
    const itemType =
      type.kind === 'map' ? type.value : type.kind === 'struct' ? (type.fields[index]?.type ?? JSON_TYPE) : JSON_TYPE
    parts.push(`${JSON.stringify(key)}:${textOf(item, itemType)}`)
    index++
  }
  return `{${parts.join(',')}}`
}
