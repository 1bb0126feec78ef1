/** Ports for servers that are started with a number in their configuration. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/**
 * Not a limit: where to look. Above are the ports that systems give to connections (Linux from 32768 on), one of which
 * could take a port between being found free and being listened at; below are some that browsers refuse.
 */
const LOWEST = 11_000
const HIGHEST = 32_000

/** Ports of 127.0.0.1 at which nobody listens, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>()
  while (held.size < count) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    const server = held.has(port) ? undefined : await listening(port)
    if (server !== undefined) held.set(port, server)
  }
  await Promise.all([...held.values()].map((server) => once(server.close(), 'close')))
  return [...held.keys()]
}

/** undefined where somebody listens already. */
function listening(port: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
