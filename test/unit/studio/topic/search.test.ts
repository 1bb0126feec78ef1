/** The search without SQL: which statement is made of what was typed. Each is parsed again, and read back. */
import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { parseScript } from '../../../../src/sql/parse.ts'
import type { FacetDetails, TypeTree } from '../../../../src/studio/topic/details.ts'
import {
  ANYWHERE,
  type Condition,
  NO_SEARCH,
  placesOf,
  type Search,
  searchOf,
  searchParameters,
  searchSql,
} from '../../../../src/studio/topic/search/search.ts'
import { elsewhereSql } from '../../../../src/studio/record/record-source.ts'
import { spellings } from '../../../../src/studio/topic/search/spellings.ts'

const leaf = (kind: string): TypeTree => ({ kind, text: kind })
const facet = (type: TypeTree): FacetDetails => ({
  format: 'AVRO',
  origin: 'registry',
  detail: '',
  unreadable: null,
  type,
  schema: null,
})
const VALUE: TypeTree = {
  kind: 'struct',
  text: 'struct',
  fields: [
    { name: 'id', nullable: false, type: leaf('long') },
    { name: 'Timestamp', nullable: false, type: leaf('timestamp') },
    {
      name: 'customer',
      nullable: true,
      type: {
        kind: 'struct',
        text: 'struct',
        fields: [
          { name: 'first name', nullable: true, type: leaf('string') },
          { name: 'active', nullable: true, type: leaf('boolean') },
        ],
      },
    },
    { name: 'open', nullable: true, type: leaf('json') },
    { name: 'tags', nullable: true, type: { kind: 'array', text: 'array<string>', element: leaf('string') } },
  ],
}
const places = placesOf({ key: facet(leaf('string')), value: facet(VALUE) })

function sqlOf(search: Partial<Search>, topic = 'orders'): string {
  const made = searchSql(topic, { ...NO_SEARCH, ...search }, places)
  assert.ok('sql' in made, JSON.stringify(made))
  parseScript(made.sql)
  return made.sql
}
const where = (...conditions: Condition[]): string => /WHERE (.*) ORDER/.exec(sqlOf({ conditions }))?.[1] ?? ''
const is = (on: string, value: string): Condition => ({ on, operator: 'is', value })

describe('search without SQL', () => {
  it('nothing is asked: the newest records', () => {
    assert.equal(sqlOf({}), 'SELECT * FROM orders ORDER BY _meta.timestamp DESC LIMIT 100')
    assert.match(sqlOf({ limit: 20 }, 'a b`c'), /FROM `a b``c` ORDER BY .* LIMIT 20$/)
  })

  it('literals have the type of their field, and every digit', () => {
    assert.equal(where(is('_key', '4711')), "_key = '4711'")
    assert.equal(where(is('id', '9223372036854775807')), 'id = 9223372036854775807')
    assert.equal(where(is('id', '-5')), 'id = -5')
    assert.equal(where(is('customer.first name', "O'Neil")), "customer.`first name` = 'O''Neil'")
    assert.equal(where(is('customer.active', 'TRUE')), 'customer.active = TRUE')
    assert.equal(where({ on: 'id', operator: 'at least', value: '1.50' }), 'id >= 1.50')
    assert.equal(where({ on: 'Timestamp', operator: 'less', value: '2026-01-01' }), "Timestamp < '2026-01-01'")
    assert.equal(where({ on: 'id', operator: 'is null', value: '' }), 'id IS NULL')
    assert.equal(where({ on: 'tags', operator: 'is there', value: '' }), 'tags IS NOT NULL')
  })

  it('of JSON a number is a number or a text; in quotes it is a text', () => {
    assert.equal(where(is('open', '7')), "open IN (7, '7')")
    assert.equal(where(is('open', '"7"')), "open = '7'")
    assert.equal(where(is('no.schema', 'true')), "no.schema IN (TRUE, 'true')")
    assert.equal(where({ on: 'open', operator: 'is not', value: 'x' }), "open != 'x'")
  })

  it('contains: a field, the whole record', () => {
    assert.equal(
      where({ on: 'customer.first name', operator: 'contains', value: 'x' }),
      "CONTAINS(customer.`first name`, 'x')",
    )
    assert.equal(where({ on: 'id', operator: 'contains', value: '7' }), "CONTAINS(CAST(id AS string), '7')")
    assert.equal(
      where({ on: ANYWHERE, operator: 'contains', value: "'; DROP TABLE orders; --" }),
      "CONTAINS(CAST(_key AS string), '''; DROP TABLE orders; --') OR CONTAINS(CAST(_value AS string), '''; DROP TABLE orders; --')",
    )
  })

  it('several conditions, headers, partition, offsets, time', () => {
    const sql = sqlOf({
      conditions: [
        is('id', '1'),
        { on: ANYWHERE, operator: 'contains', value: 'x' },
        is('_headers.trace.id', 't'),
        is('', ''),
      ],
      partition: '3',
      offsets: '10..20',
      range: '15m',
    })
    assert.equal(
      /WHERE (.*) ORDER/.exec(sql)?.[1],
      "_meta.partition = 3 AND _meta.offset >= 10 AND _meta.offset <= 20 AND _meta.timestamp >= NOW() - '15m'" +
        " AND id = 1 AND (CONTAINS(CAST(_key AS string), 'x') OR CONTAINS(CAST(_value AS string), 'x'))" +
        " AND _headers.`trace.id` = 't'",
    )
    assert.match(sqlOf({ offsets: '9007199254740993' }), /_meta\.offset = 9007199254740993/)
    assert.match(sqlOf({ offsets: '5..' }), /_meta\.offset >= 5 ORDER/)
    assert.match(
      sqlOf({ range: '0..1000' }),
      /_meta\.timestamp >= '1970-01-01T00:00:00\.000Z' AND _meta\.timestamp < '1970-01-01T00:00:01\.000Z'/,
    )
  })

  it('what cannot be meant is said, with its place', () => {
    const wrong = (search: Partial<Search>) => searchSql('t', { ...NO_SEARCH, ...search }, places)
    assert.deepEqual(wrong({ conditions: [is('_key', 'a'), is('id', '12a')] }), {
      wrong: 'id is a long; “12a” is no number.',
      at: 1,
    })
    assert.deepEqual(wrong({ partition: 'x' }), { wrong: '“x” is no partition: it is a whole number from 0 on.' })
    assert.ok('wrong' in wrong({ offsets: '..' }))
    assert.ok('wrong' in wrong({ conditions: [is('tags', 'a')] }))
    assert.ok('wrong' in wrong({ conditions: [is('customer.active', 'maybe')] }))
  })

  it('stands in the address, and comes back', () => {
    const search: Search = {
      conditions: [is('customer.first name', 'Zoë & "x"'), { on: ANYWHERE, operator: 'contains', value: '1' }],
      range: '1h',
      partition: '0',
      offsets: '5..',
      limit: 500,
    }
    assert.deepEqual(searchOf(searchParameters(search), search.range), search)
    assert.deepEqual(searchOf({ c0: 'nonsense', limit: '-1' }, undefined), NO_SEARCH)
  })
})

test('a text is found in JSON however its producer escaped it', () => {
  const text = 'say "café" a/b\\c <1>'
  const written = [
    JSON.stringify({ text }),
    String.raw`{"text": "say \"caf\u00e9\" a/b\\c <1>"}`,
    String.raw`{"text": "say \"caf\u00E9\" a/b\\c <1>"}`,
    String.raw`{"text":"say \"caf\u00e9\" a\/b\\c <1>"}`,
    String.raw`{"text":"say \"café\" a/b\\c \u003c1\u003e"}`,
    text,
  ]
  const all = spellings(text)
  for (const value of written)
    assert.ok(
      all.some((spelling) => value.includes(spelling)),
      value,
    )
  assert.ok(spellings('😀').includes(String.raw`\ud83d\ude00`))
  assert.deepEqual(spellings('plain text 17'), ['plain text 17'])
  const made = searchSql('t', { ...NO_SEARCH, conditions: [{ on: ANYWHERE, operator: 'contains', value: 'a"b' }] }, [])
  assert.match(
    'sql' in made ? made.sql.replace(/\s+/g, ' ') : made.wrong,
    /CONTAINS\(CAST\(_value AS string\), 'a"b'\) OR CONTAINS\(CAST\(_value AS string\), 'a\\+"b'\)/i,
  )
  assert.equal(parseScript(elsewhereSql(JSON.stringify(text))).length, 1)
})
