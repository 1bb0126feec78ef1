/** Help for editors: marks and suggestions as the caret moves through a text. `|` stands for the caret. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { highlights, type Known, placeAt, suggest, syntaxLints } from '../../../src/sql/editor-help.ts'

const known: Known = {
  tables: ['payments', 'pay-outs', 'my.topic-1', 'odd name', '__dual'],
  columns: new Map([['p', ['id', 'amount', 'card.number', 'card.holder name', 'odd name']]]),
  functions: ['concat', 'count'],
  settings: ['max.size', 'max.query.time'],
}

function at(text: string): { sql: string; caret: number } {
  return { sql: text.replace('|', ''), caret: text.indexOf('|') }
}
function offered(text: string): string[] {
  const { sql, caret } = at(text)
  return suggest(placeAt(sql, caret), known).map((s) => s.display)
}

test('statements at the start, and after a semicolon', () => {
  assert.deepEqual(offered('SEL|'), ['SELECT'])
  assert.deepEqual(offered('SELECT 1; SHO|'), ['SHOW'])
  assert.ok(offered('|').includes('SELECT') && offered('|').includes('DESCRIBE'))
  assert.ok(offered('EXPLAIN sel|').includes('SELECT'))
})

test('tables where a table is named', () => {
  assert.deepEqual(offered('SELECT * FROM pay|'), ['payments', 'pay-outs'])
  assert.deepEqual(offered('SELECT * FROM pay-|'), ['pay-outs'])
  assert.deepEqual(offered('SELECT * FROM payments a, pay|'), ['payments', 'pay-outs'])
  assert.deepEqual(offered('SELECT * FROM payments JOIN pay|'), ['payments', 'pay-outs'])
  assert.deepEqual(offered('DESCRIBE TABLE o|'), ['`odd name`'])
  assert.deepEqual(offered('SELECT * FROM `odd|'), ['`odd name`'])
  assert.deepEqual(offered('INSERT INTO my.|'), ['topic-1'])
})

test('fields, facets, functions and words elsewhere', () => {
  assert.deepEqual(offered('SELECT am| FROM payments p'), ['amount'])
  assert.deepEqual(offered('SELECT p.ca| FROM payments p'), ['card.number', 'card.`holder name`'])
  assert.deepEqual(offered('SELECT p.card.| FROM payments p'), ['number', '`holder name`'])
  assert.deepEqual(offered('SELECT _meta.off| FROM payments'), ['offset'])
  assert.deepEqual(offered('SELECT conc| FROM payments'), ['CONCAT'])
  assert.deepEqual(offered('SELECT * FROM payments WHERE id = 1 ORDE|'), ['ORDER BY'])
  assert.ok(offered('SELECT * FROM payments WHERE id = 1 |').includes('AND'))
  assert.deepEqual(offered('SET max.q|'), ['query.time'])
  assert.deepEqual(offered('SET max|'), ['max.size', 'max.query.time'])
  assert.deepEqual(offered('SHOW TAB|'), ['TABLES', 'TABLE TYPES'])
})

test('nothing inside strings and comments', () => {
  for (const text of ["SELECT 'am| x' FROM payments p", 'SELECT 1 -- am| x', 'SELECT /* am| */ 1', "SELECT 'am|"])
    assert.deepEqual(offered(text), [], text)
})

test('sources and their aliases', () => {
  assert.deepEqual(placeAt('SELECT x FROM a.b-c AS q JOIN `d e` f ON q.x = f.x', 8).sources, [
    { name: 'a.b-c', alias: 'q' },
    { name: 'd e', alias: 'f' },
  ])
  assert.deepEqual(placeAt('SELECT 1 FROM a; SELECT x FROM b', 25).sources, [{ name: 'b' }])
})

test('highlights say what each word is and cover it exactly', () => {
  const sql = "SELECT count(*), `a b` FROM t -- end\nWHERE x > 1.5 AND y = 'z' §"
  const marks = highlights(sql)
  for (const m of marks) assert.equal(sql.slice(m.start, m.end), m.text)
  const types = new Map(marks.map((m) => [m.text, m.type]))
  assert.deepEqual(
    ['SELECT', 'count', '`a b`', 't', '-- end', '1.5', "'z'", '>', '§'].map((t) => types.get(t)),
    ['keyword', 'function', 'quoted', 'identifier', 'comment', 'number', 'string', 'operator', 'error'],
  )
})

test('lints: every character that means nothing, else the first mistake; none for a good text and for none', () => {
  assert.deepEqual(syntaxLints('SELECT 1'), [])
  assert.deepEqual(syntaxLints('  '), [])
  const [lint] = syntaxLints('SELECT * FORM payments')
  assert.deepEqual([lint.start, lint.end, lint.type], [9, 13, 'error'])
  assert.match(lint.text, /FROM/)
  assert.equal(syntaxLints('SELECT § FROM ¤').length, 2)
})

test('long texts are quick, whatever they hold', () => {
  for (const piece of ['a,', 'FROM ', '(', 'x.', '`', "'", 'FROM a, ']) {
    const sql = `SELECT * FROM ${piece.repeat(100_000 / piece.length)}`
    const from = performance.now()
    suggest(placeAt(sql, sql.length), known)
    highlights(sql)
    syntaxLints(sql)
    assert.ok(performance.now() - from < 3000, `${piece}: ${performance.now() - from} ms`)
  }
})

test('any text and any caret: it answers, and what it marks lies inside the text', () => {
  const word = fc.constantFrom(
    'SELECT',
    '*',
    'FROM',
    'payments',
    '.',
    ',',
    '(',
    ')',
    "'x",
    '`',
    'WHERE',
    '=',
    '--',
    '/*',
    ';',
    '-',
    '\n',
    'p',
    '🙂',
  )
  fc.assert(
    fc.property(
      fc.array(fc.oneof(word, fc.string({ maxLength: 3 })), { maxLength: 12 }),
      fc.integer({ min: -1, max: 60 }),
      (words, caret) => {
        const sql = words.join(' ')
        suggest(placeAt(sql, caret), known)
        for (const mark of [...syntaxLints(sql), ...highlights(sql)])
          assert.ok(mark.start >= 0 && mark.end <= sql.length && mark.start <= mark.end)
      },
    ),
    { numRuns: 500, seed: 5 },
  )
})
