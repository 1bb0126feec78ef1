/** Login, who am I, logout: how a user gets a token or a session cookie, and gives it back. */
import { stringifySetCookie } from 'cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Account } from '../access/auth.ts'
import { answers, type Description, refusal, type Schema, TEXT } from '../rest/openapi.ts'
import { fail, NOT_GOOD, NOT_LOGGED_IN } from '../rest/route.ts'
import { credential, SESSION_COOKIE } from '../socket/upgrade.ts'
import type { BasePath } from './base-path.ts'
import type { HttpContext } from './http-context.ts'

const LOGIN_HINT = 'Wrong user or password.'

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
  summary: 'A session, as a cookie.',
  security: [],
  body: credentials('username'),
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
  response: { 204: answers('Logged out') },
}
const LOGOUT_SESSION: Description = {
  operationId: 'logoutSession',
  summary: 'Ends a session.',
  response: { 204: answers('Logged out') },
}

/** Adds the routes to `app`. `base` says below which path the session cookie counts. */
export function addAccountRoutes(app: FastifyInstance, context: HttpContext, base: BasePath): void {
  const { accounts, config } = context
  const setSession = (request: FastifyRequest, reply: FastifyReply, value: string, maxAge: number): FastifyReply =>
    reply.header(
      'set-cookie',
      stringifySetCookie({
        name: SESSION_COOKIE,
        value,
        // Other applications behind the same proxy do not get it.
        path: base.of(request, reply) || '/',
        maxAge,
        httpOnly: true,
        sameSite: 'strict',
        secure: config.server.tls !== undefined,
      }),
    )
  app.post('/api/login', { config: { call: LOGIN } }, async (request, reply) => {
    const { user, password } = bodyOf(request)
    if (typeof user !== 'string' || typeof password !== 'string')
      return fail(request, reply, 400, 'The body must be a JSON object {"user": "…", "password": "…"}.')
    const token = await logIn(context, request, reply, user, password)
    if (token === undefined) return reply
    // Bare text whatever is accepted: clients use the whole body as the token.
    return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(token)
  })
  app.post('/api/v1/login', { config: { call: LOGIN_SESSION } }, async (request, reply) => {
    const { username, password } = bodyOf(request)
    if (typeof username !== 'string' || typeof password !== 'string')
      return fail(request, reply, 400, 'The body must be a JSON object {"username": "…", "password": "…"}.')
    const token = await logIn(context, request, reply, username, password)
    if (token === undefined) return reply
    const seconds = Math.floor(config.limits['server.session.timeout'] / 1000)
    return setSession(request, reply, token, seconds).code(204).header('cache-control', 'no-store').send()
  })
  app.get('/api/auth', { config: { call: WHO_AM_I } }, async (request, reply) => {
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
    return setSession(request, reply, '', 0).code(204).send()
  }
  app.get<{ Querystring: { token?: string } }>('/api/logout', { config: { call: LOGOUT } }, logOut)
  app.post<{ Querystring: { token?: string } }>('/api/v1/logout', { config: { call: LOGOUT_SESSION } }, logOut)
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
