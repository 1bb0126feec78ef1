/** The page of the grammar says what the parser does: its samples parse, its lists are the parser's. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { SqlError } from '../../../src/sql/error.ts'
import { MOMENTS, RESERVED, TYPE_NAMES } from '../../../src/sql/keywords.ts'
import { PARSE_LIMITS, parseExpression, parseScript } from '../../../src/sql/parse.ts'
import { printStatement } from '../../../src/sql/print.ts'
import { bare } from './tree.ts'

const page = readFileSync(new URL('../../../docs/sql-grammar.md', import.meta.url), 'utf8')

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1])
}

test('every sample parses, and prints to the same tree', () => {
  const samples = blocks('sql')
  assert.ok(samples.length >= 3)
  for (const sample of samples) {
    const statements = parseScript(sample)
    assert.deepEqual(parseScript(statements.map(printStatement).join(';')).map(bare), statements.map(bare))
  }
})

test('the reserved words are those of the parser', () => {
  const [listed] = blocks('reserved')
  assert.deepEqual(listed.trim().split(/\s+/).sort(), [...RESERVED].sort())
})

test('no reserved word is a column as it stands, each is one between back-ticks', () => {
  const kind = (text: string): string => {
    try {
      return parseExpression(text).kind
    } catch (error) {
      assert.ok(error instanceof SqlError)
      return error.code
    }
  }
  const literals: Record<string, string> = {
    NULL: 'null',
    TRUE: 'boolean',
    FALSE: 'boolean',
    ...Object.fromEntries([...MOMENTS.keys()].map((word) => [word, 'moment'])),
  }
  for (const word of RESERVED) {
    assert.equal(kind(word), literals[word] ?? 'SYNTAX', word)
    assert.equal(kind(`\`${word}\``), 'column', word)
    assert.equal(kind(word.toLowerCase()), literals[word] ?? 'SYNTAX', word)
    assert.equal(kind(`t.${word}`), 'column', word)
    assert.equal(kind(`x IN (${word}, 1)`), literals[word] === undefined ? 'SYNTAX' : 'in', word)
  }
})

test('the types are those of the parser', () => {
  const rule = /^type +:= (.*?)^```/ms.exec(page)
  const words = (rule?.[1] ?? '').match(/[a-z]{2,}/g) ?? []
  assert.deepEqual([...new Set(words)].sort(), [...TYPE_NAMES].sort())
})

test('the limits and their defaults', () => {
  assert.ok(page.includes(`| \`sql.max.length\` | ${PARSE_LIMITS.maxLength} |`))
  assert.ok(page.includes(`| \`sql.max.depth\` | ${PARSE_LIMITS.maxDepth} |`))
  assert.ok(page.includes(`| \`sql.max.statements\` | ${PARSE_LIMITS.maxStatements} |`))
  assert.ok(page.includes(`| \`sql.max.tokens\` | ${PARSE_LIMITS.maxTokens} |`))
})
