/** Topics as tables, on a Kafka and a registry in memory: how formats are found, explained, remembered and given up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FacetDecoder } from '../../../src/formats/format.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Table, TableFacet } from '../../../src/plan/catalog.ts'
import { RegistryError, type Registry } from '../../../src/registry/registry.ts'
import type { StructType } from '../../../src/types.ts'
import { encodeAvro, framed } from '../../support/avro-encode.ts'
import { decodeText } from '../../support/decode.ts'
import type { ExactJson } from '../../support/exact-json.ts'
import {
  type MemoryRegistry,
  memoryWorld,
  type WorldFormat,
  type WorldOptions,
  type WorldTopic,
  type WorldValue,
} from '../../support/memory-world.ts'

const V1 = '{"type":"record","name":"Pay","fields":[{"name":"id","type":"int"},{"name":"amount","type":"float"}]}'
const V2 =
  '{"type":"record","name":"Pay","fields":[{"name":"id","type":"long"},{"name":"amount","type":"double"},{"name":"note","type":["null","string"],"default":null}]}'
const V3 =
  '{"type":"record","name":"Pay","fields":[{"name":"id","type":"long"},{"name":"note","type":"string"},{"name":"city","type":"string"}]}'
const PROTO = 'syntax = "proto3"; message Pay { int64 id = 1; }'

function topic(name: string, values: readonly (WorldValue | ExactJson)[], more: Partial<WorldTopic> = {}): WorldTopic {
  const literal = (v: WorldValue | ExactJson): WorldValue =>
    v === null || v instanceof Uint8Array || (typeof v === 'object' && 'json' in v)
      ? (v as WorldValue)
      : { json: v as ExactJson }
  return {
    name,
    detect: true,
    records: values.map((v, i) => ({
      partition: i % (more.partitions ?? 1),
      timestampMs: 1_700_000_000_000 + i,
      key: null,
      value: literal(v),
    })),
    ...more,
  }
}

async function tableOf(topics: readonly WorldTopic[], options: WorldOptions = {}): Promise<Table> {
  const table = await memoryWorld(topics, options).catalog.table(topics[0].name)
  assert.ok(table !== undefined)
  return table
}

async function valueFacet(
  values: readonly (WorldValue | ExactJson)[],
  value: WorldFormat,
  options: WorldOptions = {},
  more: Partial<WorldTopic> = {},
): Promise<TableFacet> {
  return (await tableOf([topic('t', values, { value, ...more })], options)).value
}

const summary = (facet: TableFacet): string => `${facet.format} ${facet.framing} ${facet.origin}: ${facet.detail}`
const fields = (facet: TableFacet): string[] =>
  (facet.type as StructType).fields.map((f) => `${f.name} ${f.type.kind}${f.nullable ? '?' : ''}`)

/** A registry that does not answer while `isDown()` says so. */
const failing =
  (isDown: () => boolean) =>
  (inner: MemoryRegistry): Registry =>
    new Proxy(inner, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        return (...args: unknown[]) =>
          isDown()
            ? Promise.reject(
                new RegistryError('Schema registry at http://registry:8081 cannot be reached: connect ECONNREFUSED.', {
                  status: 0,
                }),
              )
            : (member.apply(target, args) as unknown)
      },
    })

test('a table: partitions, time stamps, compaction; an unknown topic is none', async () => {
  const { catalog } = memoryWorld([topic('t', ['{}'], { partitions: 3, compacted: true, logAppendTime: true })])
  const table = await catalog.table('t')
  assert.deepEqual(
    [table?.name, table?.topic, table?.partitions, table?.timestampType, table?.compacted],
    ['t', 't', [0, 1, 2], 'LogAppendTime', true],
  )
  for (const name of ['T', 'nope', '', 'a/b', 'x'.repeat(300), '..'])
    assert.equal(await catalog.table(name), undefined, name)
})

test('Avro by subject: the type is merged over all versions, decoders are those of the writers', async () => {
  const facet = await valueFacet([{ json: { id: 1, amount: 0.5 }, writer: 1 }], { name: 'AVRO', schemas: [V1, V2, V3] })
  assert.equal(summary(facet), 'AVRO confluent registry: registry subject t-value, version 3, merged with 2 older')
  assert.deepEqual(fields(facet), ['id long', 'note string?', 'city string?', 'amount double?'])
  assert.equal(facet.unreadable, undefined)
  const first = await facet.decoder(1)
  assert.equal(first.title, 'avro 1')
  assert.equal(decodeText(first, encodeAvro(V1, { id: 7, amount: 0.5 })), '{"id":7,"amount":0.5}')
  assert.equal(facet.decoder(1), first, 'a known decoder is there at once')
  assert.equal(
    decodeText(await facet.decoder(2), encodeAvro(V2, { id: 2n ** 60n, amount: 1, note: 'x' })),
    '{"id":1152921504606846976,"amount":1.0,"note":"x"}',
  )
})

test('decoders of ids that cannot be used are errors with a sentence', async () => {
  const world = memoryWorld([topic('t', [], { value: { name: 'AVRO', schemas: [V1] } })])
  const proto = world.registry.add('p-value', PROTO, 'PROTOBUF')
  const broken = world.registry.add('b-value', '{"type":"record"}', 'AVRO')
  const json = world.registry.add('j-value', '{"type":"object"}', 'JSON')
  const facet = (await world.catalog.table('t'))?.value as TableFacet
  const decoder = (id: number | undefined): unknown => facet.decoder(id)
  await assert.rejects(async () => decoder(77), {
    message: 'The schema registry at memory:registry does not know schema 77.',
  })
  assert.equal(
    decodeText((await decoder(proto)) as FacetDecoder, Buffer.from([0, 8, 5])),
    '{"id":5}',
    'a record of another format among Avro',
  )
  await assert.rejects(async () => decoder(broken), /^Error: Schema \d+ cannot be used: /)
  await assert.rejects(async () => decoder(undefined), { message: 'The record carries no schema id.' })
  assert.equal(decodeText(await facet.decoder(json), Buffer.from('{"a":1}')), '{"a":1}')
})

test('a schema with references', async () => {
  const world = memoryWorld([topic('t', [])])
  const registry: Registry = Object.assign(Object.create(world.registry) as Registry, {
    versions: async (subject: string) => (subject === 't-value' ? [1] : []),
    schema: async () => ({
      type: 'AVRO',
      id: 5,
      version: 1,
      text: '{"type":"record","name":"Order","namespace":"x","fields":[{"name":"to","type":"x.Person"},{"name":"city","type":"x.City"}]}',
      references: [
        {
          name: 'x.City',
          subject: 'city',
          version: 1,
          type: 'AVRO',
          text: '{"type":"record","name":"City","namespace":"x","fields":[{"name":"zip","type":"string"}]}',
        },
        {
          name: 'x.Person',
          subject: 'person',
          version: 1,
          type: 'AVRO',
          text: '{"type":"record","name":"Person","namespace":"x","fields":[{"name":"home","type":"City"}]}',
        },
      ],
    }),
  })
  const facet = await valueFacet([], { name: 'JSON' }, { registry: () => registry })
  assert.deepEqual(fields(facet), ['to struct', 'city struct'])
  const decoder = (await facet.decoder(5)) as FacetDecoder
  assert.equal(
    decodeText(decoder, Buffer.from([4, 0x61, 0x62, 4, 0x63, 0x64])),
    '{"to":{"home":{"zip":"ab"}},"city":{"zip":"cd"}}',
  )
})

test('Avro under a subject of another name is found by the ids in the records', async () => {
  const facet = await valueFacet(
    [{ json: { id: 1, amount: 1 }, writer: 1 }, null, { json: { id: 2, amount: 1, note: null }, writer: 2 }],
    {
      name: 'AVRO',
      schemas: [V1, V2, V3],
      subject: 'com.acme.Pay',
    },
  )
  assert.equal(
    summary(facet),
    'AVRO confluent sampled: schema ids in the records, registry subject com.acme.Pay, merged with 2 older',
  )
  assert.deepEqual(fields(facet), ['id long', 'note string?', 'city string?', 'amount double?'])
  assert.equal((await facet.decoder(2)).title, 'avro 2')
})

test('JSON, STRING, LONG, INT and BYTES are told apart by looking at records', async () => {
  const seen = async (
    values: readonly ExactJson[],
    name: 'JSON' | 'STRING' | 'LONG' | 'INT' | 'BYTES',
  ): Promise<string> => summary(await valueFacet(values, { name }))
  const numbers = Array.from({ length: 30 }, (_, i) => i * 7919 + 1)
  assert.equal(await seen([{ a: 1 }, [2], { a: 'x' }], 'JSON'), 'JSON none sampled: 3 of 3 samples are JSON')
  assert.equal(await seen(['hello', 'grüezi', 'x y'], 'STRING'), 'STRING none sampled: 3 of 3 samples are text')
  assert.equal(await seen(numbers, 'LONG'), 'LONG none sampled: 20 of 20 samples have 8 bytes that are no text')
  assert.equal(await seen(numbers, 'INT'), 'INT none sampled: 20 of 20 samples have 4 bytes that are no text')
  assert.equal(
    await seen(['\u00ff\u00fe\u0000\u0001\u0002', '\u0080\u0081\u0082'], 'BYTES'),
    'BYTES none sampled: 2 of 2 samples are neither text nor JSON nor numbers of one size',
  )
})

test('LONG values whose bytes could be taken for a framed id stay LONG', async () => {
  const world = memoryWorld([
    topic(
      't',
      Array.from({ length: 20 }, (_, i) => 2 ** 24 + i * 104_729),
      { value: { name: 'LONG' } },
    ),
  ])
  assert.equal(world.registry.add('other-value', V1, 'AVRO'), 1)
  assert.equal((await world.catalog.table('t'))?.value.format, 'LONG')
})

test('an empty topic and a topic of tombstones: nothing is known, and it is looked at again next time', async () => {
  const world = memoryWorld([topic('t', []), topic('stones', [null, null])])
  const [empty, stones] = [await world.catalog.table('t'), await world.catalog.table('stones')]
  assert.equal(summary(empty?.value as TableFacet), 'JSON none default: the topic is empty')
  assert.equal(summary(empty?.key as TableFacet), 'STRING none default: the topic is empty')
  assert.equal(summary(stones?.value as TableFacet), 'JSON none default: the newest 2 values are null')
  const before = world.scans.length
  await world.catalog.table('stones')
  assert.ok(world.scans.length > before)
})

test('a few damaged records do not change the verdict', async () => {
  const garbage = Buffer.from('00ffffffffdeadbeef', 'hex')
  const facet = await valueFacet(
    [{ json: { id: 1, amount: 1 } }, garbage, { json: { id: 2, amount: 1 } }, { json: { id: 3, amount: 1 } }],
    {
      name: 'AVRO',
      schemas: [V1],
      subject: 'Pay',
    },
  )
  assert.equal(facet.format, 'AVRO')
})

test('compaction gaps at the end of the log: the records that are left are looked at', async () => {
  const t = topic('t', [])
  const facet = (
    await tableOf([
      {
        ...t,
        records: [
          { partition: 0, timestampMs: 0, key: null, value: { json: { a: 1 } } },
          { partition: 0, timestampMs: 0, key: null, value: null, offset: 5000 },
        ],
      },
    ])
  ).value
  assert.equal(facet.format, 'JSON')
})

test('a registry that does not answer takes nothing away from topics that do not need it', async () => {
  const options: WorldOptions = { registry: failing(() => true) }
  const json = await valueFacet([{ a: 1 }], { name: 'JSON' }, options)
  assert.equal(
    summary(json),
    'JSON none sampled: 1 of 1 samples are JSON; Schema registry at http://registry:8081 cannot be reached: connect ECONNREFUSED.',
  )
  assert.equal(json.unreadable, undefined)
  const configured = await valueFacet(
    [{ a: 1 }],
    { name: 'JSON' },
    { ...options, formats: { t: { key: 'STRING', value: 'JSON' } } },
  )
  assert.equal(summary(configured), 'JSON none configured: for this topic')
})

test('a framed topic without its registry says so; it is readable as soon as the registry is back, and stays so when it goes again', async () => {
  let down = true
  let now = 0
  const values = [{ json: { id: 1, amount: 1 } }, { json: { id: 2, amount: 1 } }]
  const { catalog } = memoryWorld([topic('t', values, { value: { name: 'AVRO', schemas: [V1] } })], {
    registry: failing(() => down),
    clock: { ...systemClock, now: () => now },
  })
  const value = async (): Promise<TableFacet> => (await catalog.table('t'))?.value as TableFacet
  const unreadable = (await value()).unreadable ?? ''
  assert.match(
    unreadable,
    /^The values look as if they were written with a schema registry, schema 1\. Schema registry at http:\/\/registry:8081 cannot be reached: .* configure the format BYTES for topic t\.$/,
  )
  down = false
  assert.deepEqual([(await value()).format, (await value()).unreadable], ['AVRO', undefined])
  down = true
  now += 3_600_000
  assert.deepEqual([(await value()).format, (await value()).unreadable], ['AVRO', undefined])
})

test('a framed topic without a registry, or with ids that it does not know', async () => {
  const framedAll = Array.from({ length: 12 }, (_, i) => framed(700 + (i % 2), Buffer.alloc(i + 1, 0xff)))
  const none = await valueFacet(framedAll, { name: 'BYTES' }, { registry: null })
  assert.match(
    none.unreadable ?? '',
    /written with a schema registry, schema 700, 701\. No schema registry is configured\. If they are plain bytes, configure/,
  )
  const unknown = await valueFacet(framedAll, { name: 'BYTES' })
  assert.match(unknown.unreadable ?? '', /The schema registry at memory:registry does not know them\./)
  assert.equal(none.format, 'AVRO')
  await assert.rejects(async () => none.decoder(7), /No schema registry is configured/)
})

test('a subject beside records without its frame: the records count', async () => {
  const plain = memoryWorld([topic('t', [{ a: 1 }, { a: 2 }, { a: 3 }]), topic('few', [{ a: 1 }, { a: 2 }])])
  for (const name of ['t', 'few']) plain.registry.add(`${name}-value`, V1, 'AVRO')
  assert.equal(
    summary((await plain.catalog.table('t'))?.value as TableFacet),
    'JSON none sampled: 3 of 3 samples are JSON; registry subject t-value, version 1 is there, but no record is framed for it',
  )
  assert.equal((await plain.catalog.table('few'))?.value.format, 'AVRO', 'too few records to overrule the registry')
})

test('PROTOBUF and JSON Schema', async () => {
  const world = memoryWorld([
    topic('p', []),
    topic('j', [{ json: { a: 1 } }], { value: { name: 'JSONSCHEMA', schemas: ['{"type":"object"}'] } }),
  ])
  world.registry.add('p-value', PROTO, 'PROTOBUF')
  const proto = (await world.catalog.table('p'))?.value as TableFacet
  assert.equal(summary(proto), 'PROTOBUF confluent registry: registry subject p-value, version 1')
  assert.deepEqual(fields(proto), ['id long'])
  assert.deepEqual([...(proto.writer?.encoder?.encode(new Map([['id', 5]])) ?? [])], [0, 8, 5])
  const json = (await world.catalog.table('j'))?.value as TableFacet
  assert.equal(summary(json), 'JSONSCHEMA confluent registry: registry subject j-value, version 1')
  assert.equal(decodeText(await json.decoder(1), Buffer.from('{"a":1}')), '{"a":1}')
})

test('a version that is no schema is named and passed over', async () => {
  const facet = await valueFacet([], { name: 'AVRO', schemas: ['{"type":"nonsense"}', V1] })
  assert.deepEqual(fields(facet), ['id int', 'amount float'])
  assert.match(facet.detail, /^registry subject t-value, version 2; Schema 1 cannot be used: /)
  const only = await valueFacet([], { name: 'AVRO', schemas: ['{"type":"nonsense"}'] })
  assert.match(only.unreadable ?? '', /^Schema 1 cannot be used: /)
})

test('configured formats: the name wins over patterns, each side by itself; what cannot be used is named', async () => {
  const bad = { value: 'CSV', csv: { delimiter: '"' } } as const
  const formats = {
    '*': { key: 'LONG', value: 'STRING' },
    'log-*': { value: 'JSON' },
    'log-a': { key: 'BYTES' },
    bad,
  } as const
  const world = memoryWorld(
    ['log-a', 'log-b', 'other', 'bad'].map((name) => topic(name, [])),
    { formats },
  )
  const seen = async (name: string): Promise<string[]> => {
    const table = await world.catalog.table(name)
    return [table?.key, table?.value].map((f) => `${f?.format}: ${f?.detail}`)
  }
  assert.deepEqual(await seen('log-a'), ['BYTES: for this topic', 'JSON: for topics log-*'])
  assert.deepEqual(await seen('log-b'), ['LONG: for topics *', 'JSON: for topics log-*'])
  assert.deepEqual(await seen('other'), ['LONG: for topics *', 'STRING: for topics *'])
  assert.equal(
    (await world.catalog.table('bad'))?.value.unreadable,
    'The delimiter and the quote of CSV are the same character.',
  )
  assert.equal(world.scans.length, 0)
})

test('configured AVRO: by subject, by ids, without either', async () => {
  const formats = { t: { value: 'AVRO' } } as const
  const avro: WorldFormat = { name: 'AVRO', schemas: [V1] }
  const bySubject = await valueFacet([], avro, { formats })
  assert.equal(summary(bySubject), 'AVRO confluent configured: for this topic; registry subject t-value, version 1')
  const byIds = await valueFacet([{ json: { id: 1, amount: 1 } }], { ...avro, subject: 'Pay' }, { formats })
  assert.equal(
    summary(byIds),
    'AVRO confluent configured: for this topic; schema ids in the records, registry subject Pay',
  )
  const empty = await valueFacet([], { name: 'JSON' }, { formats })
  assert.equal(summary(empty), 'AVRO confluent configured: for this topic; no schema is known yet')
  const none = await valueFacet([], { name: 'JSON' }, { formats, registry: null })
  assert.equal(none.unreadable, 'AVRO is configured, and no schema registry is.')
})

test('what was found is remembered: samples for a minute, subjects until they have another version', async () => {
  let now = 0
  const clock = { ...systemClock, now: () => now }
  const records = [
    {
      partition: 0,
      timestampMs: 0,
      key: { json: { id: 1, note: '', city: '' } },
      value: { json: { id: 1, amount: 1 } },
    },
  ]
  const avroTopic = topic('a', [], {
    value: { name: 'AVRO', schemas: [V1] },
    key: { name: 'AVRO', schemas: [V3] },
    records,
  })
  const world = memoryWorld([topic('j', [{ a: 1 }]), avroTopic], { clock })
  const one = await world.catalog.table('j')
  const scans = world.scans.length
  now = 59_000
  assert.equal((await world.catalog.table('j'))?.value, one?.value)
  now = 61_000
  assert.notEqual((await world.catalog.table('j'))?.value, one?.value)
  assert.ok(world.scans.length > scans)
  const avro = await world.catalog.table('a')
  world.registry.add('a-value', V2, 'AVRO')
  assert.equal((await world.catalog.table('a'))?.value, avro?.value)
  now += 10_000
  const later = await world.catalog.table('a')
  assert.deepEqual(fields(later?.value as TableFacet), ['id long', 'amount double', 'note string?'])
  assert.equal(later?.key, avro?.key)
})

test('tables and configuration', async () => {
  const world = memoryWorld([
    topic('pay', [], { partitions: 2, compacted: true }),
    topic('__consumer_offsets', []),
    topic('_schemas', []),
    topic('__transaction_state', []),
  ])
  assert.deepEqual(await world.catalog.tables(), [
    { name: '__consumer_offsets', type: 'SYSTEM', partitions: 1, replicas: 1 },
    { name: '__transaction_state', type: 'SYSTEM', partitions: 1, replicas: 1 },
    { name: '_schemas', type: 'SYSTEM', partitions: 1, replicas: 1 },
    { name: 'pay', type: 'USER', partitions: 2, replicas: 1 },
  ])
  assert.deepEqual(await world.catalog.configuration('pay'), [
    { name: 'cleanup.policy', value: 'compact' },
    { name: 'message.timestamp.type', value: 'CreateTime' },
    { name: 'retention.ms', value: '604800000' },
  ])
  assert.deepEqual(await world.catalog.configuration('nope'), [])
})

test('what was asked before a table was made anew is not remembered afterwards', async () => {
  const world = memoryWorld([topic('t', [{ a: 1 }])])
  const [before] = await Promise.all([
    world.catalog.table('t'),
    Promise.resolve().then(() => world.catalog.forget('t')),
  ])
  assert.equal(before?.value.format, 'JSON')
  await world.administration.deleteTopic('t', new AbortController().signal)
  assert.equal(await world.catalog.table('t'), undefined)
  await world.administration.createTopic(
    { name: 't', partitions: 4, replication: 1, config: {} },
    new AbortController().signal,
  )
  assert.equal((await world.catalog.table('t'))?.partitions.length, 4)
})

test('schemas of other subjects that the records carry take part in the table, and the description names them', async () => {
  // Ids are given in the order of registration: the other topic's schema has 1, the topic's own 2.
  const other = topic('other', [{ id: 1, note: 'n', city: 'c' }], { value: { name: 'AVRO', schemas: [V3] } })
  const stranger = (id: number): Buffer => framed(1, encodeAvro(V3, { id, note: 'n', city: 'Oslo' }))
  const own = topic('t', [{ id: 1, amount: 0.5 }, stranger(2), { id: 3, amount: 1.5 }, stranger(4)], {
    value: { name: 'AVRO', schemas: [V1] },
  })
  const { catalog } = memoryWorld([other, own])
  const table = await catalog.table('t')
  assert.ok(table !== undefined)
  assert.deepEqual(fields(table.value), ['id long', 'amount float?', 'note string?', 'city string?'])
  assert.match(
    summary(table.value),
    /registry subject t-value, version 1.*in the records also schema 1 \(other-value\)/,
  )
  // A number that the registry does not know changes nothing.
  const lone = topic('t', [{ id: 1, amount: 0.5 }, framed(99, Buffer.from([2])), { id: 3, amount: 1.5 }], {
    value: { name: 'AVRO', schemas: [V1] },
  })
  assert.deepEqual(fields((await tableOf([lone])).value), ['id int', 'amount float'])
})

test('keys and values by the same rules: a few strangers leave either what it is, and the description counts them', async () => {
  const int = (n: number): Buffer => Buffer.from([0, 0, n >> 8, n])
  const seen = async (payloads: readonly Buffer[]): Promise<string[]> => {
    const records = payloads.map((bytes, i) => ({ partition: 0, timestampMs: i, key: bytes, value: bytes }))
    const table = await tableOf([topic('t', [], { key: { name: 'BYTES' }, value: { name: 'BYTES' }, records })])
    assert.deepEqual(summary(table.key), summary(table.value))
    return [table.key.format, table.key.detail]
  }
  const ints = Array.from({ length: 12 }, (_, i) => int(i))
  assert.deepEqual(await seen([...ints, Buffer.from('hello')]), [
    'INT',
    '12 of 13 samples have 4 bytes that are no text',
  ])
  const documents = Array.from({ length: 12 }, (_, i) => Buffer.from(`<a>${i}</a>`))
  assert.deepEqual(await seen([...documents, Buffer.from('<a>1')]), ['XML', '12 of 13 samples are XML documents'])
  assert.deepEqual(await seen([...documents.slice(0, 5), Buffer.from('<a>1'), Buffer.from('<a')]), [
    'XML|STRING',
    'of 7 samples 5 XML, 2 text',
  ])
  const objects = Array.from({ length: 6 }, (_, i) => Buffer.from(`{"a":${i}}`))
  assert.deepEqual(await seen([...objects, ...documents.slice(0, 5)]), ['JSON|XML', 'of 11 samples 6 JSON, 5 XML'])
  assert.deepEqual(await seen([...objects, ...Array.from({ length: 4 }, () => Buffer.alloc(0))]), [
    'JSON',
    '6 of 6 samples are JSON',
  ])
  assert.deepEqual(await seen([...objects, Buffer.from('1'), Buffer.from('2')]), ['JSON', '8 of 8 samples are JSON'])
})

test('framed records among others while the registry does not answer: the others are read, and those say why they are not', async () => {
  let down = true
  let now = 0
  const values = (json: number, written: number): WorldValue[] => [
    ...Array.from({ length: json }, (_, i): WorldValue => Buffer.from(`{"id":${i}}`)),
    ...Array.from({ length: written }, (_, i): WorldValue => ({ json: { id: 100 + i, amount: 1 } })),
  ]
  const seen = async (json: number, written: number): Promise<TableFacet> =>
    valueFacet(values(json, written), { name: 'AVRO', schemas: [V1] }, { registry: failing(() => down) })
  for (const [json, written] of [
    [6, 5],
    [5, 6],
  ]) {
    const facet = await seen(json, written)
    assert.equal(facet.format, 'AVRO|JSON')
    assert.match(
      facet.detail,
      /^of 11 samples \d framed for a schema registry, \d JSON; Schema registry at http:\/\/registry:8081 cannot be reached/,
    )
  }
  assert.match(
    (await seen(1, 8)).unreadable ?? '',
    /written with a schema registry, schema 1\. Schema registry at http:\/\/registry:8081 cannot be reached/,
  )
  assert.match((await seen(8, 1)).detail, /^8 of 9 samples are JSON; Schema registry at .* cannot be reached/)
  const { catalog } = memoryWorld(
    [topic('t', values(6, 5), { value: { name: 'AVRO', schemas: [V1], subject: 'other' } })],
    {
      registry: failing(() => down),
      clock: { ...systemClock, now: () => now },
    },
  )
  assert.match((await catalog.table('t'))?.value.detail ?? '', /cannot be reached/)
  down = false
  now += 10_000
  assert.equal(
    (await catalog.table('t'))?.value.detail,
    'of 11 samples 5 framed for a schema registry, 6 JSON',
    'it is looked at again',
  )
})

test('a subject beside records of which a single one is framed: the records count', async () => {
  const values: WorldValue[] = Array.from({ length: 12 }, (_, i): WorldValue => Buffer.from(`{"a":${i}}`))
  const facet = await valueFacet([...values, { json: { id: 1, amount: 1 } }], { name: 'AVRO', schemas: [V1] })
  assert.equal(
    summary(facet),
    'JSON none sampled: 12 of 13 samples are JSON; registry subject t-value, version 1 is there, but only 1 of 13 samples are framed for it',
  )
})

test('the order of the records in the sample does not matter: the schemas of most of them decide, of as many the newest', async () => {
  const seen = async (values: readonly Buffer[]): Promise<string> => {
    const t = topic('t', values, { value: { name: 'BYTES' } })
    const world = memoryWorld([t])
    assert.deepEqual([world.registry.add('a', V1, 'AVRO'), world.registry.add('p', PROTO, 'PROTOBUF')], [1, 2])
    return (await world.catalog.table('t'))?.value.format ?? ''
  }
  const avro = framed(1, encodeAvro(V1, { id: 7, amount: 0.5 }))
  const proto = framed(2, Buffer.from([0, 8, 5]))
  for (const [values, format] of [
    [[avro, avro, avro, proto], 'AVRO'],
    [[proto, avro, avro, avro], 'AVRO'],
    [[avro, proto, avro, proto], 'PROTOBUF'],
    [[proto, avro, proto, avro], 'PROTOBUF'],
  ] as const) {
    assert.equal(await seen(values), format)
  }
})
