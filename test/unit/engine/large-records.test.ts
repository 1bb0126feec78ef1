/** Records whose rows make too large a frame: each is told as a bad record, with its size, and the result goes on. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { memoryWorld } from '../../support/memory-world.ts'
import { helpersHere } from '../../support/slt.ts'

const MAX = { name: 'server.max.frame.bytes', bytes: 1000 }
const LARGE = [3, 7]
const world = memoryWorld([
  {
    name: 't',
    partitions: 2,
    records: Array.from({ length: 10 }, (_, n) => ({
      partition: n % 2,
      timestampMs: n,
      key: { json: `k${n}` },
      // Three bytes a letter: characters are not what is counted.
      value: { json: { n, text: (LARGE.includes(n) ? '€' : '.').repeat(330) } },
    })),
  },
])
after(() => world.catalog.close())

interface Answer {
  readonly rows: readonly unknown[]
  readonly bad: readonly Record<string, unknown>[]
  readonly error: string | undefined
  readonly badRecords: number
}

async function ask(sql: string, readers: number): Promise<Answer> {
  const frames: { type: string; data: { value: unknown; metadata: Record<string, unknown> } }[] = []
  const summary = await runRequest(
    { sql: `SET query.parallel = ${readers}; ${sql}`, live: false },
    { catalog: world.catalog, log: world.log, maxFrame: MAX, helpers: async (most) => helpersHere(most, world) },
    { send: (frame) => void frames.push(JSON.parse(frame)), drained: () => undefined },
    new AbortController().signal,
  )
  const of = (type: string) => frames.filter((frame) => frame.type === type)
  return {
    rows: of('RECORD').map(({ data }) => data.value),
    bad: of('BADRECORD').map(({ data }) => data.metadata),
    error: summary.error,
    badRecords: summary.badRecords,
  }
}

for (const readers of [1, 2]) {
  const name = `${readers} reader${readers === 1 ? '' : 's'}`

  test(`SELECT * tells them, with place and size, and goes on (${name})`, async () => {
    const { rows, bad, error, badRecords } = await ask('SELECT * FROM t', readers)
    assert.deepEqual([rows.length, error, badRecords], [8, undefined, 2])
    const told = bad.map(({ partition, offset, limit, table }) => ({ partition, offset, limit, table }))
    assert.deepEqual(
      told.sort((a, b) => Number(a.offset) - Number(b.offset)),
      [1, 3].map((offset) => ({ partition: 1, offset, limit: MAX.name, table: 't' })),
    )
    assert.ok(bad.every(({ frameBytes }) => Number(frameBytes) > MAX.bytes && Number(frameBytes) < 1500))
  })

  test(`a SELECT of their parts works (${name})`, async () => {
    const { rows, bad } = await ask('SELECT n, LEN(text) AS l FROM t WHERE n IN (3, 7) ORDER BY n', readers)
    assert.deepEqual([rows, bad], [LARGE.map((n) => ({ n, l: 330 })), []])
  })

  test(`LIMIT counts rows, and they are none (${name})`, async () => {
    const { rows, error } = await ask('SELECT * FROM t WHERE n > 2 LIMIT 5', readers)
    assert.deepEqual([rows.length, error], [5, undefined])
    assert.equal((await ask('SELECT * FROM t WHERE n > 2 LIMIT 6', readers)).rows.length, 5)
  })

  test(`skip.bad.records = false ends at the first, and says which and why (${name})`, async () => {
    const { error } = await ask('SET skip.bad.records = false; SELECT * FROM t', readers)
    assert.match(
      error ?? '',
      /record at offset [13] of partition 1 of t makes a frame of [\d,]+ bytes.*server\.max\.frame\.bytes/,
    )
  })
}

test('a row that is no record is an error: it has no place', async () => {
  const { error } = await ask('SELECT COLLECT(text, 10) AS texts FROM t', 1)
  assert.match(error ?? '', /^Row 0 makes a frame of/)
})
