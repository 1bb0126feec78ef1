import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { guessFormat } from '../../src/formats/detect.ts'

function long(value: bigint): Buffer {
  const b = Buffer.alloc(8)
  b.writeBigInt64BE(value)
  return b
}
function double(value: number): Buffer {
  const b = Buffer.alloc(8)
  b.writeDoubleBE(value)
  return b
}

test('formats by their look', () => {
  const cases: [string, Buffer[], string][] = [
    ['objects', ['{"a":1}', ' [1] '].map((s) => Buffer.from(s)), 'JSON'],
    [
      'objects and one damaged',
      [...Array.from({ length: 12 }, () => Buffer.from('{"a":1}')), Buffer.from('{"a":')],
      'JSON',
    ],
    ['bare numbers are text', ['1', '22'].map((s) => Buffer.from(s)), 'STRING'],
    [
      'documents',
      ['<a/>', ' \n<?xml version="1.0"?><o id="1"><i>x</i></o>\n', '\uFEFF<a>ü</a>'].map((s) => Buffer.from(s)),
      'XML',
    ],
    [
      'documents and one damaged',
      [...Array.from({ length: 12 }, () => Buffer.from('<a>1</a>')), Buffer.from('<a>1')],
      'XML',
    ],
    [
      'text that begins with a bracket',
      ['<3 you', '<a', '<a>1</a> and more', '<a><b></a>'].map((s) => Buffer.from(s)),
      'STRING',
    ],
    [
      'documents with a document type',
      ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'].map((s) => Buffer.from(s)),
      'STRING',
    ],
    ['documents among texts', ['<a/>', 'words', 'more words'].map((s) => Buffer.from(s)), 'STRING'],
    ['words', ['ann', 'Grüße'].map((s) => Buffer.from(s)), 'STRING'],
    ['words of four letters', ['anna', 'bert'].map((s) => Buffer.from(s)), 'STRING'],
    ['words of eight letters', ['anna1234', 'bert5678'].map((s) => Buffer.from(s)), 'STRING'],
    ['uuids in text', [Buffer.from('00112233-4455-6677-8899-aabbccddeeff')], 'STRING'],
    ['ints', [Buffer.from([0, 0, 0, 7]), Buffer.from([0, 0, 1, 0])], 'INT'],
    ['small longs', [long(1n), long(-5n)], 'LONG'],
    ['times as longs', [long(1678707744267n), long(1678707744268n)], 'LONG'],
    ['doubles', [double(12.5), double(-0.001)], 'DOUBLE'],
    ['noise', [Buffer.from([0xff, 0xfe, 1]), Buffer.from([0x80, 0x81, 0x82, 0x83, 0x84])], 'BYTES'],
    [
      'framed',
      Array.from({ length: 5 }, (_, i) => Buffer.from([0, 0, 0, 0, 5, 2, i, 200, 1, 2, 3].slice(0, 9 + (i % 2)))),
      'BYTES',
    ],
    ['nothing', [], 'STRING'],
  ]
  for (const [what, samples, format] of cases) assert.equal(guessFormat(samples).format, format, what)
})

test('a guess says why', () => {
  assert.equal(guessFormat([Buffer.from('{}'), Buffer.from('{}')]).detail, '2 of 2 samples are JSON')
  assert.equal(guessFormat([Buffer.from('<a/>')]).detail, '1 of 1 samples are XML documents')
  assert.match(guessFormat([Buffer.from([0, 0, 0, 0, 5, 2, 200])]).detail, /framed for a schema registry/)
  assert.match(guessFormat([Buffer.from('00112233-4455-6677-8899-aabbccddeeff')]).detail, /uuids/)
})

const int = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])
const repeat = (n: number, one: (i: number) => Buffer): Buffer[] => Array.from({ length: n }, (_, i) => one(i))
const object = (i: number): Buffer => Buffer.from(`{"a":${i}}`)
const document = (i: number): Buffer => Buffer.from(`<a>${i}</a>`)
const line = (i: number): Buffer => Buffer.from(`line ${i} of a log`)
const latin = Buffer.from('Gr\xfc\xdfe', 'latin1')
const binary = Buffer.from('0a0568656c6c6f10c801', 'hex')
const framed = (i: number): Buffer => Buffer.from([0, 0, 0, 0, 7, i, 200, 1].slice(0, 7 + (i % 2)))

test('a few strangers leave a topic what it is', () => {
  const cases: [string, Buffer[], string][] = [
    ['ints and a text', [...repeat(12, int), line(1)], 'INT'],
    ['ints and a text', [...repeat(2, int), line(1)], 'INT'],
    ['ints and texts of four letters', [...repeat(12, int), Buffer.from('abcd')], 'INT'],
    ['ints and a long', [...repeat(12, int), long(5n)], 'INT'],
    ['longs and a text', [...repeat(12, (i) => long(BigInt(i))), line(1)], 'LONG'],
    ['longs, an int, an object', [...repeat(12, (i) => long(BigInt(i))), int(3), object(1)], 'LONG'],
    ['doubles and a text', [...repeat(12, (i) => double(i + 0.5)), line(1)], 'DOUBLE'],
    ['doubles and a broken text', [...repeat(5, (i) => double(i + 0.5)), latin], 'DOUBLE'],
    ['documents and two cut short', [...repeat(5, document), Buffer.from('<a>1'), Buffer.from('<a')], 'XML'],
    ['documents and an object', [...repeat(3, document), object(1)], 'XML'],
    ['texts and a broken one', [line(1), line(2), latin], 'STRING'],
    ['texts and an int', [...repeat(4, line), int(1), int(2)], 'STRING'],
    ['bare numbers', repeat(8, (i) => Buffer.from(String(i))), 'STRING'],
    ['bare numbers and a text', [...repeat(8, (i) => Buffer.from(String(i))), line(1)], 'STRING'],
    [
      'objects, bare numbers and a text',
      [...repeat(3, object), ...repeat(5, (i) => Buffer.from(String(i))), line(1)],
      'JSON',
    ],
    ['framed and a text', [...repeat(6, framed), line(1), line(2)], 'BYTES'],
    ['binary and a text', [...repeat(3, () => binary), line(1)], 'BYTES'],
    ['halves', [...repeat(6, int), ...repeat(6, line)], 'BYTES'],
    ['halves of numbers', [...repeat(6, int), ...repeat(6, (i) => long(BigInt(i)))], 'BYTES'],
    ['halves of texts', [...repeat(6, document), ...repeat(6, line)], 'STRING'],
    ['one int', [int(5)], 'INT'],
    ['one broken text', [latin], 'BYTES'],
    ['binary of which some have four bytes', [...repeat(6, int), binary, binary, Buffer.from([1, 2, 3])], 'BYTES'],
    ['small maps of MessagePack', [Buffer.from('81a16101', 'hex'), Buffer.from('81a16102', 'hex')], 'BYTES'],
    ['empty payloads say nothing', [...repeat(2, int), ...repeat(9, () => Buffer.alloc(0))], 'INT'],
    ['only empty payloads', repeat(3, () => Buffer.alloc(0)), 'STRING'],
  ]
  for (const [what, samples, format] of cases)
    assert.equal(guessFormat(samples).format, format, `${what}: ${guessFormat(samples).detail}`)
})

test('zeros do not decide between longs and doubles, however many there are', () => {
  const zero = Buffer.alloc(8)
  for (const zeros of [1, 2, 5, 40]) {
    const more = repeat(zeros, () => zero)
    assert.equal(guessFormat([double(1.5), ...more]).format, 'DOUBLE', `a double and ${zeros} zeros`)
    assert.equal(guessFormat([long(3n), ...more]).format, 'LONG', `a long and ${zeros} zeros`)
    assert.equal(guessFormat(more).format, 'LONG', `${zeros} zeros`)
  }
  assert.equal(guessFormat([double(-0), double(1.5)]).format, 'DOUBLE')
  assert.equal(guessFormat([double(-0)]).format, 'LONG')
  assert.equal(guessFormat([long(-(2n ** 63n) + 5n)]).format, 'LONG', 'no MessagePack, though it begins like it')
  for (const special of [Number.NaN, Infinity, -Infinity])
    assert.equal(guessFormat([double(special), double(0)]).format, 'DOUBLE', String(special))
  assert.equal(guessFormat([double(1.5), double(2.5), double(1e300), double(5e-324)]).format, 'LONG', 'half of them')
  assert.equal(guessFormat([double(1.5), double(2.5), double(1e300)]).format, 'DOUBLE')
  assert.equal(guessFormat([long(2n ** 63n - 1n), long(-(2n ** 63n))]).format, 'LONG', 'the ends of the range')
})

const payload = fc.oneof(
  fc.nat(1000).map(int),
  fc.nat(1000).map((n) => long(BigInt(n))),
  fc.double().map(double),
  fc.nat(9).map(object),
  fc.nat(9).map(document),
  fc.nat(9).map(line),
  fc.nat(9).map(framed),
  fc.nat(99).map((n) => Buffer.from(String(n))),
  fc.constantFrom(latin, binary, Buffer.alloc(0), Buffer.alloc(8), Buffer.from('{"a":'), Buffer.from('<a>')),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
)

test('the order of the samples does not matter, and the same sample twice says the same', () => {
  const shuffled = fc
    .array(payload, { maxLength: 20 })
    .chain((samples) => fc.tuple(fc.constant(samples), fc.shuffledSubarray(samples, { minLength: samples.length })))
  fc.assert(
    fc.property(shuffled, ([samples, others]) => {
      assert.deepEqual(guessFormat(others), guessFormat(samples))
      assert.equal(guessFormat([...samples, ...samples]).format, guessFormat(samples).format)
    }),
    { numRuns: 1000, seed: 20261128 },
  )
})

test('a stranger among eleven of a kind changes nothing', () => {
  const kinds: [string, (i: number) => Buffer][] = [
    ['INT', int],
    ['LONG', (i) => long(BigInt(i))],
    ['DOUBLE', (i) => double(i + 0.25)],
    ['JSON', object],
    ['XML', document],
    ['STRING', line],
  ]
  fc.assert(
    fc.property(fc.constantFrom(...kinds), payload, fc.integer({ min: 11, max: 40 }), ([format, one], stranger, n) => {
      assert.equal(guessFormat([...repeat(n, one), stranger]).format, format)
    }),
    { numRuns: 500, seed: 20261128 },
  )
})

test('fewer strangers leave a topic of JSON what it is', () => {
  const objects = (n: number): Buffer[] => Array.from({ length: n }, (_, i) => Buffer.from(`{"a":${i}}`))
  const text = Buffer.from('just a line')
  const broken = Buffer.from('7b2261223a22ff227d', 'hex')
  const short = Buffer.from('{"a":')
  for (const [n, strangers] of [
    [2, [text]],
    [4, [text]],
    [8, [text]],
    [3, [broken]],
    [8, [broken]],
    [17, [short, short, short]],
  ] as const) {
    assert.equal(
      guessFormat([...objects(n), ...strangers]).format,
      'JSON',
      `${n} objects and ${strangers.length} strangers`,
    )
    assert.equal(guessFormat([...strangers, ...objects(n)]).format, 'JSON', 'in any order')
  }
  assert.equal(guessFormat([...objects(2), text, text, text]).format, 'STRING', 'a majority of texts')
})
