/**
 * The OpenAPI 3.1 document of the REST calls, made from the same data as the routes, and of the few that have other
 * rules: login, logout, environments, health.
 */
import { VERSION } from '../version.ts'
import { ENVIRONMENT } from './environments.ts'
import type { Route, Schema } from './route.ts'

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
const PROXY = '/api/v1/environments/{environment}/proxy'

/** The whole document as plain data, for a server at the root of its address. */
export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  const put = (path: string, method: string, operation: object) => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation }
  }
  for (const route of routes) {
    const path = route.path.replace('{*}', '{path}')
    put(path, route.method, operation(route, path, ''))
    put(PROXY + path, route.method, operation(route, PROXY + path, 'Proxied'))
  }
  for (const { path, method, ...rest } of fixed()) put(path, method, rest)
  return {
    openapi: '3.1.0',
    servers: [{ url: '/' }],
    info: {
      title: 'Sluice',
      version: VERSION,
      description: 'REST calls beside the WebSocket API. Every call but login and health needs a token.',
    },
    security: [{ bearer: [] }, { token: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        token: { type: 'apiKey', in: 'header', name: 'X-Kafka-Lenses-Token' },
        session: { type: 'apiKey', in: 'cookie', name: 'session_id' },
      },
      schemas: { AgentError: AGENT_ERROR, Error: GENERAL_ERROR, ProxiedError: PROXIED_ERROR },
    },
  }
}

function operation(route: Route, path: string, suffix: string): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = (route.query ?? []).map((p) => ({
    name: p.name,
    in: 'query',
    required: false,
    description: p.about,
    schema: p.schema,
  }))
  return {
    operationId: route.id + suffix,
    summary: route.about,
    parameters: [...inPath, ...inQuery],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } }),
    responses: { [route.status ?? 200]: success(route), default: error(suffix === '' ? 'AgentError' : 'ProxiedError') },
  }
}

function success(route: Route): object {
  if (route.text === true)
    return {
      description: 'Done',
      content: { 'text/plain': { schema: { type: 'string' } }, 'application/json': { schema: { type: 'string' } } },
    }
  return route.answer === undefined
    ? { description: 'Done' }
    : { description: 'Done', content: { 'application/json': { schema: route.answer } } }
}

function error(name: string): object {
  return {
    description: 'Refused',
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
  }
}

const WHO: Schema = {
  type: 'object',
  required: ['token', 'user', 'schemaRegistryDelete', 'permissions'],
  properties: {
    token: { type: 'string' },
    user: { type: 'string' },
    schemaRegistryDelete: { type: 'boolean' },
    permissions: { type: 'array', items: { type: 'string' } },
  },
}

const HEALTH: Schema = {
  type: 'object',
  required: ['status', 'environments', 'name', 'version'],
  properties: {
    status: { type: 'string', enum: ['ok', 'degraded'] },
    environments: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'kafka'],
        properties: { name: { type: 'string' }, kafka: { type: 'string', enum: ['up', 'down', 'unknown'] } },
      },
    },
    name: { type: 'string' },
    version: { type: 'string' },
  },
}

function fixed(): ({ readonly path: string; readonly method: string } & Record<string, unknown>)[] {
  const text = { 'text/plain': { schema: { type: 'string' } } }
  const json = (schema: Schema) => ({ 'application/json': { schema } })
  const credentials = (user: string): Schema => ({
    type: 'object',
    required: [user, 'password'],
    properties: { [user]: { type: 'string' }, password: { type: 'string' } },
  })
  const body = (schema: Schema) => ({ required: true, content: json(schema) })
  const named = [{ name: 'environment', in: 'path', required: true, schema: { type: 'string' } }]
  const failing = { default: error('Error') }
  return [
    {
      path: '/api/login',
      method: 'post',
      operationId: 'login',
      summary: 'A token for a user, as bare text.',
      security: [],
      requestBody: body(credentials('user')),
      responses: { 200: { description: 'The token', content: text }, default: error('AgentError') },
    },
    {
      path: '/api/v1/login',
      method: 'post',
      operationId: 'loginSession',
      summary: 'A session, as a cookie.',
      security: [],
      requestBody: body(credentials('username')),
      responses: { 204: { description: 'Logged in' }, ...failing },
    },
    {
      path: '/api/auth',
      method: 'get',
      operationId: 'whoAmI',
      summary: 'Whose token it is.',
      responses: { 200: { description: 'Who', content: json(WHO) }, default: error('AgentError') },
    },
    {
      path: '/api/logout',
      method: 'get',
      operationId: 'logout',
      summary: 'Ends a session.',
      parameters: [{ name: 'token', in: 'query', required: false, schema: { type: 'string' } }],
      responses: { 204: { description: 'Logged out' } },
    },
    {
      path: '/api/v1/logout',
      method: 'post',
      operationId: 'logoutSession',
      summary: 'Ends a session.',
      responses: { 204: { description: 'Logged out' } },
    },
    {
      path: '/api/v1/environments',
      method: 'get',
      operationId: 'environments',
      summary: 'The environments that the account may enter.',
      responses: {
        200: {
          description: 'All',
          content: json({
            type: 'object',
            required: ['items'],
            properties: { items: { type: 'array', items: ENVIRONMENT } },
          }),
        },
        ...failing,
      },
    },
    {
      path: '/api/v1/environments',
      method: 'post',
      operationId: 'createEnvironment',
      summary: 'Refused: environments are configured.',
      responses: { 501: { description: 'Refused' }, ...failing },
    },
    {
      path: '/api/v1/environments/{environment}',
      method: 'get',
      operationId: 'environment',
      summary: 'One environment.',
      parameters: named,
      responses: { 200: { description: 'Found', content: json(ENVIRONMENT) }, ...failing },
    },
    {
      path: '/api/v1/openapi.json',
      method: 'get',
      operationId: 'openApi',
      summary: 'This document.',
      security: [],
      responses: { 200: { description: 'The document', content: json({ type: 'object' }) } },
    },
    {
      path: '/health',
      method: 'get',
      operationId: 'health',
      summary: 'Whether the server and its environments are well.',
      security: [],
      responses: { 200: { description: 'Report', content: json(HEALTH) } },
    },
    {
      path: '/metrics',
      method: 'get',
      operationId: 'metrics',
      summary: 'Prometheus metrics.',
      security: [],
      responses: { 200: { description: 'Metrics', content: text } },
    },
  ]
}
