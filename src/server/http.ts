/**
 * The plain HTTP side: login, who am I, logout, the list of environments, health, metrics, the page. Errors are JSON in the shape that clients of each part expect,
 * and hold no stack trace. WebSocket addresses asked without an upgrade answer 426.
 */
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { type Accounts, mayEnter } from './auth.ts'
import type { ServerConfig } from './config.ts'
import type { Health } from './health.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { PAGE_HEADERS, page } from './page.ts'
import { credential, problem, target } from './upgrade.ts'
import { NAME, VERSION } from './version.ts'

export interface HttpContext {
  readonly config: ServerConfig
  readonly accounts: Accounts
  readonly health: Health
  readonly metrics: Metrics
  readonly log: Log
}

const LOGIN_HINT = 'Wrong user or password.'
/** Some clients look for the word "token" in the body of a 401 to tell success from failure: it must not be there. */
const WHO_HINT = 'Not logged in.'

function fail(request: FastifyRequest, reply: FastifyReply, status: number, title: string): FastifyReply {
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(problem(request.url, status, title, request.id)))
}

export function createHttp(context: HttpContext): FastifyInstance {
  const { config, log } = context
  const https =
    config.server.tls === undefined
      ? null
      : { cert: config.server.tls.cert, key: config.server.tls.key, ...(config.server.tls.ca === undefined ? {} : { ca: config.server.tls.ca }) }
  const app = fastify({
    logger: false,
    https,
    bodyLimit: config.limits['server.max.message.bytes'],
    requestTimeout: 30_000,
    genReqId: () => crypto.randomUUID(),
    requestIdHeader: false,
  }) as unknown as FastifyInstance
  app.setErrorHandler((failure: FastifyError, request, reply) => {
    const status = failure.statusCode !== undefined && failure.statusCode >= 400 && failure.statusCode < 500 ? failure.statusCode : 500
    if (status === 500) log.error({ err: failure, request: request.id, path: request.routeOptions.url }, 'request failed')
    return fail(request, reply, status, status === 500 ? `Internal error, reference ${request.id}.` : failure.message)
  })
  app.setNotFoundHandler((request, reply) => {
    if (target(request.url) !== undefined) {
      reply.header('upgrade', 'websocket')
      return fail(request, reply, 426, 'This address speaks WebSocket: connect with ws:// or wss://.')
    }
    return fail(request, reply, 404, 'There is nothing at this address.')
  })
  // Clients send the login as JSON under whatever content type they like.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
  addAccountRoutes(app, context)
  addInformationRoutes(app, context)
  return app
}

function addAccountRoutes(app: FastifyInstance, { accounts, metrics, log }: HttpContext): void {
  app.post('/api/login', async (request, reply) => {
    const body = request.body
    const { user, password } = typeof body === 'object' && body !== null ? (body as { user?: unknown; password?: unknown }) : {}
    if (typeof user !== 'string' || typeof password !== 'string')
      return fail(request, reply, 400, 'The body must be a JSON object {"user": "…", "password": "…"}.')
    const token = await accounts.login(user, password, request.ip)
    const outcome = token === undefined ? 'wrong' : token === 'busy' ? 'busy' : 'good'
    metrics.logins.inc({ outcome })
    // A name that did not log in may be a password in the wrong field.
    log.info({ outcome, address: request.ip, ...(outcome === 'good' ? { user } : {}) }, 'login')
    if (token === 'busy') return fail(request, reply, 429, 'Too many logins are waiting. Try again in a few seconds.')
    if (token === undefined) return fail(request, reply, 401, LOGIN_HINT)
    // Bare text whatever is accepted: clients use the whole body as the token.
    return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(token)
  })
  app.get('/api/auth', async (request, reply) => {
    const given = credential(request.raw)
    const account = given === undefined ? undefined : accounts.byToken(given)
    if (given === undefined || account === undefined) return fail(request, reply, 401, WHO_HINT)
    reply.header('cache-control', 'no-store')
    return { token: given, user: account.name, schemaRegistryDelete: false, permissions: ['QueryTopic', 'ShowTopic'] }
  })
  app.get<{ Querystring: { token?: string } }>('/api/logout', async (request, reply) => {
    const given = credential(request.raw) ?? request.query.token
    if (typeof given === 'string') accounts.logout(given)
    return reply.code(204).send()
  })
}

function addInformationRoutes(app: FastifyInstance, context: HttpContext): void {
  const { accounts, config, health, metrics } = context
  app.get('/api/v1/environments', async (request, reply) => {
    const given = credential(request.raw)
    const account = given === undefined ? undefined : accounts.byToken(given)
    if (account === undefined) return fail(request, reply, 401, 'Send "Authorization: Bearer <key of a service account>".')
    return { items: config.environments.filter((e) => mayEnter(account, e.name)).map((e) => ({ name: e.name, display_name: e.name })) }
  })
  app.get('/health', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { ...(await health.report()), name: NAME, version: VERSION }
  })
  app.get('/metrics', async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()))
  app.get('/', async (request, reply) => {
    reply.headers(PAGE_HEADERS).type('text/html; charset=utf-8')
    return page({
      name: NAME,
      version: VERSION,
      environments: config.environments.map((e) => e.name),
      host: request.host,
      secure: config.server.tls !== undefined,
    })
  })
}
