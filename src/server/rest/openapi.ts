/**
 * The OpenAPI 3.1 document, which `@fastify/swagger` makes from the routes as they are registered. Each route has its
 * description in `config.call`; one without it (the page, the older spelling of the proxy path) is not in the document.
 * The descriptions do not check requests: who asks, and for what, is settled before the body is looked at, and errors
 * name the fields in the words of the calls.
 */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import type { BasePath } from '../http/base-path.ts'
import { VERSION } from '../version.ts'

const VERSION_OF_OPENAPI = '3.1.0'

/** A JSON Schema, as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>

/** One operation of the document; the library adds the parameters of the path. */
export interface Description {
  readonly operationId: string
  readonly summary: string
  /** An empty list: no token is needed. */
  readonly security?: readonly never[]
  /** An object whose properties are the parameters, each with its `description`. */
  readonly querystring?: Schema
  readonly body?: Schema
  /** By status, or `default`. */
  readonly response: Readonly<Record<string, Schema>>
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly call?: Description
  }
}

const AGENT_ERROR: Schema = {
  type: 'object',
  required: ['error', 'fields'],
  properties: {
    error: { type: 'string' },
    fields: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'error'],
        properties: { field: { type: 'string' }, error: { type: 'string' } },
      },
    },
  },
}
const GENERAL_ERROR: Schema = {
  type: 'object',
  required: ['type', 'title', 'status', 'request_id'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    request_id: { type: 'string' },
    invalid_fields: (AGENT_ERROR['properties'] as Schema)['fields'],
  },
}
/** Behind the proxy clients of both kinds are found. */
const PROXIED_ERROR: Schema = {
  type: 'object',
  required: [...(GENERAL_ERROR['required'] as string[]), ...(AGENT_ERROR['required'] as string[])],
  properties: { ...(GENERAL_ERROR['properties'] as Schema), ...(AGENT_ERROR['properties'] as Schema) },
}
/** An answer with a body, a schema for each content type; without them an empty one. */
export function answers(description: string, types?: Readonly<Record<string, Schema>>): Schema {
  if (types === undefined) return { description, type: 'null' }
  return {
    description,
    content: Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }])),
  }
}

/** The content of an answer of bare text, for `answers`. */
export const TEXT = { 'text/plain': { type: 'string' } }

/** What every call may answer instead. The names are those of `components.schemas`. */
export function refusal(name: 'AgentError' | 'Error' | 'ProxiedError'): Schema {
  return answers('Refused', { 'application/json': { $ref: `#/components/schemas/${name}` } })
}

/** Has to be called before the routes that are to be described are registered. */
export function addOpenApi(app: FastifyInstance): void {
  app.register(swagger, {
    openapi: {
      openapi: VERSION_OF_OPENAPI,
      info: {
        title: 'Sluice',
        version: VERSION,
        description: 'REST calls beside the WebSocket API. Every call but login and health needs a token.',
      },
      security: [{ bearer: [] }, { token: [] }, { session: [] }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          token: { type: 'apiKey', in: 'header', name: 'X-Kafka-Lenses-Token' },
          session: { type: 'apiKey', in: 'cookie', name: 'session_id' },
        },
        schemas: { AgentError: AGENT_ERROR, Error: GENERAL_ERROR, ProxiedError: PROXIED_ERROR },
      },
    },
    transform: ({ route, url }) => ({ url: url.replace(/\*$/, ':path'), schema: route.config?.call ?? { hide: true } }),
  })
}

/** The call that answers with the document. */
export function addDocumentRoute(app: FastifyInstance, base: BasePath): void {
  const call: Description = {
    operationId: 'openApi',
    summary: 'This document.',
    security: [],
    response: { 200: answers('The document', { 'application/json': { type: 'object' } }) },
  }
  app.get('/api/v1/openapi.json', { config: { call } }, async (request, reply) => {
    const url = base.of(request, reply) || '/'
    // In front of everything else, for people who look at it.
    const head = { openapi: VERSION_OF_OPENAPI, servers: [{ url }] }
    return reply.type('application/json; charset=utf-8').send(JSON.stringify({ ...head, ...app.swagger(), ...head }))
  })
}
