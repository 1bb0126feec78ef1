/**
 * Whose credential came with a request, with an upgrade or in a first message. One that is not good is counted and in
 * the log, without itself; one of which that cannot be said yet is neither.
 */
import type { IncomingMessage } from 'node:http'
import type { Connections } from '../http/connections.ts'
import type { Log } from '../log.ts'
import { credential } from '../socket/upgrade.ts'
import type { Account, Accounts } from './auth.ts'
import { Proxies } from './origin.ts'
import { LoginsUnread } from './revocations.ts'

/** Those who ask one server. */
export class Callers {
  readonly #accounts: Accounts
  readonly #connections: Connections
  readonly #refused: { inc(): void }
  readonly #log: Log
  readonly #proxies: Proxies

  /** `refused` counts tokens that are not good. */
  constructor(
    accounts: Accounts,
    connections: Connections,
    refused: { inc(): void },
    log: Log,
    { server }: { readonly server: { readonly trustedProxies?: readonly string[] } },
  ) {
    this.#accounts = accounts
    this.#proxies = new Proxies(server.trustedProxies)
    this.#connections = connections
    this.#refused = refused
    this.#log = log
  }

  /** From where a request comes. */
  addressOf(request: IncomingMessage): string {
    return this.#proxies.addressOf(request)
  }

  /** Whoever makes an HTTP request; where connections of accounts are full, his stays one that gives way. Throws LoginsUnread. */
  who(request: IncomingMessage): Account | undefined {
    const account = this.#byToken(credential(request), request)
    if (account !== undefined) this.#connections.admit(request.socket, account)
    return account
  }

  /** Whoever asks for an upgrade with that token. */
  upgrading(token: string | undefined, request: IncomingMessage): Account | LoginsUnread | undefined {
    try {
      return this.#byToken(token, request)
    } catch (cause) {
      if (cause instanceof LoginsUnread) return cause
      throw cause
    }
  }

  /**
   * Whoever sends a first message on a path where its token counts; a string is the refusal, for the user. `given`: the
   * credential of the upgrade, which was not good. Throws LoginsUnread.
   */
  firstMessage(token: string | undefined, given: string | undefined, request: IncomingMessage): Account | string {
    // Of the upgrade's it may have been unknown whether it is good.
    const account =
      token === undefined && given !== undefined ? this.#accounts.byToken(given) : this.#byToken(token, request)
    if (account !== undefined) return this.#connections.admit(request.socket, account) ?? account
    return token === undefined
      ? 'Not authenticated: send the token of POST /api/login, or of a service account, as "token" in the first message.'
      : 'Not authenticated: the token is unknown, has expired or was revoked.'
  }

  #byToken(token: string | undefined, request: IncomingMessage): Account | undefined {
    if (token === undefined) return undefined
    const account = this.#accounts.byToken(token)
    if (account === undefined) {
      this.#refused.inc()
      this.#log.warn({ address: this.addressOf(request) }, 'a token was refused')
    }
    return account
  }
}
