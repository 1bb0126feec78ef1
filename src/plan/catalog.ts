/**
 * What the binder needs from outside: tables by name, as seen by one account in one environment. An interface only;
 * `catalog/` implements it on Kafka and a registry, tests implement it in memory. A table that may not be seen does not
 * exist here.
 */
import type { FacetEncoder } from '../formats/encoder.ts'
import type { FacetDecoder, FormatName, RecordFrame } from '../formats/format.ts'
import type { DataType, StructType } from '../types.ts'

/** For lists that only suggest names, asked for with every key that is pressed or every mistake. */
export const SUGGESTIONS = { maxAgeMs: 3_000 } as const

/**
 * Tables as one account sees them. Methods reject with a SqlError, or the KafkaError of a cluster that does not answer.
 */
export interface Catalog {
  table(name: string): Promise<Table | undefined>
  /**
   * For SHOW TABLES and for "Did you mean …?": as they are now, or with `maxAgeMs` as they were up to that time ago.
   */
  tables(options?: { readonly maxAgeMs?: number }): Promise<readonly TableSummary[]>
  /** Topic configuration rows for DESCRIBE TABLE, in display order. */
  configuration(name: string): Promise<readonly { readonly name: string; readonly value: string }[]>
  /**
   * The SELECT of a view as it was written; undefined when there is no view of that name, or it may not be seen.
   * Synonyms are resolved here and in `table`.
   */
  view?(name: string): Promise<string | undefined>
  /**
   * A statement names a column that the table does not have: look at more records and more of the registry, so that
   * `table` knows of it if there is any. It costs little when asked again.
   */
  lookDeeper?(name: string): Promise<void>
}

/** A row of SHOW TABLES. */
export interface TableSummary {
  readonly name: string
  readonly type: 'USER' | 'SYSTEM'
  readonly partitions: number
  readonly replicas: number
}

/** A topic as a table. */
export interface Table {
  readonly name: string
  readonly topic: string
  /** Distinguishes the topic from a later one of the same name; absent where the brokers give no ids. */
  readonly topicId?: string
  /** Partition numbers, ascending. */
  readonly partitions: readonly number[]
  readonly key: TableFacet
  readonly value: TableFacet
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly compacted: boolean
}

/** `references`: texts of the schemas that it names, what is needed first standing first. */
export interface WriterSchema {
  /** The registry's number; 0 where `mark` tells the schema. */
  readonly id: number
  readonly text: string
  readonly references: readonly string[]
  /**
   * How a record says that it was written with the schema, where not by Confluent's frame: bytes in front of the
   * payload, and headers.
   */
  readonly mark?: {
    readonly prefix: Uint8Array
    readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[]
  }
  /** Writes what the schema describes, behind the frame; absent where the writer makes its own of the text (Avro). */
  readonly encoder?: FacetEncoder
}

/** The key or the value of a topic: its format, its type, and where its decoders come from. */
export interface TableFacet {
  readonly format: FormatName
  /** How the format was found, and in words for DESCRIBE: `registry subject payments-value, version 3`. */
  readonly origin: 'configured' | 'declared' | 'registry' | 'sampled' | 'default'
  readonly detail: string
  /** What the binder may rely on: the type merged over all known writer schemas. */
  readonly type: DataType
  /**
   * `confluent`: a zero byte and a 4-byte schema id stand before the payload; the engine reads them and asks
   * `decoder(id)`. `own`: `frame` tells the number to ask with.
   */
  readonly framing: 'none' | 'confluent' | 'own'
  /** With framing `own`. */
  readonly frame?: RecordFrame
  /**
   * What else decides how bytes are read, as text: settings of the format, the schema that records are shown by.
   * Facets of one topic that are alike in this, the format, the framing and the declared columns read alike.
   */
  readonly reading?: string
  /**
   * A sentence, when no record of this facet can be read at all (a format not offered yet, a registry that does not
   * answer). The binder raises it as UNSUPPORTED for a query that uses the facet.
   */
  readonly unreadable?: string
  /** The schema to write with: the newest of the subject. Absent where none is known, or the format needs none. */
  readonly writer?: WriterSchema
  /** Ids of the schemas whose records are shown as the newest one says: with its defaults, and its names. */
  readonly asNewest?: readonly number[]
  /** The type as each version of the schema says it, newest first. */
  readonly versions?: readonly DataType[]
  /**
   * Writes values of a format that needs no schema and has settings of its own (CSV, XML, MessagePack); of windowed
   * keys, the inner key.
   */
  readonly encoder?: FacetEncoder
  /** Columns that CREATE TABLE gave to a format that keeps no shape of its own (JSON). Records may hold others, too. */
  readonly declared?: StructType
  /**
   * The decoder for a writer schema (no id without framing). A promise when the schema has to be fetched. An unknown or
   * unusable schema is an Error whose message becomes the reason of the bad records.
   */
  decoder(schemaId: number | undefined): FacetDecoder | Promise<FacetDecoder>
  /**
   * The decoder of a writer schema that was asked for before, without a request. Absent where the number of ids is
   * bounded in another way.
   */
  known?(schemaId: number): FacetDecoder | undefined
  /**
   * Called with a schema that was found in a record, its decoder and that record (valid during the call only), so that
   * tables of later statements have its columns.
   */
  met?(schemaId: number, decoder: FacetDecoder, record: Uint8Array): void
}
