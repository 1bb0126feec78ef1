import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withCondition } from '../../../../src/studio/columns/add-condition.ts'
import {
  allShown,
  movedTo,
  NO_CHOICES,
  pinnedOrNot,
  resized,
  shownOrHidden,
} from '../../../../src/studio/grid/column-choices.ts'
import { cellCount, moved, selected } from '../../../../src/studio/grid/cursor.ts'
import {
  arrangementFor,
  GRID,
  isArrangementDue,
  sortedBy,
  withFilter,
  withNewResult,
} from '../../../../src/studio/grid/grid-state.ts'
import { placed } from '../../../../src/studio/grid/layout.ts'
import { offsetText, timeText } from '../../../../src/studio/grid/timestamps.ts'
import { durationText, partitionsOf } from '../../../../src/studio/messages/partitions.ts'

const column = (path: string) => ({ path, numeric: false, widest: 10 })

test('columns: moved, pinned, hidden, sized; pinned ones leave room for others', () => {
  const all = ['a', 'b', 'c', 'd'].map(column)
  const paths = (choices = NO_CHOICES, room?: number) => placed(all, choices, room).map(({ path }) => path)
  const moving = movedTo(NO_CHOICES, paths(), 'd', 1)
  assert.deepEqual(paths(moving), ['a', 'd', 'b', 'c'])
  const pinned = pinnedOrNot(moving, 'c')
  assert.deepEqual(paths(pinned), ['c', 'a', 'd', 'b'])
  assert.deepEqual(paths(pinned, 20), ['a', 'd', 'b', 'c'])
  assert.deepEqual(paths(shownOrHidden(pinned, 'a')), ['c', 'd', 'b'])
  assert.deepEqual(paths(allShown(shownOrHidden(pinned, 'a'))), ['c', 'a', 'd', 'b'])
  const [first, second] = placed(all, resized(NO_CHOICES, 'a', 5))
  assert.deepEqual([first.width, second.left, second.at], [40, 40, 1])
  assert.equal(resized(resized(NO_CHOICES, 'a', 300), 'a', undefined).widths.size, 0)
})

test('the cursor goes into the head and back; a selection is a rectangle', () => {
  const limits = { rows: 10, columns: 3, page: 4 }
  const press = (key: string) => ({ key, ctrlKey: false, metaKey: false })
  assert.deepEqual(moved({ row: 0, column: 1 }, press('ArrowUp'), limits), { row: -1, column: 1 })
  assert.deepEqual(moved({ row: -1, column: 1 }, press('ArrowRight'), limits), { row: -1, column: 2 })
  assert.deepEqual(moved({ row: -1, column: 1 }, press('ArrowDown'), limits), { row: 0, column: 1 })
  const rectangle = selected({ row: 5, column: 0 }, { row: 2, column: 2 })
  assert.deepEqual(rectangle, { top: 2, bottom: 5, left: 0, right: 2 })
  assert.equal(cellCount(rectangle), 12)
})

test('sorting by a click: up, down, not at all; with Shift beside others', () => {
  const up = sortedBy(GRID, 'a', false)
  const down = sortedBy(up, 'a', false)
  assert.deepEqual([up.sorts[0].descending, down.sorts[0].descending], [false, true])
  assert.deepEqual(sortedBy(down, 'a', false).sorts, [])
  assert.deepEqual(
    sortedBy(sortedBy(down, 'b', true), 'a', true).sorts.map(({ path }) => path),
    ['b'],
  )
})

test('a condition waits for a result that has its column, and stays for the next run', () => {
  const state = withFilter(GRID, 'a', { path: 'a', test: '=', text: '1' })
  assert.equal(arrangementFor(state, [column('b')]), undefined)
  assert.equal(arrangementFor(withNewResult(state), [column('a')])?.filters.length, 1)
  assert.deepEqual(withFilter(state, 'a', undefined).filters, [])
})

test('rows that came make a new sort necessary when they are many, or at the end', () => {
  const arranged = { rows: 100, of: 100, key: 'k' }
  const due = (rows: number, ended = false, sorts = true, key = 'k') =>
    isArrangementDue(arranged, key, { rows, ended, sorts })
  assert.deepEqual(
    [due(100), due(110), due(130), due(110, true), due(110, false, false)],
    [false, false, true, true, true],
  )
  assert.equal(due(100, false, true, 'other'), true)
})

test('times keep their fraction; the offset is written out', () => {
  assert.equal(timeText('2023-03-10T17:03:14.123456Z', 'utc'), '2023-03-10 17:03:14.123456 Z')
  assert.equal(timeText('2023-03-10T17:03:14.2Z', 'raw'), '2023-03-10T17:03:14.2Z')
  assert.match(timeText('2023-03-10T17:03:14.2Z', 'local'), /^2023-03-1\d \d\d:\d\d:14\.2 [+-]\d\d:\d\d$/)
  assert.equal(timeText('no time', 'utc'), 'no time')
  assert.deepEqual([offsetText(330), offsetText(-210), offsetText(0)], ['+05:30', '-03:30', '+00:00'])
})

test('a condition goes into WHERE; everything else of the text stays', () => {
  const edited = (sql: string) => withCondition(sql, 'a = 1')
  assert.deepEqual(edited('SELECT * FROM t -- mine\nLIMIT 5'), { sql: 'SELECT * FROM t WHERE a = 1 -- mine\nLIMIT 5' })
  assert.deepEqual(edited('SELECT * FROM t WHERE x = 2 OR y = 3 LIMIT 5'), {
    sql: 'SELECT * FROM t WHERE (x = 2 OR y = 3) AND a = 1 LIMIT 5',
  })
  assert.ok('refused' in edited('SELECT 1; SELECT 2'))
  assert.ok('refused' in edited('SELECT FROM'))
})

test('partitions: share of each, in order; time left in words', () => {
  const partition = (begin: number, end: number, offsetBound: number) => ({
    begin,
    end,
    offsetBound,
    bytesRead: 10,
    recordsScanned: 1,
  })
  const stats = {
    sources: { s: 'orders' },
    sourcesStats: { s: { 10: partition(0, 99, 99), 2: partition(50, 74, 99), 3: partition(5, 4, 4) } },
  } as unknown as Parameters<typeof partitionsOf>[0]
  assert.deepEqual(
    partitionsOf(stats).map(({ partition: p, share }) => [p, share]),
    [
      [2, 0.5],
      [3, 1],
      [10, 1],
    ],
  )
  assert.deepEqual([durationText(4.2), durationText(200), durationText(7300)], ['5 s', '3 min 20 s', '2 h 1 min'])
})
