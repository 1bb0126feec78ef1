/**
 * Statements on a real Apache Flink: random ones, and what can go wrong on the way. Every answer is ours, or the
 * statement is refused with a reason, or given back because of a value. The golden files: `flink-golden-….test.ts`.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { connect } from '../../src/client/connect.ts'
import { FlinkSession } from '../../src/flink/gateway.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { type Flink, startFlink } from '../../scripts/flink.ts'
import { Collector } from '../support/collector.ts'
import { eventually } from '../support/eventually.ts'
import { SEED } from '../support/random-conditions.ts'
import { cluster, ROBOT_KEY, serve } from './served.ts'
import {
  CALLS_A_ROUND,
  callsRound,
  compareConditions,
  countOf,
  newCompared,
  produceRows,
  queriesRound,
  SLOTS,
} from './flink-hands.ts'
import { kafkaHand, type KafkaHand } from './kafka-hand.ts'
import { withoutFlink } from './real-flink.ts'

/** Random conditions that are compared; more of them: bench/flink-differential.ts. */
const CONDITIONS = Number(process.env.SLUICE_TEST_FLINK_CONDITIONS ?? 400)
/** Random queries that are compared; more of them: bench/flink-differential.ts. */
const QUERIES = Number(process.env.SLUICE_TEST_FLINK_QUERIES ?? 100)
/** Random expressions that are compared, half of them over Avro and half over JSON. */
const CALLS = Number(process.env.SLUICE_TEST_FLINK_CALLS ?? 120)

describe('statements on a real Flink', { skip: withoutFlink }, () => {
  let flink: Flink
  let hand: KafkaHand
  before(async () => {
    flink = await startFlink({ slots: SLOTS })
    hand = await kafkaHand(cluster.kafka.bootstrap)
  })
  after(async () => {
    await hand.close()
    await flink.stop()
  })

  it(`${QUERIES} random queries: joins, groups, sets and subqueries have the rows of here (seed ${SEED})`, async () => {
    const compared = newCompared()
    for (let seed = SEED; countOf(compared) < QUERIES; seed++) {
      await queriesRound(seed, { hand, brokers: cluster.kafka.bootstrap, gateway: flink.gateway }, compared)
      assert.equal(compared.wrong.join('\n\n'), '')
    }
    const { same, refused, failed } = compared
    assert.ok(same >= QUERIES * 0.3, JSON.stringify({ same, refused, failed }))
    process.stdout.write(`${JSON.stringify({ same, refused, failed })} of ${QUERIES} random queries\n`)
  })

  it(`${CALLS} random expressions over awkward values are those of here (seed ${SEED})`, async () => {
    const compared = newCompared()
    const on = { hand, brokers: cluster.kafka.bootstrap, gateway: flink.gateway }
    for (let seed = SEED; countOf(compared) < CALLS; seed++) await callsRound(seed, CALLS_A_ROUND, on, compared)
    assert.equal(compared.wrong.join('\n\n'), '')
    const { same, refused, failed } = compared
    assert.ok(same >= CALLS * 0.5, JSON.stringify({ same, refused, failed }))
    process.stdout.write(`${JSON.stringify({ same, refused, failed })} of ${CALLS} random expressions\n`)
  })

  describe('a server with Flink', () => {
    let server: RunningServer
    const topic = `flink-orders-${process.pid}`
    const many = `flink-many-${process.pid}`
    const damaged = `flink-damaged-${process.pid}`
    const ask = async (sql: string, signal?: AbortSignal) => {
      const sluice = connect({ url: server.url, environment: 'demo', token: ROBOT_KEY })
      const rows: unknown[] = []
      for await (const row of sluice.query(sql, { signal }).rows()) rows.push(row)
      return rows
    }
    const each = async (sql: string): Promise<[unknown[], unknown[]]> => [
      await ask(`SET engine = flink; ${sql}`),
      await ask(sql),
    ]

    const withFlink = (config: Record<string, unknown> = {}) =>
      serve({
        environments: [
          {
            name: 'demo',
            kafka: { brokers: [cluster.kafka.bootstrap] },
            registry: cluster.registry.url,
            flink: { gateway: flink.gateway, rest: flink.rest, parallelism: 1 },
            formats: { [damaged]: { value: 'JSON' } },
          },
        ],
        ...config,
      })

    /** A topic of one partition whose records have `a` = 0, 1, 2, … */
    const numbered = async (name: string, count: number): Promise<void> => {
      await hand.create(name, { partitions: 1 })
      const records = Array.from({ length: count }, (_, a) => ({ key: null, value: JSON.stringify({ a }) }))
      await hand.produce(name, records)
    }

    before(async () => {
      server = await withFlink()
      await produceRows(hand, topic)
      await numbered(many, 40_000)
    })
    after(() => server.close(0))

    it(`${CONDITIONS} random conditions: true, false and NULL as here (seed ${SEED})`, async () => {
      const compared = await compareConditions({ seed: SEED, count: CONDITIONS, topic }, ask)
      assert.equal(compared.wrong.join('\n\n'), '')
      assert.ok(compared.same >= CONDITIONS * 0.8, `${compared.same} of ${CONDITIONS} could be compared`)
    })

    it('sums of doubles are those of here, to the last digit', async () => {
      const name = `flink-doubles-${process.pid}`
      await hand.create(name, { partitions: 2 })
      const values = fc.sample(
        fc.oneof(
          fc.double({ min: -1e9, max: 1e9, noNaN: true }),
          fc.integer({ min: -100_000, max: 100_000 }).map((n) => n / 100),
        ),
        { seed: SEED, numRuns: 2000 },
      )
      const records = values
        .filter((v) => v === 0 || Math.abs(v) > 1e-6)
        .map((v, i) => ({ partition: i % 2, key: null, value: JSON.stringify({ g: i % 7, v }) }))
      await hand.produce(name, records)
      const sql = `SELECT g, SUM(v) AS s, AVG(v) AS m, MIN(v) AS lo, MAX(v) AS hi, COUNT(*) AS n FROM \`${name}\` GROUP BY g ORDER BY g`
      const [theirs, ours] = await each(sql)
      assert.equal(ours.length, 7)
      assert.deepEqual(theirs, ours)
    })

    it('records that cannot be read take no place of a LIMIT', async () => {
      await hand.create(damaged, { partitions: 1 })
      const records = ['{', '}', '{"a":', 'x', '{"a":1}', '{"a":2}', '{"a":3}'].map((value) => ({ key: null, value }))
      await hand.produce(damaged, [{ key: null, value: '{"a":0}' }, ...records])
      for (const sql of [`SELECT a FROM \`${damaged}\` LIMIT 3`, `SELECT a FROM \`${damaged}\` ORDER BY a LIMIT 3`]) {
        const [theirs, ours] = await each(sql)
        assert.equal(ours.length, 3)
        assert.deepEqual(theirs, ours)
      }
      // By the offset Flink does not look at the values: what it finds is not enough, and is not taken for all.
      await assert.rejects(
        ask(`SET engine = flink; SELECT a FROM \`${damaged}\` ORDER BY _meta.offset + 0 LIMIT 3`),
        /of the first 4 records by ORDER BY some cannot be read/,
      )
    })

    it('EXPLAIN FLINK gives statements to take away', async () => {
      const lines = (await ask(`EXPLAIN FLINK SELECT s, COUNT(*) FROM \`${topic}\` WHERE a > 1 GROUP BY s`)) as {
        statement: string
      }[]
      const text = lines.map(({ statement }) => statement).join('\n')
      assert.match(text, /^CREATE TEMPORARY TABLE `sluice_0` \(/)
      assert.match(text, /'scan\.bounded\.specific-offsets' = 'partition:0,offset:\d+;partition:1,offset:\d+/)
      assert.match(text, /GROUP BY/)
    })

    const jobs = async (): Promise<readonly { jid: string; state: string }[]> =>
      ((await (await fetch(`${flink.rest}/jobs/overview`)).json()) as { jobs: { jid: string; state: string }[] }).jobs

    const running = async (): Promise<number> =>
      (await jobs()).filter(({ state }) => /RUNNING|CREATED|INITIALIZING|RESTARTING|CANCELLING/.test(state)).length

    it('engine = auto hands over what is large, and what Flink computes the same', async () => {
      const before = (await jobs()).length
      const large = `SET engine = auto; SET engine.auto.size = 1; SELECT MAX(a) AS m FROM \`${topic}\``
      assert.deepEqual(await ask(large), await ask(`SELECT MAX(a) AS m FROM \`${topic}\``))
      assert.equal((await jobs()).length, before + 1)
      await ask(`SET engine = auto; SELECT MAX(a) AS m FROM \`${topic}\``)
      await ask(`SET engine = auto; SET engine.auto.size = 1; SELECT FIRST(a) AS m FROM \`${topic}\``)
      assert.equal((await jobs()).length, before + 1)
    })

    /** Runs what EXPLAIN FLINK STREAMING prints for an INSERT; the function that it gives ends the job. */
    const started = async (insert: string, asked: (sql: string) => Promise<unknown[]> = ask) => {
      const lines = (await asked(`EXPLAIN FLINK STREAMING ${insert}`)) as { statement: string }[]
      const text = lines.map(({ statement }) => statement).join('\n')
      const session = new FlinkSession({ gateway: flink.gateway, parallelism: 1 }, new AbortController().signal)
      await session.open('streaming')
      const known = new Set((await jobs()).map(({ jid }) => jid))
      for (const statement of text.split(/;\n|;$/).filter((each) => each.trim() !== ''))
        await session.execute(statement)
      return async () => {
        for (const { jid } of (await jobs()).filter((job) => !known.has(job.jid)))
          await fetch(`${flink.rest}/jobs/${jid}?mode=cancel`, { method: 'PATCH' })
        await session.close()
        await eventually('the job has ended', async () => (await running()) === 0)
      }
    }

    it('EXPLAIN FLINK STREAMING gives a job that goes on: what it says is run as it is', async () => {
      const target = `flink-target-${process.pid}`
      await hand.create(target, { partitions: 1 })
      await hand.produce(target, [{ key: null, value: '{"s":"first","twice":0}' }])
      const sql = `INSERT INTO \`${target}\` SELECT s, a * 2 AS twice, _meta.timestamp AS at FROM \`${topic}\` WHERE a > 1 AND _meta.partition = 0`
      const end = await started(sql)
      await eventually('the job has written what was there', async () => {
        const [{ n }] = (await ask(`SELECT COUNT(*) AS n FROM \`${target}\` WHERE s <> 'first' OR s IS NULL`)) as [
          { n: number },
        ]
        const counted = `SELECT COUNT(*) AS n FROM \`${topic}\` WHERE a > 1 AND _meta.partition = 0`
        const [{ n: wanted }] = (await ask(counted)) as [{ n: number }]
        return n === wanted
      })
      await hand.produce(topic, [{ partition: 1, key: null, value: '{"a":8,"s":"of a partition that is not wanted"}' }])
      await hand.produce(topic, [{ partition: 0, key: null, value: '{"a":7,"s":"late \\"one\\""}' }])
      await eventually('and goes on', async () => {
        const found = await ask(`SELECT s, twice FROM \`${target}\` WHERE twice = 14`)
        return isDeepStrictEqual(found, [{ s: 'late "one"', twice: 14 }])
      })
      assert.deepEqual(await ask(`SELECT s FROM \`${target}\` WHERE twice = 16`), [])
      const [{ at }] = (await ask(`SELECT at FROM \`${target}\` WHERE twice = 14`)) as [{ at: string }]
      assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
      await end()
    })

    it('EXPLAIN FLINK STREAMING writes the keys and values that INSERT writes, tombstones too', async () => {
      const [from, numbers] = [`flink-from-${process.pid}`, `flink-numbers-${process.pid}`]
      await hand.create(from, { partitions: 1 })
      await hand.produce(from, [
        { key: 'k0', value: '{"a":1,"b":"x"}' },
        { key: 'k1', value: '{"a":2,"b":"y\\n"}' },
        { key: null, value: '{"a":3}' },
        { key: 'k3', value: null },
      ])
      await hand.create(numbers, { partitions: 1 })
      await hand.produce(numbers, [
        { key: Buffer.from('00000007', 'hex'), value: Buffer.from('0000000000000005', 'hex') },
        { key: null, value: null },
      ])
      const formats = { key: 'STRING', value: 'JSON' }
      const ofNumbers = { key: 'INT', value: 'LONG' }
      const cases = [
        [`SELECT a FROM \`${from}\``, formats],
        [`SELECT a FROM \`${from}\``, { key: 'INT', value: 'JSON' }],
        [`SELECT _key, a FROM \`${from}\``, formats],
        [`SELECT CONCAT(_key, '-b') AS _key, a AS z FROM \`${from}\` WHERE a > 1`, formats],
        [`SELECT NULL AS _value, _key FROM \`${from}\``, formats],
        [`SELECT _key FROM \`${from}\``, formats],
        [`SELECT _value FROM \`${from}\``, formats],
        [`SELECT * FROM \`${from}\``, formats],
        [`SELECT * FROM \`${numbers}\``, ofNumbers],
        [`SELECT _key, NULL AS _value FROM \`${numbers}\` WHERE _value = 5`, ofNumbers],
      ] as const
      const targets = cases.map((_, i) => [`flink-insert-${process.pid}-${i}`, `flink-job-${process.pid}-${i}`])
      const declared = Object.fromEntries(targets.flatMap((pair, i) => pair.map((name) => [name, cases[i][1]])))
      const sources = { [from]: formats, [numbers]: ofNumbers }
      const own = await serve({
        environments: [
          {
            name: 'demo',
            kafka: { brokers: [cluster.kafka.bootstrap] },
            flink: { gateway: flink.gateway, rest: flink.rest, parallelism: 1 },
            formats: { ...declared, ...sources },
          },
        ],
      })
      const asked = async (sql: string) => {
        const rows: unknown[] = []
        const sluice = connect({ url: own.url, environment: 'demo', token: ROBOT_KEY })
        for await (const row of sluice.query(sql).rows()) rows.push(row)
        return rows
      }
      const written = (name: string) =>
        asked(`SELECT _key AS k, _value AS v, _meta.__keysize AS ks, _meta.__valuesize AS vs FROM \`${name}\``)
      for (const [i, [select]] of cases.entries()) {
        const [inserted, copied] = targets[i]
        for (const name of targets[i]) await hand.create(name, { partitions: 1 })
        await asked(`INSERT INTO \`${inserted}\` ${select}`)
        const wanted = await written(inserted)
        assert.ok(wanted.length > 0, select)
        const end = await started(`INSERT INTO \`${copied}\` ${select}`, asked)
        await eventually(`${select} has written`, async () => (await written(copied)).length >= wanted.length)
        assert.deepEqual(await written(copied), wanted, select)
        await end()
      }
      await own.close(0)
    })

    it('what a statement may not read is not there on Flink, either', async () => {
      const sluice = connect({ url: server.url, environment: 'demo', token: 'reader-key-0123456789' })
      await assert.rejects(async () => {
        for await (const _ of sluice.query(`SET engine = flink; SELECT COUNT(*) FROM \`${topic}\``).rows());
      }, /Unknown table/)
    })

    it('a trace says which topics Flink read, as parts of the query', async () => {
      const collector = await Collector.start()
      const traced = await withFlink({
        limits: { 'shutdown.traces': '30s' },
        telemetry: { traces: { endpoint: collector.endpoint } },
      })
      const sluice = connect({ url: traced.url, environment: 'demo', token: ROBOT_KEY })
      const sql = `SET engine = flink; SELECT a FROM \`${damaged}\` LIMIT 1; SELECT MAX(p.a + q.a) AS m FROM \`${topic}\` p JOIN \`${damaged}\` q ON p.a = q.a`
      for await (const event of sluice.query(sql)) if (event.type === 'ERROR') assert.fail(event.data)
      await traced.close(0)
      await collector.close()
      const reads = collector.spans.filter(({ attributes }) => attributes['sluice.engine'] === 'flink')
      assert.deepEqual(
        reads.map(({ name, kind }) => `${name} ${kind}`).sort(),
        [damaged, damaged, topic].map((name) => `fetch ${name} client`).sort(),
      )
      for (const { parentSpanId, startNs, endNs, failed, attributes } of reads) {
        const around = collector.spans.find(({ spanId }) => spanId === parentSpanId)
        assert.match(String(around?.name), /^(run|fetch )/)
        assert.ok(around !== undefined && around.startNs <= startNs && startNs < endNs && endNs <= around.endNs)
        assert.equal(failed, false)
        // What is not known in time is left out.
        assert.notEqual(attributes['sluice.records.read'], 0)
      }
    })

    it('max.size and max.query.time hold', async () => {
      await assert.rejects(
        ask(`SET engine = flink; SET max.size = 100; SELECT COUNT(*) AS n, MAX(a) AS m FROM \`${topic}\``),
        /max\.size is 100/,
      )
      await assert.rejects(
        ask(`SET engine = flink; SET max.query.time = 1ms; SELECT MAX(a) AS m FROM \`${topic}\``),
        /max\.query\.time/,
      )
    })

    it('a job that is at work is no silent topic: max.idle.time does not end it', async () => {
      const sql = `SELECT s, a FROM \`${topic}\` WHERE a > 1 ORDER BY a, s LIMIT 5`
      const [there, here] = [await ask(`SET engine = flink; SET max.idle.time = 1ms; ${sql}`), await ask(sql)]
      assert.deepEqual(there, here)
      const records = `SELECT COUNT(*) AS n FROM \`${topic}\` WHERE a > 1`
      const [{ n }] = (await ask(records)) as [{ n: number }]
      const rows = await ask(`SET engine = flink; SET max.idle.time = 1ms; SELECT a FROM \`${topic}\` WHERE a > 1`)
      assert.ok(n > 0)
      assert.equal(rows.length, n)
    })

    it('nothing is left behind: no group, no topic, no job that runs', async () => {
      const topics = async (): Promise<unknown[]> =>
        ((await ask('SHOW TABLES')) as { name: string }[]).map(({ name }) => name)
      const before = await topics()
      for (const sql of [
        `SELECT s, COUNT(*) AS n FROM \`${topic}\` GROUP BY s`,
        `SELECT * FROM \`${topic}\` WHERE a = 1`,
        `SELECT p.a FROM \`${topic}\` p JOIN \`${topic}\` q ON p.a = q.a`,
      ])
        await ask(`SET engine = flink; ${sql}`)
      const groups = (await hand.groups()).filter((group) => /flink|sluice/i.test(group))
      assert.deepEqual(groups, [])
      const made = (await topics()).filter((name) => !before.includes(name) && /flink|sluice/i.test(String(name)))
      assert.deepEqual(made, [])
      await eventually('no job runs', async () => (await running()) === 0)
    })

    it('what is left of a statement that had enough is ended, and not the job of the next one', async () => {
      const pair = `SELECT a FROM \`${many}\` LIMIT 1; SELECT MAX(a) AS m FROM \`${many}\`; `
      const inside = `SELECT MAX(a) AS m FROM \`${many}\` WHERE a NOT IN (SELECT a FROM \`${many}\` LIMIT 1)`
      const rows = (await ask(`SET engine = flink; ${pair.repeat(3)}${inside}`)) as Record<string, number>[]
      assert.deepEqual(
        rows.filter((row) => 'm' in row),
        Array.from({ length: 4 }, () => ({ m: 39_999 })),
      )
      await eventually('no job runs', async () => (await running()) === 0)
    })

    /** It joins every row with every other one: for minutes, and in small steps, between which it can be ended. */
    const endless = `SET engine = flink; SELECT COUNT(*) AS n FROM \`${many}\` p CROSS JOIN \`${many}\` q WHERE p.a + q.a > 1`

    it('records that are deleted while Flink reads are told of', async () => {
      const thin = `flink-thin-${process.pid}`
      await numbered(thin, 25)
      const sluice = connect({ url: server.url, environment: 'demo', token: ROBOT_KEY })
      const lost: unknown[] = []
      const asked = (async () => {
        const sql = `SET engine = flink; SELECT COUNT(*) AS n FROM \`${thin}\` p CROSS JOIN \`${many}\` q WHERE p.a + q.a > 1`
        for await (const event of sluice.query(sql)) {
          if (event.type === 'ERROR') assert.fail(event.data)
          if (event.type === 'SENTINEL' && event.data.reason.type === 'LOST') lost.push(event.data.reason)
        }
      })()
      await eventually('the job runs', async () => (await running()) === 1)
      await hand.deleteRecords(thin, 0, 10)
      await asked
      const [{ source, amount, places }] = lost as Record<string, unknown>[]
      assert.deepEqual([lost.length, source, amount, places], [1, thin, 10, 'partition 0, offsets 0 to 9'])
      await hand.deleteTopic(thin)
    })

    it('a topic that is deleted while Flink reads it ends the statement', async () => {
      const gone = `flink-gone-${process.pid}`
      await numbered(gone, 20_000)
      const asked = ask(endless.replace(`\`${many}\` q`, `\`${gone}\` q`))
      // Flink sees it by itself where it has not read all of it.
      const rejected = assert.rejects(
        asked,
        /The topic "flink-gone-\d+" was (deleted|made anew)|UnknownTopicOrPartition/,
      )
      await eventually('the job runs', async () => (await running()) === 1)
      await hand.deleteTopic(gone)
      await rejected
      await eventually('no job runs', async () => (await running()) === 0)
    })

    it('engine = auto has an answer where a value is beyond Flink', async () => {
      const wide = `flink-wide-${process.pid}`
      await hand.create(wide, { partitions: 1 })
      await hand.produce(wide, [{ key: null, value: '{"a":12345678901234567,"b":1}' }])
      const sql = `SELECT MAX(a + b) AS m FROM \`${wide}\` WHERE a <> b`
      await assert.rejects(ask(`SET engine = flink; ${sql}`), /Flink gave the statement back/)
      assert.deepEqual(await ask(`SET engine = auto; SET engine.auto.size = 1; ${sql}`), await ask(sql))
    })

    it('STATS says how far a job is, from the metrics of Flink', async () => {
      const abort = new AbortController()
      interface Stats {
        readonly recordsScanned: number
        readonly sourcesStats: Record<string, Record<string, { end: number; offsetBound: number }>>
      }
      const seen: Stats[] = []
      const sluice = connect({ url: server.url, environment: 'demo', token: ROBOT_KEY })
      const asked = (async () => {
        for await (const event of sluice.query(endless, { signal: abort.signal, stats: 200 }))
          if (event.type === 'STATS') seen.push(event.data as unknown as Stats)
      })().catch(() => undefined)
      // The one side is read at once, and each record of the other one joined with all of it.
      const isSeen = ({ recordsScanned, sourcesStats }: Stats): boolean => {
        const places = Object.values(sourcesStats).flatMap((source) => Object.values(source))
        return recordsScanned > 0 && places.some(({ end, offsetBound }) => end === offsetBound && end === 39_999)
      }
      await eventually('a source is read', () => seen.some(isSeen))
      abort.abort()
      await asked
      await eventually('the job has ended', async () => (await running()) === 0)
    })

    it('the last STATS of a short job has all of its records', async () => {
      const sluice = connect({ url: server.url, environment: 'demo', token: ROBOT_KEY })
      const last = async (sql: string) => {
        let scanned = { records: 0, bytes: 0 }
        for await (const event of sluice.query(sql, { stats: 200 }))
          if (event.type === 'STATS') scanned = { records: event.data.recordsScanned, bytes: event.data.bytesRead }
        return scanned
      }
      // Of the second one the records come back, and are counted where they were read.
      for (const sql of [
        `SELECT s, MAX(a) AS m FROM \`${topic}\` WHERE a > 1 GROUP BY s`,
        `SELECT * FROM \`${topic}\` WHERE a > 1`,
      ]) {
        const here = await last(sql)
        // A JobManager that does not answer within a second is not waited for.
        await eventually('the JobManager has answered in time, with all records', async () => {
          const there = await last(`SET engine = flink; ${sql}`)
          return here.records > 0 && there.bytes > 0 && there.records === here.records
        })
      }
    })

    it('a statement that is cancelled frees its slots', async () => {
      const abort = new AbortController()
      const asked = ask(endless, abort.signal)
      await eventually('the job runs', async () => (await running()) === 1)
      abort.abort()
      await asked.catch(() => undefined)
      await eventually('its slots are free', async () => {
        const answer = (await (await fetch(`${flink.rest}/overview`)).json()) as Record<string, number>
        return answer['slots-available'] === SLOTS && (await running()) === 0
      })
    })

    it('a TaskManager that is lost: an error, and afterwards answers again', async () => {
      const asked = ask(endless)
      await eventually('the job runs', async () => (await running()) === 1)
      await flink.taskManager.kill()
      await assert.rejects(asked, /Flink/)
      await flink.taskManager.start()
      const [theirs, ours] = await each(`SELECT MAX(a) AS m FROM \`${topic}\``)
      assert.deepEqual(theirs, ours)
    })

    it('a gateway that is lost: an error, and afterwards answers again', async () => {
      const asked = ask(endless)
      await eventually('the job runs', async () => (await running()) === 1)
      await flink.gatewayProcess.kill()
      await assert.rejects(asked, /gateway of Flink/)
      await assert.rejects(ask(`SET engine = flink; SELECT MAX(a) AS m FROM \`${topic}\``), /gateway of Flink/)
      await eventually('its job is cancelled all the same', async () => (await running()) === 0)
      await flink.gatewayProcess.start()
      const [theirs, ours] = await each(`SELECT MAX(a) AS m FROM \`${topic}\``)
      assert.deepEqual(theirs, ours)
    })
  })
})
