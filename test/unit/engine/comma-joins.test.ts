/**
 * Comma joins: the order of FROM decides nothing, the largest source flows, and topics are asked for their sizes once,
 * if they answer at all.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import type { KafkaLog } from '../../../src/kafka/log.ts'
import { type MemoryWorld, memoryWorld, type WorldTopic } from '../../support/memory-world.ts'
import { Random } from '../../support/random-tables.ts'

const SOURCES = 64
const SHUFFLES = 20

/** Records `{"k": 0, "n": <number>}` and so on; keys from 0 to `count` - 1. */
function keys(name: string, count: number): WorldTopic {
  const records = Array.from({ length: count }, (_, k) => ({
    partition: 0,
    timestampMs: 1_700_000_000_000,
    key: null,
    value: { json: { k, n: k % 2 } },
  }))
  return { name, records }
}

async function ask(world: MemoryWorld, sql: string, log: KafkaLog = world.log): Promise<unknown[]> {
  const frames: { type: string; data: { value?: unknown } }[] = []
  const sink = {
    send: (frame: string) => void frames.push(JSON.parse(frame) as (typeof frames)[number]),
    drained: () => undefined,
  }
  await runRequest({ sql, live: false }, { catalog: world.catalog, log }, sink, new AbortController().signal)
  const error = frames.find((f) => f.type === 'ERROR')
  assert.equal(error, undefined, JSON.stringify(error))
  return frames.filter((f) => f.type === 'RECORD').map((f) => f.data.value)
}

const planOf = async (world: MemoryWorld, sql: string, log?: KafkaLog): Promise<string[]> =>
  (await ask(world, `EXPLAIN ${sql}`, log)).map((row) => (row as { plan: string }).plan)

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(random.int(0, rest.length - 1), 1)[0])
}

describe('comma joins', () => {
  const topics = Array.from({ length: SOURCES }, (_, i) => keys(`t${i}`, 3 + ((i * 7) % 11)))
  const world = memoryWorld(topics)
  const names = topics.map((t) => t.name)
  const shapes = {
    chain: names.slice(1).map((name, i) => `${names[i]}.k = ${name}.k`),
    star: names.slice(1).map((name) => `${name}.k = t0.k`),
    tree: names.slice(1).map((name, i) => `${names[Math.floor(i / 2)]}.k = ${name}.k`),
  }
  for (const [shape, equations] of Object.entries(shapes))
    it(`${SOURCES} sources in a ${shape}, in any order of FROM: the same rows, and no cross product`, async () => {
      const random = new Random(5)
      for (let n = 0; n < SHUFFLES; n++) {
        const from = shuffled(names, random).join(', ')
        const sql = `SELECT t0.k AS first, t63.k AS last, t17.n FROM ${from} WHERE ${shuffled(equations, random).join(' AND ')}`
        const found = (await ask(world, sql)) as { first: number }[]
        assert.deepEqual(
          found.toSorted((a, b) => a.first - b.first),
          [0, 1, 2].map((k) => ({ first: k, last: k, n: k % 2 })),
          from,
        )
        const joins = (await planOf(world, sql)).filter((line) => /\bjoin\b/.test(line))
        assert.equal(joins.length, SOURCES - 1)
        assert.deepEqual(
          joins.filter((line) => !line.includes(' on ')),
          [],
          from,
        )
      }
    })

  const pair = memoryWorld([keys('small', 4), keys('large', 50)])
  const both = 'SELECT small.k FROM small, large WHERE small.k = large.k'

  it('holds the smaller source, wherever it stands', async () => {
    for (const from of ['small, large', 'large, small']) {
      const scans = (await planOf(pair, `SELECT small.k FROM ${from} WHERE small.k = large.k`)).filter((line) =>
        line.includes('Scan '),
      )
      assert.deepEqual(
        scans.map((line) => line.trim().split(' paths')[0]),
        ['Scan large records=50', 'Scan small records=4'],
      )
    }
  })

  it('asks each topic once for its bounds, and reads by that answer', async () => {
    const asked: string[] = []
    const log: KafkaLog = {
      bounds: (topic, ...rest) => {
        asked.push(topic)
        return pair.log.bounds(topic, ...rest)
      },
      offsetsForTime: (...args) => pair.log.offsetsForTime(...args),
      scan: (...args) => pair.log.scan(...args),
    }
    assert.equal((await ask(pair, both, log)).length, 4)
    assert.deepEqual(asked.toSorted(), ['large', 'small'])
  })

  it('takes a topic that cannot be asked for a large one, and asks again when it is read', async () => {
    let refused = 0
    const log: KafkaLog = {
      bounds: (topic, ...rest) =>
        topic === 'small' && refused++ === 0 ? Promise.reject(new Error('not now')) : pair.log.bounds(topic, ...rest),
      offsetsForTime: (...args) => pair.log.offsetsForTime(...args),
      scan: (...args) => pair.log.scan(...args),
    }
    const scans = (await planOf(pair, both, log)).filter((line) => line.includes('Scan '))
    assert.deepEqual(
      scans.map((line) => line.trim().split(' paths')[0]),
      ['Scan small records=unknown', 'Scan large records=50'],
    )
    refused = 0
    assert.equal((await ask(pair, both, log)).length, 4)
  })
})
