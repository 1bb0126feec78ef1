/**
 * Queries that go on with what comes, on a real Kafka of two brokers and through a whole server: a million records
 * written meanwhile and a broker that crashes and comes back, transactions, leaders that move, new partitions, readers
 * that are slow, and how long a record takes to its reader.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Producer, stringSerializers } from '@platformatic/kafka'
import { connect, type Client, type Query, type QueryEvent } from '../../src/client/connect.ts'
import { readConfig } from '../../src/server/config/config.ts'
import { createLog } from '../../src/server/log.ts'
import { type RunningServer, startServer } from '../../src/server/start.ts'
import { Unavailable } from '../../scripts/provision.ts'
import { eventually } from '../support/eventually.ts'
import { type Kafka, startKafka } from './cluster.ts'
import { kafkaHand, type KafkaHand } from './kafka-hand.ts'

const RECORDS = 1_000_000
const CHUNK = 20_000
const TOKEN = 'follow-key-0123456789'

async function started(): Promise<Kafka | string> {
  try {
    return await startKafka({ brokers: 2 })
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return `no real Kafka: ${error.message}`
  }
}

/** What a query that follows has given so far. */
class Reader {
  readonly rows: { id: number; atMs: number }[] = []
  readonly seen = new Uint8Array(RECORDS)
  twice = 0
  /** Ids seen so far, of rows that are not kept. */
  different = 0
  last: unknown
  error: string | undefined
  readonly query: Query
  readonly begun: Promise<void>
  readonly done: Promise<void>

  /** `keep`: each row is kept, with when it came. */
  constructor(query: Query, keep: boolean, ready: Promise<void> = Promise.resolve()) {
    this.query = query
    const begun = Promise.withResolvers<void>()
    this.begun = begun.promise
    this.done = this.#read(keep, begun.resolve, ready)
    this.done.then(() => begun.reject(new Error(this.error ?? 'The query ended before it began.')), begun.reject)
    this.begun.catch(() => undefined)
  }

  async #read(keep: boolean, begun: () => void, ready: Promise<void>): Promise<void> {
    for await (const event of this.query) {
      // Sent when the ends of the partitions have been looked up.
      if (event.type === 'STATS') begun()
      if (event.type === 'STATS') await ready
      this.#take(event, keep)
    }
  }

  #take(event: QueryEvent, keep: boolean): void {
    if (event.type === 'ERROR') this.error = event.data
    if (event.type !== 'RECORD') return
    this.last = event.data.value
    const { id } = event.data.value as { id: number }
    if (id === undefined) return
    if (keep) this.rows.push({ id, atMs: performance.now() })
    else if (this.seen[id]++ > 0) this.twice++
    else this.different++
  }
}

const found = await started()

describe('follow', { skip: typeof found === 'string' ? found : false }, () => {
  const kafka = found as Kafka
  let hand: KafkaHand
  let server: RunningServer
  let client: Client
  const readers: Reader[] = []

  before(async () => {
    hand = await kafkaHand(kafka.bootstrap)
    const config = await readConfig({
      server: { port: 0 },
      environments: [
        { name: 'demo', kafka: { brokers: kafka.bootstrap.split(',') }, formats: { '*': { value: 'JSON' } } },
      ],
      serviceAccounts: [
        { name: 'robot', token: TOKEN, permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
      ],
    })
    server = await startServer(config, { log: createLog('silent') })
    client = connect({ url: server.url, token: TOKEN })
  })
  after(async () => {
    for (const reader of readers) reader.query.cancel()
    await server?.close()
    await hand?.close()
    await kafka.stop()
  })

  /** A query that reads from the ends of its partitions, when this resolves. */
  async function follow(sql: string, keep = true, ready?: Promise<void>): Promise<Reader> {
    const reader = new Reader(client.query(sql, { follow: true, stats: 250 }), keep, ready)
    readers.push(reader)
    await reader.begun
    return reader
  }

  const ids = (from: number, until: number): { value: string }[] =>
    Array.from({ length: until - from }, (_, i) => ({ value: `{"id":${from + i}}` }))
  const sorted = (reader: Reader): number[] => reader.rows.map(({ id }) => id).sort((a, b) => a - b)

  it('a million records while a broker crashes and comes back: none missing, none twice', async (t) => {
    await hand.create('million', { partitions: 4 })
    const leaders = await Promise.all([0, 1, 2, 3].map((partition) => hand.leader('million', partition)))
    assert.ok(leaders.includes(2), `the broker that crashes leads none: ${leaders}`)
    const written = Promise.withResolvers<void>()
    const [rows, slow, count] = await Promise.all([
      follow('SELECT id FROM million', false),
      follow('SELECT id FROM million WHERE id % 10 = 0', false, written.promise),
      follow('SELECT count(*) AS c, sum(id) AS s FROM million', false),
    ])
    const startedMs = performance.now()
    let back: Promise<void> | undefined
    for (let from = 0; from < RECORDS; from += CHUNK) {
      if (from === 15 * CHUNK) back = kafka.nodes[1].kill().then(() => kafka.nodes[1].start())
      await hand.produce('million', ids(from, from + CHUNK))
    }
    await back
    const writtenMs = performance.now() - startedMs
    written.resolve()
    const total = { c: RECORDS, s: (RECORDS * (RECORDS - 1)) / 2 }
    await eventually('everything is counted', () => JSON.stringify(count.last) === JSON.stringify(total))
    await eventually('everything is there', () => rows.different === RECORDS)
    await eventually('everything is there of the slow one', () => slow.different === RECORDS / 10)
    t.diagnostic(
      `written in ${(writtenMs / 1000).toFixed(1)} s, read by all after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
    )
    assert.deepEqual([rows.twice, slow.twice], [0, 0])
    assert.deepEqual([rows.error, slow.error, count.error], [undefined, undefined, undefined])
  })

  it('transactions: aborted ones never seen, others when they are committed', async () => {
    await hand.create('transactions')
    const reader = await follow('SELECT id FROM transactions')
    await hand.produce('transactions', ids(0, 10), { transactionalId: 'a', transaction: 'abort' })
    const open = { transactionalId: 'b', transaction: 'open' } as const
    await hand.produce('transactions', ids(10, 20), open)
    await hand.produce('transactions', ids(20, 30))
    assert.deepEqual(reader.rows, [])
    await hand.endTransaction({ transactionalId: 'b', transaction: 'commit' })
    await eventually('what was committed', () => reader.rows.length === 20)
    assert.deepEqual(
      sorted(reader),
      ids(10, 30).map((_, i) => 10 + i),
    )
  })

  it('leaders that move, and partitions that are added', async () => {
    await hand.create('moving', { partitions: 2 })
    const reader = await follow('SELECT id FROM moving')
    let next = 0
    const write = async (partition: number): Promise<void> => {
      await hand.produce('moving', [{ value: `{"id":${next++}}`, partition }])
    }
    for (const to of [2, 1, 2]) {
      await hand.moveLeader('moving', 0, to)
      for (const partition of [0, 1]) await write(partition)
    }
    await hand.addPartitions('moving', 4)
    for (const partition of [3, 2, 1, 0]) await write(partition)
    await eventually('all of them', () => reader.rows.length >= next)
    assert.deepEqual(
      sorted(reader),
      Array.from({ length: next }, (_, i) => i),
    )
  })

  it('a topic that is deleted ends it with an ERROR', async () => {
    await hand.create('gone')
    const reader = await follow('SELECT id FROM gone')
    await hand.deleteTopic('gone')
    await reader.done
    assert.match(reader.error ?? '', /"gone" was deleted while it was read/)
  })

  it('how long a record takes from the producer to the reader', async (t) => {
    await hand.create('latency', { partitions: 3 })
    const reader = await follow('SELECT id FROM latency')
    const producer = new Producer({
      clientId: 'latency',
      bootstrapBrokers: kafka.bootstrap.split(','),
      serializers: stringSerializers,
    })
    const sentMs: number[] = []
    for (let id = 0; id < 200; id++) {
      sentMs.push(performance.now())
      await producer.send({ messages: [{ topic: 'latency', value: `{"id":${id}}`, partition: id % 3 }] })
      await eventually('the row', () => reader.rows.length > id)
    }
    await producer.close()
    const took = reader.rows.map(({ id, atMs }) => atMs - sentMs[id]).sort((a, b) => a - b)
    const at = (share: number): string => took[Math.floor((took.length - 1) * share)].toFixed(1)
    t.diagnostic(`produce to row: median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms, most ${at(1)} ms`)
    assert.equal(took.length, 200)
  })
})
