/**
 * Properties of the SQL text layer: a printed tree parses to the same tree; spans lie inside the text and nest; no text
 * makes the parser throw anything but SqlError or run for long; the lexer's tokens cover the text.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type {
  BinaryOp,
  Expr,
  From,
  Name,
  Query,
  QueryBody,
  Select,
  SelectItem,
  Statement,
  TypeName,
} from '../../src/sql/ast.ts'
import { renderSqlError, SqlError } from '../../src/sql/error.ts'
import { isReserved, KEYWORDS, MOMENTS, TYPE_NAMES } from '../../src/sql/keywords.ts'
import { tokenize } from '../../src/sql/lex.ts'
import { parseExpression, parseScript } from '../../src/sql/parse.ts'
import { printExpr, printQuery, printStatement } from '../../src/sql/print.ts'
import { CORPUS } from '../unit/sql/corpus.ts'
import { bare } from '../unit/sql/tree.ts'

const SEED = 20240309
const span = { start: 0, end: 0 }

// ---------------------------------------------------------------------------------------------- generators

/**
 * Words that look like syntax and are ordinary names; `stream` and `table` are left out: as the first column of a
 * SELECT they can mean streaming SQL.
 */
const TRICKY =
  'key value date time count type query format offset partition first last left right full order group limit end asc desc by set with nulls filter position cast'.split(
    ' ',
  )
const plainName = fc.oneof(
  fc.constantFrom('a', 'b', 'sku', 'Speed', '_key', '_meta', '__keysize', 'grün', '名前', 'x9'),
  fc.constantFrom(...TRICKY),
)
const oddName = fc.oneof(
  fc.constantFrom('a b', 'from', 'select', '`', 'a.b', '1x', '--', 'x-y', "it's", '"'),
  fc.string({ minLength: 1, maxLength: 6 }),
)
const name: fc.Arbitrary<Name> = fc.oneof(
  { weight: 4, arbitrary: plainName.map((text) => ({ text, quoted: false, span })) },
  oddName.map((text) => ({ text, quoted: true, span })),
)
const bareTable = fc.constantFrom(
  't',
  'users-topic',
  'orders.v1',
  '_internal.topic-1',
  'nyc-2024',
  '2024-x',
  'table',
  'from-x',
)
const tableName: fc.Arbitrary<Name> = fc.oneof(
  bareTable.map((text) => ({ text, quoted: false, span })),
  oddName.map((text) => ({ text, quoted: true, span })),
)
const path = fc.array(name, { minLength: 1, maxLength: 3 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 })
const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom("it's", '\\d+', '\n\t\r', '\\', "\\'", '"'),
)
const typeName: fc.Arbitrary<TypeName> = fc
  .record({
    name: fc.constantFrom(...TYPE_NAMES),
    precision: maybe(fc.nat(38)),
    scale: maybe(fc.nat(10)),
    arrayDepth: fc.nat(2),
  })
  .map(({ name, precision, scale, arrayDepth }) => {
    const decimal = name === 'decimal'
    return {
      name,
      precision: decimal ? precision : undefined,
      scale: decimal && precision !== undefined ? scale : undefined,
      arrayDepth,
      span,
    }
  })

/** Names after which a bracket means something else. */
const SPECIAL_CALLS = new Set(['cast', 'filter'])
const functionName = name.filter((n) => n.quoted || (!SPECIAL_CALLS.has(n.text.toLowerCase()) && !isReserved(n.text)))
const BINARY: readonly BinaryOp[] = ['or', 'and', '=', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '||']

type Trees = {
  readonly expr: Expr
  readonly query: Query
  readonly body: QueryBody
  readonly from: From
}

const trees = fc.letrec<Trees>((tie) => {
  const expr = tie('expr')
  const query = tie('query')
  const list = fc.array(expr, { minLength: 1, maxLength: 3 })
  const leaf: fc.Arbitrary<Expr> = fc.oneof(
    fc.constant<Expr>({ kind: 'null', span }),
    fc.boolean().map<Expr>((value) => ({ kind: 'boolean', value, span })),
    fc
      .constantFrom('0', '12', '1.50', '2e3', '.5', '1E-7', '9223372036854775808')
      .map<Expr>((number) => ({ kind: 'number', text: number, span })),
    text.map<Expr>((value) => ({ kind: 'string', value, span })),
    path.map<Expr>((parts) => ({ kind: 'column', parts, span })),
    fc.constantFrom(...MOMENTS.keys()).map<Expr>((word) => ({ kind: 'moment', word, span })),
  )
  const node: fc.Arbitrary<Expr> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .record({ op: fc.constantFrom(...BINARY), left: expr, right: expr })
        .map<Expr>((n) => ({ kind: 'binary', ...n, opSpan: span, span })),
    },
    {
      weight: 2,
      arbitrary: fc
        .record({ op: fc.constantFrom('-' as const, '+' as const, 'not' as const), operand: expr })
        .map<Expr>((n) => ({ kind: 'unary', ...n, span })),
    },
    list.map<Expr>((items) => ({ kind: 'array', items, span })),
    fc
      .array(fc.record({ name, value: expr }), { minLength: 1, maxLength: 3 })
      .map<Expr>((fields) => ({ kind: 'struct', fields, span })),
    fc.record({ base: expr, index: expr }).map<Expr>((n) => ({ kind: 'index', ...n, span })),
    fc.record({ base: expr, name }).map<Expr>((n) => ({ kind: 'member', ...n, span })),
    fc
      .record({ operand: expr, low: expr, high: expr, negated: fc.boolean() })
      .map<Expr>((n) => ({ kind: 'between', ...n, span })),
    fc.record({ operand: expr, items: list, negated: fc.boolean() }).map<Expr>((n) => ({ kind: 'in', ...n, span })),
    fc.record({ operand: expr, query, negated: fc.boolean() }).map<Expr>((n) => ({ kind: 'in', ...n, span })),
    fc.record({ operand: expr, pattern: expr, negated: fc.boolean() }).map<Expr>((n) => ({ kind: 'like', ...n, span })),
    fc.record({ operand: expr, negated: fc.boolean() }).map<Expr>((n) => ({ kind: 'isNull', ...n, span })),
    fc
      .record({
        operand: expr,
        truth: fc.constantFrom('true' as const, 'false' as const, 'unknown' as const),
        negated: fc.boolean(),
      })
      .map<Expr>((n) => ({ kind: 'isTruth', ...n, span })),
    fc
      .record({ operand: expr, from: expr, negated: fc.boolean() })
      .map<Expr>((n) => ({ kind: 'isDistinct', ...n, span })),
    fc
      .record({
        operand: maybe(expr),
        whens: fc.array(fc.record({ when: expr, then: expr }), { minLength: 1, maxLength: 2 }),
        otherwise: maybe(expr),
      })
      .map<Expr>((n) => ({ kind: 'case', ...n, span })),
    fc.record({ operand: expr, type: typeName }).map<Expr>((n) => ({ kind: 'cast', ...n, span })),
    fc
      .record({ name: functionName, args: fc.array(expr, { maxLength: 3 }), filter: maybe(expr) })
      .map<Expr>((n) => ({ kind: 'call', ...n, star: false, distinct: false, span })),
    fc
      .record({ name: functionName, args: list })
      .map<Expr>((n) => ({ kind: 'call', ...n, star: false, distinct: true, span }))
      .filter((e) => e.kind === 'call' && e.name.text.toLowerCase() !== 'position'),
    functionName.map<Expr>((n) => ({ kind: 'call', name: n, args: [], star: true, distinct: false, span })),
    query.map<Expr>((q) => ({ kind: 'exists', query: q, span })),
    query.map<Expr>((q) => ({ kind: 'subquery', query: q, span })),
  )
  const table: fc.Arbitrary<From> = fc
    .record({ name: tableName, alias: maybe(name) })
    .map<From>((n) => ({ kind: 'table', ...n, span }))
  const from: fc.Arbitrary<From> = fc.oneof(
    { maxDepth: 3, depthIdentifier: 'from' },
    table,
    fc.record({ query, alias: maybe(name) }).map<From>((n) => ({ kind: 'derived', ...n, span })),
    fc
      .record({
        type: fc.constantFrom('inner' as const, 'left' as const, 'right' as const, 'full' as const),
        left: tie('from'),
        right: tie('from'),
        on: expr,
      })
      .map<From>((n) => ({ kind: 'join', ...n, span })),
    fc
      .record({ left: tie('from'), right: tie('from') })
      .map<From>((n) => ({ kind: 'join', type: 'cross', ...n, span })),
    fc.record({ input: tie('from'), array: expr, alias: name }).map<From>((n) => ({ kind: 'lateral', ...n, span })),
  )
  const item: fc.Arbitrary<SelectItem> = fc.oneof(
    fc.array(name, { maxLength: 2 }).map<SelectItem>((parts) => ({ kind: 'star', path: parts, span })),
    fc.record({ expr, alias: maybe(path) }).map<SelectItem>((n) => ({ kind: 'expr', ...n, span })),
  )
  const select: fc.Arbitrary<Select> = fc
    .record({
      distinct: fc.boolean(),
      items: fc.array(item, { minLength: 1, maxLength: 3 }),
      from: maybe(tie('from')),
      where: maybe(expr),
      groupBy: fc.array(expr, { maxLength: 2 }),
      having: maybe(expr),
    })
    .map((n) => ({ kind: 'select', ...n, span }))
  const body: fc.Arbitrary<QueryBody> = fc.oneof(
    { maxDepth: 3, depthIdentifier: 'body' },
    select,
    fc
      .record({
        op: fc.constantFrom('union' as const, 'except' as const, 'intersect' as const),
        all: fc.boolean(),
        left: tie('body'),
        right: tie('body'),
      })
      .map<QueryBody>((n) => ({ kind: 'setOperation', ...n, span })),
    // A query in parentheses stays one only where ORDER BY, LIMIT or WITH make it matter.
    fc.record({ body: select, skip: fc.nat(9), count: fc.nat(9) }).map<QueryBody>((n) => ({
      kind: 'query',
      with: [],
      body: n.body,
      orderBy: [],
      limit: { skip: n.skip, count: n.count, span },
      span,
    })),
  )
  const orderItem = fc
    .record({ expr, descending: fc.boolean(), nulls: maybe(fc.constantFrom('first' as const, 'last' as const)) })
    .map((n) => ({ ...n, span }))
  const limit = fc.record({ skip: fc.nat(), count: maybe(fc.nat()) }).map((n) => ({ ...n, span }))
  return {
    expr: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'expr' },
      { weight: 3, arbitrary: leaf },
      { weight: 5, arbitrary: node },
    ),
    from,
    body,
    query: fc
      .record({
        with: fc.array(fc.record({ name: tableName, query: tie('query') }), { maxLength: 1 }),
        body: tie('body'),
        orderBy: fc.array(orderItem, { maxLength: 2 }),
        limit: maybe(limit),
      })
      .map<Query>((n) => {
        // The same rule as the parser's: a query around a query adds nothing by itself.
        const plain = n.with.length === 0 && n.orderBy.length === 0 && n.limit === undefined
        return plain && n.body.kind === 'query' ? n.body : { kind: 'query', ...n, span }
      }),
  }
})

const property = fc
  .record({ name: fc.constantFrom('partitions', 'retention.ms', 'odd name', '1st'), value: text })
  .map((n) => ({ ...n, span }))
const column = fc.record({ path, type: typeName, nullable: fc.boolean() }).map((n) => ({ ...n, span }))
const named = tableName
const statement: fc.Arbitrary<Statement> = fc.oneof(
  { weight: 4, arbitrary: trees.query.map<Statement>((query) => ({ kind: 'selectStatement', query, span })) },
  fc
    .record({ name: fc.constantFrom('max.size', '_ktype', 'odd name', '9', 'a-b'), value: text })
    .map<Statement>((n) => ({ kind: 'set', ...n, nameSpan: span, valueSpan: span, span })),
  named.map<Statement>((n) => ({ kind: 'use', name: n, span })),
  fc.record({ code: fc.boolean(), query: trees.query }).map<Statement>(({ code, query }) => ({
    kind: 'explain',
    code,
    statement: { kind: 'selectStatement', query, span },
    span,
  })),
  fc
    .record({
      table: named,
      targets: maybe(fc.array(path, { minLength: 1, maxLength: 3 })),
      rows: fc.array(fc.array(trees.expr, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
    })
    .map<Statement>((n) => ({ kind: 'insert', ...n, span })),
  fc
    .record({ table: named, targets: maybe(fc.array(path, { minLength: 1, maxLength: 3 })), query: trees.query })
    .map<Statement>((n) => ({ kind: 'insert', ...n, span })),
  fc
    .record({
      name: named,
      ifNotExists: fc.boolean(),
      columns: fc.array(column, { maxLength: 3 }),
      keyFormat: name,
      valueFormat: name,
      properties: fc.array(property, { maxLength: 2 }),
    })
    .map<Statement>((n) => ({ kind: 'createTable', ...n, span })),
  fc
    .record({ name: named, query: trees.query })
    .map<Statement>((n) => ({ kind: 'createView', ...n, text: printQuery(n.query), span })),
  fc.record({ name: named, target: named }).map<Statement>((n) => ({ kind: 'createSynonym', ...n, span })),
  fc
    .record({
      what: fc.constantFrom('table' as const, 'view' as const, 'synonym' as const),
      name: named,
      ifExists: fc.boolean(),
    })
    .map<Statement>((n) => ({ kind: 'drop', ...n, span })),
  named.map<Statement>((table) => ({ kind: 'truncate', table, span })),
  fc.record({ table: named, where: maybe(trees.expr) }).map<Statement>((n) => ({ kind: 'delete', ...n, span })),
  fc
    .constantFrom(
      'tables' as const,
      'table types' as const,
      'virtual tables' as const,
      'functions' as const,
      'views' as const,
      'synonyms' as const,
      'queries' as const,
      'all queries' as const,
      'settings' as const,
    )
    .map<Statement>((what) => ({ kind: 'show', what, span })),
  fc
    .record({ what: fc.constantFrom('view' as const, 'create table' as const), name: named })
    .map<Statement>((n) => ({ kind: 'show', ...n, span })),
  fc.record({ formatted: fc.boolean(), table: named }).map<Statement>((n) => ({ kind: 'describe', ...n, span })),
  text.map<Statement>((id) => ({ kind: 'kill', id, span })),
)

// ---------------------------------------------------------------------------------------------- properties

test('a printed expression parses to the same tree', () => {
  fc.assert(
    fc.property(trees.expr, (expr) => {
      const printed = printExpr(expr)
      assert.deepEqual(bare(parseExpression(printed)), bare(expr), printed)
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('a printed statement parses to the same tree', () => {
  fc.assert(
    fc.property(statement, (s) => {
      const printed = printStatement(s)
      assert.deepEqual(parseScript(printed).map(bare), [bare(s)], printed)
    }),
    { seed: SEED, numRuns: 400 },
  )
})

/** Every span of a tree, with the span of the node around it. */
function checkSpans(node: unknown, around: { start: number; end: number }, length: number): void {
  if (typeof node !== 'object' || node === null) return
  const own = (node as { span?: { start: number; end: number } }).span
  if (own !== undefined) {
    assert.ok(own.start >= 0 && own.start < own.end && own.end <= length, `${JSON.stringify(own)} of ${length}`)
    assert.ok(
      own.start >= around.start && own.end <= around.end,
      `${JSON.stringify(own)} outside of ${JSON.stringify(around)}`,
    )
  }
  for (const child of Object.values(node)) checkSpans(child, own ?? around, length)
}

test('spans are not empty, lie inside the text and nest', () => {
  const texts = fc.oneof(fc.constantFrom(...CORPUS), statement.map(printStatement))
  fc.assert(
    fc.property(texts, (sql) => {
      for (const s of parseScript(sql)) checkSpans(s, { start: 0, end: sql.length }, sql.length)
    }),
    { seed: SEED, numRuns: 250 },
  )
})

/** Text that is nearly a statement: a corpus statement with pieces removed, doubled, swapped or replaced. */
const PIECES = [
  ...KEYWORDS,
  ..."( ) [ ] { } , ; . : * - -- /* */ ' \" ` = == != < > || + / % \\ “ ’ 1 1.5 1abc .5 e \n \t é 🛳 \u0000 a b.c `x` 's'".split(
    ' ',
  ),
]
const mutated = fc
  .tuple(
    fc.constantFrom(...CORPUS),
    fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(8), fc.constantFrom('', ...PIECES)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([sql, edits]) =>
    edits.reduce(
      (out, [where, cut, piece]) => out.slice(0, where * out.length) + piece + out.slice(where * out.length + cut),
      sql,
    ),
  )
const soup = fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((pieces) => pieces.join(' '))
const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 60 }), soup, {
  weight: 3,
  arbitrary: mutated,
})

test('no text throws anything but SqlError, its rendering works, and what is parsed prints and parses again', () => {
  fc.assert(
    fc.property(anything, (sql) => {
      let statements: Statement[]
      try {
        statements = parseScript(sql)
      } catch (error) {
        if (!(error instanceof SqlError)) throw error
        assert.match(error.message, /^[^\n]+\.$/)
        assert.match(error.hint ?? 'None.', /^[^\n]+$/)
        const rendered = renderSqlError(error, sql)
        assert.ok(rendered.startsWith(error.message))
        if (error.span !== undefined)
          assert.ok(error.span.start >= 0 && error.span.start <= error.span.end && error.span.end <= sql.length)
        return
      }
      for (const s of statements) {
        const printed = printStatement(s)
        assert.deepEqual(parseScript(printed).map(bare), [bare(s)], printed)
      }
    }),
    { seed: SEED, numRuns: 6000 },
  )
})

test('tokens are in order, do not overlap, and leave out nothing but white space', () => {
  fc.assert(
    fc.property(anything, (sql) => {
      let at = 0
      for (const token of tokenize(sql)) {
        assert.match(sql.slice(at, token.start), /^\s*$/)
        assert.ok(token.end > token.start)
        assert.equal(token.text, sql.slice(token.start, token.end))
        assert.equal(token.kind === 'error', token.problem !== undefined)
        at = token.end
      }
      assert.match(sql.slice(at), /^\s*$/)
    }),
    { seed: SEED, numRuns: 6000 },
  )
})
