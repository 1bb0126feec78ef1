/**
 * All connections of the server, from their first byte on: how many there are in all, from one address, of one account,
 * and of callers that have not said who they are. Those take only a part, and give way to others; an account's
 * connection is never cut for theirs.
 *
 * A new connection is let in always: where there are too many that are not authenticated, the oldest one of the address
 * that has the most of them is cut in its place. A connection becomes an account's with the first good credential;
 * where there is no place for one more, that is refused.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Account, identityOf } from '../access/auth.ts'
import type { ServerLimits } from '../limits.ts'

/** A WebSocket on a connection. */
export interface Upgraded {
  /** Its first message has not come yet. */
  readonly waiting: boolean
  /** It only waits for its client to close it. */
  readonly lingering: boolean
  /** Says why, and cuts the connection. */
  cut(reason: string): void
}

interface Connection {
  readonly key: string
  readonly address: string
  readonly socket: Socket
  /** Kind and name. */
  account: string | undefined
  /** HTTP requests that are answered. */
  active: number
  session: Upgraded | undefined
  /** Bytes of a first message that is not complete. */
  pendingBytes: number
}

type Limits = Pick<
  ServerLimits,
  | 'server.max.connections'
  | 'server.max.connections.per.address'
  | 'server.max.connections.per.user'
  | 'server.max.connections.unauthenticated'
  | 'server.max.pending.bytes'
  | 'server.stalled.send.timeout'
>

export class Connections {
  readonly #limits: Limits
  /** Oldest first. Over TLS one connection has two sockets: both have the same addresses and ports. */
  readonly #all = new Map<string, Connection>()
  #pendingBytes = 0
  readonly #turns = new ReadingTurns()
  /** Connections that were cut to make room for others. */
  cut = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Sees every connection of the server from now on. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#opened(socket))
    // Of what is being computed nothing is written yet.
    server.setTimeout(this.#limits['server.stalled.send.timeout'], (socket: Socket) => {
      if ((this.#find(socket)?.active ?? 0) === 0 || socket.writableLength > 0) socket.destroy()
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const connection = this.#find(request.socket)
      if (connection === undefined) return
      connection.active++
      response.once('close', () => {
        connection.active--
      })
    })
  }

  get size(): number {
    return this.#all.size
  }

  get unauthenticated(): number {
    return [...this.#all.values()].filter(({ account }) => account === undefined).length
  }

  /** The server is closing: ends all connections, or those over which nothing is answered. */
  end(which: 'unused' | 'all'): void {
    for (const { socket, active } of [...this.#all.values()]) if (which === 'all' || active === 0) socket.destroy()
  }

  /** A good credential came over the connection. A string is the refusal, for the user. */
  admit(socket: Socket, whose: Account): string | undefined {
    const connection = this.#find(socket)
    const account = identityOf(whose)
    if (connection === undefined || connection.account === account) return undefined
    const others = [...this.#all.values()].filter((other) => other.account !== undefined && other !== connection)
    const checks: readonly [keyof Limits, (other: Connection) => boolean][] = [
      ['server.max.connections', () => true],
      ['server.max.connections.per.address', ({ address }) => address === connection.address],
      ['server.max.connections.per.user', (other) => other.account === account],
    ]
    for (const [limit, counts] of checks) {
      const counted = others.filter((other) => counts(other) && this.#all.has(other.key))
      const most = this.#limits[limit]
      if (counted.length >= most && !this.#makeRoom(counted))
        return `Too many connections: the limit ${limit} is ${most}. Close one, or try again later.`
    }
    connection.account = account
    return undefined
  }

  /** The connection is a WebSocket now; what it sends until it has said what it wants is counted. */
  upgraded(socket: Socket, session: Upgraded): void {
    const connection = this.#find(socket)
    if (connection === undefined) return
    connection.session = session
    socket.on('data', (chunk: Buffer) => {
      if (!session.waiting) return this.#heard(connection)
      if (connection.account === undefined) this.#turns.wait(socket)
      connection.pendingBytes += chunk.length
      this.#pendingBytes += chunk.length
      if (this.#pendingBytes > this.#limits['server.max.pending.bytes']) this.#relieve()
    })
  }

  /** The first message is complete. */
  heard(socket: Socket): void {
    const connection = this.#find(socket)
    if (connection !== undefined) this.#heard(connection)
  }

  #heard(connection: Connection): void {
    this.#pendingBytes -= connection.pendingBytes
    connection.pendingBytes = 0
  }

  #find(socket: Socket): Connection | undefined {
    return this.#all.get(keyOf(socket))
  }

  #opened(socket: Socket): void {
    const connection: Connection = {
      key: keyOf(socket),
      address: socket.remoteAddress ?? '',
      socket,
      account: undefined,
      active: 0,
      session: undefined,
      pendingBytes: 0,
    }
    const strangers = [...this.#all.values()].filter(({ account }) => account === undefined)
    const own = strangers.filter(({ address }) => address === connection.address)
    if (own.length >= this.#limits['server.max.connections.per.address']) this.#cut(own[0])
    else if (strangers.length >= this.#limits['server.max.connections.unauthenticated'])
      this.#cut(oldestOfMost(strangers))
    this.#all.set(connection.key, connection)
    socket.once('close', () => this.#gone(connection))
  }

  /** Cuts one of these that serves nobody at the moment, if there is one. */
  #makeRoom(among: readonly Connection[]): boolean {
    const idle =
      among.find(({ session }) => session?.lingering === true) ??
      among.find(({ session, active }) => session === undefined && active === 0)
    if (idle !== undefined) this.#cut(idle)
    return idle !== undefined
  }

  #cut(connection: Connection, reason = 'The connection was cut to make room for others.'): void {
    this.cut++
    if (connection.session === undefined) connection.socket.destroy()
    else connection.session.cut(reason)
    this.#gone(connection)
  }

  #gone(connection: Connection): void {
    this.#heard(connection)
    if (this.#all.get(connection.key) === connection) this.#all.delete(connection.key)
  }

  /** Cuts those that hold the most of a first message, callers without an account first. */
  #relieve(): void {
    const limit = this.#limits['server.max.pending.bytes']
    const holding = [...this.#all.values()].filter(({ pendingBytes }) => pendingBytes > 0)
    holding.sort(
      (a, b) => Number(a.account !== undefined) - Number(b.account !== undefined) || b.pendingBytes - a.pendingBytes,
    )
    for (const connection of holding) {
      if (this.#pendingBytes <= limit) return
      this.#cut(
        connection,
        `Too many first messages are under way at once: together they are larger than ${limit} bytes (server.max.pending.bytes). Try again.`,
      )
    }
  }
}

/** Not a limit: sockets of callers without an account that are read in one turn of the event loop, once each. */
const READ_IN_TURN = 8

/**
 * First messages of callers that nobody knows are read a piece at a time, a few of them in each turn of the event loop:
 * whatever they send, what others send comes between.
 */
class ReadingTurns {
  readonly #waiting: Socket[] = []
  #planned = false

  /** The socket has given a piece, and is read again when its turn comes. */
  wait(socket: Socket): void {
    socket.pause()
    this.#waiting.push(socket)
    this.#plan()
  }

  #plan(): void {
    if (this.#planned || this.#waiting.length === 0) return
    this.#planned = true
    setImmediate(() => {
      this.#planned = false
      for (const socket of this.#waiting.splice(0, READ_IN_TURN)) socket.resume()
      this.#plan()
    })
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** The first of those of the address that has the most of them. */
function oldestOfMost(connections: readonly Connection[]): Connection {
  const byAddress = Map.groupBy(connections, ({ address }) => address)
  let most: readonly Connection[] = []
  for (const own of byAddress.values()) if (own.length > most.length) most = own
  return most[0]
}
