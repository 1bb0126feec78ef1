/**
 * How one facet (key or value) of one topic is written: by configuration, by the registry's subject, or by looking at
 * records; and the facet that follows from it. It decides and explains; reading records is `sample.ts`, decoding is
 * `formats/`. A registry in trouble matters only where records cannot be read without it.
 */
import { payloadCheck } from '../../formats/check.ts'
import { guessFormat } from '../../formats/detect.ts'
import { type FormatName, mixedParts, windowedParts } from '../../formats/format.ts'
import type { TableFacet } from '../../plan/catalog.ts'
import { type RegisteredSchema, type Registry, RegistryError, type SchemaType } from '../../registry/registry.ts'
import { JSON_TYPE } from '../../types.ts'
import { type FacetQuestion, metMessages, samplesOf } from './facet-question.ts'
import { type MetSchema, schemaKey } from './met.ts'
import { mixedFacet, shownFormats } from './mixed-formats.ts'
import { framedFacet, isRegistryFormat, plainFacet, schemaFacet, unreadableFacet, windowedFacet } from './make-facet.ts'
import type { TopicSample } from './sample.ts'
import { namesSchemas, selfFramedFacet } from './self-framed.ts'

/**
 * Limit `catalog.schema.versions` (versions): newest versions of a subject whose fields become a table's columns.
 * Beyond it: fields that only older versions have are no columns.
 */
const MAX_VERSIONS = 100
/**
 * Limit `catalog.sampled.ids` (ids): schema ids of a sample that are looked up. Beyond it: further ones are not looked
 * up.
 */
const MAX_SAMPLED_IDS = 20

/**
 * Limit `catalog.described.schemas` (schemas): schemas that DESCRIBE names one by one. Beyond it: it says how many more
 * there are.
 */
const MAX_NAMED = 20

/** A facet, and how long it may be believed. */
export interface FoundFacet {
  readonly facet: TableFacet
  /**
   * `configured`: for ever. `registry`: until the subject's versions change. `sampled`: for a while. `open`: look again
   * next time (no records yet, or something failed).
   */
  readonly basis: 'configured' | 'registry' | 'sampled' | 'open'
  /** The versions that the facet was made of, with basis `registry`. */
  readonly versions?: readonly number[]
  /**
   * Keys (`schemaKey`) of the schemas that the facet is made of; absent where none are, or columns are named without
   * them.
   */
  readonly schemas?: ReadonlySet<string>
  /** Of these, what the sample showed beside the subject: it is remembered when the sample no longer shows it. */
  readonly shown?: readonly MetSchema[]
  /** No record has been seen yet: how the first ones say who wrote them is to be looked at. */
  readonly unseen?: boolean
}

/** Finds out. Does not reject: what cannot be read is a facet that says so. */
export async function findFacet(question: FacetQuestion): Promise<FoundFacet> {
  const { configured } = question
  const windowed = configured === undefined ? undefined : windowedParts(configured.format)
  if (configured !== undefined && windowed !== undefined && isRegistryFormat(windowed.inner)) {
    const inner = {
      ...question,
      configured: { ...configured, format: windowed.inner },
      tail: windowed.kind === 'TW' ? 8 : 16,
    }
    const found = await findFacet(inner)
    return { ...found, facet: windowedFacet(windowed.kind, found.facet) }
  }
  const mixed = configured === undefined ? undefined : mixedParts(configured.format)
  if (mixed !== undefined)
    return { facet: mixedFacet(question, mixed, 'configured', configuredDetail(question)), basis: 'sampled' }
  if (configured !== undefined && !isRegistryFormat(configured.format)) {
    return {
      facet: plainFacet(question, configured.format, 'configured', configuredDetail(question)),
      basis: 'configured',
    }
  }
  const own = await ownFramed(question)
  if (own !== undefined && !(own instanceof RegistryError)) return own
  const shown = configured === undefined && own === undefined ? await detectMixed(question) : undefined
  if (shown !== undefined) return shown
  let trouble: RegistryError | undefined = own
  try {
    const bySubject = await subjectFacet(question)
    if (bySubject !== undefined) {
      const checked = configured === undefined ? await checkedAgainstRecords(question, bySubject) : bySubject
      const found = checked === bySubject ? await withSchemasOfRecords(question, bySubject) : checked
      return samplesOf(await question.sample(), question).length > 0 ? found : { ...found, unseen: true }
    }
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    trouble = error
  }
  return configured === undefined ? detect(question, trouble) : configuredFramed(question, configured.format, trouble)
}

/**
 * Several formats in one sample. Framed records among others are taken for Avro while the registry does not answer:
 * their decoders ask it again, and a query that meets them says what is wrong with it, where reading them as something
 * else would call them damaged.
 */
async function detectMixed(question: FacetQuestion): Promise<FoundFacet | undefined> {
  const samples = samplesOf(await question.sample(), question)
  let trouble: RegistryError | undefined
  const framed = async (): Promise<FormatName | undefined> => {
    const found = await sampledSchemas(question, samples).catch(onlyRegistryError)
    if (found instanceof RegistryError) {
      trouble = found
      return 'AVRO'
    }
    const newest = found?.schemas.at(-1)
    return newest === undefined ? undefined : formatOf(newest.type)
  }
  const shown = await shownFormats(samples, framed)
  if (shown === undefined) return undefined
  if (trouble === undefined)
    return { facet: mixedFacet(question, shown.formats, 'sampled', shown.detail), basis: 'sampled' }
  return { facet: mixedFacet(question, shown.formats, 'sampled', `${shown.detail}; ${trouble.message}`), basis: 'open' }
}

/** A facet whose records tell their schemas in other ways than with Confluent's frame. */
async function ownFramed(question: FacetQuestion): Promise<FoundFacet | RegistryError | undefined> {
  const { configured } = question
  const found = await selfFramedFacet(
    question,
    await question.sample(),
    configured === undefined ? 'sampled' : 'configured',
  ).catch(onlyRegistryError)
  if (found === undefined || found instanceof RegistryError) return found
  const { facet } = found
  return {
    ...found,
    facet: configured === undefined ? facet : { ...facet, detail: `${configuredDetail(question)}; ${facet.detail}` },
    basis: 'sampled',
  }
}

function configuredDetail(question: FacetQuestion): string {
  const { configured, topic } = question
  if (configured === undefined) return ''
  return configured.pattern === topic ? 'for this topic' : `for topics ${configured.pattern}`
}

// ---------------------------------------------------------------------------------------------- by subject

/**
 * The facet that the subject `<topic>-key|-value` describes, or undefined when there is no such subject. Rejects with a
 * RegistryError.
 */
async function subjectFacet(question: FacetQuestion): Promise<BySubject | undefined> {
  const { registry, topic, side } = question
  if (registry === undefined) return undefined
  const subject = `${topic}-${side}`
  const versions = await registry.versions(subject)
  if (versions.length === 0) return undefined
  const schemas = await subjectSchemas(registry, subject, versions)
  const newest = schemas.at(-1)
  if (newest === undefined) return undefined
  const detail = `registry subject ${subject}, version ${newest.version ?? versions.at(-1)}`
  const origin = question.configured === undefined ? 'registry' : 'configured'
  const words = origin === 'configured' ? `${configuredDetail(question)}; ${detail}` : detail
  return {
    facet: await schemaFacet(question, schemas, origin, words),
    basis: 'registry',
    versions,
    schemas: keysOf(schemas),
    own: schemas,
  }
}

/** A facet that a subject describes, and the schemas of that subject, oldest first. */
interface BySubject extends FoundFacet {
  readonly own: readonly RegisteredSchema[]
}

/**
 * Records may be written with schemas of other subjects (RecordNameStrategy, a copied topic): those that the sample
 * shows or a reading met take part in the table, behind the subject's own.
 */
async function withSchemasOfRecords(question: FacetQuestion, bySubject: BySubject): Promise<FoundFacet> {
  const { registry } = question
  const { facet, own } = bySubject
  const newest = own.at(-1)
  if (registry === undefined || newest === undefined) return bySubject
  const ownIds = new Set(own.map((schema) => schema.id))
  const framed = samplesOf(await question.sample(), question).filter((bytes) => isFramed(bytes))
  const shown = [...new Set(framed.map((bytes) => bytes.readInt32BE(1)))]
    .filter((id) => !ownIds.has(id))
    .slice(0, MAX_SAMPLED_IDS)
  const strangers = await strangersOf(question, shown, [...ownIds, ...shown], newest.type)
  const { columns, others, troubles } = strangers
  if (troubles.length > 0) {
    // The columns of that schema may be missing: the next statement asks again.
    return { ...bySubject, basis: 'open', facet: { ...facet, detail: [facet.detail, ...troubles].join('; ') } }
  }
  const words = [facet.detail, ...strangers.words].join('; ')
  // A schema may be the topic's own, and the message that was met another one than the samples are.
  const again = columns.length > 0 || metMessages(question).length > 0
  const made = again
    ? await schemaFacet(question, [...columns, ...own], facet.origin, words)
    : { ...facet, detail: words }
  const found = shown.filter((id) => [...columns, ...others].some((schema) => schema.id === id))
  return {
    ...bySubject,
    facet: made,
    schemas: keysOf([...own, ...columns, ...others]),
    shown: found.map((id) => ({ id, how: 'record' })),
  }
}

/** Schemas of a facet beside those that it is known by. */
interface Strangers {
  /** Those of the facet's type: their columns are the facet's. */
  readonly columns: readonly RegisteredSchema[]
  /** Those of other types: their records are read, and their fields are no columns. */
  readonly others: readonly RegisteredSchema[]
  /** What DESCRIBE says of them. */
  readonly words: readonly string[]
  /** Of those that could not be had. */
  readonly troubles: readonly string[]
}

/**
 * Schemas that the sample shows (`shown`), that readings met, or that the registry has under the topic's name; without
 * those that are `known`. Does not reject for the registry's troubles.
 */
async function strangersOf(
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
      troubles.push(`schema ${id} of the records could not be had: ${schema.message}`)
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

/** Of JSON any field can be named, whoever wrote it. */
function otherType(type: SchemaType, ofTopic: SchemaType): string {
  return ofTopic === 'JSON' ? `of ${formatOf(type)}` : `of ${formatOf(type)}: its fields are no columns`
}

function formatOf(type: SchemaType): FormatName {
  return type === 'JSON' ? 'JSONSCHEMA' : type
}

function keysOf(schemas: readonly RegisteredSchema[]): Set<string> {
  return new Set(schemas.flatMap(({ id }) => (id === undefined ? [] : [schemaKey({ id })])))
}

/**
 * Some register a schema for people to read and write records without its frame. When no record has the frame, or so
 * few that they are strangers, the records count and not the subject.
 */
async function checkedAgainstRecords(question: FacetQuestion, bySubject: BySubject): Promise<FoundFacet> {
  const sample = await question.sample()
  const samples = samplesOf(sample, question)
  const framed = samples.filter((bytes) => bytes.length >= 5 && bytes[0] === 0).length
  if (samples.length < 3 || framed * 5 >= samples.length) return bySubject
  const found = detectPlain(question, sample, samples, undefined)
  const words = framed === 0 ? 'no record is' : `only ${framed} of ${samples.length} samples are`
  return {
    ...found,
    facet: {
      ...found.facet,
      detail: `${found.facet.detail}; ${bySubject.facet.detail} is there, but ${words} framed for it`,
    },
  }
}

/** The newest versions, ascending. */
async function subjectSchemas(
  registry: Registry,
  subject: string,
  versions: readonly number[],
): Promise<RegisteredSchema[]> {
  const found = await inParallel(versions.slice(-MAX_VERSIONS), (version) => registry.schema(subject, version))
  return found.filter((s) => s !== undefined)
}

// ---------------------------------------------------------------------------------------------- by configuration,
// framed

async function configuredFramed(
  question: FacetQuestion,
  format: FormatName,
  trouble: RegistryError | undefined,
): Promise<FoundFacet> {
  const detail = configuredDetail(question)
  if (format === 'JSONSCHEMA')
    return { facet: framedFacet(question, 'JSONSCHEMA', JSON_TYPE, 'configured', detail), basis: 'configured' }
  if (question.registry === undefined) {
    return {
      facet: unreadableFacet(format, 'configured', detail, `${format} is configured, and no schema registry is.`),
      basis: 'configured',
    }
  }
  if (trouble !== undefined)
    return { facet: unreadableFacet(format, 'configured', detail, trouble.message), basis: 'open' }
  const sample = await question.sample()
  const byIds = await sampledSchemas(question, samplesOf(sample, question)).catch(onlyRegistryError)
  if (byIds instanceof RegistryError)
    return { facet: unreadableFacet(format, 'configured', detail, byIds.message), basis: 'open' }
  if (byIds !== undefined) return byRecords(question, byIds, 'configured', `${detail}; `)
  return {
    facet: framedFacet(question, format, JSON_TYPE, 'configured', `${detail}; no schema is known yet`),
    basis: 'open',
  }
}

// ---------------------------------------------------------------------------------------------- by looking at records

async function detect(question: FacetQuestion, trouble: RegistryError | undefined): Promise<FoundFacet> {
  const sample = await question.sample()
  const samples = samplesOf(sample, question)
  if (samples.length === 0) return nothingSeen(question, sample, trouble)
  if (question.registry !== undefined && trouble === undefined && looksFramed(samples, 'perhaps')) {
    const schemas = await sampledSchemas(question, samples).catch(onlyRegistryError)
    if (schemas instanceof RegistryError) return detectPlain(question, sample, samples, schemas)
    if (schemas !== undefined) return byRecords(question, schemas, 'sampled', '')
  }
  return detectPlain(question, sample, samples, trouble)
}

function detectPlain(
  question: FacetQuestion,
  sample: TopicSample,
  samples: readonly Buffer[],
  trouble: RegistryError | undefined,
): FoundFacet {
  const { format, detail: seen } = guessFormat(samples)
  const detail = [seen, trouble?.message, sample.trouble].filter((note) => note !== undefined).join('; ')
  const basis = trouble === undefined && sample.trouble === undefined ? 'sampled' : 'open'
  if (format === 'BYTES' && namesSchemas(question, sample)) return unknownNames(question, trouble)
  // Where the registry would decide and does not answer, most records suffice.
  if (format !== 'BYTES' || !looksFramed(samples, trouble === undefined ? 'surely' : 'likely'))
    return { facet: plainFacet(question, format, 'sampled', detail), basis }
  const ids = [...new Set(samples.filter(isFramed).map((s) => s.readInt32BE(1)))].sort((a, b) => a - b)
  const why =
    trouble?.message ??
    (question.registry === undefined
      ? 'No schema registry is configured.'
      : `The schema registry at ${question.registry.url} does not know them.`)
  const remedy = `If they are plain bytes, configure the format BYTES for topic ${question.topic}.`
  const unreadable = `The ${question.side}s look as if they were written with a schema registry, schema ${ids.slice(0, 5).join(', ')}. ${why} ${remedy}`
  return { facet: unreadableFacet('AVRO', 'sampled', unreadable, unreadable), basis: 'open' }
}

/** The headers name schemas, and nobody knows them. */
function unknownNames(question: FacetQuestion, trouble: RegistryError | undefined): FoundFacet {
  const { registry, side, topic } = question
  const why =
    trouble?.message ??
    (registry === undefined
      ? 'No schema registry is configured.'
      : `The schema registry at ${registry.url} does not know them, or they do not fit.`)
  const unreadable = `The headers of the records name schemas of the ${side}s. ${why} If they are plain bytes, configure the format BYTES for topic ${topic}.`
  return { facet: unreadableFacet('AVRO', 'sampled', unreadable, unreadable), basis: 'open' }
}

/**
 * No key or value has been seen. Whatever the format is said to be, nothing can be misread; so the value is JSON, whose
 * fields are known per record only: a query that names fields gets no rows rather than an error about fields that
 * nobody knows. Keys are STRING, the commonest.
 */
function nothingSeen(question: FacetQuestion, sample: TopicSample, trouble: RegistryError | undefined): FoundFacet {
  const seen = sample.empty
    ? 'the topic is empty'
    : sample.records > 0
      ? `the newest ${sample.records} ${question.side}s are null`
      : 'no record could be looked at'
  const detail = [seen, trouble?.message, sample.trouble].filter((note) => note !== undefined).join('; ')
  return { facet: plainFacet(question, question.side === 'key' ? 'STRING' : 'JSON', 'default', detail), basis: 'open' }
}

/** Schemas that records name, oldest first; those in the sample, and what else `strangers` tells. */
interface SampledSchemas {
  readonly schemas: readonly RegisteredSchema[]
  readonly strangers: Strangers
  readonly shown: readonly number[]
}

/**
 * Schemas of the ids in the samples and, where the registry can tell, all versions of the subjects that they belong to;
 * undefined when most of the framed samples cannot be read with them. Schemas that were met elsewhere come first: the
 * newest of those at hand is what INSERT writes with.
 */
async function sampledSchemas(
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

async function byRecords(
  question: FacetQuestion,
  found: SampledSchemas,
  origin: TableFacet['origin'],
  before: string,
): Promise<FoundFacet> {
  const { schemas, strangers, shown } = found
  const words = [before + idsDetail(schemas), ...strangers.words, ...strangers.troubles].join('; ')
  const all = [...strangers.columns, ...schemas]
  return {
    facet: await schemaFacet(question, all, origin, words),
    basis: strangers.troubles.length === 0 ? 'sampled' : 'open',
    schemas: keysOf([...all, ...strangers.others]),
    shown: shown.map((id) => ({ id, how: 'record' })),
  }
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

function idsDetail(schemas: readonly RegisteredSchema[]): string {
  const subjects = [...new Set(schemas.map((s) => s.subject).filter((s) => s !== undefined))]
  return `schema ids in the records${subjects.length === 0 ? '' : `, registry subject ${subjects.join(', ')}`}`
}

function isFramed(bytes: Buffer): boolean {
  return bytes.length >= 5 && bytes[0] === 0 && bytes.readInt32BE(1) > 0
}

/**
 * `perhaps`: more than half begin like framed payloads, worth a question to the registry. `likely`: and with few ids,
 * and they are not numbers of a fixed width. `surely`: and that is three in four of the samples.
 */
function looksFramed(samples: readonly Buffer[], how: 'perhaps' | 'likely' | 'surely'): boolean {
  const framed = samples.filter((s) => isFramed(s))
  if (framed.length * 2 <= samples.length) return false
  if (how === 'perhaps') return true
  const ids = new Set(framed.map((s) => s.readInt32BE(1)))
  const plausible = [...ids].every((id) => id < 10_000_000) && ids.size <= Math.max(3, framed.length / 4)
  return (
    (how === 'likely' || framed.length * 4 >= samples.length * 3) && plausible && !framed.every((s) => s.length === 8)
  )
}

function onlyRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error
  throw error
}

/** At most eight at a time, results in order. */
async function inParallel<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let i = 0; i < items.length; i += 8) results.push(...(await Promise.all(items.slice(i, i + 8).map(each))))
  return results
}
