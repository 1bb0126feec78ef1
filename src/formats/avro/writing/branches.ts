/**
 * Which branch of a union takes a value, and the parts of values. Values of a union of unlike branches come without a
 * type: structures are maps or JSON, floats may be doubles.
 */
import { Decimal } from '../../../lib/decimal.ts'
import { jsonElements, jsonMembers } from '../../../lib/json-read.ts'
import { JsonText } from '../../../lib/json-text.ts'
import { sameAsFloating } from '../../../lib/text/number-text.ts'
import type { Value } from '../../../types.ts'
import { type AvroNode, isNullable } from '../schema.ts'

export const INT_MIN = -(2n ** 31n)
/** Not a limit: a constant of Avro. */
export const INT_MAX = 2n ** 31n - 1n
export const LONG_MIN = -(2n ** 63n)
/** Not a limit: a constant of Avro. */
export const LONG_MAX = 2n ** 63n - 1n

/** Members and elements that were read from JSON: the same value each time, so that what is known of it is found again. */
const READ_MEMBERS = new WeakMap<JsonText, Map<string, Value>>()
const READ_ELEMENTS = new WeakMap<JsonText, readonly Value[]>()

/** Of a structure or a map; undefined for anything else. */
export function members(value: Value): Map<string, Value> | undefined {
  if (value instanceof Map) return value
  if (!(value instanceof JsonText) || value.isArray) return undefined
  const read = READ_MEMBERS.get(value) ?? jsonMembers(value)
  READ_MEMBERS.set(value, read)
  return read
}

/** Of an array; undefined for anything else. */
export function elements(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value
  if (!(value instanceof JsonText) || !value.isArray) return undefined
  const read = READ_ELEMENTS.get(value) ?? jsonElements(value)
  READ_ELEMENTS.set(value, read)
  return read
}

/** How a branch takes a value: second choice is after a conversion that loses nothing. */
export type Way = 'as it is' | 'widened'

/**
 * What is known of structures and arrays, by branch. Types that hold each other would ask for the same again and again,
 * twice as often at each level.
 */
const KNOWN: { readonly [W in Way]: WeakMap<object, Map<AvroNode, boolean>> } = {
  'as it is': new WeakMap(),
  widened: new WeakMap(),
}

/** Would the branch take the value in this way? Of branches that would, the first is taken. */
export function holds(node: AvroNode, value: Value, way: Way): boolean {
  if (typeof value !== 'object' || value === null) return takes(node, value, way)
  const known = KNOWN[way].get(value) ?? new Map<AvroNode, boolean>()
  KNOWN[way].set(value, known)
  const answer = known.get(node) ?? takes(node, value, way)
  known.set(node, answer)
  return answer
}

function takes(node: AvroNode, value: Value, way: Way): boolean {
  switch (node.kind) {
    case 'null':
      return value === null
    case 'boolean':
      return typeof value === 'boolean'
    case 'int':
      return isInteger(value, INT_MIN, INT_MAX)
    case 'long':
      return isInteger(value, LONG_MIN, LONG_MAX)
    case 'float':
    case 'double': {
      const number = floating(value, node.kind)
      if (number === undefined || way === 'widened') return number !== undefined
      return node.kind === 'double' ? isDouble(value) || typeof value === 'string' : isDouble(value) && number === value
    }
    case 'string':
      return typeof value === 'string'
    case 'enum':
      return typeof value === 'string' && node.symbols.includes(value)
    case 'bytes':
    case 'fixed':
      if (way === 'widened' && typeof value === 'string') return true
      if (way === 'widened' && node.logical !== undefined && ['number', 'bigint'].includes(typeof value)) return true
      if (node.logical !== undefined) return value instanceof Decimal
      return value instanceof Uint8Array && (node.kind !== 'fixed' || value.length === node.size)
    case 'array':
      return elements(value)?.every((item) => holds(node.items, item, way)) === true
    case 'map':
      return [...(members(value) ?? [['', undefined] as const])].every(
        ([, item]) => item !== undefined && holds(node.values, item, way),
      )
    case 'record': {
      const fields = members(value)
      if (fields === undefined) return false
      if ([...fields.keys()].some((name) => !node.fields.some((f) => f.name === name))) return false
      return node.fields.every((f) =>
        fields.has(f.name)
          ? holds(f.node, fields.get(f.name) ?? null, way)
          : f.fallback !== undefined || isNullable(f.node),
      )
    }
    case 'default':
      return holds(node.node, value, way)
    case 'union':
      return node.branches.some((b) => holds(b, value, way))
  }
}

/** A whole number from `low` to `high`; a double may be one. */
export function isInteger(value: Value, low: bigint, high: bigint): boolean {
  if (Number.isSafeInteger(value)) return (value as number) >= Number(low) && (value as number) <= Number(high)
  const whole = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value
  return typeof whole === 'bigint' && whole >= low && whole <= high
}

/** A number that is no whole one: a fraction, or beyond those that doubles tell apart. */
function isDouble(value: Value): value is number {
  return typeof value === 'number' && !Number.isSafeInteger(value)
}

/** What is written: a whole number as itself, a double as the nearest. Undefined for what does not fit. */
export function floating(value: Value, kind: 'float' | 'double'): number | undefined {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return sameAsFloating(value as bigint | number, kind)
  if (value instanceof Decimal && value.compare(value.round(0)) === 0) return sameAsFloating(value, kind)
  if (!(value instanceof Decimal) && typeof value !== 'number') return undefined
  const nearest = kind === 'float' ? Math.fround(Number(value)) : Number(value)
  return Number.isFinite(nearest) || !Number.isFinite(Number(value)) ? nearest : undefined
}
