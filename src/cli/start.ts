#!/usr/bin/env node
/**
 * What the installed command `sluice` starts: makes sure that the Node it runs on is new enough, and goes over to the
 * one that the package `node` brought along where it is not; on Linux a server begins anew in the same process, with
 * memory set up for many threads. Everything else is in `main`, which is loaded only then. This file must run on old
 * versions of Node.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ALLOCATOR, SEMI_SPACE } from './process-memory.ts'

const oldest = [22, 22] as const

function newEnough(version: string): boolean {
  const [major, minor] = version.split('.').map(Number)
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
}

/** The Node that came with this package, or undefined where its install script was not allowed to run. */
function broughtAlong(): string | undefined {
  try {
    const program = join(
      dirname(createRequire(import.meta.url).resolve('node/package.json')),
      'bin',
      process.platform === 'win32' ? 'node.exe' : 'node',
    )
    return existsSync(program) ? program : undefined
  } catch {
    return undefined
  }
}

function goOver(program: string): void {
  const child = spawn(program, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, SLUICE_GONE_OVER: '1' },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  child.once('error', (error) => {
    process.stderr.write(`sluice: ${program} does not start: ${error.message}\n`)
    process.exitCode = 1
  })
  child.once('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)
  })
}

function beginAnew(): void {
  const isServer = ['server', 'demo'].includes(process.argv[2])
  if (!isServer || process.platform !== 'linux' || process.env.MALLOC_ARENA_MAX !== undefined) return
  const flags = process.execArgv.includes(SEMI_SPACE) ? process.execArgv : [...process.execArgv, SEMI_SPACE]
  const args = [process.execPath, ...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  // Its note that it is experimental is for developers.
  process.removeAllListeners('warning')
  process.execve?.(process.execPath, args, { ...process.env, ...ALLOCATOR })
}

const other = newEnough(process.versions.node) || process.env.SLUICE_GONE_OVER === '1' ? undefined : broughtAlong()
if (newEnough(process.versions.node)) {
  beginAnew()
  await import('./main.ts')
} else if (other !== undefined) goOver(other)
else {
  const remedy =
    'Update Node, or let npm run the install script of the package "node", which brings one along: npm install --allow-scripts=node'
  process.stderr.write(
    `sluice: Node ${oldest.join('.')} or newer is needed, this is ${process.versions.node}. ${remedy}\n`,
  )
  process.exitCode = 1
}
