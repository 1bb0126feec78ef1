/**
 * Reads record headers in place, only where a query asks for one. Of several headers of one name the last counts, where
 * not all of them are asked for.
 */
import { bytesAt } from '../../formats/reading/reader-runtime.ts'
import { varint } from '../../lib/varint.ts'
import type { Value } from '../../types.ts'
import { integer } from '../../lib/whole-number.ts'

interface Cursor {
  at: number
}

/**
 * `as: 'keys'`: the names; `'list'`: all headers in order, each with its name, text and bytes; `'map'`: texts by name
 * (a null value is null); `'strings'` and `'blobs'`: all headers of that name; else the last of them decoded as the
 * type (big-endian fixed width for numbers, as Kafka's serializers write them), null when it is missing, null or of
 * another length.
 */
export function readHeader(b: Buffer, at: number, end: number, name: Value, as: string): Value {
  const c: Cursor = { at }
  const count = varint(b, c, end)
  const items: Value[] = []
  const all = as === 'map' ? new Map<string, Value>() : undefined
  const each = as === 'strings' ? 'string' : as === 'blobs' ? 'bytes' : undefined
  let from = -1
  let to = -1
  for (let i = 0; i < count && c.at < end; i++) {
    const keyLength = varint(b, c, end)
    if (keyLength < 0 || c.at + keyLength > end) break
    const key = b.toString('utf8', c.at, c.at + keyLength)
    c.at += keyLength
    const length = varint(b, c, end)
    if (length < -1 || c.at + Math.max(0, length) > end) break
    const start = length < 0 ? -1 : c.at
    const stop = c.at + Math.max(0, length)
    if (as === 'keys') items.push(key)
    else if (as === 'list')
      items.push(
        new Map<string, Value>([
          ['key', key],
          ['text', headerValue(b, start, stop, 'string')],
          ['bytes', headerValue(b, start, stop, 'bytes')],
        ]),
      )
    else if (all !== undefined) all.set(key, headerValue(b, start, stop, 'string'))
    else if (key === name) {
      if (each !== undefined) items.push(headerValue(b, start, stop, each))
      from = start
      to = stop
    }
    c.at = stop
  }
  if (all !== undefined) return all
  return as === 'keys' || as === 'list' || (each !== undefined && name !== null)
    ? items
    : each !== undefined
      ? null
      : headerValue(b, from, to, as)
}

function headerValue(b: Buffer, from: number, to: number, as: string): Value {
  return from < 0 ? null : decode(b, from, to, as)
}

function decode(b: Buffer, from: number, to: number, as: string): Value {
  const length = to - from
  switch (as) {
    case 'string':
      return b.toString('utf8', from, to)
    case 'bytes':
      return bytesAt(b, from, to)
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
