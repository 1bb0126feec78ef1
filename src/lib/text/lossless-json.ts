/**
 * JSON without loss: whole numbers beyond ±2⁵³ become bigint when read, and digits when written; and the text of one
 * member, untouched. Works wherever JSON.parse hands the source text to its reviver (Node 22, browsers of 2025);
 * elsewhere such numbers are rounded as JSON.parse always did.
 */

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

function skipString(text: string, at: number): number {
  let i = at + 1
  while (i < text.length && text.charCodeAt(i) !== 34) i += text.charCodeAt(i) === 92 ? 2 : 1
  return i + 1
}

/** The position after the value that begins at `at`. */
function skipValue(text: string, at: number): number {
  let depth = 0
  let i = at
  while (i < text.length) {
    const c = text[i]
    if (c === '"') i = skipString(text, i)
    else {
      if (depth === 0 && (c === ',' || c === '}' || c === ']')) return i
      if (c === '{' || c === '[') depth++
      else if (c === '}' || c === ']') depth--
      i++
      if (depth === 0 && (c === '}' || c === ']')) return i
      continue
    }
    if (depth === 0) return i
  }
  return i
}

/**
 * The text of one member of a JSON object as it stands there: digits, `-128.0`, order and all. undefined when the
 * object has no such member.
 * `text` is valid JSON of an object without white space before the braces and colons (as servers send it, or as
 * JSON.stringify writes it).
 */
export function memberText(text: string, name: string): string | undefined {
  const wanted = JSON.stringify(name)
  let at = text.indexOf('{') + 1
  while (at > 0 && text[at] === '"') {
    const keyEnd = skipString(text, at)
    const valueEnd = skipValue(text, keyEnd + 1)
    if (text.slice(at, keyEnd) === wanted) return text.slice(keyEnd + 1, valueEnd)
    at = text[valueEnd] === ',' ? valueEnd + 1 : 0
  }
  return undefined
}
