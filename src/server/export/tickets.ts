/**
 * Exports that a browser fetches as a download: what is wanted is left here first, the download is an ordinary address,
 * and what became of it is asked for here, as a page sees neither the trailer nor how far its browser is.
 */
import { randomUUID } from 'node:crypto'
import type { ExportOptions } from '../../export/options.ts'
import type { ExportOutcome } from '../../export/outcome.ts'
import type { Clock } from '../../lib/clock.ts'

/**
 * Limit `export.tickets` (exports): downloads of one account that are waiting, run or have ended and are not forgotten.
 * Beyond it: the oldest one that does not run is forgotten; where all run, HTTP 429.
 */
const MAX_TICKETS = 50
/**
 * Limit `export.tickets.characters` (characters): statements of one account's downloads that wait. Beyond it: the oldest
 * one that waits is forgotten.
 */
const MAX_CHARACTERS = 1_048_576
/** Limit `export.ticket.time` (ms): how long a download may be waited for, and its end asked for. Beyond it: HTTP 404. */
const TICKET_MS = 600_000

/** An export under way. */
export interface RunningExport {
  readonly bytesSent: number
  /** Once it has ended well, or by a limit, or by an error behind its first bytes. */
  readonly outcome: ExportOutcome | undefined
  stop(reason: string): void
}

/** One download, from the wish to its end. */
export interface Ticket {
  readonly id: string
  /** Of the account, as `identityOf` gives it. */
  readonly owner: string
  readonly environment: string
  /** Empty once it has begun. */
  sql: string
  readonly options: ExportOptions
  /** Of the file, without its ending. */
  readonly name: string
  touchedMs: number
  state: 'waiting' | 'running' | 'ended'
  running?: RunningExport
  /** Why it did not begin. */
  refusal?: string
}

/** The downloads of a server. */
export class ExportTickets {
  readonly #clock: Clock
  readonly #tickets = new Map<string, Ticket>()
  /** What the ids of this server begin with, so that those of others are known as such. */
  readonly #mark = randomUUID().slice(0, 8)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** undefined when there are too many of the account. */
  open(wanted: Pick<Ticket, 'owner' | 'environment' | 'sql' | 'options' | 'name'>): Ticket | undefined {
    this.#forgetOld()
    for (;;) {
      const own = [...this.#tickets.values()].filter(({ owner }) => owner === wanted.owner)
      const characters = own.reduce((sum, { sql }) => sum + sql.length, wanted.sql.length)
      const isLong = characters > MAX_CHARACTERS && characters > wanted.sql.length
      if (own.length < MAX_TICKETS && !isLong) break
      const idle = own.find(({ state, sql }) => state !== 'running' && (!isLong || sql !== ''))
      if (idle === undefined) return undefined
      this.#tickets.delete(idle.id)
    }
    const ticket: Ticket = {
      ...wanted,
      id: `${this.#mark}${randomUUID().slice(8)}`,
      touchedMs: this.#clock.monotonic(),
      state: 'waiting',
    }
    this.#tickets.set(ticket.id, ticket)
    return ticket
  }

  /** Of that account in that environment. */
  find(id: string, owner: string, environment: string): Ticket | undefined {
    this.#forgetOld()
    const ticket = this.#tickets.get(id)
    if (ticket?.owner !== owner || ticket.environment !== environment) return undefined
    ticket.touchedMs = this.#clock.monotonic()
    return ticket
  }

  /** Whether this server has given that id; undefined: it is none at all. */
  isOurs(id: string): boolean | undefined {
    return /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(id) ? id.startsWith(this.#mark) : undefined
  }

  #forgetOld(): void {
    const now = this.#clock.monotonic()
    for (const { id, touchedMs, state } of this.#tickets.values())
      if (state !== 'running' && now - touchedMs > TICKET_MS) this.#tickets.delete(id)
  }
}
