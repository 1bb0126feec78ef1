/** The list of running queries: what is shown, in which order, and how one is killed. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  elapsedText,
  killFailed,
  killPressed,
  NO_QUERIES,
  type QueryRow,
  refreshed,
  shownQueries,
} from '../../../../src/studio/queries/queries.ts'

const row = (id: string, change: Partial<QueryRow> = {}): QueryRow => ({
  id,
  sql: 'SELECT 1',
  username: 'me',
  status: 'Running',
  started: '2026-01-01T00:00:00Z',
  message: null,
  recordsScanned: 0,
  bytesRead: 0,
  durationMs: 1000,
  isMine: true,
  ...change,
})

describe('running queries', () => {
  const rows = [
    row('old', { status: 'Completed', started: '2026-01-01T00:00:01Z' }),
    row('new', { status: 'Error', started: '2026-01-01T00:00:09Z' }),
    row('short'),
    row('long', { durationMs: 90_000, isMine: false, username: 'bob' }),
  ]
  const state = refreshed(NO_QUERIES, rows)
  const ids = (s: typeof state): string =>
    shownQueries(s)
      .map(({ id }) => id)
      .join()

  it('the longest on top; mine alone; with those that ended', () => {
    assert.equal(ids(state), 'long,short')
    assert.equal(ids({ ...state, everybody: false }), 'short')
    assert.equal(ids({ ...state, ended: true }), 'long,short,new,old')
  })

  it('one of mine is killed at once, that of another when pressed again', () => {
    const own = killPressed(state, 'short')
    assert.ok(own.kill && own.state.killing.has('short'))
    assert.equal(killPressed(own.state, 'short').kill, false, 'not twice')
    const first = killPressed(state, 'long')
    assert.deepEqual([first.kill, first.state.asked], [false, 'long'])
    const second = killPressed(first.state, 'long')
    assert.deepEqual([second.kill, second.state.asked], [true, undefined])
    assert.equal(killPressed(state, 'old').kill, false, 'it ended')
    assert.equal(killPressed(first.state, 'short').state.asked, undefined, 'another was meant')
  })

  it('what is gone is forgotten; what failed can be tried again', () => {
    const asked = killPressed(killPressed(state, 'long').state, 'short').state
    const later = refreshed({ ...asked, asked: 'long' }, [])
    assert.deepEqual([later.asked, later.killing.size], [undefined, 0])
    const failed = killFailed(asked, 'short', 'No.')
    assert.deepEqual([failed.failure, failed.killing.size], ['No.', 0])
  })

  it('times', () => {
    assert.deepEqual([400, 12_300, 185_000, 7_800_000, -5].map(elapsedText), [
      '0.4 s',
      '12 s',
      '3 min 5 s',
      '2 h 10 min',
      '0.0 s',
    ])
  })
})
