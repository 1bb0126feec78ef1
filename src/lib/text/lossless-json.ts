/**
 * JSON without loss: whole numbers beyond ±2⁵³ become bigint when read, and digits when written; and the text of one
 * member, untouched. Works wherever JSON.parse hands the source text to its reviver (Node 22, browsers of 2025);
 * elsewhere such numbers are rounded as JSON.parse always did.
 */
import { skipSpace, skipString, skipValue, stringText, valueStart } from './json-walk.ts'

/** A number of 16 digits or more may be beyond 2⁵³. Text without one needs no second look. */
const LONG_DIGITS = /\d{16}/

interface Source {
  readonly source?: string
}

/** Like JSON.parse; a whole number that a double cannot hold is a bigint. */
export function parseJson(text: string): unknown {
  if (!LONG_DIGITS.test(text)) return JSON.parse(text)
  const revive = (_key: string, value: unknown, context?: Source): unknown => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    const source = context?.source
    return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
  }
  return JSON.parse(text, revive)
}

/** Like JSON.stringify; a bigint is written as a number. */
export function stringifyJson(value: unknown): string {
  const raw = JSON as unknown as { rawJSON?: (text: string) => unknown }
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'bigint' ? (raw.rawJSON?.(String(member)) ?? String(member)) : member,
  )
}

/**
 * The text of one member of a JSON object as it stands there: digits, `-128.0`, order and all. undefined when the
 * object has no such member.
 * `text` is valid JSON of an object.
 */
export function memberText(text: string, name: string): string | undefined {
  const wanted = JSON.stringify(name)
  const open = skipSpace(text, 0)
  if (text[open] !== '{') return undefined
  let at = skipSpace(text, open + 1)
  while (text[at] === '"') {
    const keyEnd = skipString(text, at)
    const start = valueStart(text, keyEnd)
    const end = skipValue(text, start)
    const quoted = text.slice(at, keyEnd)
    if (quoted === wanted || (quoted.includes('\\') && stringText(quoted) === name)) return text.slice(start, end)
    at = skipSpace(text, end)
    if (text[at] !== ',') return undefined
    at = skipSpace(text, at + 1)
  }
  return undefined
}
