/** Completion: what is offered where, written so that it can stand there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Known, type Offer, offersAt, tablesAround, wantsHeaders } from '../../../../src/studio/editor/complete.ts'
import { snippets } from '../../../../src/studio/editor/snippets.ts'
import { parseScript } from '../../../../src/sql/parse.ts'

const KNOWN: Known = {
  topics: [{ name: 'cc_payments', detail: 'AVRO' }, { name: 'orders.v1', detail: 'JSON' }, { name: 'my topic' }],
  vocabulary: {
    functions: [{ name: 'substring', signature: 'SUBSTRING(text, start[, end])', about: 'A part of a text.' }],
    settings: [{ name: 'max.size', about: 'bytes of Kafka data that a query may read' }],
  },
  fields: (table) =>
    table !== 'cc_payments'
      ? []
      : [
          { path: 'id', type: 'string' },
          { path: 'status', type: 'string', values: ['NEW', "it's"] },
          { path: 'customer.id', type: 'long' },
          { path: 'customer.full name', type: 'string' },
          { path: 'from', type: 'string' },
          { path: 'blocked', type: 'boolean' },
        ],
  headers: (table) => (table === 'cc_payments' ? ['trace', 'content-type'] : []),
}

/** What is offered at `|`. */
function at(marked: string): { from: string; labels: string[]; offer(label: string): Offer | undefined } | undefined {
  const caret = marked.indexOf('|')
  const text = marked.replace('|', '')
  const found = offersAt(text, caret, KNOWN)
  if (found === undefined) return undefined
  return {
    from: text.slice(found.from, caret),
    labels: found.offers.map(({ label }) => label),
    offer: (label) => found.offers.find((o) => o.label === label),
  }
}

test('topics, quoted where they have to be', () => {
  const found = at('SELECT * FROM or|')
  assert.equal(found?.from, 'or')
  assert.equal(found?.offer('orders.v1')?.insert, 'orders.v1')
  assert.equal(found?.offer('my topic')?.insert, '`my topic`')
  assert.equal(at('SELECT * FROM `my|')?.from, '`my')
})

test('fields of the topics in scope, of any statement of the text', () => {
  const found = at('SELECT 1; SELECT | FROM cc_payments; SELECT 2')
  assert.ok(found?.labels.includes('customer.id'))
  assert.equal(found?.offer('customer.full name')?.insert, 'customer.`full name`')
  assert.equal(found?.offer('from')?.insert, '`from`')
  assert.equal(found?.offer('SUBSTRING')?.about, 'A part of a text.')
  assert.deepEqual(at('SELECT p.customer.| FROM cc_payments p')?.labels, ['id', 'full name'])
  assert.ok(at('SELECT _meta.| FROM cc_payments')?.labels.includes('offset'))
  assert.deepEqual(tablesAround('SELECT | FROM cc_payments; SELECT 1 FROM other', 7), ['cc_payments'])
})

test('headers, settings, parameters', () => {
  assert.deepEqual(at('SELECT _headers.| FROM cc_payments')?.labels, ['trace', 'content-type'])
  assert.equal(at('SELECT _headers.| FROM cc_payments')?.offer('content-type')?.insert, '`content-type`')
  assert.ok(wantsHeaders('SELECT _headers.tr', 18))
  assert.deepEqual(at('SET max|')?.labels, ['max.size'])
  assert.deepEqual(at("SELECT 'a|' FROM cc_payments"), undefined)
})

test('values that the schema lists, with and without the quote', () => {
  assert.deepEqual(at('SELECT * FROM cc_payments WHERE status = |')?.labels, ["'NEW'", "'it''s'"])
  assert.equal(at("SELECT * FROM cc_payments WHERE status = 'N|")?.from, "'N")
  assert.deepEqual(at("SELECT * FROM cc_payments p WHERE p.status IN ('NEW', |")?.labels, ["'NEW'", "'it''s'"])
  assert.deepEqual(at('SELECT * FROM cc_payments WHERE blocked = |')?.labels, ['TRUE', 'FALSE'])
})

test('keywords by the grammar', () => {
  const labels = (marked: string) => at(marked)?.labels ?? []
  assert.ok(labels('SELECT * FROM cc_payments |').includes('WHERE'))
  assert.ok(!labels('SELECT * FROM cc_payments |').includes('AND'))
  assert.ok(labels('SELECT * FROM cc_payments WHERE a = 1 |').includes('AND'))
  assert.ok(labels('SELECT * FROM cc_payments ORDER BY a |').includes('NULLS LAST'))
  assert.ok(!labels('SELECT * FROM cc_payments WHERE |').includes('FROM'))
  assert.ok(labels('|').includes('SELECT'))
  assert.ok(labels('SELECT * FROM cc_payments WHERE id = :id |').includes('AND'), 'parameters are values')
})

test('snippets are statements', () => {
  const field = { path: 'full name', type: 'string' }
  const details = {
    keyFormat: '',
    valueFormat: '',
    records: 1,
    bytes: undefined,
    isCompacted: false,
    description: undefined,
  }
  const topic = { name: 'my topic', partitions: 1, details: { ...details, fields: [field] } }
  for (const { sql, label } of [...snippets(topic), ...snippets(undefined)])
    assert.equal(parseScript(sql.replace('|', '')).length, 1, label)
})
