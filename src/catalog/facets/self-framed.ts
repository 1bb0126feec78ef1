/**
 * Topics whose records name their schemas in other ways than with Confluent's frame: ids in the headers (Apicurio's
 * serializers, Confluent's with GUIDs), the eight-byte ids of older Apicurio serializers, and AWS Glue's frame. It
 * decides by samples whether a topic is one of them, and finds the decoder for an id; ids in bytes are
 * `registry/record-ids.ts`.
 */
import { inflateSync } from 'node:zlib'
import { payloadCheck } from '../../formats/check.ts'
import type { FacetDecoder, FormatName } from '../../formats/format.ts'
import { jsonDecoder } from '../../formats/json/decoder.ts'
import { jsonEncoder } from '../../formats/json/encoder.ts'
import { jsonSchemaColumns } from '../../formats/jsonschema/columns.ts'
import { convertedDecoder } from '../../formats/reading/relay.ts'
import type { RawBuffer } from '../../formats/reading/reader-runtime.ts'
import type { TableFacet, WriterSchema } from '../../plan/catalog.ts'
import { type IdPlace, idHeaders, type RecordId, RecordIds } from '../../registry/record-ids.ts'
import type { RegisteredSchema, SchemaType } from '../../registry/registry.ts'
import { JSON_TYPE } from '../../types.ts'
import { type FacetQuestion, headersOf, samplesOf } from './facet-question.ts'
import { mergeTypes } from '../../formats/merge-types.ts'
import { type MetSchema, schemaKey } from './met.ts'
import type { TopicSample } from './sample.ts'

/** Limit `glue.payload.bytes` (bytes): a payload of AWS Glue after decompression. Beyond it: the record is bad. */
const MAX_INFLATED = 64 << 20
/**
 * Limit `catalog.framed.ids` (ids): schema ids of a sample, and newest versions of a subject, that are looked up.
 * Beyond it: further ones are not looked up.
 */
const MAX_SAMPLED_IDS = 20

/**
 * Limit `catalog.framed.described` (schemas): schemas that DESCRIBE names one by one for records that carry schema ids
 * of their own. Beyond it: it says how many more there are.
 */
const MAX_NAMED = 20

const FORMATS: Readonly<Record<SchemaType, FormatName>> = { AVRO: 'AVRO', PROTOBUF: 'PROTOBUF', JSON: 'JSONSCHEMA' }

const WORDS: Readonly<Record<IdPlace, string>> = {
  headers: 'schema ids in the headers of the records',
  'eight-byte': 'eight-byte ids in the records',
  glue: 'ids of Glue in the records',
}

/** A schema with its decoder. */
interface Writer {
  readonly schema: RegisteredSchema
  readonly decoder: FacetDecoder
  /** What the records call it, of one that the sample does not show. */
  readonly id?: number | string
}

type Headers = TopicSample['keyHeaders']

/**
 * The facet when most of the samples have such ids and can be read with their schemas; else undefined. Rejects with a
 * RegistryError.
 */
export async function selfFramedFacet(
  question: FacetQuestion,
  sample: TopicSample,
  origin: TableFacet['origin'],
): Promise<SelfFramed | undefined> {
  const samples = samplesOf(sample, question)
  const headers = headersOf(sample, question)
  const configuredPlace = question.options?.ids
  if (configuredPlace === 'payload') return undefined
  for (const place of ['headers', 'glue', 'eight-byte'] as const) {
    const ids = new RecordIds(place, question.side)
    if (!isPossible(place, question, samples, headers)) continue
    const numbers = samples.map((bytes, i) => ids.schemaIn(bytes, headers[i]))
    const known = await knownWriters(question, ids, numbers)
    const fitting = samples.filter((bytes, i) => fits(bytes, ids.met[numbers[i]], known.get(numbers[i])))
    if (known.size === 0 || fitting.length * 2 <= samples.length) continue
    const newest = numbers.findLast((number) => known.has(number)) as number
    const others = [...known].filter(([number]) => number !== newest).map(([, writer]) => writer)
    const shown = [...known.keys()].map((number): MetSchema => ({ id: ids.met[number], how: 'record' }))
    const met = await metWriters(question, new Set(shown.map(schemaKey)))
    const writers = [known.get(newest) as Writer, ...others, ...met, ...(await ofSubject(question))]
    const schemas = new Set([...shown, ...question.met].map(schemaKey))
    return {
      facet: facetOf(question, ids, writers, origin, { newest: ids.met[newest], met, byNumber: known }),
      schemas,
      shown,
    }
  }
  if (configuredPlace !== 'headers') return undefined
  const [met, own] = [await metWriters(question, new Set()), await ofSubject(question)]
  const writers = [...own, ...met]
  return {
    facet: facetOf(question, new RecordIds('headers', question.side), writers, origin, {
      newest: undefined,
      met,
      byNumber: new Map(),
    }),
    schemas: new Set(question.met.map(schemaKey)),
    shown: [],
  }
}

/** A facet with what it is made of: see `FoundFacet`. */
export interface SelfFramed {
  readonly facet: TableFacet
  readonly schemas: ReadonlySet<string>
  readonly shown: readonly MetSchema[]
}

/**
 * Schemas that readings met, or that the registry has under the topic's name; without those of the sample. One that
 * no longer exists is left out. Rejects with a RegistryError.
 */
async function metWriters(question: FacetQuestion, known: ReadonlySet<string>): Promise<Writer[]> {
  const found: Writer[] = []
  for (const met of question.met) {
    if (known.has(schemaKey(met))) continue
    const { id } = met
    const schema = typeof id === 'number' ? await question.registry?.schemaById(id) : await schemaOf(question, id)
    if (schema === undefined) continue
    await question.decoders.prepare([schema])
    const decoder = usable(() =>
      typeof id === 'number' ? question.decoders.of({ ...schema, id }) : decoderFor(question, id, schema),
    )
    if (decoder !== undefined) found.push({ schema, decoder, id: typeof id === 'number' ? id : id.id })
  }
  return found
}

/** Whether it is worth a request: the samples have something that may be such an id, and there is a registry for it. */
function isPossible(place: IdPlace, question: FacetQuestion, samples: readonly Buffer[], headers: Headers): boolean {
  if (place === 'glue') return question.glue !== undefined
  if (question.registry === undefined) return false
  // Such ids are small: the bytes that a four-byte id would stand in are zero.
  if (place === 'eight-byte')
    return (
      question.registry.schemaByGlobalId !== undefined && samples.some((s) => s.length >= 9 && s.readUInt32BE(1) === 0)
    )
  return haveIds(question, headers)
}

function haveIds({ side }: FacetQuestion, headers: Headers): boolean {
  const { globalId, contentId, guid } = idHeaders(side)
  return headers.some((list) => list.some(({ key }) => key === globalId || key === contentId || key === guid))
}

/** Whether the sampled records carry ids of schemas in their headers. */
export function namesSchemas(question: FacetQuestion, sample: TopicSample): boolean {
  return haveIds(question, headersOf(sample, question))
}

/** The schemas of the sampled ids that are known and can be used, by the number of the id. */
async function knownWriters(
  question: FacetQuestion,
  ids: RecordIds,
  numbers: readonly number[],
): Promise<Map<number, Writer>> {
  const known = new Map<number, Writer>()
  for (const number of [...new Set(numbers)].filter((n) => n >= 0).slice(0, MAX_SAMPLED_IDS)) {
    const schema = await schemaOf(question, ids.met[number])
    if (schema === undefined) continue
    await question.decoders.prepare([schema])
    const decoder = usable(() => decoderFor(question, ids.met[number], schema))
    if (decoder !== undefined) known.set(number, { schema, decoder })
  }
  return known
}

function fits(bytes: Buffer, id: RecordId | undefined, writer: Writer | undefined): boolean {
  return id !== undefined && writer !== undefined && payloadCheck(writer.decoder)(bytes.subarray(id.skip))
}

function usable(make: () => FacetDecoder): FacetDecoder | undefined {
  try {
    return make()
  } catch {
    return undefined // a schema that is none: its records are bad
  }
}

/** Further versions of the schema, when it stands under the topic's name: later records may have their columns. */
async function ofSubject({ registry, decoders, topic, side }: FacetQuestion): Promise<Writer[]> {
  if (registry === undefined) return []
  const subject = `${topic}-${side}`
  const found: Writer[] = []
  for (const version of (await registry.versions(subject)).slice(-MAX_SAMPLED_IDS).reverse()) {
    const schema = await registry.schema(subject, version)
    if (schema === undefined || schema.type === 'PROTOBUF') continue
    const decoder = usable(() => decoders.of(schema))
    if (decoder !== undefined) found.push({ schema, decoder })
  }
  return found
}

/**
 * `writers`: the newest first, which was met as `newest`. There are none, and nothing was met, where only the
 * configuration says it. `met`: those of them that the sample does not show;
 * `byNumber`: those that it shows.
 */
function facetOf(
  question: FacetQuestion,
  ids: RecordIds,
  writers: readonly Writer[],
  origin: TableFacet['origin'],
  {
    newest,
    met,
    byNumber,
  }: {
    readonly newest: RecordId | undefined
    readonly met: readonly Writer[]
    readonly byNumber: ReadonlyMap<number, Writer>
  },
): TableFacet {
  const format = question.configured?.format ?? 'AVRO'
  const type = writers[0]?.schema.type ?? (format === 'PROTOBUF' ? format : format === 'JSONSCHEMA' ? 'JSON' : 'AVRO')
  const json = type === 'JSON' || writers.length === 0
  const columns = json && writers.length > 0 ? jsonSchemaColumns(writers[0].schema.text) : undefined
  const own = writers.filter(({ schema }) => schema.type === type)
  const made = new Map<number, Promise<FacetDecoder>>()
  const ready = new Map([...byNumber].map(([number, { decoder }]) => [number, decoder]))
  return {
    format: FORMATS[type],
    origin,
    detail: [WORDS[ids.place], ...toldOf(writers, met, type)].join('; '),
    type: json ? JSON_TYPE : mergeTypes(own.map(({ decoder }) => decoder.type)),
    framing: 'own',
    frame: ids,
    reading: ids.place,
    ...(columns === undefined ? {} : { declared: columns }),
    ...(type === 'PROTOBUF' || newest === undefined ? {} : { writer: writerOf(question, writers[0].schema, newest) }),
    decoder: (number) => {
      const known = made.get(number as number)
      if (known !== undefined) return known
      const making = decoderOf(question, ids.met[number as number])
      made.set(number as number, making)
      making.then(
        (decoder) => ready.set(number as number, decoder),
        () => made.delete(number as number), // its callers get the error; the next query asks again
      )
      return making
    },
    known: (number) => ready.get(number),
  }
}

/** What DESCRIBE says of schemas beside those of the sample, and of those whose fields are no columns. */
function toldOf(writers: readonly Writer[], met: readonly Writer[], type: SchemaType): string[] {
  const each = met
    .slice(0, MAX_NAMED)
    .map(({ id, schema }) => (schema.subject === undefined ? String(id) : `${id} (${schema.subject})`))
  const others = [
    ...new Set(writers.filter(({ schema }) => schema.type !== type).map(({ schema }) => FORMATS[schema.type])),
  ]
  return [
    ...(met.length === 0
      ? []
      : [`met also schema ${each.join(', ')}${met.length > MAX_NAMED ? ` and ${met.length - MAX_NAMED} more` : ''}`]),
    ...(others.length === 0
      ? []
      : [`some schemas are of ${others.join(' and ')}${type === 'JSON' ? '' : ': their fields are no columns'}`]),
  ]
}

/** New records say it as the newest one did, uncompressed. */
function writerOf(
  { side }: FacetQuestion,
  { type, text, references }: RegisteredSchema,
  { kind, bytes, skip }: RecordId,
): WriterSchema {
  const names = idHeaders(side)
  const inFront =
    kind === 'glue'
      ? Buffer.concat([Buffer.of(3, 0), bytes.subarray(1)])
      : kind === 'globalId'
        ? Buffer.concat([Buffer.of(0), bytes])
        : Buffer.from(bytes)
  const apicurio = kind === 'globalId' || kind === 'contentId'
  const header = { key: kind === 'globalId' || kind === 'contentId' ? names[kind] : names.guid, value: bytes }
  const encoding = apicurio && type === 'AVRO' ? [{ key: names.encoding, value: Buffer.from('BINARY') }] : []
  return {
    id: 0,
    text,
    references: references.map((reference) => reference.text),
    mark: skip === 0 ? { prefix: new Uint8Array(0), headers: [header, ...encoding] } : { prefix: inFront, headers: [] },
    ...(type === 'JSON' ? { encoder: jsonEncoder(jsonSchemaColumns(text) ?? JSON_TYPE) } : {}),
  }
}

async function decoderOf(question: FacetQuestion, id: RecordId): Promise<FacetDecoder> {
  const schema = await schemaOf(question, id)
  if (schema === undefined)
    throw new Error(`${whoIsAsked(question, id)} does not know the schema ${id.id} that the record names.`)
  await question.decoders.prepare([schema])
  return decoderFor(question, id, schema)
}

function whoIsAsked(question: FacetQuestion, id: RecordId): string {
  if (id.kind === 'glue') return 'The folder of Glue schemas'
  return question.registry === undefined
    ? 'Nobody (no schema registry is configured)'
    : `The schema registry at ${question.registry.url}`
}

async function schemaOf(
  { registry, glue }: FacetQuestion,
  { kind, id }: RecordId,
): Promise<RegisteredSchema | undefined> {
  if (kind === 'glue') {
    const schema = glue?.get(String(id))
    return schema === undefined ? undefined : { ...schema, references: [] }
  }
  if (kind === 'guid') return registry?.schemaByGuid?.(String(id))
  if (kind === 'globalId') return registry?.schemaByGlobalId?.(Number(id))
  // Apicurio's Confluent API goes by content ids.
  if (kind === 'contentId' && registry?.schemaByContentId !== undefined) return registry.schemaByContentId(Number(id))
  return registry?.schemaById(Number(id))
}

/** Throws for a schema that cannot be used. */
function decoderFor(question: FacetQuestion, id: RecordId, schema: RegisteredSchema): FacetDecoder {
  if (schema.type === 'JSON') return inflating(id, jsonDecoder())
  if (id.avroJson) throw new Error("The record is written in Avro's JSON encoding, which is not read.")
  const decoder = question.decoders.of(schema)
  if (schema.type === 'PROTOBUF' && id.message !== undefined)
    return question.decoders.protobufMessageDecoder(decoder, id.message)
  return inflating(id, decoder)
}

function inflating({ compressed }: RecordId, decoder: FacetDecoder): FacetDecoder {
  return compressed
    ? convertedDecoder(`${decoder.title}, inflated`, decoder, (b, from, to) => inflated(b.subarray(from, to)))
    : decoder
}

function inflated(bytes: Uint8Array): RawBuffer | undefined {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_INFLATED }) as RawBuffer
  } catch {
    return undefined // not zlib, or too large: a bad record
  }
}
