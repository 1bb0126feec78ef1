/**
 * Login, who am I, logout: how a user gets a token or a session cookie, and gives it back. A browser also gets a cookie
 * by which it is known as one that has logged in before; it opens nothing.
 */
import { randomUUID } from 'node:crypto'
import { stringifySetCookie } from 'cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Account, LoginOutcome } from '../access/auth.ts'
import { Proxies } from '../access/origin.ts'
import type { ServerLimits } from '../limits.ts'
import { answers, type Description, refusal, type Schema, TEXT } from '../rest/openapi.ts'
import { UserError } from '../../lib/user-error.ts'
import { fail, NOT_GOOD, NOT_LOGGED_IN } from '../rest/route.ts'
import { cookieOf, credential, DEVICE_COOKIE, isForeign, SESSION_COOKIE, theirCookie } from '../socket/upgrade.ts'
import { type BasePath, isSecure } from './base-path.ts'
import type { HttpContext } from './http-context.ts'

const LOGIN_HINT = 'Wrong user or password.'
/** How long a browser is known by its cookie. */
const DEVICE_SECONDS = 365 * 86_400

const credentials = (user: string): Schema => ({
  type: 'object',
  required: [user, 'password'],
  properties: { [user]: { type: 'string' }, password: { type: 'string' } },
})
const LOGIN: Description = {
  operationId: 'login',
  summary: 'A token for a user, as bare text.',
  security: [],
  body: credentials('user'),
  response: { 200: answers('The token', TEXT), default: refusal('AgentError') },
}
const LOGIN_SESSION: Description = {
  operationId: 'loginSession',
  summary: 'A session, as a cookie: for a user and password, or in exchange for a token or for the code of a demo.',
  security: [],
  body: {
    type: 'object',
    properties: {
      username: { type: 'string' },
      password: { type: 'string' },
      token: { type: 'string' },
      code: { type: 'string' },
    },
  },
  response: { 204: answers('Logged in'), default: refusal('Error') },
}
const WHO_AM_I: Description = {
  operationId: 'whoAmI',
  summary: 'Whose token it is.',
  response: {
    200: answers('Who', {
      'application/json': {
        type: 'object',
        required: ['token', 'user', 'schemaRegistryDelete', 'permissions'],
        properties: {
          token: { type: 'string' },
          user: { type: 'string' },
          schemaRegistryDelete: { type: 'boolean' },
          permissions: { type: 'array', items: { type: 'string' } },
        },
      },
    }),
    default: refusal('AgentError'),
  },
}
const LOGOUT: Description = {
  operationId: 'logout',
  summary: 'Ends a session.',
  querystring: { type: 'object', properties: { token: { type: 'string' } } },
  response: { 204: answers('Logged out'), 503: refusal('AgentError') },
}
const LOGOUT_SESSION: Description = {
  operationId: 'logoutSession',
  summary: 'Ends a session.',
  response: { 204: answers('Logged out'), 503: refusal('Error') },
}

/** Adds the routes to `app`. `base` says below which path the session cookie counts. */
export function addAccountRoutes(app: FastifyInstance, context: HttpContext, base: BasePath): void {
  const { config } = context
  const bodyLimit = config.limits['server.max.login.bytes']
  const setSession = (request: FastifyRequest, reply: FastifyReply, value: string, maxAge: number): FastifyReply =>
    setCookie(context, base, request, reply, { name: SESSION_COOKIE, value, maxAge })
  /** A page of another origin could try passwords, or log its visitor in as somebody else. */
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> =>
    isForeign(request, config.server.corsOrigins)
      ? fail(request, reply, 403, 'Pages of this origin may not log in: it is not among server.corsOrigins.')
      : undefined
  app.post('/api/login', { config: { call: LOGIN }, bodyLimit, onRequest }, async (request, reply) => {
    const { user, password } = bodyOf(request)
    if (typeof user !== 'string' || typeof password !== 'string')
      return fail(request, reply, 400, 'The body must be a JSON object {"user": "…", "password": "…"}.')
    const token = await logIn(context, request, reply, { user, password }, cookieOf(request, DEVICE_COOKIE))
    if (token === undefined) return reply
    // Bare text whatever is accepted: clients use the whole body as the token.
    return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(token)
  })
  app.post('/api/v1/login', { config: { call: LOGIN_SESSION }, bodyLimit, onRequest }, async (request, reply) => {
    const { username, password, token: given, code } = bodyOf(request)
    const known = cookieOf(request, DEVICE_COOKIE)
    const device = known ?? randomUUID()
    let token: string | undefined
    if (typeof given === 'string') token = exchanged(context, request, reply, context.accounts.exchange(given), 'token')
    else if (typeof code === 'string') token = exchanged(context, request, reply, context.accounts.redeem(code), 'code')
    else if (typeof username === 'string' && typeof password === 'string')
      token = await logIn(context, request, reply, { user: username, password }, device)
    else
      return fail(
        request,
        reply,
        400,
        'The body must be a JSON object {"username": "…", "password": "…"}, or {"token": "…"}.',
      )
    if (token === undefined) return reply
    const seconds = Math.floor(config.limits['server.session.timeout'] / 1000)
    setSession(request, reply, token, seconds)
    if (known === undefined)
      setCookie(context, base, request, reply, { name: DEVICE_COOKIE, value: device, maxAge: DEVICE_SECONDS })
    return reply.code(204).header('cache-control', 'no-store').send()
  })
  app.get('/api/auth', { config: { call: WHO_AM_I } }, async (request, reply) => {
    const given = credential(request.raw)
    const account = context.who(request.raw)
    if (given === undefined || account === undefined)
      return fail(request, reply, 401, given === undefined ? NOT_LOGGED_IN : NOT_GOOD)
    reply.header('cache-control', 'no-store')
    return {
      // What a script of the page cannot read in the cookie, it does not read here.
      token: theirCookie(request) === given ? '' : given,
      user: account.name,
      schemaRegistryDelete: account.permissions.some(mayDrop),
      permissions: permissionNames(account),
    }
  })
  addLogout(app, context, (request, reply) => setSession(request, reply, '', 0))
}

/** `forget` takes the cookie away. */
function addLogout(
  app: FastifyInstance,
  { config, logout }: HttpContext,
  forget: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  const logOut = async (request: FastifyRequest<{ Querystring: { token?: string } }>, reply: FastifyReply) => {
    const given = credential(request.raw) ?? request.query.token
    try {
      if (typeof given === 'string') await logout(given)
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause
      // Whoever repeats it needs the cookie.
      return fail(request, reply, 503, cause.message)
    }
    forget(request, reply)
    return reply.code(204).send()
  }
  app.get<{ Querystring: { token?: string } }>('/api/logout', { config: { call: LOGOUT } }, logOut)
  app.post<{ Querystring: { token?: string } }>(
    '/api/v1/logout',
    { config: { call: LOGOUT_SESSION }, bodyLimit: config.limits['server.max.login.bytes'] },
    logOut,
  )
}

function bodyOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return typeof request.body === 'object' && request.body !== null ? (request.body as Record<string, unknown>) : {}
}

function setCookie(
  { config }: HttpContext,
  base: BasePath,
  request: FastifyRequest,
  reply: FastifyReply,
  cookie: { readonly name: string; readonly value: string; readonly maxAge: number },
): FastifyReply {
  return reply.header(
    'set-cookie',
    stringifySetCookie({
      ...cookie,
      // Other applications behind the same proxy do not get it.
      path: base.of(request, reply) || '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: isSecure(request, config.server),
    }),
  )
}

const EXCHANGE_HINTS = {
  token: 'This token is not good: it is unknown, has expired or was revoked.',
  code: 'This link was used, or is older than two minutes. Log in with user and password, or restart the demo.',
} as const

/** The session's token; undefined when the refusal has been sent. */
function exchanged(
  { metrics, log, config }: HttpContext,
  request: FastifyRequest,
  reply: FastifyReply,
  outcome: LoginOutcome,
  by: keyof typeof EXCHANGE_HINTS,
): string | undefined {
  const refused = outcome === undefined || outcome === 'full'
  metrics.logins.inc({ outcome: outcome === undefined ? 'wrong' : refused ? 'full' : 'good' })
  log.info(
    { outcome: outcome === undefined ? 'wrong' : refused ? 'full' : 'good', by, address: addressOf(config, request) },
    'login',
  )
  if (!refused) return outcome
  fail(
    request,
    reply,
    outcome === 'full' ? 429 : 401,
    outcome === 'full' ? REFUSALS.full(config.limits) : EXCHANGE_HINTS[by],
  )
  return undefined
}

function addressOf({ server }: HttpContext['config'], request: FastifyRequest): string {
  return new Proxies(server.trustedProxies).addressOf(request.raw)
}

/** The new token; undefined when the refusal has been sent. */
async function logIn(
  context: HttpContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { user, password }: { readonly user: string; readonly password: string },
  device: string | undefined,
): Promise<string | undefined> {
  const { accounts, metrics, log, config } = context
  const address = addressOf(config, request)
  const token = await accounts.login(user, password, address, device)
  const refusal =
    token === undefined ? 'wrong' : Object.hasOwn(REFUSALS, token) ? (token as keyof typeof REFUSALS) : undefined
  const outcome = refusal ?? 'good'
  metrics.logins.inc({ outcome })
  // A name that did not log in may be a password in the wrong field.
  log.info({ outcome, address, ...(outcome === 'good' ? { user } : {}) }, 'login')
  if (refusal !== undefined) {
    fail(request, reply, refusal === 'wrong' ? 401 : 429, REFUSALS[refusal](config.limits))
    return undefined
  }
  return token
}

const REFUSALS = {
  wrong: () => LOGIN_HINT,
  busy: () => 'Too many logins are waiting. Try again in a few seconds.',
  locked: (limits: ServerLimits) =>
    `Too many logins with this name have failed: the limit server.max.login.failures is ${limits['server.max.login.failures']} an hour. Try again later, or from an address or a browser that has logged in before.`,
  full: (limits: ServerLimits) =>
    `Too many users are logged in: the limit server.max.sessions is ${limits['server.max.sessions']}. Try again later.`,
} as const

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
