/**
 * The plain HTTP side: login, who am I, logout, the list of environments, health, metrics, the page. Errors are JSON in
 * the shape that clients of each part expect, and hold no stack trace. WebSocket addresses asked without an upgrade
 * answer 426.
 */
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Account } from './auth.ts'
import { BasePath } from './base-path.ts'
import { addCors } from './cors.ts'
import type { HttpContext } from './http-context.ts'
import { notOfferedAt } from './not-offered.ts'
import { PAGE_HEADERS, page } from './page.ts'
import { addRest } from './rest/rest.ts'
import { fail, NOT_GOOD, NOT_LOGGED_IN } from './rest/route.ts'
import { credential, SESSION_COOKIE, target } from './upgrade.ts'
import { NAME, VERSION } from './version.ts'

/**
 * Limit `server.path.characters` (characters): one part of an address: as many as a whole address has at most. Beyond
 * it: the address is unknown. Names of topics have up to 249 characters, those of groups and subjects may have more.
 */
const MAX_PARAMETER = 16_384
const LOGIN_HINT = 'Wrong user or password.'

export function createHttp(context: HttpContext): FastifyInstance {
  const { config, log } = context
  const https =
    config.server.tls === undefined
      ? null
      : {
          cert: config.server.tls.cert,
          key: config.server.tls.key,
          ...(config.server.tls.ca === undefined ? {} : { ca: config.server.tls.ca }),
        }
  const base = basePathOf(config)
  const app = fastify({
    rewriteUrl: (request) => base.inside(request.url ?? '/', request.headers),
    logger: false,
    https,
    bodyLimit: config.limits['server.max.message.bytes'],
    requestTimeout: 30_000,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    genReqId: () => crypto.randomUUID(),
    requestIdHeader: false,
  }) as unknown as FastifyInstance
  const { onRoute } = context
  if (onRoute !== undefined)
    app.addHook('onRoute', (route) => [route.method].flat().forEach((method) => onRoute(method, route.url)))
  app.setErrorHandler((failure: FastifyError, request, reply) => {
    const status =
      failure.statusCode !== undefined && failure.statusCode >= 400 && failure.statusCode < 500
        ? failure.statusCode
        : 500
    if (status === 500)
      log.error({ err: failure, request: request.id, path: request.routeOptions.url }, 'request failed')
    return fail(request, reply, status, status === 500 ? `Internal error, reference ${request.id}.` : failure.message)
  })
  app.setNotFoundHandler((request, reply) => {
    if (target(request.url) !== undefined) {
      reply.header('upgrade', 'websocket')
      return fail(request, reply, 426, 'This address speaks WebSocket: connect with ws:// or wss://.')
    }
    const left = notOfferedAt(request.url, request.headers.accept)
    return left === undefined
      ? fail(request, reply, 404, 'There is nothing at this address.')
      : fail(request, reply, 501, left)
  })
  // Clients send the login as JSON under whatever content type they like.
  app.removeAllContentTypeParsers()
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    // Some clients announce JSON and send nothing.
    if (body === '') done(null, undefined)
    else parseJson(request, body as string, done)
  })
  addCors(app, config.server.corsOrigins ?? [])
  addAccountRoutes(app, context, base)
  addInformationRoutes(app, context, base)
  addRest(app, context, base)
  return app
}

export function basePathOf({ server }: HttpContext['config']): BasePath {
  return new BasePath(server.basePath ?? '', server.trustForwardedPrefix === true)
}

function addAccountRoutes(app: FastifyInstance, context: HttpContext, base: BasePath): void {
  const { accounts, config } = context
  /** Other things behind the same proxy do not get it. */
  const cookiePath = (request: FastifyRequest, reply: FastifyReply): string => `Path=${base.of(request, reply) || '/'}`
  app.post('/api/login', async (request, reply) => {
    const { user, password } = bodyOf(request)
    if (typeof user !== 'string' || typeof password !== 'string')
      return fail(request, reply, 400, 'The body must be a JSON object {"user": "…", "password": "…"}.')
    const token = await logIn(context, request, reply, user, password)
    if (token === undefined) return reply
    // Bare text whatever is accepted: clients use the whole body as the token.
    return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(token)
  })
  app.post('/api/v1/login', async (request, reply) => {
    const { username, password } = bodyOf(request)
    if (typeof username !== 'string' || typeof password !== 'string')
      return fail(request, reply, 400, 'The body must be a JSON object {"username": "…", "password": "…"}.')
    const token = await logIn(context, request, reply, username, password)
    if (token === undefined) return reply
    const seconds = Math.floor(config.limits['server.session.timeout'] / 1000)
    const cookie = `${SESSION_COOKIE}=${token}; ${cookiePath(request, reply)}; Max-Age=${seconds}; HttpOnly; SameSite=Strict${config.server.tls === undefined ? '' : '; Secure'}`
    return reply.code(204).header('set-cookie', cookie).header('cache-control', 'no-store').send()
  })
  app.get('/api/auth', async (request, reply) => {
    const given = credential(request.raw)
    const account = given === undefined ? undefined : accounts.byToken(given)
    if (given === undefined || account === undefined)
      return fail(request, reply, 401, given === undefined ? NOT_LOGGED_IN : NOT_GOOD)
    reply.header('cache-control', 'no-store')
    return {
      token: given,
      user: account.name,
      schemaRegistryDelete: account.permissions.some(mayDrop),
      permissions: permissionNames(account),
    }
  })
  const logOut = async (request: FastifyRequest<{ Querystring: { token?: string } }>, reply: FastifyReply) => {
    const given = credential(request.raw) ?? request.query.token
    if (typeof given === 'string') context.logout(given)
    return reply
      .code(204)
      .header('set-cookie', `${SESSION_COOKIE}=; ${cookiePath(request, reply)}; Max-Age=0; HttpOnly; SameSite=Strict`)
      .send()
  }
  app.get<{ Querystring: { token?: string } }>('/api/logout', logOut)
  app.post<{ Querystring: { token?: string } }>('/api/v1/logout', logOut)
}

function bodyOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return typeof request.body === 'object' && request.body !== null ? (request.body as Record<string, unknown>) : {}
}

/** The new token; undefined when the refusal has been sent. */
async function logIn(
  context: HttpContext,
  request: FastifyRequest,
  reply: FastifyReply,
  user: string,
  password: string,
): Promise<string | undefined> {
  const { accounts, metrics, log } = context
  const token = await accounts.login(user, password, request.ip)
  const outcome = token === undefined ? 'wrong' : token === 'busy' ? 'busy' : 'good'
  metrics.logins.inc({ outcome })
  // A name that did not log in may be a password in the wrong field.
  log.info({ outcome, address: request.ip, ...(outcome === 'good' ? { user } : {}) }, 'login')
  if (outcome === 'good') return token
  if (outcome === 'busy') fail(request, reply, 429, 'Too many logins are waiting. Try again in a few seconds.')
  else fail(request, reply, 401, LOGIN_HINT)
  return undefined
}

const mayDrop = (rule: Account['permissions'][number]): boolean =>
  rule.effect === 'allow' && rule.rights?.includes('drop') === true

/** The names that the older clients know, for what the account may do somewhere. */
function permissionNames(account: Account): string[] {
  const may = (right: 'insert' | 'delete' | 'create' | 'drop') =>
    account.permissions.some((p) => p.effect === 'allow' && p.rights?.includes(right) === true)
  return [
    'QueryTopic',
    'ShowTopic',
    ...(may('insert') ? ['InsertData'] : []),
    ...(may('delete') ? ['DeleteData'] : []),
    ...(may('create') ? ['CreateTopic'] : []),
    ...(may('drop') ? ['DropTopic', 'ConfigureTopic', 'UpdateSchema'] : []),
  ]
}

function addInformationRoutes(app: FastifyInstance, { config, health, metrics }: HttpContext, base: BasePath): void {
  app.get('/health', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { ...(await health.report()), name: NAME, version: VERSION }
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  app.get('/', async (request, reply) => {
    reply.headers(PAGE_HEADERS).type('text/html; charset=utf-8')
    return page({
      name: NAME,
      version: VERSION,
      environments: config.environments.map((e) => e.name),
      host: request.host,
      basePath: base.of(request, reply),
      secure: config.server.tls !== undefined,
    })
  })
}
