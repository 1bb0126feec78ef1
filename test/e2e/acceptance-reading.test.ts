/**
 * Reading real Kafka through SQL, asked as clients ask: `sluice server` in a process of its own, questions over its
 * WebSocket. What transactions, thresholds, growing topics, partitioners, timestamps, deleted heads and compaction mean
 * for the answer.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Answer, type SluiceProcess, startSluice } from '../support/sluice-process.ts'
import { sharedCluster, topicName } from './cluster.ts'
import { type HandRecord, kafkaHand, kcatRead, type KafkaHand } from './kafka-hand.ts'

const cluster = await sharedCluster()

interface PartitionStats {
  readonly begin: number
  readonly offsetBound: number
  readonly end: number
  readonly recordsScanned: number
}

/** STATS of the one source of an answer, by partition. */
function partitionStats({ stats }: Answer): Record<string, PartitionStats> {
  return Object.values((stats as { sourcesStats: Record<string, Record<string, PartitionStats>> }).sourcesStats)[0]
}

describe('reading through SQL', { skip: cluster.skip }, () => {
  let hand: KafkaHand
  let sluice: SluiceProcess

  before(async () => {
    ;[hand, sluice] = await Promise.all([
      kafkaHand(cluster.kafka.bootstrap),
      startSluice(['--brokers', cluster.kafka.bootstrap, '--registry', cluster.registry.url]),
    ])
  })
  after(async () => {
    await sluice?.close()
    await hand?.close()
  })

  const column = async (sql: string, name: string): Promise<unknown[]> =>
    (await sluice.values(sql)).map((row) => (row as Record<string, unknown>)[name])
  const numbered = (from: number, count: number, more: Partial<HandRecord> = {}): HandRecord[] =>
    Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: JSON.stringify({ n: from + i }), ...more }))

  it('isolation: committed by default, everything that is in the log by SET isolation.level', async () => {
    const t = topicName('isolation')
    await hand.create(t)
    const tx = { transactionalId: t }
    await hand.produce(t, numbered(0, 3), { ...tx, transaction: 'commit' })
    await hand.produce(t, numbered(3, 3), { ...tx, transaction: 'abort' })
    await hand.produce(t, numbered(6, 3), { ...tx, transaction: 'commit' })
    await hand.produce(t, numbered(9, 2), { ...tx, transaction: 'open' })
    assert.deepEqual(await column(`SELECT n FROM ${t}`, 'n'), [0, 1, 2, 6, 7, 8])
    assert.deepEqual(
      await column(`SET isolation.level = 'read_uncommitted'; SELECT n FROM ${t}`, 'n'),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    )
    // From headers and from records.
    assert.deepEqual(await sluice.values(`SELECT count(*) FROM ${t}`), [{ count: 6 }])
    assert.deepEqual(await sluice.values(`SET isolation.level = read_uncommitted; SELECT count(*) FROM ${t}`), [
      { count: 11 },
    ])
    assert.deepEqual(await sluice.values(`SELECT count(*), sum(n) FROM ${t} WHERE n >= 0`), [{ count: 6, sum: 24 }])
    await hand.endTransaction({ ...tx, transaction: 'commit' })
    assert.deepEqual(await sluice.values(`SELECT count(*) FROM ${t}`), [{ count: 8 }])
  })

  it('max.size ends with a SENTINEL whose condition reads exactly the rest', async () => {
    const t = topicName('resume')
    await hand.create(t, { partitions: 3 })
    for (let round = 0; round < 6; round++)
      await hand.produce(
        t,
        Array.from({ length: 300 }, (_, i) => ({
          value: JSON.stringify({ n: round * 300 + i, pad: 'x'.repeat(100) }),
          partition: i % 3,
        })),
      )
    const found: unknown[] = []
    let where = 'n >= 0'
    let rounds = 0
    for (;;) {
      const answer = await sluice.ask(
        `SET max.size = '20k'; SET fetch.max.bytes = '4k'; SELECT n FROM ${t} WHERE ${where} LIMIT 100000`,
      )
      assert.equal(answer.error, undefined)
      found.push(...answer.values.map((row) => (row as { n: number }).n))
      rounds++
      if (answer.sentinel === undefined) break
      assert.equal(answer.sentinel.type, 'SCANNEDSIZE')
      assert.equal(answer.sentinel.amount, 20_480)
      assert.equal(answer.sentinel.source, t)
      where = `n >= 0 AND (${answer.sentinel.resume as string})`
      assert.ok(rounds < 50)
    }
    assert.ok(rounds > 3, `${rounds} rounds`)
    assert.equal(found.length, 1800)
    assert.equal(new Set(found).size, 1800)
  })

  it('max.query.time ends with a SENTINEL whose condition reads exactly the rest', async () => {
    const t = topicName('late')
    await hand.create(t, { partitions: 2 })
    await hand.produce(
      t,
      Array.from({ length: 20_000 }, (_, i) => ({
        value: JSON.stringify({ n: i, pad: 'x'.repeat(60) }),
        partition: i % 2,
      })),
    )
    let rest = 'n >= 0'
    let total = 0
    let ended = 0
    let ms = 3
    for (let rounds = 0; rounds < 200; rounds++) {
      const answer = await sluice.ask(
        `SET max.query.time = ${ms}ms; SET fetch.max.bytes = '32k'; SELECT count(*) AS c FROM ${t} WHERE ${rest}`,
      )
      assert.equal(answer.error, undefined)
      total += (answer.values[0] as { c: number }).c
      if (answer.sentinel === undefined) break
      ended++
      assert.deepEqual([answer.sentinel.type, answer.sentinel.timeout], ['COMPLETIONTIMEOUT', ms])
      // A busy machine may not get far in that time, or not to the first record.
      if ((answer.values[0] as { c: number }).c < 2000) ms *= 2
      rest = `n >= 0 AND (${answer.sentinel.resume as string})`
    }
    assert.ok(ended > 0)
    assert.equal(total, 20_000)
  })

  it('LIMIT and LIMIT skip, n over partitions; the cap of 10,000 says so', async () => {
    const t = topicName('limits')
    await hand.create(t, { partitions: 3 })
    await hand.produce(
      t,
      Array.from({ length: 12_000 }, (_, i) => ({ value: JSON.stringify({ n: i }), partition: i % 3 })),
    )
    const first = await sluice.ask(`SELECT n FROM ${t} LIMIT 7`)
    assert.equal(first.values.length, 7)
    assert.equal(first.sentinel, undefined)
    const all = await column(`SELECT n FROM ${t} LIMIT 20000`, 'n')
    assert.equal(new Set(all).size, 12_000)
    assert.equal((await sluice.values(`SELECT n FROM ${t} LIMIT 11995, 10`)).length, 5)
    assert.equal((await sluice.values(`SELECT n FROM ${t} LIMIT 100, 10`)).length, 10)
    assert.equal((await sluice.values(`SELECT n FROM ${t} LIMIT 0`)).length, 0)
    const capped = await sluice.ask(`SELECT n FROM ${t}`)
    assert.equal(capped.values.length, 10_000)
    assert.deepEqual([capped.sentinel?.type, capped.sentinel?.amount], ['LIMIT', 10_000])
    const rownums = capped.frames
      .filter((frame) => frame.type === 'RECORD')
      .map((frame) => (frame.data as { rownum: number }).rownum)
    assert.deepEqual(rownums, [...rownums.keys()])
  })

  it('a topic that grows while it is read: what is counted is what the captured bounds say', async () => {
    const t = topicName('growing')
    await hand.create(t, { partitions: 2 })
    const pad = 'x'.repeat(200)
    const write = (count: number) =>
      hand.produce(
        t,
        Array.from({ length: count }, (_, i) => ({ value: `{"pad":"${pad}","i":${i}}`, partition: i % 2 })),
      )
    await write(20_000)
    let writing = true
    const writer = (async () => {
      while (writing) await write(500)
    })()
    try {
      for (const sql of [
        `SELECT count(*) AS c FROM ${t}`,
        `SELECT count(*) AS c FROM ${t} WHERE pad LIKE '%x%'`,
        `SET fetch.max.bytes = '16k'; SELECT count(i) AS c FROM ${t}`,
      ]) {
        for (let round = 0; round < 5; round++) {
          const answer = await sluice.ask(sql, { stats: 300 })
          const parts = Object.values(partitionStats(answer))
          assert.deepEqual(answer.values, [{ c: parts.reduce((n, p) => n + p.offsetBound + 1 - p.begin, 0) }], sql)
          for (const p of parts) assert.equal(p.end, p.offsetBound)
        }
      }
    } finally {
      writing = false
      await writer
    }
  })

  it('_key = literal reads the one partition where the Java client puts such a key: STRING, INT, LONG', async () => {
    const int = (n: number) => {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32BE(n)
      return bytes
    }
    const long = (n: bigint) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64BE(n)
      return bytes
    }
    const keys: [string, (Buffer | string)[], string[]][] = [
      ['STRING', ['a', 'key-17', 'ünï €', '', '0'], ["'a'", "'key-17'", "'ünï €'", "''", "'0'"]],
      ['INT', [0, 1, -5, 2147483647, -2147483648].map(int), ['0', '1', '-5', '2147483647', '-2147483648']],
      ['LONG', [0n, 77n, -1n, 9007199254740993n].map(long), ['0', '77', '-1', '9007199254740993']],
    ]
    for (const [format, written, literals] of keys) {
      const t = topicName(`keys-${format.toLowerCase()}`)
      await hand.create(t, { partitions: 7 })
      const places = await hand.produce(
        t,
        written.map((key, i) => ({ key, value: JSON.stringify({ i }) })),
      )
      // Some more, so that the key's format can be told.
      const filler = format === 'STRING' ? 'filler' : format === 'INT' ? int(123_456) : long(123_456n)
      for (let p = 0; p < 7; p++)
        await hand.produce(
          t,
          Array.from({ length: 5 }, () => ({ key: filler, value: '{"i":-1}', partition: p })),
        )
      for (const [i, literal] of literals.entries()) {
        const answer = await sluice.ask(
          `SET optimize.kafka.partition = true; SELECT i, _meta.partition AS p FROM ${t} WHERE _key = ${literal}`,
          {
            stats: 1000,
          },
        )
        assert.deepEqual(answer.values, [{ i, p: places[i][0] }], `${format} ${literal}: ${answer.error}`)
        assert.deepEqual(Object.keys(partitionStats(answer)), [String(places[i][0])], `${format} ${literal}`)
      }
      const everywhere = await sluice.ask(`SELECT i FROM ${t} WHERE _key = ${literals[0]}`, { stats: 1000 })
      assert.deepEqual([everywhere.values.length, Object.keys(partitionStats(everywhere)).length], [1, 7])
    }
  })

  it('LAST_OFFSET() is the newest records of each partition', async () => {
    const t = topicName('last')
    await hand.create(t, { partitions: 3 })
    await hand.produce(t, [...numbered(0, 10, { partition: 0 }), ...numbered(10, 2, { partition: 1 })])
    const rows = (await sluice.values(
      `SELECT n, _meta.partition AS p FROM ${t} WHERE _meta.offset >= LAST_OFFSET() - 2`,
    )) as { n: number; p: number }[]
    assert.deepEqual(
      rows.sort((a, b) => a.n - b.n).map(({ n }) => n),
      [7, 8, 9, 10, 11],
    )
    assert.equal((await sluice.values(`SELECT * FROM ${t} WHERE _meta.offset > LAST_OFFSET()`)).length, 0)
  })

  it('timestamps: out of order under CreateTime, by the broker under LogAppendTime', async () => {
    const t = topicName('times')
    await hand.create(t)
    const at = (iso: string) => Date.parse(iso)
    const times = ['2024-05-01', '2024-05-03', '2024-05-02', '2024-05-05', '2024-05-01', '2024-05-04'].map(at)
    // One batch each: whole batches can be skipped.
    for (const [n, timestamp] of times.entries()) await hand.produce(t, [{ value: JSON.stringify({ n }), timestamp }])
    const asked = async (where: string) => await column(`SELECT n FROM ${t} WHERE ${where}`, 'n')
    assert.deepEqual(await asked("_meta.timestamp >= '2024-05-03'"), [1, 3, 5])
    assert.deepEqual(await asked("_meta.timestamp < '2024-05-02'"), [0, 4])
    assert.deepEqual(await asked("_meta.timestamp BETWEEN '2024-05-02' AND '2024-05-04'"), [1, 2, 5])
    assert.deepEqual(await asked("_meta.timestamp > '2024-05-05'"), [])
    assert.deepEqual(await asked("NOT (_meta.timestamp >= '2024-05-02')"), [0, 4])
    assert.deepEqual(await sluice.values(`SELECT count(*) FROM ${t} WHERE _meta.timestamp >= '2024-05-03'`), [
      { count: 3 },
    ])

    const appended = topicName('appended')
    await hand.create(appended, { config: { 'message.timestamp.type': 'LogAppendTime' } })
    const before = Date.now()
    for (let n = 0; n < 4; n++) {
      await hand.produce(appended, [{ value: JSON.stringify({ n }), timestamp: 1 }])
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const seen = await kcatRead(cluster.kafka.bootstrap, appended)
    assert.ok(seen.every(({ ts }) => ts >= before - 5))
    const middle = new Date(seen[2].ts).toISOString()
    assert.deepEqual(await column(`SELECT n FROM ${appended} WHERE _meta.timestamp < '${middle}'`, 'n'), [0, 1])
    assert.deepEqual(await column(`SELECT n FROM ${appended} WHERE _meta.timestamp >= '${middle}'`, 'n'), [2, 3])
  })

  it('count(*) from headers is the number of records: deleted heads, aborted transactions, compaction', async () => {
    const head = topicName('head')
    await hand.create(head)
    await hand.produce(head, numbered(0, 100))
    await hand.produce(head, numbered(100, 100))
    // In the middle of the first batch.
    await hand.deleteRecords(head, 0, 37)
    const counts = async (t: string) => {
      const [headers] = (await sluice.values(`SELECT count(*) AS c FROM ${t}`)) as [{ c: number }]
      const [records] = await sluice.values(`SELECT count(*) AS c FROM ${t} WHERE _meta.offset * 1 >= 0`)
      return { headers, records }
    }
    const both = async (t: string) => {
      const { headers, records } = await counts(t)
      assert.deepEqual(records, headers)
      return headers.c
    }
    assert.equal(await both(head), 163)
    assert.deepEqual(await sluice.values(`SELECT count(*) AS c FROM ${head} WHERE _meta.offset BETWEEN 50 AND 149`), [
      { c: 100 },
    ])

    const aborted = topicName('aborted')
    await hand.create(aborted)
    for (const transaction of ['commit', 'abort', 'commit'] as const)
      await hand.produce(aborted, numbered(0, 50), { transactionalId: aborted, transaction })
    assert.equal(await both(aborted), 100)

    const compacted = topicName('compacted')
    await hand.create(compacted, {
      config: { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' },
    })
    const keyed = (round: number): HandRecord[] =>
      Array.from({ length: 60 }, (_, i) => ({ key: `k${i % 20}`, value: JSON.stringify({ round, i }) }))
    for (let round = 0; round < 3; round++) await hand.produce(compacted, keyed(round))
    const stored = async () => (await kcatRead(cluster.kafka.bootstrap, compacted)).length
    for (let round = 0; round < 40 && (await stored()) > 60; round++) {
      await hand.produce(compacted, [{ key: 'tick', value: '{}' }])
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    // The broker may compact on meanwhile, and only takes away: what was stored before and after was there between.
    for (let attempt = 0; ; attempt++) {
      const before = await stored()
      const { headers, records } = await counts(compacted)
      if ((await stored()) !== before && attempt < 100) continue
      assert.ok(before < 180)
      assert.deepEqual([headers, records], [{ c: before }, { c: before }])
      break
    }
  })

  it('leaves no consumer group behind', async () => {
    assert.deepEqual(
      (await hand.groups()).filter((group) => /sluice|acceptance/i.test(group)),
      [],
    )
  })
})
