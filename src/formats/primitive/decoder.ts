/**
 * Readers for facets that are one plain value, as the serializers of the Java client write them: numbers big-endian and
 * of one size, UTF-8 text, bytes as they are, uuids as 36 characters or 16 bytes. Bytes of another length are bad.
 * Paths below the root do not exist here.
 */
import { type Code, js, NOTHING } from '../../codegen/emitter.ts'
import type { DataType } from '../../types.ts'
import { conversion } from '../reading/convert.ts'
import type { EmitContext, FacetDecoder, FormatName, Want } from '../format.ts'
import { renderValue } from '../text/render.ts'
import {
  bytesAt,
  longBigEndianAt,
  type RawBuffer,
  stringAt,
  takeText,
  uuidAt,
  writeString,
} from '../reading/reader-runtime.ts'
import { existsNames, hasOwn } from '../reading/want.ts'

export type PrimitiveFormat = 'STRING' | 'INT' | 'LONG' | 'FLOAT' | 'DOUBLE' | 'BYTES' | 'UUID'

interface Shape {
  readonly type: DataType
  /** The only length in bytes that is right, if there is one. */
  readonly size?: number
  /** The value of the bytes [from, to). */
  readonly value: (context: EmitContext) => Code
}

const SHAPES: Readonly<Record<PrimitiveFormat, Shape>> = {
  STRING: {
    type: { kind: 'string' },
    value: ({ emitter, from, to }) => js`${emitter.constant(stringAt, 'stringAt')}(b, ${from}, ${to})`,
  },
  INT: { type: { kind: 'int' }, size: 4, value: ({ from }) => js`view.getInt32(${from})` },
  LONG: {
    type: { kind: 'long' },
    size: 8,
    value: ({ emitter, from }) => js`${emitter.constant(longBigEndianAt, 'longBigEndianAt')}(view, ${from})`,
  },
  FLOAT: { type: { kind: 'float' }, size: 4, value: ({ from }) => js`view.getFloat32(${from})` },
  DOUBLE: { type: { kind: 'double' }, size: 8, value: ({ from }) => js`view.getFloat64(${from})` },
  BYTES: {
    type: { kind: 'bytes' },
    value: ({ emitter, from, to }) => js`${emitter.constant(bytesAt, 'bytesAt')}(b, ${from}, ${to})`,
  },
  UUID: {
    type: { kind: 'uuid' },
    value: ({ emitter, from, to }) => js`${emitter.constant(uuidTextAt, 'uuidTextAt')}(b, ${from}, ${to})`,
  },
}

const decoders = new Map<FormatName, FacetDecoder>()

/** The decoder of a plain format; the same object for the same format. */
export function primitiveDecoder(format: PrimitiveFormat): FacetDecoder {
  let decoder = decoders.get(format)
  if (decoder === undefined) {
    const shape = SHAPES[format]
    decoder = {
      title: format.toLowerCase(),
      type: shape.type,
      emit: (want, context) => emitFacet(format, shape, want, context),
      explain: (payload) => misfit(format, shape, payload),
    }
    decoders.set(format, decoder)
  }
  return decoder
}

function misfit(format: PrimitiveFormat, { size }: Shape, payload: Buffer): string {
  const bytes = payload.length === 1 ? '1 byte' : `${payload.length} bytes`
  if (size !== undefined) return `${bytes}, and ${format} has ${size}`
  return format === 'UUID'
    ? `not a uuid: neither its 36 characters nor its 16 bytes (${bytes})`
    : `not ${format} (${bytes})`
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** A uuid kept as 16 bytes or as text, in lower case; undefined when it is neither. */
function uuidTextAt(b: RawBuffer, from: number, to: number): string | undefined {
  if (to - from === 16) return uuidAt(b, from)
  const text = to - from === 36 ? b.latin1Slice(from, to) : ''
  return UUID_TEXT.test(text) ? text.toLowerCase() : undefined
}

function stringTextAt(b: RawBuffer, view: DataView, from: number, to: number): string | undefined {
  const w = writeString(b, view, from, to, 0, 0)
  return w < 0 ? undefined : takeText(w)
}

function emitFacet(format: PrimitiveFormat, shape: Shape, want: Want, context: EmitContext): Code {
  const { emitter: e, from, to, bad } = context
  const parts: Code[] = want.children.flatMap(existsNames).map((flag) => js`${flag} = false`)
  if (want.exists !== undefined) parts.push(js`${want.exists} = true`)
  if (!hasOwn(want) && !context.validate) return parts.length === 0 ? NOTHING : js`${parts}`
  if (shape.size !== undefined) parts.push(js`if (${to} - ${from} !== ${shape.size}) ${bad}`)
  const sliced =
    want.slice !== undefined && format === 'STRING' && (want.type.kind === 'string' || want.type.kind === 'json')
  if (want.slice !== undefined && sliced) parts.push(js`${want.slice.from} = ${from}; ${want.slice.to} = ${to}`)
  if (
    (want.value !== undefined && !sliced) ||
    (want.text !== undefined && format !== 'STRING') ||
    (context.validate && format === 'UUID')
  ) {
    parts.push(...emitValue(shape, want, context, sliced))
  }
  if (want.text !== undefined && format === 'STRING') {
    parts.push(
      js`${want.text} = ${e.constant(stringTextAt, 'stringTextAt')}(b, view, ${from}, ${to}); if (${want.text} === undefined) ${bad}`,
    )
  }
  return js`{ ${parts} }`
}

function emitValue(shape: Shape, want: Want, context: EmitContext, sliced: boolean): Code[] {
  const { emitter: e, bad, render } = context
  const x = e.name('v')
  const parts: Code[] = [js`const ${x} = ${shape.value(context)}`]
  if (shape.type.kind === 'uuid') parts.push(js`if (${x} === undefined) ${bad}`)
  if (want.text !== undefined) {
    const text = (value: never): string => renderValue(value, shape.type, render)
    parts.push(js`${want.text} = ${shape.type.kind === 'int' ? js`'' + ${x}` : js`${e.constant(text, 'text')}(${x})`}`)
  }
  if (want.value === undefined || sliced) return parts
  const convert = want.type.kind === 'json' ? jsonConversion(shape.type) : conversion(shape.type, want.type)
  if (convert === undefined) parts.push(bad)
  else parts.push(js`${want.value} = ${convert === null ? x : js`${e.constant(convert, 'convert')}(${x})`}`)
  if (want.slice !== undefined) parts.push(js`if (typeof ${want.value} === 'string') ${want.slice.from} = -2`)
  return parts
}

/** As a value of the `json` kind: what its JSON text would read as. */
function jsonConversion(type: DataType): ((value: never) => string | number) | null {
  switch (type.kind) {
    case 'bytes':
      return (value: Uint8Array) => Buffer.from(value).toString('base64')
    case 'float':
      return (value: number) =>
        Number.isFinite(value)
          ? Number(renderValue(value, type, { timestamp: true, decimal: undefined, uuid: true }))
          : String(value)
    case 'double':
      return (value: number) => (Number.isFinite(value) ? value : String(value))
    default:
      return null
  }
}
