/**
 * Queries: WITH, set operations, SELECT and its clauses, sources and joins. Names of tables are read raw (they may hold
 * `-` and `.`). Streaming syntax is recognised and refused with what to write instead.
 */
import type {
  DerivedTable,
  From,
  Join,
  Lateral,
  Limit,
  Name,
  OrderItem,
  Query,
  QueryBody,
  Select,
  SelectItem,
  SetOperation,
  Span,
  TableRef,
} from '../ast.ts'
import {
  AFTER_SOURCE,
  CONTINUATIONS,
  ELSEWHERE,
  NOT_A_SOURCE_ALIAS,
  NOT_AN_ITEM_ALIAS,
  RESERVED,
  STATEMENTS,
} from '../keywords.ts'
import { excerpt } from '../lex.ts'
import type { Token } from '../lex.ts'
import { COMPARISON_WORDS, ExpressionParser } from './parse-expression.ts'
import { nameOf } from './token-cursor.ts'

type SetOp = SetOperation['op']
const SET_OPS: ReadonlyMap<string, SetOp> = new Map([
  ['UNION', 'union'],
  ['EXCEPT', 'except'],
  ['INTERSECT', 'intersect'],
])

/** Expressions and queries; statements are parsed by the subclass in `parse.ts`. */
export abstract class QueryParser extends ExpressionParser {
  // -------------------------------------------------------------------------------------------- queries

  /** query := [WITH name AS '(' query ')' { ',' … }] body [ORDER BY …] [LIMIT …] */
  protected query(): Query {
    const start = this.token.start
    const ctes = this.isWord('WITH') ? this.withList() : []
    return this.queryTail(ctes, this.unions(this.intersections(this.queryOperand())), start)
  }

  /** A query whose first operand stood in parentheses that were already read. */
  protected queryFrom(first: Query, start: number): Query {
    return this.queryTail([], this.unions(this.intersections(bodyOf(first), start), start), start)
  }

  private queryTail(ctes: Query['with'], body: QueryBody, start: number): Query {
    const orderBy = this.orderBy()
    const limit = this.limit()
    const span = this.span(start)
    if (ctes.length === 0 && orderBy.length === 0 && limit === undefined && body.kind === 'query') return body
    return { kind: 'query', with: ctes, body, orderBy, limit, span }
  }

  /** WITH name AS '(' query ')' { ',' name AS '(' query ')' } */
  private withList(): Query['with'] {
    this.advance()
    if (this.isWord('RECURSIVE') && this.isName(this.peek()))
      this.raise('WITH RECURSIVE is not offered.', this.token, undefined, 'UNSUPPORTED')
    return this.commaList(() => {
      const name = this.tableName('a name after WITH')
      this.expectWord('AS')
      return { name, query: this.subquery() }
    })
  }

  /** '(' query ')' */
  private subquery(): Query {
    this.enter()
    this.expectSymbol('(')
    const query = this.query()
    this.expectSymbol(')')
    this.leave()
    return query
  }

  /** body := term { (UNION | EXCEPT) [ALL | DISTINCT] term } */
  private unions(first: QueryBody, start: number = first.span.start): QueryBody {
    let left = first
    while (this.isWord('UNION') || this.isWord('EXCEPT')) {
      const { op, all } = this.setOperator()
      const right = this.intersections(this.queryOperand())
      left = { kind: 'setOperation', op, all, left, right, span: this.span(start) }
    }
    return left
  }

  /** term := operand { INTERSECT [ALL | DISTINCT] operand } */
  private intersections(first: QueryBody, start: number = first.span.start): QueryBody {
    let left = first
    while (this.isWord('INTERSECT')) {
      const { op, all } = this.setOperator()
      const right = this.queryOperand()
      left = { kind: 'setOperation', op, all, left, right, span: this.span(start) }
    }
    return left
  }

  private setOperator(): { op: SetOp; all: boolean } {
    const op = SET_OPS.get(this.advance().upper) ?? 'union'
    const all = this.acceptWord('ALL')
    if (!all) this.acceptWord('DISTINCT')
    return { op, all }
  }

  /** operand := select | '(' query ')' */
  private queryOperand(): QueryBody {
    if (this.isSymbol('(')) return bodyOf(this.subquery())
    if (!this.isWord('SELECT')) this.fail('SELECT', ['SELECT'])
    return this.select()
  }

  protected atQueryTail(): boolean {
    if (SET_OPS.has(this.token.upper) || this.isWord('LIMIT')) return true
    const next = this.peek()
    return (this.isWord('ORDER') && next.upper === 'BY') || (this.isWord('OFFSET') && next.kind === 'number')
  }

  /** [ORDER BY expr [ASC | DESC] [NULLS (FIRST | LAST)] { ',' … }] */
  private orderBy(): OrderItem[] {
    if (!this.acceptWord('ORDER')) return []
    this.expectWord('BY')
    return this.commaList(() => {
      const start = this.token.start
      const expr = this.expression()
      const descending = this.acceptWord('DESC')
      if (!descending) this.acceptWord('ASC')
      let nulls: OrderItem['nulls']
      if (this.acceptWord('NULLS')) {
        if (!this.isWord('FIRST') && !this.isWord('LAST')) this.fail('FIRST or LAST after NULLS', ['FIRST', 'LAST'])
        nulls = this.advance().upper === 'FIRST' ? 'first' : 'last'
      }
      return { expr, descending, nulls, span: this.span(start) }
    })
  }

  /** [LIMIT n [OFFSET skip] | LIMIT skip ',' n | OFFSET skip [LIMIT n]] */
  private limit(): Limit | undefined {
    const start = this.token.start
    if (this.acceptWord('LIMIT')) {
      const first = this.wholeNumber('LIMIT')
      if (this.acceptSymbol(',')) return { skip: first, count: this.wholeNumber('LIMIT'), span: this.span(start) }
      const skip = this.acceptWord('OFFSET') ? this.wholeNumber('OFFSET') : 0
      return { skip, count: first, span: this.span(start) }
    }
    if (!this.acceptWord('OFFSET')) return undefined
    const skip = this.wholeNumber('OFFSET')
    const count = this.acceptWord('LIMIT') ? this.wholeNumber('LIMIT') : undefined
    return { skip, count, span: this.span(start) }
  }

  // -------------------------------------------------------------------------------------------- SELECT

  /**
   * select := SELECT [DISTINCT | ALL] item { ',' item } [FROM from] [WHERE expr] [GROUP BY expr { ',' expr }] [HAVING
   * expr]
   */
  private select(): Select {
    const start = this.advance().start
    this.refuseStreamingSelect()
    if ((this.isWord('UNIQUE') || this.isWord('DISTINCTROW')) && this.beginsExpression(this.peek()))
      this.fail('an expression after SELECT', [], 'Use SELECT DISTINCT.')
    const distinct = this.acceptWord('DISTINCT')
    if (!distinct) this.acceptWord('ALL')
    const items = this.commaList(() => this.selectItem())
    const from = this.acceptWord('FROM') ? this.from() : undefined
    if (from === undefined && !this.atSelectEnd()) this.fail('FROM', ['FROM', 'AS'])
    const where = this.acceptWord('WHERE') ? this.expression() : undefined
    let groupBy: Select['groupBy'] = []
    if (this.acceptWord('GROUP')) {
      this.expectWord('BY')
      groupBy = this.commaList(() => this.expression())
    }
    const having = this.acceptWord('HAVING') ? this.expression() : undefined
    return { kind: 'select', distinct, items, from, where, groupBy, having, span: this.span(start) }
  }

  /** True where a SELECT without FROM may end or go on. */
  private atSelectEnd(): boolean {
    return this.isEnd() || this.isSymbol(')') || SELECT_ENDS.has(this.token.upper)
  }

  /** item := '*' | path '.' '*' | expr [[AS] alias], alias := name { '.' name } */
  private selectItem(): SelectItem {
    const start = this.token.start
    if (this.acceptSymbol('*')) return { kind: 'star', path: [], span: this.span(start) }
    if (this.atStarPath()) {
      const path: Name[] = []
      while (!this.acceptSymbol('*')) {
        path.push(nameOf(this.advance()))
        this.advance()
      }
      return { kind: 'star', path, span: this.span(start) }
    }
    const expr = this.expression()
    const alias = this.itemAlias()
    return { kind: 'expr', expr, alias, span: this.span(start) }
  }

  /** True at `a.b.*`. */
  private atStarPath(): boolean {
    if (!this.isName()) return false
    for (let name = this.token; this.isName(name); ) {
      const dot = this.tokenFrom(name.end)
      if (!this.isSymbol('.', dot)) return false
      name = this.tokenFrom(dot.end)
      if (this.isSymbol('*', name)) return true
    }
    return false
  }

  private itemAlias(): Name[] | undefined {
    if (this.acceptWord('AS')) {
      if (RESERVED.has(this.token.upper) && !NAME_PROOFS.has(this.peek().text.toUpperCase()))
        this.fail('an alias after AS')
      return this.aliasPath()
    }
    if (this.token.kind === 'string') return this.aliasPath()
    if (!this.isName() || NOT_AN_ITEM_ALIAS.has(this.token.upper)) return undefined
    if (this.clauseAhead()) return undefined
    this.noteImplicitAlias(this.token, ['FROM'])
    return this.path('an alias')
  }

  private aliasPath(): Name[] {
    if (this.token.kind === 'string') {
      this.raise(
        'An alias is a plain name or a back-ticked one, not a string.',
        this.token,
        `Write AS \`${excerpt(this.token.value)}\`.`,
      )
    }
    return this.path('an alias')
  }

  /** Words that are aliases except in front of their clause: OFFSET 5, WINDOW BY, EMIT CHANGES, WITHIN 1h. */
  private clauseAhead(): boolean {
    if (ELSEWHERE.has(this.token.upper))
      return !ALIAS_ENDS.has(this.peek().text) && !SELECT_ENDS.has(this.peek().upper) && this.peek().upper !== 'FROM'
    if (this.isWord('OFFSET')) return this.peek().kind === 'number'
    return this.streaming() !== undefined
  }

  // -------------------------------------------------------------------------------------------- FROM

  /** from := source { join | lateral } */
  private from(): From {
    const start = this.token.start
    let left = this.source()
    for (;;) {
      const type = this.joinType()
      if (type !== undefined) left = this.join(left, type, start)
      else if (this.isWord('LATERAL')) left = this.lateral(left, start)
      else {
        this.refuseStreaming()
        if (!this.isSymbol(',')) return left
        // A comma is a join whose conditions stand in WHERE.
        this.advance()
        if (!this.isWord('LATERAL'))
          left = { kind: 'join', type: 'cross', left, right: this.source(), span: this.span(start) }
      }
    }
  }

  /** [INNER] JOIN | (LEFT | RIGHT | FULL) [OUTER] JOIN | OUTER JOIN | CROSS JOIN; takes its words. */
  private joinType(): Join['type'] | undefined {
    const word = this.token.upper
    if (word === 'JOIN') {
      this.advance()
      return 'inner'
    }
    const type = JOIN_TYPES.get(word)
    if (type === undefined) return undefined
    this.advance()
    if (word === 'LEFT' || word === 'RIGHT' || word === 'FULL') this.acceptWord('OUTER')
    if (!this.acceptWord('JOIN')) this.fail(`JOIN after ${word}`, ['JOIN', 'OUTER'])
    return type
  }

  /** join := … JOIN source ON expr | CROSS JOIN source */
  private join(left: From, type: Join['type'], start: number): Join {
    const right = this.source()
    let on: Join['on']
    if (type === 'cross') {
      if (this.isWord('ON')) this.raise('CROSS JOIN takes no ON.', this.token, 'Use JOIN … ON ….')
    } else {
      this.refuseStreaming()
      if (!this.acceptWord('ON')) this.fail('ON and the condition of the join', ['ON'], ELSEWHERE.get(this.token.upper))
      on = this.expression()
    }
    return { kind: 'join', type, left, right, on, span: this.span(start) }
  }

  /** lateral := LATERAL expr [AS] name */
  private lateral(input: From, start: number): Lateral {
    this.advance()
    const array = this.expression()
    if (this.acceptWord('AS') ? RESERVED.has(this.token.upper) : NOT_A_SOURCE_ALIAS.has(this.token.upper))
      this.fail('AS and a name for the elements')
    const alias = this.name('AS and a name for the elements')
    return { kind: 'lateral', input, array, alias, span: this.span(start) }
  }

  /**
   * source := tableName [[AS] name] | LATEST '(' tableName ')' [[AS] name] | '(' query ')' [[AS] name] | '(' from ')'
   */
  private source(): From {
    if (this.isSymbol('(')) return this.groupedSource()
    const start = this.token.start
    const name = this.tableName('a table name')
    if (!name.quoted && name.text.toUpperCase() === 'LATEST' && this.acceptSymbol('(')) {
      const of = this.tableName('a table name')
      this.expectSymbol(')')
      return { kind: 'table', name: of, latest: true, alias: this.sourceAlias(), span: this.span(start) }
    }
    const alias = this.sourceAlias()
    return { kind: 'table', name, alias, span: this.span(start) }
  }

  private groupedSource(): From {
    const start = this.token.start
    this.enter()
    this.advance()
    let inner: From | Query
    if (this.beginsQuery(this.token)) inner = this.query()
    else {
      const queryStart = this.token.start
      inner = this.from()
      if (inner.kind === 'derived' && inner.alias === undefined && this.atQueryTail())
        inner = this.queryFrom(inner.query, queryStart)
    }
    this.expectSymbol(')')
    this.leave()
    if (inner.kind === 'query') return this.derived(inner, start)
    if (inner.kind === 'derived' && inner.alias === undefined) return this.derived(inner.query, start)
    if (inner.kind === 'table' && inner.alias === undefined)
      return { ...inner, alias: this.sourceAlias(), span: this.span(start) }
    return inner
  }

  private derived(query: Query, start: number): DerivedTable {
    const alias = this.sourceAlias()
    return { kind: 'derived', query, alias, span: this.span(start) }
  }

  /** [[AS] name] */
  private sourceAlias(): TableRef['alias'] {
    if (this.acceptWord('AS')) {
      if (RESERVED.has(this.token.upper)) this.fail('an alias after AS')
      return this.name('an alias after AS')
    }
    if (this.token.kind === 'string') return this.name('an alias')
    if (!this.isName() || NOT_A_SOURCE_ALIAS.has(this.token.upper) || this.clauseAhead()) return undefined
    this.noteImplicitAlias(this.token, AFTER_SOURCE)
    return nameOf(this.advance())
  }

  // -------------------------------------------------------------------------------------------- streaming SQL, and the
  // end

  /** SELECT STREAM | SELECT TABLE, unless the word is a column. */
  private refuseStreamingSelect(): void {
    const word = this.token.upper
    if (word !== 'STREAM' && word !== 'TABLE') return
    const next = this.peek()
    const star = this.isSymbol('*', next) ? this.tokenFrom(next.end) : undefined
    const streaming = star === undefined ? this.beginsExpression(next) : star.upper === 'FROM' || star.text === ','
    if (!streaming) return
    this.raise(
      `SELECT ${word} is streaming SQL, which is not offered.`,
      this.token,
      `Write SELECT without ${word}: it reads what the topics hold now, and after SET follow = true what comes.`,
      'UNSUPPORTED',
    )
  }

  private beginsExpression(token: Token): boolean {
    if (token.kind === 'quoted' || token.kind === 'number' || token.kind === 'string') return true
    if (token.upper === 'NOT') return !COMPARISON_WORDS.has(this.tokenFrom(token.end).upper)
    if (token.upper === 'CASE' || token.upper === 'DISTINCT') return true
    return this.isName(token) && !NOT_AN_ITEM_ALIAS.has(token.upper)
  }

  /** The streaming clause that begins here, with what to write instead. */
  private streaming(): { readonly clause: string; readonly hint: string } | undefined {
    const next = this.peek()
    if (this.isWord('WINDOW') && next.upper === 'BY')
      return { clause: 'WINDOW BY', hint: 'Group by a part of the time, for example GROUP BY HOUR(_meta.timestamp).' }
    if (
      this.isWord('WITHIN') &&
      (next.kind === 'number' || next.kind === 'error' || next.kind === 'string' || this.isSymbol('(', next))
    ) {
      return { clause: 'WITHIN', hint: 'Leave it out: a join here needs no window.' }
    }
    if (this.isWord('EMIT')) {
      const known = next.upper === 'CHANGES' || next.upper === 'FINAL'
      if (known)
        return {
          clause: `EMIT ${next.upper}`,
          hint: 'Leave it out; SET follow = true, or "follow": true in the request, goes on with what comes.',
        }
    }
    return undefined
  }

  private refuseStreaming(): void {
    const found = this.streaming()
    if (found === undefined) return
    const span: Span = { start: this.token.start, end: found.clause === 'WITHIN' ? this.token.end : this.peek().end }
    this.raise(`${found.clause} is streaming SQL, which is not offered.`, span, found.hint, 'UNSUPPORTED')
  }

  /** The end of a statement: `;` or the end of the text. */
  protected expectEnd(): void {
    if (this.isEnd()) return
    this.refuseStreaming()
    this.fail('the end of the statement', CONTINUATIONS, this.endHint())
  }

  private endHint(): string | undefined {
    if (CLAUSES.has(this.token.upper))
      return 'The clauses come in this order: FROM, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT.'
    if (STATEMENTS.includes(this.token.upper) && this.token.upper !== 'WITH') return 'Put ";" between two statements.'
    // Nothing was taken as a token: a raw name of a table went before.
    const cut =
      this.previous === undefined &&
      (this.isSymbol('-') || this.isSymbol('.') || this.isSymbol(':') || this.isSymbol('/'))
    return cut ? 'A name with such characters stands between back-ticks.' : undefined
  }
}

const JOIN_TYPES: ReadonlyMap<string, Join['type']> = new Map([
  ['INNER', 'inner'],
  ['LEFT', 'left'],
  ['RIGHT', 'right'],
  ['FULL', 'full'],
  ['OUTER', 'full'],
  ['CROSS', 'cross'],
])
const CLAUSES: ReadonlySet<string> = new Set(['FROM', 'WHERE', 'GROUP', 'HAVING', 'ORDER'])
const SELECT_ENDS: ReadonlySet<string> = new Set([
  'WHERE',
  'GROUP',
  'HAVING',
  'ORDER',
  'LIMIT',
  'OFFSET',
  'UNION',
  'EXCEPT',
  'INTERSECT',
])
const ALIAS_ENDS: ReadonlySet<string> = new Set([',', '.', ')', ';', ''])
/** What shows that a reserved word after AS is meant as a name. */
const NAME_PROOFS: ReadonlySet<string> = new Set([',', '.', 'FROM'])

/** A query in parentheses as an operand: the parentheses vanish unless ORDER BY, LIMIT or WITH make them matter. */
function bodyOf(query: Query): QueryBody {
  return query.with.length === 0 && query.orderBy.length === 0 && query.limit === undefined ? query.body : query
}
