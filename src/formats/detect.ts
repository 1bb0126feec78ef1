/**
 * Guesses the format of a facet from a few records: pure looking at bytes, no registry. The guess is shown by DESCRIBE TABLE and can be overruled by configuration.
 * Payloads framed for a schema registry come out as BYTES with a `detail` that says so; whether the registry knows the ids is for the catalog to find out.
 */
import { isUtf8 } from 'node:buffer'
import type { FormatName } from './format.ts'
import { isText } from './mixed.ts'
import { JSON_LIMIT_DEPTH, skipSpace, skipValue } from './json/scan.ts'
import { xmlToJson } from './xml/decoder.ts'

export interface FormatGuess {
  readonly format: FormatName
  /** Why, in a few words: `12 of 12 samples are JSON`. */
  readonly detail: string
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The format that the samples look like; see `guessFormat` for the reason. */
export function detectFormat(samples: readonly Uint8Array[]): FormatName {
  return guessFormat(samples).format
}

/** The guess and its reason. No samples: STRING, for want of anything better. */
export function guessFormat(samples: readonly Uint8Array[]): FormatGuess {
  const buffers = samples.filter((s) => s.length > 0).map((s) => Buffer.from(s.buffer, s.byteOffset, s.byteLength))
  const count = buffers.length
  if (count === 0) return { format: 'STRING', detail: 'no samples' }
  const of = (n: number, what: string): string => `${n} of ${count} samples ${what}`
  const framed = buffers.filter(isFramed).length
  const json = buffers.filter((b) => isJson(b)).length
  const containers = buffers.filter((b) => isContainer(b) && isJson(b)).length
  // A few strangers (damaged records, a line of text) do not make a topic of documents something else: they are bad records, which are counted.
  if ((json * 10 >= count * 9 && containers > 0) || containers * 2 > count) return { format: 'JSON', detail: of(json, 'are JSON') }
  const xml = buffers.filter(isXml).length
  if (xml * 4 >= count * 3) return { format: 'XML', detail: of(xml, 'are XML documents') }
  const text = buffers.filter(isText).length
  if (text === count)
    return { format: 'STRING', detail: of(text, buffers.every((b) => UUID_TEXT.test(b.toString('latin1'))) ? 'are uuids in text form' : 'are text') }
  const sizes = new Set(buffers.map((b) => b.length))
  if (sizes.size === 1 && sizes.has(4)) return { format: 'INT', detail: of(count, 'have 4 bytes that are no text') }
  if (sizes.size === 1 && sizes.has(8)) return eightBytes(buffers, of)
  if (framed * 2 > count) return { format: 'BYTES', detail: of(framed, 'look framed for a schema registry (a zero byte and an id)') }
  if (text * 4 >= count * 3) return { format: 'STRING', detail: of(text, 'are text') }
  return { format: 'BYTES', detail: of(count - text, 'are neither text nor JSON nor numbers of one size') }
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
function isXml(b: Buffer): boolean {
  const start = skipSpace(b, b[0] === 239 && b[1] === 187 && b[2] === 191 ? 3 : 0, b.length)
  return b[start] === 60 && isUtf8(b) && xmlToJson(b.toString('utf8', start)) !== undefined
}

/** Longs and doubles differ in their first bytes: the exponent of an everyday double, the zeros (or ones) of an everyday long. */
function eightBytes(buffers: readonly Buffer[], of: (n: number, what: string) => string): FormatGuess {
  const everyday = (b: Buffer): boolean => {
    const value = Math.abs(b.readDoubleBE(0))
    return value >= 1e-9 && value < 1e15
  }
  const doubles = buffers.filter(everyday).length
  if (doubles * 10 >= buffers.length * 9) return { format: 'DOUBLE', detail: of(doubles, 'have 8 bytes that make everyday doubles') }
  return { format: 'LONG', detail: of(buffers.length, 'have 8 bytes that are no text') }
}
