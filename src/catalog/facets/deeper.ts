/**
 * A deeper look at a topic, for a statement that names an unknown column: its oldest records and some from
 * the middle, and subjects of the registry that bear the topic's name (TopicRecordNameStrategy). It reports the schemas
 * it met; what follows from them is `facet.ts`.
 */
import { payloadCheck } from '../../formats/check.ts'
import type { FacetDecoder } from '../../formats/format.ts'
import type { TableFacet } from '../../plan/catalog.ts'
import { RecordIds } from '../../registry/record-ids.ts'
import { RegistryError, type Registry } from '../../registry/registry.ts'
import { type Decoders, isProtobuf } from './decoders.ts'
import type { MetSchema } from './met.ts'
import type { SampledHeader, TopicSample } from './sample.ts'

/**
 * Limit `catalog.deep.schemas` (schemas): schema ids of records, and subjects, that one deeper look asks the registry
 * for. Beyond it: further ones are not looked up.
 */
const MAX_ASKED = 50
/**
 * Limit `catalog.deep.versions` (versions): newest versions of each subject that a deeper look reads. Beyond it: older
 * ones are not looked up.
 */
const MAX_VERSIONS = 10

export interface DeepQuestion {
  readonly topic: string
  readonly key: TableFacet
  readonly value: TableFacet
  /** Reads further records. */
  readonly sampled: () => Promise<readonly TopicSample[]>
  readonly registry: Registry | undefined
  readonly decoders: Decoders
  /** Whether it has taken so long that what was found has to do. */
  readonly late: () => boolean
  /** Takes a schema of the values that was found in the registry. */
  readonly add: (schema: MetSchema) => void
}

/**
 * Looks, and reports what was found to the facets and to `add`. Does not reject when the registry fails: the error
 * about the column is what the user gets.
 */
export async function lookDeeper(question: DeepQuestion): Promise<void> {
  const { key, value } = question
  // Where any field may be named, no column is unknown.
  const sides = [key, value].filter((facet) => facet.type.kind === 'struct' && facet.met !== undefined)
  if (sides.length === 0) return
  const samples = await question.sampled()
  const keys = samples.flatMap((s) => s.keys.map((bytes, i) => ({ bytes, headers: s.keyHeaders[i] })))
  const values = samples.flatMap((s) => s.values.map((bytes, i) => ({ bytes, headers: s.valueHeaders[i] })))
  try {
    if (sides.includes(key)) await meet(question, key, keys)
    if (sides.includes(value)) await meet(question, value, values)
    if (sides.includes(value))
      await underItsName(question, new Set(keys.map(({ bytes, headers }) => numberOf(key, bytes, headers))))
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
  }
}

interface Sampled {
  readonly bytes: Buffer
  readonly headers: readonly SampledHeader[]
}

/** As a reading that meets these records. */
async function meet({ late }: DeepQuestion, facet: TableFacet, records: readonly Sampled[]): Promise<void> {
  const asked = new Set<number>()
  for (const { bytes, headers } of records) {
    const number = numberOf(facet, bytes, headers)
    if (late()) return
    if (number < 0 || (asked.size >= MAX_ASKED && !asked.has(number))) continue
    asked.add(number)
    const decoder = await decoderOf(facet, number)
    if (decoder !== undefined) facet.met?.(number, decoder, bytes)
  }
}

function numberOf(facet: TableFacet, bytes: Buffer, headers: readonly SampledHeader[]): number {
  if (facet.framing === 'own') return facet.frame?.schemaIn(bytes, headers) ?? -1
  return facet.framing === 'confluent' && bytes.length >= 5 && bytes[0] === 0 ? bytes.readInt32BE(1) : -1
}

async function decoderOf(facet: TableFacet, number: number): Promise<FacetDecoder | undefined> {
  try {
    return await facet.decoder(number)
  } catch (error) {
    if (error instanceof RegistryError && !error.ofSchema) throw error
    return undefined // an unknown or unusable schema: its records are bad
  }
}

/**
 * Subjects `<topic>-<full name of a record>`. The name has to be that of the schema: `pay-eu-value` is of the topic
 * `pay-eu`. Schemas of the keys are left out.
 */
async function underItsName(
  { topic, registry, decoders, late, add }: DeepQuestion,
  ofKeys: ReadonlySet<number>,
): Promise<void> {
  if (registry === undefined) return
  const subjects = (await registry.subjects()).filter(
    (s) => s.startsWith(`${topic}-`) && s !== `${topic}-key` && s !== `${topic}-value`,
  )
  for (const subject of subjects.slice(0, MAX_ASKED)) {
    const name = subject.slice(topic.length + 1)
    if (late()) return
    for (const version of (await registry.versions(subject)).slice(-MAX_VERSIONS)) {
      const schema = await registry.schema(subject, version).catch(onlyOfSchema)
      if (schema?.id === undefined || ofKeys.has(schema.id)) continue
      await decoders.prepare([schema])
      const decoder = usable(() => decoders.of(schema))
      if (decoder === undefined || !decoders.describes(decoder, name)) break
      add({ id: schema.id, how: 'subject', ...(isProtobuf(decoder) ? { message: name } : {}) })
    }
  }
}

function onlyOfSchema(error: unknown): undefined {
  if (!(error instanceof RegistryError && error.ofSchema)) throw error
}

function usable(make: () => FacetDecoder): FacetDecoder | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

// ---------------------------------------------------------------------------------------------- what was met

/** The schema of a record that says `number`. */
export function metSchema(
  facet: TableFacet,
  number: number,
  decoder: FacetDecoder,
  record: Uint8Array,
  decoders: Decoders,
): MetSchema {
  if (facet.frame instanceof RecordIds) return { id: facet.frame.met[number], how: 'record' }
  const message = decoders.messageName(decoder, asBuffer(record))
  return message === undefined ? { id: number, how: 'record' } : { id: number, message, how: 'record' }
}

/** Whether a record is what its schema says: a damaged one may name any. */
export function fits(facet: TableFacet, schema: MetSchema, decoder: FacetDecoder, record: Uint8Array): boolean {
  if (isProtobuf(decoder)) return schema.message !== undefined
  const skip = typeof schema.id === 'number' ? 5 : schema.id.skip
  return facet.unreadable === undefined && payloadCheck(decoder)(asBuffer(record).subarray(skip))
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
