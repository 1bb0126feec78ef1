/** Functions about NULL. */
import type { DataType, Value } from '../../types.ts'
import { BOOLEAN, typeName } from '../../types.ts'
import { define, sameType } from '../define.ts'
import { isNumeric, isNumericType, widen, widest } from '../support/numbers.ts'
import type { ScalarFunction } from '../function.ts'
import { dynamicValue } from '../support/value-text.ts'

/**
 * One type for values of several: the wider number, json when one is dynamic. Throws an Error with a sentence when they
 * do not go together.
 */
export function commonType(types: readonly DataType[], what: string): DataType {
  const known = types.filter((t) => t.kind !== 'null')
  const type = known.length > 0 && known.every(isNumericType) ? widest(known) : sameType(types)
  if (type === undefined)
    throw new Error(
      `${what} needs values of one type, not ${[...new Set(known.map(typeName))].join(' and ')}; use CAST.`,
    )
  return type
}

/**
 * A value of one type as a value of the common type (see `commonType`): numbers widened, everything dynamic where the
 * result is.
 */
export function toCommon(from: DataType, to: DataType, what: string): (value: Value) => Value {
  if (from.kind === to.kind) return (value) => value
  if (to.kind === 'json') return (value) => dynamicValue(value, from)
  return isNumericType(from) ? (value) => (isNumeric(value) ? widen(value, to, what) : value) : (value) => value
}

/** Functions of NULL. */
export const NULL_FUNCTIONS: readonly ScalarFunction[] = [
  define({
    name: 'coalesce',
    aliases: ['ifnull', 'nvl'],
    family: 'null',
    parameters: [
      { name: 'value', accept: 'any' },
      { name: 'fallback', accept: 'any', variadic: true },
    ],
    description: 'The first argument that is not NULL. Those behind it are not computed.',
    examples: [
      { sql: "COALESCE(NULL, 'x')", result: 'x' },
      { sql: 'COALESCE(NULL, 1, 2)', result: '1' },
    ],
    nullable: true,
    firstGiven: true,
    returnText: 'any',
    returns: (types) => commonType(types, 'COALESCE'),
    double: 'itself',
    make: (types) => {
      const type = commonType(types, 'COALESCE')
      const convert = types.map((t) => toCommon(t, type, 'COALESCE'))
      return (...values: Value[]) => {
        const index = values.findIndex((value) => value !== null)
        return index < 0 ? null : convert[index](values[index])
      }
    },
  }),
  define({
    name: 'nullif',
    family: 'null',
    parameters: [
      { name: 'value', accept: 'any' },
      { name: 'other', accept: 'any' },
    ],
    description: 'NULL when both arguments are equal, else the first one.',
    examples: [
      { sql: "NULLIF('-', '-')", result: 'null' },
      { sql: 'NULLIF(5, 0)', result: '5' },
    ],
    nullable: true,
    returnText: 'any',
    double: 'first',
    returns: ([type]) => type,
    make:
      (_types, { equal }) =>
      (value: Value, other: Value) =>
        value !== null && other !== null && equal(value, other) ? null : value,
  }),
  define({
    name: 'isnull',
    family: 'null',
    parameters: [{ name: 'value', accept: 'any' }],
    description: 'Tells whether a value is NULL.',
    examples: [
      { sql: 'ISNULL(NULL)', result: 'true' },
      { sql: 'ISNULL(0)', result: 'false' },
    ],
    nullable: true,
    returns: () => BOOLEAN,
    make: () => (value: Value) => value === null,
  }),
  define({
    name: 'isnotnull',
    family: 'null',
    parameters: [{ name: 'value', accept: 'any' }],
    description: 'Tells whether a value is not NULL.',
    examples: [
      { sql: 'ISNOTNULL(NULL)', result: 'false' },
      { sql: 'ISNOTNULL(0)', result: 'true' },
    ],
    nullable: true,
    returns: () => BOOLEAN,
    make: () => (value: Value) => value !== null,
  }),
  define({
    name: 'as_nullable',
    family: 'null',
    parameters: [{ name: 'value', accept: 'any' }],
    description: 'The value itself; only the type check sees it as one that may be NULL.',
    examples: [{ sql: 'AS_NULLABLE(7)', result: '7' }],
    nullable: true,
    returnText: 'any',
    double: 'itself',
    returns: ([type]) => type,
    make: () => (value: Value) => value,
  }),
  define({
    name: 'as_non_nullable',
    family: 'null',
    parameters: [{ name: 'value', accept: 'any' }],
    description: 'The value itself; only the type check sees it as one that is never NULL.',
    examples: [{ sql: 'AS_NON_NULLABLE(7)', result: '7' }],
    nullable: true,
    returnText: 'any',
    double: 'itself',
    returns: ([type]) => type,
    make: () => (value: Value) => value,
  }),
]
