/** Decoders of the formats that need no registry, by name: what configuration, CREATE TABLE and samples can ask for. */
import { type CsvOptions, csvDecoder } from '../formats/csv/decoder.ts'
import { type FacetDecoder, type FormatName, windowedParts } from '../formats/format.ts'
import { jsonDecoder } from '../formats/json/decoder.ts'
import { msgpackDecoder } from '../formats/msgpack/decoder.ts'
import { primitiveDecoder } from '../formats/primitive/decoder.ts'
import { windowedDecoder } from '../formats/windowed/decoder.ts'
import { xmlDecoder } from '../formats/xml/decoder.ts'

/** Settings of formats that have some. */
export interface FormatOptions {
  readonly csv?: CsvOptions
  /** Of formats of a registry, where the ids of the schemas stand. Without it the records are looked at. */
  readonly ids?: IdOption
}

/** `headers`: in the record's headers, in front of the payload where these have none. `payload`: in front of the payload, in Confluent's frame. */
export type IdOption = 'headers' | 'payload'

/** The decoder of a format that stands by itself; undefined for the formats of a registry. */
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
