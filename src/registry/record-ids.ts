/**
 * Which schema a record was written with, where Confluent's frame in front of the payload does not say it: ids in the
 * record's headers (Apicurio's serializers, Confluent's with GUIDs), Apicurio's eight-byte ids, and AWS Glue's frame.
 * Bytes in, small numbers out, in the order in which the ids were met; no registry is asked here.
 */
import { varint } from '../lib/varint.ts'
import { GLUE_FRAME_BYTES, isGlueFrame } from './glue.ts'

/** Where a topic's records carry their ids. In `headers` records without such headers may have Confluent's frame. */
export type IdPlace = 'headers' | 'eight-byte' | 'glue'

/**
 * Whom to ask: Apicurio by its global or its content id, a Confluent registry by GUID or by id, Glue by the id of a
 * schema version.
 */
export type IdKind = 'globalId' | 'contentId' | 'guid' | 'id' | 'glue'

/** One id that was met. */
export interface RecordId {
  readonly kind: IdKind
  /** A number, or for `guid` and `glue` a uuid in lower case. */
  readonly id: number | string
  /** Bytes in front of the payload. */
  readonly skip: number
  /** The payload is compressed with zlib. */
  readonly compressed: boolean
  /** The headers say that the payload is Avro's JSON. */
  readonly avroJson: boolean
  /**
   * Of Protobuf, where the headers say it: the name of the message, or its indexes as Confluent writes them behind the
   * GUID.
   */
  readonly message: { readonly name: string } | { readonly indexes: Uint8Array } | undefined
  /** The id as its header's value. */
  readonly bytes: Uint8Array
}

type Headers = readonly { readonly key: string; readonly value: Uint8Array | null }[]

/**
 * Limit `catalog.record.ids` (ids): different schema ids in the records of one topic. Beyond it: records with further
 * ones are bad.
 */
const MAX_IDS = 10_000
const CONFLUENT_FRAME_BYTES = 5
const EIGHT_BYTE_FRAME_BYTES = 9
const GUID_HEADER_BYTES = 17

/** Names of the headers of one side. The serializers let them be configured; these are the ones that they come with. */
export function idHeaders(side: 'key' | 'value'): {
  readonly globalId: string
  readonly contentId: string
  readonly encoding: string
  readonly protobufType: string
  readonly guid: string
} {
  return {
    globalId: `apicurio.${side}.globalId`,
    contentId: `apicurio.${side}.contentId`,
    encoding: `apicurio.${side}.encoding`,
    protobufType: `apicurio.protobuf.type${side === 'key' ? '.key' : ''}`,
    guid: `__${side}_schema_id`,
  }
}

/** A part of a buffer; `from` is -1 when there is none. */
interface Range {
  from: number
  to: number
}

interface Met extends RecordId {
  readonly number: number
  /** What else distinguishes this id from others. */
  readonly more: string
}

/** The ids of the keys or of the values of one topic. */
export class RecordIds {
  readonly place: IdPlace
  readonly #names: readonly Buffer[]
  readonly #found: readonly Range[]
  readonly #met: Met[] = []
  #last: Met | undefined
  readonly #numbers = new Map<string, number>()
  readonly #cursor = { at: 0 }

  constructor(place: IdPlace, side: 'key' | 'value') {
    this.place = place
    const { globalId, contentId, guid, encoding, protobufType } = idHeaders(side)
    this.#names =
      place === 'headers' ? [globalId, contentId, guid, encoding, protobufType].map((name) => Buffer.from(name)) : []
    this.#found = this.#names.map(() => ({ from: -1, to: -1 }))
  }

  /** All ids so far; their places in the list are their numbers. */
  get met(): readonly RecordId[] {
    return this.#met
  }

  /** See `RecordFrame`. */
  schemaOf(b: Buffer, from: number, to: number, headersFrom: number, headersTo: number): number {
    return this.#schemaOf(b, from, to, b, headersFrom, headersTo)
  }

  schemaIn(bytes: Uint8Array, headers: Headers): number {
    const block = headerBlock(headers)
    return this.#schemaOf(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      0,
      bytes.length,
      block,
      0,
      block.length,
    )
  }

  skip(schema: number): number {
    return this.#met[schema]?.skip ?? 0
  }

  #schemaOf(b: Buffer, from: number, to: number, h: Buffer, headersFrom: number, headersTo: number): number {
    switch (this.place) {
      case 'headers':
        return this.#inHeaders(b, from, to, h, headersFrom, headersTo)
      case 'eight-byte':
        return to - from < EIGHT_BYTE_FRAME_BYTES || b[from] !== 0
          ? -1
          : this.#number('globalId', b, from + 1, from + 9, EIGHT_BYTE_FRAME_BYTES)
      default:
        return isGlueFrame(b, from, to)
          ? this.#number('glue', b, from + 1, from + GLUE_FRAME_BYTES, GLUE_FRAME_BYTES)
          : -1
    }
  }

  #inHeaders(b: Buffer, from: number, to: number, h: Buffer, headersFrom: number, headersTo: number): number {
    this.#scan(h, headersFrom, headersTo)
    const found = this.#found
    const globalId = found[0]
    const contentId = found[1]
    const guid = found[2]
    const encoding = found[3]
    const type = found[4]
    const json = encoding.to - encoding.from === 4 && h[encoding.from] === 74 ? 'json' : ''
    if (globalId.to - globalId.from === 8) return this.#apicurio('globalId', b, from, to, h, globalId, type, json)
    if (contentId.to - contentId.from === 8) return this.#apicurio('contentId', b, from, to, h, contentId, type, json)
    if (guid.to - guid.from >= GUID_HEADER_BYTES && h[guid.from] === 1)
      return this.#number('guid', h, guid.from, guid.to, 0)
    if (guid.to - guid.from >= CONFLUENT_FRAME_BYTES && h[guid.from] === 0)
      return this.#number('id', h, guid.from, guid.to, 0)
    if (globalId.from >= 0 || contentId.from >= 0 || guid.from >= 0) return -1
    return to - from >= CONFLUENT_FRAME_BYTES && b[from] === 0
      ? this.#number('id', b, from, from + 5, CONFLUENT_FRAME_BYTES)
      : -1
  }

  /** Some serializers write the name of a Protobuf message into a header and again in front of the payload. */
  #apicurio(
    kind: IdKind,
    b: Buffer,
    from: number,
    to: number,
    h: Buffer,
    id: Range,
    type: Range,
    json: string,
  ): number {
    const length = type.to - type.from
    if (type.from < 0 || length > 120) return this.#number(kind, h, id.from, id.to, 0, json)
    const twice =
      to - from >= length + 3 &&
      b[from] === length + 2 &&
      b[from + 1] === 10 &&
      b[from + 2] === length &&
      b.compare(h, type.from, type.to, from + 3, from + 3 + length) === 0
    return this.#number(
      kind,
      h,
      id.from,
      id.to,
      twice ? length + 3 : 0,
      `type ${h.toString('utf8', type.from, type.to)}`,
    )
  }

  /**
   * The number of an id: records of one schema mostly come one behind the other, so that the last one is tried first.
   */
  #number(kind: IdKind, b: Buffer, from: number, to: number, skip: number, more = ''): number {
    const last = this.#last
    if (
      last !== undefined &&
      last.kind === kind &&
      last.skip === skip &&
      last.more === more &&
      isSame(last.bytes, b, from, to)
    )
      return last.number
    const key = `${kind} ${skip} ${b.toString('latin1', from, to)} ${more}`
    const known = this.#numbers.get(key)
    if (known !== undefined) {
      this.#last = this.#met[known]
      return known
    }
    if (this.#met.length >= MAX_IDS) return -1
    const bytes = Uint8Array.prototype.slice.call(b, from, to)
    const id = idOf(kind, Buffer.from(bytes))
    if (id === undefined) return -1
    const indexes =
      kind === 'guid'
        ? bytes.subarray(GUID_HEADER_BYTES)
        : kind === 'id'
          ? bytes.subarray(CONFLUENT_FRAME_BYTES)
          : undefined
    const message = more.startsWith('type ')
      ? { name: more.slice(5) }
      : indexes === undefined || indexes.length === 0
        ? undefined
        : { indexes }
    const number = this.#met.length
    this.#met.push({
      number,
      more,
      kind,
      id,
      skip,
      compressed: kind === 'glue' && bytes[0] === 5,
      avroJson: more === 'json',
      message,
      bytes,
    })
    this.#numbers.set(key, number)
    return number
  }

  /** One walk over the headers for all names; of several headers of one name the last counts. */
  #scan(h: Buffer, at: number, end: number): void {
    const found = this.#found
    const names = this.#names
    for (let n = 0; n < found.length; n++) found[n].from = found[n].to = -1
    const c = this.#cursor
    c.at = at
    const count = varint(h, c, end)
    for (let i = 0; i < count && c.at < end; i++) {
      const keyLength = varint(h, c, end)
      const keyAt = c.at
      if (keyLength < 0 || keyAt + keyLength > end) return
      c.at += keyLength
      const length = varint(h, c, end)
      if (length < -1 || c.at + Math.max(0, length) > end) return
      for (let n = 0; n < names.length; n++) {
        const name = names[n]
        if (name.length !== keyLength || !isSame(name, h, keyAt, keyAt + keyLength)) continue
        found[n].from = length < 0 ? -1 : c.at
        found[n].to = length < 0 ? -1 : c.at + length
      }
      c.at += Math.max(0, length)
    }
  }
}

function isSame(bytes: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  if (bytes.length !== to - from) return false
  // From the end: names of headers begin alike.
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i] !== b[from + i]) return false
  return true
}

function idOf(kind: IdKind, bytes: Buffer): number | string | undefined {
  if (kind === 'guid') return uuidText(bytes.subarray(1, GUID_HEADER_BYTES))
  if (kind === 'glue') return uuidText(bytes.subarray(1))
  if (kind === 'id') return bytes.readInt32BE(1)
  const id = Number(bytes.readBigInt64BE(0))
  return id > 0 && Number.isSafeInteger(id) ? id : undefined
}

function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Headers as a record has them. */
function headerBlock(headers: Headers): Buffer {
  const parts: Uint8Array[] = [zigzag(headers.length)]
  for (const { key, value } of headers) {
    const name = Buffer.from(key)
    parts.push(zigzag(name.length), name, zigzag(value === null ? -1 : value.length), value ?? new Uint8Array(0))
  }
  return Buffer.concat(parts)
}

function zigzag(n: number): Uint8Array {
  const bytes: number[] = []
  let rest = n < 0 ? 1 : n * 2
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
