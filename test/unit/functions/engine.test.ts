/**
 * Every example of every function through parser, binder, optimizer and engine: with its literals as they stand, and
 * with the literals moved into the fields of a record, once JSON (dynamic types) and once Avro (static types). Answers
 * must not differ but for `1.0` and `1`, which JSON does not tell apart.
 */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { SCALAR_FUNCTIONS } from '../../../src/functions/all-functions.ts'
import type { Expr } from '../../../src/sql/ast.ts'
import { parseExpression } from '../../../src/sql/parse.ts'
import { printExpr } from '../../../src/sql/print.ts'
import { type ExactJson, rawMembers } from '../../support/exact-json.ts'
import { memoryWorld, type WorldFormat, type WorldTopic } from '../../support/memory-world.ts'
import { runCase } from '../../support/slt.ts'

/** Functions that speak of the present moment: what they give is known only by its shape. */
const PRESENT = /^(?:NOW|DATETIME|TODAY|YESTERDAY|TOMORROW|DATE)\(\)$/

const EXAMPLES = SCALAR_FUNCTIONS.flatMap((fn) => fn.examples).filter((example) => !PRESENT.test(example.sql))

interface Lifted {
  readonly sql: string
  readonly fields: Readonly<Record<string, ExactJson>>
  readonly types: Readonly<Record<string, string | object>>
}

/** The expression with its literals replaced by fields. NULL stays where it is. */
function lifted(sql: string, prefix: string): Lifted {
  const fields: Record<string, ExactJson> = {}
  const types: Record<string, string | object> = {}
  const lift = (expr: Expr): Expr => {
    const literal = literalOf(expr)
    if (literal !== undefined) {
      const name = `${prefix}_${Object.keys(fields).length}`
      fields[name] = literal.value
      types[name] = literal.type
      return { kind: 'column', parts: [{ text: name, quoted: false, span: expr.span }], span: expr.span }
    }
    if (expr.kind === 'call') return { ...expr, args: expr.args.map(lift) }
    if (expr.kind === 'unary' || expr.kind === 'cast') return { ...expr, operand: lift(expr.operand) }
    return expr
  }
  return { sql: printExpr(lift(parseExpression(sql))), fields, types }
}

/** A literal as JSON and as Avro type. */
function literalOf(expr: Expr): { readonly value: ExactJson; readonly type: string | object } | undefined {
  switch (expr.kind) {
    case 'string':
      return { value: expr.value, type: 'string' }
    case 'boolean':
      return { value: expr.value, type: 'boolean' }
    case 'number': {
      if (/[.eE]/.test(expr.text)) return { value: Number(expr.text), type: 'double' }
      const exact = BigInt(expr.text)
      return {
        value: Number.isSafeInteger(Number(exact)) ? Number(exact) : exact,
        type: exact > 2147483647n ? 'long' : 'int',
      }
    }
    case 'array': {
      const items = expr.items.map(literalOf)
      if (items.some((item) => item === undefined)) return undefined
      return { value: items.map((item) => item?.value as ExactJson), type: { type: 'array', items: items[0]?.type } }
    }
    default:
      return undefined
  }
}

const LIFTED = EXAMPLES.map((example, i) => ({ ...lifted(example.sql, `c${i}`), example }))

function topic(name: string, value: WorldFormat): WorldTopic {
  const json = Object.assign({}, ...LIFTED.map((l) => l.fields)) as ExactJson
  return { name, value, records: [{ partition: 0, timestampMs: 0, key: null, value: { json } }] }
}

const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Literals',
  fields: LIFTED.flatMap((l) => Object.entries(l.types)).map(([name, type]) => ({ name, type })),
})

const world = memoryWorld([topic('dynamic', { name: 'JSON' }), topic('typed', { name: 'AVRO', schemas: [SCHEMA] })])
after(() => world.catalog.close())

/** The answer as the documentation shows it: a text without quotes, everything else as JSON. */
async function ask(expression: string, from: string): Promise<string> {
  const options = { rowsort: false, key: false, meta: false, live: false }
  const [line = '(no row)'] = await runCase(
    {
      kind: 'query',
      line: 1,
      options,
      sql: `SELECT ${expression} AS r FROM ${from}`,
      expected: [],
      expectedAt: { from: 0, to: 0 },
      defaults: {},
    },
    world,
  )
  const text = line.startsWith('{') ? (rawMembers(line).get('r') ?? line) : line
  return text.startsWith('"') ? (JSON.parse(text) as string) : text
}

/** `1.0` and `1` are one number in JSON. */
function plain(text: string): string {
  return text.replace(/(?<![\w.])(-?\d+)\.0(?![\w.])/g, '$1')
}

describe('literals', () => {
  for (const { sql, result } of EXAMPLES) test(sql, async () => assert.equal(await ask(sql, '__dual'), result))
})

describe('fields of unknown type (JSON)', () => {
  for (const { sql, example } of LIFTED)
    test(example.sql, async () => assert.equal(plain(await ask(sql, 'dynamic')), plain(example.result)))
})

describe('fields of known type (Avro)', () => {
  for (const { sql, example } of LIFTED)
    test(example.sql, async () => assert.equal(await ask(sql, 'typed'), example.result))
})

test('the present moment', async () => {
  for (const name of ['NOW', 'DATETIME', 'YESTERDAY', 'TOMORROW'])
    assert.match(await ask(`${name}()`, '__dual'), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/)
  for (const name of ['TODAY', 'DATE']) assert.match(await ask(`${name}()`, '__dual'), /T00:00:00Z$/)
})
