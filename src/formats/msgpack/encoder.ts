/**
 * Writes MessagePack: whole numbers in the fewest bytes that hold them, other numbers as doubles, texts, arrays, and
 * maps with texts as keys. No binary and no extensions.
 */
import { jsonElements, jsonMembers, type JsonValue, jsonValue } from '../../lib/json-read.ts'
import { JSON_TYPE } from '../../types.ts'
import { EncodeError, type FacetEncoder } from '../encoder.ts'
import { DEFAULT_RENDER, renderValue } from '../text/render.ts'
import { MSGPACK_LIMIT_DEPTH } from './decoder.ts'

type Path = readonly (string | number)[]

/** Writes what `msgpackDecoder` reads. */
export function msgpackEncoder(): FacetEncoder {
  return {
    type: JSON_TYPE,
    encode: (value) => {
      const parts: Buffer[] = []
      write(jsonValue(renderValue(value, JSON_TYPE, DEFAULT_RENDER)), [], parts)
      return Buffer.concat(parts)
    },
  }
}

function write(value: JsonValue, path: Path, parts: Buffer[]): void {
  if (path.length > MSGPACK_LIMIT_DEPTH) throw new EncodeError(`lies deeper than ${MSGPACK_LIMIT_DEPTH} levels`, path)
  if (value === null) parts.push(Buffer.of(0xc0))
  else if (typeof value === 'boolean') parts.push(Buffer.of(value ? 0xc3 : 0xc2))
  else if (typeof value === 'bigint' || Number.isSafeInteger(value)) parts.push(integer(BigInt(value as number), path))
  else if (typeof value === 'number') {
    const bytes = Buffer.alloc(9, 0xcb)
    bytes.writeDoubleBE(value, 1)
    parts.push(bytes)
  } else if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    parts.push(bytes.length < 32 ? Buffer.of(0xa0 | bytes.length) : sized([0xd9, 0xda, 0xdb], bytes.length), bytes)
  } else if (value.isArray) {
    const items = jsonElements(value)
    parts.push(items.length < 16 ? Buffer.of(0x90 | items.length) : sized([0, 0xdc, 0xdd], items.length))
    items.forEach((item, i) => write(item, [...path, i], parts))
  } else {
    const members = jsonMembers(value)
    parts.push(members.size < 16 ? Buffer.of(0x80 | members.size) : sized([0, 0xde, 0xdf], members.size))
    for (const [name, member] of members) {
      write(name, path, parts)
      write(member, [...path, name], parts)
    }
  }
}

/** A tag for one, two or four bytes of length (0: there is none of that width), and the length. */
function sized(tags: readonly [number, number, number], length: number): Buffer {
  const width = length < 256 && tags[0] !== 0 ? 1 : length < 65_536 ? 2 : 4
  const bytes = Buffer.alloc(1 + width, tags[width >> 1])
  bytes.writeUIntBE(length, 1, width)
  return bytes
}

function integer(value: bigint, path: Path): Buffer {
  if (value >= -32n && value < 128n) return Buffer.of(Number(value) & 255)
  if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new EncodeError('is a number of more than 64 bits', path)
  for (const [i, bits] of [8n, 16n, 32n].entries()) {
    const width = 1 << i
    const bytes = Buffer.alloc(1 + width, value < 0n ? 0xd0 + i : 0xcc + i)
    if (value >= 0n && value < 2n ** bits) return written(bytes, (b) => b.writeUIntBE(Number(value), 1, width))
    if (value < 0n && value >= -(2n ** (bits - 1n))) return written(bytes, (b) => b.writeIntBE(Number(value), 1, width))
  }
  const bytes = Buffer.alloc(9, value < 0n ? 0xd3 : 0xcf)
  return written(bytes, (b) => (value < 0n ? b.writeBigInt64BE(value, 1) : b.writeBigUInt64BE(value, 1)))
}

function written(bytes: Buffer, write: (bytes: Buffer) => void): Buffer {
  write(bytes)
  return bytes
}
