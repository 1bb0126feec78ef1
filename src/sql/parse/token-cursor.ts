/**
 * Where the parser stands in the text: the current token, the helpers that take and expect tokens, the depth limit, and
 * the one place where syntax errors get their wording. It knows no grammar.
 */
import { didYouMean, suggestions } from '../../lib/suggest.ts'
import type { Name, Span } from '../ast.ts'
import { SqlError } from '../error.ts'
import { ELSEWHERE, insteadOfWord, RESERVED } from '../keywords.ts'
import { bareNameEnd, excerpt, scanToken } from '../lex.ts'
import type { Token } from '../lex.ts'

/**
 * What bounds a text. The names in messages are `sql.max.length`, `sql.max.depth`, `sql.max.statements` and
 * `sql.max.tokens`.
 */
export interface ParseLimits {
  /** UTF-16 units of the whole text. */
  readonly maxLength: number
  /** Open brackets, operators and queries at one place. Values above 1000 count as 1000: the stack is finite. */
  readonly maxDepth: number
  readonly maxStatements: number
  /**
   * Words, names, literals and symbols of the whole text; rows of VALUES and `;` do not count. What is made of them
   * (names found, code generated) must not keep others waiting.
   */
  readonly maxTokens: number
}
/** The default of every limit. */
export const PARSE_LIMITS: ParseLimits = {
  /** Limit `sql.max.length` (characters): one text of SQL. Beyond it: an error. */
  maxLength: 1024 * 1024,
  /** Limit `sql.max.depth` (levels): open brackets, operators and queries at one place. Beyond it: an error. */
  maxDepth: 200,
  /** Limit `sql.max.statements` (statements): statements of one text. Beyond it: an error. */
  maxStatements: 100,
  /**
   * Limit `sql.max.tokens` (tokens): words, names, literals and symbols of one text; rows of VALUES and `;` do not
   * count. Beyond it: an error.
   */
  maxTokens: 10_000,
}

/** The stack holds about four times as many levels; no setting may go beyond it. */
const HARD_DEPTH = 1000

/** The words of an implicit alias are remembered: a misspelt keyword is first taken for an alias (`FROM t WEHRE …`). */
interface PossibleMistake {
  readonly token: Token
  readonly candidates: readonly string[]
}

export abstract class TokenCursor {
  protected readonly text: string
  protected readonly limits: ParseLimits
  protected token: Token
  /** The last token that was taken; undefined at the beginning. */
  protected previous: Token | undefined
  /** Where the last taken token ends. */
  protected previousEnd = 0
  private depth = 0
  /** Tokens taken that count. */
  protected taken = 0
  private ahead: Token | undefined
  private mistake: PossibleMistake | undefined

  protected constructor(text: string, limits: ParseLimits) {
    if (text.length > limits.maxLength) {
      throw new SqlError(
        'LIMIT',
        `The text is ${text.length} characters long; sql.max.length allows ${limits.maxLength}.`,
      )
    }
    this.text = text
    this.limits = limits
    this.token = this.tokenFrom(0)
  }

  // -------------------------------------------------------------------------------------------- moving

  /** The first token at or after an offset that is not a comment. */
  protected tokenFrom(offset: number): Token {
    let token = scanToken(this.text, offset)
    while (token.kind === 'comment') token = scanToken(this.text, token.end)
    return token
  }

  /** The token after the current one. */
  protected peek(): Token {
    this.ahead ??= this.tokenFrom(this.token.end)
    return this.ahead
  }

  /** Takes the current token. */
  protected advance(): Token {
    const taken = this.token
    if (this.taken++ >= this.limits.maxTokens) {
      this.raise(
        `The text holds more than ${this.limits.maxTokens} words and symbols (sql.max.tokens).`,
        taken,
        'Put long lists into a topic and use IN (SELECT …) or a JOIN.',
        'LIMIT',
      )
    }
    this.previous = taken
    this.previousEnd = taken.end
    this.token = this.ahead ?? this.tokenFrom(taken.end)
    this.ahead = undefined
    return taken
  }

  /** Takes the raw text from the current token up to `end`, whatever tokens it holds. */
  protected takeRaw(end: number): Span & { readonly text: string } {
    const start = this.token.start
    this.previous = undefined
    this.previousEnd = end
    this.ahead = undefined
    this.token = this.tokenFrom(end)
    return { start, end, text: this.text.slice(start, end) }
  }

  /** The span from an offset to the end of the last taken token. */
  protected span(start: number): Span {
    return { start, end: this.previousEnd }
  }

  // -------------------------------------------------------------------------------------------- asking

  protected isWord(word: string): boolean {
    return this.token.upper === word
  }
  protected isSymbol(symbol: string, token: Token = this.token): boolean {
    return token.text === symbol && (token.kind === 'punctuation' || token.kind === 'operator')
  }
  /** A bare word of any sort, or a back-ticked name. */
  protected isName(token: Token = this.token): boolean {
    return token.kind === 'identifier' || token.kind === 'keyword' || token.kind === 'quoted'
  }
  /** The end of the text, or `;`. */
  protected isEnd(): boolean {
    return this.token.kind === 'end' || this.isSymbol(';')
  }

  // -------------------------------------------------------------------------------------------- taking

  protected acceptWord(word: string): boolean {
    if (this.token.upper !== word) return false
    this.advance()
    return true
  }
  protected acceptSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false
    this.advance()
    return true
  }
  protected expectWord(...words: string[]): void {
    for (const word of words) if (!this.acceptWord(word)) this.fail(word, [word])
  }
  protected expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) this.fail(`"${symbol}"`)
  }

  /** item { ',' item } */
  protected commaList<T>(item: () => T): T[] {
    const items = [item()]
    while (this.acceptSymbol(',')) items.push(item())
    return items
  }

  /** Any word, reserved or not, or a back-ticked name. */
  protected name(what: string): Name {
    if (this.token.kind === 'string') {
      this.raise(
        `Expected ${what}, but found ${describe(this.token)}.`,
        this.token,
        `Names stand between back-ticks, not quotes: \`${excerpt(this.token.value)}\`.`,
      )
    }
    if (!this.isName()) this.fail(what)
    return nameOf(this.advance())
  }

  /** path := name { '.' name } */
  protected path(what: string): Name[] {
    const parts = [this.name(what)]
    while (this.acceptSymbol('.')) parts.push(this.fieldName())
    return parts
  }

  /** The name after a dot: any word; but a reserved one only right behind the dot (`SELECT a. FROM t` lacks a name). */
  protected fieldName(): Name {
    if (this.isSymbol('*')) this.raise('A star may stand only as an item of the SELECT list.', this.token)
    if (RESERVED.has(this.token.upper) && this.token.start !== this.previousEnd) this.fail('a field name after "."')
    return this.name('a field name after "."')
  }

  /** tableName := rawName | '`…`' { '.' part }; bare names may hold `-`, `.` and digits: `users-topic`, `orders.v1`. */
  protected tableName(what: string): Name {
    const start = this.token.start
    if (this.isClauseWord()) this.fail(what)
    let text = ''
    let quoted = false
    for (;;) {
      if (this.token.kind === 'quoted') {
        text += this.token.value
        quoted = true
        this.advance()
      } else {
        const end = bareNameEnd(this.text, this.token.start)
        if (end === this.token.start) this.name(what)
        else text += this.takeRaw(end).text
      }
      if (!this.isSymbol('.') || this.token.start !== this.previousEnd) break
      const next = this.peek()
      if (next.start !== this.token.end || (next.kind !== 'quoted' && !quoted)) break
      text += this.advance().text
    }
    return { text, quoted, span: this.span(start) }
  }

  /**
   * True at a bare word that begins a clause here, so that it is no table: reserved words, `GROUP BY`, `LIMIT 5`, `LEFT
   * JOIN`.
   */
  private isClauseWord(): boolean {
    const word = this.token.upper
    const behind = this.text[this.token.end]
    if (word === '' || behind === '-' || behind === '.') return false
    if (RESERVED.has(word)) return true
    const next = this.peek()
    if (word === 'GROUP' || word === 'ORDER') return next.upper === 'BY'
    if (word === 'LIMIT') return next.kind === 'number'
    return JOIN_WORDS.has(word) && next.upper === 'JOIN'
  }

  // -------------------------------------------------------------------------------------------- limits and errors

  /** Goes one level deeper; every `enter` is followed by its `leave` unless an error ends the parse. */
  protected enter(): void {
    const limit = Math.min(this.limits.maxDepth, HARD_DEPTH)
    if (++this.depth > limit) {
      this.raise(
        `The statement nests deeper than sql.max.depth allows (${limit}).`,
        this.token,
        'Use fewer brackets or nested queries.',
        'LIMIT',
      )
    }
  }
  protected leave(): void {
    this.depth--
  }

  /** Remembers a bare word that was taken for an alias and may have been meant as one of `candidates`. */
  protected noteImplicitAlias(token: Token, candidates: readonly string[]): void {
    this.mistake = { token, candidates }
  }

  protected raise(
    message: string,
    span: Span,
    hint?: string,
    code: 'SYNTAX' | 'LIMIT' | 'UNSUPPORTED' = 'SYNTAX',
  ): never {
    throw new SqlError(code, message, { start: span.start, end: span.end }, hint)
  }

  /** `Expected FROM, but found "FORM".` with the nearest of `candidates` as its hint. */
  protected fail(what: string, candidates: readonly string[] = [], hint?: string): never {
    const found = this.token
    if (found.problem !== undefined) this.raise(found.problem.message, found, found.problem.hint)
    const mistake = this.mistake
    if (mistake !== undefined && mistake.token === this.previous) {
      const [meant] = suggestions(mistake.token.text, mistake.candidates, 1)
      if (meant !== undefined)
        this.raise(
          `Expected ${meant}, but found ${describe(mistake.token)}.`,
          mistake.token,
          `Did you mean "${meant}"?`,
        )
    }
    if (this.isEnd())
      this.raise(`Expected ${what}, but the statement ended.`, { start: this.previousEnd, end: this.previousEnd }, hint)
    const guess =
      hint ??
      ELSEWHERE.get(found.upper) ??
      insteadOfWord(found.upper) ??
      (found.upper === '' || candidates.includes(found.upper) ? undefined : didYouMean(found.text, candidates, 1)) ??
      ELSEWHERE.get(this.previous?.upper ?? '')
    this.raise(`Expected ${what}, but found ${describe(found)}.`, found, guess)
  }
}

const JOIN_WORDS: ReadonlySet<string> = new Set(['INNER', 'LEFT', 'RIGHT', 'FULL', 'OUTER', 'CROSS'])

/** The name that a word or a back-ticked token spells. */
export function nameOf(token: Token): Name {
  return { text: token.value, quoted: token.kind === 'quoted', span: { start: token.start, end: token.end } }
}

/** A token for a message: `"FORM"`, `the string 'abc'`. */
export function describe(token: Token): string {
  if (token.kind === 'string') return `the string ${excerpt(token.text)}`
  return token.kind === 'quoted' ? excerpt(token.text) : `"${excerpt(token.text)}"`
}
