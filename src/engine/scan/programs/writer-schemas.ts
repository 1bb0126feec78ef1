/**
 * Which decoders a record program is made with: those of the schemas that the records at hand were written with, made
 * faster by a look at a few of them. A schema that does not exist makes its records bad ones, not the query; a registry
 * that cannot say whether it exists ends the query.
 */
import type { FacetDecoder } from '../../../formats/format.ts'
import { within } from '../../../lib/clock.ts'
import { KafkaError, type RecordBatch } from '../../../kafka/log.ts'
import { firstRecords, type PlainRecord } from '../../../kafka/read/record-batch.ts'
import type { TableFacet } from '../../../plan/catalog.ts'
import type { Scan } from '../../../plan/plan.ts'
import { RegistryError } from '../../../registry/registry.ts'
import type { WriterSchemas } from '../../program/record-program.ts'

/**
 * Limit `scan.unknown.schemas` (ids): ids of one facet without a usable schema that one scan asks the registry for.
 * Beyond it: records with further ones are bad, unless their schema is at hand.
 */
const MAX_UNKNOWN = 1_000
/** Records of a batch among which a key and a value are looked for to make decoders faster with. */
const SAMPLED_RECORDS = 100

/**
 * The records at hand when schemas are asked for: the batch, and where in it the first record stands that was written
 * with them.
 */
export interface AtHand {
  readonly batch: RecordBatch
  readonly at: number
}

/** Finds the decoders of one scan. */
export class SchemaFinder {
  readonly #scan: Scan
  readonly #signal: AbortSignal
  readonly #unknown = { key: new Set<number>(), value: new Set<number>() }

  constructor(scan: Scan, signal: AbortSignal) {
    this.#scan = scan
    this.#signal = signal
  }

  /**
   * The decoders for records with these schema ids (-1: none known yet). Waits for schemas that have to be fetched;
   * rejects when the broker or the registry fails.
   */
  async find(keyId: number, valueId: number, atHand: AtHand): Promise<WriterSchemas> {
    const { table, badRecords } = this.#scan
    const [key, value] = [await this.#decoder('key', keyId), await this.#decoder('value', valueId)]
    reportMet(table, { keyId, valueId, key, value }, atHand)
    const samples = firstFacets(atHand.batch)
    const schemas = {
      keyId,
      valueId,
      key: specialized(key, table.key, keyId, samples.key),
      value: specialized(value, table.value, valueId, samples.value),
    }
    if (badRecords !== true) return schemas
    return {
      ...schemas,
      keyProblem: await this.#problem('key', keyId),
      valueProblem: await this.#problem('value', valueId),
    }
  }

  async #decoder(side: 'key' | 'value', id: number): Promise<FacetDecoder | undefined> {
    const facet = this.#scan.table[side]
    if (!this.#mayAsk(side, id)) return facet.known?.(id)
    const decoder = decoderOf(facet, id)
    const found = decoder instanceof Promise ? await within(decoder, { signal: this.#signal }) : decoder
    if (found === undefined && id !== -1) this.#unknown[side].add(id)
    return found
  }

  /** A topic of random bytes names a new schema with each record: the registry is not asked for all of them. */
  #mayAsk(side: 'key' | 'value', id: number): boolean {
    const unknown = this.#unknown[side]
    return this.#scan.table[side].known === undefined || unknown.size < MAX_UNKNOWN || unknown.has(id)
  }

  async #problem(side: 'key' | 'value', id: number): Promise<string | undefined> {
    const facet = this.#scan.table[side]
    if (this.#mayAsk(side, id)) return within(problemOf(facet, id), { signal: this.#signal })
    if (facet.known?.(id) !== undefined) return undefined
    return `Schema ${id} was not asked for: ${MAX_UNKNOWN} others in the ${side}s of this topic cannot be used (scan.unknown.schemas).`
  }
}

/** Tells the facets which schemas were met, with the record that names them. */
function reportMet(
  { key, value }: Scan['table'],
  schemas: Pick<WriterSchemas, 'keyId' | 'valueId' | 'key' | 'value'>,
  { batch, at }: AtHand,
): void {
  const asks =
    (schemas.keyId !== -1 && schemas.key !== undefined && key.met !== undefined) ||
    (schemas.valueId !== -1 && schemas.value !== undefined && value.met !== undefined)
  const [record] = asks ? firstRecords({ ...batch, from: at }, 1) : []
  if (record === undefined) return
  if (
    schemas.keyId !== -1 &&
    schemas.key !== undefined &&
    record.key !== null &&
    schemaIdIn(key, record.key, record.headers) === schemas.keyId
  )
    key.met?.(schemas.keyId, schemas.key, record.key)
  if (
    schemas.valueId !== -1 &&
    schemas.value !== undefined &&
    record.value !== null &&
    schemaIdIn(value, record.value, record.headers) === schemas.valueId
  )
    value.met?.(schemas.valueId, schemas.value, record.value)
}

/** The schema id that a record names; -1: none. */
function schemaIdIn({ framing, frame }: TableFacet, bytes: Buffer, headers: PlainRecord['headers']): number {
  if (framing === 'own') return frame?.schemaIn(bytes, headers) ?? -1
  return bytes.length >= 5 && bytes[0] === 0 ? bytes.readInt32BE(1) : -1
}

/** The first key and value of a batch that are not null; copies. */
function firstFacets(batch: RecordBatch): { key: Uint8Array | undefined; value: Uint8Array | undefined } {
  const records = firstRecords(batch, SAMPLED_RECORDS)
  const copy = (bytes: Uint8Array | null | undefined): Uint8Array | undefined =>
    bytes === null || bytes === undefined ? undefined : Uint8Array.from(bytes)
  return {
    key: copy(records.find((r) => r.key !== null)?.key),
    value: copy(records.find((r) => r.value !== null)?.value),
  }
}

function specialized(
  decoder: FacetDecoder | undefined,
  facet: TableFacet,
  id: number,
  sample: Uint8Array | undefined,
): FacetDecoder | undefined {
  if (decoder?.specialize === undefined || sample === undefined) return decoder
  return decoder.specialize(sample.subarray(facet.framing === 'confluent' ? 5 : (facet.frame?.skip(id) ?? 0)))
}

/**
 * The decoder of a facet; a schema that does not exist or cannot be used makes its records bad ones, not the query.
 * Throws and rejects with errors of the broker and the registry.
 */
export function decoderOf(facet: TableFacet, id: number): FacetDecoder | undefined | Promise<FacetDecoder | undefined> {
  if (facet.framing !== 'none' && id === -1) return undefined
  try {
    const decoder = facet.decoder(facet.framing === 'none' ? undefined : id)
    return decoder instanceof Promise ? decoder.catch((e: unknown) => unusableSchema(e)) : decoder
  } catch (e) {
    return unusableSchema(e)
  }
}

/** What a facet says when it has no decoder for a schema. */
async function problemOf(facet: TableFacet, id: number): Promise<string | undefined> {
  if (facet.framing !== 'none' && id === -1) return undefined
  try {
    await facet.decoder(facet.framing === 'none' ? undefined : id)
    return undefined
  } catch (e) {
    unusableSchema(e)
    return e instanceof Error ? e.message : String(e)
  }
}

/**
 * A schema that does not exist or cannot be used is a property of the records. A broker or registry that fails says
 * nothing about them: its error ends the query.
 */
function unusableSchema(e: unknown): undefined {
  if (e instanceof KafkaError || (e instanceof RegistryError && !e.ofSchema)) throw e
  return undefined
}
