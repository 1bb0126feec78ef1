/** Well-known messages at the ends of their ranges, and features of editions wherever they may be said. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageDecoder } from '../../src/formats/protobuf/decoder.ts'
import { parseProtobufSchema } from '../../src/formats/protobuf/definition/link.ts'
import { encodeProtobuf } from '../../src/formats/protobuf/encoder.ts'
import type { ProtoMessage } from '../../src/formats/protobuf/definition/schema.ts'
import type { Value } from '../../src/types.ts'
import { decodeText } from '../support/decode.ts'
import { reader } from './driver.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function first(text: string): ProtoMessage {
  return parseProtobufSchema(text).messages[0]
}
function text(message: ProtoMessage, bytes: Buffer): string | null | undefined {
  return decodeText(messageDecoder(message, 'p'), bytes)
}

test('timestamps of the years 1 to 9999 and durations are written as they are read', () => {
  const message = first(
    'syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; }',
  )
  const written = (name: string, value: Value): string | null | undefined =>
    text(message, Buffer.from(encodeProtobuf(message, new Map([[name, value]]))))
  const last = 253_402_300_799n * 1_000_000_000n + 999_999_999n
  assert.equal(written('t', last), '{"t":"9999-12-31T23:59:59.999999999Z","d":null}')
  assert.equal(written('t', -62_135_596_800n * 1_000_000_000n), '{"t":"0001-01-01T00:00:00Z","d":null}')
  assert.throws(() => written('t', last + 1n), /outside of the years 1 to 9999/)
  assert.throws(() => written('t', -62_135_596_800n * 1_000_000_000n - 1n), /outside of the years 1 to 9999/)
  assert.throws(() => written('t', 1.5), /it is a timestamp/)
  assert.equal(written('d', '-315576000000s'), '{"t":null,"d":"-315576000000s"}')
  assert.throws(() => written('d', '315576000000.000000001s'), /has 315576000000 seconds at most/)
})

test('dates without a part are NULL, a leap second and 24:00:00 are times, decimals with a negative scale are whole', () => {
  const message = first(
    'syntax = "proto3"; import "google/type/date.proto"; import "google/type/timeofday.proto"; import "confluent/type/decimal.proto"; message M { google.type.Date d = 1; google.type.TimeOfDay t = 2; confluent.type.Decimal n = 3; repeated google.type.Date l = 4; }',
  )
  const shown = (bytes: string): unknown => JSON.parse(text(message, hex(bytes)) ?? '"bad"')
  const none = { d: null, t: null, n: null, l: [] }
  for (const date of ['0a00', '0a04 1005 1811', '0a03 08d00f', '0a05 08d00f 1005', '0a04 1002 181d'])
    assert.deepEqual(shown(date), none, date)
  for (const date of ['0a04 1002 181e', '0a02 1805', '0a02 100d', '0a02 1820', '0a03 08904f'])
    assert.equal(shown(date), 'bad', date)
  assert.deepEqual(shown('2200 2207 08d00f 1005 1811'), { ...none, l: [null, '2000-05-17'] })
  const { type } = messageDecoder(message, 'p')
  assert.deepEqual(
    reader(messageDecoder(message, 'p'), [
      { path: ['d'], parts: ['value', 'text', 'exists'], type: { kind: 'date' } },
      { path: ['d'], parts: ['value'], type: { kind: 'date' } },
    ])(hex('0a04 1005 1811'))[0],
    { value: null, text: null, exists: true },
  )
  assert.notEqual(reader(messageDecoder(message, 'p'), [{ path: [], parts: ['value'], type }])(hex('0a00')), 'bad')
  assert.deepEqual(shown('1206 0817 103b 183c'), { ...none, t: '24:00:00' })
  assert.deepEqual(shown('1202 0818'), { ...none, t: '24:00:00' })
  assert.equal(shown('1204 0818 1001'), 'bad')
  assert.equal(shown('1202 183d'), 'bad')
  assert.deepEqual(shown('1a10 0a0105 1001 18fdffffffffffffffff01'), { ...none, n: 5000 })
  assert.equal(shown('1a0e 0a0105 1897f8ffffffffffffff01'), 'bad', 'scale -1001')
})

test('features of editions: in braces, and of the file, messages and oneofs around a field', () => {
  const inFile = first(
    'edition = "2023"; option features = { field_presence: IMPLICIT, repeated_field_encoding: EXPANDED; enum_type: CLOSED }; message M { int32 x = 1; int32 y = 2 [features = { field_presence: EXPLICIT }]; repeated int32 l = 3; repeated int32 p = 4 [features = { repeated_field_encoding: PACKED }]; }',
  )
  assert.equal(text(inFile, hex('')), '{"x":0,"y":null,"l":[],"p":[]}')
  const lists = new Map<string, Value>([
    ['l', [1, 2]],
    ['p', [1, 2]],
  ])
  assert.equal(Buffer.from(encodeProtobuf(inFile, lists)).toString('hex'), '1801180222020102')
  const inField = first(
    'edition = "2023"; message M { int32 x = 1 [features = { field_presence: IMPLICIT }]; message B { int32 y = 1; } B b = 2 [features = { message_encoding: DELIMITED }]; }',
  )
  assert.equal(text(inField, hex('1308 0514')), '{"x":0,"b":{"y":5}}')
  const inMessage = first(
    'edition = "2023"; message M { N n = 1; int32 x = 2; oneof o { option features = { message_encoding: LENGTH_PREFIXED }; N c = 3; } message N { int32 y = 1; N d = 2; option features.field_presence = EXPLICIT; } option features = { message_encoding: DELIMITED field_presence: IMPLICIT }; }',
  )
  assert.equal(
    text(inMessage, hex('0b 0801 13 0802 14 0c 1a02 0803')),
    '{"n":{"y":1,"d":{"y":2,"d":null}},"x":0,"c":{"y":3,"d":null}}',
  )
})

test('schemas that would cost more than their length', () => {
  const refused = (schema: string): string => {
    try {
      parseProtobufSchema(schema)
    } catch (error) {
      return (error as Error).message
    }
    return 'no error'
  }
  assert.match(
    refused(`message A{option x=1${'/* '.repeat(80_000)};}`),
    /line 1: the comment that begins here is not closed/,
  )
  assert.match(refused(`message A{option x=1 ${'\\"'.repeat(20_000)};}`), /not closed|unexpected|expected/)
  assert.match(refused('message A{\noption x="a\n";}'), /line 2: the string that begins here is not closed/)
  assert.match(
    refused(`package ${'a.'.repeat(10_000)}b; message A{X x=1;}`),
    /the package has more parts than the limit of 32/,
  )
  assert.match(refused(`message ${'a'.repeat(5000)} {}`), /declares a name of more characters than the limit of 4096/)
  const many = Array.from({ length: 10_000 }, (_, i) => `int32 a${i}=${i + 1};`).join('')
  const { fields } = first(`syntax="proto3";message A{oneof o{${many}}}`)
  assert.equal(fields[0].oneof, fields[9999].oneof)
  const nested = first(
    'syntax="proto3"; package p.q; message A { B b = 1; q.A c = 2; .p.q.A.B d = 3; message B { A a = 1; q.C c = 2; } } message C { int32 x = 1; }',
  )
  assert.deepEqual(
    nested.fields.map((field) => (field.type as ProtoMessage).name),
    ['p.q.A.B', 'p.q.A', 'p.q.A.B'],
  )
})
