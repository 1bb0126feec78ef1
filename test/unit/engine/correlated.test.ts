/**
 * What correlated subqueries cost that no equation ties: each topic is read once for each place where it is named, and
 * others get their turn while rows are compared.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { type MemoryWorld, memoryWorld } from '../../support/memory-world.ts'

function topic(name: string, rows: number): Parameters<typeof memoryWorld>[0][number] {
  const records = Array.from({ length: rows }, (_, id) => {
    const json = { id, x: (id * 7919) % rows }
    return { partition: 0, timestampMs: 1, key: null, value: { json, text: JSON.stringify(json) } }
  })
  return { name, records }
}

async function rowsOf(sql: string, world: MemoryWorld): Promise<unknown[]> {
  const found: unknown[] = []
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { value?: unknown } }
    assert.notEqual(type, 'ERROR', frame)
    if (type === 'RECORD') found.push(data.value)
  }
  await runRequest(
    { sql, live: false },
    { catalog: world.catalog, log: world.log },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  return found
}

test('the outer topic is read once, so that its rows and their answers cannot stem from two different ends', async () => {
  const world = memoryWorld([topic('outer', 5), topic('inner', 4)])
  const sql =
    'SELECT id, (SELECT count(*) FROM inner i WHERE i.x < o.x) AS n, o.x IN (SELECT i.x FROM inner i ORDER BY i.x LIMIT 1 OFFSET 1) AS s FROM outer o'
  const rows = await rowsOf(sql.replaceAll('inner ', '`inner` ').replaceAll('outer o', '`outer` o'), world)
  assert.equal(rows.length, 5)
  assert.deepEqual(world.scans.map((s) => s.topic).sort(), ['inner', 'inner', 'outer'])
  world.catalog.close()
})

test('millions of pairs without an equation are looked at in stretches', async () => {
  const world = memoryWorld([topic('a', 1500), topic('b', 1500)])
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const rows = await rowsOf(
    'SELECT sum(n) AS s FROM (SELECT (SELECT count(*) FROM b WHERE b.x < a.x) AS n FROM a) d',
    world,
  )
  clearInterval(timer)
  assert.deepEqual(rows, [{ s: (1500 * 1499) / 2 }])
  assert.ok(turns > 3, `${turns} turns`)
  world.catalog.close()
})
