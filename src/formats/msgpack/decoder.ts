/**
 * MessagePack values as JSON. Integers keep all digits, doubles and floats stay visibly fractional, binary is base64,
 * the timestamp extension is ISO text, any other extension is `{"type":n,"data":"base64"}`. Keys of maps that are no
 * strings become text; of equal keys the first counts, as in JSON.
 */
import { isoTimestamp } from '../../lib/text/datetime-text.ts'
import { doubleText, floatText } from '../../lib/text/number-text.ts'
import type { FacetDecoder } from '../format.ts'
import { jsonDecoder } from '../json/decoder.ts'
import { convertedDecoder } from '../reading/relay.ts'
import { jsonString } from '../text/render.ts'
import { type RawBuffer, stringAt, TEXT_LIMIT_BYTES } from '../reading/reader-runtime.ts'

/** Limit `msgpack.depth` (levels): nesting of arrays and maps. Beyond it: the record is bad. */
export const MSGPACK_LIMIT_DEPTH = 128

const DECODER = convertedDecoder('msgpack', jsonDecoder(), (b, from, to) => {
  const json = msgpackToJson(b, from, to)
  return json === undefined ? undefined : Buffer.from(json)
})

/** The decoder for records of one MessagePack value. */
export function msgpackDecoder(): FacetDecoder {
  return DECODER
}

/** The JSON text of the one value in [from, to); undefined for damage. */
export function msgpackToJson(b: RawBuffer, from: number, to: number): string | undefined {
  const reader = new MsgpackReader(b, from, to)
  const text = reader.value(0)
  return text !== undefined && reader.at === to ? text : undefined
}

class MsgpackReader {
  readonly #b: RawBuffer
  readonly #to: number
  at: number
  #written = 0
  constructor(b: RawBuffer, from: number, to: number) {
    this.#b = b
    this.at = from
    this.#to = to
  }

  /** Skips a number of bytes: their position, or -1. */
  #take(size: number): number {
    if (size > this.#to - this.at) return -1
    const at = this.at
    this.at += size
    return at
  }

  #unsigned(size: 1 | 2 | 4): number {
    const at = this.#take(size)
    return at < 0 ? -1 : this.#b.readUIntBE(at, size)
  }

  value(depth: number): string | undefined {
    const at = this.#take(1)
    if (at < 0 || depth > MSGPACK_LIMIT_DEPTH) return undefined
    const c = this.#b[at]
    if (c < 0x80) return String(c)
    if (c < 0x90) return this.#map(c & 15, depth)
    if (c < 0xa0) return this.#array(c & 15, depth)
    if (c < 0xc0) return this.#string(c & 31)
    if (c >= 0xe0) return String(c - 256)
    return this.#tagged(c, depth)
  }

  #tagged(c: number, depth: number): string | undefined {
    switch (c) {
      case 0xc0:
        return 'null'
      case 0xc2:
        return 'false'
      case 0xc3:
        return 'true'
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#unsigned((1 << (c - 0xc4)) as 1 | 2 | 4))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#unsigned((1 << (c - 0xc7)) as 1 | 2 | 4))
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (c - 0xd4))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#unsigned((1 << (c - 0xd9)) as 1 | 2 | 4))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(c === 0xdc ? 2 : 4), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(c === 0xde ? 2 : 4), depth)
      default:
        return this.#number(c)
    }
  }

  #number(c: number): string | undefined {
    // ca, cb: floats; cc to cf: unsigned of 1, 2, 4, 8 bytes; d0 to d3: signed. c1 is never used.
    if (c < 0xca) return undefined
    const size = c === 0xca ? 4 : c === 0xcb ? 8 : 1 << ((c - 0xcc) & 3)
    const at = this.#take(size)
    if (at < 0) return undefined
    const b = this.#b
    if (c === 0xca || c === 0xcb) {
      const value = c === 0xca ? b.readFloatBE(at) : b.readDoubleBE(at)
      return Number.isFinite(value) ? (c === 0xca ? floatText(value) : doubleText(value)) : `"${value}"`
    }
    if (size === 8) return (c < 0xd0 ? b.readBigUInt64BE(at) : b.readBigInt64BE(at)).toString()
    return String(c < 0xd0 ? b.readUIntBE(at, size) : b.readIntBE(at, size))
  }

  /** Counts what a text will take, so that small records cannot become huge. */
  #room(size: number): boolean {
    this.#written += size
    return this.#written <= TEXT_LIMIT_BYTES
  }

  #string(length: number): string | undefined {
    const at = length < 0 ? -1 : this.#take(length)
    return at < 0 || !this.#room(length) ? undefined : jsonString(stringAt(this.#b, at, at + length))
  }

  #binary(length: number): string | undefined {
    const at = length < 0 ? -1 : this.#take(length)
    return at < 0 || !this.#room(length * 2) ? undefined : `"${this.#b.toString('base64', at, at + length)}"`
  }

  #extension(length: number): string | undefined {
    const kind = length < 0 ? -1 : this.#take(1)
    const at = kind < 0 ? -1 : this.#take(length)
    if (at < 0 || !this.#room(length * 2)) return undefined
    const type = this.#b.readInt8(kind)
    if (type === -1) return this.#timestamp(at, length)
    return `{"type":${type},"data":"${this.#b.toString('base64', at, at + length)}"}`
  }

  /** Seconds in 4 bytes, 30 bits of nanoseconds and 34 of seconds in 8, nanoseconds in 4 and seconds in 8. */
  #timestamp(at: number, length: number): string | undefined {
    const b = this.#b
    let nanos = 0n
    let seconds: bigint
    if (length === 4) seconds = BigInt(b.readUInt32BE(at))
    else if (length === 8) {
      const both = b.readBigUInt64BE(at)
      nanos = both >> 34n
      seconds = both & 0x3ffffffffn
    } else if (length === 12) {
      nanos = BigInt(b.readUInt32BE(at))
      seconds = b.readBigInt64BE(at + 4)
    } else return undefined
    // The years that ISO text has four digits for, and some more.
    if (nanos > 999_999_999n || seconds < -62_167_219_200n || seconds > 253_402_300_799n) return undefined
    return `"${isoTimestamp(seconds * 1_000_000_000n + nanos, 'nanos', false)}"`
  }

  #array(count: number, depth: number): string | undefined {
    // Every element has a byte at least.
    if (count < 0 || count > this.#to - this.at) return undefined
    const parts: string[] = []
    for (let i = 0; i < count; i++) {
      const text = this.value(depth + 1)
      if (text === undefined) return undefined
      parts.push(text)
    }
    return `[${parts.join(',')}]`
  }

  #map(count: number, depth: number): string | undefined {
    if (count < 0 || count * 2 > this.#to - this.at) return undefined
    const parts: string[] = []
    for (let i = 0; i < count; i++) {
      const key = this.value(depth + 1)
      const value = key === undefined ? undefined : this.value(depth + 1)
      if (key === undefined || value === undefined || key.startsWith('{') || key.startsWith('[')) return undefined
      parts.push(`${key.startsWith('"') ? key : `"${key}"`}:${value}`)
    }
    return `{${parts.join(',')}}`
  }
}
