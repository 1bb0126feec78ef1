/** XML, CSV and MessagePack: what is written is read as what it was; MessagePack is read by another library, too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { splitRecord } from '../../src/formats/csv/decoder.ts'
import { csvEncoder } from '../../src/formats/csv/encoder.ts'
import { EncodeError } from '../../src/formats/encoder.ts'
import { msgpackToJson } from '../../src/formats/msgpack/decoder.ts'
import { msgpackEncoder } from '../../src/formats/msgpack/encoder.ts'
import type { RawBuffer } from '../../src/formats/reading/reader-runtime.ts'
import { xmlToJson } from '../../src/formats/xml/decoder.ts'
import { xmlEncoder } from '../../src/formats/xml/encoder.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import type { Value } from '../../src/types.ts'

const msgpack = (value: Value): Buffer => Buffer.from(msgpackEncoder().encode(value))
const json = (text: string): Value => new JsonText(text)

test('MessagePack: numbers in the fewest bytes, as the library reads them', () => {
  const edges = [
    0, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, -1, -32, -33, -128, -129, -32_768, -32_769,
    -2_147_483_648, -2_147_483_649,
  ]
  assert.deepEqual(
    edges.map((n) => msgpack(n).length),
    [1, 1, 2, 2, 3, 3, 5, 5, 9, 1, 1, 2, 2, 3, 3, 5, 5, 9],
  )
  for (const n of edges) assert.equal(decode(msgpack(n)), n)
  for (const n of [2n ** 63n - 1n, 2n ** 64n - 1n, -(2n ** 63n)])
    assert.equal(decode(msgpack(n), { useBigInt64: true }), n)
  assert.throws(() => msgpack(2n ** 64n), EncodeError)
  assert.equal(decode(msgpack(0.1)), 0.1)
  for (const length of [31, 32, 255, 256, 65_535, 65_536])
    assert.equal(decode(msgpack('x'.repeat(length))), 'x'.repeat(length))
  for (const length of [15, 16, 65_535, 65_536])
    assert.deepEqual(decode(msgpack(json(`[${'1,'.repeat(length - 1)}1]`))), new Array(length).fill(1))
  assert.throws(() => msgpack(json('['.repeat(200) + ']'.repeat(200))), /lies deeper than/)
})

test('MessagePack: any JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value)
      const plain = JSON.parse(text) as unknown
      // Whole numbers of more than 64 bits are refused; the library refuses the key __proto__.
      fc.pre(!/\d{19}|__proto__/.test(text))
      if (typeof plain !== 'object' || plain === null) return
      const bytes = msgpack(json(text))
      assert.deepEqual(decode(bytes), plain)
      assert.deepEqual(JSON.parse(msgpackToJson(bytes as RawBuffer, 0, bytes.length) ?? ''), plain)
    }),
    { numRuns: 500 },
  )
})

test('MessagePack: members keep their order and their names, whatever these are; text is UTF-8', () => {
  const hex = (text: string): string => msgpack(json(text)).toString('hex')
  assert.equal(hex('{"b":1,"10":2,"2":3}'), '83a16201a2313002a13203')
  assert.equal(hex('{"__proto__":1}'), '81a95f5f70726f746f5f5f01')
  // Half of a surrogate pair has no bytes in UTF-8: U+FFFD stands for it.
  assert.equal(hex('{"a":"\\ud800"}'), '81a161a3efbfbd')
})

test('XML: structures of texts come back', () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,5}$/)
  const text = fc.string({ unit: fc.constantFrom('a', '<', '>', '&', '"', "'", 'ü', ']]>', '\n', ' ') })
  const attributes = fc.dictionary(
    name.map((n) => `@${n}`),
    text.map((t) => t.replaceAll('\n', ' ')),
    { maxKeys: 2 },
  )
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      text,
      fc
        .tuple(
          attributes,
          fc.dictionary(name, fc.oneof(tie('node'), fc.array(tie('node'), { minLength: 2, maxLength: 3 })), {
            maxKeys: 3,
          }),
          text,
        )
        .map(([a, members, own]) => {
          const all = { ...a, ...members }
          const trimmed = own.trim()
          return Object.keys(all).length === 0 ? own : { ...all, ...(trimmed === '' ? {} : { '#text': trimmed }) }
        }),
    ),
  }))
  fc.assert(
    fc.property(name, node, (root, value) => {
      const written = Buffer.from(xmlEncoder().encode(json(JSON.stringify({ [root]: value })))).toString()
      assert.deepEqual(JSON.parse(xmlToJson(written) ?? 'null'), { [root]: value }, written)
    }),
    { numRuns: 500 },
  )
})

test('XML: what has no place in a document', () => {
  const refusal = (text: string): string => {
    try {
      return Buffer.from(
        xmlEncoder().encode(text.startsWith('{') || text.startsWith('[') ? json(text) : text),
      ).toString()
    } catch (error) {
      assert.ok(error instanceof EncodeError, String(error))
      return `${error.path.join('.')}: ${error.message}`
    }
  }
  assert.equal(refusal('{"a":{"b":[[1]]}}'), 'a.b.0: is an array inside of an array, which XML does not have')
  assert.equal(refusal('{"a":{"@b":{"c":1}}}'), 'a.@b: takes a single value')
  assert.equal(refusal('{"a":"\\u0000"}'), 'a: holds a character that XML has no place for')
  assert.equal(refusal('{"a":{"1b":1}}'), 'a.1b: cannot be the name of an element')
  assert.match(refusal('{"a":1,"b":2}'), /one root element/)
  assert.match(refusal('{"a":[1,2]}'), /one root element/)
  assert.match(refusal('[1]'), /one root element/)
  assert.match(refusal('<a>'), /this text is none/)
  assert.match(refusal(`${'{"a":'.repeat(130)}1${'}'.repeat(130)}`), /lies deeper than 128 elements/)
  assert.match(refusal(`{"a":"${'x'.repeat(17 << 20)}"}`), /longer than a document may be/)
  assert.equal(
    refusal('{"a":{"n":9223372036854775807,"b":true,"z":null,"e":[],"o":{}}}'),
    '<a><n>9223372036854775807</n><b>true</b><o/></a>',
  )
})

test('CSV: any texts come back, with any delimiter and quote', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', ',', ';', '"', "'", '\n', '\r', 'ü', '\uFEFF') }), {
        minLength: 1,
        maxLength: 5,
      }),
      fc.constantFrom([',', '"'], [';', "'"], ['\t', '"']),
      (texts, [delimiter, quote]) => {
        const header = texts.map((_, i) => `n${i}`)
        const value = new Map<string, Value>(texts.map((text, i) => [`n${i}`, text]))
        const bytes = Buffer.from(csvEncoder({ header, delimiter, quote }).encode(value)) as RawBuffer
        assert.deepEqual(splitRecord(bytes, 0, bytes.length, delimiter.charCodeAt(0), quote.charCodeAt(0)), texts)
      },
    ),
    { numRuns: 1000 },
  )
})
