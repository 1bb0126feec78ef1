/**
 * The array functions. Arrays are run-time arrays or JSON arrays (which `define` has turned into run-time arrays
 * before).
 */
import { jsonElements } from '../../lib/json-read.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { DataType, Value } from '../../types.ts'
import { BOOLEAN, INT, JSON_TYPE, typeName } from '../../types.ts'
import { checkItems, checkLength, define, describe, toCount } from '../define.ts'
import type { FunctionContext, Parameter, ScalarFunction } from '../function.ts'
import { ValueError } from '../function.ts'
import { jsonText, leastLength } from '../support/value-text.ts'

const ARRAY: Parameter = { name: 'array', accept: 'array' }

/**
 * The items of an array and of the arrays in it: copies take no room here, but they do wherever the value is written
 * out.
 */
function itemsIn(value: Value): number {
  return Array.isArray(value) ? value.reduce<number>((sum, item) => sum + itemsIn(item), 0) : 1
}

function elementType(type: DataType): DataType {
  return type.kind === 'array' ? type.element : type.kind === 'null' ? type : JSON_TYPE
}

function flatType(type: DataType): DataType {
  const inner = elementType(type)
  if (inner.kind !== 'array' && inner.kind !== 'json' && inner.kind !== 'null')
    throw new Error(`FLATTEN expects an array of arrays, not ${typeName(type)}.`)
  return { kind: 'array', element: elementType(inner) }
}

function flattened(array: readonly Value[], read: FunctionContext['read']): Value[] {
  const out: Value[] = []
  for (const inner of array) {
    if (inner === null) continue
    const items = Array.isArray(inner)
      ? inner
      : inner instanceof JsonText && inner.isArray
        ? jsonElements(inner, read)
        : undefined
    if (items === undefined)
      throw new ValueError(`FLATTEN expects an array of arrays, but an element is ${describe(inner)}`)
    checkItems(out.length + items.length, 'FLATTEN')
    for (const item of items) out.push(item)
  }
  return out
}

function zip(name: string, longest: boolean, example: string): ScalarFunction {
  const what = name.toUpperCase()
  return define({
    name,
    family: 'array',
    parameters: [
      ARRAY,
      { name: 'name', accept: 'string' },
      { name: 'arrays and names', accept: 'any', optional: true, variadic: true },
    ],
    description: longest
      ? 'An array of objects that puts the elements of arrays side by side under the given names, as long as the ' +
        'longest array; missing elements are null.'
      : 'An array of objects that puts the elements of arrays side by side under the given names, as long as the ' +
        'shortest array.',
    examples: [{ sql: `${what}([1, 2], 'n', ['a'], 's')`, result: example }],
    returnText: 'array',
    double: 'itself',
    returns: (types) => {
      checkZip(types, what)
      return { kind: 'array', element: JSON_TYPE }
    },
    make:
      (types, { read }) =>
      (...args: Value[]) =>
        zipped(args, types, read, { longest, what }),
  })
}

function checkZip(types: readonly DataType[], what: string): void {
  if (types.length % 2 === 1)
    throw new Error(`${what} expects pairs of an array and a name, but the last array has no name.`)
  types.forEach((type, i) => {
    const wanted = i % 2 === 0 ? 'array' : 'string'
    if (type.kind !== wanted && type.kind !== 'json' && type.kind !== 'null')
      throw new Error(
        `${what} expects ${i % 2 === 0 ? 'an array' : 'a name (a string)'} as argument ${i + 1}, not ${typeName(type)}.`,
      )
  })
}

/** `types` of the arguments; `read`: how items of JSON texts become values. */
function zipped(
  args: readonly Value[],
  types: readonly DataType[],
  read: FunctionContext['read'],
  { longest, what }: { readonly longest: boolean; readonly what: string },
): Value[] {
  const columns: { readonly items: readonly Value[]; readonly key: string; readonly type: DataType }[] = []
  for (let i = 0; i + 1 < args.length; i += 2) {
    const array = args[i]
    const items = Array.isArray(array)
      ? array
      : array instanceof JsonText && array.isArray
        ? jsonElements(array, read)
        : undefined
    if (items === undefined)
      throw new ValueError(`${what} expects an array as argument ${i + 1}, not ${describe(array)}`)
    const key = args[i + 1]
    if (typeof key !== 'string')
      throw new ValueError(`${what} expects a name as argument ${i + 2}, not ${describe(key)}`)
    columns.push({ items, key: JSON.stringify(key), type: elementType(types[i]) })
  }
  const lengths = columns.map((c) => c.items.length)
  const length = longest ? Math.max(...lengths) : Math.min(...lengths)
  checkItems(length * columns.length, what)
  const rows: Value[] = []
  let characters = 0
  for (let row = 0; row < length; row++) {
    const text = `{${columns.map((c) => `${c.key}:${jsonText(c.items[row] ?? null, c.type)}`).join(',')}}`
    characters += text.length
    checkLength(characters, what)
    rows.push(new JsonText(text))
  }
  return rows
}

/** Functions of arrays. */
export const ARRAY_FUNCTIONS: readonly ScalarFunction[] = [
  define({
    name: 'element_of',
    family: 'array',
    parameters: [ARRAY, { name: 'index', accept: 'integer' }],
    description: 'The element at a 0-based index, or NULL outside the array; the same as array[index].',
    examples: [
      { sql: 'ELEMENT_OF([7, 8, 9], 1)', result: '8' },
      { sql: 'ELEMENT_OF([7], 5)', result: 'null' },
    ],
    returnText: 'any',
    double: 'element',
    returns: ([type]) => elementType(type),
    make: () => (array: Value[], index: number | bigint) => array[toCount(index)] ?? null,
  }),
  define({
    name: 'flatten',
    family: 'array',
    parameters: [ARRAY],
    description: 'The elements of the inner arrays in one array; one level is taken away.',
    examples: [{ sql: 'FLATTEN([[1], [2, 3]])', result: '[1,2,3]' }],
    returnText: 'array',
    returns: ([type]) => flatType(type),
    double: 'itself',
    make:
      (_types, { read }) =>
      (array: Value[]) =>
        flattened(array, read),
  }),
  define({
    name: 'in_array',
    family: 'array',
    parameters: [{ name: 'element', accept: 'any' }, ARRAY],
    description: 'Tells whether an array has an element that equals the value, as `=` says.',
    examples: [
      { sql: 'IN_ARRAY(3, [3, 4])', result: 'true' },
      { sql: "IN_ARRAY('x', ['y'])", result: 'false' },
    ],
    returns: () => BOOLEAN,
    make:
      (_types, { equal }) =>
      (element: Value, array: Value[]) =>
        array.some((item) => equal(item, element)),
  }),
  define({
    name: 'repeat',
    family: 'array',
    parameters: [
      { name: 'element', accept: 'any' },
      { name: 'count', accept: 'integer' },
    ],
    description: 'An array of the given number of copies of a value.',
    examples: [
      { sql: "REPEAT('x', 2)", result: '["x","x"]' },
      { sql: 'REPEAT(1, -1)', result: '[]' },
    ],
    returnText: 'array',
    double: 'itself',
    returns: ([type]) => ({ kind: 'array', element: type }),
    make: () => (element: Value, count: number | bigint) => {
      const items = Math.max(0, toCount(count))
      checkItems(items * itemsIn(element), 'REPEAT')
      checkLength(items * leastLength(element), 'REPEAT')
      return new Array<Value>(items).fill(element)
    },
  }),
  define({
    name: 'sizeof',
    family: 'array',
    parameters: [ARRAY],
    description: 'The number of elements of an array.',
    examples: [{ sql: 'SIZEOF([3, 4])', result: '2' }],
    returns: () => INT,
    make: () => (array: Value[]) => array.length,
  }),
  zip('zip', false, '[{"n":1,"s":"a"}]'),
  zip('zip_all', true, '[{"n":1,"s":"a"},{"n":2,"s":null}]'),
]
