/**
 * Keys written by windowed aggregations of Kafka Streams: the bytes of the inner key, then the window. `TW`: 8 bytes,
 * the start of a time window. `SW`: 8 bytes, the end of a session, then 8 bytes, its start. Both are big-endian epoch
 * milliseconds. They read as a struct: `key`, `windowStart`, and for sessions `windowEnd`.
 */
import { type Code, js, NOTHING } from '../../codegen/emitter.ts'
import type { DataType, Field } from '../../types.ts'
import { conversion } from '../reading/convert.ts'
import type { EmitContext, FacetDecoder, Want } from '../format.ts'
import { isoTimestamp, renderValue } from '../text/render.ts'
import { longBigEndianAt } from '../reading/reader-runtime.ts'
import { existsNames, hasOwn, isWanted } from '../reading/want.ts'
import { JsonText } from '../../lib/json-text.ts'

/** `TW`: time windows; `SW`: session windows. */
export type WindowKind = 'TW' | 'SW'

const TIMESTAMP: DataType = { kind: 'timestamp', unit: 'millis' }

/** The type of windowed keys around a type. */
export function windowedType(kind: WindowKind, inner: DataType): DataType & { kind: 'struct' } {
  const fields: Field[] = [
    { name: 'key', type: inner, nullable: false },
    { name: 'windowStart', type: TIMESTAMP, nullable: false },
  ]
  if (kind === 'SW') fields.push({ name: 'windowEnd', type: TIMESTAMP, nullable: false })
  return { kind: 'struct', fields }
}

/** The decoder of windowed keys around the keys that `inner` reads. */
export function windowedDecoder(kind: WindowKind, inner: FacetDecoder): FacetDecoder {
  const type = windowedType(kind, inner.type)
  const size = kind === 'TW' ? 8 : 16
  return {
    title: `${kind.toLowerCase()} ${inner.title}`,
    type,
    explain: (payload) =>
      payload.length < size
        ? `${payload.length} bytes, and the window alone has ${size}`
        : `${inner.explain?.(payload.subarray(0, payload.length - size)) ?? `not ${inner.title}`}, in front of ` +
          'its window',
    emit(want, context) {
      if (!isWanted(want) && !context.validate) return NOTHING
      const { emitter: e, from, to, bad } = context
      const end = e.name('end')
      return js`{ ${existsNames(want).map((flag) => js`${flag} = false`)}
if (${to} - ${from} < ${size}) ${bad}
const ${end} = ${to} - ${size}
${want.exists === undefined ? NOTHING : js`${want.exists} = true`}
${own(want, inner, kind, context, end)}
${keyWants(want).map((key) => inner.emit(key, { ...context, to: end }))}
${['windowStart', 'windowEnd'].map((name) => {
  const at = kind === 'SW' && name === 'windowStart' ? js`${end} + 8` : end
  return kind === 'TW' && name === 'windowEnd'
    ? NOTHING
    : js`${want.children.filter((child) => child.step === name).map((child) => time(child, at, context))}`
})} }`
    },
  }
}

/**
 * What is wanted of the inner key, perhaps in several types; where it is nothing, the key may still have to be checked.
 */
function keyWants(want: Want): readonly Want[] {
  const wants = want.children.filter((child) => child.step === 'key')
  return wants.length > 0 ? wants : [{ step: '', type: { kind: 'json' }, children: [] }]
}

function time(want: Want, at: Code, { emitter: e, bad, render }: EmitContext): Code {
  const x = e.name('time')
  const parts: Code[] = [js`const ${x} = ${e.constant(longBigEndianAt, 'longBigEndianAt')}(view, ${at})`]
  if (want.exists !== undefined) parts.push(js`${want.exists} = true`)
  const text = (value: number | bigint): string => renderValue(value, TIMESTAMP, render)
  if (want.text !== undefined) parts.push(js`${want.text} = ${e.constant(text, 'text')}(${x})`)
  if (want.value === undefined) return js`{ ${parts} }`
  const asJson = (value: number | bigint): string | number | bigint =>
    render.timestamp ? isoTimestamp(value, 'millis') : value
  const convert = want.type.kind === 'json' ? asJson : conversion(TIMESTAMP, want.type)
  parts.push(
    convert === undefined
      ? bad
      : js`${want.value} = ${convert === null ? x : js`${e.constant(convert, 'convert')}(${x})`}`,
  )
  if (want.slice !== undefined) parts.push(js`if (typeof ${want.value} === 'string') ${want.slice.from} = -2`)
  return js`{ ${parts} }`
}

/** The struct itself, as value and text. */
function own(want: Want, inner: FacetDecoder, kind: WindowKind, context: EmitContext, end: Code): Code {
  if (!hasOwn(want)) return NOTHING
  const { emitter: e, bad } = context
  const type = windowedType(kind, inner.type)
  const [key, keyText] = [e.name('key'), e.name('keyText')]
  const start = js`${e.constant(longBigEndianAt, 'longBigEndianAt')}(view, ${kind === 'SW' ? js`${end} + 8` : end})`
  const stop = kind === 'SW' ? js`, ${e.constant(longBigEndianAt, 'longBigEndianAt')}(view, ${end})` : NOTHING
  const struct = want.type.kind === 'struct' ? want.type : undefined
  const keyField = struct?.fields.find((field) => field.name === 'key')
  const wantsText = want.text !== undefined || (want.value !== undefined && struct === undefined)
  const read = inner.emit(
    {
      step: '',
      type: keyField?.type ?? inner.type,
      children: [],
      ...(want.value !== undefined && struct !== undefined ? { value: key } : {}),
      ...(wantsText ? { text: keyText } : {}),
    },
    { ...context, to: end },
  )
  const parts: Code[] = [
    js`let ${key} = null, ${keyText} = null
${read}`,
  ]
  const text = (inside: string | null, from: number | bigint, until?: number | bigint): string => {
    const times = type.fields
      .slice(1)
      .map((field, i) => `"${field.name}":${renderValue((i === 0 ? from : until) ?? null, TIMESTAMP, context.render)}`)
    return `{"key":${inside ?? 'null'},${times.join(',')}}`
  }
  const made = js`${e.constant(text, 'text')}(${keyText}, ${start} ${stop})`
  if (want.text !== undefined) parts.push(js`${want.text} = ${made}`)
  if (want.value !== undefined && want.type.kind === 'json')
    parts.push(js`${want.value} = new ${e.constant(JsonText, 'JsonText')}(${made})`)
  else if (want.value !== undefined && struct === undefined) parts.push(bad)
  else if (want.value !== undefined && struct !== undefined) {
    const sets = struct.fields.map((field) => {
      const value =
        field.name === 'key'
          ? key
          : field.name === 'windowStart'
            ? start
            : kind === 'SW' && field.name === 'windowEnd'
              ? js`${e.constant(longBigEndianAt, 'longBigEndianAt')}(view, ${end})`
              : js`null`
      return js`[${field.name}, ${value}],`
    })
    parts.push(js`${want.value} = new Map([${sets}])`)
  }
  return js`{ ${parts} }`
}
