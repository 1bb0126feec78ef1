/**
 * Checks whole records for queries that ask which are bad: key and value are read from their first byte to their last,
 * and what cannot be read is put into words. The check itself is generated and makes no values; words are made for bad
 * records only. How bad records are treated in all: `engine/scan/bad-records`.
 */
import { type FacetCheck, facetCheck } from '../../formats/check.ts'
import { type FacetDecoder, MAX_PAYLOAD_BYTES } from '../../formats/format.ts'
import type { Table, TableFacet } from '../../plan/catalog.ts'

/**
 * The decoder of a facet, or in words why there is none. `id`: of the schema; -1 before one is known, and without
 * framing.
 */
export interface FacetReader {
  readonly id: number
  readonly decoder: FacetDecoder | undefined
  readonly problem: string | undefined
}

export class RecordCheck {
  readonly #key: Side
  readonly #value: Side
  /** Of the record that `run` looked at last, when it is bad. */
  keyBad = false
  valueBad = false

  constructor(table: Table, key: FacetReader, value: FacetReader) {
    this.#key = new Side('key', table.key, key)
    this.#value = new Side('value', table.value, value)
  }

  /**
   * NULL for a good record, else why it is bad. Starts are -1 for NULL; schemas are what the records say, negative when
   * they name none that can exist.
   */
  run(
    b: Buffer,
    view: DataView,
    ks: number,
    ke: number,
    keySchema: number,
    vs: number,
    ve: number,
    valueSchema: number,
  ): string | null {
    this.keyBad = ks >= 0 && !this.#key.fits(b, view, ks, ke, keySchema)
    this.valueBad = vs >= 0 && !this.#value.fits(b, view, vs, ve, valueSchema)
    if (!this.keyBad && !this.valueBad) return null
    const words = [
      this.keyBad ? this.#key.words(b, ks, ke, keySchema) : '',
      this.valueBad ? this.#value.words(b, vs, ve, valueSchema) : '',
    ]
    return words.filter((w) => w !== '').join('; ')
  }
}

/** Key or value. */
class Side {
  readonly #name: string
  readonly #facet: TableFacet
  readonly #reader: FacetReader
  readonly #skip: number
  readonly #check: FacetCheck | undefined

  constructor(name: string, facet: TableFacet, reader: FacetReader) {
    this.#name = name
    this.#facet = facet
    this.#reader = reader
    this.#skip = facet.framing === 'confluent' ? CONFLUENT_BYTES : (facet.frame?.skip(reader.id) ?? 0)
    this.#check = reader.decoder === undefined ? undefined : facetCheck(reader.decoder)
  }

  fits(b: Buffer, view: DataView, from: number, to: number, schema: number): boolean {
    if (to - from > MAX_PAYLOAD_BYTES) return false
    if (this.#check === undefined || (this.#facet.framing !== 'none' && schema < 0)) return false
    return to - from >= this.#skip && this.#check(b, view, from + this.#skip, to)
  }

  words(b: Buffer, from: number, to: number, schema: number): string {
    return `${this.#name}: ${this.#why(b, from, to, schema)}`
  }

  #why(b: Buffer, from: number, to: number, schema: number): string {
    const { framing, format } = this.#facet
    const { decoder, problem } = this.#reader
    if (to - from > MAX_PAYLOAD_BYTES)
      return `${bytesText(to - from)}, more than ${MAX_PAYLOAD_BYTES} (record.max.bytes)`
    if (framing === 'confluent' && to - from < CONFLUENT_BYTES)
      return `${bytesText(to - from)}, too short for a schema id`
    if (framing === 'confluent' && b[from] !== 0)
      return `no magic byte: it starts with 0x${b.toString('hex', from, from + 1)}`
    if (framing === 'confluent' && schema < 0) return `${schema} is no schema id`
    if (framing === 'own' && schema < 0)
      return this.#facet.frame?.why?.(b, from, to) ?? 'the record does not say which schema it was written with'
    if (decoder === undefined) return problem ?? `it cannot be read as ${format}`
    const payload = b.subarray(from + this.#skip, to)
    return decoder.explain?.(payload) ?? `not ${decoder.title} (${bytesText(payload.length)})`
  }
}

const CONFLUENT_BYTES = 5

function bytesText(n: number): string {
  return n === 1 ? '1 byte' : `${n} bytes`
}
