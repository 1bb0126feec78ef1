/** What the page shows for Python users is run as shown, against the demo, by a real Python with the `websockets` package. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { type Child, startChild } from '../../scripts/child.ts'
import { projectFolder, python } from '../../scripts/provision.ts'
import { pythonSnippet } from '../../src/studio/connect/python-snippet.ts'

const run = promisify(execFile)
const interpreter = await python().catch((error: Error) => error)

describe('the Python program of the specification', {
  skip: interpreter instanceof Error ? interpreter.message : false,
}, () => {
  let folder = ''
  let demo: Child
  let facts: { readonly url: string; readonly token: string }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-python-'))
    const logFile = join(folder, 'demo.txt')
    demo = await startChild(process.execPath, ['src/cli/start.ts', 'demo', '--port', '0', '--json'], {
      logFile,
      ready: /^\{.*\}$/m,
      cwd: projectFolder,
    })
    facts = JSON.parse((await readFile(logFile, 'utf8')).split('\n')[0])
  })
  after(async () => {
    await demo?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** The program as printed, with other SQL where some is given; the records that it prints. */
  async function records(
    sql?: string,
  ): Promise<{ type: string; data: { rownum: number; value: Record<string, unknown> } }[]> {
    const file = join(folder, 'query.py')
    const values = { host: new URL(facts.url).host, secure: false, environment: 'demo' }
    await writeFile(file, pythonSnippet({ ...values, sql: sql ?? 'SELECT * FROM input LIMIT 100;' }))
    const { stdout } = await run(interpreter as string, [file], {
      timeout: 30_000,
      maxBuffer: 1 << 24,
      env: { ...process.env, SLUICE_TOKEN: facts.token },
    })
    const asJson = 'import ast, json, sys; print(json.dumps(ast.literal_eval(sys.argv[1])))'
    return JSON.parse((await run(interpreter as string, ['-c', asJson, stdout.trim()], { maxBuffer: 1 << 24 })).stdout)
  }

  it('prints the records it asked for', async () => {
    const rows = await records()
    assert.equal(rows.length, 100)
    assert.deepEqual(new Set(rows.map(({ type }) => type)), new Set(['RECORD']))
    assert.deepEqual(
      rows.map(({ data }) => data.rownum),
      rows.map((_, at) => at),
    )
  })

  it('aggregates', async () => {
    const rows = await records('SELECT currency, count(*) AS n FROM cc_payments GROUP BY currency')
    assert.ok(rows.length > 1)
    for (const { data } of rows) assert.ok((data.value.n as number) > 0 && typeof data.value.currency === 'string')
  })
})
