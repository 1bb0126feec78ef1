/**
 * Which golden statements are handed over to Flink: all but those in `test/flink/refused.txt`, each below its reason.
 * `npm test -- --update` (or `SLUICE_UPDATE=1`) writes the list.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { printQuery } from '../../../src/sql/print.ts'
import { updating } from '../../options.ts'
import { looseOrderings } from '../../support/flink-orderings.ts'
import { REFUSED_FILE, translatingOnly } from '../../support/flink-refusals.ts'
import { memoryWorld } from '../../support/memory-world.ts'
import { randomQuery } from '../../support/random-queries.ts'
import { Random, randomTable, topicOf, withoutGaps } from '../../support/random-tables.ts'
import { ANY_CASE, readSlt, runCase } from '../../support/slt.ts'

const folder = join(import.meta.dirname, '..', '..', 'sql')

it('the list of statements that stay here is complete, and each has its reason', async () => {
  const reasons = new Map<string, string[]>()
  const loose: string[] = []
  let handed = 0
  for (const name of globSync('**/*.slt', { cwd: folder }).sort()) {
    const file = readSlt(join(folder, name))
    const world = memoryWorld(file.topics)
    for (const item of file.cases) {
      if (item.kind !== 'query') continue
      let refused: string | undefined
      let asked = false
      const other = translatingOnly((reason, translated) => {
        asked = true
        refused ??= reason
        loose.push(...looseOrderings(translated).map((each) => `${name}:${item.line} ${each}`))
      })
      await runCase({ ...item, defaults: { engine: 'flink', ...item.defaults } }, { ...world, other })
      if (!asked) continue
      if (refused === undefined) handed++
      else reasons.set(refused, [...(reasons.get(refused) ?? []), `${name}:${item.line} ${item.sql.split('\n')[0]}`])
    }
    world.catalog.close()
  }
  const refused = [...reasons.values()].reduce((n, { length }) => n + length, 0)
  const sorted = [...reasons].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1))
  const text = [
    `${refused} golden statements are not handed over to Flink.`,
    ...sorted.flatMap(([reason, cases]) => ['', `${cases.length} × ${reason}`, ...cases.map((c) => `    ${c}`)]),
    '',
  ].join('\n')
  if (updating) writeFileSync(REFUSED_FILE, text)
  assert.equal(text, readFileSync(REFUSED_FILE, 'utf8'))
  assert.ok(handed > 5 * refused, `only ${handed} are handed over`)
  assert.deepEqual(loose, [], 'comparisons that the planner of Flink turns around')
})

it('no comparison of 100 random queries is one that the planner of Flink turns around', async () => {
  const loose: string[] = []
  let handed = 0
  for (const seed of [1, 2]) {
    const random = new Random(seed)
    const tables = ['alpha', 'beta', 'gamma'].map((name) => withoutGaps(randomTable(name, random, 5)))
    const world = memoryWorld(tables.map((table) => topicOf(table, 1)))
    for (let i = 0; i < 50; i++) {
      const sql = printQuery(randomQuery(tables, random).query)
      const other = translatingOnly((_, translated) => {
        if (translated !== '') handed++
        loose.push(...looseOrderings(translated).map((each) => `${sql}: ${each}`))
      })
      await runCase({ ...ANY_CASE, defaults: { engine: 'flink' }, sql }, { ...world, other })
    }
    world.catalog.close()
  }
  assert.deepEqual(loose, [])
  assert.ok(handed > 50, `only ${handed} were translated`)
})
