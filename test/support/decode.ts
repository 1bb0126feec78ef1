/** Runs a facet decoder over whole payloads, for tests that want to see that the right decoder was chosen. */
import { Emitter, js } from '../../src/codegen/emitter.ts'
import type { FacetDecoder } from '../../src/formats/format.ts'

/** The payload as JSON text, `undefined` when the decoder calls it bad. `payload` comes without framing. */
export function decodeText(decoder: FacetDecoder, payload: Uint8Array): string | null | undefined {
  const emitter = new Emitter()
  const text = emitter.name('text')
  const want = { step: '', text, type: decoder.type, children: [] }
  const code = decoder.emit(want, {
    emitter,
    from: js`from`,
    to: js`to`,
    bad: js`return undefined`,
    validate: true,
    render: { timestamp: true, decimal: undefined, uuid: true },
  })
  const run = emitter.build<
    (b: Buffer, view: DataView, from: number, to: number, rt: object) => string | null | undefined
  >(
    ['b', 'view', 'from', 'to', 'rt'],
    js`let ${text} = null
facet: { ${code} }
return ${text}`,
    'decode-text',
  )
  const b = Buffer.from(payload)
  return run(b, new DataView(b.buffer, b.byteOffset, b.length), 0, b.length, {})
}
