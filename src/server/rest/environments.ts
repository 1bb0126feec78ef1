/**
 * The environments that an account may enter, with how they are: the shape that HQ's clients read. Making environments
 * is the configuration's business.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SUGGESTIONS } from '../../plan/catalog.ts'
import { type Account, mayEnter } from '../access/auth.ts'
import type { Environment } from '../environment.ts'
import type { HttpContext } from '../http/http-context.ts'
import { credential } from '../socket/upgrade.ts'
import { groupsOf } from './consumers/consumers.ts'
import { answers, type Description, refusal, type Schema } from './openapi.ts'
import { fail, NOT_GOOD } from './route.ts'

const ENVIRONMENT: Schema = {
  type: 'object',
  required: ['name', 'display_name', 'status'],
  properties: {
    name: { type: 'string' },
    display_name: { type: 'string' },
    tier: { type: 'string' },
    metadata: { type: 'object' },
    status: {
      type: 'object',
      required: ['agent_connected'],
      properties: {
        agent_connected: { type: 'boolean' },
        agent: {
          type: 'object',
          required: ['metrics'],
          properties: {
            metrics: {
              type: 'object',
              properties: {
                kafka: { type: 'object', properties: { num_brokers: { type: 'integer' } } },
                data: { type: 'object', properties: { num_topics: { type: 'integer' } } },
                apps: { type: 'object', properties: { num_consumers: { type: 'integer' } } },
                connect: { type: 'object', properties: { num_connectors: { type: 'integer' } } },
                other: { type: 'object', properties: { num_issues: { type: 'integer' } } },
              },
            },
          },
        },
      },
    },
  },
}

const LIST: Description = {
  operationId: 'environments',
  summary: 'The environments that the account may enter.',
  response: {
    200: answers('All', {
      'application/json': {
        type: 'object',
        required: ['items'],
        properties: { items: { type: 'array', items: ENVIRONMENT } },
      },
    }),
    default: refusal('Error'),
  },
}
const ONE: Description = {
  operationId: 'environment',
  summary: 'One environment.',
  response: { 200: answers('Found', { 'application/json': ENVIRONMENT }), default: refusal('Error') },
}
const CREATE: Description = {
  operationId: 'createEnvironment',
  summary: 'Refused: environments are configured.',
  response: { 501: answers('Refused'), default: refusal('Error') },
}

const WHO = 'Send "Authorization: Bearer <key of a service account>".'

/** Adds the calls under `/api/v1/environments` that concern environments themselves. */
export function addEnvironmentRoutes(app: FastifyInstance, context: HttpContext): void {
  const { environments } = context
  const refuse = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    fail(request, reply, 401, credential(request.raw) === undefined ? WHO : NOT_GOOD)
  const asker = (request: FastifyRequest): Account | undefined => context.who(request.raw)
  app.get('/api/v1/environments', { config: { call: LIST } }, async (request, reply) => {
    const account = asker(request)
    if (account === undefined) return refuse(request, reply)
    const own = environments.filter((e) => mayEnter(account, e.name))
    return { items: await Promise.all(own.map((e) => report(e, account, context))) }
  })
  app.get<{ Params: { environment: string } }>(
    '/api/v1/environments/:environment',
    { config: { call: ONE } },
    async (request, reply) => {
      const account = asker(request)
      if (account === undefined) return refuse(request, reply)
      const found = environments.find((e) => e.name === request.params.environment)
      if (found === undefined || !mayEnter(account, found.name))
        return fail(
          request,
          reply,
          404,
          `There is no environment ${JSON.stringify(request.params.environment)}, or the account may not use it.`,
        )
      return report(found, account, context)
    },
  )
  const bodyLimit = context.config.limits['server.max.login.bytes']
  app.post(
    '/api/v1/environments',
    { config: { call: CREATE }, bodyLimit },
    async (request, reply): Promise<FastifyReply> => {
      if (asker(request) === undefined) return refuse(request, reply)
      return fail(
        request,
        reply,
        501,
        'Environments are made in the configuration of the server, under "environments".',
      )
    },
  )
}

/** What cannot be counted because the cluster does not answer counts as an issue. */
async function report(environment: Environment, account: Account, context: HttpContext): Promise<object> {
  const head = { name: environment.name, display_name: environment.name, tier: 'development', metadata: {} }
  try {
    const [tables, metadata] = await Promise.all([
      context.view(environment, account).catalog.tables(SUGGESTIONS),
      environment.cluster?.metadata([]),
    ])
    const names = new Set(tables.map((table) => table.name))
    const groups = await groupsOf({ environment }, (topic) => names.has(topic))
    const brokers = metadata?.brokers.length ?? 0
    const metrics = {
      kafka: { num_brokers: brokers },
      data: { num_topics: tables.length },
      apps: { num_consumers: groups.length },
      // Sluice knows of no Connect cluster.
      connect: { num_connectors: 0 },
      other: { num_issues: 0 },
    }
    return { ...head, status: { agent_connected: true, agent: { metrics } } }
  } catch {
    // Why it does not answer stands in the health report and in the log.
    return { ...head, status: { agent_connected: false } }
  }
}
