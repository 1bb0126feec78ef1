/**
 * One change of an object as a record of the state topic. Key: `["environment","kind","name"]`; value: `{"version",
 * "seen", "by", "over", "content"}`, or a tombstone with the same (but for the content) in its header `change`. What a
 * newer version of Sluice says besides, or in a form that is not known here, is kept as it is.
 */
import { UserError } from '../../lib/user-error.ts'
import type { RecordToProduce } from '../../plan/administration.ts'
import {
  isContentOf,
  isObject,
  isObjectKind,
  isText,
  isTexts,
  isTooDeep,
  parsedJson,
  placeFault,
  TOO_DEEP,
} from '../object-shapes.ts'
import type { ObjectKind } from '../store.ts'

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
  /** What a newer version says besides, of any change: written again as it is. */
  readonly more?: Readonly<Record<string, unknown>>
  /**
   * This version cannot read the object, a newer one has made it: `content` is all that the newer version says of it. It
   * has its place and its version like any other, is not shown, and nobody changes it here.
   */
  readonly opaque?: true
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

/** Not a limit: characters of what a revocation says, which a newer version may add to: there may be many of them. */
const MAX_REVOCATION = 512

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
  const { environment, kind, name, content, version, seen, over, by, more, opaque } = entry
  const own = { version, ...(typeof seen === 'string' ? { seen } : {}), by, ...(over.length === 0 ? {} : { over }) }
  const about = { ...own, ...more }
  const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
  const key = bytes([environment, kind, name])
  if (content === undefined) return { key, value: null, headers: [{ key: HEADER, value: bytes(about) }], partition: 0 }
  const said: unknown = JSON.parse(content)
  return {
    key,
    value: bytes(opaque === true && isObject(said) ? { ...about, ...said } : { ...about, content: said }),
    partition: 0,
  }
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
  const header = record.headers.find(({ key: named }) => named === HEADER)?.value ?? null
  if ([record.key, record.value, header].some((bytes) => bytes !== null && isTooDeep(bytes))) return TOO_DEEP
  const key = parsed(record.key)
  if (!isTexts(key) || key.length !== 3) return 'its key is not ["environment","kind","name"]'
  const [environment, kind, name] = key
  if (!isObjectKind(kind)) return 'its key names no kind of object'
  const fault = placeFault(environment, kind, name)
  if (fault !== undefined) return fault
  const place = { environment, kind, name }
  if (record.value === null) {
    const about = aboutOf(parsed(header))
    if (about !== undefined) return { ...place, content: undefined, ...about.own, ...moreOf(about.rest) }
    // By hand: compaction will keep it, so that it has to count.
    return { ...place, content: undefined, version: `offset-${record.offset}`, seen: ANY, over: [], by: '' }
  }
  const about = aboutOf(parsed(record.value))
  if (about === undefined) return 'its value is not {"version", "by", "content"}'
  const { own, rest } = about
  const all = JSON.stringify(rest)
  const { content, ...more } = rest
  const isUsable = isContentOf(kind, name, content)
  if (kind === 'revocation' && (all.length > MAX_REVOCATION || !isUsable))
    return 'its content is not that of a revocation'
  if (!isUsable) return { ...place, content: all, ...own, opaque: true }
  return { ...place, content: JSON.stringify(content), ...own, ...moreOf(more) }
}

/** The change itself, if everybody who reads its record takes it for what it is. Throws a UserError otherwise. */
export function writable(entry: Entry): Entry {
  const { key, value, headers = [] } = recordOf(entry)
  const back = sizeOf({ key, value, headers }) > MAX_OBJECT_BYTES ? entry : entryOf({ offset: 0, key, value, headers })
  const isWhole = typeof back !== 'string' && back.opaque === entry.opaque
  if (isWhole) return entry
  const reason = typeof back === 'string' ? back : `its content is not that of a ${entry.kind}`
  throw new UserError(`The ${entry.kind} ${JSON.stringify(entry.name)} cannot be kept: ${reason}.`)
}

type About = Pick<Entry, 'version' | 'seen' | 'over' | 'by'>

function aboutOf(value: unknown): { readonly own: About; readonly rest: Record<string, unknown> } | undefined {
  if (!isObject(value)) return undefined
  const { version, seen, over = [], by, ...rest } = value
  if (!isVersion(version) || !isVersion(by) || !isTexts(over) || !over.every(isVersion)) return undefined
  if (seen !== undefined && !isVersion(seen)) return undefined
  return { own: { version, seen, over, by }, rest }
}

function moreOf(more: Record<string, unknown>): Pick<Entry, 'more'> {
  return Object.keys(more).length === 0 ? {} : { more }
}

function parsed(bytes: Uint8Array | null): unknown {
  if (bytes === null) return undefined
  return parsedJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
}

function isVersion(value: unknown): value is string {
  return isText(value) && value.length <= MAX_VERSION
}
