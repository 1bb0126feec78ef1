/** Spans of REST calls: those of all routes below `/api` and `/environment`, not of the page, health and metrics. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Traces } from './traces.ts'

const TRACED = /^\/(?:api|environment)\//
const UNAUTHORIZED = 401

/** To be called before the routes are registered. A call without a good credential leaves no span. */
export function traceCalls(app: FastifyInstance, traces: Traces): void {
  app.addHook('onRequest', (request: FastifyRequest, reply, done) => {
    const route = request.routeOptions.url
    if (route !== undefined && !request.is404 && TRACED.test(route)) {
      const call = traces.call(request.raw)
      // Also of an answer that a route sends by itself, and of one that its caller did not wait for.
      reply.raw.once('close', () => {
        if (reply.raw.statusCode !== UNAUTHORIZED) call.ended(route, reply.raw.statusCode)
      })
    }
    done()
  })
}
