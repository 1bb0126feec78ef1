/**
 * The REST calls of an account, a few at a time, and the requests of a connection, one at a time: what they hold and how
 * long they keep the event loop is bounded by that, and others get their turn between any two of them. It does not know
 * what a call does.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Limit `rest.calls` (calls): of one account that are worked on at once. Beyond it: they wait. */
const MAX_AT_ONCE = 8
/** Limit `rest.calls.waiting` (calls): of one account that wait for their turn. Beyond it: HTTP 429. */
const MAX_WAITING = 200

/** What is said to whom has too many calls waiting. */
export const TOO_MANY_CALLS = `The account has too many calls under way: ${MAX_AT_ONCE} are worked on at once (rest.calls), and ${MAX_WAITING} may wait (rest.calls.waiting). Wait for the answers.`

interface Account {
  running: number
  /** In order; those whose client is gone are taken out. */
  readonly waiting: Set<() => void>
}

export class CallGate {
  readonly #accounts = new Map<string, Account>()

  /**
   * Resolves when it is the call's turn, with what ends it; with undefined when its client is gone before, and with
   * `full` at once when too many wait.
   */
  enter(identity: string, signal: AbortSignal): Promise<(() => void) | undefined> | 'full' {
    const account = this.#accounts.get(identity) ?? { running: 0, waiting: new Set() }
    this.#accounts.set(identity, account)
    if (account.running < MAX_AT_ONCE) {
      account.running++
      return Promise.resolve(this.#end(identity, account))
    }
    if (account.waiting.size >= MAX_WAITING) return 'full'
    return new Promise((resolve) => {
      const begin = (): void => {
        signal.removeEventListener('abort', gone)
        resolve(this.#end(identity, account))
      }
      const gone = (): void => {
        account.waiting.delete(begin)
        resolve(undefined)
      }
      account.waiting.add(begin)
      signal.addEventListener('abort', gone, { once: true })
    })
  }

  /** The next one begins in a turn of the event loop of its own. */
  #end(identity: string, account: Account): () => void {
    return () => {
      setImmediate(() => {
        const [next] = account.waiting
        if (next !== undefined) {
          account.waiting.delete(next)
          return next()
        }
        account.running--
        if (account.running === 0) this.#accounts.delete(identity)
      })
    }
  }
}

/**
 * Limit `server.pipelined` (requests): that come over one connection before the one in front of them has been answered.
 * Beyond it: the connection is cut.
 */
export const MAX_PIPELINED = 100

/** Node begins all requests that stand in one piece of bytes at once: thousands, over a connection that nobody knows. */
export class RequestTurns {
  /** Requests that wait, of connections over which one is answered. */
  readonly #waiting = new WeakMap<Socket, ((isTurn: boolean) => void)[]>()

  /** Whether to answer: at once, or when those in front have been answered; false when the connection is gone by then. */
  enter(socket: Socket, response: Pick<ServerResponse, 'once'>): Promise<boolean> | boolean {
    if (socket.destroyed) return false
    const waiting = this.#waiting.get(socket)
    if (waiting === undefined) {
      this.#waiting.set(socket, [])
      this.#begin(socket, response)
      return true
    }
    if (waiting.length >= MAX_PIPELINED) {
      socket.destroy()
      return false
    }
    return new Promise((resolve) => {
      waiting.push((isTurn) => {
        if (isTurn) this.#begin(socket, response)
        resolve(isTurn)
      })
    })
  }

  #begin(socket: Socket, response: Pick<ServerResponse, 'once'>): void {
    response.once('close', () => this.#next(socket))
  }

  /** The next one begins in a turn of the event loop of its own. */
  #next(socket: Socket): void {
    const waiting = this.#waiting.get(socket) ?? []
    const next = waiting.shift()
    if (next === undefined) this.#waiting.delete(socket)
    else
      setImmediate(() => {
        next(!socket.destroyed)
        if (!socket.destroyed) return
        for (const gone of waiting.splice(0)) gone(false)
        this.#waiting.delete(socket)
      })
  }
}
