/** What a topic's page says of it: formats and why, retention, lag; the schema as lines; the bytes of bad records. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  durationText,
  type FacetDetails,
  inTrouble,
  lagOf,
  recordsIn,
  retentionText,
  type TypeTree,
  whyFormat,
} from '../../../../src/studio/topic/details.ts'
import {
  firstNotUtf8,
  fromBase64,
  hexLines,
  MAX_HEX_BYTES,
  wrongPlace,
} from '../../../../src/studio/topic/bad/bytes.ts'
import { schemaNotes } from '../../../../src/studio/topic/schema/schema-notes.ts'
import { schemaLines, toggled } from '../../../../src/studio/topic/schema/schema-tree.ts'
import { localText, momentOf } from '../../../../src/studio/topic/search/moments.ts'

const leaf = (kind: string): TypeTree => ({ kind, text: kind })
const facet = (type: TypeTree, schema: string | null = null): FacetDetails => ({
  format: type.kind === 'string' ? 'STRING' : 'AVRO',
  origin: 'sampled',
  detail: '20 of 20 samples are text',
  unreadable: null,
  type,
  schema,
})

describe('a topic in words', () => {
  it('why a format is known', () => {
    assert.equal(whyFormat(facet(leaf('string'))), 'seen in records: 20 of 20 samples are text')
    assert.equal(
      whyFormat({
        ...facet(leaf('string')),
        origin: 'registry',
        detail: 'registry subject a-value',
        unreadable: 'Down.',
      }),
      'registry subject a-value. Down.',
    )
    assert.equal(whyFormat({ ...facet(leaf('string')), origin: 'declared', detail: '' }), 'said by CREATE TABLE')
  })

  it('retention, durations, records, lag, trouble', () => {
    const config = (ms: string, bytes: string) => [
      { name: 'retention.ms', value: ms, isDefault: true },
      { name: 'retention.bytes', value: bytes, isDefault: true },
    ]
    assert.equal(retentionText(config('604800000', '-1')), '7 days')
    assert.equal(retentionText(config('3600000', '268435456')), '1 hour or 268 MB a partition')
    assert.equal(retentionText(config('-1', '-1')), 'forever')
    assert.equal(retentionText([]), '')
    assert.equal(durationText(1500), '1,500 ms')
    const at = { partition: 0, begin: 5, end: 12, leader: 1, replicas: [1, 2], inSync: [1, 2], bytes: 0 }
    assert.equal(recordsIn([at, at]), 14)
    assert.deepEqual(inTrouble([at, { ...at, inSync: [1] }, { ...at, leader: null }]).length, 2)
    const place = { partition: 0, currentOffset: 1, longEndOffset: 3, clientId: '', clientHost: '' }
    const group = { id: 'g', state: 'Stable', consumersCount: 0, maxLag: 2 }
    assert.equal(
      lagOf({
        ...group,
        consumers: [
          { ...place, lag: 2 },
          { ...place, lag: null },
          { ...place, lag: 5 },
        ],
      }),
      7,
    )
    assert.equal(lagOf({ ...group, consumers: [{ ...place, lag: null }] }), null)
  })

  it('moments go to the form and back', () => {
    assert.equal(momentOf(localText('1709190309000')), '1709190309000')
    assert.equal(localText(''), '')
    assert.equal(momentOf('soon'), '')
  })
})

describe('the schema as lines', () => {
  const AVRO = JSON.stringify({
    type: 'record',
    name: 'Order',
    doc: 'An order',
    fields: [
      { name: 'status', type: { type: 'enum', name: 'Status', symbols: ['NEW', 'PAID'] }, doc: 'Where it is' },
      { name: 'old', type: ['null', 'Status'], default: null },
      {
        name: 'lines',
        type: {
          type: 'array',
          items: { type: 'record', name: 'L', fields: [{ name: 'sku', type: 'string', doc: 'S' }] },
        },
      },
    ],
  })
  const type: TypeTree = {
    kind: 'struct',
    text: 'struct',
    fields: [
      { name: 'status', nullable: false, type: leaf('string') },
      { name: 'old', nullable: true, type: leaf('string') },
      {
        name: 'lines',
        nullable: false,
        type: {
          kind: 'array',
          text: 'array<struct>',
          element: { kind: 'struct', text: 'struct', fields: [{ name: 'sku', nullable: false, type: leaf('string') }] },
        },
      },
    ],
  }
  const facets = { key: facet(leaf('string')), value: facet(type, AVRO) }

  it('notes of Avro and of JSON Schema', () => {
    const notes = schemaNotes(AVRO)
    assert.deepEqual(notes.get('status'), { doc: 'Where it is', symbols: ['NEW', 'PAID'] })
    assert.deepEqual(notes.get('old'), { fallback: 'null', symbols: ['NEW', 'PAID'] })
    assert.equal(notes.get('')?.doc, 'An order')
    const json =
      '{"properties":{"a":{"description":"A","enum":["x"],"default":"x","properties":{"b":{"description":"B"}}}}}'
    assert.deepEqual(schemaNotes(json).get('a'), { doc: 'A', symbols: ['x'], fallback: '"x"' })
    assert.deepEqual(schemaNotes(json).get('a.b'), { doc: 'B' })
    assert.equal(schemaNotes('syntax = "proto3";').size, 0)
    assert.equal(schemaNotes(null).size, 0)
  })

  it('lines, closed, searched', () => {
    const all = schemaLines(facets, { closed: new Set(), search: '' })
    assert.deepEqual(
      all.map(({ path, depth }) => `${path} ${depth}`),
      ['_key 0', '_value 0', 'status 1', 'old 1', 'lines 1', 'lines.sku 2'],
    )
    assert.equal(all[2].type, 'enum (2)')
    const closed = schemaLines(facets, { closed: toggled(new Set(), 'lines'), search: '' })
    assert.deepEqual([closed.length, closed[4].open], [5, false])
    assert.equal(toggled(new Set(['lines']), 'lines').size, 0)
    const found = schemaLines(facets, { closed: new Set(['_value']), search: 'PAID' })
    assert.deepEqual(
      found.map(({ path }) => path),
      ['status', 'old'],
    )
  })

  it('2,000 columns are lines within a moment', () => {
    const fields = Array.from({ length: 2000 }, (_, i) => ({ name: `c${i}`, nullable: true, type: leaf('int') }))
    const wide = { ...facets, value: facet({ kind: 'struct', text: 'struct', fields }) }
    assert.equal(schemaLines(wide, { closed: new Set(), search: '' }).length, 2002)
  })
})

describe('the bytes of a bad record', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  it('hex and text, the wrong byte marked, cut at the limit', () => {
    const lines = hexLines(bytes('{"sensor": 12}\u0000é'), 14)
    assert.equal(lines[0].offset, '00000000')
    assert.equal(lines[0].bytes[14].hex, '00')
    assert.ok(lines[0].bytes[14].wrong && !lines[0].bytes[13].wrong)
    assert.equal(lines[0].text, '{"sensor": 12}··')
    assert.equal(hexLines(new Uint8Array(MAX_HEX_BYTES + 1)).length, MAX_HEX_BYTES / 16)
    assert.deepEqual([...fromBase64('eyJrd2giOg==')], [...bytes('{"kwh":')])
  })

  it('where it is wrong, by the error or by the bytes', () => {
    const value = bytes('login')
    assert.deepEqual(wrongPlace('value: not JSON at byte 0 (l)', { value }, false), { facet: 'value', at: 0 })
    assert.deepEqual(wrongPlace('value: not JSON at byte 2 (l)', { value: new Uint8Array(9) }, true).at, 7)
    assert.deepEqual(wrongPlace('key: not JSON: it ends too early, after 7 bytes', { key: bytes('1234567') }, false), {
      facet: 'key',
      at: 6,
    })
    assert.equal(wrongPlace('value: no magic byte: it starts with 0x7b', { value }, true).at, 0)
    assert.equal(wrongPlace('value: The schema registry does not know schema 9.', { value }, true).at, 1)
    assert.equal(wrongPlace('value: not avro 3 from field "value" on', { value }, true).at, undefined)
    assert.equal(wrongPlace('value: not UTF-8', { value: Uint8Array.of(65, 0xc3, 65) }, false).at, 1)
  })

  it('the first byte that is not UTF-8', () => {
    assert.equal(firstNotUtf8(bytes('äöü€😀')), undefined)
    for (const bad of [
      [0x80],
      [0xc0, 0x80],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0xf0, 0x80, 0x80, 0x80],
    ])
      assert.equal(firstNotUtf8(Uint8Array.of(65, ...bad)), 1, bad.join())
  })
})
