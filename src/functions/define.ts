/**
 * The frame around every function row: `define` adds the checks and conversions that dynamic (json) arguments need, so
 * that an implementation sees plain strings, numbers and arrays only. `accepts` is the static check of an argument's
 * type. Limits that several families share stand here.
 */
import { Decimal } from '../lib/decimal.ts'
import { jsonElements } from '../lib/json-read.ts'
import { JsonText } from '../lib/json-text.ts'
import { Lru } from '../lib/lru.ts'
import type { DataType, Value } from '../types.ts'
import { JSON_TYPE, oneIsList, typeName } from '../types.ts'
import type { Accept, FunctionContext, Parameter, ScalarFunction } from './function.ts'
import { ValueError } from './function.ts'

/** A row as a family file writes it: `kind` is added, `make` gets the call's name for its messages. */
export interface FunctionRow extends Omit<ScalarFunction, 'kind' | 'make'> {
  readonly make: (types: readonly DataType[], context: FunctionContext) => (...args: never[]) => Value
}

/**
 * Completes a row. Arguments of type json are checked per value and converted: JSON arrays to arrays where an array is
 * accepted.
 */
export function define(row: FunctionRow): ScalarFunction {
  const make = (types: readonly DataType[], context: FunctionContext): ((...args: Value[]) => Value) => {
    const call = row.make(types, context) as (...args: Value[]) => Value
    const checks = types.map((type, i) =>
      type.kind === 'json' ? dynamicCheck(row, parameterAt(row.parameters, i), type, context) : undefined,
    )
    return checks.some((c) => c !== undefined) ? guarded(call, checks) : call
  }
  return { ...row, kind: 'scalar', make }
}

type Check = (value: Value) => Value

function guarded(
  call: (...args: Value[]) => Value,
  checks: readonly (Check | undefined)[],
): (...args: Value[]) => Value {
  return (...args) => {
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i]
      if (check !== undefined && args[i] !== null) args[i] = check(args[i])
    }
    return call(...args)
  }
}

/** The parameter that the argument at `index` belongs to; the last one repeats when it is variadic. */
export function parameterAt(parameters: readonly Parameter[], index: number): Parameter | undefined {
  if (index < parameters.length) return parameters[index]
  const last = parameters.at(-1)
  return last?.variadic === true ? last : undefined
}

const WORDS: Readonly<Record<Accept, string>> = {
  any: 'any value',
  string: 'a string',
  number: 'a number',
  integer: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  datetime: 'a date or time (or text or milliseconds that say one)',
  bytes: 'bytes',
  json: 'JSON text or a structure',
  'constant-string': 'a string',
}

function dynamicCheck(
  row: FunctionRow,
  parameter: Parameter | undefined,
  type: DataType,
  { read }: FunctionContext,
): Check | undefined {
  if (parameter === undefined || parameter.accept === 'any' || parameter.accept === 'json') return undefined
  const { accept, name } = parameter
  const fail = (value: Value): never => {
    throw new ValueError(`${row.name.toUpperCase()} expects ${WORDS[accept]} as ${name}, not ${describe(value)}`)
  }
  switch (accept) {
    case 'array':
      return (value) => {
        if (Array.isArray(value)) return value
        if (value instanceof JsonText && value.isArray) return jsonElements(value, read)
        return oneIsList(type) ? [value] : fail(value)
      }
    case 'number':
      return (value) => (typeof value === 'number' || typeof value === 'bigint' ? value : fail(value))
    case 'integer':
      return (value) => (typeof value === 'bigint' || Number.isInteger(value) ? value : fail(value))
    case 'datetime':
      return (value) =>
        typeof value === 'string' || typeof value === 'bigint' || Number.isFinite(value) ? value : fail(value)
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : fail(value))
    case 'bytes':
      return (value) => (value instanceof Uint8Array ? value : fail(value))
    default:
      return (value) => (typeof value === 'string' ? value : fail(value))
  }
}

/** A value as a message shows it: `the number 5`, `an object`. Long strings are cut. */
export function describe(value: Value): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal) return `the number ${value}`
  if (typeof value === 'boolean') return `the boolean ${value}`
  if (Array.isArray(value) || (value instanceof JsonText && value.isArray)) return 'an array'
  return value instanceof Uint8Array ? 'bytes' : 'an object'
}

/** Limit `function.max.string.bytes` (bytes): a string that a function makes, as UTF-8. Beyond it: an error. */
export const MAX_STRING_BYTES = 16 * 1024 * 1024
/** Limit `function.max.array.items` (items): elements of an array that a function makes. Beyond it: an error. */
export const MAX_ARRAY_ITEMS = 1_000_000

/** Throws when a string about to be made would be too long; `units` is its length in UTF-16 code units. */
export function checkLength(units: number, what: string): void {
  if (units > MAX_STRING_BYTES) throw tooLong(what)
}

/** Throws when a string that was made is too long. */
export function checkString(text: string, what: string): string {
  if (text.length * 3 > MAX_STRING_BYTES && Buffer.byteLength(text) > MAX_STRING_BYTES) throw tooLong(what)
  return text
}

function tooLong(what: string): ValueError {
  return new ValueError(
    `${what}: the result is longer than function.max.string.bytes (default ${MAX_STRING_BYTES} bytes, 16 MiB)`,
  )
}

/** Throws when an array about to be made would be too long. */
export function checkItems(count: number, what: string): void {
  if (count > MAX_ARRAY_ITEMS)
    throw new ValueError(
      `${what}: the result has more elements than function.max.array.items (default ${MAX_ARRAY_ITEMS})`,
    )
}

/** Limit `function.max.pattern.chars` (characters): a pattern or a path. Beyond it: an error. */
export const MAX_PATTERN_CHARS = 4096

/** Throws when a pattern (regular expression, date pattern, JsonPath) is too long. */
export function checkPattern(pattern: string, what: string): void {
  if (pattern.length > MAX_PATTERN_CHARS)
    throw new ValueError(
      `${what}: the pattern is longer than function.max.pattern.chars (default ${MAX_PATTERN_CHARS})`,
    )
}

/** A count argument as a number: bigints and huge values end at ±2^53, which no string reaches. */
export function toCount(value: number | bigint): number {
  return typeof value === 'number' ? Math.trunc(value) : Number(value)
}

/** Remembers what was compiled from the last pattern texts (patterns, paths); almost always one per call. */
export function memo<T>(compile: (text: string) => T): (text: string) => T {
  const known = new Lru<string, { readonly value: T }>(64)
  let lastText: string | undefined
  let last: T
  return (text) => {
    if (text === lastText) return last
    const entry = known.get(text) ?? { value: compile(text) }
    known.set(text, entry)
    lastText = text
    last = entry.value
    return last
  }
}

/**
 * The type of all these types when they agree, NULLs aside; json when one of them is dynamic; undefined when they do
 * not go together.
 */
export function sameType(types: readonly DataType[]): DataType | undefined {
  const known = types.filter((t) => t.kind !== 'null')
  if (known.length === 0) return { kind: 'null' }
  const names = new Set(known.map(typeName))
  if (names.size === 1) return known[0]
  const stringy = known.every((t) => t.kind === 'string' || t.kind === 'uuid')
  if (stringy) return { kind: 'string' }
  return known.some((t) => t.kind === 'json') ? JSON_TYPE : undefined
}
