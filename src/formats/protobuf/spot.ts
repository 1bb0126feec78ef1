/**
 * Where values stand and what they are read as: ranges of bytes, scalars at a position, entries of maps, messages whose
 * parts were put together. Pieces of code that making values (`value.ts`) and writing text (`text.ts`) have in common.
 */
import { type Code, js, type Name, NOTHING } from '../../codegen/emitter.ts'
import type { DataType, Value } from '../../types.ts'
import { renderValue } from '../text/render.ts'
import { bytesAt, scratch, stringAt } from '../reading/reader-runtime.ts'
import type { Family, Frame } from './family.ts'
import { scanMessage, type Tracked } from './scan.ts'
import {
  type Meaning,
  meaningType,
  type ProtoField,
  type ProtoMessage,
  type ProtoScalar,
  type ProtoType,
  scalarType,
} from './definition/schema.ts'
import {
  boolAt,
  fixed64At,
  groupEnd,
  int32At,
  int64At,
  lengthAt,
  mergedValues,
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

/**
 * The range of a value that begins at `at` (checked by the scan): behind the length that stands there; of a message
 * between tags up to the second one.
 */
export function rangeAt(frame: Frame, at: Code, type?: ProtoMessage): Range {
  const { e } = frame
  const [from, to] = [e.name('from'), e.name('to')]
  if (type?.group !== undefined)
    return {
      before: js`let ${from} = ${at}, ${to} = ${e.constant(groupEnd, 'groupEnd')}(b, ${at}, b.length, ${type.group})`,
      from,
      to,
    }
  return {
    before: js`let ${to} = b[${at}], ${from} = ${at} + 1
if (${to} > 127) { ${to} = ${e.constant(lengthAt, 'lengthAt')}(b, ${at}); ${from} = ${e.constant(scratch, 'scratch')}.at }
${to} += ${from}`,
    from,
    to,
  }
}

/** Readers of varints that have more than one byte, and what one byte means. */
const VARINTS: Readonly<
  Partial<
    Record<ProtoScalar, { readonly read: (b: Uint8Array, p: number) => Value | undefined; readonly zigzag?: true }>
  >
> = {
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
      return {
        before: js`let ${x} = b[${at}]; if (${x} > 127) { ${x} = ${e.constant(varint.read, scalar)}(b, ${at}); if (${x} === undefined) ${bad} } ${small}`,
        value: x,
      }
    }
  }
}

/** The constant that reads a message that stands for another value. */
export function meaningReader(family: Family, meaning: Meaning): Name {
  return family.e.constant(family.meaning(meaning), 'meaning')
}

/**
 * The type of a single value, when it is one that is read in one piece: a scalar, an enum, or a message that stands for
 * another value.
 */
export function leafType(type: ProtoType): DataType | undefined {
  if (type.kind === 'scalar') return scalarType(type.scalar)
  if (type.kind === 'enum') return { kind: 'string' }
  return type.meaning === undefined ? undefined : meaningType(type.meaning)
}

/**
 * The place of a singular message that a scan has found: its own bytes, or those of all its parts put together. Declares
 * what it names.
 */
export function messagePlace(frame: Frame, tracked: Tracked): { readonly before: Code; readonly place: Code } {
  const { e } = frame
  const { field, at, more } = tracked
  const type = field.type.kind === 'message' ? field.type : undefined
  const range = rangeAt(frame, at, type)
  const [bytes, view] = [e.name('bytes'), e.name('bytesView')]
  return {
    before: js`${range.before}
let ${bytes} = b, ${view} = view
if (${more} !== null) { ${bytes} = ${e.constant(mergedValues, 'mergedValues')}(b, ${more}, ${at}, ${type?.group})
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

export function fallbackText(field: ProtoField, family: Family): string {
  return renderValue((field.fallback ?? null) as Value, leafType(field.type) as DataType, family.render)
}

/** The fields of a map's entries, made once for each map. */
const entries = new WeakMap<
  ProtoField,
  { readonly message: ProtoMessage; readonly key: ProtoField; readonly value: ProtoField }
>()

export function entryOf(field: ProtoField): {
  readonly message: ProtoMessage
  readonly key: ProtoField
  readonly value: ProtoField
} {
  const known = entries.get(field)
  if (known !== undefined) return known
  const plain = { shape: 'one', packed: false, presence: 'implicit' } as const
  const keyScalar = field.key ?? 'string'
  const key: ProtoField = {
    ...plain,
    name: 'key',
    number: 1,
    type: { kind: 'scalar', scalar: keyScalar },
    fallback: emptyOf(keyScalar),
  }
  const { type } = field
  const value: ProtoField =
    type.kind === 'message'
      ? { ...plain, name: 'value', number: 2, type }
      : {
          ...plain,
          name: 'value',
          number: 2,
          type,
          fallback: type.kind === 'enum' ? (type.names.get(type.first) ?? String(type.first)) : emptyOf(type.scalar),
        }
  const message: ProtoMessage = { kind: 'message', name: `${field.name} entry`, fields: [key, value] }
  const made = { message, key, value }
  entries.set(field, made)
  return made
}

function emptyOf(scalar: ProtoScalar): string | number | boolean | Uint8Array {
  return scalar === 'string' ? '' : scalar === 'bytes' ? new Uint8Array(0) : scalar === 'bool' ? false : 0
}

/**
 * Code that scans the entry whose length stands at `at`. `use` gets the key as a string expression and the value's
 * place; its code runs where `from` and `to` name the entry's bytes. An entry without its message is one with an empty
 * message.
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
