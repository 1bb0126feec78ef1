/**
 * One partition that several threads read for a filter: its rows come in order all the same, however many of them wait
 * for their turn.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { runRequest } from '../../../../src/engine/request.ts'
import { memoryWorld } from '../../../support/memory-world.ts'
import { helpersHere } from '../../../support/slt.ts'

/** More than helpers send ahead. */
const RECORDS = 20_000
const world = memoryWorld([
  {
    name: 't',
    partitions: 1,
    records: Array.from({ length: RECORDS }, (_, n) => ({
      partition: 0,
      timestampMs: n,
      key: { json: `k${n}` },
      value: { json: { n } },
    })),
  },
])
after(() => world.catalog.close())

/** The values of n, and how many helpers there were. */
async function ask(
  sql: string,
  defaults: Record<string, number | string>,
): Promise<{ rows: number[]; helpers: number }> {
  const rows: number[] = []
  let helpers = 0
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { value: { n: number } } }
    if (type === 'RECORD') rows.push(data.value.n)
    else assert.equal(type, 'METADATA', frame)
  }
  const ask = async (most: number) => {
    helpers += most
    return helpersHere(most, world)
  }
  const environment = { catalog: world.catalog, log: world.log, defaults, helpers: ask, aloneMs: 0 }
  await runRequest({ sql, live: false }, environment, { send, drained: () => undefined }, new AbortController().signal)
  return { rows, helpers }
}

const numbers = (every: number, from = 0) =>
  Array.from({ length: Math.floor((RECORDS - 1 - from) / every) + 1 }, (_, i) => from + i * every)

for (const readers of [2, 4]) {
  test(`all rows, in order (${readers} readers)`, async () => {
    const { rows, helpers } = await ask(`SELECT n FROM t WHERE n >= 0 LIMIT ${RECORDS}`, { 'query.parallel': readers })
    assert.equal(helpers, readers - 1)
    assert.deepEqual(rows, numbers(1))
  })

  test(`few rows, and LIMIT takes the first of them (${readers} readers)`, async () => {
    const sql = 'SELECT n FROM t WHERE n % 100 = 7'
    assert.deepEqual((await ask(sql, { 'query.parallel': readers })).rows, numbers(100, 7))
    const limited = await ask(`${sql} LIMIT 3, 150`, { 'query.parallel': readers })
    assert.deepEqual(limited.rows, numbers(100, 7).slice(3, 153))
  })
}

test('auto has others help where few records become rows', async () => {
  const { rows, helpers } = await ask('SELECT n FROM t WHERE n % 100 = 7', { 'query.parallel': 'auto' })
  assert.ok(helpers > 0)
  assert.deepEqual(rows, numbers(100, 7))
})

test('auto reads alone where many do: the rows of others would only wait', async () => {
  const { rows, helpers } = await ask(`SELECT n FROM t WHERE n >= 0 LIMIT ${RECORDS}`, { 'query.parallel': 'auto' })
  assert.equal(helpers, 0)
  assert.deepEqual(rows, numbers(1))
})

test('without a filter there is nothing that others could leave out', async () => {
  assert.equal((await ask('SELECT n FROM t LIMIT 100', { 'query.parallel': 4 })).helpers, 0)
})
