import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Killed, Queries } from '../../../src/engine/queries.ts'
import { Statistics } from '../../../src/engine/statistics.ts'

const begin = (queries: Queries, id: string, user = 'u', sql = 'SELECT 1') =>
  queries.begin({ sql, user, account: user, environment: 'e' }, new Statistics(id, 1000))

test('a query is running, then it is history', () => {
  const queries = new Queries()
  const a = begin(queries, 'a')
  const b = begin(queries, 'b')
  assert.deepEqual(
    queries.running().map((q) => [q.id, q.status]),
    [
      ['a', 'Running'],
      ['b', 'Running'],
    ],
  )
  a.end('end')
  a.end('error', 'late')
  b.end('error', 'wrong')
  const c = begin(queries, 'c')
  c.end('cancelled')
  begin(queries, 'd').end('cancelled', 'The login was ended.')
  assert.deepEqual(queries.running(), [])
  assert.deepEqual(
    queries.all().map((q) => [q.id, q.status, q.message]),
    [
      ['a', 'Completed', undefined],
      ['b', 'Error', 'wrong'],
      ['c', 'Killed', 'The client closed the connection.'],
      ['d', 'Killed', 'The login was ended.'],
    ],
  )
  assert.ok((queries.all()[0].finishedAt ?? 0) >= 1000)
})

test('killing aborts with a reason for the user; what does not run cannot be killed', () => {
  const queries = new Queries()
  const a = begin(queries, 'a')
  const me = { shown: 'me', account: 'user me' }
  assert.equal(queries.kill('b', me), 'absent')
  assert.equal(queries.kill('a', me), 'ended')
  assert.ok(a.signal.aborted && a.signal.reason instanceof Killed)
  a.end('error', 'The query was killed by me.')
  assert.deepEqual(
    queries.all().map((q) => [q.status, q.message]),
    [['Killed', 'The query was killed by me.']],
  )
  assert.equal(queries.find('a'), undefined)
})

test('history and statements are bounded', () => {
  const queries = new Queries()
  for (let i = 0; i < 1500; i++) begin(queries, String(i)).end('end')
  assert.equal(queries.all().length, 1000)
  assert.equal(queries.all()[0].id, '500')
  begin(queries, 'long', 'u', 'x'.repeat(50_000))
  assert.ok((queries.find('long')?.sql.length ?? 0) < 11_000)
})
