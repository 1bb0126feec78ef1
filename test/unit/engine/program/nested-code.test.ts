/** The code of an expression grows with its text: each operand is compiled once, however deep it is nested. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Emitter, js } from '../../../../src/codegen/emitter.ts'
import { evaluateConstant } from '../../../../src/engine/program/expression/constant.ts'
import { ExpressionCompiler } from '../../../../src/engine/program/expression/expression.ts'
import { RowReferences } from '../../../../src/engine/program/expression/references.ts'
import { bindExpr } from '../../../../src/plan/bind/expressions/bind-expression.ts'
import { Scope } from '../../../../src/plan/bind/names/scope.ts'
import type { BoundExpr } from '../../../../src/plan/plan.ts'
import { parseExpression } from '../../../../src/sql/parse.ts'

/** Around an operand x; its value may be its operand again. */
const NESTED: readonly [wrap: (x: string, level: number) => string, innermost: string][] = [
  [(x, level) => `CAST(${x} AS ${level % 2 === 0 ? 'string' : 'int'})`, '1'],
  [(x, level) => `CAST(${x} AS ${level % 2 === 0 ? 'long' : 'int'})`, '1'],
  [(x, level) => `CAST(${x} AS ${level % 2 === 0 ? 'double' : 'decimal(10, 2)'})`, '1'],
  [(x) => `NOT (${x})`, 'TRUE'],
  [(x) => `-(${x})`, '1.5'],
  [(x) => `(${x}) + 1`, '1.5'],
  [(x) => `1.5 * (${x})`, '1'],
  [(x) => `(${x}) || 'a'`, "'b'"],
  [(x) => `CONCAT('a', ${x})`, "'b'"],
  [(x) => `ABS(${x})`, '1.5'],
  [(x) => `NULLIF(${x}, 2)`, '1'],
  [(x) => `COALESCE(${x}, 2)`, '1'],
  [(x) => `(${x}) = TRUE`, 'TRUE'],
  [(x) => `((${x}) IS NULL) OR FALSE`, 'TRUE'],
  [(x) => `(${x}) IN (TRUE, FALSE)`, 'TRUE'],
  [(x) => `(${x}) AND TRUE`, 'TRUE'],
  [(x) => `CASE WHEN ${x} THEN TRUE ELSE FALSE END`, 'TRUE'],
  [(x) => `CASE ${x} WHEN 1 THEN 1 ELSE 2 END`, '1'],
  [(x) => `CASE WHEN TRUE THEN ${x} ELSE 2 END`, '1'],
  [(x) => `[${x}][0]`, '1'],
  [(x) => `CAST((${x}) LIKE 'a%' AS string)`, "'a'"],
  [(x) => `'a' LIKE CAST(${x} AS string)`, "'a'"],
]

function nested(wrap: (x: string, level: number) => string, innermost: string, levels: number): BoundExpr {
  let text = innermost
  for (let level = 0; level < levels; level++) text = wrap(text, level)
  return bindExpr(parseExpression(text), { scope: new Scope([]), clause: 'SELECT', subqueries: new Map() })
}

function codeLength(e: BoundExpr): number {
  const emitter = new Emitter()
  const compiler = new ExpressionCompiler(emitter, new RowReferences(js`null`), { nowMs: 0 })
  return compiler.value(e).text.length + compiler.temps.length
}

for (const [wrap, innermost] of NESTED) {
  test(`nested ${wrap('x', 0)}`, () => {
    const [few, more] = [10, 40].map((levels) => codeLength(nested(wrap, innermost, levels)))
    assert.ok(more < few * 5, `${few} characters for 10 levels, ${more} for 40`)
  })
}

test('60 nested CASTs have a value', () => {
  const value = evaluateConstant(
    nested((x, level) => `CAST(${x} AS ${level % 2 === 0 ? 'string' : 'int'})`, '7', 60),
    { nowMs: 0 },
  )
  assert.equal((value as { value: unknown }).value, 7)
})
