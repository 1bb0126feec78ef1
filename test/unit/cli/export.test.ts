/** `sluice query --export`: the file, what is said of it, and the exit code. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startWorld, TOKEN, type World } from '../export/server.ts'

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-export-'))
let world: World
before(async () => {
  world = await startWorld({ 'server.workers': 1 })
  for (let i = 0; i < 500; i += 50)
    world.append(
      'big',
      Array.from({ length: 50 }, (_, n) => JSON.stringify({ n: i + n, text: 'x'.repeat(16_000) })),
    )
})
after(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

async function sluice(...args: string[]): Promise<{ code: number | null; err: string }> {
  const child = spawn(process.execPath, [MAIN, 'query', '--url', world.server.url, '--token', TOKEN, ...args], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let err = ''
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, err }
}

test('the ending of the file says in which format, --format overrules it', async () => {
  const csv = join(folder, 'n.csv')
  assert.deepEqual(await sluice('--export', csv, 'SELECT n FROM big LIMIT 2'), { code: 0, err: `2 rows in ${csv}.\n` })
  assert.equal(readFileSync(csv, 'utf8'), 'n\r\n0\r\n1\r\n')
  const other = join(folder, 'n.data')
  assert.equal(
    (await sluice('--export', other, '--format', 'parquet', '--environment', 'demo', 'SELECT 1 AS a')).code,
    0,
  )
  assert.equal(readFileSync(other).toString('latin1', 0, 4), 'PAR1')
  const none = join(folder, 'none.ndjson')
  assert.equal((await sluice('--export', none, 'SELECT n FROM big WHERE n < 0')).code, 0)
  assert.equal(readFileSync(none, 'utf8'), '')
  assert.match((await sluice('--export', join(folder, 'x'), 'SELECT 1')).err, /say the format with --format/)
  assert.match((await sluice('--format', 'csv', 'SELECT 1')).err, /say which with --export FILE/)
})

test('what is not complete is said, with the condition that reads on, and by the exit code', async () => {
  const file = join(folder, 'cut.ndjson')
  const { code, err } = await sluice('--export', file, "SET max.size = '1m'; SELECT n FROM big")
  assert.equal(code, 1)
  assert.match(err, /it is not complete: big was ended by max\.size\. Read on with WHERE .*_meta\.offset/)
  const refused = join(folder, 'refused.csv')
  const mistake = await sluice('--export', refused, 'SELECT nme FROM __dual')
  assert.equal(mistake.code, 1)
  assert.match(mistake.err, /nme[\s\S]*\^\^\^/)
  assert.equal(existsSync(refused), false)
})
