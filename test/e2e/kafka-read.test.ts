/**
 * The read path on real Kafka: what the Java client writes, in every codec and transaction state, is read as it stands
 * in the log, over every kind of listener, while logs are cut, compacted and moved, and brokers go away and come back.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { Cluster } from '../../src/kafka/cluster.ts'
import type { ClusterConfig } from '../../src/kafka/config.ts'
import { KafkaError, type KafkaLog, type OffsetRange, type RecordBatch, type ScanRequest } from '../../src/kafka/log.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { type PlainRecord, readRecords } from '../../src/kafka/read/record-batch.ts'
import { type Kafka, sharedCluster, startKafka, topicName } from './cluster.ts'
import { type HandRecord, kafkaHand, type KafkaHand } from './kafka-hand.ts'

const shared = await sharedCluster()
const never = new AbortController().signal

interface Seen extends PlainRecord {
  readonly partition: number
}

async function bounds(
  log: KafkaLog,
  topic: string,
  partitions: readonly number[],
  isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
): Promise<OffsetRange[]> {
  return await log.bounds(topic, partitions, { isolation, timeoutMs: 15_000 })
}

/** The memory of a batch is used again after the next one. */
function copy(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}

/** Reads to the end; every batch must be sound. */
async function read(
  log: KafkaLog,
  request: ScanRequest,
  each?: (batch: RecordBatch, seen: readonly Seen[]) => void | Promise<void>,
): Promise<Seen[]> {
  const source = log.scan(request, never)
  const seen: Seen[] = []
  for (;;) {
    const next = source.next()
    const batch = next instanceof Promise ? await next : next
    if (batch === undefined) break
    assert.equal(batch.fault, undefined)
    for (const record of readRecords(batch)) {
      const headers = record.headers.map((header) => ({ key: header.key, value: copy(header.value) }))
      seen.push({ ...record, partition: batch.partition, key: copy(record.key), value: copy(record.value), headers })
    }
    await each?.(batch, seen)
  }
  for (const entry of source.progress) assert.equal(entry.position, entry.end)
  return seen
}

async function readAll(
  log: KafkaLog,
  topic: string,
  partitions: readonly number[] = [0],
  more: Partial<ScanRequest> = {},
): Promise<Seen[]> {
  const isolation = more.isolation ?? 'read_committed'
  return await read(log, { topic, ranges: await bounds(log, topic, partitions, isolation), isolation, ...more })
}

function values(seen: readonly Seen[]): string[] {
  return seen.map((record) => record.value?.toString() ?? 'null')
}

function numbered(prefix: string, count: number, padding = 0): HandRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `key-${i}`,
    value: `${prefix}${i}${'.'.repeat(padding)}`,
    timestamp: 1_700_000_000_000 + i,
    partition: 0,
  }))
}

function opened(config: Partial<ClusterConfig> & { readonly at: string }): { cluster: Cluster; log: KafkaLog } {
  const { at, ...more } = config
  const cluster = new Cluster({ brokers: at.split(','), ...more })
  return { cluster, log: createKafkaLog(cluster) }
}

describe('reading real Kafka', { skip: shared.skip }, () => {
  let hand: KafkaHand
  let cluster: Cluster
  let log: KafkaLog

  before(async () => {
    hand = await kafkaHand(shared.kafka.bootstrap)
    ;({ cluster, log } = opened({ at: shared.kafka.bootstrap }))
  })
  after(async () => {
    cluster.close()
    await hand.close()
  })

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`${codec}: keys, values, headers, timestamps and offsets, in small and large batches`, async () => {
      const topic = topicName(`read-${codec}`)
      await hand.create(topic, { partitions: 3 })
      const records: HandRecord[] = Array.from({ length: 3000 }, (_, i) => ({
        key: i % 7 === 0 ? null : `key-${i % 50}`,
        value: i % 11 === 0 ? null : `value ${i} `.repeat((i % 13) * 20),
        headers:
          i % 5 === 0
            ? [
                ['trace', `t${i}`],
                ['none', null],
              ]
            : [],
        partition: i % 2,
        timestamp: 1_700_000_000_000 + i * 1000,
      }))
      const places = [
        ...(await hand.produce(topic, records, { codec })),
        ...(await hand.produce(topic, records.slice(0, 200), { codec, settings: { 'batch.size': '0' } })),
      ]
      const sent = [...records, ...records.slice(0, 200)]
      for (const unordered of [false, true]) {
        const seen = await readAll(log, topic, [0, 1, 2], { unordered, fetchMaxBytes: unordered ? 30_000 : 1 << 22 })
        assert.equal(seen.length, sent.length)
        const found = new Map(seen.map((record) => [`${record.partition}/${record.offset}`, record]))
        sent.forEach((record, i) => {
          const { key, value, timestamp, headers } = found.get(places[i].join('/')) as Seen
          assert.deepEqual(
            [key?.toString() ?? null, value?.toString() ?? null, timestamp],
            [record.key, record.value, record.timestamp],
          )
          assert.deepEqual(
            headers.map((header) => [header.key, header.value?.toString() ?? null]),
            record.headers,
          )
        })
      }
    })
  }

  it('transactions: committed, aborted, interleaved, compressed; an open one bounds what can be read', async () => {
    const topic = topicName('read-tx')
    await hand.create(topic)
    const a = { transactionalId: `${topic}-a`, codec: 'lz4' } as const
    const b = { transactionalId: `${topic}-b`, codec: 'none' } as const
    await hand.produce(topic, numbered('plain', 3))
    await hand.produce(topic, numbered('committed', 3), { ...a, transaction: 'commit' })
    await hand.produce(topic, numbered('aborted', 3), { ...a, transaction: 'abort' })
    await hand.produce(topic, numbered('b-open', 2), { ...b, transaction: 'open' })
    await hand.produce(topic, numbered('a-aborted', 2), { ...a, transaction: 'abort' })
    await hand.produce(topic, numbered('a-again', 2), { ...a, transaction: 'commit' })
    await hand.produce(topic, numbered('b-more', 1), { ...b, transaction: 'abort', goesOn: true })
    await hand.produce(topic, numbered('behind', 2))
    const stable = [
      'plain0',
      'plain1',
      'plain2',
      'committed0',
      'committed1',
      'committed2',
      'a-again0',
      'a-again1',
      'behind0',
      'behind1',
    ]
    assert.deepEqual(values(await readAll(log, topic)), stable)
    const everything = values(await readAll(log, topic, [0], { isolation: 'read_uncommitted' }))
    assert.deepEqual(everything.length, 18)
    assert.ok(['aborted0', 'b-open1', 'a-aborted1', 'b-more0'].every((value) => everything.includes(value)))
    await hand.produce(topic, numbered('pending', 2), { ...a, transaction: 'open' })
    await hand.produce(topic, numbered('after-pending', 2))
    const [[, highWatermark, lastStable]] = await hand.offsets(topic)
    assert.equal((await bounds(log, topic, [0]))[0].end, lastStable)
    assert.equal((await bounds(log, topic, [0], 'read_uncommitted'))[0].end, highWatermark)
    assert.deepEqual(values(await readAll(log, topic)), stable)
    await hand.endTransaction({ ...a, transaction: 'commit' })
    assert.deepEqual(values(await readAll(log, topic)), [
      ...stable,
      'pending0',
      'pending1',
      'after-pending0',
      'after-pending1',
    ])
    const offsets = (await readAll(log, topic)).map((record) => record.offset)
    for (const start of offsets) {
      const tail = await read(log, {
        topic,
        ranges: [{ partition: 0, start, end: highWatermark + 1 }],
        isolation: 'read_committed',
      })
      assert.deepEqual(
        tail.map((record) => record.offset),
        offsets.filter((offset) => offset >= start),
      )
    }
  })

  it('a deleted head: bounds begin behind it, and a scan from before it counts what is lost', async () => {
    const topic = topicName('read-head')
    await hand.create(topic)
    await hand.produce(topic, numbered('v', 500, 100))
    await hand.deleteRecords(topic, 0, 123)
    assert.deepEqual(await bounds(log, topic, [0]), [{ partition: 0, start: 123, end: 500 }])
    const source = log.scan(
      { topic, ranges: [{ partition: 0, start: 50, end: 200 }], isolation: 'read_committed' },
      never,
    )
    const seen: number[] = []
    for (let batch = await source.next(); batch !== undefined; batch = await source.next())
      for (const record of readRecords(batch)) seen.push(record.offset)
    assert.deepEqual([seen[0], seen.length, source.progress[0].lost], [123, 77, 73])
  })

  it('an empty topic, empty partitions, and one whose records are all deleted', async () => {
    const topic = topicName('read-empty')
    await hand.create(topic, { partitions: 3 })
    assert.deepEqual(await readAll(log, topic, [0, 1, 2]), [])
    await hand.produce(topic, numbered('v', 5))
    assert.equal((await readAll(log, topic, [0, 1, 2])).length, 5)
    await hand.deleteRecords(topic, 0, 5)
    assert.deepEqual(await readAll(log, topic, [0, 1, 2]), [])
  })

  it('a topic that grows while it is read is read up to the captured end', async () => {
    const topic = topicName('read-growing')
    await hand.create(topic)
    await hand.produce(topic, numbered('v', 5000, 200))
    const ranges = await bounds(log, topic, [0])
    let grown = false
    const seen = await read(log, { topic, ranges, isolation: 'read_committed', fetchMaxBytes: 100_000 }, async () => {
      if (grown) return
      grown = true
      await hand.produce(topic, numbered('late', 100))
    })
    assert.equal(seen.length, 5000)
    assert.equal((await readAll(log, topic)).length, 5100)
  })

  it('offsets for a time', async () => {
    const topic = topicName('read-time')
    await hand.create(topic, { partitions: 2 })
    await hand.produce(topic, numbered('v', 50))
    const options = { isolation: 'read_committed', timeoutMs: 10_000 } as const
    assert.deepEqual(await log.offsetsForTime(topic, [0, 1], 1_700_000_000_020, options), [20, undefined])
    assert.deepEqual(await log.offsetsForTime(topic, [0], 1_800_000_000_000, options), [undefined])
    assert.deepEqual(await log.offsetsForTime(topic, [0], -5, options), [0])
  })

  it('metadata and topic configuration', async () => {
    const topic = topicName('read-config')
    await hand.create(topic, {
      partitions: 4,
      config: { 'cleanup.policy': 'compact', 'message.timestamp.type': 'LogAppendTime' },
    })
    const config = await cluster.topicConfig(topic)
    assert.deepEqual([config.compacted, config.timestampType, config.refused], [true, 'LogAppendTime', undefined])
    assert.deepEqual(
      config.entries.find((entry) => entry.name === 'cleanup.policy'),
      { name: 'cleanup.policy', value: 'compact', isDefault: false },
    )
    const listed = (await cluster.listing()).topics.find((entry) => entry.name === topic)
    assert.equal(listed?.partitions, 4)
    await assert.rejects(
      cluster.topic('there-is-no-such-topic'),
      (error: unknown) => error instanceof KafkaError && error.errorName === 'UNKNOWN_TOPIC_OR_PARTITION',
    )
    const before = Date.now()
    await hand.produce(topic, [{ key: 'k', value: 'v', partition: 2, timestamp: 5 }])
    assert.ok((await readAll(log, topic, [2]))[0].timestamp >= before - 1000)
  })

  it('leaves no trace: no consumer group', async () => {
    const groups = await hand.groups()
    const topic = topicName('read-groups')
    await hand.create(topic)
    await hand.produce(topic, numbered('v', 10))
    assert.equal((await readAll(log, topic)).length, 10)
    assert.deepEqual(await hand.groups(), groups)
  })
})

describe('listeners of real Kafka', { skip: shared.skip }, () => {
  const {
    bootstrap,
    saslBootstrap,
    sslBootstrap,
    mtlsBootstrap,
    saslSslBootstrap,
    caFile,
    clientCertFile,
    clientKeyFile,
    users,
  } = shared.kafka
  const topic = topicName('read-listeners')
  let ca: Buffer
  let cert: Buffer
  let key: Buffer

  before(async () => {
    ;[ca, cert, key] = await Promise.all([caFile, clientCertFile, clientKeyFile].map((file) => readFile(file)))
    const hand = await kafkaHand(bootstrap)
    await hand.create(topic)
    await hand.produce(topic, numbered('v', 20_000, 100))
    await hand.close()
  })

  async function works(config: Partial<ClusterConfig> & { at: string }): Promise<void> {
    const { cluster, log } = opened(config)
    try {
      const seen = await readAll(log, topic, [0], { unordered: true })
      assert.equal(new Set(seen.map((record) => record.offset)).size, 20_000)
      assert.equal(seen.find((record) => record.offset === 777)?.value?.toString(), `v777${'.'.repeat(100)}`)
    } finally {
      cluster.close()
    }
  }

  async function fails(config: Partial<ClusterConfig> & { at: string }): Promise<KafkaError> {
    const { cluster } = opened(config)
    const error: unknown = await cluster.listing().catch((reason: unknown) => reason)
    cluster.close()
    assert.ok(error instanceof KafkaError, String(error))
    return error
  }

  /** An unsecured token as Kafka's own test handler takes it. */
  function token(subject: string): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now = Math.floor(Date.now() / 1000)
    return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now, exp: now + 600 })}.`
  }

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    it(`SASL ${mechanism}, and a wrong password`, async () => {
      const [user] = users
      const sasl = { mechanism, username: user.name, password: user.password }
      await works({ at: saslBootstrap, sasl })
      const error = await fails({ at: saslBootstrap, sasl: { ...sasl, password: 'not-the-password' } })
      assert.equal(error.errorName, 'SASL_AUTHENTICATION_FAILED')
      assert.match(error.message, /[Aa]uthentication failed/)
      assert.ok(!error.message.includes('not-the-password'))
    })
  }

  it('SASL OAUTHBEARER, and a token that is none', async () => {
    await works({ at: saslBootstrap, sasl: { mechanism: 'OAUTHBEARER', token: async () => token('admin') } })
    const error = await fails({ at: saslBootstrap, sasl: { mechanism: 'OAUTHBEARER', token: 'rubbish' } })
    assert.equal(error.errorName, 'SASL_AUTHENTICATION_FAILED')
  })

  it('TLS; an authority that is not trusted; SASL over TLS', async () => {
    await works({ at: sslBootstrap, tls: { ca } })
    await works({
      at: saslSslBootstrap,
      tls: { ca },
      sasl: { mechanism: 'SCRAM-SHA-512', username: users[1].name, password: users[1].password },
    })
    assert.equal((await fails({ at: sslBootstrap, tls: true })).errorName, 'TLS_CERTIFICATE')
    await works({ at: sslBootstrap, tls: { rejectUnauthorized: false } })
  })

  it('mutual TLS, and without the client certificate', async () => {
    await works({ at: mtlsBootstrap, tls: { ca, cert, key } })
    const error = await fails({ at: mtlsBootstrap, tls: { ca } })
    assert.match(error.message, /certificate/)
  })

  it('the wrong kind of listener is called by its name', async () => {
    assert.match((await fails({ at: sslBootstrap })).message, /TLS/)
    assert.match((await fails({ at: bootstrap, tls: { ca } })).message, /plaintext listener/)
    assert.match((await fails({ at: saslBootstrap })).message, /SASL/)
    assert.match(
      (await fails({ at: bootstrap, sasl: { mechanism: 'PLAIN', username: 'a', password: 'b' } })).message,
      /does not expect SASL|SASL/,
    )
  })
})

describe('real Kafka with two brokers: leaders that move, brokers that restart, compaction', {
  skip: shared.skip,
}, () => {
  let kafka: Kafka
  let hand: KafkaHand
  let cluster: Cluster
  let log: KafkaLog

  before(async () => {
    kafka = await startKafka({ brokers: 2, settings: { 'log.cleaner.backoff.ms': '200' } })
    hand = await kafkaHand(kafka.bootstrap)
    ;({ cluster, log } = opened({ at: kafka.bootstrap }))
  })
  after(async () => {
    cluster.close()
    await hand.close()
    await kafka.stop()
  })

  it('leaders that move during a scan', async () => {
    const topic = topicName('read-moving')
    await hand.create(topic, { partitions: 2 })
    for (const partition of [0, 1])
      await hand.produce(
        topic,
        numbered('v', 6000, 300).map((record) => ({ ...record, partition })),
      )
    const ranges = await bounds(log, topic, [0, 1])
    let moves = 0
    const seen = await read(
      log,
      { topic, ranges, isolation: 'read_committed', fetchMaxBytes: 60_000 },
      async (_, sofar) => {
        if (moves >= 3 || sofar.length < moves * 3000 + 1000) return
        moves++
        await hand.moveLeader(topic, 0, 3 - (await hand.leader(topic, 0)))
      },
    )
    assert.equal(moves, 3)
    for (const partition of [0, 1]) {
      assert.deepEqual(
        seen.filter((record) => record.partition === partition).map((record) => record.offset),
        Array.from({ length: 6000 }, (_, i) => i),
      )
    }
  })

  it('a broker that crashes and comes back during a scan', async () => {
    const topic = topicName('read-crash')
    await hand.create(topic, { partitions: 2 })
    await hand.moveLeader(topic, 0, 2)
    await hand.moveLeader(topic, 1, 1)
    for (const partition of [0, 1])
      await hand.produce(
        topic,
        numbered('v', 6000, 300).map((record) => ({ ...record, partition })),
      )
    const ranges = await bounds(log, topic, [0, 1])
    let crashed = false
    let back: Promise<void> | undefined
    const seen = await read(
      log,
      { topic, ranges, isolation: 'read_committed', unordered: true, fetchMaxBytes: 60_000 },
      async (batch) => {
        if (crashed || batch.partition !== 0 || batch.baseOffset < 1000) return
        crashed = true
        await kafka.nodes[1].kill()
        back = new Promise((resolve) => setTimeout(resolve, 500)).then(() => kafka.nodes[1].start())
      },
    )
    await back
    assert.ok(crashed)
    assert.equal(new Set(seen.map((record) => `${record.partition}/${record.offset}`)).size, 12_000)
    assert.equal(seen.length, 12_000)
  })

  async function offsetsIn(topic: string, start: number, end: number): Promise<number[]> {
    const found = await read(log, { topic, ranges: [{ partition: 0, start, end }], isolation: 'read_committed' })
    return found.map((record) => record.offset)
  }

  it('compaction gaps', async () => {
    const topic = topicName('read-compacted')
    const config = {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'max.compaction.lag.ms': '100',
      'delete.retention.ms': '100',
    }
    await hand.create(topic, { config })
    await hand.moveLeader(topic, 0, 1)
    for (let round = 0; round < 4; round++) {
      await hand.produce(
        topic,
        Array.from({ length: 200 }, (_, i) => ({
          key: `k${i % (50 - round * 10)}`,
          value: `${round}-${i}`,
          partition: 0,
        })),
        { codec: round % 2 === 0 ? 'none' : 'zstd' },
      )
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    // The broker compacts on while it is read. It only ever takes away: where a reading before and one after the
    // others found the same, the others read the same log.
    let seen: Seen[] = []
    const readings = new Map<string, number[]>()
    for (let attempt = 0; attempt < 100; attempt++) {
      seen = await readAll(log, topic)
      if (seen.length < 300) {
        for (const start of [0, 1, 57, 199, 200, 431, 650, 799])
          readings.set(`${start}-800`, await offsetsIn(topic, start, 800))
        readings.set('1-30', await offsetsIn(topic, 1, 30))
        if ((await readAll(log, topic)).length === seen.length) break
      }
      readings.clear()
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    assert.ok(readings.size > 0, `${seen.length} records are left of 800, and the broker compacts on`)
    const last = new Map(seen.map((record) => [record.key?.toString(), record.value?.toString()]))
    assert.equal(last.size, 50)
    assert.equal(last.get('k0'), '3-180')
    assert.equal(last.get('k45'), '0-195')
    const offsets = seen.map((record) => record.offset)
    assert.deepEqual(
      offsets,
      [...offsets].sort((a, b) => a - b),
    )
    for (const [range, found] of readings) {
      const [start, end] = range.split('-').map(Number)
      assert.deepEqual(
        found,
        offsets.filter((offset) => offset >= start && offset < end),
        range,
      )
    }
  })

  it('a topic deleted during a scan', async () => {
    const topic = topicName('read-deleted')
    await hand.create(topic)
    await hand.produce(topic, numbered('v', 6000, 300))
    const ranges = await bounds(log, topic, [0])
    let deleted = false
    const reading = read(log, { topic, ranges, isolation: 'read_committed', fetchMaxBytes: 50_000 }, async () => {
      if (deleted) return
      deleted = true
      await hand.deleteTopic(topic)
    })
    await assert.rejects(
      reading,
      (error: unknown) => error instanceof KafkaError && /deleted while it was read|UNKNOWN_TOPIC/.test(error.message),
    )
  })
})
