/**
 * What a storage format offers to the engine: a type for the binder, and code that reads wanted paths out of bytes in
 * place.
 *
 * A generated program walks the records of a fetched region. For a facet (key or value) that is not null it opens a
 * labelled block, and splices what `FacetDecoder.emit` returns into it. Names in scope there:
 *
 *   b     Buffer that holds the region           view  DataView over the same bytes (same index base as b)
 *   from  first byte of the facet (an int)       to    end of the facet, exclusive
 *   rt    the run-time helpers (see `formats/reading/reader-runtime.ts`)
 *
 * (`from` and `to` are `Code` from the caller.) The code assigns the variables named by the `Want` tree, all of
 * which are declared and set to `null` (slices: -1) before. On bytes that are not of the format it executes `bad` (a
 * statement given by the caller, which leaves the block). It never reads outside b, never loops without progress, and
 * never throws on hostile bytes. It stops after the last wanted field.
 */
import type { Code, Emitter, Name } from '../codegen/emitter.ts'
import type { DataType } from '../types.ts'

/**
 * Limit `record.max.bytes` (bytes): the largest key and the largest value whose contents are read. Beyond it: a bad
 * record. A batch of a few kilobytes may decompress to any size, and what is made of one record is made in one go.
 */
export const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024

/** A tree of wanted paths of one facet. The root stands for the whole facet. */
export interface Want {
  /** Field name or constant array index that leads here from the parent; ignored on the root. */
  readonly step: string | number
  /** Receives the run-time value (see `types.ts`), converted to `type`; `null` when absent or null. */
  value?: Name
  /**
   * Receives the value as JSON text, a JavaScript string: int64 digits exact, doubles of typed formats with a visible
   * fraction (`-128.0`).
   */
  text?: Name
  /**
   * For strings: `from`/`to` receive the byte range in `b` of the UTF-8 text (no quotes, no escapes inside), so that it
   * can be compared and grouped without making a string. Where the value is a string but has no such range (JSON
   * escapes), `from` is -2 and `value` (always asked for together with `slice` then) holds the string. Where there is a
   * range, `value` stays null: a caller that needs the string makes it from the range. -1 when NULL or not a string
   * (`value` then holds what it is). Only asked for when `type.kind` is string or json.
   */
  slice?: { readonly from: Name; readonly to: Name }
  /** Receives true when the path is present in the record, null included; else false. */
  exists?: Name
  /**
   * The type that the binder gave to this path; the reader converts (int → long → double, enum → string, …) or executes
   * `bad` if the writer's type cannot be converted.
   */
  type: DataType
  readonly children: Want[]
}

/**
 * What a decoder is given to write its code: the emitter, the range of bytes [from, to), and what to do with damage.
 */
export interface EmitContext {
  readonly emitter: Emitter
  readonly from: Code
  readonly to: Code
  /** A statement such as `{ fault = 1; break facet_3 }`. */
  readonly bad: Code
  /** Read the whole facet and check it even past the last wanted field (`SET validate.records = true`). */
  readonly validate: boolean
  /** `format.timestamp`, `format.decimal`, `format.uuid`: how logical values are rendered in `text`. */
  readonly render: RenderOptions
}

/** How values look in JSON text. */
export interface RenderOptions {
  /** true: dates and times as ISO text; false: the number as stored. */
  readonly timestamp: boolean
  /** Digits after the point to print decimals with (half-up), or undefined for the exact value. */
  readonly decimal: number | undefined
  /** true: uuids as text; false: same text (both are strings in JSON). */
  readonly uuid: boolean
  /**
   * true: the time of a record in the metadata of a frame is a number (epoch milliseconds); else text, whatever
   * `timestamp` says.
   */
  readonly metadataMillis?: boolean
}

/** Reads one facet of records that were written with one schema. */
export interface FacetDecoder {
  /** For the statistics and EXPLAIN: `avro 5`, `json`. */
  readonly title: string
  /** The type of the whole facet as this writer wrote it. */
  readonly type: DataType
  emit(want: Want, context: EmitContext): Code
  /**
   * Why a payload (without framing) is not what this reads, in a few words: `not JSON at byte 17`. For bad records
   * only: it may be slow.
   */
  explain?(payload: Buffer): string
  /**
   * Why a payload that is whole holds something that is no value (a number beyond all types), in a few words; undefined
   * when it holds nothing of the kind.
   */
  misfit?(payload: Buffer): string | undefined
  /** A decoder that reads the same, and faster what looks like the sample (a whole facet, without framing). */
  specialize?(sample: Uint8Array): FacetDecoder
}

/**
 * Finds out which schema a record was written with, where another frame than Confluent's says so: its headers, or other
 * bytes in front of the payload.
 */
export interface RecordFrame {
  /**
   * A number to ask the facet's decoder with; -1 when the record does not say. The facet is [from, to) of `b`, the
   * headers as Kafka wrote them are [headersFrom, headersTo) of it. Never throws.
   */
  schemaOf(b: Buffer, from: number, to: number, headersFrom: number, headersTo: number): number
  /** The same of a record taken apart. */
  schemaIn(bytes: Uint8Array, headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]): number
  /** Bytes in front of the payload of records of that schema. */
  skip(schema: number): number
  /** In words, why a record says nothing: for bad records only. */
  why?(b: Buffer, from: number, to: number): string
}

/** What the rest asks about a format by its name. */
interface FormatTraits {
  /** The word of schema registries for its schemas; absent where records carry no id of a schema. */
  readonly registry?: 'AVRO' | 'PROTOBUF' | 'JSON'
  /** Records have columns; else they are one value. */
  readonly columns: boolean
  /** CREATE TABLE makes tables of it. */
  readonly created: boolean
}

const SINGLE: FormatTraits = { columns: false, created: true }
const TEXTUAL: FormatTraits = { columns: true, created: false }

/** All formats of plain keys and values. */
export const FORMATS = {
  STRING: SINGLE,
  INT: SINGLE,
  LONG: SINGLE,
  FLOAT: SINGLE,
  DOUBLE: SINGLE,
  BYTES: SINGLE,
  UUID: SINGLE,
  JSON: { columns: true, created: true },
  AVRO: { registry: 'AVRO', columns: true, created: true },
  PROTOBUF: { registry: 'PROTOBUF', columns: true, created: true },
  JSONSCHEMA: { registry: 'JSON', columns: true, created: false },
  XML: TEXTUAL,
  CSV: TEXTUAL,
  MSGPACK: TEXTUAL,
} as const satisfies Readonly<Record<string, FormatTraits>>

/** The formats of plain keys and values. */
export type PlainFormatName = keyof typeof FORMATS

/** `TWLONG`, `SWAVRO`: keys of time windows and of session windows around keys of a format. */
export type FormatName = PlainFormatName | `TW${PlainFormatName}` | `SW${PlainFormatName}` | MixedFormatName

/** `AVRO|JSON|STRING`: each record is of the first of these that takes it. */
export type MixedFormatName = `${PlainFormatName}|${string}`

/**
 * Limit `formats.mixed` (formats): formats that one topic may mix. Beyond it: the configuration or the declaration is
 * an error.
 */
const MAX_MIXED = 8
const MIXED: FormatTraits = { columns: true, created: false }

/** The names of the formats that are no windowed or mixed ones. */
export const PLAIN_FORMATS = Object.keys(FORMATS) as readonly PlainFormatName[]

/** In words, for messages: every name that `formatNamed` knows. */
export const FORMAT_NAMES =
  `${PLAIN_FORMATS.join(', ')}, one of them behind TW or SW (windowed keys), or several with | between them ` +
  '(mixed)'

/** What is known about a format; of windowed keys, about the inner one. */
export function traitsOf(format: FormatName): FormatTraits {
  if (mixedParts(format) !== undefined) return MIXED
  return FORMATS[windowedParts(format)?.inner ?? (format as PlainFormatName)]
}

/** The format that a name means, in any case: `avro`, `TWLONG`, `TW[LONG]`; undefined when there is none. */
export function formatNamed(text: string): FormatName | undefined {
  const name = text.toUpperCase().replace(/^(TW|SW)\s*\[\s*(\w+)\s*\]$/, '$1$2')
  const inner = name.replace(/^(TW|SW)/, '')
  const known = (plain: string): plain is PlainFormatName => PLAIN_FORMATS.some((format) => format === plain)
  const mixed = name.split('|').map((part) => part.trim())
  if (mixed.length > 1)
    return mixed.every(known) && mixed.length <= MAX_MIXED && new Set(mixed).size === mixed.length
      ? mixedName(mixed)
      : undefined
  return known(name) || (inner !== name && known(inner)) ? (name as FormatName) : undefined
}

/** The window and the inner format of a windowed format. */
export function windowedParts(
  format: FormatName,
): { readonly kind: 'TW' | 'SW'; readonly inner: PlainFormatName } | undefined {
  const kind = format.startsWith('TW') ? 'TW' : format.startsWith('SW') ? 'SW' : undefined
  return kind === undefined ? undefined : { kind, inner: format.slice(2) as PlainFormatName }
}

/** The formats of a mixed format, in their order. */
export function mixedParts(format: FormatName): readonly PlainFormatName[] | undefined {
  return format.includes('|') ? (format.split('|') as PlainFormatName[]) : undefined
}

/** The name of a mixed format; of one format alone, that. */
export function mixedName(formats: readonly PlainFormatName[]): FormatName {
  return formats.join('|') as FormatName
}
