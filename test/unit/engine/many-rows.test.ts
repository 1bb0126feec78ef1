/**
 * One record that becomes very many rows, in a join or LATERAL: the rows come in stretches, wait for a reader that is
 * slow, and end with the query's time. On a Kafka in memory.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { memoryWorld, type WorldTopic } from '../../support/memory-world.ts'

const record = (json: { [name: string]: number | number[] }) => ({
  partition: 0,
  timestampMs: 1_700_000_000_000,
  key: null,
  value: { json, text: JSON.stringify(json) },
})
const numbers: WorldTopic = {
  name: 'numbers',
  batch: 500,
  records: Array.from({ length: 3000 }, (_, i) => record({ i })),
}
const lists: WorldTopic = {
  name: 'lists',
  batch: 500,
  records: Array.from({ length: 3 }, (_, l) => record({ l, items: Array.from({ length: 20_000 }, (_, i) => i) })),
}

interface Frame {
  readonly type: string
  readonly data: {
    readonly value: Record<string, number>
    readonly reason?: { readonly type: string; readonly resume: string }
  }
}

/**
 * `room`: frames that the reader takes at a time. Also the largest number of frames sent while he was behind, and how
 * often the event loop had its turn.
 */
async function ask(
  sql: string,
  room = Number.POSITIVE_INFINITY,
): Promise<{ frames: Frame[]; ahead: number; turns: number }> {
  const world = memoryWorld([numbers, lists])
  const frames: Frame[] = []
  let waiting = 0
  let ahead = 0
  let turns = 0
  const turn = () => void turns++
  const ticks = setInterval(turn, 1)
  const drained = (): Promise<void> | undefined =>
    waiting < room ? undefined : new Promise((resolve) => setImmediate(() => resolve(void (waiting = 0))))
  const send = (text: string): void => {
    frames.push(JSON.parse(text) as Frame)
    ahead = Math.max(ahead, ++waiting)
  }
  await runRequest(
    { sql, live: false },
    { catalog: world.catalog, log: world.log },
    { send, drained },
    new AbortController().signal,
  )
  clearInterval(ticks)
  world.catalog.close()
  return { frames, ahead, turns }
}

const values = (frames: readonly Frame[]) =>
  frames.filter(({ type }) => type === 'RECORD').map(({ data }) => data.value)

describe('one record, many rows', () => {
  const cross =
    'SELECT a.i AS a, b.i AS b FROM (SELECT i FROM numbers LIMIT 40) AS a CROSS JOIN numbers AS b LIMIT 1000000'

  it('every pair once, in order, however slow the reader is', async () => {
    for (const room of [Number.POSITIVE_INFINITY, 1500]) {
      const { frames } = await ask(cross, room)
      const pairs = values(frames)
      assert.equal(pairs.length, 120_000)
      for (const [n, { a, b }] of pairs.entries())
        if (a !== Math.floor(n / 3000) || b !== n % 3000) assert.fail(`row ${n}: ${a}, ${b}`)
    }
  })

  it('a reader that is behind holds the rows of a single record back', async () => {
    // The writer looks at the reader each 64 KiB of frames.
    const { ahead } = await ask(cross, 1500)
    assert.ok(ahead < 2500, `${ahead} frames at once`)
    const lateral = await ask('SELECT l, item FROM lists LATERAL items AS item LIMIT 1000000', 1500)
    assert.ok(lateral.ahead < 2500, `${lateral.ahead} frames at once`)
    const items = values(lateral.frames)
    assert.equal(items.length, 60_000)
    for (const [n, { l, item }] of items.entries())
      if (l !== Math.floor(n / 20_000) || item !== n % 20_000) assert.fail(`row ${n}: ${l}, ${item}`)
  })

  it('joins above joins, outer joins, conditions that few pairs meet, aggregates above', async () => {
    const few = 'FROM (SELECT i FROM numbers LIMIT 300) AS a'
    const one = async (sql: string) => values((await ask(sql)).frames)
    assert.deepEqual(
      await one(
        `SELECT count(*) AS c ${few} CROSS JOIN (SELECT i FROM numbers LIMIT 60) AS b CROSS JOIN (SELECT i FROM numbers LIMIT 50) AS d`,
      ),
      [{ c: 900_000 }],
    )
    assert.deepEqual(
      await one(`SELECT count(*) AS c, sum(b.i) AS s ${few} LEFT JOIN numbers AS b ON b.i > a.i + 2900`),
      [{ c: 300 - 99 + (99 * 100) / 2, s: (99 * 100 * 2900) / 2 + 328_350 }],
    )
    assert.deepEqual(
      await one('SELECT count(*) AS c FROM lists LATERAL items AS x INNER JOIN numbers AS n ON n.i = x LIMIT 10'),
      [{ c: 9000 }],
    )
    assert.equal((await one(`${cross.replace('1000000', '1234')}`)).length, 1234)
  })

  it('EXISTS and IN that look at many partners, in order', async () => {
    const few = 'SELECT a.i AS i FROM (SELECT i FROM numbers LIMIT 40) AS a WHERE'
    const asked = async (condition: string) => values((await ask(`${few} ${condition}`)).frames).map(({ i }) => i)
    const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
    assert.deepEqual(await asked('EXISTS (SELECT 1 FROM numbers b WHERE b.i > a.i + 2970)'), upTo(0, 29))
    assert.deepEqual(await asked('NOT EXISTS (SELECT 1 FROM numbers b WHERE b.i > a.i + 2970)'), upTo(29, 40))
    assert.deepEqual(await asked('a.i + 2980 IN (SELECT b.i FROM numbers b WHERE b.i > a.i + 5)'), upTo(0, 20))
    assert.deepEqual(await asked('a.i NOT IN (SELECT b.i FROM numbers b WHERE b.i > a.i)'), upTo(0, 40))
  })

  it('the event loop has its turn meanwhile, and the time limit counts; what comes next begins behind it', async () => {
    const pairs =
      'SELECT a.i AS a FROM numbers AS a INNER JOIN (SELECT i FROM numbers LIMIT 1000) AS b ON b.i + 3000 > a.i LIMIT 100000000'
    const whole = `SELECT count(*) AS c FROM (${pairs}) AS x`
    const { turns } = await ask(whole)
    assert.ok(turns > 10, `${turns} turns`)
    // Longer until the time is up in the larger source: on a slow machine it may be up in the smaller one already.
    const cut = async (limitMs: number): Promise<Frame[]> => {
      const { frames } = await ask(`SET max.query.time = ${limitMs}ms; ${pairs}`)
      return frames.filter(({ type }) => type === 'SENTINEL').length > 1 ? cut(limitMs * 2) : frames
    }
    const frames = await cut(30)
    const { type, resume } = frames.find((frame) => frame.type === 'SENTINEL')?.data.reason ?? {
      type: 'none',
      resume: '',
    }
    assert.equal(type, 'COMPLETIONTIMEOUT')
    const seen = values(frames).map(({ a }) => a)
    assert.ok(seen.length < 3000 * 1000)
    // All pairs of the last record, and the next one where to go on.
    assert.equal(resume, `(_meta.partition = 0 AND _meta.offset >= ${seen.length / 1000} AND _meta.offset < 3000)`)
  })
})
