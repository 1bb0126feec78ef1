/**
 * Writes keys of windowed aggregations: the inner key's bytes, then for `TW` the start, for `SW` the end and the start
 * of the window. See `decoder.ts`.
 */
import type { Value } from '../../types.ts'
import { EncodeError, type FacetEncoder } from '../encoder.ts'
import { type WindowKind, windowedType } from './decoder.ts'

/** Around the keys that `inner` writes. The value is a Map with `key`, `windowStart` and, for sessions, `windowEnd`. */
export function windowedEncoder(kind: WindowKind, inner: FacetEncoder): FacetEncoder {
  const names = kind === 'TW' ? ['windowStart'] : ['windowEnd', 'windowStart']
  return {
    type: windowedType(kind, inner.type),
    encode(value) {
      if (!(value instanceof Map)) throw new EncodeError('takes a structure of key and window')
      const key = part(value, 'key')
      const times = Buffer.alloc(8 * names.length)
      names.forEach((name, i) => times.writeBigInt64BE(BigInt(part(value, name) as number | bigint), 8 * i))
      return Buffer.concat([inner.encode(key), times])
    },
  }
}

function part(value: ReadonlyMap<string, Value>, name: string): Exclude<Value, null> {
  const found = value.get(name) ?? null
  if (found === null) throw new EncodeError('is required and has no value', [name])
  return found
}
