/**
 * An embedded schema registry with the Confluent HTTP API, on loopback, for development and tests. Compatibility is not
 * judged: every schema is compatible. Source: Confluent's "Schema Registry API Reference". Not here: modes other than
 * READWRITE, contexts, exporters, encryption.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { count } from './api.ts'
import { RegistryError, SchemaStore, type SchemaInput, type StoredSchema, type SubjectVersion } from './schema-store.ts'

/**
 * Limit `registry.max.body.bytes` (bytes): a request to the demo's schema registry. Beyond it: it is answered with HTTP
 * 413.
 */
export const MAX_BODY_BYTES = 10_485_760
const HOST = '127.0.0.1'
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'

export interface RegistryOptions {
  /** 0 (the default) takes a free port. */
  readonly port?: number
  /** Keeps `registry.json` in this folder. */
  readonly dataFolder?: string
  /** Ask for this user name and password (HTTP Basic). */
  readonly credentials?: { readonly user: string; readonly password: string }
}

/** A running registry. */
export interface Registry {
  /** `http://host:port` */
  readonly url: string
  readonly port: number
  readonly schemas: SchemaStore
  /** Requests by method and path, e.g. `GET /schemas/ids/1`. */
  readonly requests: Map<string, number>
  /** The next `times` requests are answered with this HTTP status. */
  failNext(times: number, status?: number): void
  close(): Promise<void>
}

/** Starts a registry; it listens when the promise is fulfilled. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const schemas = new SchemaStore(options.dataFolder)
  const requests = new Map<string, number>()
  const failure = { left: 0, status: 500 }
  const expected =
    options.credentials === undefined
      ? undefined
      : `Basic ${Buffer.from(`${options.credentials.user}:${options.credentials.password}`).toString('base64')}`
  const server = createServer((request, response) => {
    count(requests, `${request.method} ${(request.url ?? '').split('?')[0]}`)
    if (failure.left > 0) {
      failure.left--
      return send(response, failure.status, { error_code: failure.status, message: 'the sandbox was told to fail' })
    }
    if (expected !== undefined && request.headers.authorization !== expected)
      return send(response, 401, { error_code: 401, message: 'Unauthorized' })
    void serve(schemas, request, response)
  })
  server.listen(options.port ?? 0, HOST)
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    url: `http://${HOST}:${port}`,
    port,
    schemas,
    requests,
    failNext: (times, status = 500) => void Object.assign(failure, { left: times, status }),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function serve(schemas: SchemaStore, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://registry')
    const path = url.pathname.split('/').slice(1).map(decode)
    if (path.at(-1) === '') path.pop()
    const body = await readBody(request)
    const answer = route({ method: request.method ?? 'GET', path, query: url.searchParams, body, schemas })
    if (answer === undefined) send(response, 404, { error_code: 404, message: 'HTTP 404 Not Found' })
    else send(response, 200, answer)
  } catch (error) {
    if (error instanceof RegistryError) send(response, error.status, { error_code: error.code, message: error.message })
    else send(response, 500, { error_code: 50001, message: 'Error in the backend data store' })
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': CONTENT_TYPE, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new RegistryError(400, 400, `"${part}" is not a valid part of a path`)
  }
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request) {
    sizeBytes += (chunk as Buffer).length
    if (sizeBytes > MAX_BODY_BYTES)
      throw new RegistryError(413, 413, `a request body is larger than registry.max.body.bytes = ${MAX_BODY_BYTES}`)
    chunks.push(chunk as Buffer)
  }
  if (sizeBytes === 0) return {}
  try {
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString())
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch (error) {
    throw new RegistryError(400, 400, `Unable to process JSON: ${(error as Error).message}`)
  }
  throw new RegistryError(400, 400, 'Unable to process JSON: an object was expected')
}

interface Call {
  readonly method: string
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly body: Record<string, unknown>
  readonly schemas: SchemaStore
}

/** The answer's body; undefined for a path that does not exist. */
function route(call: Call): unknown {
  const { path, method } = call
  switch (path[0]) {
    case undefined:
      return {}
    case 'subjects':
      return path.length === 1
        ? call.schemas.subjects({ deleted: flag(call, 'deleted'), prefix: call.query.get('subjectPrefix') ?? '' })
        : routeSubject(call, path[1])
    case 'schemas':
      return routeSchema(call)
    case 'config':
      return routeConfig(call, path[1] ?? '')
    case 'mode':
      return method === 'GET' ? { mode: 'READWRITE' } : undefined
    case 'compatibility':
      return method === 'POST' ? { is_compatible: true } : undefined
    default:
      return undefined
  }
}

const flag = (call: Call, name: string) => call.query.get(name) === 'true'
const input = (call: Call) => call.body as unknown as SchemaInput

function routeSubject(call: Call, subject: string): unknown {
  const { method, path, schemas } = call
  if (path.length === 2) {
    if (method === 'POST')
      return describeVersion(schemas, subject, schemas.lookUp(subject, input(call), flag(call, 'deleted')))
    return method === 'DELETE' ? schemas.deleteSubject(subject, flag(call, 'permanent')) : undefined
  }
  if (path[2] !== 'versions') return undefined
  if (path.length === 3) {
    if (method === 'POST') return { id: schemas.register(subject, input(call)) }
    return schemas.versions(subject, flag(call, 'deleted')).map((version) => version.version)
  }
  if (method === 'DELETE') return schemas.deleteVersion(subject, path[3], flag(call, 'permanent'))
  const version = schemas.version(subject, path[3], flag(call, 'deleted'))
  if (path.length === 4) return describeVersion(schemas, subject, version)
  if (path[4] === 'referencedby') return schemas.referencedBy(subject, version.version)
  return path[4] === 'schema' ? verbatim(schemas.schema(version.id)) : undefined
}

function routeSchema({ path, schemas, query, method }: Call): unknown {
  if (method !== 'GET') return undefined
  if (path[1] === 'types') return ['JSON', 'PROTOBUF', 'AVRO']
  if (path[1] !== 'ids' || path[2] === undefined) return undefined
  const deleted = query.get('deleted') === 'true'
  const stored = schemas.schema(Number(path[2]))
  if (path.length === 3) return { ...describeSchema(stored) }
  if (path[3] === 'schema') return verbatim(stored)
  if (path[3] === 'versions') return schemas.usesOf(stored.id, deleted)
  return path[3] === 'subjects' ? schemas.usesOf(stored.id, deleted).map((use) => use.subject) : undefined
}

function routeConfig({ method, schemas, body }: Call, subject: string): unknown {
  if (method === 'PUT') {
    const level = String(body.compatibility ?? '')
    if (!/^(NONE|(BACKWARD|FORWARD|FULL)(_TRANSITIVE)?)$/.test(level))
      throw new RegistryError(
        422,
        42203,
        `Invalid compatibility level "${level}". Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive`,
      )
    schemas.config.set(subject, level)
    schemas.save()
    return { compatibility: level }
  }
  const level = schemas.config.get(subject)
  if (level === undefined && subject !== '')
    throw new RegistryError(404, 40408, `Subject '${subject}' does not have subject-level compatibility configured`)
  return { compatibilityLevel: level ?? 'BACKWARD' }
}

/** As Confluent does: Avro goes without saying, and so do missing references. */
function describeSchema(stored: StoredSchema): Record<string, unknown> {
  const type = stored.schemaType === 'AVRO' ? {} : { schemaType: stored.schemaType }
  const references = stored.references.length === 0 ? {} : { references: stored.references }
  return { ...type, schema: stored.schema, ...references }
}

function describeVersion(schemas: SchemaStore, subject: string, version: SubjectVersion): Record<string, unknown> {
  return { subject, version: version.version, id: version.id, ...describeSchema(schemas.schema(version.id)) }
}

/** The schema itself as the answer's body. */
function verbatim(stored: StoredSchema): unknown {
  return stored.schemaType === 'PROTOBUF' ? stored.schema : JSON.parse(stored.schema)
}
