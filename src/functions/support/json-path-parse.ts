/** Reads a JsonPath into plain data. Nothing is evaluated here. */
import type { JsonValue } from '../../lib/json-read.ts'
import { jsonNumber, jsonValue } from '../../lib/json-read.ts'
import { ValueError } from '../function.ts'

export interface JsonPath {
  /** `@…` inside a filter: from the element under test; else from the root. */
  readonly relative: boolean
  readonly segments: readonly Segment[]
  /** Somewhere in it stands `..`. */
  readonly descends: boolean
}

export interface Segment {
  readonly descend: boolean
  readonly selectors: readonly Selector[]
}

export type Selector =
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'slice'; readonly from?: number; readonly to?: number; readonly step: number }
  | { readonly kind: 'filter'; readonly filter: Filter }

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Filter[] }
  | { readonly kind: 'not'; readonly operand: Filter }
  | { readonly kind: 'exists'; readonly path: JsonPath }
  | { readonly kind: 'compare'; readonly op: string; readonly left: FilterOperand; readonly right: FilterOperand }

export type FilterOperand =
  | { readonly kind: 'literal'; readonly value: JsonValue }
  | { readonly kind: 'path'; readonly path: JsonPath }

/**
 * Limit `function.max.path.depth` (levels): filters and parentheses inside each other in one path. Beyond it: an error.
 */
const MAX_DEPTH = 50

/** Parses `$.a[*].b`; the `$` may be missing (`a.b`). Throws a ValueError that says where it goes wrong. */
export function parseJsonPath(text: string): JsonPath {
  return new PathParser(text).whole()
}

class PathParser {
  readonly #text: string
  #at = 0
  #depth = 0
  #descends = false

  constructor(text: string) {
    this.#text = text
  }

  whole(): JsonPath {
    this.#space()
    const bare = !this.#take('$')
    const segments =
      bare && !this.#sees('[') && !this.#sees('.')
        ? [{ descend: false, selectors: [this.#dotSelector()] }, ...this.#segments()]
        : this.#segments()
    this.#space()
    if (this.#at < this.#text.length) this.#fail('"." or "["')
    return { relative: false, segments, descends: this.#descends }
  }

  #segments(): Segment[] {
    const segments: Segment[] = []
    for (;;) {
      if (this.#take('..')) {
        this.#descends = true
        segments.push({ descend: true, selectors: this.#take('[') ? this.#brackets() : [this.#dotSelector()] })
      } else if (this.#take('.'))
        segments.push({ descend: false, selectors: this.#take('[') ? this.#brackets() : [this.#dotSelector()] })
      else if (this.#take('[')) segments.push({ descend: false, selectors: this.#brackets() })
      else return segments
    }
  }

  #dotSelector(): Selector {
    if (this.#take('*')) return { kind: 'wildcard' }
    const name = this.#match(/[\p{L}\p{N}_$@-]+/uy)
    if (name === undefined) return this.#fail('a name or "*"')
    if (this.#sees('(')) return this.#fail('no function: a path only points')
    return { kind: 'name', name }
  }

  #brackets(): Selector[] {
    const selectors: Selector[] = []
    do {
      this.#space()
      selectors.push(this.#selector())
      this.#space()
    } while (this.#take(','))
    if (!this.#take(']')) this.#fail('"," or "]"')
    return selectors
  }

  #selector(): Selector {
    if (this.#take('*')) return { kind: 'wildcard' }
    if (this.#take('?')) return { kind: 'filter', filter: this.#nested(() => this.#or()) }
    if (this.#sees("'") || this.#sees('"')) return { kind: 'name', name: this.#string() }
    const from = this.#integer()
    this.#space()
    if (!this.#take(':'))
      return from === undefined
        ? this.#fail('an index, a quoted name, "*", "?" or a slice')
        : { kind: 'index', index: from }
    this.#space()
    const to = this.#integer()
    this.#space()
    const step = this.#take(':') ? (this.#space(), this.#integer()) : 1
    return { kind: 'slice', from, to, step: step ?? 1 }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH)
      throw new ValueError(`the path ${JSON.stringify(this.#text)} is nested deeper than ${MAX_DEPTH}`)
    const result = read()
    this.#depth--
    return result
  }

  #or(): Filter {
    const operands = [this.#and()]
    while (this.#operator('||')) operands.push(this.#and())
    return operands.length === 1 ? operands[0] : { kind: 'or', operands }
  }

  #and(): Filter {
    const operands = [this.#unary()]
    while (this.#operator('&&')) operands.push(this.#unary())
    return operands.length === 1 ? operands[0] : { kind: 'and', operands }
  }

  #unary(): Filter {
    this.#space()
    if (this.#take('!')) return { kind: 'not', operand: this.#nested(() => this.#unary()) }
    if (this.#take('(')) {
      const inner = this.#nested(() => this.#or())
      if (!this.#operator(')')) this.#fail('")"')
      return inner
    }
    const left = this.#operand()
    this.#space()
    const op = this.#match(/==|!=|<=|>=|<|>/y)
    if (op !== undefined) return { kind: 'compare', op, left, right: (this.#space(), this.#operand()) }
    return left.kind === 'path' ? { kind: 'exists', path: left.path } : this.#fail('a comparison')
  }

  #operand(): FilterOperand {
    const relative = this.#take('@')
    if (relative || this.#take('$'))
      return {
        kind: 'path',
        path: { relative, segments: this.#nested(() => this.#segments()), descends: this.#descends },
      }
    if (this.#sees("'") || this.#sees('"')) return { kind: 'literal', value: this.#string() }
    const number = this.#match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y)
    if (number !== undefined) return { kind: 'literal', value: jsonNumber(number) }
    const word = this.#match(/true|false|null/y)
    return word === undefined ? this.#fail('"@", "$" or a literal') : { kind: 'literal', value: jsonValue(word) }
  }

  #integer(): number | undefined {
    const digits = this.#match(/-?\d{1,15}/y)
    return digits === undefined ? undefined : Number(digits)
  }

  #string(): string {
    const written = this.#match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/sy)
    if (written === undefined) return this.#fail('the end of a quoted name')
    return written
      .slice(1, -1)
      .replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_all, code: string) =>
        code.length === 5 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (CONTROLS[code] ?? code),
      )
  }

  #operator(text: string): boolean {
    this.#space()
    return this.#take(text)
  }

  #space(): void {
    this.#match(/\s+/y)
  }

  #sees(text: string): boolean {
    return this.#text.startsWith(text, this.#at)
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false
    this.#at += text.length
    return true
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #fail(expected: string): never {
    throw new ValueError(
      `${JSON.stringify(this.#text)} is not a JsonPath: at position ${this.#at + 1} it needs ${expected}`,
    )
  }
}

const CONTROLS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
