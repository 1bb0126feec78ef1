/**
 * Apicurio Registry's own API, as far as Confluent's does not reach: schemas by their global id, which older Apicurio serializers write in eight bytes. The rest of the project
 * speaks to Apicurio through its Confluent API. It keeps no cache.
 */
import type { Http } from './confluent.ts'
import { type RegisteredSchema, RegistryError, type SchemaReference, type SchemaType } from './registry.ts'

const MAX_DEPTH = 32
const MAX_REFERENCES = 256

interface RawReference {
  /** Left out for the group "default". */
  readonly groupId?: string | null
  readonly artifactId: string
  readonly version: string
  readonly name: string
}

/** The path of the API beside a Confluent API's: `/apis/ccompat/v7` → `/apis/registry/v3`; undefined for the address of another registry. */
export function apicurioRoot(url: string): string | undefined {
  const match = /^(.*)\/apis\/ccompat\/v\d+$/.exec(url)
  return match === null ? undefined : `${match[1]}/apis/registry/v3`
}

/** The schema with a global id and all that it refers to; undefined when there is none. */
export async function schemaByGlobalId(http: Http, id: number): Promise<RegisteredSchema | undefined> {
  const text = await http.text(`/ids/globalIds/${id}`)
  if (text === undefined) return undefined
  const found = new Map<string, SchemaReference>()
  await follow(http, `/ids/globalIds/${id}/references`, found, 0)
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
      throw new RegistryError(`Schema registry at ${http.url}: a schema refers to too many others.`, { status: 200 })
    const place = `/groups/${encodeURIComponent(groupId)}/artifacts/${encodeURIComponent(artifactId)}/versions/${encodeURIComponent(version)}`
    await follow(http, `${place}/references`, found, depth + 1)
    const text = await http.text(`${place}/content`)
    if (text !== undefined) found.set(key, { name, subject: artifactId, version: Number(version) || 0, type: typeOf(text), text })
  }
}

/** The API gives the text alone; the three kinds are easily told apart. */
function typeOf(text: string): SchemaType {
  if (!/^\s*[[{"]/.test(text)) return 'PROTOBUF'
  return /"type"\s*:\s*"(record|enum|fixed|array|map)"/.test(text) && !/"\$schema"/.test(text) && !/"properties"\s*:/.test(text) ? 'AVRO' : 'JSON'
}

function isReference(value: unknown): value is RawReference {
  const raw = value as Partial<RawReference> | null
  return typeof raw === 'object' && raw !== null && [raw.groupId ?? '', raw.artifactId, raw.version, raw.name].every((part) => typeof part === 'string')
}
