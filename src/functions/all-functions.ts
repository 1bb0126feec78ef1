/** All functions in one list, and how they are found and shown. It knows no family's details. */
import type { DataType } from '../types.ts'
import { DOUBLE, INT, STRING, typeName } from '../types.ts'
import { ARRAY_FUNCTIONS } from './library/array.ts'
import { CONDITIONAL_FUNCTIONS } from './library/conditional.ts'
import { CONVERSION_FUNCTIONS } from './library/conversion.ts'
import { DATETIME_FUNCTIONS } from './library/time/datetime.ts'
import { HEADER_FUNCTIONS } from './library/headers.ts'
import { JSON_FUNCTIONS } from './library/json.ts'
import { NULL_FUNCTIONS } from './library/null.ts'
import { NUMERIC_FUNCTIONS } from './library/numeric.ts'
import { OBFUSCATION_FUNCTIONS } from './library/text/obfuscation.ts'
import type { Accept, AggregateDoc, ScalarFunction } from './function.ts'
import { SCHEMA_FUNCTIONS } from './library/schema.ts'
import { STRING_FUNCTIONS } from './library/text/string.ts'
import { WINDOW_FUNCTIONS } from './library/time/windows.ts'

/** Every scalar function, by name. */
export const SCALAR_FUNCTIONS: readonly ScalarFunction[] = [
  ...ARRAY_FUNCTIONS,
  ...CONDITIONAL_FUNCTIONS,
  ...CONVERSION_FUNCTIONS,
  ...DATETIME_FUNCTIONS,
  ...HEADER_FUNCTIONS,
  ...JSON_FUNCTIONS,
  ...NULL_FUNCTIONS,
  ...NUMERIC_FUNCTIONS,
  ...OBFUSCATION_FUNCTIONS,
  ...SCHEMA_FUNCTIONS,
  ...STRING_FUNCTIONS,
  ...WINDOW_FUNCTIONS,
].sort((a, b) => (a.name < b.name ? -1 : 1))

const BY_NAME = new Map<string, ScalarFunction>()
for (const fn of SCALAR_FUNCTIONS) for (const name of [fn.name, ...(fn.aliases ?? [])]) BY_NAME.set(name, fn)

/** A scalar function by name or alias, in any case. */
export function findFunction(name: string): ScalarFunction | undefined {
  return BY_NAME.get(name.toLowerCase())
}

/** Every name and alias of a scalar function, for "Did you mean …?". */
export const SCALAR_NAMES: readonly string[] = [...BY_NAME.keys()].sort()

/** `SUBSTR(text, start[, end])`, `CONCAT(value, …)`. */
export function signature(fn: ScalarFunction): string {
  if (fn.name === 'cast') return 'CAST(value AS type)'
  const shown = fn.parameters.map((p, i) => {
    const name = p.variadic === true ? `${p.name}, …` : p.name
    const separator = i === 0 ? '' : ', '
    return p.optional === true ? `[${separator}${name}]` : separator + name
  })
  return `${fn.name.toUpperCase()}(${shown.join('')})`
}

const SAMPLES: Readonly<Partial<Record<Accept, DataType>>> = {
  number: DOUBLE,
  integer: INT,
  datetime: { kind: 'timestamp', unit: 'millis' },
  array: { kind: 'array', element: STRING },
}

/** What SHOW FUNCTIONS prints as `return_type`. */
export function returnText(fn: ScalarFunction): string {
  return fn.returnText ?? typeName(fn.returns(fn.parameters.map((p) => SAMPLES[p.accept] ?? STRING)))
}

/**
 * The aggregates, for SHOW FUNCTIONS and the documentation. `max` and `min` with two or more arguments are the scalar
 * functions of these names.
 */
export const AGGREGATE_DOCS: readonly AggregateDoc[] = [
  {
    name: 'approx_count_distinct',
    signature: 'APPROX_COUNT_DISTINCT(value)',
    description:
      'About how many different values a group has (HyperLogLog): exact up to 1024, beyond that with a ' +
      'standard error of 1.6 %, in 4 KiB a group. COUNT(DISTINCT value) is exact and holds every value.',
    returns: 'long',
  },
  {
    name: 'approx_quantile',
    signature: 'APPROX_QUANTILE(number, q)',
    description:
      'About the number below which the share q (0 to 1) of the numbers of a group lies (t-digest): exact up ' +
      'to 1024 numbers, beyond that the rank of the answer is off by less than 1 %, and by much less near 0 ' +
      'and 1. Between two numbers it is interpolated.',
    returns: 'double',
  },
  { name: 'avg', signature: 'AVG(number)', description: 'The mean of the numbers of a group.', returns: 'double' },
  {
    name: 'bottomk',
    signature: 'BOTTOMK(value[, n])',
    description: 'The n least frequent values of a group, one without n.',
    returns: 'array',
  },
  {
    name: 'collect',
    signature: 'COLLECT(value, n)',
    description: 'The first n values of a group in the order in which they were read.',
    returns: 'array',
  },
  {
    name: 'collect_unique',
    signature: 'COLLECT_UNIQUE(value, n)',
    description: 'The first n different values of a group in the order in which they were read.',
    returns: 'array',
  },
  {
    name: 'count',
    signature: 'COUNT(*) or COUNT(value)',
    description: 'The number of records of a group, or of its values that are not NULL.',
    returns: 'long',
  },
  {
    name: 'first',
    signature: 'FIRST(value)',
    description: 'The value of a group that was read first.',
    returns: 'any',
  },
  { name: 'last', signature: 'LAST(value)', description: 'The value of a group that was read last.', returns: 'any' },
  { name: 'max', signature: 'MAX(value)', description: 'The greatest value of a group.', returns: 'any' },
  {
    name: 'maxk',
    signature: 'MAXK(number[, n])',
    description: 'The n greatest numbers of a group, one without n.',
    returns: 'array',
  },
  {
    name: 'maxk_unique',
    signature: 'MAXK_UNIQUE(number[, n])',
    description: 'The n greatest different numbers of a group, one without n.',
    returns: 'array',
  },
  { name: 'min', signature: 'MIN(value)', description: 'The least value of a group.', returns: 'any' },
  {
    name: 'mink',
    signature: 'MINK(number[, n])',
    description: 'The n least numbers of a group, one without n.',
    returns: 'array',
  },
  {
    name: 'mink_unique',
    signature: 'MINK_UNIQUE(number[, n])',
    description: 'The n least different numbers of a group, one without n.',
    returns: 'array',
  },
  { name: 'sum', signature: 'SUM(number)', description: 'The sum of the numbers of a group.', returns: 'number' },
  {
    name: 'topk',
    signature: 'TOPK(value[, n])',
    description: 'The n most frequent values of a group, one without n.',
    returns: 'array',
  },
]
