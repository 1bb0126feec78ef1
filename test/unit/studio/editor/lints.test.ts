/** Errors as one types: the server's sentences, the places, and the changes that mend them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixesOf, formLints, questionOf } from '../../../../src/studio/editor/lints.ts'
import { placeInText, runPieces, textToRun } from '../../../../src/studio/editor/statement.ts'
import { started, wrongSpan } from '../../../../src/studio/query/start.ts'

function fixed(text: string, lint: { fixes: readonly { from: number; to: number; insert: string }[] }): string {
  const [{ from, to, insert }] = lint.fixes
  return text.slice(0, from) + insert + text.slice(to)
}

test('form: the sentence with its hint, the span, one change', () => {
  const text = 'SELECT a FORM t'
  const [lint] = formLints(text)
  assert.equal(lint.message, 'Expected FROM, but found "FORM". Did you mean "FROM"?')
  assert.deepEqual([lint.from, lint.to], [9, 13])
  assert.equal(fixed(text, lint), 'SELECT a FROM t')
  const equal = 'SELECT a FROM t WHERE a == 1'
  assert.equal(fixed(equal, formLints(equal)[0]), 'SELECT a FROM t WHERE a = 1')
})

test('form: what is missing at the end is marked at the last character; parameters are values', () => {
  const [lint] = formLints('SELECT a FROM')
  assert.ok(lint.to > lint.from && lint.to <= 13)
  assert.deepEqual(formLints('SELECT * FROM t WHERE a = :a LIMIT :n'), [])
})

test('meaning: places are led back behind parameters; names are written so that they can stand', () => {
  const text = 'SELECT * FROM t WHERE a = :a AND curency = 1'
  const { sql, lints } = questionOf(text, { a: "'a long text'" })
  const start = sql.indexOf('curency')
  const message = 'Unknown column "curency" in t. Did you mean "currency" or "full name"?'
  const [lint] = lints([{ start, end: start + 7, text: message, type: 'error' }])
  assert.equal(text.slice(lint.from, lint.to), 'curency')
  assert.deepEqual(
    lint.fixes.map(({ insert }) => insert),
    ['currency', '`full name`'],
  )
  const [table] = fixesOf('Unknown table "my topc". Did you mean "my topic"?', { from: 0, to: 7 }, 'my_topc')
  assert.equal(table.insert, '`my topic`')
  const [path] = fixesOf('Unknown column "p.amoun". Did you mean "amount"?', { from: 0, to: 7 }, 'p.amoun')
  assert.equal(path.insert, 'p.amount')
})

test('the statement under the caret, with its SETs; places of it in the text', () => {
  const text = "SET max.size = 1m; SELECT 1 FROM a; SELECT :x FROM b -- ';'"
  const caret = text.indexOf(':x')
  const selection = { from: caret, to: caret }
  assert.equal(textToRun(text, selection), 'SET max.size = 1m;\nSELECT :x FROM b')
  const pieces = runPieces(text, selection)
  const sent = textToRun(text, selection)
  assert.equal(placeInText(pieces, sent.indexOf('FROM b')), text.indexOf('FROM b'))
  const run = started(text, selection, { x: "'abc'" }, false)
  assert.equal(run.sql, "SET max.size = 1m;\nSELECT 'abc' FROM b")
  assert.equal(run.back(run.sql.indexOf('FROM b')), text.indexOf('FROM b'))
  const place = { line: 2, from: 'SELECT '.length + 6 + 5, to: 'SELECT '.length + 6 + 6 }
  const span = wrongSpan({ sql: run.sql, error: { message: '', place } }, text, run)
  assert.equal(text.slice(span?.from, span?.to), 'b')
  assert.equal(wrongSpan({ sql: run.sql, error: { message: '', place } }, `${text} `, run), undefined)
  assert.deepEqual(started('SELECT :a, :b', { from: 0, to: 0 }, { a: '1' }, true).missing, ['b'])
})
