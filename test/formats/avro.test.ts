import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avroDecoder } from '../../src/formats/avro/decoder.ts'
import { AVRO_LIMIT_DATA_DEPTH } from '../../src/formats/avro/family.ts'
import {
  AVRO_SCHEMA_LIMIT_DEPTH,
  AvroSchemaError,
  parseAvroReferences,
  parseAvroSchema,
} from '../../src/formats/avro/schema.ts'
import { avroType } from '../../src/formats/avro/types.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import type { DataType, Value } from '../../src/types.ts'
import { type Got, reader, type Step } from './driver.ts'

const JSON_KIND: DataType = { kind: 'json' }

function decode(schema: unknown, hex: string, path: readonly Step[], type: DataType = JSON_KIND): Got | 'bad' {
  const got = reader(avroDecoder(JSON.stringify(schema), 'avro'), [{ path, parts: ['value'], type }])(
    Buffer.from(hex, 'hex'),
    2,
  )
  return got === 'bad' ? 'bad' : got[0]
}
function record(...fields: [string, unknown][]): unknown {
  return { type: 'record', name: 'R', fields: fields.map(([name, type]) => ({ name, type })) }
}

test('reading stops after the last wanted field: damage behind it is not looked for, unless all is checked', () => {
  const decoder = avroDecoder(JSON.stringify(record(['a', 'int'], ['s', 'string'])), 'avro 7')
  const bytes = Buffer.from('0a7f', 'hex')
  const asked = [{ path: ['a'], parts: ['value'] as const, type: { kind: 'int' } as const }]
  assert.deepEqual(reader(decoder, asked)(bytes), [{ value: 5 }])
  assert.equal(reader(decoder, asked, { validate: true })(bytes), 'bad')
  assert.equal(decoder.title, 'avro 7')
})

test('the type of the binder is the type of the value', () => {
  const cases: [unknown, string, DataType, Value | 'bad'][] = [
    ['int', '05', { kind: 'long' }, -3],
    ['int', '05', { kind: 'double' }, -3],
    ['int', '05', { kind: 'decimal' }, new Decimal(-3n, 0)],
    ['int', '05', { kind: 'string' }, 'bad'],
    ['long', 'ffffffffffffffffff01', { kind: 'long' }, -9223372036854775808n],
    ['long', 'ffffffffffffffffff01', { kind: 'double' }, -(2 ** 63)],
    ['long', '05', { kind: 'int' }, 'bad'],
    ['float', '0000c03f', { kind: 'double' }, 1.5],
    ['double', '000000000000f83f', { kind: 'decimal' }, new Decimal(15n, 1)],
    ['string', '0461c3a9', { kind: 'bytes' }, 'bad'],
    ['bytes', '0461c3', { kind: 'string' }, 'bad'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, '04', { kind: 'timestamp', unit: 'micros' }, 2000],
    [{ type: 'long', logicalType: 'timestamp-micros' }, '04', { kind: 'timestamp', unit: 'millis' }, 'bad'],
    [{ type: 'int', logicalType: 'date' }, '04', { kind: 'timestamp', unit: 'millis' }, 172800000],
    [['null', 'int'], '0205', { kind: 'double' }, -3],
    [['null', 'int'], '00', { kind: 'string' }, null],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, '02', JSON_KIND, 'B'],
    [{ type: 'array', items: 'int' }, '04020400', { kind: 'array', element: { kind: 'double' } }, [1, 2]],
    [{ type: 'array', items: 'int' }, '04020400', { kind: 'array', element: { kind: 'string' } }, 'bad'],
    [{ type: 'array', items: 'int' }, '04020400', { kind: 'map', value: { kind: 'int' } }, 'bad'],
  ]
  for (const [schema, hex, type, expected] of cases) {
    const got = decode(record(['x', schema]), hex, ['x'], type)
    assert.deepEqual(got === 'bad' ? got : got.value, expected, JSON.stringify([schema, type]))
  }
})

test('a struct of the merged type has all its fields in its own order', () => {
  const type: DataType = {
    kind: 'struct',
    fields: [
      { name: 'new', type: { kind: 'string' }, nullable: true },
      { name: 'b', type: { kind: 'double' }, nullable: false },
      { name: 'a', type: { kind: 'long' }, nullable: false },
    ],
  }
  const got = decode(record(['a', 'int'], ['old', 'string'], ['b', 'int']), '02027804', [], type)
  assert.deepEqual(got, {
    value: new Map<string, Value>([
      ['new', null],
      ['b', 2],
      ['a', 1],
    ]),
  })
})

test('hostile bytes are bad', () => {
  const cases: [string, unknown, string][] = [
    ['a string longer than the record', 'string', '7e61'],
    ['a negative length', 'string', '0161'],
    ['a length of two gigabytes', 'string', 'feffffff0f61'],
    ['an int of six bytes', 'int', 'ffffffffff01'],
    ['a long of eleven bytes', 'long', 'ffffffffffffffffffff01'],
    ['a long of more than 64 bits', 'long', 'ffffffffffffffffff02'],
    ['an enum index out of range', { type: 'enum', name: 'E', symbols: ['A'] }, '02'],
    ['a negative enum index', { type: 'enum', name: 'E', symbols: ['A'] }, '01'],
    ['a union index out of range', ['null', 'int'], '04'],
    ['a negative union index', ['null', 'int'], '01'],
    ['more items than bytes', { type: 'array', items: 'int' }, 'feffffff0f02'],
    ['2^31 nulls', { type: 'array', items: 'null' }, 'feffffff0f00'],
    ['a block size beyond the end', { type: 'array', items: 'int' }, '017e0200'],
    ['an array without its end', { type: 'array', items: 'int' }, '0202'],
    ['a map value that is cut off', { type: 'map', values: 'double' }, '02026100'],
    ['a double that is cut off', 'double', '00000000'],
    ['a decimal of too many bytes', { type: 'bytes', logicalType: 'decimal', precision: 9 }, `8404${'01'.repeat(258)}`],
    ['a fixed that is cut off', { type: 'fixed', name: 'F', size: 20 }, '00'],
  ]
  for (const [what, schema, hex] of cases) {
    const decoder = avroDecoder(JSON.stringify(schema), 'avro')
    for (const parts of [['value'], ['text']] as const) {
      const read = reader(decoder, [{ path: [], parts, type: decoder.type }])
      assert.equal(read(Buffer.from(hex, 'hex'), 0), 'bad', `${what} (${parts})`)
      assert.equal(read(Buffer.from(hex, 'hex'), 20), 'bad', `${what} (${parts}), with bytes behind`)
    }
    assert.equal(reader(decoder, [], { validate: true })(Buffer.from(hex, 'hex'), 20), 'bad', what)
  }
})

test('2^31 items of no size are stepped over at once, and bad where they would be values', () => {
  const nulls = record(['n', { type: 'array', items: 'null' }], ['x', 'int'])
  assert.deepEqual(decode(nulls, 'feffffff0f000a', ['x']), { value: 5 })
  assert.equal(decode(nulls, 'feffffff0f000a', ['n'], { kind: 'array', element: { kind: 'null' } }), 'bad')
  assert.deepEqual(decode(nulls, '06000a', ['n'], { kind: 'array', element: { kind: 'null' } }), {
    value: [null, null, null],
  })
})

test(`recursion in the data ends at ${AVRO_LIMIT_DATA_DEPTH} levels`, () => {
  const list = { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] }
  const decoder = avroDecoder(JSON.stringify(list), 'avro')
  const levels = (n: number): Buffer => Buffer.concat([Buffer.alloc(n, 2), Buffer.of(0)])
  for (const parts of [['value'], ['text']] as const) {
    const read = reader(decoder, [{ path: [], parts, type: decoder.type }])
    assert.notEqual(read(levels(AVRO_LIMIT_DATA_DEPTH / 2 - 2)), 'bad')
    assert.equal(read(levels(100_000)), 'bad')
  }
  assert.equal(reader(decoder, [], { validate: true })(levels(100_000)), 'bad')
  const endless = avroDecoder('{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}', 'avro')
  assert.equal(reader(endless, [{ path: [], parts: ['text'], type: endless.type }])(Buffer.of(0)), 'bad')
})

test('steps through unions of records, arrays and maps; a step into nothing is null', () => {
  const schema = record(
    [
      'u',
      [
        'null',
        { type: 'record', name: 'A', fields: [{ name: 'x', type: 'int' }] },
        {
          type: 'record',
          name: 'B',
          fields: [
            { name: 'y', type: 'string' },
            { name: 'x', type: 'long' },
          ],
        },
      ],
    ],
    ['m', { type: 'map', values: ['null', { type: 'array', items: 'string' }] }],
  )
  const read = reader(avroDecoder(JSON.stringify(schema), 'avro'), [
    { path: ['u', 'x'], parts: ['value', 'exists'], type: JSON_KIND },
    { path: ['u', 'y'], parts: ['value', 'exists'], type: JSON_KIND },
    { path: ['m', 'k', 1], parts: ['slice', 'exists'], type: { kind: 'string' } },
    { path: ['m', 'k'], parts: ['text'], type: JSON_KIND },
    { path: ['m', 0], parts: ['exists'], type: JSON_KIND },
  ])
  assert.deepEqual(read(Buffer.from('0204 04 026a00 026b02 04 0261 0462630000'.replaceAll(' ', ''), 'hex')), [
    { value: 2, exists: true },
    { value: null, exists: false },
    { value: null, slice: 'bc', exists: true },
    { text: '["a","bc"]' },
    { exists: false },
  ])
  assert.deepEqual(read(Buffer.from('0000', 'hex')), [
    { value: null, exists: false },
    { value: null, exists: false },
    { value: null, slice: undefined, exists: false },
    { text: null },
    { exists: false },
  ])
})

test('schemas refer to the named types of others', () => {
  const address =
    '{"type":"record","name":"Address","namespace":"org.example","fields":[{"name":"city","type":"string"}]}'
  const person =
    '{"type":"record","name":"Person","namespace":"org.example","fields":[{"name":"home","type":"Address"},{"name":"work","type":["null","org.example.Address"]}]}'
  for (const references of [parseAvroReferences([address]), [address]]) {
    const decoder = avroDecoder(person, 'avro', references)
    assert.deepEqual(
      reader(decoder, [{ path: ['home', 'city'], parts: ['value'], type: { kind: 'string' } }])(
        Buffer.from('024f00', 'hex'),
      ),
      [{ value: 'O' }],
    )
  }
  assert.throws(() => avroDecoder(person, 'avro'), /uses the type "org.example.Address", which it does not define/)
})

test('the type of a recursive schema is a graph with a cycle', () => {
  const type = avroType(
    parseAvroSchema(
      '{"type":"record","name":"a.Node","aliases":["Old"],"fields":[{"name":"next","type":["null","Node"],"doc":"the rest"},{"name":"all","type":{"type":"array","items":"a.Old"}}]}',
    ),
  )
  assert.ok(type.kind === 'struct')
  assert.equal(type.name, 'a.Node')
  assert.equal(type.fields[0].type, type)
  assert.equal(type.fields[0].nullable, true)
  assert.equal(type.fields[0].doc, 'the rest')
  assert.deepEqual(type.fields[1].type.kind === 'array' && type.fields[1].type.element === type, true)
})

test('a logical type counts where the specification puts it, and where it fits', () => {
  const kind = (schema: unknown): string => avroType(parseAvroSchema(JSON.stringify(schema))).kind
  assert.equal(kind({ type: 'long', logicalType: 'timestamp-millis' }), 'timestamp')
  assert.equal(kind({ type: 'string', logicalType: 'timestamp-millis' }), 'string')
  assert.equal(kind({ type: 'bytes', logicalType: 'decimal', precision: 2, scale: 3 }), 'bytes')
  assert.equal(kind({ type: 'fixed', name: 'F', size: 15, logicalType: 'uuid' }), 'bytes')
  assert.equal(kind({ type: 'string', logicalType: 'constructor' }), 'string')
  const beside = avroType(
    parseAvroSchema(
      '{"type":"record","name":"R","fields":[{"name":"a","type":"long","logicalType":"timestamp-millis"}]}',
    ),
  )
  assert.equal(beside.kind === 'struct' && beside.fields[0].type.kind, 'long')
})

test('text that would be longer than its limit is bad', () => {
  const items = {
    type: 'array',
    items: { type: 'record', name: 'Item', fields: [{ name: 'n'.repeat(1000), type: 'boolean' }] },
  }
  const decoder = avroDecoder(JSON.stringify(items), 'avro')
  const read = reader(decoder, [{ path: [], parts: ['text'], type: decoder.type }])
  const bytes = (count: bigint): Buffer => {
    const head: number[] = []
    for (let n = count * 2n; ; n >>= 7n) {
      head.push(Number(n & 127n) | (n > 127n ? 128 : 0))
      if (n <= 127n) break
    }
    return Buffer.concat([Buffer.from(head), Buffer.alloc(Number(count), 1), Buffer.of(0)])
  }
  assert.notEqual(read(bytes(1000n)), 'bad')
  assert.equal(read(bytes(100_000n)), 'bad')
  assert.notEqual(read(bytes(10n)), 'bad')
})

test('what is no schema is refused with a sentence', () => {
  let deep: unknown = 'int'
  for (let i = 0; i < AVRO_SCHEMA_LIMIT_DEPTH + 1; i++) deep = { type: 'array', items: deep }
  const cases: [string, RegExp][] = [
    ['{', /not JSON/],
    ['7', /not an Avro type: 7/],
    ['{"type":"record","name":"R"}', /"R" has no "fields"/],
    ['{"type":"record","fields":[]}', /without a name/],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}', /two fields "a"/],
    ['{"type":"array"}', /not an Avro type: nothing/],
    ['["null",["int","string"]]', /union holds a union/],
    ['{"type":"fixed","name":"F","size":-1}', /no usable "size"/],
    ['{"type":"enum","name":"E"}', /no "symbols"/],
    ['"Missing"', /does not define/],
    [JSON.stringify(deep), /limit of 64 levels/],
    ['{"type":"record","name":"R","fields":[{"name":"a"}]}', /"R.a" has no type/],
  ]
  for (const [text, message] of cases)
    assert.throws(
      () => parseAvroSchema(text),
      (error: Error) => error instanceof AvroSchemaError && message.test(error.message),
      text,
    )
})

test('a wide schema whose types double at every level is read without growing', () => {
  let schema: unknown = 'string'
  for (let i = 0; i < 25; i++)
    schema =
      i === 0
        ? { type: 'record', name: 'L0', fields: [{ name: 'a', type: 'string' }] }
        : {
            type: 'record',
            name: `L${i}`,
            fields: [
              { name: 'a', type: schema },
              { name: 'b', type: ['null', `L${i - 1}`] },
            ],
          }
  const decoder = avroDecoder(JSON.stringify(record(['big', schema], ['x', 'int'])), 'avro')
  const bytes = Buffer.concat([Buffer.of(2, 65), Buffer.alloc(24, 0), Buffer.of(8)])
  assert.deepEqual(
    reader(decoder, [
      { path: ['x'], parts: ['value'], type: JSON_KIND },
      { path: ['big', 'b'], parts: ['exists', 'value'], type: JSON_KIND },
    ])(bytes),
    [{ value: 4 }, { exists: true, value: null }],
  )
})

test('types that are used twice at every level have sizes at once', () => {
  for (const leaf of ['boolean', 'null'] as const) {
    let schema: unknown = { type: 'record', name: 'L0', fields: [{ name: 'a', type: leaf }] }
    for (let i = 1; i < 50; i++)
      schema = {
        type: 'record',
        name: `L${i}`,
        fields: [
          { name: 'a', type: schema },
          { name: 'b', type: `L${i - 1}` },
        ],
      }
    const decoder = avroDecoder(JSON.stringify(record(['big', schema], ['x', 'int'])), 'avro')
    const got = reader(decoder, [{ path: ['x'], parts: ['value'], type: JSON_KIND }])(Buffer.of(8))
    assert.deepEqual(got, leaf === 'null' ? [{ value: 4 }] : 'bad')
    for (const parts of [['value'], ['text']] as const)
      assert.equal(reader(decoder, [{ path: [], parts, type: decoder.type }])(Buffer.of(8)), 'bad')
    assert.equal(reader(decoder, [], { validate: true })(Buffer.of(8)) === 'bad', leaf === 'boolean')
  }
})

test('types that refer to each other in a long chain are too deep', () => {
  const chain = (length: number): string =>
    JSON.stringify(
      Array.from({ length }, (_, i) => ({
        type: 'record',
        name: `C${i}`,
        fields: i === 0 ? [] : [{ name: 'c', type: `C${i - 1}` }],
      })),
    )
  assert.ok(avroDecoder(chain(50), 'avro'))
  assert.throws(() => parseAvroSchema(chain(5000)), /limit of 64 levels/)
})

test('records of many fields are written in parts', () => {
  const names = Array.from({ length: 300 }, (_, i) => `field_with_a_long_name_${i}`)
  const decoder = avroDecoder(JSON.stringify(record(...names.map((name): [string, unknown] => [name, 'int']))), 'avro')
  const bytes = Buffer.from(names.map((_, i) => (i % 60) * 2))
  const expected = `{${names.map((name, i) => `"${name}":${i % 60}`).join(',')}}`
  const got = reader(decoder, [{ path: [], parts: ['text'], type: decoder.type }])(bytes)
  assert.deepEqual(got, [{ text: expected }])
  const some = [names[3], names[170], names[299]].map((name) => ({
    path: [name],
    parts: ['value'] as const,
    type: JSON_KIND,
  }))
  for (const validate of [false, true])
    assert.deepEqual(reader(decoder, some, { validate })(bytes, 4), [{ value: 3 }, { value: 50 }, { value: 59 }])
  assert.equal(reader(decoder, some)(bytes.subarray(0, 280), 0), 'bad')
})
