/**
 * Facets of tables, made of what was found out: a plain format, the schemas of a registry, or the reason why records
 * cannot be read. It makes no request: it has the samples only.
 */
import type { FacetEncoder } from '../../formats/encoder.ts'
import { type FacetDecoder, type FormatName, traitsOf } from '../../formats/format.ts'
import { jsonEncoder } from '../../formats/json/encoder.ts'
import { jsonSchemaColumns } from '../../formats/jsonschema/columns.ts'
import { type WindowKind, windowedDecoder, windowedType } from '../../formats/windowed/decoder.ts'
import type { TableFacet } from '../../plan/catalog.ts'
import type { RegisteredSchema } from '../../registry/registry.ts'
import { type DataType, JSON_TYPE } from '../../types.ts'
import type { ProtobufDecoder } from './protobuf.ts'
import { type FacetQuestion, metMessages, samplesOf } from './facet-question.ts'
import { mergeTypes } from '../../formats/merge-types.ts'
import { plainDecoder, textEncoder } from './plain-formats.ts'

type Origin = TableFacet['origin']

/** Whether records of the format carry the id of a schema. */
export function isRegistryFormat(format: FormatName): boolean {
  return traitsOf(format).registry !== undefined
}

/** One facet for records of any of these schemas, oldest first; the newest decides on the format. */
export async function schemaFacet(
  question: FacetQuestion,
  schemas: readonly RegisteredSchema[],
  origin: Origin,
  detail: string,
): Promise<TableFacet> {
  await question.decoders.prepare(schemas)
  const newest = schemas[schemas.length - 1]
  if (newest.type === 'JSON') return jsonFacet(question, newest, origin, detail)
  const usable: { readonly schema: RegisteredSchema; readonly decoder: ReturnType<FacetQuestion['decoders']['of']> }[] =
    []
  const unusable: string[] = []
  for (const schema of [...schemas].reverse()) {
    try {
      if (schema.type === newest.type) usable.push({ schema, decoder: question.decoders.of(schema) })
    } catch (error) {
      unusable.push(error instanceof Error ? error.message : String(error))
    }
  }
  if (usable.length === 0)
    return unreadableFacet(newest.type === 'PROTOBUF' ? 'PROTOBUF' : 'AVRO', origin, detail, unusable[0])
  const merged = usable.length === 1 ? '' : `, merged with ${usable.length - 1} older`
  const words = [detail + merged, ...unusable].join('; ')
  if (newest.type === 'PROTOBUF') return protobufFacet(question, newest, usable, origin, words)
  const resolved =
    usable[0].schema === newest
      ? question.decoders.asNewest(
          ownVersions(
            usable.map(({ schema }) => schema),
            newest,
          ),
          newest,
        )
      : new Map<number, FacetDecoder>()
  const read = [newest, ...usable.map(({ schema }) => schema).filter(({ id }) => id !== undefined && resolved.has(id))]
  const type = mergeTypes(usable.map(({ schema, decoder }) => resolved.get(schema.id ?? -1)?.type ?? decoder.type))
  const facet = framedFacet(question, 'AVRO', type, origin, words)
  return {
    ...facet,
    reading: `as schema ${read.map(({ id, text }) => id ?? text).join(', ')}`,
    asNewest: read.flatMap(({ id }) => (id === undefined ? [] : [id])),
    versions: usable.map(({ decoder }) => decoder.type),
    decoder: (id) => resolved.get(id ?? -1) ?? facet.decoder(id),
    known: (id) => resolved.get(id) ?? facet.known?.(id),
    ...writerOf(newest, undefined),
  }
}

/**
 * Older versions of the newest schema's subject. Schemas of other subjects are never older versions, whatever their
 * records are called.
 */
function ownVersions(schemas: readonly RegisteredSchema[], newest: RegisteredSchema): RegisteredSchema[] {
  const { subject, version } = newest
  if (subject === undefined || version === undefined) return []
  return schemas.filter(
    (schema) => schema.subject === subject && schema.version !== undefined && schema.version < version,
  )
}

function writerOf(schema: RegisteredSchema, encoder: FacetEncoder | undefined): Pick<TableFacet, 'writer'> {
  const { id, text, references } = schema
  if (id === undefined) return {}
  const writer = { id, text, references: references.map((reference) => reference.text) }
  return { writer: encoder === undefined ? writer : { ...writer, encoder } }
}

/** JSON is read as JSON, whatever the schema says; the schema gives the columns that are known. */
function jsonFacet(question: FacetQuestion, schema: RegisteredSchema, origin: Origin, detail: string): TableFacet {
  const columns = jsonSchemaColumns(schema.text)
  const facet = {
    ...framedFacet(question, 'JSONSCHEMA', JSON_TYPE, origin, detail),
    ...writerOf(schema, jsonEncoder(columns ?? JSON_TYPE)),
  }
  return columns === undefined ? facet : { ...facet, declared: columns }
}

async function protobufFacet(
  question: FacetQuestion,
  newest: RegisteredSchema,
  usable: readonly {
    readonly schema: RegisteredSchema
    readonly decoder: ReturnType<FacetQuestion['decoders']['of']>
  }[],
  origin: Origin,
  detail: string,
): Promise<TableFacet> {
  const samples = samplesOf(await question.sample(), question)
  const decoders = usable.map(({ schema, decoder }) => ({ id: schema.id, decoder: decoder as ProtobufDecoder }))
  const { types, encoder } = question.decoders.protobufMessages(decoders, samples, metMessages(question))
  const own = usable[0].schema === newest ? writerOf(newest, encoder) : {}
  return { ...framedFacet(question, 'PROTOBUF', mergeTypes(types), origin, detail), ...own }
}

/** A facet whose records carry the id of the schema that they were written with. */
export function framedFacet(
  question: FacetQuestion,
  format: FormatName,
  type: DataType,
  origin: Origin,
  detail: string,
): TableFacet {
  const facet = { format, origin, detail, type, framing: 'confluent' } as const
  const json = format === 'JSONSCHEMA' ? plainDecoder('JSON') : undefined
  if (json !== undefined) return { ...facet, ...jsonDecoders(question.decoders, json) }
  return { ...facet, decoder: (id) => question.decoders.byId(id), known: (id) => question.decoders.known(id) }
}

/**
 * Limit `catalog.json.unknown` (ids): ids of a JSON topic that the registry is asked for and does not know. Beyond it:
 * records with further ones are read as plain JSON, without asking.
 */
const MAX_UNKNOWN_JSON = 1_000

/**
 * Records of JSON topics are JSON unless the registry says that their schema is of another type: they can be read
 * without it, and when it does not answer.
 */
function jsonDecoders(decoders: FacetQuestion['decoders'], json: FacetDecoder): Pick<TableFacet, 'decoder' | 'known'> {
  let unknown = 0
  return {
    decoder(id) {
      if (id === undefined) return json
      const known = decoders.known(id)
      if (known !== undefined || unknown >= MAX_UNKNOWN_JSON) return known ?? json
      return Promise.resolve(decoders.byId(id)).catch(() => {
        unknown++
        return json
      })
    },
    known: (id) => decoders.known(id) ?? json,
  }
}

/** A facet whose records are of one format that needs no registry. */
export function plainFacet(question: FacetQuestion, format: FormatName, origin: Origin, detail: string): TableFacet {
  try {
    const decoder = plainDecoder(format, question.options)
    const encoder = textEncoder(format, question.options)
    if (decoder !== undefined)
      return {
        format,
        origin,
        detail,
        type: decoder.type,
        framing: 'none',
        reading: JSON.stringify(question.options?.csv ?? {}),
        decoder: () => decoder,
        ...(encoder === undefined ? {} : { encoder }),
      }
  } catch (error) {
    return unreadableFacet(format, origin, detail, error instanceof Error ? error.message : String(error))
  }
  return unreadableFacet(
    format,
    origin,
    detail,
    `The ${question.side}s of ${question.topic} are ${format}, which this version does not read.`,
  )
}

/** The facet of keys that have a window behind them. */
export function windowedFacet(kind: WindowKind, inner: TableFacet): TableFacet {
  const { declared, ...rest } = inner
  return {
    ...rest,
    ...(declared === undefined ? {} : { declared: windowedType(kind, declared) }),
    format: `${kind}${inner.format}` as FormatName,
    type: windowedType(kind, inner.type),
    decoder: (id) => {
      const decoder = inner.decoder(id)
      return decoder instanceof Promise
        ? decoder.then((made) => windowedDecoder(kind, made))
        : windowedDecoder(kind, decoder)
    },
    known: (id) => {
      const decoder = inner.known?.(id)
      return decoder && windowedDecoder(kind, decoder)
    },
  }
}

/** A facet of which nothing can be read, and why. */
export function unreadableFacet(format: FormatName, origin: Origin, detail: string, unreadable: string): TableFacet {
  const framing = isRegistryFormat(format) ? 'confluent' : 'none'
  return {
    format,
    origin,
    detail,
    type: JSON_TYPE,
    framing,
    unreadable,
    decoder: () => {
      throw new Error(unreadable)
    },
  }
}
