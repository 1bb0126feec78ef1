/**
 * The package as a user gets it: built, packed, installed in an empty folder, run there. Run once with the Node that
 * the package brings, and once as on a machine whose own Node is older.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { startChild } from '../../scripts/child.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

/** PATH as the user's shell has it: without the folders that npm puts in front for the scripts of this project. */
const userPath = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)

/** Environment without what `npm test` set for its own scripts. */
const env = Object.fromEntries(
  Object.entries({ ...process.env, PATH: userPath }).filter(
    ([name]) => !name.startsWith('npm_') && !name.startsWith('SLUICE_') && name !== 'NODE_OPTIONS',
  ),
)

describe('the packed package', () => {
  let folder = ''
  let packed: string[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-package-'))
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: root,
      env,
      maxBuffer: 1 << 24,
    })
    const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as {
      filename: string
      files: { path: string }[]
    }[]
    packed = files.map(({ path }) => path)
    await writeFile(
      join(folder, 'package.json'),
      '{"name": "user", "version": "1.0.0", "private": true, "allowScripts": {"node": true}}',
    )
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(folder, filename)], {
      cwd: folder,
      env,
      maxBuffer: 1 << 24,
    })
  })
  after(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const sluice = (...args: string[]) =>
    run('npx', ['--no-install', 'sluice', ...args], { cwd: folder, env, timeout: 60_000 })

  it('holds the program, its declarations, the licence, and none of the tests', () => {
    for (const wanted of [
      'package.json',
      'LICENSE',
      'README.md',
      'dist/cli/start.js',
      'dist/engine/query.d.ts',
      'dist/studio/manifest.json',
    ])
      assert.ok(packed.includes(wanted), wanted)
    assert.deepEqual(
      packed.filter((path) => !/^(dist|docs)\/|^(package\.json|LICENSE|README\.md|CHANGELOG\.md)$/.test(path)),
      [],
    )
    assert.deepEqual(
      packed.filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts')),
      [],
    )
  })

  it('every import in it leads somewhere', async () => {
    const installed = join(folder, 'node_modules', 'sluice')
    for (const path of packed.filter((name) => name.endsWith('.js'))) {
      const text = await readFile(join(installed, path), 'utf8')
      for (const [, target] of text.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g)) {
        assert.ok(existsSync(join(installed, path, '..', target)), `${path} imports ${target}`)
      }
    }
  })

  it('says how to use it', async () => {
    const { stdout } = await sluice('--help')
    for (const command of ['server', 'query']) assert.match(stdout, new RegExp(`\\b${command}\\b`))
  })

  it('says its version', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    assert.equal((await sluice('--version')).stdout.trim(), version)
  })

  it("runs when started by the machine's own Node, whatever its version", async () => {
    const { stdout } = await run('node', [join(folder, 'node_modules', 'sluice', 'dist', 'cli', 'main.js'), '--help'], {
      cwd: folder,
      env,
      timeout: 60_000,
    })
    assert.match(stdout, /\bserver\b/)
  })

  it('serves and queries: the demo from one process, a query from another', async () => {
    const program = join(folder, 'node_modules', 'sluice', 'dist', 'cli', 'start.js')
    const logFile = join(folder, 'demo.txt')
    const demo = await startChild('node', [program, 'demo', '--port', '0', '--json'], {
      logFile,
      ready: /^\{.*\}$/m,
      cwd: folder,
      env,
    })
    try {
      const facts = JSON.parse((await readFile(logFile, 'utf8')).split('\n')[0]) as { url: string; token: string }
      const page = await (await fetch(facts.url)).text()
      const [, entry] = /src="(studio\/main-[^"]+)"/.exec(page) ?? []
      assert.equal((await fetch(`${facts.url}/${entry}`)).status, 200, 'the page is there, built')
      // The server has memory set up for its threads: in the process that was started, or in that of a newer Node.
      if (process.platform === 'linux') {
        const { pid } = demo
        const below = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1')
        const processes = [`${pid}`, ...below.trim().split(' ')].filter((id) => id !== '')
        const environments = await Promise.all(processes.map((id) => readFile(`/proc/${id}/environ`, 'latin1')))
        assert.match(environments.join('\0'), /(^|\0)MALLOC_ARENA_MAX=2(\0|$)/)
      }
      const { stdout } = await sluice(
        'query',
        '--url',
        facts.url,
        '--token',
        facts.token,
        'SELECT currency, count(*) AS n FROM cc_payments GROUP BY currency',
      )
      const rows = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { currency: string; n: number })
      assert.ok(rows.length > 1)
      for (const { currency, n } of rows) assert.ok(currency.length === 3 && n > 0)
    } finally {
      await demo.stop()
    }
    assert.equal(await demo.ended, 0)
  })
})
