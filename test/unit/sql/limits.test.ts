/** The limits of a text: their errors name the limit and its value, and no text overflows the stack or takes long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Expr } from '../../../src/sql/ast.ts'
import { PARSE_LIMITS, parseExpression, parseScript } from '../../../src/sql/parse.ts'
import { printExpr, printStatement } from '../../../src/sql/print.ts'

const MANY = 100_000

test('the defaults', () =>
  assert.deepEqual(PARSE_LIMITS, { maxLength: 1_048_576, maxDepth: 200, maxStatements: 100, maxTokens: 10_000 }))

test('a limit that is left undefined has its default', () => {
  assert.throws(() => parseScript(';'.repeat(PARSE_LIMITS.maxLength + 1), { maxLength: undefined }), { code: 'LIMIT' })
})

test('sql.max.length', () => {
  const text = 'SELECT 1'
  assert.equal(parseScript(text + ' '.repeat(PARSE_LIMITS.maxLength - text.length)).length, 1)
  assert.throws(() => parseScript(text + ' '.repeat(PARSE_LIMITS.maxLength - text.length + 1)), {
    code: 'LIMIT',
    message: 'The text is 1048577 characters long; sql.max.length allows 1048576.',
  })
  assert.throws(() => parseScript('SELECT 1', { maxLength: 7 }), {
    message: 'The text is 8 characters long; sql.max.length allows 7.',
  })
})

test('sql.max.statements', () => {
  assert.equal(parseScript('SHOW TABLES;'.repeat(100)).length, 100)
  const message = 'The text holds more statements than sql.max.statements allows (100).'
  assert.throws(() => parseScript('SHOW TABLES;'.repeat(101)), {
    code: 'LIMIT',
    message,
    span: { start: 1200, end: 1204 },
  })
  assert.equal(parseScript(`${';'.repeat(MANY)}SHOW TABLES`, { maxStatements: 1 }).length, 1)
})

test('sql.max.tokens', () => {
  const message = 'The text holds more than 10000 words and symbols (sql.max.tokens).'
  const list = (n: number): string => `SELECT 1 WHERE 1 IN (${'1, '.repeat(n)}1)`
  assert.equal(parseScript(list(4_996)).length, 1)
  assert.throws(() => parseScript(list(4_997)), { code: 'LIMIT', message })
  assert.throws(() => parseScript(`${list(3_000)};${list(3_000)}`), { code: 'LIMIT', message })
  const rows = 30_000
  assert.equal(parseScript(`INSERT INTO t (a, b) VALUES ${"(1, 'x'), ".repeat(rows - 1)}(1, 'x')`).length, 1)
  assert.throws(() => parseScript(`INSERT INTO t (a) VALUES (${'1 + '.repeat(MANY)}1)`), { code: 'LIMIT', message })
})

test('sql.max.depth counts open brackets', () => {
  const nested = (n: number): string => `SELECT ${'('.repeat(n)}1${')'.repeat(n)}`
  assert.equal(parseScript(nested(200)).length, 1)
  assert.throws(() => parseScript(nested(201)), {
    code: 'LIMIT',
    message: 'The statement nests deeper than sql.max.depth allows (200).',
    span: { start: 207, end: 208 },
  })
  assert.equal(parseScript(nested(3), { maxDepth: 3 }).length, 1)
  assert.throws(() => parseScript(nested(4), { maxDepth: 3 }), {
    message: 'The statement nests deeper than sql.max.depth allows (3).',
  })
})

test('a depth limit beyond what the stack holds is cut', () => {
  assert.throws(() => parseScript(`SELECT ${'('.repeat(MANY)}`, { maxDepth: 1e9 }), {
    code: 'LIMIT',
    message: 'The statement nests deeper than sql.max.depth allows (1000).',
  })
  const heavy = '1 OR 1 AND NOT 1 = 1 || 1 + 1 * - ('
  const text = `${heavy.repeat(110)}1${')'.repeat(110)}`
  assert.ok(printExpr(parseExpression(text, { maxDepth: 1e9 })).length > 1000)
})

test('every way to nest meets the limit and not the stack', () => {
  const prefixes = [
    '(',
    'NOT ',
    '- ',
    '+',
    '[',
    '{a: ',
    'CASE ',
    'CASE WHEN ',
    'CASE WHEN 1 THEN ',
    'f(',
    'CAST(',
    'EXISTS(',
    'POSITION(',
    'a[',
    'a IN (',
    '(SELECT ',
    '1 = NOT ',
    'a OR b AND c = d || e + f * - (',
    'count(*) FILTER (WHERE ',
  ]
  for (const prefix of prefixes) {
    assert.throws(
      () => parseScript(`SELECT ${prefix.repeat(Math.floor(MANY / 4))}`),
      { name: 'SqlError', code: prefix.startsWith('1 =') ? 'SYNTAX' : 'LIMIT' },
      prefix,
    )
  }
  for (const prefix of ['SELECT (', 'SELECT * FROM (', '(', 'WITH a AS (', 'SELECT a FROM t WHERE a IN (']) {
    assert.throws(() => parseScript(prefix.repeat(MANY / 4)), { name: 'SqlError', code: 'LIMIT' }, prefix)
  }
  assert.throws(() => parseScript(`SELECT * FROM a${' JOIN (b'.repeat(MANY)}`), { code: 'LIMIT' })
})

test('long chains are no nesting', () => {
  const terms = 10_000
  let expr: Expr = parseExpression(`a = 0${' AND a = 1'.repeat(terms - 1)}`, { maxTokens: MANY })
  let count = 1
  for (; expr.kind === 'binary' && expr.op === 'and'; expr = expr.left) count++
  assert.equal(count, terms)
  const chains = [
    `SELECT * FROM t WHERE a${' AND a'.repeat(terms)}`,
    `SELECT 1${' + 1'.repeat(terms)}`,
    `SELECT a${'[0]'.repeat(terms)}`,
    `SELECT f(a)${'.b'.repeat(terms)}`,
    `SELECT a${'.b'.repeat(terms)}, a${'.b'.repeat(terms)}.*`,
    `SELECT 1${', 1'.repeat(terms)}`,
    `SELECT 1 WHERE a IN (1${', 1'.repeat(terms)})`,
    `SELECT CASE${' WHEN a THEN b'.repeat(terms)} END`,
    `SELECT * FROM a${' CROSS JOIN b'.repeat(terms)}`,
    `SELECT * FROM a${' LATERAL b AS c'.repeat(terms)}`,
    `SELECT 1${' UNION SELECT 1'.repeat(terms)}`,
    `${'/**/'.repeat(terms)}SELECT 1`,
  ]
  for (const text of chains)
    assert.ok(printStatement(parseScript(text, { maxTokens: MANY })[0]).length >= Math.min(text.length / 2, 8))
})

test('texts at the length limit are answered in a moment', () => {
  const fill = (piece: string): string => piece.repeat(Math.floor(1_000_000 / piece.length))
  const texts = [
    `SELECT '${fill("''")}`,
    `SELECT \`${fill('``')}`,
    fill('“'),
    `SELECT ${fill('a')}`,
    `SELECT ${fill('1')}`,
    `SELECT ${fill('1 ')}`,
    `SELECT * FROM ${fill('a-')}`,
    `SET a = ${fill('b')}`,
    `SELECT EXISTS${fill('(')}`,
    `INSERT INTO t ${fill('(')}`,
    `SELECT a ${fill('x')} y`,
    fill('\n'),
  ]
  for (const text of texts) {
    const started = performance.now()
    try {
      parseScript(text)
    } catch (error) {
      assert.equal((error as Error).name, 'SqlError', text.slice(0, 20))
    }
    assert.ok(performance.now() - started < 5000, text.slice(0, 20))
  }
})
