/** How text is understood: grouping of operators, the ambiguities of the dialect, and the shape of every statement. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExpression, parseQuery, parseScript } from '../../../src/sql/parse.ts'
import { printQuery, printStatement } from '../../../src/sql/print.ts'
import { bare, grouping, one } from './tree.ts'

// ---------------------------------------------------------------------------------------------- expressions

const GROUPINGS: readonly (readonly [string, string])[] = [
  ['a OR b AND NOT c = d', '(or a (and b (not (= c d))))'],
  ['NOT a AND b', '(and (not a) b)'],
  ['NOT NOT a', '(not (not a))'],
  ['a - b - c', '(- (- a b) c)'],
  ['a - (b - c)', '(- a (- b c))'],
  ['a + b * c % d', '(+ a (% (* b c) d))'],
  ['-a * b', '(* (-1 a) b)'],
  ['- -1', '(-1 (-1 1))'],
  ['a-1', '(- a 1)'],
  ['a -1', '(- a 1)'],
  ['-a.b[0]', '(-1 (at a.b 0))'],
  ["a || 'x' || b + 1 = c", '(= (|| (|| a "x") (+ b 1)) c)'],
  ['a <> b', '(!= a b)'],
  ['(a = b) = c', '(= (= a b) c)'],
  ['a IS NULL AND b IS NOT NULL', '(and (null? a) (not-null b))'],
  ['a IS TRUE OR b IS NOT FALSE', '(or (true? a) (not-false? b))'],
  ['NOT a IS NOT UNKNOWN', '(not (not-unknown? a))'],
  ['a = b IS TRUE', '(true? (= a b))'],
  ['a + 1 > b IS NOT NULL AND c', '(and (not-null (> (+ a 1) b)) c)'],
  ['a IN (1) IS FALSE IS NULL', '(null? (false? (in a 1)))'],
  ['a < CURRENT_TIMESTAMP AND b > Current_Date()', '(and (< a CURRENT_TIMESTAMP) (> b Current_Date))'],
  ['isnull(a, 0) + ISNULL(b, 1)', '(+ (call isnull a 0) (call ISNULL b 1))'],
  ['SUM(ALL a) + `all` + t.all', '(+ (+ (call SUM all a) `all`) t.all)'],
  ['a + 1 BETWEEN b AND c + 1 AND d', '(and (between (+ a 1) b (+ c 1)) d)'],
  ['a NOT BETWEEN 1 AND 2', '(not-between a 1 2)'],
  ["a LIKE 'x%' OR a NOT LIKE b || '%'", '(or (like a "x%") (not-like a (|| b "%")))'],
  ['a IN (1, b + 1) AND c NOT IN (2)', '(and (in a 1 (+ b 1)) (not-in c 2))'],
  ['a IN (SELECT b FROM t)', '(in a SELECT b FROM t)'],
  ['a IN ((SELECT b FROM t))', '(in a (query SELECT b FROM t))'],
  ['a > (SELECT MAX(b) FROM t)', '(> a (query SELECT MAX(b) FROM t))'],
  ['NOT EXISTS (SELECT 1 FROM t)', '(not (exists SELECT 1 FROM t))'],
  ['a.b.c', 'a.b.c'],
  ['_meta.offset', '_meta.offset'],
  ['t._key.`a b`', 't._key.`a b`'],
  ['(a.b).c', '(. a.b c)'],
  ['lines[0].sku', '(. (at lines 0) sku)'],
  ['m[0][i + 1]', '(at (at m 0) (+ i 1))'],
  ['[7, 8][1]', '(at (array 7 8) 1)'],
  ['{a: 1, b: {c: x}}.b.c', '(. (. (struct a=1 b=(struct c=x)) b) c)'],
  ['{1 AS a, x AS b}', '(struct a=1 b=x)'],
  ['{from: 1}', '(struct from=1)'],
  ["CASE WHEN a THEN 'x' ELSE 'y' END", '(case _ a:"x" "y")'],
  ["CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END", '(case a 1:"x" 2:"y" _)'],
  ['CASE WHEN a THEN 1 END + 1', '(+ (case _ a:1 _) 1)'],
  ['CASE end WHEN 1 THEN end ELSE end END', '(case end 1:end end)'],
  ['CAST(a + 1 AS TEXT)', '(cast (+ a 1) text)'],
  ['CAST(a AS INT[][])', '(cast a int[][])'],
  ['TRUE AND false OR NULL', '(or (and true false) null)'],
  ['"a" = \'a\'', '(= "a" "a")'],
  ['count(*)', '(call count *)'],
  ['COUNT(DISTINCT a)', '(call COUNT distinct a)'],
  ['SUM(a) FILTER (WHERE b > 1)', '(call SUM a filter=(> b 1))'],
  ["POSITION('x' IN f)", '(call POSITION "x" f)'],
  ["position('x', f)", '(call position "x" f)'],
  ["POSITION('x' || y IN f) > 0", '(> (call POSITION (|| "x" y) f) 0)'],
  ['POSITION((a IN (1)), f)', '(call POSITION (in a 1) f)'],
  ['NOW() - "90m"', '(- (call NOW) "90m")'],
]
for (const [text, tree] of GROUPINGS) test(`grouping: ${text}`, () => assert.equal(grouping(text), tree))

test('words of the grammar are column names wherever that is not ambiguous', () => {
  const words =
    'key value date time timestamp count type table query format offset partition first last left right full inner cross outer order group limit end asc desc by set with if for exists cast filter position values over show use view nulls into'
  for (const word of words.split(' ')) {
    assert.equal(grouping(word), word)
    assert.equal(grouping(`${word} + t.${word}`), `(+ ${word} t.${word})`)
    assert.equal(grouping(`max(${word}, 1)`), `(call max ${word} 1)`)
    assert.equal(
      printStatement(one(`SELECT ${word}, a AS ${word} FROM t WHERE ${word} = 1 ORDER BY ${word} LIMIT 1`)),
      `SELECT ${word}, a AS ${word} FROM t WHERE ${word} = 1 ORDER BY ${word} LIMIT 1`,
    )
  }
})

test('after a dot, before a colon and in a list of targets every word is a name', () => {
  for (const word of 'from select where null case and not in is'.split(' ')) {
    assert.equal(grouping(`a.${word}.b`), `a.${word}.b`)
    assert.equal(grouping(`{${word}: 1}`), `(struct ${word}=1)`)
    assert.equal(one(`INSERT INTO t (a, ${word}) VALUES (1, 2)`).kind, 'insert')
    assert.equal(one(`CREATE TABLE t (${word} int) FORMAT (json, json)`).kind, 'createTable')
    assert.equal(printStatement(one(`SELECT a AS ${word} FROM t`)), `SELECT a AS ${word} FROM t`)
  }
})

test('functions that are words of the grammar, plain and between back-ticks', () => {
  for (const name of 'MAX REPLACE TRUNCATE DATE YEAR EXISTS LAST FIRST LEFT IF SET'.split(' ')) {
    assert.equal(grouping(`${name}(f)`), `(call ${name} f)`)
    assert.equal(grouping(`\`${name}\`(f)`), `(call \`${name}\` f)`)
  }
  assert.equal(grouping('DATE()'), '(call DATE)')
})

test('spans: operators, operands in parentheses, and what surrounds them', () => {
  const text = '  (a + b) * c.d'
  const expr = parseExpression(text)
  assert.ok(expr.kind === 'binary')
  assert.deepEqual(expr.span, { start: 2, end: 15 })
  assert.deepEqual(expr.opSpan, { start: 10, end: 11 })
  assert.deepEqual(expr.left.span, { start: 3, end: 8 })
  assert.deepEqual(expr.right.kind === 'column' && expr.right.parts.map((part) => part.span), [
    { start: 12, end: 13 },
    { start: 14, end: 15 },
  ])
})

// ---------------------------------------------------------------------------------------------- queries

test('table position takes raw names; an expression takes minus', () => {
  const names: readonly (readonly [string, string, boolean])[] = [
    ['users-topic', 'users-topic', false],
    ['_internal.topic-1', '_internal.topic-1', false],
    ['nyc-2024', 'nyc-2024', false],
    ['2024-orders', '2024-orders', false],
    ['from-x', 'from-x', false],
    ['`my topic`', 'my topic', true],
    ['`kafka`.`orders`', 'kafka.orders', true],
    ['`kafka`.orders', 'kafka.orders', true],
    ['kafka.`orders`', 'kafka.orders', true],
  ]
  for (const [text, name, quoted] of names) {
    const statement = one(`SELECT a-b FROM ${text} x`)
    assert.ok(statement.kind === 'selectStatement' && statement.query.body.kind === 'select')
    const { items, from } = statement.query.body
    assert.ok(from?.kind === 'table' && items[0].kind === 'expr')
    assert.deepEqual([from.name.text, from.name.quoted, from.alias?.text], [name, quoted, 'x'])
    assert.equal(from.name.span.end - from.name.span.start, text.length)
    assert.equal(items[0].expr.kind, 'binary')
  }
})

test('stars and aliases', () => {
  assert.deepEqual(bare(parseQuery('SELECT *, t.*, _meta.*, a.b.*, x AS item.code, y z FROM t').body), {
    kind: 'select',
    distinct: false,
    items: [
      { kind: 'star', path: [] },
      { kind: 'star', path: [{ text: 't', quoted: false }] },
      { kind: 'star', path: [{ text: '_meta', quoted: false }] },
      {
        kind: 'star',
        path: [
          { text: 'a', quoted: false },
          { text: 'b', quoted: false },
        ],
      },
      {
        kind: 'expr',
        expr: { kind: 'column', parts: [{ text: 'x', quoted: false }] },
        alias: [
          { text: 'item', quoted: false },
          { text: 'code', quoted: false },
        ],
      },
      {
        kind: 'expr',
        expr: { kind: 'column', parts: [{ text: 'y', quoted: false }] },
        alias: [{ text: 'z', quoted: false }],
      },
    ],
    from: { kind: 'table', name: { text: 't', quoted: false } },
    groupBy: [],
  })
})

test('LIMIT and OFFSET in all their spellings', () => {
  const limits: readonly (readonly [string, unknown])[] = [
    ['LIMIT 5', { skip: 0, count: 5 }],
    ['LIMIT 4, 1', { skip: 4, count: 1 }],
    ['LIMIT 1 OFFSET 4', { skip: 4, count: 1 }],
    ['OFFSET 4', { skip: 4 }],
    ['OFFSET 4 LIMIT 1', { skip: 4, count: 1 }],
    ['LIMIT 0', { skip: 0, count: 0 }],
    ['', undefined],
  ]
  for (const [text, limit] of limits)
    assert.deepEqual(bare({ limit: parseQuery(`SELECT a FROM t ${text}`).limit }), limit === undefined ? {} : { limit })
})

test('ORDER BY', () => {
  assert.deepEqual(
    parseQuery('SELECT a FROM t ORDER BY a, b DESC, c ASC NULLS LAST, d NULLS FIRST').orderBy.map((item) => [
      item.descending,
      item.nulls,
    ]),
    [
      [false, undefined],
      [true, undefined],
      [false, 'last'],
      [false, 'first'],
    ],
  )
})

test('set operations lean to the left, INTERSECT binds more tightly, parentheses stay where they matter', () => {
  const canonical: readonly (readonly [string, string])[] = [
    ['SELECT 1 UNION SELECT 2 EXCEPT SELECT 3', '(SELECT 1 UNION SELECT 2) EXCEPT SELECT 3'],
    ['SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 3', 'SELECT 1 UNION ALL (SELECT 2 INTERSECT SELECT 3)'],
    ['SELECT 1 LIMIT 2', '(SELECT 1 LIMIT 2)'],
  ]
  for (const [text, same] of canonical) assert.deepEqual(bare(parseQuery(text)), bare(parseQuery(same)))
  assert.equal(
    printQuery(parseQuery('((SELECT 1) UNION (SELECT 2 LIMIT 3)) ORDER BY 1')),
    'SELECT 1 UNION (SELECT 2 LIMIT 3) ORDER BY 1',
  )
  assert.equal(
    printQuery(parseQuery('SELECT 1 EXCEPT (SELECT 2 EXCEPT SELECT 3)')),
    'SELECT 1 EXCEPT (SELECT 2 EXCEPT SELECT 3)',
  )
})

test('joins: every type, leaning to the left, with LATERAL between them', () => {
  const body = parseQuery(
    'SELECT * FROM a JOIN b ON 1 LEFT OUTER JOIN c ON 2 RIGHT JOIN d ON 3 FULL OUTER JOIN e ON 4 OUTER JOIN f ON 5 CROSS JOIN g LATERAL g.xs AS x',
  ).body
  assert.ok(body.kind === 'select')
  const types: string[] = []
  let from = body.from
  assert.ok(from?.kind === 'lateral' && from.alias.text === 'x')
  from = from.input
  while (from.kind === 'join') {
    types.unshift(from.type)
    assert.equal(from.on === undefined, from.type === 'cross')
    from = from.left
  }
  assert.deepEqual(types, ['inner', 'left', 'right', 'full', 'full', 'cross'])
})

test('words that begin streaming clauses are names elsewhere', () => {
  for (const text of [
    'SELECT stream FROM t',
    'SELECT table, stream FROM t',
    'SELECT stream * 2 AS x FROM t',
    'SELECT stream.a FROM t',
    'SELECT table(1) FROM t',
    'SELECT a within, b emit FROM t window',
    'SELECT stream NOT IN (1) FROM t',
  ]) {
    assert.equal(one(text).kind, 'selectStatement', text)
  }
})

// ---------------------------------------------------------------------------------------------- statements

test('SET reads names and values raw', () => {
  const values: readonly (readonly [string, string, string])[] = [
    ['SET max.size = 1M', 'max.size', '1M'],
    ['SET max.size=200m', 'max.size', '200m'],
    ["SET max.size = '256m'", 'max.size', '256m'],
    ['SET max.idle.time = 30s', 'max.idle.time', '30s'],
    ['SET a = "30s"', 'a', '30s'],
    ['SET a = true', 'a', 'true'],
    ['SET a = 1.5', 'a', '1.5'],
    ['SET a =-1', 'a', '-1'],
    ['SET a = 5 -- five', 'a', '5'],
    ['SET a /* b */ = /* c */ 5/* d */', 'a', '5'],
    ['SET bootstrap.servers = h-1:9092,h-2:9092', 'bootstrap.servers', 'h-1:9092,h-2:9092'],
    ["SET _ktype='STRING'", '_ktype', 'STRING'],
    ["SET `odd name` = ''", 'odd name', ''],
  ]
  for (const [text, name, value] of values) assert.deepEqual(bare(one(text)), { kind: 'set', name, value })
  const [set] = parseScript("SET max.size = '1M' ;")
  assert.ok(set.kind === 'set')
  assert.deepEqual(
    [set.span, set.nameSpan, set.valueSpan],
    [
      { start: 0, end: 19 },
      { start: 4, end: 12 },
      { start: 15, end: 19 },
    ],
  )
})

test('several statements, empty ones, and the span of each', () => {
  const text = ";SET a = 1; ; SELECT ';' FROM t -- ;\n;; SHOW TABLES"
  assert.deepEqual(
    parseScript(text).map((s) => text.slice(s.span.start, s.span.end)),
    ['SET a = 1', "SELECT ';' FROM t", 'SHOW TABLES'],
  )
})

test('INSERT', () => {
  assert.deepEqual(bare(one("INSERT INTO a-b (_key, c.d) VALUES ('k', 1), ('l', NULL)")), {
    kind: 'insert',
    table: { text: 'a-b', quoted: false },
    targets: [
      [{ text: '_key', quoted: false }],
      [
        { text: 'c', quoted: false },
        { text: 'd', quoted: false },
      ],
    ],
    rows: [
      [
        { kind: 'string', value: 'k' },
        { kind: 'number', text: '1' },
      ],
      [{ kind: 'string', value: 'l' }, { kind: 'null' }],
    ],
  })
  for (const text of [
    'INSERT INTO t SELECT 1',
    'INSERT INTO t (SELECT 1)',
    'INSERT INTO t (a) (SELECT 1)',
    'INSERT INTO t (with) WITH x AS (SELECT 1) SELECT 1',
  ]) {
    const statement = one(text)
    assert.ok(statement.kind === 'insert' && statement.query !== undefined && statement.rows === undefined, text)
  }
})

test('CREATE TABLE', () => {
  assert.deepEqual(
    bare(
      one(
        "CREATE TABLE IF NOT EXISTS g-s (_key.id INT, p decimal(10,2)[] NOT NULL) format (Avro, JSON) PROPERTIES (partitions=3, retention.ms='-1', compacted = true)",
      ),
    ),
    {
      kind: 'createTable',
      name: { text: 'g-s', quoted: false },
      ifNotExists: true,
      columns: [
        {
          path: [
            { text: '_key', quoted: false },
            { text: 'id', quoted: false },
          ],
          type: { name: 'int', arrayDepth: 0 },
          nullable: false,
        },
        {
          path: [{ text: 'p', quoted: false }],
          type: { name: 'decimal', precision: 10, scale: 2, arrayDepth: 1 },
          nullable: false,
        },
      ],
      keyFormat: { text: 'Avro', quoted: false },
      valueFormat: { text: 'JSON', quoted: false },
      properties: [
        { name: 'partitions', value: '3' },
        { name: 'retention.ms', value: '-1' },
        { name: 'compacted', value: 'true' },
      ],
    },
  )
})

test('CREATE VIEW keeps the text of its SELECT as written', () => {
  const statement = one('CREATE VIEW v AS  SELECT a /* why */ FROM t   LIMIT 5 ; ')
  assert.ok(statement.kind === 'createView')
  assert.equal(statement.text, 'SELECT a /* why */ FROM t   LIMIT 5')
})

const SHAPES: readonly (readonly [string, object])[] = [
  [
    'CREATE SYNONYM s FOR orders.v1',
    { kind: 'createSynonym', name: { text: 's', quoted: false }, target: { text: 'orders.v1', quoted: false } },
  ],
  ['DROP VIEW IF EXISTS v', { kind: 'drop', what: 'view', name: { text: 'v', quoted: false }, ifExists: true }],
  ['TRUNCATE t', { kind: 'truncate', table: { text: 't', quoted: false } }],
  ['DELETE FROM t', { kind: 'delete', table: { text: 't', quoted: false } }],
  ['SHOW TABLE TYPES', { kind: 'show', what: 'table types' }],
  ['SHOW ALL QUERIES', { kind: 'show', what: 'all queries' }],
  ['SHOW VIEW v-1', { kind: 'show', what: 'view', name: { text: 'v-1', quoted: false } }],
  ['SHOW CREATE TABLE t', { kind: 'show', what: 'create table', name: { text: 't', quoted: false } }],
  ['DESCRIBE TABLE a-b', { kind: 'describe', formatted: false, table: { text: 'a-b', quoted: false } }],
  ['DESCRIBE FORMATTED t', { kind: 'describe', formatted: true, table: { text: 't', quoted: false } }],
  ['DESCRIBE t', { kind: 'describe', formatted: false, table: { text: 't', quoted: false } }],
  ['KILL QUERY 3f-2a', { kind: 'kill', id: '3f-2a' }],
  ["KILL QUERY '3f'", { kind: 'kill', id: '3f' }],
  ['USE `kafka`', { kind: 'use', name: { text: 'kafka', quoted: true } }],
  ['EXPLAIN CODE SHOW TABLES', { kind: 'explain', code: true, statement: { kind: 'show', what: 'tables' } }],
  ['EXPLAIN KILL QUERY 1', { kind: 'explain', code: false, statement: { kind: 'kill', id: '1' } }],
]
for (const [text, tree] of SHAPES) test(`shape: ${text}`, () => assert.deepEqual(bare(one(text)), tree))
