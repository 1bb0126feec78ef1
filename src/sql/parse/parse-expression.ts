/**
 * Expressions: precedence climbing over the table in `precedence.ts`, chains of operators in a loop (not in recursion),
 * one method per form. It does not resolve names and does not check functions or types. Queries inside of expressions
 * are parsed by the subclass in `parse-query.ts`.
 */
import type { BinaryOp, Case, Expr, Query } from '../ast.ts'
import { insteadOfWord, MOMENTS, RESERVED } from '../keywords.ts'
import type { Token } from '../lex.ts'
import { BINARY_PRECEDENCE, PRECEDENCE } from '../precedence.ts'
import { LiteralParser } from './parse-literal.ts'
import { nameOf } from './token-cursor.ts'

const OPERATOR_OF: ReadonlyMap<string, BinaryOp> = new Map<string, BinaryOp>([
  ...(Object.keys(BINARY_PRECEDENCE) as BinaryOp[])
    .filter((op) => op !== 'or' && op !== 'and')
    .map((op) => [op, op] as const),
  ['<>', '!='],
])
/** The words that begin a comparison, after an optional NOT. */
export const COMPARISON_WORDS: ReadonlySet<string> = new Set(['IS', 'IN', 'LIKE', 'BETWEEN'])

/** Standard SQL's calls with a FROM inside, and what to write here. */
const FROM_IN_CALL: ReadonlyMap<string, string> = new Map([
  ['EXTRACT', 'Write YEAR(x), MONTH(x), DAY(x), HOUR(x), MINUTE(x), SECOND(x) or WEEK(x).'],
  ['SUBSTRING', 'Write SUBSTRING(text, start, end): counted from 0, without the end.'],
  ['TRIM', 'Write TRIM(text), LTRIM(text) or RTRIM(text).'],
])

export abstract class ExpressionParser extends LiteralParser {
  /** query, with the current token at its first word. */
  protected abstract query(): Query
  /** True where a query in parentheses, already taken, goes on: UNION, ORDER BY, LIMIT … */
  protected abstract atQueryTail(): boolean
  /** The rest of a query whose first operand was already read in its parentheses. */
  protected abstract queryFrom(first: Query, start: number): Query

  // -------------------------------------------------------------------------------------------- operators

  /** expr := prefix { infix }, only operators that bind at least as tightly as `min`. */
  protected expression(min: number = PRECEDENCE.or): Expr {
    const start = this.token.start
    return this.infixes(this.prefix(min), start, min)
  }

  /** An operand one level deeper. */
  private operand(min: number): Expr {
    this.enter()
    const operand = this.expression(min)
    this.leave()
    return operand
  }

  /** { infix }: left-associative, in a loop, so that long chains cost no stack. */
  protected infixes(first: Expr, start: number, min: number): Expr {
    let left = first
    let compared = false
    for (;;) {
      const op = this.binaryOperator()
      const comparing = op === undefined ? this.atComparisonWord() : BINARY_PRECEDENCE[op] === PRECEDENCE.comparison
      if (op === undefined && !comparing) return left
      const level = op === undefined ? PRECEDENCE.comparison : BINARY_PRECEDENCE[op]
      if (level < min) return left
      // IS refers to all that stands before it: a = b IS TRUE.
      if (comparing && compared && !this.isWord('IS')) {
        this.raise(
          'Comparisons cannot be chained.',
          this.token,
          'Join them with AND, or put one of them between parentheses.',
        )
      }
      compared = comparing
      left = op === undefined ? this.wordComparison(left, start) : this.binary(left, op, level, start)
    }
  }

  private binaryOperator(): BinaryOp | undefined {
    if (this.token.kind === 'operator') return OPERATOR_OF.get(this.token.text)
    if (this.token.upper === 'AND') return 'and'
    return this.token.upper === 'OR' ? 'or' : undefined
  }

  private binary(left: Expr, op: BinaryOp, level: number, start: number): Expr {
    const at = this.advance()
    const right = this.operand(level + 1)
    return { kind: 'binary', op, left, right, opSpan: { start: at.start, end: at.end }, span: this.span(start) }
  }

  private atComparisonWord(): boolean {
    if (COMPARISON_WORDS.has(this.token.upper) || SHORT_NULL_TESTS.has(this.token.upper)) return true
    return this.isWord('NOT') && (COMPARISON_WORDS.has(this.peek().upper) || this.peek().upper === 'NULL')
  }

  /**
   * IS [NOT] (NULL | TRUE | FALSE | UNKNOWN) | IS [NOT] DISTINCT FROM operand | ISNULL | NOTNULL | NOT NULL | [NOT]
   * LIKE operand | [NOT] BETWEEN operand AND operand | [NOT] IN '(' … ')'
   */
  private wordComparison(operand: Expr, start: number): Expr {
    const short = SHORT_NULL_TESTS.get(this.token.upper)
    if (short !== undefined) {
      this.advance()
      return { kind: 'isNull', operand, negated: short === 'negated', span: this.span(start) }
    }
    const before = this.acceptWord('NOT')
    const word = this.token
    if (before && this.acceptWord('NULL')) return { kind: 'isNull', operand, negated: true, span: this.span(start) }
    if (this.acceptWord('IS')) {
      if (before) this.raise('Expected IN, LIKE or BETWEEN after NOT, but found "IS".', word, 'Write IS NOT NULL.')
      const negated = this.acceptWord('NOT')
      const truth = TRUTHS.get(this.token.upper)
      if (truth !== undefined) {
        this.advance()
        return { kind: 'isTruth', operand, truth, negated, span: this.span(start) }
      }
      if (this.isWord('DISTINCT') && this.peek().upper === 'FROM') {
        this.advance()
        this.advance()
        const from = this.operand(PRECEDENCE.concat)
        return { kind: 'isDistinct', operand, from, negated, span: this.span(start) }
      }
      const words = 'NULL, TRUE, FALSE or UNKNOWN'
      if (!this.acceptWord('NULL'))
        this.fail(
          negated ? `${words} after IS NOT` : `${words}, or NOT and one of them, after IS`,
          IS_WORDS,
          isHint(this.token),
        )
      return { kind: 'isNull', operand, negated, span: this.span(start) }
    }
    if (this.acceptWord('LIKE')) {
      const pattern = this.operand(PRECEDENCE.concat)
      return { kind: 'like', operand, pattern, negated: before, span: this.span(start) }
    }
    if (this.acceptWord('BETWEEN')) {
      const low = this.operand(PRECEDENCE.concat)
      this.expectWord('AND')
      const high = this.operand(PRECEDENCE.concat)
      return { kind: 'between', operand, low, high, negated: before, span: this.span(start) }
    }
    this.advance()
    return this.inList(operand, before, start)
  }

  /** IN '(' query ')' | IN '(' [ expr { ',' expr } ] ')' */
  private inList(operand: Expr, negated: boolean, start: number): Expr {
    if (!this.isSymbol('('))
      this.fail(
        '"(" after IN',
        [],
        this.isName()
          ? 'For an array use IN_ARRAY(x, array), for a table IN (SELECT * FROM t).'
          : 'The values stand between parentheses: IN (1, 2).',
      )
    if (this.isSymbol(')', this.peek())) {
      this.advance()
      this.advance()
      return { kind: 'in', operand, items: [], negated, span: this.span(start) }
    }
    const content = this.parenthesised()
    if (!Array.isArray(content)) return { kind: 'in', operand, query: content, negated, span: this.span(start) }
    return { kind: 'in', operand, items: content, negated, span: this.span(start) }
  }

  /** '(' query ')' | '(' expr { ',' expr } ')' */
  private parenthesised(): Query | Expr[] {
    this.enter()
    this.expectSymbol('(')
    let content: Query | Expr[]
    const start = this.token.start
    if (this.beginsQuery(this.token)) content = this.query()
    else {
      const first = this.expression()
      if (first.kind === 'subquery' && this.atQueryTail()) content = this.queryFrom(first.query, start)
      else {
        content = [first]
        while (this.acceptSymbol(',')) content.push(this.expression())
      }
    }
    this.expectClosing(')')
    this.leave()
    return content
  }

  /** The closing bracket of a list of expressions. */
  private expectClosing(bracket: string): void {
    if (!this.acceptSymbol(bracket))
      this.fail(`"${bracket}"`, ['AND', 'OR', 'LIKE', 'BETWEEN', 'IN', 'IS', 'NOT', 'AS', 'FROM'])
  }

  // -------------------------------------------------------------------------------------------- prefix and postfix

  /** prefix := NOT prefix | ('-' | '+') prefix | postfix */
  protected prefix(min: number): Expr {
    const start = this.token.start
    if (this.isWord('NOT')) {
      if (min > PRECEDENCE.not) this.fail('an operand', [], 'Put NOT and its condition between parentheses.')
      this.advance()
      const operand = this.operand(PRECEDENCE.not)
      return { kind: 'unary', op: 'not', operand, span: this.span(start) }
    }
    if (this.isSymbol('-') || this.isSymbol('+')) {
      const op = this.advance().text === '-' ? '-' : '+'
      this.enter()
      const operand = this.prefix(PRECEDENCE.sign)
      this.leave()
      return { kind: 'unary', op, operand, span: this.span(start) }
    }
    return this.postfix()
  }

  /** postfix := primary { '[' expr ']' | '.' name } */
  private postfix(): Expr {
    const start = this.token.start
    let base = this.primary()
    for (;;) {
      if (this.isSymbol('[')) {
        this.advance()
        const index = this.operand(PRECEDENCE.or)
        this.expectClosing(']')
        base = { kind: 'index', base, index, span: this.span(start) }
      } else if (this.isSymbol('.')) {
        this.advance()
        const name = this.fieldName()
        base = { kind: 'member', base, name, span: this.span(start) }
      } else return base
    }
  }

  // -------------------------------------------------------------------------------------------- primaries

  /** primary := literal | array | struct | '(' expr ')' | '(' query ')' | CASE … | CAST … | EXISTS … | call | column */
  private primary(): Expr {
    const token = this.token
    switch (token.kind) {
      case 'number':
        this.advance()
        return { kind: 'number', text: token.text, span: this.span(token.start) }
      case 'string':
        this.advance()
        return { kind: 'string', value: token.value, span: this.span(token.start) }
      case 'quoted':
        return this.isSymbol('(', this.peek()) ? this.call() : this.column()
      case 'keyword':
      case 'identifier':
        return this.word()
      default:
        if (this.isSymbol('(')) return this.group()
        if (this.isSymbol('[')) return this.array()
        if (this.isSymbol('{')) return this.struct()
        return this.failExpression()
    }
  }

  /** Everything that begins with a bare word. */
  private word(): Expr {
    const token = this.token
    switch (token.upper) {
      case 'NULL':
        this.advance()
        return { kind: 'null', span: this.span(token.start) }
      case 'TRUE':
      case 'FALSE':
        this.advance()
        return { kind: 'boolean', value: token.upper === 'TRUE', span: this.span(token.start) }
      case 'CASE':
        return this.caseWhen()
    }
    const next = this.peek()
    if (MOMENTS.has(token.upper)) return this.moment()
    if (QUANTIFIERS.has(token.upper) && this.isSymbol('(', next)) return this.failQuantifier(token, next)
    // ISNULL(x, 0) is a function.
    const called = this.isSymbol('(', next) && insteadOfWord(token.upper) !== undefined
    if (
      (RESERVED.has(token.upper) && !called) ||
      ((token.upper === 'GROUP' || token.upper === 'ORDER') && next.upper === 'BY')
    )
      return this.failExpression()
    if (token.upper === 'LIMIT' && next.kind === 'number') return this.failExpression()
    if (this.isSymbol('(', next)) {
      if (token.upper === 'CAST') return this.cast()
      if (token.upper === 'EXISTS' && this.queryBehind(next.end)) return this.exists()
      return this.call()
    }
    if (next.kind === 'string' && TYPED_LITERALS.has(token.upper)) return this.typedLiteral()
    if (token.upper === 'INTERVAL' && (next.kind === 'string' || next.kind === 'number')) return this.interval()
    return this.column()
  }

  /** '(' expr ')' | '(' query ')' */
  private group(): Expr {
    const start = this.token.start
    const content = this.parenthesised()
    if (!Array.isArray(content)) return { kind: 'subquery', query: content, span: this.span(start) }
    if (content.length > 1)
      this.raise('A list in parentheses may stand only after IN.', this.span(start), 'An array is written [a, b].')
    return content[0]
  }

  /** array := '[' expr { ',' expr } ']' */
  private array(): Expr {
    const start = this.advance().start
    if (this.isSymbol(']')) this.raise('An array literal needs at least one element.', { start, end: this.token.end })
    this.enter()
    const items = this.commaList(() => this.expression())
    this.leave()
    this.expectClosing(']')
    return { kind: 'array', items, span: this.span(start) }
  }

  /** struct := '{' field { ',' field } '}', field := name ':' expr | expr AS name */
  private struct(): Expr {
    const start = this.advance().start
    if (this.isSymbol('}'))
      this.raise('A struct literal needs at least one field.', { start, end: this.token.end }, 'Write {name: value}.')
    this.enter()
    const fields = this.commaList(() => {
      if (this.isName() && this.isSymbol(':', this.peek())) {
        const name = nameOf(this.advance())
        this.advance()
        return { name, value: this.expression() }
      }
      const value = this.expression()
      this.expectWord('AS')
      return { name: this.name('a field name after AS'), value }
    })
    this.leave()
    this.expectClosing('}')
    return { kind: 'struct', fields, span: this.span(start) }
  }

  /** case := CASE [expr] WHEN expr THEN expr { WHEN expr THEN expr } [ELSE expr] END */
  private caseWhen(): Case {
    const start = this.advance().start
    this.enter()
    const operand = this.isWord('WHEN') ? undefined : this.expression()
    const whens: { when: Expr; then: Expr }[] = []
    do {
      this.expectWord('WHEN')
      const when = this.expression()
      this.expectWord('THEN')
      whens.push({ when, then: this.expression() })
    } while (this.isWord('WHEN'))
    const otherwise = this.acceptWord('ELSE') ? this.expression() : undefined
    if (!this.acceptWord('END'))
      this.fail(otherwise === undefined ? 'WHEN, ELSE or END' : 'END', ['WHEN', 'ELSE', 'END'])
    this.leave()
    return { kind: 'case', operand, whens, otherwise, span: this.span(start) }
  }

  /** cast := CAST '(' expr AS type ')' */
  private cast(): Expr {
    const start = this.advance().start
    this.advance()
    const operand = this.operand(PRECEDENCE.or)
    this.expectWord('AS')
    const type = this.typeName()
    this.expectSymbol(')')
    return { kind: 'cast', operand, type, span: this.span(start) }
  }

  /** exists := EXISTS '(' query ')' */
  private exists(): Expr {
    const start = this.advance().start
    const content = this.parenthesised()
    if (Array.isArray(content)) {
      // EXISTS ((SELECT …)): the inner parentheses are the query's.
      const only = content[0]
      if (content.length === 1 && only.kind === 'subquery')
        return { kind: 'exists', query: only.query, span: this.span(start) }
      return this.raise('EXISTS takes one query or one field.', this.span(start))
    }
    return { kind: 'exists', query: content, span: this.span(start) }
  }

  /**
   * call := name '(' [ '*' | [DISTINCT | ALL] expr { ',' expr } ] ')' [ FILTER '(' WHERE expr ')' ] | POSITION '(' expr
   * IN expr ')'
   */
  private call(): Expr {
    const start = this.token.start
    const name = nameOf(this.advance())
    this.enter()
    this.expectSymbol('(')
    let args: Expr[] = []
    let distinct = false
    let all = false
    const star = this.acceptSymbol('*')
    if (!star && !this.isSymbol(')')) {
      distinct = this.acceptWord('DISTINCT')
      all = !distinct && this.acceptWord('ALL')
      args = name.text.toUpperCase() === 'POSITION' ? this.positionArguments() : this.commaList(() => this.argument())
      const instead = this.isWord('FROM') ? FROM_IN_CALL.get(name.text.toUpperCase()) : undefined
      if (instead !== undefined) this.fail('","', [], instead)
    }
    this.expectClosing(')')
    this.leave()
    if (this.isWord('OVER') && this.isSymbol('(', this.peek()))
      this.raise('Window functions are not offered.', this.token, 'Use GROUP BY.', 'UNSUPPORTED')
    const filter = this.isWord('FILTER') && this.isSymbol('(', this.peek()) ? this.filter() : undefined
    return { kind: 'call', name, args, star, distinct, ...(all && { all }), filter, span: this.span(start) }
  }

  private argument(): Expr {
    if (this.isWord('SELECT'))
      this.fail('an argument', [], 'A query as an argument needs parentheses of its own: f((SELECT …)).')
    return this.expression()
  }

  /** POSITION's arguments: expr IN expr, or the ordinary list. */
  private positionArguments(): Expr[] {
    const start = this.token.start
    const sought = this.infixes(this.prefix(PRECEDENCE.or), start, PRECEDENCE.concat)
    if (this.acceptWord('IN')) return [sought, this.expression()]
    const args = [this.infixes(sought, start, PRECEDENCE.or)]
    while (this.acceptSymbol(',')) args.push(this.argument())
    return args
  }

  /** FILTER '(' WHERE expr ')' */
  private filter(): Expr {
    this.advance()
    this.expectSymbol('(')
    this.expectWord('WHERE')
    const filter = this.operand(PRECEDENCE.or)
    this.expectClosing(')')
    return filter
  }
}

const QUANTIFIERS: ReadonlySet<string> = new Set(['ANY', 'SOME', 'ALL'])
const TYPED_LITERALS: ReadonlySet<string> = new Set(['DATE', 'TIME', 'TIMESTAMP', 'DATETIME'])
const TRUTHS: ReadonlyMap<string, 'true' | 'false' | 'unknown'> = new Map([
  ['TRUE', 'true'],
  ['FALSE', 'false'],
  ['UNKNOWN', 'unknown'],
])
const SHORT_NULL_TESTS: ReadonlyMap<string, 'plain' | 'negated'> = new Map([
  ['ISNULL', 'plain'],
  ['NOTNULL', 'negated'],
])
const IS_WORDS: readonly string[] = ['NULL', 'NOT', ...TRUTHS.keys()]

function isHint(token: Token): string | undefined {
  return token.upper === 'DISTINCT' ? 'Write IS DISTINCT FROM, or "!=".' : undefined
}
