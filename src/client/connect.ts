/**
 * The client library: `connect({url, environment, token}).query(sql)` is an async iterable of the server's messages, or
 * of rows. Each query has its own connection, as the protocol wants it. Reading slowly slows the server down (in
 * Node). Whole numbers beyond 2⁵³ arrive as bigint. Works in Node and in browsers.
 */
import { BATCH_SEPARATOR, type RecordMetadata, type SentinelReason, type Stats } from '../protocol/frames.ts'
import { incompleteText } from './incomplete.ts'
import { parseJson } from '../lib/text/lossless-json.ts'
import { ConnectionError, type Line, type OpenLine } from './line.ts'

export { ConnectionError } from './line.ts'

export interface ConnectOptions {
  /** `http://host:9991` (or https, ws, wss), with a path in front of `/api` if there is one. */
  readonly url: string
  /** Without one: the server's default environment. */
  readonly environment?: string
  /** Key of a service account, or token of a login. Left out by a page of the server that has a session cookie. */
  readonly token?: string
}

export interface QueryOptions {
  /** Partial results of aggregations while they grow; a later row replaces the earlier one with the same `rowId`. */
  readonly live?: boolean
  /**
   * The query goes on with what comes, from the end of each partition unless a condition on `_meta.offset` or
   * `_meta.timestamp` says where to begin, until it is cancelled or a limit ends it.
   */
  readonly follow?: boolean
  /** Rows come several in one message of the network, which browsers take much faster. What is given is the same. */
  readonly batch?: boolean
  /** Milliseconds between STATS messages. */
  readonly stats?: number
  /** Aborting it cancels the query. */
  readonly signal?: AbortSignal
}

interface Envelope {
  readonly rowId: string | null
  /** Position of the statement in the text; null when there is only one. */
  readonly statementIndex: number | null
  /** The whole message as it came. */
  readonly text: string
}

export interface RecordData {
  readonly key?: unknown
  readonly value: unknown
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly rownum: number
}

/**
 * One message of the server; HEARTBEAT and END are not delivered. Kinds that are not listed here may come: pass over
 * them.
 */
export type QueryEvent = Envelope &
  (
    | { readonly type: 'METADATA'; readonly data: { readonly fields: readonly string[] } }
    | { readonly type: 'RECORD'; readonly data: RecordData }
    | { readonly type: 'STATS'; readonly data: Stats }
    | { readonly type: 'BADRECORD'; readonly data: { readonly metadata: RecordMetadata } }
    | { readonly type: 'SENTINEL'; readonly data: { readonly event: string; readonly reason: SentinelReason } }
    | { readonly type: 'ERROR'; readonly data: string }
  )

/** The ERROR message of the server, thrown by `rows()`. */
export class QueryError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'QueryError'
  }
}

/**
 * Thrown by `rows()` behind the last row of a result that is incomplete: a limit ended the reading (also the 10,000
 * rows that are implied where no LIMIT is written), or records vanished.
 */
export class IncompleteError extends Error {
  /** What ended it, where, and with which condition to read on. */
  readonly reason: SentinelReason
  constructor(reason: SentinelReason) {
    super(incompleteText(reason))
    this.name = 'IncompleteError'
    this.reason = reason
  }
}

/** One query: its messages while they come, its rows, its end. It can be read once; another reading throws. */
export interface Query extends AsyncIterable<QueryEvent> {
  /**
   * The values of the rows alone. Throws a QueryError when the server reports an error, and an IncompleteError behind
   * the last row when rows are missing; with `partial: true` an incomplete result just ends.
   */
  rows(options?: { readonly partial?: boolean }): AsyncIterable<unknown>
  /** The messages as they came, HEARTBEAT and END left out: for readers that take them apart themselves. */
  texts(): AsyncIterable<string>
  /** Ends the query at once: nothing more is read, the iteration ends. Safe to call twice, and after the end. */
  cancel(): void
}

export interface Client {
  /** Begins at once. Iterate over the result; a query whose result is not read fills its buffer and waits. */
  query(sql: string, options?: QueryOptions): Query
}

/** Opens nothing yet; each query opens its own connection. */
export function connect(options: ConnectOptions): Client {
  return { query: (sql, queryOptions = {}) => new RunningQuery(options, sql, queryOptions) }
}

/** Characters of unread messages at which reading stops, and below which it goes on. */
const HIGH_WATER = 4 * 1024 * 1024
const LOW_WATER = 1024 * 1024

function inNode(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } }
  return process?.versions?.node !== undefined
}

async function lineOpener(): Promise<OpenLine> {
  const { openLine } = inNode() ? await import('./line-node.ts') : await import('./line-browser.ts')
  return openLine
}

/**
 * Address, headers and the `token` field for a server: Node sends the key in a header where the environment is named,
 * browsers cannot.
 */
function address(options: ConnectOptions): { url: string; headers: Record<string, string>; token: string | undefined } {
  const base = new URL(options.url)
  const path = base.pathname.replace(/\/+$/, '')
  const origin = `${base.protocol.replace('http', 'ws')}//${base.host}${path}`
  const execute = '/api/ws/v2/sql/execute'
  if (options.environment === undefined) return { url: origin + execute, headers: {}, token: options.token }
  const name = encodeURIComponent(options.environment)
  if (!inNode()) return { url: `${origin}${execute}?environment=${name}`, headers: {}, token: options.token }
  return {
    url: `${origin}/api/v1/environments/${name}/proxy${execute}`,
    headers: options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` },
    token: undefined,
  }
}

/** The type of a message, wherever it stands in the text. */
function typeOf(text: string): string {
  const [, first] = /^\{"type":"([A-Z]+)"/.exec(text) ?? []
  return first ?? (JSON.parse(text) as { type: string }).type
}

class RunningQuery implements Query {
  readonly #inbox: string[] = []
  #next = 0
  #unread = 0
  #paused = false
  #line: Line | undefined
  #ended = false
  #failure: Error | undefined
  #wake: (() => void) | undefined
  #leave: (() => void) | undefined
  #isRead = false

  constructor(options: ConnectOptions, sql: string, query: QueryOptions) {
    if (query.signal?.aborted === true) {
      this.#ended = true
      return
    }
    const { signal } = query
    const abort = () => this.cancel()
    signal?.addEventListener('abort', abort, { once: true })
    // A signal that lives long holds nothing of a query that has ended.
    this.#leave = () => signal?.removeEventListener('abort', abort)
    this.#open(options, sql, query).catch((cause: unknown) =>
      this.#finish(cause instanceof Error ? cause : new Error(String(cause))),
    )
  }

  async #open(options: ConnectOptions, sql: string, { live, follow, batch, stats }: QueryOptions): Promise<void> {
    const { url, headers, token } = address(options)
    const openLine = await lineOpener()
    if (this.#ended) return
    const line = openLine(url, headers, {
      opened: () =>
        line.send(
          JSON.stringify({
            ...(token === undefined ? {} : { token }),
            sql,
            ...(live === undefined ? {} : { live }),
            ...(follow === undefined ? {} : { follow }),
            ...(batch === undefined ? {} : { batch }),
            ...(stats === undefined ? {} : { stats }),
          }),
        ),
      message: (text) => this.#messages(text),
      closed: (code, failure) =>
        this.#finish(
          failure ?? new ConnectionError(`The connection ended before the result did (close code ${code}).`),
        ),
    })
    this.#line = line
  }

  /** One message, or several that came together. */
  #messages(text: string): void {
    let from = 0
    for (let at = text.indexOf(BATCH_SEPARATOR); at >= 0; at = text.indexOf(BATCH_SEPARATOR, from)) {
      this.#message(text.slice(from, at))
      from = at + 1
    }
    this.#message(from === 0 ? text : text.slice(from))
  }

  #message(text: string): void {
    if (this.#ended) return
    if (text.startsWith('{"type":"HEARTBEAT"')) return
    this.#inbox.push(text)
    this.#unread += text.length
    if (!this.#paused && this.#unread > HIGH_WATER) {
      this.#paused = true
      this.#line?.pause()
    }
    this.#wake?.()
  }

  /** The first end counts; messages that wait can still be read. */
  #finish(failure: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    this.#leave?.()
    this.#wake?.()
  }

  cancel(): void {
    const running = !this.#ended
    this.#leave?.()
    this.#ended = true
    this.#failure = undefined
    this.#inbox.length = 0
    this.#next = 0
    this.#unread = 0
    if (this.#paused) this.#line?.resume()
    this.#paused = false
    if (running) this.#line?.close()
    this.#wake?.()
  }

  #take(): string | undefined {
    if (this.#next >= this.#inbox.length) return undefined
    const text = this.#inbox[this.#next++]
    this.#unread -= text.length
    if (this.#next > 4096 || this.#next === this.#inbox.length) {
      this.#inbox.splice(0, this.#next)
      this.#next = 0
    }
    if (this.#paused && this.#unread < LOW_WATER) {
      this.#paused = false
      this.#line?.resume()
    }
    return text
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<QueryEvent> {
    for await (const text of this.texts()) {
      const message = parseJson(text) as { type: string }
      yield { ...message, text } as QueryEvent
    }
  }

  async *texts(): AsyncGenerator<string> {
    // The messages are not kept: a second reader would take them from the first, or find none.
    if (this.#isRead) throw new Error('The result of a query can be read once.')
    this.#isRead = true
    try {
      for (;;) {
        const text = this.#take()
        if (text === undefined) {
          if (this.#ended) break
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
          this.#wake = undefined
          continue
        }
        const type = typeOf(text)
        if (type === 'HEARTBEAT') continue
        if (type === 'END') return
        yield text
      }
      if (this.#failure !== undefined) throw this.#failure
    } finally {
      this.cancel()
    }
  }

  async *rows({ partial = false }: { readonly partial?: boolean } = {}): AsyncGenerator<unknown> {
    let cut: SentinelReason | undefined
    for await (const event of this) {
      if (event.type === 'ERROR') throw new QueryError(event.data)
      if (event.type === 'RECORD') yield event.data.value
      // That records may have been passed over is no end of a reading.
      if (event.type === 'SENTINEL' && event.data.reason.type !== 'UNCOUNTED') cut ??= event.data.reason
    }
    if (cut !== undefined && !partial) throw new IncompleteError(cut)
  }
}
