/**
 * What is said about payloads that are not of their format, and that it is said of these only: the finder of faults in
 * JSON agrees with the reader about every text.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { avroDecoder } from '../../src/formats/avro/decoder.ts'
import { facetCheck } from '../../src/formats/check.ts'
import type { FacetDecoder } from '../../src/formats/format.ts'
import { jsonDecoder } from '../../src/formats/json/decoder.ts'
import { jsonFault } from '../../src/formats/json/fault.ts'
import { primitiveDecoder } from '../../src/formats/primitive/decoder.ts'
import { windowedDecoder } from '../../src/formats/windowed/decoder.ts'

function isGood(decoder: FacetDecoder, payload: Buffer): boolean {
  return facetCheck(decoder)(
    payload,
    new DataView(payload.buffer, payload.byteOffset, payload.byteLength),
    0,
    payload.length,
  )
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

describe('faults in JSON', () => {
  it('are told with their place', () => {
    const cases: Record<string, string> = {
      '': 'not JSON: it is empty',
      '{"a":1': 'not JSON: it ends too early, after 6 bytes',
      '{"a":1}}': 'not JSON at byte 7 (}), behind the value',
      ' {"a" 1}': 'not JSON at byte 6 (1)',
      '{"a":01}': 'not JSON at byte 6 (1)',
      '[1,]': 'not JSON at byte 3 (])',
      '{"a":"\\x"}': 'not JSON at byte 6 (\\)',
      '{"a":"\u0001"}': 'not JSON at byte 6 (0x01)',
      truth: 'not JSON at byte 0 (t)',
      "{'a':1}": "not JSON at byte 1 (')",
    }
    for (const [text, words] of Object.entries(cases)) assert.equal(jsonFault(Buffer.from(text)), words, text)
    assert.equal(jsonFault(Buffer.from('['.repeat(600))), 'JSON is nested deeper than 512 at byte 512')
    for (const good of ['{}', ' [1, "a\\u00e9\\n", null, -1.5e3] ', '\ufeff{"a":{}}', 'true', '"x"'])
      assert.equal(jsonFault(Buffer.from(good)), undefined, good)
  })

  it('are found where the reader finds them, and nowhere else', () => {
    const decoder = jsonDecoder()
    const damaged = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', ' ', '\\', '\u0000', '1'))
      .map(([text, at, by]) => {
        const cut = at % (text.length + 1)
        return Buffer.from(text.slice(0, cut) + by + text.slice(cut + 1))
      })
    fc.assert(
      fc.property(damaged, (payload) => {
        assert.equal(jsonFault(payload) === undefined, isGood(decoder, payload))
      }),
      { numRuns: 2000, seed: 20_261_121 },
    )
  })
})

describe('faults in other formats', () => {
  it('Avro: the first field up to which nothing can be read; what is left over', () => {
    const fields = ['a', 'b', 'c', 'd'].map((name) => ({ name, type: name === 'c' ? 'boolean' : 'string' }))
    const decoder = avroDecoder(JSON.stringify({ type: 'record', name: 'R', fields }), 'avro 7')
    const good = hex('0278027901027a')
    assert.equal(isGood(decoder, good), true)
    assert.equal(decoder.explain?.(hex('')), 'not avro 7 from field "a" on')
    assert.equal(decoder.explain?.(hex('0278')), 'not avro 7 from field "b" on')
    assert.equal(decoder.explain?.(hex('027802')), 'not avro 7 from field "b" on')
    assert.equal(decoder.explain?.(good.subarray(0, 6)), 'not avro 7 from field "d" on')
    assert.equal(
      decoder.explain?.(Buffer.concat([good, hex('00')])),
      'not avro 7: bytes are left over behind the last field',
    )
    assert.equal(avroDecoder('"long"', 'avro 8').explain?.(hex('ffff')), 'not avro 8 (2 bytes)')
  })

  it('single values and windowed keys: their lengths', () => {
    assert.equal(primitiveDecoder('LONG').explain?.(hex('00')), '1 byte, and LONG has 8')
    assert.equal(
      primitiveDecoder('UUID').explain?.(hex('0000')),
      'not a uuid: neither its 36 characters nor its 16 bytes (2 bytes)',
    )
    const windowed = windowedDecoder('TW', primitiveDecoder('INT'))
    assert.equal(windowed.explain?.(hex('0000')), '2 bytes, and the window alone has 8')
    assert.equal(windowed.explain?.(hex('000000000000000000')), '1 byte, and INT has 4, in front of its window')
  })
})
