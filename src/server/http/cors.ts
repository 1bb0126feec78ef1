/**
 * Pages of other origins: nobody unless the configuration names the origin (`server.corsOrigins`). Cookies never count
 * for them (`credential`), so a named origin still needs a token. Browsers ask nothing before they open a WebSocket;
 * there the token in the first message, or in the header, decides.
 */
import type { FastifyInstance } from 'fastify'

export function addCors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  const allowed = new Set(origins)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined || !allowed.has(origin)) return
    reply.header('access-control-allow-origin', origin)
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return
    reply.header('access-control-allow-methods', 'GET, POST, PUT, DELETE')
    reply.header('access-control-allow-headers', 'Authorization, Content-Type, X-Kafka-Lenses-Token')
    reply.header('access-control-max-age', '600')
    return reply.code(204).send()
  })
}
