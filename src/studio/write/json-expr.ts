/** JSON that was typed as an expression of SQL: every digit of a number stays, objects are structures, lists are arrays. */
import type { Expr } from '../../sql/ast.ts'
import { array, NULL, number, struct, text, truth } from '../topic/search/tree.ts'

/** What is wrong with the text, and at which character (from 0). */
export class JsonFault extends Error {
  readonly at: number
  constructor(message: string, at: number) {
    super(`${message} at character ${at + 1}.`)
    this.at = at
  }
}

/** Not a limit: SQL nests less. */
const MAX_DEPTH = 64

/** Throws a JsonFault. */
export function jsonExpr(source: string): Expr {
  const reader = new Reader(source)
  const value = reader.value(0)
  reader.end()
  return value
}

class Reader {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  end(): void {
    this.#space()
    if (this.#at < this.#source.length) throw this.#fault('Something stands behind the value')
  }

  value(depth: number): Expr {
    this.#space()
    if (depth > MAX_DEPTH) throw this.#fault('JSON is nested too deeply')
    const c = this.#source[this.#at]
    if (c === '{') return this.#object(depth)
    if (c === '[') return this.#list(depth)
    if (c === '"') return text(this.#string())
    for (const [word, expr] of [
      ['true', truth(true)],
      ['false', truth(false)],
      ['null', NULL],
    ] as const)
      if (this.#source.startsWith(word, this.#at)) {
        this.#at += word.length
        return expr
      }
    const [digits] = /^-?\d[\d.eE+-]*/.exec(this.#source.slice(this.#at, this.#at + 400)) ?? []
    const literal = digits === undefined ? undefined : number(digits)
    if (literal === undefined || digits === undefined) throw this.#fault('JSON expected')
    this.#at += digits.length
    return literal
  }

  #object(depth: number): Expr {
    const from = this.#at++
    const fields: [string, Expr][] = []
    const seen = new Set<string>()
    if (this.#accept('}')) throw new JsonFault('An empty object cannot be written by INSERT', from)
    do {
      this.#space()
      if (this.#source[this.#at] !== '"') throw this.#fault('A name in quotes expected')
      const name = this.#string()
      if (seen.has(name)) throw this.#fault(`The name ${JSON.stringify(name)} stands twice`)
      seen.add(name)
      this.#demand(':')
      fields.push([name, this.value(depth + 1)])
    } while (this.#accept(','))
    this.#demand('}')
    return struct(fields)
  }

  #list(depth: number): Expr {
    const from = this.#at++
    const items: Expr[] = []
    if (this.#accept(']')) throw new JsonFault('An empty list cannot be written by INSERT', from)
    do items.push(this.value(depth + 1))
    while (this.#accept(','))
    this.#demand(']')
    return array(items)
  }

  /** Character by character: a pattern keeps a mark for each, and ends in an error at some millions. */
  #closingQuote(): number | undefined {
    for (let at = this.#at + 1; at < this.#source.length; at++) {
      if (this.#source[at] === '\\') at++
      else if (this.#source[at] === '"') return at
    }
    return undefined
  }

  #string(): string {
    const end = this.#closingQuote()
    if (end === undefined) throw this.#fault('The text does not end')
    try {
      const value = JSON.parse(this.#source.slice(this.#at, end + 1)) as string
      this.#at = end + 1
      return value
    } catch {
      throw this.#fault('The text holds what JSON does not allow')
    }
  }

  #accept(sign: string): boolean {
    this.#space()
    if (this.#source[this.#at] !== sign) return false
    this.#at++
    return true
  }
  #demand(sign: string): void {
    if (!this.#accept(sign)) throw this.#fault(`“${sign}” expected`)
  }
  #space(): void {
    while (/\s/.test(this.#source[this.#at] ?? '')) this.#at++
  }
  #fault(message: string): JsonFault {
    return new JsonFault(message, this.#at)
  }
}
