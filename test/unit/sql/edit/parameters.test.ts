/** Parameters: found by the lexer, put in as literals, positions led back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asLiteral,
  inputOf,
  literalOf,
  parameterNames,
  parameterPlaces,
  substituted,
  typeOfLiteral,
  withPlaceholders,
} from '../../../../src/sql/edit/parameters.ts'
import { parseScript } from '../../../../src/sql/parse.ts'

test('found where an expression may stand, and nowhere else', () => {
  const sql =
    "SELECT ':no', `:no`, {a: x, b: :yes}, {c:no} -- :no\n FROM t WHERE a = :from AND b IN (:yes, :to) /* :no */"
  assert.deepEqual(parameterNames(sql), ['yes', 'from', 'to'])
  assert.deepEqual(parameterNames('SELECT {a :no, b :no}'), [])
  assert.deepEqual(parameterPlaces('a : b'), [], 'the name stands at the colon')
})

test('put in as one literal, never as text', () => {
  const { sql, missing } = substituted("SELECT ':a' FROM t WHERE x = :a AND y = :b", { a: "it's' OR 1=1 --" })
  assert.equal(sql, "SELECT ':a' FROM t WHERE x = 'it''s'' OR 1=1 --' AND y = NULL")
  assert.deepEqual(missing, ['b'])
  assert.equal(parseScript(sql).length, 1)
  assert.equal(substituted('x = :n', { n: '-5' }).sql, 'x = -5')
  assert.equal(substituted('x = :n', { n: '1; DROP TABLE t' }).sql, "x = '1; DROP TABLE t'")
  assert.deepEqual(substituted('x = :constructor', {}).missing, ['constructor'])
})

test('positions are led back', () => {
  const text = 'WHERE a = :from AND nope = 1'
  const { sql, back } = substituted(text, { from: "'2026-01-01'" })
  assert.equal(back(sql.indexOf('nope')), text.indexOf('nope'))
  assert.equal(back(sql.indexOf('2026')), text.indexOf(':from'))
  assert.equal(back(0), 0)
  assert.equal(back(sql.length), text.length)
})

test('placeholders keep every position and parse', () => {
  const text = 'SELECT * FROM t WHERE a = :a AND b BETWEEN :from AND :to LIMIT :n'
  assert.equal(withPlaceholders(text).length, text.length)
  assert.equal(parseScript(withPlaceholders(text)).length, 1)
})

test('types of literals, and what was typed as one', () => {
  assert.deepEqual(
    ["'a'", '12', '-1.5', 'true', 'NULL', "'2026-01-01T10:00'", '2026-01-01', "'a' OR 1", '', "'a'--"].map(
      typeOfLiteral,
    ),
    ['text', 'number', 'number', 'boolean', 'null', 'time', undefined, undefined, undefined, undefined],
  )
  assert.equal(asLiteral('2026-01-01'), "'2026-01-01'")
  assert.equal(literalOf("O'Neill", 'text'), "'O''Neill'")
  assert.equal(inputOf("'O''Neill'"), "O'Neill")
  assert.equal(literalOf('9007199254740993', 'number'), '9007199254740993')
  assert.equal(literalOf('1 OR 1', 'number'), undefined)
  assert.equal(literalOf('yes', 'boolean'), undefined)
  assert.equal(literalOf('', 'number'), '')
  assert.equal(literalOf('2026-13', 'time'), undefined)
})
