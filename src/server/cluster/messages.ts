/**
 * What servers say to each other, as records of their topic: how they are and what they run (`presence`), that they go
 * (`gone`), that a query is to be ended (`kill`), and what became of it (`answer`). Whatever is read may come from
 * anybody who may write to the topic: it is bounded and checked here. With a key the records are signed, and only
 * signed ones count.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { QueryEntry, QueryStatus } from '../../engine/queries.ts'
import type { RecordToProduce } from '../../plan/administration.ts'
import { purposeKey } from '../access/signed-logins.ts'

/**
 * Limit `servers.record.bytes` (bytes): one record of the topic of the servers. Beyond it: queries are left out of what a
 * server says of itself, those that ended first; such a record of somebody else is passed over.
 */
export const MAX_RECORD_BYTES = 64 * 1024
/**
 * Limit `servers.accounts` (accounts): whose running queries a server tells the others, those with the most first. Beyond
 * it: queries of the others count on that server alone.
 */
export const MAX_ACCOUNTS = 1000
/**
 * Limit `servers.failures` (users): whose failed logins a server tells the others, those with the most first. Beyond it:
 * failed logins of the others count on that server alone.
 */
export const MAX_FAILED = 200
/**
 * Limit `servers.statement.characters` (characters): text of a statement, or of what became of it, that other servers
 * show. Beyond it: the text is cut there.
 */
export const MAX_TEXT = 1000

/** How a server is. Ids are UUIDs; times are epoch milliseconds. */
export interface Presence {
  readonly kind: 'presence'
  /** Of the server, new with each start. */
  readonly from: string
  /** Goes up with each presence of a server. */
  readonly seq: number
  readonly at: number
  /** For people: host and port. */
  readonly name: string
  readonly since: number
  readonly state: 'ready' | 'draining'
  /** How many queries of an account run there, by `accountId`; those whose clients have stopped reading do not count. */
  readonly accounts: readonly (readonly [account: string, running: number])[]
  /** How often the name of a user failed to log in there within the hour, by `accountId`. */
  readonly failures: readonly (readonly [account: string, count: number])[]
  readonly queries: readonly QueryEntry[]
  /** Running queries that are not among them. */
  readonly left: number
}

export interface Gone {
  readonly kind: 'gone'
  readonly from: string
}

export interface Kill {
  readonly kind: 'kill'
  readonly from: string
  /** Names the question. */
  readonly request: string
  /** The server that is asked; undefined: all of them. */
  readonly to?: string
  readonly query: string
  /** Who asks: as the query's user is told, and by identity. */
  readonly shown: string
  readonly account: string
}

export interface Answer {
  readonly kind: 'answer'
  readonly from: string
  readonly request: string
  readonly outcome: 'ended' | 'absent'
}

export type Message = Presence | Gone | Kill | Answer

const HEADER = 'signature'

/** Writes and reads the records. */
export class Messages {
  readonly #keys: readonly Buffer[]

  /** `secrets`: the first one signs, all of them are good; none: nothing is signed. */
  constructor(secrets: readonly string[] = []) {
    this.#keys = secrets.map((secret) => purposeKey(secret, 'sluice servers'))
  }

  /** Whether only records that are signed say anything. */
  get isSigned(): boolean {
    return this.#keys.length > 0
  }

  recordOf(message: Message): RecordToProduce {
    const value = Buffer.from(JSON.stringify(message))
    const [key] = this.#keys
    const headers = key === undefined ? [] : [{ key: HEADER, value: sign(key, value) }]
    return { key: Buffer.from(message.from), value, headers, partition: 0 }
  }

  /** What a record says, or why it says nothing. */
  messageOf(record: {
    readonly value: Uint8Array | null
    readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  }): Message | string {
    const { value } = record
    if (value === null) return 'it has no value'
    if (value.length > MAX_RECORD_BYTES) return `it is larger than ${MAX_RECORD_BYTES} bytes (servers.record.bytes)`
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    if (this.#keys.length > 0) {
      const given = record.headers.find(({ key }) => key === HEADER)?.value ?? new Uint8Array()
      if (!this.#keys.some((key) => isSame(sign(key, bytes), given)))
        return 'it is not signed with a key of this server (server.session.key)'
    }
    let read: unknown
    try {
      read = JSON.parse(bytes.toString('utf8'))
    } catch {
      return 'it is not JSON'
    }
    return checked(read) ?? 'it is none of the messages that servers send'
  }
}

function sign(key: Buffer, value: Buffer): Buffer {
  return createHmac('sha256', key).update(value).digest()
}

function isSame(a: Buffer, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Nothing of what was read but what is known gets through. */
function checked(read: unknown): Message | undefined {
  if (!isObject(read) || !isId(read['from'])) return undefined
  const { kind, from } = read
  if (kind === 'gone') return { kind, from }
  if (kind === 'presence') return presence(from, read)
  const { request } = read
  if (!isId(request)) return undefined
  if (kind === 'answer') {
    const { outcome } = read
    return outcome === 'ended' || outcome === 'absent' ? { kind, from, request, outcome } : undefined
  }
  if (kind !== 'kill') return undefined
  const { to, query, shown, account } = read
  if (!isId(query) || !isText(shown, 300) || !isText(account, 300) || !(to === undefined || isId(to))) return undefined
  return { kind, from, request, query, shown, account, ...(to === undefined ? {} : { to }) }
}

function presence(from: string, read: Readonly<Record<string, unknown>>): Presence | undefined {
  // Servers of versions before this one say nothing of failures.
  const { seq, at, name, since, state, accounts, failures = [], queries, left } = read
  if (!isCount(seq) || !isCount(at) || !isCount(since) || !isCount(left) || !isText(name, 300)) return undefined
  if (state !== 'ready' && state !== 'draining') return undefined
  if (!isCounts(accounts, MAX_ACCOUNTS) || !isCounts(failures, MAX_FAILED)) return undefined
  if (!Array.isArray(queries)) return undefined
  const entries = queries.map((given) => entryOf(given, name))
  if (!entries.every((entry) => entry !== undefined)) return undefined
  return { kind: 'presence', from, seq, at, name, since, state, accounts, failures, queries: entries, left }
}

function isCounts(value: unknown, most: number): value is [string, number][] {
  return Array.isArray(value) && value.length <= most && value.every(isPlace)
}

function isPlace(value: unknown): value is [string, number] {
  return Array.isArray(value) && value.length === 2 && isText(value[0], 64) && isCount(value[1])
}

const STATUSES: readonly QueryStatus[] = ['Running', 'Completed', 'Killed', 'Error']

function entryOf(given: unknown, server: string): QueryEntry | undefined {
  if (!isObject(given)) return undefined
  const { id, sql, user, account, environment, startedAt, finishedAt, status, message } = given
  const { recordsScanned, bytesRead, rows } = given
  if (!isId(id) || !isText(sql, MAX_TEXT + 1) || !isText(user, 300) || !isText(account, 300)) return undefined
  if (!isText(environment, 300) || !isCount(startedAt)) return undefined
  if (!(finishedAt === undefined || isCount(finishedAt))) return undefined
  if (!(message === undefined || isText(message, MAX_TEXT + 1))) return undefined
  if (!isCount(recordsScanned) || !isCount(bytesRead) || !isCount(rows)) return undefined
  const known = STATUSES.find((word) => word === status)
  if (known === undefined || (known === 'Running') !== (finishedAt === undefined)) return undefined
  return {
    id,
    sql,
    user,
    account,
    environment,
    startedAt,
    status: known,
    recordsScanned,
    bytesRead,
    rows,
    server,
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(message === undefined ? {} : { message }),
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
function isText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length <= most
}
function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value)
}
function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
