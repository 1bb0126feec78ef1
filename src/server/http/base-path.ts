/**
 * Where the server stands in the addresses that clients use: below `server.basePath`, or below what a trusted proxy
 * sends in `X-Forwarded-Prefix`. Everything inside works with addresses without such a prefix; only what is written for
 * clients (links of the page, cookies, the `servers` of the OpenAPI document) has it.
 *
 * Proxies differ in whether they take the prefix off: an address is good with and without it.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Limit `server.base.path.characters` (characters): `server.basePath` and `X-Forwarded-Prefix`. Beyond it: the
 * configuration is an error; the header is ignored.
 */
export const BASE_PATH_LIMIT = 200
/** What `readBasePath` takes, for error messages: it completes "is not …". */
export const BASE_PATH_WORDS = `a path such as /sluice: segments of letters, digits, - and _, at most ${BASE_PATH_LIMIT} characters, the first one not api, environment, health, metrics or studio`

/** The server has addresses of its own below these: it would be unclear whether a proxy removed such a prefix. */
const OWN = /^\/(?:api|environment|health|metrics|studio)(?:\/|$)/

/**
 * The path without a slash at its end (`/` is ''); undefined when it is none, or could mean something else in a link, a
 * cookie or a page.
 */
export function readBasePath(text: string): string | undefined {
  if (text.length > BASE_PATH_LIMIT || !/^(?:(?:\/[\w-]+)+\/?|\/)$/.test(text) || OWN.test(text)) return undefined
  return text.endsWith('/') ? text.slice(0, -1) : text
}

/** Removes the prefix from addresses that come in, and adds it to those that go out. */
export class BasePath {
  readonly #own: string
  readonly #trusts: boolean

  /** `own`: as `readBasePath` gives it. `trusts`: whether `X-Forwarded-Prefix` counts. */
  constructor(own: string, trusts: boolean) {
    this.#own = own
    this.#trusts = trusts
  }

  /** The address of a request inside of the server. */
  inside(url: string, headers: IncomingHttpHeaders): string {
    return this.#split(url, headers).inside
  }

  /** The prefix of the server's paths for the client of this request; '' at the root. `url`: as it was received. */
  outside(url: string, headers: IncomingHttpHeaders): string {
    const { forwarded, carried } = this.#split(url, headers)
    if (forwarded === undefined) return this.#own
    // What the proxy removed goes in front of what it left. Some remove nothing and send the header anyway.
    return carried && !forwarded.endsWith(this.#own) ? forwarded + this.#own : forwarded
  }

  /** The same for an answer, which caches must not give to those who came another way. */
  of(request: FastifyRequest, reply: FastifyReply): string {
    if (this.#trusts) {
      const before = reply.getHeader('vary')
      reply.header('vary', before === undefined ? 'X-Forwarded-Prefix' : `${String(before)}, X-Forwarded-Prefix`)
    }
    return this.outside(request.originalUrl, request.headers)
  }

  #split(
    given: string,
    headers: IncomingHttpHeaders,
  ): { inside: string; forwarded: string | undefined; carried: boolean } {
    const url = withoutHost(given)
    const header = this.#trusts ? headers['x-forwarded-prefix'] : undefined
    const forwarded = typeof header === 'string' ? readBasePath(header.trim()) : undefined
    const first = forwarded === undefined ? undefined : below(url, forwarded)
    // One that ends with the base path has it already.
    const second =
      first !== undefined && forwarded?.endsWith(this.#own) === true ? undefined : below(first ?? url, this.#own)
    return { inside: second ?? first ?? url, forwarded, carried: second !== undefined && this.#own !== '' }
  }
}

/**
 * Whether the client of a request came over TLS: to this server, or to one of `server.trustedProxies`, which says so in
 * `X-Forwarded-Proto`.
 */
export function isSecure({ protocol }: Pick<FastifyRequest, 'protocol'>, server: { readonly tls?: unknown }): boolean {
  return server.tls !== undefined || /^\s*(?:https|wss)\s*$/i.test(protocol)
}

/** A whole address as the path of it: whoever asks a server as if it were a proxy writes one. */
function withoutHost(url: string): string {
  const host = /^https?:\/\/[^/?#\s]+/i.exec(url)?.[0]
  if (host === undefined) return url
  const rest = url.slice(host.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** The rest of an address below a prefix: `/` for the prefix itself. */
function below(url: string, prefix: string): string | undefined {
  if (prefix === '' || !url.startsWith(prefix)) return undefined
  const rest = url.slice(prefix.length)
  return rest.startsWith('/') ? rest : rest === '' || rest.startsWith('?') ? `/${rest}` : undefined
}
