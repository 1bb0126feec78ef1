/**
 * What another engine gives back: with `engine = auto` it is run here, if nothing of an answer has come; with
 * `engine = flink` it is an error. The other engine is a made one that does as it is told.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { GivenBackError, type OtherEngine } from '../../../../src/engine/host.ts'
import { runRequest } from '../../../../src/engine/request.ts'
import type { SentinelReason } from '../../../../src/protocol/frames.ts'
import type { Value } from '../../../../src/types.ts'
import { memoryWorld } from '../../../support/memory-world.ts'

const world = memoryWorld([
  {
    name: 't',
    partitions: 1,
    records: [1, 2, 3].map((n) => ({ partition: 0, timestampMs: n, key: null, value: { json: { n } } })),
  },
])
after(() => world.catalog.close())

/** Runs what is below the output, and gives these rows; then it fails, or ends and says what was lost. */
function otherEngine(rows: readonly Value[][], error?: () => Error) {
  const lost: SentinelReason[] = []
  let closed = 0
  const other: OtherEngine = {
    handOver: async (plan, context) =>
      !hasGroups(plan)
        ? undefined
        : {
            plan: {
              ...plan,
              input: {
                kind: 'foreign',
                number: 0,
                title: 't',
                types: [LONG, LONG],
              },
            },
            rows: async function* () {
              context.statistics.addSource('elsewhere', scanIn(plan), context.settings).scanned.set(0, 100)
              if (rows.length > 0) yield rows
              if (error !== undefined) throw error()
              lost.push({
                type: 'LOST',
                source: 't',
                sourceId: 'elsewhere',
                amount: 2,
                places: 'partition 0, offsets 0 to 1',
              })
            },
            log: () => assert.fail('no records are asked for'),
            uncounted: ['t'],
            lost,
            close: async () => {
              closed++
            },
          },
    explain: async () => [],
  }
  return { other, closed: () => closed }
}

const LONG = { kind: 'integer', bits: 64 } as never
const scanIn = (plan: { readonly input: unknown }): never => {
  let at = plan.input as { kind: string; input?: unknown }
  while (at.kind !== 'scan') at = at.input as typeof at
  return at as never
}

/** What reads records only stays here. */
function hasGroups(plan: { readonly input: unknown }): boolean {
  let at = plan.input as { kind: string; input?: unknown }
  while (at.kind !== 'scan' && at.kind !== 'aggregate') at = at.input as typeof at
  return at.kind === 'aggregate'
}

async function ask(sql: string, other: OtherEngine) {
  const frames: { type: string; data: { value: unknown; recordsScanned?: number } }[] = []
  const summary = await runRequest(
    { sql, live: false, statsMs: 60_000 },
    { catalog: world.catalog, log: world.log, other },
    { send: (frame) => void frames.push(JSON.parse(frame)), drained: () => undefined },
    new AbortController().signal,
  )
  return {
    types: frames.map(({ type }) => type).join(' '),
    rows: frames.filter(({ type }) => type === 'RECORD').map(({ data }) => data.value),
    scanned: frames.findLast(({ type }) => type === 'STATS')?.data.recordsScanned,
    error: summary.error,
  }
}

const back = (): Error => new GivenBackError('given back')
const SQL = 'SELECT SUM(n) AS s FROM t'

test('with auto it is run here, and its sources are those of here', async () => {
  const { other, closed } = otherEngine([], back)
  const answer = await ask(`SET engine = auto; ${SQL}`, other)
  assert.deepEqual(answer.rows, [{ s: 6 }])
  assert.equal(answer.types, 'METADATA RECORD STATS')
  assert.equal(answer.scanned, 3)
  assert.equal(answer.error, undefined)
  assert.equal(closed(), 1)
})

test('in a subquery, too', async () => {
  const { other } = otherEngine([], back)
  const answer = await ask(`SET engine = auto; SELECT n FROM t WHERE n = (SELECT MAX(n) FROM t)`, other)
  assert.deepEqual([answer.error, answer.rows], [undefined, [{ n: 3 }]])
})

test('not where the engine was named, and not for another error', async () => {
  for (const [engine, error] of [
    ['flink', back],
    ['auto', () => new Error('something else')],
  ] as const) {
    const { other, closed } = otherEngine([], error)
    const answer = await ask(`SET engine = ${engine}; ${SQL}`, other).catch((cause: Error) => ({
      error: cause.message,
    }))
    assert.match(String(answer.error), engine === 'flink' ? /given back/ : /something else/)
    assert.equal(closed(), 1)
  }
})

test('not where rows have come', async () => {
  const { other } = otherEngine([[1n, 1n]], back)
  const answer = await ask('SET engine = auto; SELECT DISTINCT n, n + 0 AS m FROM t', other)
  assert.equal(answer.rows.length, 1)
  assert.match(String(answer.error), /given back/)
})

test('what was deleted while it ran is told of; in a subquery it is an error', async () => {
  const answer = await ask(`SET engine = flink; ${SQL}`, otherEngine([[6n, 1n]]).other)
  assert.deepEqual([answer.error, answer.types], [undefined, 'METADATA RECORD SENTINEL SENTINEL STATS'])
  const inside = await ask(
    'SET engine = flink; SELECT n FROM t WHERE n = (SELECT MAX(n) FROM t)',
    otherEngine([[3n, 1n]]).other,
  )
  assert.match(
    String(inside.error),
    /A subquery on t lost 2 records that were deleted while it ran \(partition 0, offsets 0 to 1\)/,
  )
})
