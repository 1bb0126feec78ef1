/**
 * Decoders and encoders of the formats that need no registry, by name: what configuration, CREATE TABLE and samples can
 * ask for.
 */
import { type CsvOptions, csvDecoder } from '../../formats/csv/decoder.ts'
import { csvEncoder } from '../../formats/csv/encoder.ts'
import type { FacetEncoder } from '../../formats/encoder.ts'
import { type FacetDecoder, type FormatName, windowedParts } from '../../formats/format.ts'
import { jsonDecoder } from '../../formats/json/decoder.ts'
import { msgpackDecoder } from '../../formats/msgpack/decoder.ts'
import { msgpackEncoder } from '../../formats/msgpack/encoder.ts'
import { primitiveDecoder } from '../../formats/primitive/decoder.ts'
import { windowedDecoder } from '../../formats/windowed/decoder.ts'
import { xmlDecoder } from '../../formats/xml/decoder.ts'
import { xmlEncoder } from '../../formats/xml/encoder.ts'

/** Settings of formats that have some. */
export interface FormatOptions {
  readonly csv?: CsvOptions
  /** Of formats of a registry, where the ids of the schemas stand. Without it the records decide. */
  readonly ids?: IdOption
}

/**
 * `headers`: in the record's headers, in front of the payload where these have none. `payload`: in front of the
 * payload, in Confluent's frame.
 */
export type IdOption = 'headers' | 'payload'

/** The decoder of a format that needs no registry; undefined for the formats of a registry. */
export function plainDecoder(format: FormatName, options: FormatOptions = {}): FacetDecoder | undefined {
  const windowed = windowedParts(format)
  if (windowed !== undefined) {
    const inner = plainDecoder(windowed.inner, options)
    return inner === undefined ? undefined : windowedDecoder(windowed.kind, inner)
  }
  switch (format) {
    case 'JSON':
      return jsonDecoder()
    case 'XML':
      return xmlDecoder()
    case 'CSV':
      return csvDecoder(options.csv)
    case 'MSGPACK':
      return msgpackDecoder()
    case 'STRING':
    case 'INT':
    case 'LONG':
    case 'FLOAT':
    case 'DOUBLE':
    case 'BYTES':
    case 'UUID':
      return primitiveDecoder(format)
    default:
      return undefined
  }
}

/**
 * The encoder of a format that needs no schema and is no single value; undefined for the others. Of windowed keys: of
 * the inner format.
 */
export function textEncoder(format: FormatName, options: FormatOptions = {}): FacetEncoder | undefined {
  switch (windowedParts(format)?.inner ?? format) {
    case 'XML':
      return xmlEncoder()
    case 'CSV':
      return csvEncoder(options.csv)
    case 'MSGPACK':
      return msgpackEncoder()
    default:
      return undefined
  }
}
