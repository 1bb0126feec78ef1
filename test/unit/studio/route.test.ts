import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { codeOf, decodeRoute, encodeRoute, MAX_URL, type Route, recordOf } from '../../../src/studio/route.ts'

test('a place as an address, and back', () => {
  const route: Route = {
    environment: 'prod/eu',
    view: 'query',
    sql: "SELECT '#&?%' FROM `a b`\nLIMIT 1",
    parameters: { from: '2026-01-01', '': 'x' },
    range: '15m',
    panel: 'rows',
    record: { topic: 'a/b', partition: 3, offset: '9223372036854775807' },
  }
  assert.deepEqual(decodeRoute(encodeRoute(route)), { ...route, parameters: { from: '2026-01-01' } })
  assert.equal(
    encodeRoute({ view: 'topic', subject: 'orders', environment: 'demo', parameters: {} }),
    '#/demo/topic/orders',
  )
  const any = fc.record({
    environment: fc.string({ minLength: 1 }),
    view: fc.string({ minLength: 1 }),
    sql: fc.string({ minLength: 1 }),
    parameters: fc.dictionary(fc.string({ minLength: 1 }), fc.string()),
    subject: fc.string({ minLength: 1 }),
  })
  fc.assert(
    fc.property(any, (r) =>
      assert.deepEqual({ ...decodeRoute(encodeRoute(r)) }, { ...r, parameters: { ...r.parameters } }),
    ),
  )
})

test('what is no place is none', () => {
  for (const text of ['', '#', '#code=abc', '#/', '#/demo', '#/demo/%E0%A4%A'])
    assert.equal(decodeRoute(text), undefined, text)
  assert.equal(recordOf('orders/x/1'), undefined)
  assert.equal(codeOf('#code=ab-c_1'), 'ab-c_1')
  assert.equal(codeOf('#code=<b>'), undefined)
})

test('a statement beyond studio.url.characters is left out', () => {
  const hash = encodeRoute({ view: 'query', sql: 'x'.repeat(MAX_URL), parameters: {}, panel: 'rows' })
  assert.equal(hash, '#//query?panel=rows')
})
