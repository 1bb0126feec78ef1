/** Reads record headers in place, only where a query asks for one. Of several headers of one name the last counts. */
import { varint } from '../../lib/varint.ts'
import type { Value } from '../../types.ts'
import { integer } from './values.ts'

interface Cursor {
  at: number
}

/**
 * `as: 'keys'`: the names; `'map'`: all headers as texts by name (a null value is null); else the last header of that name decoded as the type (big-endian fixed
 * width for numbers, as Kafka's serializers write them), null when it is missing, null or of another length.
 */
export function readHeader(b: Buffer, at: number, end: number, name: Value, as: string): Value {
  const c: Cursor = { at }
  const count = varint(b, c, end)
  const keys: Value[] = []
  const all = as === 'map' ? new Map<string, Value>() : undefined
  let from = -1
  let to = -1
  for (let i = 0; i < count && c.at < end; i++) {
    const keyLength = varint(b, c, end)
    if (keyLength < 0 || c.at + keyLength > end) break
    const key = b.toString('utf8', c.at, c.at + keyLength)
    c.at += keyLength
    const length = varint(b, c, end)
    if (length < -1 || c.at + Math.max(0, length) > end) break
    if (as === 'keys') keys.push(key)
    else if (all !== undefined) all.set(key, length < 0 ? null : b.toString('utf8', c.at, c.at + length))
    else if (key === name) {
      from = length < 0 ? -1 : c.at
      to = c.at + length
    }
    c.at += Math.max(0, length)
  }
  if (all !== undefined) return all
  if (as === 'keys') return keys
  return from < 0 ? null : decode(b, from, to, as)
}

function decode(b: Buffer, from: number, to: number, as: string): Value {
  const length = to - from
  switch (as) {
    case 'string':
      return b.toString('utf8', from, to)
    case 'int':
      return length === 4 ? b.readInt32BE(from) : null
    case 'long':
      return length === 8 ? integer(b.readBigInt64BE(from)) : null
    case 'float':
      return length === 4 ? b.readFloatBE(from) : null
    default:
      return length === 8 ? b.readDoubleBE(from) : null
  }
}
