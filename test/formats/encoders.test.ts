/** What the encoders write, byte by byte, and what they refuse. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avroEncoder } from '../../src/formats/avro/writing/encoder.ts'
import { parseAvroReferences } from '../../src/formats/avro/schema.ts'
import { EncodeError } from '../../src/formats/encoder.ts'
import { jsonEncoder } from '../../src/formats/json/encoder.ts'
import { primitiveEncoder } from '../../src/formats/primitive/encoder.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import { JSON_TYPE, type Value } from '../../src/types.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const avro = (schema: unknown, value: Value): string => hex(avroEncoder(JSON.stringify(schema)).encode(value))

function refusal(schema: unknown, value: Value): string {
  try {
    return `written: ${avro(schema, value)}`
  } catch (error) {
    assert.ok(error instanceof EncodeError, String(error))
    return `${error.path.join('/')}: ${error.message}`
  }
}

test('Avro: single values', () => {
  assert.equal(avro('int', -1), '01')
  assert.equal(avro('long', 9223372036854775807n), 'feffffffffffffffff01')
  assert.equal(avro('long', -9223372036854775808n), 'ffffffffffffffffff01')
  assert.equal(avro('boolean', true), '01')
  assert.equal(avro('string', 'é'), '04c3a9')
  assert.equal(avro('bytes', Buffer.from([0, 255])), '0400ff')
  assert.equal(avro('float', 1.5), '0000c03f')
  assert.equal(avro('double', 'NaN'), '000000000000f87f')
  assert.equal(avro({ type: 'enum', name: 'E', symbols: ['a', 'b'] }, 'b'), '02')
  assert.equal(avro({ type: 'fixed', name: 'F', size: 2 }, Buffer.from([1, 2])), '0102')
})

test('Avro: logical values', () => {
  const decimal = { type: 'bytes', logicalType: 'decimal', precision: 5, scale: 2 }
  const d = (text: string): Decimal => Decimal.parse(text) as Decimal
  assert.equal(avro(decimal, d('1.5')), '040096')
  assert.equal(avro(decimal, d('-1.28')), '0280')
  assert.equal(avro(decimal, d('0')), '0200')
  assert.equal(
    avro({ type: 'fixed', name: 'D', size: 4, logicalType: 'decimal', precision: 5, scale: 2 }, d('-0.01')),
    'ffffffff',
  )
  assert.equal(
    avro({ type: 'fixed', name: 'U', size: 16, logicalType: 'uuid' }, '00112233-4455-6677-8899-AABBCCDDEEFF'),
    '00112233445566778899aabbccddeeff',
  )
  assert.equal(
    avro({ type: 'fixed', name: 'P', size: 12, logicalType: 'duration' }, 'P1Y2M3DT4H5M6.789S'),
    '0e000000030000006568e000',
  )
  assert.equal(
    refusal(decimal, d('1.005')),
    ': takes a decimal(5,2), and 1.005 has more than 2 digits behind the point',
  )
  assert.equal(refusal(decimal, d('1000')), ': takes a decimal(5,2), and 1000 has more digits')
})

test('Avro: records, defaults of the schema, what is missing and what is too much', () => {
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'a', type: 'int' },
      { name: 'b', type: 'string', default: 'x' },
      { name: 'c', type: ['null', 'long'] },
      {
        name: 'd',
        type: {
          type: 'record',
          name: 'S',
          fields: [
            { name: 'e', type: 'bytes', default: 'ÿ' },
            { name: 'f', type: { type: 'array', items: 'int' }, default: [1, 2] },
          ],
        },
        default: {},
      },
      { name: 'g', type: ['string', 'null'], default: 'y' },
      { name: 'h', type: { type: 'map', values: 'int' }, default: { k: 1 } },
    ],
  }
  assert.equal(
    avro(schema, new Map<string, Value>([['a', 1]])),
    '02' + '0278' + '00' + '02ff' + '040204' + '00' + '00' + '0279' + '02' + '026b' + '02' + '00',
  )
  assert.equal(refusal(schema, new Map()), 'a: is required (an int) and has no value')
  assert.equal(
    refusal(
      schema,
      new Map<string, Value>([
        ['a', 1],
        ['bb', 'x'],
      ]),
    ),
    'bb: is not a field of R.',
  )
  assert.equal(refusal(schema, new Map<string, Value>([['a', 2 ** 31]])), 'a: takes an int, not 2147483648')
  assert.equal(
    refusal(
      schema,
      new Map<string, Value>([
        ['a', 1],
        ['d', new Map([['f', ['x']]])],
      ]),
    ),
    "d/f/0: takes an int, not 'x'",
  )
  assert.equal(refusal(schema, 'x'), ": takes a structure, not 'x'")
})

test('Avro: of several branches the first that holds the value exactly', () => {
  const union = [
    'null',
    'int',
    'long',
    'double',
    { type: 'enum', name: 'E', symbols: ['a'] },
    'string',
    { type: 'array', items: 'int' },
    { type: 'map', values: 'string' },
    { type: 'record', name: 'R', fields: [{ name: 'x', type: 'int' }] },
  ]
  const branch = (value: Value): number => Buffer.from(avro(union, value), 'hex')[0] / 2
  assert.equal(branch(null), 0)
  assert.equal(branch(1), 1)
  assert.equal(branch(2 ** 31), 2)
  assert.equal(branch(9007199254740993n), 2)
  assert.equal(branch(1.5), 3)
  assert.equal(branch('a'), 4)
  assert.equal(branch('b'), 5)
  assert.equal(branch(new JsonText('[1]')), 6)
  assert.equal(branch(new JsonText('{"x":"y"}')), 7)
  assert.equal(branch(new JsonText('{"x":1}')), 8)
  assert.match(refusal(union, true), /takes a null or int or long .* not true/)
  // Nothing fits exactly, but nothing is lost either.
  assert.equal(avro(['null', 'double'], 3), '020000000000000840')
  assert.equal(avro(['string', 'double'], 3), '020000000000000840')
})

test('Avro: types of other schemas', () => {
  const references = parseAvroReferences(['{"type":"record","name":"a.Inner","fields":[{"name":"x","type":"int"}]}'])
  const encoder = avroEncoder('{"type":"record","name":"Outer","fields":[{"name":"i","type":"a.Inner"}]}', references)
  assert.equal(hex(encoder.encode(new Map([['i', new Map([['x', 1]])]]))), '02')
})

test('Avro: values that are deeper than anything that could be read', () => {
  const schema = { type: 'record', name: 'N', fields: [{ name: 'n', type: ['null', 'N'] }] }
  let value: Value = null
  for (let i = 0; i < 200; i++) value = new Map([['n', value]])
  assert.match(refusal(schema, value), /is nested deeper than 64 levels \(avro.max.depth\)/)
})

test('single values as the serializers of Kafka write them', () => {
  const plain = (format: Parameters<typeof primitiveEncoder>[0], value: Value): string =>
    hex(primitiveEncoder(format)?.encode(value) ?? Buffer.from('none'))
  assert.equal(plain('STRING', 'é'), 'c3a9')
  assert.equal(plain('INT', -2), 'fffffffe')
  assert.equal(plain('LONG', 9007199254740993n), '0020000000000001')
  assert.equal(plain('LONG', 5), '0000000000000005')
  assert.equal(plain('FLOAT', 1.5), '3fc00000')
  assert.equal(plain('DOUBLE', 1.5), '3ff8000000000000')
  assert.equal(plain('BYTES', Buffer.from([7])), '07')
  assert.equal(primitiveEncoder('AVRO'), undefined)
})

test('JSON keeps every digit', () => {
  const encoder = jsonEncoder({
    kind: 'struct',
    fields: [
      { name: 'a', type: { kind: 'long' }, nullable: true },
      { name: 'b', type: { kind: 'decimal' }, nullable: true },
      { name: 'c', type: { kind: 'timestamp', unit: 'millis' }, nullable: true },
    ],
  })
  const value = new Map<string, Value>([
    ['a', 9007199254740993n],
    ['b', Decimal.parse('1.50') as Decimal],
    ['c', 0],
  ])
  assert.equal(
    Buffer.from(encoder.encode(value)).toString(),
    '{"a":9007199254740993,"b":1.50,"c":"1970-01-01T00:00:00Z"}',
  )
  assert.equal(Buffer.from(jsonEncoder(JSON_TYPE).encode(new JsonText('{"a" : 1}'))).toString(), '{"a" : 1}')
})
