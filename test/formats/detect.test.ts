import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectFormat, guessFormat } from '../../src/formats/detect.ts'

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
    ['objects and one damaged', [...Array.from({ length: 12 }, () => Buffer.from('{"a":1}')), Buffer.from('{"a":')], 'JSON'],
    ['bare numbers are text', ['1', '22'].map((s) => Buffer.from(s)), 'STRING'],
    ['documents', ['<a/>', ' \n<?xml version="1.0"?><o id="1"><i>x</i></o>\n', '\uFEFF<a>ü</a>'].map((s) => Buffer.from(s)), 'XML'],
    ['documents and one damaged', [...Array.from({ length: 12 }, () => Buffer.from('<a>1</a>')), Buffer.from('<a>1')], 'XML'],
    ['text that begins with a bracket', ['<3 you', '<a', '<a>1</a> and more', '<a><b></a>'].map((s) => Buffer.from(s)), 'STRING'],
    ['documents with a document type', ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'].map((s) => Buffer.from(s)), 'STRING'],
    ['documents among texts', ['<a/>', '<b/>', 'words'].map((s) => Buffer.from(s)), 'STRING'],
    ['words', ['ann', 'Grüße'].map((s) => Buffer.from(s)), 'STRING'],
    ['words of four letters', ['anna', 'bert'].map((s) => Buffer.from(s)), 'STRING'],
    ['words of eight letters', ['anna1234', 'bert5678'].map((s) => Buffer.from(s)), 'STRING'],
    ['uuids in text', [Buffer.from('00112233-4455-6677-8899-aabbccddeeff')], 'STRING'],
    ['ints', [Buffer.from([0, 0, 0, 7]), Buffer.from([0, 0, 1, 0])], 'INT'],
    ['small longs', [long(1n), long(-5n)], 'LONG'],
    ['times as longs', [long(1678707744267n), long(1678707744268n)], 'LONG'],
    ['doubles', [double(12.5), double(-0.001)], 'DOUBLE'],
    ['noise', [Buffer.from([0xff, 0xfe, 1]), Buffer.from([0x80, 0x81, 0x82, 0x83, 0x84])], 'BYTES'],
    ['framed', Array.from({ length: 5 }, (_, i) => Buffer.from([0, 0, 0, 0, 5, 2, i, 200, 1, 2, 3].slice(0, 9 + (i % 2)))), 'BYTES'],
    ['nothing', [], 'STRING'],
  ]
  for (const [what, samples, format] of cases) assert.equal(detectFormat(samples), format, what)
})

test('a guess says why', () => {
  assert.equal(guessFormat([Buffer.from('{}'), Buffer.from('{}')]).detail, '2 of 2 samples are JSON')
  assert.equal(guessFormat([Buffer.from('<a/>')]).detail, '1 of 1 samples are XML documents')
  assert.match(guessFormat([Buffer.from([0, 0, 0, 0, 5, 2, 200])]).detail, /framed for a schema registry/)
  assert.match(guessFormat([Buffer.from('00112233-4455-6677-8899-aabbccddeeff')]).detail, /uuids/)
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
    assert.equal(detectFormat([...objects(n), ...strangers]), 'JSON', `${n} objects and ${strangers.length} strangers`)
    assert.equal(detectFormat([...strangers, ...objects(n)]), 'JSON', 'in any order')
  }
  assert.equal(detectFormat([...objects(2), text, text, text]), 'STRING', 'a majority of texts')
})
