/**
 * Which golden statements are handed over to Flink: all but those in `test/flink/refused.txt`, each below its reason.
 * `npm test -- --update` (or `SLUICE_UPDATE=1`) writes the list.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { updating } from '../../options.ts'
import { looseOrderings } from '../../support/flink-orderings.ts'
import { REFUSED_FILE, translatingOnly } from '../../support/flink-refusals.ts'
import { memoryWorld } from '../../support/memory-world.ts'
import { readSlt, runCase } from '../../support/slt.ts'

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
    `${handed} golden statements are handed over to Flink, ${refused} are not.`,
    ...sorted.flatMap(([reason, cases]) => ['', `${cases.length} × ${reason}`, ...cases.map((c) => `    ${c}`)]),
    '',
  ].join('\n')
  if (updating) writeFileSync(REFUSED_FILE, text)
  assert.equal(text, readFileSync(REFUSED_FILE, 'utf8'))
  assert.deepEqual(loose, [], 'comparisons that the planner of Flink turns around')
})
