/**
 * JSON kept as text, looked into without losing a digit: scalars as values, nested objects and arrays as JsonText. Of members with one name the first counts,
 * here as in the readers of records. It expects valid JSON, as JsonText always is; `parseJson` checks text that comes from elsewhere.
 */
import { checkJson, forEachMember, jsonElements, jsonValue, skipSpace, valueEnd } from '../../lib/json-read.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Value } from '../../types.ts'
import { JSON_LIMIT_DEPTH } from './scan.ts'

/** The value of a JSON text (an object or array as JsonText, repeated keys dropped); undefined when it is not valid JSON, or nested deeper than `JSON_LIMIT_DEPTH`. */
export function parseJson(text: string): Value | undefined {
  if (nesting(text) > JSON_LIMIT_DEPTH || checkJson(text) !== undefined) return undefined
  const value = jsonValue(text)
  return value instanceof JsonText ? new JsonText(firstKeys(value.text)) : value
}

/** The member of that name; null when there is none or when the value is no object. */
export function jsonMember(value: JsonText, name: string): Value {
  const found = findMember(value, name)
  return found === undefined ? null : found
}

/** As `jsonMember`, but undefined when there is no such member: tells it from a member that is null. */
export function findMember(value: JsonText, name: string): Value | undefined {
  if (value.isArray) return undefined
  let found: Value | undefined
  forEachMember(value.text, skipSpace(value.text, 0), (key, from, to) => {
    if (found === undefined && keyOf(key) === name) found = jsonValue(value.text, from, to)
  })
  return found
}

/** The element at the index (from 0); null when there is none or when the value is no array. */
export function jsonElement(value: JsonText, index: number): Value {
  if (!value.isArray) return null
  let i = 0
  let found: Value = null
  forEachMember(value.text, skipSpace(value.text, 0), (_key, from, to) => {
    if (i++ === index) found = jsonValue(value.text, from, to)
  })
  return found
}

/** The elements of an array; undefined for an object. */
export function jsonItems(value: JsonText): Value[] | undefined {
  return value.isArray ? jsonElements(value) : undefined
}

/** The members of an object in order, each name once; undefined for an array. */
export function jsonEntries(value: JsonText): [string, Value][] | undefined {
  if (value.isArray) return undefined
  const entries = new Map<string, Value>()
  forEachMember(value.text, skipSpace(value.text, 0), (key, from, to) => {
    const name = keyOf(key)
    if (!entries.has(name)) entries.set(name, jsonValue(value.text, from, to))
  })
  return [...entries]
}

function keyOf(quoted: string | undefined): string {
  const key = quoted ?? '""'
  return key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1)
}

/** The same JSON value with every object showing the first of members with one name only. Text without repeated keys comes back as it is. */
export function firstKeys(text: string): string {
  const start = skipSpace(text, 0)
  const first = text.charCodeAt(start)
  if (first !== 123 && first !== 91) return text
  const parts: string[] = []
  const seen = new Set<string>()
  let changed = false
  forEachMember(text, start, (key, from, to) => {
    if (first === 123) {
      const name = keyOf(key)
      if (seen.has(name)) {
        changed = true
        return
      }
      seen.add(name)
    }
    const inner = text.slice(from, to)
    const kept = firstKeys(inner)
    if (kept !== inner) changed = true
    parts.push(first === 123 ? `${key}:${kept}` : kept)
  })
  if (!changed) return text
  return first === 123 ? `{${parts.join(',')}}` : `[${parts.join(',')}]`
}

/** How deep objects and arrays are nested. */
function nesting(text: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 34) at = valueEnd(text, at) - 1
    else if (code === 123 || code === 91) deepest = Math.max(deepest, ++depth)
    else if (code === 125 || code === 93) depth--
  }
  return deepest
}
