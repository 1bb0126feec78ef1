/**
 * Text → statements. One method per statement; queries and expressions are in the folder `parse`. It checks the form
 * alone: whether tables, columns, functions and settings exist is the binder's matter.
 */
import { didYouMean } from '../lib/suggest.ts'
import type {
  ColumnDefinition,
  CreateTable,
  Expr,
  InsertStatement,
  Name,
  Query,
  SetStatement,
  ShowStatement,
  ShowWhat,
  Statement,
} from './ast.ts'
import { SqlError } from './error.ts'
import { STATEMENTS } from './keywords.ts'
import { bareNameEnd, bareValueEnd } from './lex.ts'
import { QueryParser } from './parse/parse-query.ts'
import { PARSE_LIMITS } from './parse/token-cursor.ts'
import type { ParseLimits } from './parse/token-cursor.ts'
import {
  DROPPABLE,
  NOT_OFFERED,
  SHOW_FIRST,
  SHOW_FORMS,
  SHOW_HINTS,
  SHOW_SECOND,
  THING_HINTS,
} from './parse/statement-words.ts'

export { PARSE_LIMITS } from './parse/token-cursor.ts'
export type { ParseLimits } from './parse/token-cursor.ts'

/**
 * The statements of a text, in order. Statements are separated by `;`, the last one may be left out, empty statements
 * do not count. Throws SqlError: SYNTAX, UNSUPPORTED (streaming SQL, ALTER, UPDATE, MERGE), LIMIT (`sql.max.length`,
 * `sql.max.depth`, `sql.max.statements`, `sql.max.tokens`).
 */
export function parseScript(text: string, limits: Partial<ParseLimits> = {}): Statement[] {
  return new StatementParser(text, limits).script()
}

/** One expression that is the whole text. Throws as `parseScript` does. */
export function parseExpression(text: string, limits: Partial<ParseLimits> = {}): Expr {
  return new StatementParser(text, limits).loneExpression()
}

/** One query that is the whole text, for example the stored text of a view. Throws as `parseScript` does. */
export function parseQuery(text: string, limits: Partial<ParseLimits> = {}): Query {
  return new StatementParser(text, limits).loneQuery()
}

class StatementParser extends QueryParser {
  constructor(text: string, limits: Partial<ParseLimits>) {
    super(text, {
      maxLength: limits.maxLength ?? PARSE_LIMITS.maxLength,
      maxDepth: limits.maxDepth ?? PARSE_LIMITS.maxDepth,
      maxStatements: limits.maxStatements ?? PARSE_LIMITS.maxStatements,
      maxTokens: limits.maxTokens ?? PARSE_LIMITS.maxTokens,
    })
  }

  // -------------------------------------------------------------------------------------------- whole texts

  /** script := { ';' } statement { ';' { ';' } statement } { ';' } */
  script(): Statement[] {
    const statements: Statement[] = []
    for (;;) {
      while (this.acceptSymbol(';')) this.taken--
      if (this.token.kind === 'end') break
      if (statements.length >= this.limits.maxStatements) {
        this.raise(
          `The text holds more statements than sql.max.statements allows (${this.limits.maxStatements}).`,
          this.token,
          'Send them in several requests.',
          'LIMIT',
        )
      }
      statements.push(this.statement())
      this.expectEnd()
    }
    if (statements.length === 0)
      throw new SqlError('SYNTAX', 'The text holds no statement.', undefined, 'Try: SHOW TABLES')
    return statements
  }

  loneExpression(): Expr {
    const expr = this.expression()
    if (this.token.kind !== 'end') this.fail('the end of the expression')
    return expr
  }

  loneQuery(): Query {
    const query = this.query()
    this.acceptSymbol(';')
    if (this.token.kind !== 'end') this.fail('the end of the query')
    return query
  }

  // -------------------------------------------------------------------------------------------- statements

  /** statement := set | use | query | insert | create | drop | truncate | delete | show | describe | kill | explain */
  private statement(): Statement {
    const start = this.token.start
    switch (this.token.upper) {
      case 'SET':
        return this.set()
      case 'USE':
        return this.use()
      case 'SELECT':
      case 'WITH': {
        const query = this.query()
        return { kind: 'selectStatement', query, span: this.span(start) }
      }
      case 'INSERT':
        return this.insert()
      case 'CREATE':
        return this.create()
      case 'DROP':
        return this.drop()
      case 'TRUNCATE':
        return this.truncate()
      case 'DELETE':
        return this.delete()
      case 'SHOW':
        return this.show()
      case 'DESCRIBE':
      case 'DESC':
        return this.describe()
      case 'KILL':
        return this.kill()
      case 'EXPLAIN':
        return this.explain()
    }
    if (this.isSymbol('(')) {
      const query = this.query()
      return { kind: 'selectStatement', query, span: this.span(start) }
    }
    const instead = NOT_OFFERED.get(this.token.upper)
    if (instead !== undefined) this.raise(`${this.token.upper} is not offered.`, this.token, instead, 'UNSUPPORTED')
    return this.fail('a statement', STATEMENTS)
  }

  /** set := SET dottedName '=' value; name and value are read raw: `max.size = 30s`, `'200m'`, `-1`. */
  private set(): SetStatement {
    const start = this.advance().start
    const name = this.rawName('the name of a setting')
    if (!this.isSymbol('=')) {
      // A value such as 1m is no number to the lexer.
      const { problem, text } = this.token
      if (problem !== undefined && /^\d/.test(text))
        this.raise(
          `Expected "=" after the name of the setting, but found "${text}".`,
          this.token,
          `Write SET ${name.text} = ${text}.`,
        )
      this.fail('"=" after the name of the setting')
    }
    this.advance()
    const value = this.rawValue('a value', '')
    if (!this.isEnd() && !STATEMENTS.includes(this.token.upper)) {
      const more = this.token.kind === 'identifier' || this.token.kind === 'number'
      this.fail(
        '";" after the value of the setting',
        [],
        more ? 'A value with white space stands between quotes.' : undefined,
      )
    }
    return {
      kind: 'set',
      name: name.text,
      nameSpan: name.span,
      value: value.text,
      valueSpan: { start: value.start, end: value.end },
      span: this.span(start),
    }
  }

  /** rawName := raw dotted name | '`…`' | string */
  private rawName(what: string): Name {
    if (this.token.kind === 'string') {
      const { value, start, end } = this.advance()
      return { text: value, quoted: true, span: { start, end } }
    }
    if (this.token.kind === 'quoted') return this.name(what)
    const end = bareNameEnd(this.text, this.token.start)
    if (end === this.token.start || this.token.kind === 'number') return this.name(what)
    const { text, start } = this.takeRaw(end)
    return { text, quoted: false, span: { start, end } }
  }

  /** rawValue := string | everything up to white space, a quote, `;` or one of `stops` */
  private rawValue(what: string, stops: string): { text: string; start: number; end: number } {
    const token = this.token
    if (token.kind === 'string') {
      this.advance()
      return { text: token.value, start: token.start, end: token.end }
    }
    const end = bareValueEnd(this.text, token.start, stops)
    if (end === token.start) this.fail(what)
    return this.takeRaw(end)
  }

  /** use := USE name */
  private use(): Statement {
    const start = this.advance().start
    const name = this.tableName('the name of a connection')
    return { kind: 'use', name, span: this.span(start) }
  }

  /** explain := EXPLAIN [CODE | FLINK [STREAMING]] statement */
  private explain(): Statement {
    const start = this.advance().start
    const code = this.acceptWord('CODE')
    const isFlink = !code && this.acceptWord('FLINK')
    const flink = !isFlink ? undefined : this.acceptWord('STREAMING') ? 'streaming' : 'batch'
    if (this.isWord('EXPLAIN')) this.fail('a statement to explain')
    if (this.isEnd()) this.fail('a statement to explain')
    const statement = this.statement()
    return { kind: 'explain', code, ...(flink === undefined ? {} : { flink }), statement, span: this.span(start) }
  }

  // -------------------------------------------------------------------------------------------- data

  /** insert := INSERT INTO name [ '(' target { ',' target } ')' ] ( VALUES row { ',' row } | query ) */
  private insert(): InsertStatement {
    const start = this.advance().start
    this.expectWord('INTO')
    const table = this.tableName('a table name')
    const named = this.isSymbol('(') && !this.queryBehind(this.token.end)
    const targets = named ? this.bracketed(() => this.path('a field name')) : undefined
    if (this.acceptWord('VALUES')) {
      const before = this.taken
      const rows = this.commaList(() => {
        // Each row may hold as many as the text; together they are bounded by the text's length.
        this.taken = before
        return this.bracketed(() => this.expression())
      })
      this.taken = before
      return { kind: 'insert', table, targets, rows, span: this.span(start) }
    }
    if (!this.isSymbol('(') && !this.isWord('SELECT') && !this.isWord('WITH'))
      this.fail('VALUES or SELECT', ['VALUES', 'SELECT'])
    const query = this.query()
    return { kind: 'insert', table, targets, query, span: this.span(start) }
  }

  /** '(' item { ',' item } ')' */
  private bracketed<T>(item: () => T): T[] {
    this.enter()
    this.expectSymbol('(')
    const items = this.commaList(item)
    this.expectSymbol(')')
    this.leave()
    return items
  }

  /** truncate := TRUNCATE [TABLE] name */
  private truncate(): Statement {
    const start = this.advance().start
    this.acceptWord('TABLE')
    const table = this.tableName('a table name')
    return { kind: 'truncate', table, span: this.span(start) }
  }

  /** delete := DELETE FROM name [WHERE expr] */
  private delete(): Statement {
    const start = this.advance().start
    this.expectWord('FROM')
    const table = this.tableName('a table name')
    const where = this.acceptWord('WHERE') ? this.expression() : undefined
    return { kind: 'delete', table, where, span: this.span(start) }
  }

  // -------------------------------------------------------------------------------------------- definitions

  /** create := CREATE ( TABLE … | VIEW … | SYNONYM … ) */
  private create(): Statement {
    const start = this.advance().start
    if (this.acceptWord('TABLE')) return this.createTable(start)
    if (this.acceptWord('VIEW')) return this.createView(start)
    if (this.acceptWord('SYNONYM')) return this.createSynonym(start)
    if (this.isWord('OR'))
      this.raise('CREATE OR REPLACE is not offered.', this.token, 'DROP the view first, then CREATE it.', 'UNSUPPORTED')
    return this.fail(
      'TABLE, VIEW or SYNONYM after CREATE',
      ['TABLE', 'VIEW', 'SYNONYM'],
      THING_HINTS.get(this.token.upper),
    )
  }

  /**
   * createTable := TABLE [IF NOT EXISTS] name [ '(' column { ',' column } ')' ] FORMAT '(' format ',' format ')' [
   * PROPERTIES '(' … ')' ]
   */
  private createTable(start: number): CreateTable {
    let ifNotExists = false
    if (this.isWord('IF') && this.peek().upper === 'NOT') {
      this.advance()
      this.expectWord('NOT', 'EXISTS')
      ifNotExists = true
    }
    const name = this.tableName('a table name')
    const columns = this.isSymbol('(') ? this.bracketed(() => this.columnDefinition()) : []
    if (this.isWord('AS'))
      this.raise(
        'CREATE TABLE … AS is not offered.',
        this.token,
        'CREATE the table, then INSERT INTO it with SELECT.',
        'UNSUPPORTED',
      )
    this.expectWord('FORMAT')
    this.expectSymbol('(')
    const keyFormat = this.formatName('the format of the key')
    if (!this.acceptSymbol(',')) this.fail('"," and the format of the value')
    const valueFormat = this.formatName('the format of the value')
    this.expectSymbol(')')
    const properties = this.acceptWord('PROPERTIES') ? this.bracketed(() => this.property()) : []
    return {
      kind: 'createTable',
      name,
      ifNotExists,
      columns,
      keyFormat,
      valueFormat,
      properties,
      span: this.span(start),
    }
  }

  /** format := name | ( TW | SW ) '[' name ']'; the second is another way to write `TWname`. */
  private formatName(what: string): Name {
    const outer = this.name(what)
    if (!/^(TW|SW)$/i.test(outer.text) || !this.acceptSymbol('[')) return outer
    const inner = this.name('the format inside of the window')
    this.expectSymbol(']')
    return { ...outer, text: outer.text + inner.text, span: this.span(outer.span.start) }
  }

  /** column := path type [[NOT] NULL] */
  private columnDefinition(): ColumnDefinition {
    const start = this.token.start
    const path = this.path('a field name')
    const type = this.typeName()
    if (this.acceptWord('NOT')) {
      this.expectWord('NULL')
      return { path, type, nullable: false, span: this.span(start) }
    }
    if (this.isWord('PRIMARY') || this.isWord('KEY') || this.isWord('DEFAULT'))
      this.fail(
        '")"',
        [],
        this.isWord('DEFAULT')
          ? 'There are no default values.'
          : 'The key of the records is a column called _key: CREATE TABLE t (_key string, …).',
      )
    return { path, type, nullable: this.acceptWord('NULL'), span: this.span(start) }
  }

  /** property := (string | rawName) '=' rawValue */
  private property(): CreateTable['properties'][number] {
    const start = this.token.start
    const { token } = this
    const name = token.kind === 'string' ? { text: token.value } : this.rawName('the name of a property')
    if (token.kind === 'string') this.advance()
    this.expectSymbol('=')
    const value = this.rawValue('a value', ',)')
    return { name: name.text, value: value.text, span: this.span(start) }
  }

  /** createView := VIEW name AS query */
  private createView(start: number): Statement {
    const name = this.tableName('a name for the view')
    this.expectWord('AS')
    const from = this.token.start
    const query = this.query()
    return { kind: 'createView', name, query, text: this.text.slice(from, this.previousEnd), span: this.span(start) }
  }

  /** createSynonym := SYNONYM name FOR name */
  private createSynonym(start: number): Statement {
    const name = this.tableName('a name for the synonym')
    this.expectWord('FOR')
    const target = this.tableName('a table name')
    return { kind: 'createSynonym', name, target, span: this.span(start) }
  }

  /** drop := DROP (TABLE | VIEW | SYNONYM) [IF EXISTS] name */
  private drop(): Statement {
    const start = this.advance().start
    const what = DROPPABLE.get(this.token.upper)
    if (what === undefined)
      return this.fail(
        'TABLE, VIEW or SYNONYM after DROP',
        ['TABLE', 'VIEW', 'SYNONYM'],
        THING_HINTS.get(this.token.upper),
      )
    this.advance()
    const ifExists = this.isWord('IF') && this.peek().upper === 'EXISTS'
    if (ifExists) this.expectWord('IF', 'EXISTS')
    const name = this.tableName(`the name of a ${what}`)
    return { kind: 'drop', what, name, ifExists, span: this.span(start) }
  }

  // -------------------------------------------------------------------------------------------- looking and stopping

  /**
   * show := SHOW ( TABLES | TABLE TYPES | VIRTUAL TABLES | FUNCTIONS | VIEWS | VIEW name | SYNONYMS | [ALL] QUERIES |
   * SETTINGS | CREATE TABLE name )
   */
  private show(): ShowStatement {
    const start = this.advance().start
    const first = this.token.upper
    const second = SHOW_SECOND.get(first)
    if (second === undefined && !SHOW_FIRST.has(first)) {
      const hint = this.isName()
        ? (didYouMean(this.token.text, [...SHOW_FIRST, ...SHOW_SECOND.keys()], 1) ?? SHOW_HINTS.get(first))
        : undefined
      this.fail('what to show', [], hint ?? `SHOW knows ${[...SHOW_FORMS].join(', ')}.`)
    }
    this.advance()
    if (second !== undefined) this.expectWord(second)
    const what = (second === undefined ? first : `${first} ${second}`).toLowerCase() as ShowWhat
    const named = what === 'view' || what === 'create table'
    const name = named ? this.tableName(what === 'view' ? 'the name of a view' : 'a table name') : undefined
    let like: string | undefined
    if (!named && this.acceptWord('LIKE')) {
      if (this.token.kind !== 'string') this.fail('a pattern between quotes')
      like = this.advance().value
    }
    return { kind: 'show', what, name, like, span: this.span(start) }
  }

  /**
   * describe := (DESCRIBE | DESC) [FORMATTED | EXTENDED] [TABLE] name; a word of these is a name when nothing follows
   * it.
   */
  private describe(): Statement {
    const start = this.advance().start
    const more = (): boolean => this.peek().kind !== 'end' && !this.isSymbol(';', this.peek())
    const formatted = more() && (this.acceptWord('FORMATTED') || this.acceptWord('EXTENDED'))
    if (!formatted || more()) this.acceptWord('TABLE')
    const table = this.tableName('a table name')
    return { kind: 'describe', formatted, table, span: this.span(start) }
  }

  /** kill := KILL QUERY id; the id is a raw word, number or UUID, or a string. */
  private kill(): Statement {
    const start = this.advance().start
    this.expectWord('QUERY')
    const id = this.rawValue('the id of a query', '()')
    return { kind: 'kill', id: id.text, span: this.span(start) }
  }
}
