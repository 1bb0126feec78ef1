/**
 * The deployment files before other people's checkers: hadolint, the schemas of Kubernetes and of Compose, Prometheus'
 * own reader of rules, expressions and metrics. None of them runs what it checks.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { stringify } from 'yaml'
import { deploymentCheckers, projectFolder, promtool } from '../../scripts/provision.ts'
import { read } from '../unit/deploy/files.ts'
import { startFixture } from '../unit/server/fixture.ts'

const checkers = await deploymentCheckers().catch((error: Error) => error)
const prometheus = await promtool().catch((error: Error) => error)
const skip = checkers instanceof Error ? checkers.message : false
const skipProm = prometheus instanceof Error ? prometheus.message : false

interface Said {
  readonly code: number
  readonly text: string
}

/** Runs a checker in the project's folder. */
function said(program: string, args: readonly string[], input = ''): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd: projectFolder }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), text: `${stdout}${stderr}` }),
    )
    child.stdin?.end(input)
  })
}

const hadolint = (args: readonly string[], input?: string) => said(join(String(checkers), 'hadolint'), args, input)
/** The programs of packages name the folder that they were installed in, which is another one by now. */
const module = (name: string, ...args: readonly string[]) =>
  said(join(String(checkers), 'python'), ['-m', name, ...args])

describe('the checkers of images and manifests', { skip }, () => {
  it('hadolint has nothing to say of the Dockerfile, and finds what is wrong', async () => {
    assert.deepEqual(await hadolint(['deploy/Dockerfile']), { code: 0, text: '' })
    const wrong = await hadolint(['-'], 'FROM node:latest\nRUN cd /tmp\n')
    assert.match(wrong.text, /DL3007/)
    assert.notEqual(wrong.code, 0)
  })

  it('all manifests fit the schemas of Kubernetes, without a key that they do not know', async () => {
    const files = globSync('deploy/kubernetes/**/*.yaml', { cwd: projectFolder })
    assert.ok(files.length > 10)
    const { code, text } = await module('kubernetes_validate', '--strict', ...files)
    assert.equal(code, 0, text)
    assert.equal(text.match(/ passed for resource /g)?.length, files.length)
    const folder = mkdtempSync(join(tmpdir(), 'sluice-checked-'))
    try {
      const wrong = join(folder, 'wrong.yaml')
      writeFileSync(wrong, read('deploy/kubernetes/several/deployment.yaml').replace('maxSurge', 'maxSurges'))
      assert.notEqual((await module('kubernetes_validate', '--strict', wrong)).code, 0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('the Compose file fits its schema', async () => {
    const schema = ['--builtin-schema', 'vendor.compose-spec']
    const { code, text } = await module('check_jsonschema', ...schema, 'deploy/compose.yaml')
    assert.equal(code, 0, text)
  })
})

describe('the checker of Prometheus', { skip: skipProm }, () => {
  const tool = String(prometheus)

  it('reads the alerts', async () => {
    const { code, text } = await said(tool, ['check', 'rules', 'deploy/prometheus/alerts.yaml'])
    assert.equal(code, 0, text)
    assert.match(text, /SUCCESS: \d+ rules found/)
  })

  it('reads every expression of the dashboard', async () => {
    const { panels } = JSON.parse(read('deploy/grafana/sluice.json')) as {
      panels: { targets: { expr: string }[] }[]
    }
    const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    assert.ok(expressions.length > 30)
    const rules = expressions.map((expr, i) => ({
      record: `dashboard:expression:${i}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replace(/\$\w+/g, 'any'),
    }))
    const folder = mkdtempSync(join(tmpdir(), 'sluice-checked-'))
    try {
      const file = join(folder, 'dashboard.yaml')
      writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules }] }))
      const { code, text } = await said(tool, ['check', 'rules', file])
      assert.equal(code, 0, text)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('reads the metrics of a server', async () => {
    const { server } = await startFixture()
    try {
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      const { code, text } = await said(tool, ['check', 'metrics'], metrics)
      assert.ok(code === 0 || code === 3, text)
      // Names that it would choose differently; those of Node are not ours.
      assert.deepEqual(
        text.split('\n').filter((line) => line.startsWith('sluice_')),
        [],
      )
    } finally {
      await server.close(0)
    }
  })
})
