/** The server's own limits: names, defaults, units. What a query may use is a setting of the engine, not here. */

/** One limit: its default and bounds in `unit` (`ms`: milliseconds), and a sentence for the documentation. */
export interface LimitSpec {
  readonly default: number
  readonly unit: 'count' | 'ms' | 'bytes'
  readonly min: number
  readonly max?: number
  readonly about: string
}

/** Every limit is configured under `limits:` by this name. */
export const LIMITS = {
  'server.max.connections': {
    default: 1000,
    unit: 'count',
    min: 1,
    about: 'Connections of accounts open at once, WebSockets and HTTP; one more is answered with HTTP 503.',
  },
  'server.max.connections.per.address': {
    default: 500,
    unit: 'count',
    min: 1,
    about: 'Connections from one address open at once; behind a proxy all of them come from its address.',
  },
  'server.max.connections.per.user': {
    default: 500,
    unit: 'count',
    min: 1,
    about: 'Connections of one account open at once; one more is answered with HTTP 503.',
  },
  'server.max.connections.unauthenticated': {
    default: 250,
    unit: 'count',
    min: 1,
    about:
      'Connections open at once over which no good credential has come yet; for one more, the oldest one of the address that has the most of them is cut.',
  },
  'server.max.pending.bytes': {
    default: 32 * 1024 * 1024,
    unit: 'bytes',
    min: 64 * 1024,
    about:
      'First messages of all connections that are not complete, together; beyond it the connection that holds the most is cut, one without an account first.',
  },
  'server.max.message.fragments': {
    default: 1024,
    unit: 'count',
    min: 1,
    about: 'Fragments of the first message of a connection.',
  },
  'server.max.login.bytes': {
    default: 64 * 1024,
    unit: 'bytes',
    min: 1024,
    about: 'Size of the body of a login, and of other requests that are answered without a credential.',
  },
  'server.header.timeout': {
    default: 10_000,
    unit: 'ms',
    min: 10,
    about: 'How long the head of an HTTP request may take, from the start of the connection or of the request.',
  },
  'server.request.timeout': {
    default: 30_000,
    unit: 'ms',
    min: 10,
    about: 'How long a whole HTTP request may take to arrive.',
  },
  'server.idle.timeout': {
    default: 72_000,
    unit: 'ms',
    min: 10,
    about: 'How long an HTTP connection is kept open after an answer.',
  },
  'server.max.message.bytes': {
    default: 1024 * 1024,
    unit: 'bytes',
    min: 1024,
    about: 'Size of the first message of a connection, and of the body of an HTTP request with a good credential.',
  },
  'server.first.message.timeout': {
    default: 10_000,
    unit: 'ms',
    min: 10,
    about: 'How long a new connection may stay without a message.',
  },
  'server.heartbeat.interval': {
    default: 10_000,
    unit: 'ms',
    min: 10,
    about: 'Silence after which a HEARTBEAT is sent.',
  },
  'server.stalled.send.timeout': {
    default: 60_000,
    unit: 'ms',
    min: 10,
    about: 'How long a client may take nothing of what is sent before the connection is cut.',
  },
  'server.jdbc.close.timeout': {
    default: 5000,
    unit: 'ms',
    min: 0,
    max: 60_000,
    about:
      'How long the connection of a JDBC result that has been sent whole is left for the client to close; 0 closes it at once. It runs no query and gives way when connections run out.',
  },
  'server.max.frame.bytes': {
    default: 1024 * 1024 - 1,
    unit: 'bytes',
    min: 16 * 1024,
    max: 64 * 1024 * 1024,
    about:
      'Largest frame on the proxied paths: the websockets library of Python, with which they are asked, refuse larger messages unless told otherwise.',
  },
  'server.max.frame.bytes.agent': {
    default: 8 * 1024 * 1024,
    unit: 'bytes',
    min: 16 * 1024,
    max: 64 * 1024 * 1024,
    about:
      'Largest frame on the path /api/ws/v2/sql/execute, whose clients (lenses-cli, lenses-python, browsers) have no such limit.',
  },
  'server.max.frame.bytes.jdbc': {
    default: 4 * 1024 * 1024,
    unit: 'bytes',
    min: 16 * 1024,
    max: 64 * 1024 * 1024,
    about: 'Largest frame on the JDBC paths: the buffer of the driver.',
  },
  'server.session.timeout': {
    default: 14_400_000,
    unit: 'ms',
    min: 1000,
    about: 'How long a token from POST /api/login is good.',
  },
  'server.max.sessions': {
    default: 10_000,
    unit: 'count',
    min: 1,
    about: 'Login tokens alive at once; with one more, a user who has some loses the oldest, and others are refused.',
  },
  'server.max.sessions.per.user': {
    default: 100,
    unit: 'count',
    min: 1,
    about: 'Login tokens of one user alive at once; the oldest one gives way.',
  },
  'server.max.login.failures': {
    default: 100,
    unit: 'count',
    min: 1,
    about:
      'Failed logins of one name in an hour, from all addresses together; then it cannot log in but from an address or a browser that has done so before.',
  },
  'server.max.name.length': {
    default: 256,
    unit: 'count',
    min: 1,
    max: 4096,
    about: 'Characters of the name in a login; a longer one belongs to nobody.',
  },
  'server.max.password.length': {
    default: 1024,
    unit: 'count',
    min: 1,
    max: 4096,
    about: 'Characters of the password in a login; a longer one is wrong, whatever it is.',
  },
  'server.max.token.length': {
    default: 4096,
    unit: 'count',
    min: 64,
    max: 16_384,
    about: 'Characters of a token; a longer one belongs to nobody.',
  },
  'server.accounts.check.interval': {
    default: 5000,
    unit: 'ms',
    min: 0,
    about: 'How often the files of the configuration are looked at for changed accounts; 0 is never.',
  },
  'max.concurrent.queries': {
    default: 250,
    unit: 'count',
    min: 1,
    about: 'Queries at once in this server, those included that wait for a thread.',
  },
  'max.concurrent.queries.per.user': {
    default: 10,
    unit: 'count',
    min: 0,
    about: 'Queries of one account running at once, on all servers that share a state topic; 0 is no limit.',
  },
  'server.workers': {
    default: 4,
    unit: 'count',
    min: 0,
    max: 256,
    about:
      'Threads that queries run on, started as they are needed. 0: queries run on the thread that owns the sockets, where a heavy one holds up all others.',
  },
  'server.worker.queries': {
    default: 2,
    unit: 'count',
    min: 1,
    max: 50,
    about:
      'Queries that use the processor on one thread at once, when all threads are in use; further ones wait. Those whose clients do not read do not count.',
  },
  'server.worker.heap': {
    default: 512 * 1024 * 1024,
    unit: 'bytes',
    min: 64 * 1024 * 1024,
    max: 64 * 1024 * 1024 * 1024,
    about: 'Memory for the objects of one thread; beyond it the thread is ended with its queries, and replaced.',
  },
  'server.worker.stall.timeout': {
    default: 5000,
    unit: 'ms',
    min: 500,
    max: 600_000,
    about:
      'How long a single step of a query may keep its thread from everything else; beyond it the thread is ended and replaced.',
  },
  'server.account.processor.share': {
    default: 50,
    unit: 'count',
    min: 1,
    max: 100,
    about:
      'Per cent of the processor time of all queries of the last half minute that one account may have had before its new queries come after those of others, when all threads are in use.',
  },
  'server.call.timeout': {
    default: 10_000,
    unit: 'ms',
    min: 100,
    about: 'How long a worker may take for the answer to a REST call about a text of SQL.',
  },
  'server.max.memory': {
    default: 896 * 1024 * 1024,
    unit: 'bytes',
    min: 256 * 1024 * 1024,
    max: 1024 * 1024 * 1024 * 1024,
    about: 'Resident memory of the server; beyond it the thread that holds most is ended with its queries.',
  },
  'telemetry.traces.queue': {
    default: 2048,
    unit: 'count',
    min: 1,
    max: 65_536,
    about: 'Spans that wait to be sent; further ones are dropped and counted.',
  },
  'telemetry.traces.timeout': {
    default: 10_000,
    unit: 'ms',
    min: 10,
    max: 300_000,
    about: 'How long a collector may take for the spans of one request, tries included; beyond it they are dropped.',
  },
  'shutdown.traces': {
    default: 1000,
    unit: 'ms',
    min: 0,
    max: 60_000,
    about: 'How long a server that has ended its queries may go on sending their spans.',
  },
  'shutdown.delay': {
    default: 0,
    unit: 'ms',
    min: 0,
    about:
      'How long a server that was asked to stop still takes new connections and queries, while /health says that it is draining: time for a balancer to send them elsewhere.',
  },
  'shutdown.grace': {
    default: 10_000,
    unit: 'ms',
    min: 0,
    about:
      'How long running queries may go on after the server was asked to stop; the delay before it, if any, comes on top.',
  },
} as const satisfies Record<string, LimitSpec>

/** The name of a limit, as it is written under `limits:`. */
export type LimitName = keyof typeof LIMITS
/** Counts, milliseconds and bytes by the name of the limit. */
export type ServerLimits = Readonly<Record<LimitName, number>>

/** All limits at their defaults; a new object each time. */
export function defaultLimits(): Record<LimitName, number> {
  return Object.fromEntries(Object.entries(LIMITS).map(([name, spec]) => [name, spec.default])) as Record<
    LimitName,
    number
  >
}
