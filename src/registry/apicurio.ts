/**
 * Apicurio Registry's own API, as far as Confluent's does not reach: schemas by the global ids and content ids that
 * Apicurio's serializers write. The rest of the project speaks to Apicurio through its Confluent API. It keeps no
 * cache.
 */
import { Http } from './confluent.ts'
import {
  type RegisteredSchema,
  type RegistryConfig,
  RegistryError,
  type SchemaReference,
  type SchemaType,
} from './registry.ts'

/**
 * Limit `apicurio.reference.depth` (references): chain of references of a schema of Apicurio that is followed. Beyond
 * it: the schema cannot be used; the message says so.
 */
const MAX_DEPTH = 32
/**
 * Limit `apicurio.references` (schemas): schemas that one schema of Apicurio refers to. Beyond it: the schema cannot be
 * used; the message says so.
 */
const MAX_REFERENCES = 256

interface RawReference {
  /** Left out for the group "default". */
  readonly groupId?: string | null
  readonly artifactId: string
  readonly version: string
  readonly name: string
}

/** Paths of the API, newest first: version 2 of the registry has only the second. */
const APIS = ['/apis/registry/v3', '/apis/registry/v2'] as const

/**
 * The address of an Apicurio Registry's server, by the address of one of its APIs; undefined for the address of another
 * registry.
 */
export function apicurioRoot(url: string): string | undefined {
  return /^(.*)\/apis\/(?:ccompat\/v\d+|registry\/v\d+)\/*$/.exec(url)?.[1]
}

/** The address of the Confluent API, also where Apicurio's own was given. */
export function confluentAddress(url: string): string {
  return url.replace(/\/apis\/registry\/v\d+(\/*)$/, '/apis/ccompat/v7$1')
}

/** Questions by Apicurio's ids. */
export class ApicurioApi {
  readonly #https: readonly Http[]
  /** The one that answered. */
  #http: Http | undefined

  /** `config.url`: the root of the server. */
  constructor(config: RegistryConfig) {
    this.#https = APIS.map((path) => new Http({ ...config, url: config.url + path }))
  }

  /** The schema with an id and all that it refers to; undefined when there is none. Rejects with a RegistryError. */
  async schema(kind: 'globalIds' | 'contentIds', id: number): Promise<RegisteredSchema | undefined> {
    let refused: unknown
    for (const http of this.#http === undefined ? this.#https : [this.#http]) {
      try {
        const found = await schemaAt(http, `/ids/${kind}/${id}`)
        this.#http = http
        return found
      } catch (error) {
        // Not the registry's own "no such id": this server has no such API.
        if (!(error instanceof RegistryError) || error.status !== 404) throw error
        refused ??= error
      }
    }
    throw refused
  }

  close(): void {
    for (const http of this.#https) http.close()
  }
}

async function schemaAt(http: Http, path: string): Promise<RegisteredSchema | undefined> {
  const text = await http.text(path)
  if (text === undefined) return undefined
  const found = new Map<string, SchemaReference>()
  await follow(http, `${path}/references`, found, 0)
  return { type: typeOf(text), text, references: [...found.values()] }
}

/** Depth first: what is needed first stands first. */
async function follow(http: Http, path: string, found: Map<string, SchemaReference>, depth: number): Promise<void> {
  const listed = await http.get(path)
  if (!Array.isArray(listed)) return
  for (const reference of listed.filter(isReference)) {
    const { artifactId, version, name } = reference
    const groupId = reference.groupId ?? 'default'
    const key = `${groupId} ${artifactId} ${version}`
    if (found.has(key)) continue
    if (depth > MAX_DEPTH || found.size >= MAX_REFERENCES)
      throw new RegistryError(`Schema registry at ${http.url}: a schema refers to too many others.`, {
        status: 200,
        ofSchema: true,
      })
    const place = `/groups/${encodeURIComponent(groupId)}/artifacts/${encodeURIComponent(artifactId)}/versions/${encodeURIComponent(version)}`
    await follow(http, `${place}/references`, found, depth + 1)
    const text = await http.text(http.url.endsWith('/v2') ? place : `${place}/content`)
    if (text !== undefined)
      found.set(key, { name, subject: artifactId, version: Number(version) || 0, type: typeOf(text), text })
  }
}

/** The API gives the text alone; the three kinds are easy to distinguish. */
function typeOf(text: string): SchemaType {
  if (!/^\s*[[{"]/.test(text)) return 'PROTOBUF'
  return /"type"\s*:\s*"(record|enum|fixed|array|map)"/.test(text) &&
    !/"\$schema"/.test(text) &&
    !/"properties"\s*:/.test(text)
    ? 'AVRO'
    : 'JSON'
}

function isReference(value: unknown): value is RawReference {
  const raw = value as Partial<RawReference> | null
  return (
    typeof raw === 'object' &&
    raw !== null &&
    [raw.groupId ?? '', raw.artifactId, raw.version, raw.name].every((part) => typeof part === 'string')
  )
}
