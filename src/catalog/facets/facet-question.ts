/** What is asked when the format of a facet is looked for, and what the answer may be found with. */
import type { FormatName } from '../../formats/format.ts'
import type { GlueSchemas } from '../../registry/glue.ts'
import type { Registry } from '../../registry/registry.ts'
import type { Decoders } from './decoders.ts'
import type { MetSchema } from './met.ts'
import type { FormatOptions } from './plain-formats.ts'
import type { TopicSample } from './sample.ts'

/** Which part of a record. */
export type Side = 'key' | 'value'

/** What is asked about a facet, and what the answer may be found with. */
export interface FacetQuestion {
  readonly topic: string
  readonly side: Side
  readonly configured: { readonly format: FormatName; readonly pattern: string } | undefined
  readonly registry: Registry | undefined
  readonly decoders: Decoders
  /** Reads the sample at the first call; later calls get the same one. */
  readonly sample: () => Promise<TopicSample>
  /** Settings of the configured format. */
  readonly options?: FormatOptions
  /** Schemas of AWS Glue by the id of their version. */
  readonly glue?: GlueSchemas
  /** Bytes behind the payload of every key or value that belong to something else. */
  readonly tail?: number
  /** Schemas that readings met, beside those of the sample. */
  readonly met: readonly MetSchema[]
}

/** Keys or values that are not null, without what follows their payload. */
export function samplesOf(sample: TopicSample, question: FacetQuestion): readonly Buffer[] {
  const { side, tail = 0 } = question
  const all = side === 'key' ? sample.keys : sample.values
  return tail === 0 ? all : all.map((bytes) => bytes.subarray(0, Math.max(0, bytes.length - tail)))
}

/** The headers of the records of `samplesOf`. */
export function headersOf(sample: TopicSample, { side }: FacetQuestion): TopicSample['keyHeaders'] {
  return side === 'key' ? sample.keyHeaders : sample.valueHeaders
}

/** Names of the Protobuf messages that were met. */
export function metMessages({ met }: FacetQuestion): string[] {
  return met.flatMap(({ message }) => (message === undefined ? [] : [message]))
}
