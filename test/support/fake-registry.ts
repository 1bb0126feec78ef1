/**
 * A schema registry for unit tests: an HTTP server on loopback that speaks the reading side of the Confluent API from a
 * list of subjects, and misbehaves on demand.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeSchema {
  readonly id: number
  readonly schema: string
  readonly schemaType?: 'AVRO' | 'JSON' | 'PROTOBUF'
  readonly references?: readonly { readonly name: string; readonly subject: string; readonly version: number }[]
}

export interface FakeRegistry {
  readonly url: string
  /** `METHOD path` of every request, in order of arrival. */
  readonly requests: string[]
  /** Versions of each subject, the first being version 1. */
  readonly subjects: Map<string, FakeSchema[]>
  /** Answers instead of the registry while it returns something. */
  intercept: ((request: http.IncomingMessage, response: http.ServerResponse) => boolean) | undefined
  add(subject: string, schema: FakeSchema): void
  close(): Promise<void>
}

/**
 * Starts one on a free port. `prefix` is a path in front of everything (`/apis/ccompat/v7`); `authorization` is the
 * header that it insists on.
 */
export async function fakeRegistry(
  options: { readonly prefix?: string; readonly authorization?: string } = {},
): Promise<FakeRegistry> {
  const prefix = options.prefix ?? ''
  const subjects = new Map<string, FakeSchema[]>()
  const requests: string[] = []
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (registry.intercept?.(request, response)) return
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body))
    }
    if (options.authorization !== undefined && request.headers.authorization !== options.authorization)
      return reply(401, { error_code: 401, message: 'Unauthorized' })
    const path = request.url ?? ''
    if (!path.startsWith(`${prefix}/`)) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>404</h1>')
      return
    }
    const [status, body] = answer(
      path
        .slice(prefix.length + 1)
        .split('/')
        .map(decodeURIComponent),
      subjects,
    )
    reply(status, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const registry: FakeRegistry = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    requests,
    subjects,
    intercept: undefined,
    add(subject, schema) {
      subjects.set(subject, [...(subjects.get(subject) ?? []), schema])
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  return registry
}

function answer(path: readonly string[], subjects: ReadonlyMap<string, readonly FakeSchema[]>): [number, unknown] {
  const all = [...subjects].flatMap(([subject, versions]) =>
    versions.map((schema, i) => ({ subject, version: i + 1, ...schema })),
  )
  if (path[0] === 'subjects' && path.length === 1) return [200, [...subjects.keys()]]
  if (path[0] === 'schemas' && path[1] === 'ids') {
    const found = all.filter((s) => s.id === Number(path[2]))
    if (found.length === 0) return [404, { error_code: 40403, message: 'Schema not found' }]
    if (path[3] === 'versions') return [200, found.map(({ subject, version }) => ({ subject, version }))]
    const { schema, schemaType, references } = found[0]
    return [200, { schema, schemaType, references }]
  }
  if (path[0] === 'subjects' && path[2] === 'versions') {
    const versions = all.filter((s) => s.subject === path[1])
    if (versions.length === 0) return [404, { error_code: 40401, message: `Subject '${path[1]}' not found.` }]
    if (path.length === 3) return [200, versions.map((s) => s.version)]
    const found = path[3] === 'latest' ? versions.at(-1) : versions.find((s) => s.version === Number(path[3]))
    return found === undefined ? [404, { error_code: 40402, message: `Version ${path[3]} not found.` }] : [200, found]
  }
  return [404, { error_code: 404, message: 'HTTP 404 Not Found' }]
}
