/**
 * Generates code that makes run-time values of encoded Avro, converted to the type that the binder asked for. Scalars
 * in place; records, arrays and maps through functions, one per (node, type). For the `json` kind a composite becomes
 * JsonText by way of `text.ts`.
 */
import { type Code, js, type Name } from '../../codegen/emitter.ts'
import type { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import { integer } from '../../lib/whole-number.ts'
import type { DataType, Value } from '../../types.ts'
import { conversion, jsonBytes, jsonDouble, jsonFloat } from '../reading/convert.ts'
import { isoDate, isoTime, isoTimestamp } from '../text/render.ts'
import { takeText } from '../reading/reader-runtime.ts'
import type { Family } from './family.ts'
import { aside, blocks, countEmpty, type Lines, branches } from './lines.ts'
import type { AvroNode } from './schema.ts'
import { avroType } from './types.ts'
import { skip, minimumSize } from './skip.ts'
import { rawScalar } from './scalar.ts'
import { textFunction } from './text.ts'

const STRING_NODE: AvroNode = { kind: 'string' }

/** Adds code that reads a value of the node into a new variable (null for a null) and moves the position behind it. */
export function readValue(out: Lines, node: AvroNode, type: DataType, family: Family): Name {
  const x = out.frame.e.name('v')
  out.add(js`let ${x} = null`)
  assignValue(out, node, type, family, x)
  return x
}

/** As `readValue`, into a variable that holds null. */
export function assignValue(out: Lines, node: AvroNode, type: DataType, family: Family, target: Code): void {
  switch (node.kind) {
    case 'null':
      return
    case 'default':
      return aside(out, node, (inner) => assignValue(inner, node.node, type, family, target))
    case 'union':
      return branches(out, node, (inner, branch) => assignValue(inner, branch, type, family, target))
    case 'record':
    case 'array':
    case 'map': {
      if (type.kind === 'json') return out.add(js`${target} = ${jsonTextOf(out, node, family)}`)
      const fn = compositeFunction(node, type, family)
      return out.add(fn === undefined ? out.frame.bad : js`${target} = ${family.call(out, fn)}`)
    }
    default:
      return assignScalar(out, node, type, family, target)
  }
}

/**
 * Adds the code that writes the value at the position as JSON text, as the type shows it; without a type as the node
 * says. The result is a string expression.
 */
export function jsonTextString(out: Lines, node: AvroNode, family: Family, type?: DataType): Code {
  const w = family.call(out, textFunction(node, family, type), [js`0`])
  return js`${out.frame.e.constant(takeText, 'takeText')}(${w})`
}

function jsonTextOf(out: Lines, node: AvroNode, family: Family): Code {
  return js`new ${out.frame.e.constant(JsonText, 'JsonText')}(${jsonTextString(out, node, family)})`
}

function assignScalar(out: Lines, node: AvroNode, type: DataType, family: Family, target: Code): void {
  const { e, bad } = out.frame
  const own = avroType(node)
  const convert = type.kind === 'json' ? toJson(own, family) : conversion(own, type)
  if (convert === undefined) return out.add(bad)
  const raw = rawScalar(out, node)
  out.add(js`${target} = ${convert === null ? raw.value : js`${e.constant(convert, 'convert')}(${raw.value})`}`)
  if (raw.after !== undefined) out.add(raw.after)
  if (raw.size !== undefined) out.advance(raw.size)
}

const jsonDecimals = new Map<number | undefined, (value: Decimal) => Value>()
/** One function per number of digits, so that generated programs share it. */
function jsonDecimal(digits: number | undefined): (value: Decimal) => Value {
  let fn = jsonDecimals.get(digits)
  if (fn === undefined) {
    fn = (value) => {
      const shown = digits === undefined ? value : value.round(digits)
      return shown.scale === 0 ? integer(shown.unscaled) : shown.toNumber()
    }
    jsonDecimals.set(digits, fn)
  }
  return fn
}

/** How a scalar appears in a value of the `json` kind: what its JSON text would read as. */
function toJson(own: DataType, family: Family): ((value: never) => Value) | null {
  const { timestamp, decimal } = family.render
  switch (own.kind) {
    case 'float':
      return jsonFloat
    case 'double':
      return jsonDouble
    case 'bytes':
      return jsonBytes
    case 'decimal':
      return jsonDecimal(decimal)
    case 'date':
      return timestamp ? (days: number) => isoDate(days) : null
    case 'time':
      return timestamp ? (value: number) => isoTime(value, own.unit) : null
    case 'timestamp':
      return timestamp ? (value: number | bigint) => isoTimestamp(value, own.unit, false, own.local === true) : null
    default:
      return null
  }
}

/** The function that makes an array, a map or a struct of the type; undefined when the node is nothing of the kind. */
function compositeFunction(
  node: AvroNode & { kind: 'record' | 'array' | 'map' },
  type: DataType,
  family: Family,
): Name | undefined {
  if (node.kind === 'record' && type.kind === 'struct') return recordFunction(node, type, family)
  if (node.kind === 'array' && type.kind === 'array') {
    return family.define(node, type, 'array', js`null`, (out) => {
      const items = out.frame.e.name('items')
      out.add(js`const ${items} = []`)
      blocks(out, minimumSize(node.items), false, (inner) =>
        inner.add(js`${items}.push(${readValue(inner, node.items, type.element, family)})`),
      )
      return items
    })
  }
  if (node.kind === 'map' && type.kind === 'map') {
    return family.define(node, type, 'map', js`null`, (out) => {
      const map = out.frame.e.name('map')
      out.add(js`const ${map} = new Map()`)
      blocks(out, 1, false, (inner) => {
        const key = readValue(inner, STRING_NODE, { kind: 'string' }, family)
        const value = readValue(inner, node.values, type.value, family)
        inner.add(js`if (!${map}.has(${key})) ${map}.set(${key}, ${value})`)
      })
      return map
    })
  }
  return undefined
}

function recordFunction(
  node: AvroNode & { kind: 'record' },
  type: DataType & { kind: 'struct' },
  family: Family,
): Name {
  return family.define(node, type, 'struct', js`null`, (out) => {
    const map = out.frame.e.name('map')
    if (minimumSize(node) === 0) countEmpty(out, 1)
    out.add(js`const ${map} = new Map()`)
    const wanted = new Map(type.fields.map((field) => [field.name, field.type]))
    const sameOrder =
      type.fields.length === node.fields.length && node.fields.every((field, i) => field.name === type.fields[i].name)
    // Fields of other writers come out as null, in the place that the merged type has for them.
    if (!sameOrder) for (const field of type.fields) out.add(js`${map}.set(${field.name}, null)`)
    for (const field of node.fields) {
      const target = wanted.get(field.name)
      if (target === undefined) skip(out, field.node, family, false)
      else out.add(js`${map}.set(${field.name}, ${readValue(out, field.node, target, family)})`)
    }
    return map
  })
}
