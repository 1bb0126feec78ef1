/**
 * Generates code that makes run-time values of encoded messages, converted to the types that the binder asked for. Scalars in place; messages, lists and maps
 * through functions, one per (message or field, type). For the `json` kind a composite becomes JsonText by way of `text.ts`.
 */
import { type Code, js, type Name, NOTHING } from '../../codegen/emitter.ts'
import type { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { DataType, Value } from '../../types.ts'
import { asLong, conversion } from '../convert.ts'
import { floatText, isoDate, isoTime, isoTimestamp, renderValue } from '../render.ts'
import { bytesAt, scratch, stringAt, takeText } from '../runtime.ts'
import type { Family } from './family.ts'
import { eachValue, type Frame, scanMessage, type Tracked } from './scan.ts'
import { meaningType, type ProtoField, type ProtoMessage, type ProtoScalar, type ProtoType, scalarType } from './schema.ts'
import { listTextFunction, messageTextFunction } from './text.ts'
import {
  boolAt,
  enumName,
  fixed64At,
  int32At,
  int64At,
  lengthAt,
  meaningAt,
  mergedField,
  sfixed64At,
  sint32At,
  sint64At,
  uint32At,
  uint64At,
  viewOf,
} from './wire.ts'

/** The bytes of a string, bytes or message at a position: code that goes before, and the range. */
export interface Range {
  readonly before: Code
  readonly from: Name
  readonly to: Name
}

/** The range of a value with a length in front, whose length stands at `at` (checked by the scan). */
export function rangeAt(frame: Frame, at: Code): Range {
  const { e } = frame
  const [from, to] = [e.name('from'), e.name('to')]
  return {
    before: js`let ${to} = b[${at}], ${from} = ${at} + 1
if (${to} > 127) { ${to} = ${e.constant(lengthAt, 'lengthAt')}(b, ${at}); ${from} = ${e.constant(scratch, 'scratch')}.at }
${to} += ${from}`,
    from,
    to,
  }
}

/** Readers of varints that have more than one byte, and what one byte means. */
const VARINTS: Readonly<Partial<Record<ProtoScalar, { readonly read: (b: Uint8Array, p: number) => Value | undefined; readonly zigzag?: true }>>> = {
  int32: { read: int32At },
  uint32: { read: uint32At },
  sint32: { read: sint32At, zigzag: true },
  int64: { read: int64At },
  uint64: { read: uint64At },
  sint64: { read: sint64At, zigzag: true },
}

/** An expression for the scalar at a position, in the type that its declaration says; `before` goes in front. */
export function scalarValue(frame: Frame, scalar: ProtoScalar, at: Code): { before: Code; value: Code } {
  const { e, bad } = frame
  switch (scalar) {
    case 'double':
      return { before: NOTHING, value: js`view.getFloat64(${at}, true)` }
    case 'float':
      return { before: NOTHING, value: js`view.getFloat32(${at}, true)` }
    case 'fixed32':
      return { before: NOTHING, value: js`view.getUint32(${at}, true)` }
    case 'sfixed32':
      return { before: NOTHING, value: js`view.getInt32(${at}, true)` }
    case 'fixed64':
      return { before: NOTHING, value: js`${e.constant(fixed64At, 'fixed64At')}(view, ${at})` }
    case 'sfixed64':
      return { before: NOTHING, value: js`${e.constant(sfixed64At, 'sfixed64At')}(view, ${at})` }
    case 'bool': {
      const x = e.name('x')
      return {
        before: js`let ${x} = b[${at}]; if (${x} > 127) { ${x} = ${e.constant(boolAt, 'boolAt')}(b, ${at}); if (${x} === undefined) ${bad} } else ${x} = ${x} !== 0`,
        value: x,
      }
    }
    case 'string':
    case 'bytes': {
      const range = rangeAt(frame, at)
      const fn = scalar === 'string' ? e.constant(stringAt, 'stringAt') : e.constant(bytesAt, 'bytesAt')
      return { before: range.before, value: js`${fn}(b, ${range.from}, ${range.to})` }
    }
    default: {
      const varint = VARINTS[scalar] as NonNullable<(typeof VARINTS)['int32']>
      const x = e.name('x')
      const small = varint.zigzag ? js`else ${x} = (${x} >>> 1) ^ -(${x} & 1)` : NOTHING
      return { before: js`let ${x} = b[${at}]; if (${x} > 127) { ${x} = ${e.constant(varint.read, scalar)}(b, ${at}); if (${x} === undefined) ${bad} } ${small}`, value: x }
    }
  }
}

/** The type of a single value, when it is one that is read in one piece: a scalar, an enum, or a message that stands for another value. */
export function leafType(type: ProtoType): DataType | undefined {
  if (type.kind === 'scalar') return scalarType(type.scalar)
  if (type.kind === 'enum') return { kind: 'string' }
  return type.meaning === undefined ? undefined : meaningType(type.meaning)
}

/** Code that assigns the single value at a position to `target`, converted. */
export function assignAt(frame: Frame, type: ProtoType, to: DataType, at: Code, target: Code): Code {
  if (type.kind === 'message') {
    const range = rangeAt(frame, at)
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
  return { before: number.before, value: js`${frame.e.constant(enumName, 'enumName')}(${frame.e.constant(names, 'names')}, ${number.value})` }
}

/** As `assignAt`, for a message whose bytes are given as `buffer, view, from, to`. */
export function assignMessage(frame: Frame, message: ProtoMessage, to: DataType, place: Code, target: Code): Code {
  const { e, bad, family } = frame
  const x = e.name('x')
  if (message.meaning !== undefined) {
    const convert = leafConversion(meaningType(message.meaning), to, family)
    if (convert === undefined) return bad
    return js`const ${x} = ${e.constant(meaningAt, 'meaningAt')}(${e.constant(message.meaning, 'meaning')}, ${place}, ${frame.depth} + 1); if (${x} === undefined) ${bad}
${target} = ${convert === null ? x : js`${e.constant(convert, 'convert')}(${x})`}`
  }
  if (to.kind === 'json') {
    return js`const ${x} = ${messageTextFunction(message, family)}(${place}, 0, ${frame.depth} + 1); if (${x} < 0) ${bad}
${target} = new ${e.constant(JsonText, 'JsonText')}(${e.constant(takeText, 'takeText')}(${x}))`
  }
  if (to.kind !== 'struct') return bad
  return js`const ${x} = ${messageFunction(message, to, family)}(${place}, ${frame.depth} + 1); if (${x} === undefined) ${bad}
${target} = ${x}`
}

/** The place of a singular message whose count is known: its own bytes, or those of all its parts put together. Declares what it names. */
export function messagePlace(frame: Frame, tracked: Tracked, from: Code, to: Code): { readonly before: Code; readonly place: Code } {
  const { e, bad } = frame
  const { field, at, count } = tracked
  const range = rangeAt(frame, at)
  const [bytes, view] = [e.name('bytes'), e.name('bytesView')]
  return {
    before: js`${range.before}
let ${bytes} = b, ${view} = view
if (${count} > 1) { ${bytes} = ${e.constant(mergedField, 'mergedField')}(b, ${from}, ${to}, ${field.number}, ${e.constant(field.siblings, 'siblings')}); if (${bytes} === undefined) ${bad}
${view} = ${e.constant(viewOf, 'viewOf')}(${bytes}); ${range.from} = 0; ${range.to} = ${bytes}.length }`,
    place: js`${bytes}, ${view}, ${range.from}, ${range.to}`,
  }
}

const EMPTY = Buffer.alloc(0)
const EMPTY_VIEW = new DataView(new ArrayBuffer(0))

/** The place of a message without any bytes: an entry of a map may leave out its message. */
export function emptyPlace(frame: Frame): Code {
  return js`${frame.e.constant(EMPTY, 'empty')}, ${frame.e.constant(EMPTY_VIEW, 'emptyView')}, 0, 0`
}

/** The function (b, view, from, to, depth) that makes a struct of the type; fields of other writers are null, in the place that the type has for them. */
export function messageFunction(message: ProtoMessage, type: DataType & { kind: 'struct' }, family: Family): Name {
  return family.define(message, type, 'struct', js`undefined`, [], (frame) => {
    const { e } = frame
    const types = new Map(type.fields.map((field) => [field.name, field.type]))
    const wanted = message.fields.filter((field) => types.has(field.name) || field.presence === 'required')
    const scan = scanMessage(frame, message, wanted, js`from`, js`to`)
    const map = e.name('map')
    const sets = [...type.fields].map(({ name }) => {
      const field = message.fields.find((candidate) => candidate.name === name)
      if (field === undefined) return js`${map}.set(${name}, null)`
      const x = e.name('v')
      return js`{ let ${x} = null
${assignField(frame, scan.tracked.get(field) as Tracked, types.get(name) as DataType, x)}
${map}.set(${name}, ${x}) }`
    })
    const required = wanted.filter((field) => !types.has(field.name)).map((field) => js`if (${(scan.tracked.get(field) as Tracked).at} < 0) ${frame.bad}`)
    return js`${scan.code}
const ${map} = new Map()
${sets}
${required}
return ${map}`
  })
}

/** Code that assigns a field's whole value, after the scan of [from, to). */
export function assignField(frame: Frame, tracked: Tracked, to: DataType, target: Code, from: Code = js`from`, end: Code = js`to`): Code {
  const { e, bad, family } = frame
  const { field, at, last } = tracked
  if (field.shape !== 'one') {
    const x = e.name('x')
    if (to.kind === 'json')
      return js`const ${x} = ${listTextFunction(field, family)}(b, view, ${at}, ${end}, ${last}, 0, ${frame.depth}); if (${x} < 0) ${bad}
${target} = new ${e.constant(JsonText, 'JsonText')}(${e.constant(takeText, 'takeText')}(${x}))`
    const fn = listFunction(field, to, family)
    return fn === undefined
      ? bad
      : js`const ${x} = ${fn}(b, view, ${at}, ${end}, ${last}, ${frame.depth}); if (${x} === undefined) ${bad}
${target} = ${x}`
  }
  if (field.type.kind === 'message') {
    const { before, place } = messagePlace(frame, tracked, from, end)
    const other = field.presence === 'required' ? bad : field.presence === 'explicit' ? NOTHING : assignMessage(frame, field.type, to, emptyPlace(frame), target)
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

export function fallbackText(field: ProtoField, family: Family): string {
  return renderValue((field.fallback ?? null) as Value, leafType(field.type) as DataType, family.render)
}

/** The function (b, view, at, to, last, depth) that makes an array or a map of a field's values; undefined where the type is nothing of the kind. */
function listFunction(field: ProtoField, type: DataType, family: Family): Name | undefined {
  const last = family.e.name('last')
  if (field.shape === 'list' && type.kind === 'array') {
    return family.define(field, type, 'list', js`undefined`, [last], (frame) => {
      const { e } = frame
      const [items, x] = [e.name('items'), e.name('v')]
      const loop = eachValue(frame, field, js`from`, last, js`to`, (at) => js`let ${x} = null
${assignAt(frame, field.type, type.element, at, x)}
${items}.push(${x})`)
      return js`const ${items} = []
${loop}
return ${items}`
    })
  }
  if (field.shape !== 'map' || type.kind !== 'map') return undefined
  return family.define(field, type, 'map', js`undefined`, [last], (frame) => {
    const map = frame.e.name('map')
    const loop = eachValue(frame, field, js`from`, last, js`to`, (at) => {
      const x = frame.e.name('v')
      return readEntry(frame, field, at, (key, value) => js`let ${x} = null
${assignField({ ...frame, depth: js`${frame.depth} + 1` }, value, type.value, x)}
${map}.set(${key}, ${x})`)
    })
    return js`const ${map} = new Map()
${loop}
return ${map}`
  })
}

/** The fields of a map's entries, made once for each map. */
const entries = new WeakMap<ProtoField, { readonly message: ProtoMessage; readonly key: ProtoField; readonly value: ProtoField }>()

export function entryOf(field: ProtoField): { readonly message: ProtoMessage; readonly key: ProtoField; readonly value: ProtoField } {
  const known = entries.get(field)
  if (known !== undefined) return known
  const plain = { shape: 'one', packed: false, presence: 'implicit', siblings: [] } as const
  const keyScalar = field.key ?? 'string'
  const key: ProtoField = { ...plain, name: 'key', number: 1, type: { kind: 'scalar', scalar: keyScalar }, fallback: emptyOf(keyScalar) }
  const { type } = field
  const value: ProtoField =
    type.kind === 'message'
      ? { ...plain, name: 'value', number: 2, type }
      : { ...plain, name: 'value', number: 2, type, fallback: type.kind === 'enum' ? (type.names.get(type.first) ?? String(type.first)) : emptyOf(type.scalar) }
  const message: ProtoMessage = { kind: 'message', name: `${field.name} entry`, fields: [key, value] }
  const made = { message, key, value }
  entries.set(field, made)
  return made
}

function emptyOf(scalar: ProtoScalar): string | number | boolean | Uint8Array {
  return scalar === 'string' ? '' : scalar === 'bytes' ? new Uint8Array(0) : scalar === 'bool' ? false : 0
}

/**
 * Code that scans the entry whose length stands at `at`. `use` gets the key as a string expression and the value's place; its code runs where `from` and `to` name the entry's bytes.
 * An entry without its message is one with an empty message.
 */
export function readEntry(frame: Frame, field: ProtoField, at: Code, use: (key: Name, value: Tracked) => Code): Code {
  const { e } = frame
  const entry = entryOf(field)
  const range = rangeAt(frame, at)
  const key = e.name('key')
  const scan = scanMessage(frame, entry.message, [entry.key, entry.value], js`from`, js`to`)
  const keyAt = scan.tracked.get(entry.key) as Tracked
  const value = scan.tracked.get(entry.value) as Tracked
  const raw = scalarValue(frame, field.key ?? 'string', keyAt.at)
  const keyText = field.key === 'string' ? raw.value : js`'' + ${raw.value}`
  return js`{ ${range.before}
{ const from = ${range.from}, to = ${range.to}
${scan.code}
let ${key} = ${String(entry.key.fallback)}
if (${keyAt.at} >= 0) { ${raw.before}
${key} = ${keyText} }
${use(key, value)} } }`
}

function jsonDouble(value: number): Value {
  return Number.isFinite(value) ? value : String(value)
}
function jsonFloat(value: number): Value {
  return Number.isFinite(value) ? Number(floatText(value)) : String(value)
}
function jsonBytes(value: Uint8Array): Value {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}
function jsonDecimal(value: Decimal): Value {
  return value.scale === 0 ? asLong(value.unscaled) : value.toNumber()
}
function jsonNanos(value: number | bigint): string {
  return isoTimestamp(value, 'nanos')
}
function jsonTime(value: number | bigint): string {
  return isoTime(value, 'nanos')
}

/** From the type of a leaf to the type that the binder gave: null: as it is; undefined: no way. */
export function leafConversion(own: DataType, to: DataType, family: Family): ((value: never) => Value) | null | undefined {
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
