/**
 * The catalog on sockets: the same scenarios on the embedded broker and registry, and on a real Kafka with a real
 * registry. Formats found, explained, and proven by decoding every record that was written.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type CatalogOptions, createCatalog } from '../../src/catalog/kafka-catalog.ts'
import { runRequest } from '../../src/engine/request.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import type { KafkaLog } from '../../src/kafka/log.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { readRecords, writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Table, TableFacet } from '../../src/plan/catalog.ts'
import { createRegistry, type RegistryConfig } from '../../src/registry/client.ts'
import { startBroker } from '../../src/sandbox/broker.ts'
import { startRegistry } from '../../src/sandbox/schema-registry.ts'
import type { StructType } from '../../src/types.ts'
import { encodeAvro, framed } from '../support/avro-encode.ts'
import { decodeText } from '../support/decode.ts'
import { eventually } from '../support/eventually.ts'
import type { ExactJson } from '../support/exact-json.ts'
import { registerSchema, sharedCluster, topicName } from './cluster.ts'
import { kafkaHand } from './kafka-hand.ts'

type Bytes = Uint8Array | null
interface Record {
  readonly key?: Bytes
  readonly value: Bytes
  readonly partition?: number
}

/** A cluster to try things on. */
interface Place {
  readonly bootstrap: string
  readonly registryUrl: string
  create(topic: string, options?: { partitions?: number; config?: { [name: string]: string } }): Promise<void>
  produce(topic: string, records: readonly Record[]): Promise<void>
  deleteTopic(topic: string): Promise<void>
  close(): Promise<void>
}

async function sandbox(): Promise<Place> {
  const broker = await startBroker()
  const registry = await startRegistry()
  return {
    bootstrap: broker.bootstrap,
    registryUrl: registry.url,
    create: async (topic, options) => void broker.createTopic(topic, options),
    async produce(topic, records) {
      for (const { partition, ...record } of records)
        broker.append(topic, partition ?? 0, writeRecordBatch([{ key: null, ...record }], { timestamp: Date.now() }))
    },
    deleteTopic: async (topic) => void broker.store.deleteTopic(topic),
    async close() {
      await broker.close()
      await registry.close()
    },
  }
}

const shared = await sharedCluster()

async function real(): Promise<Place> {
  const hand = await kafkaHand(shared.kafka.bootstrap)
  return {
    bootstrap: shared.kafka.bootstrap,
    registryUrl: shared.registry.url,
    create: (topic, options) => hand.create(topic, options),
    produce: async (topic, records) =>
      void (await hand.produce(
        topic,
        records.map((r) => ({ partition: 0, ...r })),
        { codec: 'zstd' },
      )),
    deleteTopic: (topic) => hand.deleteTopic(topic),
    close: () => hand.close(),
  }
}

const V1 = '{"type":"record","name":"Pay","fields":[{"name":"id","type":"int"},{"name":"amount","type":"float"}]}'
const V2 =
  '{"type":"record","name":"Pay","fields":[{"name":"id","type":"long"},{"name":"amount","type":"double"},{"name":"note","type":["null","string"],"default":null}]}'
const V3 =
  '{"type":"record","name":"Pay","fields":[{"name":"id","type":"long"},{"name":"amount","type":"double"},{"name":"note","type":["null","string"],"default":null},{"name":"city","type":"string","default":"?"}]}'

const text = (value: string): Buffer => Buffer.from(value)
const long = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const fields = (facet: TableFacet): string[] =>
  (facet.type as StructType).fields.map((f) => `${f.name} ${f.type.kind}${f.nullable ? '?' : ''}`)

function scenarios(name: string, open: () => Promise<Place>, skip: string | false): void {
  describe(`the catalog on ${name}`, { skip }, () => {
    let place: Place
    let cluster: Cluster
    let log: KafkaLog & { close(): void }
    let later = 0
    const clock = { ...systemClock, now: () => Date.now() + later }
    const catalogs: { close(): void }[] = []

    before(async () => {
      place = await open()
      cluster = new Cluster({ brokers: [place.bootstrap] })
      log = createKafkaLog(cluster)
    })
    after(async () => {
      for (const catalog of catalogs) catalog.close()
      log.close()
      cluster.close()
      await place.close()
    })

    function catalogOf(
      registry: Partial<RegistryConfig> | null = {},
      more: Partial<CatalogOptions> = {},
    ): ReturnType<typeof createCatalog> {
      const catalog = createCatalog({
        cluster,
        log,
        registry: registry === null ? undefined : createRegistry({ url: place.registryUrl, backoffMs: 1, ...registry }),
        clock,
        ...more,
      })
      catalogs.push(catalog)
      return catalog
    }
    async function tableOf(topic: string, catalog = catalogOf()): Promise<Table> {
      const table = await catalog.table(topic)
      assert.ok(table !== undefined, topic)
      return table
    }
    /** Every value of partition 0 as JSON text: `null` a tombstone, `undefined` a bad record. */
    async function decoded(table: Table): Promise<(string | null | undefined)[]> {
      const [range] = await log.bounds(table.topic, [0], { isolation: 'read_committed', timeoutMs: 5000 })
      const source = log.scan(
        { topic: table.topic, ranges: [range], isolation: 'read_committed' },
        new AbortController().signal,
      )
      const found: (string | null | undefined)[] = []
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        const values = [...readRecords(batch)].map((r) => (r.value === null ? null : Buffer.from(r.value)))
        for (const value of values) found.push(value === null ? null : await decodedValue(table.value, value))
      }
      source.close()
      return found
    }
    async function decodedValue(facet: TableFacet, value: Buffer): Promise<string | null | undefined> {
      if (facet.framing === 'none') return decodeText(await facet.decoder(undefined), value)
      const decoder = await Promise.resolve()
        .then(() => facet.decoder(value.readInt32BE(1)))
        .catch(() => undefined)
      return decoder === undefined ? undefined : decodeText(decoder, value.subarray(5))
    }
    const avro = (id: number, schema: string, value: ExactJson): Record => ({
      value: framed(id, encodeAvro(schema, value)),
    })

    it('an Avro subject with three versions, records of all of them', async () => {
      const topic = topicName('catalog-versions')
      await place.create(topic)
      const ids: number[] = []
      for (const schema of [V1, V2, V3]) ids.push(await registerSchema(place.registryUrl, `${topic}-value`, schema))
      await place.produce(topic, [
        avro(ids[0], V1, { id: 1, amount: 0.5 }),
        avro(ids[1], V2, { id: 2n ** 60n, amount: 2, note: 'two' }),
        avro(ids[2], V3, { id: 3, amount: 3, note: null, city: 'Bergen' }),
      ])
      const table = await tableOf(topic)
      assert.equal(table.value.format, 'AVRO')
      assert.equal(table.value.detail, `registry subject ${topic}-value, version 3, merged with 2 older`)
      assert.deepEqual(fields(table.value), ['id long', 'amount double', 'note string?', 'city string'])
      assert.deepEqual(await decoded(table), [
        '{"id":1,"amount":0.5,"note":null,"city":"?"}',
        '{"id":1152921504606846976,"amount":2.0,"note":"two","city":"?"}',
        '{"id":3,"amount":3.0,"note":null,"city":"Bergen"}',
      ])
    })

    it('subjects named after records', async () => {
      const topic = topicName('catalog-records')
      const subject = `com.acme.${topicName('Pay').replace('-', '')}`
      await place.create(topic)
      const one = await registerSchema(place.registryUrl, subject, V1.replace('"Pay"', `"${subject}"`))
      const two = await registerSchema(place.registryUrl, subject, V2.replace('"Pay"', `"${subject}"`))
      await place.produce(topic, [avro(one, V1, { id: 1, amount: 1 }), avro(two, V2, { id: 2, amount: 2, note: null })])
      const table = await tableOf(topic)
      assert.equal(table.value.origin, 'sampled')
      assert.equal(table.value.detail, `schema ids in the records, registry subject ${subject}, merged with 1 older`)
      assert.deepEqual(fields(table.value), ['id long', 'amount double', 'note string?'])
      assert.deepEqual(await decoded(table), ['{"id":1,"amount":1.0,"note":null}', '{"id":2,"amount":2.0,"note":null}'])
    })

    it('schemas outside of the sample: of readings, of a deeper look, of the registry', async () => {
      const topic = topicName('catalog-met')
      const OTHER = (name: string, field: string): string =>
        `{"type":"record","name":"${name}","namespace":"acme","fields":[{"name":"id","type":"long"},{"name":"${field}","type":"string"}]}`
      const [REFUND, CHARGE, TIP] = [OTHER('Refund', 'reason'), OTHER('Charge', 'bank'), OTHER('Tip', 'waiter')]
      await place.create(topic)
      const pay = await registerSchema(place.registryUrl, `${topic}-value`, V1)
      const refund = await registerSchema(place.registryUrl, 'acme.Refund', REFUND)
      const charge = await registerSchema(place.registryUrl, 'acme.Charge', CHARGE)
      await registerSchema(place.registryUrl, `${topic}-acme.Tip`, TIP)
      const records = Array.from({ length: 200 }, (_, i) => avro(pay, V1, { id: i, amount: 1 }))
      records[0] = avro(charge, CHARGE, { id: 0, bank: 'b' })
      records[40] = avro(refund, REFUND, { id: 40, reason: 'late' })
      await place.produce(topic, records)
      const catalog = catalogOf()
      const ask = async (sql: string): Promise<string[]> => {
        const rows: string[] = []
        const send = (frame: string): void => {
          const { type, data } = JSON.parse(frame) as { type: string; data: { value?: unknown } | string }
          if (type === 'RECORD' && typeof data === 'object') rows.push(JSON.stringify(data.value))
          if (type === 'ERROR') rows.push(String(data).split('\n')[0])
        }
        await runRequest(
          { sql, live: false },
          { catalog, log },
          { send, drained: () => undefined },
          new AbortController().signal,
        )
        return rows
      }
      assert.deepEqual(fields((await tableOf(topic, catalog)).value), ['id int', 'amount float'])
      assert.equal((await ask(`SELECT * FROM \`${topic}\` WHERE _meta.offset BETWEEN 30 AND 50`)).length, 21)
      assert.deepEqual(await ask(`SELECT reason FROM \`${topic}\` WHERE reason IS NOT NULL`), ['{"reason":"late"}'])
      const [first] = await ask(`SELECT bank, waiter FROM \`${topic}\` WHERE bank IS NOT NULL`)
      assert.equal(first, '{"bank":"b","waiter":null}')
      const { value } = await tableOf(topic, catalog)
      assert.deepEqual(fields(value).sort(), [
        'amount float?',
        'bank string?',
        'id long',
        'reason string?',
        'waiter string?',
      ])
      assert.match(
        value.detail,
        new RegExp(`in the records also schema ${refund}.*, ${charge}.*; in the registry also schema `),
      )
      assert.match((await ask(`SELECT nope FROM \`${topic}\``))[0], /^Unknown column "nope"/)
    })

    it('an Avro key with a plain value, schemas with references', async () => {
      const topic = topicName('catalog-references')
      await place.create(topic)
      const city = topicName('City')
      const CITY = '{"type":"record","name":"City","namespace":"acme","fields":[{"name":"zip","type":"string"}]}'
      const KEY =
        '{"type":"record","name":"Key","namespace":"acme","fields":[{"name":"n","type":"int"},{"name":"city","type":"City"}]}'
      await registerSchema(place.registryUrl, city, CITY)
      const id = await registerSchema(place.registryUrl, `${topic}-key`, KEY, {
        references: [{ name: 'acme.City', subject: city, version: 1 }],
      })
      const key = encodeAvro(KEY, { n: 5, city: { zip: '5003' } }, [CITY])
      await place.produce(topic, [{ key: framed(id, key), value: text('{"a":[1,2]}') }])
      const table = await tableOf(topic)
      assert.deepEqual([table.key.format, table.value.format], ['AVRO', 'JSON'])
      assert.equal(decodeText(await table.key.decoder(id), key), '{"n":5,"city":{"zip":"5003"}}')
    })

    it('JSON, STRING, LONG and INT', async () => {
      const cases: [string, (i: number) => Buffer, string][] = [
        ['JSON', (i) => text(`{"i":${i}}`), '{"i":0}'],
        ['STRING', (i) => text(`ünï ${i}`), '"ünï 0"'],
        ['LONG', (i) => long(2n ** 53n + BigInt(i)), '9007199254740992'],
        ['INT', (i) => int(7 * i), '0'],
      ]
      for (const [format, value, first] of cases) {
        const topic = topicName(`catalog-${format.toLowerCase()}`)
        await place.create(topic, { partitions: 2 })
        await place.produce(
          topic,
          Array.from({ length: 12 }, (_, i) => ({ key: int(i), value: value(i), partition: i % 2 })),
        )
        const table = await tableOf(topic)
        assert.deepEqual(
          [table.key.format, table.value.format, table.value.origin, table.partitions],
          ['INT', format, 'sampled', [0, 1]],
        )
        assert.equal((await decoded(table))[0], first)
      }
    })

    it('an empty topic is looked at again; a topic of tombstones is not guessed at', async () => {
      const topic = topicName('catalog-empty')
      const catalog = catalogOf()
      await place.create(topic, { config: { 'cleanup.policy': 'compact' } })
      const empty = await tableOf(topic, catalog)
      assert.deepEqual(
        [empty.key.format, empty.value.format, empty.value.origin, empty.value.detail, empty.compacted],
        ['STRING', 'JSON', 'default', 'the topic is empty', true],
      )
      await place.produce(topic, [
        { key: text('a'), value: null },
        { key: text('b'), value: null },
      ])
      const stones = await tableOf(topic, catalog)
      assert.deepEqual(
        [stones.key.format, stones.value.origin, stones.value.detail],
        ['STRING', 'default', 'the newest 2 values are null'],
      )
      await place.produce(topic, [{ key: text('c'), value: long(5n) }])
      assert.equal((await tableOf(topic, catalog)).value.format, 'LONG')
    })

    it('a topic with damaged records', async () => {
      const topic = topicName('catalog-corrupt')
      await place.create(topic)
      const id = await registerSchema(place.registryUrl, `${topic}-value`, V1)
      const [garbage, cut, unknown] = [
        Buffer.from('00ffffffffff', 'hex'),
        framed(id, Buffer.from([1])),
        framed(123_456_789, Buffer.alloc(3)),
      ]
      await place.produce(topic, [
        avro(id, V1, { id: 1, amount: 1 }),
        { value: garbage },
        { value: cut },
        { value: unknown },
        avro(id, V1, { id: 2, amount: 1 }),
      ])
      const table = await tableOf(topic)
      assert.equal(table.value.format, 'AVRO')
      assert.deepEqual(await decoded(table), [
        '{"id":1,"amount":1.0}',
        undefined,
        undefined,
        undefined,
        '{"id":2,"amount":1.0}',
      ])
    })

    it('no registry, a registry that is down, ids that it does not know', async () => {
      const [plain, strange] = [topicName('catalog-plain'), topicName('catalog-strange')]
      await place.create(plain)
      await place.create(strange)
      await place.produce(plain, [{ value: text('{"a":1}') }])
      await place.produce(
        strange,
        Array.from({ length: 10 }, (_, i) => ({ value: framed(9_000_001, Buffer.alloc(i + 1, 0xfe)) })),
      )
      const down = catalogOf({ url: 'http://127.0.0.1:9' })
      const readable = await tableOf(plain, down)
      assert.deepEqual([readable.value.format, readable.value.unreadable], ['JSON', undefined])
      assert.match(readable.value.detail, /; Schema registry at http:\/\/127\.0\.0\.1:9 cannot be reached/)
      assert.match(
        (await tableOf(strange, down)).value.unreadable ?? '',
        /Schema registry at http:\/\/127\.0\.0\.1:9 cannot be reached/,
      )
      assert.match(
        (await tableOf(strange, catalogOf(null))).value.unreadable ?? '',
        /schema 9000001\. No schema registry is configured\./,
      )
      assert.match(
        (await tableOf(strange)).value.unreadable ?? '',
        /does not know them\. If they are plain bytes, configure the format BYTES/,
      )
      const configured = await tableOf(
        strange,
        catalogOf(null, { formats: { 'catalog-strange*': { value: 'BYTES' } } }),
      )
      assert.deepEqual([configured.value.format, configured.value.unreadable], ['BYTES', undefined])
    })

    it('PROTOBUF and JSON Schema are known by their subjects', async () => {
      const [proto, json] = [topicName('catalog-proto'), topicName('catalog-jsonschema')]
      await place.create(proto)
      await place.create(json)
      await registerSchema(place.registryUrl, `${proto}-value`, 'syntax = "proto3"; message P { int64 id = 1; }', {
        schemaType: 'PROTOBUF',
      })
      const id = await registerSchema(
        place.registryUrl,
        `${json}-value`,
        '{"type":"object","properties":{"a":{"type":"integer"}}}',
        { schemaType: 'JSON' },
      )
      await place.produce(json, [{ value: framed(id, text('{"a":1}')) }])
      const { format, unreadable } = (await tableOf(proto)).value
      assert.deepEqual([format, unreadable], ['PROTOBUF', undefined])
      const table = await tableOf(json)
      assert.equal(table.value.format, 'JSONSCHEMA')
      assert.deepEqual(await decoded(table), ['{"a":1}'])
    })

    it('tables, configuration, a deleted topic, an unknown one', async () => {
      const topic = topicName('catalog-list')
      const catalog = catalogOf()
      await place.create(topic, {
        partitions: 3,
        config: { 'retention.ms': '123456', 'message.timestamp.type': 'LogAppendTime' },
      })
      const listed = async () => (await catalog.tables()).find((t) => t.name === topic)
      for (let tries = 0; (await listed()) === undefined && tries < 50; tries++)
        await new Promise((resolve) => setTimeout(resolve, 100))
      assert.deepEqual(await listed(), { name: topic, type: 'USER', partitions: 3, replicas: 1 })
      assert.equal((await tableOf(topic, catalog)).timestampType, 'LogAppendTime')
      const configuration = await catalog.configuration(topic)
      assert.deepEqual(configuration.slice(0, 2), [
        { name: 'message.timestamp.type', value: 'LogAppendTime' },
        { name: 'retention.ms', value: '123456' },
      ])
      assert.ok(configuration.some((c) => c.name === 'cleanup.policy' && c.value === 'delete'))
      await place.deleteTopic(topic)
      later += 4000
      assert.equal(await catalog.table(topic), undefined)
      assert.equal(await catalog.table(topicName('catalog-none')), undefined)
      assert.deepEqual(await catalog.configuration(topicName('catalog-none')), [])
    })

    /** Deleted by name and made again; a real broker needs a moment before the name is free. */
    async function makeAnew(topic: string, options?: { partitions?: number }): Promise<void> {
      await place.deleteTopic(topic)
      await eventually(`the name ${topic} is free`, () =>
        place.create(topic, options).then(
          () => true,
          () => false,
        ),
      )
    }

    it('a topic made anew under its name is another topic: what was known of the old one does not count, not even for a moment', async () => {
      const topic = topicName('catalog-anew')
      const catalog = catalogOf()
      await place.create(topic)
      await place.produce(
        topic,
        [0n, 1n, 2n, 3n, 1n << 40n].map((n) => ({ key: int(1), value: long(n) })),
      )
      const before = await tableOf(topic, catalog)
      assert.deepEqual([before.key.format, before.value.format], ['INT', 'LONG'])
      await makeAnew(topic)
      await place.produce(
        topic,
        ['00000000', '00000001', '00000002'].map((s) => ({ key: text('k'), value: text(s) })),
      )
      const texts = await tableOf(topic, catalog)
      assert.deepEqual([texts.key.format, texts.value.format], ['STRING', 'STRING'])
      assert.notEqual(texts.topicId, before.topicId)
      const id = await registerSchema(place.registryUrl, `${topic}-value`, V1)
      await makeAnew(topic, { partitions: 3 })
      await place.produce(topic, [
        avro(id, V1, { id: 1, amount: 0.5 }),
        { ...avro(id, V1, { id: 2, amount: 0.5 }), partition: 2 },
      ])
      const framed = await tableOf(topic, catalog)
      assert.deepEqual([framed.value.format, framed.partitions], ['AVRO', [0, 1, 2]])
    })

    it('a topic made anew while it is read ends the reading: its offsets are not those of the old one', async () => {
      const topic = topicName('catalog-anew-read')
      await place.create(topic)
      for (let batch = 0; batch < 10; batch++)
        await place.produce(
          topic,
          Array.from({ length: 100 }, () => ({ value: text(`{"old":1}${randomBytes(500).toString('hex')}`) })),
        )
      const table = await tableOf(topic)
      const [range] = await log.bounds(topic, [0], { isolation: 'read_committed', timeoutMs: 5000 })
      const request = {
        topic,
        topicId: table.topicId,
        ranges: [range],
        isolation: 'read_committed',
        fetchMaxBytes: 64 * 1024,
        limit: 1000,
      } as const
      const source = log.scan(request, new AbortController().signal)
      assert.equal((await source.next())?.baseOffset, 0)
      await makeAnew(topic)
      for (let batch = 0; batch < 10; batch++)
        await place.produce(
          topic,
          Array.from({ length: 100 }, () => ({ value: text(`{"new":1}${randomBytes(500).toString('hex')}`) })),
        )
      const values: string[] = []
      const rest = async (): Promise<void> => {
        for (let batch = await source.next(); batch !== undefined; batch = await source.next())
          values.push(...[...readRecords(batch)].map((record) => String(record.value).slice(0, 9)))
      }
      await assert.rejects(rest, /was deleted and created again while it was read/)
      assert.ok(!values.includes('{"new":1}'))
      // And from the beginning, where the old one was meant.
      await assert.rejects(
        async () => await log.scan(request, new AbortController().signal).next(),
        /was deleted and created again/,
      )
      const limits = { isolation: 'read_committed', timeoutMs: 5000 } as const
      await assert.rejects(
        log.bounds(topic, [0], { ...limits, topicId: table.topicId }),
        /was deleted and created again/,
      )
      const [now] = await log.bounds(topic, [0], { ...limits, topicId: (await tableOf(topic)).topicId })
      assert.deepEqual(now, range)
    })
  })
}

scenarios('the sandbox', sandbox, false)
scenarios('real Kafka with a real registry', real, shared.skip)

describe('a registry that asks for credentials', () => {
  it('is read with them, and refuses plainly without', async () => {
    const broker = await startBroker()
    const server = await startRegistry({ credentials: { user: 'reader', password: 'pa:ss' } })
    const cluster = new Cluster({ brokers: [broker.bootstrap] })
    const log = createKafkaLog(cluster)
    try {
      const id = server.schemas.register('t-value', { schema: V1 })
      broker.createTopic('t')
      broker.append(
        't',
        0,
        writeRecordBatch([{ value: framed(id, encodeAvro(V1, { id: 1, amount: 1 })) }], { timestamp: 1 }),
      )
      const registry = (config: Partial<RegistryConfig>) => createRegistry({ url: server.url, backoffMs: 1, ...config })
      const good = createCatalog({ cluster, log, registry: registry({ username: 'reader', password: 'pa:ss' }) })
      assert.equal((await good.table('t'))?.value.format, 'AVRO')
      const bad = createCatalog({ cluster, log, registry: registry({ username: 'reader', password: 'wrong-secret' }) })
      const message = (await bad.table('t'))?.value.unreadable ?? ''
      assert.match(message, /refused the configured credentials \(HTTP 401\)/)
      assert.doesNotMatch(message, /wrong-secret/)
    } finally {
      log.close()
      cluster.close()
      await broker.close()
      await server.close()
    }
  })
})
