/**
 * Records that say in front of their payload who wrote them, in another way than the engine looks for: the decoder of each record is found while it is read. Slower than a
 * generated reader in line, and texts come out as strings; the readers are generated once for each schema.
 */
import { js } from '../codegen/emitter.ts'
import type { DataType } from '../types.ts'
import type { FacetDecoder } from './format.ts'
import { type Relay, relay, relayCode } from './relay.ts'
import type { RawBuffer } from './runtime.ts'

/** A payload, where it stands, and what reads it. */
export interface Located {
  readonly decoder: FacetDecoder
  readonly bytes: RawBuffer
  readonly from: number
  readonly to: number
}

/** `locate` finds out about the bytes [from, to) of a record; undefined for a bad one. It never throws. */
export function selfFramedDecoder(title: string, type: DataType, locate: (b: RawBuffer, from: number, to: number) => Located | undefined): FacetDecoder {
  const nothing: FacetDecoder = { title, type, emit: () => js`` }
  return {
    title,
    type,
    emit(want, context) {
      const made = new Map<FacetDecoder, ReturnType<typeof relay>>()
      const run: Relay = (b, view, from, to) => {
        const found = locate(b, from, to)
        if (found === undefined) return undefined
        let reader = made.get(found.decoder)
        if (reader === undefined) made.set(found.decoder, (reader = relay(found.decoder, want, context)))
        return reader.run(found.bytes, found.bytes === b ? view : undefined, found.from, found.to)
      }
      const { names } = relay(nothing, want, context)
      return js`{ ${relayCode(context.emitter, { names, run }, js`b, view, ${context.from}, ${context.to}`, context.bad)} }`
    },
  }
}
