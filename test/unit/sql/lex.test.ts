/** Tokens: kinds, values, and broken text. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bareNameEnd, bareValueEnd, tokenize } from '../../../src/sql/lex.ts'
import type { TokenKind } from '../../../src/sql/lex.ts'

function kinds(text: string): (readonly [TokenKind, string])[] {
  return tokenize(text).map((token) => [token.kind, token.text])
}

test('every kind, with comments, for an editor', () => {
  assert.deepEqual(kinds('SELECT a.`b c`, 1.5 /* x */ FROM t-- end\nWHERE s >= "q";'), [
    ['keyword', 'SELECT'],
    ['identifier', 'a'],
    ['punctuation', '.'],
    ['quoted', '`b c`'],
    ['punctuation', ','],
    ['number', '1.5'],
    ['comment', '/* x */'],
    ['keyword', 'FROM'],
    ['identifier', 't'],
    ['comment', '-- end'],
    ['keyword', 'WHERE'],
    ['identifier', 's'],
    ['operator', '>='],
    ['string', '"q"'],
    ['punctuation', ';'],
  ])
})

test('numbers', () => {
  for (const text of ['0', '12', '1.50', '.5', '2e3', '2E-3', '1.5e+7', '9223372036854775808'])
    assert.deepEqual(kinds(text), [['number', text]])
  assert.deepEqual(kinds('1.x'), [
    ['number', '1'],
    ['punctuation', '.'],
    ['identifier', 'x'],
  ])
  assert.deepEqual(kinds('1-2'), [
    ['number', '1'],
    ['operator', '-'],
    ['number', '2'],
  ])
  for (const text of ['1abc', '1e', '2e3x', '0x1F', '1_000', '1é']) assert.deepEqual(kinds(text), [['error', text]])
})

test('strings: both quotes, doubled quotes, escapes; an unknown escape keeps its backslash', () => {
  const values: readonly (readonly [string, string])[] = [
    ["'abc'", 'abc'],
    ['"abc"', 'abc'],
    ["''", ''],
    ["'it''s'", "it's"],
    ['"say ""hi"""', 'say "hi"'],
    ["'\"'", '"'],
    [String.raw`'\''`, "'"],
    [String.raw`"\""`, '"'],
    [String.raw`'a\\b'`, 'a\\b'],
    [String.raw`'\n\t\r'`, '\n\t\r'],
    [String.raw`'([a-z]+)-(\d+)\.\x'`, String.raw`([a-z]+)-(\d+)\.\x`],
    ["'two\nlines'", 'two\nlines'],
    ["'-- no /* comment */'", '-- no /* comment */'],
  ]
  for (const [text, value] of values) {
    const [token, ...more] = tokenize(text)
    assert.deepEqual([token.kind, token.value, more.length], ['string', value, 0], text)
  }
})

test('back-ticked names', () => {
  assert.deepEqual(
    tokenize('`a b` `x``y` `\\n`').map((token) => [token.kind, token.value]),
    [
      ['quoted', 'a b'],
      ['quoted', 'x`y'],
      ['quoted', '\\n'],
    ],
  )
})

test('words: letters of any script, keywords only in ASCII and in any case', () => {
  assert.deepEqual(kinds('grün 名前 _a9 Ünï sELECT'), [
    ['identifier', 'grün'],
    ['identifier', '名前'],
    ['identifier', '_a9'],
    ['identifier', 'Ünï'],
    ['keyword', 'sELECT'],
  ])
  // U+017F and U+0131 have ASCII upper-case forms.
  assert.deepEqual(
    kinds('\u017felect l\u0131mit').map(([kind]) => kind),
    ['identifier', 'identifier'],
  )
})

test('white space of any script separates, and a byte order mark is white space', () => {
  assert.deepEqual(
    kinds('\ufeffa\u00a0b\u2003c\u3000d\u2028e\r\nf').map(([, text]) => text),
    ['a', 'b', 'c', 'd', 'e', 'f'],
  )
})

test('operators: the longest first', () => {
  assert.deepEqual(
    kinds('<=<>!= >=<>=||').map(([, text]) => text),
    ['<=', '<>', '!=', '>=', '<>', '=', '||'],
  )
})

test('broken text gives error tokens and the rest is read on', () => {
  assert.deepEqual(kinds('a == b ! “c” # $x'), [
    ['identifier', 'a'],
    ['error', '=='],
    ['identifier', 'b'],
    ['error', '!'],
    ['error', '“'],
    ['identifier', 'c'],
    ['error', '”'],
    ['error', '#'],
    ['error', '$'],
    ['identifier', 'x'],
  ])
  for (const open of ["'abc -- x", '"abc', '`abc', '/* abc'])
    assert.deepEqual(kinds(`a ${open}`), [
      ['identifier', 'a'],
      ['error', open],
    ])
  assert.deepEqual(
    kinds('🛳 \ud83d').map(([kind]) => kind),
    ['error', 'error'],
  )
})

test('a bare name in table position takes dots, hyphens and digits', () => {
  const ends: readonly (readonly [string, string])[] = [
    ['users-topic t', 'users-topic'],
    ['orders.v1,', 'orders.v1'],
    ['_internal.topic-1)', '_internal.topic-1'],
    ['nyc-2024;', 'nyc-2024'],
    ['2024-x', '2024-x'],
    ['a--b', 'a'],
    ['a- b', 'a'],
    ['a.*', 'a'],
    ['a.`b`', 'a'],
    ['grün-名前', 'grün-名前'],
    ['-a', ''],
    ['.a', ''],
    ['`a`', ''],
    ['', ''],
  ]
  for (const [text, name] of ends) assert.equal(text.slice(0, bareNameEnd(text, 0)), name, text)
})

test('a bare value ends at white space, a quote, a semicolon, a comment or a given stop', () => {
  const ends: readonly (readonly [string, string])[] = [
    ['30s;', '30s'],
    ['-1 x', '-1'],
    ['1.5--c', '1.5'],
    ['5/*c*/', '5'],
    ["a'b'", 'a'],
    ['h:1,h:2)', 'h:1,h:2)'],
  ]
  for (const [text, value] of ends) assert.equal(text.slice(0, bareValueEnd(text, 0, '')), value, text)
  assert.equal(bareValueEnd('3,b', 0, ',)'), 1)
  assert.equal(bareValueEnd('3)', 0, ',)'), 1)
})
