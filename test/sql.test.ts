/** Runs every golden SQL file (`test/sql/**` + `.slt`) in memory: one test for each case, named by file and line. The format: test/sql/README.md. */
import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { updating } from './options.ts'
import { memoryWorld } from './support/memory-world.ts'
import { expectedLines, readSlt, runCase, withAnswers } from './support/slt.ts'

const folder = path.join(import.meta.dirname, 'sql')

for (const name of globSync('**/*.slt', { cwd: folder }).sort()) {
  const file = readSlt(path.join(folder, name))
  const world = memoryWorld(file.topics)
  const answers: (readonly string[] | undefined)[] = []
  describe(name, () => {
    file.cases.forEach((item, i) => {
      test(`${name}:${item.line} ${item.sql.split('\n')[0]}`, async () => {
        const actual = await runCase(item, world)
        if (updating) answers[i] = actual
        else assert.equal(actual.join('\n'), expectedLines(item).join('\n'), `${file.path}:${item.line}`)
      })
      // The optimizer changes what is read, never the rows.
      if (updating || (item.kind !== 'query' && item.kind !== 'error')) return
      test(`${name}:${item.line} as bound`, async () => {
        const actual = await runCase(item, world, { optimize: false })
        assert.equal(actual.join('\n'), expectedLines(item).join('\n'), `${file.path}:${item.line} without the optimizer`)
      })
    })
    after(() => {
      const text = withAnswers(file, answers)
      if (updating && text !== readFileSync(file.path, 'utf8')) writeFileSync(file.path, text)
      world.catalog.close()
    })
  })
}
