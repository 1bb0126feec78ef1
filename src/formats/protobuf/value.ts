/**
 * Generates code that makes run-time values of encoded messages, converted to the types that the binder asked for.
 * Scalars in place; messages, lists and maps through functions, one per (message or field, type). For the `json` kind a
 * composite becomes JsonText by way of `text.ts`.
 */
import { type Code, js, type Name, NOTHING } from '../../codegen/emitter.ts'
import type { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import { integer } from '../../lib/whole-number.ts'
import type { DataType, Field, Value } from '../../types.ts'
import { conversion, jsonBytes, jsonDouble, jsonFloat } from '../reading/convert.ts'
import { isoDate, isoTime, isoTimestamp } from '../text/render.ts'
import { takeText } from '../reading/reader-runtime.ts'
import type { Family, Frame } from './family.ts'
import { eachValue, PART_FIELDS, scanMessage, type Tracked } from './scan.ts'
import { emptyPlace, leafType, meaningReader, messagePlace, rangeAt, readEntry, scalarValue } from './spot.ts'
import { meaningType, type ProtoField, type ProtoMessage, type ProtoType } from './definition/schema.ts'
import { listTextFunction, messageTextFunction } from './text.ts'
import { enumName } from './wire.ts'

/** Code that assigns the single value at a position to `target`, converted. */
export function assignAt(frame: Frame, type: ProtoType, to: DataType, at: Code, target: Code): Code {
  if (type.kind === 'message') {
    const range = rangeAt(frame, at, type)
    return js`${range.before}
${assignMessage(frame, type, to, js`b, view, ${range.from}, ${range.to}`, target)}`
  }
  const { e, bad } = frame
  const convert = leafConversion(leafType(type) as DataType, to, frame.family)
  if (convert === undefined) return bad
  const raw = type.kind === 'enum' ? enumValue(frame, type.names, at) : scalarValue(frame, type.scalar, at)
  return js`${raw.before}
${target} = ${convert === null ? raw.value : js`${e.constant(convert, 'convert')}(${raw.value})`}`
}

function enumValue(frame: Frame, names: ReadonlyMap<number, string>, at: Code): { before: Code; value: Code } {
  const number = scalarValue(frame, 'int32', at)
  return {
    before: number.before,
    value: js`${frame.e.constant(enumName, 'enumName')}(${frame.e.constant(names, 'names')}, ${number.value})`,
  }
}

/** As `assignAt`, for a message whose bytes are given as `buffer, view, from, to`. */
export function assignMessage(frame: Frame, message: ProtoMessage, to: DataType, place: Code, target: Code): Code {
  const { e, bad, family } = frame
  const x = e.name('x')
  if (message.meaning !== undefined) {
    const convert = leafConversion(meaningType(message.meaning), to, family)
    if (convert === undefined) return bad
    return js`const ${x} = ${meaningReader(family, message.meaning)}(${place}, ${frame.depth} + 1); if (${x} === undefined) ${bad}
${target} = ${convert === null ? x : js`${x} === null ? null : ${e.constant(convert, 'convert')}(${x})`}`
  }
  if (to.kind === 'json') {
    return js`const ${x} = ${messageTextFunction(message, family)}(${place}, 0, ${frame.depth} + 1); if (${x} < 0) ${bad}
${target} = new ${e.constant(JsonText, 'JsonText')}(${e.constant(takeText, 'takeText')}(${x}))`
  }
  if (to.kind !== 'struct') return bad
  return js`const ${x} = ${messageFunction(message, to, family)}(${place}, ${frame.depth} + 1); if (${x} === undefined) ${bad}
${target} = ${x}`
}

/**
 * The function (b, view, from, to, depth) that makes a struct of the type; fields of other writers are null, in the
 * place that the type has for them.
 */
export function messageFunction(message: ProtoMessage, type: DataType & { kind: 'struct' }, family: Family): Name {
  return family.define(message, type, 'struct', js`undefined`, [], (frame) => {
    const map = frame.e.name('map')
    const names = new Set(type.fields.map((field) => field.name))
    // What the type does not have must be there all the same where it is required.
    const required = message.fields.filter((field) => field.presence === 'required' && !names.has(field.name))
    const parts: Code[] = []
    for (let from = 0; from < type.fields.length || from === 0; from += PART_FIELDS) {
      const fields = type.fields.slice(from, from + PART_FIELDS)
      if (type.fields.length <= PART_FIELDS) parts.push(setFields(frame, message, fields, required, map))
      else {
        const part = family.define(
          type,
          `${message.name} from ${from}`,
          'part',
          js`undefined`,
          [map],
          (inner) => js`${setFields(inner, message, fields, from === 0 ? required : [], map)}
return ${map}`,
        )
        parts.push(js`if (${part}(b, view, from, to, ${map}, ${frame.depth}) === undefined) ${frame.bad}`)
      }
    }
    return js`const ${map} = new Map()
${parts}
return ${map}`
  })
}

/** Scans the message for the fields and puts their values into the map. */
function setFields(
  frame: Frame,
  message: ProtoMessage,
  fields: readonly Field[],
  required: readonly ProtoField[],
  map: Name,
): Code {
  const byName = new Map(message.fields.map((field) => [field.name, field]))
  const wanted = fields.map(({ name }) => byName.get(name)).filter((field) => field !== undefined)
  const scan = scanMessage(frame, message, [...wanted, ...required], js`from`, js`to`)
  const at = (field: ProtoField): Tracked => scan.tracked.get(field) as Tracked
  const sets = fields.map(({ name, type }) => {
    const field = byName.get(name)
    if (field === undefined) return js`${map}.set(${name}, null)`
    const x = frame.e.name('v')
    return js`{ let ${x} = null
${assignField(frame, at(field), type, x)}
${map}.set(${name}, ${x}) }`
  })
  return js`${scan.code}
${sets}
${required.map((field) => js`if (${at(field).at} < 0) ${frame.bad}`)}`
}

/** Code that assigns a field's whole value, after the scan of a message that ends at `end`. */
export function assignField(frame: Frame, tracked: Tracked, to: DataType, target: Code, end: Code = js`to`): Code {
  const { e, bad, family } = frame
  const { field, at, more } = tracked
  if (field.shape !== 'one') {
    const x = e.name('x')
    if (to.kind === 'json')
      return js`const ${x} = ${listTextFunction(field, family)}(b, view, ${at}, ${end}, ${more}, 0, ${frame.depth}); if (${x} < 0) ${bad}
${target} = new ${e.constant(JsonText, 'JsonText')}(${e.constant(takeText, 'takeText')}(${x}))`
    const fn = listFunction(field, to, family)
    return fn === undefined
      ? bad
      : js`const ${x} = ${fn}(b, view, ${at}, ${end}, ${more}, ${frame.depth}); if (${x} === undefined) ${bad}
${target} = ${x}`
  }
  if (field.type.kind === 'message') {
    const { before, place } = messagePlace(frame, tracked)
    const other =
      field.presence === 'required'
        ? bad
        : field.presence === 'explicit'
          ? NOTHING
          : assignMessage(frame, field.type, to, emptyPlace(frame), target)
    return js`if (${at} >= 0) { ${before}
${assignMessage(frame, field.type, to, place, target)} } else { ${other} }`
  }
  const other = field.presence === 'required' ? js`else ${bad}` : absent(frame, field, to, target)
  return js`if (${at} >= 0) { ${assignAt(frame, field.type, to, at, target)} } ${other}`
}

/** What an absent value is assigned as. */
function absent(frame: Frame, field: ProtoField, to: DataType, target: Code): Code {
  if (field.fallback === undefined) return NOTHING
  const value = fallbackValue(field, to, frame.family)
  if (value === undefined) return js`else ${frame.bad}`
  return js`else ${target} = ${typeof value === 'object' && value !== null ? frame.e.constant(value, 'fallback') : (value as string)}`
}

/** The fallback as a value of the type; undefined where there is no way. */
export function fallbackValue(field: ProtoField, to: DataType, family: Family): Value | undefined {
  const convert = leafConversion(leafType(field.type) as DataType, to, family)
  const value = (field.fallback ?? null) as Value
  return convert === undefined || value === null ? undefined : convert === null ? value : convert(value as never)
}

/**
 * The function (b, view, at, to, more, depth) that makes an array or a map of a field's values; undefined where the
 * type is nothing of the kind.
 */
function listFunction(field: ProtoField, type: DataType, family: Family): Name | undefined {
  const more = family.e.name('more')
  if (field.shape === 'list' && type.kind === 'array') {
    return family.define(field, type, 'list', js`undefined`, [more], (frame) => {
      const { e } = frame
      const [items, x] = [e.name('items'), e.name('v')]
      const loop = eachValue(
        frame,
        field,
        js`from`,
        more,
        js`to`,
        (at) => js`let ${x} = null
${assignAt(frame, field.type, type.element, at, x)}
${items}.push(${x})`,
      )
      return js`const ${items} = []
${loop}
return ${items}`
    })
  }
  if (field.shape !== 'map' || type.kind !== 'map') return undefined
  return family.define(field, type, 'map', js`undefined`, [more], (frame) => {
    const map = frame.e.name('map')
    const loop = eachValue(frame, field, js`from`, more, js`to`, (at) => {
      const x = frame.e.name('v')
      return readEntry(
        frame,
        field,
        at,
        (key, value) => js`let ${x} = null
${assignField({ ...frame, depth: js`${frame.depth} + 1` }, value, type.value, x)}
${map}.set(${key}, ${x})`,
      )
    })
    return js`const ${map} = new Map()
${loop}
return ${map}`
  })
}

function jsonDecimal(value: Decimal): Value {
  return value.scale === 0 ? integer(value.unscaled) : value.toNumber()
}
function jsonNanos(value: number | bigint): string {
  return isoTimestamp(value, 'nanos')
}
function jsonTime(value: number | bigint): string {
  return isoTime(value, 'nanos')
}

/** From the type of a leaf to the type that the binder gave: null: as it is; undefined: no way. */
export function leafConversion(
  own: DataType,
  to: DataType,
  family: Family,
): ((value: never) => Value) | null | undefined {
  if (to.kind !== 'json') return conversion(own, to)
  switch (own.kind) {
    case 'float':
      return jsonFloat
    case 'double':
      return jsonDouble
    case 'bytes':
      return jsonBytes
    case 'decimal':
      return jsonDecimal
    case 'timestamp':
      return family.render.timestamp ? jsonNanos : null
    case 'date':
      return family.render.timestamp ? isoDate : null
    case 'time':
      return family.render.timestamp ? jsonTime : null
    default:
      return null
  }
}
