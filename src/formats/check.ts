/** Does a payload fit a decoder, from its first byte to its last? For looking at samples, not for the hot path. */
import { Emitter, js } from '../codegen/emitter.ts'
import type { FacetDecoder } from './format.ts'

/** A function that reads whole payloads (without framing) and says whether they are what the decoder reads. It never throws on bytes. */
export function payloadCheck(decoder: FacetDecoder): (payload: Buffer) => boolean {
  const emitter = new Emitter()
  const value = emitter.name('value')
  const code = decoder.emit(
    { step: '', value, type: decoder.type, children: [] },
    { emitter, from: js`from`, to: js`to`, bad: js`return false`, validate: true, render: { timestamp: true, decimal: undefined, uuid: true } },
  )
  const body = js`let ${value} = null
{ ${code} }
return true`
  const run = emitter.build<(b: Buffer, view: DataView, from: number, to: number, rt: object) => boolean>(
    ['b', 'view', 'from', 'to', 'rt'],
    body,
    `check ${decoder.title}`,
  )
  return (payload) => run(payload, new DataView(payload.buffer, payload.byteOffset, payload.byteLength), 0, payload.length, {})
}
