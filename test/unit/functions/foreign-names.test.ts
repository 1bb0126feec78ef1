/** Functions of other dialects: none of them exists here, and what the hint names does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FOREIGN_NAMES, insteadOf } from '../../../src/functions/foreign-names.ts'
import { CALLABLE } from '../../../src/plan/bind/expressions/aggregates.ts'

test('a name with a hint is no function of ours', () => {
  for (const name of FOREIGN_NAMES) assert.ok(!CALLABLE.includes(name), name)
})

test('every function that a hint names exists', () => {
  for (const name of FOREIGN_NAMES) {
    const called = [...(insteadOf(name) ?? '').matchAll(/\b([A-Z][A-Z0-9_]*)\(/g)].map((m) => m[1].toLowerCase())
    for (const fn of called) assert.ok(CALLABLE.includes(fn), `${name}: ${fn}`)
  }
})

test('letter case makes no difference, and a name of ours has no hint', () => {
  assert.equal(insteadOf('Group_Concat'), 'Write COLLECT(x, n): an array.')
  assert.equal(insteadOf('upper'), undefined)
})
