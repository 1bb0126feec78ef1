/**
 * Exports from a real Kafka and a real registry, read back by pyarrow and DuckDB: Avro with every logical type,
 * Protobuf and JSON, each value as it was written.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import protobuf from 'protobufjs'
import { arrowPython } from '../../scripts/provision.ts'
import { exported } from '../unit/export/server.ts'
import { encodeAvro, framed } from '../support/avro-encode.ts'
import { registerSchema, topicName } from './cluster.ts'
import { kafkaHand } from './kafka-hand.ts'
import { casesOf, cluster, ROBOT_KEY, serve, testCases } from './served.ts'

const interpreter = await arrowPython().catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : interpreter instanceof Error ? interpreter.message : false

const logical = (type: string, logicalType: string, more: object = {}) => ({ type, logicalType, ...more })
const optional = (type: unknown) => ['null', type]
const field = (name: string, type: unknown) => ({ name, type: optional(type), default: null })
/** Every type of Avro, each nullable. */
const AVRO = JSON.stringify({
  type: 'record',
  name: 'Everything',
  namespace: 'test',
  fields: [
    { name: 'id', type: 'long' },
    field('flag', 'boolean'),
    field('small', 'int'),
    field('large', 'long'),
    field('single', 'float'),
    field('twice', 'double'),
    field('raw', 'bytes'),
    field('text', 'string'),
    field('day', logical('int', 'date')),
    field('t_ms', logical('int', 'time-millis')),
    field('t_us', logical('long', 'time-micros')),
    field('at_ms', logical('long', 'timestamp-millis')),
    field('at_us', logical('long', 'timestamp-micros')),
    field('local_us', logical('long', 'local-timestamp-micros')),
    field('uid', logical('string', 'uuid')),
    field('amount', logical('bytes', 'decimal', { precision: 20, scale: 4 })),
    field('suit', { type: 'enum', name: 'Suit', symbols: ['HEARTS', 'SPADES'] }),
    field('digest', { type: 'fixed', name: 'Digest', size: 4 }),
    field('tags', { type: 'array', items: optional('string') }),
    field('counts', { type: 'map', values: optional('long') }),
    field('inner', {
      type: 'record',
      name: 'Inner',
      fields: [
        { name: 'n', type: 'int' },
        field('points', {
          type: 'array',
          items: { type: 'record', name: 'Point', fields: [{ name: 'x', type: 'double' }, field('label', 'string')] },
        }),
      ],
    }),
    { name: 'either', type: ['null', 'string', 'long'], default: null },
    { name: 'next', type: ['null', 'Everything'], default: null },
  ],
})
const NAMES = (JSON.parse(AVRO) as { fields: { name: string }[] }).fields.map(({ name }) => name)
const nothing = Object.fromEntries(NAMES.map((name) => [name, null]))
const FULL = {
  ...nothing,
  id: 1,
  flag: true,
  small: -2147483648,
  large: 9223372036854775807n,
  single: 1.5,
  twice: 0.1,
  raw: '0x00ff0a',
  text: 'Grüße, 世界 🎉 "q"\n',
  day: -1,
  t_ms: 86399999,
  t_us: 86399999999n,
  at_ms: -1,
  at_us: 1700000000123456n,
  local_us: 1700000000123456n,
  uid: '123e4567-e89b-12d3-a456-426614174000',
  amount: '-1234567890123456.7891',
  suit: 'SPADES',
  digest: '0x01020304',
  tags: ['a', null, ''],
  counts: { one: 1, none: null },
  inner: {
    n: 7,
    points: [
      { x: 0.5, label: null },
      { x: -0.5, label: 'p' },
    ],
  },
  either: 5,
  next: { ...nothing, id: 2 },
}
const PROTO = `syntax = "proto3";
message Order {
  int32 id = 1;
  uint32 unsigned = 2;
  int64 large = 3;
  bool paid = 4;
  double total = 5;
  bytes raw = 6;
  string name = 7;
  repeated string tags = 8;
  map<string, int32> counts = 9;
  Line line = 10;
  message Line { string sku = 1; sint64 change = 2; }
}`

if (skip !== false || interpreter instanceof Error)
  it('exports', { skip: skip === false ? 'no Python' : skip }, () => undefined)
else {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-export-'))
  after(() => rmSync(folder, { recursive: true }))
  const hand = await kafkaHand(cluster.kafka.bootstrap)
  const topic = { avro: topicName('export-avro'), proto: topicName('export-proto'), json: topicName('export-json') }
  for (const name of Object.values(topic)) await hand.create(name, { partitions: 1 })
  const avroId = await registerSchema(cluster.registry.url, `${topic.avro}-value`, AVRO)
  const avro = (value: object) => ({ key: 'k', value: framed(avroId, encodeAvro(AVRO, value as never)) })
  await hand.produce(topic.avro, [avro(FULL), avro({ ...nothing, id: 3 }), avro({ ...FULL, id: 4, either: 'text' })])
  const protoId = await registerSchema(cluster.registry.url, `${topic.proto}-value`, PROTO, { schemaType: 'PROTOBUF' })
  const message = protobuf.parse(PROTO).root.lookupType('Order')
  const order = message.encode(
    message.fromObject({
      id: 1,
      unsigned: 4294967295,
      large: '-9223372036854775808',
      paid: true,
      total: 0.25,
      raw: Buffer.from('0102', 'hex'),
      name: 'n',
      tags: ['x', 'y'],
      counts: { a: 1 },
      line: { sku: 's', change: -3 },
    }),
  )
  // One byte behind the id: the first message of the schema.
  const body = Buffer.concat([Buffer.of(0), order.finish()])
  await hand.produce(topic.proto, [{ key: null, value: framed(protoId, body) }])
  await hand.produce(topic.json, [
    { key: 'a', value: '{"n":12345678901234567890,"deep":{"x":[1.10,null]},"s":"é"}' },
    { key: 'b', value: '{"other":true}' },
  ])
  await hand.close()
  const server = await serve()
  for (const [name, from] of Object.entries(topic))
    for (const format of ['parquet', 'arrow', 'csv', 'ndjson']) {
      const answer = await exported(
        server,
        { sql: `SELECT * FROM \`${from}\``, format },
        { headers: { authorization: `Bearer ${ROBOT_KEY}` } },
      )
      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.outcome?.['outcome'], 'complete')
      writeFileSync(join(folder, `${name}.${format}`), answer.body)
    }
  const cases = await casesOf(interpreter, [join(import.meta.dirname, 'python', 'export_cases.py'), folder], {})
  await server.close(0)
  describe('exports read by pyarrow', () => testCases(cases, 8))
  it('DuckDB reads the same Parquet and CSV', async () => {
    const connection = await (await DuckDBInstance.create()).connect()
    const all = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson()
    const [row] = await all(
      `SELECT large, amount, uid, at_us, day, t_us, suit, tags, "inner".points[2].label AS label, text
       FROM '${join(folder, 'avro.parquet')}' WHERE id = 1`,
    )
    assert.deepEqual(row, {
      large: '9223372036854775807',
      amount: '-1234567890123456.7891',
      uid: FULL.uid,
      at_us: '2023-11-14 22:13:20.123456+00',
      day: '1969-12-31',
      t_us: '23:59:59.999999',
      suit: 'SPADES',
      tags: ['a', null, ''],
      label: 'p',
      text: FULL.text,
    })
    const read = `read_csv('${join(folder, 'avro.csv')}', all_varchar = true, allow_quoted_nulls = false)`
    const csv = await all(`SELECT id, large, amount, text, either, tags FROM ${read} ORDER BY id`)
    assert.deepEqual(csv[0], {
      id: '1',
      large: '9223372036854775807',
      amount: '-1234567890123456.7891',
      text: FULL.text,
      either: '5',
      tags: '["a",null,""]',
    })
    assert.deepEqual(csv[1], { id: '3', large: null, amount: null, text: null, either: null, tags: null })
    assert.equal(csv.length, 3)
  })
}
