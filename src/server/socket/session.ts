/**
 * One WebSocket is one session: wait for the first message, check who asks, run it once, send END, close. The session
 * owns the socket's life: the wait for the first message, heartbeats in silence, the limit on a reader that stopped
 * reading, and the abort when the client goes away. It does not know HTTP or SQL.
 *
 * Order on the wire: what `run` sends, then ERROR where the session has one of its own, END, and the close with code
 * 1000. Later messages of the client are ignored. A dialect may have END said several times and the close left to the
 * client for a while.
 */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import type { FrameSink, QueryEnvironment, RunSummary } from '../../engine/host.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import { end, error, heartbeat, type QueryRequest } from '../../protocol/frames.ts'
import { parseRequest } from '../../protocol/request.ts'
import type { Account } from '../access/auth.ts'
import { LoginsUnread } from '../access/revocations.ts'
import type { ServerLimits } from '../limits.ts'
import type { ExportSummary } from '../../export/outcome.ts'
import type { Conversation } from './conversation.ts'
import { WebSocketOut } from './websocket-out.ts'

/** `runRequest` of the engine, or a stand-in for it in tests. */
export type Run = (
  request: QueryRequest,
  environment: QueryEnvironment,
  sink: FrameSink,
  signal: AbortSignal,
) => Promise<RunSummary>

/** Where and how this session's request runs. */
export interface SessionEnvironment {
  readonly name: string
  /** Runs a request into `out`; rejects for faults of ours only. An abort through `signal` ends it quietly. */
  run(request: QueryRequest, out: WebSocketOut, signal: AbortSignal): Promise<ExportSummary>
}

/** What a session needs from the server around it. */
export interface SessionHost {
  readonly limits: ServerLimits
  readonly clock: Clock
  /** Whether a token in the first message counts. On the proxied paths the upgrade has settled who asks. */
  readonly checksToken: boolean
  /**
   * Checks a token from the first message. A string is the refusal, for the user. Throws LoginsUnread where it cannot be
   * said yet whether the token is good, as `again` does.
   */
  authenticate(token: string | undefined): Account | string
  /** Whose credential came with the upgrade, asked again: it may have been revoked since. */
  again(): Account | undefined
  /** The environment as this account sees it. A string is the refusal, for the user. */
  environment(account: Account): SessionEnvironment | string
  /** Asks for a place among the running queries. A string is the refusal, for the user. */
  admit(account: Account): string | undefined
  started(session: Conversation, request: QueryRequest): void
  ended(session: Conversation, summary: RunSummary): void
  /** Something that should not happen did; `reference` is the number that the user got. */
  failed(session: Conversation, reference: string, cause: unknown): void
  closed(session: Conversation): void
  /** A dialect other than v2: no HEARTBEAT. */
  readonly dialect?: Dialect
}

/** What the JDBC driver's path does differently. */
export interface Dialect {
  /** How often END is said after a run. */
  readonly ends: number
  /** How long after a run the close is left to the client. */
  readonly closeAfterMs: number
}

/**
 * A client that has taken nothing for this part of `server.stalled.send.timeout` (5 s of 60 s) does not count as a
 * running query of its user.
 */
const ABANDONED_PART = 1 / 12
/** The JDBC driver forgets results as a habit, and opens the next connection at once (1 s of 60 s). */
const ABANDONED_PART_OF_DIALECT = 1 / 60

class Stopped extends Error {}

/**
 * A `ws` socket that says when a closing handshake begins, before anything of it is on the wire; the session uses that
 * to have the last word.
 */
export class SessionSocket extends WebSocket {
  /** Called once, with the code that the library wants to send (1009: the message was too large). */
  onClosing: ((code: number | undefined) => void) | undefined
  override close(code?: number, data?: string | Buffer): void {
    const closing = this.onClosing
    this.onClosing = undefined
    closing?.(code)
    super.close(code, data)
  }
}

/** Close code after END. */
const DONE = 1000
/** Close code where nothing was wrong with the question or its credential: the same may be good in some seconds. */
const ASK_AGAIN = 1013

/** How long a client may take to answer the closing handshake. */
const CLOSE_TIMEOUT_MS = 5000

/** Takes connections over from HTTP. */
export function createUpgrades(limits: ServerLimits): InstanceType<typeof WebSocketServer<typeof SessionSocket>> {
  // `closeTimeout` and `maxFragments` are newer than the type declarations.
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits['server.max.message.bytes'],
    maxFragments: limits['server.max.message.fragments'],
    closeTimeout: CLOSE_TIMEOUT_MS,
    WebSocket: SessionSocket,
  }
  return new WebSocketServer(options)
}

/** One WebSocket connection, from its upgrade to its close: one question and its answer. */
export class Session implements Conversation {
  readonly id = randomUUID()
  readonly out: WebSocketOut
  account: Account | undefined
  environmentName: string | undefined
  state: 'waiting' | 'running' | 'ending' | 'closed' = 'waiting'
  readonly #ws: SessionSocket
  readonly #socket: Socket
  readonly #host: SessionHost
  readonly #abort = new AbortController()
  readonly #firstMessage: Timer
  #heartbeat: Timer | undefined
  #stall: Timer | undefined
  /** Set while the close is left to the client. */
  #linger: Timer | undefined
  /** Why the server stopped the query, for the ERROR frame. */
  #stopped: string | undefined

  /**
   * `account` is known when the upgrade already carried a good credential; a token in the first message is then still
   * checked if it is there.
   */
  constructor(ws: SessionSocket, socket: Socket, host: SessionHost, account: Account | undefined) {
    this.#ws = ws
    this.#socket = socket
    this.#host = host
    this.account = account
    this.out = new WebSocketOut(socket, () => ws.readyState === ws.OPEN, host.clock)
    const limitMs = host.limits['server.first.message.timeout']
    this.#firstMessage = host.clock.after(limitMs, () =>
      this.refuse(`No message came within ${limitMs} ms after the connection was made (server.first.message.timeout).`),
    )
    ws.on('message', (data, isBinary) => this.#message(data, isBinary))
    ws.on('error', () => this.#left())
    ws.onClosing = (code) => (code === 1009 || code === 1008 ? this.#tooLarge(code) : this.#left())
    socket.on('end', () => this.#left())
    ws.on('close', () => this.#closed())
    socket.setKeepAlive(true, 30_000)
    socket.setNoDelay(true)
  }

  get abandoned(): boolean {
    const part = this.#host.dialect === undefined ? ABANDONED_PART : ABANDONED_PART_OF_DIALECT
    const limitMs = this.#host.limits['server.stalled.send.timeout'] * part
    return this.out.unsentBytes > 0 && this.#host.clock.monotonic() - this.out.lastProgressMs > limitMs
  }

  /** The query is over, everything was taken, and the close is left to the client. */
  get lingering(): boolean {
    return this.#linger !== undefined
  }

  /** Ends the wait for the client's close. */
  closeNow(): void {
    if (this.#linger === undefined) return
    this.#linger.cancel()
    this.#linger = undefined
    this.#close()
  }

  /** Bytes written to the network so far, HTTP answer included. */
  get bytesSent(): number {
    return this.#socket.bytesWritten
  }

  /** Sends ERROR, END and the close for a session that is not running a query. */
  refuse(text: string, code = DONE): void {
    if (this.state !== 'waiting') return
    this.state = 'ending'
    this.#firstMessage.cancel()
    this.out.send(error(text))
    void this.#finish(undefined, code)
  }

  /** Ends whatever goes on with an ERROR that says `reason`. */
  stop(reason: string): void {
    this.refuse(reason)
    if (this.state !== 'running') return
    this.#stopped ??= reason
    this.#abort.abort(new Stopped(reason))
  }

  /** It runs, or has something that its client has not taken. */
  get holds(): boolean {
    return this.state === 'running' || this.out.unsentBytes > 0
  }

  /** The first message has not come yet. */
  get waiting(): boolean {
    return this.state === 'waiting'
  }

  /** Says why, where nothing has been asked yet, and cuts the connection. */
  cut(reason: string): void {
    if (this.state !== 'waiting') return this.destroy()
    this.refuse(reason)
    this.out.flushAll()
    this.#socket.destroySoon()
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.#socket.destroy()
  }

  #message(data: RawData, isBinary: boolean): void {
    // One query a connection: whatever comes after the first message is ignored.
    if (this.state !== 'waiting') return
    if (isBinary) return this.refuse('The first message must be a text message with a JSON object; it is binary.')
    const { request, problem } = parseRequest(data.toString())
    if (request === undefined) return this.refuse(problem)
    try {
      if (this.account !== undefined) this.account = this.#host.again()
      if (this.account === undefined || (this.#host.checksToken && request.token !== undefined)) {
        const account = this.#host.authenticate(request.token)
        if (typeof account === 'string') return this.refuse(account)
        this.account = account
      }
    } catch (cause) {
      if (!(cause instanceof LoginsUnread)) throw cause
      return this.refuse(cause.message, ASK_AGAIN)
    }
    const environment = this.#host.environment(this.account)
    if (typeof environment === 'string') return this.refuse(environment)
    this.environmentName = environment.name
    const refusal = this.#host.admit(this.account)
    if (refusal !== undefined) return this.refuse(refusal)
    this.#firstMessage.cancel()
    this.state = 'running'
    void this.#run(request, environment)
  }

  async #run(request: QueryRequest, environment: SessionEnvironment): Promise<void> {
    const startedMs = this.#host.clock.monotonic()
    this.#host.started(this, request)
    const { dialect } = this.#host
    if (dialect === undefined) this.#armHeartbeat(this.#host.limits['server.heartbeat.interval'])
    this.#watchReader()
    try {
      const summary = await environment.run(request, this.out, this.#abort.signal)
      this.#host.ended(this, summary)
    } catch (cause) {
      const durationMs = this.#host.clock.monotonic() - startedMs
      const stopped = this.#abort.signal.aborted
      const text = `Internal error, reference ${this.id}. The query was ended; the server's log has the details.`
      if (!stopped) {
        this.#host.failed(this, this.id, cause)
        this.out.send(error(text))
      }
      this.#host.ended(this, {
        id: this.id,
        outcome: stopped ? 'cancelled' : 'error',
        results: 0,
        recordsScanned: 0,
        bytesRead: 0,
        badRecords: 0,
        durationMs,
      })
    }
    // The client may be gone by now: then nothing is left to send.
    if (this.#stopped !== undefined) this.out.send(error(this.#stopped))
    this.state = this.state === 'running' ? 'ending' : this.state
    // A client that was told to close is not waited for.
    await this.#finish(this.#stopped === undefined ? dialect : undefined)
  }

  async #finish(dialect?: Dialect, code = DONE): Promise<void> {
    this.#heartbeat?.cancel()
    this.#watchReader()
    for (let i = 0; i < (dialect?.ends ?? 1); i++) this.out.send(end())
    await this.out.finished()
    if (dialect === undefined || dialect.closeAfterMs === 0 || this.#ws.readyState !== WebSocket.OPEN)
      return this.#close(code)
    this.#linger = this.#host.clock.after(dialect.closeAfterMs, () => this.closeNow())
  }

  #close(code = DONE): void {
    this.#ws.onClosing = undefined
    this.#ws.close(code)
  }

  /**
   * The library read a message larger than `server.max.message.bytes`, or of more fragments than
   * `server.max.message.fragments`, and is about to close with 1009 or 1008: say why before it does.
   */
  #tooLarge(code: 1008 | 1009): void {
    if (this.state !== 'waiting') return this.#left()
    this.state = 'ending'
    this.#firstMessage.cancel()
    const { limits } = this.#host
    this.out.send(
      error(
        code === 1009
          ? `The first message is larger than ${limits['server.max.message.bytes']} bytes (server.max.message.bytes).`
          : `The first message comes in more than ${limits['server.max.message.fragments']} fragments (server.max.message.fragments).`,
      ),
    )
    this.out.send(end())
    this.out.flush()
    this.#ws.close(1000)
  }

  /** The client is going: nothing that is still here for it matters any more. */
  #left(): void {
    this.#abort.abort(new Stopped('The client closed the connection.'))
    this.out.release()
  }

  /**
   * When the client last got something, or took it: while it takes what a thread has sent before, that thread may have
   * to wait with the next.
   */
  get #lastSignMs(): number {
    return Math.max(this.out.lastSentMs, this.out.lastProgressMs)
  }

  #armHeartbeat(delayMs: number): void {
    const intervalMs = this.#host.limits['server.heartbeat.interval']
    this.#heartbeat = this.#host.clock.after(delayMs, () => {
      if (this.state !== 'running') return
      const silentMs = this.#host.clock.monotonic() - this.#lastSignMs
      if (silentMs >= intervalMs && this.out.unsentBytes === 0) {
        this.out.send(heartbeat())
        this.out.flush()
      }
      this.#armHeartbeat(Math.max(1, Math.ceil(intervalMs - (this.#host.clock.monotonic() - this.#lastSignMs))))
    })
  }

  /** Looks now and then whether the client still takes what it is sent. */
  #watchReader(): void {
    if (this.#stall !== undefined) return
    const limitMs = this.#host.limits['server.stalled.send.timeout']
    this.#stall = this.#host.clock.every(Math.max(10, limitMs / 8), () => {
      if (this.out.unsentBytes === 0 || this.#host.clock.monotonic() - this.out.lastProgressMs < limitMs) return
      this.#abort.abort(new Stopped(`The client took nothing for ${limitMs} ms (server.stalled.send.timeout).`))
      this.#socket.destroy()
    })
  }

  #closed(): void {
    this.state = 'closed'
    this.#firstMessage.cancel()
    this.#heartbeat?.cancel()
    this.#stall?.cancel()
    this.#linger?.cancel()
    this.#linger = undefined
    this.#left()
    this.#host.closed(this)
  }
}
