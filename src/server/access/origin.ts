/**
 * From where a request comes: the address of its connection, or what a proxy that is trusted says in
 * `X-Forwarded-For`. By it failed logins are counted and lines of the log can be traced.
 */
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Proxies that are believed. */
export class Proxies {
  readonly #trusted = new BlockList()

  /** Addresses and networks, as `server.trustedProxies` has them. */
  constructor(trusted: readonly string[] = []) {
    for (const each of trusted) {
      const [address, bits] = each.split('/')
      if (bits === undefined) this.#trusted.addAddress(address, familyOf(address))
      else this.#trusted.addSubnet(address, Number(bits), familyOf(address))
    }
  }

  /**
   * The last address on the way that is no trusted proxy. What stands in front of it anybody may have written; what is
   * no address says nothing, so that it was the proxy behind it.
   */
  addressOf({
    socket,
    headers,
  }: Pick<IncomingMessage, 'headers'> & { readonly socket: { remoteAddress?: string } }): string {
    let address = socket.remoteAddress ?? ''
    const header = headers['x-forwarded-for']
    const way = (typeof header === 'string' ? header : (header ?? []).join()).split(',')
    while (this.#isTrusted(address)) {
      const before = addressIn(way.pop() ?? '')
      if (before === undefined) break
      address = before
    }
    return address
  }

  #isTrusted(address: string): boolean {
    return isIP(address) !== 0 && this.#trusted.check(address, familyOf(address))
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

/** Some proxies add the port, which is another one with each connection. */
function addressIn(text: string): string | undefined {
  const given = text.trim()
  const [, address = given] = /^\[([^\]]*)\](?::\d+)?$/.exec(given) ?? /^([\d.]+):\d+$/.exec(given) ?? []
  return isIP(address) === 0 ? undefined : address
}
