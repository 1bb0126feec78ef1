/**
 * Reads JSON text without losing a digit: integers beyond 2^53 become bigint, objects and arrays stay text
 * (`JsonText`). It works by scanning spans and expects text that is valid JSON (`checkJson` says whether it is); on
 * other text it returns nonsense, but it always ends and never throws. Of duplicate keys nothing is hidden here:
 * callers see all members in order.
 */
import { JsonText } from './json-text.ts'
import { compactJson, skipSpace, skipString, skipValue, valueStart } from './text/json-walk.ts'

/** What a JSON value is at run time. */
export type JsonValue = null | boolean | number | bigint | string | JsonText

/** undefined when the text is one valid JSON value, else the reason in words. */
export function checkJson(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** The value between two positions of valid JSON text; white space around it does not matter. */
export function jsonValue(text: string, from = 0, to = text.length): JsonValue {
  const start = skipSpace(text, from)
  switch (text.charCodeAt(start)) {
    case 123:
    case 91:
      return new JsonText(compactJson(text.slice(start, to)))
    case 34:
      return JSON.parse(text.slice(start, to).trimEnd()) as string
    case 116:
      return true
    case 102:
      return false
    case 110:
      return null
    default:
      return jsonNumber(text.slice(start, to))
  }
}

/** `12` → 12, `9007199254740993` → 9007199254740993n, `1.5e3` → 1500. */
export function jsonNumber(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) || /[.eE]/.test(text) ? number : BigInt(text.trim())
}

/** The elements of a JSON array, as `read` gives them. */
export function jsonElements<V = JsonValue>(
  array: JsonText,
  read: (text: string, from: number, to: number) => V | JsonValue = jsonValue,
): (V | JsonValue)[] {
  const out: (V | JsonValue)[] = []
  const { text } = array
  forEachMember(text, skipSpace(text, 0), (_key, from, to) => {
    out.push(read(text, from, to))
  })
  return out
}

/** The members of a JSON object, as `read` gives them; of duplicate keys the last counts. */
export function jsonMembers<V = JsonValue>(
  object: JsonText,
  read: (text: string, from: number, to: number) => V | JsonValue = jsonValue,
): Map<string, V | JsonValue> {
  const out = new Map<string, V | JsonValue>()
  const { text } = object
  forEachMember(text, skipSpace(text, 0), (key, from, to) => {
    out.set(JSON.parse(key ?? '""') as string, read(text, from, to))
  })
  return out
}

/**
 * Calls `visit` for each member of the object or element of the array at `start`: key as written with quotes (undefined
 * in arrays), span of the value. Returns the end of the container.
 */
export function forEachMember(
  text: string,
  start: number,
  visit: (key: string | undefined, from: number, to: number) => void,
): number {
  const isObject = text.charCodeAt(start) === 123
  let at = skipSpace(text, start + 1)
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === 125 || code === 93) return at + 1
    if (code === 44) {
      at = skipSpace(text, at + 1)
      continue
    }
    let key: string | undefined
    if (isObject) {
      const keyEnd = skipString(text, at)
      key = text.slice(at, keyEnd)
      at = valueStart(text, keyEnd)
    }
    const end = Math.max(skipValue(text, at), at + 1)
    visit(key, at, end)
    at = skipSpace(text, end)
  }
  return at
}
