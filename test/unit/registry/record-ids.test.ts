/**
 * Topics whose records carry the ids of their schemas in headers, through whole statements: found, read, written, and
 * bad where an id is not known.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { readRecords } from '../../../src/kafka/read/record-batch.ts'
import { RecordIds } from '../../../src/registry/record-ids.ts'
import type { RegisteredSchema, Registry } from '../../../src/registry/registry.ts'
import { encodeAvro, framed } from '../../support/avro-encode.ts'
import {
  type MemoryRegistry,
  type MemoryWorld,
  memoryWorld,
  type WorldRecord,
  type WorldTopic,
} from '../../support/memory-world.ts'

const V1 = '{"type":"record","name":"A","fields":[{"name":"n","type":"long"}]}'
const V2 =
  '{"type":"record","name":"A","fields":[{"name":"n","type":"long"},{"name":"note","type":"string","default":""}]}'
const PROTO = 'syntax = "proto3"; message First { int64 a = 1; } message Second { string b = 1; }'
const GUID = '0123abcd-0000-4000-8000-00000000beef'

function long(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}
function guid(text: string, indexes = ''): Buffer {
  return Buffer.from(`01${text.replaceAll('-', '')}${indexes}`, 'hex')
}
type Header = NonNullable<WorldRecord['headers']>[number]
function header(key: string, value: Uint8Array | null): Header {
  return { key, value }
}
function record(
  n: number,
  value: Uint8Array | null,
  headers: readonly Header[],
  key: Uint8Array | null = null,
): WorldRecord {
  return { partition: 0, timestampMs: n, key, value, headers }
}

/** Schemas by the ids that headers carry. */
function registryWith(
  schemas: Readonly<Record<string, Pick<RegisteredSchema, 'type' | 'text'>>>,
  asked: string[] = [],
) {
  const find = async (key: string): Promise<RegisteredSchema | undefined> => {
    asked.push(key)
    return schemas[key] === undefined ? undefined : { ...schemas[key], references: [] }
  }
  return (inner: MemoryRegistry): Registry => ({
    url: inner.url,
    schemaById: (id) => inner.schemaById(id),
    latest: (subject) => inner.latest(subject),
    versions: (subject) => inner.versions(subject),
    schema: (subject, version) => inner.schema(subject, version),
    subjects: () => inner.subjects(),
    usesOf: (id) => inner.usesOf(id),
    close: () => inner.close(),
    schemaByGlobalId: (id) => find(`global ${id}`),
    schemaByContentId: (id) => find(`content ${id}`),
    schemaByGuid: (id) => find(`guid ${id}`),
  })
}
const AVRO = (text: string) => ({ type: 'AVRO' as const, text })

async function ask(world: MemoryWorld, sql: string): Promise<{ rows: unknown[]; bad: number; errors: string[] }> {
  const frames: { type: string; data: Record<string, unknown> }[] = []
  await runRequest(
    { sql, live: false },
    { catalog: world.catalog, log: world.log, administration: world.administration },
    { send: (frame) => void frames.push(JSON.parse(frame)), drained: () => undefined },
    new AbortController().signal,
  )
  const of = (type: string) => frames.filter((frame) => frame.type === type).map((frame) => frame.data)
  return {
    rows: of('RECORD').map((data) => data['value']),
    bad: of('BADRECORD').length,
    errors: of('ERROR').map((data) => JSON.stringify(data)),
  }
}
function topic(records: readonly WorldRecord[], more: Partial<WorldTopic> = {}): WorldTopic {
  return { name: 't', detect: true, records, batch: 4, ...more }
}

test('Apicurio: ids in headers, versions in turn, a tombstone, unknown ids are bad records', async () => {
  const one = (n: number, id = 7): WorldRecord =>
    record(n, encodeAvro(V1, { n }), [
      header('apicurio.value.globalId', long(id)),
      header('apicurio.value.encoding', Buffer.from('BINARY')),
    ])
  const two = (n: number): WorldRecord =>
    record(n, encodeAvro(V2, { n, note: `n${n}` }), [header('x', null), header('apicurio.value.globalId', long(8))])
  const noId = record(9, encodeAvro(V1, { n: 9 }), [header('apicurio.value.globalId', Buffer.of(1))])
  const records = [
    one(1),
    two(2),
    one(3),
    record(4, null, []),
    two(5),
    one(6, 99),
    noId,
    record(8, Buffer.from('00ff'), []),
    one(0),
  ]
  const asked: string[] = []
  const world = memoryWorld([topic(records)], {
    registry: registryWith({ 'global 7': AVRO(V1), 'global 8': AVRO(V2) }, asked),
  })
  const { rows, bad } = await ask(world, 'SELECT n, note FROM t')
  assert.deepEqual(rows, [
    { n: 1, note: null },
    { n: 2, note: 'n2' },
    { n: 3, note: null },
    { n: null, note: null },
    { n: 5, note: 'n5' },
    { n: 0, note: null },
  ])
  assert.equal(bad, 3)
  const value = (await world.catalog.table('t'))?.value
  assert.deepEqual(
    [value?.format, value?.framing, value?.detail],
    ['AVRO', 'own', 'schema ids in the headers of the records'],
  )
  assert.deepEqual((await ask(world, 'SELECT COUNT(*) AS c, SUM(n) AS s FROM t WHERE n > 1')).rows, [{ c: 3, s: 10 }])
  assert.deepEqual((await ask(world, 'SELECT _meta.offset AS o, _error AS e FROM t WHERE _bad')).rows, [
    { o: 5, e: 'value: The schema registry at memory:registry does not know the schema 99 that the record names.' },
    { o: 6, e: 'value: the record does not say which schema it was written with' },
    { o: 7, e: 'value: the record does not say which schema it was written with' },
  ])
  const described = (await ask(world, 'DESCRIBE TABLE t')).rows.map((row) => Object.values(row as object).join(': '))
  assert.ok(
    described.includes('Value format from: a look at some records: schema ids in the headers of the records'),
    described.join('\n'),
  )
  assert.match(
    (await ask(world, 'EXPLAIN CODE SELECT n FROM t')).rows.map((row) => JSON.stringify(row)).join('\n'),
    /schemaOf\(b, vs, ve, hs, next\)/,
  )
})

test('keys; content ids; Confluent GUIDs, also of Protobuf, and records of both manners in one topic', async () => {
  const registry = registryWith({ 'content 5': AVRO(V1), [`guid ${GUID}`]: AVRO(V2) })
  const records = [1, 2, 3].map((n) =>
    record(
      n,
      encodeAvro(V2, { n, note: 'g' }),
      [header('apicurio.key.contentId', long(5)), header('__value_schema_id', guid(GUID))],
      encodeAvro(V1, { n: n * 10 }),
    ),
  )
  const world = memoryWorld([topic(records)], { registry })
  assert.deepEqual((await ask(world, 'SELECT _key.n AS k, n, note FROM t WHERE _key.n > 10')).rows, [
    { k: 20, n: 2, note: 'g' },
    { k: 30, n: 3, note: 'g' },
  ])
  const old: WorldTopic = { name: 'old', value: { name: 'AVRO', schemas: [V1] }, detect: true, records: [] }
  const mixed = topic([
    ...records,
    record(4, framed(1, encodeAvro(V1, { n: 4 })), []),
    record(5, encodeAvro(V1, { n: 5 }), [header('__value_schema_id', Buffer.from('0000000001', 'hex'))]),
  ])
  const both = memoryWorld([old, mixed], { registry })
  assert.deepEqual(
    (await ask(both, 'SELECT n FROM t')).rows,
    [1, 2, 3, 4, 5].map((n) => ({ n })),
  )
  const proto = registryWith({
    [`guid ${GUID}`]: { type: 'PROTOBUF', text: PROTO },
    'global 3': { type: 'PROTOBUF', text: PROTO },
  })
  const second = Buffer.from('0a0178', 'hex')
  const confluent = memoryWorld([topic([record(1, second, [header('__value_schema_id', guid(GUID, '0202'))])])], {
    registry: proto,
  })
  assert.deepEqual((await ask(confluent, 'SELECT b FROM t')).rows, [{ b: 'x' }])
  const named = [header('apicurio.value.globalId', long(3)), header('apicurio.protobuf.type', Buffer.from('Second'))]
  const twice = Buffer.concat([Buffer.from('080a06', 'hex'), Buffer.from('Second'), second])
  const apicurio = memoryWorld([topic([record(1, second, named), record(2, twice, named)])], { registry: proto })
  assert.deepEqual(
    (await ask(apicurio, 'SELECT b FROM t')).rows,
    [{ b: 'x' }, { b: 'x' }],
    'the name in front of the payload, too',
  )
})

test('JSON Schema in headers; a subject of the topic adds its columns; Avro in JSON is bad', async () => {
  const json = registryWith({
    'global 1': { type: 'JSON', text: '{"type":"object","properties":{"a":{"type":"integer"}}}' },
  })
  const one = record(1, Buffer.from('{"a":9007199254740993}'), [header('apicurio.value.globalId', long(1))])
  const world = memoryWorld([topic([one, one])], { registry: json })
  assert.deepEqual((await ask(world, 'SELECT a FROM t')).rows.map(String), ['[object Object]', '[object Object]'])
  assert.equal((await world.catalog.table('t'))?.value.format, 'JSONSCHEMA')
  const avro = registryWith({ 'global 7': AVRO(V1) })
  const byVersions = topic(
    [1, 2, 3].map((n) =>
      record(n, encodeAvro(V1, { n }), [
        header('apicurio.value.globalId', long(7)),
        header('apicurio.value.encoding', Buffer.from(n === 2 ? 'JSON' : 'BINARY')),
      ]),
    ),
    { value: { name: 'AVRO', schemas: [V1, V2] } },
  )
  const { rows, bad } = await ask(memoryWorld([byVersions], { registry: avro }), 'SELECT n, note FROM t')
  assert.deepEqual(
    [rows, bad],
    [
      [
        { n: 1, note: null },
        { n: 3, note: null },
      ],
      1,
    ],
  )
})

test('headers that name schemas which nobody knows: an error that says so; plain text and configured bytes stay what they are', async () => {
  const headers = [header('apicurio.value.globalId', long(7))]
  const records = [1, 2, 3].map((n) => record(n, Buffer.of(n, 255, 0), headers))
  const unknown = await ask(memoryWorld([topic(records)], { registry: registryWith({}) }), 'SELECT n FROM t')
  assert.match(
    unknown.errors.join(),
    /The headers of the records name schemas of the values\. The schema registry at memory:registry does not know them/,
  )
  const alone = await ask(memoryWorld([topic(records)], { registry: null }), 'SELECT n FROM t')
  assert.match(
    alone.errors.join(),
    /No schema registry is configured\. If they are plain bytes, configure the format BYTES for topic t/,
  )
  const bytes = memoryWorld([topic(records)], { registry: registryWith({}), formats: { t: { value: 'BYTES' } } })
  assert.equal((await ask(bytes, 'SELECT * FROM t')).rows.length, 3)
  const json = memoryWorld([topic([record(1, Buffer.from('{"a":1}'), headers)])], { registry: registryWith({}) })
  assert.deepEqual((await ask(json, 'SELECT a FROM t')).rows, [{ a: 1 }])
})

test('a topic that was empty when it was first asked for', async () => {
  const clock = { nowMs: 1 }
  const empty = topic([], { value: { name: 'AVRO', schemas: [V1] } })
  const world = memoryWorld([empty], {
    registry: registryWith({ 'global 7': AVRO(V1) }),
    clock: { ...systemClock, now: () => clock.nowMs },
  })
  assert.equal((await world.catalog.table('t'))?.value.framing, 'confluent')
  await world.administration.produce(
    't',
    [{ key: null, value: encodeAvro(V1, { n: 1 }), headers: [header('apicurio.value.globalId', long(7))] }],
    new AbortController().signal,
  )
  clock.nowMs += 11_000
  assert.deepEqual((await ask(world, 'SELECT n FROM t')).rows, [{ n: 1 }])
})

test('configured: ids in headers of a topic whose newest records have none, and ids in front of payloads only', async () => {
  const plain = [1, 2, 3].map((n) => record(n, framed(1, encodeAvro(V1, { n })), []))
  const records = [record(0, encodeAvro(V1, { n: 0 }), [header('apicurio.value.globalId', long(7))]), ...plain]
  const registry = registryWith({ 'global 7': AVRO(V1) })
  const of = (ids: 'headers' | 'payload'): MemoryWorld =>
    memoryWorld([topic(records, { value: { name: 'AVRO', schemas: [V1] } })], {
      registry,
      formats: { t: { value: 'AVRO', ids } },
    })
  assert.deepEqual(
    (await ask(of('headers'), 'SELECT n FROM t')).rows,
    [0, 1, 2, 3].map((n) => ({ n })),
  )
  const { rows, bad } = await ask(of('payload'), 'SELECT n FROM t')
  assert.deepEqual([rows, bad], [[1, 2, 3].map((n) => ({ n })), 1])
  const empty = memoryWorld([topic([])], { registry, formats: { t: { value: 'AVRO', ids: 'headers' } } })
  assert.deepEqual((await ask(empty, 'SELECT n FROM t')).rows, [])
  await empty.administration.produce(
    't',
    [{ key: null, value: encodeAvro(V1, { n: 1 }), headers: [header('apicurio.value.globalId', long(7))] }],
    new AbortController().signal,
  )
  assert.deepEqual((await ask(empty, 'SELECT n FROM t')).rows, [{ n: 1 }])
})

test('INSERT names the schema as the newest record does', async () => {
  const headers = [header('apicurio.value.globalId', long(7)), header('apicurio.value.encoding', Buffer.from('BINARY'))]
  const world = memoryWorld([topic([1, 2].map((n) => record(n, encodeAvro(V1, { n }), headers)))], {
    registry: registryWith({ 'global 7': AVRO(V1) }),
  })
  assert.deepEqual((await ask(world, "INSERT INTO t(n, _headers.mine) VALUES (30, 'm')")).errors, [])
  assert.deepEqual((await ask(world, 'SELECT n, _headers.mine AS mine FROM t WHERE n > 1')).rows, [
    { n: 2, mine: null },
    { n: 30, mine: 'm' },
  ])
  const source = world.log.scan(
    { topic: 't', ranges: [{ partition: 0, start: 2, end: 3 }], isolation: 'read_committed' },
    new AbortController().signal,
  )
  const batch = await source.next()
  assert.ok(batch !== undefined)
  const [written] = [...readRecords(batch)]
  assert.deepEqual(
    [written.value, written.headers.map(({ key, value }) => [key, value?.toString('hex')])],
    [
      Buffer.from(encodeAvro(V1, { n: 30 })),
      [
        ['mine', '6d'],
        ['apicurio.value.globalId', '0000000000000007'],
        ['apicurio.value.encoding', Buffer.from('BINARY').toString('hex')],
      ],
    ],
  )
})

test('a tombstone names the schema of its key', async () => {
  const records = [1, 2].map((n) =>
    record(n, Buffer.from(`"v${n}"`), [header('apicurio.key.globalId', long(7))], encodeAvro(V1, { n })),
  )
  const world = memoryWorld([topic(records)], { registry: registryWith({ 'global 7': AVRO(V1) }) })
  assert.deepEqual((await ask(world, 'DELETE FROM t WHERE _key.n = 2')).errors, [])
  const { rows, bad } = await ask(world, 'SELECT _key.n AS k, _value AS v FROM t')
  assert.deepEqual(
    [rows, bad],
    [
      [
        { k: 1, v: '"v1"' },
        { k: 2, v: '"v2"' },
        { k: 2, v: null },
      ],
      0,
    ],
  )
})

test('hostile headers never crash, and ids without end are bounded', () => {
  const ids = new RecordIds('headers', 'value')
  const value = Buffer.from('00000000010203', 'hex')
  for (const hex of [
    '',
    '02',
    '0280',
    '02ffffffffffffff',
    '022e',
    '04026100',
    '02026101',
    `022e${Buffer.from('apicurio.value.globalId').toString('hex')}10`,
  ])
    assert.ok(ids.schemaOf(Buffer.concat([value, Buffer.from(hex, 'hex')]), 0, 7, 7, 7 + hex.length / 2) >= -1, hex)
  for (let i = 1; i < 12_000; i++) ids.schemaIn(value, [header('apicurio.value.globalId', long(i))])
  assert.equal(ids.met.length, 10_000)
  assert.equal(ids.schemaIn(value, [header('apicurio.value.globalId', long(2 ** 52 + 1))]), -1)
  assert.equal(ids.schemaIn(value, [header('apicurio.value.globalId', Buffer.alloc(8, 255))]), -1)
})
