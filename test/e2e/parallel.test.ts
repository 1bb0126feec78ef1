/**
 * Topics of a real Kafka read by one, two and four threads, and by as many as `auto` finds worth it, on a real server
 * with workers: the same answers from several partitions and from one large one, read on after `max.size`, ended in the
 * middle, with aborted transactions; and no thread that goes on reading afterwards.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { seedTopics } from '../../bench/seed.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { eventually } from '../support/eventually.ts'
import { type Answer, asking, TOKEN } from '../support/sluice-process.ts'
import { topicName } from './cluster.ts'
import { type KafkaHand, kafkaHand } from './kafka-hand.ts'
import { ALL, cluster, serve } from './served.ts'

const WAYS = [1, 2, 4, 'auto'] as const
const LARGE = 300_000
const SEVERAL = 120_000
const ORDERS = 30_000

const large = topicName('parallel-large')
const several = topicName('parallel-several')
const orders = topicName('parallel-orders')
const aborted = topicName('parallel-aborted')

describe('several threads read a topic of Kafka', { skip: cluster.skip }, () => {
  let server: RunningServer
  let hand: KafkaHand
  before(async () => {
    hand = await kafkaHand(cluster.kafka.bootstrap)
    await seedTopics(cluster.kafka.bootstrap, cluster.registry.url, [
      { kind: 'payments', topic: large, count: LARGE, codec: 'zstd' },
      { kind: 'vessels', topic: several, count: SEVERAL, partitions: 5, codec: 'zstd', batchBytes: 16_384 },
      { kind: 'orders', topic: orders, count: ORDERS, partitions: 3, codec: 'lz4', batchBytes: 16_384 },
    ])
    server = await serve({
      serviceAccounts: [{ name: 'acceptance', token: TOKEN, permissions: ALL }],
      limits: { 'server.workers': 4 },
    })
    // Threads are started as they are asked for: a query that finds none free leaves one more behind.
    await eventually('four threads are ready', async () => {
      await ask(`SELECT count(amount) AS c FROM \`${orders}\``, 4)
      return (server.workers?.occupation.threads.length ?? 0) === 4
    })
  })
  after(async () => {
    await server?.close(0)
    await hand?.close()
  })

  async function ask(sql: string, readers: (typeof WAYS)[number], settings = ''): Promise<Answer> {
    const answer = await asking(server.url).ask(`SET query.parallel = ${readers}; ${settings} ${sql}`, { stats: 100 })
    assert.equal(answer.error, undefined, sql)
    return answer
  }

  const idle = () =>
    eventually('no thread reads any more', () => {
      const { threads, helping } = server.workers?.occupation ?? { threads: [], helping: 0 }
      return helping === 0 && threads.flat().length === 0
    })

  const sorted = (values: readonly unknown[]): string[] => values.map((v) => JSON.stringify(v)).sort()

  const QUERIES = [
    `SELECT currency, count(*) AS c, sum(amount) AS s, max(id) AS m FROM \`${large}\` GROUP BY currency`,
    `SELECT count(id) AS c, min(amount) AS a, max(merchantId) AS m FROM \`${large}\` WHERE id LIKE '%7'`,
    `SELECT id, amount FROM \`${large}\` WHERE amount > 8900.0 AND SIZEOF(REGEXP(id, '[13579]$')) > 0 LIMIT 100000`,
    `SELECT merchantId, count(*) AS c FROM \`${large}\` GROUP BY merchantId ORDER BY c DESC, merchantId LIMIT 20`,
    `SELECT MMSI, Speed, location FROM \`${several}\` ORDER BY MMSI, Timestamp LIMIT 50`,
    `SELECT Type, count(*) AS c, avg(Speed) AS s, max(location) AS l FROM \`${several}\` GROUP BY Type`,
    `SELECT DISTINCT Status, Second FROM \`${several}\``,
    `SELECT *, _meta.partition AS p FROM \`${several}\` WHERE MMSI % 1000 = 3`,
    `SELECT first(Timestamp) AS f, last(Timestamp) AS l FROM \`${several}\` GROUP BY _meta.partition`,
    `SELECT o.id, o.amount, v.c FROM \`${orders}\` o JOIN (SELECT Heading, count(*) AS c FROM \`${several}\` ` +
      'GROUP BY Heading) v ON o.amount = v.Heading WHERE o.id % 100 = 7',
    `SELECT count(*) AS c FROM (SELECT id FROM \`${orders}\` UNION ALL SELECT MMSI FROM \`${several}\`) u WHERE id > 5`,
  ]

  it('the answers of one', async () => {
    for (const sql of QUERIES) {
      const alone = await ask(sql, 1)
      assert.ok(alone.values.length > 0, sql)
      for (const readers of WAYS) {
        const answer = await ask(sql, readers)
        assert.deepEqual(sorted(answer.values), sorted(alone.values), `${readers}: ${sql}`)
        assert.equal(answer.sentinel, undefined)
      }
    }
    await idle()
  })

  it('rows of one partition in their order', async () => {
    for (const readers of WAYS) {
      const sql = `SELECT _meta.partition AS p, _meta.offset AS o FROM \`${several}\` WHERE Second < 10 LIMIT 100000`
      const next = new Map<number, number>()
      for (const { p, o } of (await ask(sql, readers)).values as { p: number; o: number }[]) {
        assert.ok(o > (next.get(p) ?? -1), `${p}/${o} with ${readers}`)
        next.set(p, o)
      }
      assert.equal(next.size, 5)
    }
  })

  it('cut by max.size and read on, everything once', async () => {
    const all: [sql: string, field: string, wanted: number][] = [
      [`SELECT count(id) AS c FROM \`${large}\` WHERE `, 'id IS NOT NULL', LARGE],
      [`SELECT count(MMSI) AS c FROM \`${several}\` WHERE `, 'MMSI > 0', SEVERAL],
    ]
    for (const readers of WAYS)
      for (const [select, condition, wanted] of all) {
        let count = 0
        let where = condition
        let parts = 0
        for (;;) {
          const { values, sentinel } = await ask(select + where, readers, 'SET max.size = 1500000;')
          count += (values[0] as { c: number }).c
          parts++
          if (sentinel === undefined) break
          assert.equal(sentinel.type, 'SCANNEDSIZE')
          where = `${condition} AND (${String(sentinel.resume)})`
        }
        assert.equal(count, wanted, `${readers} in ${parts} parts`)
        assert.ok(parts > 2, `${parts} parts`)
      }
    await idle()
  })

  it('ended in the middle by KILL, or because the client has gone', async () => {
    for (const readers of [2, 4]) {
      for (const kill of [true, false]) {
        const client = asking(server.url)
        const socket = await client.open()
        // It does not read: the query stands still with all its threads as soon as the buffers are full.
        socket.pause()
        socket.send(
          JSON.stringify({
            sql: `SET query.parallel = ${readers}; SELECT * FROM \`${several}\` WHERE MMSI > 0 LIMIT 1000000`,
          }),
        )
        await eventually('others help', () => (server.workers?.occupation.helping ?? 0) > 0)
        if (kill) {
          const running = (await client.values('SHOW QUERIES')) as { id: string; sql: string }[]
          const { id } = running.find(({ sql }) => sql.includes('LIMIT 1000000')) ?? { id: '' }
          await client.values(`KILL QUERY '${id}'`)
          socket.resume()
          await once(socket, 'close')
        } else socket.terminate()
        await idle()
      }
    }
    assert.deepEqual((await ask(`SELECT count(id) AS c FROM \`${orders}\``, 4)).values, [{ c: ORDERS }])
  })

  it('without the records of aborted transactions', async () => {
    await hand.create(aborted, { partitions: 2 })
    for (let i = 0; i < 20; i++) {
      const records = Array.from({ length: 50 }, (_, n) => ({
        value: JSON.stringify({ n: i * 50 + n, ok: i % 3 !== 0 }),
        partition: i % 2,
      }))
      await hand.produce(aborted, records, {
        transactionalId: `${aborted}-${i % 2}`,
        transaction: i % 3 === 0 ? 'abort' : 'commit',
      })
    }
    const committed = Array.from({ length: 20 }, (_, i) => i).filter((i) => i % 3 !== 0).length * 50
    for (const readers of WAYS) {
      const isolation = "SET isolation.level = 'read_committed';"
      const { values } = await ask(`SELECT count(n) AS c, min(n) AS m FROM \`${aborted}\``, readers, isolation)
      assert.deepEqual(values, [{ c: committed, m: 50 }])
      const rows = await ask(`SELECT n, ok FROM \`${aborted}\` WHERE n >= 0`, readers, isolation)
      assert.equal(rows.values.length, committed)
      assert.ok((rows.values as { ok: boolean }[]).every(({ ok }) => ok))
      const uncommitted = "SET isolation.level = 'read_uncommitted';"
      assert.deepEqual((await ask(`SELECT count(n) AS c FROM \`${aborted}\``, readers, uncommitted)).values, [
        { c: 1000 },
      ])
    }
  })
})
