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

/** Of a structure or a map; undefined for anything else. */
export function members(value: Value): ReadonlyMap<string, Value> | undefined {
  if (value instanceof Map) return value
  return value instanceof JsonText && !value.isArray ? jsonMembers(value) : undefined
}

/** Of an array; undefined for anything else. */
export function elements(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value
  return value instanceof JsonText && value.isArray ? jsonElements(value) : undefined
}

/** How a branch takes a value: second choice is after a conversion that loses nothing. */
export type Way = 'as it is' | 'widened'

/** What was found about one structure or array. */
interface Part {
  readonly takenBy: Map<AvroNode, boolean>
  /** Read from JSON once, so that the parts of it are known again, too. */
  members?: ReadonlyMap<string, Value> | undefined
  elements?: readonly Value[] | undefined
}
type Known = Map<object, Part>

/**
 * Would the branch take the value in this way? Of branches that would, the first is taken. `known`: parts that unions
 * within have been asked about. Types that hold each other would look at a part again and again, twice as often at each
 * level.
 */
export function holds(node: AvroNode, value: Value, way: Way, known?: Known): boolean {
  if (known === undefined || typeof value !== 'object' || value === null) return takes(node, value, way, known)
  const part = known.get(value) ?? { takenBy: new Map() }
  known.set(value, part)
  const answer = part.takenBy.get(node) ?? takes(node, value, way, known)
  part.takenBy.set(node, answer)
  return answer
}

function membersOnce(value: Value, known: Known | undefined): ReadonlyMap<string, Value> | undefined {
  const part = value instanceof JsonText ? known?.get(value) : undefined
  if (part === undefined) return members(value)
  part.members ??= members(value)
  return part.members
}

function elementsOnce(value: Value, known: Known | undefined): readonly Value[] | undefined {
  const part = value instanceof JsonText ? known?.get(value) : undefined
  if (part === undefined) return elements(value)
  part.elements ??= elements(value)
  return part.elements
}

function takes(node: AvroNode, value: Value, way: Way, known: Known | undefined): boolean {
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
      return elementsOnce(value, known)?.every((item) => holds(node.items, item, way, known)) === true
    case 'map':
      return [...(membersOnce(value, known) ?? [['', undefined] as const])].every(
        ([, item]) => item !== undefined && holds(node.values, item, way, known),
      )
    case 'record': {
      const fields = membersOnce(value, known)
      if (fields === undefined) return false
      if ([...fields.keys()].some((name) => !node.fields.some((f) => f.name === name))) return false
      return node.fields.every((f) =>
        fields.has(f.name)
          ? holds(f.node, fields.get(f.name) ?? null, way, known)
          : f.fallback !== undefined || isNullable(f.node),
      )
    }
    case 'default':
      return holds(node.node, value, way, known)
    case 'union': {
      const several = node.branches.length > (isNullable(node) ? 2 : 1)
      const parts = several ? (known ?? new Map<object, Part>()) : known
      return node.branches.some((b) => holds(b, value, way, parts))
    }
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
  if (typeof value === 'number' && kind === 'double') return value
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return sameAsFloating(value as bigint | number, kind)
  if (value instanceof Decimal && value.compare(value.round(0)) === 0) return sameAsFloating(value, kind)
  if (!(value instanceof Decimal) && typeof value !== 'number') return undefined
  const nearest = kind === 'float' ? Math.fround(Number(value)) : Number(value)
  return Number.isFinite(nearest) || !Number.isFinite(Number(value)) ? nearest : undefined
}
