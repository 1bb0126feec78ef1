/**
 * Random conditions over one fixed set of 60 records, each condition as SQL and as a plain evaluator; and the world
 * that holds the records as JSON (`js`) and as Avro (`av`). Offsets have holes, timestamps are in no order, one
 * partition is empty, some records are tombstones. For property tests; not a test itself.
 */
import fc from 'fast-check'
import type { ExactJson } from './exact-json.ts'
import { type MemoryWorld, memoryWorld, type WorldRecord } from './memory-world.ts'

export const SEED = 20_240_305
const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'R',
  fields: [
    { name: 'a', type: ['null', 'long'] },
    { name: 'd', type: ['null', 'double'] },
    { name: 's', type: ['null', 'string'] },
    { name: 'b', type: ['null', 'boolean'] },
  ],
})
const START_MS = Date.parse('2024-01-01T00:00:00Z')
const PARTITIONS = 3

export interface Row {
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly last: number
  readonly a: number | null
  readonly d: number | null
  readonly s: string | null
  readonly b: boolean | null
  /** A tombstone has no fields. */
  readonly dead: boolean
}

/** A condition as text, and what it says of a row. */
export interface Condition {
  readonly sql: string
  readonly holds: (row: Row) => boolean | null
}

type Scalar = number | string | boolean | null
interface Field {
  readonly sql: string
  readonly of: (row: Row) => Scalar
  readonly constants: fc.Arbitrary<{ readonly sql: string; readonly value: Scalar }>
}

const whole = (from: number, to: number) =>
  fc.integer({ min: from, max: to }).map((value) => ({ sql: String(value), value }))
const TEXTS = ['', 'a', 'ab', 'b', "it's", 'ü', 'zz']
const moment = fc
  .integer({ min: -2, max: 12 })
  .map((h) => ({ sql: `'${new Date(START_MS + h * 3_600_000).toISOString()}'`, value: START_MS + h * 3_600_000 }))
const FIELDS: readonly Field[] = [
  { sql: 'a', of: (r) => r.a, constants: whole(-3, 3) },
  {
    sql: 'd',
    of: (r) => r.d,
    constants: fc.constantFrom(-1.5, 0, 0.5, 2).map((value) => ({ sql: value.toFixed(1), value })),
  },
  {
    sql: 's',
    of: (r) => r.s,
    constants: fc.constantFrom(...TEXTS).map((value) => ({ sql: `'${value.replaceAll("'", "''")}'`, value })),
  },
  { sql: '_meta.offset', of: (r) => r.offset, constants: whole(-1, 30) },
  {
    sql: '_meta.offset',
    of: (r) => r.offset - r.last,
    constants: whole(-6, 2).map(({ value }) => ({ sql: `LAST_OFFSET() + (${value})`, value })),
  },
  { sql: '_meta.partition', of: (r) => r.partition, constants: whole(-1, PARTITIONS) },
  { sql: '_meta.timestamp', of: (r) => r.timestampMs, constants: moment },
]

const COMPARE: Readonly<Record<string, (x: number) => boolean>> = {
  '=': (x) => x === 0,
  '<>': (x) => x !== 0,
  '<': (x) => x < 0,
  '<=': (x) => x <= 0,
  '>': (x) => x > 0,
  '>=': (x) => x >= 0,
}
const order = (x: Scalar, y: Scalar): number => (x === null || y === null ? 0 : x < y ? -1 : x > y ? 1 : 0)
const not = (x: boolean | null): boolean | null => (x === null ? null : !x)
const and = (x: boolean | null, y: boolean | null): boolean | null =>
  x === false || y === false ? false : x === null || y === null ? null : true
const or = (x: boolean | null, y: boolean | null): boolean | null => not(and(not(x), not(y)))

const comparison = fc.constantFrom(...FIELDS).chain((field) =>
  fc
    .tuple(fc.constantFrom(...Object.keys(COMPARE)), field.constants, fc.boolean())
    .map(([op, constant, turned]): Condition => {
      const mirrored: Readonly<Record<string, string>> = {
        '<': '>',
        '<=': '>=',
        '>': '<',
        '>=': '<=',
        '=': '=',
        '<>': '<>',
      }
      const sql = turned ? `${constant.sql} ${mirrored[op]} ${field.sql}` : `${field.sql} ${op} ${constant.sql}`
      return {
        sql,
        holds: (row) => (field.of(row) === null ? null : COMPARE[op](order(field.of(row), constant.value))),
      }
    }),
)
const between = fc.constantFrom(...FIELDS).chain((field) =>
  fc.tuple(field.constants, field.constants, fc.boolean()).map(([low, high, negated]): Condition => {
    const holds = (row: Row): boolean | null =>
      field.of(row) === null ? null : order(field.of(row), low.value) >= 0 && order(field.of(row), high.value) <= 0
    return {
      sql: `${field.sql} ${negated ? 'NOT ' : ''}BETWEEN ${low.sql} AND ${high.sql}`,
      holds: (row) => (negated ? not(holds(row)) : holds(row)),
    }
  }),
)
const inList = fc.constantFrom(...FIELDS).chain((field) =>
  fc
    .tuple(fc.array(field.constants, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([items, negated]): Condition => {
      const holds = (row: Row): boolean | null =>
        field.of(row) === null ? null : items.some((i) => order(field.of(row), i.value) === 0)
      return {
        sql: `${field.sql} ${negated ? 'NOT ' : ''}IN (${items.map((i) => i.sql).join(', ')})`,
        holds: (row) => (negated ? not(holds(row)) : holds(row)),
      }
    }),
)
const nullTest = fc.tuple(fc.constantFrom('a', 'd', 's', 'b'), fc.boolean()).map(([name, negated]): Condition => {
  return { sql: `${name} IS ${negated ? 'NOT ' : ''}NULL`, holds: (row) => (row[name as 'a'] === null) !== negated }
})
const like = fc.constantFrom('a%', '%b', '%t%', 'ab', '%').map((pattern): Condition => {
  const regexp = new RegExp(`^${pattern.replaceAll('%', '.*')}$`, 'su')
  return { sql: `s LIKE '${pattern}'`, holds: (row) => (row.s === null ? null : regexp.test(row.s)) }
})
const flag = fc.constant<Condition>({ sql: 'b = true', holds: (row) => row.b })

export const condition: fc.Arbitrary<Condition> = fc.letrec<{ any: Condition }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(comparison, comparison, between, inList, nullTest, like, flag),
    fc
      .tuple(tie('any'), tie('any'))
      .map(
        ([x, y]): Condition => ({ sql: `(${x.sql} AND ${y.sql})`, holds: (row) => and(x.holds(row), y.holds(row)) }),
      ),
    fc
      .tuple(tie('any'), tie('any'))
      .map(([x, y]): Condition => ({ sql: `(${x.sql} OR ${y.sql})`, holds: (row) => or(x.holds(row), y.holds(row)) })),
    tie('any').map((x): Condition => ({ sql: `NOT (${x.sql})`, holds: (row) => not(x.holds(row)) })),
  ),
})).any

/** 60 records of one fixed shape; the conditions are what varies. */
function rows(): Row[] {
  const random = fc.sample(
    fc.record({
      partition: fc.integer({ min: 0, max: PARTITIONS - 2 }), // the last partition is empty
      gap: fc.constantFrom(0, 0, 0, 2),
      hours: fc.integer({ min: 0, max: 10 }),
      a: fc.option(fc.integer({ min: -3, max: 3 })),
      d: fc.option(fc.constantFrom(-1.5, 0, 0.5, 2)),
      s: fc.option(fc.constantFrom(...TEXTS)),
      b: fc.option(fc.boolean()),
      dead: fc.constantFrom(false, false, false, false, true),
    }),
    { seed: SEED, numRuns: 60 },
  )
  const next = Array.from({ length: PARTITIONS }, () => 0)
  const placed = random.map((r) => {
    const offset = next[r.partition] + r.gap
    next[r.partition] = offset + 1
    const fields = r.dead ? { a: null, d: null, s: null, b: null } : { a: r.a, d: r.d, s: r.s, b: r.b }
    return { partition: r.partition, offset, timestampMs: START_MS + r.hours * 3_600_000, ...fields, dead: r.dead }
  })
  return placed.map((r) => ({ ...r, last: next[r.partition] - 1 }))
}

export const ROWS: readonly Row[] = rows()

/** The records in two topics. */
export function randomWorld(): MemoryWorld {
  const records = (absent: boolean): WorldRecord[] =>
    ROWS.map(({ partition, offset, timestampMs, a, d, s, b, dead }) => {
      const all: { [name: string]: ExactJson } = { a, d, s, b }
      const present = Object.fromEntries(
        Object.entries(all).filter(([, value]) => !absent || value !== null || offset % 2 === 0),
      )
      return { partition, offset, timestampMs, key: null, value: dead ? null : { json: present } }
    })
  return memoryWorld([
    { name: 'js', partitions: PARTITIONS, records: records(true), batch: 4 },
    {
      name: 'av',
      partitions: PARTITIONS,
      value: { name: 'AVRO', schemas: [SCHEMA] },
      records: records(false),
      batch: 4,
    },
  ])
}
