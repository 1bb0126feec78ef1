/**
 * The page on compatibility names tests that exist: each reference is a file and, behind a colon, the title of a case
 * in it.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'

const folder = path.join(import.meta.dirname, '..')
const page = readFileSync(path.join(folder, '..', 'docs', 'compatibility.md'), 'utf8')
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:what|client) \|/.test(line))

test('every test that the page names is there, with that title', () => {
  let named = 0
  for (const row of rows) {
    const match = /`([\w./-]+\.(?:ts|py|java|go|html|transcript))`(?:: (.*))? \|$/.exec(row)
    if (match === null) continue
    const file = path.join(folder, match[1])
    assert.ok(existsSync(file), row)
    named++
    if (match[2] === undefined) continue
    // Titles stand in double quotes in some languages and hold quotes of their own.
    assert.ok(readFileSync(file, 'utf8').replaceAll('\\"', '"').includes(match[2]), row)
  }
  assert.ok(named > 40, `${named} rows`)
})

test('every row of what works names its test; a row that does not says why', () => {
  for (const row of rows) {
    const cells = row.split(' | ')
    if (cells.length === 3 && cells[2].trim() === '|') assert.match(cells[1], /^no: /, row)
  }
})
