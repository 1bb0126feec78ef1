/**
 * The Confluent schema registry's HTTP API; Apicurio (`/apis/ccompat/v7`) and Karapace speak it too. One function per
 * question; each has a time limit, a size limit and retries. It keeps no cache and resolves no references.
 * Source: the API reference of Confluent Schema Registry, resources "Schemas" and "Subjects".
 */
import { type Clock, sleep, systemClock } from '../lib/clock.ts'
import { type RegistryConfig, RegistryError, type SchemaType } from './registry.ts'
import { type Received, type Transport, transportOf } from './transport.ts'

/**
 * Limit `registry.timeout` (ms): one question with all its retries; `timeout` of the configuration changes it. Beyond
 * it: an error.
 */
const TIMEOUT_MS = 10_000
/**
 * Limit `registry.max.response.bytes` (bytes): one answer; `maxResponseBytes` of the configuration changes it. Beyond
 * it: an error.
 */
const RESPONSE_BYTES = 5 * 1024 * 1024

/** A schema as the registry returns it, references unresolved. */
export interface RawSchema {
  readonly type: SchemaType
  readonly text: string
  readonly references: readonly { readonly name: string; readonly subject: string; readonly version: number }[]
  readonly id: number | undefined
  readonly subject: string | undefined
  readonly version: number | undefined
}

export interface ConfluentApi {
  /** Base address without credentials, without a trailing slash. */
  readonly url: string
  schemaById(id: number): Promise<RawSchema | undefined>
  /** By the GUID that newer registries give to every schema. */
  schemaByGuid(guid: string): Promise<RawSchema | undefined>
  schema(subject: string, version: number | 'latest'): Promise<RawSchema | undefined>
  versions(subject: string): Promise<readonly number[]>
  subjects(): Promise<readonly string[]>
  usesOf(id: number): Promise<readonly { readonly subject: string; readonly version: number }[]>
  /** Registers a schema and gives its id. */
  register(subject: string, type: SchemaType, text: string): Promise<number>
  deleteSubject(subject: string): Promise<void>
  /** Ends requests that are under way. */
  close(): void
}

/** Not-found codes of the API: subject, version, schema, and Apicurio's plain 404. */
const NOT_FOUND = [40401, 40402, 40403, 404]

/**
 * Checks the address and gives the API; connects to nothing. Throws a RegistryError for an address that cannot be used.
 */
export function createConfluentApi(config: RegistryConfig): ConfluentApi {
  const http = new Http(config)
  return {
    url: http.url,
    schemaById: async (id) => rawSchema(await http.get(`/schemas/ids/${id}`), http, id),
    schemaByGuid: async (guid) => rawSchema(await http.get(`/schemas/guids/${encodeURIComponent(guid)}`), http),
    schema: async (subject, version) =>
      rawSchema(await http.get(`/subjects/${encodeURIComponent(subject)}/versions/${version}`), http),
    versions: async (subject) =>
      list(await http.get(`/subjects/${encodeURIComponent(subject)}/versions`), http, isInteger),
    subjects: async () => list(await http.get('/subjects'), http, (s): s is string => typeof s === 'string'),
    usesOf: async (id) => list(await http.get(`/schemas/ids/${id}/versions`), http, isUse),
    register: async (subject, type, text) => {
      const body = await http.ask('POST', `/subjects/${encodeURIComponent(subject)}/versions`, {
        ...(type === 'AVRO' ? {} : { schemaType: type }),
        schema: text,
      })
      if (!isRecord(body) || !isInteger(body['id'])) throw http.broken('answered a registration without an id')
      return body['id']
    },
    deleteSubject: async (subject) => {
      try {
        await http.ask('DELETE', `/subjects/${encodeURIComponent(subject)}`)
      } catch (error) {
        // Somebody has deleted it already.
        if (!(error instanceof RegistryError) || error.status !== 404) throw error
      }
    },
    close: () => http.close(),
  }
}

/** An answer that is no JSON of the registry's own: the text, and the header that was asked for. */
export interface TextAnswer {
  readonly text: string
  readonly header: string | undefined
}

/** Questions to a registry over HTTP: with a time limit, a limit of size, and retries. */
export class Http {
  readonly url: string
  readonly #headers: Record<string, string>
  readonly #transport: Transport
  readonly #secrets: boolean
  readonly #timeoutMs: number
  readonly #maxBytes: number
  readonly #retries: number
  readonly #backoffMs: number
  readonly #clock: Clock
  readonly #closed = new AbortController()

  constructor(config: RegistryConfig) {
    const url = parseAddress(config.url)
    const username = config.username ?? decodeURIComponent(url.username)
    const password = config.password ?? decodeURIComponent(url.password)
    this.url = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
    this.#headers = { accept: 'application/vnd.schemaregistry.v1+json, application/json' }
    if (config.token !== undefined) this.#headers['authorization'] = `Bearer ${config.token}`
    else if (username !== '')
      this.#headers['authorization'] = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    this.#transport = transportOf({ url: this.url, tls: config.tls })
    this.#secrets = 'authorization' in this.#headers
    this.#timeoutMs = config.timeoutMs ?? TIMEOUT_MS
    this.#maxBytes = config.maxResponseBytes ?? RESPONSE_BYTES
    this.#retries = config.retries ?? 2
    this.#backoffMs = config.backoffMs ?? 100
    this.#clock = config.clock ?? systemClock
  }

  close(): void {
    this.#closed.abort()
    this.#transport.close()
  }

  /** The answer's JSON, or undefined for the registry's own not-found. */
  get(path: string): Promise<unknown> {
    return this.ask('GET', path)
  }

  /** The answer as it is, with one of its headers, or undefined for not-found. */
  async text(path: string, header: string): Promise<TextAnswer | undefined> {
    return (await this.ask('GET', path, undefined, header)) as TextAnswer | undefined
  }

  /** The same with another method. Registering twice is registering once, so all of them may be tried again. */
  async ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, header?: string): Promise<unknown> {
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(this.#timeoutMs)])
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(method, path, body, header, signal)
      } catch (error) {
        const failure = this.#failure(error)
        if (!failure.retriable || attempt >= this.#retries || signal.aborted) throw failure
        await sleep(this.#clock, this.#backoffMs * 2 ** attempt, signal).catch(() => {
          throw failure // the time limit has passed, or the client was closed: the last answer counts
        })
      }
    }
  }

  async #once(
    method: string,
    path: string,
    content: object | undefined,
    header: string | undefined,
    signal: AbortSignal,
  ): Promise<unknown> {
    const sent =
      content === undefined
        ? {}
        : {
            body: JSON.stringify(content),
            headers: { ...this.#headers, 'content-type': 'application/vnd.schemaregistry.v1+json' },
          }
    const response = await this.#transport.send(this.url + path, { method, headers: this.#headers, ...sent, signal })
    const text = await this.#text(response)
    if (response.ok && header !== undefined) return { text, header: response.header(header) } satisfies TextAnswer
    const body = parseJson(text)
    if (response.ok) {
      if (body === undefined)
        throw this.#error('answered something that is not JSON; is it the address of a registry?', response.status)
      return body
    }
    throwUnlessNotFound(response.status, body, (what, code) => this.#error(what, response.status, code), this.#secrets)
    return undefined
  }

  /** Reads the body up to the limit. */
  async #text(response: Received): Promise<string> {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of response.body ?? []) {
      size += chunk.length
      if (size > this.#maxBytes)
        throw this.#error(`answered more than registry.max.response.bytes = ${this.#maxBytes}`, response.status)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  #failure(error: unknown): RegistryError {
    if (error instanceof RegistryError) return error
    if (this.#closed.signal.aborted)
      return new RegistryError(`The connection to the schema registry at ${this.url} was closed.`, { status: 499 })
    if (error instanceof Error && error.name === 'TimeoutError') {
      return new RegistryError(
        `Schema registry at ${this.url} did not answer within registry.timeout = ${this.#timeoutMs} ms.`,
        { status: 0 },
      )
    }
    return new RegistryError(`Schema registry at ${this.url} cannot be reached: ${reason(error)}.`, { status: 0 })
  }

  #error(what: string, status: number, registryCode?: number, ofSchema?: boolean): RegistryError {
    const end = /[.?!]$/.test(what) ? '' : '.'
    return new RegistryError(`Schema registry at ${this.url} ${what}${end}`, { status, registryCode, ofSchema })
  }

  broken(what: string): RegistryError {
    return this.#error(what, 200)
  }

  unusable(what: string): RegistryError {
    return this.#error(what, 200, undefined, true)
  }
}

function throwUnlessNotFound(
  status: number,
  body: unknown,
  error: (what: string, code?: number) => RegistryError,
  secrets: boolean,
): void {
  const code = isRecord(body) && typeof body['error_code'] === 'number' ? body['error_code'] : undefined
  const said = isRecord(body) && typeof body['message'] === 'string' ? `: ${body['message'].slice(0, 200)}` : ''
  if (status === 404) {
    if (code !== undefined && NOT_FOUND.includes(code)) return
    // Apicurio 3 names what is missing; a path that it does not have is a plain NotFoundException.
    if (isRecord(body) && typeof body['name'] === 'string' && /^[A-Za-z]+NotFoundException$/.test(body['name'])) return
    throw error(`answered HTTP 404 without a registry's error code; is the path of its address right?`, code)
  }
  if (status === 401 || status === 403)
    throw error(
      secrets
        ? `refused the configured credentials (HTTP ${status})`
        : `asks for credentials, and none are configured (HTTP ${status})`,
      code,
    )
  if (status >= 300 && status < 400)
    throw error(
      `redirects to another address (HTTP ${status}), which is not followed: name that one in its place`,
      code,
    )
  throw error(`answered HTTP ${status}${said}`, code)
}

function parseAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new RegistryError('The address of the schema registry is not an http or https URL.', { status: 400 })
  }
  return url
}

/** What Node says about a failed connection, without the address it was given. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason'
  const cause = error.cause
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message
  if (cause instanceof Error && /\bcertificate\b/.test(cause.message))
    return `${cause.message} (registry.tls.caFile names the authorities to trust)`
  if (cause instanceof Error) return cause.message || error.message
  return error.message
}

function rawSchema(body: unknown, http: Http, id?: number): RawSchema | undefined {
  if (body === undefined) return undefined
  if (!isRecord(body) || typeof body['schema'] !== 'string')
    throw http.broken('answered without a schema; is it the address of a registry?')
  const type = String(body['schemaType'] ?? 'AVRO').toUpperCase()
  if (type !== 'AVRO' && type !== 'JSON' && type !== 'PROTOBUF')
    throw http.unusable(`holds a schema of type ${type.slice(0, 40)}, which is not known here`)
  const references = Array.isArray(body['references']) ? body['references'].filter(isReference) : []
  return {
    type,
    text: body['schema'],
    references: references.map(({ name, subject, version }) => ({ name, subject, version })),
    id: isInteger(body['id']) ? body['id'] : id,
    subject: typeof body['subject'] === 'string' ? body['subject'] : undefined,
    version: isInteger(body['version']) ? body['version'] : undefined,
  }
}

function list<T>(body: unknown, http: Http, accept: (item: unknown) => item is T): T[] {
  if (body === undefined) return []
  if (!Array.isArray(body)) throw http.broken('answered something that is not a list; is it the address of a registry?')
  return body.filter(accept)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // the caller decides what a body that is not JSON means
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
function isInteger(value: unknown): value is number {
  return Number.isInteger(value)
}
function isUse(value: unknown): value is { subject: string; version: number } {
  return isRecord(value) && typeof value['subject'] === 'string' && isInteger(value['version'])
}
function isReference(value: unknown): value is { name: string; subject: string; version: number } {
  return (
    isRecord(value) &&
    typeof value['name'] === 'string' &&
    typeof value['subject'] === 'string' &&
    isInteger(value['version'])
  )
}
