/**
 * Formats against the software that the world writes them with: protobuf-java, Kafka Streams, a real registry. What
 * Java wrote is read here, what is written here is read by Java, and a topic of a real Kafka with its schemas in a real
 * registry answers a query.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Unavailable } from '../../scripts/provision.ts'
import { apicurioLibraries, formatLibraries, protoc } from '../../scripts/provision-formats.ts'
import { createCatalog } from '../../src/catalog/kafka-catalog.ts'
import { runRequest } from '../../src/engine/request.ts'
import { messageDecoder } from '../../src/formats/protobuf/decoder.ts'
import { encodeProtobuf } from '../../src/formats/protobuf/encoder.ts'
import { parseProtobufSchema } from '../../src/formats/protobuf/definition/link.ts'
import type { ProtoMessage } from '../../src/formats/protobuf/definition/schema.ts'
import { primitiveDecoder } from '../../src/formats/primitive/decoder.ts'
import { primitiveEncoder } from '../../src/formats/primitive/encoder.ts'
import { windowedDecoder } from '../../src/formats/windowed/decoder.ts'
import { windowedEncoder } from '../../src/formats/windowed/encoder.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { partitionOfKey } from '../../src/lib/murmur2.ts'
import { createRegistry } from '../../src/registry/client.ts'
import { type Asked, reader } from '../formats/driver.ts'
import { encodeAvro, framed } from '../support/avro-encode.ts'
import { registerSchema, sharedCluster, topicName } from './cluster.ts'
import { apicurioHand, compileProto, type FormatsHand, formatsHand } from './formats-hand.ts'
import { kafkaHand } from './kafka-hand.ts'

const SHOP = readFileSync(new URL('../sql/formats/shop.proto', import.meta.url), 'utf8')
const KINDS = `syntax = "proto2";
package kinds;
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/empty.proto";
message All {
  required int32 a = 1; optional sint64 b = 2 [default = -7]; optional fixed64 c = 3; optional sfixed32 d = 4; optional float e = 5; optional bool f = 6;
  repeated double g = 7 [packed = true]; repeated uint64 h = 8; optional bytes i = 9; map<int64, string> j = 10; optional group K = 11 { optional int32 x = 1; }
  optional Level level = 12 [default = HIGH]; optional google.protobuf.Any any = 13; optional google.protobuf.FieldMask mask = 14; optional google.protobuf.Empty empty = 15;
  enum Level { LOW = 0; HIGH = 1; }
  extensions 100 to 200;
}
extend All { optional string more = 100; }
`

/** protobuf's JSON, and what the reader makes of the same message. */
const PURCHASES: readonly [json: object, text: string][] = [
  [
    {},
    '{"id":0,"note":null,"at":null,"items":{},"marks":[],"card":null,"cash":null,"color":"UNKNOWN","extra":null,"took":null,"stock":null,"hash":"","before":null}',
  ],
  [
    {
      id: '18446744073709551615',
      note: '',
      at: '1969-12-31T23:59:59.000000001Z',
      items: { x: { sku: 'ß', qty: '-9223372036854775808', price: 0.1 }, '': {} },
      marks: [0, -1, 2147483647, 128],
      cash: 'NaN',
      color: 'BLUE',
      extra: { a: [1, 'x', null, true, { b: -0.5 }] },
      took: '-1.5s',
      stock: '0',
      hash: 'AAH/',
      before: { id: 1, before: {} },
    },
    '{"id":18446744073709551615,"note":"","at":"1969-12-31T23:59:59.000000001Z","items":{"x":{"sku":"ß","qty":-9223372036854775808,"price":0.1},"":{"sku":"","qty":0,"price":0.0}},"marks":[0,-1,2147483647,128],"card":null,"cash":"NaN","color":"BLUE","extra":{"a":[1,"x",null,true,{"b":-0.5}]},"took":"-1.5s","stock":0,"hash":"AAH/","before":{"id":1,"note":null,"at":null,"items":{},"marks":[],"card":null,"cash":null,"color":"UNKNOWN","extra":null,"took":null,"stock":null,"hash":"","before":{"id":0,"note":null,"at":null,"items":{},"marks":[],"card":null,"cash":null,"color":"UNKNOWN","extra":null,"took":null,"stock":null,"hash":"","before":null}}}',
  ],
]

async function lacking(...needs: (() => Promise<unknown>)[]): Promise<string | false> {
  try {
    await Promise.all(needs.map((need) => need()))
    return false
  } catch (error) {
    if (error instanceof Unavailable) return error.message
    throw error
  }
}

function messageOf(text: string, name: string): ProtoMessage {
  const message = parseProtobufSchema(text).byName(name)
  assert.ok(message !== undefined)
  return message
}

function readWhole(message: ProtoMessage, bytes: Buffer): { text?: string | null; value?: unknown } {
  const decoder = messageDecoder(message, 'protobuf')
  const asked: Asked[] = [{ path: [], parts: ['text', 'value'], type: decoder.type }]
  const got = reader(decoder, asked, { validate: true })(bytes, 3)
  assert.ok(got !== 'bad')
  return got[0]
}

describe('formats that Java writes', { skip: await lacking(formatLibraries, protoc) }, () => {
  let hand: FormatsHand
  before(async () => {
    hand = await formatsHand()
  })
  after(() => hand.close())

  it('Protobuf: what protobuf-java wrote is read, and it reads what is written here', async () => {
    const set = await compileProto({ 'shop.proto': SHOP })
    const message = messageOf(SHOP, 'shop.Purchase')
    for (const [json, text] of PURCHASES) {
      const bytes = await hand.protobuf(set, 'shop.Purchase', json)
      const whole = readWhole(message, bytes)
      assert.equal(whole.text, text)
      const written = encodeProtobuf(message, whole.value as Map<string, never>)
      assert.deepEqual(await hand.read(set, 'shop.Purchase', written), await hand.read(set, 'shop.Purchase', bytes))
      // Maps apart, whose order is free, the very bytes are the same.
      assert.equal(written.length, bytes.length)
    }
  })

  it('Protobuf: proto2, every kind of number, groups, extensions, Any', async () => {
    const set = await compileProto({ 'kinds.proto': KINDS })
    const message = messageOf(KINDS, 'kinds.All')
    const json = {
      a: -5,
      c: '18446744073709551615',
      d: -2147483648,
      e: 3.25,
      f: true,
      g: [0.1, '-Infinity'],
      h: ['1', '9007199254740993'],
      i: '/w==',
      j: { '-9223372036854775808': 'least' },
      any: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1s' },
      mask: 'oneTwo,three',
      empty: {},
    }
    const withoutAny = { ...json, any: undefined }
    const bytes = await hand.protobuf(set, 'kinds.All', withoutAny)
    // A group and an extension, as Java writes them: tags 11 (start, end) and 100.
    const more = Buffer.concat([bytes, Buffer.from('5b08055c', 'hex'), Buffer.from('a2060178', 'hex')])
    assert.equal(
      readWhole(message, more).text,
      '{"a":-5,"b":-7,"c":18446744073709551615,"d":-2147483648,"e":3.25,"f":true,"g":[0.1,"-Infinity"],"h":[1,9007199254740993],"i":"/w==","j":{"-9223372036854775808":"least"},"k":{"x":5},"level":"HIGH","any":null,"mask":{"paths":["one_two","three"]},"empty":{}}',
    )
    const written = encodeProtobuf(message, readWhole(message, bytes).value as Map<string, never>)
    assert.deepEqual(await hand.read(set, 'kinds.All', written), {
      ...((await hand.read(set, 'kinds.All', bytes)) as object),
      b: '-7',
      level: 'HIGH',
    })
    const any = encodeProtobuf(
      message,
      new Map<string, never>(
        Object.entries({
          a: 1,
          any: new Map<string, unknown>([
            ['type_url', 'type.googleapis.com/google.protobuf.Empty'],
            ['value', new Uint8Array(0)],
          ]),
        }) as never,
      ),
    )
    assert.match(
      readWhole(message, Buffer.from(any)).text ?? '',
      /"any":\{"@type":"type.googleapis.com\/google.protobuf.Empty"\}/,
    )
    assert.equal(
      reader(messageDecoder(message, 'protobuf'), [{ path: ['a'], parts: ['value'], type: { kind: 'int' } }])(
        Buffer.alloc(0),
      ),
      'bad',
      'a required field is missing',
    )
  })

  it('windowed keys of Kafka Streams', async () => {
    const tw = windowedDecoder('TW', primitiveDecoder('STRING'))
    const sw = windowedDecoder('SW', primitiveDecoder('STRING'))
    const text = (decoder: typeof tw, bytes: Buffer): unknown =>
      reader(decoder, [{ path: [], parts: ['text'], type: decoder.type }], { validate: true })(bytes, 1)
    assert.deepEqual(text(tw, (await hand.window('TW', 'schlüssel', 1704067200000, 1704067260000)).bytes), [
      { text: '{"key":"schlüssel","windowStart":"2024-01-01T00:00:00Z"}' },
    ])
    assert.deepEqual(text(sw, (await hand.window('SW', 'k', 1704067200000, 1704067260500)).bytes), [
      { text: '{"key":"k","windowStart":"2024-01-01T00:00:00Z","windowEnd":"2024-01-01T00:01:00.5Z"}' },
    ])
    for (const kind of ['TW', 'SW'] as const)
      for (const [key, start, end] of [
        ['', 0, 1],
        ['schlüssel', 1704067200000, 1704067260500],
        ['k', 5, 9007199254740991],
      ] as const) {
        const inner = primitiveEncoder('STRING')
        assert.ok(inner !== undefined)
        const { bytes, partition } = await hand.window(kind, key, start, end)
        const written = windowedEncoder(kind, inner).encode(
          new Map<string, string | number>([
            ['key', key],
            ['windowStart', start],
            ['windowEnd', end],
          ]),
        )
        assert.deepEqual(Buffer.from(written), bytes, `${kind} ${key}`)
        assert.equal(partitionOfKey(Buffer.from(key), 100), partition, 'the hash of the key without its window')
      }
  })
})

const shared = await sharedCluster()
const noApicurio = await lacking(apicurioLibraries)

describe('formats on a real Kafka with a real registry', { skip: shared.skip }, () => {
  const cluster = new Cluster({ brokers: [shared.kafka.bootstrap] })
  const log = createKafkaLog(cluster)
  const catalog = createCatalog({ cluster, log, registry: createRegistry({ url: shared.registry.url }) })
  after(() => {
    catalog.close()
    log.close()
    cluster.close()
  })
  const rows = async (sql: string): Promise<unknown[]> => {
    const frames: string[] = []
    await runRequest(
      { sql, live: false },
      { catalog, log },
      { send: (frame) => void frames.push(frame), drained: () => undefined },
      new AbortController().signal,
    )
    return frames
      .map((frame) => JSON.parse(frame) as { type: string; data: { value: unknown } })
      .filter(({ type }) => type === 'RECORD' || type === 'ERROR' || type === 'BADRECORD')
      .map(({ type, data }) => (type === 'RECORD' ? data.value : data))
  }

  it('Protobuf with a reference to another file, two versions, two messages', async () => {
    const topic = topicName('proto')
    const hand = await kafkaHand(shared.kafka.bootstrap)
    try {
      const PART = 'syntax = "proto3"; package acme; message Part { string sku = 1; int32 n = 2; }'
      const V1 =
        'syntax = "proto3"; package acme; import "part.proto"; message Build { int64 id = 1; repeated Part parts = 2; } message Stop { string why = 1; }'
      const V2 = V1.replace('int64 id = 1;', 'int64 id = 1; optional string note = 3;')
      await hand.create(topic)
      await registerSchema(shared.registry.url, `${topic}-part`, PART, { schemaType: 'PROTOBUF' })
      const references = [{ name: 'part.proto', subject: `${topic}-part`, version: 1 }]
      const one = await registerSchema(shared.registry.url, `${topic}-value`, V1, {
        schemaType: 'PROTOBUF',
        references,
      })
      const two = await registerSchema(shared.registry.url, `${topic}-value`, V2, {
        schemaType: 'PROTOBUF',
        references,
      })
      const hex = (text: string): Buffer => Buffer.from(text, 'hex')
      await hand.produce(topic, [
        { key: 'a', value: framed(one, hex('0008011205' + '0a0178' + '1005')), partition: 0 },
        { key: 'b', value: framed(two, hex('0008021a016e')), partition: 0 },
        { key: 'c', value: framed(two, hex('02020a03656e64')), partition: 0 },
      ])
      assert.deepEqual(await rows(`SELECT id, parts[0].sku AS sku, note, why FROM \`${topic}\``), [
        { id: 1, sku: 'x', note: null, why: null },
        { id: 2, sku: null, note: 'n', why: null },
        { id: null, sku: null, note: null, why: 'end' },
      ])
      assert.deepEqual(await rows(`SELECT COUNT(*) AS n FROM \`${topic}\` WHERE parts[0].n = 5`), [{ n: 1 }])
    } finally {
      await hand.close()
    }
  })

  it('eight-byte global ids of Apicurio, with a reference', async () => {
    const topic = topicName('wide')
    const hand = await kafkaHand(shared.kafka.bootstrap)
    try {
      const api = `${shared.registry.root}/apis/registry/v3`
      const create = async (artifactId: string, content: string, references: object[] = []): Promise<number> => {
        const body = {
          artifactId,
          artifactType: 'AVRO',
          firstVersion: { version: '1', content: { content, contentType: 'application/json', references } },
        }
        const response = await fetch(`${api}/groups/default/artifacts`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
        const answer = (await response.json()) as { version?: { globalId?: number } }
        assert.ok(answer.version?.globalId !== undefined, JSON.stringify(answer))
        return answer.version.globalId
      }
      const PART = '{"type":"record","name":"Part","namespace":"acme","fields":[{"name":"n","type":"int"}]}'
      const WHOLE =
        '{"type":"record","name":"Whole","namespace":"acme","fields":[{"name":"id","type":"long"},{"name":"part","type":"Part"}]}'
      await create(`${topic}-part`, PART)
      const id = await create(topic, WHOLE, [
        { groupId: 'default', artifactId: `${topic}-part`, version: '1', name: 'acme.Part' },
      ])
      const head = Buffer.alloc(9)
      head.writeBigInt64BE(BigInt(id), 1)
      await hand.create(topic)
      const payload = (n: number): Buffer => encodeAvro(WHOLE, { id: n, part: { n: n * 2 } }, [PART])
      await hand.produce(
        topic,
        [1, 2, 3].map((n) => ({ key: null, value: Buffer.concat([head, payload(n)]), partition: 0 })),
      )
      assert.deepEqual(await rows(`SELECT id, part.n AS n FROM \`${topic}\` WHERE part.n > 2`), [
        { id: 2, n: 4 },
        { id: 3, n: 6 },
      ])
    } finally {
      await hand.close()
    }
  })

  it('what Apicurio’s own serializer writes: ids in headers, of both kinds, and eight-byte ids', {
    skip: noApicurio,
  }, async () => {
    const hand = await kafkaHand(shared.kafka.bootstrap)
    const apicurio = await apicurioHand(`${shared.registry.root}/apis/registry/v2`)
    const schema = (...more: string[]): string =>
      `{"type":"record","name":"Reading","namespace":"acme","fields":[{"name":"n","type":"long"},{"name":"unit","type":["null","string"]}${more.join('')}]}`
    const V2 = schema(',{"name":"extra","type":"string","default":""}')
    const json = (n: number): object => ({ n, unit: n === 2 ? null : { string: `u${n}` } })
    try {
      const manners: Readonly<Record<string, Readonly<Record<string, string>>>> = {
        global: { 'apicurio.registry.headers.enabled': 'true', 'apicurio.registry.use-id': 'globalId' },
        content: { 'apicurio.registry.headers.enabled': 'true', 'apicurio.registry.use-id': 'contentId' },
        payload: { 'apicurio.registry.headers.enabled': 'false', 'apicurio.registry.use-id': 'globalId' },
      }
      for (const [what, config] of Object.entries(manners)) {
        const topic = topicName(`apicurio-${what}`)
        await hand.create(topic)
        const key = await apicurio.serialize({
          config,
          topic,
          key: true,
          schema: '{"type":"record","name":"K","fields":[{"name":"id","type":"int"}]}',
          json: { id: 5 },
        })
        const values = [
          await apicurio.serialize({ config, topic, schema: schema(), json: json(1) }),
          await apicurio.serialize({ config, topic, schema: schema(), json: json(2) }),
          await apicurio.serialize({
            config: { ...config, 'apicurio.registry.if-exists': 'RETURN_OR_UPDATE' },
            topic,
            schema: V2,
            json: { ...json(3), extra: 'x' },
          }),
        ]
        await hand.produce(
          topic,
          values.map(({ bytes, headers }) => ({
            key: key.bytes,
            value: bytes,
            partition: 0,
            headers: [...key.headers, ...headers],
          })),
        )
        assert.deepEqual(
          await rows(`SELECT _key.id AS k, n, unit, extra FROM \`${topic}\``),
          [
            { k: 5, n: 1, unit: 'u1', extra: null },
            { k: 5, n: 2, unit: null, extra: null },
            { k: 5, n: 3, unit: 'u3', extra: 'x' },
          ],
          what,
        )
        const table = await catalog.table(topic)
        assert.deepEqual(
          [table?.key.format, table?.value.format, table?.value.detail],
          [
            'AVRO',
            'AVRO',
            what === 'payload' ? 'eight-byte ids in the records' : 'schema ids in the headers of the records',
          ],
        )
      }
    } finally {
      await apicurio.close()
      await hand.close()
    }
  })

  it('JSON Schema: its columns are known, its records are JSON', async () => {
    const topic = topicName('jsonschema')
    const hand = await kafkaHand(shared.kafka.bootstrap)
    try {
      await hand.create(topic)
      const schema = { type: 'object', properties: { id: { type: 'integer' }, name: { type: 'string' } } }
      const id = await registerSchema(shared.registry.url, `${topic}-value`, schema, { schemaType: 'JSON' })
      await hand.produce(topic, [
        { key: 'a', value: framed(id, Buffer.from('{"id":9007199254740993,"name":"n","more":1}')), partition: 0 },
      ])
      const table = await catalog.table(topic)
      assert.deepEqual(
        [table?.value.format, table?.value.declared?.fields.map((field) => field.name)],
        ['JSONSCHEMA', ['id', 'name']],
      )
      assert.deepEqual(await rows(`SELECT CAST(id AS string) AS id, name, more FROM \`${topic}\``), [
        { id: '9007199254740993', name: 'n', more: 1 },
      ])
    } finally {
      await hand.close()
    }
  })
})
