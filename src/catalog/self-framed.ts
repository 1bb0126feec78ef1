/**
 * Topics whose records say who wrote them in other ways than with Confluent's frame: AWS Glue's (a 3, a byte for the compression, the sixteen bytes of an id) and the eight-byte
 * ids of older Apicurio serializers. The schemas are fetched when the facet is made; an id that turns up later is fetched behind the scenes, and its first records are bad.
 */
import { inflateSync } from 'node:zlib'
import { payloadCheck } from '../formats/check.ts'
import type { FacetDecoder, FormatName } from '../formats/format.ts'
import type { RawBuffer } from '../formats/runtime.ts'
import { type Located, selfFramedDecoder } from '../formats/self-framed.ts'
import type { TableFacet } from '../plan/catalog.ts'
import { GLUE_FRAME_BYTES, glueFrame, type GlueSchemas } from '../registry/glue.ts'
import type { RegisteredSchema, SchemaType } from '../registry/registry.ts'
import type { FacetQuestion } from './facet-question.ts'
import { mergeTypes } from './merge-types.ts'

/** `glue.payload.bytes`: the largest payload after decompression; a larger one is a bad record. */
const MAX_INFLATED = 64 << 20
/** Ids of a sample that are looked up. */
const MAX_IDS = 20
/** Ids fetched at once in the background. */
const MAX_FETCHING = 8
const WIDE_FRAME_BYTES = 9

const FORMATS: Readonly<Record<SchemaType, FormatName>> = { AVRO: 'AVRO', PROTOBUF: 'PROTOBUF', JSON: 'JSONSCHEMA' }

type Found = Pick<TableFacet, 'format' | 'origin' | 'detail' | 'type' | 'framing' | 'decoder'>

/** The facet when most of the samples have such a frame and can be read with its schema; else undefined. */
export async function selfFramedFacet(question: FacetQuestion, samples: readonly Buffer[], origin: TableFacet['origin']): Promise<Found | undefined> {
  return (await glueFacet(question, samples, origin)) ?? (await wideFacet(question, samples, origin))
}

function facetOf(title: string, schemas: readonly RegisteredSchema[], decoders: readonly FacetDecoder[], locate: Locate, origin: TableFacet['origin']): Found {
  const type = mergeTypes(decoders.map((decoder) => decoder.type))
  const decoder = selfFramedDecoder(title, type, locate)
  return { format: FORMATS[schemas[0].type], origin, detail: title, type, framing: 'none', decoder: () => decoder }
}

type Locate = (b: RawBuffer, from: number, to: number) => Located | undefined

/** More than half of the samples are read with what is located in them. */
function fits(samples: readonly Buffer[], locate: Locate): boolean {
  const good = samples.filter((sample) => {
    const found = locate(sample as RawBuffer, 0, sample.length)
    return found !== undefined && payloadCheck(found.decoder)(found.bytes.subarray(found.from, found.to))
  })
  return good.length * 2 > samples.length
}

// ---------------------------------------------------------------------------------------------- Glue

async function glueFacet(question: FacetQuestion, samples: readonly Buffer[], origin: TableFacet['origin']): Promise<Found | undefined> {
  const { glue } = question
  if (glue === undefined) return undefined
  const ids = [...new Set(samples.map((sample) => glueFrame(sample, 0, sample.length)?.id))].filter((id) => id !== undefined && glue.has(id)) as string[]
  if (ids.length === 0) return undefined
  const schemas = ids.map((id) => registered(glue, id)).filter((schema) => schema !== undefined)
  await question.decoders.prepare(schemas)
  const decoders = new Map<string, FacetDecoder | undefined>()
  const decoderOf = (id: string): FacetDecoder | undefined => {
    if (!decoders.has(id)) {
      const schema = registered(glue, id)
      decoders.set(id, schema === undefined ? undefined : usable(question, schema))
    }
    return decoders.get(id)
  }
  const locate: Locate = (b, from, to) => {
    const frame = glueFrame(b, from, to)
    const decoder = frame === undefined ? undefined : decoderOf(frame.id)
    if (frame === undefined || decoder === undefined) return undefined
    if (!frame.compressed) return { decoder, bytes: b, from: from + GLUE_FRAME_BYTES, to }
    const bytes = inflated(b.subarray(from + GLUE_FRAME_BYTES, to))
    return bytes === undefined ? undefined : { decoder, bytes, from: 0, to: bytes.length }
  }
  const known = ids.map(decoderOf).filter((decoder) => decoder !== undefined)
  return known.length === 0 || !fits(samples, locate) ? undefined : facetOf('ids of Glue in the records', schemas, known, locate, origin)
}

function registered(glue: GlueSchemas, id: string): RegisteredSchema | undefined {
  const schema = glue.get(id)
  return schema === undefined ? undefined : { ...schema, references: [] }
}

function usable(question: FacetQuestion, schema: RegisteredSchema): FacetDecoder | undefined {
  try {
    return question.decoders.of(schema)
  } catch {
    return undefined // a schema that is none: its records are bad
  }
}

function inflated(bytes: Uint8Array): RawBuffer | undefined {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_INFLATED }) as RawBuffer
  } catch {
    return undefined // not zlib, or too large: a bad record
  }
}

// ---------------------------------------------------------------------------------------------- eight-byte ids

/** The id behind the zero byte; undefined when there is none, or none that a number holds. */
function wideId(b: Buffer, from: number, to: number): number | undefined {
  if (to - from < WIDE_FRAME_BYTES || b[from] !== 0) return undefined
  const id = b.readUInt32BE(from + 1) * 4294967296 + b.readUInt32BE(from + 5)
  return id > 0 && Number.isSafeInteger(id) ? id : undefined
}

async function wideFacet(question: FacetQuestion, samples: readonly Buffer[], origin: TableFacet['origin']): Promise<Found | undefined> {
  const { registry } = question
  // Such ids are small: the bytes that a four-byte id would stand in are zero.
  const ids = [...new Set(samples.filter((s) => s.length >= WIDE_FRAME_BYTES && s.readUInt32BE(1) === 0).map((s) => wideId(s, 0, s.length)))]
  const wanted = ids.filter((id) => id !== undefined).slice(0, MAX_IDS)
  if (registry?.schemaByGlobalId === undefined || wanted.length === 0) return undefined
  const decoders = new Map<number, FacetDecoder | undefined>()
  const schemas: RegisteredSchema[] = []
  const fetch = async (id: number): Promise<void> => {
    const schema = await registry.schemaByGlobalId?.(id)
    if (schema !== undefined) await question.decoders.prepare([schema])
    decoders.set(id, schema === undefined ? undefined : usable(question, schema))
    if (schema !== undefined) schemas.push(schema)
  }
  for (const id of wanted) await fetch(id)
  let fetching = 0
  const locate: Locate = (b, from, to) => {
    const id = wideId(b, from, to)
    const decoder = id === undefined ? undefined : decoders.get(id)
    if (decoder !== undefined) return { decoder, bytes: b, from: from + WIDE_FRAME_BYTES, to }
    if (id !== undefined && !decoders.has(id) && fetching < MAX_FETCHING) {
      fetching++
      void fetch(id)
        .catch(() => undefined) // asked for again with the next record that carries it
        .finally(() => fetching--)
    }
    return undefined
  }
  const known = [...decoders.values()].filter((decoder) => decoder !== undefined)
  return known.length === 0 || !fits(samples, locate) ? undefined : facetOf('eight-byte ids in the records', schemas, known, locate, origin)
}
