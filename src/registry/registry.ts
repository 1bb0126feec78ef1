/**
 * What a schema registry is to the rest of the project: its calls, its configuration, its error. `client.ts`
 * implements the calls.
 */
import type { Clock } from '../lib/clock.ts'
import type { TlsConfig } from '../lib/tls-config.ts'
import { UserError } from '../lib/user-error.ts'

/** How a registry is reached, and how long it is waited for. Times in milliseconds. */
export interface RegistryConfig {
  /**
   * Base of the Confluent API: `http://registry:8081`, `https://host/apis/ccompat/v7`; Apicurio's own
   * (`…/apis/registry/v3`) is taken for it. Credentials inside it are used for basic authentication.
   */
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** Bearer token; wins over user name and password. */
  readonly token?: string
  /**
   * Its own authorities and client certificate; without it the system's and NODE_EXTRA_CA_CERTS' authorities are
   * trusted.
   */
  readonly tls?: TlsConfig
  /** `registry.timeout`: for one question with all its retries. Default 10,000. */
  readonly timeoutMs?: number
  /** `registry.max.response.bytes`: largest answer. Default 5 MiB. */
  readonly maxResponseBytes?: number
  /** `registry.cache.schemas`: schemas kept in memory, by id and by subject and version each. Default 10,000. */
  readonly cacheSchemas?: number
  /** `registry.retries`: further attempts after 5xx, 429 or a lost connection. Default 2. */
  readonly retries?: number
  /** Wait before the first retry; doubles each time. Default 100. */
  readonly backoffMs?: number
  /** `registry.unknown.ttl`: how long an unknown id stays unknown without being asked for again. Default 30,000. */
  readonly unknownTtlMs?: number
  /**
   * `registry.down.ttl`: after a registry did not answer, how long questions fail at once instead of waiting again.
   * Default 5,000.
   */
  readonly downTtlMs?: number
  readonly clock?: Clock
}

/** The kinds of schemas, as Confluent's API names them. */
export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF'

/** A schema that another one refers to. */
export interface SchemaReference {
  /**
   * The name under which the referring schema knows it: a full name in Avro, a file in Protobuf, an address in JSON
   * Schema.
   */
  readonly name: string
  readonly subject: string
  readonly version: number
  readonly type: SchemaType
  readonly text: string
}

/** A schema with everything it refers to. */
export interface RegisteredSchema {
  readonly type: SchemaType
  readonly text: string
  /** Everything referred to, directly or not, each once, what is needed first standing first. */
  readonly references: readonly SchemaReference[]
  /** Known when it was asked for by subject. */
  readonly id?: number
  readonly subject?: string
  readonly version?: number
}

/** Questions to a registry. Each rejects with a RegistryError when it is not answered. */
export interface Registry {
  /** The base address without credentials, for messages. */
  readonly url: string
  /** undefined when the registry does not know the id. */
  schemaById(id: number): Promise<RegisteredSchema | undefined>
  /** The newest version of a subject; undefined when there is no such subject. */
  latest(subject: string): Promise<RegisteredSchema | undefined>
  /** Version numbers, ascending; empty when there is no such subject. */
  versions(subject: string): Promise<readonly number[]>
  /** undefined when there is no such subject or version. */
  schema(subject: string, version: number): Promise<RegisteredSchema | undefined>
  subjects(): Promise<readonly string[]>
  /**
   * By the ids of Apicurio Registry, which its serializers write into headers or in eight bytes. Absent where the
   * registry has no such ids.
   */
  schemaByGlobalId?(id: number): Promise<RegisteredSchema | undefined>
  schemaByContentId?(id: number): Promise<RegisteredSchema | undefined>
  /** By the GUID that Confluent's serializers write into headers. */
  schemaByGuid?(guid: string): Promise<RegisteredSchema | undefined>
  /** Where an id is registered; empty when unknown or when the registry does not offer that question. */
  usesOf(id: number): Promise<readonly { readonly subject: string; readonly version: number }[]>
  close(): void
}

/** Changing a registry: what CREATE TABLE and DROP TABLE need. */
export interface RegistryWriter {
  /**
   * Registers a schema without references under a subject; the id is an old one when the registry knows the schema.
   * Rejects with the registry's reason (409: not compatible).
   */
  register(subject: string, type: SchemaType, text: string): Promise<number>
  /**
   * Takes the subject away with all its versions, in the way that can be undone. Nothing happens when there is none.
   */
  deleteSubject(subject: string): Promise<void>
}

/**
 * A registry that did not answer, or answered with an error. The message is a sentence that names the address without
 * credentials.
 */
export class RegistryError extends UserError {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /** The registry's own `error_code` (40403: no such schema), where it gave one. */
  readonly registryCode: number | undefined
  /**
   * The registry works: what it holds under that id or version cannot be used (of an unknown type,
   * references that lead nowhere). Asking again gives the same.
   */
  readonly ofSchema: boolean
  constructor(
    message: string,
    details: { readonly status: number; readonly registryCode?: number; readonly ofSchema?: boolean },
  ) {
    super(message)
    this.name = 'RegistryError'
    this.status = details.status
    this.registryCode = details.registryCode
    this.ofSchema = details.ofSchema ?? false
  }
  /**
   * It cannot be reached: no connection, a time-out, or a gateway that says so. Every other question would fail in the
   * same way.
   */
  get unreachable(): boolean {
    return this.status === 0 || (this.status >= 502 && this.status <= 504)
  }
  /** Worth another attempt: unreachable, any 5xx, or 429. */
  get retriable(): boolean {
    return this.status === 0 || this.status >= 500 || this.status === 429
  }
}
