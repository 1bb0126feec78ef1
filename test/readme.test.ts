/**
 * The queries of README.md, asked with the command line on the demo topics as they are when they have just been loaded,
 * and its program in Python held to the page of the server.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Clock } from '../src/lib/clock.ts'
import { startSandbox, type Sandbox } from '../src/sandbox/sandbox.ts'
import { readConfig } from '../src/server/config/config.ts'
import { createLog } from '../src/server/log.ts'
import { type RunningServer, startServer } from '../src/server/start.ts'
import { updating } from './options.ts'

const root = path.join(import.meta.dirname, '..')
const README = path.join(root, 'README.md')
const TOKEN = 'readme-token-0123456789'
const BLOCK = /^```console\n\$ sluice query "([^\n]*)"\n(.*?)^```/gms

/** Stands still, so that nothing grows. */
const standing: Clock = {
  now: () => Date.UTC(2026, 0, 1),
  monotonic: () => performance.now(),
  after: () => ({ cancel: () => undefined }),
  every: () => ({ cancel: () => undefined }),
}

describe('README.md', () => {
  let sandbox: Sandbox
  let server: RunningServer
  before(async () => {
    sandbox = await startSandbox({ clock: standing })
    const config = await readConfig({
      server: { port: 0 },
      environments: [{ name: 'demo', kafka: { brokers: sandbox.brokers }, registry: { url: sandbox.registryUrl } }],
      serviceAccounts: [{ name: 'readme', token: TOKEN, permissions: [{ environments: ['*'], topics: ['*'] }] }],
    })
    server = await startServer(config, { log: createLog('silent') })
  })
  after(async () => {
    await server.close(0)
    await sandbox.close()
  })

  /** What a terminal shows: the rows, then what the command says about them. */
  async function ask(sql: string): Promise<string> {
    const child = spawn(process.execPath, ['src/cli/main.ts', 'query', '--format', 'table', sql], {
      cwd: root,
      env: { ...process.env, SLUICE_URL: server.url, SLUICE_TOKEN: TOKEN },
    })
    const [out, said] = await Promise.all([text(child.stdout), text(child.stderr)])
    return out + said
  }

  it('shows the answers that one gets', async () => {
    const page = readFileSync(README, 'utf8')
    const blocks = [...page.matchAll(BLOCK)]
    assert.ok(blocks.length > 5)
    let written = page
    for (const [block, sql, shown] of blocks) {
      const answer = await ask(sql)
      if (updating) written = written.replace(block, () => `\`\`\`console\n$ sluice query "${sql}"\n${answer}\`\`\``)
      else assert.equal(shown, answer, sql)
    }
    if (written !== page) writeFileSync(README, written)
  })
})

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts).toString()
}
