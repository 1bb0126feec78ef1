/** The embedded broker by its wire protocol: what it stores, hands out, refuses, and how it fails on command. */
import assert from 'node:assert/strict'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { controlRecord, writeRecordBatch } from '../../../src/kafka/read/record-batch.ts'
import { WireWriter } from '../../../src/kafka/wire/primitives.ts'
import { apiVersions, describeCluster, findCoordinator, metadata } from '../../../src/sandbox/apis/cluster.ts'
import { fetch, listOffsets, offsetForLeaderEpoch } from '../../../src/sandbox/apis/fetch.ts'
import { deleteRecords, initProducerId, produce } from '../../../src/sandbox/apis/produce.ts'
import { createTopics, deleteTopics, describeConfigs } from '../../../src/sandbox/apis/topics.ts'
import { APIS, startBroker, type Broker } from '../../../src/sandbox/broker.ts'
import { ERROR } from '../../../src/sandbox/error-codes.ts'
import { NO_ID } from '../../../src/sandbox/message.ts'
import { SandboxClient } from '../../support/sandbox-client.ts'

const batch = (count: number, options: Parameters<typeof writeRecordBatch>[1] = {}, size = 10) =>
  writeRecordBatch(
    Array.from({ length: count }, (_, i) => ({
      key: `k${i}`,
      value: 'v'.repeat(size),
      timestamp: (options.timestamp ?? 1000) + i,
    })),
    { timestamp: 1000, ...options },
  )

let broker: Broker
let client: SandboxClient

async function send(topic: string, partition: number, records: Buffer, more: { acks?: number; version?: number } = {}) {
  const answer = await client.call(produce, more.version ?? 9, {
    acks: more.acks ?? -1,
    timeoutMs: 1000,
    topics: [{ name: topic, partitions: [{ index: partition, records }] }],
  })
  return answer.topics[0].partitions[0]
}

interface FetchOptions {
  version?: number
  maxWaitMs?: number
  minBytes?: number
  maxBytes?: number
  partitionMaxBytes?: number
  committed?: boolean
  epoch?: number
}

async function read(topic: string, partition: number, fetchOffset: number, more: FetchOptions = {}, from = client) {
  const answer = await from.call(fetch, more.version ?? 12, {
    maxWaitMs: more.maxWaitMs ?? 0,
    minBytes: more.minBytes ?? 1,
    maxBytes: more.maxBytes ?? 1 << 20,
    isolationLevel: more.committed === true ? 1 : 0,
    topics: [
      {
        topic,
        topicId: broker.store.topics.get(topic)?.id ?? 'f'.repeat(32),
        partitions: [
          {
            index: partition,
            fetchOffset,
            partitionMaxBytes: more.partitionMaxBytes ?? 1 << 20,
            currentLeaderEpoch: more.epoch ?? -1,
          },
        ],
      },
    ],
  })
  return answer.topics[0].partitions[0]
}

/** Base offsets of the batches in a record set. */
function baseOffsets(records: Buffer | null): number[] {
  const offsets: number[] = []
  for (let at = 0; records !== null && at < records.length; at += records.readInt32BE(at + 8) + 12)
    offsets.push(Number(records.readBigInt64BE(at)))
  return offsets
}

beforeEach(async () => {
  broker = await startBroker()
  client = await SandboxClient.connect(broker.port)
})
afterEach(async () => {
  await client.close()
  await broker.close()
})

describe('versions', () => {
  it('every API answers in every version it offers', async () => {
    broker.createTopic('t')
    const topics = [{ name: 't', topic: 't', topicId: broker.store.topics.get('t')?.id, partitions: [] }]
    for (const api of APIS) {
      for (let version = api.min; version <= api.max; version++) {
        const empty =
          api.name === 'Metadata' || api.name === 'Produce' || api.name === 'Fetch' ? { topics, acks: -1 } : {}
        const one = await SandboxClient.connect(broker.port)
        await one.call(api as unknown as typeof fetch, version, empty)
        await one.close()
      }
    }
  })

  it('offers what it has, and answers an ApiVersions too new in version 0', async () => {
    const { apiKeys } = await client.call(
      apiVersions(() => []),
      3,
      {},
    )
    assert.deepEqual(
      apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion]),
      APIS.map(({ key, min, max }) => [key, min, max]),
    )
    const request = new WireWriter().int32(0).int16(18).int16(99).int32(7).string('x').tags().finish()
    request.writeInt32BE(request.length - 4, 0)
    const frame = await client.raw(request)
    assert.equal(frame?.readInt32BE(0), 7)
    assert.equal(frame?.readInt16BE(4), ERROR.unsupportedVersion)
    assert.equal(frame?.readInt32BE(6), APIS.length)
  })

  it('closes the connection that asks for an unknown API or version, and no other', async () => {
    const other = await SandboxClient.connect(broker.port)
    for (const [key, version] of [
      [999, 0],
      [1, 3],
      [3, 50],
    ]) {
      const one = await SandboxClient.connect(broker.port)
      const request = new WireWriter().int32(0).int16(key).int16(version).int32(1).string('x').finish()
      request.writeInt32BE(request.length - 4, 0)
      assert.equal(await one.raw(request), undefined)
      await one.close()
    }
    assert.equal((await other.call(metadata, 12, { topics: null })).topics.length, 0)
    await other.close()
  })

  it('survives whatever bytes come', async () => {
    broker.createTopic('t')
    const valid = async (key: number, version: number, body: Uint8Array) => {
      const one = await SandboxClient.connect(broker.port)
      const request = new WireWriter().int32(0).int16(key).int16(version).int32(1).string('x').raw(body).finish()
      request.writeInt32BE(request.length - 4, 0)
      const answered = one.raw(request)
      one.socket.end()
      await answered
      await one.close()
    }
    const known = fc
      .constantFrom(...APIS)
      .chain((api) => fc.tuple(fc.constant(api.key), fc.integer({ min: api.min, max: api.max })))
    await fc.assert(
      fc.asyncProperty(known, fc.uint8Array({ maxLength: 60 }), ([key, version], body) => valid(key, version, body)),
      { numRuns: 150, seed: 7 },
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
        const one = await SandboxClient.connect(broker.port)
        one.socket.end(bytes)
        await one.raw(Buffer.alloc(0))
        await one.close()
      }),
      { numRuns: 50, seed: 8 },
    )
    assert.ok((await client.call(metadata, 12, { topics: null })).brokers.length === 1)
  })
})

describe('producing and fetching', () => {
  it('gives offsets, and hands batches out as they came but for offset and epoch', async () => {
    broker.createTopic('t', { partitions: 2 })
    const sent = batch(3)
    assert.deepEqual((await send('t', 1, Buffer.from(sent))).baseOffset, 0)
    assert.deepEqual((await send('t', 1, batch(2))).baseOffset, 3)
    const part = await read('t', 1, 0)
    assert.equal(part.highWatermark, 5)
    assert.deepEqual(baseOffsets(part.records), [0, 3])
    assert.deepEqual(part.records?.subarray(16, sent.length), sent.subarray(16))
    assert.deepEqual(baseOffsets((await read('t', 1, 4)).records), [3])
    assert.deepEqual(baseOffsets((await read('t', 1, 5)).records), [])
    assert.equal((await read('t', 0, 0)).highWatermark, 0)
  })

  for (const version of [4, 7, 11, 12, 13, 17]) {
    it(`fetches in version ${version}, by name or by id`, async () => {
      broker.createTopic('t')
      await send('t', 0, batch(1), { version: 3 })
      assert.deepEqual(baseOffsets((await read('t', 0, 0, { version })).records), [0])
    })
  }

  it('keeps to byte limits, but hands out at least one batch', async () => {
    broker.createTopic('t')
    for (let i = 0; i < 5; i++) await send('t', 0, batch(1, {}, 1000))
    const size = batch(1, {}, 1000).length
    assert.deepEqual(baseOffsets((await read('t', 0, 0, { partitionMaxBytes: size * 2 + 1 })).records), [0, 1])
    assert.deepEqual(baseOffsets((await read('t', 0, 0, { maxBytes: size * 3 })).records), [0, 1, 2])
    assert.deepEqual(baseOffsets((await read('t', 0, 2, { maxBytes: 10 })).records), [2])
  })

  it('waits for records, or for the time to pass', async () => {
    broker.createTopic('t')
    const begun = performance.now()
    assert.equal((await read('t', 0, 0, { maxWaitMs: 80 })).records?.length, 0)
    assert.ok(performance.now() - begun >= 75)
    const waiting = read('t', 0, 0, { maxWaitMs: 10_000 })
    const other = await SandboxClient.connect(broker.port)
    await other.call(produce, 9, { acks: 1, topics: [{ name: 't', partitions: [{ index: 0, records: batch(1) }] }] })
    assert.deepEqual(baseOffsets((await waiting).records), [0])
    await other.close()
  })

  it('says nothing to acks 0, but stores', async () => {
    broker.createTopic('t')
    const first = client.frame(produce, 9, {
      acks: 0,
      topics: [{ name: 't', partitions: [{ index: 0, records: batch(1) }] }],
    })
    const second = client.frame(metadata, 9, { topics: [] })
    // The only answer that comes belongs to the second request, and finds the first one waiting.
    await assert.rejects(first, /another request/)
    await client.close()
    assert.equal(await second, undefined)
    assert.equal(broker.store.partition('t', 0)?.end, 1)
  })

  it('hangs up when acks 0 goes wrong', async () => {
    assert.equal(
      await client.frame(produce, 9, {
        acks: 0,
        topics: [{ name: 'nowhere', partitions: [{ index: 0, records: batch(1) }] }],
      }),
      undefined,
    )
  })

  it('refuses what is not a good batch', async () => {
    broker.createTopic('t', { config: { 'max.message.bytes': '500' } })
    const damaged = batch(1)
    damaged[damaged.length - 1] ^= 1
    const old = batch(1)
    old[16] = 1
    const lying = writeRecordBatch([{ value: 'x' }], { lastOffset: 5 })
    const cases: [Buffer, number][] = [
      [damaged, ERROR.corruptMessage],
      [batch(1).subarray(0, 70), ERROR.corruptMessage],
      [old, ERROR.invalidRecord],
      [lying, ERROR.invalidRecord],
      [Buffer.alloc(0), ERROR.invalidRecord],
      [batch(1, {}, 600), ERROR.messageTooLarge],
    ]
    for (const [bytes, errorCode] of cases) {
      const answer = await send('t', 0, bytes)
      assert.equal(answer.errorCode, errorCode)
      assert.notEqual(answer.errorMessage, null)
    }
    assert.equal((await send('nowhere', 0, batch(1))).errorCode, ERROR.unknownTopicOrPartition)
    assert.equal((await send('t', 9, batch(1))).errorCode, ERROR.unknownTopicOrPartition)
    assert.equal(broker.store.partition('t', 0)?.end, 0)
  })

  it('gives a repeated idempotent batch the offset it had', async () => {
    broker.createTopic('t')
    const { producerId } = await client.call(initProducerId, 4, {})
    const first = () => batch(2, { producerId, producerEpoch: 0, baseSequence: 0 })
    assert.equal((await send('t', 0, first())).baseOffset, 0)
    assert.equal((await send('t', 0, batch(2, { producerId, producerEpoch: 0, baseSequence: 2 }))).baseOffset, 2)
    assert.equal((await send('t', 0, first())).baseOffset, 0)
    assert.equal(broker.store.partition('t', 0)?.end, 4)
    assert.notEqual((await client.call(initProducerId, 4, {})).producerId, producerId)
  })

  it('stamps batches of a LogAppendTime topic', async () => {
    broker.createTopic('t', { config: { 'message.timestamp.type': 'LogAppendTime' } })
    const before = Date.now()
    const answer = await send('t', 0, batch(1))
    assert.ok(answer.logAppendTimeMs >= before)
    const { records } = await read('t', 0, 0)
    assert.equal(Number(records?.readBigInt64BE(35)), answer.logAppendTimeMs)
    assert.equal((records?.readInt16BE(21) ?? 0) & 8, 8)
    assert.equal((await send('t', 0, records as Buffer)).errorCode, 0, 'its checksum is good')
  })

  it('hides open transactions and names aborted ones to who reads committed', async () => {
    broker.createTopic('t')
    const of = (producerId: number) => ({ producerId, producerEpoch: 0, transactional: true })
    broker.append('t', 0, batch(2, of(1)))
    broker.append('t', 0, batch(1, of(2)))
    assert.equal((await read('t', 0, 0, { committed: true })).lastStableOffset, 0)
    assert.deepEqual(baseOffsets((await read('t', 0, 0, { committed: true })).records), [])
    assert.deepEqual(baseOffsets((await read('t', 0, 0)).records), [0, 2])
    broker.append('t', 0, writeRecordBatch([controlRecord('abort')], { ...of(1), control: true }))
    assert.equal((await read('t', 0, 0, { committed: true })).lastStableOffset, 2)
    broker.append('t', 0, writeRecordBatch([controlRecord('commit')], { ...of(2), control: true }))
    const part = await read('t', 0, 0, { committed: true })
    assert.equal(part.lastStableOffset, 5)
    assert.deepEqual(part.abortedTransactions, [{ producerId: 1, firstOffset: 0 }])
    assert.deepEqual((await read('t', 0, 4, { committed: true })).abortedTransactions, [])
  })

  it('leaves gaps where a test wants them', async () => {
    broker.createTopic('t')
    broker.append('t', 0, batch(1, { baseOffset: 10 }), { keepOffsets: true })
    broker.append('t', 0, batch(1, { baseOffset: 20 }), { keepOffsets: true })
    assert.deepEqual(baseOffsets((await read('t', 0, 11)).records), [20])
    assert.throws(() => broker.append('t', 0, batch(1, { baseOffset: 5 }), { keepOffsets: true }), /before the end/)
  })
})

describe('offsets', () => {
  async function offset(timestamp: number, committed = false, version = 7) {
    const answer = await client.call(listOffsets, version, {
      isolationLevel: committed ? 1 : 0,
      topics: [{ name: 't', partitions: [{ index: 0, timestamp }] }],
    })
    return answer.topics[0].partitions[0]
  }

  it('are the first, the last, those of a time, and that of the newest record', async () => {
    broker.createTopic('t')
    await send('t', 0, batch(3, { timestamp: 1000 }))
    await send('t', 0, batch(3, { timestamp: 2000 }))
    assert.deepEqual([(await offset(-2)).offset, (await offset(-1)).offset], [0, 6])
    const found = []
    for (const time of [0, 1001, 1500, 2002, 2003]) found.push((await offset(time)).offset)
    assert.deepEqual(found, [0, 1, 3, 5, -1])
    assert.deepEqual(
      [(await offset(1001)).timestamp, (await offset(-3)).offset, (await offset(-3)).timestamp],
      [1001, 5, 2002],
    )
    assert.equal((await offset(1001, false, 1)).offset, 1)
  })

  it('of a time are found within compressed batches too', async () => {
    const { zstdCompressSync } = await import('node:zlib')
    broker.createTopic('t')
    await send('t', 0, batch(9, { codec: 'zstd', compress: (plain) => zstdCompressSync(plain) }))
    assert.equal((await offset(1004)).offset, 4)
  })

  it('end at the last stable one for who reads committed', async () => {
    broker.createTopic('t')
    await send('t', 0, batch(2))
    broker.append('t', 0, batch(2, { producerId: 1, producerEpoch: 0, transactional: true }))
    assert.deepEqual([(await offset(-1)).offset, (await offset(-1, true)).offset], [4, 2])
  })

  it('move up when records are deleted or expire', async () => {
    broker.createTopic('t')
    for (let i = 0; i < 4; i++) await send('t', 0, batch(5))
    const answer = await client.call(deleteRecords, 2, {
      topics: [{ name: 't', partitions: [{ index: 0, offset: 7 }] }],
    })
    assert.equal(answer.topics[0].partitions[0].lowWatermark, 7)
    assert.equal((await offset(-2)).offset, 7)
    assert.equal((await read('t', 0, 6)).errorCode, ERROR.offsetOutOfRange)
    assert.deepEqual(baseOffsets((await read('t', 0, 7)).records), [5, 10, 15])
    broker.expire('t', 0, 15)
    assert.equal((await read('t', 0, 14)).errorCode, ERROR.offsetOutOfRange)
    assert.equal((await read('t', 0, 21)).errorCode, ERROR.offsetOutOfRange)
    assert.deepEqual(baseOffsets((await read('t', 0, 15)).records), [15])
  })
})

describe('topics', () => {
  it('are created, found by name and id, and deleted', async () => {
    const created = await client.call(createTopics, 7, {
      topics: [
        {
          name: 'made',
          numPartitions: 2,
          replicationFactor: 1,
          configs: [{ name: 'cleanup.policy', value: 'compact' }],
        },
      ],
    })
    const topicId = created.topics[0].topicId
    assert.notEqual(topicId, NO_ID)
    assert.deepEqual((await client.call(metadata, 12, { topics: [{ name: null, topicId }] })).topics[0].name, 'made')
    assert.equal((await client.call(metadata, 1, { topics: null })).topics[0].partitions.length, 2)
    assert.equal(
      (await client.call(metadata, 9, { topics: [{ name: 'other' }] })).topics[0].errorCode,
      ERROR.unknownTopicOrPartition,
    )
    const { results } = await client.call(describeConfigs, 4, {
      resources: [{ type: 2, name: 'made', keys: ['cleanup.policy'] }],
    })
    assert.deepEqual(
      results[0].configs.map(({ name, value }) => [name, value]),
      [['cleanup.policy', 'compact']],
    )
    assert.equal((await client.call(deleteTopics, 6, { topics: [{ name: null, topicId }] })).responses[0].errorCode, 0)
    assert.equal((await client.call(metadata, 12, { topics: null })).topics.length, 0)
  })

  it('are refused with a reason', async () => {
    broker.createTopic('there')
    const wanted = [
      { name: 'there', numPartitions: 1, replicationFactor: 1 },
      { name: 'a/b', numPartitions: 1, replicationFactor: 1 },
      { name: 'many', numPartitions: 5000, replicationFactor: 1 },
      { name: 'copies', numPartitions: 1, replicationFactor: 3 },
    ]
    const { topics } = await client.call(createTopics, 7, { topics: wanted })
    assert.deepEqual(
      topics.map((topic) => topic.errorCode),
      [ERROR.topicAlreadyExists, ERROR.invalidTopic, ERROR.invalidPartitions, ERROR.invalidReplicationFactor],
    )
    assert.match(topics[2].errorMessage ?? '', /sandbox.max.partitions = 1000/)
  })

  it('appear by themselves only where that was asked for', async () => {
    assert.equal(
      (await client.call(metadata, 9, { topics: [{ name: 'auto' }], allowAutoTopicCreation: true })).topics[0]
        .errorCode,
      ERROR.unknownTopicOrPartition,
    )
    const other = await startBroker({ autoCreateTopics: true, defaultPartitions: 4 })
    const one = await SandboxClient.connect(other.port)
    assert.equal(
      (await one.call(metadata, 9, { topics: [{ name: 'auto' }], allowAutoTopicCreation: true })).topics[0].partitions
        .length,
      4,
    )
    await one.close()
    await other.close()
  })
})

describe('leaders and nodes', () => {
  it('a moved partition is answered for by the other node, in a new epoch', async () => {
    broker.createTopic('t')
    await send('t', 0, batch(1))
    broker.moveLeader('t', 0, 2)
    assert.equal((await read('t', 0, 0)).errorCode, ERROR.notLeaderOrFollower)
    assert.equal((await read('t', 0, 0, { version: 16 })).currentLeader?.leaderId, 2)
    assert.equal((await send('t', 0, batch(1), { version: 10 })).currentLeader?.leaderEpoch, 1)
    const shown = await client.call(metadata, 12, { topics: [{ name: 't' }] })
    assert.equal(shown.brokers.length, 2)
    assert.deepEqual([shown.topics[0].partitions[0].leaderId, shown.topics[0].partitions[0].leaderEpoch], [2, 1])
    const second = await SandboxClient.connect(shown.brokers[1].port)
    assert.deepEqual(baseOffsets((await read('t', 0, 0, { epoch: 1 }, second)).records), [0])
    assert.equal((await read('t', 0, 0, { epoch: 0 }, second)).errorCode, ERROR.fencedLeaderEpoch)
    assert.equal((await read('t', 0, 0, { epoch: 9 }, second)).errorCode, ERROR.unknownLeaderEpoch)
    const epoch = await second.call(offsetForLeaderEpoch, 4, {
      topics: [{ topic: 't', partitions: [{ index: 0, currentLeaderEpoch: 1, leaderEpoch: 1 }] }],
    })
    assert.deepEqual([epoch.topics[0].partitions[0].errorCode, epoch.topics[0].partitions[0].endOffset], [0, 1])
    await second.close()
  })

  it('describes itself', async () => {
    const cluster = await client.call(describeCluster, 1, {})
    assert.deepEqual(
      cluster.brokers.map(({ brokerId, port }) => [brokerId, port]),
      [[1, broker.port]],
    )
    assert.equal((await client.call(findCoordinator, 2, { key: 'g' })).port, broker.port)
    assert.deepEqual(
      (await client.call(findCoordinator, 4, { coordinatorKeys: ['a', 'b'] })).coordinators.map(({ key, nodeId }) => [
        key,
        nodeId,
      ]),
      [
        ['a', 1],
        ['b', 1],
      ],
    )
  })

  it('comes back on the same port', async () => {
    broker.createTopic('t')
    await send('t', 0, batch(1))
    const { port } = broker
    await broker.restart(10)
    assert.equal(broker.port, port)
    client = await SandboxClient.connect(port)
    assert.deepEqual(baseOffsets((await read('t', 0, 0)).records), [0])
  })
})

describe('trouble on command', () => {
  beforeEach(async () => {
    broker.createTopic('t')
    await send('t', 0, batch(20))
  })

  it('drops the connection at a given response', async () => {
    broker.faults.set({ kind: 'drop', api: 'Fetch', after: 2 })
    await read('t', 0, 0)
    await read('t', 0, 0)
    await assert.rejects(read('t', 0, 0), /hung up/)
    assert.equal(broker.faults.acted('drop'), 1)
  })

  it('cuts a response short', async () => {
    for (const bytes of [0, 3, 4, 10, 100]) {
      broker.faults.clear()
      broker.faults.set({ kind: 'truncate', api: 'Fetch', bytes })
      const one = await SandboxClient.connect(broker.port)
      await assert.rejects(read('t', 0, 0, {}, one), /hung up/)
      assert.equal(one.socket.bytesRead, bytes)
      await one.close()
    }
  })

  it('answers late, or in small pieces', async () => {
    broker.faults.set({ kind: 'delay', ms: 60 }, { kind: 'dribble', bytes: 7, after: 0 })
    const begun = performance.now()
    assert.deepEqual(baseOffsets((await read('t', 0, 0)).records), [0])
    assert.ok(performance.now() - begun >= 55)
    assert.deepEqual(baseOffsets((await read('t', 0, 0)).records), [0])
    assert.equal(broker.faults.acted('dribble'), 1)
  })

  it('answers with an error for one partition, so many times', async () => {
    broker.faults.set({
      kind: 'error',
      api: 'Fetch',
      topic: 't',
      partition: 0,
      code: ERROR.notLeaderOrFollower,
      times: 2,
    })
    const codes = []
    for (let i = 0; i < 3; i++) codes.push((await read('t', 0, 0)).errorCode)
    assert.deepEqual(codes, [6, 6, 0])
  })

  it('sends a damaged batch and keeps a good one', async () => {
    const good = (await read('t', 0, 0)).records
    broker.faults.set({ kind: 'corrupt', topic: 't', at: 70 })
    const bad = (await read('t', 0, 0)).records
    assert.notDeepEqual(bad, good)
    assert.deepEqual((await read('t', 0, 0)).records, good)
  })
})

describe('counters', () => {
  it('count requests, bytes and connections', async () => {
    broker.createTopic('t')
    const sent = batch(10)
    await send('t', 0, sent)
    await read('t', 0, 0)
    await read('t', 0, 0)
    assert.equal(broker.stats.requests.get('Fetch'), 2)
    assert.equal(broker.stats.bytesIn.get('t'), sent.length)
    assert.equal(broker.stats.bytesOut.get('t'), 2 * sent.length)
    assert.equal(broker.stats.openConnections, 1)
    await client.close()
    while (broker.stats.openConnections > 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(broker.stats.connectionsEver, 1)
  })

  it('a reader that stops taking bytes is not sent more than the socket holds', async () => {
    broker.createTopic('big')
    for (let i = 0; i < 40; i++) broker.append('big', 0, batch(1, {}, 1_000_000))
    client.socket.pause()
    for (let i = 0; i < 40; i++)
      void client
        .frame(fetch, 12, {
          maxBytes: 1 << 20,
          minBytes: 1,
          topics: [{ topic: 'big', partitions: [{ index: 0, fetchOffset: i, partitionMaxBytes: 1 << 20 }] }],
        })
        .catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.ok(
      (broker.stats.bytesOut.get('big') ?? 0) < 20_000_000,
      `${broker.stats.bytesOut.get('big')} bytes were sent`,
    )
  })
})

describe('limits', () => {
  it('sandbox.max.bytes is named when it is reached', async () => {
    const small = await startBroker({ maxBytes: 1000 })
    small.createTopic('t')
    const one = await SandboxClient.connect(small.port)
    const write = () =>
      one.call(produce, 9, {
        acks: -1,
        topics: [{ name: 't', partitions: [{ index: 0, records: batch(1, {}, 800) }] }],
      })
    await write()
    const refused = (await write()).topics[0].partitions[0]
    assert.equal(refused.errorCode, ERROR.policyViolation)
    assert.match(refused.errorMessage ?? '', /sandbox\.max\.bytes = 1000/)
    await one.close()
    await small.close()
  })

  it('retention.bytes lets the oldest batches go', async () => {
    broker.createTopic('t', { config: { 'retention.bytes': '3000' } })
    for (let i = 0; i < 10; i++) await send('t', 0, batch(1, {}, 1000))
    const log = broker.store.partition('t', 0)
    assert.deepEqual([log?.logStart, log?.end, log?.batches.length], [8, 10, 2])
  })
})

describe('a folder', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-sandbox-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('keeps topics, settings, batches and log starts; a torn last batch is cut off', async () => {
    const first = await startBroker({ dataFolder: folder })
    const topic = first.createTopic('kept', { partitions: 2, config: { 'cleanup.policy': 'compact' } })
    for (let i = 0; i < 3; i++) first.append('kept', 1, batch(5))
    first.append('kept', 1, batch(1, { baseOffset: 40 }), { keepOffsets: true })
    first.append('kept', 1, batch(2, { producerId: 5, producerEpoch: 0, transactional: true }))
    first.expire('kept', 1, 5)
    await first.close()
    const file = await open(join(folder, topic.id, '1.log'), 'a')
    await file.write(batch(3).subarray(0, 50))
    await file.close()

    const second = await startBroker({ dataFolder: folder })
    const log = second.store.partition('kept', 1)
    assert.deepEqual(
      [log?.logStart, log?.end, log?.lastStable, second.store.topics.get('kept')?.id],
      [5, 43, 41, topic.id],
    )
    assert.equal(second.store.topics.get('kept')?.config.get('cleanup.policy'), 'compact')
    const one = await SandboxClient.connect(second.port)
    const part = await one.call(fetch, 12, {
      maxBytes: 1 << 20,
      minBytes: 1,
      topics: [{ topic: 'kept', partitions: [{ index: 1, fetchOffset: 5, partitionMaxBytes: 1 << 20 }] }],
    })
    assert.deepEqual(baseOffsets(part.topics[0].partitions[0].records), [5, 10, 40, 41])
    assert.equal(second.append('kept', 1, batch(1)), 43)
    await one.close()
    await second.close()
    const third = await startBroker({ dataFolder: folder })
    assert.equal(third.store.partition('kept', 1)?.end, 44)
    await third.close()
  })
})
