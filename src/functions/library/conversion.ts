/** Conversions to text, and CAST as documentation (the parser knows its syntax, cast.ts does the work). */
import { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { DataType, Value } from '../../types.ts'
import { JSON_TYPE, STRING } from '../../types.ts'
import { castValue } from '../support/cast.ts'
import { checkString, define } from '../define.ts'
import type { ScalarFunction } from '../function.ts'
import { jsonText, plainText } from '../support/value-text.ts'

/** What clients know as the model class of a value. */
function modelName(value: Value, type: DataType): string {
  if (type.kind !== 'json') return `${type.kind.charAt(0).toUpperCase()}${type.kind.slice(1)}Value`
  if (typeof value === 'string') return 'StringValue'
  if (typeof value === 'boolean') return 'BooleanValue'
  if (value instanceof JsonText) return value.isArray ? 'ArrayValue' : 'StructValue'
  if (value instanceof Decimal) return 'DecimalValue'
  return typeof value === 'bigint' || Number.isInteger(value) ? 'LongValue' : 'DoubleValue'
}

const MODEL = 'io.lenses.sql.model'

/** Functions of types. */
export const CONVERSION_FUNCTIONS: readonly ScalarFunction[] = [
  define({
    name: 'cast',
    family: 'conversion',
    parameters: [{ name: 'value', accept: 'any' }],
    description:
      'Converts a value to a type: CAST(value AS type), with int, long, float, double, decimal(p, s), string, ' +
      'boolean, bytes, date, time, timestamp or uuid; fractions are cut off, what does not fit is an error.',
    examples: [
      { sql: 'CAST(9.99 AS int)', result: '9' },
      { sql: "CAST('9007199254740993' AS long)", result: '9007199254740993' },
      { sql: "CAST('2024-02-29 07:05' AS timestamp)", result: '2024-02-29T07:05:00Z' },
      { sql: 'CAST(2.345 AS decimal(5, 2))', result: '2.35' },
    ],
    special: true,
    returnText: 'any',
    returns: () => JSON_TYPE,
    make:
      ([type]) =>
      (value: Value) =>
        castValue(value, type, JSON_TYPE),
  }),
  define({
    name: 'mkstring',
    family: 'conversion',
    parameters: [{ name: 'value', accept: 'any' }],
    description: 'Any value as text in JSON form; strings, dates and times are in quotes.',
    examples: [
      { sql: "MKSTRING('quay')", result: '"quay"' },
      { sql: 'MKSTRING([1, 2])', result: '[1,2]' },
      { sql: 'MKSTRING(42)', result: '42' },
    ],
    returns: () => STRING,
    make:
      ([type]) =>
      (value: Value) =>
        checkString(jsonText(value, type), 'MKSTRING'),
  }),
  define({
    name: 'dump',
    family: 'conversion',
    parameters: [{ name: 'value', accept: 'any' }],
    description: 'The internal form of a value: its kind and its content.',
    examples: [
      { sql: "DUMP('abc')", result: `${MODEL}.StringValue@StringValue(abc)` },
      { sql: 'DUMP(NULL)', result: `${MODEL}.NullValue$@NullValue` },
    ],
    nullable: true,
    returns: () => STRING,
    make:
      ([type]) =>
      (value: Value) => {
        if (value === null) return `${MODEL}.NullValue$@NullValue`
        const name = modelName(value, type)
        return checkString(`${MODEL}.${name}@${name}(${plainText(value, type)})`, 'DUMP')
      },
  }),
]
