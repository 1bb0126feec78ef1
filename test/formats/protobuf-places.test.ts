/** Where the values of a Protobuf field may stand in a record: apart from each other, behind longer tags than needed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageDecoder } from '../../src/formats/protobuf/decoder.ts'
import { parseProtobufSchema } from '../../src/formats/protobuf/definition/link.ts'
import type { ProtoMessage } from '../../src/formats/protobuf/definition/schema.ts'
import { renderValue } from '../../src/formats/text/render.ts'
import type { Value } from '../../src/types.ts'
import { type Asked, type Got, reader } from './driver.ts'

const RENDER = { timestamp: true, decimal: undefined, uuid: true } as const
const INT = { kind: 'int' } as const
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function first(text: string, syntax = 'proto3'): ProtoMessage {
  return parseProtobufSchema(`syntax = "${syntax}"; ${text}`).messages[0]
}
function read(message: ProtoMessage, bytes: Buffer, asked: readonly Asked[]): Got[] | 'bad' {
  return reader(messageDecoder(message, 'protobuf'), asked, { render: RENDER, validate: true })(bytes, 3)
}
/** The whole message as text, which its value must render to as well; 'bad' for damage. */
function text(message: ProtoMessage, bytes: Buffer): string | null | undefined {
  const { type } = messageDecoder(message, 'protobuf')
  const got = read(message, bytes, [{ path: [], parts: ['text', 'value'], type }])
  if (got === 'bad') return 'bad'
  assert.equal(renderValue(got[0].value as Value, type, RENDER), got[0].text)
  return got[0].text
}

test('values of lists and maps that stand apart, in the order in which they stand', () => {
  const message = first(
    'message M { repeated int32 a = 1; repeated string b = 2; map<string, int32> m = 3; repeated fixed32 f = 20; repeated N n = 4; } message N { int32 x = 1; }',
  )
  const bytes = hex(
    '0801 120161 0802 120162 1a050a016b1001 a501 05000000 0a020304 22020801 1a050a016c1002 0805 0806 a201 08 0600000007000000 1a050a016b1003 22020802 a501 08000000 120163',
  )
  assert.equal(
    text(message, bytes),
    '{"a":[1,2,3,4,5,6],"b":["a","b","c"],"m":{"k":3,"l":2},"f":[5,6,7,8],"n":[{"x":1},{"x":2}]}',
  )
  assert.deepEqual(
    read(message, bytes, [
      { path: ['a', 4], parts: ['value'], type: INT },
      { path: ['b', 2], parts: ['text'], type: { kind: 'string' } },
      { path: ['m', 'k'], parts: ['value'], type: INT },
      { path: ['n', 1, 'x'], parts: ['value'], type: INT },
      { path: ['a', 6], parts: ['value'], type: INT },
    ]),
    [{ value: 5 }, { text: '"c"' }, { value: 3 }, { value: 2 }, { value: null }],
  )
  assert.equal(text(message, bytes.subarray(0, bytes.length - 1)), 'bad')
})

test('tags that are longer than they need to be', () => {
  const message = first(
    'message M { repeated string s = 1; string t = 2; repeated int32 i = 3; map<int32, int32> m = 4; N n = 5; } message N { int32 x = 1; repeated int32 y = 2; }',
  )
  assert.equal(
    text(
      message,
      hex(
        '8a8000 0161 0a0162 8a00 0163 9200 0164 9a00 020102 9800 03 1804 a200 0408011002 22 0408031004 aa8000 020801 2a02 1005 aa00 05 9000 06 1007',
      ),
    ),
    '{"s":["a","b","c"],"t":"d","i":[1,2,3,4],"m":{"1":2,"3":4},"n":{"x":1,"y":[5,6,7]}}',
  )
})

test('parts of messages that stand apart, in oneofs and between tags', () => {
  const message = first(
    'message M { optional N a = 1; optional N b = 2; oneof o { N c = 3; N d = 4; int32 e = 5; } optional group G = 6 { repeated int32 z = 1; } } message N { optional int32 x = 1; repeated int32 y = 2; optional N n = 3; }',
    'proto2',
  )
  assert.equal(
    text(
      message,
      hex(
        '0a020801 12021001 0a041002 1003 12020802 1a021001 1a020803 2204 1a021007 22041a021008 330801 34 0a061a0410011002 3308 0234 0a04 1a021003',
      ),
    ),
    '{"a":{"x":1,"y":[2,3],"n":{"x":null,"y":[1,2,3],"n":null}},"b":{"x":2,"y":[1],"n":null},"c":null,"d":{"x":null,"y":[],"n":{"x":null,"y":[7,8],"n":null}},"e":null,"g":{"z":[1,2]}}',
  )
  // c, d, c, c: what came before d is gone.
  assert.match(
    text(message, hex('1a021001 22020801 1a021002 1a021003')) ?? '',
    /"c":\{"x":null,"y":\[2,3\],"n":null\},"d":null,"e":null/,
  )
  assert.match(text(message, hex('1a021001 2807')) ?? '', /"c":null,"d":null,"e":7/)
  assert.match(text(message, hex('2807 1a021001')) ?? '', /"c":\{"x":null,"y":\[1\],"n":null\},"d":null,"e":null/)
})

test('a oneof of very many members keeps the one that came last', () => {
  const members = Array.from({ length: 600 }, (_, i) => `int32 f${i} = ${i + 1};`).join(' ')
  const message = first(`message M { oneof o { ${members} } }`)
  const given = JSON.parse(text(message, hex('0801 a01f05 b00c07')) as string) as Record<string, number | null>
  assert.deepEqual(
    Object.entries(given).filter(([, value]) => value !== null),
    [['f197', 7]],
  )
  assert.deepEqual(
    read(message, hex('0801 a01f05 b00c07'), [
      { path: ['f0'], parts: ['value', 'exists'], type: INT },
      { path: ['f197'], parts: ['value'], type: INT },
      { path: ['f499'], parts: ['value'], type: INT },
    ]),
    [{ value: null, exists: false }, { value: 7 }, { value: null }],
  )
})
