/**
 * Which decoders a record program is made with: those of the schemas that the records at hand were written with, made faster by a look at a few of them. A schema that does not
 * exist makes its records bad ones, not the query; a registry that cannot say whether it exists ends the query.
 */
import type { FacetDecoder } from '../../formats/format.ts'
import { KafkaError, type RecordBatch } from '../../kafka/log.ts'
import { firstRecords } from '../../kafka/read/record-batch.ts'
import type { TableFacet } from '../../plan/catalog.ts'
import type { Scan } from '../../plan/plan.ts'
import { RegistryError } from '../../registry/registry.ts'
import type { WriterSchemas } from '../program/record-program.ts'
import { abortable } from '../turns.ts'

/** The decoders for records with these schema ids (-1: none known yet). Waits for schemas that have to be fetched; rejects when the broker or the registry fails. */
export async function writerSchemas(scan: Scan, keyId: number, valueId: number, batch: RecordBatch, signal: AbortSignal): Promise<WriterSchemas> {
  const { table, badRecords } = scan
  const key = decoderOf(table.key, keyId)
  const value = decoderOf(table.value, valueId)
  const samples = firstFacets(batch)
  const schemas = {
    keyId,
    valueId,
    key: specialized(key instanceof Promise ? await abortable(key, signal) : key, table.key, keyId, samples.key),
    value: specialized(value instanceof Promise ? await abortable(value, signal) : value, table.value, valueId, samples.value),
  }
  if (badRecords !== true) return schemas
  const [keyProblem, valueProblem] = await abortable(Promise.all([problemOf(table.key, keyId), problemOf(table.value, valueId)]), signal)
  return { ...schemas, keyProblem, valueProblem }
}

/** The first key and value of a batch that are not null; copies. */
function firstFacets(batch: RecordBatch): { key: Uint8Array | undefined; value: Uint8Array | undefined } {
  const records = firstRecords(batch, SAMPLED_RECORDS)
  const copy = (bytes: Uint8Array | null | undefined): Uint8Array | undefined => (bytes === null || bytes === undefined ? undefined : Uint8Array.from(bytes))
  return { key: copy(records.find((r) => r.key !== null)?.key), value: copy(records.find((r) => r.value !== null)?.value) }
}

const SAMPLED_RECORDS = 100

function specialized(decoder: FacetDecoder | undefined, facet: TableFacet, id: number, sample: Uint8Array | undefined): FacetDecoder | undefined {
  if (decoder?.specialize === undefined || sample === undefined) return decoder
  return decoder.specialize(sample.subarray(facet.framing === 'confluent' ? 5 : (facet.frame?.skip(id) ?? 0)))
}

/** The decoder of a facet; a schema that does not exist or cannot be used makes its records bad ones, not the query. Throws and rejects with errors of the broker and the registry. */
export function decoderOf(facet: TableFacet, id: number): FacetDecoder | undefined | Promise<FacetDecoder | undefined> {
  if (facet.framing !== 'none' && id === -1) return undefined
  try {
    const decoder = facet.decoder(facet.framing === 'none' ? undefined : id)
    return decoder instanceof Promise ? decoder.catch((e: unknown) => unusable(e)) : decoder
  } catch (e) {
    return unusable(e)
  }
}

/** What a facet says when it has no decoder for a schema. */
async function problemOf(facet: TableFacet, id: number): Promise<string | undefined> {
  if (facet.framing !== 'none' && id === -1) return undefined
  try {
    await facet.decoder(facet.framing === 'none' ? undefined : id)
    return undefined
  } catch (e) {
    unusable(e)
    return e instanceof Error ? e.message : String(e)
  }
}

/** A schema that does not exist or cannot be used is a property of the records. A broker or registry that fails says nothing about them: its error ends the query. */
function unusable(e: unknown): undefined {
  if (e instanceof KafkaError || (e instanceof RegistryError && !e.ofSchema)) throw e
  return undefined
}
