/**
 * Protobuf for the catalog: loaded when a topic needs it, because the parser of .proto files is large. Which message of
 * a schema a topic's records are is seen from samples.
 */
import { payloadCheck } from '../../formats/check.ts'
import type { FacetEncoder } from '../../formats/encoder.ts'
import type { FacetDecoder } from '../../formats/format.ts'
import { messageAt, messageDecoder, protobufDecoder } from '../../formats/protobuf/decoder.ts'
import { protobufEncoder } from '../../formats/protobuf/encoder.ts'
import { parseProtobufSchema } from '../../formats/protobuf/definition/link.ts'
import { type ProtoMessage, type ProtoSchema, protobufType } from '../../formats/protobuf/definition/schema.ts'
import type { RawBuffer } from '../../formats/reading/reader-runtime.ts'
import type { RegisteredSchema } from '../../registry/registry.ts'
import type { DataType } from '../../types.ts'

/** A decoder with the schema that it was made of. */
export interface ProtobufDecoder extends FacetDecoder {
  readonly schema: ProtoSchema
}

/** Throws for a schema that cannot be used. */
export function protobufDecoderOf(schema: RegisteredSchema): ProtobufDecoder {
  const parsed = parseProtobufSchema(
    schema.text,
    schema.references.map(({ name, text }) => ({ name, text })),
  )
  return { ...protobufDecoder(parsed, `protobuf ${schema.id ?? ''}`.trim()), schema: parsed }
}

/**
 * The message of a framed record (magic byte and id in front), when its schema has it and the rest of the record fits.
 */
export function messageOf(decoder: ProtobufDecoder, record: Buffer): ProtoMessage | undefined {
  const found = messageAt(decoder.schema, record as RawBuffer, 5, record.length)
  return found !== undefined && payloadCheck(messageDecoder(found.message, 'sample'))(record.subarray(found.from))
    ? found.message
    : undefined
}

/** The decoder for payloads that are one message and nothing else. Throws when the schema has none such. */
export function namedMessageDecoder(
  decoder: ProtobufDecoder,
  message: { readonly name: string } | { readonly indexes: Uint8Array },
): FacetDecoder {
  const found =
    'name' in message
      ? decoder.schema.byName(message.name)
      : messageAt(decoder.schema, Buffer.from(message.indexes) as RawBuffer, 0, message.indexes.length)?.message
  if (found === undefined) throw new Error('The schema has no such message as the headers of the record say.')
  return messageDecoder(found, `${decoder.title} ${found.name}`)
}

/**
 * Types of the messages that the records are, by samples and by the names that were `met`, newest schema first, each
 * message by its name in every schema; the first message of a schema where the samples do not decide it.
 * `decoders`: newest first, with the id of each.
 */
export function messageTypes(
  decoders: readonly { readonly id: number | undefined; readonly decoder: ProtobufDecoder }[],
  samples: readonly Buffer[],
  met: readonly string[],
): DataType[] {
  const names = new Set<string>()
  for (const sample of samples) {
    const own =
      sample.length > 5 && sample[0] === 0 ? decoders.find(({ id }) => id === sample.readInt32BE(1)) : undefined
    const message = own === undefined ? undefined : messageOf(own.decoder, sample)
    if (message !== undefined) names.add(message.name)
  }
  for (const name of met) names.add(name)
  if (names.size === 0) return decoders.map(({ decoder }) => decoder.type)
  return decoders.flatMap(({ decoder }) =>
    [...names].flatMap((name) => {
      const message = decoder.schema.byName(name)
      return message === undefined ? [] : [protobufType(message)]
    }),
  )
}

/** Writes the message that the samples are, else the first one. */
export function protobufEncoderOf(
  decoder: ProtobufDecoder,
  samples: readonly Buffer[],
  id: number | undefined,
): FacetEncoder | undefined {
  const message = samples
    .filter((s) => s.length > 5 && s[0] === 0 && s.readInt32BE(1) === id)
    .map((s) => messageOf(decoder, s))
    .find((m) => m !== undefined)
  return decoder.schema.messages.length === 0 ? undefined : protobufEncoder(decoder.schema, message)
}
