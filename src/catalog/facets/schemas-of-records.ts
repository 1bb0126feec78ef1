/**
 * The schemas that records are written with: those that the ids in a sample name, all versions of their subjects, and
 * schemas of other subjects beside them. Asks the registry; what becomes of the schemas is decided in `find-facet`.
 */
import { payloadCheck } from '../../formats/check.ts'
import type { FormatName } from '../../formats/format.ts'
import { type RegisteredSchema, type Registry, RegistryError, type SchemaType } from '../../registry/registry.ts'
import type { FacetQuestion } from './facet-question.ts'

/**
 * Limit `catalog.schema.versions` (versions): newest versions of a subject whose fields become a table's columns.
 * Beyond it: fields that only older versions have are no columns.
 */
const MAX_VERSIONS = 100
/**
 * Limit `catalog.sampled.ids` (ids): schema ids of a sample that are looked up. Beyond it: further ones are not looked
 * up.
 */
export const MAX_SAMPLED_IDS = 20

/**
 * Limit `catalog.described.schemas` (schemas): schemas that DESCRIBE names one by one. Beyond it: it says how many more
 * there are.
 */
const MAX_NAMED = 20

/** Schemas that records name, oldest first; those in the sample, and what else `strangers` holds. */
export interface SampledSchemas {
  readonly schemas: readonly RegisteredSchema[]
  readonly strangers: Strangers
  readonly shown: readonly number[]
}

/**
 * Schemas of the ids in the samples and, where the registry knows them, all versions of the subjects that they belong
 * to; undefined when most of the framed samples cannot be read with them. Schemas that were met elsewhere come first: the
 * newest of those in the sample is what INSERT writes with.
 */
export async function sampledSchemas(
  question: FacetQuestion,
  samples: readonly Buffer[],
): Promise<SampledSchemas | undefined> {
  const { registry } = question
  if (registry === undefined) return undefined
  const framed = samples.filter((s) => isFramed(s))
  const ids = [...new Set(framed.map((s) => s.readInt32BE(1)))].slice(0, MAX_SAMPLED_IDS)
  const known = (await inParallel(ids, (id) => registry.schemaById(id))).filter((s) => s !== undefined)
  await question.decoders.prepare(known)
  const fitting = known.reduce((sum, schema) => sum + fitCount(question, schema, framed), 0)
  if (known.length === 0 || fitting * 2 < framed.length) return undefined
  const subjects = (await inParallel(known, (schema) => subjectsOf(question, registry, schema)))
    .flat()
    .slice(0, MAX_SAMPLED_IDS)
  const related = await inParallel([...new Set(subjects)], async (subject) =>
    subjectSchemas(registry, subject, await registry.versions(subject)),
  )
  const all = new Map<number, RegisteredSchema>()
  const type = commonestType(known, framed)
  if (type === undefined) return undefined
  for (const schema of [...known, ...related.flat()])
    if (schema.id !== undefined && schema.type === type) all.set(schema.id, schema)
  const schemas = [...all.values()].sort((a, b) => (a.id ?? 0) - (b.id ?? 0))
  const others = known
    .filter((schema) => schema.type !== type && fitCount(question, schema, framed) > 0)
    .map(({ id }) => id as number)
  const shown = known.filter((schema) => schema.type === type).map(({ id }) => id as number)
  return {
    schemas,
    strangers: await strangersOf(question, others, [...all.keys()], type),
    shown: [...shown, ...others],
  }
}

/** Schemas of a facet beside those that it is known by. */
export interface Strangers {
  /** Those of the facet's type: their columns are the facet's. */
  readonly columns: readonly RegisteredSchema[]
  /** Those of other types: their records are read, and their fields are no columns. */
  readonly others: readonly RegisteredSchema[]
  /** What DESCRIBE says of them. */
  readonly words: readonly string[]
  /** Why some of them could not be fetched. */
  readonly troubles: readonly string[]
}

/**
 * Schemas that the sample shows (`shown`), that readings met, or that the registry has under the topic's name; without
 * those that are `known`. Does not reject for the registry's troubles.
 */
export async function strangersOf(
  question: FacetQuestion,
  shown: readonly number[],
  known: readonly (number | undefined)[],
  type: SchemaType,
): Promise<Strangers> {
  const { registry } = question
  const met = question.met.filter(({ id }) => typeof id === 'number' && !known.includes(id))
  const byRecord = [...new Set([...shown, ...met.filter(({ how }) => how === 'record').map(({ id }) => id as number)])]
  const bySubject = [...new Set(met.map(({ id }) => id as number))].filter((id) => !byRecord.includes(id))
  const troubles: string[] = []
  const fetched = async (id: number): Promise<RegisteredSchema | undefined> => {
    const schema = await registry?.schemaById(id).catch(onlyRegistryError)
    if (schema instanceof RegistryError)
      troubles.push(`schema ${id} of the records could not be fetched: ${schema.message}`)
    return schema === undefined || schema instanceof RegistryError ? undefined : { ...schema, id }
  }
  const [inRecords, inRegistry] = [await inParallel(byRecord, fetched), await inParallel(bySubject, fetched)].map(
    (list) => list.filter((s) => s !== undefined),
  )
  const all = [...inRecords, ...inRegistry]
  const words = [
    described('in the records also', inRecords, type),
    described('in the registry also', inRegistry, type),
  ].filter((text) => text !== '')
  return { columns: all.filter((s) => s.type === type), others: all.filter((s) => s.type !== type), words, troubles }
}

/** `in the records also schema 7 (com.acme.Pay), 9 (x-value, of JSONSCHEMA: its fields are no columns)` */
function described(where: string, schemas: readonly RegisteredSchema[], type: SchemaType): string {
  if (schemas.length === 0) return ''
  const each = schemas.slice(0, MAX_NAMED).map((schema) => {
    const notes = [schema.subject, schema.type === type ? undefined : otherType(schema.type, type)].filter(
      (note) => note !== undefined,
    )
    return notes.length === 0 ? String(schema.id) : `${schema.id} (${notes.join(', ')})`
  })
  return `${where} schema ${each.join(', ')}${schemas.length > MAX_NAMED ? ` and ${schemas.length - MAX_NAMED} more` : ''}`
}

/** Of JSON any field can be named, whatever schema it was written with. */
function otherType(type: SchemaType, ofTopic: SchemaType): string {
  return ofTopic === 'JSON' ? `of ${formatOf(type)}` : `of ${formatOf(type)}: its fields are no columns`
}

/** The format of payloads with a schema of that type. */
export function formatOf(type: SchemaType): FormatName {
  return type === 'JSON' ? 'JSONSCHEMA' : type
}

/** The newest versions, ascending. */
export async function subjectSchemas(
  registry: Registry,
  subject: string,
  versions: readonly number[],
): Promise<RegisteredSchema[]> {
  const found = await inParallel(versions.slice(-MAX_VERSIONS), (version) => registry.schema(subject, version))
  return found.filter((s) => s !== undefined)
}

/** The type of schema that most of the payloads have; of those that are equally common, that of the newest. */
function commonestType(
  known: readonly RegisteredSchema[],
  framed: readonly Buffer[],
): RegisteredSchema['type'] | undefined {
  const counts = new Map<RegisteredSchema['type'], number>()
  for (const { id, type } of [...known].sort((a, b) => (b.id ?? 0) - (a.id ?? 0))) {
    counts.set(type, (counts.get(type) ?? 0) + framed.filter((s) => s.readInt32BE(1) === id).length)
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}

/**
 * Where the schema is registered: under its record's name or under this topic if it is there, else (the topic was
 * copied or renamed) wherever it is.
 */
async function subjectsOf(
  question: FacetQuestion,
  registry: Registry,
  schema: RegisteredSchema,
): Promise<readonly string[]> {
  const uses = (await registry.usesOf(schema.id as number).catch(() => [])).map((u) => u.subject)
  const own = uses.filter(
    (subject) => subject === recordName(question, schema) || subject.startsWith(`${question.topic}-`),
  )
  return own.length > 0 ? own : uses
}

function recordName(question: FacetQuestion, schema: RegisteredSchema): string | undefined {
  try {
    const { type } = question.decoders.of(schema)
    return type.kind === 'struct' ? type.name : undefined
  } catch {
    return undefined // an unusable schema: the facet will say so
  }
}

/**
 * How many of the payloads that carry the schema's id can be read with it: a number may look framed by chance, but then
 * it does not fit.
 */
function fitCount(question: FacetQuestion, schema: RegisteredSchema, framed: readonly Buffer[]): number {
  const own = framed.filter((s) => s.readInt32BE(1) === schema.id)
  try {
    const decoder = question.decoders.of(schema)
    if (schema.type === 'PROTOBUF')
      return own.filter((s) => question.decoders.protobufMessage(decoder, s) !== undefined).length
    const fits = payloadCheck(decoder)
    return own.filter((s) => fits(s.subarray(5))).length
  } catch {
    return own.length // an unusable schema: the facet will say so
  }
}

/** Whether the payload begins like Confluent's frame: a zero byte and the id of a schema, 4 bytes. */
export function isFramed(bytes: Buffer): boolean {
  return bytes.length >= 5 && bytes[0] === 0 && bytes.readInt32BE(1) > 0
}

/**
 * `perhaps`: more than half begin like framed payloads, worth a request to the registry. `likely`: and with few ids,
 * and they are not numbers of a fixed width. `surely`: and that is three in four of the samples.
 */
export function looksFramed(samples: readonly Buffer[], how: 'perhaps' | 'likely' | 'surely'): boolean {
  const framed = samples.filter((s) => isFramed(s))
  if (framed.length * 2 <= samples.length) return false
  if (how === 'perhaps') return true
  const ids = new Set(framed.map((s) => s.readInt32BE(1)))
  const plausible = [...ids].every((id) => id < 10_000_000) && ids.size <= Math.max(3, framed.length / 4)
  return (
    (how === 'likely' || framed.length * 4 >= samples.length * 3) && plausible && !framed.every((s) => s.length === 8)
  )
}

/** For `catch`: a registry's error becomes a value, any other one goes on. */
export function onlyRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error
  throw error
}

/** At most eight at a time, results in order. */
async function inParallel<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let i = 0; i < items.length; i += 8) results.push(...(await Promise.all(items.slice(i, i + 8).map(each))))
  return results
}
