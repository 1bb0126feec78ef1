/**
 * What the parts of the benchmark share: a server in a process of its own, the client that is timed in another, and the
 * machine's name.
 */
import { execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from '../scripts/build.ts'
import { freePorts } from '../scripts/free-ports.ts'
import { projectFolder } from '../scripts/provision.ts'
import { ALLOCATOR, SEMI_SPACE } from '../src/cli/process-memory.ts'

const run = promisify(execFile)
const here = import.meta.dirname
/** Of the account that asks. */
export const TOKEN = 'bench-token-0123456789'

/** What the client saw of one request. */
export interface Timed {
  readonly seconds: number
  readonly firstMs: number
  readonly frames: number
  readonly bytes: number
  readonly error: string
}
/** Runs a script of this folder and reads the line of JSON that it prints. */
export async function node<T>(file: string, ...args: string[]): Promise<T> {
  const { stdout } = await run(process.execPath, [join(here, file), ...args], { maxBuffer: 1 << 20 })
  return JSON.parse(stdout) as T
}

/** How long the event loop's thread was kept. */
export interface Held {
  readonly busyMs: number
  readonly delayMs: number
}

export interface Server {
  readonly url: string
  readonly pid: number
  /** From the command to the first good answer of `/health`, which is asked every 100 ms. */
  readonly startMs: number
  /**
   * Since the last time it was asked, in ms: the longest stretch that the event loop's thread worked without a turn, in
   * processor time, and the longest delay of a turn by the clock.
   */
  loop(): Promise<Held>
  /** Requests sent to Kafka since the start. */
  requests(): Promise<number>
  stop(): Promise<void>
}

/**
 * What the installed command `sluice` comes to (src/cli/start.ts), with the event loop watched. It is built first: a
 * server that runs from TypeScript holds the compiler and the sources in every thread.
 */
async function builtProgram(): Promise<{ args: readonly string[]; env: Readonly<Record<string, string>> }> {
  built ??= build()
  await built
  const watch = join(projectFolder, 'dist', 'loop-watch.mjs')
  const source = readFileSync(join(here, '../test/support/loop-watch.ts'), 'utf8')
  writeFileSync(watch, stripTypeScriptTypes(source))
  return {
    args: [SEMI_SPACE, '--import', watch, join(projectFolder, 'dist/cli/main.js')],
    env: ALLOCATOR,
  }
}
let built: Promise<void> | undefined

/** A Sluice that reads from these brokers. `more`: further options. */
export async function startServer(brokers: string, registry: string, more: readonly string[] = []): Promise<Server> {
  const [port] = await freePorts(1)
  const args = [
    'server',
    '--brokers',
    brokers,
    '--registry',
    registry,
    '--port',
    String(port),
    '--environment',
    'bench',
    '--user',
    'admin:bench-secret',
    '--service-account',
    `bench:${TOKEN}`,
    ...more,
  ]
  const program = await builtProgram()
  const began = performance.now()
  const child = spawn(process.execPath, [...program.args, ...args, '--log-level', 'silent'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...program.env },
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  for (let i = 0; ; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined)
    if (answer?.ok) break
    if (i > 200 || child.exitCode !== null) throw new Error('the server does not start')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const startMs = performance.now() - began
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await gone
  }
  const loop = (): Promise<Held> =>
    new Promise((resolve) => {
      child.once('message', (held) => resolve(held as Held))
      child.send('loop')
    })
  const requests = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return [...text.matchAll(/^sluice_kafka_requests_total\{[^}]*\} (\d+)$/gm)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    )
  }
  return {
    url: `ws://127.0.0.1:${port}/api/v1/environments/bench/proxy/api/ws/v2/sql/execute`,
    pid: child.pid ?? 0,
    startMs,
    loop,
    requests,
    stop,
  }
}

/** Peak resident memory of a process in MiB. */
export function peakMiB(pid: number): number {
  const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return match === null ? Number.NaN : Math.round(Number(match[1]) / 1024)
}

/** Processor time that a process has used with all of its threads, in seconds (in steps of 10 ms). */
export function cpuSeconds(pid: number): number {
  // The name of the process stands in brackets and may hold spaces; behind it user and system time are numbers 12 and
  // 13.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** The machine, for a table of results. */
export function machineName(): string {
  return `${cpus().length} × ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
}
