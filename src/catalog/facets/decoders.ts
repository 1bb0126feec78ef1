/**
 * Decoders by schema id, shared by all topics of an environment: fetched from the registry once, made once, kept for
 * ever (within a bound). What is wrong with an id is an Error with a sentence, which becomes the reason of the bad
 * records.
 */
import { avroDecoder } from '../../formats/avro/decoder.ts'
import { resolveAvro } from '../../formats/avro/resolve.ts'
import { type AvroSchema, type NamedNode, parseAvroSchema } from '../../formats/avro/schema.ts'
import type { FacetEncoder } from '../../formats/encoder.ts'
import type { FacetDecoder } from '../../formats/format.ts'
import { jsonDecoder } from '../../formats/json/decoder.ts'
import { Lru } from '../../lib/lru.ts'
import type { RegisteredSchema, Registry } from '../../registry/registry.ts'
import type { DataType } from '../../types.ts'
import type { ProtobufDecoder } from './protobuf.ts'

/** The Protobuf part, once it has been loaded. */
let protobuf: typeof import('./protobuf.ts') | undefined

/**
 * Limit `catalog.decoders` (decoders): decoders of schemas that are kept. Beyond it: the one used longest ago is
 * dropped, and made again when a record needs it.
 */
const MAX_DECODERS = 10_000

/** Decoders by the id of their schema, made once and kept (`catalog.decoders`). */
export class Decoders {
  readonly #registry: Registry | undefined
  readonly #known = new Lru<number, FacetDecoder>(MAX_DECODERS)
  readonly #underWay = new Map<number, Promise<FacetDecoder>>()
  /** By the ids of both schemas: Avro's records as a newer schema shows them. */
  readonly #resolved = new Lru<string, FacetDecoder>(MAX_DECODERS)

  constructor(registry: Registry | undefined) {
    this.#registry = registry
  }

  /**
   * The decoder for records that carry this id; a promise when the registry has to be asked. Throws or rejects with a
   * sentence.
   */
  byId(id: number | undefined): FacetDecoder | Promise<FacetDecoder> {
    if (id === undefined) throw new Error('The record carries no schema id.')
    const known = this.#known.get(id)
    if (known !== undefined) return known
    let making = this.#underWay.get(id)
    if (making === undefined) {
      making = this.#make(id).finally(() => this.#underWay.delete(id))
      this.#underWay.set(id, making)
    }
    return making
  }

  /** The decoder for records that carry this id, if it was asked for before. */
  known(id: number): FacetDecoder | undefined {
    return this.#known.get(id)
  }

  /** To be called before `of` is given schemas of these types. */
  async prepare(schemas: readonly RegisteredSchema[]): Promise<void> {
    if (schemas.some((schema) => schema.type === 'PROTOBUF')) protobuf ??= await import('./protobuf.ts')
  }

  /** The message that a framed record is, as far as its decoder knows. */
  protobufMessage(decoder: FacetDecoder, record: Buffer): object | undefined {
    return loadedProtobuf().messageOf(decoder as ProtobufDecoder, record)
  }

  /**
   * The name of the message that a framed record is; undefined when the decoder is not that of a Protobuf schema, or
   * the record does not fit it.
   */
  messageName(decoder: FacetDecoder, record: Buffer): string | undefined {
    return isProtobuf(decoder) ? loadedProtobuf().messageOf(decoder, record)?.name : undefined
  }

  /** The name of the record of an Avro schema, or that of a Protobuf schema's messages when it has one of this name. */
  describes(decoder: FacetDecoder, name: string): boolean {
    return isProtobuf(decoder)
      ? decoder.schema.byName(name) !== undefined
      : decoder.type.kind === 'struct' && decoder.type.name === name
  }

  /**
   * The decoder for payloads that are one message and nothing else, by its name or by its indexes as Confluent writes
   * them. Throws when the schema has none such.
   */
  protobufMessageDecoder(
    decoder: FacetDecoder,
    message: { readonly name: string } | { readonly indexes: Uint8Array },
  ): FacetDecoder {
    return loadedProtobuf().namedMessageDecoder(decoder as ProtobufDecoder, message)
  }

  /**
   * What the records of a topic are, from samples and from the names of messages that were `met`: the types of their
   * messages, newest first, and the encoder of such a message. `decoders`: newest first.
   */
  protobufMessages(
    decoders: readonly { readonly id: number | undefined; readonly decoder: ProtobufDecoder }[],
    samples: readonly Buffer[],
    met: readonly string[],
  ): { readonly types: DataType[]; readonly encoder: FacetEncoder | undefined } {
    const { messageTypes, protobufEncoderOf } = loadedProtobuf()
    return {
      types: messageTypes(decoders, samples, met),
      encoder: protobufEncoderOf(decoders[0].decoder, samples, decoders[0].id),
    }
  }

  /**
   * The decoder of a given schema, remembered under its id. Throws for a schema that is none, or of a format that is
   * not read.
   */
  of(schema: RegisteredSchema): FacetDecoder {
    const known = schema.id === undefined ? undefined : this.#known.get(schema.id)
    if (known !== undefined) return known
    const decoder = decoderOf(schema)
    if (schema.id !== undefined) this.#known.set(schema.id, decoder)
    return decoder
  }

  /**
   * Decoders of older versions of an Avro schema that show records as the newest version says (defaults, aliases), by
   * id; where that makes no difference there is none. Throws for a newest schema that cannot be used; older ones are
   * left out.
   */
  asNewest(older: readonly RegisteredSchema[], newest: RegisteredSchema): Map<number, FacetDecoder> {
    const found = new Map<number, FacetDecoder>()
    let reader: AvroSchema | undefined
    for (const schema of older) {
      const { id } = schema
      if (id === undefined || newest.id === undefined || id === newest.id) continue
      const pair = `${id} ${newest.id}`
      let decoder = this.#resolved.get(pair)
      if (decoder === undefined) {
        const plain = this.of(schema)
        const writer = parsed(schema)
        reader ??= parsed(newest)
        const node = resolveAvro(writer.node, reader.node)
        decoder =
          node === writer.node ? plain : avroDecoder({ node, names: writer.names }, `${plain.title} as ${newest.id}`)
        this.#resolved.set(pair, decoder)
      }
      found.set(id, decoder)
    }
    return found
  }

  async #make(id: number): Promise<FacetDecoder> {
    if (this.#registry === undefined)
      throw new Error(`The record was written with schema ${id}, and no schema registry is configured.`)
    const schema = await this.#registry.schemaById(id)
    if (schema === undefined)
      throw new Error(`The schema registry at ${this.#registry.url} does not know schema ${id}.`)
    await this.prepare([schema])
    return this.of({ ...schema, id })
  }
}

/** Whether the decoder was made of a Protobuf schema. */
export function isProtobuf(decoder: FacetDecoder): decoder is ProtobufDecoder {
  return 'schema' in decoder
}

/** The Protobuf part. Callers with a Protobuf schema have awaited `prepare`. */
function loadedProtobuf(): typeof import('./protobuf.ts') {
  if (protobuf === undefined) throw new Error('Protobuf has not been loaded')
  return protobuf
}

function decoderOf(schema: RegisteredSchema): FacetDecoder {
  if (schema.type === 'JSON') return jsonDecoder()
  try {
    if (schema.type === 'PROTOBUF') return loadedProtobuf().protobufDecoderOf(schema)
    return avroDecoder(parsed(schema), `avro ${schema.id ?? ''}`.trim())
  } catch (error) {
    throw new Error(
      `Schema ${schema.id ?? '?'} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function parsed(schema: RegisteredSchema): AvroSchema {
  const names = new Map<string, NamedNode>()
  for (const { text } of schema.references)
    for (const [name, node] of parseAvroSchema(text, names).names) names.set(name, node)
  return parseAvroSchema(schema.text, names)
}
