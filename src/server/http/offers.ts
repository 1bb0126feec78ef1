/**
 * Offers of a client to go on in another protocol (`Upgrade`). A WebSocket is taken; any other one is passed over, as
 * HTTP has it: Java's client offers HTTP/2 (`h2c`) with every request. Such a request is the last one of its
 * connection: Node loses what stands behind it in the same piece of bytes, and would take the rest for a request.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** Which requests go on as WebSockets, and what that means for others of their connection. */
export class Offers {
  readonly #last = new WeakMap<Socket, IncomingMessage>()

  /** Whether the request becomes a WebSocket; called for requests with an `Upgrade`. */
  isTaken(request: IncomingMessage): boolean {
    if (this.#last.has(request.socket)) return false
    if (request.headers.upgrade?.toLowerCase() === 'websocket') return true
    this.#last.set(request.socket, request)
    return false
  }

  /** `last`: the connection ends with the answer; `behind`: what follows such a request, which nobody is told of. */
  placeOf(request: IncomingMessage): 'any' | 'last' | 'behind' {
    const last = this.#last.get(request.socket)
    return last === undefined ? 'any' : last === request ? 'last' : 'behind'
  }
}
