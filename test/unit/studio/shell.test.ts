import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statementSpans, textToRun } from '../../../src/studio/editor/statement.ts'
import { found, lines, NO_TOPICS, shortBytes, shortNumber, toggled } from '../../../src/studio/explorer/topics.ts'
import { NO_CHOICES } from '../../../src/studio/grid/column-choices.ts'
import { moved } from '../../../src/studio/grid/cursor.ts'
import { placed, seenColumns, wholeWidth } from '../../../src/studio/grid/layout.ts'
import { exampleQueries } from '../../../src/studio/query/example-queries.ts'
import { addCommand, commandFor, commands, fit, isPressed, keysText } from '../../../src/studio/commands/commands.ts'
import {
  activeTab,
  atRoute,
  changedTab,
  inEnvironment,
  INITIAL,
  loggedOut,
  MAX_TABS,
  routeOf,
  shownTopic,
  steppedTab,
  withoutTab,
  withTab,
} from '../../../src/studio/store.ts'
import { scrollFor, seenRows } from '../../../src/studio/virtual/rows.ts'
import { writingRecord } from '../../../src/studio/write/write-commands.ts'
import { parseScript } from '../../../src/sql/parse.ts'

const press = (key: string, held = '') => ({
  key,
  ctrlKey: held.includes('C'),
  metaKey: held.includes('M'),
  shiftKey: held.includes('S'),
  altKey: held.includes('A'),
})

test('keys: Mod is ⌘ on a Mac and Ctrl elsewhere, a sign that needs Shift is written without', () => {
  assert.ok(isPressed('Mod+Enter', press('Enter', 'C'), false) && isPressed('Mod+Enter', press('Enter', 'M'), true))
  assert.ok(!isPressed('Mod+Enter', press('Enter', 'CM'), false) && !isPressed('Mod+K', press('K', 'CS'), false))
  assert.ok(isPressed('Mod+Shift+F', press('F', 'CS'), false) && isPressed('?', press('?', 'S'), false))
  assert.equal(keysText('Mod+Shift+F', true), '⌘⇧F')
  assert.ok(isPressed('Alt+N', { ...press('˜', 'A'), code: 'KeyN' }, true), 'Option writes a sign')
  assert.ok(!isPressed('Alt+N', { ...press('b', 'A'), code: 'KeyN' }, false), 'another layout')
  let done = 0
  const remove = addCommand({ id: 'x', title: 'X', keys: 'Mod+J', when: () => done < 1, run: () => done++ })
  commandFor(press('j', 'C'), false)?.run()
  assert.deepEqual([done, commandFor(press('j', 'C'), false)], [1, undefined])
  remove()
  assert.equal(commands.get().size, 0)
})

test('the palette: beginnings of words before parts of words before letters in order', () => {
  const names = ['cc_payments', 'old_cc', 'accounts', 'c_x_c', 'orders']
  const ranked = names
    .flatMap((name) => (fit('cc', name) === undefined ? [] : [name]))
    .sort((a, b) => (fit('cc', a) ?? 0) - (fit('cc', b) ?? 0))
  assert.deepEqual(ranked, ['cc_payments', 'old_cc', 'accounts', 'c_x_c'])
})

test('tabs: opened, closed, stepped; the address and back; nothing left after a logout', () => {
  let state = withTab({ ...INITIAL, environments: ['demo', 'prod'], environment: 'demo' }, { sql: 'SELECT 1' })
  state = shownTopic(shownTopic(state, 'orders'), 'orders')
  assert.deepEqual([state.tabs.length, activeTab(state)?.subject], [2, 'orders'])
  assert.equal(activeTab(steppedTab(state, 1))?.sql, 'SELECT 1')
  assert.equal(activeTab(withoutTab(state, state.active))?.sql, 'SELECT 1')
  const there = atRoute(state, { environment: 'prod', view: 'query', sql: 'SELECT 2', parameters: { a: '1' } })
  assert.deepEqual([there.environment, there.tabs.length, routeOf(there)?.sql], ['prod', 3, 'SELECT 2'])
  assert.equal(atRoute(there, { view: 'query', sql: 'SELECT 2', parameters: {} }).tabs.length, 3)
  const out = loggedOut(state, 'bye')
  assert.deepEqual([out.tabs, out.environments, out.session], [[], [], { kind: 'out', message: 'bye' }])
})

test('a link to an environment that is not here waits until one was chosen', () => {
  const state = { ...INITIAL, environments: ['demo', 'prod'], environment: 'demo' }
  const link = { environment: 'production', view: 'query', sql: 'DELETE FROM t', parameters: {} }
  const there = atRoute(state, link)
  assert.deepEqual(
    [there.environment, there.missing, routeOf(there)?.environment],
    ['demo', 'production', 'production'],
  )
  const chosen = inEnvironment(there, 'prod')
  assert.deepEqual([chosen.environment, chosen.missing, activeTab(chosen)?.sql], ['prod', undefined, 'DELETE FROM t'])
  assert.equal(atRoute(there, { ...link, environment: 'demo' }).missing, undefined)
})

test('tabs are bounded: an empty one makes room, one with a text or a run is not closed for another', () => {
  let state = withTab(INITIAL, { sql: 'SELECT 1' })
  state = changedTab(withTab(state, {}), 2, { hasRun: true })
  for (let i = 0; i < MAX_TABS + 5; i++) state = withTab(state, {})
  assert.deepEqual([state.tabs.length, state.tabs[0].id, state.tabs[1].id, state.notice], [MAX_TABS, 1, 2, undefined])
  for (let i = 0; i < MAX_TABS; i++) state = withTab(state, { sql: `SELECT ${i}` })
  const refused = withTab(state, { sql: 'SELECT 99' })
  assert.deepEqual([refused.tabs, refused.active], [state.tabs, state.active])
  assert.match(refused.notice ?? '', /30 tabs are open.*studio\.tabs.*Close one/)
  assert.equal(withoutTab(refused, 1).notice, undefined)
  const record = { topic: 'orders', partition: 0, offset: '7' }
  const open = changedTab(refused, refused.active, { record })
  assert.equal(activeTab(writingRecord(open, 'replay'))?.sql, activeTab(open)?.sql, 'the shown tab stays as it is')
})

test('topics: search over names and fields, fields of open ones', () => {
  const details = {
    keyFormat: 'STRING',
    valueFormat: 'AVRO',
    records: 7,
    bytes: undefined,
    isCompacted: false,
    description: undefined,
    fields: [{ path: 'customer.id', type: 'string' }],
  }
  const topics = [
    { name: 'all_orders', partitions: 1 },
    { name: 'orders', partitions: 3, details },
    { name: 'x', partitions: 1 },
  ]
  assert.deepEqual(
    found(topics, 'ord').map(({ name }) => name),
    ['orders', 'all_orders'],
  )
  assert.deepEqual(
    found(topics, 'customer').map(({ name }) => name),
    ['orders'],
  )
  const open = toggled({ ...NO_TOPICS, topics, search: 'orders' }, 'orders')
  assert.deepEqual(
    lines(open).map(({ kind }) => kind),
    ['topic', 'field', 'topic'],
  )
  assert.deepEqual([0, 999, 1200, 600_038, 999_600].map(shortNumber), ['0', '999', '1.2 k', '600 k', '1.0 M'])
  assert.equal(shortBytes(14_000_000), '14 MB')
  for (const { sql } of exampleQueries(topics)) assert.equal(parseScript(sql).length, 1)
})

test('what of a long list is seen, also where pixels have to be pressed together', () => {
  assert.deepEqual(seenRows(5000, 28, 2800, 560, 0), { first: 100, last: 120, offset: 2800, height: 140_000 })
  assert.deepEqual([seenRows(0, 28, 0, 500).last, seenRows(3, 28, 0, 500).last], [0, 3])
  const million = seenRows(1_000_000, 28, 1e9, 560, 0)
  assert.deepEqual([million.last, million.first], [1_000_000, 999_980])
  assert.equal(million.offset + 20 * 28, million.height)
  const top = scrollFor(500_000, 1_000_000, 28, 0, 560)
  const { first, last } = seenRows(1_000_000, 28, top, 560, 0)
  assert.ok(first <= 500_000 && last > 500_000, `${first} to ${last}`)
})

test('columns: key, value, metadata; those that are seen; the cursor stays within', () => {
  const column = (path: string, widest = 10) => ({ path, numeric: false, widest })
  const all = placed([column('a'), column('_meta.offset'), column('_key'), column('b', 1000)], {
    ...NO_CHOICES,
    widths: new Map([['a', 80]]),
  })
  assert.deepEqual(
    all.map(({ path }) => path),
    ['_key', 'a', 'b', '_meta.offset'],
  )
  assert.deepEqual([all[1].width, all[2].width], [80, 420])
  assert.equal(wholeWidth(all), all[3].left + all[3].width)
  const wide = placed(
    Array.from({ length: 2000 }, (_, i) => column(`c${i}`)),
    NO_CHOICES,
  )
  assert.ok(seenColumns(wide, 90_000, 1000).length < 30)
  const limits = { rows: 10, columns: 3, page: 4 }
  assert.deepEqual(moved({ row: 9, column: 0 }, press('ArrowDown'), limits), { row: 9, column: 0 })
  assert.deepEqual(moved({ row: 0, column: 0 }, press('End', 'C'), limits), { row: 9, column: 2 })
  assert.equal(moved({ row: 0, column: 0 }, press('a'), limits), undefined)
})

test('what Run sends: the selection, or the statement at the caret with its settings', () => {
  const text = "SET a = ';';\nSELECT 1; -- one; two\nSELECT 2"
  assert.equal(statementSpans(text).length, 3)
  const at = (from: number, to = from) => textToRun(text, { from, to })
  assert.equal(at(text.length), "SET a = ';';\nSELECT 2")
  assert.equal(at(text.indexOf('SELECT 1') + 3), "SET a = ';';\nSELECT 1")
  assert.equal(at(13, 21), 'SELECT 1')
})
