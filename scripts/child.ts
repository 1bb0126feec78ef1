/**
 * A child process that is waited for until it says that it is ready, writes its output to a file, and never outlives
 * this process. Ended by its own process id only. Once ready it does not keep this process alive: a test that forgets
 * to stop it still ends, and it ends with it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Child {
  readonly pid: number
  readonly logFile: string
  /** SIGTERM, and SIGKILL after `graceMs` (5000). Resolves when the process is gone. */
  stop(graceMs?: number): Promise<void>
  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>
  /** Resolves with the exit code (or -1 for a signal) when it ends by itself or otherwise. */
  readonly ended: Promise<number>
}

export interface ChildOptions {
  readonly logFile: string
  /** Ready when the output matches. */
  readonly ready: RegExp
  /** Default 60,000. */
  readonly timeoutMs?: number
  /** Added to this process's own environment. */
  readonly env?: Record<string, string | undefined>
  readonly cwd?: string
}

const living = new Set<ChildProcess>()
const folders = new Set<string>()
let watching = false

function watchExit(): void {
  if (watching) return
  watching = true
  process.once('exit', () => {
    for (const child of living) child.kill('SIGKILL')
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code))
  }
}

/** Removes that folder when this process ends. */
export function removeAtExit(folder: string): void {
  watchExit()
  folders.add(folder)
}

/**
 * Starts a program and resolves once it is ready; rejects with the end of its output when it ends first or takes too
 * long.
 */
export async function startChild(command: string, args: readonly string[], options: ChildOptions): Promise<Child> {
  watchExit()
  const log = openSync(options.logFile, 'a')
  const from = readFileSync(options.logFile).length
  const child = spawn(command, args, {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
  })
  closeSync(log)
  living.add(child)
  let endedWith: number | undefined
  let failure = ''
  const ended = new Promise<number>((resolve) => {
    const end = (code: number) => {
      living.delete(child)
      endedWith = code
      resolve(code)
    }
    child.once('exit', (code) => end(code ?? -1))
    child.once('error', (error) => {
      failure = error.message
      end(-1)
    })
  })
  const signal = async (name: 'SIGTERM' | 'SIGKILL', graceMs: number) => {
    if (endedWith !== undefined) return
    child.ref()
    child.kill(name)
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await ended
    clearTimeout(timer)
  }
  const timeoutMs = options.timeoutMs ?? 60_000
  const deadline = performance.now() + timeoutMs
  const output = () => readFileSync(options.logFile).subarray(from).toString()
  while (!options.ready.test(output())) {
    if (endedWith !== undefined)
      throw new Error(
        `${command} ended with code ${endedWith} before it was ready ${failure}\n${output().slice(-3000)}`,
      )
    if (performance.now() > deadline) {
      await signal('SIGKILL', 1000)
      throw new Error(`${command} was not ready after ${timeoutMs} ms\n${output().slice(-3000)}`)
    }
    await sleep(50)
  }
  child.unref()
  return {
    pid: child.pid ?? -1,
    logFile: options.logFile,
    stop: (graceMs = 5000) => signal('SIGTERM', graceMs),
    kill: () => signal('SIGKILL', 1000),
    ended,
  }
}
