/**
 * Moments against numbers with a fraction and texts of any fineness: as exact arithmetic in nanoseconds says, with and
 * without bounds that go to Kafka.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import { memoryWorld, type MemoryWorld } from '../support/memory-world.ts'

const START_MS = Date.parse('2024-02-29T07:05:09Z')
const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'M',
  fields: [
    { name: 'n', type: 'int' },
    { name: 'ms', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'us', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'ns', type: { type: 'long', logicalType: 'timestamp-nanos' } },
    { name: 'at', type: 'double' },
    { name: 'said', type: 'string' },
  ],
})

/** A few moments around the start, in nanoseconds behind it. */
const nanos = fc.constantFrom(
  -1_000_000n,
  -1n,
  0n,
  1n,
  499n,
  500n,
  1_000n,
  250_000n,
  500_000n,
  999_999n,
  1_000_000n,
  1_000_001n,
  2_000_000n,
  3_000_000n,
)
const START_NANOS = BigInt(START_MS) * 1_000_000n
const floor = (n: bigint, unit: bigint): bigint => (n - (((n % unit) + unit) % unit)) / unit

function iso(moment: bigint): string {
  const ms = floor(moment, 1_000_000n)
  const fraction = String(moment - floor(moment, 1_000_000_000n) * 1_000_000_000n).padStart(9, '0')
  return `${new Date(Number(ms)).toISOString().slice(0, 19)}.${fraction}Z`
}
/** Of a double of milliseconds: they go in steps of 2^-12 there. */
const msOf = (moment: bigint): number =>
  Number(floor(moment, 1_000_000n)) + Number(moment - floor(moment, 1_000_000n) * 1_000_000n) / 1e6

type Op = '=' | '<>' | '<' | '<=' | '>' | '>='
const holds = (op: Op, a: bigint, b: bigint): boolean =>
  op === '=' ? a === b : op === '<>' ? a !== b : op === '<' ? a < b : op === '<=' ? a <= b : op === '>' ? a > b : a >= b

/** All in units of 2^-12 × 10^-6 of a millisecond, in which both nanoseconds and doubles of this size are whole. */
const FINE = 4096n
const ofNanos = (moment: bigint): bigint => moment * FINE
const ofDouble = (ms: number): bigint =>
  BigInt(Math.floor(ms)) * 1_000_000n * FINE + BigInt((ms - Math.floor(ms)) * 4096) * 1_000_000n

const UNITS = { ms: 1_000_000n, us: 1_000n, ns: 1n, '_meta.timestamp': 1_000_000n } as const
type Column = keyof typeof UNITS

async function found(world: MemoryWorld, condition: string, optimize: boolean): Promise<number[]> {
  const rows: number[] = []
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { value: { n: number } } }
    assert.ok(type !== 'ERROR' && type !== 'BADRECORD', `${condition}\n${frame}`)
    if (type === 'RECORD') rows.push(data.value.n)
  }
  const { catalog, log } = world
  const sql = `SELECT n FROM t WHERE ${condition}`
  await runRequest(
    { sql, live: false },
    { catalog, log, rulesOff: optimize ? undefined : 'all' },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  return rows
}

test('a moment and a number, a text, or a field of either', async () => {
  const column = fc.constantFrom<Column>('ms', 'us', 'ns', '_meta.timestamp')
  const op = fc.constantFrom<Op>('=', '<>', '<', '<=', '>', '>=')
  const other = fc.record({
    kind: fc.constantFrom('number', 'text', 'at', 'said', 'turned', 'in', 'between'),
    moment: nanos,
  })
  const query = fc.record({ moments: fc.array(nanos, { minLength: 1, maxLength: 12 }), column, op, other })
  await fc.assert(
    fc.asyncProperty(query, async ({ moments, column: name, op: by, other: { kind, moment } }) => {
      const fixed = START_NANOS + moment
      const rows = moments.map((m, n) => ({
        n,
        moment: START_NANOS + m,
        at: START_NANOS + moments[(n * 5 + 1) % moments.length],
      }))
      const records = rows.map(({ n, moment: m, at }) => ({
        partition: n % 2,
        timestampMs: Number(floor(m, 1_000_000n)),
        key: null,
        value: { json: { n, ms: floor(m, 1_000_000n), us: floor(m, 1_000n), ns: m, at: msOf(at), said: iso(at) } },
      }))
      const world = memoryWorld([
        { name: 't', partitions: 2, batch: 2, value: { name: 'AVRO', schemas: [SCHEMA] }, records },
      ])
      const place = (row: (typeof rows)[number]): bigint => ofNanos(floor(row.moment, UNITS[name]) * UNITS[name])
      const conditions: Readonly<Record<string, readonly [string, (row: (typeof rows)[number]) => boolean]>> = {
        number: [`${name} ${by} ${msOf(fixed)}`, (row) => holds(by, place(row), ofDouble(msOf(fixed)))],
        text: [`${name} ${by} '${iso(fixed)}'`, (row) => holds(by, place(row), ofNanos(fixed))],
        at: [`${name} ${by} at`, (row) => holds(by, place(row), ofDouble(msOf(row.at)))],
        said: [`NOT (${name} ${by} said)`, (row) => !holds(by, place(row), ofNanos(row.at))],
        turned: [`${msOf(fixed)} ${by} ${name}`, (row) => holds(by, ofDouble(msOf(fixed)), place(row))],
        in: [
          `${name} IN (${msOf(fixed)}, '${iso(fixed)}')`,
          (row) => place(row) === ofDouble(msOf(fixed)) || place(row) === ofNanos(fixed),
        ],
        between: [
          `${name} BETWEEN ${msOf(fixed)} AND at`,
          (row) => place(row) >= ofDouble(msOf(fixed)) && place(row) <= ofDouble(msOf(row.at)),
        ],
      }
      const [condition, expected] = conditions[kind]
      const right = rows.filter(expected).map((row) => row.n)
      for (const optimize of [true, false]) {
        const rowsFound = await found(world, condition, optimize)
        assert.deepEqual(
          rowsFound.sort((a, b) => a - b),
          right,
          condition,
        )
      }
      world.catalog.close()
    }),
    { numRuns: 600, seed: 20_261_128 },
  )
})
