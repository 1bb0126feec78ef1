/**
 * The SQL type system's nouns, and what a value of each type is at run time. No behaviour lives here.
 *
 * | kind | JavaScript value |
 * |---|---|
 * | boolean | boolean |
 * | int | number |
 * | long | number inside ±(2^53-1), bigint outside |
 * | float, double | number |
 * | decimal | Decimal (lib/decimal) |
 * | string, uuid | string |
 * | bytes | Uint8Array (a copy, never a view of a fetch buffer) |
 * | date | number of days since 1970-01-01 |
 * | time | number of units since midnight |
 * | timestamp | number or bigint (as long) of units since 1970-01-01T00:00:00Z |
 * | array | Array |
 * | map | Map<string, value> |
 * | struct | Map<string, value>, fields in declared order |
 * | json | what JSON says: null, boolean, number, bigint, string, or JsonText for an object or an array |
 *
 * NULL is `null`, and so is a missing field; `undefined` never is a value.
 */

/** What times and timestamps are counted in. */
export type TimeUnit = 'millis' | 'micros' | 'nanos'

/** A type of SQL, as schemas, plans and functions use it. The table above says what its values are. */
export type DataType =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int' }
  | { readonly kind: 'long' }
  | { readonly kind: 'float' }
  | { readonly kind: 'double' }
  | { readonly kind: 'decimal'; readonly precision?: number; readonly scale?: number }
  | { readonly kind: 'string' }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'date' }
  | { readonly kind: 'time'; readonly unit: TimeUnit; readonly between?: true }
  /**
   * `between`: for comparing only. What lies between two units is a number between theirs (a Decimal, where a number
   * has no room for it), and is not cut off.
   */
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly local?: boolean; readonly between?: true }
  | ArrayType
  | MapType
  | StructType
  /**
   * The shape is known per record only: a JSON text, or an Avro union of unlike branches. `oneIsList`: it does not tell
   * one value from a list of one (XML), so that where a list is asked for, any value but a list is one item.
   */
  | { readonly kind: 'json'; readonly oneIsList?: true }

export interface ArrayType {
  readonly kind: 'array'
  readonly element: DataType
}
export interface MapType {
  readonly kind: 'map'
  readonly value: DataType
}
/** Named fields in declared order. `name`: of the record or message in its schema. */
export interface StructType {
  readonly kind: 'struct'
  readonly name?: string
  readonly fields: readonly Field[]
}
/** A field of a structure; `doc`: what the schema says about it. */
export interface Field {
  readonly name: string
  readonly type: DataType
  readonly nullable: boolean
  readonly doc?: string
}

/** A value at run time; which of these a type has is in the table above. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | import('./lib/decimal.ts').Decimal
  | import('./lib/json-text.ts').JsonText
  | Value[]
  | Map<string, Value>

/**
 * Where in a record. `meta` steps are one of the names in `META_FIELDS` and `RECORD_FIELDS`; a header path has one
 * step, its name.
 */
export interface Path {
  readonly facet: 'key' | 'value' | 'header' | 'meta'
  readonly steps: readonly (string | number)[]
}

/** The fields of `_meta`, in the order in which they are listed. Times are epoch milliseconds, sizes bytes. */
export const META_FIELDS: Readonly<Record<string, DataType>> = {
  offset: { kind: 'long' },
  partition: { kind: 'int' },
  timestamp: { kind: 'timestamp', unit: 'millis' },
  __keysize: { kind: 'int' },
  __valuesize: { kind: 'int' },
  keySchemaId: { kind: 'int' },
  valueSchemaId: { kind: 'int' },
  topic: { kind: 'string' },
}

/** Columns of every record beside its facets. In a path they are `meta` steps, as those of `META_FIELDS`. */
export const RECORD_FIELDS: Readonly<Record<string, DataType>> = {
  _bad: { kind: 'boolean' },
  _error: { kind: 'string' },
  _raw: { kind: 'bytes' },
  _raw_key: { kind: 'bytes' },
}

/** `true`, `false`, NULL: what conditions are. */
export const BOOLEAN: DataType = { kind: 'boolean' }
/** 32 bits. */
export const INT: DataType = { kind: 'int' }
/** 64 bits. */
export const LONG: DataType = { kind: 'long' }
/** IEEE 754, 32 bits. */
export const FLOAT: DataType = { kind: 'float' }
/** IEEE 754, 64 bits. */
export const DOUBLE: DataType = { kind: 'double' }
/** Exact, of any precision and scale. */
export const DECIMAL: DataType = { kind: 'decimal' }
/** Text. */
export const STRING: DataType = { kind: 'string' }
/** Bytes. */
export const BYTES: DataType = { kind: 'bytes' }
/** A UUID as text. */
export const UUID: DataType = { kind: 'uuid' }
/** Days since 1970-01-01. */
export const DATE: DataType = { kind: 'date' }
/** Milliseconds since 1970-01-01T00:00:00Z. */
export const TIMESTAMP: DataType = { kind: 'timestamp', unit: 'millis' }
/** Of a shape that only the record tells. */
export const JSON_TYPE: DataType = { kind: 'json' }
/** As `JSON_TYPE`, from XML: one element and a list of one look the same. */
export const XML_TYPE: DataType = { kind: 'json', oneIsList: true }
/** The type of a NULL literal: goes with every other type. */
export const NULL_TYPE: DataType = { kind: 'null' }

/** Is any value of the type but a list an item of its own where a list is asked for? */
export function oneIsList(type: DataType): boolean {
  return type.kind === 'json' && type.oneIsList === true
}

/** The type as SHOW, DESCRIBE and messages print it: `int`, `timestamp`, `array<string>`, `struct`. */
export function typeName(type: DataType): string {
  switch (type.kind) {
    case 'array':
      return `array<${typeName(type.element)}>`
    case 'map':
      return `map<${typeName(type.value)}>`
    case 'decimal':
      return type.precision === undefined ? 'decimal' : `decimal(${type.precision},${type.scale ?? 0})`
    default:
      return type.kind
  }
}
