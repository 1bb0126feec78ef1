/**
 * Random queries and random conditions, here and on a real Flink: what is compared, and how. The short run is a test
 * (flink.test.ts), the long one a bench (bench/flink-differential.ts). Rounds are told by their seed, and a seed always
 * gives the same round.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { printQuery } from '../../src/sql/print.ts'
import { CALL_TABLES, oddTopics, randomCall, randomMeeting } from '../support/random-calls.ts'
import { randomGroups } from '../support/random-groups.ts'
import { condition, ROWS } from '../support/random-conditions.ts'
import { type RandomQuery, randomQuery } from '../support/random-queries.ts'
import { Random, randomTable, topicOf, withoutGaps } from '../support/random-tables.ts'
import { ANY_CASE } from '../support/slt.ts'
import { produceWorld, serve } from './golden-hands.ts'
import type { KafkaHand } from './kafka-hand.ts'

/** What came of what was asked. */
export interface Compared {
  same: number
  /** Not handed over, or given back because of a value; `reasons` has them. */
  refused: number
  /** An error here and there. */
  failed: number
  readonly reasons: Map<string, number>
  /** What differs, as text: the seed, the statement, both answers. */
  readonly wrong: string[]
}

export function newCompared(): Compared {
  return { same: 0, refused: 0, failed: 0, reasons: new Map(), wrong: [] }
}

/** How many queries or conditions have been compared, or refused. */
export function countOf({ same, refused, failed, wrong }: Compared): number {
  return same + refused + failed + wrong.length
}

/** Queries over the same random tables. */
export const QUERIES_A_ROUND = 50
/** Conditions of one statement. */
const TOGETHER = 20
/** Statements at once. */
export const LANES = 4
/** Slots of the TaskManager: a join of several topics takes one for each while it begins. */
export const SLOTS = 16

const REFUSED = /Not handed over to Flink|Flink gave the statement back/

/** Any order of rows, and without what says that records were passed over. */
export function plain(lines: readonly string[]): string {
  return lines
    .filter((line) => !/^(BADRECORD|SENTINEL UNCOUNTED)/.test(line))
    .sort()
    .join('\n')
}

/** Asks for each of `items` in some lanes side by side. */
export async function inLanes<T>(items: readonly T[], ask: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await ask(next)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/** One round of random queries: new tables on a real Kafka (alpha, beta, gamma), each query here and there. */
export async function queriesRound(
  seed: number,
  on: { readonly hand: KafkaHand; readonly brokers: string; readonly gateway: string },
  compared: Compared,
): Promise<void> {
  const random = new Random(seed)
  const tables = ['alpha', 'beta', 'gamma'].map((name) => withoutGaps(randomTable(name, random, 40)))
  const data = await produceWorld(on.hand, { topics: tables.map((table) => topicOf(table, 3)) }, 'none')
  const environment = { flink: { gateway: on.gateway, parallelism: 1 } }
  const server = await serve(on.brokers, data, undefined, environment)
  const ask = (sql: string): Promise<string[]> => server.ask({ ...ANY_CASE, sql })
  const compare = async ({ query }: RandomQuery): Promise<void> => {
    const sql = printQuery(query)
    const [ours, theirs] = [await ask(sql), await ask(`SET engine = flink; ${sql}`)]
    const isAny = query.limit !== undefined && query.orderBy.length === 0
    const shown = (lines: readonly string[]): string => (isAny ? String(plain(lines).split('\n').length) : plain(lines))
    const [errorHere, errorThere] = [errorOf(ours), errorOf(theirs)]
    if (errorThere !== undefined && REFUSED.test(errorThere)) {
      compared.refused++
      countReason(compared.reasons, errorThere)
    } else if (errorHere !== undefined && errorThere !== undefined) compared.failed++
    else if (shown(ours) === shown(theirs)) compared.same++
    else compared.wrong.push(`seed ${seed}: ${sql}\n  here ${ours.join('\n    ')}\n  there ${theirs.join('\n    ')}`)
  }
  try {
    await inLanes(
      Array.from({ length: QUERIES_A_ROUND }, () => randomQuery(tables, random)),
      compare,
    )
  } finally {
    await server.close()
  }
}

/** Expressions over each of the two topics in one round. */
export const CALLS_A_ROUND = 60
/** Expressions of one statement of `callsRound`. */
const CALLS_TOGETHER = 4

/**
 * One round of random expressions over awkward values (random-calls.ts): what each gives for each record, computed here
 * and on Flink; and statements in which such values meet or are grouped. What is refused is seen from EXPLAIN; where a statement
 * differs, its parts are asked alone.
 */
export async function callsRound(
  seed: number,
  count: number,
  on: { readonly hand: KafkaHand; readonly brokers: string; readonly gateway: string },
  compared: Compared,
): Promise<void> {
  const random = new Random(seed)
  const data = await produceWorld(on.hand, { topics: oddTopics(random) }, 'none')
  const environment = { flink: { gateway: on.gateway, parallelism: 1 } }
  const server = await serve(on.brokers, data, undefined, environment)
  const ask = (sql: string): Promise<string[]> => server.ask({ ...ANY_CASE, sql })
  // Each kind of row once: columns that come back as they are would be computed here.
  const statement = (table: string, calls: readonly string[]): string =>
    `SELECT DISTINCT _meta.partition AS p, _meta.offset AS o, ${calls.map((call, i) => `${call} AS e${i}`).join(', ')} FROM ${table}`
  const compare = async (sql: string, size = 1): Promise<boolean> => {
    const [ours, theirs] = [await ask(sql), await ask(`SET engine = flink; ${sql}`)]
    const [errorHere, errorThere] = [errorOf(ours), errorOf(theirs)]
    if (errorHere === undefined && plain(ours) === plain(theirs)) compared.same += size
    else if (size > 1) return false
    else if (errorThere !== undefined && REFUSED.test(errorThere)) {
      compared.refused++
      countReason(compared.reasons, errorThere)
    } else if (errorHere !== undefined) {
      // What an operator needs not is computed here, and may fail; Flink's planner leaves it away.
      compared.failed++
    } else compared.wrong.push(`seed ${seed}: ${sql}\n${firstDifference(ours, theirs)}`)
    return true
  }
  const together = async ({ table, calls }: { table: string; calls: readonly string[] }): Promise<void> => {
    if (await compare(statement(table, calls), calls.length)) return
    const half = calls.length >> 1
    await together({ table, calls: calls.slice(0, half) })
    await together({ table, calls: calls.slice(half) })
  }
  try {
    for (const [table, columns] of Object.entries(CALL_TABLES)) {
      const calls: string[] = []
      for (let n = 0; n < count; n++) {
        const call = randomCall(columns, random)
        const error = errorOf(await ask(`EXPLAIN FLINK ${statement(table, [call])}`))
        if (error === undefined) calls.push(call)
        else if (REFUSED.test(error)) {
          compared.refused++
          countReason(compared.reasons, error)
        } else compared.failed++
      }
      await inLanes(
        Array.from({ length: Math.ceil(calls.length / CALLS_TOGETHER) }, (_, i) => ({
          table,
          calls: calls.slice(i * CALLS_TOGETHER, (i + 1) * CALLS_TOGETHER),
        })),
        together,
      )
    }
    await inLanes(
      Array.from({ length: count }, (_, i) => (i % 2 === 0 ? randomMeeting(random) : randomGroups(random))),
      async (sql) => void (await compare(sql)),
    )
  } finally {
    await server.close()
  }
}

/** The rows that are on one side only, some of them. */
function firstDifference(ours: readonly string[], theirs: readonly string[]): string {
  const only = (of: readonly string[], others: readonly string[]): string =>
    of
      .filter((line) => !others.includes(line))
      .slice(0, 5)
      .join('\n    ')
  return `  here ${only(ours, theirs)}\n  there ${only(theirs, ours)}`
}

function errorOf(lines: readonly string[]): string | undefined {
  return lines.find((line) => line.startsWith('ERROR'))
}

/** Reasons are counted without what they name. */
function countReason(reasons: Map<string, number>, error: string): void {
  const why = error
    .replace(/\(line \d+, column \d+\)|["'`].*?["'`]|\d+/g, '…')
    .replace(/\s+/g, ' ')
    .slice(0, 160)
  reasons.set(why, (reasons.get(why) ?? 0) + 1)
}

/** Makes the topic that random conditions are about. */
export async function produceRows(hand: KafkaHand, topic: string): Promise<void> {
  await hand.create(topic, { partitions: 3 })
  const records = ROWS.map(({ partition, timestampMs, a, d, s, b, dead }) => ({
    partition,
    key: null,
    value: dead ? null : JSON.stringify({ a, d, s, b }),
    timestamp: timestampMs,
  }))
  await hand.produce(topic, records)
}

/**
 * Random conditions over the records of `topic` (random-conditions.ts), several in a statement: how many records make
 * each true, and how many false. `ask` gives the rows of a statement, or rejects.
 */
export async function compareConditions(
  of: { readonly seed: number; readonly count: number; readonly topic: string },
  ask: (sql: string) => Promise<unknown[]>,
): Promise<Compared> {
  const compared = newCompared()
  const conditions = fc.sample(condition, { seed: of.seed, numRuns: of.count })
  const statement = (some: readonly { readonly sql: string }[]): string =>
    `SELECT ${some
      .map(
        ({ sql }, i) =>
          `COUNT(CASE WHEN ${sql} THEN 1 END) AS t${i}, COUNT(CASE WHEN NOT (${sql}) THEN 1 END) AS f${i}`,
      )
      .join(', ')} FROM \`${of.topic}\``
  const compare = async (some: typeof conditions): Promise<void> => {
    const sql = statement(some)
    const ours = await ask(sql)
    const theirs = await ask(`SET engine = flink; ${sql}`).catch((error: unknown) => String(error))
    if (isDeepStrictEqual(theirs, ours)) compared.same += some.length
    else if (some.length > 1) {
      const half = some.length >> 1
      await compare(some.slice(0, half))
      await compare(some.slice(half))
    } else if (typeof theirs === 'string' && REFUSED.test(theirs)) {
      compared.refused++
      countReason(compared.reasons, theirs)
    } else compared.wrong.push(`${sql}\n  here ${JSON.stringify(ours)}\n  there ${JSON.stringify(theirs)}`)
  }
  const parts = Array.from({ length: Math.ceil(conditions.length / TOGETHER) }, (_, i) =>
    conditions.slice(i * TOGETHER, (i + 1) * TOGETHER),
  )
  await inLanes(parts, compare)
  return compared
}
