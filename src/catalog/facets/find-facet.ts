/**
 * How one facet (key or value) of one topic is written: by configuration, by the registry's subject, or by looking at
 * records; and the facet that follows from it. It decides and explains; reading records is `sample.ts`, decoding is
 * `formats/`. A registry in trouble matters only where records cannot be read without it.
 */
import { guessFormat } from '../../formats/detect.ts'
import { type FormatName, mixedParts, windowedParts } from '../../formats/format.ts'
import type { TableFacet } from '../../plan/catalog.ts'
import { type RegisteredSchema, RegistryError } from '../../registry/registry.ts'
import { JSON_TYPE } from '../../types.ts'
import { type FacetQuestion, metMessages, samplesOf } from './facet-question.ts'
import { type MetSchema, schemaKey } from './met.ts'
import { mixedFacet, shownFormats } from './mixed-formats.ts'
import { framedFacet, isRegistryFormat, plainFacet, schemaFacet, unreadableFacet, windowedFacet } from './make-facet.ts'
import type { TopicSample } from './sample.ts'
import {
  formatOf,
  isFramed,
  looksFramed,
  MAX_SAMPLED_IDS,
  onlyRegistryError,
  type SampledSchemas,
  sampledSchemas,
  strangersOf,
  subjectSchemas,
} from './schemas-of-records.ts'
import { namesSchemas, selfFramedFacet } from './self-framed.ts'

/** A facet, and how long it is valid. */
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
  /** No record has been seen yet: how the first ones name their schemas is still open. */
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

/** A facet whose records name their schemas in other ways than with Confluent's frame. */
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

/** The headers name schemas that are unknown. */
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
 * fields are known per record only: a query that names fields gets no rows rather than an error about unknown
 * fields. Keys are STRING, the commonest.
 */
function nothingSeen(question: FacetQuestion, sample: TopicSample, trouble: RegistryError | undefined): FoundFacet {
  const seen = sample.empty
    ? 'the topic is empty'
    : sample.records > 0
      ? `the newest ${sample.records} ${question.side}s are null`
      : 'no record could be read'
  const detail = [seen, trouble?.message, sample.trouble].filter((note) => note !== undefined).join('; ')
  return { facet: plainFacet(question, question.side === 'key' ? 'STRING' : 'JSON', 'default', detail), basis: 'open' }
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

function idsDetail(schemas: readonly RegisteredSchema[]): string {
  const subjects = [...new Set(schemas.map((s) => s.subject).filter((s) => s !== undefined))]
  return `schema ids in the records${subjects.length === 0 ? '' : `, registry subject ${subjects.join(', ')}`}`
}
