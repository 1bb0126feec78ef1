/**
 * Records and rows of which each takes long: others get their turn after a few of them, and not after as many as were
 * allowed while each was done at once. The clock is driven: to each look at it, ten milliseconds have gone by.
 */
import assert from 'node:assert/strict'
import { after, mock, test } from 'node:test'
import { runRequest } from '../../../../src/engine/request.ts'
import { RECORDS_A_LOOK } from '../../../../src/engine/program/record-program.ts'
import { ProgramCalls } from '../../../../src/engine/scan/programs/program-calls.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { memoryWorld } from '../../../support/memory-world.ts'

type CallParameters = Parameters<ProgramCalls['call']>

const RECORDS = 3000
/** What is done between two looks at the clock, and what is under way besides. */
const FEW = 128

const world = memoryWorld([
  {
    name: 't',
    partitions: 1,
    batch: RECORDS,
    records: Array.from({ length: RECORDS }, (_, n) => ({
      partition: 0,
      timestampMs: n,
      key: null,
      value: { json: { n } },
    })),
  },
])
let now = 0
const clock = mock.method(systemClock, 'monotonic', () => {
  now += 10
  return now
})
after(async () => {
  clock.mock.restore()
  await world.catalog.close()
})

/** Rows that come although the query was cancelled at the first one; without `cancel` all of them. */
async function rowsOf(sql: string, cancel: boolean): Promise<number> {
  const abort = new AbortController()
  let rows = 0
  const send = (frame: string): void => {
    if (!frame.startsWith('{"type":"RECORD"')) return
    rows++
    if (cancel) abort.abort(new Error('cancelled'))
  }
  await runRequest(
    { sql: `SET max.query.time = 1d; SET max.idle.time = 1d; ${sql}`, live: false },
    { catalog: world.catalog, log: world.log },
    { send, drained: () => undefined },
    abort.signal,
  ).catch(() => undefined)
  return rows
}

test('a call goes over a few records that take long, whatever it was allowed', async () => {
  const steps: number[] = []
  const { call } = ProgramCalls.prototype
  const calls = mock.method(ProgramCalls.prototype, 'call', function (this: ProgramCalls, ...given: CallParameters) {
    const before = this.state.index
    const status = call.apply(this, given)
    steps.push(this.state.index - before)
    return status
  })
  assert.equal(await rowsOf('SELECT SUM(n) AS s FROM t', false), 1)
  calls.mock.restore()
  assert.equal(
    steps.reduce((a, b) => a + b),
    RECORDS,
  )
  assert.equal(Math.max(...steps), RECORDS_A_LOOK)
})

for (const [what, sql, all] of [
  ['rows of a join', 'SELECT b.n AS n FROM (SELECT n FROM t LIMIT 1) AS a CROSS JOIN t AS b LIMIT 100000', RECORDS],
  [
    'partners without a key',
    'SELECT b.n AS n FROM (SELECT n FROM t LIMIT 2) AS a JOIN t AS b ON a.n < b.n + 1 LIMIT 100000',
    2 * RECORDS - 1,
  ],
] as const)
  test(`${what} that take long`, async () => {
    assert.equal(await rowsOf(sql, false), all)
    const rows = await rowsOf(sql, true)
    assert.ok(rows > 0 && rows <= FEW, `${rows} rows`)
  })
