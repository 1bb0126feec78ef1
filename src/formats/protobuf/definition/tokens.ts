/**
 * Splits .proto text into tokens, one at a time, with a look ahead. Comments and white space are skipped; it knows
 * nothing of the grammar. Every character is looked at a fixed number of times: a comment or a string without its end
 * is an error where it begins, and no search for the end is made twice.
 */

export type Token =
  | { readonly kind: 'name'; readonly text: string; readonly at: number }
  | { readonly kind: 'number'; readonly text: string; readonly at: number }
  /** Escapes replaced; each character is one byte or one character of the source. */
  | { readonly kind: 'string'; readonly text: string; readonly at: number }
  | { readonly kind: 'mark'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number }

const PASSED = /[\s\ufeff]+|\/\/[^\n]*/y
/** Names may have dots inside, and one in front. */
const NAME = /\.?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y
const NUMBER = /0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?f?/y
/** Up to the first character that no string can go on with. */
const STRING = /"([^"\\\n]*(?:\\[\s\S][^"\\\n]*)*)("?)|'([^'\\\n]*(?:\\[\s\S][^'\\\n]*)*)('?)/y

/** A comment or a string has no end. */
export class UnclosedError extends Error {
  readonly at: number
  constructor(what: string, at: number) {
    super(`the ${what} that begins here is not closed`)
    this.at = at
  }
}

export class Tokens {
  readonly #text: string
  #at = 0
  readonly #ahead: Token[] = []
  constructor(text: string) {
    this.#text = text
  }

  /** The token `n` places ahead, without taking it. */
  peek(n = 0): Token {
    while (this.#ahead.length <= n) this.#ahead.push(this.#read())
    return this.#ahead[n]
  }

  next(): Token {
    return this.#ahead.shift() ?? this.#read()
  }

  /** Whether the next token is that mark or name. */
  is(text: string): boolean {
    const token = this.peek()
    return token.text === text && (token.kind === 'mark' || token.kind === 'name')
  }

  /** Takes the next token when it is that mark or name. */
  accept(text: string): boolean {
    if (!this.is(text)) return false
    this.next()
    return true
  }

  /** Line of a position, from 1. */
  line(at: number): number {
    let line = 1
    for (let i = this.#text.indexOf('\n'); i >= 0 && i < at; i = this.#text.indexOf('\n', i + 1)) line++
    return line
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found !== null) this.#at = pattern.lastIndex
    return found
  }

  /** White space and comments. */
  #pass(): void {
    for (;;) {
      if (this.#match(PASSED) !== null) continue
      if (!this.#text.startsWith('/*', this.#at)) return
      const end = this.#text.indexOf('*/', this.#at + 2)
      if (end < 0) throw new UnclosedError('comment', this.#at)
      this.#at = end + 2
    }
  }

  #read(): Token {
    this.#pass()
    const at = this.#at
    if (at >= this.#text.length) return { kind: 'end', text: '', at }
    const name = this.#match(NAME)
    if (name !== null) return { kind: 'name', text: name[0], at }
    const number = this.#match(NUMBER)
    if (number !== null) return { kind: 'number', text: number[0], at }
    const string = this.#match(STRING)
    if (string !== null) {
      if ((string[2] ?? string[4]) === '') throw new UnclosedError('string', at)
      return { kind: 'string', text: unescaped(string[1] ?? string[3] ?? ''), at }
    }
    this.#at++
    return { kind: 'mark', text: this.#text[at], at }
  }
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g,
    (_all, octal, hex, short, long, letter) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255)
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      if (short !== undefined) return String.fromCharCode(Number.parseInt(short, 16))
      if (long !== undefined) return String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(long, 16)))
      return ESCAPES[letter] ?? letter
    },
  )
}
