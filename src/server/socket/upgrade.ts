/**
 * From HTTP to WebSocket: which path, which environment, may this caller come in? Refusals on the way are plain HTTP
 * answers with a JSON body; once the handshake is done, everything else is the session's.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { randomUUID } from 'node:crypto'
import { parseCookie } from 'cookie'
import type { ExportOptions } from '../../export/options.ts'
import { plainAnswer } from '../http/plain-answer.ts'

/**
 * What a path asks for; `export`: as a file. `proxied`: the environment stands in the path, and the credential has to come with the upgrade.
 */
export type Target = { readonly dialect: 'v2' | 'jdbc'; readonly export?: ExportOptions } & (
  | { readonly proxied: true; readonly environment: string }
  | { readonly proxied: false; readonly environment: string | undefined }
)

const AGENT: Readonly<Record<string, Target['dialect']>> = {
  '/api/ws/v2/sql/execute': 'v2',
  '/api/ws/v3/jdbc/execute': 'jdbc',
}
const PROXIED = /^\/(?:api\/v1\/environments|environment)\/([^/]+)\/proxy(\/.*)$/

/**
 * undefined when no WebSocket lives at this address. `/api/ws/v2/sql/execute?environment=name` picks another than the
 * default one (an extension, for browsers).
 */
export function target(url: string): Target | undefined {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  if (Object.hasOwn(AGENT, path)) {
    const environment = mark < 0 ? null : new URLSearchParams(url.slice(mark + 1)).get('environment')
    return {
      dialect: AGENT[path],
      proxied: false,
      environment: environment === null || environment === '' ? undefined : environment,
    }
  }
  const match = PROXIED.exec(path)
  if (match === null || !Object.hasOwn(AGENT, match[2])) return undefined
  try {
    return { dialect: AGENT[match[2]], proxied: true, environment: decodeURIComponent(match[1]) }
  } catch {
    return undefined
  }
}

/**
 * lenses-cli, as its handshake shows it: Go's HTTP library without a page behind it, at the agent's path. The CLI has a
 * struct where all other clients take the text of an ERROR, and its older versions an integer where a text is the
 * time of a record.
 */
export function isLensesCli(request: Pick<IncomingMessage, 'headers'>, { dialect, proxied }: Target): boolean {
  return (
    dialect === 'v2' &&
    !proxied &&
    request.headers['user-agent'] === 'Go-http-client/1.1' &&
    request.headers.origin === undefined
  )
}

/** The refusal of a request without the header that HTTP/1.1 asks for. */
export const NO_HOST = 'A request of HTTP/1.1 needs the header Host.'

/** Name of the cookie that `POST /api/v1/login` sets. */
export const SESSION_COOKIE = 'session_id'
/** Name of the cookie of a browser that has logged in before. */
export const DEVICE_COOKIE = 'sluice_device'

/**
 * The token that came with a request: `Authorization: Bearer …`, `X-Kafka-Lenses-Token`, or the session cookie. A
 * browser sends a cookie whichever page makes the request, so a cookie counts only when the page that asks came from this server.
 */
export function credential(request: Pick<IncomingMessage, 'headers'>): string | undefined {
  const bearer = /^Bearer +(\S+)\s*$/i.exec(request.headers.authorization ?? '')
  if (bearer !== null) return bearer[1]
  const header = request.headers['x-kafka-lenses-token']
  return typeof header === 'string' && header !== '' ? header : theirCookie(request)
}

/** The token in the session cookie, where a cookie counts. */
export function theirCookie(request: Pick<IncomingMessage, 'headers'>): string | undefined {
  // It holds what a login gave; the `name:token` of a service account does not belong there.
  return cookieOf(request, SESSION_COOKIE)
}

/** A cookie of this server of that name, unless a page of another origin makes the request. */
export function cookieOf(request: Pick<IncomingMessage, 'headers'>, name: string): string | undefined {
  const { cookie } = request.headers
  if (cookie === undefined || isForeign(request)) return undefined
  const value = parseCookie(cookie)[name]
  return value !== undefined && /^[\w-]{1,200}$/.test(value) ? value : undefined
}

/** Whether a page that is not this server's makes the request; `allowed`: origins that count as its own. */
export function isForeign(
  { headers: { origin, host } }: Pick<IncomingMessage, 'headers'>,
  allowed: readonly string[] = [],
): boolean {
  return origin !== undefined && originHost(origin) !== host && !allowed.includes(origin)
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

/**
 * An error body in the shape of the part of the API that the address belongs to. Behind the proxy it holds both:
 * clients there look for `title`, the agent's own say `error`.
 */
export function problem(
  url: string,
  status: number,
  title: string,
  requestId: string = randomUUID(),
  fields: readonly object[] = [],
): object {
  const agent = { error: title, fields }
  if (
    !/^\/(?:api\/v1|environment)(?:[/?]|$)/.test(url) ||
    /^\/api\/v1\/(?:sql|saved-queries|kafka|datasets|metadata|sr)(?:[/?]|$)/.test(url)
  )
    return agent
  const general = {
    type: 'about:blank',
    title,
    status,
    request_id: requestId,
    ...(fields.length === 0 ? {} : { invalid_fields: fields }),
  }
  return /\/proxy\//.test(url) ? { ...general, ...agent } : general
}

/** Answers an upgrade request with plain HTTP and ends the connection. */
export function refuseUpgrade(request: IncomingMessage, socket: Duplex, status: number, title: string): void {
  const answer = plainAnswer(status, problem(request.url ?? '/', status, title), {
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(status === 503 ? { 'retry-after': '5' } : {}),
    ...(status === 426 ? { upgrade: 'websocket' } : {}),
  })
  socket.on('error', () => socket.destroy())
  socket.end(answer)
  // A caller that keeps its side open would hold the socket forever.
  if ('setTimeout' in socket) (socket as Socket).setTimeout(5000, () => socket.destroy())
}
