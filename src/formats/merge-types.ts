/**
 * One type for data that several schemas wrote: what the binder may rely on whichever writer a record has. Pure. It
 * compares shapes, not schemas: aliases and defaults of a format have been dealt with (or given up) before. Types may
 * be recursive (a struct that holds itself); the result then is too.
 */
import { digitsOfBoth } from '../lib/decimal.ts'
import {
  type DataType,
  DOUBLE,
  type Field,
  INT,
  JSON_TYPE,
  LONG,
  NULL_TYPE,
  type StructType,
  type TimeUnit,
} from '../types.ts'

/**
 * Merges the types of one facet, newest writer first: the newest one's field order and names come first.
 *
 * - struct and struct: field by field, by name; a field that a writer does not have is nullable
 * - int and long: long; any two unlike ones of int, long, float, double with a float or double among them: double
 * - decimals: one that holds both; int or long and decimal: decimal
 * - timestamps (and times) of different units: the finer unit
 * - a number, and a date, time or timestamp: the newer of the two, where the older one is stored as a number that the
 *   newer one's takes
 * - string and uuid: string; arrays and maps: by their elements; null and anything: that thing
 * - anything else unlike: json, the shape known per record only
 */
export function mergeTypes(types: readonly DataType[]): DataType {
  if (types.length === 0) return NULL_TYPE
  const known: Known = { pairs: new Map(), waiting: [] }
  return types.reduce((a, b) => {
    const merged = merge(a, b, known)
    // One after the other and not one in the other: structs may refer to each other in long chains.
    for (let fill = known.waiting.pop(); fill !== undefined; fill = known.waiting.pop()) fill()
    return merged
  })
}

interface Known {
  /** Pairs of structs under way or done, so that recursion ends. */
  readonly pairs: Map<StructType, Map<StructType, StructType>>
  /** Structs whose fields are to be merged. */
  readonly waiting: (() => void)[]
}

const NUMERIC = ['int', 'long', 'float', 'double']

function merge(a: DataType, b: DataType, known: Known): DataType {
  if (a === b || b.kind === 'null') return a
  if (a.kind === 'null') return b
  if (a.kind === 'struct' && b.kind === 'struct') return mergeStructs(a, b, known)
  if (a.kind === 'array' && b.kind === 'array') return { kind: 'array', element: merge(a.element, b.element, known) }
  if (a.kind === 'map' && b.kind === 'map') return { kind: 'map', value: merge(a.value, b.value, known) }
  if (a.kind === 'decimal' && b.kind === 'decimal') return mergeDecimals(a, b)
  if (a.kind === 'timestamp' && b.kind === 'timestamp')
    return (a.local ?? false) !== (b.local ?? false) ? JSON_TYPE : finer(a, b)
  if (a.kind === 'time' && b.kind === 'time') return finer(a, b)
  if (a.kind === b.kind) return a
  // Avro takes an int where a long is wanted.
  const [newer, older] = [storageOf(a), storageOf(b)]
  if (newer !== undefined && (b.kind === 'int' || b.kind === newer.kind)) return a
  if (older !== undefined && NUMERIC.includes(a.kind) && (a.kind !== 'int' || older.kind === 'int'))
    return merge(a, older, known)
  if (NUMERIC.includes(a.kind) && NUMERIC.includes(b.kind)) return isWhole(a) && isWhole(b) ? LONG : DOUBLE
  if ((a.kind === 'string' && b.kind === 'uuid') || (a.kind === 'uuid' && b.kind === 'string'))
    return { kind: 'string' }
  if (isWhole(a) && b.kind === 'decimal') return { kind: 'decimal' }
  if (a.kind === 'decimal' && isWhole(b)) return { kind: 'decimal' }
  return JSON_TYPE
}

function isWhole(type: DataType): boolean {
  return type.kind === 'int' || type.kind === 'long'
}

const UNITS: readonly TimeUnit[] = ['millis', 'micros', 'nanos']

function finer<T extends { readonly unit: TimeUnit }>(a: T, b: T): T {
  return UNITS.indexOf(b.unit) > UNITS.indexOf(a.unit) ? b : a
}

/** The number that Avro stores a date, time or timestamp as: schemas often gain (or lose) the logical type later. */
function storageOf(type: DataType): DataType | undefined {
  if (type.kind === 'date' || (type.kind === 'time' && type.unit === 'millis')) return INT
  return type.kind === 'time' || type.kind === 'timestamp' ? LONG : undefined
}

function mergeDecimals(a: DataType & { kind: 'decimal' }, b: DataType & { kind: 'decimal' }): DataType {
  if (a.precision === b.precision && (a.scale ?? 0) === (b.scale ?? 0)) return a
  return { kind: 'decimal', ...digitsOfBoth(a, b) }
}

function mergeStructs(a: StructType, b: StructType, known: Known): StructType {
  const partners = known.pairs.get(a) ?? new Map<StructType, StructType>()
  known.pairs.set(a, partners)
  const done = partners.get(b)
  if (done !== undefined) return done
  const fields: Field[] = []
  const merged: StructType =
    a.name === undefined ? { kind: 'struct', fields } : { kind: 'struct', name: a.name, fields }
  partners.set(b, merged)
  known.waiting.push(() => fillFields(fields, a, b, known))
  return merged
}

function fillFields(fields: Field[], a: StructType, b: StructType, known: Known): void {
  const others = new Map(b.fields.map((f) => [f.name, f]))
  for (const field of a.fields) {
    const other = others.get(field.name)
    fields.push(other === undefined ? { ...field, nullable: true } : mergeFields(field, other, known))
    others.delete(field.name)
  }
  for (const field of others.values()) fields.push({ ...field, nullable: true })
}

function mergeFields(a: Field, b: Field, known: Known): Field {
  const nullable = a.nullable || b.nullable || a.type.kind === 'null' || b.type.kind === 'null'
  return { ...a, type: merge(a.type, b.type, known), nullable }
}

/**
 * Whether all of these versions of a type, newest first, that have a field at the path say the same type for it; int in
 * an older one beside long in the newest is no other type for whoever reads all as the newest says.
 */
export function sameTypeAt(versions: readonly DataType[], steps: readonly (string | number)[]): boolean {
  const [newest, ...older] = versions.flatMap((type) => typeAt(type, steps) ?? [])
  return older.every((type) => isSame(newest, type) || (newest.kind === 'long' && type.kind === 'int'))
}

function typeAt(type: DataType, steps: readonly (string | number)[]): DataType | undefined {
  let at: DataType | undefined = type
  for (const step of steps) at = at?.kind === 'struct' ? at.fields.find(({ name }) => name === step)?.type : undefined
  return at
}

/** Of types that are no structs. */
function isSame(a: DataType, b: DataType): boolean {
  if (a.kind !== b.kind) return false
  return a.kind === 'struct' || a.kind === 'array' || a.kind === 'map' || JSON.stringify(a) === JSON.stringify(b)
}
