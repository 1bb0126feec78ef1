/**
 * Who is asking: users with a password who log in for a token, service accounts with a token of their own, and what
 * each may see. Tokens are looked up by their hash and never kept as text; wrong logins cost the caller more time with
 * every try.
 */
import { randomUUID } from 'node:crypto'
import { matchesPattern } from '../../catalog/pattern.ts'
import { topicPolicy } from '../../catalog/permissions.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import { type Right, RIGHTS } from '../../plan/administration.ts'
import type { Maxima } from '../../plan/settings.ts'
import type { ServerLimits } from '../limits.ts'
import { Failures } from './failures.ts'
import type { SharedLogins } from './revocations.ts'
import { hashToken, passwordMatches, sameHash } from './secrets.ts'
import { accountId, type LoginClaims } from './signed-logins.ts'

/**
 * What an account may read, and with `rights` what it may change. Names may hold `*` for any run of characters. A rule
 * that denies wins over every rule that allows.
 */
export interface Permission {
  readonly effect: 'allow' | 'deny'
  readonly environments: readonly string[]
  readonly topics: readonly string[]
  /** Default: of a rule that allows `read`, of one that denies all of them. */
  readonly rights?: readonly Right[]
}

/** What the configuration allows an account, itself or through its group. */
export interface AccountLimits {
  /** In place of `max.concurrent.queries.per.user`. */
  readonly queries?: number
  readonly maxima: Maxima
}

/** A user of the configuration, who logs in with a password; `passwordHash` as `hashPassword` makes it. */
export interface UserConfig {
  readonly name: string
  readonly passwordHash: string
  readonly permissions: readonly Permission[]
  readonly limits?: AccountLimits
}

/** A service account of the configuration, which sends its token with every request. */
export interface ServiceAccountConfig {
  readonly name: string
  /** Of the token alone; clients may send `token` or `name:token`. */
  readonly tokenHash: string
  readonly permissions: readonly Permission[]
  readonly limits?: AccountLimits
  /** Epoch milliseconds from which on the token is not good any more. */
  readonly expiresAt?: number
}

/** The account of a request: its name, its kind, and what it may do. */
export interface Account {
  readonly name: string
  readonly kind: 'user' | 'service account'
  readonly permissions: readonly Permission[]
  readonly limits?: AccountLimits
  /** Hash of the token of the login that brought it, or the id of a signed one; what runs by it ends with the logout. */
  readonly login?: string
  /** Of a signed login; epoch milliseconds. */
  readonly loggedInAt?: number
}

/**
 * An account that is not what it was: gone, or its password or token is another (`revoked`), or it may see something
 * else (`changed`).
 */
export interface AccountChange {
  readonly kind: Account['kind']
  readonly name: string
  readonly what: 'revoked' | 'changed'
}

/**
 * Limit `server.login.known` (entries): addresses, and browsers, from which a user has logged in. Beyond it: the one
 * that was used least recently is forgotten.
 */
const MAX_KNOWN = 32
/**
 * Limit `server.login.pending` (logins): logins that are checked or waiting at once. Beyond it: the login is answered
 * with HTTP 429.
 */
const MAX_PENDING = 64
/**
 * Limit `server.login.pending.address` (logins): logins at once from one address that has sent wrong passwords. Beyond
 * it: the login is answered with HTTP 429. So it cannot keep all others out. (Some clients log in for every statement:
 * many correct logins at once.)
 */
const MAX_PENDING_OF_ADDRESS = 8
/** Not a limit: how long an offered code is good. */
const CODE_LIFE_MS = 120_000
/** Checked when the name is unknown, so that an unknown name takes as long as a wrong password. Nobody's hash. */
const NOBODY = 'scrypt:16384:8:1:AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

/** What a login brought: a token, which is longer than any of the words; undefined: wrong name or password. */
export type LoginOutcome = string | 'busy' | 'locked' | 'full' | undefined

/** Whose session it is. */
type Owner = Pick<Account, 'kind' | 'name'>

function serviceAccount({ name, permissions, limits }: ServiceAccountConfig): Account {
  return { name, kind: 'service account', permissions, limits }
}

/** What tells an account from all others: a user and a service account may have the same name. */
export function identityOf({ kind, name }: Pick<Account, 'kind' | 'name'>): string {
  return `${kind} ${name}`
}

function rules(account: Account, environment: string): readonly Permission[] {
  return account.permissions.filter((p) => p.environments.some((e) => matchesPattern(e, environment)))
}

/** Whether anything of the environment may be seen. */
export function mayEnter(account: Account, environment: string): boolean {
  return rules(account, environment).some((p) => p.effect === 'allow')
}

/** Which rights on which topics of an environment. */
export function rightsOf(account: Account, environment: string): (right: Right, topic: string) => boolean {
  const own = rules(account, environment)
  const policies = new Map(RIGHTS.map((right) => [right, topicPolicy(own, right)]))
  return (right, topic) => policies.get(right)?.(topic) === true
}

/**
 * Whether the account has all rights on everything in the environment: those of statements, as groups of consumers are
 * another matter.
 */
export function administers(account: Account, environment: string): boolean {
  const own = rules(account, environment)
  return (
    !own.some((p) => p.effect === 'deny') &&
    RIGHTS.every(
      (right) =>
        right === 'read' ||
        right === 'offsets' ||
        own.some((p) => p.topics.includes('*') && p.rights?.includes(right) === true),
    )
  )
}

function idsOf(
  users: readonly UserConfig[],
  serviceAccounts: readonly ServiceAccountConfig[],
): ReadonlyMap<string, Owner> {
  const owners: Owner[] = [
    ...users.map(({ name }): Owner => ({ kind: 'user', name })),
    ...serviceAccounts.map(({ name }): Owner => ({ kind: 'service account', name })),
  ]
  return new Map(owners.map((owner) => [accountId(identityOf(owner)), owner]))
}

function samePermissions(
  a: { readonly permissions: readonly Permission[] },
  b: { readonly permissions: readonly Permission[] },
): boolean {
  return JSON.stringify(a.permissions) === JSON.stringify(b.permissions)
}

/** Failed logins on other servers. */
export interface OtherFailures {
  /** Of a user, by `accountId`, within the hour. */
  failures(account: string): number
  /** There is one more here. */
  changed(): void
}

/** The accounts of a running server, its logins, and the delays after wrong passwords. Only `login` waits. */
export class Accounts {
  #users: ReadonlyMap<string, UserConfig>
  #serviceAccounts: readonly ServiceAccountConfig[]
  readonly #limits: ServerLimits
  readonly #clock: Clock
  readonly #shared: SharedLogins | undefined
  readonly #others: OtherFailures | undefined
  /** Names of users, and the keys of their failures, that concern whoever is not known by address or browser. */
  readonly #failed = new Map<string, string>()
  /** Accounts by what they are called in signed tokens. */
  #byId: ReadonlyMap<string, Owner>
  /** By token hash, oldest first. */
  readonly #sessions = new Map<string, { readonly owner: Owner; readonly untilMs: number }>()
  /** By hash, codes that were offered and not taken yet. */
  readonly #codes = new Map<string, { readonly owner: Owner; readonly untilMs: number }>()
  readonly #failures: Failures
  /** By user, hashes of addresses and browsers of good logins, the most recently used last. */
  readonly #known = new Map<string, Set<string>>()
  #pending = 0
  readonly #pendingOf = new Map<string, number>()

  constructor(
    users: readonly UserConfig[],
    serviceAccounts: readonly ServiceAccountConfig[],
    limits: ServerLimits,
    clock: Clock,
    shared?: SharedLogins,
    others?: OtherFailures,
  ) {
    this.#others = others
    this.#users = new Map(users.map((user) => [user.name, user]))
    this.#serviceAccounts = serviceAccounts
    this.#shared = shared
    this.#byId = idsOf(users, serviceAccounts)
    this.#limits = limits
    this.#clock = clock
    this.#failures = new Failures(clock)
  }

  /**
   * The account that a token belongs to: of a login, or of a service account as `token` or `name:token`. Throws
   * LoginsUnread where that cannot be said yet.
   */
  byToken(token: string): Account | undefined {
    if (token === '' || token.length > this.#limits['server.max.token.length']) return undefined
    const signed = this.#bySignedToken(token)
    if (signed !== undefined) return signed
    const hash = hashToken(token)
    const session = this.#sessions.get(hash)
    if (session !== undefined) {
      const account = session.untilMs > this.#clock.monotonic() ? this.#owned(session.owner) : undefined
      if (account !== undefined) return { ...account, login: hash }
      this.#sessions.delete(hash)
    }
    let found: Account | undefined
    for (const account of this.#serviceAccounts) {
      const prefix = `${account.name}:`
      const bare = token.startsWith(prefix) ? hashToken(token.slice(prefix.length)) : hash
      if (sameHash(bare, account.tokenHash) && !this.#isExpired(account)) found = serviceAccount(account)
    }
    return found
  }

  #bySignedToken(token: string): Account | undefined {
    const claims = this.#claims(token)
    if (claims === undefined || this.#shared?.revocations.isOver(claims) !== false) return undefined
    const owner = this.#byId.get(claims.account)
    const account = owner && this.#owned(owner)
    return account && { ...account, login: claims.id, loggedInAt: claims.issuedAt }
  }

  /** Of a token that was signed here or by another server and has not expired. */
  #claims(token: string): LoginClaims | undefined {
    const claims = this.#shared?.signed.read(token, (id) => {
      const owner = this.#byId.get(id)
      return owner && this.#credentialOf(owner)
    })
    if (claims === undefined) return undefined
    const untilMs = Math.min(claims.expiresAt, claims.issuedAt + this.#limits['server.session.timeout'])
    return untilMs > this.#clock.now() ? claims : undefined
  }

  /** Whether the login that brought an account was ended, here or on another server. */
  isOver(account: Account): boolean {
    const { login, loggedInAt } = account
    if (login === undefined || loggedInAt === undefined) return false
    const ended = { id: login, account: accountId(identityOf(account)), issuedAt: loggedInAt }
    return this.#shared?.revocations.isEnded(ended) === true
  }

  #credentialOf({ kind, name }: Owner): string | undefined {
    return kind === 'user'
      ? this.#users.get(name)?.passwordHash
      : this.#serviceAccounts.find((account) => account.name === name)?.tokenHash
  }

  /** The account of that identity, as `identityOf` gives it, if there is one. */
  named(identity: string): Account | undefined {
    const owner = this.#byId.get(accountId(identity))
    return owner && this.#owned(owner)
  }

  #isExpired({ expiresAt }: ServiceAccountConfig): boolean {
    return expiresAt !== undefined && expiresAt <= this.#clock.now()
  }

  /** The account of a session, if it is still there. */
  #owned({ kind, name }: Owner): Account | undefined {
    if (kind === 'user') {
      const user = this.#users.get(name)
      return user === undefined ? undefined : { name, kind, permissions: user.permissions, limits: user.limits }
    }
    const account = this.#serviceAccounts.find((a) => a.name === name)
    return account === undefined || this.#isExpired(account) ? undefined : serviceAccount(account)
  }

  /**
   * A session of the service account that the token belongs to, so that a browser need not keep the token itself; `full`
   * when there is no place for one more, undefined when the token is not good. The token of a login is its session
   * already: another one would outlive its logout and its end. Throws as `byToken` does.
   */
  exchange(token: string): LoginOutcome {
    const account = this.byToken(token)
    if (account === undefined) return undefined
    return account.login === undefined ? this.#open(account) : token
  }

  /** A code that opens one session of a user, once, within two minutes. Offered by the demo alone. */
  offer(user: string): string {
    const code = randomUUID()
    this.#codes.set(hashToken(code), {
      owner: { kind: 'user', name: user },
      untilMs: this.#clock.monotonic() + CODE_LIFE_MS,
    })
    return code
  }

  /** The session that an offered code opens; undefined when the code was used, is too old or was never offered. */
  redeem(code: string): LoginOutcome {
    const hash = hashToken(code.slice(0, this.#limits['server.max.token.length']))
    const offered = this.#codes.get(hash)
    this.#codes.delete(hash)
    if (offered === undefined || offered.untilMs <= this.#clock.monotonic()) return undefined
    return this.#owned(offered.owner) === undefined ? undefined : this.#open(offered.owner)
  }

  /**
   * A new token, or what is in its way: a wrong name or password (undefined), too many logins waiting (`busy`), too many
   * failures of the name within the hour (`locked`), no place for one more session (`full`). `address`: the caller's;
   * `device`: what its browser is known by, if it is. Both are remembered of a good login: from there the user is not
   * held up by the failures of others.
   */
  async login(name: string, password: string, address: string, device?: string): Promise<LoginOutcome> {
    const before = this.#pendingOf.get(address) ?? 0
    const ofAddress = hashToken(`address ${address}`)
    const ofDevice = device === undefined ? undefined : hashToken(`device ${device}`)
    // Nobody has such a name or password: the caller pays for the try, and the text itself is not looked at.
    const isLong =
      name.length > this.#limits['server.max.name.length'] ||
      password.length > this.#limits['server.max.password.length']
    const known = isLong ? undefined : this.#knownAs(name, ofAddress, ofDevice)
    const most = known === undefined ? MAX_PENDING : 2 * MAX_PENDING
    if (this.#pending >= most || (before >= MAX_PENDING_OF_ADDRESS && this.#failures.has(ofAddress))) return 'busy'
    if (isLong) {
      this.#failures.add(ofAddress, false)
      return undefined
    }
    const ofName = known === undefined ? hashToken(`name ${name}`) : hashToken(`name ${name} from ${known}`)
    const keys = [ofName, ofAddress]
    const mostFailures = this.#limits['server.max.login.failures']
    const pendingOfName = this.#pendingOf.get(ofName) ?? 0
    const elsewhere =
      known === undefined ? (this.#others?.failures(accountId(identityOf({ kind: 'user', name }))) ?? 0) : 0
    if (this.#failures.ofHour(ofName) + elsewhere + pendingOfName >= mostFailures) return 'locked'
    this.#pending++
    this.#pendingOf.set(address, before + 1)
    this.#pendingOf.set(ofName, pendingOfName + 1)
    try {
      const delayMs = Math.max(...keys.map((key) => this.#failures.delayMs(key)))
      if (delayMs > 0) await sleep(this.#clock, delayMs)
      const user = this.#users.get(name)
      const good = await passwordMatches(password, user?.passwordHash ?? NOBODY)
      // The user may have been removed, or have got another password, in the meantime.
      if (user === undefined || !good || this.#users.get(name)?.passwordHash !== user.passwordHash) {
        const isUser = this.#users.has(name)
        for (const key of keys) this.#failures.add(key, key === ofName && isUser)
        if (isUser && known === undefined) {
          this.#failed.set(name, ofName)
          this.#others?.changed()
        }
        return undefined
      }
      for (const key of keys) this.#failures.good(key)
      this.#remember(name, ofAddress)
      if (ofDevice !== undefined) this.#remember(name, ofDevice)
      return this.#open({ kind: 'user', name })
    } finally {
      this.#pending--
      this.#done(address)
      this.#done(ofName)
    }
  }

  /** At most so many users whose names have failed within the hour, by `accountId`, and how often; the most first. */
  failures(most: number): (readonly [account: string, count: number])[] {
    const all: { readonly name: string; readonly count: number }[] = []
    for (const [name, key] of this.#failed) {
      const count = this.#users.has(name) ? this.#failures.ofHour(key) : 0
      if (count === 0) this.#failed.delete(name)
      else all.push({ name, count })
    }
    return all
      .sort((a, b) => b.count - a.count)
      .slice(0, most)
      .map(({ name, count }) => [accountId(identityOf({ kind: 'user', name })), count])
  }

  #done(key: string): void {
    const left = (this.#pendingOf.get(key) ?? 1) - 1
    if (left === 0) this.#pendingOf.delete(key)
    else this.#pendingOf.set(key, left)
  }

  /** By which of the two the user is known; the browser counts more, as others may share the address. */
  #knownAs(name: string, address: string, device: string | undefined): string | undefined {
    const known = this.#known.get(name)
    if (device !== undefined && known?.has(device) === true) return device
    return known?.has(address) === true ? address : undefined
  }

  #remember(name: string, hash: string): void {
    const known = this.#known.get(name) ?? new Set()
    this.#known.set(name, known)
    known.delete(hash)
    known.add(hash)
    if (known.size > MAX_KNOWN) known.delete(known.values().next().value as string)
  }

  /**
   * Ends a login; undefined when there is none. What it gives is over here at once: `login` is its `Account.login`, and
   * `told` resolves when it is over on all servers, or rejects with a UserError when they could not be told.
   */
  logout(token: string): { readonly login: string; readonly told: Promise<void> } | undefined {
    if (token.length > this.#limits['server.max.token.length']) return undefined
    const claims = this.#claims(token)
    if (claims !== undefined && this.#shared !== undefined)
      return { login: claims.id, told: this.#shared.revocations.end(claims) }
    const login = hashToken(token)
    return this.#sessions.delete(login) ? { login, told: Promise.resolve() } : undefined
  }

  /**
   * Puts other accounts in the place of those that are there, ends the logins of users that are gone or have another
   * password, and says what became of the old ones.
   */
  replace(users: readonly UserConfig[], serviceAccounts: readonly ServiceAccountConfig[]): readonly AccountChange[] {
    const nowMs = this.#clock.now()
    const newUsers = new Map(users.map((user) => [user.name, user]))
    const newServiceAccounts = new Map(serviceAccounts.map((account) => [account.name, account]))
    const changes: AccountChange[] = []
    for (const before of this.#users.values()) {
      const now = newUsers.get(before.name)
      const same = now !== undefined && now.passwordHash === before.passwordHash
      if (!same) changes.push({ kind: 'user', name: before.name, what: 'revoked' })
      else if (!samePermissions(before, now)) changes.push({ kind: 'user', name: before.name, what: 'changed' })
    }
    for (const before of this.#serviceAccounts) {
      const now = newServiceAccounts.get(before.name)
      const ended = now?.expiresAt !== before.expiresAt && (now?.expiresAt ?? Number.POSITIVE_INFINITY) <= nowMs
      if (now === undefined || now.tokenHash !== before.tokenHash || ended)
        changes.push({ kind: 'service account', name: before.name, what: 'revoked' })
      else if (!samePermissions(before, now))
        changes.push({ kind: 'service account', name: before.name, what: 'changed' })
    }
    const revoked = changes.filter((c) => c.what === 'revoked')
    const gone = new Set(revoked.map(identityOf))
    for (const kept of [this.#sessions, this.#codes])
      for (const [hash, { owner }] of kept) if (gone.has(identityOf(owner))) kept.delete(hash)
    // Whoever had the old password may not keep the privilege of an address or browser.
    for (const { kind, name } of revoked) if (kind === 'user') this.#known.delete(name)
    this.#users = newUsers
    this.#serviceAccounts = serviceAccounts
    this.#byId = idsOf(users, serviceAccounts)
    return changes
  }

  /** A session of one account never ends one of another. */
  #open({ kind, name }: Owner): string {
    const credential = this.#credentialOf({ kind, name })
    if (this.#shared !== undefined && credential !== undefined) {
      const { signed, revocations } = this.#shared
      const account = accountId(identityOf({ kind, name }))
      const expiresAt = this.#clock.now() + this.#limits['server.session.timeout']
      const token = signed.sign({ account, issuedAt: revocations.madeAt(account), expiresAt }, credential)
      const claims = signed.read(token, () => credential)
      if (claims !== undefined) revocations.made(claims)
      return token
    }
    const nowMs = this.#clock.monotonic()
    const own: string[] = []
    for (const [hash, session] of this.#sessions) {
      if (session.untilMs <= nowMs) this.#sessions.delete(hash)
      else if (identityOf(session.owner) === identityOf({ kind, name })) own.push(hash)
    }
    const isFull = this.#sessions.size >= this.#limits['server.max.sessions']
    if (isFull && own.length === 0) return 'full'
    if (isFull || own.length >= this.#limits['server.max.sessions.per.user']) this.#sessions.delete(own[0])
    const token = randomUUID()
    this.#sessions.set(hashToken(token), {
      owner: { kind, name },
      untilMs: nowMs + this.#limits['server.session.timeout'],
    })
    return token
  }

  async close(): Promise<void> {
    await this.#shared?.revocations.close()
  }

  /** How many failures are remembered, each in about 150 bytes. */
  get failuresKept(): number {
    return this.#failures.size
  }
}
