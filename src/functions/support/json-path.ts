/**
 * JsonPath over JSON text: `$.a[*].b`, `$..b`, `[0]`, `[-1]`, `[1:3]`, `['x','y']`, `[?(@.n > 1 && @.s == 'x')]`.
 * Results are pieces of the text, so no digit is lost. There are no functions, no regular expressions and no evaluation
 * of code in a path. The parser is in json-path-parse.ts.
 */
import { forEachMember, jsonValue } from '../../lib/json-read.ts'
import { skipSpace, skipValue } from '../../lib/text/json-walk.ts'
import type { JsonValue } from '../../lib/json-read.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Filter, FilterOperand, JsonPath, Segment, Selector } from './json-path-parse.ts'
import { checkLength } from '../define.ts'
import { ValueError } from '../function.ts'

/** Limit `function.max.json.places` (places): places that one path visits in one document. Beyond it: an error. */
export const MAX_JSON_PLACES = 200_000

/** A value inside the text; `members` is filled on first need. */
interface Place {
  readonly from: number
  readonly to: number
  members?: readonly Member[]
}

interface Member {
  readonly key: string | undefined
  readonly place: Place
}

/**
 * The matches of a path in valid JSON text, in the order of RFC 9535 (a parent's members before their members), at most
 * `limit` of them, each as compact JSON text.
 */
export function findJson(text: string, path: JsonPath, limit: number): string[] {
  const document = new Document(text, path.descends)
  let places: Place[] = [document.root]
  for (const segment of path.segments) {
    places = document.select(places, segment)
    if (places.length === 0) return []
  }
  const out: string[] = []
  let units = 0
  for (const place of places.slice(0, limit)) {
    units += place.to - place.from
    checkLength(units, 'the path') // matches inside matches: together they can be far longer than the document
    out.push(document.textOf(place))
  }
  return out
}

class Document {
  readonly text: string
  readonly root: Place
  #visits = 0

  constructor(text: string, descends: boolean) {
    this.text = text
    const from = skipSpace(text, 0)
    this.root = descends ? indexed(text, from) : { from, to: skipValue(text, from) }
  }

  textOf(place: Place): string {
    const value = jsonValue(this.text, place.from, place.to)
    return value instanceof JsonText ? value.text : this.text.slice(place.from, place.to)
  }

  select(places: readonly Place[], segment: Segment): Place[] {
    const out: Place[] = []
    for (const place of places) {
      for (const base of segment.descend ? this.#withDescendants(place) : [place]) {
        for (const selector of segment.selectors) this.#apply(base, selector, out)
      }
    }
    return out
  }

  #members(place: Place): readonly Member[] {
    this.#visit(1)
    if (place.members === undefined) {
      const members: Member[] = []
      const first = this.text.charCodeAt(place.from)
      if (first === 123 || first === 91) {
        forEachMember(this.text, place.from, (key, from, to) => {
          members.push({ key: key === undefined ? undefined : unquoted(key), place: { from, to } })
        })
      }
      place.members = members
    }
    this.#visit(place.members.length)
    return place.members
  }

  #visit(count: number): void {
    this.#visits += count
    if (this.#visits > MAX_JSON_PLACES)
      throw new ValueError(`the path visits more places than function.max.json.places (default ${MAX_JSON_PLACES})`)
  }

  /** The place and everything in it, parents first. */
  #withDescendants(place: Place): Place[] {
    const out: Place[] = []
    const open = [place]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      out.push(next)
      const members = this.#members(next)
      for (let i = members.length - 1; i >= 0; i--) open.push(members[i].place)
    }
    return out
  }

  #apply(place: Place, selector: Selector, out: Place[]): void {
    const first = this.text.charCodeAt(place.from)
    if (first !== 123 && first !== 91) return
    const members = this.#members(place)
    switch (selector.kind) {
      case 'wildcard':
        for (const member of members) out.push(member.place)
        return
      case 'name': {
        const found = first === 123 ? members.findLast((m) => m.key === selector.name) : undefined
        if (found !== undefined) out.push(found.place)
        return
      }
      case 'index': {
        const found = first === 91 ? members.at(selector.index) : undefined
        if (found !== undefined) out.push(found.place)
        return
      }
      case 'slice':
        if (first === 91) for (const i of sliceIndexes(members.length, selector)) out.push(members[i].place)
        return
      case 'filter':
        for (const member of members) if (this.#holds(selector.filter, member.place)) out.push(member.place)
    }
  }

  #holds(filter: Filter, at: Place): boolean {
    switch (filter.kind) {
      case 'and':
        return filter.operands.every((f) => this.#holds(f, at))
      case 'or':
        return filter.operands.some((f) => this.#holds(f, at))
      case 'not':
        return !this.#holds(filter.operand, at)
      case 'exists':
        return this.#places(filter.path, at).length > 0
      case 'compare':
        return compare(this.#operand(filter.left, at), filter.op, this.#operand(filter.right, at))
    }
  }

  #places(path: JsonPath, at: Place): Place[] {
    let places: Place[] = [path.relative ? at : this.root]
    for (const segment of path.segments) places = this.select(places, segment)
    return places
  }

  /** undefined when a path finds nothing. */
  #operand(operand: FilterOperand, at: Place): JsonValue | undefined {
    if (operand.kind === 'literal') return operand.value
    const [place] = this.#places(operand.path, at)
    return place === undefined ? undefined : jsonValue(this.text, place.from, place.to)
  }
}

/**
 * The whole document as a tree, in one pass without recursion; needed for `..`, which would scan deep texts over and
 * over.
 */
function indexed(text: string, from: number): Place {
  const root: Open = { from, to: text.length, members: [] }
  const open: Open[] = []
  let key: string | undefined
  for (let at = from; at < text.length; ) {
    const code = text.charCodeAt(at)
    const top = open.at(-1)
    if (code === 125 || code === 93) {
      const closed = open.pop()
      if (closed === undefined) break
      closed.to = ++at
      continue
    }
    if (code === 44 || skipSpace(text, at) !== at) {
      at = skipSpace(text, at + 1)
      continue
    }
    if (top !== undefined && key === undefined && text.charCodeAt(top.from) === 123) {
      const end = skipValue(text, at)
      key = text.slice(at, end)
      at = skipSpace(text, skipSpace(text, end) + 1)
      continue
    }
    const place: Open = top === undefined ? root : { from: at, to: at, members: [] }
    top?.members.push({ key: key === undefined ? undefined : unquoted(key), place })
    key = undefined
    if (code === 123 || code === 91) {
      open.push(place)
      at++
    } else {
      place.to = Math.max(skipValue(text, at), at + 1)
      at = place.to
      if (top === undefined) break
    }
  }
  return root
}

interface Open {
  readonly from: number
  to: number
  readonly members: Member[]
}

function unquoted(key: string): string {
  return key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1)
}

function sliceIndexes(
  length: number,
  slice: { readonly from?: number; readonly to?: number; readonly step: number },
): number[] {
  const { step } = slice
  const clamp = (n: number, low: number, high: number): number => Math.min(Math.max(n < 0 ? n + length : n, low), high)
  const out: number[] = []
  if (step > 0) {
    const end = clamp(slice.to ?? length, 0, length)
    for (let i = clamp(slice.from ?? 0, 0, length); i < end; i += step) out.push(i)
  } else if (step < 0) {
    const end = slice.to === undefined ? -1 : clamp(slice.to, -1, length - 1)
    for (let i = slice.from === undefined ? length - 1 : clamp(slice.from, -1, length - 1); i > end; i += step)
      out.push(i)
  }
  return out
}

function compare(left: JsonValue | undefined, op: string, right: JsonValue | undefined): boolean {
  const equal = same(left, right)
  if (op === '==') return equal
  if (op === '!=') return !equal
  if (equal) return op === '<=' || op === '>='
  const comparable = (isNumber(left) && isNumber(right)) || (typeof left === 'string' && typeof right === 'string')
  if (!comparable) return false
  return op.startsWith('<') ? (left as number) < (right as number) : (left as number) > (right as number)
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}

function same(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left instanceof JsonText && right instanceof JsonText) return left.text === right.text
  // biome-ignore lint/suspicious/noDoubleEquals: a number and a bigint of one value are equal
  return isNumber(left) && isNumber(right) ? left == right : left === right
}
