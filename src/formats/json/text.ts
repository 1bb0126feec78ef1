/**
 * JSON kept as text, looked into without losing a digit: scalars as values, nested objects and arrays as JsonText. Of
 * members with one name the first counts, here as in the readers of records. It expects valid JSON, as JsonText always
 * is; `parseJson` checks text that comes from elsewhere.
 */
import { checkJson, forEachMember, jsonElements, jsonValue } from '../../lib/json-read.ts'
import { skipSpace, skipValue } from '../../lib/text/json-walk.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Value } from '../../types.ts'
import { JSON_LIMIT_DEPTH } from './scan.ts'

/**
 * The value of a JSON text (an object or array as JsonText, repeated keys dropped); undefined when it is not valid
 * JSON, or nested deeper than `JSON_LIMIT_DEPTH`.
 */
export function parseJson(text: string): Value | undefined {
  if (nesting(text) > JSON_LIMIT_DEPTH || checkJson(text) !== undefined) return undefined
  const value = jsonValue(text)
  return value instanceof JsonText ? new JsonText(firstKeys(value.text)) : value
}

/** Makes the value of a stretch of JSON text. */
export type ReadValue = (text: string, from: number, to: number) => Value

/** The member of that name; null when there is none or when the value is no object. */
export function jsonMember(value: JsonText, name: string, read: ReadValue = jsonValue): Value {
  const found = findMember(value, name, read)
  return found === undefined ? null : found
}

/** As `jsonMember`, but undefined when there is no such member: tells it from a member that is null. */
export function findMember(value: JsonText, name: string, read: ReadValue = jsonValue): Value | undefined {
  if (value.isArray) return undefined
  let found: Value | undefined
  forEachMember(value.text, skipSpace(value.text, 0), (key, from, to) => {
    if (found === undefined && keyOf(key) === name) found = read(value.text, from, to)
  })
  return found
}

/** The element at the index (from 0); null when there is none or when the value is no array. */
export function jsonElement(value: JsonText, index: number, read: ReadValue = jsonValue): Value {
  if (!value.isArray) return null
  let i = 0
  let found: Value = null
  forEachMember(value.text, skipSpace(value.text, 0), (_key, from, to) => {
    if (i++ === index) found = read(value.text, from, to)
  })
  return found
}

/** The elements of an array; undefined for an object. */
export function jsonItems(value: JsonText, read: ReadValue = jsonValue): Value[] | undefined {
  return value.isArray ? jsonElements(value, read) : undefined
}

function keyOf(quoted: string | undefined): string {
  const key = quoted ?? '""'
  return key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1)
}

/**
 * The same JSON value with every object showing the first of members with one name only. Text without repeated keys
 * comes back as it is. One pass, whatever the nesting.
 */
export function firstKeys(text: string): string {
  const copier = new FirstKeys(text)
  copier.value(skipSpace(text, 0))
  return copier.result()
}

class FirstKeys {
  readonly #text: string
  readonly #parts: string[] = []
  /** Everything before is in `parts` or dropped. */
  #kept = 0
  constructor(text: string) {
    this.#text = text
  }

  result(): string {
    return this.#kept === 0 ? this.#text : this.#parts.join('') + this.#text.slice(this.#kept)
  }

  /** Goes over the value at `at`; the result is the position behind it. */
  value(at: number): number {
    const first = this.#text.charCodeAt(at)
    return first === 123 || first === 91 ? this.#container(at, first === 123) : skipValue(this.#text, at)
  }

  #container(at: number, isObject: boolean): number {
    const text = this.#text
    const seen = new Set<string>()
    let end = at + 1
    for (;;) {
      let next = skipSpace(text, end)
      if (text.charCodeAt(next) === 44) next = skipSpace(text, next + 1)
      const code = text.charCodeAt(next)
      if (code === 125 || code === 93 || next >= text.length) return next + 1
      let repeated = false
      if (isObject) {
        const keyEnd = skipValue(text, next)
        const name = keyOf(text.slice(next, keyEnd))
        repeated = seen.has(name)
        seen.add(name)
        next = skipSpace(text, skipSpace(text, keyEnd) + 1)
      }
      const behind = repeated ? skipValue(text, next) : this.value(next)
      if (repeated) {
        // The comma before the member goes with it: a repeated member is never the first.
        this.#parts.push(text.slice(this.#kept, end))
        this.#kept = behind
      }
      end = Math.max(behind, end + 1)
    }
  }
}

/** How deep objects and arrays are nested. */
function nesting(text: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 34) at = skipValue(text, at) - 1
    else if (code === 123 || code === 91) deepest = Math.max(deepest, ++depth)
    else if (code === 125 || code === 93) depth--
  }
  return deepest
}
