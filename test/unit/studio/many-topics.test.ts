/** The page's own work over very many topics: what is offered and drawn is bounded, and the best of all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bestFits, fit } from '../../../src/studio/commands/commands.ts'
import { type Known, MAX_TOPIC_OFFERS, offersAt } from '../../../src/studio/editor/complete.ts'
import { found, lines, named, NO_TOPICS, type Topic } from '../../../src/studio/explorer/topics.ts'
import { IDLE, progressOf } from '../../../src/studio/run/run-state.ts'

const topics: readonly Topic[] = Array.from({ length: 20_000 }, (_, i) => ({
  name: `${i % 2 === 0 ? 'sales' : 'my.sales'}.topic-${String(i).padStart(5, '0')}`,
  partitions: 1,
}))

test('a search finds the names that begin with it first, in their order', () => {
  const shown = found(topics, 'sales 00')
  assert.equal(shown.length, found(topics, '00').length)
  assert.deepEqual(
    shown.slice(0, 2).map(({ name }) => name),
    ['sales.topic-00000', 'my.sales.topic-00001'],
  )
  assert.deepEqual(
    found(topics, 'my').map(({ name }) => name),
    topics.filter((_, i) => i % 2 === 1).map(({ name }) => name),
  )
  const open = lines({ topics, search: 'topic-00003', open: new Set(['my.sales.topic-00003']) })
  assert.deepEqual(
    open.map(({ kind }) => kind),
    ['topic', 'note'],
  )
})

test('names that come anew keep what was known', () => {
  const details = { keyFormat: 'STRING', valueFormat: 'JSON', records: 1, bytes: 1, isCompacted: false } as const
  const known = { name: 'b', partitions: 1, details: { ...details, description: undefined, fields: [] } }
  const state = named({ ...NO_TOPICS, topics: [known, { name: 'gone', partitions: 1 }] }, [
    { name: 'a', partitions: 2 },
    { name: 'b', partitions: 3 },
  ])
  assert.deepEqual(state.topics, [
    { name: 'a', partitions: 2 },
    { ...known, partitions: 3 },
  ])
})

test('the best of very many are those that sorting all would give', () => {
  for (const typed of ['', 'my', 'topic-0', 's9', '12', 'zzz']) {
    const sorted = topics
      .flatMap((item) => {
        const rank = fit(typed, item.name)
        return rank === undefined ? [] : [{ item, rank }]
      })
      .toSorted((a, b) => a.rank - b.rank)
    assert.deepEqual(bestFits(typed, topics, 50), sorted.slice(0, 50), typed)
  }
})

test('completion offers a part of very many topics, and looks again with each key', () => {
  const known: Known = {
    topics,
    vocabulary: { functions: [], settings: [] },
    fields: () => [],
    headers: () => [],
  }
  const offered = (sql: string) => offersAt(sql, sql.length, known)
  const all = offered('SELECT * FROM ')
  assert.deepEqual([all?.offers.length, all?.cut], [MAX_TOPIC_OFFERS, true])
  const one = offered('SELECT * FROM sales.TOPIC-01234')
  assert.deepEqual(
    one?.offers.map(({ label }) => label),
    ['sales.topic-01234', 'my.sales.topic-01234'].filter((label) => topics.some(({ name }) => name === label)),
  )
  assert.equal(offered('SELECT * FROM my.sales.topic-1')?.cut, true)
  assert.equal(offersAt('SELECT * FROM a', 15, { ...known, topics: topics.slice(0, 10) })?.cut, false)
})

test('progress counts partitions that the statistics do not list', () => {
  const partition = { begin: 0, offsetBound: 9, end: 9, bytesRead: 10, recordsScanned: 10 }
  const progress = progressOf({
    ...IDLE,
    stats: {
      id: '1',
      bytesRead: 40,
      sources: { s: 't' },
      sourceConfigs: {},
      sourcesStats: { s: { 0: partition } },
      sourcesRest: { s: { partitions: 5, done: 2, offsets: 50, offsetsRead: 20, bytesRead: 30, recordsScanned: 20 } },
      badRecordsTotal: 0,
      recordsSkipped: 0,
      results: 0,
      recordsScanned: 30,
      duration: 1000,
      startedAt: 0,
    },
  })
  assert.deepEqual([progress?.partitions, progress?.partitionsDone, progress?.share], [6, 3, 0.5])
})
