/** The page about functions says what the registry says. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { functionsPage, PAGE } from '../../../scripts/functions-doc.ts'
import { SCALAR_FUNCTIONS, signature } from '../../../src/functions/all-functions.ts'

test('docs/functions.md is up to date (node scripts/functions-doc.ts writes it)', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), functionsPage())
})

test('every function has a section', () => {
  const page = functionsPage()
  for (const fn of SCALAR_FUNCTIONS) assert.ok(page.includes(`\n### ${signature(fn)}\n`), fn.name)
})
