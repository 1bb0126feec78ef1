/**
 * The forms of an expression that hold no other expression: moments, typed literals, intervals, columns, names of
 * types; and whether a query begins somewhere. What cannot be an expression is refused here, with a hint.
 */
import type { Expr, TypeName } from '../ast.ts'
import { didYouMean } from '../../lib/suggest.ts'
import { INTERVAL_UNITS, intervalsText, intervalText, isIntervalUnit } from '../interval.ts'
import { insteadOfWord, RESERVED, SAME_TYPES, TYPE_NAMES } from '../keywords.ts'
import { bareNameEnd } from '../lex.ts'
import type { Token } from '../lex.ts'
import { describe, nameOf, TokenCursor } from './token-cursor.ts'

/** What `ExpressionParser` stands on. */
export abstract class LiteralParser extends TokenCursor {
  protected failQuantifier(token: Token, next: Token): never {
    const query = this.beginsQuery(this.tokenFrom(next.end))
    this.raise(
      `${token.upper} ${query ? '(SELECT …)' : '(…)'} is not offered.`,
      token,
      query ? 'Use IN (SELECT …), or MAX and MIN in the query.' : 'For an array use IN_ARRAY(x, array).',
      'UNSUPPORTED',
    )
  }

  /** moment := CURRENT_TIMESTAMP | CURRENT_DATE | … [ '(' ')' ] */
  protected moment(): Expr {
    const token = this.advance()
    const span = this.span(token.start)
    if (this.acceptSymbol('(')) {
      if (this.token.kind === 'number')
        this.raise(
          `${token.upper} takes no number of digits.`,
          this.token,
          `Write ${token.upper} alone: it is in milliseconds.`,
        )
      this.expectSymbol(')')
    }
    return { kind: 'moment', word: token.text, span }
  }

  /** DATE '2024-03-09': the text, cast. */
  protected typedLiteral(): Expr {
    const word = this.advance()
    const text = this.advance()
    const type: TypeName = {
      name: word.upper === 'DATETIME' ? 'timestamp' : word.upper.toLowerCase(),
      arrayDepth: 0,
      span: { start: word.start, end: word.end },
    }
    return {
      kind: 'cast',
      operand: { kind: 'string', value: text.value, span: { start: text.start, end: text.end } },
      type,
      span: this.span(word.start),
    }
  }

  /** interval := INTERVAL ( 'n' | n ) unit | INTERVAL 'n unit …': a text such as "90m". */
  protected interval(): Expr {
    const start = this.advance().start
    const amount = this.advance()
    const written = amount.kind === 'string' ? amount.value : amount.text
    const bare = /^\s*\d+\s*$/.test(written)
    const value =
      bare && isIntervalUnit(this.token.text)
        ? intervalText(written, this.advance().text)
        : bare
          ? undefined
          : intervalsText(written)
    if (value === undefined)
      return this.raise(
        'This is no interval.',
        this.span(start),
        `Write INTERVAL '90' MINUTE, or the duration alone: "90m". The units are ${INTERVAL_UNITS}.`,
      )
    return { kind: 'string', value, span: this.span(start) }
  }

  protected failExpression(): never {
    const before = this.previous
    const after =
      before === undefined || before.kind === 'string'
        ? ''
        : ` after ${before.upper !== '' && RESERVED.has(before.upper) ? before.upper : describe(before)}`
    const comma = this.isWord('FROM') && before?.text === ','
    this.fail(`an expression${after}`, [], this.nameHint() ?? (comma ? 'Leave out the comma before FROM.' : undefined))
  }

  /** Back-ticks, where a reserved word may have been meant as a name. */
  private nameHint(): string | undefined {
    const ticks = (token: Token): string => `A column of that name needs back-ticks: \`${token.text}\`.`
    const instead = insteadOfWord(this.token.upper)
    if (instead !== undefined) return `${instead} ${ticks(this.token)}`
    if (RESERVED.has(this.token.upper) && NAME_FOLLOWERS.has(this.peek().text.toUpperCase())) return ticks(this.token)
    // SELECT all FROM t
    return this.previous?.upper === 'ALL' ? ticks(this.previous) : undefined
  }

  /** column := name { '.' name } */
  protected column(): Expr {
    const start = this.token.start
    const parts = [nameOf(this.advance())]
    while (this.acceptSymbol('.')) parts.push(this.fieldName())
    return { kind: 'column', parts, span: this.span(start) }
  }

  /** True at SELECT, or at WITH name AS (WITH alone is an ordinary name). */
  protected beginsQuery(token: Token): boolean {
    if (token.upper !== 'WITH') return token.upper === 'SELECT'
    let behind = this.tokenFrom(token.end)
    if (behind.kind === 'quoted') {
      behind = this.tokenFrom(behind.end)
      while (this.isSymbol('.', behind)) behind = this.tokenFrom(this.tokenFrom(behind.end).end)
    } else behind = this.tokenFrom(bareNameEnd(this.text, behind.start))
    return behind.upper === 'AS'
  }

  /** True when a query stands at an offset, behind any number of opening brackets. */
  protected queryBehind(offset: number): boolean {
    let token = this.tokenFrom(offset)
    while (this.isSymbol('(', token)) token = this.tokenFrom(token.end)
    return this.beginsQuery(token)
  }

  /** type := word [ PRECISION ] [ '(' int [ ',' int ] ')' ] { '[' ']' } */
  protected typeName(): TypeName {
    const token = this.token
    const written = this.name('a type').text.toLowerCase()
    const name = SAME_TYPES.get(written) ?? written
    if (written === 'double') this.acceptWord('PRECISION')
    if (!TYPE_NAMES.has(name)) {
      const hint =
        didYouMean(name, TYPE_NAMES) ?? FOREIGN_TYPES.get(name) ?? `The types are ${[...TYPE_NAMES].join(', ')}.`
      this.raise(`Unknown type ${describe(token)}.`, token, hint)
    }
    let precision: number | undefined
    let scale: number | undefined
    if (this.isSymbol('(')) {
      if (name !== 'decimal') {
        const hint =
          name === 'string'
            ? 'A text may be of any length; SUBSTRING(x, 0, n) cuts it.'
            : 'Only decimal takes numbers: decimal(10, 2).'
        this.raise(`The type ${written} takes no length.`, this.token, hint)
      }
      this.advance()
      precision = this.wholeNumber('the precision')
      if (this.acceptSymbol(',')) scale = this.wholeNumber('the scale')
      this.expectSymbol(')')
    }
    let arrayDepth = 0
    while (this.acceptSymbol('[')) {
      this.expectSymbol(']')
      arrayDepth++
    }
    return { name, precision, scale, arrayDepth, span: this.span(token.start) }
  }

  /** A whole number from 0 to 2^53 - 1. */
  protected wholeNumber(what: string): number {
    const token = this.token
    if (token.kind !== 'number') this.fail(`a whole number for ${what}`)
    const value = Number(token.text)
    if (!/^\d+$/.test(token.text) || !Number.isSafeInteger(value)) {
      this.raise(`Expected a whole number for ${what}, but found ${describe(token)}.`, token)
    }
    this.advance()
    return value
  }
}

/** What follows a name rather than a keyword: a hint about back-ticks is only given before one of these. */
const NAME_FOLLOWERS: ReadonlySet<string> = new Set([
  ',',
  '.',
  '=',
  '!=',
  '<>',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '/',
  '%',
  ')',
  ']',
  'FROM',
  'AS',
  'IS',
  'IN',
  'LIKE',
  'BETWEEN',
])
const FOREIGN_TYPES: ReadonlyMap<string, string> = new Map([
  ['number', 'Use long, double or decimal.'],
  ['short', 'Use int.'],
  ['datetime', 'Use timestamp.'],
  ['binary', 'Use bytes.'],
  ['blob', 'Use bytes.'],
])
