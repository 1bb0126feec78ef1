import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { csvDecoder } from '../../src/formats/csv/decoder.ts'
import { formatNamed, windowedParts } from '../../src/formats/format.ts'
import { jsonSchemaColumns } from '../../src/formats/jsonschema/columns.ts'
import { MSGPACK_LIMIT_DEPTH, msgpackDecoder, msgpackToJson } from '../../src/formats/msgpack/decoder.ts'
import { primitiveDecoder } from '../../src/formats/primitive/decoder.ts'
import type { RawBuffer } from '../../src/formats/reading/reader-runtime.ts'
import { windowedDecoder } from '../../src/formats/windowed/decoder.ts'
import { XML_LIMIT_DEPTH, xmlDecoder, xmlToJson } from '../../src/formats/xml/decoder.ts'
import { reader } from './driver.ts'

const RUNS = { numRuns: 500, seed: 20260301 }
const JSON_KIND = { kind: 'json' } as const
const STRING = { kind: 'string' } as const

test('XML: elements, attributes, text, CDATA, comments, references', () => {
  const cases: [string, string | undefined][] = [
    ['<a/>', '{"a":""}'],
    ['<a>x</a>', '{"a":"x"}'],
    [
      ' <?xml version="1.0" encoding="UTF-8"?>\n<a b="1" c=\'2"\'>x</a>\n<!-- end -->',
      '{"a":{"@b":"1","@c":"2\\"","#text":"x"}}',
    ],
    ['<a><b>1</b><c/><b>2</b></a>', '{"a":{"b":["1","2"],"c":""}}'],
    ['<a> <b>1</b> tail </a>', '{"a":{"b":"1","#text":"tail"}}'],
    ['<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F6A2;</a>', '{"a":"<&>\\"\'A🚢"}'],
    ['<a><![CDATA[<b>&amp;]]></a>', '{"a":"<b>&amp;"}'],
    ['<n:a xmlns:n="urn:x"><n:b/></n:a>', '{"n:a":{"@xmlns:n":"urn:x","n:b":""}}'],
    ['<schiff größe="3">Grüße</schiff>', '{"schiff":{"@größe":"3","#text":"Grüße"}}'],
    ['<a>line\r\nbreak</a>', '{"a":"line\\nbreak"}'],
    ['<__proto__><constructor/></__proto__>', '{"__proto__":{"constructor":""}}'],
    ['', undefined],
    ['text', undefined],
    ['<a>', undefined],
    ['<a></b>', undefined],
    ['<a/><b/>', undefined],
    ['<a b="1" b="2"/>', undefined],
    ['<a b=1/>', undefined],
    ['<a>&unknown;</a>', undefined],
    ['<a>&#0;</a>', undefined],
    ['<a>&#xD800;</a>', undefined],
    ['<a>& </a>', undefined],
    ['<a>]]></a>', undefined],
    ['<!DOCTYPE a><a/>', undefined],
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', undefined],
    ['<a><!-- open</a>', undefined],
    ['{"a":1}', undefined],
  ]
  for (const [xml, json] of cases) assert.equal(xmlToJson(xml), json, xml)
})

test('XML: paths, byte order mark, depth', () => {
  const read = reader(xmlDecoder(), [
    { path: ['o', '@id'], parts: ['value', 'text', 'exists'], type: JSON_KIND },
    { path: ['o', 'i', 1], parts: ['slice'], type: STRING },
    { path: ['o', 'none'], parts: ['value', 'exists'], type: JSON_KIND },
  ])
  const got = [
    { value: '7', text: '"7"', exists: true },
    { value: 'b', slice: 'made b' },
    { value: null, exists: false },
  ]
  assert.deepEqual(read(Buffer.from('\ufeff<o id="7"><i>a</i><i>b</i></o>'), 3), got)
  assert.equal(read(Buffer.from('<o id="7">'), 3), 'bad')
  const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth)
  assert.notEqual(xmlToJson(nested(XML_LIMIT_DEPTH)), undefined)
  assert.equal(xmlToJson(nested(XML_LIMIT_DEPTH + 1)), undefined)
})

test('XML: any text is a document or none, and what comes out is JSON', () => {
  const piece = fc.constantFrom(
    '<a>',
    '</a>',
    '<b c="d">',
    '</b>',
    '<e/>',
    'text',
    ' ',
    '&amp;',
    '&#65;',
    '<![CDATA[x]]>',
    '<!-- x -->',
    '<',
    '>',
    '"',
    '&',
    '<?p?>',
    '<!',
    ']]>',
    'ü',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const json = xmlToJson(pieces.join(''))
      if (json !== undefined) JSON.parse(json)
    }),
    { ...RUNS, numRuns: 5000 },
  )
})

test('CSV: fields of RFC 4180', () => {
  const read = reader(csvDecoder(), [{ path: [], parts: ['text'], type: JSON_KIND }])
  const cases: [string, string | 'bad'][] = [
    ['a,b', '{"c0":"a","c1":"b"}'],
    ['', '{"c0":""}'],
    [',', '{"c0":"","c1":""}'],
    ['"a,b","c""d"\r\n', '{"c0":"a,b","c1":"c\\"d"}'],
    ['"line\nbreak"', '{"c0":"line\\nbreak"}'],
    ['a"b', '{"c0":"a\\"b"}'],
    ['\ufeffa', '{"c0":"a"}'],
    ['"open', 'bad'],
    ['"a"b', 'bad'],
    ['a\nb', 'bad'],
  ]
  for (const [csv, json] of cases)
    assert.deepEqual(read(Buffer.from(csv), 2), json === 'bad' ? 'bad' : [{ text: json }], csv)
})

test('CSV: columns of a header, other marks', () => {
  const decoder = csvDecoder({ header: ['id', 'name'], delimiter: ';', quote: "'" })
  assert.deepEqual(decoder.type, {
    kind: 'struct',
    fields: [
      { name: 'id', type: STRING, nullable: true },
      { name: 'name', type: STRING, nullable: true },
    ],
  })
  const read = reader(decoder, [
    { path: [], parts: ['value', 'text'], type: decoder.type },
    { path: ['name'], parts: ['slice', 'text', 'exists'], type: STRING },
    { path: ['other'], parts: ['value', 'exists'], type: STRING },
  ])
  const absent = { value: null, exists: false }
  assert.deepEqual(read(Buffer.from("1;'a;''b'"), 2), [
    {
      value: new Map([
        ['id', '1'],
        ['name', "a;'b"],
      ]),
      text: '{"id":"1","name":"a;\'b"}',
    },
    { value: "a;'b", slice: "made a;'b", text: '"a;\'b"', exists: true },
    absent,
  ])
  assert.deepEqual(read(Buffer.from('1'), 2), [
    {
      value: new Map([
        ['id', '1'],
        ['name', null],
      ]),
      text: '{"id":"1","name":null}',
    },
    { value: null, slice: undefined, text: null, exists: false },
    absent,
  ])
  assert.equal(read(Buffer.from('1;2;3'), 2), 'bad')
  assert.throws(() => csvDecoder({ delimiter: ';;' }), {
    message: 'The delimiter of CSV must be one ASCII character, not ";;".',
  })
})

test('CSV: what a writer quotes comes back', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 6 }), (values) => {
      const line = values.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')
      const got = reader(
        csvDecoder(),
        values.map((_, i) => ({ path: [`c${i}`], parts: ['value'] as const, type: JSON_KIND })),
      )(Buffer.from(line), 1)
      assert.deepEqual(
        got,
        values.map((value) => ({ value: Buffer.from(value).toString() })),
      )
    }),
    RUNS,
  )
})

function msgpack(hex: string): string | undefined {
  const b = Buffer.from(hex, 'hex') as RawBuffer
  return msgpackToJson(b, 0, b.length)
}

test('MessagePack: every type of the specification', () => {
  const cases: [string, string | undefined][] = [
    ['c0', 'null'],
    ['c2', 'false'],
    ['c3', 'true'],
    ['7f', '127'],
    ['ff', '-1'],
    ['ccff', '255'],
    ['cdffff', '65535'],
    ['ceffffffff', '4294967295'],
    ['cfffffffffffffffff', '18446744073709551615'],
    ['d080', '-128'],
    ['d18000', '-32768'],
    ['d280000000', '-2147483648'],
    ['d38000000000000000', '-9223372036854775808'],
    ['ca3dcccccd', '0.1'],
    ['cb3ff0000000000000', '1.0'],
    ['cb7ff8000000000000', '"NaN"'],
    ['a3612262', '"a\\"b"'],
    ['d90161', '"a"'],
    ['c40200ff', '"AP8="'],
    ['9201a161', '[1,"a"]'],
    ['82a16101a162c0', '{"a":1,"b":null}'],
    ['8101a161', '{"1":"a"}'],
    ['d6ff00000000', '"1970-01-01T00:00:00Z"'],
    ['d7ff0000000100000000', '"2106-02-07T06:28:16Z"'],
    ['c70cff00000001ffffffffffffffff', '"1969-12-31T23:59:59.000000001Z"'],
    ['d405aa', '{"type":5,"data":"qg=="}'],
    ['', undefined],
    ['c1', undefined],
    ['0101', undefined],
    ['a2', undefined],
    ['92', undefined],
    ['ddffffffff', undefined],
    ['dfffffffff', undefined],
    ['81900190', undefined],
    ['c705ff0000000000', undefined],
  ]
  for (const [hex, json] of cases) assert.equal(msgpack(hex), json === undefined ? undefined : json, hex)
  const nested = (depth: number): string => `${'91'.repeat(depth)}c0`
  assert.notEqual(msgpack(nested(MSGPACK_LIMIT_DEPTH)), undefined)
  assert.equal(msgpack(nested(MSGPACK_LIMIT_DEPTH + 1)), undefined)
})

test('MessagePack: what the library writes is read as the JSON that it was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as unknown
      const bytes = Buffer.from(encode(plain)) as RawBuffer
      const text = msgpackToJson(bytes, 0, bytes.length)
      assert.ok(text !== undefined)
      assert.deepEqual(JSON.parse(text), plain)
    }),
    RUNS,
  )
})

test('MessagePack: damaged bytes are bad or something else', () => {
  const read = reader(msgpackDecoder(), [
    { path: [], parts: ['value', 'text'], type: JSON_KIND },
    { path: ['a', 0], parts: ['value'], type: JSON_KIND },
  ])
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const got = read(bytes, 1)
      assert.ok(got === 'bad' || Array.isArray(got))
    }),
    { ...RUNS, numRuns: 3000 },
  )
})

test('windowed keys: the inner key and the window', () => {
  const times = Buffer.from('0000018cc251f4000000018cc2511540', 'hex')
  const tw = windowedDecoder('TW', primitiveDecoder('STRING'))
  const asked = (type: typeof tw.type) => [
    { path: [], parts: ['value', 'text'] as const, type },
    { path: ['key'], parts: ['slice', 'exists'] as const, type: STRING },
    { path: ['windowStart'], parts: ['value', 'text'] as const, type: { kind: 'timestamp', unit: 'millis' } as const },
    { path: ['windowEnd'], parts: ['value', 'exists'] as const, type: JSON_KIND },
  ]
  assert.deepEqual(
    reader(tw, asked(tw.type), { validate: true })(Buffer.concat([Buffer.from('k'), times.subarray(0, 8)]), 3),
    [
      {
        value: new Map<string, unknown>([
          ['key', 'k'],
          ['windowStart', 1704067200000],
        ]),
        text: '{"key":"k","windowStart":"2024-01-01T00:00:00Z"}',
      },
      { value: null, slice: 'k', exists: true },
      { value: 1704067200000, text: '"2024-01-01T00:00:00Z"' },
      { value: null, exists: false },
    ],
  )
  const sw = windowedDecoder('SW', primitiveDecoder('LONG'))
  const bytes = Buffer.concat([Buffer.from('0000000000000005', 'hex'), times])
  assert.deepEqual(
    reader(sw, [
      { path: [], parts: ['text'], type: sw.type },
      { path: ['windowEnd'], parts: ['value'], type: JSON_KIND },
    ])(bytes, 1),
    [
      { text: '{"key":5,"windowStart":"2023-12-31T23:59:02.976Z","windowEnd":"2024-01-01T00:00:00Z"}' },
      { value: '2024-01-01T00:00:00Z' },
    ],
  )
  assert.equal(reader(sw, asked(sw.type))(bytes.subarray(1)), 'bad', 'the inner key has a byte too few')
  assert.equal(reader(sw, asked(sw.type))(Buffer.alloc(15)), 'bad')
})

test('names of formats', () => {
  assert.equal(formatNamed('avro'), 'AVRO')
  assert.equal(formatNamed('TW[LONG]'), 'TWLONG')
  assert.equal(formatNamed('swstring'), 'SWSTRING')
  assert.equal(formatNamed('TWTWLONG'), undefined)
  assert.equal(formatNamed('TW'), undefined)
  assert.deepEqual(windowedParts('TWAVRO'), { kind: 'TW', inner: 'AVRO' })
  assert.equal(windowedParts('XML'), undefined)
})

test('JSON Schema: columns where it is plain', () => {
  const schema = {
    title: 'Order',
    type: 'object',
    required: ['id'],
    properties: {
      id: { type: 'integer', description: 'its number' },
      note: { type: ['string', 'null'] },
      price: { oneOf: [{ type: 'null' }, { type: 'number' }] },
      tags: { type: 'array', items: { type: 'string' } },
      to: { $ref: '#/definitions/address' },
      any: { oneOf: [{ type: 'string' }, { type: 'number' }] },
      self: { $ref: '#' },
    },
    definitions: { address: { type: 'object', properties: { city: { type: 'string' }, ok: { type: 'boolean' } } } },
  }
  const columns = jsonSchemaColumns(JSON.stringify(schema))
  assert.deepEqual(
    columns?.fields.map((field) => [field.name, field.type.kind, field.nullable]),
    [
      ['id', 'long', false],
      ['note', 'string', true],
      ['price', 'double', true],
      ['tags', 'array', true],
      ['to', 'struct', true],
      ['any', 'json', true],
      ['self', 'struct', true],
    ],
  )
  assert.equal(columns?.name, 'Order')
  assert.equal(columns?.fields[0].doc, 'its number')
  for (const text of ['not json', '{}', 'true', '{"type":"string"}', '{"$ref":"#"}', '{"type":"object"}'])
    assert.equal(jsonSchemaColumns(text), undefined)
})
