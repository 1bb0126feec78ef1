/**
 * What may be stored in a column: a value of one type brought to another without losing anything. Stricter than CAST:
 * numbers widen, text becomes a date, a uuid or a decimal where it says one; numbers do not become text, and a fraction
 * is never cut off. Structures go by name, arrays by element.
 */
import { castValue } from '../../functions/support/cast.ts'
import { ValueError } from '../../functions/function.ts'
import { dynamicValue, plainText } from '../../functions/support/value-text.ts'
import { Decimal } from '../../lib/decimal.ts'
import { jsonElements, jsonMembers } from '../../lib/json-read.ts'
import { JsonText } from '../../lib/json-text.ts'
import { didYouMean } from '../../lib/suggest.ts'
import { sameAsFloating } from '../../lib/text/number-text.ts'
import { aType } from '../../plan/bind/expressions/coerce.ts'
import {
  BOOLEAN,
  type DataType,
  DOUBLE,
  JSON_TYPE,
  LONG,
  STRING,
  type StructType,
  typeName,
  type Value,
} from '../../types.ts'

/** A value that a column cannot hold; `path` leads to it. */
export class AssignError extends Error {
  readonly path: readonly (string | number)[]
  constructor(message: string, path: readonly (string | number)[]) {
    super(message)
    this.path = path
  }
}

/**
 * `text`: a number as it was typed, for decimals. Throws an AssignError. NULL stays NULL: whether it may be there is
 * for the format to say.
 */
export function assign(
  value: Value,
  from: DataType,
  to: DataType,
  path: readonly (string | number)[] = [],
  text?: string,
): Value {
  if (value === null || to.kind === 'null') return null
  // Bytes and decimals stay what they are: a union may have a branch for them.
  if (to.kind === 'json')
    return value instanceof Uint8Array || value instanceof Decimal ? value : dynamicValue(value, from)
  // What is of the type already: most values of a copy.
  if (from.kind === to.kind && AS_IT_IS.has(to.kind) && typeof value !== 'bigint') return value
  if (to.kind === 'struct') return toStruct(value, from, to, path)
  if (to.kind === 'map') return toMap(value, from, to.value, path)
  if (to.kind === 'array') return toArray(value, from, to.element, path)
  const source = from.kind === 'json' || from.kind === 'null' ? plainType(value) : from
  if (source === undefined || !ACCEPTS[to.kind]?.includes(source.kind)) throw refuse(value, source ?? from, to, path)
  try {
    return convert(value, source, to, text)
  } catch (error) {
    if (error instanceof ValueError || error instanceof Lossy)
      throw new AssignError(
        error instanceof Lossy ? error.message : `takes ${aType(to)}: ${withoutCast(error.message)}`,
        path,
      )
    throw error
  }
}

/** By the type of the column: what it takes. */
const ACCEPTS: { readonly [K in DataType['kind']]?: readonly DataType['kind'][] } = {
  boolean: ['boolean'],
  int: ['int', 'long', 'float', 'double', 'decimal'],
  long: ['int', 'long', 'float', 'double', 'decimal', 'timestamp', 'date', 'time'],
  float: ['int', 'long', 'float', 'double', 'decimal'],
  double: ['int', 'long', 'float', 'double', 'decimal'],
  decimal: ['int', 'long', 'float', 'double', 'decimal', 'string'],
  string: ['string', 'uuid'],
  bytes: ['bytes', 'string'],
  uuid: ['uuid', 'string'],
  date: ['date', 'string', 'int', 'long'],
  time: ['time', 'string', 'int', 'long'],
  timestamp: ['timestamp', 'date', 'string', 'int', 'long'],
}

/**
 * Types without precision or unit: equal kinds are equal types. A literal may be too large for its type, hence no
 * bigint.
 */
const AS_IT_IS: ReadonlySet<DataType['kind']> = new Set([
  'boolean',
  'long',
  'float',
  'double',
  'string',
  'bytes',
  'uuid',
  'date',
])

class Lossy extends Error {}

function convert(value: Value, from: DataType, to: DataType, text: string | undefined): Value {
  switch (to.kind) {
    case 'int':
    case 'long': {
      // Times are stored as their number; CAST would say the same.
      if (from.kind === 'timestamp' || from.kind === 'date' || from.kind === 'time') return value
      const whole = castValue(value, from, to)
      if (!isWhole(value)) throw new Lossy(`takes ${aType(to)}, and ${shown(value)} has a fraction`)
      return whole
    }
    case 'decimal': {
      const exact = text === undefined ? undefined : Decimal.parse(text)
      const decimal = exact ?? castValue(value, from, { kind: 'decimal' })
      return inScale(decimal as Decimal, to)
    }
    case 'time':
    case 'timestamp':
      return inUnit(value, from, to)
    case 'date':
    case 'uuid':
    case 'bytes':
      return castValue(value, from, to)
    case 'float':
      return sameWhole(value, from, castValue(value, from, to), to)
    case 'double':
      return typeof value === 'number' ? value : sameWhole(value, from, castValue(value, from, to), to)
    default:
      return value
  }
}

/**
 * A whole number has to be itself as a float or double, too; a fraction is the nearest one, as it is for everybody, and
 * so is a double for a float: beyond some size they all are whole.
 */
function sameWhole(
  value: Value,
  from: DataType,
  made: Value,
  to: DataType & { readonly kind: 'float' | 'double' },
): Value {
  if (from.kind === 'float' || from.kind === 'double' || !isWhole(value)) return made
  if (sameAsFloating(value as number | bigint | Decimal, to.kind) !== undefined) return made
  throw new Lossy(
    `takes ${aType(to)}, which would be ${BigInt(made as number)} for ${shown(value)}. Write CAST(… AS ${to.kind}) for that`,
  )
}

/** A moment in the unit of the column; one that is finer would be cut. */
function inUnit(value: Value, from: DataType, to: DataType & { readonly kind: 'time' | 'timestamp' }): Value {
  if ((from.kind === 'time' || from.kind === 'timestamp') && from.unit === to.unit) return value
  const result = castValue(value, from, to)
  if (to.unit === 'nanos') return result
  const nanos = { ...to, unit: 'nanos' as const }
  let exact: Value
  try {
    exact = castValue(value, from, nanos)
  } catch (error) {
    // Beyond the years that nanoseconds reach there are none to lose.
    if (error instanceof ValueError) return result
    throw error
  }
  if (BigInt(castValue(result, to, nanos) as number) !== BigInt(exact as number))
    throw new Lossy(`takes a ${to.kind} in ${to.unit}, and ${shown(value, from)} is finer`)
  return result
}

function isWhole(value: Value): boolean {
  if (value instanceof Decimal) return value.compare(value.round(0)) === 0
  return typeof value !== 'number' || Number.isInteger(value)
}

function inScale(decimal: Decimal, to: DataType & { readonly kind: 'decimal' }): Decimal {
  if (to.precision === undefined) return decimal
  const rounded = decimal.round(to.scale ?? 0)
  if (rounded.compare(decimal) !== 0)
    throw new Lossy(
      `takes ${aType(to)}, and ${decimal.toString()} has more than ${to.scale ?? 0} digits behind the point`,
    )
  return castValue(rounded, { kind: 'decimal' }, to) as Decimal
}

/** The type of a dynamic value; undefined for a structure or an array. */
function plainType(value: Value): DataType | undefined {
  if (typeof value === 'boolean') return BOOLEAN
  if (typeof value === 'string') return STRING
  if (typeof value === 'bigint') return LONG
  if (typeof value === 'number') return Number.isSafeInteger(value) ? LONG : DOUBLE
  return undefined
}

// ---------------------------------------------------------------------------------------------- structures

/** Members with their types; undefined for what has none. */
function membersOf(value: Value, from: DataType): [string, Value, DataType][] | undefined {
  if (value instanceof JsonText)
    return value.isArray ? undefined : [...jsonMembers(value)].map(([name, item]) => [name, item, JSON_TYPE])
  if (!(value instanceof Map)) return undefined
  const typeOf = (name: string): DataType =>
    from.kind === 'struct'
      ? (from.fields.find((f) => f.name === name)?.type ?? JSON_TYPE)
      : from.kind === 'map'
        ? from.value
        : JSON_TYPE
  return [...value].map(([name, item]) => [name, item, typeOf(name)])
}

function toStruct(value: Value, from: DataType, to: StructType, path: readonly (string | number)[]): Value {
  const members = membersOf(value, from)
  if (members === undefined) throw refuse(value, from, to, path)
  const given = new Map<string, Value>()
  for (const [name, item, type] of members) {
    const field = to.fields.find((f) => f.name === name)
    if (field === undefined) {
      const hint = didYouMean(
        name,
        to.fields.map((f) => f.name),
      )
      throw new AssignError(`is not a column of the table.${hint === undefined ? '' : ` ${hint}`}`, [...path, name])
    }
    given.set(name, assign(item, type, field.type, [...path, name]))
  }
  // In the order of the schema; a field that is not given stays away, so that its default can count.
  return new Map(
    to.fields.flatMap((f): [string, Value][] => (given.has(f.name) ? [[f.name, given.get(f.name) ?? null]] : [])),
  )
}

function toMap(value: Value, from: DataType, element: DataType, path: readonly (string | number)[]): Value {
  const members = membersOf(value, from)
  if (members === undefined) throw refuse(value, from, { kind: 'map', value: element }, path)
  return new Map(
    members.map(([name, item, type]): [string, Value] => [name, assign(item, type, element, [...path, name])]),
  )
}

function toArray(value: Value, from: DataType, element: DataType, path: readonly (string | number)[]): Value {
  const items = Array.isArray(value)
    ? value
    : value instanceof JsonText && value.isArray
      ? jsonElements(value)
      : undefined
  if (items === undefined) throw refuse(value, from, { kind: 'array', element }, path)
  const type = from.kind === 'array' ? from.element : JSON_TYPE
  return items.map((item, i) => assign(item, type, element, [...path, i]))
}

// ---------------------------------------------------------------------------------------------- words

function refuse(value: Value, from: DataType, to: DataType, path: readonly (string | number)[]): AssignError {
  const what = to.kind === 'struct' ? 'a structure' : aType(to)
  const cast = typeof value !== 'object' && to.kind === 'string' ? ' Write CAST(… AS string).' : ''
  return new AssignError(
    `takes ${what}, not ${shown(value, from)} (${from.kind === 'struct' ? 'a structure' : typeName(from)}).${cast}`,
    path,
  )
}

function shown(value: Value, type: DataType = JSON_TYPE): string {
  if (type.kind === 'timestamp' || type.kind === 'date' || type.kind === 'time') return plainText(value, type)
  if (value instanceof Uint8Array) return 'bytes'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Map) return 'a structure'
  const text = typeof value === 'string' ? `'${value}'` : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function withoutCast(message: string): string {
  return message.replace(/^CAST: /, '').replace(/\.$/, '')
}
