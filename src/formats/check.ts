/** Does a payload fit a decoder, from its first byte to its last? For looking at samples, not for the hot path. */
import { Emitter, js } from '../codegen/emitter.ts'
import type { FacetDecoder, RenderOptions } from './format.ts'
import type { Field } from '../types.ts'

/**
 * A function that reads whole payloads (without framing) and says whether they are what the decoder reads. It never
 * throws on bytes.
 */
export function payloadCheck(decoder: FacetDecoder): (payload: Buffer) => boolean {
  const emitter = new Emitter()
  const value = emitter.name('value')
  const code = decoder.emit(
    { step: '', value, type: decoder.type, children: [] },
    { emitter, from: js`from`, to: js`to`, bad: js`return false`, validate: true, render: AS_TEXT },
  )
  const body = js`let ${value} = null
{ ${code} }
return true`
  const run = emitter.build<(b: Buffer, view: DataView, from: number, to: number, rt: object) => boolean>(
    ['b', 'view', 'from', 'to', 'rt'],
    body,
    `check ${decoder.title}`,
  )
  return (payload) =>
    run(payload, new DataView(payload.buffer, payload.byteOffset, payload.byteLength), 0, payload.length, {})
}

/**
 * A function that finds the first field of a structure, in the order in which it is written, up to whose end a payload
 * cannot be read; undefined when all can be read, or when it is no structure. It looks by halves: few readers are made,
 * each once, and only for payloads that are bad.
 */
export function faultFinder(decoder: FacetDecoder): (payload: Buffer) => string | undefined {
  const readers = new Map<number, FacetCheck>()
  return (payload) => {
    const fields = decoder.type.kind === 'struct' ? decoder.type.fields : []
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    let [good, bad] = [-1, fields.length]
    while (bad - good > 1) {
      const middle = (good + bad) >> 1
      let reader = readers.get(middle)
      if (reader === undefined) readers.set(middle, (reader = fieldReader(decoder, fields[middle])))
      if (reader(payload, view, 0, payload.length)) good = middle
      else bad = middle
    }
    return fields[bad]?.name
  }
}

function fieldReader(decoder: FacetDecoder, { name, type }: Field): FacetCheck {
  const emitter = new Emitter()
  const value = emitter.name('value')
  const want = { step: '', type: decoder.type, children: [{ step: name, value, type, children: [] }] }
  const code = decoder.emit(want, {
    emitter,
    from: js`from`,
    to: js`to`,
    bad: js`return false`,
    validate: false,
    render: AS_TEXT,
  })
  return emitter.build<FacetCheck>(
    ['b', 'view', 'from', 'to'],
    js`let ${value} = null\n{ ${code} }\nreturn true`,
    `read ${decoder.title}`,
  )
}

const AS_TEXT: RenderOptions = { timestamp: true, decimal: undefined, uuid: true }

/**
 * As `payloadCheck`, in place: whether the bytes [from, to) of b are what the decoder reads. Makes no value of them.
 */
export type FacetCheck = (b: Buffer, view: DataView, from: number, to: number) => boolean

/** Compiles that check for a decoder; call it once for each decoder and keep it. */
export function facetCheck(decoder: FacetDecoder): FacetCheck {
  const emitter = new Emitter()
  const code = decoder.emit(
    { step: '', type: decoder.type, children: [] },
    { emitter, from: js`from`, to: js`to`, bad: js`return false`, validate: true, render: AS_TEXT },
  )
  return emitter.build<FacetCheck>(['b', 'view', 'from', 'to'], js`{ ${code} }\nreturn true`, `check ${decoder.title}`)
}
