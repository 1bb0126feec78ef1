/**
 * The parts of arrays and structures as comparisons want them: one after the other, and no further than up to the first
 * that differs. What is large and compared with many others (a MAX so far, the value of a subquery) is looked through
 * once: its large parts and the order of its members are kept as long as it lives, in fewer than twice the bytes of its
 * text. Nothing is kept of what is small.
 */
import { jsonValue } from '../../../lib/json-read.ts'
import { skipSpace, skipValue } from '../../../lib/text/json-walk.ts'
import { JsonText } from '../../../lib/json-text.ts'
import type { Value } from '../../../types.ts'

/** Characters of a text, entries of a Map: what is longer is looked through once only. */
export const LARGE = 256

/** A value within a JSON text, or the name of a member; `next`: where the one behind it begins. */
interface Part {
  readonly value: Value
  readonly next: number
}

const knownParts = new WeakMap<JsonText, Map<number, Part>>()
const knownFields = new WeakMap<object, Fields>()

/** The value at `at`, with the white space and the sign around it. */
function partAt(of: JsonText, at: number): Part {
  const parts = of.text.length > LARGE ? knownParts.get(of) : undefined
  const known = parts?.get(at)
  if (known !== undefined) return known
  const { text } = of
  const from = skipSpace(text, at)
  const end = skipValue(text, from)
  const first = text.charCodeAt(from)
  const value = first === 123 || first === 91 ? new JsonText(text.slice(from, end)) : jsonValue(text, from, end)
  const behind = skipSpace(text, end)
  const code = text.charCodeAt(behind)
  const part = { value, next: code === 44 || code === 58 ? skipSpace(text, behind + 1) : behind }
  if (part.next - at > LARGE) {
    if (parts === undefined) knownParts.set(of, new Map([[at, part]]))
    else parts.set(at, part)
  }
  return part
}

/** The items of an array, one after the other. */
export class Items {
  readonly #array: readonly Value[] | undefined
  readonly #text: JsonText | undefined
  #at: number

  constructor(v: Value) {
    this.#array = Array.isArray(v) ? v : undefined
    this.#text = v instanceof JsonText ? v : undefined
    this.#at = this.#text === undefined ? 0 : begin(this.#text)
  }

  /** undefined at the end. */
  next(): Value | undefined {
    if (this.#text === undefined) return this.#array?.[this.#at++]
    if (this.#text.text.charCodeAt(this.#at) === 93) return undefined
    const { value, next } = partAt(this.#text, this.#at)
    this.#at = next
    return value
  }
}

/** Where the first part of an array or object is. */
function begin(of: JsonText): number {
  const parts = of.text.length > LARGE ? knownParts.get(of) : undefined
  const known = parts?.get(-1)
  if (known !== undefined) return known.next
  const open = skipSpace(of.text, 0)
  const next = skipSpace(of.text, open + 1)
  if (next > LARGE) knownParts.set(of, new Map([[-1, { value: null, next }]]))
  return next
}

/** The members of a structure in the order of their names; that in which it has them says nothing. */
export interface Fields {
  readonly count: number
  name(i: number): string
  value(i: number): Value
}

export function fieldsOf(v: Value): Fields {
  if (v instanceof JsonText) return v.text.length > LARGE ? once(v, textFields) : textFields(v)
  return v instanceof Map ? (v.size > LARGE ? once(v, mapFields) : mapFields(v)) : NONE
}

const textFields = (v: JsonText): Fields => new TextFields(v)
const mapFields = (v: ReadonlyMap<string, Value>): Fields => new MapFields(v)

function once<V extends object>(v: V, make: (v: V) => Fields): Fields {
  const known = knownFields.get(v)
  if (known !== undefined) return known
  const made = make(v)
  knownFields.set(v, made)
  return made
}

const NONE: Fields = { count: 0, name: () => '', value: () => null }

class MapFields implements Fields {
  readonly #entries: readonly (readonly [string, Value])[]

  constructor(map: ReadonlyMap<string, Value>) {
    this.#entries = [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  }

  get count(): number {
    return this.#entries.length
  }

  name(i: number): string {
    return this.#entries[i][0]
  }

  value(i: number): Value {
    return this.#entries[i][1]
  }
}

/** Of members with one name the first counts. */
class TextFields implements Fields {
  readonly #of: JsonText
  /** Where the members begin. */
  readonly #places: Int32Array

  constructor(of: JsonText) {
    this.#of = of
    const names = new Map<string, number>()
    for (let at = begin(of); of.text.charCodeAt(at) !== 125; ) {
      const name = partAt(of, at)
      if (!names.has(name.value as string)) names.set(name.value as string, at)
      at = partAt(of, name.next).next
    }
    const sorted = [...names.keys()].sort()
    this.#places = new Int32Array(sorted.length)
    for (let i = 0; i < sorted.length; i++) this.#places[i] = names.get(sorted[i]) as number
  }

  get count(): number {
    return this.#places.length
  }

  name(i: number): string {
    return partAt(this.#of, this.#places[i]).value as string
  }

  value(i: number): Value {
    return partAt(this.#of, partAt(this.#of, this.#places[i]).next).value
  }
}
