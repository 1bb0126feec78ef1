import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PrimitiveFormat, primitiveDecoder } from '../../src/formats/primitive/decoder.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import type { DataType, Value } from '../../src/types.ts'
import { reader } from './driver.ts'

const JSON_KIND: DataType = { kind: 'json' }

function read(format: PrimitiveFormat, hex: string, type?: DataType): { value: Value; text: string | null } | 'bad' {
  const decoder = primitiveDecoder(format)
  const got = reader(decoder, [{ path: [], parts: ['value', 'text'], type: type ?? decoder.type }])(
    Buffer.from(hex, 'hex'),
    1,
  )
  return got === 'bad' ? got : { value: got[0].value ?? null, text: got[0].text ?? null }
}

test('values and texts of the plain formats', () => {
  const cases: [PrimitiveFormat, string, Value, string][] = [
    ['STRING', '4772c3bcc39f65220a', 'Grüße"\n', '"Grüße\\"\\n"'],
    ['STRING', '', '', '""'],
    ['STRING', '61ff', 'a\ufffd', '"a\ufffd"'],
    ['INT', 'fffffffe', -2, '-2'],
    ['INT', '7fffffff', 2147483647, '2147483647'],
    ['LONG', '0000000000000005', 5, '5'],
    ['LONG', 'ffffffffffffffff', -1, '-1'],
    ['LONG', '001fffffffffffff', 9007199254740991, '9007199254740991'],
    ['LONG', '0020000000000000', 9007199254740992n, '9007199254740992'],
    ['LONG', 'ffe0000000000001', -9007199254740991, '-9007199254740991'],
    ['LONG', 'ffe0000000000000', -9007199254740992n, '-9007199254740992'],
    ['LONG', '8000000000000000', -9223372036854775808n, '-9223372036854775808'],
    ['FLOAT', '3dcccccd', Math.fround(0.1), '0.1'],
    ['FLOAT', 'c3000000', -128, '-128.0'],
    ['DOUBLE', 'c060000000000000', -128, '-128.0'],
    ['DOUBLE', '7ff8000000000000', Number.NaN, '"NaN"'],
    ['BYTES', '00ff10', new Uint8Array([0, 255, 16]), '"AP8Q"'],
    ['BYTES', '', new Uint8Array(), '""'],
    [
      'UUID',
      '00112233445566778899aabbccddeeff',
      '00112233-4455-6677-8899-aabbccddeeff',
      '"00112233-4455-6677-8899-aabbccddeeff"',
    ],
    [
      'UUID',
      Buffer.from('00112233-4455-6677-8899-AABBCCDDEEFF').toString('hex'),
      '00112233-4455-6677-8899-aabbccddeeff',
      '"00112233-4455-6677-8899-aabbccddeeff"',
    ],
  ]
  for (const [format, hex, value, text] of cases)
    assert.deepEqual(read(format, hex), { value, text }, `${format} ${hex}`)
})

test('another length is bad', () => {
  for (const [format, hex] of [
    ['INT', '000000'],
    ['INT', '0000000000'],
    ['LONG', '00000000'],
    ['LONG', ''],
    ['FLOAT', '00'],
    ['DOUBLE', '00000000000000'],
    ['UUID', '0011'],
    ['UUID', '61'.repeat(36)],
  ] as const)
    assert.equal(read(format, hex), 'bad', `${format} ${hex}`)
})

test('the type of the binder is the type of the value', () => {
  assert.deepEqual(read('INT', '00000002', { kind: 'decimal' }), { value: new Decimal(2n, 0), text: '2' })
  assert.deepEqual(read('BYTES', '00ff10', JSON_KIND), { value: 'AP8Q', text: '"AP8Q"' })
  assert.equal(read('STRING', '61', { kind: 'long' }), 'bad')
})

test('a string has a range and no value; nothing is below the root', () => {
  const read = reader(primitiveDecoder('STRING'), [
    { path: [], parts: ['slice', 'exists'], type: { kind: 'string' } },
    { path: ['a'], parts: ['value', 'exists'], type: JSON_KIND },
  ])
  assert.deepEqual(read(Buffer.from('abc'), 3), [
    { value: null, slice: 'abc', exists: true },
    { value: null, exists: false },
  ])
  assert.deepEqual(reader(primitiveDecoder('INT'), [])(Buffer.from('a')), [])
  assert.equal(reader(primitiveDecoder('INT'), [], { validate: true })(Buffer.from('a')), 'bad')
})
