/**
 * Generates functions that turn encoded messages into JSON text without making a value in between: bytes in, bytes into
 * the scratch buffer out. Fields come in the order of their declaration, whatever their order on the wire; an absent
 * field is written as what it reads as. It renders as `render.ts` does, rule by rule.
 */
import { type Code, js, type Name, NOTHING } from '../../codegen/emitter.ts'
import type { DataType, Value } from '../../types.ts'
import type { RenderOptions } from '../format.ts'
import { writeAsciiText, writeDouble, writeFloat, writeInteger } from '../text/number-writer.ts'
import { renderValue } from '../text/render.ts'
import { grow, scratch, writeBase64, writeReady, writeString } from '../reading/reader-runtime.ts'
import type { Family, Frame } from './family.ts'
import { eachValue, PART_FIELDS, scanMessage, type Tracked } from './scan.ts'
import {
  meaningType,
  type ProtoEnum,
  type ProtoField,
  type ProtoMessage,
  type ProtoScalar,
  type ProtoType,
} from './definition/schema.ts'
import { emptyPlace, fallbackText, meaningReader, messagePlace, rangeAt, readEntry, scalarValue } from './spot.ts'
import { int32At, viewOf } from './wire.ts'

/** Room that a number or another scalar of bounded size may take. */
const SCALAR_BYTES = 40

/** Collects code, with literal text between it. */
class Writer {
  readonly frame: Frame
  readonly w: Name
  readonly rest: Name
  readonly room: { bytes: number }
  #codes: Code[] = []
  #text = ''
  constructor(frame: Frame, w: Name, rest: Name, room: { bytes: number }) {
    this.frame = frame
    this.w = w
    this.rest = rest
    this.room = room
  }

  literal(text: string): void {
    this.#text += text
  }

  #flush(): void {
    if (this.#text === '') return
    const bytes = Buffer.from(this.#text)
    this.#text = ''
    if (bytes.length > 64)
      return this.own(js`${this.fn(writeReady, 'writeReady')}(${this.fn(bytes, 'ready')}, ${this.w}, ${this.rest})`)
    this.room.bytes += bytes.length + 4
    const padded = Buffer.concat([bytes, Buffer.alloc(3)])
    const stores: Code[] = []
    for (let i = 0; i < bytes.length; i += 4)
      stores.push(js`ov.setInt32(${this.w} + ${i}, ${padded.readInt32LE(i)}, true)`)
    this.#codes.push(js`${stores}
${this.w} += ${bytes.length}`)
  }

  add(code: Code): void {
    this.#flush()
    this.#codes.push(code)
  }

  /** A scalar of bounded size: `code` returns the new position. */
  scalar(code: Code): void {
    this.room.bytes += SCALAR_BYTES
    this.add(js`${this.w} = ${code}`)
  }

  /** Something that makes its own room (and may have moved the scratch buffer), or returns a negative position. */
  own(code: Code): void {
    const s = this.fn(scratch, 'scratch')
    this.add(js`${this.w} = ${code}; if (${this.w} < 0) ${this.frame.bad}
o = ${s}.bytes; ov = ${s}.view`)
  }

  /** What another function wrote; the room is made again behind it. */
  call(code: Code): void {
    this.add(js`${this.w} = ${code}; if (${this.w} < 0) ${this.frame.bad}`)
    this.own(js`${this.fn(grow, 'grow')}(${this.w} + ${this.rest}) ? ${this.w} : -1`)
  }

  block(fill: (inner: Writer) => void): Code {
    const inner = new Writer(this.frame, this.w, this.rest, this.room)
    fill(inner)
    return js`{ ${inner.done()} }`
  }

  fn(value: unknown, prefix: string): Name {
    return this.frame.e.constant(value, prefix)
  }

  done(): readonly Code[] {
    this.#flush()
    return this.#codes
  }
}

function textFunction(
  thing: object,
  purpose: string,
  family: Family,
  extra: readonly Name[],
  write: (frame: Frame, out: Writer) => Code,
): Name {
  const { e } = family
  const [w, rest] = [e.name('w'), e.name('rest')]
  return family.define(thing, purpose, 'text', js`-1`, [...extra, w], (frame) => {
    const room = { bytes: 16 }
    const out = new Writer(frame, w, rest, room)
    const before = write(frame, out)
    const s = e.constant(scratch, 'scratch')
    const body = out.done()
    return js`${before}
const ${rest} = ${room.bytes}
if (${w} + ${rest} > ${s}.bytes.length && !${e.constant(grow, 'grow')}(${w} + ${rest})) return -1
let o = ${s}.bytes, ov = ${s}.view
${body}
return ${w}`
  })
}

/** The function (b, view, from, to, w, depth) → new w that writes a message as JSON text; -1 for damage. */
export function messageTextFunction(message: ProtoMessage, family: Family): Name {
  if (message.fields.length > PART_FIELDS) return wideTextFunction(message, family)
  return textFunction(message, 'text', family, [], (frame, out) => {
    const scan = scanMessage(frame, message, message.fields, js`from`, js`to`)
    out.literal('{')
    message.fields.forEach((field, i) => {
      out.literal(`${i === 0 ? '' : ','}${JSON.stringify(field.name)}:`)
      writeField(out, scan.tracked.get(field) as Tracked)
    })
    out.literal('}')
    return scan.code
  })
}

/** A message of very many fields: parts of it, one behind the other. */
function wideTextFunction(message: ProtoMessage, family: Family): Name {
  return textFunction(message, 'text', family, [], (frame, out) => {
    out.literal('{')
    for (let from = 0; from < message.fields.length; from += PART_FIELDS) {
      const part = textFunction(message, `text from ${from}`, family, [], (inner, writer) => {
        const fields = message.fields.slice(from, from + PART_FIELDS)
        const scan = scanMessage(inner, message, fields, js`from`, js`to`)
        fields.forEach((field, i) => {
          writer.literal(`${from + i === 0 ? '' : ','}${JSON.stringify(field.name)}:`)
          writeField(writer, scan.tracked.get(field) as Tracked)
        })
        return scan.code
      })
      out.call(js`${part}(b, view, from, to, ${out.w}, ${frame.depth})`)
    }
    out.literal('}')
    return NOTHING
  })
}

function writeField(out: Writer, tracked: Tracked): void {
  const { field, at, more } = tracked
  const { frame } = out
  const { family, bad } = frame
  if (field.shape !== 'one') {
    const empty = out.block((inner) => inner.literal(field.shape === 'list' ? '[]' : '{}'))
    const full = out.block((inner) =>
      inner.call(js`${listTextFunction(field, family)}(b, view, ${at}, to, ${more}, ${out.w}, ${frame.depth})`),
    )
    return out.add(js`if (${at} < 0) ${empty} else ${full}`)
  }
  const { type } = field
  const missing =
    field.presence === 'required'
      ? js`{ ${bad} }`
      : type.kind === 'message' && field.presence === 'implicit'
        ? out.block((inner) => writeMessage(inner, type, emptyPlace(frame)))
        : out.block((inner) => inner.literal(field.fallback === undefined ? 'null' : fallbackText(field, family)))
  const present = out.block((inner) => {
    if (type.kind !== 'message') return writeAt(inner, type, at)
    const { before, place } = messagePlace(frame, tracked)
    inner.add(before)
    writeMessage(inner, type, place)
  })
  out.add(js`if (${at} >= 0) ${present} else ${missing}`)
}

/** The function (b, view, at, to, more, w, depth) → new w that writes all values of a list or map; -1 for damage. */
export function listTextFunction(field: ProtoField, family: Family): Name {
  const more = family.e.name('more')
  return textFunction(field, 'text', family, [more], (frame, out) => {
    const list = field.shape === 'list'
    const first = family.e.name('first')
    out.literal(list ? '[' : '{')
    out.add(js`let ${first} = true`)
    const comma = (inner: Writer): void => {
      // Every item has the room of the whole function again.
      inner.own(js`${inner.fn(grow, 'grow')}(${inner.w} + ${inner.rest}) ? ${inner.w} : -1`)
      inner.add(js`if (${first}) ${first} = false; else o[${inner.w}++] = 44`)
    }
    if (list) {
      out.add(
        eachValue(frame, field, js`from`, more, js`to`, (at) =>
          out.block((inner) => {
            comma(inner)
            writeAt(inner, field.type, at)
          }),
        ),
      )
    } else writeEntries(frame, out, field, more, comma)
    out.literal(list ? ']' : '}')
    return NOTHING
  })
}

/** Of entries with one key the last counts, in the place of the first. */
function writeEntries(frame: Frame, out: Writer, field: ProtoField, more: Name, comma: (inner: Writer) => void): void {
  const { e } = frame
  const [found, position] = [e.name('found'), e.name('position')]
  out.add(js`const ${found} = new Map()
${eachValue(frame, field, js`from`, more, js`to`, (at) => readEntry(frame, field, at, (key) => js`${found}.set(${key}, ${at})`))}
for (const ${position} of ${found}.values()) ${out.block((inner) => {
    comma(inner)
    const deeper: Frame = { ...frame, depth: js`${frame.depth} + 1` }
    inner.add(
      readEntry(deeper, field, position, (key, value) => {
        const body = new Writer(deeper, inner.w, inner.rest, inner.room)
        body.own(js`${body.fn(writeText, 'writeText')}(${key}, ${body.w}, ${body.rest})`)
        body.literal(':')
        writeField(body, value)
        return js`${body.done()}`
      }),
    )
  })}`)
}

function writeMessage(out: Writer, message: ProtoMessage, place: Code): void {
  const { frame } = out
  const { family } = frame
  if (message.meaning === undefined)
    return out.call(js`${messageTextFunction(message, family)}(${place}, ${out.w}, ${frame.depth} + 1)`)
  const x = frame.e.name('x')
  out.add(
    js`const ${x} = ${meaningReader(family, message.meaning)}(${place}, ${frame.depth} + 1); if (${x} === undefined) ${frame.bad}`,
  )
  const type = meaningType(message.meaning)
  out.own(
    js`${out.fn(writeValue, 'writeValue')}(${x}, ${out.fn(type, 'type')}, ${out.fn(family.render, 'render')}, ${out.w}, ${out.rest})`,
  )
}

function writeAt(out: Writer, type: ProtoType, at: Name): void {
  const { frame } = out
  if (type.kind === 'message') {
    const range = rangeAt(frame, at, type)
    out.add(range.before)
    return writeMessage(out, type, js`b, view, ${range.from}, ${range.to}`)
  }
  if (type.kind === 'scalar') return writeScalar(out, type.scalar, at)
  const texts = textsOf(type)
  const x = frame.e.name('x')
  out.add(js`const ${x} = ${out.fn(int32At, 'int32At')}(b, ${at}); if (${x} === undefined) ${frame.bad}`)
  out.own(js`${out.fn(writeEnum, 'writeEnum')}(${out.fn(texts, 'names')}, ${x}, ${out.w}, ${out.rest})`)
}

function writeScalar(out: Writer, scalar: ProtoScalar, at: Name): void {
  const { frame, w, rest } = out
  switch (scalar) {
    case 'double':
      return out.scalar(js`${out.fn(writeDouble, 'writeDouble')}(o, ${w}, view.getFloat64(${at}, true))`)
    case 'float':
      return out.scalar(js`${out.fn(writeFloat, 'writeFloat')}(o, ${w}, view.getFloat32(${at}, true))`)
    case 'string':
    case 'bytes': {
      const range = rangeAt(frame, at)
      out.add(range.before)
      const fn =
        scalar === 'string'
          ? js`${out.fn(writeString, 'writeString')}(b, view,`
          : js`${out.fn(writeBase64, 'writeBase64')}(b,`
      return out.own(js`${fn} ${range.from}, ${range.to}, ${w}, ${rest})`)
    }
    case 'bool': {
      const { before, value } = scalarValue(frame, 'bool', at)
      out.add(before)
      return out.add(
        js`if (${value}) ${out.block((inner) => inner.literal('true'))} else ${out.block((inner) => inner.literal('false'))}`,
      )
    }
    default: {
      const { before, value } = scalarValue(frame, scalar, at)
      out.add(before)
      const x = frame.e.name('n')
      out.add(js`const ${x} = ${value}`)
      return out.scalar(
        js`typeof ${x} === 'number' ? ${out.fn(writeInteger, 'writeInteger')}(o, ${w}, ${x}) : ${out.fn(writeAsciiText, 'writeAsciiText')}(o, ${w}, ${x}.toString())`,
      )
    }
  }
}

/** The names of an enum as JSON strings, made once for all fields that have it. */
const enumTexts = new WeakMap<ProtoEnum, ReadonlyMap<number, Uint8Array>>()

function textsOf(type: ProtoEnum): ReadonlyMap<number, Uint8Array> {
  let texts = enumTexts.get(type)
  if (texts === undefined) {
    texts = new Map([...type.names].map(([number, name]) => [number, Buffer.from(JSON.stringify(name))]))
    enumTexts.set(type, texts)
  }
  return texts
}

function writeEnum(texts: ReadonlyMap<number, Uint8Array>, number: number, w: number, rest: number): number {
  const text = texts.get(number)
  return text === undefined ? writeText(String(number), w, rest) : writeReady(text, w, rest)
}

/** A string as a JSON string. */
function writeText(text: string, w: number, rest: number): number {
  const bytes = Buffer.from(text)
  return writeString(bytes, viewOf(bytes), 0, bytes.length, w, rest)
}

function writeValue(value: Value, type: DataType, render: RenderOptions, w: number, rest: number): number {
  return writeReady(Buffer.from(renderValue(value, type, render)), w, rest)
}
