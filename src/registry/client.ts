/**
 * The schema registry seen by the rest: schemas by id and by subject, with their references resolved. It caches what
 * cannot change, remembers for a while what is unknown or out of order, and merges requests that are under way. How a
 * registry is spoken to is `confluent.ts`; what a schema means is the business of `formats/`.
 */
import { type Clock, systemClock } from '../lib/clock.ts'
import { Lru } from '../lib/lru.ts'
import { ApicurioApi, apicurioRoot, confluentAddress } from './apicurio.ts'
import { type ConfluentApi, createConfluentApi, type RawSchema } from './confluent.ts'
import {
  type RegisteredSchema,
  type Registry,
  type RegistryConfig,
  RegistryError,
  type RegistryWriter,
  type SchemaReference,
  type SchemaType,
} from './registry.ts'

export { RegistryError } from './registry.ts'
export type {
  RegisteredSchema,
  Registry,
  RegistryConfig,
  RegistryWriter,
  SchemaReference,
  SchemaType,
} from './registry.ts'

/**
 * Limit `schema.reference.depth` (references): chain of references of a schema that is followed. Beyond it: the schema
 * cannot be used; the message says so.
 */
const MAX_REFERENCE_DEPTH = 32
/**
 * Limit `schema.references` (schemas): schemas that one schema refers to. Beyond it: the schema cannot be used; the
 * message says so.
 */
const MAX_REFERENCES = 256

/** A client of one registry. It connects to nothing before the first question. */
export function createRegistry(config: RegistryConfig): Registry & RegistryWriter {
  return new CachingRegistry(config)
}

class CachingRegistry implements Registry, RegistryWriter {
  readonly url: string
  readonly #api: ConfluentApi
  readonly #clock: Clock
  readonly #unknownTtlMs: number
  readonly #downTtlMs: number
  readonly #byId: Lru<number, RegisteredSchema>
  readonly #byVersion: Lru<string, RegisteredSchema>
  /** By other ids than the registry's numbers, each under its kind. */
  readonly #byOther: Lru<string, RegisteredSchema>
  /** Ids of all kinds, until when they are not asked for again. */
  readonly #unknown: Lru<number | string, number>
  /** Apicurio's own API, where there is one. */
  readonly #apicurio: ApicurioApi | undefined
  readonly schemaByGlobalId?: (id: number) => Promise<RegisteredSchema | undefined>
  readonly schemaByContentId?: (id: number) => Promise<RegisteredSchema | undefined>
  readonly #underWay = new Map<string, Promise<unknown>>()
  #down: { readonly until: number; readonly error: RegistryError } | undefined

  constructor(config: RegistryConfig) {
    const capacity = config.cacheSchemas ?? 10_000
    this.#api = createConfluentApi({ ...config, url: confluentAddress(config.url) })
    this.url = this.#api.url
    this.#clock = config.clock ?? systemClock
    this.#unknownTtlMs = config.unknownTtlMs ?? 30_000
    this.#downTtlMs = config.downTtlMs ?? 5_000
    this.#byId = new Lru(capacity)
    this.#byVersion = new Lru(capacity)
    this.#byOther = new Lru(capacity)
    const root = apicurioRoot(this.url)
    if (root !== undefined) {
      const apicurio = new ApicurioApi({ ...config, url: root, ...credentialsOf(config) })
      this.#apicurio = apicurio
      this.schemaByGlobalId = (id) => this.#other(`global ${id}`, () => apicurio.schema('globalIds', id))
      this.schemaByContentId = (id) => this.#other(`content ${id}`, () => apicurio.schema('contentIds', id))
    }
    this.#unknown = new Lru(capacity)
  }

  schemaById(id: number): Promise<RegisteredSchema | undefined> {
    const known = this.#byId.get(id)
    if (known !== undefined) return Promise.resolve(known)
    if ((this.#unknown.get(id) ?? 0) > this.#clock.now()) return Promise.resolve(undefined)
    return this.#ask(`id ${id}`, async () => {
      const raw = await this.#api.schemaById(id)
      if (raw === undefined) {
        this.#unknown.set(id, this.#clock.now() + this.#unknownTtlMs)
        return undefined
      }
      const schema = { ...(await this.#resolve(raw)), id }
      this.#byId.set(id, schema)
      return schema
    })
  }

  latest(subject: string): Promise<RegisteredSchema | undefined> {
    return this.#ask(`latest ${subject}`, async () => {
      const raw = await this.#api.schema(subject, 'latest')
      return raw && this.#remember(raw)
    })
  }

  versions(subject: string): Promise<readonly number[]> {
    return this.#ask(`versions ${subject}`, async () => [...(await this.#api.versions(subject))].sort((a, b) => a - b))
  }

  schema(subject: string, version: number): Promise<RegisteredSchema | undefined> {
    const known = this.#byVersion.get(versionKey(subject, version))
    if (known !== undefined) return Promise.resolve(known)
    return this.#ask(`version ${versionKey(subject, version)}`, async () => {
      const raw = await this.#api.schema(subject, version)
      return raw && this.#remember(raw)
    })
  }

  subjects(): Promise<readonly string[]> {
    return this.#ask('subjects', () => this.#api.subjects())
  }

  usesOf(id: number): Promise<readonly { subject: string; version: number }[]> {
    return this.#ask(`uses ${id}`, () => this.#api.usesOf(id))
  }

  async register(subject: string, type: SchemaType, text: string): Promise<number> {
    const id = await this.#api.register(subject, type, text)
    this.#unknown.delete(id)
    return id
  }

  async deleteSubject(subject: string): Promise<void> {
    await this.#api.deleteSubject(subject)
    // The next schema of this subject begins with version 1 again.
    this.#byVersion.clear()
  }

  schemaByGuid(guid: string): Promise<RegisteredSchema | undefined> {
    return this.#other(`guid ${guid}`, async () => {
      const raw = await this.#api.schemaByGuid(guid)
      return raw && this.#resolve(raw)
    })
  }

  async #other(
    key: string,
    question: () => Promise<RegisteredSchema | undefined>,
  ): Promise<RegisteredSchema | undefined> {
    const known = this.#byOther.get(key)
    if (known !== undefined || (this.#unknown.get(key) ?? 0) > this.#clock.now()) return known
    const schema = await this.#ask(key, question)
    if (schema === undefined) this.#unknown.set(key, this.#clock.now() + this.#unknownTtlMs)
    else this.#byOther.set(key, schema)
    return schema
  }

  close(): void {
    this.#apicurio?.close()
    this.#api.close()
  }

  /** One request per question at a time; while the registry is known to be down the known error is the answer. */
  #ask<T>(key: string, question: () => Promise<T>): Promise<T> {
    const running = this.#underWay.get(key)
    if (running !== undefined) return running as Promise<T>
    if (this.#down !== undefined && this.#down.until > this.#clock.now()) return Promise.reject(this.#down.error)
    const answer = question()
      .catch((error: unknown) => {
        if (error instanceof RegistryError && error.unreachable)
          this.#down = { until: this.#clock.now() + this.#downTtlMs, error }
        throw error
      })
      .finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, answer)
    return answer
  }

  async #remember(raw: RawSchema): Promise<RegisteredSchema> {
    const key =
      raw.subject !== undefined && raw.version !== undefined ? versionKey(raw.subject, raw.version) : undefined
    const known = key === undefined ? undefined : this.#byVersion.get(key)
    if (known !== undefined && known.id === raw.id) return known
    const schema = await this.#resolve(raw)
    if (key !== undefined) this.#byVersion.set(key, schema)
    if (raw.id !== undefined && this.#byId.get(raw.id) === undefined) this.#byId.set(raw.id, schema)
    return schema
  }

  async #resolve(raw: RawSchema): Promise<RegisteredSchema> {
    const found = new Map<string, SchemaReference>()
    await this.#follow(raw, found, [], 0)
    const { type, text, id, subject, version } = raw
    return { type, text, id, subject, version, references: [...found.values()] }
  }

  /** Depth first, so that `found` ends up in the order in which schemas need each other. */
  async #follow(
    raw: RawSchema,
    found: Map<string, SchemaReference>,
    path: readonly string[],
    depth: number,
  ): Promise<void> {
    if (depth > MAX_REFERENCE_DEPTH)
      throw this.#broken(`a chain of references is longer than schema.reference.depth = ${MAX_REFERENCE_DEPTH}`)
    for (const reference of raw.references) {
      const key = versionKey(reference.subject, reference.version)
      if (path.includes(key))
        throw this.#broken(
          `the references of subject ${reference.subject}, version ${reference.version} lead back to itself`,
        )
      if (found.has(key)) continue
      const target = await this.#api.schema(reference.subject, reference.version)
      if (target === undefined)
        throw this.#broken(
          `a schema refers to subject ${reference.subject}, version ${reference.version}, which is not there`,
        )
      await this.#follow(target, found, [...path, key], depth + 1)
      if (found.size >= MAX_REFERENCES)
        throw this.#broken(`a schema refers to more than schema.references = ${MAX_REFERENCES} others`)
      found.set(key, { ...reference, type: target.type, text: target.text })
    }
  }

  #broken(what: string): RegistryError {
    return new RegistryError(`Schema registry at ${this.url}: ${what}.`, { status: 200, ofSchema: true })
  }
}

/** Those in the address, which the address of another API of the same server does not show. */
function credentialsOf({ url, username, password }: RegistryConfig): Pick<RegistryConfig, 'username' | 'password'> {
  const given = new URL(url)
  return {
    username: username ?? decodeURIComponent(given.username),
    password: password ?? decodeURIComponent(given.password),
  }
}

function versionKey(subject: string, version: number): string {
  return `${subject} ${version}`
}
