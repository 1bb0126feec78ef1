/** The JSON functions: JsonPath over JSON text, dynamic values and structures. Paths are explained in json-path.ts. */
import { checkJson, jsonMembers } from '../../lib/json-read.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { DataType, Value } from '../../types.ts'
import { JSON_TYPE, STRING } from '../../types.ts'
import { checkItems, checkPattern, define, memo } from '../define.ts'
import { findJson } from '../support/json-path.ts'
import { parseJsonPath } from '../support/json-path-parse.ts'
import type { ScalarFunction } from '../function.ts'
import { ValueError } from '../function.ts'
import { jsonText } from '../support/value-text.ts'

const PARAMETERS = [
  { name: 'json', accept: 'json' },
  { name: 'path', accept: 'string' },
] as const

/** Strings are JSON text already; dynamic and structured values become JSON text. */
function documentText(value: Value, type: DataType, what: string): string {
  if (typeof value !== 'string') return value instanceof JsonText ? value.text : jsonText(value, type)
  const problem = checkJson(value)
  if (problem === undefined) return value
  throw new ValueError(`${what}: the text is not JSON: ${problem}`)
}

function extractor(what: string, type: DataType, limit: number): (json: Value, path: string) => string[] {
  const compiled = memo((path) => {
    checkPattern(path, what)
    return named(what, () => parseJsonPath(path))
  })
  return (json, path) => {
    const parsed = compiled(path)
    const text = documentText(json, type, what)
    return named(what, () => findJson(text, parsed, limit))
  }
}

function named<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof ValueError ? new ValueError(`${what}: ${error.message}`) : error
  }
}

/** Functions of JSON. */
export const JSON_FUNCTIONS: readonly ScalarFunction[] = [
  define({
    name: 'json_extract_first',
    family: 'json',
    parameters: PARAMETERS,
    description: 'The first match of a JsonPath in JSON text, as JSON text, or NULL.',
    examples: [
      { sql: 'JSON_EXTRACT_FIRST(\'{"a":[{"b":1},{"b":2}]}\', \'$.a[*].b\')', result: '1' },
      { sql: 'JSON_EXTRACT_FIRST(\'{"a":{"id":9007199254740993}}\', \'$.a\')', result: '{"id":9007199254740993}' },
      { sql: "JSON_EXTRACT_FIRST('{\"a\":1}', '$.b')", result: 'null' },
    ],
    returns: () => STRING,
    make: ([type]) => {
      const find = extractor('JSON_EXTRACT_FIRST', type, 1)
      return (json: Value, path: string) => find(json, path)[0] ?? null
    },
  }),
  define({
    name: 'json_extract_all',
    family: 'json',
    parameters: PARAMETERS,
    description: 'All matches of a JsonPath in JSON text, each as JSON text.',
    examples: [
      { sql: 'JSON_EXTRACT_ALL(\'{"a":[{"b":1},{"b":2}]}\', \'$.a[*].b\')', result: '["1","2"]' },
      { sql: 'JSON_EXTRACT_ALL(\'[{"n":1},{"n":5,"s":"x"}]\', \'$[?(@.n > 1)].s\')', result: '["\\"x\\""]' },
    ],
    returns: () => ({ kind: 'array', element: STRING }),
    make: ([type]) => {
      const find = extractor('JSON_EXTRACT_ALL', type, Number.POSITIVE_INFINITY)
      return (json: Value, path: string) => {
        const all = find(json, path)
        checkItems(all.length, 'JSON_EXTRACT_ALL')
        return all
      }
    },
  }),
]

/**
 * What a `*` over JSON is where one value is wanted: of an object its only field (NULL where it has none), any other
 * value as it is. No name leads to it.
 */
export const ONLY_FIELD: ScalarFunction = define({
  name: '*',
  family: 'json',
  parameters: [{ name: 'json', accept: 'any' }],
  description: 'The only field of a JSON object.',
  examples: [],
  double: 'itself',
  returns: () => JSON_TYPE,
  make:
    (_types, { read }) =>
    (json: Value) => {
      if (!(json instanceof JsonText) || json.isArray) return json
      const members = jsonMembers(json, read)
      if (members.size > 1)
        throw new ValueError(
          `A subquery that stands for a value has one column, and a record that its "*" gives has ${members.size} ` +
            `fields. Name one of them: SELECT ${[...members.keys()][0]}`,
        )
      return [...members.values()][0] ?? null
    },
})
