/**
 * How groups of several keys show those that are equal and written in several ways within maps, lists and decimals: as
 * the first record of each group has them, however many read the topic.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExact } from '../../../support/exact-json.ts'
import { memoryWorld, type WorldTopic } from '../../../support/memory-world.ts'
import { ANY_CASE, runCase } from '../../../support/slt.ts'

const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'tags', type: { type: 'map', values: 'int' } },
    { name: 'x', type: 'double' },
    { name: 'xs', type: { type: 'array', items: 'double' } },
  ],
})
const PROTO = `syntax = "proto3";
import "confluent/type/decimal.proto";
message Price { int32 id = 1; confluent.type.Decimal price = 2; }`

const READINGS = [
  '{"id":1,"tags":{"a":1,"b":2},"x":0,"xs":[0,1]}',
  '{"id":2,"tags":{"b":2,"a":1},"x":-0.0,"xs":[-0.0,1]}',
  '{"id":2,"tags":{"a":1,"b":2},"x":0,"xs":[0,1]}',
  '{"id":3,"tags":{"b":2,"a":1},"x":0,"xs":[0,1]}',
  '{"id":4,"tags":{},"x":"NaN","xs":["NaN"]}',
  '{"id":4,"tags":{},"x":"NaN","xs":["NaN"]}',
  '{"id":5,"tags":{"a":2},"x":-0.0,"xs":[-0.0,1]}',
]
/** 1.50, 1.5, 1.50 and 1.51 of the shops 1, 2, 2 and 3. */
const PRICES = ['080112060a0200961802', '080212050a010f1801', '080212060a0200961802', '080312060a0200971802']

const topics: readonly WorldTopic[] = [
  {
    name: 'readings',
    partitions: 2,
    value: { name: 'AVRO', schemas: [SCHEMA] },
    records: READINGS.map((text, i) => ({
      partition: i > 3 ? 1 : 0,
      timestampMs: i,
      key: { json: `k${i}` },
      value: { json: parseExact(text), text },
    })),
  },
  {
    name: 'prices',
    value: { name: 'PROTOBUF', schemas: [PROTO] },
    records: PRICES.map((hex, i) => ({
      partition: 0,
      timestampMs: i,
      key: { json: `k${i}` },
      value: Buffer.from(`000000000200${hex}`, 'hex'),
    })),
  },
]

const CASES: Readonly<Record<string, readonly string[]>> = {
  'SELECT id, tags, count(*) AS n FROM readings GROUP BY id, tags': [
    '{"id":1,"tags":{"a":1,"b":2},"n":1}',
    '{"id":2,"tags":{"b":2,"a":1},"n":2}',
    '{"id":3,"tags":{"b":2,"a":1},"n":1}',
    '{"id":4,"tags":{},"n":2}',
    '{"id":5,"tags":{"a":2},"n":1}',
  ],
  'SELECT DISTINCT id, tags FROM readings WHERE id < 4': [
    '{"id":1,"tags":{"a":1,"b":2}}',
    '{"id":2,"tags":{"b":2,"a":1}}',
    '{"id":3,"tags":{"b":2,"a":1}}',
  ],
  'SELECT id, xs FROM readings GROUP BY id, xs': [
    '{"id":1,"xs":[0.0,1.0]}',
    '{"id":2,"xs":[-0.0,1.0]}',
    '{"id":3,"xs":[0.0,1.0]}',
    '{"id":4,"xs":["NaN"]}',
    '{"id":5,"xs":[-0.0,1.0]}',
  ],
  'SELECT id, x, {x AS x} AS s, count(*) AS n FROM readings GROUP BY id, x, {x AS x}': [
    '{"id":1,"x":0.0,"s":{"x":0.0},"n":1}',
    '{"id":2,"x":0.0,"s":{"x":-0.0},"n":2}',
    '{"id":3,"x":0.0,"s":{"x":0.0},"n":1}',
    '{"id":4,"x":"NaN","s":{"x":"NaN"},"n":2}',
    '{"id":5,"x":0.0,"s":{"x":-0.0},"n":1}',
  ],
  'SELECT id, [x, 1] AS l FROM readings WHERE id < 3 UNION SELECT id, xs FROM readings WHERE id < 3': [
    '{"id":1,"l":[0.0,1.0]}',
    '{"id":2,"l":[-0.0,1.0]}',
  ],
  'SELECT id, price, count(*) AS n FROM prices GROUP BY id, price': [
    '{"id":1,"price":1.50,"n":1}',
    '{"id":2,"price":1.5,"n":2}',
    '{"id":3,"price":1.51,"n":1}',
  ],
  'SELECT price, count(*) AS n FROM prices GROUP BY price': ['{"price":1.50,"n":3}', '{"price":1.51,"n":1}'],
}

for (const [sql, rows] of Object.entries(CASES))
  test(sql, async () => {
    for (const readers of [undefined, 2, 4]) {
      const world = memoryWorld(topics)
      assert.deepEqual((await runCase({ ...ANY_CASE, sql }, world, { readers })).sort(), [...rows])
      world.catalog.close()
    }
  })
