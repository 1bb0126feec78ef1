/**
 * Arithmetic and element access of values with the mark of `whole-double.ts`: what compiled expressions call in
 * statements that divide JSON values.
 */
import { jsonElement, jsonMember } from '../../../formats/json/text.ts'
import { forEachMember, jsonValue } from '../../../lib/json-read.ts'
import { skipSpace } from '../../../lib/text/json-walk.ts'
import { JsonText } from '../../../lib/json-text.ts'
import { type DataType, JSON_TYPE, type Value } from '../../../types.ts'
import { divideDouble, dynamicArithmetic, dynamicNegate, isWhole, remainderDouble } from './arithmetic.ts'
import { elementOf, itemOf, memberOf } from './elements.ts'
import { asWholeDouble, isWholeDouble, plain } from './whole-double.ts'

/** A field's value with its mark, and those of its parts. `text`: the JSON text that it was read from. */
export function marked(v: Value, text: string | null): Value {
  if (text === null) return v
  if (Array.isArray(v)) {
    const items: Value[] = []
    forEachMember(text, skipSpace(text, 0), (_, from, to) => {
      items.push(marked(v[items.length], text.slice(from, to)))
    })
    return items
  }
  if (v instanceof Map) return markedMembers(v, text)
  return typeof v === 'number' && Number.isInteger(v) && /[.eE]/.test(text) ? asWholeDouble(v) : v
}

/** The text has the members in the order of the Map; it may lack some that are null, and repeat a name. */
function markedMembers(v: ReadonlyMap<string, Value>, text: string): Map<string, Value> {
  const members = new Map(v)
  forEachMember(text, skipSpace(text, 0), (key, from, to) => {
    const name = JSON.parse(key ?? '""') as string
    const member = v.get(name)
    if (member !== undefined) members.set(name, marked(member, text.slice(from, to)))
  })
  return members
}

/** A part of a JSON text as a value with its mark. */
export function markedJson(text: string, from: number, to: number): Value {
  return marked(jsonValue(text, from, to), text.slice(from, to))
}

/** A value of the type double, on its way to arithmetic with JSON values. */
export function markedDouble(v: Value): Value {
  return typeof v === 'number' && Number.isInteger(v) ? asWholeDouble(v) : v
}

/** As `markedDouble`, of every part of the value that is a double by the type. */
export function markedParts(v: Value, type: DataType): Value {
  switch (type.kind) {
    case 'double':
    case 'float':
      return markedDouble(v)
    case 'array':
      return Array.isArray(v) ? v.map((item) => markedParts(item, type.element)) : v
    case 'map':
      return v instanceof Map ? new Map([...v].map(([name, m]) => [name, markedParts(m, type.value)])) : v
    case 'struct':
      return v instanceof Map
        ? new Map([...v].map(([name, m], i) => [name, markedParts(m, type.fields[i]?.type ?? JSON_TYPE)]))
        : v
    default:
      return v
  }
}

/** `dynamicArithmetic` of values with marks: a double on either side makes a double of the result, whole or not. */
export function markedArithmetic(op: string, a: Value, b: Value): Value {
  const x = plain(a)
  const y = plain(b)
  const numbers = (typeof x === 'number' || typeof x === 'bigint') && (typeof y === 'number' || typeof y === 'bigint')
  const double =
    isWholeDouble(a) ||
    isWholeDouble(b) ||
    (typeof x === 'number' && !isWhole(x)) ||
    (typeof y === 'number' && !isWhole(y))
  if (!numbers || !double) return dynamicArithmetic(op, x, y)
  const result = doubleArithmetic(op, Number(x), Number(y))
  return result !== null && Number.isInteger(result) ? asWholeDouble(result) : result
}

/** What the double among its arguments makes of a function's whole result (`ScalarFunction.double`). */
export function markedResult(kind: 'first' | 'any', f: (...args: Value[]) => Value): (...args: Value[]) => Value {
  const isDouble = (v: Value): boolean => isWholeDouble(v) || (typeof v === 'number' && !Number.isInteger(v))
  return (...args) => {
    const result = f(...args.map(plain))
    return (kind === 'first' ? isDouble(args[0]) : args.some(isDouble)) ? markedDouble(result) : result
  }
}

/** As `elementOf`, of what JSON texts hold with the marks. */
export function markedElement(base: Value, index: Value): Value {
  if (!(base instanceof JsonText) || index === null) return elementOf(base, index)
  return typeof index === 'string' ? jsonMember(base, index, markedJson) : jsonElement(base, Number(index), markedJson)
}

/** As `itemOf`, with the marks. */
export function markedItem(base: Value, index: Value): Value {
  return base instanceof JsonText && base.isArray ? markedElement(base, index) : itemOf(base, index)
}

/** As `memberOf`, with the marks. */
export function markedMember(base: Value, name: string): Value {
  return base instanceof JsonText ? jsonMember(base, name, markedJson) : memberOf(base, name)
}

/** `dynamicNegate` that keeps the mark. */
export function markedNegate(v: Value): Value {
  return isWholeDouble(v) ? asWholeDouble(-(plain(v) as number)) : dynamicNegate(v)
}

function doubleArithmetic(op: string, a: number, b: number): number | null {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return divideDouble(a, b)
    default:
      return remainderDouble(a, b)
  }
}
