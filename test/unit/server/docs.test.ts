import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { readConfig } from '../../../src/server/config/config.ts'
import { OPTIONS } from '../../../src/server/config/overrides.ts'
import { LIMITS } from '../../../src/server/limits.ts'
import { hashPassword, hashToken } from '../../../src/server/access/secrets.ts'

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')

function shown(value: number, unit: string): string {
  if (unit === 'ms') return value > 0 && value % 3_600_000 === 0 ? `${value / 3_600_000}h` : `${value / 1000}s`
  return unit === 'bytes' && value % (1024 * 1024) === 0 ? `${value / 1024 / 1024}m` : String(value)
}

test('the page lists every limit with its default and meaning', () => {
  for (const [name, { default: value, unit, about }] of Object.entries(LIMITS)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? ''
    assert.ok(row.replaceAll('`', '').startsWith(`| ${name} | ${shown(value, unit)} | ${about}`), `${name}: ${row}`)
  }
})

test('the page lists every option with its variable, and the command line offers it', () => {
  const main = readFileSync(new URL('../../../src/cli/main.ts', import.meta.url), 'utf8')
  for (const { flag, env } of Object.values(OPTIONS)) {
    assert.ok(page.includes(`| \`${flag}\` | \`${env}\` |`), flag)
    assert.match(main, new RegExp(`'${flag}[ ']`))
  }
})

test('the file on the page is a good one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-docs-'))
  try {
    const yaml = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? ''
    const secret = join(folder, 'secret')
    // A secret of any kind: a key, and a header.
    writeFileSync(secret, `authorization:${'x'.repeat(32)}`)
    const filled = yaml
      .replace(/(\w+File): [^\s}]+/g, `$1: ${secret}`)
      .replace(/scrypt:\S+/, await hashPassword('x'))
      .replace(/sha256:\S+/, hashToken('x'))
    const config = await readConfig(parse(filled) as Record<string, unknown>)
    assert.equal(config.environments[0].name, 'demo')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
