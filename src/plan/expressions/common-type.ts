/**
 * The type in which values of several types meet: numbers, moments, and what holds them, part by part. It knows types
 * only; what is done to values on their way there is in `bind/expressions/coerce`.
 */
import { digitsOfBoth } from '../../lib/decimal.ts'
import { type DataType, DECIMAL, DOUBLE, JSON_TYPE, NULL_TYPE, type TimeUnit } from '../../types.ts'
import { sameForm, sameType } from './type-parts.ts'

const RANK: Readonly<Record<string, number>> = { int: 1, long: 2, decimal: 3, float: 4, double: 5 }
/** Units of moments, the finest with the largest number. */
export const UNIT_RANK: Readonly<Record<TimeUnit, number>> = { millis: 1, micros: 2, nanos: 3 }

/** int, long, decimal, float or double. */
export function isNumeric(type: DataType): boolean {
  return RANK[type.kind] !== undefined
}
/** int or long. */
export function isInteger(type: DataType): boolean {
  return type.kind === 'int' || type.kind === 'long'
}
/** timestamp or date. */
export function isDatetime(type: DataType): boolean {
  return type.kind === 'timestamp' || type.kind === 'date'
}

/** The type in which two numbers meet. A float has too few digits for longs and decimals. */
export function widest(a: DataType, b: DataType): DataType {
  const isFloating = [a, b].some(({ kind }) => kind === 'float' || kind === 'double')
  if (isFloating && [a, b].some(({ kind }) => kind === 'long' || kind === 'decimal')) return DOUBLE
  const wider = RANK[a.kind] >= RANK[b.kind] ? a : b
  return wider.kind === 'decimal' ? DECIMAL : wider
}

/** Of pairs of types that were brought together, or are being so. */
type Met = Map<DataType, Map<DataType, DataType>>

/**
 * The common type of CASE branches, array items and the like; json when they are unlike. Arrays, maps and structures
 * with the same fields meet part by part.
 */
export function unify(types: readonly DataType[]): DataType {
  const met: Met = new Map()
  return types.reduce(
    (common, t) => (common === JSON_TYPE && t.kind !== 'null' ? JSON_TYPE : together(common, t, met)),
    NULL_TYPE,
  )
}

function together(a: DataType, b: DataType, met: Met): DataType {
  if (b.kind === 'null') return a
  if (a.kind === 'null') return b
  const known = met.get(a)?.get(b)
  if (known !== undefined) return known
  // What holds itself is json within itself.
  const found = met.get(a) ?? new Map<DataType, DataType>()
  met.set(a, found.set(b, JSON_TYPE))
  const common = sameForm(a, b) ? a : unlike(a, b, met)
  found.set(b, common)
  return common
}

function unlike(a: DataType, b: DataType, met: Met): DataType {
  if (a.kind === 'decimal' && b.kind === 'decimal') return { kind: 'decimal', ...digitsOfBoth(a, b) }
  if (isNumeric(a) && isNumeric(b)) return widest(a, b)
  if (a.kind !== 'array' && a.kind !== 'map' && a.kind !== 'struct' && sameType(a, b)) return a
  if ((isDatetime(a) && isDatetime(b)) || (a.kind === 'time' && b.kind === 'time')) return finer(a, b)
  if (a.kind === 'array' && b.kind === 'array') return { ...a, element: together(a.element, b.element, met) }
  if (a.kind === 'map' && b.kind === 'map') return { ...a, value: together(a.value, b.value, met) }
  if (a.kind !== 'struct' || b.kind !== 'struct' || a.fields.length !== b.fields.length) return JSON_TYPE
  if (!a.fields.every(({ name }, i) => name === b.fields[i].name)) return JSON_TYPE
  const fields = a.fields.map((field, i) => ({
    ...field,
    type: together(field.type, b.fields[i].type, met),
    nullable: field.nullable || b.fields[i].nullable,
  }))
  return { ...a, fields }
}

/** The finer of two dates and timestamps, or of two times. */
export function finer(a: DataType, b: DataType): DataType {
  if (a.kind === 'date') return b
  if (b.kind === 'date') return a
  if ((a.kind !== 'timestamp' && a.kind !== 'time') || (b.kind !== 'timestamp' && b.kind !== 'time')) return a
  return UNIT_RANK[a.unit] >= UNIT_RANK[b.unit] ? a : b
}
