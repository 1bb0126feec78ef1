/**
 * The plain HTTP side: the server with its routes; health, metrics and the page. Errors are JSON in the shape that
 * clients of each part expect, and hold no stack trace. WebSocket addresses asked without an upgrade answer 426.
 */
import { type IncomingMessage, maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import cors from '@fastify/cors'
import {
  type ConnectionError,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify'
import { excerpt } from '../../sql/lex.ts'
import { BasePath, isSecure } from './base-path.ts'
import type { HttpContext } from './http-context.ts'
import { notOfferedAt } from './not-offered.ts'
import { Offers } from './offers.ts'
import { RequestTurns } from './call-gate.ts'
import { API_HEADERS, plainAnswer } from './plain-answer.ts'
import { FILE_HEADERS, page, pageHeaders, pageNonce } from './page.ts'
import { Studio } from './studio-files.ts'
import { addRest } from '../rest/rest.ts'
import { addOpenApi, answers, type Description, TEXT } from '../rest/openapi.ts'
import { fail } from '../rest/route.ts'
import { addAccountRoutes } from './account-routes.ts'
import { NO_HOST, problem, target } from '../socket/upgrade.ts'
import { LoginsUnread } from '../access/revocations.ts'
import { traceCalls } from '../telemetry/calls.ts'
import { NAME, VERSION } from '../version.ts'

/**
 * Limit `server.path.characters` (characters): one part of an address: as many as a whole address has at most. Beyond
 * it: the address is unknown. Names of topics have up to 249 characters, those of groups and subjects may have more.
 */
const MAX_PARAMETER = 16_384

/** How often requests that are not complete are looked at. */
const LOOK_MS = 1000

const STATE = { type: 'string', enum: ['starting', 'ready', 'draining'] }
const REPORT = {
  'application/json': {
    type: 'object',
    required: ['status', 'state', 'environments', 'name', 'version'],
    properties: {
      status: { type: 'string', enum: ['ok', 'degraded'] },
      state: STATE,
      environments: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name', 'kafka'],
          properties: { name: { type: 'string' }, kafka: { type: 'string', enum: ['up', 'down', 'unknown'] } },
        },
      },
      stateTopic: {
        type: 'string',
        enum: ['up', 'down', 'lost'],
        description:
          'The topic that servers share, if there is one; `lost`: it was deleted or cut, which takes a new start.',
      },
      dataFile: {
        type: 'string',
        enum: ['up', 'down'],
        description: 'The file in the data folder, if there is one; `down`: it takes no change.',
      },
      serversTopic: {
        type: 'string',
        enum: ['up', 'down'],
        description: 'The topic in which servers speak to each other, if there is one; `down`: this server is alone.',
      },
      name: { type: 'string' },
      version: { type: 'string' },
    },
  },
}
const HEALTH: Description = {
  operationId: 'health',
  summary: 'Whether the server takes new work, and whether its environments are well.',
  security: [],
  response: { 200: answers('Report', REPORT), 503: answers('Report; the server is starting or stopping', REPORT) },
}
const LIVE: Description = {
  operationId: 'live',
  summary: 'That the server runs, also while it is stopping.',
  security: [],
  response: {
    200: answers('It runs', {
      'application/json': { type: 'object', required: ['state'], properties: { state: STATE } },
    }),
  },
}
const METRICS: Description = {
  operationId: 'metrics',
  summary: 'Prometheus metrics.',
  security: [],
  response: { 200: answers('Metrics', TEXT) },
}

/** What is answered to the very end. */
const TO_THE_END: ReadonlySet<string | undefined> = new Set(['/health', '/health/live', '/metrics'])

/** The HTTP server with all of its routes, which are registered by the time it listens or is `ready()`. */
export function createHttp(context: HttpContext): FastifyInstance {
  const { config, log, onRoute } = context
  const offers = new Offers()
  const times = {
    headersTimeout: config.limits['server.header.timeout'],
    requestTimeout: config.limits['server.request.timeout'],
    keepAliveTimeout: config.limits['server.idle.timeout'],
    connectionsCheckingInterval: LOOK_MS,
    // Node would refuse it without a word; the hook says why.
    requireHostHeader: false,
    shouldUpgradeCallback: (request: IncomingMessage) => offers.isTaken(request),
  }
  const https =
    config.server.tls === undefined
      ? null
      : {
          ...times,
          handshakeTimeout: config.limits['server.header.timeout'],
          cert: config.server.tls.cert,
          key: config.server.tls.key,
          ...(config.server.tls.ca === undefined ? {} : { ca: config.server.tls.ca }),
        }
  const base = basePathOf(config)
  const app = fastify({
    rewriteUrl: (request) => base.inside(request.url ?? '/', request.headers),
    logger: false,
    ...(https === null ? { http: times } : { https }),
    trustProxy: config.server.trustedProxies === undefined ? false : [...config.server.trustedProxies],
    bodyLimit: config.limits['server.max.message.bytes'],
    requestTimeout: config.limits['server.request.timeout'],
    keepAliveTimeout: config.limits['server.idle.timeout'],
    routerOptions: { maxParamLength: MAX_PARAMETER },
    genReqId: () => crypto.randomUUID(),
    requestIdHeader: false,
    frameworkErrors: notUnderstood,
    clientErrorHandler: noRequest,
    // While it closes, the hook says it in the words of the server.
    return503OnClosing: false,
  }) as unknown as FastifyInstance
  if (onRoute !== undefined)
    app.addHook('onRoute', (route) => [route.method].flat().forEach((method) => onRoute(method, route.url)))
  app.setErrorHandler(failed(log))
  app.setNotFoundHandler(notFound)
  // Clients send the login as JSON under whatever content type they like.
  app.removeAllContentTypeParsers()
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    // Some clients announce JSON and send nothing.
    if (body === '') done(null, undefined)
    else parseJson(request, body as string, done)
  })
  if (context.traces !== undefined) traceCalls(app, context.traces)
  allowOrigins(app, config.server.corsOrigins ?? [])
  app.register(beforeAnything(context.health, offers))
  addOpenApi(app)
  // In a plugin of their own, so that those above are there when the routes are registered.
  app.register((routes, _options, done) => {
    addAccountRoutes(routes, context, base)
    addInformationRoutes(routes, context, base)
    addRest(routes, context, base)
    done()
  })
  return app
}

/** What a route throws. */
function failed(log: HttpContext['log']) {
  return (failure: FastifyError | LoginsUnread, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (failure instanceof LoginsUnread) return fail(request, reply, 503, failure.message)
    const { statusCode: given = 500 } = failure
    if (given >= 400 && given < 500) return fail(request, reply, given, failure.message)
    log.error({ err: failure, request: request.id, path: request.routeOptions.url }, 'request failed')
    return fail(request, reply, 500, `Internal error, reference ${request.id}.`)
  }
}

/** An address that the router cannot take apart: no hook runs for it. */
function notUnderstood(failure: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = JSON.stringify(excerpt((request.raw.url ?? '').replace(/\?.*/s, '')))
  const why =
    failure.code === 'FST_ERR_BAD_URL'
      ? 'a "%" in it does not begin two hexadecimal digits of UTF-8'
      : 'a part of it is too long'
  return fail(
    request,
    reply.headers(API_HEADERS).header('connection', 'close'),
    failure.statusCode ?? 400,
    `The address ${path} cannot be read: ${why}.`,
  )
}

/** What has come is no HTTP request, or did not come in time. */
function noRequest(failure: ConnectionError, socket: Socket): void {
  if (failure.code === 'ECONNRESET' || socket.destroyed) return
  const [status, title] =
    failure.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'The request did not come in time (server.header.timeout, server.request.timeout).']
      : failure.code === 'HPE_HEADER_OVERFLOW'
        ? [431, `The address and the headers of a request are larger than ${maxHeaderSize} bytes.`]
        : [400, noHttp(failure.rawPacket)]
  if (socket.writable) socket.write(plainAnswer(status, problem('/', status, title)))
  socket.destroy(failure)
}

/** What balancers are often told to send in front of a request, or in its place. */
const PREFACES: readonly (readonly [Buffer, string])[] = [
  [
    Buffer.from('PROXY '),
    'It begins with a header of the PROXY protocol, which this server does not speak: let the balancer send none (send-proxy, proxy_protocol), and X-Forwarded-For instead (server.trustedProxies).',
  ],
  [
    Buffer.from('\r\n\r\n\0\r\nQUIT\n'),
    'It begins with a header of the PROXY protocol, version 2, which this server does not speak: let the balancer send none (send-proxy-v2, proxy_protocol), and X-Forwarded-For instead (server.trustedProxies).',
  ],
  [Buffer.from('PRI * HTTP/2'), 'It is HTTP/2, which this server does not speak: let the balancer use HTTP/1.1.'],
  [
    Buffer.from([0x16, 0x03]),
    'It is TLS, and the server speaks none at this port (server.tls): use http:// and ws://, or let the balancer end TLS.',
  ],
]

/** What of these bytes is no request. */
function noHttp(bytes: unknown): string {
  const [, why] =
    PREFACES.find(([begin]) => Buffer.isBuffer(bytes) && bytes.subarray(0, begin.length).equals(begin)) ?? []
  return why === undefined ? 'This is no HTTP/1.1 request.' : `This is no HTTP/1.1 request. ${why}`
}

/** Says what there is not; sent before a body is read. */
function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (target(request.url) !== undefined) {
    reply.header('upgrade', 'websocket')
    return fail(request, reply, 426, 'This address speaks WebSocket: connect with ws:// or wss://.')
  }
  const left = notOfferedAt(request.url, request.headers.accept)
  return left === undefined
    ? fail(request, reply, 404, 'There is nothing at this address.')
    : fail(request, reply, 501, left)
}

/** Sets the headers of all answers; where there is nothing, or nothing any more, that is said before a body is read. */
function beforeAnything(health: HttpContext['health'], offers: Offers) {
  const turns = new RequestTurns()
  const plugin = (app: FastifyInstance, _options: unknown, done: () => void): void => {
    app.addHook('onRequest', async (request, reply) => {
      reply.headers(API_HEADERS)
      // Before it waits, as an offer may come behind it.
      const place = offers.placeOf(request.raw)
      if (!(await turns.enter(request.raw.socket, reply.raw))) return reply.hijack()
      if (place !== 'any') reply.header('connection', 'close')
      if (request.raw.httpVersion === '1.1' && request.headers.host === undefined)
        return fail(request, reply.header('connection', 'close'), 400, NO_HOST)
      if (place === 'behind') return fail(request, reply, 400, 'Nothing may follow an offer to change the protocol.')
      if (request.is404) return notFound(request, reply)
      if (health.phase === 'closing' && !TO_THE_END.has(request.routeOptions.url))
        return fail(request, reply.header('connection', 'close'), 503, 'The server is shutting down.')
    })
    done()
  }
  // For all routes, not only for those of this plugin.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

/** The base path of a configuration. */
export function basePathOf({ server }: HttpContext['config']): BasePath {
  return new BasePath(server.basePath ?? '', server.trustForwardedPrefix === true)
}

/**
 * Pages of other origins: none unless the configuration names the origin. Cookies never count for them (`credential`),
 * so a named origin still needs a token. Browsers ask nothing before they open a WebSocket; there the token in the
 * first message, or in the header, decides.
 */
function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  const allowed = new Set(origins)
  app.register(cors, {
    delegator: ({ headers }, done) =>
      done(null, {
        origin: headers.origin !== undefined && allowed.has(headers.origin) ? headers.origin : false,
        preflight: headers['access-control-request-method'] !== undefined,
        methods: ['GET', 'POST', 'PUT', 'DELETE'],
        allowedHeaders: ['Authorization', 'Content-Type', 'X-Kafka-Lenses-Token'],
        maxAge: 600,
      }),
  })
}

function addInformationRoutes(app: FastifyInstance, { config, health, metrics }: HttpContext, base: BasePath): void {
  app.get('/health', { config: { call: HEALTH } }, async (_request, reply) => {
    const report = await health.report()
    reply.header('cache-control', 'no-store').code(report.state === 'ready' ? 200 : 503)
    return { ...report, name: NAME, version: VERSION }
  })
  app.get('/health/live', { config: { call: LIVE } }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { state: health.readiness }
  })
  app.get('/metrics', { config: { call: METRICS } }, async (_request, reply) => {
    metrics.health(await health.report())
    return reply.type(metrics.registry.contentType).send(await metrics.text())
  })
  addPage(app, config, base)
}

const FILE_TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}

/** The document and its files. */
function addPage(app: FastifyInstance, config: HttpContext['config'], base: BasePath): void {
  const studio = new Studio()
  app.get('/', async (request, reply) => {
    const prefix = base.of(request, reply)
    const nonce = pageNonce()
    reply.headers(pageHeaders(nonce)).type('text/html; charset=utf-8')
    const content = {
      name: NAME,
      version: VERSION,
      environments: config.environments.map((e) => e.name),
      // Of the host a proxy is not believed.
      host: request.headers.host ?? '',
      basePath: prefix,
      secure: isSecure(request, config.server),
    }
    return page(content, await studio.read(), nonce)
  })
  app.get<{ Params: { name: string } }>('/studio/:name', async (request, reply) => {
    const { name } = request.params
    const content = (await studio.read()).content.get(name)
    if (content === undefined) return notFound(request, reply)
    return reply
      .headers(FILE_HEADERS)
      .type(FILE_TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream')
      .send(content)
  })
}
