/**
 * The pages of documentation say what the code does: their examples run, their lists are those of the code, their links
 * lead somewhere.
 */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { coverage, PAGE as COVERAGE_PAGE, withoutLines } from '../scripts/coverage-page.ts'
import { PAGE as LIMITS_PAGE, limitsPage } from '../scripts/limits-doc.ts'
import { PAGE, withSettings } from '../scripts/settings-doc.ts'
import { SQL_ERROR_CODES } from '../src/sql/error.ts'
import { parseScript } from '../src/sql/parse.ts'
import { updating } from './options.ts'
import { goldenFile } from './support/golden.ts'

const root = path.join(import.meta.dirname, '..')
const pages = globSync(['*.md', 'docs/**/*.md', 'test/**/*.md'], { cwd: root }).sort()
const read = (page: string) => readFileSync(path.join(root, page), 'utf8')

/** The texts of the fenced blocks of a kind. */
function blocks(page: string, kind: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\``, 'gms'))].map((m) => m[1])
}

for (const page of pages.filter((p) => blocks(p, 'slt').length > 0)) {
  const cases = goldenFile(path.join(root, page), page)
  test(`${page} has examples`, () => assert.ok(cases > 0))
}

test('docs/limits.md is up to date (node scripts/limits-doc.ts writes it)', () => {
  assert.equal(readFileSync(LIMITS_PAGE, 'utf8'), limitsPage())
})

test('the table of settings is that of the code (node scripts/settings-doc.ts writes it)', () => {
  const page = readFileSync(PAGE, 'utf8')
  assert.match(page, /<!-- settings -->/)
  if (updating) writeFileSync(PAGE, withSettings(page))
  else assert.equal(page, withSettings(page))
})

test('SQL on the pages is SQL', () => {
  for (const page of pages)
    for (const block of blocks(page, 'sql')) assert.ok(parseScript(block).length > 0, `${page}: ${block}`)
})

test('links between the pages lead to files and headings that exist', () => {
  for (const page of pages) {
    const prose = read(page).replace(/^```[\s\S]*?^```/gm, '')
    for (const [, target] of prose.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file, heading] = target.split('#')
      const place = file === '' ? page : path.join(path.dirname(page), file)
      assert.ok(existsSync(path.join(root, place)), `${page} links to ${target}`)
      if (heading !== undefined && place.endsWith('.md') && !/^L\d+$/.test(heading))
        assert.ok(
          headings(place).includes(heading),
          `${page} links to ${target}; there are ${headings(place).join(' ')}`,
        )
    }
  }
})

/** The anchors of a page as GitHub makes them. */
function headings(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Every file below a folder of the source, as one text. */
function source(folder: string): string {
  return globSync(`src/${folder}/**/*.ts`, { cwd: root })
    .map((file) => read(file))
    .join('\n')
}

/** The first cells of the table rows below a heading, up to the next heading. */
function firstCells(page: string, heading: string): string[] {
  const section = read(page).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^\| ([^|]+) \|/gm)].map((m) => m[1])
}

test('docs/errors.md lists the codes of the code, with their meanings', () => {
  const listed = firstCells('docs/errors.md', 'What the statement did').slice(1)
  assert.deepEqual(
    listed,
    Object.keys(SQL_ERROR_CODES).map((code) => `\`${code}\``),
  )
  for (const [code, meaning] of Object.entries(SQL_ERROR_CODES))
    assert.ok(read('docs/errors.md').includes(`| \`${code}\` | ${meaning} |`), code)
})

test('docs/errors.md lists the names of failures on our side of the wire', () => {
  const page = firstCells('docs/errors.md', 'What Kafka said').join(' ')
  const names = new Set([...source('kafka').matchAll(/clientError\('([A-Z_]+)'/g)].map((m) => m[1]))
  assert.ok(names.size > 5)
  assert.deepEqual(
    [...names].filter((name) => !page.includes(`\`${name}\``)),
    [],
  )
})

test('docs/errors.md lists the HTTP statuses that are answered', () => {
  const listed = firstCells('docs/errors.md', 'HTTP')
  const answered = new Set(
    [...source('server').matchAll(/(?:new RestError\(|refuse\(|reply, )([45]\d\d)\b/g)].map((m) => m[1]),
  )
  assert.ok(answered.size > 4)
  assert.deepEqual(
    [...answered].filter((status) => !listed.includes(status)),
    [],
  )
})

test('files that the pages name exist', () => {
  const missing = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md', 'test/sql/README.md'].flatMap((page) =>
    [...read(page).matchAll(/`((?:src|test|docs|scripts|bench)\/[\w./-]+)`/g)]
      .filter(([, name]) => !existsSync(path.join(root, name)))
      .map(([, name]) => `${page}: ${name}`),
  )
  assert.deepEqual(missing, [])
})

test('ARCHITECTURE.md fits on a few screens', () => {
  assert.ok(read('ARCHITECTURE.md').split('\n').length <= 320)
})

test('every row of the dialect and the protocol names a test that is there, or says why not', () => {
  assert.deepEqual(coverage().problems, [])
})

test('docs/coverage.md is up to date but for line numbers (node scripts/coverage-page.ts writes it)', () => {
  if (updating) writeFileSync(COVERAGE_PAGE, coverage().page)
  else assert.equal(withoutLines(readFileSync(COVERAGE_PAGE, 'utf8')), withoutLines(coverage().page))
})

test('the list of decisions has all of them, each number once', () => {
  const files = globSync('docs/decisions/0*.md', { cwd: root })
    .map((file) => path.basename(file))
    .sort()
  const listed = [...read('docs/decisions/README.md').matchAll(/^- \[(.*)\]\((.*)\)$/gm)]
  assert.deepEqual(
    listed.map(([, title, file]) => [file, title]),
    files.map((file) => [file, read(`docs/decisions/${file}`).split('\n')[0].slice(2)]),
  )
  assert.equal(new Set(files.map((file) => file.slice(0, 4))).size, files.length)
})
