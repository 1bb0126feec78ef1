/**
 * One REST call as data: where it lives, what it takes and answers, and what it does. Routes are registered three
 * times: as the agent offers them (`/api/topics`), and behind the two spellings of the proxy path, which name the
 * environment. It settles who asks and of which environment; what a call does is the business of the other files here.
 * The OpenAPI document is made from the same data.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ExportOptions } from '../../export/options.ts'
import { ChangeConflict, ProduceError, type Right } from '../../plan/administration.ts'
import type { QueryEnvironment } from '../../engine/host.ts'
import { KafkaError } from '../../kafka/log.ts'
import { there } from '../../lib/assert.ts'
import { UserError } from '../../lib/user-error.ts'
import { SqlError } from '../../sql/error.ts'
import { type Account, identityOf, mayEnter } from '../access/auth.ts'
import { LoginsUnread } from '../access/revocations.ts'
import type { Environment } from '../environment.ts'
import type { Unanswered } from '../export/export-answer.ts'
import type { ExportTickets, RunningExport } from '../export/tickets.ts'
import type { Log } from '../log.ts'
import { answers, type Description, refusal, type Schema, TEXT } from './openapi.ts'
import { CallGate, TOO_MANY_CALLS } from '../http/call-gate.ts'
import { CallError, type CallInput, type CallName } from '../workers/calls.ts'
import { credential, problem } from '../socket/upgrade.ts'

/** A parameter of the query string, always optional. */
export interface Parameter {
  readonly name: string
  readonly about: string
  readonly schema: Schema
}

/** Who asks what. */
export interface Call {
  readonly account: Account
  readonly environment: Environment
  /** Tables and bytes as the account may see them. */
  readonly view: QueryEnvironment
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: unknown
  /** Answers a question on a worker. Rejects with a `RestError` when that does not work. */
  ask<N extends CallName>(name: N, input: CallInput<N>): Promise<object>
  /**
   * Answers with the result of a query as a file; `headers` are those of a good answer. Rejects with a `RestError` as
   * long as nothing of it was sent.
   */
  export(
    sql: string,
    options: ExportOptions,
    headers: Readonly<Record<string, string>>,
    watch?: (running: RunningExport) => void,
  ): Promise<void>
  /** Exports that a browser downloads. */
  readonly tickets: ExportTickets
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal
}

/**
 * `text` is sent bare to clients that take text/plain, and as a JSON string to those that take JSON alone. Neither: an
 * empty answer.
 */
export interface Answer {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string
  /** Sent as it is, with its own content type. */
  readonly raw?: { readonly type: string; readonly body: string }
  readonly headers?: Readonly<Record<string, string>>
  /** The call has answered by itself. */
  readonly sent?: true
}

/** One call: its address, its description, and what it does. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As OpenAPI writes it: `/api/topics/{topic}`; `{*}` at the end stands for any rest. */
  readonly path: string
  readonly id: string
  readonly about: string
  readonly query?: readonly Parameter[]
  readonly body?: Schema
  readonly status?: number
  /** Of a JSON answer; absent where the answer is text or empty. */
  readonly answer?: Schema
  readonly text?: boolean
  /** The content types of a file. */
  readonly file?: readonly string[]
  /** It changes nothing although its method says so: it is not logged as a change. */
  readonly readsOnly?: boolean
  run(call: Call): Promise<Answer>
}

/** Answers a question as an account may see an environment; rejects with a `CallError`. */
export type AskWorker = <N extends CallName>(
  name: N,
  input: CallInput<N>,
  environment: Environment,
  account: Account,
) => Promise<object>

/** What the calls need of the running server. */
export interface RestContext {
  readonly environments: readonly Environment[]
  readonly defaultEnvironment: string | undefined
  view(environment: Environment, account: Account): QueryEnvironment
  /** The account whose credential came with a request; a credential that is not good is logged. */
  who(request: IncomingMessage): Account | undefined
  readonly ask: AskWorker
  readonly export: AnswerExport
  readonly tickets: ExportTickets
  readonly log: Log
}

/** Who asks for which result as which file. */
export interface ExportCall {
  readonly account: Account
  readonly environment: string
  readonly sql: string
  readonly options: ExportOptions
  /** Called once, before it begins. */
  readonly watch?: (running: RunningExport) => void
}

/** Answers with a file; rejects with a `CallError` as long as nothing of it was sent. */
export type AnswerExport = (call: ExportCall, answer: Unanswered) => Promise<void>

/** An answer other than success. The message is for the user. */
export class RestError extends Error {
  readonly status: number
  readonly fields: readonly { readonly field: string; readonly error: string }[]
  constructor(
    status: number,
    message: string,
    fields: readonly { readonly field: string; readonly error: string }[] = [],
  ) {
    super(message)
    this.status = status
    this.fields = fields
  }
}

/** Some clients look for the word "token" in the body of a 401 to tell success from failure: it must not be there. */
export const NOT_LOGGED_IN = 'Not logged in.'
/** The same, where a token was sent that is not valid. */
export const NOT_GOOD = 'Not logged in: what was sent is unknown, has expired or was revoked.'

/** An older spelling of the other one; the OpenAPI document leaves it out. */
const ALIAS = '/environment/:environment/proxy'
/**
 * Limit `rest.logged.characters` (characters): one part of an address in the log of changes. Beyond it: the text is cut
 * there.
 */
const MAX_LOGGED = 300
const PROXIES = ['/api/v1/environments/:environment/proxy', ALIAS]

/** Adds the routes in all their forms. */
export function addRoutes(app: FastifyInstance, routes: readonly Route[], context: RestContext): void {
  // Who asks is settled before a body is read, and once more when it is there: it may have taken half a minute.
  const settled = new WeakMap<FastifyRequest, Settled>()
  const gate = new CallGate()
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    reply.header('cache-control', 'no-store')
    try {
      settled.set(request, settle(request, context))
    } catch (cause) {
      return refuse(request, reply, cause, context.log)
    }
  }
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1').replace('{*}', '*')
    for (const prefix of ['', ...PROXIES]) {
      app.route({
        method: route.method,
        url: prefix + path,
        config: prefix === ALIAS ? {} : { call: description(route, prefix !== '') },
        // A file is made for whoever takes it.
        exposeHeadRoute: route.file === undefined,
        onRequest,
        handler: (request, reply) =>
          handle(route, there(settled.get(request), 'a request is settled'), request, reply, context, gate),
      })
    }
  }
}

/** Bytes, in an OpenAPI document. */
const FILE: Schema = { type: 'string', format: 'binary' }

function description(route: Route, proxied: boolean): Description {
  const parameters = (route.query ?? []).map((p) => [p.name, { ...p.schema, description: p.about }])
  const types =
    route.text === true
      ? { ...TEXT, 'application/json': { type: 'string' } }
      : route.file === undefined
        ? route.answer && { 'application/json': route.answer }
        : Object.fromEntries(route.file.map((type) => [type, type === 'application/json' ? { type: 'array' } : FILE]))
  return {
    operationId: route.id + (proxied ? 'Proxied' : ''),
    summary: route.about,
    ...(parameters.length === 0 ? {} : { querystring: { type: 'object', properties: Object.fromEntries(parameters) } }),
    ...(route.body === undefined ? {} : { body: route.body }),
    response: {
      [route.status ?? 200]: answers('Done', types),
      default: refusal(proxied ? 'ProxiedError' : 'AgentError'),
    },
  }
}

async function handle(
  route: Route,
  before: Settled,
  request: FastifyRequest,
  reply: FastifyReply,
  context: RestContext,
  gate: CallGate,
): Promise<FastifyReply> {
  const abort = new AbortController()
  reply.raw.once('close', () => abort.abort())
  // A file takes as long as its reader; it counts as a query.
  const turn = route.file === undefined ? gate.enter(identityOf(before.account), abort.signal) : undefined
  if (turn === 'full') return fail(request, reply, 429, TOO_MANY_CALLS)
  const end = await turn
  if (turn !== undefined && end === undefined) return reply.hijack()
  let settled = before
  try {
    settled = settle(request, context)
    const answer = await route.run({
      ...settled,
      body: request.body,
      signal: abort.signal,
      tickets: context.tickets,
      export: (sql, options, headers, watch) =>
        exportTo(reply, headers, { ...settled, sql, options, ...(watch === undefined ? {} : { watch }) }, context),
    })
    return send(request, reply, answer, route)
  } catch (cause) {
    return refuse(request, reply, cause, context.log)
  } finally {
    // An answer that nobody takes keeps its place, until the connection is cut (`server.stalled.send.timeout`).
    if (reply.raw.closed) end?.()
    else reply.raw.once('close', () => end?.())
    if (route.method !== 'GET' && route.readsOnly !== true) logChange(route, settled, reply, context.log)
  }
}

async function exportTo(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  { account, environment, sql, options, watch }: Settled & Pick<ExportCall, 'sql' | 'options' | 'watch'>,
  context: RestContext,
): Promise<void> {
  const { raw: response } = reply
  // HTTP/1.0 has no chunks, behind which a trailer could stand.
  const { trailer, ...others } = headers
  const given = reply.request.raw.httpVersion === '1.0' || trailer === undefined ? others : { ...others, trailer }
  const head = (): void => {
    reply.hijack()
    for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...given }))
      if (value !== undefined) response.setHeader(name, value)
    response.writeHead(200)
    response.flushHeaders()
  }
  try {
    const call = { account, environment: environment.name, sql, options, ...(watch === undefined ? {} : { watch }) }
    await context.export(call, { response, head })
  } catch (cause) {
    throw cause instanceof CallError ? new RestError(cause.status, cause.message) : cause
  }
}

/** Whoever changes something is in the log, with what became of it; contents of bodies are not. */
function logChange(route: Route, { account, environment, params }: Settled, reply: FastifyReply, log: Log): void {
  const { environment: _, ...of } = params
  const names = Object.fromEntries(Object.entries(of).map(([name, value]) => [name, value.slice(0, MAX_LOGGED)]))
  const by = { user: account.name, kind: account.kind, environment: environment.name }
  log.info({ ...by, call: route.id, method: route.method, of: names, status: reply.statusCode }, 'change by REST')
}

/** Who asks, and where; the rest of a call comes with the body. */
type Settled = Omit<Call, 'body' | 'signal' | 'export' | 'tickets'>

function settle(request: FastifyRequest, context: RestContext): Settled {
  const given = credential(request.raw)
  const account = context.who(request.raw)
  if (account === undefined) throw new RestError(401, given === undefined ? NOT_LOGGED_IN : NOT_GOOD)
  const params = request.params as Record<string, string>
  const query = request.query as Call['query']
  const named = params['environment'] ?? (typeof query['environment'] === 'string' ? query['environment'] : undefined)
  const environment = context.environments.find((e) => e.name === (named ?? context.defaultEnvironment))
  if (environment === undefined) throw new RestError(404, `There is no environment ${JSON.stringify(named ?? '')}.`)
  if (!mayEnter(account, environment.name))
    throw new RestError(403, `The account may not use the environment ${JSON.stringify(environment.name)}.`)
  const ask: Call['ask'] = async (name, input) => {
    try {
      return await context.ask(name, input, environment, account)
    } catch (cause) {
      throw cause instanceof CallError ? new RestError(cause.status, cause.message) : cause
    }
  }
  return { account, environment, view: context.view(environment, account), params, query, ask }
}

function send(request: FastifyRequest, reply: FastifyReply, answer: Answer, route: Route): FastifyReply {
  if (answer.sent === true) return reply
  reply.code(answer.status ?? route.status ?? 200).headers(answer.headers ?? {})
  if (answer.raw !== undefined) return reply.type(answer.raw.type).send(answer.raw.body)
  if (answer.text !== undefined) {
    if (takesText(request.headers.accept)) return reply.type('text/plain; charset=utf-8').send(answer.text)
    return json(reply, answer.text)
  }
  return answer.json === undefined ? reply.send() : json(reply, answer.json)
}

function json(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(value))
}

function takesText(accept: string | undefined): boolean {
  return accept === undefined || /text\/(plain|\*)|\*\/\*/.test(accept)
}

/** By Kafka's error name; what is not listed is the cluster's trouble. */
const KAFKA_STATUS: Readonly<Record<string, number>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 404,
  TOPIC_ALREADY_EXISTS: 409,
  TOPIC_AUTHORIZATION_FAILED: 403,
  CLUSTER_AUTHORIZATION_FAILED: 403,
  INVALID_TOPIC_EXCEPTION: 400,
  INVALID_PARTITIONS: 400,
  INVALID_REPLICATION_FACTOR: 400,
  INVALID_CONFIG: 400,
  INVALID_REQUEST: 400,
  POLICY_VIOLATION: 400,
  GROUP_AUTHORIZATION_FAILED: 403,
  GROUP_ID_NOT_FOUND: 404,
  INVALID_GROUP_ID: 400,
  UNKNOWN_MEMBER_ID: 409,
  ILLEGAL_GENERATION: 409,
  REBALANCE_IN_PROGRESS: 409,
  NON_EMPTY_GROUP: 409,
  GROUP_SUBSCRIBED_TO_TOPIC: 409,
  OFFSET_OUT_OF_RANGE: 400,
}

function refuse(request: FastifyRequest, reply: FastifyReply, cause: unknown, log: Log): FastifyReply {
  if (cause instanceof RestError) return fail(request, reply, cause.status, cause.message, cause.fields)
  const refused = cause instanceof ProduceError ? cause.cause : cause
  if (refused instanceof KafkaError && cause instanceof Error)
    return fail(request, reply, KAFKA_STATUS[refused.errorName] ?? 502, cause.message)
  if (cause instanceof SqlError)
    return fail(
      request,
      reply,
      cause.code === 'FORBIDDEN' ? 403 : 400,
      cause.hint === undefined ? cause.message : `${cause.message} ${cause.hint}`,
    )
  if (cause instanceof ChangeConflict) return fail(request, reply, 409, cause.message)
  if (cause instanceof LoginsUnread) return fail(request, reply, 503, cause.message)
  if (cause instanceof UserError) return fail(request, reply, 502, cause.message)
  log.error({ err: cause, request: request.id, path: request.routeOptions.url }, 'request failed')
  return fail(request, reply, 500, `Internal error, reference ${request.id}.`)
}

/** Answers with an error in the shape of the part of the API that the address belongs to. */
export function fail(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  title: string,
  fields: RestError['fields'] = [],
): FastifyReply {
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  if (status === 503) reply.header('retry-after', '5')
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(problem(request.url, status, title, request.id, fields)))
}

/** The right, or a refusal. A topic that may not be seen does not exist. */
export function demand(call: Call, right: Right, topic: string): void {
  const { administration } = call.view
  if (administration === undefined) throw new RestError(501, 'This server cannot change anything in Kafka.')
  if (right !== 'create' && !administration.may('read', topic))
    throw new RestError(404, `There is no topic ${JSON.stringify(topic)}.`)
  if (!administration.may(right, topic))
    throw new RestError(403, `The account may not ${VERBS[right]} the topic ${JSON.stringify(topic)}.`)
}

const VERBS: Readonly<Record<Right, string>> = {
  read: 'read',
  insert: 'write to',
  delete: 'delete records of',
  create: 'create',
  drop: 'change or delete',
  offsets: 'move consumers of',
}

/** The body as a JSON object, or a refusal. */
export function bodyObject(call: Call): Readonly<Record<string, unknown>> {
  if (typeof call.body !== 'object' || call.body === null || Array.isArray(call.body))
    throw new RestError(400, 'The body must be a JSON object.')
  return call.body as Record<string, unknown>
}

/** One field of a body by a test, or a refusal that names it. */
export function field<T>(
  body: Readonly<Record<string, unknown>>,
  name: string,
  is: (value: unknown) => value is T,
  expected: string,
  fallback?: T,
): T {
  const value = body[name]
  if ((value === undefined || value === null) && fallback !== undefined) return fallback
  if (is(value)) return value
  throw new RestError(400, `The field "${name}" must be ${expected}.`, [{ field: name, error: `must be ${expected}` }])
}

/** A text that is not empty. */
export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
/** A whole number from 1 to 2⁵³ - 1. */
export const isWhole = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0

/** A query parameter as one text; the first where several were given. */
export function parameter(call: Call, name: string): string | undefined {
  const value = call.query[name]
  return typeof value === 'string' ? value : value?.[0]
}
