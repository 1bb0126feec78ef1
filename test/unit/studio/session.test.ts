/** What a logout takes and says, what is exported of a text that was not run, and where a condition is written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withConditionIn } from '../../../src/studio/columns/add-condition.ts'
import { notRun } from '../../../src/studio/export/exports.ts'
import { forgetStored } from '../../../src/studio/kept.ts'
import { leftText } from '../../../src/studio/session/session.ts'

test('a logout takes what is of Sluice and the user, and nothing else of the origin', () => {
  const stored = new Map([
    ['sluice.history.u', 'x'],
    ['sluice.theme', 'dark'],
    ['other', 'y'],
    ['sluice.history.v', 'z'],
  ])
  forgetStored({
    get length() {
      return stored.size
    },
    key: (at) => [...stored.keys()][at] ?? null,
    removeItem: (key) => void stored.delete(key),
  })
  assert.deepEqual([...stored.keys()], ['sluice.theme', 'other'])
  assert.equal(leftText(undefined), 'You are logged out.')
  assert.match(leftText('Failed to fetch'), /did not end the session \(Failed to fetch\).*log out again/)
})

test('what was not run is exported as it would be run', () => {
  assert.deepEqual(notRun('SET a = 1; SELECT * FROM t WHERE a = :a', { a: '5' }), {
    sql: 'SET a = 1; SELECT * FROM t WHERE a = 5',
  })
  const wrong = (text: string) => (notRun(text, {}) as { wrong?: string }).wrong ?? ''
  assert.match(wrong('SELECT :a'), /parameter a needs a value/)
  assert.match(wrong('SELECT 1; DELETE FROM t'), /Several statements/)
})

test('a condition is written into the statement that was run, where it stands', () => {
  const text = '-- all\nSELECT * FROM t WHERE a = :cur; -- one\nDELETE FROM t'
  const asked = 'SELECT * FROM t WHERE a = 5'
  assert.deepEqual(withConditionIn(text, { cur: '5' }, asked, 'b = 1'), {
    sql: '-- all\nSELECT * FROM t WHERE (a = :cur) AND b = 1; -- one\nDELETE FROM t',
  })
  assert.equal(withConditionIn(text, { cur: '6' }, asked, 'b = 1'), undefined, 'it stands there no more')
  assert.deepEqual(withConditionIn('SELECT * FROM t -- x', {}, 'SELECT * FROM t -- x', 'b = 1'), {
    sql: 'SELECT * FROM t WHERE b = 1 -- x',
  })
})
