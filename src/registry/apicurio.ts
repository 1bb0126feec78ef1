/**
 * Apicurio Registry's own API, as far as Confluent's does not reach: schemas by the global ids and content ids that
 * Apicurio's serializers write. The rest of the project speaks to Apicurio through its Confluent API. It keeps no
 * cache.
 */
import { Http, type TextAnswer } from './confluent.ts'
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
  const answer = await http.text(path, ARTIFACT_TYPE)
  if (answer === undefined) return undefined
  const found = new Map<string, SchemaReference>()
  await follow(http, `${path}/references`, found, 0)
  return { type: typeOf(answer), text: answer.text, references: [...found.values()] }
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
    const answer = await http.text(http.url.endsWith('/v2') ? place : `${place}/content`, ARTIFACT_TYPE)
    if (answer === undefined) continue
    const { text } = answer
    found.set(key, { name, subject: artifactId, version: Number(version) || 0, type: typeOf(answer), text })
  }
}

/** The header in which many versions of the registry say what they give. */
const ARTIFACT_TYPE = 'x-registry-artifacttype'
const AVRO_PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']
/** Of them those that are types of JSON Schema, too. */
const BOTH = ['null', 'boolean', 'string']
const AVRO_COMPLEX = ['record', 'error', 'enum', 'fixed', 'map']
/** What an Avro schema of a primitive type may say beside it. */
const AVRO_WORDS = /^(?:type|logicalType|precision|scale|doc|avro\..*|connect\..*)$/

/**
 * What the registry says; some of its versions give the text alone. Protobuf is no JSON. Avro's are a name, a union, or an object with one of Avro's types;
 * what both could be (`{"type":"string"}`, `{"type":"array","items":…}`) is decided by what stands beside it.
 */
function typeOf({ text, header }: TextAnswer): SchemaType {
  if (header === 'AVRO' || header === 'JSON' || header === 'PROTOBUF') return header
  if (!/^\s*(?:[[{"]|true\b|false\b)/.test(text)) return 'PROTOBUF'
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch {
    // The one who reads it says what is wrong with it; Protobuf text begins with none of these characters.
    return 'JSON'
  }
  return isAvro(schema) ? 'AVRO' : 'JSON'
}

function isAvro(schema: unknown, depth = 0): boolean {
  if (typeof schema === 'string' || Array.isArray(schema)) return true
  if (typeof schema !== 'object' || schema === null) return false
  const members = new Map(Object.entries(schema))
  const type: unknown = members.get('type')
  if (members.has('$schema') || members.has('$id')) return false
  // `{"type": {"type": "string"}}` is Avro; a list of types is JSON Schema's way to say it.
  if (typeof type === 'object' && type !== null) return !Array.isArray(type) && depth < 8 && isAvro(type, depth + 1)
  if (typeof type !== 'string') return false
  if (AVRO_COMPLEX.includes(type)) return true
  if (type === 'array') return isAvro(members.get('items'), depth + 1) && depth < 8 && !members.has('properties')
  if (!AVRO_PRIMITIVES.includes(type)) return type.includes('.')
  return !BOTH.includes(type) || [...members.keys()].every((name) => AVRO_WORDS.test(name))
}

function isReference(value: unknown): value is RawReference {
  const raw = value as Partial<RawReference> | null
  return (
    typeof raw === 'object' &&
    raw !== null &&
    [raw.groupId ?? '', raw.artifactId, raw.version, raw.name].every((part) => typeof part === 'string')
  )
}
