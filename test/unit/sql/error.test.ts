/** The one renderer of errors: a line, a caret, and texts that make carets go astray. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { position, renderSqlError, SqlError } from '../../../src/sql/error.ts'

/** Renders an error over the piece between « and ». */
function rendered(marked: string, hint?: string): string[] {
  const start = marked.indexOf('«')
  const end = marked.indexOf('»') - 1
  return renderSqlError(new SqlError('SYNTAX', 'Wrong.', { start, end }, hint), marked.replace(/[«»]/g, '')).split('\n')
}

test('a line with a caret under the span', () => {
  assert.deepEqual(rendered('SELECT «amoun» FROM payments', 'Did you mean "amount"?'), [
    'Wrong. Did you mean "amount"?',
    '1 | SELECT amoun FROM payments',
    '  |        ^^^^^',
  ])
})

test('no span: the message alone', () => {
  assert.equal(
    renderSqlError(new SqlError('LIMIT', 'Too long.', undefined, 'Shorten it.'), 'x'),
    'Too long. Shorten it.',
  )
  assert.equal(renderSqlError(new SqlError('LIMIT', 'Too long.'), 'x'), 'Too long.')
})

test('an empty span still gets one caret, also at the end of the text', () => {
  assert.deepEqual(rendered('SELECT«»'), ['Wrong.', '1 | SELECT', '  |       ^'])
  assert.deepEqual(rendered('«»'), ['Wrong.', '1 | ', '  | ^'])
})

test('the right line of many, and a gutter as wide as its number', () => {
  assert.deepEqual(rendered('SELECT a\nFROM «t»\nWHERE b'), ['Wrong.', '2 | FROM t', '  |      ^'])
  assert.deepEqual(rendered(`${'\n'.repeat(11)}a «b» c`), ['Wrong.', '12 | a b c', '   |   ^'])
})

test('CRLF lines end before the CR', () => {
  assert.deepEqual(rendered('SELECT a\r\nFROM «t»\r\nWHERE b'), ['Wrong.', '2 | FROM t', '  |      ^'])
  assert.deepEqual(rendered('SELECT «a\r\nFROM» t'), ['Wrong.', '1 | SELECT a', '  |        ^'])
})

test('a span over several lines is marked to the end of its first', () => {
  assert.deepEqual(rendered("SELECT «'abc\ndef»"), ['Wrong.', "1 | SELECT 'abc", '  |        ^^^^'])
})

test('a tab takes one cell, so that the caret stays below', () => {
  assert.deepEqual(rendered('SELECT\t\t«x»\tFROM t'), ['Wrong.', '1 | SELECT  x FROM t', '  |         ^'])
})

test('wide characters take two cells, combining marks none, invisible ones are spaces', () => {
  assert.deepEqual(rendered("SELECT '名前' «x»"), ['Wrong.', "1 | SELECT '名前' x", '  |               ^'])
  assert.deepEqual(rendered('SELECT «名前» x'), ['Wrong.', '1 | SELECT 名前 x', '  |        ^^^^'])
  assert.deepEqual(rendered("SELECT '🦀' «x»"), ['Wrong.', "1 | SELECT '🦀' x", '  |             ^'])
  assert.deepEqual(rendered("SELECT 'e\u0301' «x»"), ['Wrong.', "1 | SELECT 'e\u0301' x", '  |            ^'])
  assert.deepEqual(rendered('a\u0000\u202e\u2028\ud83d«b»'), ['Wrong.', '1 | a    b', '  |      ^'])
})

test('of a long line the piece around the span is shown', () => {
  const [, line, caret] = rendered(`${'x'.repeat(500)}«bad»${'y'.repeat(500)}`)
  assert.equal(line, `1 | ${'x'.repeat(60)}bad${'y'.repeat(57)}`)
  assert.equal(caret, `  | ${' '.repeat(60)}^^^`)
  const [, wholly, carets] = rendered(`${'x'.repeat(100)}«${'b'.repeat(500)}»`)
  assert.equal(wholly, `1 | ${'x'.repeat(60)}${'b'.repeat(60)}`)
  assert.equal(carets, `  | ${' '.repeat(60)}${'^'.repeat(60)}`)
})

test('position counts code points and does not leave the text', () => {
  assert.deepEqual(position('a🛳b', 3), { line: 1, column: 3, lineStart: 0, lineEnd: 4 })
  assert.deepEqual(position('a\nb', 99), { line: 2, column: 2, lineStart: 2, lineEnd: 3 })
  assert.deepEqual(position('', -5), { line: 1, column: 1, lineStart: 0, lineEnd: 0 })
})
