import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followText } from '../../../src/studio/follow/follow-text.ts'
import { followAfter } from '../../../src/studio/rows/positions.ts'
import { Result } from '../../../src/studio/rows/result.ts'
import { arrange, rowAt } from '../../../src/studio/rows/arrange.ts'
import { QUESTIONS } from '../../../src/studio/rows/questions.ts'
import { Held, MAX_HELD_ROWS } from '../../../src/studio/run/held.ts'
import { after, begun, pausing } from '../../../src/studio/run/run-state.ts'
import { parseExpression } from '../../../src/sql/parse.ts'

const CEILING = { rows: 1_000_000, bytes: 1e9 }
const row = (n: number, partition = 0) => `{"value":{"n":${n}},"metadata":{"partition":${partition},"offset":${n}}}`

test('the newest row stands first; the oldest ones go, and their memory with them', () => {
  const result = new Result({ follows: true })
  const pad = 'x'.repeat(1000)
  for (let i = 0; i < 5000; i++) assert.ok(result.add(`{"value":{"n":${i},"pad":"${pad}"}}`, CEILING))
  const text = (place: number) => result.text(rowAt(result, place, false)).slice(10, 18)
  assert.match(text(0), /"n":4999/)
  const bytes = result.bytes
  result.dropOldest(4000)
  assert.equal(result.rows, 1000)
  assert.ok(result.bytes < bytes / 4)
  assert.match(text(999), /"n":4000/)
  assert.match(text(0), /"n":4999/)
  assert.ok(result.add('{"value":{"n":5000}}', CEILING))
  assert.match(text(0), /"n":5000/)
  result.dropOldest(2000)
  assert.equal(result.rows, 0)
  assert.ok(result.add('{"value":{"n":5001}}', CEILING))
  assert.match(text(0), /"n":5001/)
})

test('following on: behind what came, from the beginning of the reading where nothing came, new partitions whole', () => {
  const result = new Result({ follows: true })
  const begins = new Map([
    [0, 10],
    [1, 20],
  ])
  result.add(row(17), CEILING)
  const condition = followAfter(result, begins) ?? ''
  assert.equal(
    condition,
    '(_meta.partition = 0 AND _meta.offset > 17) OR (_meta.partition = 1 AND _meta.offset >= 20) OR ' +
      '(_meta.partition NOT IN (0, 1) AND _meta.offset >= 0)',
  )
  assert.ok(parseExpression(condition))
  result.add('{"value":{"n":1}}', CEILING)
  assert.equal(followAfter(result, begins), undefined)
})

test('while it is paused, rows wait; changes of one row take one place; there is an end to it', () => {
  const held = new Held()
  assert.ok(held.push({ data: 'a', rowId: '1' }) && held.push({ data: 'b', rowId: '1' }))
  assert.deepEqual(held.rows(), [{ data: 'b', rowId: '1' }])
  for (let i = 1; i < MAX_HELD_ROWS; i++) assert.ok(held.push({ data: '{}', rowId: undefined }))
  assert.ok(!held.push({ data: '{}', rowId: undefined }))
  assert.ok(held.push({ data: 'c', rowId: '1' }))
  assert.ok(!new Held().push({ data: 'x'.repeat(64_000_001), rowId: undefined }))
})

test('pause and resume as states, and what the line says', () => {
  let state = after(begun('SELECT 1', 0, true), { what: 'opened' }, 1)
  assert.deepEqual(followText(state), ['● Following'])
  state = after(pausing(state, true), { what: 'held', rows: 1, stopped: false }, 2)
  assert.deepEqual(followText(state), ['❚❚ Paused', '1 row waits'])
  state = after(state, { what: 'held', rows: 50_000, stopped: true }, 3)
  assert.match(followText(state).join(), /50,000 rows wait,reading has stopped/)
  state = pausing(state, false)
  assert.equal(state.paused, undefined)
  assert.equal(after(state, { what: 'held', rows: 3, stopped: false }, 4), state, 'what comes late changes nothing')
  const rows = { what: 'rows', rows: 5, bytes: 9, columnsVersion: 1, dropped: 7 } as const
  assert.match(followText(after(state, rows, 5)).join(), /oldest 7 rows/)
  assert.equal(after(state, { what: 'behind', resume: 'x' }, 6).resume, 'x')
  assert.deepEqual(followText(begun('SELECT 1', 0)), [])
})

const at = (result: Result, from: number, to: number, arranged = false) =>
  QUESTIONS.window(result, { from, to, columns: [0], arranged })
const texts = (result: Result, arranged: boolean, to = 3) =>
  at(result, 0, to, arranged).rows.map(([cell]) => cell?.text)

test('rows that are let go are not rows that were replaced; numbers of rows go on counting', () => {
  const result = new Result({ follows: true })
  for (let i = 0; i < 10; i++) result.add(row(i), CEILING)
  result.dropOldest(5)
  result.add(row(10), CEILING)
  assert.deepEqual([result.rows, result.replaced, result.dropped], [6, 0, 5])
  assert.deepEqual(at(result, 0, 2).numbers, [10, 9])
  assert.match(QUESTIONS.record(result, { row: 10 }) ?? '', /"n":10\}/)
  assert.equal(QUESTIONS.record(result, { row: 4 }), undefined)
  const state = after(
    begun('SELECT 1', 0, true),
    { what: 'rows', rows: 6, bytes: 9, columnsVersion: 1, newestFirst: true, dropped: 5 },
    1,
  )
  assert.deepEqual([state.newestFirst, state.replaced, state.dropped], [true, 0, 5])
})

test('a filter leaves the newest row first, a sort does not; rows that go leave the arrangement too', async () => {
  const result = new Result({ follows: true })
  for (let i = 0; i < 10; i++) result.add(row(i), CEILING)
  const filters = [{ path: 'n', test: '>=', text: '2' }] as const
  await arrange(result, { sorts: [], filters })
  assert.deepEqual(texts(result, true), ['9', '8', '7'])
  result.dropOldest(5)
  assert.deepEqual(texts(result, true, 9), ['9', '8', '7', '6', '5'])
  result.add(row(10), CEILING)
  assert.deepEqual(await arrange(result, { sorts: [], filters }), { rows: 6, of: 6 })
  assert.deepEqual(texts(result, true), ['10', '9', '8'])
  assert.deepEqual(at(result, 0, 1, true).numbers, [10])
  await arrange(result, { sorts: [{ path: 'n', descending: false }], filters })
  assert.deepEqual(texts(result, true), ['5', '6', '7'])
  const ordered = new Result()
  for (let i = 0; i < 5; i++) ordered.add(row(i), CEILING)
  await arrange(ordered, { sorts: [], filters })
  assert.deepEqual(texts(ordered, true), ['2', '3', '4'])
})
