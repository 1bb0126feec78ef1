/**
 * What is checked of an object that a server finds in its store: another version of Sluice, or anybody who may write
 * there, has made it. Whatever passes can be used without another look; what does not is left where it is.
 */
import { formatNamed } from '../formats/format.ts'
import { OBJECT_KINDS, type ObjectKind, queryKey } from './store.ts'

/**
 * Limit `state.object.depth` (levels): arrays and objects inside of each other in what is kept of a view, a declaration
 * and the like. Beyond it: a change is an error, and what somebody else wrote is passed over.
 */
export const MAX_OBJECT_DEPTH = 1000

/** Why a text is no object. */
export const TOO_DEEP = `it is nested too deeply: more than ${MAX_OBJECT_DEPTH} levels (state.object.depth)`

/** Not a limit: characters of what a login or an account is called in a revocation; they have a form of their own. */
const MAX_ID = 64
/** Not a limit: milliseconds from 1970 on that a date can be. */
const MAX_TIME_MS = 8_640_000_000_000_000

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Whether arrays and objects are inside of each other more often than `state.object.depth` allows, in JSON. Reading such
 * a text takes no stack, but whatever writes it again, or walks it, does.
 */
export function isTooDeep(text: Uint8Array): boolean {
  let depth = 0
  let inText = false
  for (let i = 0; i < text.length; i++) {
    const byte = text[i]
    if (inText) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inText = false
    } else if (byte === QUOTE) inText = true
    // [ and {, ] and }
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_OBJECT_DEPTH) return true
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
  return false
}

/** What the JSON text says; undefined: it is none. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Why there can be no such object anywhere; undefined: there can. */
export function placeFault(environment: string, kind: string, name: string): string | undefined {
  if (!isObjectKind(kind)) return 'its key names no kind of object'
  if (kind === 'revocation' && (environment !== '' || name.length > MAX_ID))
    return 'its key is not that of a revocation'
  return undefined
}

/** What is read of an object without another look; more may be in it. */
const SHAPES: Readonly<Record<ObjectKind, (content: Record<string, unknown>, key: string) => boolean>> = {
  view: ({ name, text, sources, owner, createdAt }, key) =>
    name === key && [text, owner].every(isText) && isTexts(sources) && isTime(createdAt),
  synonym: ({ name, target, owner, createdAt }, key) =>
    name === key && [target, owner].every(isText) && isTime(createdAt),
  table: ({ topicId, key, value, keyColumns, valueColumns, subjects }) =>
    [key, value].every(isFormat) &&
    [keyColumns, valueColumns].every((columns) => columns === undefined || isStruct(columns)) &&
    isTexts(subjects) &&
    (topicId === undefined || isText(topicId)),
  note: ({ description, tags }) => (description === null || isText(description)) && isTexts(tags),
  query: ({ name, owner, sql, parameters, shared, sources, savedAt }, key) =>
    isText(name) &&
    isText(owner) &&
    key === queryKey(owner, name) &&
    isText(sql) &&
    isObject(parameters) &&
    Object.values(parameters).every(isText) &&
    typeof shared === 'boolean' &&
    isTexts(sources) &&
    isTime(savedAt),
  revocation: ({ until, before, account }) =>
    isTime(until) &&
    (before === undefined || isTime(before)) &&
    (account === undefined || (isText(account) && account.length <= MAX_ID)),
}

/** Whether a value is the content of such an object, as this version of Sluice can use it. */
export function isContentOf(kind: ObjectKind, name: string, content: unknown): content is Record<string, unknown> {
  return isObject(content) && SHAPES[kind](content, name)
}

/** Whether it names a kind of object. */
export function isObjectKind(value: unknown): value is ObjectKind {
  return (OBJECT_KINDS as readonly string[]).includes(value as string)
}

/** Epoch milliseconds. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MAX_TIME_MS
}
/** Whether it is a text. */
export function isText(value: unknown): value is string {
  return typeof value === 'string'
}
/** Whether it is a list of texts. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}
/** Whether it is an object of JSON. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A format as `CREATE TABLE` writes it down. */
function isFormat(value: unknown): boolean {
  return isText(value) && formatNamed(value) === value
}

/** Kinds of types that have nothing besides. */
const PLAIN = new Set(
  ['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes', 'uuid', 'date'].concat('json'),
)
const UNITS = new Set<unknown>(['millis', 'micros', 'nanos'])

/** Whether it is a `DataType`; as deep as `state.object.depth` at most. */
function isType(value: unknown): boolean {
  if (!isObject(value)) return false
  switch (value['kind']) {
    case 'struct':
      return isStruct(value)
    case 'array':
      return isType(value['element'])
    case 'map':
      return isType(value['value'])
    case 'decimal':
      return [value['precision'], value['scale']].every(
        (digits) => digits === undefined || Number.isSafeInteger(digits),
      )
    case 'time':
    case 'timestamp':
      return UNITS.has(value['unit'])
    default:
      return isText(value['kind']) && PLAIN.has(value['kind'])
  }
}

function isStruct(value: unknown): boolean {
  if (!isObject(value) || value['kind'] !== 'struct' || !Array.isArray(value['fields'])) return false
  return value['fields'].every(
    (field) =>
      isObject(field) && isText(field['name']) && typeof field['nullable'] === 'boolean' && isType(field['type']),
  )
}
