/**
 * Runs test files with Node's test runner, each in a process of its own, and counts what happened, with the reason of
 * every test that was skipped. A file that does not end in time (mostly because a failed test left something running)
 * is ended together with what it started, and counts as a failure.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join, relative } from 'node:path'
import { PassThrough } from 'node:stream'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { projectFolder } from './provision.ts'

export interface Outcome {
  passed: number
  failed: number
  /** One entry a skipped test or suite: where, what, why. */
  readonly skipped: { readonly file: string; readonly name: string; readonly reason: string }[]
}

export function nothingYet(): Outcome {
  return { passed: 0, failed: 0, skipped: [] }
}

/** The test files whose path from the project's folder is wanted, as absolute paths in order. */
export function testFiles(isWanted: (path: string) => boolean = () => true): string[] {
  const found = globSync('test/**/*.test.ts', { cwd: projectFolder }).map((path) => path.replaceAll('\\', '/'))
  return found
    .filter(isWanted)
    .sort()
    .map((path) => join(projectFolder, path))
}

export interface RunOptions {
  readonly concurrency: number
  readonly timeoutMs: number
  readonly verbose?: boolean
}

interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name?: string
    readonly file?: string
    readonly skip?: string | boolean
    readonly details?: { readonly type?: string; readonly error?: Error & { readonly failureType?: string } }
  }
}

/**
 * Runs the files, at most `concurrency` at a time and each no longer than `timeoutMs`. Prints one line for each file;
 * every test as Node's `spec` reporter does for files in which something failed, or for all when `verbose`; and the
 * failures again at the end.
 */
export async function runTests(
  files: readonly string[],
  { concurrency, timeoutMs, verbose = false }: RunOptions,
  outcome: Outcome,
): Promise<void> {
  if (files.length === 0) return
  const events = new PassThrough({ objectMode: true })
  const report = events.compose(new spec())
  report.pipe(process.stdout, { end: false })
  const waiting = [...files]
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const begun = performance.now()
      const own = nothingYet()
      const seen = await runFile(file, timeoutMs)
      for (const event of seen) count(event, file, own)
      console.log(lineOf(file, own, performance.now() - begun))
      if (verbose || own.failed > 0) for (const event of seen) events.write(event)
      outcome.passed += own.passed
      outcome.failed += own.failed
      outcome.skipped.push(...own.skipped)
    }
  }
  const done = once(report, 'end')
  await Promise.all(Array.from({ length: concurrency }, worker))
  events.end()
  await done
}

function lineOf(file: string, { passed, failed, skipped }: Outcome, tookMs: number): string {
  const parts = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
  ]
  return `${failed > 0 ? '✖' : passed > 0 ? '✔' : '﹣'} ${relative(projectFolder, file)}: ${parts.join(', ')} (${(tookMs / 1000).toFixed(1)} s)`
}

/** Events of one file without the totals at its end. */
async function runFile(file: string, timeoutMs: number): Promise<TestEvent[]> {
  const abort = new AbortController()
  const timer = setTimeout(() => {
    const started = descendants(file)
    console.log(
      `✖ ${relative(projectFolder, file)} had not ended after ${timeoutMs / 1000} s; ended with what it had started:\n${started.map(({ text }) => `    ${text}`).join('\n')}`,
    )
    for (const { pid } of started) killQuietly(pid)
    abort.abort()
  }, timeoutMs)
  const events: TestEvent[] = []
  for await (const event of run({
    files: [file],
    signal: abort.signal,
    cwd: projectFolder,
  }) as AsyncIterable<TestEvent>) {
    if (!['test:diagnostic', 'test:summary', 'test:plan'].includes(event.type) || event.data.file !== undefined)
      events.push(event)
  }
  clearTimeout(timer)
  return events
}

function count({ type, data }: TestEvent, file: string, outcome: Outcome): void {
  const isSuite = data.details?.type === 'suite'
  if (type === 'test:fail' && data.details?.error?.failureType !== 'subtestsFailed') outcome.failed++
  if (type !== 'test:pass') return
  if (data.skip !== undefined && data.skip !== false) {
    outcome.skipped.push({
      file: relative(projectFolder, file),
      name: data.name ?? '',
      reason: typeof data.skip === 'string' ? data.skip : 'no reason given',
    })
  } else if (!isSuite) outcome.passed++
}

/** The process that runs the file and everything under it, the deepest last. */
function descendants(file: string): { pid: number; text: string }[] {
  const lines = execFileSync('ps', ['-axo', 'pid=,ppid=,args='], { encoding: 'utf8', maxBuffer: 1 << 26 }).split('\n')
  const all = lines
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .flatMap((m) => (m === null ? [] : [{ pid: Number(m[1]), parent: Number(m[2]), args: m[3] }]))
  const found = all.filter(({ parent, args }) => parent === process.pid && args.includes(file))
  for (let at = 0; at < found.length; at++) found.push(...all.filter(({ parent }) => parent === found[at].pid))
  return found.map(({ pid, args }) => ({
    pid,
    text: `${pid} ${args.length > 160 ? `${args.slice(0, 40)} … ${args.slice(-110)}` : args}`,
  }))
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
