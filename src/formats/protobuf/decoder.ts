/**
 * Protobuf readers: code that finds the wanted paths in the wire format. The caller has taken off the magic byte and
 * the schema id; the list of message indexes behind them is read here. A record is scanned to its end, because the last
 * of several values counts; unknown fields, extensions and groups are skipped.
 *
 * Absent fields: a proto3 field without `optional` reads as its default, a declared default counts, a list or map is
 * empty, a required field makes the record bad, everything else is NULL. `exists` is false where a field whose
 * absence can be seen is absent. An enum is its value's name, or its number as text.
 */
import { type Code, js, type Name, NOTHING } from '../../codegen/emitter.ts'
import type { Value } from '../../types.ts'
import { families } from '../reading/families.ts'
import type { EmitContext, FacetDecoder, Want } from '../format.ts'
import { jsonDecoder } from '../json/decoder.ts'
import { relay, relayCode } from '../reading/relay.ts'
import { renderValue } from '../text/render.ts'
import { type RawBuffer, scratch, takeText } from '../reading/reader-runtime.ts'
import { anyReader } from './any.ts'
import { Family, type Frame, type MeaningReader } from './family.ts'
import { eachValue, scanMessage, type Tracked } from './scan.ts'
import {
  type Meaning,
  meaningType,
  type ProtoField,
  type ProtoMessage,
  type ProtoSchema,
  protobufType,
  type ProtoType,
} from './definition/schema.ts'
import { listTextFunction, messageTextFunction } from './text.ts'
import { fallbackText, leafType, messagePlace, rangeAt, readEntry } from './spot.ts'
import { assignAt, assignField, assignMessage, fallbackValue } from './value.ts'
import { indexesAt, referenceAt } from './wire.ts'
import { existsNames, isWanted } from '../reading/want.ts'

/**
 * The decoder for records that carry this schema's id: the list of message indexes (or Apicurio's message name), then
 * the message. `title` is shown in EXPLAIN: `protobuf 7`. Records of the schema's first message are read fastest.
 */
export function protobufDecoder(schema: ProtoSchema, title: string): FacetDecoder {
  const [first] = schema.messages
  const decoders = new Map<ProtoMessage, FacetDecoder>()
  const decoderOf = (message: ProtoMessage): FacetDecoder => {
    let decoder = decoders.get(message)
    if (decoder === undefined) decoders.set(message, (decoder = messageDecoder(message, `${title} ${message.name}`)))
    return decoder
  }
  return {
    title,
    type: first === undefined ? { kind: 'json' } : decoderOf(first).type,
    emit(want, context) {
      if (first === undefined) return context.bad
      const { emitter: e, from, to, bad } = context
      const start = e.name('start')
      const others = otherMessages(schema, decoderOf, want, context)
      const own = decoderOf(first).emit(want, { ...context, from: start })
      return js`{ let ${start} = ${from}
if (${start} < ${to} && b[${start}] === 0) { ${start}++
${own} } else { ${relayCode(e, others, js`b, view, ${start}, ${to}`, bad)} } }`
    },
  }
}

/** Readers of the other messages of a schema, by what stands in front of them. */
function otherMessages(
  schema: ProtoSchema,
  decoderOf: (message: ProtoMessage) => FacetDecoder,
  want: Want,
  context: EmitContext,
): ReturnType<typeof relay> {
  const made = new Map<ProtoMessage, ReturnType<typeof relay>>()
  const [first] = schema.messages
  const relayOf = (message: ProtoMessage): ReturnType<typeof relay> => {
    let found = made.get(message)
    if (found === undefined) made.set(message, (found = relay(decoderOf(message), want, context)))
    return found
  }
  return {
    names: relayOf(first).names,
    run: (b, view, from, to) => {
      const found = messageAt(schema, b, from, to)
      return found === undefined ? undefined : relayOf(found.message).run(b, view, found.from, to)
    },
  }
}

/**
 * The message that a framed payload says it holds (`from`: behind the schema id), and where it begins. undefined: none
 * that the schema has.
 */
export function messageAt(
  schema: ProtoSchema,
  b: RawBuffer,
  from: number,
  to: number,
): { readonly message: ProtoMessage; readonly from: number } | undefined {
  const indexes = indexesAt(b, from, to)
  const message = indexes === undefined ? undefined : schema.byIndexes(indexes)
  if (message !== undefined) return { message, from: scratch.at }
  const name = referenceAt(b, from, to)
  const named = name === undefined ? undefined : schema.byName(name)
  return named === undefined ? undefined : { message: named, from: scratch.at }
}

/** The decoder for payloads that are one message and nothing else. */
export function messageDecoder(message: ProtoMessage, title: string): FacetDecoder {
  const familyOf = families((e, render) => new Family(e, render, anyReader(render)))
  const type = protobufType(message)
  return {
    title,
    type,
    emit(want, context) {
      const { emitter: e, bad, validate } = context
      if (!isWanted(want) && !validate) return NOTHING
      const frame: Frame = { e, bad, depth: js`0`, family: familyOf(e, context.render) }
      const [from, to] = [e.name('from'), e.name('to')]
      const reader = new PathReader(frame, context)
      return js`{ const ${from} = ${context.from}, ${to} = ${context.to}
${existsNames(want).map((flag) => js`${flag} = false`)}
${validate ? reader.check(message, type, from, to) : NOTHING}
${reader.message(message, [want], from, to)} }`
    },
  }
}

class PathReader {
  readonly #frame: Frame
  readonly #context: EmitContext
  constructor(frame: Frame, context: EmitContext) {
    this.#frame = frame
    this.#context = context
  }

  /** Reads the whole message and throws the value away. */
  check(message: ProtoMessage, type: FacetDecoder['type'], from: Code, to: Code): Code {
    return js`{ let checked = null
${assignMessage(this.#frame, message, type, js`b, view, ${from}, ${to}`, js`checked`)} }`
  }

  /** What is wanted of the message in [from, to). */
  message(message: ProtoMessage, wants: readonly Want[], from: Code, to: Code): Code {
    const { e, bad, family } = this.#frame
    if (message.meaning !== undefined) return this.#meaning(message, message.meaning, wants, from, to)
    const parts: Code[] = []
    for (const want of wants) {
      if (want.exists !== undefined) parts.push(js`${want.exists} = true`)
      if (want.text !== undefined) {
        const x = e.name('x')
        parts.push(js`const ${x} = ${messageTextFunction(message, family)}(b, view, ${from}, ${to}, 0, 0); if (${x} < 0) ${bad}
${want.text} = ${e.constant(takeText, 'takeText')}(${x})`)
      }
      if (want.value !== undefined)
        parts.push(js`{ ${assignMessage(this.#frame, message, want.type, js`b, view, ${from}, ${to}`, want.value)} }`)
    }
    const children = wants.flatMap((want) => want.children).filter(isWanted)
    const wanted = message.fields.filter((field) => children.some((want) => want.step === field.name))
    if (wanted.length === 0) return js`${parts}`
    const scan = scanMessage(this.#frame, message, wanted, from, to)
    const reads = wanted.map((field) => {
      const own = children.filter((want) => want.step === field.name)
      return js`{ ${this.#field(scan.tracked.get(field) as Tracked, own, from, to)} }`
    })
    return js`${parts}
${scan.code}
${reads}`
  }

  /** A message that stands for another value; below a JSON value there may be further paths. */
  #meaning(message: ProtoMessage, meaning: Meaning, wants: readonly Want[], from: Code, to: Code): Code {
    const { e, bad, family } = this.#frame
    const type = meaningType(meaning)
    const read = family.meaning(meaning)
    const parts = wants.map((want) => {
      const exists = want.exists === undefined ? NOTHING : js`${want.exists} = true`
      if (type.kind === 'json') return this.#json(want, read, from, to)
      const value =
        want.value === undefined
          ? NOTHING
          : js`{ ${assignMessage(this.#frame, message, want.type, js`b, view, ${from}, ${to}`, want.value)} }`
      const slice =
        want.slice === undefined ? NOTHING : js`if (typeof ${want.value as Name} === 'string') ${want.slice.from} = -2`
      if (want.text === undefined)
        return js`${exists}
${value}
${slice}`
      const x = e.name('x')
      const text = (found: Value): string | null => (found === null ? null : renderValue(found, type, family.render))
      return js`${exists}
const ${x} = ${e.constant(read, 'meaning')}(b, view, ${from}, ${to}, 0); if (${x} === undefined) ${bad}
${want.text} = ${e.constant(text, 'text')}(${x})
${value}
${slice}`
    })
    return js`${parts}`
  }

  #json(want: Want, read: MeaningReader, from: Code, to: Code): Code {
    const made = relay(jsonDecoder(), want, this.#context)
    const run: typeof made.run = (b, view, start, end) => {
      const value = view === undefined ? undefined : read(b, view, start, end, 0)
      if (value === undefined) return undefined
      const bytes = Buffer.from(renderValue(value, { kind: 'json' }, this.#context.render))
      return made.run(bytes as RawBuffer, undefined, 0, bytes.length)
    }
    return js`{ ${relayCode(this.#frame.e, { names: made.names, run }, js`b, view, ${from}, ${to}`, this.#frame.bad)} }`
  }

  #field(tracked: Tracked, wants: readonly Want[], from: Code, to: Code): Code {
    const { field, at, more } = tracked
    const { bad } = this.#frame
    if (field.shape === 'list') return this.#list(tracked, wants, to)
    if (field.shape === 'map') return this.#map(tracked, wants, to)
    const { type } = field
    if (type.kind !== 'message') {
      const present = wants.map((want) => this.#leaf(type, want, at))
      const absent =
        field.presence === 'required' ? bad : js`{ ${wants.map((want) => this.#fallback(field, want, from))} }`
      return js`if (${at} >= 0) { ${present} } else ${absent}`
    }
    const range = rangeAt(this.#frame, at, type)
    const inside = this.message(type, wants, range.from, range.to)
    // Several messages are put together into another buffer first.
    const merged = wants.map((want) => {
      const made = relay(messageDecoder(type, type.name), want, { ...this.#context, validate: false })
      if (made.names.length === 0) return NOTHING
      const { before, place } = messagePlace(this.#frame, tracked)
      return js`{ ${before}
${relayCode(this.#frame.e, made, place, bad)} }`
    })
    return js`if (${at} >= 0) { if (${more} !== null) { ${merged} } else { ${range.before}
${inside} } } ${field.presence === 'required' ? js`else ${bad}` : NOTHING}`
  }

  /** A scalar or enum at a position. */
  #leaf(type: ProtoType & { kind: 'scalar' | 'enum' }, want: Want, at: Code): Code {
    const parts: Code[] = want.exists === undefined ? [] : [js`${want.exists} = true`]
    if (want.text !== undefined) parts.push(this.#leafText(type, want.text, at))
    const { slice, value } = want
    const texts = want.type.kind === 'string' || want.type.kind === 'json'
    if (slice !== undefined && texts && type.kind === 'scalar' && type.scalar === 'string') {
      const range = rangeAt(this.#frame, at)
      parts.push(js`{ ${range.before}
${slice.from} = ${range.from}; ${slice.to} = ${range.to} }`)
    } else if (value !== undefined) {
      parts.push(js`{ ${assignAt(this.#frame, type, want.type, at, value)} }`)
      if (slice !== undefined) parts.push(js`if (typeof ${value} === 'string') ${slice.from} = -2`)
    }
    return js`${parts}`
  }

  #leafText(type: ProtoType & { kind: 'scalar' | 'enum' }, target: Name, at: Code): Code {
    const { e, family } = this.#frame
    const own = leafType(type) as FacetDecoder['type']
    const x = e.name('x')
    const read = js`let ${x} = null
${assignAt(this.#frame, type, own, at, x)}`
    if (own.kind === 'int' || own.kind === 'long' || own.kind === 'boolean')
      return js`{ ${read}
${target} = '' + ${x} }`
    const text = (value: Value): string => renderValue(value, own, family.render)
    return js`{ ${read}
${target} = ${e.constant(text, 'text')}(${x}) }`
  }

  /** What an absent scalar or enum reads as. */
  #fallback(field: ProtoField, want: Want, from: Code): Code {
    if (field.fallback === undefined) return NOTHING
    const { e, bad, family } = this.#frame
    const parts: Code[] = []
    if (want.exists !== undefined && field.presence === 'implicit') parts.push(js`${want.exists} = true`)
    if (want.text !== undefined) parts.push(js`${want.text} = ${fallbackText(field, family)}`)
    if (want.value === undefined) return js`${parts}`
    if (want.slice !== undefined && field.fallback === '' && (want.type.kind === 'string' || want.type.kind === 'json'))
      return js`${parts}
${want.slice.from} = ${want.slice.to} = ${from}`
    const value = fallbackValue(field, want.type, family)
    if (value === undefined) return bad
    parts.push(
      js`${want.value} = ${typeof value === 'object' && value !== null ? e.constant(value, 'fallback') : (value as string)}`,
    )
    if (want.slice !== undefined && typeof value === 'string') parts.push(js`${want.slice.from} = -2`)
    return js`${parts}`
  }

  /** The whole of a list or map, as value and text. */
  #whole(tracked: Tracked, want: Want, to: Code): Code[] {
    const { e, bad, family } = this.#frame
    const { field, at, more } = tracked
    const parts: Code[] = want.exists === undefined ? [] : [js`${want.exists} = true`]
    if (want.text !== undefined) {
      const x = e.name('x')
      parts.push(js`const ${x} = ${listTextFunction(field, family)}(b, view, ${at}, ${to}, ${more}, 0, 0); if (${x} < 0) ${bad}
${want.text} = ${e.constant(takeText, 'takeText')}(${x})`)
    }
    if (want.value !== undefined) parts.push(js`{ ${assignField(this.#frame, tracked, want.type, want.value, to)} }`)
    return parts
  }

  #list(tracked: Tracked, wants: readonly Want[], to: Code): Code {
    const { field, at, more } = tracked
    const parts = wants.flatMap((want) => this.#whole(tracked, want, to))
    const children = wants
      .flatMap((want) => want.children)
      .filter((want) => isWanted(want) && typeof want.step === 'number')
    if (children.length === 0) return js`${parts}`
    const index = this.#frame.e.name('index')
    const steps = [...new Set(children.map((want) => want.step as number))]
    const loop = eachValue(this.#frame, field, at, more, to, (element) => {
      const cases = steps.map((step) => {
        const own = children.filter((want) => want.step === step)
        return js`if (${index} === ${step}) { ${this.#element(field.type, own, element)} }`
      })
      return js`${index}++
${cases}`
    })
    return js`${parts}
let ${index} = -1
${loop}`
  }

  #element(type: ProtoType, wants: readonly Want[], at: Code): Code {
    if (type.kind !== 'message') return js`${wants.map((want) => this.#leaf(type, want, at))}`
    const range = rangeAt(this.#frame, at, type)
    return js`${range.before}
${this.message(type, wants, range.from, range.to)}`
  }

  /** Members of a map: the entries are looked through once to find the last of each wanted key. */
  #map(tracked: Tracked, wants: readonly Want[], to: Code): Code {
    const { field, at, more } = tracked
    const { e } = this.#frame
    const parts = wants.flatMap((want) => this.#whole(tracked, want, to))
    const children = wants
      .flatMap((want) => want.children)
      .filter((want) => isWanted(want) && typeof want.step === 'string')
    if (children.length === 0) return js`${parts}`
    const steps = [...new Set(children.map((want) => want.step as string))].map((step) => ({
      step,
      entry: e.name('entry'),
    }))
    const find = eachValue(this.#frame, field, at, more, to, (position) =>
      readEntry(
        this.#frame,
        field,
        position,
        (key) => js`${steps.map(({ step, entry }) => js`if (${key} === ${step}) ${entry} = ${position}`)}`,
      ),
    )
    const reads = steps.map(({ step, entry }) => {
      const own = children.filter((want) => want.step === step)
      return js`if (${entry} >= 0) ${readEntry(this.#frame, field, entry, (_key, value) => this.#field(value, own, js`from`, js`to`))}`
    })
    return js`${parts}
${steps.map(({ entry }) => js`let ${entry} = -1`)}
${find}
${reads}`
  }
}
