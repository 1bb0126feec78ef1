/**
 * One change of an object as a record of the state topic. Key: `["environment","kind","name"]`; value: `{"version",
 * "seen", "by", "over", "content"}`, or a tombstone with the same (but for the content) in its header `change`.
 */
import type { RecordToProduce } from '../../plan/administration.ts'
import { OBJECT_KINDS, type ObjectKind } from '../store.ts'

/** A change, or the object again as a change made it. */
export interface Entry {
  readonly environment: string
  readonly kind: ObjectKind
  readonly name: string
  /** JSON text; undefined: there is no such object any more. */
  readonly content: string | undefined
  /** Names the change. A record with the version that the object has says nothing new. */
  readonly version: string
  /** The version that the author saw; undefined: no object. `any`: it counts whatever was there. */
  readonly seen: string | undefined | typeof ANY
  /** Changes that lost, and that this record is written behind, so that compaction keeps it and not them. */
  readonly over: readonly string[]
  /** The server that wrote it. */
  readonly by: string
}

/** What a tombstone saw that somebody wrote by hand. */
export const ANY: unique symbol = Symbol('any version')

/**
 * Limit `state.object.bytes` (bytes): key, value and headers of one object in the state topic. Beyond it: a change is
 * an error, and a record that somebody else wrote is passed over.
 */
export const MAX_OBJECT_BYTES = 512 * 1024
/** Not a limit: what a repetition may have beside the object, which names the changes that it stands over. */
const OVER_BYTES = 64 * 1024
/** Not a limit: characters of a version or of a server; they are made by servers. */
const MAX_VERSION = 128

/** Not a limit: characters of what a login or an account is called in a revocation; they have a form of their own. */
const MAX_ID = 64

const HEADER = 'change'

/** A record of the topic, as far as it matters here. */
export interface StateRecord {
  readonly offset: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

/** The record of a change. */
export function recordOf(entry: Entry): RecordToProduce {
  const { environment, kind, name, content, version, seen, over, by } = entry
  const about = { version, ...(typeof seen === 'string' ? { seen } : {}), by, ...(over.length === 0 ? {} : { over }) }
  const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
  const key = bytes([environment, kind, name])
  if (content === undefined) return { key, value: null, headers: [{ key: HEADER, value: bytes(about) }], partition: 0 }
  return { key, value: bytes({ ...about, content: JSON.parse(content) }), partition: 0 }
}

/** Bytes of a record: what `state.object.bytes` and `state.bytes` count. */
export function sizeOf({ key, value, headers = [] }: RecordToProduce | StateRecord): number {
  return headers.reduce(
    (sum, header) => sum + header.key.length + (header.value?.length ?? 0),
    (key?.length ?? 0) + (value?.length ?? 0),
  )
}

/** The change that a record is, or why it is none. */
export function entryOf(record: StateRecord): Entry | string {
  if (sizeOf(record) > MAX_OBJECT_BYTES + OVER_BYTES)
    return `it is larger than ${MAX_OBJECT_BYTES} bytes (state.object.bytes)`
  const key = parsed(record.key)
  if (!isTexts(key) || key.length !== 3) return 'its key is not ["environment","kind","name"]'
  const [environment, kind, name] = key
  if (!isObjectKind(kind)) return 'its key names no kind of object'
  if (kind === 'revocation' && (environment !== '' || name.length > MAX_ID))
    return 'its key is not that of a revocation'
  const place = { environment, kind, name }
  if (record.value === null) {
    const header = record.headers.find(({ key: named }) => named === HEADER)
    const about = aboutOf(parsed(header?.value ?? null))
    if (about !== undefined) return { ...place, content: undefined, ...about }
    // By hand: compaction will keep it, so that it has to count.
    return { ...place, content: undefined, version: `offset-${record.offset}`, seen: ANY, over: [], by: '' }
  }
  const value = parsed(record.value)
  const about = aboutOf(value)
  if (about === undefined || !isObject(value)) return 'its value is not {"version", "by", "content"}'
  const content = value['content']
  if (!isContentOf(kind, content)) return `its content is not that of a ${kind}`
  return { ...place, content: JSON.stringify(content), ...about }
}

function aboutOf(value: unknown): Pick<Entry, 'version' | 'seen' | 'over' | 'by'> | undefined {
  if (!isObject(value)) return undefined
  const { version, seen, over = [], by } = value
  if (!isVersion(version) || !isVersion(by) || !isTexts(over) || !over.every(isVersion)) return undefined
  if (seen !== undefined && typeof seen !== 'string') return undefined
  return { version, seen, over, by }
}

/** What is read of an object without another look; more may be in it. */
const SHAPES: Readonly<Record<ObjectKind, (content: Record<string, unknown>) => boolean>> = {
  view: ({ name, text, sources, owner }) => [name, text, owner].every(isText) && isTexts(sources),
  synonym: ({ name, target, owner }) => [name, target, owner].every(isText),
  table: ({ key, value, subjects }) => isText(key) && isText(value) && isTexts(subjects),
  note: ({ description, tags }) => (description === null || isText(description)) && isTexts(tags),
  query: ({ name, owner, sql, parameters, sources }) =>
    [name, owner, sql].every(isText) && isObject(parameters) && isTexts(sources),
  // There may be many of them, so nothing else may be in it.
  revocation: ({ until, before, account, ...rest }) =>
    isTime(until) &&
    (before === undefined || isTime(before)) &&
    (account === undefined || (isText(account) && account.length <= MAX_ID)) &&
    Object.keys(rest).length === 0,
}

function parsed(bytes: Uint8Array | null): unknown {
  if (bytes === null) return undefined
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch {
    return undefined
  }
}

/** Whether a value is the content of such an object, as far as it is read without another look. */
export function isContentOf(kind: ObjectKind, content: unknown): content is Record<string, unknown> {
  return isObject(content) && SHAPES[kind](content)
}

/** Whether it names a kind of object. */
export function isObjectKind(value: unknown): value is ObjectKind {
  return (OBJECT_KINDS as readonly string[]).includes(value as string)
}
/** Epoch milliseconds. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
function isText(value: unknown): value is string {
  return typeof value === 'string'
}
function isVersion(value: unknown): value is string {
  return isText(value) && value.length <= MAX_VERSION
}
function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
