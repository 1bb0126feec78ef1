/**
 * Batches on a real Kafka that no common producer writes every day: topics whose type of timestamp was changed, so that
 * each batch has its own; bounds at the ends of 64 bits; zstd in several frames and snappy in several streams. Judge of
 * times is kcat; the broker has taken every batch, so it could decompress it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { type BatchToWrite, type RecordToWrite, writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import { produce } from '../../src/sandbox/apis/produce.ts'
import { eventually } from '../support/eventually.ts'
import { SandboxClient } from '../support/sandbox-client.ts'
import { type SluiceProcess, startSluice } from '../support/sluice-process.ts'
import { sharedCluster, topicName, withoutKcat } from './cluster.ts'
import { kafkaHand, type KafkaHand, kcatRead } from './kafka-hand.ts'

const cluster = await sharedCluster()
const NOW = 1_700_000_000_000
const HALF_AN_HOUR = 1_800_000

/** Error codes of Kafka. */
const [UNKNOWN_TOPIC, NOT_LEADER] = [3, 6]

describe('odd batches', { skip: cluster.skip }, () => {
  let hand: KafkaHand
  let client: SandboxClient
  let sluice: SluiceProcess

  before(async () => {
    const address = cluster.kafka.bootstrap
    ;[hand, client, sluice] = await Promise.all([
      kafkaHand(address),
      SandboxClient.connect(Number(address.split(',')[0].split(':')[1])),
      startSluice(['--brokers', address, '--registry', cluster.registry.url]),
    ])
  })
  after(async () => {
    client?.close()
    await sluice?.close()
    await hand?.close()
  })

  async function send(topic: string, records: readonly RecordToWrite[], options: BatchToWrite = {}): Promise<void> {
    const bytes = writeRecordBatch(records, options)
    let code = NOT_LEADER
    // A broker may not know yet that it leads what was made just now.
    await eventually('the broker leads the partition', async () => {
      const answer = await client.call(produce, 9, {
        acks: -1,
        timeoutMs: 20_000,
        topics: [{ name: topic, partitions: [{ index: 0, records: bytes }] }],
      })
      code = answer.topics[0].partitions[0].errorCode
      return code !== NOT_LEADER && code !== UNKNOWN_TOPIC
    })
    assert.equal(code, 0, 'the broker takes the batch')
  }
  const column = async (sql: string): Promise<unknown[]> =>
    (await sluice.values(sql)).map((row) => Object.values(row as object)[0])

  describe('a topic whose type of timestamp was changed', { skip: withoutKcat }, () => {
    const types = { CreateTime: 'LogAppendTime', LogAppendTime: 'CreateTime' } as const
    for (const first of ['CreateTime', 'LogAppendTime'] as const)
      it(`${first}, then ${types[first]}, then ${first} again: each batch has its own`, async () => {
        const t = topicName('switched')
        await hand.create(t, { config: { 'message.timestamp.type': first } })
        const now = Date.now()
        let n = 0
        // Producers whose clocks are ahead and behind.
        const batch = async (ahead: number): Promise<void> =>
          void (await hand.produce(
            t,
            [0, 1, 2].map((i) => ({
              value: JSON.stringify({ n: n++ }),
              partition: 0,
              timestamp: now + ahead + 1000 * (2 - i),
            })),
          ))
        // The broker takes its time to hear of it.
        const turn = async (type: string): Promise<void> => {
          await hand.configure(t, { 'message.timestamp.type': type })
          await eventually(`batches are of the type ${type}`, async () => {
            await batch(-HALF_AN_HOUR)
            return (
              (await kcatRead(cluster.kafka.bootstrap, t)).at(-1)?.tstype ===
              (type === 'CreateTime' ? 'create' : 'logappend')
            )
          })
          await batch(HALF_AN_HOUR)
        }
        await batch(HALF_AN_HOUR)
        // Known now to the server; what it knows is of new batches only.
        assert.equal((await column(`SELECT n FROM ${t} WHERE _meta.timestamp > 5`)).length, 3)
        await turn(types[first])
        await turn(first)

        const stored = (await kcatRead(cluster.kafka.bootstrap, t)).map(({ ts, payload }) => ({
          ts,
          n: (JSON.parse(payload ?? '') as { n: number }).n,
        }))
        assert.equal(stored.length, n)
        assert.ok(
          new Set(stored.map(({ ts }) => Math.sign(Math.round((ts - now) / HALF_AN_HOUR)))).size > 1,
          'times are mixed',
        )
        const of = (keep: (ts: number) => boolean): number[] => stored.filter(({ ts }) => keep(ts)).map(({ n }) => n)
        const bounds = [
          ...new Set(stored.map(({ ts }) => ts)),
          now - 10 * HALF_AN_HOUR,
          now + HALF_AN_HOUR / 2,
          now - HALF_AN_HOUR / 2,
          now + 10 * HALF_AN_HOUR,
        ]
        for (const bound of bounds) {
          const where = `SELECT n FROM ${t} WHERE _meta.timestamp`
          assert.deepEqual(
            await column(`${where} <= ${bound}`),
            of((ts) => ts <= bound),
            `<= ${bound}`,
          )
          assert.deepEqual(
            await column(`${where} >= ${bound}`),
            of((ts) => ts >= bound),
            `>= ${bound}`,
          )
          assert.deepEqual(
            await column(`${where} < '${new Date(bound).toISOString()}'`),
            of((ts) => ts < bound),
            `< ${bound}`,
          )
          const to = bound + HALF_AN_HOUR
          assert.deepEqual(
            await column(`${where} BETWEEN ${bound} AND ${to}`),
            of((ts) => ts >= bound && ts <= to),
            `BETWEEN ${bound}`,
          )
          assert.deepEqual(await column(`SELECT count(*) AS c FROM ${t} WHERE _meta.timestamp >= ${bound}`), [
            of((ts) => ts >= bound).length,
          ])
        }
        const ascending = [...stored].sort((a, b) => a.ts - b.ts || a.n - b.n)
        assert.deepEqual(
          await column(`SELECT n FROM ${t} ORDER BY _meta.timestamp, _meta.offset LIMIT ${n}`),
          ascending.map(({ n }) => n),
        )
        for (const limit of [1, 4, n]) {
          const times = (await sluice.values(
            `SET format.timestamp = false; SELECT _meta.timestamp AS ts FROM ${t} ORDER BY _meta.timestamp DESC LIMIT ${limit}`,
          )) as { ts: number }[]
          assert.deepEqual(
            times.map(({ ts }) => Number(ts)),
            ascending
              .map(({ ts }) => ts)
              .reverse()
              .slice(0, limit),
            `the newest ${limit}`,
          )
        }
      })
  })

  for (const type of ['CreateTime', 'LogAppendTime'])
    it(`bounds at the ends of 64 bits: ${type}`, async () => {
      const t = topicName('far')
      await hand.create(t, { partitions: 2, config: { 'message.timestamp.type': type } })
      await hand.produce(
        t,
        [0, 1, 2].map((n) => ({ value: JSON.stringify({ n }), timestamp: NOW + n, partition: 0 })),
      )
      const far = [
        '9223372036854775807',
        '9223372036854775806',
        '9223372036854775808',
        '253402300800000',
        '9007199254740993',
      ]
      const negative = ['-1', '-2', '-9223372036854775808', '-9223372036854775807']
      for (const field of ['_meta.timestamp', '_meta.offset'])
        for (const bound of [...far, ...negative]) {
          const below = !bound.startsWith('-')
          for (const [condition, all] of [
            [`${field} >= ${bound}`, !below],
            [`${field} > ${bound}`, !below],
            [`${field} = ${bound}`, false],
            [`${field} < ${bound}`, below],
            [`${field} <= ${bound}`, below],
            [`${field} <> ${bound}`, true],
            [`${field} BETWEEN ${bound} AND 9223372036854775807`, !below],
            [`${field} BETWEEN -9223372036854775808 AND ${bound}`, below],
            [`NOT ${field} < ${bound}`, !below],
          ] as const) {
            assert.deepEqual(
              await column(`SELECT count(*) AS c, count(n) AS d FROM ${t} WHERE ${condition}`),
              [all ? 3 : 0],
              condition,
            )
            assert.deepEqual(await column(`SELECT n FROM ${t} WHERE ${condition}`), all ? [0, 1, 2] : [], condition)
          }
        }
    })

  it('records without a timestamp, and before 1970', async () => {
    const t = topicName('early')
    await hand.create(t)
    for (const [n, timestamp] of [-1, 0, -5].entries()) await send(t, [{ value: JSON.stringify({ n }), timestamp }])
    assert.deepEqual(await column(`SELECT n FROM ${t} WHERE _meta.timestamp >= 0`), [1])
    assert.deepEqual(await column(`SELECT n FROM ${t} WHERE _meta.timestamp <= -2`), [2])
    assert.deepEqual(await column(`SELECT n FROM ${t} WHERE _meta.timestamp = -1`), [0])
    assert.deepEqual((await column(`SELECT n FROM ${t} WHERE _meta.timestamp < 0`)).length, 2)
    assert.deepEqual(await column(`SELECT n FROM ${t}`), [0, 1, 2])
  })

  describe('compressed in several pieces', () => {
    const records = Array.from({ length: 40 }, (_, n) => ({
      key: `k${n}`,
      value: JSON.stringify({ n, pad: 'abcdefgh'.repeat(20) }),
      timestamp: NOW + n,
    }))
    const pieces = (bytes: Buffer, count: number): Buffer[] => {
      const size = Math.ceil(bytes.length / count)
      return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
    }
    const zstd = (bytes: Buffer): Buffer => zstdCompressSync(bytes)
    const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from('hello')])
    const forms: [string, BatchToWrite['codec'], (plain: Buffer) => Buffer][] = [
      ['zstd, three frames', 'zstd', (b) => Buffer.concat(pieces(b, 3).map(zstd))],
      ['zstd, a skippable frame first', 'zstd', (b) => Buffer.concat([skippable, zstd(b)])],
      ['zstd, an empty frame first', 'zstd', (b) => Buffer.concat([zstd(Buffer.alloc(0)), zstd(b)])],
      ['snappy, chunks', 'snappy', (b) => snappyStream(b, 4000)],
      [
        'snappy, two streams behind each other',
        'snappy',
        (b) => Buffer.concat([snappyStream(b.subarray(0, 3000), 2000), snappyStream(b.subarray(3000), 2500)]),
      ],
    ]
    for (const [name, codec, compress] of forms)
      it(name, async () => {
        const t = topicName('pieces')
        await hand.create(t)
        await send(t, records, { codec, compress })
        const answer = await sluice.ask(`SELECT count(n) AS c, sum(n) AS s, count(*) AS r FROM ${t}`)
        assert.deepEqual(answer.values, [{ c: 40, s: 780, r: 40 }])
        assert.ok(answer.frames.every(({ type }) => type !== 'BADRECORD'))
        assert.deepEqual(await column(`SELECT n FROM ${t} ORDER BY _meta.offset DESC LIMIT 2`), [39, 38])
      })

    it('zstd, a large batch of several frames, decompressed off the thread', async () => {
      const t = topicName('pieces')
      await hand.create(t, { config: { 'max.message.bytes': '20000000' } })
      const large = Array.from({ length: 1500 }, (_, n) => ({
        value: JSON.stringify({ n, pad: Buffer.from(`${n}`.repeat(500)).toString('base64') }),
      }))
      await send(t, large, { codec: 'zstd', compress: (b) => Buffer.concat(pieces(b, 4).map(zstd)) })
      assert.deepEqual(await sluice.values(`SELECT count(n) AS c, sum(n) AS s FROM ${t}`), [{ c: 1500, s: 1_124_250 }])
      assert.deepEqual(await column(`SELECT n FROM ${t} ORDER BY _meta.offset DESC LIMIT 1`), [1499])
    })
  })
})

/**
 * Snappy as Java writes it: a header, then chunks with their sizes. The chunks are literals only, which is snappy as
 * well.
 */
function snappyStream(bytes: Buffer, chunk: number): Buffer {
  const out = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])]
  for (let at = 0; at < bytes.length; at += chunk) {
    const plain = bytes.subarray(at, at + chunk)
    const size = plain.length
    // The size as a varint of two bytes; a literal whose length takes two bytes more.
    const raw = Buffer.concat([
      Buffer.from([(size & 127) | 128, size >> 7, 61 << 2, (size - 1) & 255, (size - 1) >> 8]),
      plain,
    ])
    const head = Buffer.alloc(4)
    head.writeInt32BE(raw.length)
    out.push(head, raw)
  }
  return Buffer.concat(out)
}
