/**
 * Schemas that the sample of a topic does not show: met by readings, found by a deeper look, remembered within bounds.
 * On a Kafka and a registry in memory.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import type { RegisteredSchema, Registry } from '../../../src/registry/registry.ts'
import { encodeAvro, framed } from '../../support/avro-encode.ts'
import {
  type MemoryRegistry,
  type MemoryWorld,
  memoryWorld,
  type WorldOptions,
  type WorldTopic,
  type WorldValue,
} from '../../support/memory-world.ts'

const record = (name: string, ...fields: readonly string[]): string =>
  JSON.stringify({
    type: 'record',
    name,
    namespace: 'acme',
    fields: fields.map((field) => ({ name: field, type: field === 'id' ? 'long' : 'string' })),
  })
const PAY = record('Pay', 'id', 'note')
const REFUND = record('Refund', 'id', 'reason')
const CHARGE = record('Charge', 'id', 'bank')

/** Frames as texts: rows as their JSON, errors as their first line. */
async function ask(world: MemoryWorld, sql: string): Promise<string[]> {
  const rows: string[] = []
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { value?: unknown } | string }
    if (type === 'RECORD' && typeof data === 'object') rows.push(JSON.stringify(data.value))
    if (type === 'BADRECORD') rows.push(type)
    if (type === 'ERROR') rows.push(String(data).split('\n')[0])
  }
  await runRequest(
    { sql, live: false },
    { catalog: world.catalog, log: world.log },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  return rows
}

async function described(world: MemoryWorld, table = 't'): Promise<{ fields: string[]; detail: string }> {
  const rows = (await ask(world, `DESCRIBE TABLE ${table}`)).map(
    (row) => JSON.parse(row) as { key: string; value: string },
  )
  const fields = rows.filter(({ key }) => key.startsWith('_value')).map(({ key }) => key.replace('_value.', ''))
  return { fields, detail: rows.find(({ key }) => key === 'Value format from')?.value ?? '' }
}

const pay = (id: number): WorldValue => ({ json: { id, note: 'n' } as never })

/**
 * A hundred payments, and in their places what `others` says. The newest twenty, the oldest twenty and twenty in the
 * middle are what samples see.
 */
function hundred(others: Readonly<Record<number, WorldValue>>, more: Partial<WorldTopic> = {}): WorldTopic {
  const records = Array.from({ length: 100 }, (_, i) => ({
    partition: 0,
    timestampMs: i,
    key: null,
    value: i in others ? others[i] : pay(i),
  }))
  return { name: 't', detect: true, value: { name: 'AVRO', schemas: [PAY] }, records, ...more }
}

/** A topic whose only purpose is that its schema is registered: the first one has the id 1. */
const registering = (name: string, schema: string): WorldTopic => ({
  name,
  detect: true,
  value: { name: 'AVRO', schemas: [schema], subject: name },
  records: [],
})
const refund = (id: number): Buffer => framed(1, encodeAvro(REFUND, { id, reason: 'late' }))

/** The world's registry, with other answers to some questions. */
const answering =
  (answers: Partial<Registry>) =>
  (inner: MemoryRegistry): Registry =>
    new Proxy<Registry>(inner, {
      get(target, name) {
        const member = (Reflect.get(answers, name) ?? Reflect.get(target, name)) as unknown
        return typeof member === 'function' ? member.bind(target) : member
      },
    })

for (const subject of ['t-value', 'acme.Pay'])
  test(`what a reading meets can be named from the next statement on (${subject})`, async () => {
    const world = memoryWorld([
      registering('acme.Refund', REFUND),
      hundred({ 30: refund(30) }, { value: { name: 'AVRO', schemas: [PAY], subject } }),
    ])
    const before = await described(world)
    assert.deepEqual(before.fields, ['id', 'note'])
    assert.match((await ask(world, 'SELECT reason FROM t'))[0], /^Unknown column "reason"/)
    const [row] = await ask(world, 'SELECT * FROM t WHERE _meta.offset = 30')
    assert.equal(row, '{"id":30,"reason":"late"}')
    assert.deepEqual(await ask(world, 'SELECT id, reason FROM t WHERE reason IS NOT NULL'), [
      '{"id":30,"reason":"late"}',
    ])
    const after = await described(world)
    assert.deepEqual(after.fields, ['id', 'note', 'reason'])
    assert.match(after.detail, /; in the records also schema 1 \(acme\.Refund\)/)
    assert.deepEqual(await ask(world, "SELECT count(*) AS n FROM t WHERE note = 'n'"), ['{"n":99}'])
    await world.administration.deleteTopic('t', new AbortController().signal)
    await world.administration.createTopic(
      { name: 't', partitions: 1, replication: 1, config: {} },
      new AbortController().signal,
    )
    assert.doesNotMatch((await described(world)).detail, /acme\.Refund/, 'a topic made anew is another one')
  })

test('before a column is refused, the oldest records and some from the middle are looked at: once in a while', async () => {
  for (const place of [0, 55]) {
    const world = memoryWorld([registering('acme.Refund', REFUND), hundred({ [place]: refund(place) })])
    assert.deepEqual((await described(world)).fields, ['id', 'note'])
    assert.deepEqual(await ask(world, 'SELECT reason AS r FROM t WHERE reason IS NOT NULL'), ['{"r":"late"}'])
    assert.deepEqual((await described(world)).fields, ['id', 'note', 'reason'])
    const looks = (): number => world.scans.filter(({ ranges }) => ranges[0]?.start === 50).length
    assert.equal(looks(), 1)
    assert.match((await ask(world, 'SELECT raeson FROM t'))[0], /^Unknown column "raeson"/)
    assert.equal(looks(), 1, 'it is not looked for again')
  }
})

test("subjects under the topic's name take part when they are asked for, those of other topics do not", async () => {
  const world = memoryWorld([hundred({})])
  world.registry.add('t-acme.Refund', REFUND, 'AVRO')
  world.registry.add('t-eu-value', CHARGE, 'AVRO')
  world.registry.add('t-acme.Other', CHARGE, 'AVRO')
  assert.deepEqual((await described(world)).fields, ['id', 'note'])
  assert.match((await ask(world, 'SELECT bank FROM t'))[0], /^Unknown column "bank"/)
  assert.deepEqual(await ask(world, 'SELECT reason FROM t LIMIT 1'), ['{"reason":null}'])
  const { fields, detail } = await described(world)
  assert.deepEqual(fields, ['id', 'note', 'reason'])
  assert.match(detail, /; in the registry also schema 2 \(t-acme\.Refund\)/)
})

test('schemas of another type are told, and their records are read', async () => {
  const world = memoryWorld([
    hundred({ 30: framed(2, Buffer.from('{"id":30,"why":"json"}')), 90: framed(3, Buffer.from([0, 8, 5])) }),
  ])
  world.registry.add('j', '{"type":"object"}', 'JSON')
  world.registry.add('p', 'syntax = "proto3"; message P { int64 id = 1; }', 'PROTOBUF')
  assert.match(
    (await described(world)).detail,
    /; in the records also schema 3 \(p, of PROTOBUF: its fields are no columns\)/,
  )
  assert.deepEqual(await ask(world, 'SELECT * FROM t WHERE _meta.offset IN (30, 90)'), [
    '{"id":30,"why":"json"}',
    '{"id":5}',
  ])
  const { fields, detail } = await described(world)
  assert.deepEqual(fields, ['id', 'note'])
  assert.match(
    detail,
    /also schema 3 \(p, of PROTOBUF: its fields are no columns\), 2 \(j, of JSONSCHEMA: its fields are no columns\)/,
  )
})

test('records of another type among JSON with schemas: read, named by their fields, and told', async () => {
  const value = { name: 'JSONSCHEMA', schemas: ['{"type":"object","properties":{"a":{"type":"integer"}}}'] } as const
  const own = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, { json: { a: i } as never }]))
  const world = memoryWorld([
    registering('acme.Refund', REFUND),
    hundred({ ...own, 30: refund(30), 31: framed(77, Buffer.from('{"a":0}')) }, { value }),
  ])
  assert.deepEqual(await ask(world, 'SELECT a, reason FROM t WHERE _meta.offset IN (30, 31)'), [
    '{"a":null,"reason":"late"}',
    '{"a":0,"reason":null}',
  ])
  assert.match((await described(world)).detail, /; in the records also schema 1 \(acme\.Refund, of AVRO\)/)
})

test('messages of Protobuf that the sample does not show, of the same schema and of another', async () => {
  const shop = 'syntax = "proto3"; message A { int64 id = 1; } message B { string name = 2; }'
  const value = { name: 'PROTOBUF', schemas: [shop] } as const
  const others = { 30: framed(2, Buffer.from([0, 26, 1, 0x78])), 3: framed(1, Buffer.from([2, 2, 18, 1, 0x79])) }
  const own = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, { json: { id: i } as never }]))
  const world = memoryWorld([hundred({ ...own, ...others }, { value })])
  world.registry.add('p', 'syntax = "proto3"; message C { string city = 3; }', 'PROTOBUF')
  assert.deepEqual((await described(world)).fields, ['id'])
  assert.equal((await ask(world, 'SELECT * FROM t')).length, 100)
  assert.deepEqual((await described(world)).fields, ['id', 'city'])
  // A reading tells of a schema when it meets it first; another message of the same one takes a deeper look.
  assert.deepEqual(await ask(world, "SELECT city, name FROM t WHERE city = 'x' OR name = 'y'"), [
    '{"city":null,"name":"y"}',
    '{"city":"x","name":null}',
  ])
  assert.deepEqual((await described(world)).fields.sort(), ['city', 'id', 'name'])
})

test('ids in headers, in eight bytes and of Glue', async () => {
  const wide = (id: number): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(BigInt(id))
    return bytes
  }
  const schemas = new Map(
    [
      [1, PAY],
      [2, REFUND],
    ].map(([id, text]) => [id as number, { type: 'AVRO' as const, text: text as string, references: [] }]),
  )
  const uuid = (id: number): string => `9c52a1a0-0000-4000-8000-00000000000${id}`
  const glue = new Map([...schemas].map(([id, schema]) => [uuid(id), schema]))
  const registry = answering({
    schemaByGlobalId: async (id) => schemas.get(id),
    schemaByGuid: async (id) => glue.get(id),
  })
  const manners: Record<string, (id: number, payload: Buffer) => Pick<WorldTopic['records'][0], 'value' | 'headers'>> =
    {
      'Apicurio headers': (id, value) => ({ value, headers: [{ key: 'apicurio.value.globalId', value: wide(id) }] }),
      GUID: (id, value) => ({
        value,
        headers: [
          {
            key: '__value_schema_id',
            value: Buffer.concat([Buffer.of(1), Buffer.from(uuid(id).replaceAll('-', ''), 'hex')]),
          },
        ],
      }),
      'eight bytes': (id, value) => ({ value: Buffer.concat([Buffer.of(0), wide(id), value]) }),
      Glue: (id, value) => ({
        value: Buffer.concat([Buffer.of(3, 0), Buffer.from(uuid(id).replaceAll('-', ''), 'hex'), value]),
      }),
    }
  for (const [name, written] of Object.entries(manners)) {
    for (const place of [30, 55]) {
      const records = Array.from({ length: 100 }, (_, i) => {
        const made =
          i === place
            ? written(2, encodeAvro(REFUND, { id: i, reason: 'late' }))
            : written(1, encodeAvro(PAY, { id: i, note: 'n' }))
        return { partition: 0, timestampMs: i, key: null, ...made }
      })
      const options: WorldOptions = { registry, ...(name === 'Glue' ? { glue } : {}) }
      const world = memoryWorld([{ name: 't', detect: true, records }], options)
      assert.deepEqual((await described(world)).fields, ['id', 'note'], name)
      if (place === 30) assert.equal((await ask(world, 'SELECT * FROM t')).length, 100, name)
      assert.deepEqual(
        await ask(world, 'SELECT reason FROM t WHERE reason IS NOT NULL'),
        ['{"reason":"late"}'],
        `${name}, ${place}`,
      )
      assert.match((await described(world)).detail, /; met also schema/, name)
    }
  }
})

test('a damaged record that names a schema by chance changes nothing', async () => {
  const world = memoryWorld([registering('acme.Refund', REFUND), hundred({ 30: framed(1, Buffer.from([200])) })])
  assert.equal((await ask(world, 'SELECT * FROM t')).filter((row) => row === 'BADRECORD').length, 1)
  assert.deepEqual((await described(world)).fields, ['id', 'note'])
})

test('more schemas than are remembered: the others are read, and cannot be named', async () => {
  const names = Array.from({ length: 150 }, (_, i) => record(`R${i}`, 'id', `f${i}`))
  const registered = names.map((schema, i) => registering(`acme.R${i}`, schema))
  const strangers = names.map((schema, i) => framed(i + 1, encodeAvro(schema, { id: i, [`f${i}`]: 'x' })))
  const values = [
    ...Array.from({ length: 20 }, () => pay(1)),
    ...strangers,
    ...Array.from({ length: 400 }, () => pay(1)),
  ]
  const records = values.map((value, i) => ({ partition: 0, timestampMs: i, key: null, value }))
  const world = memoryWorld([
    ...registered,
    { name: 't', detect: true, value: { name: 'AVRO', schemas: [PAY] }, records },
  ])
  assert.equal((await ask(world, 'SELECT * FROM t')).length, values.length)
  assert.equal((await described(world)).fields.length, 102)
  assert.equal((await ask(world, 'SELECT * FROM t')).length, values.length)
  assert.equal((await described(world)).fields.length, 102)
})

test('random ids among those of Apicurio and among JSON: a bounded number of questions', async () => {
  const head = (id: number): Buffer => {
    const bytes = Buffer.alloc(9)
    bytes.writeBigInt64BE(BigInt(id), 1)
    return bytes
  }
  const schemas = new Map([[1, { type: 'AVRO' as const, text: PAY, references: [] }]])
  let asked = 0
  const world = (values: readonly WorldValue[], more: Partial<WorldTopic>): MemoryWorld => {
    const asking = async (id: number): Promise<RegisteredSchema | undefined> => {
      asked++
      return schemas.get(id)
    }
    const registry = answering({
      schemaById: async (id) => void (await asking(id)),
      ...(more.value === undefined ? { schemaByGlobalId: asking } : {}),
    })
    const records = values.map((value, i) => ({ partition: 0, timestampMs: i, key: null, value }))
    return memoryWorld([{ name: 't', detect: true, batch: 1000, records, ...more }], { registry })
  }
  const good = Buffer.concat([head(1), encodeAvro(PAY, { id: 1, note: 'n' })])
  const wide = [
    ...Array.from({ length: 5_000 }, (_, i) => Buffer.concat([head(1000 + i), Buffer.of(2)])),
    ...Array.from({ length: 30 }, () => good),
  ]
  assert.deepEqual(await ask(world(wide, {}), 'SET show.bad.records = false; SELECT count(id) AS n FROM t'), [
    '{"n":30}',
  ])
  assert.ok(asked <= 1_100, `${asked} questions for eight-byte ids`)
  asked = 0
  const json = Array.from({ length: 5_000 }, (_, i) => framed(1000 + i, Buffer.from('{"a":1}')))
  const value = { name: 'JSONSCHEMA', schemas: ['{"type":"object"}'] } as const
  const ofJson = world(json, { value })
  assert.deepEqual(await ask(ofJson, 'SELECT count(a) AS n FROM t'), ['{"n":5000}'])
  assert.ok(asked <= 1_100, `${asked} questions for ids of JSON`)
  assert.deepEqual((await described(ofJson)).detail, 'the schema registry: registry subject t-value, version 1')
})

test('a topic of random ids costs a bounded number of questions, and known schemas among them are read', async () => {
  let asked = 0
  const schemaById: Registry['schemaById'] = async (id) => {
    asked++
    return id === 1 ? { type: 'AVRO', text: PAY, references: [] } : undefined
  }
  const count = Number(process.env.SLUICE_RANDOM_IDS ?? 10_000)
  const values: WorldValue[] = Array.from({ length: count }, (_, i) =>
    i % 100 === 99 ? pay(i) : framed(1_000_000 + i * 7, Buffer.from([2, 2, 0x78])),
  )
  const records = [...values, ...Array.from({ length: 100 }, (_, i) => pay(i))].map((value, i) => ({
    partition: 0,
    timestampMs: i,
    key: null,
    value,
  }))
  const world = memoryWorld(
    [{ name: 't', detect: true, batch: 1000, value: { name: 'AVRO', schemas: [PAY] }, records }],
    {
      registry: answering({ schemaById }),
    },
  )
  assert.deepEqual(await ask(world, 'SET show.bad.records = false; SELECT count(id) AS n FROM t'), [
    `{"n":${count / 100 + 100}}`,
  ])
  assert.ok(asked <= 1_100, `${asked} questions`)
  const [why] = await ask(
    world,
    `SELECT _error FROM t WHERE _bad AND _meta.offset = ${count - 2} AND _meta.offset < ${count}`,
  )
  assert.match(why, /does not know schema/)
  const before = asked
  assert.match((await ask(world, 'SELECT nope FROM t'))[0], /^Unknown column/)
  assert.ok(asked - before <= 200, `${asked - before} questions of a deeper look`)
})
