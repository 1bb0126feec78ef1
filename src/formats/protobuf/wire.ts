/**
 * Protobuf's wire format by hand: what generated readers call for rare and long things, and the readers of the messages
 * that stand for other values (timestamps, wrappers, JSON). Positions in, values out; nothing throws on hostile bytes,
 * damage is -1 or undefined. Positions have been checked by a scan before. Source: the Protocol Buffers encoding
 * reference.
 */
import type { Value } from '../../types.ts'
import { type RawBuffer, bytesAt, longAt, scratch, stringAt } from '../reading/reader-runtime.ts'
import type { ProtoScalar } from './definition/schema.ts'

/** Limit `protobuf.depth` (levels): nesting of messages in the data. Beyond it: the record is bad. */
export const PROTOBUF_LIMIT_DEPTH = 64

let low = 0
let high = 0

/** Reads the varint at p into `low` and `high`; false when it is longer than ten bytes. */
function wide(b: Uint8Array, p: number): boolean {
  let first = 0
  let middle = 0
  let rest = 0
  let c = 128
  for (let shift = 0; shift < 28 && c > 127; shift += 7) {
    c = b[p++]
    first |= (c & 127) << shift
  }
  for (let shift = 0; shift < 28 && c > 127; shift += 7) {
    c = b[p++]
    middle |= (c & 127) << shift
  }
  for (let shift = 0; shift < 14 && c > 127; shift += 7) {
    c = b[p++]
    rest |= (c & 127) << shift
  }
  low = first | (middle << 28)
  high = (middle >>> 4) | (rest << 24)
  return !(c > 127)
}

/** A varint as int32 (and enums): the low 32 bits, signed. undefined: longer than ten bytes. So are all of these. */
export function int32At(b: Uint8Array, p: number): number | undefined {
  return wide(b, p) ? low | 0 : undefined
}
export function uint32At(b: Uint8Array, p: number): number | undefined {
  return wide(b, p) ? low >>> 0 : undefined
}
export function sint32At(b: Uint8Array, p: number): number | undefined {
  return wide(b, p) ? (low >>> 1) ^ -(low & 1) : undefined
}
export function boolAt(b: Uint8Array, p: number): boolean | undefined {
  return wide(b, p) ? (low | high) !== 0 : undefined
}
export function int64At(b: Uint8Array, p: number): number | bigint | undefined {
  return wide(b, p) ? joined(high | 0, low >>> 0) : undefined
}
export function uint64At(b: Uint8Array, p: number): number | bigint | undefined {
  return wide(b, p) ? joined(high >>> 0, low >>> 0) : undefined
}
export function sint64At(b: Uint8Array, p: number): number | bigint | undefined {
  return longAt(b, p)
}
export function fixed64At(view: DataView, p: number): number | bigint {
  return joined(view.getUint32(p + 4, true), view.getUint32(p, true))
}
export function sfixed64At(view: DataView, p: number): number | bigint {
  return joined(view.getInt32(p + 4, true), view.getUint32(p, true))
}

function joined(top: number, bottom: number): number | bigint {
  const value = top * 4294967296 + bottom
  return top < 2097152 && top >= -2097152 && value !== -9007199254740992 ? value : (BigInt(top) << 32n) | BigInt(bottom)
}

/** The length at p (a varint below 2^31), or -1. The position behind it is left in `scratch.at`. */
export function lengthAt(b: Uint8Array, p: number): number {
  let n = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const c = b[p++]
    if (shift === 28 && !(c <= 7)) return -1
    n |= (c & 127) << shift
    if (!(c > 127)) {
      scratch.at = p
      return n
    }
  }
  return -1
}

/** The tag at p, or -1. The position behind it is left in `scratch.at`. */
export function tagAt(b: Uint8Array, p: number): number {
  let tag = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const c = b[p++]
    if (shift === 28 && !(c <= 15)) return -1
    tag |= (c & 127) << shift
    if (!(c > 127)) {
      scratch.at = p
      return tag >>> 0
    }
  }
  return -1
}

/**
 * The position behind the value whose tag was read; -1 when there is no such value. It may lie behind `to` by a few
 * bytes.
 */
export function skipField(b: Uint8Array, p: number, to: number, tag: number, depth = 0): number {
  if (tag < 8 || p > to) return -1
  switch (tag & 7) {
    case 0:
      while (b[p++] > 127);
      return p
    case 1:
      return p + 8
    case 2: {
      const n = lengthAt(b, p)
      return n < 0 || n > to - scratch.at ? -1 : scratch.at + n
    }
    case 3:
      return groupEnd(b, p, to, tag >>> 3, depth) < 0 ? -1 : scratch.at
    case 5:
      return p + 4
    default:
      return -1
  }
}

/**
 * Where the end tag of the group stands whose contents begin at p; -1 when there is none. The position behind the tag
 * is left in `scratch.at`.
 */
export function groupEnd(b: Uint8Array, p: number, to: number, number: number, depth = 0): number {
  if (depth > PROTOBUF_LIMIT_DEPTH) return -1
  while (p < to) {
    const tag = tagAt(b, p)
    if (tag < 0) return -1
    const behind = scratch.at
    if ((tag & 7) === 4) return tag >>> 3 === number && behind <= to ? p : -1
    p = skipField(b, behind, to, tag, depth + 1)
    if (p < 0) return -1
  }
  return -1
}

/**
 * A message field that came several times, as one message: what parsers must make of it is what they would make of the
 * parts one behind the other. They stand at the positions of `earlier` and at `last`, checked by a scan. `group`: the
 * number of the field, of one whose values stand between tags.
 */
export function mergedValues(
  b: RawBuffer,
  earlier: readonly number[],
  last: number,
  group: number | undefined,
): RawBuffer {
  const part = (at: number): Uint8Array => {
    if (group !== undefined) return b.subarray(at, groupEnd(b, at, b.length, group))
    const n = lengthAt(b, at)
    return b.subarray(scratch.at, scratch.at + n)
  }
  return Buffer.concat([...earlier.map(part), part(last)]) as RawBuffer
}

export function viewOf(b: Uint8Array): DataView {
  return new DataView(b.buffer, b.byteOffset, b.byteLength)
}

/** The name of an enum's number, or the number as text. */
export function enumName(names: ReadonlyMap<number, string>, number: number): string {
  return names.get(number) ?? String(number)
}

/**
 * The value of a scalar at p, by its name: for places that are not worth generated code. Strings and bytes: at their
 * length.
 */
export function scalarAt(scalar: ProtoScalar, b: RawBuffer, view: DataView, p: number): Value | undefined {
  switch (scalar) {
    case 'double':
      return view.getFloat64(p, true)
    case 'float':
      return view.getFloat32(p, true)
    case 'int32':
      return int32At(b, p)
    case 'uint32':
      return uint32At(b, p)
    case 'sint32':
      return sint32At(b, p)
    case 'fixed32':
      return view.getUint32(p, true)
    case 'sfixed32':
      return view.getInt32(p, true)
    case 'int64':
      return int64At(b, p)
    case 'uint64':
      return uint64At(b, p)
    case 'sint64':
      return sint64At(b, p)
    case 'fixed64':
      return fixed64At(view, p)
    case 'sfixed64':
      return sfixed64At(view, p)
    case 'bool':
      return boolAt(b, p)
    default: {
      const n = lengthAt(b, p)
      if (n < 0) return undefined
      return scalar === 'string' ? stringAt(b, scratch.at, scratch.at + n) : bytesAt(b, scratch.at, scratch.at + n)
    }
  }
}

/** The wire type that values of a scalar have. */
export function wireOf(scalar: ProtoScalar): 0 | 1 | 2 | 5 {
  switch (scalar) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return 1
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return 5
    case 'string':
    case 'bytes':
      return 2
    default:
      return 0
  }
}

/** Calls `visit` with the tag and the position of each value of the message; false for damage. */
export function walk(
  b: Uint8Array,
  from: number,
  to: number,
  visit: (tag: number, at: number, end: number) => boolean,
): boolean {
  for (let p = from; p < to; ) {
    const tag = tagAt(b, p)
    if (tag < 0) return false
    const at = scratch.at
    p = skipField(b, at, to, tag)
    if (p < 0 || p > to || !visit(tag, at, p)) return false
  }
  return true
}

/**
 * The list of message indexes at p, where a schema registry's clients put it; undefined when there is none. The
 * position behind it is left in `scratch.at`.
 */
export function indexesAt(b: Uint8Array, p: number, to: number): number[] | undefined {
  const count = sint32In(b, p, to)
  if (count === undefined || count < 0 || count > PROTOBUF_LIMIT_DEPTH) return undefined
  // A single 0 stands for the list [0].
  if (count === 0) return [0]
  const indexes: number[] = []
  for (let i = 0; i < count; i++) {
    const index = sint32In(b, scratch.at, to)
    if (index === undefined || index < 0) return undefined
    indexes.push(index)
  }
  return indexes
}

function sint32In(b: Uint8Array, p: number, to: number): number | undefined {
  const raw = tagAt(b, p)
  return raw < 0 || scratch.at > to ? undefined : (raw >>> 1) ^ -(raw & 1)
}

/**
 * The message name at p, where Apicurio's own serializer puts it (a small message of its own, with its length in
 * front); undefined when there is none. The position behind it is left in `scratch.at`.
 */
export function referenceAt(b: RawBuffer, p: number, to: number): string | undefined {
  const n = lengthAt(b, p)
  const start = scratch.at
  if (n < 2 || n > to - start) return undefined
  let name: string | undefined
  const good = walk(b, start, start + n, (tag, at, end) => {
    if (tag !== 10) return true
    lengthAt(b, at)
    name = stringAt(b, scratch.at, end)
    return true
  })
  scratch.at = start + n
  return good ? name : undefined
}
