/**
 * Writes `docs/coverage.md` from the lists in `test/coverage`: every row of the dialect and the protocol, and the test
 * that shows it. A row that names a test which does not exist, or none at all, is a problem; a test of this project
 * asks for the problems. It runs no test.
 *
 * A list holds `# title`, `## section`, and rows `what<TAB>proof`. A proof is one or several of these, separated by ` ;
 * `:
 *
 *     path text      the first place in a test file (below test/, or docs/…) that holds the text: a case of a golden
 *     file or transcript, the title of a test
 *     fn NAME        a golden case that calls the function, else its examples, which run as tests
 *     set name       a golden case that sets the setting
 *     no reason      there is none, and why
 *     -- reason      first: it is left out on purpose, and why; the tests behind it show the error that says so
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SCALAR_FUNCTIONS } from '../src/functions/all-functions.ts'

const root = join(import.meta.dirname, '..')
/** Where the page is. */
export const PAGE = join(root, 'docs', 'coverage.md')

interface Row {
  readonly what: string
  /** Links, or the reason why there are none. */
  readonly shown: string
  readonly open: boolean
  /** Left out on purpose, with an error that is shown. */
  readonly leftOut: boolean
}

export interface Coverage {
  readonly page: string
  /** Rows without a test, tests that are not there: `file: row: what is wrong`. */
  readonly problems: readonly string[]
}

const texts = new Map<string, readonly string[]>()

/** The lines of a file in which a proof may stand, everything else blank. */
function provingLines(path: string): readonly string[] {
  const known = texts.get(path)
  if (known !== undefined) return known
  let inside = !path.endsWith('.md')
  const lines = readFileSync(join(root, path), 'utf8')
    .split('\n')
    .map((line) => {
      if (path.endsWith('.md') && line.startsWith('```')) inside = line === '```slt'
      if (path.endsWith('.ts')) return /\b(test|it|describe)\(/.test(line) ? line : ''
      return inside && !line.startsWith('#') ? line : ''
    })
  texts.set(path, lines)
  return lines
}

const golden = [...globSync('test/sql/**/*.slt', { cwd: root }), 'docs/sql.md']
  .map((p) => p.replaceAll('\\', '/'))
  .sort()

/** The first golden case that matches. */
function inGolden(pattern: RegExp): string | undefined {
  for (const path of golden) {
    const line = provingLines(path).findIndex((l) => pattern.test(l))
    if (line >= 0) return link(path, line)
  }
  return undefined
}

function link(path: string, line: number): string {
  const shown = path.replace(/^test\//, '')
  return `[${shown}:${line + 1}](${path.startsWith('docs/') ? path.slice('docs/'.length) : `../${path}`}#L${line + 1})`
}

/** The link for one proof, or an Error that says what is wrong. */
function prove(proof: string): string {
  const [kind, rest] = [proof.slice(0, proof.indexOf(' ')), proof.slice(proof.indexOf(' ') + 1)]
  if (kind === 'fn') {
    const found = inGolden(new RegExp(`(?<![\\w.])\`?${rest}\`?\\s*\\(`, 'i')) ?? example(rest)
    if (found === undefined) throw new Error(`no golden case and no example calls ${rest}`)
    return found
  }
  if (kind === 'set') {
    const found = inGolden(new RegExp(`\\bset\\s+${rest.replaceAll('.', '\\.')}\\s*=`, 'i'))
    if (found === undefined) throw new Error(`no golden case sets ${rest}`)
    return found
  }
  const path = kind.startsWith('docs/') ? kind : `test/${kind}`
  const line = provingLines(path).findIndex((l) => l !== '' && l.includes(rest))
  if (line < 0) throw new Error(`${path} holds no test with "${rest}"`)
  return link(path, line)
}

/** Functions whose examples run as tests. */
function example(name: string): string | undefined {
  const fn = SCALAR_FUNCTIONS.find(
    (f) => f.name === name.toLowerCase() || (f.aliases ?? []).includes(name.toLowerCase()),
  )
  return fn === undefined || fn.examples.length === 0
    ? undefined
    : `[its examples](functions.md), run by [unit/functions/engine.test.ts](../test/unit/functions/engine.test.ts)`
}

/** Reads the lists, finds the tests. */
export function coverage(): Coverage {
  const problems: string[] = []
  const parts: string[] = []
  let [shown, open, leftOut] = [0, 0, 0]
  for (const file of globSync('test/coverage/*.tsv', { cwd: root }).sort()) {
    for (const line of readFileSync(join(root, file), 'utf8').trimEnd().split('\n')) {
      if (line.startsWith('# ')) parts.push(`\n## ${line.slice(2)}\n`)
      else if (line.startsWith('## ')) parts.push(`\n### ${line.slice(3)}\n\n| | shown by |\n|---|---|\n`)
      else {
        const row = readRow(line, (problem) => problems.push(`${file}: ${line.split('\t')[0]}: ${problem}`))
        if (row.open) open++
        else if (row.leftOut) leftOut++
        else shown++
        parts.push(`| ${cell(row.what)} | ${row.shown} |\n`)
      }
    }
  }
  const counted = INTRODUCTION.replace('{shown}', String(shown))
    .replace('{open}', String(open))
    .replace('{leftOut}', String(leftOut))
  return { page: counted + parts.join('') + onFlink(), problems }
}

/** What stays here of the golden statements when they are to run on Flink. */
function onFlink(): string {
  const [counted, ...reasons] = readFileSync(join(root, 'test/flink/refused.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('    '))
  const rows = reasons.map((line) => {
    const [count, reason] = line.split(' × ', 2)
    return `| ${cell(reason)} | ${count} |\n`
  })
  return `\n## On Apache Flink\n\n${counted} The statements are in [the list](../test/flink/refused.txt), which a test keeps; [why and how](flink.md).\n\n| stays here because | statements |\n|---|---|\n${rows.join('')}`
}

function readRow(line: string, problem: (text: string) => void): Row {
  const [what, proofs] = line.split('\t')
  if (proofs === undefined || proofs.trim() === '') {
    problem('names no test')
    return { what, shown: '', open: true, leftOut: false }
  }
  if (proofs.startsWith('no ')) return { what, shown: `**not yet**: ${proofs.slice(3)}`, open: true, leftOut: false }
  const [first, ...others] = proofs.split(' ; ')
  const leftOut = first.startsWith('-- ')
  if (leftOut && others.length === 0) problem('is left out, and no test shows the error that says so')
  const links = (leftOut ? others : [first, ...others]).flatMap((proof) => {
    try {
      return [prove(proof)]
    } catch (error) {
      problem(error instanceof Error ? error.message : String(error))
      return []
    }
  })
  return {
    what,
    shown: `${leftOut ? `**not offered**: ${first.slice(3)}; the error: ` : ''}${links.join(', ')}`,
    open: false,
    leftOut,
  }
}

function cell(text: string): string {
  const safe = text.replaceAll('|', '\\|')
  return /[*<`_[\]]/.test(safe) ? (safe.includes('`') ? `\`\` ${safe} \`\`` : `\`${safe}\``) : safe
}

const INTRODUCTION = `# Coverage

<!-- Written by scripts/coverage-page.ts from test/coverage. Change the lists, then run it. -->

Every row of the dialect and of the protocol, and a test that shows it. Golden cases run in memory, without the optimizer, on the embedded broker and on a real Kafka.
{shown} rows are shown, {leftOut} are left out on purpose, with an error that says so, {open} are not there yet.
`

/** A page without line numbers: tests move, and the page may be a little behind. */
export function withoutLines(page: string): string {
  return page.replace(/:\d+\]/g, ']').replace(/#L\d+\)/g, ')')
}

if (import.meta.main) {
  const { page, problems } = coverage()
  for (const problem of problems) console.error(problem)
  writeFileSync(PAGE, page)
  if (problems.length > 0) process.exitCode = 1
}
