/**
 * The schema registry's own calls, passed on: a closed list of them, with the server's credentials, which never leave
 * it, and by the rights that the account has on the topic of a subject (`orders-value` belongs to `orders`). What the
 * registry answers is answered.
 */
import type { RegistryConfig } from '../../../registry/registry.ts'
import { type Received, type Transport, transportOf } from '../../../registry/transport.ts'
import { type Answer, type Call, demand, RestError, type Route } from '../route.ts'

const TIMEOUT_MS = 15_000
/**
 * Limit `rest.registry.max.response.bytes` (bytes): an answer of the schema registry that is passed on. Beyond it: HTTP
 * 502.
 */
const MAX_BYTES = 8 * 1024 * 1024

interface Allowed {
  readonly methods: readonly Route['method'][]
  readonly path: RegExp
  /** Refuses, or gives the check of the answer. */
  check(call: Call, method: Route['method'], match: RegExpExecArray): Promise<((body: string) => string) | undefined>
}

const SUBJECT = '([^/]+)'

const ALLOWED: readonly Allowed[] = [
  { methods: ['GET'], path: /^subjects$/, check: async (call) => (body) => onlyReadable(call, body) },
  { methods: ['GET'], path: /^schemas\/types$/, check: async () => undefined },
  { methods: ['GET'], path: /^schemas\/ids\/(\d{1,10})$/, check: byId },
  { methods: ['GET', 'POST', 'DELETE'], path: new RegExp(`^subjects/${SUBJECT}$`), check: bySubject },
  { methods: ['GET', 'POST'], path: new RegExp(`^subjects/${SUBJECT}/versions$`), check: bySubject },
  {
    methods: ['GET', 'DELETE'],
    path: new RegExp(`^subjects/${SUBJECT}/versions/(?:\\d{1,10}|latest|-1)$`),
    check: bySubject,
  },
  {
    methods: ['GET'],
    path: new RegExp(`^subjects/${SUBJECT}/versions/(?:\\d{1,10}|latest)/schema$`),
    check: bySubject,
  },
  {
    methods: ['POST'],
    path: new RegExp(`^compatibility/subjects/${SUBJECT}/versions/(?:\\d{1,10}|latest)$`),
    check: readSubject,
  },
  { methods: ['GET', 'PUT'], path: /^config$/, check: wholeRegistry },
  { methods: ['GET', 'PUT', 'DELETE'], path: new RegExp(`^config/${SUBJECT}$`), check: bySubject },
]

/** The topic whose rights count for a subject. */
export function topicOf(subject: string): string {
  // Of a subject of another context (`:.context:orders-value`) it is the same.
  return subject.replace(/^:\.[^:]*:/, '').replace(/-(?:key|value)$/, '')
}

async function readSubject(call: Call, _method: Route['method'], match: RegExpExecArray): Promise<undefined> {
  demand(call, 'read', topicOf(match[1]))
}

/** POST on a subject itself only looks a schema up. */
async function bySubject(call: Call, method: Route['method'], match: RegExpExecArray): Promise<undefined> {
  const looksUp = method === 'GET' || (method === 'POST' && /^subjects\/[^/]+$/.test(match[0]))
  demand(call, looksUp ? 'read' : method === 'POST' ? 'create' : 'drop', topicOf(match[1]))
}

/** Rejects with 403 when a call would change what counts for all subjects and the account has not all rights. */
export async function wholeRegistry(call: Call, method: Route['method']): Promise<undefined> {
  if (method !== 'GET' && call.view.administration?.all !== true)
    throw new RestError(403, 'Only an account with all rights may change the settings of the whole registry.')
}

/** An id may be looked up by accounts that may read one of the topics that use it. */
async function byId(call: Call, _method: Route['method'], match: RegExpExecArray): Promise<undefined> {
  if (call.view.administration?.all === true) return
  const { status, body } = await askRegistry(call, 'GET', ['schemas', 'ids', match[1], 'versions'])
  const uses: unknown = status === 200 ? json(body) : []
  const may = (use: unknown): boolean =>
    typeof use === 'object' &&
    use !== null &&
    'subject' in use &&
    typeof use.subject === 'string' &&
    call.view.administration?.may('read', topicOf(use.subject)) === true
  if (!Array.isArray(uses) || !uses.some(may)) throw new RestError(404, `There is no schema ${match[1]}.`)
}

function onlyReadable(call: Call, body: string): string {
  const subjects: unknown = json(body)
  if (!Array.isArray(subjects)) return body
  return JSON.stringify(
    subjects.filter((s) => typeof s === 'string' && call.view.administration?.may('read', topicOf(s)) === true),
  )
}

/**
 * A schema of a body may refer to subjects. The registry says whether such a subject is there, and what is wrong with
 * fields that use it: so it is asked only about those that the account may see.
 */
function checkReferences(call: Call): void {
  const { body } = call
  if (typeof body !== 'object' || body === null || !('references' in body)) return
  const { references } = body
  if (references === null) return
  if (!Array.isArray(references)) throw new RestError(422, 'The field "references" must be a list.')
  for (const reference of references as unknown[]) {
    const subject =
      typeof reference === 'object' && reference !== null && 'subject' in reference ? reference.subject : undefined
    if (typeof subject !== 'string') throw new RestError(422, 'Each of "references" must name its "subject" as a text.')
    if (call.view.administration?.may('read', topicOf(subject)) !== true)
      throw new RestError(422, `There is no subject ${JSON.stringify(subject)}, which "references" names.`)
  }
}

async function pass(call: Call, method: Route['method']): Promise<Answer> {
  // Decoded by the router; encoded again where it is sent.
  let path = call.params['*']
  while (path.endsWith('/')) path = path.slice(0, -1)
  for (const allowed of ALLOWED) {
    const match = allowed.path.exec(path)
    if (match === null || !allowed.methods.includes(method)) continue
    const view = await allowed.check(call, method, match)
    checkReferences(call)
    const { status, body } = await askRegistry(
      call,
      method,
      path.split('/'),
      method === 'GET' || method === 'DELETE' ? undefined : call.body,
    )
    return {
      status,
      raw: { type: 'application/json; charset=utf-8', body: status === 200 && view !== undefined ? view(body) : body },
    }
  }
  throw new RestError(404, 'The registry has no such call, or it is not passed on.')
}

/**
 * One question with the server's credentials. `path`: its parts, not encoded; `.` and `..` would lead elsewhere and are
 * no names. The answer is whatever the registry says, but for 401 and 403.
 */
export async function askRegistry(
  call: Call,
  method: Route['method'],
  path: readonly string[],
  body?: unknown,
): Promise<{ status: number; body: string }> {
  if (path.some((part) => part === '.' || part === '..')) throw new RestError(404, 'The registry has no such call.')
  const { registry } = call.environment
  if (registry === undefined) throw new RestError(404, 'This environment has no schema registry.')
  const { base, headers } = target(registry)
  const didNotAnswer = (): RestError => new RestError(502, 'The schema registry does not answer.')
  let response: Received
  try {
    response = await transport(registry).send(`${base}/${path.map(encodeURIComponent).join('/')}`, {
      method,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/vnd.schemaregistry.v1+json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any([call.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
  } catch {
    // The cause may hold the address with its credentials.
    throw didNotAnswer()
  }
  if (response.status >= 300 && response.status < 400)
    throw new RestError(
      502,
      'The schema registry redirects to another address: name that one in the configuration (registry.url).',
    )
  if (response.status === 401 || response.status === 403)
    throw new RestError(502, 'The schema registry refuses the credentials of this server.')
  try {
    return { status: response.status, body: await limited(response) }
  } catch (cause) {
    throw cause instanceof RestError ? cause : didNotAnswer()
  }
}

/** What the registry says with 200. */
export function json(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    throw new RestError(502, 'The schema registry answered something else than JSON.')
  }
}

async function limited(response: Received): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES)
      throw new RestError(
        502,
        `The schema registry answered with more than ${MAX_BYTES} bytes (rest.registry.max.response.bytes).`,
      )
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** One for each registry, as it may keep connections open. */
const transports = new WeakMap<RegistryConfig, Transport>()

function transport(registry: RegistryConfig): Transport {
  const known = transports.get(registry)
  if (known !== undefined) return known
  const made = transportOf(registry)
  transports.set(registry, made)
  return made
}

function target(registry: RegistryConfig): { base: string; headers: Record<string, string> } {
  const url = new URL(registry.url)
  const user = registry.username ?? decodeURIComponent(url.username)
  const password = registry.password ?? decodeURIComponent(url.password)
  const headers: Record<string, string> = { accept: 'application/vnd.schemaregistry.v1+json, application/json' }
  if (registry.token !== undefined) headers['authorization'] = `Bearer ${registry.token}`
  else if (user !== '') headers['authorization'] = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  return { base: url.origin + url.pathname.replace(/\/+$/, ''), headers }
}

/** The calls that are passed on to the schema registry. */
export const REGISTRY_ROUTES: readonly Route[] = (['GET', 'POST', 'PUT', 'DELETE'] as const).map((method) => ({
  method,
  path: '/api/proxy-sr/{*}',
  id: `registry${method[0]}${method.slice(1).toLowerCase()}`,
  about: 'The schema registry: subjects, versions, schemas, compatibility. Status and body are the registry’s.',
  ...(method === 'POST' || method === 'PUT' ? { body: { type: 'object' } } : {}),
  answer: {},
  run: (call: Call) => pass(call, method),
}))
