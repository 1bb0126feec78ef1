/** What is known of the other servers, as they were last heard of. One that is not heard of for a while is gone. */
import type { QueryEntry } from '../../engine/queries.ts'
import type { Clock } from '../../lib/clock.ts'
import { accountId } from '../access/signed-logins.ts'
import type { Presence } from './messages.ts'

/**
 * Limit `servers.silence` (ms): how long a server may say nothing. Beyond it: it is gone for the others, with its
 * queries; and a server that does not hear itself for as long says that it is alone.
 */
export const SILENCE_MS = 10_000
/** Limit `servers.known` (servers): other servers that are listened to. Beyond it: further ones are passed over. */
export const MAX_SERVERS = 64
/**
 * Limit `servers.clock` (ms): how far the clock of another server may differ. Beyond it: what it says of itself is passed
 * over, as somebody could repeat what was said long ago.
 */
export const MAX_SKEW_MS = 5 * 60_000
/** Servers that went, whose last words do not bring them back. */
const REMEMBERED = 100

/** Servers that are passed over, of which it is said. */
const PASSED_OVER_TOLD = 10

/** Servers that were silent for too long, whose numbers are remembered. */
const SILENT = 1000

interface Known {
  presence: Presence
  heardMs: number
}

export class OtherServers {
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()
  readonly #gone = new Set<string>()
  /** The last number of each server that fell silent, and when it did: what it said before does not bring it back. */
  readonly #silent = new Map<string, { readonly seq: number; readonly sinceMs: number }>()
  /** Those that are passed over: what they are called, why, and when. */
  readonly #passedOver = new Map<
    string,
    { readonly name: string; readonly problem: string; readonly heardMs: number }
  >()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `new`: a server that was not known; a text: why it is passed over. */
  take(presence: Presence): 'new' | 'known' | { readonly problem: string } {
    const { from, seq, at } = presence
    const apartMs = Math.abs(this.#clock.now() - at)
    if (apartMs > MAX_SKEW_MS)
      return this.#passOver(
        presence,
        `its clock and that of this server are ${apartMs} ms apart, more than ${MAX_SKEW_MS} (servers.clock)`,
      )
    const known = this.#known.get(from)
    if (this.#gone.has(from) || seq <= this.#lastSeq(from)) return 'known'
    if (known === undefined && this.alive().length >= MAX_SERVERS)
      return this.#passOver(presence, `${MAX_SERVERS} other servers are known already (servers.known)`)
    this.#passedOver.delete(from)
    this.#silent.delete(from)
    this.#known.set(from, { presence, heardMs: this.#clock.monotonic() })
    return known === undefined ? 'new' : 'known'
  }

  /** The number of what a server said last. What is older than the clocks allow is passed over by its time. */
  #lastSeq(from: string): number {
    const oldest = this.#clock.monotonic() - 2 * MAX_SKEW_MS
    for (const [id, { sinceMs }] of this.#silent) if (sinceMs < oldest) this.#silent.delete(id)
    return (this.#known.get(from)?.presence ?? this.#silent.get(from))?.seq ?? Number.NEGATIVE_INFINITY
  }

  #passOver({ from, name }: Presence, problem: string): { readonly problem: string } {
    if (this.#passedOver.has(from) || this.#passedOver.size < PASSED_OVER_TOLD)
      this.#passedOver.set(from, { name, problem, heardMs: this.#clock.monotonic() })
    return { problem }
  }

  gone(id: string): void {
    this.#known.delete(id)
    this.#passedOver.delete(id)
    this.#gone.add(id)
    if (this.#gone.size > REMEMBERED) this.#gone.delete(this.#gone.values().next().value as string)
  }

  /** Those that have been heard of lately. */
  alive(): readonly Presence[] {
    const oldest = this.#clock.monotonic() - SILENCE_MS
    for (const [id, { presence, heardMs }] of this.#known) {
      if (heardMs >= oldest) continue
      this.#known.delete(id)
      this.#silent.set(id, { seq: presence.seq, sinceMs: heardMs })
      if (this.#silent.size > SILENT) this.#silent.delete(this.#silent.keys().next().value as string)
    }
    return [...this.#known.values()].map(({ presence }) => presence)
  }

  /** Queries of an account that run on them. */
  running(identity: string): number {
    return this.#sum('accounts', accountId(identity))
  }

  /** Failed logins of a user on them within the hour, by `accountId`. */
  failures(account: string): number {
    return this.#sum('failures', account)
  }

  #sum(of: 'accounts' | 'failures', account: string): number {
    let sum = 0
    for (const presence of this.alive()) for (const [one, count] of presence[of]) if (one === account) sum += count
    return sum
  }

  /** Those that run and the last ones that ran there, oldest first. */
  queries(): readonly QueryEntry[] {
    return this.alive()
      .flatMap(({ queries }) => queries)
      .sort((a, b) => a.startedAt - b.startedAt)
  }

  /** What of their queries is not known here, in sentences for the user. */
  missing(): readonly string[] {
    return [
      ...this.alive().flatMap(({ name, left }) =>
        left === 0
          ? []
          : [`${left} running queries of the server ${JSON.stringify(name)} are not listed (servers.record.bytes).`],
      ),
      ...this.passedOver().map(
        ({ name, problem }) => `Queries of the server ${JSON.stringify(name)} are not listed: ${problem}.`,
      ),
    ]
  }

  /** Servers that are there and not listened to, and why. */
  passedOver(): readonly { readonly name: string; readonly problem: string }[] {
    const oldest = this.#clock.monotonic() - SILENCE_MS
    for (const [id, { heardMs }] of this.#passedOver) if (heardMs < oldest) this.#passedOver.delete(id)
    return [...this.#passedOver.values()]
  }

  /** A query was ended there; its server says so with its next presence. */
  ended(query: string): void {
    for (const known of this.#known.values()) {
      const queries = known.presence.queries.filter(({ id, status }) => id !== query || status !== 'Running')
      if (queries.length < known.presence.queries.length) known.presence = { ...known.presence, queries }
    }
  }

  /** The server that says that it runs a query. */
  runs(query: string): Presence | undefined {
    return this.alive().find(({ queries }) => queries.some(({ id, status }) => id === query && status === 'Running'))
  }
}
