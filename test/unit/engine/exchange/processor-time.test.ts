/** The processor time that helpers use counts for the statement of their leader. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Killed } from '../../../../src/engine/queries.ts'
import { runRequest } from '../../../../src/engine/request.ts'
import { memoryWorld } from '../../../support/memory-world.ts'
import { helpersHere } from '../../../support/slt.ts'

/** Helpers of a query over 40 records that say what they have used, and what the host of the query hears of it. */
async function heard(used: readonly number[], sql: string, most = Number.POSITIVE_INFINITY) {
  const world = memoryWorld([
    {
      name: 't',
      partitions: 4,
      records: Array.from({ length: 40 }, (_, n) => ({
        partition: n % 4,
        timestampMs: 1_700_000_000_000 + n,
        key: null,
        value: { json: { n } },
      })),
    },
  ])
  const kill = new AbortController()
  const frames: string[] = []
  let totalMs = 0
  await runRequest(
    { sql, live: false },
    {
      catalog: world.catalog,
      log: world.log,
      defaults: { 'query.parallel': used.length + 1 },
      helpers: async () =>
        used.flatMap((processorMs) =>
          helpersHere(1, { catalog: world.catalog, log: world.log, processorMs: () => processorMs }),
        ),
      helped: (processorMs) => {
        totalMs += processorMs
        if (totalMs > most) kill.abort(new Killed('The query was ended: it used too much.'))
      },
      queries: {
        registry: {
          begin: () => ({ signal: kill.signal, end: () => undefined }),
          running: () => [],
          all: () => [],
          missing: () => [],
          kill: () => 'absent',
        },
        user: 'u',
        account: 'u',
        environment: 'e',
      },
    },
    { send: (frame) => void frames.push(frame), drained: () => undefined },
    new AbortController().signal,
  )
  world.catalog.close()
  return { totalMs, last: frames.at(-1) ?? '' }
}

for (const sql of ['SELECT sum(n) AS s FROM t', 'SELECT n FROM t WHERE n % 2 = 0'])
  test(`once for each helper: ${sql}`, async () => {
    assert.equal((await heard([7, 20, 100], sql)).totalMs, 127)
    assert.equal((await heard([], sql)).totalMs, 0)
  })

test('a host that ends the query for it is obeyed', async () => {
  const { last } = await heard([7, 20], 'SELECT sum(n) AS s FROM t', 5)
  assert.match(last, /"type":"ERROR".*it used too much/)
})
