/**
 * Guesses the format of a facet from a few records: pure looking at bytes, no registry. The guess is shown by DESCRIBE
 * TABLE and can be overruled by configuration. Payloads framed for a schema registry come out as BYTES with a `detail`
 * that says so; whether the registry knows the ids is for the catalog to find out.
 */
import { isUtf8 } from 'node:buffer'
import { payloadCheck } from './check.ts'
import type { FormatName } from './format.ts'
import { isText } from './mixed-frame.ts'
import { JSON_LIMIT_DEPTH, skipSpace, skipValue } from './json/scan.ts'
import { msgpackDecoder } from './msgpack/decoder.ts'
import { xmlToJson } from './xml/decoder.ts'

export interface FormatGuess {
  readonly format: FormatName
  /** Why, in a few words: `12 of 12 samples are JSON`. */
  readonly detail: string
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * The guess and its reason. What more than half of the samples are, the topic is: a few outliers (a damaged record, a
 * line of text, a number that another program left) are bad records, which are counted, and do not make it something
 * else. The order of the samples does not matter, and empty payloads say nothing. No samples: STRING, for want of
 * anything better.
 */
export function guessFormat(samples: readonly Uint8Array[]): FormatGuess {
  const buffers = samples.filter((s) => s.length > 0).map((s) => Buffer.from(s.buffer, s.byteOffset, s.byteLength))
  const count = buffers.length
  if (count === 0) return { format: 'STRING', detail: 'no samples' }
  const of = (n: number, what: string): string => `${n} of ${count} samples ${what}`
  const json = buffers.filter((b) => isJson(b)).length
  const containers = buffers.filter((b) => isContainer(b) && isJson(b)).length
  // A bare number or word is JSON as well as text and says nothing beside objects and arrays; topics of nothing else
  // are text.
  if (containers * 2 > count - (json - containers)) return { format: 'JSON', detail: of(json, 'are JSON') }
  const xml = buffers.filter(isXml).length
  if (xml * 2 > count) return { format: 'XML', detail: of(xml, 'are XML documents') }
  const texts = buffers.filter(isText)
  const numbers = texts.length === count ? undefined : (numbersOf(buffers, 4, of) ?? numbersOf(buffers, 8, of))
  if (numbers !== undefined) return numbers
  const framed = buffers.filter(isFramed).length
  if (framed * 2 > count)
    return { format: 'BYTES', detail: of(framed, 'look framed for a schema registry (a zero byte and an id)') }
  if (texts.length * 2 > count) {
    const uuids = texts.every((b) => UUID_TEXT.test(b.toString('latin1')))
    return { format: 'STRING', detail: of(texts.length, uuids ? 'are uuids in text form' : 'are text') }
  }
  return { format: 'BYTES', detail: of(count - texts.length, 'are neither text nor JSON nor numbers of one size') }
}

/**
 * Numbers of that many bytes, when most samples are. Other sizes that are no text, unless they are few, indicate a
 * binary format whose payloads have this size by chance.
 */
function numbersOf(
  buffers: readonly Buffer[],
  size: 4 | 8,
  of: (n: number, what: string) => string,
): FormatGuess | undefined {
  const sized = buffers.filter((b) => b.length === size)
  const numbers = sized.filter((b) => !isText(b))
  const otherwise = buffers.filter((b) => b.length !== size && !isText(b)).length
  if (
    numbers.length * 2 <= buffers.length ||
    otherwise * 4 > sized.length ||
    numbers.filter(isPacked).length * 2 > numbers.length
  )
    return undefined
  if (size === 4) return { format: 'INT', detail: of(sized.length, 'have 4 bytes that are no text') }
  return eightBytes(sized, of)
}

let packed: ((payload: Buffer) => boolean) | undefined

/** A whole map or array of MessagePack, which would be a number far below zero. */
function isPacked(b: Buffer): boolean {
  if (b[0] < 0x80 || b[0] > 0x9f) return false
  packed ??= payloadCheck(msgpackDecoder())
  return packed(b)
}

/** A zero byte, a small positive id, and something behind it. */
function isFramed(b: Buffer): boolean {
  return b.length > 5 && b[0] === 0 && b.readInt32BE(1) > 0 && b.readInt32BE(1) < 10_000_000
}

/** Does it begin like a JSON object or array? */
export function isContainer(b: Buffer): boolean {
  const first = b[skipSpace(b, b[0] === 239 ? 3 : 0, b.length)]
  return first === 123 || first === 91
}

/** Is it one JSON value and nothing else? */
export function isJson(b: Buffer): boolean {
  const start = skipSpace(b, b[0] === 239 && b[1] === 187 && b[2] === 191 ? 3 : 0, b.length)
  const end = skipValue(b, new DataView(b.buffer, b.byteOffset, b.byteLength), start, b.length, JSON_LIMIT_DEPTH - 64)
  return end >= 0 && skipSpace(b, end, b.length) === b.length && isUtf8(b)
}

/** A whole document, not just text that begins with `<`. */
export function isXml(b: Buffer): boolean {
  const start = skipSpace(b, b[0] === 239 && b[1] === 187 && b[2] === 191 ? 3 : 0, b.length)
  return b[start] === 60 && isUtf8(b) && xmlToJson(b.toString('utf8', start)) !== undefined
}

/**
 * Longs and doubles differ in their first bytes: the exponent of an everyday double, the zeros (or ones) of an everyday
 * long. Zero is written alike by both and says nothing; nothing but zeros are longs.
 */
function eightBytes(sized: readonly Buffer[], of: (n: number, what: string) => string): FormatGuess {
  const telling = sized.filter((b) => b.readDoubleBE(0) !== 0)
  const doubles = telling.filter(isEverydayDouble).length
  if (doubles * 2 > telling.length)
    return { format: 'DOUBLE', detail: of(doubles, 'have 8 bytes that make everyday doubles') }
  return { format: 'LONG', detail: of(sized.length, 'have 8 bytes that are no text') }
}

/**
 * Also the infinities and NaN in the form in which it is written: as longs, they would be near the ends of their range.
 */
function isEverydayDouble(b: Buffer): boolean {
  const size = Math.abs(b.readDoubleBE(0))
  return (size >= 1e-9 && size < 1e15) || size === Infinity || b.readBigUInt64BE(0) === NAN_BITS
}

const NAN_BITS = 0x7ff8000000000000n
