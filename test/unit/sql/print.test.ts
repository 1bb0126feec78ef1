/** Printing: the corpus comes back as the same tree, and the canonical text is what we say it is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExpression, parseScript } from '../../../src/sql/parse.ts'
import { printExpr, printStatement, printString } from '../../../src/sql/print.ts'
import { CORPUS } from './corpus.ts'
import { bare, one } from './tree.ts'

test('the corpus is large and has no duplicates', () => {
  assert.ok(CORPUS.length >= 150, `${CORPUS.length} statements`)
  assert.equal(new Set(CORPUS).size, CORPUS.length)
})

for (const text of CORPUS) {
  test(`round trip: ${text.replaceAll(/\s+/g, ' ').slice(0, 100)}`, () => {
    const statement = one(text)
    const printed = printStatement(statement)
    assert.deepEqual(bare(one(printed)), bare(statement), printed)
    assert.equal(printStatement(one(printed)), printed, 'printing is stable')
  })
}

test('the whole corpus as one script', () => {
  const script = `;;${CORPUS.join('\n;')};;`
  assert.deepEqual(
    parseScript(script, { maxStatements: 1000 }).map(bare),
    CORPUS.map((text) => bare(one(text))),
  )
})

const CANONICAL: readonly (readonly [string, string])[] = [
  ['select a b , count(*)from t x', 'SELECT a AS b, count(*) FROM t AS x'],
  ['SELECT * FROM t LIMIT 4,1', 'SELECT * FROM t LIMIT 1 OFFSET 4'],
  ['select * from a outer join b on a.x=b.x', 'SELECT * FROM a FULL JOIN b ON a.x = b.x'],
  [
    'SELECT ((a)) + ((b * c)), (a + b) * c FROM t WHERE ((a = 1) AND (b <> 2)) OR (c)',
    'SELECT a + b * c, (a + b) * c FROM t WHERE a = 1 AND b != 2 OR c',
  ],
  ['SELECT a - (b - c), a - b - c, - -a, -(-1) FROM t', 'SELECT a - (b - c), a - b - c, -(-a), -(-1) FROM t'],
  ['SELECT {1 AS a, x AS b} FROM t', 'SELECT {a: 1, b: x} FROM t'],
  ["SELECT POSITION('x' IN f) FROM t", "SELECT POSITION('x', f) FROM t"],
  ["SET max.size = '1M'", 'SET max.size = 1M'],
  ["SET x = 'a b'", "SET x = 'a b'"],
  ['(((SELECT a FROM t)))', 'SELECT a FROM t'],
  ['desc t', 'DESCRIBE TABLE t'],
  ['create view v as  select  a from t', 'CREATE VIEW v AS select  a from t'],
  ['SELECT a FROM t ORDER BY a ASC NULLS FIRST, b DESC', 'SELECT a FROM t ORDER BY a NULLS FIRST, b DESC'],
  ['SELECT `from` f, `a b`, `key` FROM `t`', 'SELECT `from` AS f, `a b`, `key` FROM `t`'],
]
for (const [text, canonical] of CANONICAL)
  test(`canonical: ${canonical}`, () => assert.equal(printStatement(one(text)), canonical))

test('names that cannot stand bare are printed between back-ticks, whatever the tree says', () => {
  const span = { start: 0, end: 0 }
  const name = (text: string) => ({ text, quoted: false, span })
  assert.equal(
    printExpr({ kind: 'column', parts: [name('from'), name('from'), name('x y'), name('a`b')], span }),
    '`from`.from.`x y`.`a``b`',
  )
  assert.equal(
    printStatement({ kind: 'drop', what: 'table', name: name('a b'), ifExists: false, span }),
    'DROP TABLE `a b`',
  )
  assert.equal(
    printStatement({ kind: 'drop', what: 'table', name: name('a--b'), ifExists: false, span }),
    'DROP TABLE `a--b`',
  )
})

test('strings come back with every character', () => {
  for (const value of ['', "'", '"', '\\', "\\'", 'a\nb\tc\rd', '\\d+', '`', ';', '--', '\u0000', '\ud83d', '🛳']) {
    const back = parseExpression(printString(value))
    assert.equal(back.kind === 'string' && back.value, value)
  }
})
