/** Runs test files with Node's test runner and counts what happened, with the reason of every test that was skipped. */
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { relative } from 'node:path'
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

/** Test files under these folders of test/ (all of them without arguments), as absolute paths in order. */
export function testFiles(keep: (path: string) => boolean = () => true): string[] {
  return globSync('test/**/*.test.ts', { cwd: projectFolder })
    .filter((path) => keep(path.replaceAll('\\', '/')))
    .sort()
    .map((path) => `${projectFolder}/${path}`)
}

/** Runs the files, each in a process of its own, at most `concurrency` at a time; prints as Node's `spec` reporter does. */
export async function runTests(files: readonly string[], concurrency: number, outcome: Outcome): Promise<void> {
  if (files.length === 0) return
  const stream = run({ files: [...files], concurrency, timeout: 900_000, cwd: projectFolder })
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite' && event.skip === undefined) return
    if (event.skip === undefined) outcome.passed++
    else
      outcome.skipped.push({
        file: relative(projectFolder, event.file ?? ''),
        name: event.name,
        reason: typeof event.skip === 'string' ? event.skip : 'no reason given',
      })
  })
  stream.on('test:fail', (event) => {
    const { failureType } = event.details.error as { failureType?: string }
    if (failureType !== 'subtestsFailed') outcome.failed++
  })
  const report = stream.compose(new spec())
  report.pipe(process.stdout, { end: false })
  await once(report, 'end')
}
