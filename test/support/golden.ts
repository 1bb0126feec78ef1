/** Runs one golden SQL file, or the examples of one page of documentation, in memory: one test for each case, named by file and line. The format: test/sql/README.md. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { updating } from '../options.ts'
import { memoryWorld } from './memory-world.ts'
import { expectedLines, readSlt, runCase, withAnswers } from './slt.ts'

/** Declares the tests of a file; `name` is how it is called in them. Returns how many cases it holds. */
export function goldenFile(path: string, name: string): number {
  const file = readSlt(path)
  // Statements may change the world: each way of running has its own.
  const world = memoryWorld(file.topics)
  const boundWorld = memoryWorld(file.topics)
  const answers: (readonly string[] | undefined)[] = []
  describe(name, () => {
    file.cases.forEach((item, i) => {
      test(`${name}:${item.line} ${item.sql.split('\n')[0]}`, async () => {
        const actual = await runCase(item, world)
        if (updating) answers[i] = actual
        else assert.equal(actual.join('\n'), expectedLines(item).join('\n'), `${file.path}:${item.line}`)
      })
      // The optimizer changes what is read, never the rows.
      if (updating) return
      test(`${name}:${item.line} as bound`, async () => {
        const actual = await runCase(item, boundWorld, { optimize: false })
        if (item.kind === 'query' || item.kind === 'error')
          assert.equal(actual.join('\n'), expectedLines(item).join('\n'), `${file.path}:${item.line} without the optimizer`)
      })
    })
    after(() => {
      const text = withAnswers(file, answers)
      if (updating && text !== readFileSync(file.path, 'utf8')) writeFileSync(file.path, text)
      world.catalog.close()
      boundWorld.catalog.close()
    })
  })
  return file.cases.length
}
