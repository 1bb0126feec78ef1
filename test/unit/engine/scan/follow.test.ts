/** Queries that go on with what comes, on the embedded broker: rows, groups, where they begin and how they end. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createCatalog } from '../../../../src/catalog/kafka-catalog.ts'
import { startRegistry } from '../../../../src/sandbox/schema-registry.ts'
import { createRegistry } from '../../../../src/registry/client.ts'
import { encodeAvro, framed } from '../../../support/avro-encode.ts'
import { controlRecord, writeRecordBatch } from '../../../../src/kafka/read/record-batch.ts'
import { eventually, stoodStill } from '../../../support/eventually.ts'
import { type Followed, FollowWorld } from '../../../support/follow-world.ts'

describe('follow', () => {
  let world: FollowWorld
  let topics = 0
  before(async () => {
    world = await FollowWorld.start()
  })
  after(() => world.close())

  /** A topic with `{"n": 0}` … in its first partition. */
  function topic(records: number, partitions = 1): string {
    const name = `follow-${topics++}`
    world.broker.createTopic(name, { partitions })
    for (let n = 0; n < records; n++) world.write(name, 0, [{ n }], { timestamp: 1_700_000_000_000 + n })
    return name
  }

  it('gives rows as they come, from the end of each partition', async () => {
    const t = topic(3)
    const query = await world.follow(`SELECT * FROM ${t}`)
    world.write(t, 0, [{ n: 3 }, { n: 4 }])
    await eventually('two rows', () => query.rows.length === 2)
    world.write(t, 0, [{ n: 5 }])
    await eventually('three rows', () => query.rows.length === 3)
    assert.deepEqual(query.rows, [{ n: 3 }, { n: 4 }, { n: 5 }])
    assert.equal(query.ended, false)
    assert.equal((await query.cancel()).outcome, 'cancelled')
  })

  describe('where it begins', () => {
    /** The first rows of a query over `{"n": 0}` to `{"n": 4}`, with `{"n": 5}` written afterwards. */
    async function begins(where: (t: string) => string, rows: number): Promise<unknown[]> {
      const t = topic(5)
      const query = await world.follow(`SELECT n FROM ${t} WHERE ${where(t)}`)
      world.write(t, 0, [{ n: 5 }], { timestamp: 1_700_000_000_005 })
      await eventually(`${rows} rows`, () => query.rows.length >= rows)
      await query.cancel()
      return query.rows.map((row) => (row as { n: number }).n)
    }
    it('an offset', async () => assert.deepEqual(await begins(() => '_meta.offset >= 2', 4), [2, 3, 4, 5]))
    it('the first offset', async () => assert.equal((await begins(() => '_meta.offset >= 0', 6)).length, 6))
    it('an offset below the last', async () =>
      assert.deepEqual(await begins(() => '_meta.offset > LAST_OFFSET() - 2', 3), [3, 4, 5]))
    it('an offset that is not there yet', async () => assert.deepEqual(await begins(() => '_meta.offset >= 5', 1), [5]))
    it('a time', async () => assert.deepEqual(await begins(() => '_meta.timestamp >= 1700000000003', 3), [3, 4, 5]))
    it('a time that has not come yet', async () =>
      assert.deepEqual(await begins(() => '_meta.timestamp >= 1700000000005', 1), [5]))
    it('no condition on a position: the end', async () => assert.deepEqual(await begins(() => 'n >= 0', 1), [5]))
    it('one that has no lower bound: the end', async () =>
      assert.deepEqual(await begins(() => "_meta.timestamp < '2100-01-01'", 1), [5]))
    it('ends where its condition says that nothing more can come', async () => {
      const t = topic(3)
      const query = await world.follow(`SELECT n FROM ${t} WHERE _meta.offset >= 1 AND _meta.offset < 5`)
      world.write(t, 0, [{ n: 3 }])
      world.write(t, 0, [{ n: 4 }, { n: 5 }])
      assert.equal((await query.done).outcome, 'end')
      assert.deepEqual(
        query.rows.map((row) => (row as { n: number }).n),
        [1, 2, 3, 4],
      )
    })
  })

  describe('groups', () => {
    it('change in place, also where nobody asked for live results', async () => {
      const t = topic(2)
      const query = await world.follow(`SELECT n % 2 AS odd, count(*) AS c FROM ${t} GROUP BY n % 2`)
      world.write(t, 0, [{ n: 1 }, { n: 2 }])
      await eventually('two groups', () => query.latest.length === 2)
      world.write(t, 0, [{ n: 3 }])
      await eventually('a change', () => query.rows.length === 3)
      assert.deepEqual(query.latest, [
        { odd: 1, c: 2 },
        { odd: 0, c: 1 },
      ])
    })
    it('count from where a condition says', async () => {
      const t = topic(4)
      const query = await world.follow(`SELECT count(*) AS c FROM ${t} WHERE _meta.offset >= 1`)
      await eventually('three', () => JSON.stringify(query.latest) === '[{"c":3}]')
      world.write(t, 0, [{ n: 9 }])
      await eventually('four', () => JSON.stringify(query.latest) === '[{"c":4}]')
    })
    it('DISTINCT gives each row once', async () => {
      const t = topic(0)
      const query = await world.follow(`SELECT DISTINCT n FROM ${t}`)
      world.write(t, 0, [{ n: 1 }, { n: 1 }, { n: 2 }])
      await eventually('two rows', () => query.rows.length === 2)
      world.write(t, 0, [{ n: 2 }, { n: 3 }])
      await eventually('three rows', () => query.rows.length === 3)
      assert.deepEqual(query.rows, [{ n: 1 }, { n: 2 }, { n: 3 }])
    })
    it('HAVING shows a group once it holds', async () => {
      const t = topic(0)
      const query = await world.follow(`SELECT n, count(*) AS c FROM ${t} GROUP BY n HAVING count(*) > 1`)
      world.write(t, 0, [{ n: 1 }, { n: 2 }])
      world.write(t, 0, [{ n: 2 }])
      await eventually('a row', () => query.rows.length > 0)
      assert.deepEqual(query.latest, [{ n: 2, c: 2 }])
    })
    it('keep to the limit of groups', async () => {
      const t = topic(0)
      const query = await world.follow(`SET max.group.records = 5; SELECT n, count(*) FROM ${t} GROUP BY n`)
      world.write(
        t,
        0,
        [0, 1, 2, 3, 4, 5, 6].map((n) => ({ n })),
      )
      const { outcome, error } = await query.done
      assert.equal(outcome, 'error')
      assert.match(error ?? '', /max\.group\.records/)
    })
  })

  describe('windows of time', () => {
    const MINUTE = 60_000
    const START = Date.UTC(2026, 0, 1)
    /** A query by minutes whose clock the test drives, and what writes a record of a minute. */
    async function windowed(
      select: (t: string) => string,
      request: { live?: boolean; statsMs?: number } = {},
    ): Promise<{ query: Followed; at(ms: number): void; write(ms: number, n: number): void }> {
      const t = topic(0, 2)
      let now = START
      const query = await world.follow(`SET window.grace = 1s; ${select(t)}`, request, { now: () => now })
      return {
        query,
        at: (ms) => {
          now = START + ms
        },
        write: (ms, n) => void world.write(t, n % 2, [{ n }], { timestamp: START + ms }),
      }
    }
    const counts = (t: string): string =>
      `SELECT TUMBLE(_meta.timestamp, '1m') AS start, count(*) AS c, sum(n) AS s FROM ${t} GROUP BY 1`

    it('are sent once, when they close', async () => {
      const { query, at, write } = await windowed(counts)
      write(1000, 1)
      write(2000, 2)
      await query.scanned(2)
      at(MINUTE + 500)
      write(MINUTE + 100, 3)
      write(MINUTE - 1, 4)
      await query.scanned(4)
      assert.equal(query.rows.length, 0)
      at(MINUTE + 1600)
      await eventually('a window', () => query.rows.length === 1)
      at(2 * MINUTE + 1001)
      await eventually('the next', () => query.rows.length === 2)
      assert.deepEqual(
        query.rows.map((r) => ({ ...(r as object), start: new Date((r as { start: string }).start).getTime() })),
        [
          { start: START, c: 3, s: 7 },
          { start: START + MINUTE, c: 1, s: 3 },
        ],
      )
    })
    it('stay open while records come for them, and what is late is counted in STATS', async () => {
      const { query, at, write } = await windowed(counts, { statsMs: 250 })
      at(100 * MINUTE)
      write(1000, 1)
      write(MINUTE + 1000, 2)
      await query.scanned(2)
      at(100 * MINUTE + 900)
      assert.equal(query.rows.length, 0)
      at(100 * MINUTE + 2000)
      await eventually('both windows', () => query.rows.length === 2)
      write(2000, 3)
      await eventually('one is late', () => query.of('STATS').at(-1)?.recordsLate === 1)
      assert.equal(query.rows.length, 2)
    })
    it('change in place where live results are asked for, until they close', async () => {
      const { query, at, write } = await windowed(counts, { live: true })
      write(1000, 1)
      await eventually('a version', () => query.rows.length === 1)
      write(2000, 2)
      await eventually('the next version', () => query.rows.length === 2)
      at(MINUTE + 2000)
      write(MINUTE + 1000, 3)
      await eventually('the next window', () => query.latest.length === 2)
      assert.deepEqual(
        query.latest.map((r) => (r as { c: number }).c),
        [2, 1],
      )
    })
    it('come in order, and as many as LIMIT says', async () => {
      const { query, at, write } = await windowed(
        (t) =>
          `SELECT n, HOP(_meta.timestamp, '2m', '1m') AS start, count(*) AS c FROM ${t}
           GROUP BY n, start HAVING n <> 2 ORDER BY n DESC LIMIT 3`,
        { live: true },
      )
      for (const n of [1, 2, 3]) write(1000, n)
      await query.scanned(3)
      at(10 * MINUTE)
      assert.equal((await query.done).outcome, 'end')
      assert.deepEqual(
        query.rows.map((r) => (r as { n: number }).n),
        [3, 3, 1],
      )
    })
    it('that have not closed are sent as they are when the query ends', async () => {
      const { query, write } = await windowed((t) => `SET max.query.time = 300ms; ${counts(t)}`)
      write(1000, 1)
      await query.done
      assert.deepEqual(
        query.rows.map((r) => (r as { c: number }).c),
        [1],
      )
      assert.equal(query.of('SENTINEL')[0].reason.type, 'COMPLETIONTIMEOUT')
    })
    it('keep to the limit of groups together', async () => {
      const { query, write } = await windowed((t) => `SET max.group.records = 3; ${counts(t)}`)
      for (let n = 0; n < 5; n++) write(n * MINUTE, n)
      assert.match((await query.done).error ?? '', /max\.group\.records/)
    })
  })

  describe('how it ends', () => {
    it('with LIMIT, after so many rows', async () => {
      const t = topic(1)
      const query = await world.follow(`SELECT n FROM ${t} LIMIT 2`)
      world.write(t, 0, [{ n: 1 }])
      world.write(t, 0, [{ n: 2 }, { n: 3 }])
      assert.equal((await query.done).outcome, 'end')
      assert.deepEqual(query.rows, [{ n: 1 }, { n: 2 }])
    })
    it('at the time that a statement sets, with a condition that reads on', async () => {
      const t = topic(2, 2)
      const query = await world.follow(`SET max.query.time = 50ms; SELECT n FROM ${t}`)
      assert.equal((await query.done).outcome, 'end')
      const [{ reason }] = query.of('SENTINEL')
      assert.equal(reason.type, 'COMPLETIONTIMEOUT')
      assert.match(reason.resume, /^\(_meta\.partition = 0 AND _meta\.offset >= 2\) OR /)
      // What comes while nobody asks, in a partition that is new by then, too.
      world.write(t, 0, [{ n: 2 }])
      world.broker.store.addPartitions(world.broker.store.topics.get(t) as never, 3)
      world.write(t, 2, [{ n: 3 }])
      const next = await world.follow(`SELECT n FROM ${t} WHERE ${reason.resume}`)
      await eventually('two rows', () => next.rows.length === 2)
      assert.deepEqual(next.rows.map((row) => (row as { n: number }).n).sort(), [2, 3])
    })
    it("at the administrator's maximum, and not at the default of max.query.time, nor in silence", async () => {
      const t = topic(1)
      const defaults = { 'max.query.time': 20, 'max.idle.time': 20, 'max.size': 100 }
      const maxima = { 'max.query.time': { value: 400, whose: 'of the server' } }
      const startedMs = performance.now()
      const query = await world.follow(`SELECT n FROM ${t}`, {}, { defaults, maxima })
      for (let i = 0; i < 5; i++) world.write(t, 0, [{ n: i, pad: 'x'.repeat(100) }])
      assert.equal((await query.done).outcome, 'end')
      assert.ok(performance.now() - startedMs >= 400)
      assert.equal(query.rows.length, 5)
      assert.deepEqual(
        query.of('SENTINEL').map(({ reason }) => [reason.type, reason.timeout]),
        [['COMPLETIONTIMEOUT', 400]],
      )
    })
    it('at max.size where a statement sets it', async () => {
      const t = topic(1)
      const query = await world.follow(`SET max.size = 200; SELECT n FROM ${t}`)
      for (let i = 0; i < 5; i++) world.write(t, 0, [{ n: i, pad: 'x'.repeat(100) }])
      await query.done
      assert.equal(query.of('SENTINEL')[0].reason.type, 'SCANNEDSIZE')
    })
    it('with an ERROR when it is killed', async () => {
      const query = await world.follow(`SELECT n FROM ${topic(1)}`)
      assert.equal(
        query.registry.kill(query.registry.running()[0].id, { shown: 'bert', account: 'user bert' }),
        'ended',
      )
      assert.equal((await query.done).error, 'The query was killed by bert.')
      assert.deepEqual(query.of('ERROR'), ['The query was killed by bert.'])
    })
    it('with an ERROR when the topic is deleted', async () => {
      const t = topic(1)
      const query = await world.follow(`SELECT n FROM ${t}`)
      world.broker.store.deleteTopic(t)
      assert.match((await query.done).error ?? '', /was deleted while it was read/)
    })
    it('with an ERROR when the topic is created again', async () => {
      const t = topic(1)
      const query = await world.follow(`SELECT n FROM ${t}`)
      world.broker.store.deleteTopic(t)
      world.broker.createTopic(t)
      assert.match((await query.done).error ?? '', /was deleted and created again/)
    })
  })

  describe('what happens on the way', () => {
    it('open transactions are waited for, aborted ones never seen', async () => {
      const t = topic(1)
      const query = await world.follow(`SELECT n FROM ${t}`)
      const mine = { producerId: 7, producerEpoch: 0, transactional: true }
      const other = { producerId: 8, producerEpoch: 0, transactional: true }
      world.write(t, 0, [{ n: 1 }], mine)
      world.write(t, 0, [{ n: 2 }], other)
      world.write(t, 0, [{ n: 3 }])
      const end = (type: 'abort' | 'commit', of: object): void =>
        void world.broker.append(t, 0, writeRecordBatch([controlRecord(type)], { ...of, control: true }))
      end('abort', other)
      assert.deepEqual(query.rows, [])
      end('commit', mine)
      await eventually('two rows', () => query.rows.length === 2)
      assert.deepEqual(query.rows, [{ n: 1 }, { n: 3 }])
    })
    it('leaders move', async () => {
      const t = topic(1, 3)
      const query = await world.follow(`SELECT n FROM ${t}`)
      let n = 0
      for (let round = 0; round < 6; round++) {
        for (const p of [0, 1, 2]) world.write(t, p, [{ n: n++ }])
        world.broker.moveLeader(t, round % 3, round % 2 === 0 ? 2 : 1)
      }
      await eventually('all rows', () => query.rows.length >= n)
      assert.equal(new Set(query.rows.map((row) => (row as { n: number }).n)).size, n)
      assert.equal(query.rows.length, n)
    })
    it('the broker goes away and comes back', async () => {
      const t = topic(1)
      const query = await world.follow(`SELECT n FROM ${t}`)
      world.write(t, 0, [{ n: 1 }])
      await world.broker.restart()
      world.write(t, 0, [{ n: 2 }])
      await eventually('two rows', () => query.rows.length >= 2)
      world.broker.closeConnections()
      world.write(t, 0, [{ n: 3 }])
      await eventually('three rows', () => query.rows.length >= 3)
      assert.deepEqual(query.rows, [{ n: 1 }, { n: 2 }, { n: 3 }])
    })
    it('partitions are added', async () => {
      const t = topic(1)
      const query = await world.follow(`SELECT n FROM ${t}`)
      world.broker.store.addPartitions(world.broker.store.topics.get(t) as never, 3)
      world.write(t, 2, [{ n: 7 }])
      world.write(t, 1, [{ n: 8 }])
      await eventually('two rows', () => query.rows.length === 2)
      world.write(t, 2, [{ n: 9 }])
      world.write(t, 0, [{ n: 10 }])
      await eventually('four rows', () => query.rows.length === 4)
      assert.deepEqual(query.rows.map((row) => (row as { n: number }).n).sort(), [10, 7, 8, 9])
    })
    it('retention overtakes the reader: which records are gone is told at once, and it goes on', async () => {
      const t = topic(1)
      const query = await world.follow(`SELECT n FROM ${t} WHERE _meta.offset >= 0`)
      await eventually('a row', () => query.rows.length === 1)
      const go = query.hold()
      for (let n = 1; n < 400; n++) world.write(t, 0, [{ n, pad: 'x'.repeat(20_000) }])
      world.broker.expire(t, 0, 390)
      go()
      await eventually('the last row', () => (query.rows.at(-1) as { n: number }).n === 399)
      await eventually('it is told', () => query.of('SENTINEL').length === 1)
      const { reason } = query.of('SENTINEL')[0]
      assert.equal(reason.type, 'LOST')
      assert.equal(reason.amount + query.rows.length, 400)
      assert.equal(query.ended, false)
      await query.cancel()
      assert.equal(query.of('SENTINEL').length, 1)
    })
    it('a reader that takes nothing stops the reading at the broker', async () => {
      const t = topic(0)
      const query = await world.follow(`SELECT n FROM ${t}`, { statsMs: 250 })
      const go = query.hold()
      const records = 2000
      for (let n = 0; n < records; n++) world.write(t, 0, [{ n, pad: 'x'.repeat(20_000) }])
      const read = await stoodStill(() => world.broker.stats.bytesOut.get(t) ?? 0, 200)
      assert.ok(query.rows.length < records, `${query.rows.length} rows`)
      assert.ok(read < records * 20_000, `${read} bytes`)
      go()
      await eventually('all rows', () => query.rows.length === records)
      assert.deepEqual(
        query.rows.map((row) => (row as { n: number }).n),
        Array.from({ length: records }, (_, n) => n),
      )
    })
    it('records of a schema that nobody has met yet', async () => {
      const served = await startRegistry()
      const registry = createRegistry({ url: served.url })
      const catalog = createCatalog({ cluster: world.cluster, log: world.environment.log, registry })
      const schemaOf = (...names: string[]): string =>
        JSON.stringify({
          type: 'record',
          name: 'r',
          fields: names.map((name) => ({ name, type: 'int', ...(name === 'a' ? {} : { default: 0 }) })),
        })
      const t = `schemas-${topics++}`
      world.broker.createTopic(t)
      const write = async (value: Record<string, number>): Promise<void> => {
        const schema = schemaOf(...Object.keys(value))
        const id = await registry.register(`${t}-value`, 'AVRO', schema)
        world.broker.append(t, 0, writeRecordBatch([{ value: framed(id, encodeAvro(schema, value)) }]))
      }
      try {
        await write({ a: 1, b: 1 })
        const whole = await world.follow(`SELECT * FROM ${t}`, {}, { catalog })
        const sum = await world.follow(`SELECT sum(a + b) AS s FROM ${t}`, {}, { catalog })
        await write({ a: 2, b: 2 })
        await write({ a: 3, b: 3, c: 3 })
        await write({ a: 4 })
        await eventually('three rows', () => whole.rows.length === 3)
        assert.deepEqual(whole.rows, [{ a: 2, b: 2 }, { a: 3, b: 3, c: 3 }, { a: 4 }])
        await eventually('they are added up', () => JSON.stringify(sum.latest) === '[{"s":10}]')
        assert.deepEqual([whole.of('BADRECORD'), whole.of('ERROR')], [[], []])
      } finally {
        catalog.close()
        await served.close()
      }
    })
    it('STATS say how far it is', async () => {
      const t = topic(2)
      const query = await world.follow(`SELECT n FROM ${t}`, { statsMs: 250 })
      world.write(t, 0, [{ n: 2 }, { n: 3 }])
      const place = (): unknown => {
        const stats = query.of('STATS').at(-1)
        return stats && Object.values(stats.sourcesStats as Record<string, unknown>)[0]
      }
      await eventually('they show the last record', () => String(JSON.stringify(place())).includes('"end":3'))
      const { bytesRead, ...counts } = (place() as { 0: { bytesRead: number } })[0]
      assert.ok(bytesRead > 0)
      assert.deepEqual(counts, { begin: 2, offsetBound: 3, recordsScanned: 2, end: 3 })
    })
  })

  describe('what cannot follow', () => {
    const refused: readonly (readonly [sql: string, message: RegExp, marked: string])[] = [
      ['SELECT * FROM T a JOIN T b ON a.n = b.n', /cannot join/, 'T a JOIN T b ON a.n = b.n'],
      ['SELECT * FROM T a, T b', /cannot join/, 'T a, T b'],
      ['SELECT n FROM T UNION ALL SELECT n FROM T', /cannot be a UNION/, 'SELECT n FROM T UNION ALL SELECT n FROM T'],
      ['SELECT n FROM T ORDER BY n', /could be sorted/, 'n'],
      ['SELECT n, count(*) FROM T GROUP BY n ORDER BY n', /could be sorted/, 'n'],
      ['SELECT n FROM T ORDER BY _meta.offset DESC LIMIT 3', /could be sorted/, '_meta.offset DESC'],
      ['SELECT n FROM T WHERE n IN (SELECT n FROM T)', /cannot have subqueries/, 'SELECT n FROM T'],
      ['SELECT n FROM T t WHERE EXISTS (SELECT n FROM T u WHERE u.n = t.n)', /cannot have subqueries/, ''],
      ['SELECT n, (SELECT max(n) FROM T) FROM T', /cannot have subqueries/, 'SELECT max(n) FROM T'],
      ['SELECT * FROM (SELECT n, count(*) AS c FROM T GROUP BY n) x WHERE c > 1', /inner query/, ''],
      ['SELECT * FROM (SELECT DISTINCT n FROM T) x', /inner query/, ''],
      ['SELECT * FROM LATEST(T)', /last record of a key/, 'LATEST(T)'],
      ["INSERT INTO T (_value) VALUES ('x')", /INSERT cannot follow/, ''],
      ['INSERT INTO T SELECT * FROM T', /INSERT cannot follow/, ''],
    ]
    for (const [sql, message, marked] of refused)
      it(sql, async () => {
        const query = await world.follow(sql.replaceAll(/\bT\b/g, 'refused'))
        const { error = '' } = await query.done
        assert.match(error, message)
        const caret = error.split('\n').find((line) => /^\s*\^+/.test(line.replace(/^\s*\|?/, '')))
        if (marked !== '')
          assert.equal(caret?.match(/\^+/)?.[0].length, marked.replaceAll(/\bT\b/g, 'refused').length, error)
      })
    before(() => void world.broker.createTopic('refused'))
    const runs: readonly string[] = [
      'SELECT n, upper(CAST(n AS string)) AS u FROM T WHERE n > 1',
      'SELECT * FROM (SELECT n AS m FROM T) x WHERE m > 1',
      'WITH x AS (SELECT n FROM T) SELECT * FROM x',
      'SELECT tag FROM T LATERAL tags AS tag',
      'SELECT count(DISTINCT n) FROM T HAVING count(*) > 1',
    ]
    for (const sql of runs)
      it(`runs: ${sql}`, async () => {
        const query = await world.follow(sql.replaceAll(/\bT\b/g, 'refused'))
        assert.equal(query.ended, false, JSON.stringify(query.frames))
        await query.cancel()
      })
    it('a query that reads no topic just runs', async () => {
      const query = await world.follow('SELECT 1 AS one')
      assert.equal((await query.done).outcome, 'end')
      assert.deepEqual(query.rows, [{ one: 1 }])
    })
    it('as do statements that show something', async () => {
      const query = await world.follow('SHOW FUNCTIONS')
      assert.equal((await query.done).outcome, 'end')
    })
    it('SET follow = false wins over the request', async () => {
      const t = topic(2)
      const query = await world.follow(`SET follow = false; SELECT n FROM ${t}`)
      assert.equal((await query.done).outcome, 'end')
      assert.equal(query.rows.length, 2)
    })
  })
})
