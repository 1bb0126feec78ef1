/**
 * Runs one golden SQL file, or the examples of one page of documentation, in memory: one test for each case, named by
 * file and line. The format: test/sql/README.md.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { RULES } from '../../src/plan/optimize.ts'
import { updating } from '../options.ts'
import { memoryWorld } from './memory-world.ts'
import { badFirst, expectedLines, readSlt, runCase, withAnswers } from './slt.ts'

interface Way {
  readonly way: string
  readonly rulesOff?: ReadonlySet<string> | 'all'
  /** Readers of one scan. */
  readonly readers?: number
}

const WAYS: readonly Way[] = [
  { way: 'as bound', rulesOff: 'all' },
  ...RULES.filter((rule) => rule.always !== true).map(({ name }) => ({
    way: `without ${name}`,
    rulesOff: new Set([name]),
  })),
  { way: 'with two readers', readers: 2 },
  { way: 'with four readers', readers: 4 },
]

/** Declares the tests of a file; `name` is how it is called in them. Returns how many cases it holds. */
export function goldenFile(path: string, name: string): number {
  const file = readSlt(path)
  // Statements may change the world: each way of running has its own.
  const world = memoryWorld(file.topics)
  const others = WAYS.map((way) => ({ ...way, world: memoryWorld(file.topics) }))
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
      test(`${name}:${item.line} as bound, with each rule of the optimizer off, with several readers`, async () => {
        for (const { way, rulesOff, readers, world: own } of others) {
          // It shows how many readers there are.
          if (readers !== undefined && item.sql.startsWith('SHOW SETTINGS')) continue
          const actual = await runCase(item, own, { rulesOff, readers })
          const shown = readers === undefined ? (lines: readonly string[]) => lines : badFirst
          if (item.kind === 'query' || item.kind === 'error')
            assert.equal(
              shown(actual).join('\n'),
              shown(expectedLines(item)).join('\n'),
              `${file.path}:${item.line} ${way}`,
            )
        }
      })
    })
    after(() => {
      const text = withAnswers(file, answers)
      if (updating && text !== readFileSync(file.path, 'utf8')) writeFileSync(file.path, text)
      world.catalog.close()
      for (const other of others) other.world.catalog.close()
    })
  })
  return file.cases.length
}
