/**
 * Signed logins that were ended before their time, on whichever server. They are kept with the objects that servers
 * share, as one of their own kind: `login <id>` ends one login, `account <id>` all logins of an account that are not
 * younger. Each is removed once no such login could be good any more.
 *
 * What an account can cause is bounded: beyond some logouts of single logins its further ones end all of its logins, and
 * of those at most one a second is written.
 */
import type { OwnedStore, StoredObject } from '../../catalog/store.ts'
import { type Clock, sleep, type Timer, TIMED_OUT, within } from '../../lib/clock.ts'
import { UserError } from '../../lib/user-error.ts'
import { ChangeConflict } from '../../plan/administration.ts'
import { LATEST_MS, type LoginClaims, SignedLogins } from './signed-logins.ts'

/**
 * Limit `server.session.revocations` (logouts): of one account that are remembered one by one, until their logins would
 * have expired. Beyond it: a logout ends all logins of the account.
 */
export const MAX_OF_ACCOUNT = 100
/**
 * Limit `server.session.unsaid` (logouts): that could not be written to the state topic and are still to be. Beyond it:
 * the oldest one is over on this server only.
 */
const MAX_UNSAID = 10_000
/**
 * Limit `server.session.revocation.timeout` (ms): how long a logout waits until all servers know it. Beyond it: HTTP 503
 * that says so; it is over here, and the others are told later.
 */
const TELL_MS = 5000
/** How often an account's logins as a whole are ended in the store. */
const MARK_MS = 1000
/** How often what has expired is removed; each server at its own time. */
const SWEEP_MS = 60_000
/** How often it is looked whether what is unsaid can be said by now. */
const SAY_MS = 5000
/** Clocks of servers differ: as much as `servers.clock` allows. */
const SKEW_MS = 5 * 60_000
/** Removed at one time. */
const SWEPT = 200
/** How long a server that stops may take to say what is unsaid. */
const FAREWELL_MS = 1000
/**
 * Limit `server.session.revocations.removed` (revocations): that were removed from the store before their time and are
 * kept here. Beyond it: the one that was removed first is forgotten.
 */
const MAX_REMOVED = 10_000
/**
 * Not a limit: logins that a server has made while it had not read the state topic. Of an older one it is not known
 * until then whether it has ended.
 */
const MAX_OWN = 10_000
/** When several servers end all logins of one account at the same moment. */
const TRIES = 5

type Ended = Pick<LoginClaims, 'id' | 'account' | 'issuedAt'>

interface Revocation {
  /** As the store has it; undefined: not there yet. */
  readonly stored: StoredObject | undefined
  /** Epoch milliseconds until which it is needed. */
  readonly until: number
  /** Of all logins of an account: those issued up to then. */
  readonly before: number
  /** The account of a single login. */
  readonly account: string | undefined
}

/** The content of a revocation, as JSON text. */
interface Content {
  readonly until: number
  readonly before?: number
  readonly account?: string
}

interface Mark {
  before: number
  until: number
  readonly written: Promise<void>
}

/**
 * Whether a login was ended cannot be said yet: the server has not read the state topic since its start. The login may
 * well be good, so this is no refusal of it: HTTP 503, and close code 1013 of a WebSocket.
 */
export class LoginsUnread extends UserError {
  constructor() {
    super(
      'The server has started and not read the state topic yet, so that it does not know which logins have ended. Keep yours, and ask again in a few seconds.',
    )
  }
}

/** Which signed logins are over, as all servers know it. */
export class Revocations {
  readonly #store: OwnedStore
  readonly #clock: Clock
  readonly #lifetimeMs: number
  readonly #startedAt: number
  readonly #kept = new Map<string, Revocation>()
  /** How many single logins of an account are among them. */
  readonly #singles = new Map<string, number>()
  readonly #unsaid = new Map<string, StoredObject>()
  /** Those that are in the store no more, oldest first. */
  readonly #removed = new Set<string>()
  /** Ends of all logins of an account that are about to be written. */
  readonly #marks = new Map<string, Mark>()
  readonly #markedMs = new Map<string, number>()
  readonly #timers: readonly Timer[]
  readonly #closed = new AbortController()
  /** Logins that were made here while nothing was known of those of others. */
  readonly #own = new Set<string>()
  #busy = false
  #changed: () => void = () => undefined

  /** `lifetimeMs`: how long a login is good at most. */
  constructor(store: OwnedStore, clock: Clock, lifetimeMs: number) {
    this.#store = store
    this.#clock = clock
    this.#lifetimeMs = lifetimeMs
    this.#startedAt = clock.now()
    const isOne = ({ kind, opaque }: StoredObject): boolean => kind === 'revocation' && opaque !== true
    for (const object of store.all().filter(isOne)) this.#take(object, true)
    store.follow((object) => {
      if (isOne(object) && this.#take(object, true)) this.#changed()
    })
    this.#timers = [
      clock.every(SWEEP_MS * (1 + Math.random()), () => void this.sweep()),
      clock.every(SAY_MS, () => {
        if (this.#isWritable) void this.#say()
      }),
    ]
  }

  /** Calls `changed` whenever further logins are over. */
  onChange(changed: () => void): void {
    this.#changed = changed
  }

  /**
   * Whether a login was ended. While the objects of all servers have not been read yet, nobody knows it of one that is
   * older than this server, or may be so, as the clock that it was made by may be ahead: throws LoginsUnread.
   */
  isOver(login: Ended): boolean {
    if (this.isEnded(login)) return true
    const mayBeOlder = login.issuedAt <= this.#startedAt + SKEW_MS && !this.#own.has(login.id)
    if (this.#store.wasRead === false && mayBeOlder) throw new LoginsUnread()
    return false
  }

  /** A login was made here, so that it is younger than this server. */
  made({ id }: Pick<LoginClaims, 'id'>): void {
    if (this.#store.wasRead !== false) return
    this.#own.add(id)
    if (this.#own.size > MAX_OWN) this.#own.delete(this.#own.values().next().value as string)
  }

  /**
   * When a login of an account that is made now counts as made; epoch milliseconds. It is younger than those that were
   * ended all together, also where that was done by a clock which is ahead, or within this millisecond.
   */
  madeAt(account: string): number {
    const ended = this.#kept.get(accountKey(account))?.before ?? -1
    return Math.min(Math.max(this.#clock.now(), ended + 1), LATEST_MS)
  }

  /** Whether it is known here that a login was ended. */
  isEnded({ id, account, issuedAt }: Ended): boolean {
    return this.#kept.has(loginKey(id)) || issuedAt <= (this.#kept.get(accountKey(account))?.before ?? -1)
  }

  /**
   * Ends a login, here at once. Resolves when it is over on all servers; rejects with a UserError when they could not be
   * told, which is tried again later.
   */
  async end(login: LoginClaims): Promise<void> {
    const telling = this.isEnded(login) ? this.#untold(login) : this.#tell(login)
    if (telling === undefined) return
    telling.catch(() => undefined)
    const told = await within(telling, { ms: TELL_MS, clock: this.#clock }).catch((cause: unknown) => {
      throw notTold(cause instanceof UserError ? cause.message : 'an error inside')
    })
    if (told === TIMED_OUT) throw notTold(`it takes more than ${TELL_MS} ms (server.session.revocation.timeout)`)
  }

  #tell({ id, account, issuedAt, expiresAt }: LoginClaims): Promise<void> {
    const now = this.#clock.now()
    return (this.#singles.get(account) ?? 0) < MAX_OF_ACCOUNT
      ? this.#write(objectOf(loginKey(id), { until: expiresAt, account }))
      : this.#mark(account, Math.max(now, issuedAt), Math.max(now + this.#lifetimeMs, expiresAt))
  }

  /** Of a login that is over here; undefined: all servers know it. */
  #untold({ id, account }: Ended): Promise<void> | undefined {
    if (this.#kept.get(loginKey(id))?.stored !== undefined) return undefined
    const unsaid = this.#unsaid.get(loginKey(id)) ?? this.#unsaid.get(accountKey(account))
    return this.#marks.get(account)?.written ?? (unsaid && this.#write(unsaid))
  }

  /** Removes what nobody needs any more. */
  async sweep(): Promise<void> {
    await this.#alone(async () => {
      const past = this.#clock.now() - SKEW_MS
      let left = SWEPT
      for (const [name, { stored, until }] of this.#kept) {
        if (until >= past) continue
        if (left === 0) return
        left--
        if (stored === undefined) this.#forget(name)
        else await this.#remove(stored)
      }
    })
  }

  /** Says what is still unsaid. */
  async #say(): Promise<void> {
    await this.#alone(async () => {
      for (const object of [...this.#unsaid.values()]) await this.#write(object)
    })
  }

  get #isWritable(): boolean {
    return (this.#store.condition ?? 'up') === 'up'
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      await work()
    } catch {
      // The store says by its condition that it takes no change; the next time will do.
    } finally {
      this.#busy = false
    }
  }

  /** Says what is unsaid, for a second at most. */
  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    if (this.#unsaid.size > 0 && this.#isWritable) await within(this.#say(), { ms: FAREWELL_MS, clock: this.#clock })
    this.#closed.abort(new Error('the server is stopping'))
  }

  /** All logins of an account; further ones within the same second are written with it. */
  #mark(account: string, before: number, until: number): Promise<void> {
    const object = objectOf(accountKey(account), { until, before })
    if (this.#take(object)) this.#changed()
    const waiting = this.#marks.get(account)
    if (waiting !== undefined) {
      waiting.before = Math.max(waiting.before, before)
      waiting.until = Math.max(waiting.until, until)
      return waiting.written
    }
    const write = async (): Promise<void> => {
      const pauseMs = (this.#markedMs.get(account) ?? Number.NEGATIVE_INFINITY) + MARK_MS - this.#clock.monotonic()
      if (pauseMs > 0) await sleep(this.#clock, pauseMs, this.#closed.signal)
      this.#marks.delete(account)
      this.#markedMs.set(account, this.#clock.monotonic())
      await this.#write(objectOf(accountKey(account), { until: mark.until, before: mark.before }))
    }
    const mark: Mark = { before, until, written: Promise.resolve().then(write) }
    this.#marks.set(account, mark)
    return mark.written
  }

  /** Into memory, then into the store. */
  async #write(object: StoredObject): Promise<void> {
    const { name } = object
    if (this.#take(object)) this.#changed()
    this.#unsaid.delete(name)
    this.#unsaid.set(name, object)
    if (this.#unsaid.size > MAX_UNSAID) this.#unsaid.delete(this.#unsaid.keys().next().value as string)
    const wanted = contentOf(object)?.before ?? 0
    for (let tries = 1; ; tries++) {
      const stored = this.#kept.get(name)?.stored
      // Somebody else may have ended it, or as much of the account, at the same moment.
      if (stored !== undefined && (contentOf(stored)?.before ?? 0) >= wanted) break
      try {
        await this.#store.change(object, stored?.version)
        break
      } catch (cause) {
        if (!(cause instanceof ChangeConflict) || tries === TRIES) throw cause
      }
    }
    if (this.#unsaid.get(name) === object) this.#unsaid.delete(name)
  }

  async #remove(stored: StoredObject): Promise<void> {
    try {
      await this.#store.change({ ...stored, content: undefined }, stored.version)
    } catch (cause) {
      // Another server has removed it.
      if (!(cause instanceof ChangeConflict)) throw cause
    }
  }

  /** Takes over what is about to be written; whether further logins are over by it. */
  #take(object: StoredObject, isStored = false): boolean {
    const { name } = object
    const content = contentOf(object)
    const known = this.#kept.get(name)
    if (content === undefined) {
      // A server whose clock is wrong may have removed it too early: what this one knows stays until its own time.
      if (known === undefined || known.until < this.#clock.now()) this.#forget(name)
      else {
        this.#kept.set(name, { ...known, stored: undefined })
        this.#removed.add(name)
        if (this.#removed.size > MAX_REMOVED) this.#forget(this.#removed.values().next().value as string)
      }
      return false
    }
    this.#removed.delete(name)
    this.#kept.set(name, {
      stored: isStored ? object : known?.stored,
      until: Math.max(content.until, known?.until ?? 0),
      before: Math.max(content.before ?? -1, known?.before ?? -1),
      account: content.account,
    })
    if (known === undefined) this.#count(content.account, 1)
    return known === undefined || (content.before ?? -1) > known.before
  }

  #forget(name: string): void {
    this.#count(this.#kept.get(name)?.account, -1)
    this.#kept.delete(name)
    this.#removed.delete(name)
    this.#unsaid.delete(name)
  }

  #count(account: string | undefined, by: number): void {
    if (account === undefined) return
    const count = (this.#singles.get(account) ?? 0) + by
    if (count > 0) this.#singles.set(account, count)
    else this.#singles.delete(account)
  }
}

/** Logins that are good on all servers with the same key: nothing is kept of them but which were ended. */
export interface SharedLogins {
  readonly signed: SignedLogins
  readonly revocations: Revocations
}

/** undefined where logins are not signed. `lifetimeMs`: how long a login is good at most. */
export function sharedLogins(
  session: { readonly key: readonly string[] } | undefined,
  store: OwnedStore,
  clock: Clock,
  lifetimeMs: number,
): SharedLogins | undefined {
  if (session === undefined) return undefined
  return { signed: new SignedLogins(session.key), revocations: new Revocations(store, clock, lifetimeMs) }
}

const loginKey = (id: string): string => `login ${id}`
const accountKey = (id: string): string => `account ${id}`

/** It belongs to no environment. */
function objectOf(name: string, content: Content): StoredObject {
  return { environment: '', kind: 'revocation', name, content: JSON.stringify(content) }
}

/** The store has checked its shape. */
function contentOf({ content }: StoredObject): Content | undefined {
  return content === undefined ? undefined : (JSON.parse(content) as Content)
}

function notTold(reason: string): UserError {
  return new UserError(
    `The login was ended on this server. The others do not know it yet: ${reason.replace(/\.$/, '')}. They are told as soon as that is possible.`,
  )
}
