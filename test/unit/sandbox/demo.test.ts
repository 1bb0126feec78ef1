/**
 * The demo topics, read back with other people's decoders: the specification's own record, the same data on every
 * machine, damage where damage is promised, growth.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import avro from 'avsc'
import { Decompressor } from '../../../src/kafka/codecs/compression.ts'
import { BatchHeader, checksumFits, readRecords, type PlainRecord } from '../../../src/kafka/read/record-batch.ts'
import type { Clock } from '../../../src/lib/clock.ts'
import { partitionOfKey } from '../../../src/lib/murmur2.ts'
import { loadDemoData, type DemoData } from '../../../src/sandbox/demo-data.ts'
import { LogStore } from '../../../src/sandbox/log/log-store.ts'
import { startSandbox } from '../../../src/sandbox/sandbox.ts'
import { SchemaStore } from '../../../src/sandbox/schema-store.ts'

const SIZES = { vessels: 3000, payments: 3000, customers: 1500, orders: 1500, corrupt: 400, input: 200 }

/** Stands still until it is told to go on; timers are driven by hand. */
const standing: Clock & { time: number } = {
  time: Date.UTC(2024, 0, 1),
  now: () => standing.time,
  monotonic: () => standing.time,
  after: () => ({ cancel: () => undefined }),
  every: () => ({ cancel: () => undefined }),
}

type Placed = PlainRecord & { readonly partition: number }

/** All records of a topic, partition by partition. Fails on a bad checksum. */
async function recordsOf(store: LogStore, topic: string): Promise<Placed[]> {
  const records: Placed[] = []
  const decompressor = new Decompressor()
  for (const log of store.topics.get(topic)?.partitions ?? []) {
    for (const place of log.batches) {
      const buffer = Buffer.concat(await log.storage.read([place]))
      const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
      const header = new BatchHeader()
      assert.ok(header.open(view, 0, buffer.length) && header.size === buffer.length)
      assert.ok(checksumFits(buffer, view, 0, header.to))
      const plain = await decompressor.run(header.codec, buffer, view, header.from, header.to)
      const { baseOffset, lastOffset, baseTimestamp, maxTimestamp, count } = header
      const batch = {
        ...plain,
        partition: log.index,
        count,
        baseOffset,
        lastOffset,
        baseTimestamp,
        maxTimestamp,
        logAppendTime: false,
        rangeStart: 0,
        rangeEnd: Number.POSITIVE_INFINITY,
        clipped: false,
        fault: undefined,
      }
      const here = [...readRecords(batch)].map((record) => ({
        ...record,
        key: record.key && Buffer.from(record.key),
        value: record.value && Buffer.from(record.value),
        partition: log.index,
      }))
      assert.equal(here.length, count)
      records.push(...here)
    }
  }
  return records
}

/** Longs as bigints, so that nothing is lost. */
const bigLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(value)
    return buffer
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
})

function decoder(schemas: SchemaStore, subject: string) {
  const { id } = schemas.version(subject, 'latest')
  const type = avro.Type.forSchema(JSON.parse(schemas.schema(id).schema), {
    registry: { long: bigLong },
    wrapUnions: false,
  })
  return (bytes: Buffer | null): Record<string, unknown> => {
    assert.ok(bytes !== null && bytes[0] === 0 && bytes.readInt32BE(1) === id)
    return JSON.parse(
      JSON.stringify(type.fromBuffer(bytes.subarray(5)), (_key, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    ) as Record<string, unknown>
  }
}

describe('the demo topics', () => {
  let store: LogStore
  let schemas: SchemaStore
  let demo: DemoData
  before(async () => {
    store = new LogStore()
    schemas = new SchemaStore()
    demo = await loadDemoData(store, schemas, { sizes: SIZES, clock: standing })
  })
  after(() => demo.stop())

  it("hold the specification's record where the specification has it", async () => {
    const records = (await recordsOf(store, 'sea_vessel_position_reports')).filter((record) => record.partition === 1)
    const sample = records[71]
    assert.equal(sample.offset, 71)
    assert.equal(new Date(sample.timestamp).toISOString(), '2023-03-13T11:42:24.267Z')
    assert.deepEqual(
      [sample.key?.length, sample.value?.length, sample.key?.readInt32BE(1), sample.value?.readInt32BE(1)],
      [10, 79, 4, 5],
    )
    assert.deepEqual(decoder(schemas, 'sea_vessel_position_reports-key')(sample.key), { MMSI: '219005662' })
    const value = decoder(schemas, 'sea_vessel_position_reports-value')(sample.value)
    assert.deepEqual(
      { ...value, Speed: Math.fround(0.1) === value.Speed, Course: Math.fround(177.9) === value.Course },
      {
        ...{
          Type: 1,
          Repeat: 0,
          MMSI: '219005662',
          Speed: true,
          Accuracy: false,
          Longitude: 12.570543333333333,
          Latitude: 55.85040166666667,
          location: '55.850402,12.570543',
        },
        ...{
          Course: true,
          Heading: 511,
          Second: 20,
          RAIM: false,
          Radio: 33577,
          Status: 3,
          Turn: -128,
          Maneuver: 0,
          Timestamp: '1491318144456507320',
        },
      },
    )
    assert.deepEqual(
      [
        new Date(records[86].timestamp).toISOString(),
        decoder(schemas, 'sea_vessel_position_reports-key')(records[86].key).MMSI,
      ],
      ['2023-03-13T11:42:29.107Z', '265527470'],
    )
  })

  it('put keys where the default partitioner puts them, and decode', async () => {
    for (const [topic, partitions] of [
      ['sea_vessel_position_reports', 3],
      ['orders', 3],
      ['customers', 2],
    ] as const) {
      for (const record of await recordsOf(store, topic))
        assert.equal(record.partition, partitionOfKey(record.key ?? Buffer.alloc(0), partitions))
    }
    const decode = decoder(schemas, 'sea_vessel_position_reports-value')
    for (const record of await recordsOf(store, 'sea_vessel_position_reports')) {
      const { Latitude, Longitude, location, Timestamp } = decode(record.value) as {
        Latitude: number
        Longitude: number
        location: string
        Timestamp: string
      }
      assert.equal(location, `${Latitude.toFixed(6)},${Longitude.toFixed(6)}`)
      assert.equal(
        Number(BigInt(Timestamp) / 1_000_000n) - record.timestamp,
        1491318144456 - Date.UTC(2023, 2, 13, 11, 42, 24, 267),
      )
    }
  })

  it('hold the same payments as Avro and as JSON, 96 bytes each in Avro', async () => {
    const decode = decoder(schemas, 'cc_payments-value')
    const [inAvro, inJson] = await Promise.all([recordsOf(store, 'cc_payments'), recordsOf(store, 'cc_payments_json')])
    assert.equal(inAvro.length, SIZES.payments)
    for (const [i, record] of inAvro.entries()) {
      const payment = decode(record.value)
      const json = JSON.parse(inJson[i].value?.toString() ?? '') as object
      assert.deepEqual({ ...payment, time: Number(payment.time), merchantId: Number(payment.merchantId) }, json)
      assert.equal(JSON.stringify(json), inJson[i].value?.toString())
      assert.deepEqual([record.key?.toString(), record.offset, record.timestamp], [payment.id, i, inJson[i].timestamp])
    }
    const log = store.partition('cc_payments', 0)
    assert.ok(Math.abs((log?.sizeBytes ?? 0) / inAvro.length - 96) < 0.5)
  })

  it('hold nested orders with headers and exact totals', async () => {
    const decode = decoder(schemas, 'orders-value')
    const orders = (await recordsOf(store, 'orders')).map((record) => ({ record, order: decode(record.value) }))
    assert.equal(orders.length, SIZES.orders)
    const unscaled = (bytes: unknown) =>
      (bytes as { data: number[] }).data.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
    for (const { record, order } of orders) {
      const lines = order.lines as { quantity: number; unitPrice: unknown }[]
      assert.equal(
        unscaled(order.total),
        lines.reduce((sum, line) => sum + BigInt(line.quantity) * unscaled(line.unitPrice), 0n),
      )
      assert.ok(BigInt(order.number as string) > BigInt(Number.MAX_SAFE_INTEGER))
      assert.equal(order.orderId, record.key?.toString())
      assert.deepEqual(
        record.headers.slice(0, 3).map((header) => header.key),
        ['trace-id', 'source', 'attempt'],
      )
    }
    assert.ok(orders.some(({ record }) => record.headers.some((header) => header.value === null)))
    assert.deepEqual(new Set(orders.map(({ order }) => typeof order.reference)), new Set(['object', 'string']))
  })

  it('hold tombstones and gaps in the compacted topic', async () => {
    const records = (await recordsOf(store, 'customers')).filter((record) => record.partition === 0)
    assert.equal(store.topics.get('customers')?.config.get('cleanup.policy'), 'compact')
    assert.ok(records.some((record) => record.value === null))
    assert.ok(records.some((record, i) => i > 0 && record.offset > records[i - 1].offset + 1))
    for (const record of records)
      if (record.value !== null)
        assert.equal((JSON.parse(record.value.toString()) as { id: string }).id, record.key?.toString())
  })

  it('hold one bad record in eight, of five kinds', async () => {
    const decode = decoder(schemas, 'corrupt_events-value')
    const bad = (await recordsOf(store, 'corrupt_events')).filter((record) => {
      try {
        decode(record.value)
        return false
      } catch {
        return true
      }
    })
    assert.equal(bad.length, SIZES.corrupt / 8)
    const kinds = new Set(
      bad.map(({ value }) =>
        value?.length === 0
          ? 'empty'
          : value?.[0] === 0
            ? value.readInt32BE(1) > 1000
              ? 'unknown'
              : 'short'
            : value?.[0] === 123
              ? 'json'
              : 'text',
      ),
    )
    assert.deepEqual([...kinds].sort(), ['empty', 'json', 'short', 'text', 'unknown'])
  })

  it('are the same every time', async () => {
    const digest = async (of: LogStore) => {
      const hash = createHash('sha256')
      for (const topic of of.topics.values())
        for (const record of await recordsOf(of, topic.name)) hash.update(JSON.stringify([topic.name, record]))
      return hash.digest('hex')
    }
    const again = new LogStore()
    ;(await loadDemoData(again, new SchemaStore(), { sizes: SIZES, clock: standing })).stop()
    assert.equal(await digest(again), await digest(store))
  })

  it('grow, and one stays empty', async () => {
    const ends = () =>
      new Map(
        [...store.topics.values()].map((topic) => [
          topic.name,
          topic.partitions.reduce((sum, log) => sum + log.end, 0),
        ]),
      )
    const begun = ends()
    for (let second = 0; second < 10; second++) {
      standing.time += 1000
      demo.grow()
    }
    const grown = [...ends()].map(([name, end]) => [name, end - (begun.get(name) ?? 0)])
    assert.deepEqual(Object.fromEntries(grown), {
      sea_vessel_position_reports: 50,
      cc_payments: 20,
      cc_payments_json: 20,
      customers: 2,
      orders: 10,
      corrupt_events: 5,
      input: 10,
      empty_topic: 0,
    })
    const newest = (await recordsOf(store, 'cc_payments')).at(-1)
    assert.equal(newest?.timestamp, standing.time)
  })
})

describe('a sandbox that is full', () => {
  it('lets the oldest demo records go and goes on', async () => {
    const size = async (maxBytes?: number) => {
      const store = new LogStore({ maxBytes })
      const demo = await loadDemoData(store, new SchemaStore(), {
        sizes: { ...SIZES, payments: 1000, vessels: 1000 },
        clock: standing,
      })
      demo.stop()
      return { store, demo }
    }
    const needed = (await size()).store.sizeBytes
    const { store, demo } = await size(needed + 3000)
    const begun = store.partition('cc_payments', 0)?.end ?? 0
    for (let second = 0; second < 200; second++) demo.grow()
    assert.ok(store.sizeBytes <= needed + 3000)
    assert.equal(store.partition('cc_payments', 0)?.end, begun + 400)
    assert.ok([...store.topics.values()].some((topic) => topic.partitions.some((log) => log.logStart > 0)))
    await assert.rejects(size(needed - 1), /sandbox\.max\.bytes/)
  })
})

describe('startSandbox', () => {
  it('starts broker, registry and topics, and takes up a folder where it was left', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'))
    const sizes = { vessels: 300, payments: 300, customers: 30, orders: 30, corrupt: 16, input: 10 }
    const first = await startSandbox({ dataFolder: folder, sizes, clock: standing })
    const schemas = (await (await fetch(`${first.registryUrl}/subjects`)).json()) as string[]
    assert.ok(schemas.includes('cc_payments-value'))
    assert.deepEqual([...first.broker.store.topics.keys()].sort(), [...first.demo.topics].sort())
    assert.equal(first.brokers, first.broker.bootstrap)
    first.demo.grow()
    const end = first.broker.store.partition('cc_payments', 0)?.end
    await first.close()
    const second = await startSandbox({ dataFolder: folder, sizes, clock: standing })
    assert.equal(second.broker.store.partition('cc_payments', 0)?.end, end)
    assert.equal(second.registry.schemas.version('sea_vessel_position_reports-value', 'latest').id, 5)
    await second.close()
    await rm(folder, { recursive: true })
  })

  it('fails cleanly when its port is taken', async () => {
    const first = await startSandbox({
      sizes: { vessels: 1, payments: 1, customers: 1, orders: 1, corrupt: 1, input: 1 },
    })
    await assert.rejects(startSandbox({ port: first.broker.port }), /EADDRINUSE/)
    await first.close()
  })
})
