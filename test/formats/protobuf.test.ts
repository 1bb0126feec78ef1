import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { messageDecoder, protobufDecoder } from '../../src/formats/protobuf/decoder.ts'
import { encodeProtobuf, protobufEncoder } from '../../src/formats/protobuf/encoder.ts'
import { PROTOBUF_LIMIT_FIELDS, parseProtobufSchema } from '../../src/formats/protobuf/definition/link.ts'
import { ProtobufSchemaError } from '../../src/formats/protobuf/definition/parse.ts'
import type { ProtoMessage } from '../../src/formats/protobuf/definition/schema.ts'
import { PROTOBUF_LIMIT_DEPTH } from '../../src/formats/protobuf/wire.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import type { DataType, Value } from '../../src/types.ts'
import { type Asked, type Got, type Options, reader } from './driver.ts'

const JSON_KIND = { kind: 'json' } as const
const STRING = { kind: 'string' } as const
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function first(text: string, syntax = 'proto3'): ProtoMessage {
  return parseProtobufSchema(`syntax = "${syntax}"; ${text}`).messages[0]
}
function read(message: ProtoMessage, bytes: Buffer, asked: readonly Asked[], options?: Options): Got[] | 'bad' {
  return reader(messageDecoder(message, 'protobuf'), asked, options)(bytes, 3)
}
/** The whole message as JSON text, 'bad' for damage. */
function text(message: ProtoMessage, bytes: Buffer, options?: Options): string | null | undefined {
  const decoder = messageDecoder(message, 'protobuf')
  const got = read(message, bytes, [{ path: [], parts: ['text'], type: decoder.type }], options)
  return got === 'bad' ? 'bad' : got[0].text
}
function at(
  message: ProtoMessage,
  bytes: Buffer,
  path: Asked['path'],
  type: DataType,
  part: 'value' | 'slice' | 'text' = 'value',
): unknown {
  const got = read(message, bytes, [{ path, parts: [part], type }])
  return got === 'bad' ? 'bad' : got[0][part]
}

test('bytes that protobuf-java wrote', () => {
  const schema = parseProtobufSchema(readFileSync(new URL('../sql/formats/shop.proto', import.meta.url), 'utf8'))
  const bytes = hex(readFileSync(new URL('./protobuf/purchase.hex', import.meta.url), 'utf8').trim())
  assert.equal(
    text(schema.messages[0], bytes, { validate: true }),
    '{"id":18446744073709551615,"note":"","at":"1969-12-31T23:59:59.000000001Z","items":{"x":{"sku":"ß","qty":-9223372036854775808,"price":0.1}},"marks":[0,-1,2147483647,128],"card":null,"cash":"NaN","color":"BLUE","extra":{"a":[1,"x",null,true,{"b":-0.5}]},"took":"-1.5s","stock":0,"hash":"AAH/","before":{"id":1,"note":null,"at":null,"items":{},"marks":[],"card":null,"cash":null,"color":"UNKNOWN","extra":null,"took":null,"stock":null,"hash":"","before":{"id":0,"note":null,"at":null,"items":{},"marks":[],"card":null,"cash":null,"color":"UNKNOWN","extra":null,"took":null,"stock":null,"hash":"","before":null}}}',
  )
})

test('of several values of a field the last counts, messages are merged, a oneof keeps one', () => {
  const message = first(
    'message M { int32 a = 1; N n = 2; oneof o { string s = 3; N m = 4; int32 i = 5; } } message N { int32 x = 1; int32 y = 2; repeated int32 z = 3; }',
  )
  const int = { kind: 'int' } as const
  assert.equal(text(message, hex('0801 0802')), '{"a":2,"n":null,"s":null,"m":null,"i":null}')
  const twice = hex('1204 08011801 0805 1204 10021802')
  assert.equal(text(message, twice), '{"a":5,"n":{"x":1,"y":2,"z":[1,2]},"s":null,"m":null,"i":null}')
  assert.deepEqual(
    ['x', 'y'].map((name) => at(message, twice, ['n', name], int)),
    [1, 2],
  )
  assert.equal(at(message, twice, ['n', 'z', 1], int), 2)
  // s, then m: only m is there.
  assert.equal(text(message, hex('1a0161 2202 0801')), '{"a":0,"n":null,"s":null,"m":{"x":1,"y":0,"z":[]},"i":null}')
  assert.equal(at(message, hex('1a0161 2202 0801'), ['s'], STRING, 'slice'), undefined)
  // m, s, m: the first m is gone, and the two are not merged.
  assert.equal(at(message, hex('22020801 1a0161 22021002'), ['m', 'x'], int), 0)
  // A member that nobody asked for clears the one that was asked for.
  assert.equal(at(message, hex('1a0161 2807'), ['s'], STRING, 'slice'), undefined)
})

test('packed and unpacked lists, mixed; wire types that do not fit are unknown fields', () => {
  const message = first(
    'message M { repeated int32 a = 1; repeated double d = 2; int32 b = 3; repeated string s = 4; }',
  )
  assert.equal(text(message, hex('0801 0a0202 03 1807 0804 0a00')), '{"a":[1,2,3,4],"d":[],"b":7,"s":[]}')
  assert.equal(at(message, hex('0801 0a020203 1807 0804'), ['a', 3], { kind: 'int' }), 4)
  assert.equal(text(message, hex('0a0180')), 'bad')
  assert.equal(text(message, hex('1204 00000000')), 'bad', 'half a double in a block')
  assert.equal(text(message, hex('1a0161 1d00000000 190000000000000000')), '{"a":[],"d":[],"b":0,"s":[]}')
})

test('map entries: defaults of missing parts, the last of equal keys', () => {
  const message = first(
    'message M { map<string, N> m = 1; map<int32, E> e = 2; } message N { int32 x = 1; } enum E { A = 0; B = 1; }',
  )
  assert.equal(text(message, hex('0a05 0a0162')), 'bad')
  assert.equal(text(message, hex('0a00 0a03 0a0161')), '{"m":{"":{"x":0},"a":{"x":0}},"e":{}}')
  assert.equal(
    text(message, hex('0a07 0a0161 1202 0801 1200 0a07 0a0161 1202 0802')),
    '{"m":{"a":{"x":2}},"e":{"0":"A"}}',
  )
  assert.equal(at(message, hex('0a07 0a0161 1202 0801 0a07 0a0161 1202 0802'), ['m', 'a', 'x'], { kind: 'int' }), 2)
  assert.equal(at(message, hex('1204 08051001'), ['e', '5'], STRING), 'B')
  assert.deepEqual(at(message, hex('0a03 0a0161'), ['m', 'a'], JSON_KIND), null)
})

test('proto2: required, optional, declared defaults', () => {
  const message = first(
    'message M { required int32 a = 1; optional string b = 2; optional string c = 3 [default = "x"]; optional E e = 4; optional E f = 5 [default = B]; } enum E { A = 0; B = 1; }',
    'proto2',
  )
  assert.equal(text(message, hex('0801')), '{"a":1,"b":null,"c":"x","e":null,"f":"B"}')
  assert.equal(text(message, hex('')), 'bad')
  assert.equal(at(message, hex(''), ['b'], STRING), null, 'nobody asked for the required field')
  assert.equal(read(message, hex(''), [], { validate: true }), 'bad')
  assert.deepEqual(read(message, hex('0801'), [{ path: ['c'], parts: ['slice', 'exists'], type: STRING }]), [
    { value: 'x', slice: 'made x', exists: false },
  ])
})

test('editions', () => {
  const schema = parseProtobufSchema(
    'edition = "2023"; message M { int32 a = 1; int32 b = 2 [features.field_presence = IMPLICIT]; repeated int32 c = 3; }',
  )
  assert.equal(text(schema.messages[0], hex('1a020102')), '{"a":null,"b":0,"c":[1,2]}')
  assert.deepEqual(
    [
      ...encodeProtobuf(
        schema.messages[0],
        new Map<string, Value>([
          ['b', 0],
          ['c', [1, 2]],
        ]),
      ),
    ],
    [...hex('1a020102')],
  )
})

// The bytes of the next three tests were written by Google's Python runtime 7.36 (protoc of grpcio-tools 1.85).

const GROUPS =
  'message M { optional group Item = 1 { optional int32 x = 1; optional Leaf leaf = 2; } repeated group Line = 20 { optional string sku = 1; optional group Deep = 3 { optional bool y = 1; } } optional int32 z = 3; oneof o { group Left = 5 { optional int32 l = 1; } string right = 6; } message In { optional int32 i = 1; } } message Leaf { optional string s = 1; }'

test('groups of proto2: fields named in small letters, read at every place, merged, not counted by lists of indexes', () => {
  const schema = parseProtobufSchema(`syntax = "proto2"; ${GROUPS}`)
  const [message] = schema.messages
  const bytes = hex('0b080712040a02c3a40c18ac022b08042ca3010a01611b08011ca401a3010a0162a401')
  const whole =
    '{"item":{"x":7,"leaf":{"s":"ä"}},"line":[{"sku":"a","deep":{"y":true}},{"sku":"b","deep":null}],"z":300,"left":{"l":4},"right":null}'
  assert.equal(text(message, bytes, { validate: true }), whole)
  assert.deepEqual(
    read(message, bytes, [
      { path: ['item', 'leaf', 's'], parts: ['slice', 'text', 'exists'], type: STRING },
      { path: ['line', 0, 'deep', 'y'], parts: ['value'], type: { kind: 'boolean' } },
      { path: ['line', 1, 'sku'], parts: ['text'], type: STRING },
      { path: ['left', 'l'], parts: ['value'], type: { kind: 'int' } },
      { path: ['z'], parts: ['value'], type: { kind: 'int' } },
    ]),
    [
      { value: null, slice: 'ä', text: '"ä"', exists: true },
      { value: true },
      { text: '"b"' },
      { value: 4 },
      { value: 300 },
    ],
  )
  const decoder = messageDecoder(message, 'm')
  const got = read(message, bytes, [{ path: [], parts: ['value'], type: decoder.type }])
  assert.notEqual(got, 'bad')
  assert.equal(
    Buffer.from(encodeProtobuf(message, (got as Got[])[0].value as Value)).toString('hex'),
    '0b080712040a02c3a40c18ac022b08042ca3010a01611b08011ca401a3010a0162a401',
  )
  assert.equal(
    text(message, hex('0b08010c0b12030a01710c')),
    '{"item":{"x":1,"leaf":{"s":"q"}},"line":[],"z":null,"left":null,"right":null}',
    'two parts of one group',
  )
  assert.equal(at(message, hex('0b08010c0b12030a01710c'), ['item', 'x'], { kind: 'int' }), 1)
  assert.equal(
    text(message, hex('2b08042c320178')),
    '{"item":null,"line":[],"z":null,"left":null,"right":"x"}',
    'the last member of a oneof',
  )
  assert.equal(schema.byIndexes([0, 0])?.name, 'M.In')
  for (const damage of ['0b0807', '0b08070c0c', '0b080714', '0b0b0b', '0b08078c', 'a3010a0161a4', '0b0c0b'])
    assert.equal(text(message, hex(damage)), 'bad', damage)
  assert.equal(text(message, Buffer.alloc(10_000, 0x0b)), 'bad')
})

test('editions: values between tags, and words about who may use a type', () => {
  const [message] = parseProtobufSchema(
    'edition = "2023"; message M { N n = 1 [features.message_encoding = DELIMITED]; repeated N ns = 2 [features.message_encoding = DELIMITED]; N plain = 3; map<string, N> m = 4; } message N { int32 x = 1; N n = 2 [features.message_encoding = DELIMITED]; }',
  ).messages
  const bytes = hex('0b0801130802140c1308031413141a02080522070a016b12020806')
  const whole =
    '{"n":{"x":1,"n":{"x":2,"n":null}},"ns":[{"x":3,"n":null},{"x":null,"n":null}],"plain":{"x":5,"n":null},"m":{"k":{"x":6,"n":null}}}'
  assert.equal(text(message, bytes, { validate: true }), whole)
  assert.equal(at(message, bytes, ['n', 'n', 'x'], { kind: 'int' }), 2)
  assert.equal(at(message, bytes, ['m', 'k', 'x'], { kind: 'int' }), 6)
  const [inFile] = parseProtobufSchema(
    'edition = "2023"; option features.message_encoding = DELIMITED; message M { M m = 1; int32 x = 2; M l = 3 [features.message_encoding = LENGTH_PREFIXED]; }',
  ).messages
  assert.equal(
    text(inFile, hex('0b10010c1a021002')),
    '{"m":{"m":null,"x":1,"l":null},"x":null,"l":{"m":null,"x":2,"l":null}}',
  )
  const [exported] = parseProtobufSchema(
    'edition = "2024"; import option "custom.proto"; export message M { local message L { int32 x = 1; } export enum E { A = 0; B = 1; } L l = 1; E e = 2; int32 export = 3; } local enum F { C = 0; }',
  ).messages
  assert.equal(text(exported, hex('0a02080110011804')), '{"l":{"x":1},"e":"B","export":4}')
})

test('google.protobuf.Any is unpacked where its type is known', () => {
  const [message] = parseProtobufSchema(
    'syntax = "proto3"; import "google/protobuf/any.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; package p; message M { google.protobuf.Any a = 1; repeated google.protobuf.Any list = 2; map<string, google.protobuf.Any> m = 3; } message N { int64 x = 1; string s = 2; google.protobuf.Timestamp t = 3; google.protobuf.Any more = 4; } message E {}',
  ).messages
  const n =
    '{"@type":"type.googleapis.com/p.N","x":9007199254740993,"s":"\\"q\\"","t":"2024-02-29T23:59:59.5Z","more":{"@type":"type.googleapis.com/p.E"}}'
  const bytes = hex(
    '0a520a17747970652e676f6f676c65617069732e636f6d2f702e4e123708818080808080801012032271221a0c08ffb484af061080cab5ee0122190a17747970652e676f6f676c65617069732e636f6d2f702e4512380a2c747970652e676f6f676c65617069732e636f6d2f676f6f676c652e70726f746f6275662e4475726174696f6e120808011080cab5ee0112210a1b747970652e676f6f676c65617069732e636f6d2f6f746865722e581202010212001a82010a016b127d0a27747970652e676f6f676c65617069732e636f6d2f676f6f676c652e70726f746f6275662e416e7912520a17747970652e676f6f676c65617069732e636f6d2f702e4e123708818080808080801012032271221a0c08ffb484af061080cab5ee0122190a17747970652e676f6f676c65617069732e636f6d2f702e45',
  )
  const list =
    '[{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1.5s"},{"@type":"type.googleapis.com/other.X","value":"AQI="},{}]'
  assert.equal(
    text(message, bytes, { validate: true }),
    `{"a":${n},"list":${list},"m":{"k":{"@type":"type.googleapis.com/google.protobuf.Any","value":${n}}}}`,
  )
  assert.deepEqual(
    read(message, bytes, [
      { path: ['a', 's'], parts: ['slice', 'exists'], type: STRING },
      { path: ['a', 'x'], parts: ['value', 'text'], type: JSON_KIND },
      { path: ['list'], parts: ['text'], type: JSON_KIND },
    ]),
    [
      { value: '"q"', slice: 'made "q"', exists: true },
      { value: 9007199254740993n, text: '9007199254740993' },
      { text: list },
    ],
  )
  // Any in Any without end, and contents that are no message of their type.
  let nested = Buffer.alloc(0)
  const url = Buffer.from('/google.protobuf.Any')
  const field = (number: number, of: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2, (of.length & 127) | 128, (of.length >> 7) & 127]), of])
  for (let i = 0; i < PROTOBUF_LIMIT_DEPTH + 4; i++) nested = Buffer.concat([field(1, url), field(2, nested)])
  assert.equal(text(message, field(1, nested)), 'bad')
  assert.equal(text(message, field(1, Buffer.concat([field(1, Buffer.from('x/p.N')), field(2, hex('08'))]))), 'bad')
  assert.equal(
    Buffer.from(
      encodeProtobuf(message, new Map<string, Value>([['a', new JsonText('{"@type":"x/y","value":"AQI="}')]])),
    ).toString('hex'),
    '0a090a03782f7912020102',
  )
  assert.throws(
    () => encodeProtobuf(message, new Map<string, Value>([['a', new JsonText('{"@type":"x/y","s":1}')]])),
    /in base64/,
  )
})

test('messages that stand for other values', () => {
  const schema =
    parseProtobufSchema(`syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto"; import "confluent/type/decimal.proto";
    import "google/type/date.proto"; import "google/type/timeofday.proto"; import "confluent/meta.proto";
    message M { google.protobuf.Timestamp t = 1; google.protobuf.StringValue s = 2; confluent.type.Decimal d = 3 [(confluent.field_meta).doc = "x"]; google.type.Date day = 4; google.type.TimeOfDay time = 5; }`)
  const [message] = schema.messages
  const value = new Map<string, Value>([
    ['t', 1678707744267000000n],
    ['s', 'x'],
    ['d', new Decimal(-12345n, 2)],
    ['day', 19429],
    ['time', 74833679000000],
  ])
  const bytes = Buffer.from(encodeProtobuf(message, value))
  assert.equal(
    text(message, bytes, { validate: true }),
    '{"t":"2023-03-13T11:42:24.267Z","s":"x","d":-123.45,"day":"2023-03-13","time":"20:47:13.679"}',
  )
  const render = { timestamp: false, decimal: 1, uuid: true }
  assert.equal(
    text(message, bytes, { render }),
    '{"t":1678707744267000000,"s":"x","d":-123.5,"day":19429,"time":74833679000000}',
  )
  const decoder = messageDecoder(message, 'm')
  assert.deepEqual(read(message, bytes, [{ path: [], parts: ['value'], type: decoder.type }]), [{ value }])
  assert.deepEqual(read(message, bytes, [{ path: ['s'], parts: ['slice', 'text'], type: STRING }]), [
    { value: 'x', slice: 'made x', text: '"x"' },
  ])
  assert.equal(at(message, bytes, ['day'], { kind: 'timestamp', unit: 'millis' }), 19429 * 86400000)
  // Out of their range: seconds, nanoseconds, a day that no month has.
  for (const wrong of ['0a0b 08ffffffffffffffff7f', '0a06 108094ebdc03', '2206 08e70f100218 1e'.replaceAll(' ', '')])
    assert.equal(text(message, hex(wrong)), 'bad', wrong)
})

test('JSON values inside of messages', () => {
  const schema = parseProtobufSchema(
    'syntax = "proto3"; import "google/protobuf/struct.proto"; message M { google.protobuf.Value v = 1; google.protobuf.Struct s = 2; google.protobuf.ListValue l = 3; }',
  )
  const [message] = schema.messages
  const value = new Map<string, Value>([
    ['v', 'x'],
    ['s', new JsonText('{"a":{"b":[1.5,null]},"c":false}')],
    ['l', new JsonText('[1,"y"]')],
  ])
  const bytes = Buffer.from(encodeProtobuf(message, value))
  assert.equal(text(message, bytes), '{"v":"x","s":{"a":{"b":[1.5,null]},"c":false},"l":[1,"y"]}')
  assert.deepEqual(
    read(message, bytes, [
      { path: ['s', 'a', 'b', 0], parts: ['value', 'text'], type: JSON_KIND },
      { path: ['l', 1], parts: ['slice'], type: STRING },
      { path: ['v'], parts: ['value', 'exists'], type: JSON_KIND },
    ]),
    [
      { value: 1.5, text: '1.5' },
      { value: 'y', slice: 'made y' },
      { value: 'x', exists: true },
    ],
  )
})

test('message indexes of Confluent, message names of Apicurio', () => {
  const schema = parseProtobufSchema(
    'syntax = "proto3"; package p; message A { int32 x = 1; message B { int32 y = 1; } message C { map<string, B> m = 1; message D { int32 z = 1; } } } message E { int32 w = 1; }',
  )
  const decoder = protobufDecoder(schema, 'protobuf 1')
  const one = (bytes: string): unknown => {
    const got = reader(decoder, [
      { path: ['x'], parts: ['value'], type: { kind: 'int' } },
      { path: [], parts: ['text'], type: JSON_KIND },
    ])(hex(bytes), 2)
    return got === 'bad' ? 'bad' : got[1].text
  }
  assert.equal(one('00 0805'), '{"x":5}')
  assert.equal(one('0200 0805'), '{"x":5}')
  assert.equal(one('0202 0805'), '{"w":5}')
  assert.equal(one('040000 0805'), '{"y":5}')
  assert.equal(one('06000200 0805'), '{"z":5}')
  const named = (name: string): string =>
    Buffer.concat([Buffer.of(name.length + 2, 10, name.length), Buffer.from(name)]).toString('hex')
  assert.equal(one(`${named('p.E')} 0805`), '{"w":5}')
  assert.equal(one(`${named('A.C.D')} 0805`), '{"z":5}')
  for (const bad of ['', '02', '0204 0805', '01 0805', 'ff', `${named('p.None')} 0805`, 'fefefefe0f'])
    assert.equal(one(bad), 'bad', bad)
  const inner = schema.byName('A.C.D') as ProtoMessage
  assert.deepEqual([...protobufEncoder(schema, inner).encode(new Map([['z', 5]]))], [...hex('06000200 0805')])
  assert.deepEqual([...protobufEncoder(schema).encode(new Map([['x', 5]]))], [...hex('00 0805')])
})

test('recursion in schema and data is bounded', () => {
  const message = first('message M { M m = 1; int32 x = 2; repeated M list = 3; }')
  const nested = (depth: number): Buffer => {
    let bytes: Buffer = Buffer.alloc(0)
    for (let i = 0; i < depth; i++) {
      const out: number[] = [10]
      for (let n = bytes.length; ; n >>= 7) {
        out.push(n > 127 ? (n & 127) | 128 : n)
        if (n <= 127) break
      }
      bytes = Buffer.concat([Buffer.from(out), bytes])
    }
    return bytes
  }
  assert.notEqual(text(message, nested(PROTOBUF_LIMIT_DEPTH - 2)), 'bad')
  assert.equal(text(message, nested(PROTOBUF_LIMIT_DEPTH + 2)), 'bad')
  assert.equal(text(message, nested(5000)), 'bad')
  assert.equal(at(message, nested(5000), ['m', 'm', 'x'], { kind: 'int' }), 0, 'nobody looks so deep')
  assert.equal(read(message, nested(5000), [], { validate: true }), 'bad')
  // Groups of unknown fields, nested without end.
  assert.equal(text(message, Buffer.alloc(10_000, 0x2b)), 'bad')
})

test('hostile bytes end soon: long varints, huge lengths, many parts of one message', () => {
  const message = first(
    'message M { N n = 1; int64 x = 2; repeated int32 r = 3; string s = 4; } message N { int32 y = 1; }',
  )
  assert.equal(text(message, Buffer.alloc(1 << 20, 0xff)), 'bad')
  assert.equal(
    text(message, Buffer.concat([hex('10'), Buffer.alloc(1 << 20, 0x80), hex('00')])),
    'bad',
    'a varint of a megabyte',
  )
  assert.equal(text(message, hex('22ffffffff07')), 'bad')
  assert.equal(text(message, hex('22ffffffff0f')), 'bad')
  const parts = Buffer.concat(Array.from({ length: 200_000 }, (_, i) => hex(i % 2 === 0 ? '0a020801' : '0a020802')))
  const start = performance.now()
  assert.equal(text(message, parts), '{"n":{"y":2},"x":0,"r":[],"s":""}')
  assert.equal(at(message, parts, ['n', 'y'], { kind: 'int' }), 2)
  assert.ok(performance.now() - start < 5000)
})

test('a message of 10,000 fields, and a value of 50 MB', () => {
  const fields = Array.from({ length: 10_000 }, (_, i) => `int32 f${i} = ${i + 1};`)
  const message = first(`message M { ${fields.join(' ')} }`)
  const value = new Map<string, Value>(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, i] as const))
  const bytes = Buffer.from(encodeProtobuf(message, value))
  assert.equal(at(message, bytes, ['f9999'], { kind: 'int' }), 9999)
  assert.deepEqual(JSON.parse(String(text(message, bytes))), Object.fromEntries(value))
  const big = first('message M { bytes b = 1; string s = 2; }')
  const long = Buffer.from(encodeProtobuf(big, new Map<string, Value>([['s', 'x'.repeat(50_000_000)]])))
  assert.equal(String(at(big, long, ['s'], STRING, 'slice')).length, 50_000_000)
  assert.equal(String(text(big, long)), 'bad', 'its text could be larger than the limit of 64 MiB')
})

test('a chain of 5,000 messages is linked, typed and read as deep as data may go', () => {
  const chain = Array.from({ length: 5000 }, (_, i) => `message M${i} { M${i + 1} next = 1; int32 x = 2; }`)
  const message = first(`${chain.join(' ')} message M5000 { int32 x = 2; }`)
  assert.equal(text(message, hex('0a02 1005')), '{"next":{"next":null,"x":5},"x":0}')
  assert.equal(at(message, hex('0a02 1005'), ['next', 'x'], { kind: 'int' }), 5)
})

test('what .proto files may hold beside fields', () => {
  const message = first(
    `
    option java_package = "a" "b"; option (my.opt).x = { a: 1 b: [ { c: "}" } ] };
    message M {
      option deprecated = true; option (my.message) = { text: '}' };
      reserved 5, 7 to 9, 100 to max; reserved "old", 'older';
      // behind
      /* a comment ; } */ int32 option = 1 [deprecated = true, (my.field) = { nested { deep: 1 } }, json_name = "Opt"];
      string message = 2; .p.E reserved = 3; repeated .p.M.message2 oneof = 4;
      message message2 { enum E { X = 0; } E e = 1; M m = 2; }
      extensions 1000 to 2000 [declaration = { number: 1000 }];
      ;
    }
    enum E { option allow_alias = true; reserved 5; A = 0 [(x) = 1]; B = 0x10; C = -1; };
    extend M { int32 more = 1001; }
    service S { rpc Do (M) returns (stream M) { option (http) = { get: "/" }; } }`.replace(
      'option java',
      'package p; option java',
    ),
  )
  assert.deepEqual(
    message.fields.map((field) => [
      field.name,
      field.number,
      field.type.kind === 'scalar' ? field.type.scalar : field.type.name,
    ]),
    [
      ['option', 1, 'int32'],
      ['message', 2, 'string'],
      ['reserved', 3, 'p.E'],
      ['oneof', 4, 'p.M.message2'],
    ],
  )
  const inner = message.fields[3].type as ProtoMessage
  assert.deepEqual(
    inner.fields.map((field) => (field.type.kind === 'scalar' ? '' : field.type.name)),
    ['p.M.message2.E', 'p.M'],
  )
  assert.equal(
    text(message, hex('1810 2202 0800')),
    '{"option":0,"message":"","reserved":"B","oneof":[{"e":"X","m":null}]}',
  )
  const defaults = first(
    String.raw`message M { optional string s = 1 [default = "a\n\"\x41\101\u00e4"]; optional bytes b = 2 [default = "\xff\001"]; optional double d = 3 [default = -inf];
      optional float f = 4 [default = 1.5e3]; optional uint64 u = 5 [default = 0xffffffffffffffff]; optional int32 i = 6 [default = -010]; optional bool t = 7 [default = true]; }`,
    'proto2',
  )
  assert.equal(
    text(defaults, hex('')),
    '{"s":"a\\n\\"AAä","b":"/wE=","d":"-Infinity","f":1500.0,"u":18446744073709551615,"i":-8,"t":true}',
  )
})

test('schemas that cannot be used say why', () => {
  const refused = (schema: string, message: RegExp): void =>
    assert.throws(
      () => parseProtobufSchema(schema),
      (error) => error instanceof ProtobufSchemaError && message.test(error.message),
    )
  refused('message', /cannot be used: /)
  refused('syntax = "proto3"; message M { Unknown u = 1; }', /uses the type "Unknown" in M, which it does not know/)
  refused(
    'syntax = "proto3"; import "other.proto"; message M { Other u = 1; }',
    /other\.proto, which it imports, is not among its references/,
  )
  refused('syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }', /uses the number 1 twice in M/)
  refused('syntax = "proto3"; message M { int32 a = 1; int32 a = 2; }', /two fields "a" in M/)
  refused('syntax = "proto3"; message M { } message M { }', /declares "M" twice/)
  refused('syntax = "proto3";\nmessage M {\n  int32 a = ;\n}', /line 3: a whole number is expected, and ";" is there/)
  refused('syntax = "proto3"; message M { int32 a = 1;', /the end of the text/)
  refused('syntax = "proto4";', /unknown syntax "proto4"/)
  refused('syntax = "proto3"; message M { int32 a = 0; }', /the field "a" has the number 0/)
  refused('syntax = "proto3"; message M { map<double, string> m = 1; }', /map with keys of type double/)
  refused(`syntax = "proto3"; ${'message M {'.repeat(5000)}`, /nested deeper than the limit of 64 levels/)
  refused(`/*${'*'.repeat(1 << 20)}`, /line 1: the comment that begins here is not closed/)
  assert.equal(
    parseProtobufSchema(`${'// note\n'.repeat(300_000)} syntax = "proto3"; message M { }`).messages.length,
    1,
  )
  const wide = Array.from(
    { length: 11 },
    (_, m) => `message M${m} { ${Array.from({ length: 10_000 }, (_, i) => `int32 f${i} = ${i + 1};`).join(' ')} }`,
  )
  refused(`syntax = "proto3"; ${wide.join('\n')}`, new RegExp(`more fields than the limit of ${PROTOBUF_LIMIT_FIELDS}`))
  assert.equal(
    parseProtobufSchema('syntax = "proto3"; import "lost.proto"; message M { int32 a = 1; }').messages.length,
    1,
    'an import that nobody needs',
  )
})

test('what cannot be written says why', () => {
  const message = first(
    'message M { int32 a = 1; N n = 2; oneof o { string s = 3; int32 i = 4; } repeated E e = 5; uint32 u = 6; map<bool, string> m = 7; } message N { bytes b = 1; } enum E { A = 0; B = 1; }',
  )
  const refused = (value: Value, path: readonly (string | number)[], words: RegExp): void =>
    assert.throws(
      () => encodeProtobuf(message, value),
      (error: Error & { path?: unknown }) =>
        words.test(error.message) && JSON.stringify(error.path) === JSON.stringify(path),
    )
  refused(new Map([['x', 1]]), ['x'], /is not a field of M/)
  refused(new Map([['a', 2147483648]]), ['a'], /out of the range of int32/)
  refused(new Map([['u', -1]]), ['u'], /out of the range of uint32/)
  refused(new Map([['a', 'x']]), ['a'], /cannot be 'x': it is a int32/)
  refused(
    new Map<string, Value>([
      ['s', 'x'],
      ['i', 1],
    ]),
    ['s'],
    /oneof/,
  )
  refused(new Map<string, Value>([['e', ['A', 'C']]]), ['e', 1], /is one of A, B/)
  refused(new Map<string, Value>([['e', ['A', null]]]), ['e', 1], /NULL/)
  refused(new Map<string, Value>([['n', new Map([['b', 'text']])]]), ['n', 'b'], /is a bytes/)
  refused(new Map<string, Value>([['m', new Map([['yes', 'x']])]]), ['m', 'yes'], /no key of a map<bool/)
  refused('text', [], /not a M/)
})
