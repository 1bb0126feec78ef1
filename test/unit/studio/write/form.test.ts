/** The form of a record: its fields, the INSERT that is made of them, replays and tombstones. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { printExpr } from '../../../../src/sql/print.ts'
import { parseScript } from '../../../../src/sql/parse.ts'
import { INITIAL, type StudioState, withTab } from '../../../../src/studio/store.ts'
import type { FacetDetails, TopicDetails, TypeTree } from '../../../../src/studio/topic/details.ts'
import {
  draftSql,
  emptyDraft,
  formFields,
  headersSql,
  keyTombstoneSql,
  latestSql,
  replaySql,
  tombstoneSql,
  typed,
} from '../../../../src/studio/write/form.ts'
import { jsonExpr } from '../../../../src/studio/write/json-expr.ts'
import { writingRecord } from '../../../../src/studio/write/write-commands.ts'

const leaf = (kind: string): TypeTree => ({ kind, text: kind })
const facet = (type: TypeTree, schema: string | null = null): FacetDetails => ({
  format: 'AVRO',
  origin: 'registry',
  detail: '',
  unreadable: null,
  type,
  schema,
})
const SCHEMA =
  '{"type":"record","name":"O","fields":[{"name":"status","type":{"type":"enum","name":"S","symbols":["NEW","PAID"]}},' +
  '{"name":"n","type":"int","default":3}]}'
const details: TopicDetails = {
  name: 'orders',
  description: null,
  tags: [],
  key: facet(leaf('string')),
  value: facet(
    {
      kind: 'struct',
      text: 'struct',
      fields: [
        { name: 'id', nullable: false, type: leaf('long') },
        { name: 'status', nullable: false, type: leaf('string') },
        { name: 'n', nullable: false, type: leaf('int') },
        {
          name: 'at home',
          nullable: true,
          type: { kind: 'struct', text: 'struct', fields: [{ name: 'city', nullable: false, type: leaf('string') }] },
        },
        { name: 'tags', nullable: true, type: { kind: 'array', text: 'array<string>', element: leaf('string') } },
        { name: 'vip', nullable: false, type: leaf('boolean') },
      ],
    },
    SCHEMA,
  ),
  isCompacted: false,
  timestamps: 'CreateTime',
  rights: ['read', 'insert'],
  bytes: null,
  partitions: [],
}

describe('a record from a form', () => {
  const fields = formFields(details)
  it('fields: what is required, enums, defaults, nested optional ones', () => {
    assert.deepEqual(
      fields.map(({ path, control, required }) => `${path} ${control}${required ? ' required' : ''}`),
      [
        '_key text',
        'id number required',
        'status choice required',
        'n number',
        'at home.city text',
        'tags json',
        'vip boolean required',
      ],
    )
    assert.deepEqual(fields[2].symbols, ['NEW', 'PAID'])
    assert.equal(formFields({ ...details, isCompacted: true })[0].required, true)
  })

  it('the statement, exact', () => {
    let draft = emptyDraft(fields)
    assert.deepEqual(draftSql('orders', fields, draft), { wrong: 'id is missing; it is a number (long).', path: 'id' })
    draft = typed(draft, 'id', '9223372036854775807')
    draft = typed(draft, '_key', "k'1")
    draft = typed(draft, 'at home.city', '')
    draft = typed(draft, 'tags', '["a", 1.50, null]')
    draft = {
      ...draft,
      headers: [
        { name: 'trace-id', value: 't' },
        { name: '', value: '' },
      ],
    }
    const made = draftSql('orders', fields, draft)
    assert.deepEqual(made, {
      sql:
        'INSERT INTO orders (_key, id, status, `at home`.city, tags, vip, _headers.`trace-id`) VALUES ' +
        "('k''1', 9223372036854775807, 'NEW', '', ['a', 1.50, NULL], FALSE, 't')",
    })
    parseScript('sql' in made ? made.sql : '')
    assert.deepEqual(draftSql('orders', fields, typed(draft, 'id', '1e')), {
      wrong: 'id is a number (long), not “1e”.',
      path: 'id',
    })
    assert.deepEqual(draftSql('orders', fields, typed(draft, 'tags', '[1')), {
      wrong: 'tags: “]” expected at character 3.',
      path: 'tags',
    })
    assert.equal(typed(draft, 'tags', undefined).values.has('tags'), false)
    assert.deepEqual(draftSql('orders', fields, { ...draft, headers: [{ name: '', value: 'v' }] }), {
      wrong: 'A header has the value “v” and no name. Name it, or remove it.',
    })
    parseScript(latestSql('a b'))
  })

  it('without a schema the value is JSON', () => {
    const free = { ...details, value: facet(leaf('json')) }
    const open = formFields(free)
    assert.deepEqual(
      open.map(({ path, control }) => [path, control]),
      [
        ['_key', 'text'],
        ['_value', 'json'],
      ],
    )
    const draft = typed(emptyDraft(open), '_value', '{"a b": {"c": -12345678901234567890}}')
    assert.deepEqual(draftSql('t', open, draft), {
      sql: 'INSERT INTO t (_value) VALUES ({`a b`: {c: -12345678901234567890}})',
    })
  })

  it('replay and tombstones', () => {
    const place = { topic: 'a b', partition: 2, offset: '9007199254740993' }
    assert.equal(
      headersSql(place),
      'SELECT HEADERKEYS() FROM `a b` WHERE _meta.partition = 2 AND _meta.offset = 9007199254740993 LIMIT 1',
    )
    assert.equal(
      replaySql('orders', place, ['x', "o'k", 'x']),
      "INSERT INTO orders (_key, _value, _headers.x, _headers.`o'k`) SELECT _key, _value, HEADERASBYTES('x'), " +
        "HEADERASBYTES('o''k') FROM `a b` WHERE _meta.partition = 2 AND _meta.offset = 9007199254740993",
    )
    assert.match(tombstoneSql('orders', place), /^INSERT INTO orders \(_key, _value\) SELECT _key, NULL FROM/)
    const draft = typed(emptyDraft(fields), '_key', 'k')
    assert.deepEqual(keyTombstoneSql('orders', fields, draft), {
      sql: "INSERT INTO orders (_key, _value) VALUES ('k', NULL)",
    })
    assert.deepEqual(keyTombstoneSql('orders', fields, emptyDraft(fields)), { wrong: 'A tombstone needs a key.' })
  })

  it('the open record is written again from anywhere', () => {
    const record = { topic: 'orders', partition: 0, offset: '5' }
    const state: StudioState = withTab(INITIAL, { sql: 'SELECT 1', record })
    const there = writingRecord(state, 'replay')
    const tab = there.tabs.find(({ id }) => id === there.active)
    assert.deepEqual([tab?.view, tab?.subject, tab?.panel], ['topic', 'orders', 'write'])
    assert.deepEqual(tab?.parameters, { write: 'replay', from: 'orders/0/5' })
    assert.equal(writingRecord(INITIAL, 'replay'), INITIAL)
  })
})

describe('JSON as SQL', () => {
  it('every digit, escapes, nesting', () => {
    const text = (json: string) => printExpr(jsonExpr(json))
    assert.equal(text(' [1.0, -2e3, true, null, "a\\n\\u00e9\'"] '), "[1.0, -2e3, TRUE, NULL, 'a\\né''']")
    assert.equal(text('{"a": {"b": [{"c": 0.10}]}}'), '{a: {b: [{c: 0.10}]}}')
    assert.equal(text(`"${'x'.repeat(10 << 20)}"`).length, (10 << 20) + 2)
  })

  it('says what is wrong and where', () => {
    for (const [json, wrong] of [
      ['', /JSON expected at character 1/],
      ['[]', /An empty list cannot be written by INSERT at character 1/],
      ['{"a": {}}', /An empty object .* at character 7/],
      ['{"a": 1, "a": 2}', /stands twice/],
      ['{a: 1}', /A name in quotes expected at character 2/],
      ['"abc', /does not end/],
      ['1 2', /behind the value at character 3/],
      ['[1 2]', /“]” expected at character 4/],
      ['['.repeat(100), /nested too deeply/],
    ] as const)
      assert.throws(() => jsonExpr(json), wrong, json)
  })
})
