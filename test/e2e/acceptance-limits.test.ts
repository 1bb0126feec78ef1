/**
 * What ends or refuses a query on a real server over real Kafka: thresholds, whose condition reads the rest and nothing
 * twice; too many queries of one user; a thousand silent sockets; first messages that come late, are none, or are too
 * large.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { type Answer, type SluiceProcess, startSluice, TOKEN } from '../support/sluice-process.ts'
import { type Kafka, sharedCluster, startKafka, topicName } from './cluster.ts'
import { kafkaHand } from './kafka-hand.ts'

const cluster = await sharedCluster()
const RECORDS = 60_000
const PARTITIONS = 3
const QUERIES = 4
const FIRST_MESSAGE_MS = 1500
const IDLE_SOCKETS = 1000

describe('limits on a running server', { skip: cluster.skip }, () => {
  /** Of its own, as it will stand still. */
  let kafka: Kafka
  let sluice: SluiceProcess
  const numbers = topicName('limits')

  before(async () => {
    kafka = await startKafka({ heap: '256m' })
    const limits = {
      'max.concurrent.queries.per.user': QUERIES,
      'server.first.message.timeout': FIRST_MESSAGE_MS,
      'server.max.message.bytes': '64k',
      'server.max.connections': IDLE_SOCKETS + 100,
      'server.max.connections.per.address': IDLE_SOCKETS + 200,
      'server.max.connections.per.user': IDLE_SOCKETS + 200,
      'server.max.connections.unauthenticated': IDLE_SOCKETS + 200,
    }
    sluice = await startSluice([
      '--brokers',
      kafka.bootstrap,
      ...Object.entries(limits).flatMap(([name, value]) => ['--limit', `${name}=${value}`]),
    ])
    const hand = await kafkaHand(kafka.bootstrap)
    await hand.create(numbers, { partitions: PARTITIONS })
    for (let round = 0; round < 3; round++) {
      const from = (round * RECORDS) / 3
      const records = Array.from({ length: RECORDS / 3 }, (_, i) => ({
        value: `{"n":${from + i},"pad":"${'x'.repeat(100)}"}`,
        partition: i % PARTITIONS,
      }))
      await hand.produce(numbers, records)
    }
    await hand.close()
  })
  after(async () => {
    await sluice?.close()
    await kafka?.stop()
  })

  /**
   * Asks, and goes on with the condition of the SENTINEL until there is none. The numbers of all rows, and the answers.
   */
  async function whole(
    settings: string,
    ended: (answer: Answer) => void = () => undefined,
  ): Promise<{ seen: number[]; answers: Answer[] }> {
    const seen: number[] = []
    const answers: Answer[] = []
    let rest = ''
    for (let round = 0; round < 500; round++) {
      const answer = await sluice.ask(`${settings} SELECT n FROM ${numbers} ${rest} LIMIT 1000000`)
      assert.equal(answer.error, undefined)
      answers.push(answer)
      for (const row of answer.values) seen.push((row as { n: number }).n)
      if (answer.sentinel === undefined) break
      ended(answer)
      rest = `WHERE ${answer.sentinel.resume as string}`
    }
    return { seen, answers }
  }
  function complete(seen: readonly number[]): void {
    assert.equal(seen.length, RECORDS, 'as many rows as records')
    assert.equal(new Set(seen).size, RECORDS, 'none of them twice')
  }

  it('max.size: the results together are the whole, nothing twice', async () => {
    const { seen, answers } = await whole("SET max.size = '1m'; SET fetch.max.bytes = '100k';")
    complete(seen)
    assert.ok(answers.length > 4, `${answers.length} answers`)
    for (const { sentinel } of answers.slice(0, -1))
      assert.deepEqual([sentinel?.type, sentinel?.amount], ['SCANNEDSIZE', 1_048_576])
  })

  it('max.query.time: the same', async () => {
    const { seen, answers } = await whole("SET max.query.time = 20ms; SET fetch.max.bytes = '50k';")
    complete(seen)
    assert.ok(answers.length > 1, `${answers.length} answers`)
    for (const { sentinel } of answers.slice(0, -1))
      assert.deepEqual([sentinel?.type, sentinel?.timeout], ['COMPLETIONTIMEOUT', 20])
  })

  it('max.idle.time: a broker that stands still in the middle', async () => {
    const { pid } = kafka.nodes[0]
    const settings = "SET max.idle.time = 1s; SET fetch.max.bytes = '20k';"
    const watching = await sluice.open()
    let rows = 0
    const stands = new Promise<void>((resolve) =>
      watching.on('message', (bytes: Buffer) => {
        // The second part of the answer is on its way when the broker stops.
        if (bytes.includes('"RECORD"') && ++rows === 1000) {
          process.kill(pid, 'SIGSTOP')
          resolve()
        }
      }),
    )
    try {
      const frames: string[] = []
      watching.on('message', (bytes: Buffer) => void frames.push(String(bytes)))
      const closed = once(watching, 'close')
      const begun = performance.now()
      watching.send(JSON.stringify({ sql: `${settings} SELECT n FROM ${numbers} LIMIT 1000000` }))
      await stands
      const stoodAt = performance.now() - begun
      await closed
      const took = performance.now() - begun - stoodAt
      assert.ok(took > 900 && took < 6000, `${took} ms`)
      const seen = frames
        .filter((f) => f.startsWith('{"type":"RECORD"'))
        .map((f) => (JSON.parse(f) as { data: { value: { n: number } } }).data.value.n)
      const sentinel = frames.find((f) => f.startsWith('{"type":"SENTINEL"'))
      assert.ok(sentinel !== undefined, frames.at(-2))
      const { reason } = (
        JSON.parse(sentinel) as { data: { reason: { type: string; timeout: number; source: string; resume: string } } }
      ).data
      assert.deepEqual([reason.type, reason.timeout, reason.source], ['IDLETIMEOUT', 1000, numbers])
      assert.ok(seen.length < RECORDS)
      process.kill(pid, 'SIGCONT')
      const rest = await sluice.ask(`SELECT n FROM ${numbers} WHERE ${reason.resume} LIMIT 1000000`)
      assert.deepEqual([rest.error, rest.sentinel], [undefined, undefined])
      complete([...seen, ...rest.values.map((row) => (row as { n: number }).n)])
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })

  it('one query more than a user may have is refused by the name of the limit; a place that is free again is given', async () => {
    const begin = async (): Promise<WebSocket> => {
      const socket = await sluice.open()
      const first = once(socket, 'message')
      socket.send(JSON.stringify({ sql: `SELECT a.n FROM ${numbers} a CROSS JOIN ${numbers} b LIMIT 100000000` }))
      await first
      socket.pause()
      return socket
    }
    const running = await Promise.all(Array.from({ length: QUERIES }, begin))
    const refused = await sluice.ask('SELECT 1 AS a')
    assert.match(
      refused.error ?? '',
      new RegExp(
        `${QUERIES}.*max\\.concurrent\\.queries\\.per\\.user|max\\.concurrent\\.queries\\.per\\.user.*${QUERIES}`,
      ),
    )
    assert.deepEqual([refused.code, refused.frames.map(({ type }) => type).join(' ')], [1000, 'ERROR END'])
    running[0].terminate()
    for (let round = 0; round < 100 && (await sluice.ask('SELECT 1 AS a')).error !== undefined; round++) await sleep(20)
    assert.deepEqual(await sluice.values('SELECT 1 AS a'), [{ a: 1 }])
    for (const socket of running) socket.terminate()
  })

  it('a thousand silent sockets cost little, others are served, and each is told why it is closed', async (t) => {
    const { rssBytes } = await sluice.loop()
    const begun = performance.now()
    const ends = Array.from({ length: IDLE_SOCKETS }, () => silent(sluice.url))
    assert.deepEqual(await sluice.values('SELECT 1 AS a'), [{ a: 1 }])
    const outcomes = await Promise.all(ends)
    const { rssPeakBytes } = await sluice.loop()
    const said = new Map<string, number>()
    for (const outcome of outcomes) said.set(outcome, (said.get(outcome) ?? 0) + 1)
    assert.deepEqual(
      [...said],
      [
        [
          `ERROR: No message came within ${FIRST_MESSAGE_MS} ms after the connection was made (server.first.message.timeout). END 1000`,
          IDLE_SOCKETS,
        ],
      ],
    )
    t.diagnostic(`${Math.round(performance.now() - begun)} ms, ${((rssPeakBytes - rssBytes) / 1e6).toFixed(0)} MB more`)
    assert.ok(rssPeakBytes - rssBytes < 100e6, `${rssPeakBytes - rssBytes} bytes`)
  })

  it('one connection more than server.max.connections is HTTP 503', async () => {
    const sockets = await Promise.all(Array.from({ length: IDLE_SOCKETS + 100 }, () => sluice.open()))
    try {
      await assert.rejects(sluice.open(), /503/)
    } finally {
      for (const socket of sockets) socket.terminate()
    }
  })

  it('first messages that are none, or too large', async () => {
    const said = async (message: string | Buffer): Promise<string> => silent(sluice.url, message)
    const fine = JSON.stringify({ sql: 'SELECT 1 AS a' })
    for (const [message, text] of [
      ['hello', /^ERROR: .*JSON.* END 1000$/],
      ['[1]', /^ERROR: .*object.* END 1000$/],
      ['{"token":"x"}', /^ERROR: .*sql.* END 1000$/],
      [Buffer.from(fine), /^ERROR: .*binary.* END 1000$/],
      [
        JSON.stringify({ sql: `SELECT '${'x'.repeat(70_000)}'` }),
        /^ERROR: .*65536 bytes \(server\.max\.message\.bytes\)\. END 1000$/,
      ],
      [fine, /^METADATA RECORD END 1000$/],
    ] as const)
      assert.match(await said(message), text)
  })
})

/** Opens a socket, sends that message or none, and tells what came, with the text of an ERROR. */
async function silent(url: string, message?: string | Buffer): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/ws/v2/sql/execute`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  const frames: { type: string; data: unknown }[] = []
  socket.on('message', (bytes) => void frames.push(JSON.parse(String(bytes))))
  socket.on('open', () => (message === undefined ? undefined : socket.send(message)))
  const [code] = (await once(socket, 'close')) as [number]
  return `${frames.map(({ type, data }) => (type === 'ERROR' ? `ERROR: ${data}` : type)).join(' ')} ${code}`
}
