/**
 * What happens to a topic while a query reads it, on a real Kafka: records deleted in front of the reader, or before
 * its first fetch, and the topic made anew under its name. Queries are held by a reader of the frames that stands
 * still, so nothing depends on how fast anything is.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seedTopics } from '../../bench/seed.ts'
import { createCatalog } from '../../src/catalog/kafka-catalog.ts'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { runRequest } from '../../src/engine/request.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import type { KafkaLog } from '../../src/kafka/log.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { eventually } from '../support/eventually.ts'
import { type SluiceProcess, startSluice } from '../support/sluice-process.ts'
import { sharedCluster, topicName } from './cluster.ts'
import { kafkaHand, type KafkaHand } from './kafka-hand.ts'

const shared = await sharedCluster()
const RECORDS = 3000

interface Row {
  readonly n: number
  readonly c: number
  readonly s: number
}
interface Told {
  readonly rows: readonly Row[]
  readonly error: string | undefined
  readonly lost: { readonly amount: number; readonly places: string; readonly source: string } | undefined
}

/** The ranges of `partition 0, offsets 3 to 8; …`, the last offset exclusive. */
function rangesOf(places: string): [number, number][] {
  return [...places.matchAll(/partition 0, offsets (\d+) to (\d+)/g)].map(([, from, to]) => [
    Number(from),
    Number(to) + 1,
  ])
}

describe('while a query reads', { skip: shared.skip }, () => {
  let hand: KafkaHand
  let cluster: Cluster
  let log: KafkaLog
  let catalog: ReturnType<typeof createCatalog>

  before(async () => {
    hand = await kafkaHand(shared.kafka.bootstrap)
    cluster = new Cluster({ brokers: [shared.kafka.bootstrap] })
    log = createKafkaLog(cluster)
    catalog = createCatalog({ cluster, log, registry: undefined })
  })
  after(async () => {
    catalog?.close()
    cluster?.close()
    await hand?.close()
  })

  /** Some hundred batches of `{"n": 0}`, `{"n": 1}` …; `n` is the offset. */
  async function numbers(): Promise<string> {
    const topic = topicName('lost')
    await hand.create(topic)
    const records = Array.from({ length: RECORDS }, (_, n) => ({
      value: JSON.stringify({ n, pad: 'x'.repeat(1000) }),
      partition: 0,
    }))
    await hand.produce(topic, records, { settings: { 'batch.size': '16384' } })
    return topic
  }

  /**
   * Asks; the reader of the frames stands still from the moment it is first asked whether it is ready, until
   * `meanwhile` is through.
   */
  async function ask(
    sql: string,
    meanwhile: (() => Promise<void>) | undefined,
    on: Pick<QueryEnvironment, 'catalog' | 'log'> = { catalog, log },
  ): Promise<Told> {
    const rows: Row[] = []
    let error: string | undefined
    let lost: Told['lost']
    let still: Promise<void> | undefined
    let through = false
    const send = (frame: string): void => {
      const { type, data } = JSON.parse(frame) as {
        type: string
        data: { value: Row; reason: { type: string } & NonNullable<Told['lost']> }
      }
      if (type === 'RECORD') rows.push(data.value)
      else if (type === 'ERROR') error = String(data)
      else if (type === 'SENTINEL') {
        assert.equal(data.reason.type, 'LOST')
        lost = data.reason
      }
    }
    const drained = (): Promise<void> | undefined => {
      if (through || meanwhile === undefined) return undefined
      still ??= meanwhile().finally(() => {
        through = true
      })
      return still
    }
    await runRequest(
      { sql: `SET fetch.max.bytes = '64k'; ${sql}`, live: false },
      on,
      { send, drained },
      new AbortController().signal,
    )
    assert.equal(through, meanwhile !== undefined, 'the reader was asked')
    return { rows, error, lost }
  }

  it('deleted in front of the reader: the rows before and behind, and a SENTINEL that says how many are missing and where', async () => {
    const t = await numbers()
    const { rows, error, lost } = await ask(`SELECT n FROM ${t} LIMIT 100000`, () => hand.deleteRecords(t, 0, 2000))
    assert.equal(error, undefined)
    const [[from, to]] = rangesOf(lost?.places ?? '')
    assert.ok(from > 0 && from < 2000, `the reader had come to ${from}`)
    assert.deepEqual([to, lost?.amount, lost?.source], [2000, 2000 - from, t])
    const expected = [...Array(from).keys(), ...Array.from({ length: RECORDS - 2000 }, (_, i) => 2000 + i)]
    assert.deepEqual(
      rows.map((row) => row.n),
      expected,
    )
  })

  it('an aggregate, which may read in two places at once: what it counted and what is missing are everything', async () => {
    const t = await numbers()
    const { rows, lost } = await ask(`SELECT count(n) AS c, sum(n) AS s FROM ${t}`, () =>
      hand.deleteRecords(t, 0, 1400),
    )
    const ranges = rangesOf(lost?.places ?? '')
    const missing = ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
    assert.ok(missing.length > 0 && missing.every((offset) => offset < 1400))
    assert.equal(lost?.amount, missing.length)
    const sum = (RECORDS * (RECORDS - 1)) / 2 - missing.reduce((a, b) => a + b, 0)
    assert.deepEqual(rows, [{ c: RECORDS - missing.length, s: sum }])
  })

  it('a count from headers, too', async () => {
    const t = await numbers()
    const { rows, lost } = await ask(`SELECT count(*) AS c FROM ${t}`, () => hand.deleteRecords(t, 0, 1400))
    assert.ok(lost !== undefined)
    assert.deepEqual(rows, [{ c: RECORDS - lost.amount }])
  })

  it('a subquery that lost records is an error: its answer would be wrong', async () => {
    const t = await numbers()
    const { rows, error } = await ask(`SELECT 1 AS one FROM __dual WHERE 1 < (SELECT count(n) FROM ${t})`, () =>
      hand.deleteRecords(t, 0, 1400),
    )
    assert.deepEqual(rows, [])
    assert.match(
      error ?? '',
      new RegExp(
        `A subquery on ${t} lost \\d+ records that were deleted while it ran \\(partition 0, offsets \\d+ to 1399\\)`,
      ),
    )
  })

  it('deleted after the bounds were captured and before the first fetch: a part, or all', async () => {
    for (const [before, left] of [
      [1000, RECORDS - 1000],
      [RECORDS, 0],
    ]) {
      const t = await numbers()
      const overtaken: KafkaLog = {
        bounds: async (...args) => {
          const bounds = await log.bounds(...args)
          await hand.deleteRecords(t, 0, before)
          return bounds
        },
        offsetsForTime: (...args) => log.offsetsForTime(...args),
        scan: (...args) => log.scan(...args),
      }
      const { rows, lost, error } = await ask(`SELECT n FROM ${t} LIMIT 100000`, undefined, { catalog, log: overtaken })
      assert.equal(error, undefined)
      assert.deepEqual([lost?.amount, lost?.places], [before, `partition 0, offsets 0 to ${before - 1}`])
      assert.deepEqual(
        rows.map((row) => row.n),
        Array.from({ length: left }, (_, i) => before + i),
      )
    }
  })
})

describe('a topic made anew while a query reads it', { skip: shared.skip }, () => {
  let hand: KafkaHand
  let sluice: SluiceProcess
  before(async () => {
    const address = shared.kafka.bootstrap
    ;[hand, sluice] = await Promise.all([
      kafkaHand(address),
      startSluice(['--brokers', address, '--registry', shared.registry.url]),
    ])
  })
  after(async () => {
    await sluice?.close()
    await hand?.close()
  })

  it('the query ends with an ERROR that says so, and the next one reads the new topic', async () => {
    const topic = topicName('anew')
    // More than sockets and fetches hold for a client that does not read.
    await seedTopics(shared.kafka.bootstrap, shared.registry.url, [{ kind: 'payments', topic, count: 300_000 }])
    const socket = await sluice.open()
    const frames: string[] = []
    const still = new Promise<void>((resolve) => {
      socket.on('message', (bytes) => {
        frames.push(String(bytes))
        if (frames.length !== 100) return
        socket.pause()
        resolve()
      })
    })
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.send(JSON.stringify({ sql: `SELECT * FROM ${topic} LIMIT 1000000` }))
    await still
    // The server goes on until the sockets are full; a fetch under way would see the topic gone, and no new one.
    const bytesOut = () =>
      hand.counter(shared.kafka.jmxAddress, `kafka.server:type=BrokerTopicMetrics,name=BytesOutPerSec,topic=${topic}`)
    let seen = -1
    await eventually('the server stands still', async () => {
      const before = seen
      seen = await bytesOut()
      await sleep(500)
      return seen === before
    })
    await hand.deleteTopic(topic)
    // The name is free only when all of the old topic is gone.
    await eventually('the topic is made again', () =>
      hand.create(topic).then(
        () => true,
        () => false,
      ),
    )
    await hand.produce(topic, [{ value: '{"fresh":1}', partition: 0 }])
    socket.resume()
    await closed
    const last = JSON.parse(frames.findLast((frame) => frame.startsWith('{"type":"ERROR"')) ?? '{}') as {
      data?: string
    }
    assert.equal(
      last.data,
      `Topic "${topic}" was deleted and created again while it was read. Run the query again to read the new one`,
    )
    await eventually('the new topic is read', async () => {
      const answer = await sluice.ask(`SELECT fresh FROM ${topic}`)
      return JSON.stringify(answer.values) === '[{"fresh":1}]'
    })
  })
})
